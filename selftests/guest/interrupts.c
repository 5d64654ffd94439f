// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from user space: INTERRUPT, the window for it, and HLT.
 *
 * There is no interrupt controller in the kernel here: the caller decides when
 * the guest can take one, by run->ready_for_interrupt_injection and
 * IRQ_WINDOW_OPEN.
 *
 * SDM Vol. 3, "Masking Maskable Hardware Interrupts", "Interrupt-Window Exiting".
 */

#include "trap.h"

#define IF	0x200

static int interrupt(struct vcpu *vcpu, uint32_t vector)
{
	struct minivmm_interrupt irq = { .irq = vector };

	return ioctl(vcpu->fd, MINIVMM_INTERRUPT, &irq);
}

static void set_if(struct vcpu *vcpu)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rflags |= IF;
	vcpu_set_regs(vcpu, &regs);
}

GUEST64(guest_spin, "1: inc %rax\n jmp 1b\n");
GUEST32(guest_spin32, "1: inc %eax\n jmp 1b\n");
GUEST16(guest_spin16, "1: inc %ax\n jmp 1b\n");

static void check_delivery(struct vcpu *vcpu)
{
	struct trap *trap;

	trap_install(vcpu);
	set_if(vcpu);
	ASSERT_OK(interrupt(vcpu, 0x42));
	trap = trap_expect(vcpu, 0x42, 0);
	EXPECT_EQ(GUEST_CODE, trap->rip);
	EXPECT_EQ(0, vcpu_regs(vcpu).rflags & IF);
	EXPECT_TRUE(trap->rflags & IF);
}

TEST(interrupt_in_long_mode)
{
	check_delivery(guest_new(MODE_LONG, guest_spin));
}

TEST(interrupt_in_protected_mode)
{
	check_delivery(guest_new(MODE_PROT32, guest_spin32));
}

TEST(interrupt_with_paging)
{
	check_delivery(guest_new(MODE_PAGED32, guest_spin32));
}

TEST(interrupt_in_real_mode)
{
	check_delivery(guest_new(MODE_REAL, guest_spin16));
}

/* The IDT and the stack are in pages that the guest has not touched yet. */
TEST(interrupt_with_an_exit_during_delivery)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_regs regs;

	trap_move_tables(vcpu);
	regs = vcpu_regs(vcpu);
	regs.rflags |= IF;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_OK(interrupt(vcpu, 0x42));
	EXPECT_EQ(GUEST_CODE, trap_expect(vcpu, 0x42, 0)->rip);
	EXPECT_EQ(1, trap_record(vcpu)->count);
}

/* ---- the window ---- */

GUEST64(guest_sti, "xor %eax, %eax\n sti\n mov $1, %eax\n mov $2, %eax\n 1: jmp 1b\n");

/* It opens after the instruction behind STI, neither before nor later. */
TEST(window_opens_after_the_shadow_of_sti)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_sti);

	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	EXPECT_EQ(1, vcpu->run->if_flag);
	vcpu->run->request_interrupt_window = 0;
	ASSERT_OK(interrupt(vcpu, 0x42));
	trap_expect(vcpu, 0x42, 0);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
}

GUEST64(guest_mov_ss, "mov $0x10, %eax\n sti\n mov %ax, %ss\n mov $1, %eax\n"
		      "mov $2, %eax\n 1: jmp 1b\n");

TEST(window_opens_after_the_shadow_of_mov_ss)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_mov_ss);

	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
}

TEST(window_that_is_open_already)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);

	set_if(vcpu);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(0, vcpu_regs(vcpu).rax);
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
}

GUEST64(guest_cli_out, "sti\n nop\n cli\n out %al, $0x42\n hlt\n");

TEST(no_window_without_a_request)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_cli_out);

	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(0, vcpu->run->ready_for_interrupt_injection);
}

/* A request that is taken back leaves nothing behind. */
TEST(window_request_is_withdrawn)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_cli_out);

	vcpu->run->request_interrupt_window = 1;
	vcpu->run->immediate_exit = 1;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	vcpu->run->request_interrupt_window = 0;
	vcpu->run->immediate_exit = 0;
	vcpu_run_to_out(vcpu, 0x42);
}

/* ---- HLT ---- */

GUEST64(guest_wait, "sti\n hlt\n mov $7, %ebx\n out %al, $0x42\n");

TEST(interrupt_ends_hlt)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_wait);
	struct trap *trap;

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu->run->if_flag);
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	ASSERT_OK(interrupt(vcpu, 0x42));
	trap = trap_expect(vcpu, 0x42, 0);
	EXPECT_EQ(GUEST_CODE + 2, trap->rip);
	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(7, vcpu_regs(vcpu).rbx);
}

/* ---- order and number ---- */

GUEST64(guest_ud2, "ud2\n hlt\n");

TEST(interrupt_comes_before_the_next_instruction_faults)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ud2);

	set_if(vcpu);
	ASSERT_OK(interrupt(vcpu, 0x42));
	EXPECT_EQ(GUEST_CODE, trap_expect(vcpu, 0x42, 0)->rip);
	EXPECT_EQ(GUEST_CODE, trap_expect(vcpu, UD, 0)->rip);
}

GUEST64(guest_step_out, "pushf\n orl $0x300, (%rsp)\n popf\n"
	"out %al, $0x42\n at_step_out: nop\n nop\n hlt\n");
extern const uint8_t at_step_out[];

/* The step's #DB and the interrupt are due at the same entry: neither is lost. */
TEST(interrupt_and_exception_at_once)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_step_out);
	struct trap *trap = trap_record(vcpu);
	unsigned int interrupts = 0, steps = 0;

	MINIVMM_ONLY("KVM loses the interrupt");
	vcpu_run_to_out(vcpu, 0x42);
	ASSERT_OK(interrupt(vcpu, 0x42));
	for (unsigned int i = 0; i < 3; i++) {
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
		interrupts += trap->vector == 0x42;
		steps += trap->vector == DB;
		/* both are taken before the guest's next instruction is done */
		if (i < 2)
			EXPECT_TRUE(trap->rip <= GUEST_CODE + 1 + (at_step_out - guest_step_out));
	}
	EXPECT_EQ(1, interrupts);
	EXPECT_EQ(2, steps);
}

GUEST64(guest_out_loop, "sti\n 1: out %al, $0x42\n jmp 1b\n");
GUEST64(handler_count, "incl 0xb800\n iretq\n");

TEST(none_is_lost_and_none_comes_twice)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_out_loop);
	uint32_t *count = vm_at(vcpu->vm, 0xb800);

	vm_load(vcpu->vm, 0xb000, handler_count);
	vcpu_set_handler(vcpu, 0x42, 0xb000);
	vcpu_run_to_out(vcpu, 0x42);
	vcpu_run_to_out(vcpu, 0x42);
	for (unsigned int i = 0; i < 500; i++) {
		EXPECT_EQ(i, *count);
		ASSERT_EQ(1, vcpu->run->ready_for_interrupt_injection);
		ASSERT_OK(interrupt(vcpu, 0x42));
		vcpu_run_to_out(vcpu, 0x42);
	}
	EXPECT_EQ(500, *count);
}

TEST(every_vector_from_32_on)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);

	set_if(vcpu);
	for (unsigned int vector = 32; vector < 256; vector++) {
		ASSERT_OK(interrupt(vcpu, vector));
		trap_expect(vcpu, vector, 0);
		/* the next one comes once the handler has returned */
		vcpu->run->request_interrupt_window = 1;
		vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
		vcpu->run->request_interrupt_window = 0;
	}
}

/* What waits to be delivered is part of the state. */
TEST(interrupt_bitmap_of_sregs)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_sregs sregs;

	set_if(vcpu);
	EXPECT_EQ(0, vcpu_sregs(vcpu).interrupt_bitmap[1]);
	ASSERT_OK(interrupt(vcpu, 0x42));
	sregs = vcpu_sregs(vcpu);
	EXPECT_EQ(1 << 2, sregs.interrupt_bitmap[1]);
	trap_expect(vcpu, 0x42, 0);
	EXPECT_EQ(0, vcpu_sregs(vcpu).interrupt_bitmap[1]);
}

TEST(interrupt_bitmap_of_sregs_is_delivered)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_spin);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	set_if(vcpu);
	sregs.interrupt_bitmap[1] = 1 << 3;
	vcpu_set_sregs(vcpu, &sregs);
	trap_expect(vcpu, 0x43, 0);
}
