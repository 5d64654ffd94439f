// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: its three modes, the count, and the limits.
 */
#include "apic.h"

#define ONE_SHOT	0x00000u
#define PERIODIC	0x20000u
#define DEADLINE	0x40000u
#define RESERVED_MODE	0x60000u
#define VECTOR		0xec
#define LIMIT		200000ull

/* The divide configuration that divides by 1. */
#define BY_1		0xb

static struct lapic_timer timer;

static const struct lapic_timer *ask(void)
{
	lapic_timer(&apic, &timer);
	return &timer;
}

/* A timer of this mode, divided by 1, at a time that is not 0. */
static void start(u32 mode, u32 count)
{
	now = 1000000000;
	as_xapic(0);
	wr(LAPIC_TIMER_DIVIDE, BY_1);
	wr(LAPIC_LVT_TIMER, mode | VECTOR);
	wr(LAPIC_TIMER_INITIAL, count);
}

static bool fire(void)
{
	return lapic_timer_fired(&apic, now, fresh());
}

TEST(off_at_first)
{
	as_xapic(0);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	EXPECT_TRUE(!fire());
	EXPECT_EQ(0, effects.what);
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
	EXPECT_EQ(0, rd(LAPIC_TIMER_CURRENT));
}

TEST(one_shot_fires_once)
{
	start(ONE_SHOT, 5000);
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_TIMER);
	EXPECT_EQ(LAPIC_TIMER_NS, ask()->mode);
	EXPECT_EQ(now + 5000, timer.ns);
	EXPECT_EQ(5000, rd(LAPIC_TIMER_CURRENT));
	now += 1234;
	EXPECT_EQ(3766, rd(LAPIC_TIMER_CURRENT));
	now += 3765;
	EXPECT_EQ(1, rd(LAPIC_TIMER_CURRENT));
	EXPECT_TRUE(!fire());
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
	now++;
	EXPECT_EQ(0, rd(LAPIC_TIMER_CURRENT));
	EXPECT_TRUE(fire());
	EXPECT_EQ(LAPIC_EFFECT_TIMER | LAPIC_EFFECT_INTERRUPT, effects.what);
	EXPECT_EQ(VECTOR, take());
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	now += 10000;
	EXPECT_EQ(0, rd(LAPIC_TIMER_CURRENT));
	EXPECT_TRUE(!fire());
	EXPECT_EQ(5000, rd(LAPIC_TIMER_INITIAL));
}

TEST(one_shot_has_no_lower_limit)
{
	start(ONE_SHOT, 1);
	EXPECT_EQ(now + 1, ask()->ns);
}

TEST(periodic_goes_round)
{
	u64 first;

	start(PERIODIC, 300000);
	first = now + 300000;
	EXPECT_EQ(first, ask()->ns);
	now = first;
	/* It has gone round though nobody has looked at it yet. */
	EXPECT_EQ(300000, rd(LAPIC_TIMER_CURRENT));
	now += 1;
	EXPECT_EQ(299999, rd(LAPIC_TIMER_CURRENT));
	EXPECT_TRUE(fire());
	EXPECT_EQ(first + 300000, ask()->ns);
	/* Three periods late: one interrupt, and then in time again. */
	now = first + 300000 * 4 + 17;
	EXPECT_TRUE(fire());
	EXPECT_EQ(first + 300000 * 5, ask()->ns);
	EXPECT_TRUE(!fire());
	EXPECT_EQ(300000 - 17, rd(LAPIC_TIMER_CURRENT));
	EXPECT_EQ(VECTOR, take());
}

TEST(short_periods_are_made_longer)
{
	start(PERIODIC, 1);
	EXPECT_EQ(now + LIMIT, ask()->ns);
	now += LIMIT;
	EXPECT_TRUE(fire());
	EXPECT_EQ(now + LIMIT, ask()->ns);
	EXPECT_EQ(1, rd(LAPIC_TIMER_INITIAL));
	start(PERIODIC, LIMIT - 1);
	EXPECT_EQ(now + LIMIT, ask()->ns);
	start(PERIODIC, LIMIT + 1);
	EXPECT_EQ(now + LIMIT + 1, ask()->ns);
	/* A short one-shot that becomes periodic: once soon, then the limit. */
	start(ONE_SHOT, 10);
	wr(LAPIC_LVT_TIMER, PERIODIC | VECTOR);
	EXPECT_EQ(now + 10, ask()->ns);
	now += 10;
	EXPECT_TRUE(fire());
	EXPECT_EQ(now + LIMIT, ask()->ns);
}

TEST(count_of_0_stops)
{
	start(PERIODIC, 1000000);
	wr(LAPIC_TIMER_INITIAL, 0);
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_TIMER);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	now += 2000000;
	EXPECT_TRUE(!fire());
	EXPECT_EQ(0, rd(LAPIC_TIMER_CURRENT));
}

TEST(divide_by_each)
{
	static const u8 values[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		start(ONE_SHOT, 0);
		wr(LAPIC_TIMER_DIVIDE, values[i] | 0xfffffff4);
		EXPECT_EQ(values[i], rd(LAPIC_TIMER_DIVIDE));
		wr(LAPIC_TIMER_INITIAL, 1000);
		EXPECT_EQ(now + (1000ull << i), ask()->ns);
		now += (1ull << i) - 1;
		EXPECT_EQ(i ? 999 : 1000, rd(LAPIC_TIMER_CURRENT));
		now++;
		EXPECT_EQ(999, rd(LAPIC_TIMER_CURRENT));
	}
}

TEST(longest_count)
{
	start(ONE_SHOT, 0);
	wr(LAPIC_TIMER_DIVIDE, 0xa);
	wr(LAPIC_TIMER_INITIAL, 0xffffffff);
	EXPECT_EQ(now + 0xffffffffull * 128, ask()->ns);
	EXPECT_EQ(0xffffffff, rd(LAPIC_TIMER_CURRENT));
	now += 0xffffffffull * 128 - 1;
	EXPECT_EQ(0, rd(LAPIC_TIMER_CURRENT));
	EXPECT_TRUE(!fire());
	now++;
	EXPECT_TRUE(fire());
}

TEST(other_divide_while_it_counts)
{
	start(ONE_SHOT, 8000);
	now += 2000;
	wr(LAPIC_TIMER_DIVIDE, 1);	/* by 4 */
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_TIMER);
	EXPECT_EQ(6000, rd(LAPIC_TIMER_CURRENT));
	EXPECT_EQ(now + 24000, ask()->ns);
	wr(LAPIC_TIMER_DIVIDE, 1);
	EXPECT_EQ(0, effects.what);
	now += 4000;
	wr(LAPIC_TIMER_DIVIDE, BY_1);
	EXPECT_EQ(5000, rd(LAPIC_TIMER_CURRENT));
	EXPECT_EQ(now + 5000, ask()->ns);
	/* It has no effect on one that is off. */
	now += 5000;
	EXPECT_TRUE(fire());
	wr(LAPIC_TIMER_DIVIDE, 1);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
}

TEST(masked_timer_counts_and_says_nothing)
{
	start(ONE_SHOT | MASKED, 5000);
	now += 5000;
	EXPECT_TRUE(fire());
	EXPECT_EQ(LAPIC_EFFECT_TIMER, effects.what);
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
	start(PERIODIC | MASKED, 500000);
	now += 500000;
	EXPECT_TRUE(fire());
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
	wr(LAPIC_LVT_TIMER, PERIODIC | VECTOR);
	now += 500000;
	EXPECT_TRUE(fire());
	EXPECT_EQ(VECTOR, lapic_highest_irr(&apic));
}

TEST(tick_behind_one_that_waits_is_not_noticed)
{
	start(PERIODIC, 300000);
	now += 300000;
	EXPECT_TRUE(fire());
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_INTERRUPT);
	now += 300000;
	EXPECT_TRUE(fire());
	EXPECT_EQ(LAPIC_EFFECT_TIMER, effects.what);
	EXPECT_EQ(VECTOR, take());
	now += 300000;
	EXPECT_TRUE(fire());
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_INTERRUPT);
}

TEST(disabled_apic_gets_no_timer_interrupt)
{
	start(ONE_SHOT, 5000);
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
	now += 5000;
	fire();
	EXPECT_TRUE(!(effects.what & LAPIC_EFFECT_INTERRUPT));
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
}

TEST(deadline_fires_once)
{
	start(DEADLINE, 0);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	lapic_set_tsc_deadline(&apic, 0x123456789abc, fresh());
	EXPECT_EQ(LAPIC_EFFECT_TIMER, effects.what);
	EXPECT_EQ(LAPIC_TIMER_TSC, ask()->mode);
	EXPECT_EQ(0x123456789abc, timer.tsc);
	EXPECT_TRUE(fire());
	EXPECT_EQ(LAPIC_EFFECT_TIMER | LAPIC_EFFECT_INTERRUPT, effects.what);
	EXPECT_EQ(0, apic.tsc_deadline);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	EXPECT_TRUE(!fire());
	lapic_set_tsc_deadline(&apic, 5, fresh());
	lapic_set_tsc_deadline(&apic, 0, fresh());
	EXPECT_EQ(LAPIC_EFFECT_TIMER, effects.what);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
}

TEST(deadline_mode_has_no_count)
{
	start(DEADLINE, 1000);
	EXPECT_EQ(0, rd(LAPIC_TIMER_INITIAL));
	EXPECT_EQ(0, rd(LAPIC_TIMER_CURRENT));
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
}

TEST(deadline_in_another_mode_is_ignored)
{
	static const u32 modes[] = { ONE_SHOT, PERIODIC, RESERVED_MODE };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		start(modes[i], 0);
		lapic_set_tsc_deadline(&apic, 1, fresh());
		EXPECT_EQ(0, effects.what);
		EXPECT_EQ(0, apic.tsc_deadline);
	}
	start(DEADLINE, 0);
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
	lapic_set_tsc_deadline(&apic, 1, fresh());
	EXPECT_EQ(0, apic.tsc_deadline);
	/* A CPU without the mode takes its bit for none. */
	start(ONE_SHOT, 0);
	apic.has_tsc_deadline = false;
	wr(LAPIC_LVT_TIMER, DEADLINE | VECTOR);
	lapic_set_tsc_deadline(&apic, 1, fresh());
	EXPECT_EQ(0, apic.tsc_deadline);
}

TEST(to_deadline_and_back_starts_anew)
{
	start(ONE_SHOT, 5000);
	wr(LAPIC_LVT_TIMER, DEADLINE | VECTOR);
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_TIMER);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	EXPECT_EQ(0, rd(LAPIC_TIMER_INITIAL));
	lapic_set_tsc_deadline(&apic, 1000, fresh());
	/* Only the vector: it goes on. */
	wr(LAPIC_LVT_TIMER, DEADLINE | (VECTOR + 1));
	EXPECT_EQ(LAPIC_TIMER_TSC, ask()->mode);
	wr(LAPIC_LVT_TIMER, PERIODIC | VECTOR);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	EXPECT_EQ(0, apic.tsc_deadline);
	wr(LAPIC_LVT_TIMER, DEADLINE | VECTOR);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
}

TEST(one_shot_and_periodic_share_the_count)
{
	start(PERIODIC, 500000);
	now += 1000;
	wr(LAPIC_LVT_TIMER, ONE_SHOT | VECTOR);
	EXPECT_EQ(499000, rd(LAPIC_TIMER_CURRENT));
	now += 499000;
	EXPECT_TRUE(fire());
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
}

TEST(reserved_mode_never_fires)
{
	start(RESERVED_MODE, 1000);
	EXPECT_EQ(1000, rd(LAPIC_TIMER_INITIAL));
	EXPECT_EQ(0, rd(LAPIC_TIMER_CURRENT));
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	now += 1000;
	EXPECT_TRUE(!fire());
}

TEST(reset_stops_it)
{
	start(PERIODIC, 500000);
	lapic_reset(&apic, true);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	start(DEADLINE, 0);
	lapic_set_tsc_deadline(&apic, 7, fresh());
	lapic_reset(&apic, false);
	EXPECT_EQ(LAPIC_TIMER_OFF, ask()->mode);
	EXPECT_EQ(0, apic.tsc_deadline);
}
