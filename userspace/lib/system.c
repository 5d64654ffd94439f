// SPDX-License-Identifier: GPL-2.0-only
/*
 * Talking to the hypervisor: the ioctls that open the device, create a VM and
 * its vCPUs, and run them.
 *
 * Each failure is put in one line that also says what to do, because the errno
 * alone ("Device or resource busy") does not help a beginner.
 *
 * Read next: cpuid.c, which processor a vCPU is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fail.h"
#include "libminivmm.h"

/* kvm_intel without unrestricted guest wants 3 + 1 pages; nobody uses these. */
#define IDENTITY_MAP_GPA	0xfffbc000ULL
#define TSS_GPA			0xfffbd000ULL

#define MAX_CPUID_ENTRIES	4096

static __thread char error_line[512];

const char *vmm_error(void)
{
	return error_line;
}

int vmm_fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error_line, sizeof(error_line), format, args);
	va_end(args);
	return -err;
}

static const char *how_to_load(const char *device)
{
	if (strstr(device, "kvm"))
		return "load kvm_intel (modprobe kvm_intel)";
	return "load the module (insmod module/minivmm.ko)";
}

static int open_failed(const char *device, int err)
{
	switch (err) {
	case ENOENT:
		return vmm_fail(err, "%s does not exist; %s", device,
				how_to_load(device));
	case ENXIO:
	case ENODEV:
		return vmm_fail(err, "no driver behind %s; %s", device,
				how_to_load(device));
	case EACCES:
	case EPERM:
		return vmm_fail(err,
				"no permission to open %s; run as root, or join the group that owns it",
				device);
	default:
		return vmm_fail(err, "cannot open %s: %s; check the path",
				device, strerror(err));
	}
}

int vmm_open(struct vmm *vmm, const char *device)
{
	int size, version, err;

	vmm->device = device;
	vmm->fd = open(device, O_RDWR | O_CLOEXEC);
	if (vmm->fd < 0)
		return open_failed(device, errno);

	version = ioctl(vmm->fd, MINIVMM_GET_API_VERSION, 0);
	if (version < 0) {
		err = vmm_fail(errno,
			       "%s is not a hypervisor's device; give the path of minivmm's or of KVM's",
			       device);
	} else if (version != MINIVMM_API_VERSION) {
		err = vmm_fail(EPROTO,
			       "%s speaks version %d of the ABI, not %d; load a module that fits this program",
			       device, version, MINIVMM_API_VERSION);
	} else if (ioctl(vmm->fd, MINIVMM_CHECK_EXTENSION,
			 MINIVMM_CAP_IMMEDIATE_EXIT) <= 0) {
		err = vmm_fail(EPROTO,
			       "%s lacks immediate_exit, without which a vCPU cannot be stopped safely; use a newer module",
			       device);
	} else {
		size = ioctl(vmm->fd, MINIVMM_GET_VCPU_MMAP_SIZE, 0);
		if (size >= (int)sizeof(struct minivmm_run)) {
			vmm->run_size = size;
			return 0;
		}
		err = vmm_fail(EPROTO,
			       "%s has a vCPU mapping of %d bytes; load a module that fits this program",
			       device, size);
	}
	close(vmm->fd);
	return err;
}

void vmm_close(struct vmm *vmm)
{
	close(vmm->fd);
}

unsigned int vmm_max_vcpus(struct vmm *vmm)
{
	int n = ioctl(vmm->fd, MINIVMM_CHECK_EXTENSION, MINIVMM_CAP_MAX_VCPUS);

	if (n <= 0)
		n = ioctl(vmm->fd, MINIVMM_CHECK_EXTENSION,
			  MINIVMM_CAP_NR_VCPUS);
	/* A device that answers neither is documented to allow four. */
	return n > 0 ? n : 4;
}

static int create_vm_failed(const char *device, int err)
{
	if (err == EBUSY)
		return vmm_fail(err,
				"%s: another hypervisor holds VT-x; stop its VMs or unload it (dmesg names it)",
				device);
	return vmm_fail(err, "%s cannot create a VM: %s; run minivmm-run --check and read dmesg",
			device, strerror(err));
}

int vmm_vm_create(struct vmm_vm *vm, struct vmm *vmm)
{
	__u64 identity_map = IDENTITY_MAP_GPA;
	int err;

	vm->vmm = vmm;
	vm->cpus = 1;
	vm->irqchip = false;
	vm->fd = ioctl(vmm->fd, MINIVMM_CREATE_VM, 0);
	if (vm->fd < 0)
		return create_vm_failed(vmm->device, errno);

	if (ioctl(vm->fd, MINIVMM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0 ||
	    ioctl(vm->fd, MINIVMM_SET_TSS_ADDR, TSS_GPA) < 0) {
		err = vmm_fail(errno, "%s cannot place its own pages in the VM: %s; read dmesg",
			       vmm->device, strerror(errno));
		close(vm->fd);
		return err;
	}
	return 0;
}

int vmm_vm_create_irqchip(struct vmm_vm *vm)
{
	struct minivmm_pit_config pit = { .flags = MINIVMM_PIT_SPEAKER_DUMMY };

	if (ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0) < 0)
		return vmm_fail(errno,
				"%s cannot give a VM interrupt controllers: %s; use a newer module",
				vm->vmm->device, strerror(errno));
	if (ioctl(vm->fd, MINIVMM_CREATE_PIT2, &pit) < 0)
		return vmm_fail(errno, "%s cannot give a VM a timer: %s; use a newer module",
				vm->vmm->device, strerror(errno));
	vm->irqchip = true;
	return 0;
}

int vmm_vm_irq_line(struct vmm_vm *vm, unsigned int irq, bool level)
{
	struct minivmm_irq_level line = { .irq = irq, .level = level };

	if (ioctl(vm->fd, MINIVMM_IRQ_LINE, &line) < 0)
		return vmm_fail(errno, "interrupt line %u was refused: %s; read dmesg",
				irq, strerror(errno));
	return 0;
}

void vmm_vm_destroy(struct vmm_vm *vm)
{
	close(vm->fd);
}

int vmm_vm_add_memory(struct vmm_vm *vm, __u32 slot, __u64 gpa, void *hva,
		      __u64 size, __u32 flags)
{
	struct minivmm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (unsigned long)hva,
	};

	if (ioctl(vm->fd, MINIVMM_SET_USER_MEMORY_REGION, &region) < 0)
		return vmm_fail(errno,
				"memory slot %u (0x%llx bytes at 0x%llx) was refused: %s; check overlap, alignment and flags",
				slot, size, gpa, strerror(errno));
	return 0;
}

/* The device tells by E2BIG that there are more entries than room. */
static struct minivmm_cpuid2 *supported_cpuid(struct vmm *vmm)
{
	struct minivmm_cpuid2 *cpuid = NULL;
	unsigned int nent;

	for (nent = 64; nent <= MAX_CPUID_ENTRIES; nent *= 2) {
		free(cpuid);
		cpuid = calloc(1, sizeof(*cpuid) + (nent + VMM_CPUID_ADDED) *
				  sizeof(cpuid->entries[0]));
		if (!cpuid)
			return NULL;
		cpuid->nent = nent;
		if (!ioctl(vmm->fd, MINIVMM_GET_SUPPORTED_CPUID, cpuid))
			return cpuid;
		if (errno != E2BIG)
			break;
	}
	free(cpuid);
	return NULL;
}

static bool has_deadline_timer(struct vmm_vm *vm)
{
	return vm->irqchip && ioctl(vm->vmm->fd, MINIVMM_CHECK_EXTENSION,
				    MINIVMM_CAP_TSC_DEADLINE_TIMER) > 0;
}

static int set_cpuid(struct vmm_vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = supported_cpuid(vcpu->vm->vmm);
	int err = 0;

	if (!cpuid)
		return vmm_fail(errno, "%s does not say which CPUID it supports: %s; read dmesg",
				vcpu->vm->vmm->device, strerror(errno));

	vmm_cpuid_for_vcpu(cpuid, vcpu->id, vcpu->vm->cpus,
			   has_deadline_timer(vcpu->vm));
	if (ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid) < 0)
		err = vmm_fail(errno, "vCPU %u: CPUID was refused: %s; read dmesg",
			       vcpu->id, strerror(errno));
	free(cpuid);
	return err;
}

int vmm_vcpu_create(struct vmm_vcpu *vcpu, struct vmm_vm *vm, unsigned int id)
{
	int err;

	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->fd = ioctl(vm->fd, MINIVMM_CREATE_VCPU, (unsigned long)id);
	if (vcpu->fd < 0)
		return vmm_fail(errno, "%s cannot create vCPU %u: %s; read dmesg",
				vm->vmm->device, id, strerror(errno));

	vcpu->run = mmap(NULL, vm->vmm->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		err = vmm_fail(errno, "cannot map vCPU %u: %s; free some memory",
			       id, strerror(errno));
		close(vcpu->fd);
		return err;
	}
	err = set_cpuid(vcpu);
	if (err)
		vmm_vcpu_destroy(vcpu);
	return err;
}

void vmm_vcpu_destroy(struct vmm_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->vm->vmm->run_size);
	close(vcpu->fd);
}

int vmm_vcpu_run(struct vmm_vcpu *vcpu)
{
	if (!ioctl(vcpu->fd, MINIVMM_RUN, 0))
		return 0;
	if (errno == EINTR || errno == EAGAIN) {
		__atomic_store_n(&vcpu->run->immediate_exit, 0,
				 __ATOMIC_SEQ_CST);
		return -EINTR;
	}
	return vmm_fail(errno, "vCPU %u cannot run: %s; read dmesg", vcpu->id,
			strerror(errno));
}

void vmm_vcpu_kick(struct vmm_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

void *vmm_io_data(struct minivmm_run *run)
{
	return (char *)run + run->io.data_offset;
}
