// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of the local APIC: each one's rights and reserved bits, as a
 * page and as MSRs; and what writes to the interrupt command register send.
 */
#include "apic.h"

#define NO	0xffffffffu	/* no register, or one that cannot be written */

/*
 * What is read after all ones were written, to an APIC that is software enabled
 * as vCPU 3. The x2APIC: NO: #GP.
 */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the table's order */
static const struct {
	u32 offset;
	bool readable, writable;		/* as xAPIC */
	u32 xapic;
	bool msr_readable, msr_writable;	/* as x2APIC */
	u32 x2apic;
} registers[] = {
	{ LAPIC_ID, true, true, 0xff000000, true, false, 3 },
	{ LAPIC_VERSION, true, false, 0x50014, true, false, 0x50014 },
	{ LAPIC_TPR, true, true, 0xff, true, true, 0xff },
	{ LAPIC_APR, true, false, 0, false, false, 0 },
	{ LAPIC_PPR, true, false, 0, true, false, 0 },
	{ LAPIC_EOI, false, true, 0, false, true, 0 },
	{ LAPIC_RRR, false, false, 0, false, false, 0 },
	{ LAPIC_LDR, true, true, 0xff000000, true, false, 8 },
	{ LAPIC_DFR, true, true, 0xffffffff, false, false, 0 },
	{ LAPIC_SPIV, true, true, 0x3ff, true, true, 0x3ff },
	{ LAPIC_ISR, true, false, 0, true, false, 0 },
	{ LAPIC_ISR + 0x70, true, false, 0, true, false, 0 },
	{ LAPIC_TMR, true, false, 0, true, false, 0 },
	{ LAPIC_TMR + 0x70, true, false, 0, true, false, 0 },
	{ LAPIC_IRR, true, false, 0, true, false, 0 },
	{ LAPIC_IRR + 0x70, true, false, 0, true, false, 0 },
	{ LAPIC_ESR, true, true, 0, true, false, 0 },
	{ LAPIC_ESR + 0x10, false, false, 0, false, false, 0 },
	{ LAPIC_LVT_CMCI, false, false, 0, false, false, 0 },
	{ LAPIC_ICR, true, true, 0xffffefff, true, false, 0 },
	{ LAPIC_ICR2, true, true, 0xff000000, false, false, 0 },
	{ LAPIC_LVT_TIMER, true, true, 0x710ff, true, true, 0x710ff },
	{ LAPIC_LVT_THERMAL, true, true, 0x117ff, true, true, 0x117ff },
	{ LAPIC_LVT_PMC, true, true, 0x117ff, true, true, 0x117ff },
	{ LAPIC_LVT_LINT0, true, true, 0x1f7ff, true, true, 0x1f7ff },
	{ LAPIC_LVT_LINT1, true, true, 0x1f7ff, true, true, 0x1f7ff },
	{ LAPIC_LVT_ERROR, true, true, 0x110ff, true, true, 0x110ff },
	{ LAPIC_TIMER_INITIAL, true, true, NO, true, true, NO },
	{ LAPIC_TIMER_CURRENT, true, false, 0, true, false, 0 },
	{ LAPIC_TIMER_CURRENT + 0x10, false, false, 0, false, false, 0 },
	{ LAPIC_TIMER_DIVIDE, true, true, 0xb, true, true, 0xb },
	{ LAPIC_SELF_IPI, false, false, 0, false, false, 0 },
};

/* All other offsets have to be those of no register. */
static bool is_listed(u32 offset)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(registers); i++)
		if (registers[i].offset == offset)
			return true;
	return offset > LAPIC_ISR && offset < LAPIC_ESR;
}

static bool is_still(const struct lapic *before)
{
	return !memcmp(before->regs, apic.regs, sizeof(apic.regs)) &&
	       before->id == apic.id && before->base == apic.base &&
	       before->tsc_deadline == apic.tsc_deadline &&
	       before->timer_expires == apic.timer_expires &&
	       before->timer_armed == apic.timer_armed;
}

TEST(each_register_of_an_xapic)
{
	struct lapic before;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(registers); i++) {
		u32 offset = registers[i].offset;

		as_xapic(3);
		before = apic;
		wr(offset, 0xffffffff);
		if (!registers[i].writable)
			EXPECT(is_still(&before) &&
			       !effects.what, "%#x was written", offset);
		EXPECT(rd(offset) == (registers[i].readable ?
				      registers[i].xapic : 0),
		       "%#x reads as %#x", offset, rd(offset));
	}
}

TEST(each_register_of_an_x2apic)
{
	struct lapic before;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(registers); i++) {
		u32 offset = registers[i].offset;
		u64 value = 0x1234;

		as_x2apic(3);
		before = apic;
		EXPECT(wrmsr(offset, 0xffffffff) == registers[i].msr_writable,
		       "%#x: written or not", offset);
		if (!registers[i].msr_writable)
			EXPECT(is_still(&before) &&
			       !effects.what, "%#x was written", offset);
		EXPECT(rdmsr(offset, &value) == registers[i].msr_readable,
		       "%#x: read or not", offset);
		EXPECT(value == (registers[i].msr_readable ?
				 registers[i].x2apic : 0x1234),
		       "%#x reads as %#llx", offset, value);
	}
}

TEST(upper_half_of_an_msr_is_reserved)
{
	struct lapic before;
	u32 offset;

	as_x2apic(3);
	before = apic;
	for (offset = 0; offset < LAPIC_SIZE; offset += 16) {
		if (offset == LAPIC_ICR)
			continue;
		EXPECT(!wrmsr(offset, 1ull << 32), "%#x", offset);
		EXPECT(!wrmsr(offset, 1ull << 63), "%#x", offset);
	}
	EXPECT_TRUE(is_still(&before));
}

TEST(no_register_elsewhere)
{
	struct lapic before;
	u32 offset;
	u64 value;

	as_xapic(3);
	before = apic;
	for (offset = 0; offset < LAPIC_SIZE; offset++) {
		if (!(offset & 0xf) && is_listed(offset))
			continue;
		EXPECT(rd(offset) == 0, "%#x", offset);
		wr(offset, 0xffffffff);
		EXPECT(!effects.what, "%#x", offset);
	}
	EXPECT_EQ(0, rd(0xffffffff));
	EXPECT_EQ(0, rd(LAPIC_SIZE + LAPIC_TPR));
	EXPECT_TRUE(is_still(&before));

	as_x2apic(3);
	before = apic;
	for (offset = 0; offset < LAPIC_SIZE; offset += 16) {
		if (is_listed(offset))
			continue;
		EXPECT(!rdmsr(offset, &value), "%#x", offset);
		EXPECT(!wrmsr(offset, 0), "%#x", offset);
	}
	EXPECT_TRUE(is_still(&before));
}

TEST(msrs_outside_of_the_range)
{
	static const u32 msrs[] = {
		0, 0x7ff, 0x900, 0x1808, 0x10000808, 0x80000808, 0xffffffff,
	};
	size_t i;
	u64 value;

	as_x2apic(3);
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		EXPECT(!lapic_read_msr(&apic, msrs[i], now, &value), "%#x", msrs[i]);
		EXPECT(!lapic_write_msr(&apic, msrs[i], 0, now, fresh()), "%#x",
		       msrs[i]);
	}
}

TEST(no_page_for_an_x2apic_or_a_disabled_one)
{
	struct lapic before;
	u64 value;

	as_x2apic(3);
	before = apic;
	EXPECT_EQ(0xffffffff, rd(LAPIC_TPR));
	wr(LAPIC_TPR, 0x50);
	EXPECT_EQ(0, effects.what);
	EXPECT_TRUE(is_still(&before));

	as_xapic(3);
	EXPECT_TRUE(!rdmsr(LAPIC_TPR, &value));
	EXPECT_TRUE(!wrmsr(LAPIC_TPR, 0x50));
	lapic_set_base(&apic, LAPIC_DEFAULT_BASE, fresh());
	before = apic;
	EXPECT_EQ(0xffffffff, rd(LAPIC_TPR));
	wr(LAPIC_TPR, 0x50);
	EXPECT_TRUE(!rdmsr(LAPIC_TPR, &value));
	EXPECT_TRUE(!wrmsr(LAPIC_TPR, 0x50));
	EXPECT_TRUE(is_still(&before));
}

TEST(esr_takes_only_0_from_an_x2apic)
{
	as_x2apic(3);
	EXPECT_TRUE(wrmsr(LAPIC_ESR, 0));
	EXPECT_TRUE(!wrmsr(LAPIC_ESR, 1));
}

TEST(directed_eoi_is_offered_where_it_makes_sense)
{
	as_xapic(3);
	apic.directed_eoi = true;
	EXPECT_EQ(0x1050014, rd(LAPIC_VERSION));
	wr(LAPIC_SPIV, 0xffffffff);
	EXPECT_EQ(0x13ff, rd(LAPIC_SPIV));
	/* The guest's EOI is told nevertheless: the caller's I/O APIC decides. */
	lapic_accept(&apic, 0x50, true);
	EXPECT_EQ(0x50, take());
	wr(LAPIC_EOI, 0);
	EXPECT_TRUE(effects.what & LAPIC_EFFECT_EOI);
	apic.has_x2apic = false;
	EXPECT_EQ(0x50014, rd(LAPIC_VERSION));
	wr(LAPIC_SPIV, 0xffffffff);
	EXPECT_EQ(0x3ff, rd(LAPIC_SPIV));
}

static const u32 lvts[] = {
	LAPIC_LVT_TIMER, LAPIC_LVT_THERMAL, LAPIC_LVT_PMC, LAPIC_LVT_LINT0,
	LAPIC_LVT_LINT1, LAPIC_LVT_ERROR,
};

TEST(software_disable_masks_the_lvt)
{
	size_t i;

	as_xapic(0);
	for (i = 0; i < ARRAY_SIZE(lvts); i++) {
		wr(lvts[i], 0x40 + i);
		EXPECT_EQ(0x40 + i, rd(lvts[i]));
	}
	wr(LAPIC_SPIV, 0xff);
	for (i = 0; i < ARRAY_SIZE(lvts); i++) {
		EXPECT_EQ(0x10040 + i, rd(lvts[i]));
		/* ... and it stays masked, whatever is written */
		wr(lvts[i], 0x50 + i);
		EXPECT_EQ(0x10050 + i, rd(lvts[i]));
	}
	wr(LAPIC_SPIV, SPIV_ON);
	for (i = 0; i < ARRAY_SIZE(lvts); i++) {
		EXPECT_EQ(0x10050 + i, rd(lvts[i]));
		wr(lvts[i], 0x50 + i);
		EXPECT_EQ(0x50 + i, rd(lvts[i]));
	}
}

TEST(timer_modes_are_those_of_the_cpu)
{
	as_xapic(0);
	apic.has_tsc_deadline = false;
	wr(LAPIC_LVT_TIMER, 0xffffffff);
	EXPECT_EQ(0x310ff, rd(LAPIC_LVT_TIMER));
	apic.has_tsc_deadline = true;
	wr(LAPIC_LVT_TIMER, 0xffffffff);
	EXPECT_EQ(0x710ff, rd(LAPIC_LVT_TIMER));
}

static bool sent(u8 mode, u8 vector, bool logical, bool assert, bool level,
		 u8 shorthand, u32 destination)
{
	const struct irq_message *ipi = &effects.ipi;

	return effects.what == LAPIC_EFFECT_IPI && ipi->ipi &&
		ipi->mode == mode && ipi->vector == vector &&
		ipi->logical == logical && ipi->assert == assert &&
		ipi->level == level && ipi->shorthand == shorthand &&
		ipi->destination == destination;
}

TEST(commands_of_an_xapic)
{
	as_xapic(0);
	wr(LAPIC_ICR2, 0x05ffffff);
	EXPECT_EQ(0, effects.what);
	EXPECT_EQ(0x05000000, rd(LAPIC_ICR2));
	wr(LAPIC_ICR, 0x0000c542);	/* INIT, level, assert */
	EXPECT_TRUE(sent(IRQ_INIT, 0x42, false, true, true, IRQ_TO_DESTINATION, 5));
	wr(LAPIC_ICR, 0x00008500);	/* INIT, level, de-assert */
	EXPECT_TRUE(sent(IRQ_INIT, 0, false, false, true, IRQ_TO_DESTINATION, 5));
	wr(LAPIC_ICR, 0x00000608);
	EXPECT_TRUE(sent(IRQ_STARTUP, 8, false, false, false, IRQ_TO_DESTINATION, 5));
	wr(LAPIC_ICR, 0x00004931);	/* lowest priority, logical */
	EXPECT_TRUE(sent(IRQ_LOWEST_PRIORITY, 0x31, true, true, false,
			 IRQ_TO_DESTINATION, 5));
	wr(LAPIC_ICR, 0x000444fd);
	EXPECT_TRUE(sent(IRQ_NMI, 0xfd, false, true, false, IRQ_TO_SELF, 5));
	wr(LAPIC_ICR, 0x000800fd);
	EXPECT_TRUE(sent(IRQ_FIXED, 0xfd, false, false, false, IRQ_TO_ALL, 5));
	wr(LAPIC_ICR, 0x000c00fd);
	EXPECT_TRUE(sent(IRQ_FIXED, 0xfd, false, false, false, IRQ_TO_OTHERS, 5));
	/* It is never busy. */
	wr(LAPIC_ICR, 0x000c10fd);
	EXPECT_EQ(0x000c00fd, rd(LAPIC_ICR));
}

TEST(commands_of_an_x2apic)
{
	u64 value;

	as_x2apic(0);
	EXPECT_TRUE(wrmsr(LAPIC_ICR, 0xfedcba98000008e1));
	EXPECT_TRUE(sent(IRQ_FIXED, 0xe1, true, false, false, IRQ_TO_DESTINATION,
			 0xfedcba98));
	EXPECT_TRUE(rdmsr(LAPIC_ICR, &value));
	EXPECT_EQ(0xfedcba98000008e1, value);
	EXPECT_TRUE(wrmsr(LAPIC_ICR, 0xff00001041));
	EXPECT_TRUE(rdmsr(LAPIC_ICR, &value));
	EXPECT_EQ(0xff00000041, value);
}

TEST(reserved_bits_of_an_x2apic_command)
{
	unsigned int bit;
	u64 value;

	as_x2apic(0);
	EXPECT_TRUE(wrmsr(LAPIC_ICR, 0x41));
	for (bit = 0; bit < 64; bit++) {
		bool reserved = bit == 13 || bit == 16 || bit == 17 ||
			(bit >= 20 && bit < 32);

		EXPECT(wrmsr(LAPIC_ICR, 0x41 | 1ull << bit) == !reserved,
		       "bit %u", bit);
		EXPECT(!!effects.what == !reserved, "bit %u", bit);
	}
	EXPECT_TRUE(rdmsr(LAPIC_ICR, &value));
	EXPECT_EQ(0x8000000000000041, value);
}

TEST(self_ipi)
{
	u64 value;

	as_x2apic(7);
	EXPECT_TRUE(wrmsr(LAPIC_SELF_IPI, 0x71));
	EXPECT_TRUE(sent(IRQ_FIXED, 0x71, false, false, false, IRQ_TO_SELF, 0));
	EXPECT_TRUE(!wrmsr(LAPIC_SELF_IPI, 0x100));
	EXPECT_EQ(0, effects.what);
	EXPECT_TRUE(!rdmsr(LAPIC_SELF_IPI, &value));
	/* The ICR knows nothing of it. */
	EXPECT_TRUE(rdmsr(LAPIC_ICR, &value));
	EXPECT_EQ(0, value);
}
