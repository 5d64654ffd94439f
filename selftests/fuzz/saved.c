// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file that --restore is given: nearly what --save writes, or anything. What
 * must hold: it is refused with one line, or its parts are in the machine; a
 * part is never larger than it says, and no page lands outside of memory.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "launch_host.h"
#include "run/machine.h"
#include "run/save.h"

#define MEMORY		(1 << 20)
#define GUARD		4096

static struct options options;
static struct machine machine;
static u8 bytes[8192];
static size_t length;

/* The hypervisor's parts: all of what is given is read, and kept nowhere. */
static void look_at(const void *data, size_t size)
{
	const u8 *byte = data;
	volatile u8 last;

	while (size--)
		last = *byte++;
	(void)last;
}

int vmm_vm_save(struct vmm_vm *vm, vmm_put_state put, void *context)
{
	u8 data[64] = { 0 };

	(void)vm;
	return put(context, VMM_STATE_PIT, 0, data, sizeof(data));
}

int vmm_vcpu_save(struct vmm_vcpu *vcpu, vmm_put_state put, void *context)
{
	u8 data[128] = { 0 };

	return put(context, VMM_STATE_REGS, vcpu->id, data, sizeof(data));
}

int vmm_vm_restore(struct vmm_vm *vm, __u32 kind, const void *data,
		   size_t size)
{
	MUST(vm == &machine.vm && kind < VMM_STATE_SREGS);
	look_at(data, size);
	return 0;
}

int vmm_vcpu_restore(struct vmm_vcpu *vcpu, __u32 kind, const void *data,
		     size_t size)
{
	MUST(vcpu >= &machine.cpus[0].vcpu && vcpu <= &machine.cpus[1].vcpu);
	MUST(kind >= VMM_STATE_SREGS && kind < VMM_STATE_CLIENT);
	look_at(data, size);
	return 0;
}

static void append(const void *data, size_t size)
{
	MUST(length + size <= sizeof(bytes));
	memcpy(bytes + length, data, size);
	length += size;
}

static void append_part(u32 kind, u32 index, u64 said, u64 size)
{
	u64 head[2] = { kind | (u64)index << 32, said };
	u8 data[4096] = { 0 };

	append(head, sizeof(head));
	append(data, size);
}

/* Kinds, numbers and sizes that are right, and some that are not. */
static void write_parts(struct input *in)
{
	static const u32 kinds[] = {
		VMM_STATE_PIT, VMM_STATE_SREGS, VMM_STATE_MSRS, 64, 65, 66, 67,
		68, 69,
	};
	static const u16 sizes[] = {
		0, 1, 16, 128, 4096, sizeof(struct serial),
		sizeof(struct cmos), sizeof(struct power),
	};

	append("minivmm1", 8);
	append(&(u64){ MEMORY }, 8);
	append(&(u64){ 2 }, 8);
	while (in->left && length < 3000) {
		u32 kind = kinds[take(in, 1) % ARRAY_SIZE(kinds)];
		u64 size = sizes[take(in, 1) % ARRAY_SIZE(sizes)], said = size;
		u32 index = take(in, 1);

		if (index & 0x80)
			index = take(in, 4);
		if (index & 0x40)
			said = take(in, 8);
		append_part(kind, index, said, size);
	}
	append_part(68, 0, 0, 0);
}

static void create(void)
{
	static u8 *space;

	if (!space) {
		space = mmap(NULL, MEMORY + GUARD, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(space != MAP_FAILED);
		MUST(!mprotect(space + MEMORY, GUARD, PROT_NONE));
	}
	memset(&machine, 0, sizeof(machine));
	machine.options = &options;
	machine.memory = space;
	machine.cpus = calloc(2, sizeof(*machine.cpus));
	MUST(machine.cpus);
}

/* A refusal does not return from here; what it leaves open is closed below. */
static void restore(void)
{
	if (setjmp(launch_end))
		return;
	restore_options(&options);
	MUST(options_fit_kernel(options.memory, options.cpus));
	if (options.memory != MEMORY || options.cpus != 2)
		return;
	restore_machine(&machine);
	MUST(machine.serial.count <= SERIAL_FIFO_SIZE);
	MUST(machine.serial.head < SERIAL_FIFO_SIZE);
	MUST(machine.cmos.index < CMOS_SIZE);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	static char path[32];
	int fd;

	length = 0;
	if (take(&in, 1) % 8)
		write_parts(&in);
	else
		append(in.data, in.left < sizeof(bytes) ? in.left : 0);
	create();
	fd = memfd_create("saved", MFD_CLOEXEC);
	MUST(fd >= 0);
	MUST(write(fd, bytes, length) == (ssize_t)length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&options, 0, sizeof(options));
	options.restore = path;
	options.device = "device";
	restore();
	free(machine.cpus);
	close_range(fd, ~0u, 0);
	return 0;
}
