// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of the local APIC as a guest sees it: one-shot, periodic and
 * TSC-deadline, and what it costs the host at most.
 *
 * SDM: "APIC Timer".
 */
#define _GNU_SOURCE
#include <sched.h>
#include <time.h>

#include "apic.h"

#define VECTOR		0xec
#define MASKED		0x10000
#define PERIODIC	0x20000
#define DEADLINE	0x40000
#define BY_1		0xb
#define MS		1000000u

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static struct vcpu *timer_guest(uint32_t lvt)
{
	struct vcpu *vcpu = apic_guest();

	apic_write(vcpu, TIMER_DIVIDE, BY_1);
	apic_write(vcpu, LVT_TIMER, lvt);
	return vcpu;
}

TEST(one_shot_wakes_once)
{
	struct vcpu *vcpu = timer_guest(VECTOR);
	uint64_t start = now();

	apic_write(vcpu, TIMER_INITIAL, 20 * MS);
	do_op(vcpu, OP_HLT, 0, 0);
	EXPECT_TRUE(now() - start >= 20 * MS);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_EQ(VECTOR, apic_log(vcpu, 0));
	EXPECT_EQ(0, apic_read(vcpu, TIMER_CURRENT));
	usleep(60000);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(1, apic_count(vcpu));
}

/* Not in HLT: it has to get a guest that computes out. */
TEST(one_shot_interrupts_a_loop)
{
	struct vcpu *vcpu = timer_guest(VECTOR);

	apic_write(vcpu, TIMER_INITIAL, 20 * MS);
	do_op(vcpu, OP_WAIT, 0, 1);
	EXPECT_EQ(1, apic_count(vcpu));
}

TEST(periodic_comes_again)
{
	struct vcpu *vcpu = timer_guest(PERIODIC | VECTOR);
	uint64_t start = now(), count;

	apic_write(vcpu, TIMER_INITIAL, 10 * MS);
	do_op(vcpu, OP_WAIT, 0, 5);
	EXPECT_TRUE(now() - start >= 50 * MS);
	for (unsigned int i = 0; i < 3; i++)
		do_op(vcpu, OP_HLT, 0, 0);
	EXPECT_TRUE(apic_count(vcpu) >= 8);
	apic_write(vcpu, TIMER_INITIAL, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	count = apic_count(vcpu);
	usleep(40000);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(count, apic_count(vcpu));
}

/* Whoever asks for 1 ns gets 200 us: the host does nothing else otherwise. */
TEST(short_period_is_limited)
{
	struct vcpu *vcpu = timer_guest(PERIODIC | VECTOR);
	uint64_t start, took;

	if (exits_are_slow())
		SKIP(TOO_SLOW);
	start = now();
	apic_write(vcpu, TIMER_INITIAL, 1);
	do_op(vcpu, OP_WAIT, 0, 50);
	took = now() - start;
	apic_write(vcpu, TIMER_INITIAL, 0);
	EXPECT(took >= 50 * 200000 - 400000, "50 interrupts in %llu ns",
	       (unsigned long long)took);
}

TEST(count_goes_down)
{
	struct vcpu *vcpu = timer_guest(MASKED | VECTOR);
	uint32_t first, second;

	apic_write(vcpu, TIMER_INITIAL, 0xffffffff);
	first = apic_read(vcpu, TIMER_CURRENT);
	usleep(10000);
	second = apic_read(vcpu, TIMER_CURRENT);
	EXPECT_TRUE(second < first && first - second >= 10 * MS);
	/* By 16: the rest is the same, and goes down more slowly. */
	apic_write(vcpu, TIMER_DIVIDE, 3);
	first = apic_read(vcpu, TIMER_CURRENT);
	EXPECT_TRUE(first <= second && first > 0xffffffffu / 2);
	usleep(10000);
	second = apic_read(vcpu, TIMER_CURRENT);
	EXPECT_TRUE(first - second >= 10 * MS / 16);
	EXPECT_EQ(0, apic_count(vcpu));
}

/* Runs WRMSR, which the owner is to hear of; why it is told so. */
static uint32_t wrmsr_exit(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	struct apic_block *block = own_block(vcpu);

	block->op = OP_WRMSR;
	block->address = msr;
	block->value = value;
	vcpu_run_to(vcpu, MINIVMM_EXIT_X86_WRMSR);
	EXPECT_EQ(msr, vcpu->run->msr.index);
	EXPECT_EQ(value, vcpu->run->msr.data);
	return vcpu->run->msr.reason;
}

static void serve_msrs(struct vcpu *vcpu, uint32_t reasons)
{
	struct minivmm_enable_cap enable = {
		.cap = MINIVMM_CAP_X86_USER_SPACE_MSR, .args = { reasons },
	};

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_ENABLE_CAP, &enable));
}

TEST(deadline_that_the_filter_takes_is_the_owner_s)
{
	struct vcpu *vcpu;
	uint8_t none[8] = {};
	struct minivmm_msr_filter filter = {
		.ranges = { { .flags = MINIVMM_MSR_FILTER_WRITE, .base = MSR_DEADLINE,
			      .nmsrs = 1, .bitmap = none } },
	};

	MINIVMM_ONLY("Linux 6.1's short way for this register does not ask the filter");
	vcpu = timer_guest(DEADLINE | VECTOR);
	serve_msrs(vcpu, MINIVMM_MSR_EXIT_REASON_FILTER);
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_X86_SET_MSR_FILTER, &filter));
	EXPECT_EQ(MINIVMM_MSR_EXIT_REASON_FILTER, wrmsr_exit(vcpu, MSR_DEADLINE, 1));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, do_op(vcpu, OP_WINDOW, 0, 0));
	EXPECT_EQ(0, apic_count(vcpu));
}

TEST(x2apic_value_that_cannot_be_is_the_owner_s)
{
	struct vcpu *vcpu = apic_guest();

	to_x2apic(vcpu);
	EXPECT_TRUE(!wrmsr(vcpu, X2(LVT_TIMER), 1ull << 32));
	serve_msrs(vcpu, MINIVMM_MSR_EXIT_REASON_INVAL);
	EXPECT_EQ(MINIVMM_MSR_EXIT_REASON_INVAL, wrmsr_exit(vcpu, X2(LVT_TIMER), 1ull << 32));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_TRUE(!faulted(vcpu));
}

TEST(deadline_wakes)
{
	struct vcpu *vcpu = timer_guest(DEADLINE | VECTOR);
	uint64_t tsc = do_op(vcpu, OP_RDTSC, 0, 0);

	EXPECT_EQ(0, rdmsr(vcpu, MSR_DEADLINE));
	EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, tsc + 2000000));
	do_op(vcpu, OP_HLT, 0, 0);
	EXPECT_TRUE(do_op(vcpu, OP_RDTSC, 0, 0) >= tsc + 2000000);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_EQ(VECTOR, apic_log(vcpu, 0));
	EXPECT_EQ(0, rdmsr(vcpu, MSR_DEADLINE));
	/* In the past: at once. */
	EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, 1));
	do_op(vcpu, OP_WAIT, 0, 2);
	EXPECT_EQ(2, apic_count(vcpu));
}

TEST(deadline_can_be_put_off)
{
	struct vcpu *vcpu = timer_guest(DEADLINE | VECTOR);
	uint64_t tsc = do_op(vcpu, OP_RDTSC, 0, 0);

	EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, tsc + 1000000));
	EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, 0));
	usleep(60000);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(0, apic_count(vcpu));
	EXPECT_EQ(0, rdmsr(vcpu, MSR_DEADLINE));
}

/* Any number will do: none may trouble the host, or fire before its time. */
TEST(deadline_of_any_size)
{
	struct vcpu *vcpu = timer_guest(DEADLINE | VECTOR);
	uint64_t tsc = do_op(vcpu, OP_RDTSC, 0, 0);

	for (unsigned int bit = 45; bit < 64; bit++) {
		EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, tsc + (1ull << bit)));
		EXPECT_EQ(tsc + (1ull << bit), rdmsr(vcpu, MSR_DEADLINE));
	}
	EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, ~0ull));
	usleep(10000);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(0, apic_count(vcpu));
	EXPECT_EQ(~0ull, rdmsr(vcpu, MSR_DEADLINE));
}

/* Each move has the processor's timer looked at anew. */
TEST(deadline_holds_while_the_vcpu_moves)
{
	struct vcpu *vcpu = timer_guest(DEADLINE | VECTOR);
	uint64_t tsc = do_op(vcpu, OP_RDTSC, 0, 0) + 5000000;
	cpu_set_t cpu;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP("one CPU");
	EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, tsc));
	for (unsigned int i = 0; i < 6; i++) {
		CPU_ZERO(&cpu);
		CPU_SET(i & 1, &cpu);
		ASSERT_OK(sched_setaffinity(0, sizeof(cpu), &cpu));
		do_op(vcpu, OP_WINDOW, 0, 0);
		if (do_op(vcpu, OP_RDTSC, 0, 0) < tsc)
			ASSERT_EQ(0, apic_count(vcpu));
	}
	do_op(vcpu, OP_WAIT, 0, 1);
	EXPECT_TRUE(do_op(vcpu, OP_RDTSC, 0, 0) >= tsc);
	EXPECT_EQ(1, apic_count(vcpu));
}

TEST(deadline_in_another_mode_is_lost)
{
	struct vcpu *vcpu = timer_guest(VECTOR);

	EXPECT_TRUE(wrmsr(vcpu, MSR_DEADLINE, 1));
	EXPECT_EQ(0, rdmsr(vcpu, MSR_DEADLINE));
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(0, apic_count(vcpu));
	apic_write(vcpu, LVT_TIMER, DEADLINE | VECTOR);
	apic_write(vcpu, TIMER_INITIAL, 1000);
	EXPECT_EQ(0, apic_read(vcpu, TIMER_INITIAL));
}

TEST(masked_timer_says_nothing)
{
	struct vcpu *vcpu = timer_guest(MASKED | VECTOR);

	apic_write(vcpu, TIMER_INITIAL, 1 * MS);
	usleep(30000);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(0, apic_count(vcpu));
}

/* Nothing of a vCPU that is closed goes on. */
TEST(closed_with_its_timer_on)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct vcpu *vcpu = timer_guest(PERIODIC | VECTOR);

		apic_write(vcpu, TIMER_INITIAL, MS);
		guest_free(vcpu);
	}
}
