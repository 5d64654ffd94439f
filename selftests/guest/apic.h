/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does with its local APIC what a test says, one thing after the
 * other, and writes down the interrupts that it takes.
 *
 *	struct vcpu *vcpu = apic_guest();
 *
 *	apic_write(vcpu, 0xf0, 0x1ff);		a register of its xAPIC
 *	do_op(vcpu, OP_WINDOW, 0, 0);		STI, two instructions, CLI
 *	EXPECT_EQ(0x51, apic_log(vcpu, 0));	what was the first it took?
 *
 * Each call is one MINIVMM_RUN, which ends with an OUT. Interrupt handlers end
 * with an EOI, unless the test wants to (no_eoi()).
 */
#ifndef GUEST_APIC_H
#define GUEST_APIC_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "module.h"

#define APIC_STUBS	0x9000
#define APIC_COMMON	0xa000
#define APIC_GP		0xa100
#define APIC_BLOCK	0xc000	/* a struct apic_block for each vCPU */
#define APIC_PAGE	0xfee00000ull

#define ID		0x20
#define VERSION		0x30
#define TPR		0x80
#define APR		0x90
#define PPR		0xa0
#define EOI		0xb0
#define LDR		0xd0
#define DFR		0xe0
#define SPIV		0xf0
#define ISR		0x100
#define TMR		0x180
#define IRR		0x200
#define ESR		0x280
#define ICR		0x300
#define ICR2		0x310
#define LVT_TIMER	0x320
#define LVT_LINT0	0x350
#define LVT_LINT1	0x360
#define TIMER_INITIAL	0x380
#define TIMER_CURRENT	0x390
#define TIMER_DIVIDE	0x3e0
#define SELF_IPI	0x3f0

#define MSR_APIC_BASE	0x1b
#define MSR_TSC		0x10
#define MSR_DEADLINE	0x6e0
#define X2(offset)	(0x800 + (offset) / 16)

enum op {
	OP_READ,	/* 32 bits at an address */
	OP_WRITE,
	OP_RDMSR,
	OP_WRMSR,
	OP_READ_CR8,
	OP_WRITE_CR8,
	OP_WINDOW,	/* STI, two instructions, CLI */
	OP_HLT,		/* STI, HLT, CLI */
	OP_WAIT,	/* with IF=1 until so many interrupts were taken */
	OP_RDTSC,
	OP_INC,		/* add 1 to 32 bits at an address, at once */
	OP_CR8_WINDOW,	/* STI, another CR8, two instructions, CLI */
};

struct apic_block {
	uint64_t op, address, value, result, faulted;
	uint64_t eoi;		/* the handler's: 0 none, 1 xAPIC, 2 x2APIC */
	uint64_t count;		/* of interrupts */
	uint64_t unused;
	uint8_t vectors[256];
	uint64_t more[88];
};

/* R14 is the block. */
GUEST64(apic_code,
	"1: mov (%r14), %rax\n mov 8(%r14), %rsi\n mov 16(%r14), %rbx\n"
	"xor %r15d, %r15d\n"
	"lea 7f(%rip), %rdx\n movslq (%rdx, %rax, 4), %rcx\n add %rdx, %rcx\n"
	"xor %eax, %eax\n jmp *%rcx\n"
	"20: mov (%rsi), %eax\n jmp 9f\n"
	"21: mov %ebx, (%rsi)\n jmp 9f\n"
	"22: mov %esi, %ecx\n rdmsr\n shl $32, %rdx\n or %rdx, %rax\n jmp 9f\n"
	"23: mov %esi, %ecx\n mov %ebx, %eax\n mov %rbx, %rdx\n shr $32, %rdx\n"
	"    wrmsr\n jmp 9f\n"
	"24: mov %cr8, %rax\n jmp 9f\n"
	"25: mov %rbx, %cr8\n jmp 9f\n"
	"26: sti\n nop\n nop\n cli\n jmp 9f\n"
	"27: sti\n hlt\n cli\n jmp 9f\n"
	"28: sti\n 3: pause\n cmp %rbx, 48(%r14)\n jb 3b\n cli\n jmp 9f\n"
	"29: rdtsc\n shl $32, %rdx\n or %rdx, %rax\n jmp 9f\n"
	"30: lock incl (%rsi)\n jmp 9f\n"
	"31: sti\n mov %rbx, %cr8\n nop\n nop\n cli\n jmp 9f\n"
	"9: mov %rax, 24(%r14)\n mov %r15, 32(%r14)\n out %al, $0x10\n jmp 1b\n"
	".balign 4\n"
	"7: .long 20b - 7b, 21b - 7b, 22b - 7b, 23b - 7b, 24b - 7b, 25b - 7b\n"
	".long 26b - 7b, 27b - 7b, 28b - 7b, 29b - 7b, 30b - 7b\n"
	".long 31b - 7b\n");

/* In: the vector on the stack. */
GUEST64(apic_common,
	"push %rax\n push %rcx\n push %rdx\n"
	"mov 24(%rsp), %rax\n"
	"movzbl 48(%r14), %ecx\n mov %al, 64(%r14, %rcx)\n incq 48(%r14)\n"
	"cmpl $1, 40(%r14)\n jb 9f\n ja 2f\n"
	"mov $0xfee000b0, %ecx\n movl $0, (%rcx)\n jmp 9f\n"
	"2: mov $0x80b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"
	"9: pop %rdx\n pop %rcx\n pop %rax\n add $8, %rsp\n iretq\n");

/* #GP of RDMSR and WRMSR, or of MOV to CR8, which is longer: notes it, goes on. */
GUEST64(apic_gp,
	"mov $1, %r15d\n"
	"push %rax\n mov 16(%rsp), %rax\n cmpb $0x0f, (%rax)\n je 1f\n inc %rax\n"
	"1: cmpb $0x22, 1(%rax)\n jne 2f\n inc %rax\n"
	"2: add $2, %rax\n mov %rax, 16(%rsp)\n pop %rax\n"
	"add $8, %rsp\n iretq\n");

static inline struct apic_block *apic_block(struct vcpu *vcpu, unsigned int id)
{
	return (struct apic_block *)vm_at(vcpu->vm, APIC_BLOCK) + id;
}

/* The vCPU's number is kept beside its block's address. */
static inline struct apic_block *own_block(struct vcpu *vcpu)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	return vm_at(vcpu->vm, regs.r14);
}

/* A CPU that has x2APIC and the TSC-deadline timer. */
static inline void apic_set_cpuid(struct vcpu *vcpu, unsigned int id)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *leaf = cpuid_entry(cpuid, 1, 0);

	leaf->ecx |= 1u << 21 | 1u << 24;
	leaf->ebx = (leaf->ebx & 0xffffff) | id << 24;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	free(cpuid);
}

static inline void apic_install(struct vcpu *vcpu)
{
	uint8_t *stub = vm_at(vcpu->vm, APIC_STUBS);
	unsigned int vector;

	for (vector = 0; vector < 256; vector++, stub += 16) {
		uint32_t gpa = APIC_STUBS + vector * 16;
		int32_t to = APIC_COMMON - (gpa + 10);

		stub[0] = 0x68;			/* push $vector */
		stub[1] = vector;
		memset(stub + 2, 0, 3);
		stub[5] = 0xe9;			/* jmp APIC_COMMON */
		memcpy(stub + 6, &to, 4);
		vcpu_set_handler(vcpu, vector, vector == 13 ? APIC_GP : gpa);
	}
	vm_load(vcpu->vm, APIC_COMMON, apic_common);
	vm_load(vcpu->vm, APIC_GP, apic_gp);
}

/* One more vCPU, in long mode, with a block and a stack of its own. */
static inline struct vcpu *apic_vcpu(struct vm *vm, unsigned int id)
{
	struct vcpu *vcpu = vcpu_create(vm, id);
	struct minivmm_regs regs;

	apic_set_cpuid(vcpu, id);
	vcpu_set_mode(vcpu, MODE_LONG);
	apic_install(vcpu);
	regs = vcpu_regs(vcpu);
	regs.rsp = GUEST_STACK - 0x400 * id;
	regs.r14 = APIC_BLOCK + id * sizeof(struct apic_block);
	regs.rflags = 2;
	vcpu_set_regs(vcpu, &regs);
	apic_block(vcpu, id)->eoi = 1;
	return vcpu;
}

static inline struct vm *apic_vm(void)
{
	struct vm *vm = vm_create();

	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	vm_add_memory(vm, 0, GUEST_MEMORY);
	vm_load(vm, GUEST_CODE, apic_code);
	return vm;
}

/* One operation; returns its result. */
static inline uint64_t do_op(struct vcpu *vcpu, enum op op, uint64_t address,
			     uint64_t value)
{
	struct apic_block *block = own_block(vcpu);

	block->op = op;
	block->address = address;
	block->value = value;
	vcpu_run_to_out(vcpu, 0x10);
	return block->result;
}

static inline bool faulted(struct vcpu *vcpu)
{
	return own_block(vcpu)->faulted;
}

static inline uint32_t apic_read(struct vcpu *vcpu, uint32_t offset)
{
	return do_op(vcpu, OP_READ, APIC_PAGE + offset, 0);
}

static inline void apic_write(struct vcpu *vcpu, uint32_t offset, uint32_t value)
{
	do_op(vcpu, OP_WRITE, APIC_PAGE + offset, value);
}

static inline uint64_t rdmsr(struct vcpu *vcpu, uint32_t msr)
{
	return do_op(vcpu, OP_RDMSR, msr, 0);
}

/* Returns false if it is #GP. */
static inline bool wrmsr(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	do_op(vcpu, OP_WRMSR, msr, value);
	return !faulted(vcpu);
}

static inline uint64_t apic_count(struct vcpu *vcpu)
{
	return own_block(vcpu)->count;
}

static inline uint8_t apic_log(struct vcpu *vcpu, unsigned int index)
{
	return own_block(vcpu)->vectors[index];
}

static inline void set_eoi(struct vcpu *vcpu, unsigned int kind)
{
	own_block(vcpu)->eoi = kind;
}

/* A VM with one vCPU, whose xAPIC is software enabled. */
static inline struct vcpu *apic_guest(void)
{
	struct vcpu *vcpu = apic_vcpu(apic_vm(), 0);

	apic_write(vcpu, SPIV, 0x1ff);
	return vcpu;
}

static inline void to_x2apic(struct vcpu *vcpu)
{
	uint64_t base = rdmsr(vcpu, MSR_APIC_BASE);

	ASSERT_TRUE(wrmsr(vcpu, MSR_APIC_BASE, base | 0x400));
	set_eoi(vcpu, 2);
}

/* The same, as x2APIC. */
static inline struct vcpu *x2apic_guest(void)
{
	struct vcpu *vcpu = apic_guest();

	to_x2apic(vcpu);
	return vcpu;
}

/* An x2APIC sends an interrupt to itself and ends it, so often: its exits by WRMSR. */
static inline unsigned long long msr_writes_for(struct vcpu *vcpu, unsigned int count)
{
	unsigned long long before = vm_exits(vcpu->vm, 0, "MSR_WRITE");

	for (unsigned int i = 0; i < count; i++) {
		EXPECT_TRUE(wrmsr(vcpu, X2(ICR), 0x40061));
		do_op(vcpu, OP_WINDOW, 0, 0);
	}
	EXPECT_EQ(count, apic_count(vcpu));
	return vm_exits(vcpu->vm, 0, "MSR_WRITE") - before;
}

#endif
