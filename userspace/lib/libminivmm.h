/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libminivmm: a thin client library for /dev/minivmm (and /dev/kvm, whose ABI
 * is the same).
 *
 * It takes the chores off a client and hides nothing: the structures hold the
 * plain file descriptors and mappings, and a client is free to call ioctl() on
 * them itself. The order of a client's life is the order of this file: open
 * the device, create a VM, give it memory, create vCPUs, set their start
 * state, run them, and look at why they came back.
 *
 * Functions that return int return 0, or a negative errno; vmm_error() then
 * has one line that says what happened and what to do about it.
 *
 * Read next: system.c, then cpuid.c, start.c, words.c and registers.c.
 */
#ifndef LIBMINIVMM_H
#define LIBMINIVMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/minivmm.h>

#define VMM_DEFAULT_DEVICE	"/dev/minivmm"

/**
 * struct vmm - an open hypervisor device
 * @device: its path, for messages
 * @fd: the system fd
 * @run_size: bytes to map from each vCPU fd
 */
struct vmm {
	const char *device;
	int fd;
	size_t run_size;
};

/**
 * struct vmm_vm - a virtual machine
 * @vmm: the device that it belongs to
 * @fd: the VM fd
 * @cpus: how many vCPUs it is to have; CPUID tells the guest. 1 if not changed
 * @irqchip: it has interrupt controllers
 */
struct vmm_vm {
	struct vmm *vmm;
	int fd;
	unsigned int cpus;
	bool irqchip;
};

/**
 * struct vmm_vcpu - a virtual CPU
 * @vm: the VM that it belongs to
 * @fd: the vCPU fd
 * @id: its number
 * @run: the mapping shared with the hypervisor
 */
struct vmm_vcpu {
	struct vmm_vm *vm;
	int fd;
	unsigned int id;
	struct minivmm_run *run;
};

/**
 * enum vmm_mode - the mode in which a vCPU starts
 * @VMM_MODE_16: real mode
 * @VMM_MODE_32: protected mode, flat segments, no paging
 * @VMM_MODE_64: long mode, the first 4 GiB mapped one to one
 */
enum vmm_mode {
	VMM_MODE_16 = 16,
	VMM_MODE_32 = 32,
	VMM_MODE_64 = 64,
};

/**
 * struct vmm_start - where and how a vCPU starts
 * @mode: processor mode
 * @boot: as boot protocols for operating systems have it: CS 0x10, the other
 *        segments 0x18, x87 and SSE left off; not for 16-bit mode
 * @entry: gpa of the first instruction
 * @stack: RSP
 * @rbx: as PVH wants it
 * @rdi: first argument, as the 64-bit C calling convention has it
 * @rsi: second argument
 * @rdx: third argument
 */
struct vmm_start {
	enum vmm_mode mode;
	bool boot;
	__u64 entry;
	__u64 stack;
	__u64 rbx;
	__u64 rdi, rsi, rdx;
};

/* gpas that vmm_write_tables() fills: GDTs, then PML4, PDPT and four PDs. */
#define VMM_GDT_GPA		0x1000
#define VMM_BOOT_GDT_GPA	0x1100
#define VMM_PML4_GPA		0x2000
#define VMM_PDPT_GPA		0x3000
#define VMM_PD_GPA		0x4000
#define VMM_TABLES_END_32	0x2000
#define VMM_TABLES_END_64	0x8000

/**
 * vmm_error - what went wrong in this thread's last call that failed
 *
 * Return: one line without a newline: what happened; what to do
 */
const char *vmm_error(void);

/**
 * vmm_open - open a hypervisor device and check that it speaks the ABI
 * @vmm: filled in
 * @device: path, for instance VMM_DEFAULT_DEVICE; must outlive @vmm
 *
 * Return: 0 or a negative errno
 */
int vmm_open(struct vmm *vmm, const char *device);

/**
 * vmm_close - close the device; VMs that are still open stay alive
 * @vmm: from vmm_open()
 */
void vmm_close(struct vmm *vmm);

/**
 * vmm_max_vcpus - how many vCPUs a VM may have
 * @vmm: from vmm_open()
 */
unsigned int vmm_max_vcpus(struct vmm *vmm);

/**
 * vmm_vm_create - create a VM without memory or vCPUs
 * @vm: filled in
 * @vmm: from vmm_open(); must outlive @vm
 *
 * The pages that kvm_intel needs on processors without unrestricted guest are
 * put just below 4 GiB.
 *
 * Return: 0 or a negative errno
 */
int vmm_vm_create(struct vmm_vm *vm, struct vmm *vmm);

/**
 * vmm_vm_create_irqchip - give a VM interrupt controllers and a timer
 * @vm: from vmm_vm_create(); without vCPUs yet
 *
 * A pair of 8259s, an I/O APIC, a local APIC in each vCPU, and an 8254. From
 * then on a vCPU that halts waits in the hypervisor, and all but vCPU 0 wait
 * there for the guest to start them.
 *
 * Return: 0 or a negative errno
 */
int vmm_vm_create_irqchip(struct vmm_vm *vm);

/**
 * vmm_vm_irq_line - set the level of an interrupt line
 * @vm: with interrupt controllers
 * @irq: its number
 * @level: high or low
 *
 * Return: 0 or a negative errno
 */
int vmm_vm_irq_line(struct vmm_vm *vm, unsigned int irq, bool level);

/**
 * vmm_vm_destroy - close the VM fd
 * @vm: from vmm_vm_create(); its vCPUs should have been destroyed
 */
void vmm_vm_destroy(struct vmm_vm *vm);

/**
 * vmm_vm_add_memory - let guest physical addresses be this process's memory
 * @vm: from vmm_vm_create()
 * @slot: number of the memory slot
 * @gpa: first guest physical address, a multiple of 4096
 * @hva: the memory, aligned to 4096; it stays the caller's
 * @size: bytes, a multiple of 4096; 0 deletes the slot
 * @flags: MINIVMM_MEM_* bits
 *
 * Return: 0 or a negative errno
 */
int vmm_vm_add_memory(struct vmm_vm *vm, __u32 slot, __u64 gpa, void *hva,
		      __u64 size, __u32 flags);

/**
 * vmm_vcpu_create - create a vCPU, map its struct minivmm_run, give it a CPUID
 * @vcpu: filled in
 * @vm: from vmm_vm_create(); must outlive @vcpu
 * @id: its number, also its APIC id
 *
 * The CPUID is all that the device supports, as vmm_cpuid_for_vcpu() makes it
 * this vCPU's.
 *
 * Return: 0 or a negative errno
 */
int vmm_vcpu_create(struct vmm_vcpu *vcpu, struct vmm_vm *vm, unsigned int id);

/* Leaves of CPUID that vmm_cpuid_for_vcpu() may add. */
#define VMM_CPUID_ADDED		2

/**
 * vmm_cpuid_for_vcpu - make what a device supports one vCPU's own CPUID
 * @cpuid: from MINIVMM_GET_SUPPORTED_CPUID, with room for VMM_CPUID_ADDED more
 * @id: the vCPU's number, also its APIC id
 * @cpus: how many there are: cores of one package, one thread each
 * @deadline_timer: its local APIC has a timer with a TSC deadline
 */
void vmm_cpuid_for_vcpu(struct minivmm_cpuid2 *cpuid, unsigned int id,
			unsigned int cpus, bool deadline_timer);

/**
 * vmm_vcpu_destroy - unmap and close a vCPU
 * @vcpu: from vmm_vcpu_create(); not running
 */
void vmm_vcpu_destroy(struct vmm_vcpu *vcpu);

/**
 * vmm_write_tables - write the GDT and the page tables that a mode starts with
 * @memory: guest memory from gpa 0 on
 * @mode: nothing is written for 16-bit mode, a GDT for 32-bit mode, a GDT and
 *        page tables for 64-bit mode
 *
 * @memory must reach VMM_TABLES_END_32 or VMM_TABLES_END_64. All vCPUs of a VM
 * share the tables.
 */
void vmm_write_tables(void *memory, enum vmm_mode mode);

/**
 * vmm_vcpu_start_state - set all registers for a start
 * @vcpu: from vmm_vcpu_create()
 * @start: where and how; vmm_write_tables() was called for the same mode
 *
 * Registers that @start does not name are zero; interrupts are off.
 *
 * Return: 0 or a negative errno
 */
int vmm_vcpu_start_state(struct vmm_vcpu *vcpu, const struct vmm_start *start);

/**
 * vmm_vcpu_run - run until the next exit that user space must handle
 * @vcpu: from vmm_vcpu_create()
 *
 * Return: 0 (vcpu->run says why), -EINTR (a signal or vmm_vcpu_kick()), or
 * another negative errno. After -EINTR look at what you may have been kicked
 * for before running again: the kick itself is used up.
 */
int vmm_vcpu_run(struct vmm_vcpu *vcpu);

/**
 * vmm_vcpu_kick - make the current or the next vmm_vcpu_run() return -EINTR
 * @vcpu: may be running in another thread
 *
 * The caller must then send a signal with a handler to that thread: only the
 * two together leave no moment in which the kick is lost.
 */
void vmm_vcpu_kick(struct vmm_vcpu *vcpu);

/* The parts of a saved state. They are in files, so the numbers stay. */
enum vmm_state {
	VMM_STATE_CLOCK = 1,
	VMM_STATE_IRQCHIP,
	VMM_STATE_PIT,
	VMM_STATE_SREGS = 16,
	VMM_STATE_FPU,
	VMM_STATE_XCRS,
	VMM_STATE_XSAVE,
	VMM_STATE_LAPIC,
	VMM_STATE_MSRS,
	VMM_STATE_EVENTS,
	VMM_STATE_DEBUGREGS,
	VMM_STATE_REGS,
	VMM_STATE_MP_STATE,
	VMM_STATE_CLIENT = 64,	/* from here on a client's own */
};

/* Takes one part of a state; returns 0, or a negative errno to stop. */
typedef int (*vmm_put_state)(void *context, __u32 kind, __u32 index,
			     const void *data, size_t size);

/**
 * vmm_vm_save - take out what belongs to a VM as a whole
 * @vm: with interrupt controllers; none of its vCPUs is running
 * @put: called for each part
 * @context: argument of @put
 *
 * Return: 0 or a negative errno
 */
int vmm_vm_save(struct vmm_vm *vm, vmm_put_state put, void *context);

/**
 * vmm_vcpu_save - take out a vCPU's state
 * @vcpu: not running, and with no exit left to complete
 * @put: called for each part
 * @context: argument of @put
 *
 * Return: 0 or a negative errno
 */
int vmm_vcpu_save(struct vmm_vcpu *vcpu, vmm_put_state put, void *context);

/**
 * vmm_vm_restore - put one part back; in the order in which they were taken out
 * @vm: made as the one that was saved
 * @kind: a part below VMM_STATE_SREGS
 * @data: its contents
 * @size: bytes
 *
 * Return: 0 or a negative errno
 */
int vmm_vm_restore(struct vmm_vm *vm, __u32 kind, const void *data,
		   size_t size);

/**
 * vmm_vcpu_restore - put one part of a vCPU's state back
 * @vcpu: never run
 * @kind: a part from VMM_STATE_SREGS on
 * @data: its contents
 * @size: bytes
 *
 * Return: 0 or a negative errno
 */
int vmm_vcpu_restore(struct vmm_vcpu *vcpu, __u32 kind, const void *data,
		     size_t size);

/**
 * vmm_io_data - where the data of a port access is
 * @run: with exit_reason MINIVMM_EXIT_IO
 *
 * Return: run->io.count items of run->io.size bytes
 */
void *vmm_io_data(struct minivmm_run *run);

/* Bytes that hold the longest line of vmm_exit_words(). */
#define VMM_WORDS_SIZE		640

/**
 * vmm_exit_words - put an exit in words
 * @run: the exit; answers to reads must already be in it to be shown
 * @buf: filled with one line, without a newline
 * @size: bytes in @buf
 */
void vmm_exit_words(struct minivmm_run *run, char *buf, size_t size);

/**
 * vmm_vm_exit_name - name of a basic VM-exit reason
 * @reason: bits 15:0 of the VMCS field
 *
 * Return: its name in the SDM, or NULL
 */
const char *vmm_vm_exit_name(unsigned int reason);

/**
 * vmm_instruction_error_name - name of a VM-instruction error
 * @error: the VMCS field
 *
 * Return: its description, or NULL
 */
const char *vmm_instruction_error_name(unsigned int error);

/**
 * vmm_dump_registers - write a vCPU's registers, several lines
 * @vcpu: not running
 * @file: where to
 *
 * Return: 0 or a negative errno
 */
int vmm_dump_registers(struct vmm_vcpu *vcpu, FILE *file);

#endif /* LIBMINIVMM_H */
