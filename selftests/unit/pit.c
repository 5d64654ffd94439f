// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 (module/irqchip/pit.c): counters as functions of time, latches, and
 * when channel 0 interrupts.
 */
#include <stdlib.h>

#include "irqchip/pit.h"
#include "ktap.h"

#define START		1000000000LL
#define NS(ticks)	((s64)(ticks) * 1000000000LL / PIT_HZ)
/* In the middle of a tick, away from rounding. */
#define MIDDLE(ticks)	(START + NS(ticks) + 400)

static struct pit pit;

static void power_on(void)
{
	memset(&pit, 0xa5, sizeof(pit));
	pit_init(&pit, true, START);
}

/* Control word and both bytes of the count, at START. */
static bool program(unsigned int channel, unsigned int mode, u16 count)
{
	EXPECT_TRUE(!pit_write(&pit, 0x43, channel << 6 | 0x30 | mode << 1, START));
	EXPECT_TRUE(!pit_write(&pit, 0x40 + channel, count, START));
	return pit_write(&pit, 0x40 + channel, count >> 8, START);
}

static u16 latch(unsigned int channel, s64 now)
{
	u16 low;

	pit_write(&pit, 0x43, channel << 6, now);
	low = pit_read(&pit, 0x40 + channel, now + 12345);
	return low | pit_read(&pit, 0x40 + channel, now + 23456) << 8;
}

static u8 status(unsigned int channel, s64 now)
{
	pit_write(&pit, 0x43, 0xe0 | 2 << channel, now);
	return pit_read(&pit, 0x40 + channel, now + 34567);
}

static bool out(unsigned int channel, s64 now)
{
	return status(channel, now) >> 7;
}

TEST(power_on_state)
{
	struct pit_timer timer;
	unsigned int n;

	power_on();
	for (n = 0; n < 3; n++) {
		EXPECT_EQ(0x10000, pit.state.channels[n].count);
		EXPECT_EQ(0xff, pit.state.channels[n].mode);
		EXPECT_EQ(n != 2, pit.state.channels[n].gate);
	}
	EXPECT_EQ(0, pit.state.flags);
	pit_timer(&pit, START + 1, &timer);
	EXPECT_EQ(0, timer.first);
	EXPECT_EQ(0, timer.period);
	/* What has had no control word reads as 0. */
	EXPECT_EQ(0, pit_read(&pit, 0x40, MIDDLE(1000)));
}

TEST(ports_owned)
{
	unsigned int port;

	power_on();
	for (port = 0; port < 0x10000; port++)
		EXPECT_EQ((port >= 0x40 && port <= 0x43) || port == 0x61,
			  pit_owns_port(&pit, port));
	pit_init(&pit, false, START);
	EXPECT_TRUE(!pit_owns_port(&pit, 0x61));
	EXPECT_TRUE(pit_owns_port(&pit, 0x40));
}

TEST(control_port_reads_0)
{
	power_on();
	program(0, 2, 0x1234);
	EXPECT_EQ(0, pit_read(&pit, 0x43, MIDDLE(7)));
}

TEST(count_of_each_mode)
{
	static const struct {
		unsigned int mode, ticks, count;
	} table[] = {
		{ 0, 0, 1000 }, { 0, 1, 999 }, { 0, 1000, 0 }, { 0, 1001, 0xffff },
		{ 1, 3, 997 }, { 1, 1003, 0xfffd },
		{ 2, 3, 997 }, { 2, 999, 1 }, { 2, 1000, 1000 }, { 2, 2001, 999 },
		{ 3, 3, 994 }, { 3, 499, 2 }, { 3, 500, 1000 }, { 3, 1001, 998 },
		{ 4, 3, 997 }, { 4, 1003, 0xfffd },
		{ 5, 3, 997 }, { 5, 1003, 0xfffd },
		/* 6 and 7 are 2 and 3 */
		{ 6, 2001, 999 }, { 7, 1001, 998 },
	};
	unsigned int i, n;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (n = 1; n < 3; n++) {
			power_on();
			program(n, table[i].mode, 1000);
			EXPECT(latch(n, MIDDLE(table[i].ticks)) == table[i].count,
			       "channel %u, mode %u, %u ticks: not %u", n,
			       table[i].mode, table[i].ticks, table[i].count);
		}
}

TEST(output_of_each_mode)
{
	static const struct {
		unsigned int mode, ticks, out;
	} table[] = {
		{ 0, 0, 0 }, { 0, 999, 0 }, { 0, 1000, 1 }, { 0, 5000, 1 },
		{ 1, 0, 1 }, { 1, 999, 1 }, { 1, 1000, 0 },
		{ 2, 0, 0 }, { 2, 999, 0 }, { 2, 1000, 1 }, { 2, 1001, 0 },
		{ 3, 0, 1 }, { 3, 499, 1 }, { 3, 500, 0 }, { 3, 999, 0 }, { 3, 1000, 1 },
		{ 4, 999, 0 }, { 4, 1000, 1 }, { 4, 1001, 0 },
		{ 5, 999, 0 }, { 5, 1000, 1 }, { 5, 1001, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		power_on();
		program(2, table[i].mode, 1000);
		EXPECT(out(2, MIDDLE(table[i].ticks)) == table[i].out,
		       "mode %u, %u ticks: not %u", table[i].mode,
		       table[i].ticks, table[i].out);
		EXPECT_EQ(table[i].out,
			  pit_read(&pit, 0x61, MIDDLE(table[i].ticks)) >> 5 & 1);
	}
}

TEST(odd_count_is_longer_high)
{
	power_on();
	program(2, 3, 7);
	EXPECT_TRUE(out(2, MIDDLE(3)));
	EXPECT_TRUE(!out(2, MIDDLE(4)));
}

TEST(count_0_is_65536)
{
	power_on();
	program(2, 0, 0);
	EXPECT_EQ(0x10000, pit.state.channels[2].count);
	EXPECT_TRUE(!out(2, MIDDLE(65535)));
	EXPECT_TRUE(out(2, MIDDLE(65536)));
}

TEST(bcd_is_noted)
{
	power_on();
	pit_write(&pit, 0x43, 0xb1, START);
	pit_write(&pit, 0x42, 0x00, START);
	pit_write(&pit, 0x42, 0x10, START);
	EXPECT_EQ(1, pit.state.channels[2].bcd);
	EXPECT_EQ(1, status(2, START) & 1);
	EXPECT_EQ(0x0fff, latch(2, MIDDLE(1)));
}

TEST(access_to_single_bytes)
{
	power_on();
	pit_write(&pit, 0x43, 0x90, START);	/* low */
	pit_write(&pit, 0x42, 0x34, START);
	EXPECT_EQ(0x34, pit.state.channels[2].count);
	EXPECT_EQ(0x33, pit_read(&pit, 0x42, MIDDLE(1)));
	EXPECT_EQ(0x32, pit_read(&pit, 0x42, MIDDLE(2)));
	pit_write(&pit, 0x43, 0xa0, START);	/* high */
	pit_write(&pit, 0x42, 0x12, START);
	EXPECT_EQ(0x1200, pit.state.channels[2].count);
	EXPECT_EQ(0x11, pit_read(&pit, 0x42, MIDDLE(1)));
	EXPECT_EQ(0x11, pit_read(&pit, 0x42, MIDDLE(2)));
}

TEST(both_bytes_in_turn)
{
	power_on();
	program(2, 0, 0x1234);
	EXPECT_EQ(0x33, pit_read(&pit, 0x42, MIDDLE(1)));
	EXPECT_EQ(0x12, pit_read(&pit, 0x42, MIDDLE(1)));
	EXPECT_EQ(0x33, pit_read(&pit, 0x42, MIDDLE(1)));
	/* Half a count loads nothing. */
	pit_write(&pit, 0x42, 0x78, MIDDLE(1));
	EXPECT_EQ(0x1234, pit.state.channels[2].count);
	pit_write(&pit, 0x42, 0x56, MIDDLE(1));
	EXPECT_EQ(0x5678, pit.state.channels[2].count);
}

TEST(latched_count_stays)
{
	power_on();
	program(2, 0, 0x1234);
	pit_write(&pit, 0x43, 0x80, MIDDLE(2));
	pit_write(&pit, 0x43, 0x80, MIDDLE(99));
	EXPECT_EQ(0x32, pit_read(&pit, 0x42, MIDDLE(100)));
	EXPECT_EQ(0x12, pit_read(&pit, 0x42, MIDDLE(300)));
	EXPECT_EQ(0x30, pit_read(&pit, 0x42, MIDDLE(4)));
}

TEST(latched_single_bytes)
{
	power_on();
	program(2, 0, 0x1234);
	pit_write(&pit, 0x43, 0x90, START);
	pit_write(&pit, 0x43, 0x80, START);
	EXPECT_EQ(0x34, pit_read(&pit, 0x42, MIDDLE(9)));
	EXPECT_EQ(0x2b, pit_read(&pit, 0x42, MIDDLE(9)));
	pit_write(&pit, 0x43, 0xa0, START);
	pit_write(&pit, 0x43, 0x80, START);
	EXPECT_EQ(0x12, pit_read(&pit, 0x42, MIDDLE(0x300)));
	EXPECT_EQ(0x0f, pit_read(&pit, 0x42, MIDDLE(0x300)));
}

TEST(read_back)
{
	power_on();
	program(1, 2, 0x4000);
	program(2, 3, 0x2000);
	/* status and count of channels 1 and 2 */
	pit_write(&pit, 0x43, 0xcc, MIDDLE(1));
	EXPECT_EQ(0, pit.state.channels[0].status_latched);
	EXPECT_EQ(0x34, pit_read(&pit, 0x41, MIDDLE(1000)));
	EXPECT_EQ(0xff, pit_read(&pit, 0x41, MIDDLE(1000)));
	EXPECT_EQ(0x3f, pit_read(&pit, 0x41, MIDDLE(1000)));
	EXPECT_EQ(0xb6, pit_read(&pit, 0x42, MIDDLE(1000)));
	EXPECT_EQ(0xfe, pit_read(&pit, 0x42, MIDDLE(1000)));
	EXPECT_EQ(0x1f, pit_read(&pit, 0x42, MIDDLE(1000)));
	/* Neither, of all: nothing. */
	pit_write(&pit, 0x43, 0xfe, MIDDLE(1));
	EXPECT_EQ(0, pit.state.channels[1].status_latched);
	EXPECT_EQ(0, pit.state.channels[1].count_latched);
	/* The first latched status stays. */
	pit_write(&pit, 0x43, 0xe8, MIDDLE(1));
	pit_write(&pit, 0x43, 0xe8, MIDDLE(0x1800));
	EXPECT_EQ(0xb6, pit_read(&pit, 0x42, MIDDLE(0x1800)));
}

TEST(speaker_port)
{
	power_on();
	EXPECT_EQ(0, pit_read(&pit, 0x61, START) & 0x2f);
	pit_write(&pit, 0x61, 0xff, START);
	EXPECT_EQ(3, pit_read(&pit, 0x61, START) & 0xcf);
	EXPECT_EQ(MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON, pit.state.flags);
	pit_write(&pit, 0x61, 1, START);
	EXPECT_EQ(1, pit_read(&pit, 0x61, START) & 0xcf);
	EXPECT_EQ(0, pit.state.flags);
}

TEST(refresh_bit_toggles)
{
	unsigned int i, changes = 0;
	u8 before, now;

	power_on();
	before = pit_read(&pit, 0x61, START) & 0x10;
	for (i = 0; i < 1000; i++) {
		now = pit_read(&pit, 0x61, START + i * 1000) & 0x10;
		changes += now != before;
		before = now;
	}
	EXPECT(changes >= 60 && changes <= 62, "%u changes in 1 ms", changes);
}

TEST(rising_gate_starts_anew)
{
	unsigned int mode;
	bool anew;

	for (mode = 0; mode < 6; mode++) {
		power_on();
		program(2, mode, 10000);
		anew = mode != 0 && mode != 4;
		pit_write(&pit, 0x61, 1, MIDDLE(1000));
		EXPECT_EQ(anew ? MIDDLE(1000) : START,
			  pit.state.channels[2].count_load_time);
		/* Neither what stays up nor what falls is an edge. */
		pit_write(&pit, 0x61, 1, MIDDLE(2000));
		pit_write(&pit, 0x61, 0, MIDDLE(3000));
		EXPECT_EQ(anew ? MIDDLE(1000) : START,
			  pit.state.channels[2].count_load_time);
	}
}

TEST(timer_of_each_mode)
{
	static const struct {
		unsigned int mode;
		bool first, periodic;
	} table[] = {
		{ 0, true, false }, { 1, true, false }, { 2, true, true },
		{ 3, true, true }, { 4, true, false }, { 5, false, false },
	};
	struct pit_timer timer;
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		power_on();
		EXPECT_TRUE(program(0, table[i].mode, 11932));
		pit_timer(&pit, START, &timer);
		EXPECT_EQ(table[i].first ? START + NS(11932) : 0, timer.first);
		EXPECT_EQ(table[i].periodic ? NS(11932) : 0, timer.period);
	}
}

TEST(only_channel_0_has_a_timer)
{
	struct pit_timer timer;

	power_on();
	EXPECT_TRUE(!program(1, 2, 1000));
	EXPECT_TRUE(!program(2, 2, 1000));
	pit_timer(&pit, START, &timer);
	EXPECT_EQ(0, timer.first);
}

TEST(control_word_does_not_stop_the_timer)
{
	struct pit_timer timer;

	power_on();
	program(0, 2, 11932);
	EXPECT_TRUE(!pit_write(&pit, 0x43, 0x30, START + 5));
	pit_timer(&pit, START + 5, &timer);
	EXPECT_EQ(NS(11932), timer.period);
	program(0, 5, 11932);
	pit_timer(&pit, START + 5, &timer);
	EXPECT_EQ(0, timer.first);
	EXPECT_EQ(0, timer.period);
}

TEST(fast_timer_is_slowed_down)
{
	struct pit_timer timer;

	power_on();
	program(0, 2, 1);
	pit_timer(&pit, START, &timer);
	EXPECT_EQ(START + NS(1), timer.first);
	EXPECT_EQ(200000, timer.period);
	program(0, 0, 1);
	pit_timer(&pit, START, &timer);
	EXPECT_EQ(0, timer.period);
}

TEST(next_rise_of_a_periodic_timer)
{
	struct pit_timer timer;
	s64 period = NS(11932), now;

	power_on();
	program(0, 2, 11932);
	for (now = START; now < START + 5 * period; now += period / 7) {
		pit_timer(&pit, now, &timer);
		EXPECT_TRUE(timer.first >= now && timer.first - now <= period);
		EXPECT_EQ(0, (timer.first - START) % period);
	}
	/* One shot: the only one, even if it is past. */
	program(0, 0, 11932);
	pit_timer(&pit, START + 3 * period, &timer);
	EXPECT_EQ(START + period, timer.first);
}

TEST(count_keeps_step_with_interrupts)
{
	struct pit_timer timer;
	unsigned int i;

	power_on();
	program(0, 2, 11932);
	for (i = 1; i < 100000; i += 777) {
		pit_timer(&pit, START + i * NS(11932) - 5, &timer);
		EXPECT_EQ(11932, latch(0, timer.first));
		EXPECT_TRUE(latch(0, timer.first - 1000) < 3);
	}
}

TEST(state_starts_counters_anew)
{
	struct minivmm_pit_state2 state;
	struct pit_timer timer;

	power_on();
	program(0, 2, 11932);
	program(2, 0, 5000);
	pit_get_state(&pit, &state);
	state.channels[2].count_load_time = 7;
	memset(state.reserved, 0xff, sizeof(state.reserved));
	EXPECT_TRUE(pit_set_state(&pit, &state, START + 1000000));
	pit_timer(&pit, START + 1000000, &timer);
	EXPECT_EQ(START + 1000000 + NS(11932), timer.first);
	EXPECT_EQ(5000, latch(2, START + 1000000));
	pit_get_state(&pit, &state);
	EXPECT_EQ(START + 1000000, state.channels[2].count_load_time);
	EXPECT_EQ(0, state.reserved[0]);
	EXPECT_EQ(0, state.reserved[8]);
	state.channels[2].count = 0;
	pit_set_state(&pit, &state, START);
	EXPECT_EQ(0x10000, pit.state.channels[2].count);
}

TEST(hpet_takes_the_interrupt)
{
	struct minivmm_pit_state2 state;
	struct pit_timer timer;

	power_on();
	program(0, 2, 11932);
	pit_get_state(&pit, &state);
	state.flags = MINIVMM_PIT_FLAGS_HPET_LEGACY;
	EXPECT_TRUE(pit_set_state(&pit, &state, START));
	pit_timer(&pit, START, &timer);
	EXPECT_EQ(0, timer.first);
	EXPECT_EQ(0, timer.period);
	program(0, 2, 1000);
	pit_timer(&pit, START, &timer);
	EXPECT_EQ(0, timer.first);
	EXPECT_EQ(2, pit.state.channels[0].mode);
	EXPECT_EQ(990, latch(0, MIDDLE(10)));
	/* And gives it back. */
	pit_get_state(&pit, &state);
	state.flags = 0;
	pit_set_state(&pit, &state, START);
	pit_timer(&pit, START, &timer);
	EXPECT_EQ(NS(1000), timer.period);
}

TEST(years_later)
{
	power_on();
	program(2, 2, 50000);
	EXPECT_TRUE(latch(2, START + 9000000000000000000LL) <= 50000);
	EXPECT_TRUE(latch(2, START) == 50000);
	/* A clock that was set back counts as none. */
	EXPECT_EQ(50000, latch(2, 5));
}

static void random_state(s64 now)
{
	u8 bytes[sizeof(struct minivmm_pit_state2)];
	struct minivmm_pit_state2 state;
	unsigned int i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = rand();
	memcpy(&state, bytes, sizeof(state));
	pit_set_state(&pit, &state, now);
}

TEST(random_operations)
{
	static const u16 ports[] = { 0x40, 0x41, 0x42, 0x43, 0x43, 0x61 };
	struct pit_timer timer;
	s64 now = START;
	unsigned int i;
	u16 port;

	srand(8254);
	power_on();
	for (i = 0; i < 1000000; i++) {
		now += rand() % 16 ? rand() % 100000 : (s64)rand() * 1000;
		port = ports[rand() % 6];
		if (rand() % 5000 == 0)
			random_state(now);
		else if (rand() % 2)
			ASSERT_TRUE(!pit_write(&pit, port, rand(), now) || port == 0x40);
		else
			pit_read(&pit, port, now);
		pit_timer(&pit, now, &timer);
		ASSERT_TRUE(timer.first >= 0);
		ASSERT_TRUE(!timer.period || (timer.period >= 200000 && timer.first >= now));
		ASSERT_TRUE(pit.state.channels[i % 3].count != 0);
		ASSERT_TRUE(pit.state.channels[i % 3].count_load_time <= now);
	}
}
