// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU is a thread like any other: signals end RUN with EINTR, whatever the
 * guest does, and nothing of the guest's state is lost over that.
 *
 * Most guests here never leave by themselves; that RUN returns at all is what
 * is tested (a test that hangs is killed by ktap.c and has failed).
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trap.h"

static volatile sig_atomic_t signals_taken;
static struct minivmm_run *run_to_stop;

static void note_signal(int number)
{
	(void)number;
	signals_taken++;
	if (run_to_stop)
		run_to_stop->immediate_exit = 1;
}

static void handle(int number)
{
	struct sigaction action = { .sa_handler = note_signal };

	ASSERT_OK(sigaction(number, &action, NULL));
}

/* SIGUSR1 after this time; SIGALRM is ktap.c's. */
static void start_timer(unsigned int microseconds, bool again)
{
	struct itimerspec when = {
		.it_value = { microseconds / 1000000, microseconds % 1000000 * 1000 },
	};
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1,
	};
	timer_t timer;

	if (again)
		when.it_interval = when.it_value;
	handle(SIGUSR1);
	ASSERT_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	ASSERT_OK(timer_settime(timer, 0, &when, NULL));
}

static void block(int number, int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	ASSERT_EQ(0, pthread_sigmask(how, &set, NULL));
}

/* The mask during RUN; the kernel's sigset_t has 8 bytes. */
static int set_mask(struct vcpu *vcpu, uint64_t mask)
{
	struct {
		struct minivmm_signal_mask head;
		uint64_t set;
	} __attribute__((packed)) argument = { .head.len = 8, .set = mask };

	return ioctl(vcpu->fd, MINIVMM_SET_SIGNAL_MASK, &argument);
}

GUEST64(guest_spin, "1: inc %rax\n jmp 1b\n");
GUEST32(guest_spin32, "1: inc %eax\n jmp 1b\n");
GUEST16(guest_spin16, "1: inc %eax\n jmp 1b\n");
GUEST64(guest_spin_sti, "sti\n 1: inc %rax\n jmp 1b\n");

static void expect_interrupted(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = MINIVMM_EXIT_UNKNOWN;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	EXPECT_EQ(MINIVMM_EXIT_INTR, vcpu->run->exit_reason);
}

static void check_timer(struct vcpu *vcpu)
{
	uint64_t last = 0;

	start_timer(5000, true);
	for (unsigned int i = 0; i < 10; i++) {
		uint64_t now;

		expect_interrupted(vcpu);
		now = vcpu_regs(vcpu).rax;
		EXPECT(now >= last, "the guest went backwards");
		last = now;
	}
	EXPECT_TRUE(signals_taken >= 10);
	EXPECT(last > 1000, "the guest did not run between the signals");
}

TEST(timer_interrupts_an_endless_loop)
{
	check_timer(guest_new(MODE_LONG, guest_spin));
}

/* RFLAGS.IF is the guest's: the host's interrupts come through all the same. */
TEST(timer_interrupts_a_loop_with_interrupts_enabled)
{
	check_timer(guest_new(MODE_LONG, guest_spin_sti));
}

TEST(timer_interrupts_a_loop_in_protected_mode)
{
	check_timer(guest_new(MODE_PROT32, guest_spin32));
}

TEST(timer_interrupts_a_loop_in_real_mode)
{
	check_timer(guest_new(MODE_REAL, guest_spin16));
}

/*
 * Interrupted five times at least, the guest has to get on: how far in a given
 * time is a matter of the host, so it has as long as a test has.
 */
static void interrupt_until_counted(struct vcpu *vcpu)
{
	const uint64_t *count = vm_at(vcpu->vm, 0xb800);

	for (unsigned int i = 0; i < 5 || *count <= 100; i++)
		expect_interrupted(vcpu);
}

GUEST64(handler_returns, "incq 0xb800\n iretq\n");
GUEST64(guest_fault_loop, "1: inc %rax\n ud2\n");

/* An exception that never ends keeps the processor inside the guest, too. */
TEST(timer_interrupts_an_endless_exception)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_fault_loop);

	vm_load(vcpu->vm, 0xb000, handler_returns);
	vcpu_set_handler(vcpu, UD, 0xb000);
	start_timer(5000, true);
	interrupt_until_counted(vcpu);
	EXPECT_EQ(1, vcpu_regs(vcpu).rax);
}

GUEST64(guest_cpuid_loop, "1: cpuid\n incq 0xb800\n jmp 1b\n");

/* Exits that never reach user space must look at signals as well. */
TEST(timer_interrupts_exits_handled_inside)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_cpuid_loop);

	start_timer(5000, true);
	interrupt_until_counted(vcpu);
}

GUEST64(guest_count_out, "xor %eax, %eax\n mov $0x42, %edx\n"
	"1: out %eax, %dx\n inc %eax\n jmp 1b\n");

/* Nothing is lost and nothing comes twice between exits and signals. */
TEST(exits_and_signals_do_not_disturb_each_other)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_count_out);
	uint32_t expected = 0;

	start_timer(500, true);
	while (signals_taken < 100 || expected <= 100) {
		if (vcpu_run(vcpu)) {
			ASSERT_EQ(EINTR, errno);
			continue;
		}
		ASSERT_EQ(MINIVMM_EXIT_IO, vcpu->run->exit_reason);
		ASSERT_EQ(expected, *(uint32_t *)vcpu_io_data(vcpu));
		expected++;
	}
}

/* ---- signals that wait ---- */

TEST(pending_signal_ends_run_before_the_guest_runs)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_spin);

	handle(SIGUSR1);
	block(SIGUSR1, SIG_BLOCK);
	ASSERT_OK(raise(SIGUSR1));
	ASSERT_OK(set_mask(vcpu, 0));
	expect_interrupted(vcpu);
	EXPECT_EQ(0, vcpu_regs(vcpu).rax);
	/* it was let in only to end RUN: outside it is still blocked and pending */
	EXPECT_EQ(0, signals_taken);
	block(SIGUSR1, SIG_UNBLOCK);
	EXPECT_EQ(1, signals_taken);
}

TEST(signal_blocked_outside_and_not_inside)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_spin);

	block(SIGUSR1, SIG_BLOCK);
	ASSERT_OK(set_mask(vcpu, 0));
	start_timer(5000, false);
	expect_interrupted(vcpu);
	EXPECT_EQ(0, signals_taken);
	block(SIGUSR1, SIG_UNBLOCK);
	EXPECT_EQ(1, signals_taken);
}

/* Blocked in both: RUN goes on until another signal comes. */
TEST(signal_blocked_inside)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_spin);
	struct itimerval when = { .it_value.tv_usec = 100000 };

	handle(SIGPROF);
	ASSERT_OK(set_mask(vcpu, 1ULL << (SIGUSR1 - 1)));
	start_timer(5000, false);
	ASSERT_OK(setitimer(ITIMER_PROF, &when, NULL));
	expect_interrupted(vcpu);
	/* the one that RUN kept out is taken after it, with the one that ended it */
	EXPECT_EQ(2, signals_taken);
}

TEST(signal_mask_is_taken_back)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_count_out);

	block(SIGUSR1, SIG_BLOCK);
	handle(SIGUSR1);
	ASSERT_OK(raise(SIGUSR1));
	ASSERT_OK(set_mask(vcpu, 0));
	expect_interrupted(vcpu);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_SIGNAL_MASK, NULL));
	vcpu_run_to_out(vcpu, 0x42);
	EXPECT_EQ(0, signals_taken);
}

/* ---- other threads ---- */

static void *run_until_interrupted(void *argument)
{
	EXPECT_ERRNO(EINTR, vcpu_run(argument));
	return NULL;
}

TEST(another_thread_kicks_the_vcpu)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_spin);
	pthread_t thread;

	handle(SIGUSR1);
	run_to_stop = vcpu->run;
	for (unsigned int i = 0; i < 20; i++) {
		vcpu->run->immediate_exit = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_until_interrupted, vcpu));
		/* sometimes before RUN, sometimes in it: immediate_exit closes the gap */
		usleep(i * 200);
		ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
}

TEST(stop_and_continue)
{
	int status;
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		struct vcpu *own = guest_new(MODE_LONG, guest_spin);

		/* stopping ends RUN as well, although no handler runs */
		start_timer(300000, false);
		while (!signals_taken)
			expect_interrupted(own);
		_exit(vcpu_regs(own).rax > 1000 ? 0 : 1);
	}
	for (unsigned int i = 0; i < 5; i++) {
		usleep(20000);
		ASSERT_OK(kill(pid, SIGSTOP));
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_OK(kill(pid, SIGCONT));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* ---- death ---- */

static void run_for_ever(void)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_spin);

	vcpu_run(vcpu);
	_exit(1);
}

TEST(kill_9_of_a_running_launcher)
{
	struct vcpu *vcpu;
	int status;

	for (unsigned int i = 0; i < 20; i++) {
		pid_t pid = fork();

		ASSERT_TRUE(pid >= 0);
		if (!pid)
			run_for_ever();
		usleep(i * 1000);
		ASSERT_OK(kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	vcpu = guest_new(MODE_LONG, guest_count_out);
	vcpu_run_to_out(vcpu, 0x42);
}

static void *thread_for_ever(void *argument)
{
	vcpu_run(argument);
	return NULL;
}

/* exit() in one thread while another is in the guest. */
TEST(exit_with_a_vcpu_running)
{
	int status;
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		pthread_t thread;

		pthread_create(&thread, NULL, thread_for_ever,
			       guest_new(MODE_LONG, guest_spin));
		usleep(20000);
		_exit(7);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* A signal without a handler ends the launcher as it ends any program. */
TEST(terminated_by_default_action)
{
	int status;
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid)
		run_for_ever();
	usleep(20000);
	ASSERT_OK(kill(pid, SIGTERM));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}
