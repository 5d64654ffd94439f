// SPDX-License-Identifier: GPL-2.0-only
/*
 * How RUN ends: HLT, SHUTDOWN, FAIL_ENTRY, INTR, IRQ_WINDOW_OPEN, SET_TPR.
 *
 * I/O and MMIO have programs of their own (io.c, mmio_*.c), interrupts are in
 * interrupts.c, signals in signals.c.
 */
#include "trap.h"

/* ---- HLT ---- */

GUEST64(guest_halts, "mov $1, %eax\n hlt\n mov $2, %eax\n hlt\n");

TEST(hlt_is_an_exit_and_goes_on_after_it)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(2, vcpu_regs(vcpu).rax);
}

/* ---- SHUTDOWN ---- */

GUEST64(guest_triple_fault, "lidt 0x9000\n ud2\n");

TEST(triple_fault_is_shutdown)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_triple_fault);

	vcpu_run_to(vcpu, MINIVMM_EXIT_SHUTDOWN);
}

GUEST16(guest_triple_fault_real, "lidtw 0x9000\n int $3\n");

TEST(triple_fault_in_real_mode_is_shutdown)
{
	vcpu_run_to(guest_new(MODE_REAL, guest_triple_fault_real), MINIVMM_EXIT_SHUTDOWN);
}

TEST(vcpu_can_be_set_up_again_after_shutdown)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_triple_fault);

	vcpu_run_to(vcpu, MINIVMM_EXIT_SHUTDOWN);
	vm_load(vcpu->vm, GUEST_CODE, guest_halts);
	vcpu_set_mode(vcpu, MODE_LONG);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
}

/* ---- FAIL_ENTRY ---- */

#define INVALID_GUEST_STATE	0x80000021ULL

static void expect_fail_entry(struct vcpu *vcpu)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_FAIL_ENTRY);
	EXPECT_EQ(INVALID_GUEST_STATE,
		  vcpu->run->fail_entry.hardware_entry_failure_reason);
}

/* Long mode, but CS with both L and D: no processor can be in that state. */
TEST(cs_with_l_and_d_fails_the_entry)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cs.db = 1;
	vcpu_set_sregs(vcpu, &sregs);
	expect_fail_entry(vcpu);
}

/* Type 3 would do for CS, with unrestricted guest; 5 does not. */
TEST(cs_of_a_data_type_fails_the_entry)
{
	struct vcpu *vcpu = guest_new(MODE_PROT32, guest_halts);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cs.type = 5;
	vcpu_set_sregs(vcpu, &sregs);
	expect_fail_entry(vcpu);
}

TEST(tr_of_a_wrong_type_fails_the_entry)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.tr.type = 1;
	vcpu_set_sregs(vcpu, &sregs);
	expect_fail_entry(vcpu);
}

TEST(entry_works_again_once_the_state_is_right)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu), good = sregs;

	sregs.cs.db = 1;
	vcpu_set_sregs(vcpu, &sregs);
	expect_fail_entry(vcpu);
	vcpu_set_sregs(vcpu, &good);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
}

/* RFLAGS's bit 1 is always 1; SET_REGS sees to it, whatever the caller says. */
TEST(rflags_bit_1_is_set_for_the_caller)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rflags = 0;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(2, vcpu_regs(vcpu).rflags);
}

TEST(reserved_bits_of_rflags_fail_the_entry)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rflags |= 1ULL << 63;
	vcpu_set_regs(vcpu, &regs);
	expect_fail_entry(vcpu);
}

TEST(virtual_8086_in_long_mode_fails_the_entry)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rflags |= 1ULL << 17;
	vcpu_set_regs(vcpu, &regs);
	expect_fail_entry(vcpu);
}

/* ---- immediate_exit ---- */

TEST(immediate_exit_runs_nothing)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_halts);

	vcpu->run->immediate_exit = 1;
	vcpu->run->exit_reason = MINIVMM_EXIT_UNKNOWN;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	EXPECT_EQ(GUEST_CODE, vcpu_regs(vcpu).rip);
	/* it is the caller who clears it */
	EXPECT_EQ(1, vcpu->run->immediate_exit);
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	vcpu->run->immediate_exit = 0;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
}

GUEST64(guest_in, "in $0x42, %al\n hlt\n");

/* It completes what the last exit left to do: the documented way to get state. */
TEST(immediate_exit_completes_an_io_exit)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_in);

	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	*(uint8_t *)vcpu_io_data(vcpu) = 0x5a;
	vcpu->run->immediate_exit = 1;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	EXPECT_EQ(0x5a, vcpu_regs(vcpu).rax);
	EXPECT_EQ(GUEST_CODE + 2, vcpu_regs(vcpu).rip);
}

GUEST64(guest_mmio_or, "mov $0xd0000000, %ebx\n orb $1, (%rbx)\n hlt\n");

/* Where the owner sends the guest elsewhere at an exit, it goes there. */
TEST(rip_set_at_an_io_exit)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_in);
	struct minivmm_regs regs;

	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	*(uint8_t *)vcpu_io_data(vcpu) = 0x5a;
	regs = vcpu_regs(vcpu);
	vm_load(vcpu->vm, 0x9000, guest_halts);
	regs.rip = 0x9000;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
	EXPECT_EQ(0x9000 + 6, vcpu_regs(vcpu).rip);
}

/* In the middle of a read-modify-write the write is still to come. */
TEST(immediate_exit_between_read_and_write)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_mmio_or);

	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(0, vcpu->run->mmio.is_write);
	vcpu->run->mmio.data[0] = 0x80;
	vcpu->run->immediate_exit = 1;
	if (vcpu_run(vcpu)) {
		EXPECT_EQ(EINTR, errno);
		vcpu->run->immediate_exit = 0;
		vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	}
	vcpu->run->immediate_exit = 0;
	EXPECT_EQ(1, vcpu->run->mmio.is_write);
	EXPECT_EQ(0x81, vcpu->run->mmio.data[0]);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

/* ---- CR8 ---- */

GUEST64(guest_cr8,
	"mov %cr8, %rbx\n"
	"mov $9, %eax\n mov %rax, %cr8\n"	/* up: inside */
	"mov $3, %eax\n mov %rax, %cr8\n"	/* down: user space may deliver more */
	"mov %cr8, %rcx\n"
	"hlt\n");

TEST(lowering_cr8_is_set_tpr)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cr8);

	vcpu->run->cr8 = 5;
	vcpu_run_to(vcpu, MINIVMM_EXIT_SET_TPR);
	EXPECT_EQ(3, vcpu->run->cr8);
	EXPECT_EQ(5, vcpu_regs(vcpu).rbx);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(3, vcpu_regs(vcpu).rcx);
	EXPECT_EQ(3, vcpu->run->cr8);
	EXPECT_EQ(3, vcpu_sregs(vcpu).cr8);
}

/* Without an interrupt controller inside, CR8 is what run->cr8 says at entry. */
TEST(cr8_comes_from_the_run_page)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cr8);

	vcpu->run->cr8 = 2;
	vcpu_run_to(vcpu, MINIVMM_EXIT_SET_TPR);
	EXPECT_EQ(2, vcpu_regs(vcpu).rbx);
	vcpu->run->cr8 = 7;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(7, vcpu_regs(vcpu).rcx);
}

/* ---- what the run page says after each exit ---- */

GUEST64(guest_flags, "out %al, $0x42\n sti\n nop\n out %al, $0x42\n cli\n out %al, $0x42\n hlt\n");

TEST(run_page_shows_the_interrupt_flag)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_flags);

	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(0, vcpu->run->if_flag);
	EXPECT_EQ(0, vcpu->run->ready_for_interrupt_injection);
	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(1, vcpu->run->if_flag);
	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(0, vcpu->run->if_flag);
	EXPECT_EQ(0, vcpu->run->ready_for_interrupt_injection);
	EXPECT_EQ(0xfee00900, vcpu->run->apic_base);
}
