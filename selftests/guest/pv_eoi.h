/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that ends its interrupts in its own memory (MSR_KVM_PV_EOI_EN), and writes
 * down for each whether that was offered to it.
 */
#ifndef GUEST_PV_EOI_H
#define GUEST_PV_EOI_H

#include "apic.h"
#include "irq.h"

#define MSR_PV_EOI	0x4b564d04
#define BYTE		0x50000ull	/* a page that nothing else is in */

/*
 * In place of apic_common, beside whose block it uses struct notes. It ends the
 * interrupt in memory if it may, else by the register; with eoi 0, not at all.
 */
GUEST64(pv_eoi_common,
	"push %rax\n push %rcx\n push %rdx\n"
	"mov 24(%rsp), %rax\n"
	"movzbl 48(%r14), %ecx\n mov %al, 64(%r14, %rcx)\n"
	"mov 576(%r14), %rdx\n mov (%rdx), %al\n mov %al, 320(%r14, %rcx)\n"
	"incq 48(%r14)\n"
	"3: pause\n cmpq $0, 584(%r14)\n jne 3b\n"
	"mov 592(%r14), %rcx\n dec %ecx\n js 4f\n jne 5f\n out %al, $0x11\n jmp 4f\n"
	"5: push %rbx\n cpuid\n pop %rbx\n mov 576(%r14), %rdx\n"
	"4: cmpl $0, 40(%r14)\n je 9f\n"
	"btrl $0, (%rdx)\n jc 9f\n"
	"cmpl $1, 40(%r14)\n ja 2f\n"
	"mov $0xfee000b0, %ecx\n movl $0, (%rcx)\n jmp 9f\n"
	"2: mov $0x80b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"
	"9: pause\n cmpq $0, 600(%r14)\n jne 9b\n"
	"pop %rdx\n pop %rcx\n pop %rax\n add $8, %rsp\n iretq\n");

struct notes {
	uint8_t offered[256];	/* of each interrupt in its order */
	uint64_t byte;		/* where it looks for that */
	uint64_t wait;		/* the handler waits until this is 0 */
	uint64_t exits;		/* and then, before it ends anything: enum exits */
	uint64_t wait_ended;	/* and when it has, waits until this is 0 */
};

enum exits {
	EXITS_NOT,
	EXITS_TO_OWNER,		/* OUT to port 0x11 */
	EXITS_AND_GOES_ON,	/* CPUID: the hypervisor's business alone */
};

static inline struct notes *notes(struct vcpu *vcpu)
{
	return (struct notes *)own_block(vcpu)->more;
}

static inline bool offered(struct vcpu *vcpu, unsigned int index)
{
	return notes(vcpu)->offered[index] & 1;
}

/* KVM makes it once only: an interrupt of the host that comes between costs it. */
#define EXPECT_OFFERED(vcpu, index)					\
	do {								\
		if (!on_kvm())						\
			EXPECT_TRUE(offered(vcpu, index));		\
		else if (!offered(vcpu, index))				\
			ktap_note("%s:%d: not offered", __FILE__, __LINE__); \
	} while (0)

static inline uint8_t byte(struct vcpu *vcpu)
{
	return *(uint8_t *)vm_at(vcpu->vm, BYTE);
}

static inline void msi(struct vcpu *vcpu, uint32_t data)
{
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = data };

	ASSERT_EQ(1, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
}

/* One interrupt, taken and served. */
static inline void interrupt(struct vcpu *vcpu, uint32_t data)
{
	msi(vcpu, data);
	do_op(vcpu, OP_WINDOW, 0, 0);
}

/*
 * Its handlers are in place, the MSR is as after reset. It has had an interrupt: all
 * it needs is mapped. KVM makes an offer once only, and each exit costs that.
 */
static inline struct vcpu *plain_guest(struct vm *vm)
{
	struct vcpu *vcpu = apic_vcpu(vm, 0);

	vm_load(vm, APIC_COMMON, pv_eoi_common);
	notes(vcpu)->byte = BYTE;
	apic_write(vcpu, SPIV, 0x1ff);
	interrupt(vcpu, 0x21);
	ASSERT_EQ(1, apic_count(vcpu));
	own_block(vcpu)->count = 0;
	return vcpu;
}

static inline struct vcpu *pv_guest(void)
{
	struct vcpu *vcpu = plain_guest(apic_vm());

	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, BYTE | 1));
	return vcpu;
}

/* As the owner sees it; the vectors of the tests all differ in their class. */
static inline uint32_t in_service(struct vcpu *vcpu)
{
	struct minivmm_lapic_state lapic;
	uint32_t classes = 0;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	for (unsigned int class = 0; class < 16; class++)
		if (*(uint16_t *)&lapic.regs[ISR + class / 2 * 16 + class % 2 * 2])
			classes |= 1u << class;
	return classes;
}

#endif
