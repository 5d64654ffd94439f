// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC (module/irqchip/ioapic.c): its registers, and what each pin sends
 * and when.
 */
#include <stdlib.h>

#include "irqchip/ioapic.h"
#include "ktap.h"

#define PINS		MINIVMM_IOAPIC_NUM_PINS
#define MASKED		0x10000u
#define LEVEL		0x8000u
#define REMOTE_IRR	0x4000u
#define PENDING		0x1000u

static struct ioapic chip;
static struct irq_message last;
static unsigned int sent, eois, last_eoi, unmasks, last_unmask;
static int answer, lower_in_eoi;

static int on_deliver(struct ioapic *ioapic, const struct irq_message *message)
{
	EXPECT_TRUE(ioapic == &chip);
	last = *message;
	sent++;
	return answer;
}

static void on_eoi(struct ioapic *ioapic, unsigned int pin)
{
	EXPECT_TRUE(pin < PINS);
	last_eoi = pin;
	eois++;
	if (lower_in_eoi)
		ioapic_set_line(ioapic, pin, false);
}

static void on_unmasked(struct ioapic *ioapic, unsigned int pin)
{
	EXPECT_EQ(0, ioapic->state.redirtbl[pin].fields.mask);
	last_unmask = pin;
	unmasks++;
}

static void power_on(void)
{
	memset(&chip, 0xa5, sizeof(chip));
	chip.deliver = on_deliver;
	chip.eoi = on_eoi;
	chip.unmasked = on_unmasked;
	ioapic_init(&chip);
	sent = 0;
	eois = 0;
	unmasks = 0;
	lower_in_eoi = 0;
	answer = 1;
}

static u32 get(u8 reg)
{
	ioapic_write(&chip, 0, reg);
	return ioapic_read(&chip, 0x10);
}

static void set(u8 reg, u32 value)
{
	ioapic_write(&chip, 0, reg);
	ioapic_write(&chip, 0x10, value);
}

static void program(unsigned int pin, u32 high, u32 low)
{
	set(0x11 + 2 * pin, high);
	set(0x10 + 2 * pin, low);
}

static u32 entry(unsigned int pin)
{
	return get(0x10 + 2 * pin);
}

TEST(power_on_state)
{
	unsigned int pin;

	power_on();
	EXPECT_EQ(0xfec00000, chip.state.base_address);
	EXPECT_EQ(0, chip.state.ioregsel);
	EXPECT_EQ(0, chip.state.id);
	EXPECT_EQ(0, chip.state.irr);
	EXPECT_EQ(0, chip.state.pad);
	for (pin = 0; pin < PINS; pin++)
		EXPECT_EQ(MASKED, chip.state.redirtbl[pin].bits);
	EXPECT_EQ(0, chip.level_vectors[0] | chip.level_vectors[1] |
		     chip.level_vectors[2] | chip.level_vectors[3]);
	EXPECT_EQ(0, sent);
}

TEST(identity_version_and_arbitration)
{
	power_on();
	EXPECT_EQ(0x170011, get(1));
	set(1, ~0u);
	EXPECT_EQ(0x170011, get(1));
	set(0, 0xf6ffffff);
	EXPECT_EQ(0x06000000, get(0));
	EXPECT_EQ(0x06000000, get(2));
	set(2, 0x0f000000);
	EXPECT_EQ(0x06000000, get(2));
	EXPECT_EQ(6, chip.state.id);
}

TEST(registers_that_are_not_there)
{
	unsigned int reg;

	power_on();
	for (reg = 3; reg < 256; reg++) {
		if (reg >= 0x10 && reg < 0x40)
			continue;
		EXPECT_EQ(~0u, get(reg));
		set(reg, 0x12345);
		EXPECT_EQ(~0u, get(reg));
	}
	for (reg = 0; reg < PINS; reg++)
		EXPECT_EQ(MASKED, chip.state.redirtbl[reg].bits);
}

TEST(offsets_that_are_not_there)
{
	u32 offset;

	power_on();
	ioapic_write(&chip, 0, 0x10);
	for (offset = 1; offset < IOAPIC_SIZE; offset++) {
		if (offset == 0x10)
			continue;
		ioapic_write(&chip, offset, 0x31);	/* 0x40: the EOI register of version 0x20 */
		EXPECT_EQ(0, ioapic_read(&chip, offset));
	}
	EXPECT_EQ(0x10, ioapic_read(&chip, 0));
	EXPECT_EQ(MASKED, entry(0));
}

TEST(select_has_eight_bits)
{
	power_on();
	ioapic_write(&chip, 0, 0xffffff01);
	EXPECT_EQ(1, ioapic_read(&chip, 0));
}

TEST(entry_keeps_what_is_written)
{
	power_on();
	program(23, 0x12345678, 0xffffffff & ~(REMOTE_IRR | PENDING));
	EXPECT_EQ(0x12345678, get(0x3f));
	EXPECT_EQ(0xffffffff & ~(REMOTE_IRR | PENDING), get(0x3e));
	EXPECT_EQ(0x12345678ffffafffull, chip.state.redirtbl[23].bits);
	EXPECT_EQ(0, sent);
}

TEST(read_only_bits_stay)
{
	struct minivmm_ioapic_state state;

	power_on();
	program(4, 0, LEVEL | REMOTE_IRR | PENDING | MASKED | 0x30);
	EXPECT_EQ(LEVEL | MASKED | 0x30, entry(4));
	state = chip.state;
	state.redirtbl[4].bits |= REMOTE_IRR | PENDING;
	ioapic_set_state(&chip, &state);
	program(4, 0x01000000, LEVEL | MASKED | 0x31);
	EXPECT_EQ(LEVEL | MASKED | REMOTE_IRR | PENDING | 0x31, entry(4));
}

TEST(message_says_what_the_entry_says)
{
	unsigned int mode;

	for (mode = 0; mode < 8; mode++) {
		power_on();
		program(5, 0xc3000000, 0x47 | mode << 8 | (mode & 1) << 11);
		EXPECT_EQ(1, ioapic_set_line(&chip, 5, true));
		EXPECT_EQ(1, sent);
		EXPECT_EQ(mode, last.mode);
		EXPECT_EQ(0x47, last.vector);
		EXPECT_EQ(0xc3, last.destination);
		EXPECT_EQ(mode & 1, last.logical);
		EXPECT_TRUE(!last.level);
		EXPECT_TRUE(last.assert);
		EXPECT_EQ(IRQ_TO_DESTINATION, last.shorthand);
	}
}

TEST(masked_pin_sends_nothing)
{
	power_on();
	program(5, 0, MASKED | 0x50);
	EXPECT_EQ(-1, ioapic_set_line(&chip, 5, true));
	/* An edge is lost, whatever is done with the mask. */
	program(5, 0, 0x50);
	EXPECT_EQ(0, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(0, sent);
	EXPECT_EQ(1 << 5, chip.state.irr);
	EXPECT_EQ(1, ioapic_set_line(&chip, 5, false));
	EXPECT_EQ(1, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(1, sent);
}

TEST(unmasking_is_told)
{
	power_on();
	program(7, 0, 0x50);
	EXPECT_EQ(1, unmasks);
	EXPECT_EQ(7, last_unmask);
	program(7, 0, 0x51);
	program(7, 0, MASKED | 0x51);
	EXPECT_EQ(1, unmasks);
	chip.unmasked = NULL;
	program(7, 0, 0x51);
}

TEST(edge_is_sent_once)
{
	power_on();
	program(5, 0, 0x50);
	EXPECT_EQ(1, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(0, entry(5) & REMOTE_IRR);
	EXPECT_EQ(0, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(1, sent);
	ioapic_end_of_interrupt(&chip, 0x50, false);
	ioapic_refresh(&chip, ~0U);
	EXPECT_EQ(1, sent);
	EXPECT_EQ(1, ioapic_set_line(&chip, 5, false));
	EXPECT_EQ(1, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(2, sent);
}

TEST(what_local_apics_answer_is_returned)
{
	power_on();
	program(5, 0, 0x50);
	for (answer = -1; answer < 5; answer++) {
		EXPECT_EQ(answer, ioapic_set_line(&chip, 5, true));
		ioapic_set_line(&chip, 5, false);
	}
}

TEST(delivered_edge_is_not_in_the_state)
{
	power_on();
	program(5, 0, 0x50);
	ioapic_set_line(&chip, 5, true);
	EXPECT_EQ(0, chip.state.irr);
	/* Set once more while it is up, it is, for it was not delivered. */
	ioapic_set_line(&chip, 5, true);
	EXPECT_EQ(1 << 5, chip.state.irr);
	ioapic_set_line(&chip, 5, false);
	EXPECT_EQ(0, chip.state.irr);
}

TEST(level_waits_for_the_eoi)
{
	power_on();
	program(5, 0, LEVEL | 0x50);
	EXPECT_EQ(1, ioapic_set_line(&chip, 5, true));
	EXPECT_TRUE(last.level);
	EXPECT_EQ(LEVEL | REMOTE_IRR | 0x50, entry(5));
	EXPECT_EQ(-1, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(1, sent);
	EXPECT_EQ(1 << 5, chip.state.irr);
	ioapic_end_of_interrupt(&chip, 0x50, true);
	EXPECT_EQ(1, eois);
	EXPECT_EQ(5, last_eoi);
	EXPECT_EQ(LEVEL | 0x50, entry(5));
	ioapic_refresh(&chip, ~0U);
	EXPECT_EQ(2, sent);
	EXPECT_EQ(LEVEL | REMOTE_IRR | 0x50, entry(5));
	ioapic_set_line(&chip, 5, false);
	ioapic_end_of_interrupt(&chip, 0x50, true);
	ioapic_refresh(&chip, ~0U);
	EXPECT_EQ(2, sent);
	EXPECT_EQ(LEVEL | 0x50, entry(5));
}

TEST(device_lets_go_in_the_eoi)
{
	power_on();
	lower_in_eoi = 1;
	program(5, 0, LEVEL | 0x50);
	ioapic_set_line(&chip, 5, true);
	ioapic_end_of_interrupt(&chip, 0x50, true);
	ioapic_refresh(&chip, ~0U);
	EXPECT_EQ(1, sent);
	EXPECT_EQ(LEVEL | 0x50, entry(5));
}

TEST(coalesced_level_waits_for_no_eoi)
{
	power_on();
	program(5, 0, LEVEL | 0x50);
	answer = 0;
	EXPECT_EQ(0, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(0, entry(5) & REMOTE_IRR);
}

TEST(level_that_nobody_took_waits)
{
	power_on();
	program(5, 0, LEVEL | 0x50);
	answer = -1;
	EXPECT_EQ(-1, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(REMOTE_IRR, entry(5) & REMOTE_IRR);
}

TEST(eoi_of_other_vectors_and_pins)
{
	power_on();
	program(5, 0, LEVEL | 0x50);
	program(6, 0, LEVEL | 0x60);
	program(7, 0, LEVEL | 0x50);
	ioapic_set_line(&chip, 5, true);
	ioapic_set_line(&chip, 6, true);
	ioapic_set_line(&chip, 7, true);
	ioapic_end_of_interrupt(&chip, 0x51, true);
	EXPECT_EQ(0, eois);
	ioapic_end_of_interrupt(&chip, 0x50, true);
	EXPECT_EQ(2, eois);
	EXPECT_EQ(0, entry(5) & REMOTE_IRR);
	EXPECT_EQ(REMOTE_IRR, entry(6) & REMOTE_IRR);
	EXPECT_EQ(0, entry(7) & REMOTE_IRR);
}

TEST(eoi_of_an_edge_is_told)
{
	power_on();
	program(2, 0, 0x30);
	program(3, 0, LEVEL | 0x30);
	ioapic_set_line(&chip, 3, true);
	ioapic_end_of_interrupt(&chip, 0x30, false);
	EXPECT_EQ(2, eois);
	EXPECT_EQ(REMOTE_IRR, entry(3) & REMOTE_IRR);
}

TEST(level_is_sent_when_unmasked)
{
	power_on();
	program(5, 0, LEVEL | MASKED | 0x50);
	EXPECT_EQ(-1, ioapic_set_line(&chip, 5, true));
	EXPECT_EQ(0, sent);
	program(5, 0, LEVEL | 0x50);
	EXPECT_EQ(1, sent);
	/* In service now: writing the entry sends nothing more. */
	program(5, 0, LEVEL | 0x50);
	EXPECT_EQ(1, sent);
}

TEST(level_masked_while_in_service)
{
	power_on();
	program(5, 0, LEVEL | 0x50);
	ioapic_set_line(&chip, 5, true);
	program(5, 0, LEVEL | MASKED | 0x50);
	ioapic_end_of_interrupt(&chip, 0x50, true);
	ioapic_refresh(&chip, ~0U);
	EXPECT_EQ(1, sent);
	program(5, 0, LEVEL | 0x50);
	EXPECT_EQ(2, sent);
}

TEST(edge_for_a_moment_is_an_eoi_by_hand)
{
	power_on();
	program(5, 0, LEVEL | 0x50);
	ioapic_set_line(&chip, 5, true);
	set(0x10 + 2 * 5, MASKED | 0x50);
	EXPECT_EQ(0, entry(5) & REMOTE_IRR);
	set(0x10 + 2 * 5, LEVEL | 0x50);
	EXPECT_EQ(2, sent);
	EXPECT_EQ(REMOTE_IRR, entry(5) & REMOTE_IRR);
}

TEST(pin_becomes_level_with_its_line_up)
{
	power_on();
	program(5, 0, 0x50);
	ioapic_set_line(&chip, 5, true);
	program(5, 0, LEVEL | 0x50);
	EXPECT_EQ(2, sent);
	EXPECT_TRUE(last.level);
}

TEST(vectors_whose_eoi_is_wanted)
{
	power_on();
	program(5, 0, LEVEL | MASKED | 0x50);
	program(6, 0, 0x60);
	program(7, 0, LEVEL | 0xff);
	EXPECT_EQ(1 << 0x10, chip.level_vectors[1]);
	EXPECT_EQ(1ull << 63, chip.level_vectors[3]);
	EXPECT_EQ(0, chip.level_vectors[0] | chip.level_vectors[2]);
	ioapic_watch(&chip, 1 << 6);
	EXPECT_EQ(1 << 0x10 | 1ull << 0x20, chip.level_vectors[1]);
	ioapic_watch(&chip, 0);
	EXPECT_EQ(1 << 0x10, chip.level_vectors[1]);
	program(5, 0, 0x50);
	EXPECT_EQ(0, chip.level_vectors[1]);
	ioapic_watch(&chip, ~0u);
	program(5, 0, 0x9f);
	EXPECT_EQ(1u << 31, chip.level_vectors[2]);
}

TEST(state_raises_lines)
{
	struct minivmm_ioapic_state state;

	power_on();
	program(5, 0, LEVEL | 0x50);
	program(6, 0, 0x60);
	program(7, 0, MASKED | 0x70);
	state = chip.state;
	state.irr = 0xff0000e0;
	ioapic_set_state(&chip, &state);
	EXPECT_EQ(2, sent);
	EXPECT_EQ(REMOTE_IRR, entry(5) & REMOTE_IRR);
	EXPECT_EQ(0xa0, chip.state.irr);
	EXPECT_EQ(1 << 6, chip.delivered);
	EXPECT_EQ(1 << 0x10, chip.level_vectors[1]);
}

TEST(state_in_service_is_not_sent_again)
{
	struct minivmm_ioapic_state state;

	power_on();
	program(5, 0, LEVEL | 0x50);
	ioapic_set_line(&chip, 5, true);
	state = chip.state;
	ioapic_set_state(&chip, &state);
	EXPECT_EQ(1, sent);
	EXPECT_TRUE(!memcmp(&state, &chip.state, sizeof(state)));
	ioapic_end_of_interrupt(&chip, 0x50, true);
	ioapic_refresh(&chip, ~0U);
	EXPECT_EQ(2, sent);
}

TEST(state_with_a_register_beyond)
{
	struct minivmm_ioapic_state state;

	power_on();
	state = chip.state;
	state.ioregsel = 0x80000010;
	state.id = ~0u;
	ioapic_set_state(&chip, &state);
	EXPECT_EQ(~0u, ioapic_read(&chip, 0x10));
	ioapic_write(&chip, 0x10, 0);
	EXPECT_EQ(MASKED, chip.state.redirtbl[0].bits);
	EXPECT_EQ(0x0f000000, get(0));
}

static void check_vectors(void)
{
	u64 vectors[4] = { 0 };
	unsigned int pin, vector;

	for (pin = 0; pin < PINS; pin++) {
		vector = chip.state.redirtbl[pin].bits & 0xff;
		if (chip.state.redirtbl[pin].bits & LEVEL || chip.watched >> pin & 1)
			vectors[vector / 64] |= 1ull << vector % 64;
	}
	ASSERT_TRUE(!memcmp(vectors, chip.level_vectors, sizeof(vectors)));
}

/* Few pins and vectors, so that they meet often. */
static void random_operation(u32 *lines)
{
	unsigned int pin = rand() % 4;
	bool level = rand() % 2;

	switch (rand() % 8) {
	case 0:
		set(0x10 + 2 * pin, (u32)rand() & (MASKED | LEVEL | 0xf03));
		break;
	case 1:
		set(rand(), rand());
		break;
	case 2:
		ioapic_end_of_interrupt(&chip, rand() % 4, level);
		break;
	case 3:
		ioapic_refresh(&chip, ~0U);
		break;
	case 4:
		if (rand() % 50 == 0)
			ioapic_watch(&chip, rand());
		break;
	default:
		ioapic_set_line(&chip, pin, level);
		*lines = (*lines & ~(1u << pin)) | (u32)level << pin;
	}
}

TEST(random_operations)
{
	unsigned int i, pin;
	u32 lines = 0;

	srand(82093);
	power_on();
	for (i = 0; i < 1000000; i++) {
		answer = rand() % 4 - 1;
		random_operation(&lines);
		check_vectors();
		/* No line is forgotten, none is made up. */
		ASSERT_EQ(lines, chip.state.irr | chip.delivered);
		ASSERT_EQ(0, chip.state.irr & chip.delivered);
		for (pin = 0; pin < PINS; pin++)
			if (!(chip.state.redirtbl[pin].bits & LEVEL))
				ASSERT_EQ(0, chip.state.redirtbl[pin].bits & REMOTE_IRR);
		ASSERT_TRUE(chip.state.ioregsel < 256);
	}
}

TEST(random_states)
{
	struct minivmm_ioapic_state state;
	u8 bytes[sizeof(state)];
	unsigned int i, n;
	u32 lines;

	srand(82094);
	power_on();
	for (n = 0; n < 2000; n++) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = rand();
		memcpy(&state, bytes, sizeof(state));
		ioapic_set_state(&chip, &state);
		ASSERT_EQ(state.irr & 0xffffff, chip.state.irr | chip.delivered);
		lines = state.irr & 0xffffff;
		for (i = 0; i < 200; i++)
			random_operation(&lines);
		check_vectors();
	}
}
