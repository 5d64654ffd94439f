/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions and interrupts seen by the guest itself: a handler for every
 * vector, which writes down what it was given and halts.
 *
 *	trap_install(vcpu);
 *	trap = trap_expect(vcpu, 14, 2);	run; the guest takes #PF, error 2
 *	EXPECT_EQ(0x123000, trap->cr2);
 *	vcpu_run(vcpu);				the handler returns (IRET)
 *
 * The stubs are at TRAP_STUBS, one per vector, the common part at TRAP_ENTRY,
 * what it wrote at TRAP_RECORD: a guest's code has 4 KiB, not more.
 *
 * SDM Vol. 3, "Interrupt and Exception Handling": which vectors push an error
 * code.
 */
#ifndef GUEST_TRAP_H
#define GUEST_TRAP_H

#include <sys/mman.h>

#include "vm.h"

#define TRAP_STUBS	0x9000
#define TRAP_ENTRY	0xa000
#define TRAP_RECORD	0xa400

enum {
	DE = 0, DB = 1, BP = 3, OF_ = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10,
	NP = 11, SS = 12, GP = 13, PF = 14, MF = 16, AC = 17, XM = 19,
};

/* Code in 64 bits: what follows runs in ring 3. */
#define TO_RING_3							\
	"pushq $0x2b\n pushq $0x7000\n pushq $2\n pushq $0x33\n"	\
	"lea 1f(%rip), %rax\n push %rax\n iretq\n 1: "

struct trap {
	uint64_t vector, error, rip, cs, rflags, rsp, cr2, count;
};

/* In: vector, error code and the processor's frame on the stack. */
GUEST64(trap_entry64,
	"push %rax\n"
	"mov 8(%rsp), %rax\n mov %rax, 0xa400\n"
	"mov 16(%rsp), %rax\n mov %rax, 0xa408\n"
	"mov 24(%rsp), %rax\n mov %rax, 0xa410\n"
	"mov 32(%rsp), %rax\n mov %rax, 0xa418\n"
	"mov 40(%rsp), %rax\n mov %rax, 0xa420\n"
	"mov 48(%rsp), %rax\n mov %rax, 0xa428\n"
	"mov %cr2, %rax\n mov %rax, 0xa430\n"
	"incq 0xa438\n"
	"pop %rax\n"
	"add $16, %rsp\n"
	"hlt\n"
	"iretq\n");

/* By SS: coming from ring 3 or virtual-8086 mode, DS holds nothing useful. */
GUEST32(trap_entry32,
	"push %eax\n"
	"mov 4(%esp), %eax\n mov %eax, %ss:0xa400\n"
	"mov 8(%esp), %eax\n mov %eax, %ss:0xa408\n"
	"mov 12(%esp), %eax\n mov %eax, %ss:0xa410\n"
	"mov 16(%esp), %eax\n mov %eax, %ss:0xa418\n"
	"mov 20(%esp), %eax\n mov %eax, %ss:0xa420\n"
	"mov %cr2, %eax\n mov %eax, %ss:0xa430\n"
	"incl %ss:0xa438\n"
	"pop %eax\n"
	"add $8, %esp\n"
	"hlt\n"
	"iret\n");

/* Real mode has no error codes. */
GUEST16(trap_entry16,
	"push %bp\n push %ax\n"
	"mov %sp, %bp\n"
	"mov 4(%bp), %ax\n mov %ax, %ss:0xa400\n"
	"mov 6(%bp), %ax\n mov %ax, %ss:0xa408\n"
	"mov 8(%bp), %ax\n mov %ax, %ss:0xa410\n"
	"mov 10(%bp), %ax\n mov %ax, %ss:0xa418\n"
	"mov 12(%bp), %ax\n mov %ax, %ss:0xa420\n"
	"incw %ss:0xa438\n"
	"pop %ax\n pop %bp\n"
	"add $4, %sp\n"
	"hlt\n"
	"iret\n");

static inline struct trap *trap_record(struct vcpu *vcpu)
{
	return vm_at(vcpu->vm, TRAP_RECORD);
}

/* Vectors for which the processor itself pushes an error code. */
static inline bool trap_has_error(struct vcpu *vcpu, unsigned int vector)
{
	return vcpu->mode != MODE_REAL &&
	       (vector == DF || (vector >= TS && vector <= PF) || vector == AC);
}

static inline void trap_install(struct vcpu *vcpu)
{
	uint8_t *stub = vm_at(vcpu->vm, TRAP_STUBS);

	for (unsigned int vector = 0; vector < 256; vector++, stub += 16) {
		uint32_t gpa = TRAP_STUBS + vector * 16, at = 0;
		int32_t to;

		if (!trap_has_error(vcpu, vector)) {
			stub[at++] = 0x6a;		/* push $0 */
			stub[at++] = 0;
		}
		stub[at++] = 0x68;			/* push $vector */
		stub[at++] = vector;
		stub[at++] = 0;
		if (vcpu->mode != MODE_REAL) {
			stub[at++] = 0;
			stub[at++] = 0;
		}
		stub[at++] = 0xe9;			/* jmp TRAP_ENTRY */
		to = TRAP_ENTRY - (gpa + at + (vcpu->mode == MODE_REAL ? 2 : 4));
		memcpy(stub + at, &to, 4);
		vcpu_set_handler(vcpu, vector, gpa);
	}
	if (vcpu->mode == MODE_LONG)
		vm_load(vcpu->vm, TRAP_ENTRY, trap_entry64);
	else if (vcpu->mode == MODE_REAL)
		vm_load(vcpu->vm, TRAP_ENTRY, trap_entry16);
	else
		vm_load(vcpu->vm, TRAP_ENTRY, trap_entry32);
}

/* What the handler wrote, after the guest has halted in it. */
static inline struct trap *trap_check(struct vcpu *vcpu, uint64_t count,
				      unsigned int vector, uint64_t error)
{
	struct trap *trap = trap_record(vcpu);

	ASSERT(trap->count == count + 1,
	       "%lld exceptions were delivered instead of one (vector %u was expected)",
	       (long long)(trap->count - count), vector);
	EXPECT_EQ(vector, trap->vector);
	EXPECT_EQ(error, trap->error);
	return trap;
}

/* Run until a handler halts: it must be this one, with this error code. */
static inline struct trap *trap_expect(struct vcpu *vcpu, unsigned int vector,
				       uint64_t error)
{
	uint64_t count = trap_record(vcpu)->count;

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	return trap_check(vcpu, count, vector, error);
}

/* The IDT and the stack go to pages that the guest has not touched yet. */
static inline void trap_move_tables(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	ASSERT_OK(madvise(vm_at(vcpu->vm, 0x200000), 0x200000, MADV_NOHUGEPAGE));
	memcpy(vm_at(vcpu->vm, 0x200000), vm_at(vcpu->vm, sregs.idt.base), 0x1000);
	sregs.idt.base = 0x200000;
	vcpu_set_sregs(vcpu, &sregs);
	regs.rsp = 0x300010;
	vcpu_set_regs(vcpu, &regs);
}

/* A long-mode guest with handlers in place. */
#define trap_guest(mode, name)						\
	({								\
		struct vcpu *vcpu_ = guest_new(mode, name);		\
									\
		trap_install(vcpu_);					\
		vcpu_;							\
	})

#endif
