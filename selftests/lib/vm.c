// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual machines for tests: creating, filling and running them.
 *
 * How a guest's modes are laid out is in mode.c; read that next.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

int device_open(void)
{
	int fd = open(device_path(), O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0, "cannot open %s: %s", device_path(), strerror(errno));
	return fd;
}

int device_capability(unsigned int capability)
{
	int fd = device_open();
	int answer = ioctl(fd, MINIVMM_CHECK_EXTENSION, capability);

	ASSERT(answer >= 0, "CHECK_EXTENSION %u failed: %s", capability, strerror(errno));
	close(fd);
	return answer;
}

struct minivmm_cpuid2 *device_cpuid(void)
{
	const unsigned int room = 256;
	struct minivmm_cpuid2 *cpuid;
	int fd = device_open();

	cpuid = calloc(1, sizeof(*cpuid) + room * sizeof(cpuid->entries[0]));
	ASSERT_TRUE(cpuid);
	cpuid->nent = room;
	ASSERT_OK(ioctl(fd, MINIVMM_GET_SUPPORTED_CPUID, cpuid));
	close(fd);
	return cpuid;
}

struct minivmm_cpuid_entry2 *cpuid_entry(struct minivmm_cpuid2 *cpuid,
					 uint32_t function, uint32_t index)
{
	for (struct minivmm_cpuid_entry2 *e = cpuid->entries;
	     e < cpuid->entries + cpuid->nent; e++) {
		if (e->function != function)
			continue;
		if (e->index == index || !(e->flags & MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX))
			return e;
	}
	return NULL;
}

struct vm *vm_create(void)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int device = device_open();

	ASSERT_TRUE(vm);
	vm->fd = ioctl(device, MINIVMM_CREATE_VM, 0);
	ASSERT(vm->fd >= 0, "CREATE_VM failed: %s", strerror(errno));
	close(device);
	return vm;
}

void vm_free(struct vm *vm)
{
	close(vm->fd);
	for (unsigned int i = 0; i < vm->nr_slots; i++)
		munmap(vm->slots[i].hva, vm->slots[i].size);
	free(vm);
}

int vm_set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		uint64_t size, const void *hva)
{
	struct minivmm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	return ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, &region);
}

void *vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size)
{
	struct vm_slot *slot = &vm->slots[vm->nr_slots];

	ASSERT_TRUE(vm->nr_slots < sizeof(vm->slots) / sizeof(vm->slots[0]));
	slot->gpa = gpa;
	slot->size = size;
	slot->hva = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(slot->hva != MAP_FAILED, "no memory for the guest: %s", strerror(errno));
	ASSERT_OK(vm_set_slot(vm, vm->nr_slots, 0, gpa, size, slot->hva));
	vm->nr_slots++;
	return slot->hva;
}

void *vm_at(struct vm *vm, uint64_t gpa)
{
	for (unsigned int i = 0; i < vm->nr_slots; i++) {
		struct vm_slot *slot = &vm->slots[i];

		if (gpa >= slot->gpa && gpa - slot->gpa < slot->size)
			return slot->hva + (gpa - slot->gpa);
	}
	ASSERT(false, "the test asks for gpa %#llx, where it has no memory",
	       (unsigned long long)gpa);
	return NULL;
}

void vm_write(struct vm *vm, uint64_t gpa, const void *data, size_t size)
{
	uint8_t *to = vm_at(vm, gpa);

	ASSERT_TRUE(!size || (uint8_t *)vm_at(vm, gpa + size - 1) == to + size - 1);
	memcpy(to, data, size);
}

struct vcpu *vcpu_create(struct vm *vm, unsigned int id)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int device = device_open();

	ASSERT_TRUE(vcpu);
	vcpu->vm = vm;
	vcpu->fd = ioctl(vm->fd, MINIVMM_CREATE_VCPU, id);
	ASSERT(vcpu->fd >= 0, "CREATE_VCPU %u failed: %s", id, strerror(errno));
	vcpu->run_size = ioctl(device, MINIVMM_GET_VCPU_MMAP_SIZE, 0);
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	ASSERT(vcpu->run != MAP_FAILED, "mmap of the vCPU failed: %s", strerror(errno));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	free(cpuid);
	close(device);
	return vcpu;
}

void vcpu_free(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	free(vcpu);
}

struct vcpu *guest_create(enum guest_mode mode, const void *code, size_t size)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	vm_add_memory(vm, 0, GUEST_MEMORY);
	vm_write(vm, GUEST_CODE, code, size);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, mode);
	return vcpu;
}

void guest_free(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	vcpu_free(vcpu);
	vm_free(vm);
}

struct minivmm_regs vcpu_regs(struct vcpu *vcpu)
{
	struct minivmm_regs regs = { 0 };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_REGS, &regs));
	return regs;
}

void vcpu_set_regs(struct vcpu *vcpu, const struct minivmm_regs *regs)
{
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_REGS, regs));
}

struct minivmm_sregs vcpu_sregs(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs = { 0 };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_SREGS, &sregs));
	return sregs;
}

void vcpu_set_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs)
{
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_SREGS, sregs));
}

static int one_msr(struct vcpu *vcpu, unsigned long request, uint32_t index, uint64_t *value)
{
	struct {
		struct minivmm_msrs head;
		struct minivmm_msr_entry entry;
	} msrs = {
		.head.nmsrs = 1,
		.entry = { .index = index, .data = *value },
	};
	int done = ioctl(vcpu->fd, request, &msrs);

	ASSERT(done >= 0, "MSR %#x: %s", index, strerror(errno));
	*value = msrs.entry.data;
	return done;
}

int vcpu_get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = 0;
	return one_msr(vcpu, MINIVMM_GET_MSRS, index, value);
}

int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	return one_msr(vcpu, MINIVMM_SET_MSRS, index, &value);
}

int vcpu_run(struct vcpu *vcpu)
{
	return ioctl(vcpu->fd, MINIVMM_RUN, 0);
}

void vcpu_run_to(struct vcpu *vcpu, uint32_t exit_reason)
{
	int result = vcpu_run(vcpu);

	if (result) {
		int error = errno;

		vcpu_explain(vcpu);
		ASSERT(false, "RUN failed: %s, expected %s", strerror(error),
		       exit_name(exit_reason));
	}
	if (vcpu->run->exit_reason != exit_reason) {
		vcpu_explain(vcpu);
		ASSERT(false, "RUN ended with %s, expected %s",
		       exit_name(vcpu->run->exit_reason), exit_name(exit_reason));
	}
}

void *vcpu_io_data(struct vcpu *vcpu)
{
	return (uint8_t *)vcpu->run + vcpu->run->io.data_offset;
}

GUEST64(exits_for_ever, "1: out %eax, $0x10\n jmp 1b\n");

bool exits_are_slow(void)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, exits_for_ever);
	struct timespec start, end;
	int64_t ns;

	vcpu_run_to_out(vcpu, 0x10);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned int i = 0; i < 20; i++)
		vcpu_run_to_out(vcpu, 0x10);
	clock_gettime(CLOCK_MONOTONIC, &end);
	guest_free(vcpu);
	ns = (end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec;
	return ns > 20 * 250000;
}

uint32_t vcpu_run_to_out(struct vcpu *vcpu, uint16_t port)
{
	struct minivmm_run *run = vcpu->run;
	uint32_t value = 0;

	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	if (run->io.direction != MINIVMM_EXIT_IO_OUT || run->io.port != port ||
	    run->io.count != 1) {
		vcpu_explain(vcpu);
		ASSERT(false, "expected one OUT to port %#x", port);
	}
	memcpy(&value, vcpu_io_data(vcpu), run->io.size);
	return value;
}

const char *exit_name(uint32_t exit_reason)
{
	static const char * const names[] = {
		[MINIVMM_EXIT_UNKNOWN] = "EXIT_UNKNOWN",
		[MINIVMM_EXIT_EXCEPTION] = "EXIT_EXCEPTION",
		[MINIVMM_EXIT_IO] = "EXIT_IO",
		[MINIVMM_EXIT_HYPERCALL] = "EXIT_HYPERCALL",
		[MINIVMM_EXIT_DEBUG] = "EXIT_DEBUG",
		[MINIVMM_EXIT_HLT] = "EXIT_HLT",
		[MINIVMM_EXIT_MMIO] = "EXIT_MMIO",
		[MINIVMM_EXIT_IRQ_WINDOW_OPEN] = "EXIT_IRQ_WINDOW_OPEN",
		[MINIVMM_EXIT_SHUTDOWN] = "EXIT_SHUTDOWN",
		[MINIVMM_EXIT_FAIL_ENTRY] = "EXIT_FAIL_ENTRY",
		[MINIVMM_EXIT_INTR] = "EXIT_INTR",
		[MINIVMM_EXIT_SET_TPR] = "EXIT_SET_TPR",
		[MINIVMM_EXIT_INTERNAL_ERROR] = "EXIT_INTERNAL_ERROR",
	};

	if (exit_reason < sizeof(names) / sizeof(names[0]) && names[exit_reason])
		return names[exit_reason];
	return "an exit that no test expects";
}

static void explain_exit(const struct minivmm_run *run)
{
	unsigned long long bytes = 0;

	switch (run->exit_reason) {
	case MINIVMM_EXIT_IO:
		ktap_note("%s port %#x, %u bytes, %u times",
			  run->io.direction == MINIVMM_EXIT_IO_OUT ? "OUT to" : "IN from",
			  run->io.port, run->io.size, run->io.count);
		break;
	case MINIVMM_EXIT_MMIO:
		memcpy(&bytes, run->mmio.data, sizeof(bytes));
		ktap_note("MMIO %s of %u bytes at %#llx, data %#llx",
			  run->mmio.is_write ? "write" : "read", run->mmio.len,
			  (unsigned long long)run->mmio.phys_addr, bytes);
		break;
	case MINIVMM_EXIT_FAIL_ENTRY:
		ktap_note("VM entry failed, reason %#llx on CPU %u",
			  (unsigned long long)run->fail_entry.hardware_entry_failure_reason,
			  run->fail_entry.cpu);
		break;
	case MINIVMM_EXIT_INTERNAL_ERROR:
		ktap_note("internal error %u, %u data: %#llx %#llx %#llx %#llx",
			  run->internal.suberror, run->internal.ndata,
			  (unsigned long long)run->internal.data[0],
			  (unsigned long long)run->internal.data[1],
			  (unsigned long long)run->internal.data[2],
			  (unsigned long long)run->internal.data[3]);
		break;
	}
}

void vcpu_explain(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs = { 0 };
	struct minivmm_regs r = { 0 };

	ktap_note("%s", exit_name(vcpu->run->exit_reason));
	explain_exit(vcpu->run);
	if (ioctl(vcpu->fd, MINIVMM_GET_REGS, &r) || ioctl(vcpu->fd, MINIVMM_GET_SREGS, &sregs))
		return;
	ktap_note("rax=%llx rbx=%llx rcx=%llx rdx=%llx rsi=%llx rdi=%llx rsp=%llx",
		  r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rsp);
	ktap_note("cs=%x:%llx rip=%llx rflags=%llx cr0=%llx cr2=%llx cr3=%llx cr4=%llx efer=%llx",
		  sregs.cs.selector, sregs.cs.base, r.rip, r.rflags, sregs.cr0, sregs.cr2,
		  sregs.cr3, sregs.cr4, sregs.efer);
}
