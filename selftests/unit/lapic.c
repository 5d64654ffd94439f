// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC: which interrupt is next, what its end tells, and for whom a
 * message is.
 */
#include "apic.h"

static bool bit(u32 offset, unsigned int vector)
{
	return rd(offset + vector / 32 * 16) & 1u << vector % 32;
}

TEST(highest_vector_first)
{
	static const u8 order[] = { 0xff, 0xf0, 0xe1, 0x80, 0x7f, 0x41, 0x31, 0x10 };
	unsigned int i;

	as_xapic(0);
	EXPECT_EQ(-1, lapic_pending(&apic));
	for (i = 0; i < ARRAY_SIZE(order); i++)
		EXPECT_EQ(1, lapic_accept(&apic, order[(i * 5) % 8], false));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		EXPECT_EQ(order[i], lapic_highest_irr(&apic));
		/* One of the same class as the one in service has to wait. */
		if (i == 1)
			EXPECT_EQ(-1, lapic_pending(&apic));
		wr(LAPIC_EOI, 0);
		EXPECT_EQ(order[i], take());
	}
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
}

TEST(every_vector_alone)
{
	unsigned int vector;

	for (vector = 0; vector < 256; vector++) {
		as_xapic(0);
		EXPECT_EQ(1, lapic_accept(&apic, vector, false));
		EXPECT_TRUE(bit(LAPIC_IRR, vector));
		EXPECT_EQ(vector, lapic_highest_irr(&apic));
		/* Classes 0 is below any priority: such a one waits for ever. */
		EXPECT_EQ(vector < 16 ? -1 : (int)vector, lapic_pending(&apic));
		if (vector < 16)
			continue;
		EXPECT_EQ(vector, take());
		EXPECT_TRUE(!bit(LAPIC_IRR, vector) && bit(LAPIC_ISR, vector));
		EXPECT_EQ(vector & 0xf0, rd(LAPIC_PPR));
		wr(LAPIC_EOI, 0);
		EXPECT_TRUE(!bit(LAPIC_ISR, vector));
		EXPECT_EQ(0, rd(LAPIC_PPR));
	}
}

TEST(same_vector_twice_is_once)
{
	as_xapic(0);
	EXPECT_EQ(1, lapic_accept(&apic, 0x51, false));
	EXPECT_EQ(1, lapic_accept(&apic, 0x51, false));
	EXPECT_EQ(0x51, take());
	EXPECT_EQ(-1, lapic_highest_irr(&apic));
	/* While it is served, the next of it can wait. */
	EXPECT_EQ(1, lapic_accept(&apic, 0x51, false));
	EXPECT_EQ(-1, lapic_pending(&apic));
	wr(LAPIC_EOI, 0);
	EXPECT_EQ(0x51, lapic_pending(&apic));
}

TEST(task_priority_masks_its_class_and_below)
{
	unsigned int tpr;

	as_xapic(0);
	EXPECT_EQ(1, lapic_accept(&apic, 0x5f, false));
	for (tpr = 0; tpr < 256; tpr++) {
		wr(LAPIC_TPR, tpr | 0xabc00);
		EXPECT_EQ(tpr, rd(LAPIC_TPR));
		EXPECT_EQ(tpr, rd(LAPIC_PPR));
		EXPECT_EQ(tpr < 0x50 ? 0x5f : -1, lapic_pending(&apic));
		EXPECT_TRUE(effects.what & LAPIC_EFFECT_INTERRUPT);
		EXPECT_EQ(tpr >> 4, lapic_cr8(&apic));
	}
}

TEST(cr8_is_the_class_of_the_task_priority)
{
	unsigned int cr8;

	as_xapic(0);
	for (cr8 = 0; cr8 < 16; cr8++) {
		lapic_set_cr8(&apic, cr8, fresh());
		EXPECT_TRUE(effects.what & LAPIC_EFFECT_INTERRUPT);
		EXPECT_EQ(cr8, lapic_cr8(&apic));
		EXPECT_EQ(cr8 << 4, rd(LAPIC_TPR));
	}
	wr(LAPIC_TPR, 0x3f);
	EXPECT_EQ(3, lapic_cr8(&apic));
}

TEST(processor_priority_is_the_higher_of_task_and_service)
{
	/* TPR, in service, PPR */
	static const u8 rows[][3] = {
		{ 0x00, 0x00, 0x00 }, { 0x3f, 0x00, 0x3f }, { 0x00, 0x45, 0x40 },
		{ 0x3f, 0x45, 0x40 }, { 0x40, 0x45, 0x40 }, { 0x4f, 0x45, 0x4f },
		{ 0x50, 0x45, 0x50 }, { 0xff, 0x45, 0xff }, { 0x0f, 0x1f, 0x10 },
		{ 0xf0, 0xff, 0xf0 }, { 0xef, 0xf0, 0xf0 }, { 0x20, 0xe1, 0xe0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		as_xapic(0);
		if (rows[i][1]) {
			lapic_accept(&apic, rows[i][1], false);
			EXPECT_EQ(rows[i][1], take());
		}
		wr(LAPIC_TPR, rows[i][0]);
		EXPECT_EQ(rows[i][2], rd(LAPIC_PPR));
	}
}

TEST(nested_service_ends_from_the_top)
{
	as_xapic(0);
	lapic_accept(&apic, 0x31, false);
	EXPECT_EQ(0x31, take());
	lapic_accept(&apic, 0x3f, false);
	EXPECT_EQ(-1, take());
	lapic_accept(&apic, 0x91, true);
	EXPECT_EQ(0x91, take());
	wr(LAPIC_EOI, 0);
	EXPECT_EQ(LAPIC_EFFECT_EOI | LAPIC_EFFECT_INTERRUPT, effects.what);
	EXPECT_EQ(0x91, effects.eoi_vector);
	EXPECT_EQ(-1, take());
	wr(LAPIC_EOI, 0);
	EXPECT_EQ(LAPIC_EFFECT_EDGE_EOI | LAPIC_EFFECT_INTERRUPT, effects.what);
	EXPECT_EQ(0x31, effects.eoi_vector);
	EXPECT_EQ(0x3f, take());
	wr(LAPIC_EOI, 0x12345678);
	EXPECT_EQ(0x3f, effects.eoi_vector);
	wr(LAPIC_EOI, 0);
	EXPECT_EQ(0, effects.what);
}

TEST(end_is_heard_of_if_another_waits)
{
	bool level = true;

	as_xapic(0);
	EXPECT_EQ(-1, lapic_ends_unheard(&apic, &level));
	EXPECT_EQ(1, lapic_accept(&apic, 0x31, true));
	EXPECT_EQ(-1, lapic_ends_unheard(&apic, &level));
	EXPECT_EQ(0x31, take());
	EXPECT_EQ(1, lapic_accept(&apic, 0x91, false));
	EXPECT_EQ(0x91, take());
	EXPECT_EQ(0x91, lapic_ends_unheard(&apic, &level));
	EXPECT_TRUE(!level);
	/* Even what has not the priority, or never will. */
	EXPECT_EQ(1, lapic_accept(&apic, 0x10, false));
	EXPECT_EQ(-1, lapic_ends_unheard(&apic, &level));
	wr(LAPIC_EOI, 0);
	wr(LAPIC_EOI, 0);
	EXPECT_EQ(0x10, take());
	EXPECT_EQ(0x10, lapic_ends_unheard(&apic, &level));
	wr(LAPIC_EOI, 0);
	EXPECT_EQ(-1, lapic_ends_unheard(&apic, &level));
}

TEST(end_is_of_the_highest_and_says_if_it_is_a_level)
{
	bool level = false;

	as_xapic(0);
	EXPECT_EQ(1, lapic_accept(&apic, 0x31, false));
	EXPECT_EQ(0x31, take());
	EXPECT_EQ(1, lapic_accept(&apic, 0x91, true));
	EXPECT_EQ(0x91, take());
	EXPECT_EQ(0x91, lapic_ends_unheard(&apic, &level));
	EXPECT_TRUE(level);
	lapic_end_of_interrupt(&apic, fresh());
	EXPECT_EQ(LAPIC_EFFECT_INTERRUPT | LAPIC_EFFECT_EOI, effects.what);
	EXPECT_EQ(0x31, lapic_ends_unheard(&apic, &level));
	EXPECT_TRUE(!level);
}

TEST(end_is_not_for_one_that_is_off)
{
	bool level;

	as_xapic(0);
	EXPECT_EQ(1, lapic_accept(&apic, 0x31, false));
	EXPECT_EQ(0x31, take());
	wr(LAPIC_SPIV, 0xff);
	EXPECT_EQ(-1, lapic_ends_unheard(&apic, &level));
	wr(LAPIC_SPIV, SPIV_ON);
	EXPECT_EQ(0x31, lapic_ends_unheard(&apic, &level));
	lapic_set_base(&apic, apic.base & ~LAPIC_BASE_ENABLE, fresh());
	EXPECT_EQ(-1, lapic_ends_unheard(&apic, &level));
}

TEST(trigger_mode_is_that_of_the_last_arrival)
{
	as_xapic(0);
	lapic_accept(&apic, 0x61, true);
	EXPECT_TRUE(bit(LAPIC_TMR, 0x61));
	lapic_accept(&apic, 0x61, false);
	EXPECT_TRUE(!bit(LAPIC_TMR, 0x61));
	EXPECT_EQ(0x61, take());
	wr(LAPIC_EOI, 0);
	EXPECT_EQ(LAPIC_EFFECT_EDGE_EOI | LAPIC_EFFECT_INTERRUPT, effects.what);
}

TEST(disabled_takes_nothing)
{
	as_xapic(0);
	wr(LAPIC_SPIV, 0xff);
	EXPECT_TRUE(!lapic_software_enabled(&apic));
	EXPECT_EQ(0, lapic_accept(&apic, 0x40, false));
	EXPECT_EQ(-1, lapic_highest_irr(&apic));

	as_xapic(0);
	EXPECT_EQ(1, lapic_accept(&apic, 0x40, false));
	/* What waits already waits on, and is taken. */
	wr(LAPIC_SPIV, 0xff);
	EXPECT_EQ(0x40, lapic_pending(&apic));
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
	EXPECT_TRUE(!lapic_is_enabled(&apic));
	EXPECT_EQ(-1, lapic_pending(&apic));
	EXPECT_EQ(0, lapic_accept(&apic, 0x41, false));
}

/* Who may be meant: */
enum who {
	XAPIC_3,	/* xAPIC of id 3, logical id 8, flat */
	XAPIC_CLUSTER,	/* xAPIC of id 3, cluster 2, bits 0 and 3 */
	XAPIC_NO_MODEL,	/* xAPIC whose DFR is neither */
	XAPIC_300,	/* xAPIC of vCPU 300: its id has 8 bits */
	X2APIC_3,
	X2APIC_255,
	X2APIC_300,	/* cluster 18, bit 12 */
	OFF,		/* vCPU 3's, disabled */
	WHO_COUNT,
};

#define TO(who)	(1u << (who))

static void become(enum who who)
{
	static const u32 ids[WHO_COUNT] = {
		[XAPIC_3] = 3, [XAPIC_CLUSTER] = 3, [XAPIC_NO_MODEL] = 3,
		[XAPIC_300] = 300, [X2APIC_3] = 3, [X2APIC_255] = 255,
		[X2APIC_300] = 300, [OFF] = 3,
	};

	as_xapic(ids[who]);
	if (who == X2APIC_3 || who == X2APIC_255 || who == X2APIC_300)
		as_x2apic(ids[who]);
	wr(LAPIC_LDR, who == XAPIC_CLUSTER ? 0x29000000 : 0x08000000);
	if (who == XAPIC_CLUSTER)
		wr(LAPIC_DFR, 0);
	else if (who == XAPIC_NO_MODEL)
		wr(LAPIC_DFR, 0x50000000);
	else if (who == OFF)
		lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
}

#define FROM_DEVICE	false
#define FROM_APIC	true

static const struct {
	bool logical, ipi;
	u32 destination;
	u32 who;
} destinations[] = {
	{ false, FROM_DEVICE, 3, TO(XAPIC_3) | TO(XAPIC_CLUSTER) |
		TO(XAPIC_NO_MODEL) | TO(X2APIC_3) },
	{ false, FROM_DEVICE, 4, 0 },
	{ false, FROM_DEVICE, 300 & 0xff, TO(XAPIC_300) },
	{ false, FROM_DEVICE, 300, TO(XAPIC_300) | TO(X2APIC_300) },
	{ false, FROM_DEVICE, 0x103, 0 },
	{ false, FROM_DEVICE, 0xff, ~TO(OFF) },
	{ false, FROM_APIC, 0xff, TO(XAPIC_3) | TO(XAPIC_CLUSTER) |
		TO(XAPIC_NO_MODEL) | TO(XAPIC_300) | TO(X2APIC_255) },
	{ false, FROM_APIC, 0xffffffff, TO(X2APIC_3) | TO(X2APIC_255) |
		TO(X2APIC_300) },
	{ false, FROM_DEVICE, 0xffffffff, TO(X2APIC_3) | TO(X2APIC_255) |
		TO(X2APIC_300) },
	{ true, FROM_DEVICE, 0x08, TO(XAPIC_3) | TO(XAPIC_300) | TO(X2APIC_3) },
	{ true, FROM_DEVICE, 0x0c, TO(XAPIC_3) | TO(XAPIC_300) | TO(X2APIC_3) },
	{ true, FROM_DEVICE, 0xf7, 0 },
	{ true, FROM_DEVICE, 0, 0 },
	{ true, FROM_DEVICE, 0x21, TO(XAPIC_CLUSTER) },
	{ true, FROM_DEVICE, 0x28, TO(XAPIC_3) | TO(XAPIC_300) | TO(X2APIC_3) |
		TO(XAPIC_CLUSTER) },
	{ true, FROM_DEVICE, 0x26, 0 },
	{ true, FROM_DEVICE, 0x31, 0 },
	{ true, FROM_APIC, 0xff, TO(XAPIC_3) | TO(XAPIC_CLUSTER) |
		TO(XAPIC_NO_MODEL) | TO(XAPIC_300) | TO(X2APIC_3) },
	{ true, FROM_DEVICE, 0xff, ~TO(OFF) },
	{ true, FROM_APIC, 0x00121000, TO(X2APIC_300) },
	{ true, FROM_APIC, 0x00121fff, TO(X2APIC_300) | TO(XAPIC_3) | TO(XAPIC_300) },
	{ true, FROM_APIC, 0x000fffff, TO(X2APIC_255) | TO(XAPIC_3) | TO(XAPIC_300) },
	{ true, FROM_APIC, 0x00128000, 0 },
	{ true, FROM_APIC, 0x00131000, 0 },
	{ true, FROM_APIC, 0xffffffff, TO(X2APIC_3) | TO(X2APIC_255) |
		TO(X2APIC_300) | TO(XAPIC_3) | TO(XAPIC_300) },
};

TEST(destinations_of_messages)
{
	enum who who;
	size_t i;

	for (who = 0; who < WHO_COUNT; who++) {
		become(who);
		for (i = 0; i < ARRAY_SIZE(destinations); i++) {
			struct irq_message message = {
				.logical = destinations[i].logical,
				.ipi = destinations[i].ipi,
				.destination = destinations[i].destination,
			};

			EXPECT(lapic_matches(&apic, &message) ==
			       !!(destinations[i].who & TO(who)),
			       "row %zu (%#x), APIC %d", i,
			       destinations[i].destination, who);
		}
	}
}

TEST(broadcast_quirk_off)
{
	struct irq_message message = { .destination = 0xff };

	as_x2apic(3);
	EXPECT_TRUE(lapic_matches(&apic, &message));
	apic.no_broadcast_quirk = true;
	EXPECT_TRUE(!lapic_matches(&apic, &message));
	/* Bit 3 of cluster 0 is among those of 0xff. */
	message.logical = true;
	EXPECT_TRUE(lapic_matches(&apic, &message));
	as_x2apic(9);
	apic.no_broadcast_quirk = true;
	EXPECT_TRUE(!lapic_matches(&apic, &message));
	as_xapic(9);
	apic.no_broadcast_quirk = true;
	EXPECT_TRUE(lapic_matches(&apic, &message));
}

TEST(shorthand_is_for_all_that_are_enabled)
{
	struct irq_message message = { .destination = 77, .shorthand = IRQ_TO_ALL };

	as_xapic(1);
	EXPECT_TRUE(lapic_matches(&apic, &message));
	message.shorthand = IRQ_TO_OTHERS;
	EXPECT_TRUE(lapic_matches(&apic, &message));
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
	EXPECT_TRUE(!lapic_matches(&apic, &message));
}

TEST(changed_xapic_id_matches)
{
	struct irq_message message = { .destination = 9 };

	as_xapic(1);
	wr(LAPIC_ID, 0x09ffffff);
	EXPECT_EQ(0x09000000, rd(LAPIC_ID));
	EXPECT_TRUE(lapic_matches(&apic, &message));
	message.destination = 1;
	EXPECT_TRUE(!lapic_matches(&apic, &message));
}

TEST(pic_and_nmi_lines)
{
	unsigned int mode;

	as_xapic(0);
	for (mode = 0; mode < 8; mode++) {
		wr(LAPIC_LVT_LINT0, mode << 8);
		EXPECT_EQ(LAPIC_EFFECT_INTERRUPT, effects.what);
		wr(LAPIC_LVT_LINT1, mode << 8);
		EXPECT_EQ(0, effects.what);
		EXPECT_EQ(mode == IRQ_EXTINT, lapic_takes_pic(&apic));
		EXPECT_EQ(mode == IRQ_NMI, lapic_lint1_is_nmi(&apic));
		wr(LAPIC_LVT_LINT0, mode << 8 | MASKED);
		wr(LAPIC_LVT_LINT1, mode << 8 | MASKED);
		EXPECT_TRUE(!lapic_takes_pic(&apic));
		EXPECT_TRUE(!lapic_lint1_is_nmi(&apic));
	}
	/* Without a local APIC the lines go to the CPU. */
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
	EXPECT_TRUE(lapic_takes_pic(&apic));
	EXPECT_TRUE(lapic_lint1_is_nmi(&apic));
}
