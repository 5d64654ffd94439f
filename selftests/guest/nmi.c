// SPDX-License-Identifier: GPL-2.0-only
/*
 * NMIs from the vCPU's owner: when they are delivered, and that one waits for
 * the end of the one before.
 *
 * SDM Vol. 3, "Nonmaskable Interrupt (NMI)", "Handling Multiple NMIs".
 */
#include <sys/mman.h>

#include "trap.h"

#define NMI	2

static void nmi(struct vcpu *vcpu)
{
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_NMI));
}

GUEST64(guest_spin, "1: inc %rax\n jmp 1b\n");
GUEST16(guest_spin16, "1: inc %ax\n jmp 1b\n");

TEST(nmi_is_delivered_with_interrupts_off)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct trap *trap;

	nmi(vcpu);
	trap = trap_expect(vcpu, NMI, 0);
	EXPECT_EQ(GUEST_CODE, trap->rip);
	EXPECT_EQ(0, trap->rflags & 0x200);
}

TEST(nmi_in_real_mode)
{
	struct vcpu *vcpu = trap_guest(MODE_REAL, guest_spin16);

	nmi(vcpu);
	trap_expect(vcpu, NMI, 0);
}

/* The handler halts, then returns by IRET. */
TEST(nmi_waits_for_the_iret_of_the_one_before)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);

	nmi(vcpu);
	trap_expect(vcpu, NMI, 0);
	nmi(vcpu);
	nmi(vcpu);	/* there is room for one */
	vcpu->run->request_interrupt_window = 0;
	trap_expect(vcpu, NMI, 0);
	EXPECT_EQ(2, trap_record(vcpu)->count);
	/* No third: a fourth is the third that is counted. */
	nmi(vcpu);
	trap_expect(vcpu, NMI, 0);
	EXPECT_EQ(3, trap_record(vcpu)->count);
}

TEST(nmi_twice_before_the_guest_runs_is_two)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);

	nmi(vcpu);
	nmi(vcpu);
	nmi(vcpu);
	trap_expect(vcpu, NMI, 0);
	EXPECT_EQ(1, trap_record(vcpu)->count);
	trap_expect(vcpu, NMI, 0);
	EXPECT_EQ(2, trap_record(vcpu)->count);
}

GUEST64(guest_mov_ss, "mov $0x10, %eax\n cpuid\n mov $0x10, %eax\n mov %ax, %ss\n"
		      "out %al, $0x10\n inc %rbx\n 1: jmp 1b\n");

/* The OUT is in the shadow of MOV SS: the NMI comes behind it. */
TEST(nmi_waits_for_the_shadow_of_mov_ss)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_mov_ss);
	uint64_t rip;

	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	rip = vcpu_regs(vcpu).rip;
	nmi(vcpu);
	/* The instruction is stepped over, and the shadow with it. */
	EXPECT_EQ(rip + 2, trap_expect(vcpu, NMI, 0)->rip);
}

/* The IDT is in a page that the guest has not touched yet. */
TEST(nmi_with_an_exit_during_delivery)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);

	trap_move_tables(vcpu);
	nmi(vcpu);
	EXPECT_EQ(GUEST_CODE, trap_expect(vcpu, NMI, 0)->rip);
	/* It still masks the next one until IRET. */
	nmi(vcpu);
	trap_expect(vcpu, NMI, 0);
	EXPECT_EQ(2, trap_record(vcpu)->count);
}

GUEST64(guest_iret, "1: inc %rax\n jmp 1b\n"
		    ".skip 0x100 - (. - guest_iret)\n hlt\n mov $0x300000, %esp\n iretq\n");

/* An IRET whose stack is not there exits: NMIs stay masked until it is done. */
TEST(nmi_with_an_exit_in_its_iret)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_iret);
	uint64_t *frame = vm_at(vcpu->vm, 0x300000);

	vcpu_set_handler(vcpu, NMI, GUEST_CODE + 0x100);
	nmi(vcpu);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	frame[0] = GUEST_CODE;
	frame[1] = SEL_CODE64;
	frame[2] = 2;
	frame[3] = GUEST_STACK;
	frame[4] = SEL_DATA;
	ASSERT_OK(madvise(vm_at(vcpu->vm, 0x300000), 0x1000, MADV_NOHUGEPAGE));
	nmi(vcpu);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	/* Taken after the IRET, not before it: its stack is the one given there. */
	EXPECT_TRUE(vcpu_regs(vcpu).rsp < GUEST_STACK &&
		    vcpu_regs(vcpu).rsp >= GUEST_STACK - 0x40);
}

TEST(nmi_comes_after_an_interrupt_that_has_been_injected)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_interrupt irq = { .irq = 0x42 };
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rflags |= 0x200;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_INTERRUPT, &irq));
	nmi(vcpu);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	/* Both are delivered, the interrupt first: the NMI's handler halts first. */
	EXPECT_EQ(NMI, trap_record(vcpu)->vector);
	EXPECT_EQ(TRAP_STUBS + 0x42 * 16, trap_record(vcpu)->rip);
}

/* ready_for_interrupt_injection means the interrupt; an NMI does not change it. */
TEST(nmi_pending_does_not_close_the_interrupt_window)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rflags |= 0x200;
	vcpu_set_regs(vcpu, &regs);
	nmi(vcpu);
	vcpu->run->immediate_exit = 1;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
}
