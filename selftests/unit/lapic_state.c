// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's reset, its modes, the state that a caller gets and sets, and
 * what holds after any sequence of calls.
 */
#include <stdlib.h>

#include "apic.h"

#define ENABLE	LAPIC_BASE_ENABLE
#define X2APIC	LAPIC_BASE_X2APIC

static struct minivmm_lapic_state state;

static void get_state(void)
{
	lapic_get_state(&apic, now, &state);
}

static bool set_state(void)
{
	return lapic_set_state(&apic, &state, now, fresh());
}

static u32 in_state(u32 offset)
{
	u32 value;

	memcpy(&value, state.regs + offset, 4);
	return value;
}

static void put_state(u32 offset, u32 value)
{
	memcpy(state.regs + offset, &value, 4);
}

TEST(after_reset)
{
	unsigned int id;

	for (id = 0; id < 2; id++) {
		lapic_init(&apic, id);
		EXPECT_EQ(LAPIC_DEFAULT_BASE | ENABLE | (id ? 0 : LAPIC_BASE_BSP),
			  apic.base);
		EXPECT_EQ(id << 24, rd(LAPIC_ID));
		EXPECT_EQ(0x50014, rd(LAPIC_VERSION));
		EXPECT_EQ(0xff, rd(LAPIC_SPIV));
		EXPECT_EQ(0xffffffff, rd(LAPIC_DFR));
		EXPECT_EQ(0, rd(LAPIC_LDR));
		EXPECT_EQ(0, rd(LAPIC_TPR));
		EXPECT_EQ(0x10000, rd(LAPIC_LVT_TIMER));
		EXPECT_EQ(0x10000, rd(LAPIC_LVT_THERMAL));
		EXPECT_EQ(0x10000, rd(LAPIC_LVT_PMC));
		EXPECT_EQ(id ? 0x10000 : 0x700, rd(LAPIC_LVT_LINT0));
		EXPECT_EQ(0x10000, rd(LAPIC_LVT_LINT1));
		EXPECT_EQ(0x10000, rd(LAPIC_LVT_ERROR));
		EXPECT_EQ(id == 0, lapic_takes_pic(&apic));
	}
}

/* Whatever was there before. */
TEST(reset_forgets_all_init_not_the_mode)
{
	static struct lapic before;
	int init;

	for (init = 0; init < 2; init++) {
		as_x2apic(0x25);
		lapic_accept(&apic, 0x90, true);
		lapic_accept(&apic, 0x80, true);
		take();
		wrmsr(LAPIC_TPR, 0x20);
		wrmsr(LAPIC_LVT_ERROR, 0x33);
		wrmsr(LAPIC_ICR, 0x500000041);
		before = apic;
		lapic_reset(&apic, init);
		EXPECT_EQ(-1, lapic_highest_irr(&apic));
		EXPECT_EQ(0, lapic_cr8(&apic));
		EXPECT_TRUE(!lapic_software_enabled(&apic));
		EXPECT_TRUE(apic.has_x2apic && apic.has_tsc_deadline);
		get_state();
		EXPECT_EQ(0, in_state(LAPIC_PPR));
		EXPECT_EQ(0, in_state(LAPIC_ICR));
		EXPECT_EQ(0, in_state(LAPIC_ICR2));
		EXPECT_EQ(0x10000, in_state(LAPIC_LVT_ERROR));
		EXPECT_EQ(init ? before.base : LAPIC_DEFAULT_BASE | ENABLE, apic.base);
		EXPECT_EQ(init ? 0x20020 : 0, in_state(LAPIC_LDR));
		EXPECT_EQ(0x25000000, in_state(LAPIC_ID));
	}
	/* INIT keeps the id that the guest has given itself. */
	as_xapic(3);
	wr(LAPIC_ID, 0x09000000);
	wr(LAPIC_LDR, 0x09000000);
	lapic_reset(&apic, true);
	EXPECT_EQ(0x09000000, rd(LAPIC_ID));
	EXPECT_EQ(0, rd(LAPIC_LDR));
	lapic_reset(&apic, false);
	EXPECT_EQ(0x03000000, rd(LAPIC_ID));
}

TEST(transitions_of_the_mode)
{
	static const u64 modes[] = { 0, ENABLE, ENABLE | X2APIC, X2APIC };
	/* From row to column, for the guest. */
	static const bool allowed[3][4] = {
		{ true, true, false, false },
		{ true, true, true, false },
		{ true, false, true, false },
	};
	unsigned int from, to;

	for (from = 0; from < 3; from++)
		for (to = 0; to < 4; to++) {
			as_xapic(1);
			lapic_set_base(&apic, LAPIC_DEFAULT_BASE | modes[from],
				       fresh());
			EXPECT(lapic_base_is_valid(&apic, LAPIC_DEFAULT_BASE |
						   modes[to], false) ==
			       allowed[from][to], "guest: %u to %u", from, to);
			EXPECT(lapic_base_is_valid(&apic, LAPIC_DEFAULT_BASE |
						   modes[to], true) ==
			       (to != 3), "owner: %u to %u", from, to);
			apic.has_x2apic = false;
			EXPECT(!(modes[to] & X2APIC) ||
			       !lapic_base_is_valid(&apic, LAPIC_DEFAULT_BASE |
						    modes[to], true),
			       "no x2APIC: %u to %u", from, to);
		}
}

TEST(reserved_bits_of_the_base)
{
	unsigned int bit, host;

	as_xapic(1);
	for (host = 0; host < 2; host++)
		for (bit = 0; bit < 64; bit++) {
			bool valid = (bit >= 12 && bit < 40) || bit == 8 ||
				bit == 11 || bit == 10;

			EXPECT(lapic_base_is_valid(&apic, LAPIC_BASE_ENABLE |
						   1ull << bit, host) == valid,
			       "bit %u", bit);
		}
	apic.maxphyaddr = 64;
	EXPECT_TRUE(lapic_base_is_valid(&apic, 1ull << 63 | ENABLE, false));
	apic.maxphyaddr = 255;
	EXPECT_TRUE(lapic_base_is_valid(&apic, 1ull << 63 | ENABLE, false));
	apic.maxphyaddr = 0;
	EXPECT_TRUE(!lapic_base_is_valid(&apic, ENABLE, false));
}

TEST(ids_follow_the_mode)
{
	u64 value;

	as_x2apic(0x12345);
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_INTERRUPT);
	EXPECT_TRUE(rdmsr(LAPIC_ID, &value));
	EXPECT_EQ(0x12345, value);
	EXPECT_TRUE(rdmsr(LAPIC_LDR, &value));
	EXPECT_EQ(0x12340020, value);
	/* What waits is still there in another mode. */
	lapic_accept(&apic, 0x66, false);
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE | ENABLE, fresh());
	EXPECT_EQ(0x45000000, rd(LAPIC_ID));
	EXPECT_EQ(0x66, lapic_pending(&apic));
	/* The same mode again: the guest's own id stays. */
	wr(LAPIC_ID, 0x77000000);
	lapic_set_base(&apic, 0x12345000 | ENABLE, fresh());
	EXPECT_EQ(0x77000000, rd(LAPIC_ID));
}

TEST(state_goes_out_and_in)
{
	static struct lapic before;
	static struct minivmm_lapic_state again;
	int x2apic;

	for (x2apic = 0; x2apic < 2; x2apic++) {
		as_xapic(5);
		wr(LAPIC_LVT_LINT1, 0x400);
		wr(LAPIC_TPR, 0x23);
		wr(LAPIC_ICR2, 0x07000000);
		wr(LAPIC_ICR, 0x4042);
		if (x2apic) {
			as_x2apic(5);
			wrmsr(LAPIC_ICR, 0x0123456700004042);
		}
		lapic_accept(&apic, 0x95, true);
		take();
		lapic_accept(&apic, 0xa5, false);
		get_state();
		before = apic;
		EXPECT_EQ(0x05000000, in_state(LAPIC_ID));
		EXPECT_EQ(0x90, in_state(LAPIC_PPR));
		EXPECT_EQ(0x4042, in_state(LAPIC_ICR));
		EXPECT_EQ(x2apic ? 0x01234567 : 0x07000000, in_state(LAPIC_ICR2));
		lapic_reset(&apic, true);
		EXPECT_TRUE(set_state());
		EXPECT_TRUE(effects.what & LAPIC_EFFECT_INTERRUPT);
		EXPECT_TRUE(effects.what & LAPIC_EFFECT_TIMER);
		again = state;
		get_state();
		EXPECT_TRUE(!memcmp(&again, &state, sizeof(state)));
		EXPECT_EQ(0xa5, lapic_pending(&apic));
		EXPECT_EQ(before.regs[LAPIC_ISR / 4 + 16], apic.regs[LAPIC_ISR / 4 + 16]);
	}
}

TEST(form_of_the_id)
{
	as_x2apic(300);
	get_state();
	EXPECT_EQ(300u << 24, in_state(LAPIC_ID));
	apic.ids_32bit = true;
	get_state();
	EXPECT_EQ(300, in_state(LAPIC_ID));
	EXPECT_TRUE(set_state());
	/* Another's state is refused, and nothing changes. */
	put_state(LAPIC_ID, 301);
	put_state(LAPIC_TPR, 0x50);
	EXPECT_TRUE(!set_state());
	EXPECT_EQ(0, effects.what);
	EXPECT_EQ(0, lapic_cr8(&apic));
	put_state(LAPIC_ID, 300u << 24);
	EXPECT_TRUE(!set_state());
	/* The old form says 8 bits and is taken as it is. */
	as_x2apic(3);
	get_state();
	put_state(LAPIC_ID, 0x17000000);
	put_state(LAPIC_LDR, 0x99999999);
	EXPECT_TRUE(set_state());
	EXPECT_EQ(0x17, apic.regs[LAPIC_ID / 4]);
	EXPECT_EQ(0x10080, apic.regs[LAPIC_LDR / 4]);
	/* As it is for an xAPIC, whichever form. */
	as_xapic(3);
	apic.ids_32bit = true;
	get_state();
	EXPECT_EQ(0x03000000, in_state(LAPIC_ID));
	put_state(LAPIC_ID, 0x17000000);
	EXPECT_TRUE(set_state());
	EXPECT_EQ(0x17000000, rd(LAPIC_ID));
}

TEST(version_is_not_the_callers)
{
	as_xapic(0);
	get_state();
	put_state(LAPIC_VERSION, 0x12345678);
	EXPECT_TRUE(set_state());
	EXPECT_EQ(0x50014, rd(LAPIC_VERSION));
	get_state();
	EXPECT_EQ(0x50014, in_state(LAPIC_VERSION));
}

/* A state with a count of @current of @initial, divided by 1. */
static void resume(u32 lvt, u32 initial, u32 current)
{
	as_xapic(0);
	get_state();
	put_state(LAPIC_TIMER_DIVIDE, 0xb);
	put_state(LAPIC_LVT_TIMER, lvt);
	put_state(LAPIC_TIMER_INITIAL, initial);
	put_state(LAPIC_TIMER_CURRENT, current);
	EXPECT_TRUE(set_state());
}

TEST(timer_goes_on_in_another_place)
{
	struct lapic_timer timer;

	resume(0xec, 5000, 1234);
	EXPECT_EQ(1234, rd(LAPIC_TIMER_CURRENT));
	lapic_timer(&apic, &timer);
	EXPECT_EQ(now + 1234, timer.ns);
	get_state();
	EXPECT_EQ(1234, in_state(LAPIC_TIMER_CURRENT));
	/* More than all: all. */
	resume(0xec, 5000, 5001);
	EXPECT_EQ(5000, rd(LAPIC_TIMER_CURRENT));
	/* Nothing left: a one-shot fires now, a period begins. */
	resume(0xec, 5000, 0);
	EXPECT_TRUE(lapic_timer_fired(&apic, now, fresh()));
	EXPECT_EQ(0xec, lapic_pending(&apic));
	resume(0x200ec, 500000, 0);
	EXPECT_EQ(500000, rd(LAPIC_TIMER_CURRENT));
	resume(0x200ec, 500000, 7);
	EXPECT_EQ(7, rd(LAPIC_TIMER_CURRENT));
	resume(0xec, 0, 1000);
	lapic_timer(&apic, &timer);
	EXPECT_EQ(LAPIC_TIMER_OFF, timer.mode);
	resume(0x600ec, 1000, 1000);
	lapic_timer(&apic, &timer);
	EXPECT_EQ(LAPIC_TIMER_OFF, timer.mode);
}

TEST(deadline_outlives_a_state_of_its_mode)
{
	resume(0x400ec, 0, 0);
	lapic_set_tsc_deadline(&apic, 77, fresh());
	get_state();
	EXPECT_TRUE(set_state());
	EXPECT_EQ(77, apic.tsc_deadline);
	put_state(LAPIC_LVT_TIMER, 0xec);
	EXPECT_TRUE(set_state());
	EXPECT_EQ(0, apic.tsc_deadline);
}

/* ---- lent to the processor ---- */

static u32 page[1024];

/* The processor takes or ends one in the page. */
static void in_page(u32 offset, unsigned int vector, bool set)
{
	u32 *word = &page[offset / 4 + vector / 32 * 4];

	if (set)
		*word |= 1u << vector % 32;
	else
		*word &= ~(1u << vector % 32);
}

TEST(lent_and_taken_back_as_it_was)
{
	as_x2apic(0);
	lapic_accept(&apic, 0x90, true);
	EXPECT_EQ(0x90, take());
	lapic_accept(&apic, 0x45, false);
	lapic_accept(&apic, 0xa1, true);
	wrmsr(LAPIC_TPR, 0x33);
	get_state();
	memset(page, 0xff, sizeof(page));
	lapic_lend(&apic, page);
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
	EXPECT_EQ(0x33, page[LAPIC_TPR / 4]);
	EXPECT_TRUE(!memcmp(page + LAPIC_ISR / 4, state.regs + LAPIC_ISR, 4));
	EXPECT_EQ(in_state(LAPIC_IRR + 0x50), page[LAPIC_IRR / 4 + 20]);
	EXPECT_EQ(in_state(LAPIC_TMR + 0x50), page[LAPIC_TMR / 4 + 20]);
	lapic_take_back(&apic, page);
	for (u32 offset = 0; offset < sizeof(state.regs); offset += 16)
		EXPECT_EQ(in_state(offset), offset == LAPIC_PPR ?
			  0x90 : apic.regs[offset / 4]);
}

/* The same vector comes again while the processor has just taken the first. */
TEST(what_comes_while_it_is_lent_is_kept)
{
	as_x2apic(0);
	lapic_accept(&apic, 0x45, false);
	lapic_lend(&apic, page);
	lapic_accept(&apic, 0x45, false);
	lapic_accept(&apic, 0x46, true);
	in_page(LAPIC_IRR, 0x45, false);
	in_page(LAPIC_ISR, 0x45, true);
	page[LAPIC_TPR / 4] = 0x12345620;
	lapic_take_back(&apic, page);
	EXPECT_EQ(0x20, apic.regs[LAPIC_TPR / 4]);
	EXPECT_EQ(0x46, lapic_highest_irr(&apic));
	EXPECT_EQ(-1, lapic_pending(&apic));
	lapic_lend(&apic, page);
	in_page(LAPIC_ISR, 0x45, false);
	in_page(LAPIC_IRR, 0x46, false);
	lapic_take_back(&apic, page);
	EXPECT_EQ(0x45, lapic_pending(&apic));
}

/* What holds whatever was done. */
static void check_invariants(void)
{
	int pending = lapic_pending(&apic), irr = lapic_highest_irr(&apic);
	struct lapic_timer timer;
	u8 ppr, tpr;

	get_state();
	tpr = in_state(LAPIC_TPR);
	ppr = in_state(LAPIC_PPR);
	ASSERT_TRUE(irr >= -1 && irr < 256);
	ASSERT_TRUE(pending == -1 || pending == irr);
	ASSERT_TRUE(pending == -1 || (pending >= 16 && pending >> 4 > ppr >> 4));
	ASSERT_TRUE(pending == irr || !lapic_is_enabled(&apic) ||
		    irr >> 4 <= ppr >> 4);
	ASSERT_TRUE(ppr >> 4 >= tpr >> 4);
	ASSERT_EQ(tpr >> 4, lapic_cr8(&apic));
	ASSERT_TRUE(!(apic.base & X2APIC) || apic.base & ENABLE);
	ASSERT_EQ(0x50014, in_state(LAPIC_VERSION));
	lapic_timer(&apic, &timer);
	ASSERT_TRUE(timer.mode != LAPIC_TIMER_NS ||
		    (s64)(timer.ns - now) <= (s64)(0xffffffffull * 128));
	if (timer.mode == LAPIC_TIMER_TSC)
		ASSERT_TRUE(apic.tsc_deadline);
}

static u64 any(void)
{
	u64 value = (u64)random() << 42 ^ (u64)random() << 21 ^ random();

	/* Often few bits, often many. */
	switch (random() % 4) {
	case 0:
		return value & 0xff;
	case 1:
		return (u32)value;
	case 2:
		return 1ull << (value & 63);
	default:
		return value;
	}
}

static void step(void)
{
	u32 offset = (random() % 0x40) << 4;
	u64 value = any();
	struct irq_message message = {
		.logical = value & 1, .ipi = value & 2,
		.destination = any(), .shorthand = value >> 2 & 3,
	};
	int vector;

	now += random() % 1000000;
	switch (random() % 12) {
	case 0 ... 2:
		wr(offset, any());
		break;
	case 3 ... 5:
		wrmsr(offset, any());
		break;
	case 6:
		vector = value & 0xff;
		if (lapic_accept(&apic, vector, random() & 1))
			ASSERT_TRUE(lapic_highest_irr(&apic) >= vector);
		break;
	case 7:
		vector = lapic_pending(&apic);
		if (take() < 0)
			break;
		/* It is served now, and nothing of its class comes. */
		get_state();
		ASSERT_EQ(vector & 0xf0, in_state(LAPIC_PPR) & 0xf0);
		ASSERT_EQ(-1, lapic_pending(&apic));
		break;
	case 8:
		value = LAPIC_DEFAULT_BASE | (value & (ENABLE | X2APIC));
		if (lapic_base_is_valid(&apic, value, random() & 1))
			lapic_set_base(&apic, value, fresh());
		break;
	case 9:
		lapic_timer_fired(&apic, now, fresh());
		break;
	case 10:
		lapic_set_tsc_deadline(&apic, any(), fresh());
		lapic_matches(&apic, &message);
		break;
	default:
		if (random() % 16)
			break;
		lapic_get_state(&apic, now, &state);
		state.regs[random() % sizeof(state.regs)] ^= any();
		set_state();
		break;
	}
}

TEST(random_sequences)
{
	unsigned int run, i;

	srandom(1);
	for (run = 0; run < 200; run++) {
		if (run & 1)
			as_x2apic(random() % 512);
		else
			as_xapic(random() % 512);
		apic.has_tsc_deadline = run & 2;
		apic.ids_32bit = run & 4;
		for (i = 0; i < 500; i++) {
			step();
			check_invariants();
		}
		lapic_reset(&apic, run & 8);
		ASSERT_EQ(-1, lapic_highest_irr(&apic));
		check_invariants();
	}
}
