// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's task priority: its accesses are told to the owner, or it is in guest
 * memory.
 */
#include "irq.h"

#define WORD	0x40000
#define TPR	0x80

/* ---- TPR_ACCESS_REPORTING ---- */

GUEST64(uses_tpr,
	"mov $0xfee00080, %ebx\n"
	"at_write: movl $0x50, (%rbx)\n"
	"at_read: mov (%rbx), %eax\n"
	"mov 0x10(%rbx), %ecx\n"
	"out %eax, $0x10\n");
extern const uint8_t at_write[], at_read[];

static void report(struct vcpu *vcpu, bool on)
{
	struct minivmm_tpr_access_ctl control = { .enabled = on };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_TPR_ACCESS_REPORTING, &control));
}

TEST(tpr_accesses_are_told)
{
	struct vcpu *vcpu = irq_guest_new(irq_vm_create(), uses_tpr);

	MINIVMM_ONLY("it has a TPR shadow");
	report(vcpu, true);
	vcpu_run_to(vcpu, MINIVMM_EXIT_TPR_ACCESS);
	EXPECT_EQ(GUEST_CODE + (at_write - uses_tpr), vcpu->run->tpr_access.rip);
	EXPECT_EQ(1, vcpu->run->tpr_access.is_write);
	/* It is done. */
	EXPECT_EQ(GUEST_CODE + (at_read - uses_tpr), vcpu_regs(vcpu).rip);
	vcpu_run_to(vcpu, MINIVMM_EXIT_TPR_ACCESS);
	EXPECT_EQ(GUEST_CODE + (at_read - uses_tpr), vcpu->run->tpr_access.rip);
	EXPECT_EQ(0, vcpu->run->tpr_access.is_write);
	EXPECT_EQ(0x50, vcpu_regs(vcpu).rax);
	/* Another register is nobody's business. */
	EXPECT_EQ(0x50, vcpu_run_to_out(vcpu, 0x10));
}

TEST(tpr_accesses_are_told_only_if_asked_for)
{
	struct vcpu *vcpu = irq_guest_new(irq_vm_create(), uses_tpr);

	report(vcpu, true);
	report(vcpu, false);
	EXPECT_EQ(0x50, vcpu_run_to_out(vcpu, 0x10));
}

/* ---- SET_VAPIC_ADDR ---- */

/* Its priority in memory, what it finds there at the next exit, and so on. */
GUEST64(uses_word,
	"sti\n"
	"movb $0x70, 0x40000\n"
	"out %al, $0x10\n"
	"mov 0x40000, %eax\n"
	"out %eax, $0x11\n"
	"movb $0, 0x40000\n"
	"out %al, $0x12\n"
	"mov 0x40100, %eax\n"
	"out %eax, $0x13\n");

/* Notes what it finds in the word. */
GUEST64(handler,
	"push %rax\n"
	"mov 0x40000, %eax\n"
	"mov %eax, 0x40100\n"
	"mov $0xfee000b0, %eax\n"
	"movl $0, (%rax)\n"
	"pop %rax\n"
	"iretq\n");

static void set_vapic_addr(struct vcpu *vcpu, uint64_t gpa)
{
	struct minivmm_vapic_addr vapic = { .vapic_addr = gpa };

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_VAPIC_ADDR, &vapic));
}

static uint32_t tpr(struct vcpu *vcpu)
{
	struct minivmm_lapic_state lapic;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	return *(uint32_t *)&lapic.regs[TPR];
}

TEST(tpr_in_guest_memory)
{
	struct vcpu *vcpu = irq_guest_new(irq_vm_create(), uses_word);
	struct minivmm_msi msi = { .address_lo = 0xfee00000, .data = 0x61 };

	vm_load(vcpu->vm, 0x9000, handler);
	vcpu_set_handler(vcpu, 0x61, 0x9000);
	set_vapic_addr(vcpu, WORD);
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0x70, tpr(vcpu));
	/* It waits for the priority, and the guest can see that. */
	ASSERT_EQ(1, ioctl(vcpu->vm->fd, MINIVMM_SIGNAL_MSI, &msi));
	EXPECT_EQ(0x61000070, vcpu_run_to_out(vcpu, 0x11));
	vcpu_run_to_out(vcpu, 0x12);
	EXPECT_EQ(0, tpr(vcpu));
	/* In its handler. */
	vcpu_run_to_out(vcpu, 0x13);
	EXPECT_EQ(0, lapic_requested(vcpu, 0x61));
}

TEST(tpr_in_guest_memory_no_more)
{
	struct vcpu *vcpu = irq_guest_new(irq_vm_create(), uses_word);

	set_vapic_addr(vcpu, WORD);
	set_vapic_addr(vcpu, 0);
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, tpr(vcpu));
	EXPECT_EQ(0x70, vcpu_run_to_out(vcpu, 0x11));
}

TEST(tpr_on_two_pages_of_guest_memory)
{
	struct vcpu *vcpu = irq_guest_new(irq_vm_create(), uses_word);

	*(uint32_t *)vm_at(vcpu->vm, 0x40ffe) = 0xffffffff;
	set_vapic_addr(vcpu, 0x40ffe);
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, *(uint32_t *)vm_at(vcpu->vm, 0x40ffe));
}
