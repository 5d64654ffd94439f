// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC as a guest sees it: its registers in memory and as MSRs, which
 * interrupt comes first, and what the task priority holds back.
 *
 * SDM: "Advanced Programmable Interrupt Controller (APIC)".
 */
#include "apic.h"

#define BASE_DEFAULT	0xfee00900ull

TEST(xapic_after_reset)
{
	static const uint32_t expected[][2] = {
		{ ID, 0 }, { VERSION, 0x50014 }, { TPR, 0 }, { PPR, 0 },
		{ LDR, 0 }, { DFR, 0xffffffff }, { SPIV, 0xff }, { ESR, 0 },
		{ ISR, 0 }, { TMR, 0 }, { IRR, 0 }, { ICR, 0 }, { ICR2, 0 },
		{ LVT_TIMER, 0x10000 }, { LVT_LINT0, 0x700 },
		{ LVT_LINT1, 0x10000 }, { TIMER_INITIAL, 0 },
		{ TIMER_CURRENT, 0 }, { TIMER_DIVIDE, 0 },
	};
	struct vcpu *vcpu = apic_vcpu(apic_vm(), 0);

	EXPECT_EQ(BASE_DEFAULT, rdmsr(vcpu, MSR_APIC_BASE));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		EXPECT(apic_read(vcpu, expected[i][0]) == expected[i][1],
		       "%#x is %#x", expected[i][0], apic_read(vcpu, expected[i][0]));
}

TEST(xapic_registers_take_their_bits)
{
	/* offset, written, read */
	static const uint32_t rows[][3] = {
		{ TPR, 0xffffffff, 0xff }, { LDR, 0xffffffff, 0xff000000 },
		{ DFR, 0, 0x0fffffff }, { ID, 0xffffffff, 0xff000000 },
		{ SPIV, 0xffffffff, 0x3ff }, { VERSION, 0, 0x50014 },
		{ ICR2, 0xffffffff, 0xff000000 }, { LVT_LINT0, 0xffffffff, 0x1f7ff },
		{ LVT_TIMER, 0xffffffff, 0x710ff }, { ESR, 0xffffffff, 0 },
		{ TIMER_DIVIDE, 0xffffffff, 0xb },
		{ IRR, 0xffffffff, 0 }, { ISR, 0xffffffff, 0 },
	};
	struct vcpu *vcpu = apic_guest();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		apic_write(vcpu, rows[i][0], rows[i][1]);
		EXPECT(apic_read(vcpu, rows[i][0]) == rows[i][2], "%#x is %#x",
		       rows[i][0], apic_read(vcpu, rows[i][0]));
	}
	EXPECT_EQ(0, apic_count(vcpu));
}

/* Offsets of all 64 MSRs: which can be read, and written with 0. */
TEST(x2apic_registers_have_their_rights)
{
	struct vcpu *vcpu = x2apic_guest();
	uint64_t readable = 0, writable = 0;

	for (unsigned int i = 0; i < 64; i++) {
		rdmsr(vcpu, 0x800 + i);
		if (!faulted(vcpu))
			readable |= 1ull << i;
		/* The ICR would send; the spurious vector's would switch off. */
		if (i == 0x30 || i == 0xf)
			continue;
		if (wrmsr(vcpu, 0x800 + i, 0))
			writable |= 1ull << i;
	}
	EXPECT_EQ(0x43fd01ffffffa50cull, readable);
	EXPECT_EQ(0xc1fc010000000900ull, writable);
	EXPECT_TRUE(wrmsr(vcpu, X2(TPR), 0x20));
	EXPECT_EQ(0x20, rdmsr(vcpu, X2(TPR)));
	EXPECT_EQ(2, do_op(vcpu, OP_READ_CR8, 0, 0));
	EXPECT_TRUE(!wrmsr(vcpu, X2(TPR), 1ull << 32));
	EXPECT_TRUE(!wrmsr(vcpu, X2(ICR), 1 << 20));
	EXPECT_TRUE(!wrmsr(vcpu, X2(SELF_IPI), 0x100));
	EXPECT_TRUE(!wrmsr(vcpu, X2(ESR), 1));
}

TEST(modes_in_the_order_that_is_allowed)
{
	struct vcpu *vcpu = apic_guest();
	const uint64_t base = BASE_DEFAULT & ~0x800ull;

	EXPECT_TRUE(!wrmsr(vcpu, MSR_APIC_BASE, base | 0x400));
	EXPECT_TRUE(!wrmsr(vcpu, MSR_APIC_BASE, BASE_DEFAULT | 0x200));
	EXPECT_TRUE(!wrmsr(vcpu, MSR_APIC_BASE, BASE_DEFAULT | 1ull << 60));
	rdmsr(vcpu, X2(TPR));
	EXPECT_TRUE(faulted(vcpu));
	EXPECT_TRUE(wrmsr(vcpu, MSR_APIC_BASE, BASE_DEFAULT | 0x400));
	EXPECT_EQ(0, rdmsr(vcpu, X2(ID)));
	EXPECT_EQ(1, rdmsr(vcpu, X2(LDR)));
	EXPECT_TRUE(!wrmsr(vcpu, MSR_APIC_BASE, BASE_DEFAULT));
	EXPECT_EQ(BASE_DEFAULT | 0x400, rdmsr(vcpu, MSR_APIC_BASE));
	EXPECT_TRUE(wrmsr(vcpu, MSR_APIC_BASE, base));
	EXPECT_TRUE(!wrmsr(vcpu, MSR_APIC_BASE, BASE_DEFAULT | 0x400));
	EXPECT_TRUE(wrmsr(vcpu, MSR_APIC_BASE, BASE_DEFAULT));
	EXPECT_EQ(0x50014, apic_read(vcpu, VERSION));
}

/* Where there is no xAPIC, the page is empty: all ones, and writes are lost. */
TEST(empty_page)
{
	struct vcpu *vcpu = x2apic_guest();

	EXPECT_EQ(0xffffffff, apic_read(vcpu, VERSION));
	apic_write(vcpu, TPR, 0x20);
	EXPECT_EQ(0, rdmsr(vcpu, X2(TPR)));
	EXPECT_TRUE(wrmsr(vcpu, MSR_APIC_BASE, BASE_DEFAULT & ~0x800ull));
	EXPECT_EQ(0xffffffff, apic_read(vcpu, VERSION));
}

TEST(page_elsewhere)
{
	struct vcpu *vcpu = apic_guest();

	EXPECT_TRUE(wrmsr(vcpu, MSR_APIC_BASE, 0xfed00900));
	EXPECT_EQ(0x50014, do_op(vcpu, OP_READ, 0xfed00000 + VERSION, 0));
	do_op(vcpu, OP_WRITE, 0xfed00000 + TPR, 0x30);
	EXPECT_EQ(3, do_op(vcpu, OP_READ_CR8, 0, 0));
}

/* ---- interrupts to itself ---- */

#define TO_SELF	0x40000

/* Each way of sending: xAPIC or x2APIC. */
static struct vcpu *guest_of(bool x2apic)
{
	return x2apic ? x2apic_guest() : apic_guest();
}

static uint64_t get(struct vcpu *vcpu, bool x2apic, uint32_t offset)
{
	return x2apic ? rdmsr(vcpu, X2(offset)) : apic_read(vcpu, offset);
}

static void put(struct vcpu *vcpu, bool x2apic, uint32_t offset, uint32_t value)
{
	if (x2apic)
		EXPECT_TRUE(wrmsr(vcpu, X2(offset), value));
	else
		apic_write(vcpu, offset, value);
}

static void check_order(bool x2apic)
{
	static const uint8_t sent[] = { 0x51, 0xf1, 0x40, 0x9f, 0x52 };
	static const uint8_t taken[] = { 0xf1, 0x9f, 0x52, 0x51, 0x40 };
	struct vcpu *vcpu = guest_of(x2apic);

	for (size_t i = 0; i < sizeof(sent); i++)
		put(vcpu, x2apic, ICR, TO_SELF | sent[i]);
	EXPECT_EQ(1 << 0x11 | 1 << 0x12 | 1, get(vcpu, x2apic, IRR + 0x20));
	EXPECT_EQ(0, apic_count(vcpu));
	do_op(vcpu, OP_WAIT, 0, sizeof(taken));
	for (size_t i = 0; i < sizeof(taken); i++)
		EXPECT_EQ(taken[i], apic_log(vcpu, i));
	EXPECT_EQ(sizeof(taken), apic_count(vcpu));
	EXPECT_EQ(0, get(vcpu, x2apic, IRR + 0x20));
	EXPECT_EQ(0, get(vcpu, x2apic, ISR + 0x20));
}

TEST(xapic_takes_the_highest_first)
{
	check_order(false);
}

TEST(x2apic_takes_the_highest_first)
{
	check_order(true);
}

static void check_eoi(bool x2apic)
{
	struct vcpu *vcpu = guest_of(x2apic);

	set_eoi(vcpu, 0);
	put(vcpu, x2apic, ICR, TO_SELF | 0x61);
	do_op(vcpu, OP_WAIT, 0, 1);
	EXPECT_EQ(2, get(vcpu, x2apic, ISR + 0x30));
	EXPECT_EQ(0x60, get(vcpu, x2apic, PPR));
	/* Of the same class, and the same again: both wait. */
	put(vcpu, x2apic, ICR, TO_SELF | 0x6f);
	put(vcpu, x2apic, ICR, TO_SELF | 0x61);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(1, apic_count(vcpu));
	/* A higher class does not. */
	put(vcpu, x2apic, ICR, TO_SELF | 0x70);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_EQ(0x70, apic_log(vcpu, 1));
	put(vcpu, x2apic, EOI, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(2, apic_count(vcpu));
	put(vcpu, x2apic, EOI, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(3, apic_count(vcpu));
	EXPECT_EQ(0x6f, apic_log(vcpu, 2));
	put(vcpu, x2apic, EOI, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(4, apic_count(vcpu));
	EXPECT_EQ(0x61, apic_log(vcpu, 3));
	put(vcpu, x2apic, EOI, 0);
	EXPECT_EQ(0, get(vcpu, x2apic, PPR));
	/* One too many does nothing. */
	put(vcpu, x2apic, EOI, 0);
	EXPECT_EQ(4, apic_count(vcpu));
}

TEST(xapic_eoi_lets_the_next_in)
{
	check_eoi(false);
}

TEST(x2apic_eoi_lets_the_next_in)
{
	check_eoi(true);
}

static void check_priority(bool x2apic, bool by_cr8)
{
	struct vcpu *vcpu = guest_of(x2apic);

	for (unsigned int class = 5; class < 8; class++) {
		if (by_cr8)
			do_op(vcpu, OP_WRITE_CR8, 0, class);
		else
			put(vcpu, x2apic, TPR, class << 4);
		EXPECT_EQ(class, do_op(vcpu, OP_READ_CR8, 0, 0));
		EXPECT_EQ(class << 4, get(vcpu, x2apic, TPR));
		EXPECT_EQ(class << 4, get(vcpu, x2apic, PPR));
		put(vcpu, x2apic, ICR, TO_SELF | 0x61);
		do_op(vcpu, OP_WINDOW, 0, 0);
		EXPECT_EQ(1, apic_count(vcpu));
	}
	/* Lowered, it lets it in at once. */
	if (by_cr8)
		do_op(vcpu, OP_WRITE_CR8, 0, 5);
	else
		put(vcpu, x2apic, TPR, 0x5f);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(2, apic_count(vcpu));
}

TEST(xapic_tpr_holds_back)
{
	check_priority(false, false);
}

TEST(x2apic_tpr_holds_back)
{
	check_priority(true, false);
}

TEST(cr8_holds_back)
{
	check_priority(false, true);
	check_priority(true, true);
}

TEST(cr8_has_four_bits)
{
	struct vcpu *vcpu = apic_guest();

	do_op(vcpu, OP_WRITE_CR8, 0, 16);
	EXPECT_TRUE(faulted(vcpu));
	do_op(vcpu, OP_WRITE_CR8, 0, 15);
	EXPECT_TRUE(!faulted(vcpu));
	EXPECT_EQ(0xf0, apic_read(vcpu, TPR));
	EXPECT_EQ(15, vcpu_sregs(vcpu).cr8);
}

/* Inside of one window: priority is lowered while interrupts are enabled. */
TEST(self_ipi_register)
{
	struct vcpu *vcpu = x2apic_guest();

	EXPECT_TRUE(wrmsr(vcpu, X2(SELF_IPI), 0x81));
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_EQ(0x81, apic_log(vcpu, 0));
}

/* The case that hung elsewhere: it is on its way when the CPU halts. */
TEST(self_ipi_then_hlt)
{
	struct vcpu *vcpu = x2apic_guest();

	for (unsigned int i = 0; i < 50; i++) {
		EXPECT_TRUE(wrmsr(vcpu, i & 1 ? X2(SELF_IPI) : X2(ICR),
				  i & 1 ? 0x81 : TO_SELF | 0x81));
		do_op(vcpu, OP_HLT, 0, 0);
		ASSERT_EQ(i + 1, apic_count(vcpu));
	}
}

TEST(software_disabled_takes_nothing_new)
{
	struct vcpu *vcpu = apic_guest();

	apic_write(vcpu, SPIV, 0xff);
	apic_write(vcpu, ICR, TO_SELF | 0x61);
	EXPECT_EQ(0, apic_read(vcpu, IRR + 0x30));
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(0, apic_count(vcpu));
}
