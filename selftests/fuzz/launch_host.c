// SPDX-License-Identifier: GPL-2.0-only
/*
 * See launch_host.h. The names are those of userspace/run/message.c, of
 * userspace/lib/system.c and, by the linker's --wrap, of ioctl().
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "launch_host.h"
#include "run/machine.h"
#include "run/message.h"

#define MAX_CPUS	4

jmp_buf launch_end;
struct minivmm_regs launch_regs;
struct minivmm_sregs launch_sregs;

/* A launcher that ends leaves its memory to exit(), which there is none of here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* Every message is one line, whatever the user has typed. */
static void check_message(const char *format, va_list args)
{
	char line[1024];

	if (vsnprintf(line, sizeof(line), format, args) <= 0 || !line[0])
		abort();
}

void print_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	check_message(format, args);
	va_end(args);
}

void fatal_err(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	check_message(format, args);
	va_end(args);
	longjmp(launch_end, 1);
}

void message_output(unsigned char last)
{
	(void)last;
}

int vmm_fail(int err, const char *format, ...)
{
	(void)format;
	return -err;
}

const char *vmm_error(void)
{
	return "no error";
}

int vmm_open(struct vmm *vmm, const char *device)
{
	vmm->device = device;
	return 0;
}

void vmm_close(struct vmm *vmm)
{
	(void)vmm;
}

unsigned int vmm_max_vcpus(struct vmm *vmm)
{
	(void)vmm;
	return MAX_CPUS;
}

int vmm_vm_create(struct vmm_vm *vm, struct vmm *vmm)
{
	vm->vmm = vmm;
	return 0;
}

int vmm_vm_create_irqchip(struct vmm_vm *vm)
{
	vm->irqchip = true;
	return 0;
}

int vmm_vm_irq_line(struct vmm_vm *vm, unsigned int irq, bool level)
{
	(void)irq;
	(void)level;
	return vm->irqchip ? 0 : -1;
}

void vmm_vm_destroy(struct vmm_vm *vm)
{
	(void)vm;
}

int vmm_vm_add_memory(struct vmm_vm *vm, __u32 slot, __u64 gpa, void *hva,
		      __u64 size, __u32 flags)
{
	(void)vm;
	(void)flags;
	if (slot || gpa || (unsigned long)hva % 4096 || size % 4096 || !size)
		abort();
	return 0;
}

int vmm_vcpu_create(struct vmm_vcpu *vcpu, struct vmm_vm *vm, unsigned int id)
{
	vcpu->vm = vm;
	vcpu->id = id;
	return 0;
}

void vmm_vcpu_destroy(struct vmm_vcpu *vcpu)
{
	(void)vcpu;
}

void vmm_vcpu_kick(struct vmm_vcpu *vcpu)
{
	(void)vcpu;
}

void *cpu_run(void *cpu)
{
	return cpu;
}

int __wrap_ioctl(int fd, unsigned long request, void *argument);

int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	(void)fd;
	switch (request) {
	case MINIVMM_GET_SREGS:
		memset(argument, 0, sizeof(launch_sregs));
		return 0;
	case MINIVMM_SET_SREGS:
		memcpy(&launch_sregs, argument, sizeof(launch_sregs));
		return 0;
	case MINIVMM_SET_REGS:
		memcpy(&launch_regs, argument, sizeof(launch_regs));
		return 0;
	}
	abort();
}
