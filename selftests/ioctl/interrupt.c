// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTERRUPT, the interrupt window and SET_SIGNAL_MASK: what reaches a vCPU from
 * outside while it runs.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "errors.h"

static struct vcpu *new_vcpu(void)
{
	return vcpu_create(vm_create(), 0);
}

static int interrupt(struct vcpu *vcpu, uint32_t vector)
{
	struct minivmm_interrupt irq = { .irq = vector };

	return ioctl(vcpu->fd, MINIVMM_INTERRUPT, &irq);
}

TEST(interrupt_with_a_pic_in_the_kernel_is_enxio)
{
	struct minivmm_interrupt irq = { .irq = 0x20 };
	struct vm *vm = vm_create();

	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	EXPECT_ERRNO(ENXIO, ioctl(vcpu_create(vm, 0)->fd, MINIVMM_INTERRUPT, &irq));
}

TEST(interrupt_bad_vector_is_einval)
{
	struct vcpu *vcpu = new_vcpu();

	EXPECT_ERRNO(EINVAL, interrupt(vcpu, 256));
	EXPECT_ERRNO(EINVAL, interrupt(vcpu, ~0U));
	EXPECT_EQ(0, interrupt(vcpu, 255));
}

TEST(interrupt_waits_in_the_bitmap)
{
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_sregs s;

	EXPECT_EQ(0, interrupt(vcpu, 0x41));
	s = vcpu_sregs(vcpu);
	EXPECT_EQ(0, s.interrupt_bitmap[0]);
	EXPECT_EQ(1 << 1, s.interrupt_bitmap[1]);
}

TEST(interrupt_again_replaces_the_first)
{
	struct vcpu *vcpu = new_vcpu();
	struct minivmm_sregs s;

	EXPECT_EQ(0, interrupt(vcpu, 0x41));
	EXPECT_EQ(0, interrupt(vcpu, 0x20));
	s = vcpu_sregs(vcpu);
	EXPECT_EQ(1ULL << 0x20, s.interrupt_bitmap[0]);
	EXPECT_EQ(0, s.interrupt_bitmap[1]);
}

/* The handler stands at GUEST_CODE + 0x100. */
GUEST64(wait_for_it, "sti\n"
		     "nop\n"
		     "1: mov $1, %al\n"
		     "out %al, $0x10\n"
		     "jmp 1b\n"
		     ".org 0x100 + wait_for_it\n"
		     "mov $2, %al\n"
		     "out %al, $0x10\n"
		     "iretq\n");
#define HANDLER (GUEST_CODE + 0x100)

TEST(interrupt_reaches_the_guest)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, wait_for_it);

	vcpu_set_handler(vcpu, 0x41, HANDLER);
	EXPECT_EQ(1, vcpu_run_to_out(vcpu, 0x10));
	ASSERT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	ASSERT_EQ(0, interrupt(vcpu, 0x41));
	EXPECT_EQ(2, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0, vcpu_sregs(vcpu).interrupt_bitmap[1]);
	EXPECT_EQ(1, vcpu_run_to_out(vcpu, 0x10));
}

TEST(interrupt_set_by_the_bitmap_reaches_the_guest)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, wait_for_it);
	struct minivmm_sregs s;

	vcpu_set_handler(vcpu, 0x41, HANDLER);
	EXPECT_EQ(1, vcpu_run_to_out(vcpu, 0x10));
	s = vcpu_sregs(vcpu);
	s.interrupt_bitmap[1] = 1 << 1;
	vcpu_set_sregs(vcpu, &s);
	EXPECT_EQ(2, vcpu_run_to_out(vcpu, 0x10));
}

GUEST64(interrupts_off_then_on, "mov $0x1000, %ecx\n"
				"1: loop 1b\n"
				"sti\n"
				"nop\n"
				"nop\n"
				"hlt\n");

TEST(interrupt_window_opens_when_the_guest_allows_interrupts)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, interrupts_off_then_on);

	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(1, vcpu->run->ready_for_interrupt_injection);
	EXPECT_EQ(1, vcpu->run->if_flag);
	/* STI holds interrupts off for one more instruction. */
	EXPECT_EQ(GUEST_CODE + 9, vcpu_regs(vcpu).rip);
	vcpu->run->request_interrupt_window = 0;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(interrupt_window_stays_closed_while_one_waits)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, wait_for_it);

	vcpu_set_handler(vcpu, 0x41, HANDLER);
	EXPECT_EQ(1, vcpu_run_to_out(vcpu, 0x10));
	ASSERT_EQ(0, interrupt(vcpu, 0x41));
	vcpu->run->request_interrupt_window = 1;
	/* First the waiting one, whose handler runs with IF = 0. */
	EXPECT_EQ(2, vcpu_run_to_out(vcpu, 0x10));
	EXPECT_EQ(0, vcpu->run->ready_for_interrupt_injection);
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
}

/* ---- signals ---- */

GUEST64(spin, "jmp .\n");

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
	(void)number;
	signalled = 1;
}

static void catch(int number)
{
	struct sigaction action = { .sa_handler = on_signal };

	ASSERT_OK(sigaction(number, &action, NULL));
}

TEST(signal_ends_run_with_eintr)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, spin);

	catch(SIGALRM);
	ualarm(20000, 0);
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	EXPECT_EQ(MINIVMM_EXIT_INTR, vcpu->run->exit_reason);
	EXPECT_EQ(1, signalled);
	EXPECT_EQ(GUEST_CODE, vcpu_regs(vcpu).rip);
}

/* Being preempted and being signalled at once: both have to be seen to. */
TEST(signals_while_others_want_the_cpu)
{
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	struct vcpu *vcpu = guest_new(MODE_LONG, spin);

	catch(SIGALRM);
	for (long i = 0; i < 2 * sysconf(_SC_NPROCESSORS_ONLN); i++)
		if (!fork())
			for (;;)
				sched_yield();
	ASSERT_OK(setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 150; i++)
		ASSERT_ERRNO(EINTR, vcpu_run(vcpu));
}

TEST(signal_pending_before_run_is_eintr)
{
	struct vcpu *vcpu = guest_create(MODE_LONG, "\xf4", 1);
	struct {
		struct minivmm_signal_mask head;
		uint8_t sigset[8];
	} __attribute__((packed)) mask = { .head.len = 8 };
	sigset_t usr1;

	/* Blocked, except while the guest runs: no signal is lost between. */
	catch(SIGUSR1);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_SIGNAL_MASK, &mask));
	raise(SIGUSR1);
	EXPECT_EQ(0, signalled);
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	EXPECT_EQ(GUEST_CODE, vcpu_regs(vcpu).rip);

	/* Without a mask of RUN's own, the signal stays blocked. */
	ASSERT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_SIGNAL_MASK, NULL));
	if (!signalled)
		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(signal_mask_wrong_size_is_einval)
{
	struct {
		struct minivmm_signal_mask head;
		uint8_t sigset[128];
	} __attribute__((packed)) mask = { 0 };
	struct vcpu *vcpu = new_vcpu();

	for (unsigned int len = 0; len < 128; len++) {
		mask.head.len = len;
		if (len == 8)
			EXPECT_EQ(0, ioctl(vcpu->fd, MINIVMM_SET_SIGNAL_MASK, &mask));
		else
			EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_SET_SIGNAL_MASK, &mask));
	}
}

TEST(signal_mask_at_a_bad_pointer_is_efault)
{
	uint32_t *last = last_word_of_page();
	struct vcpu *vcpu = new_vcpu();

	*last = 8;
	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_SIGNAL_MASK, last));
}
