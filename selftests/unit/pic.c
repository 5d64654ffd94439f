// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two 8259s (module/irqchip/pic.c): what a guest programs, what lines do,
 * and what the CPU gets.
 */
#include <stdlib.h>

#include "irqchip/pic.h"
#include "ktap.h"
#include "pic_wants.h"

#define MASTER_BASE	0x20
#define SLAVE_BASE	0x28

static struct pic pic;
static unsigned int outputs, eois, last_eoi, unmasks, last_unmask;

static void on_output(struct pic *p, bool level)
{
	EXPECT_TRUE(p == &pic);
	EXPECT_EQ(level, p->output);
	outputs++;
}

static void on_eoi(struct pic *p, unsigned int line)
{
	EXPECT_TRUE(p == &pic);
	EXPECT_EQ(0, p->chips[line / 8].isr & 1 << line % 8);
	eois++;
	last_eoi = line;
}

static void on_unmasked(struct pic *p, unsigned int line)
{
	EXPECT_EQ(0, p->chips[line / 8].imr & 1 << line % 8);
	unmasks++;
	last_unmask = line;
}

static void power_on(void)
{
	memset(&pic, 0xa5, sizeof(pic));
	pic.set_output = on_output;
	pic.eoi = on_eoi;
	pic.unmasked = on_unmasked;
	pic_init(&pic);
	outputs = 0;
	eois = 0;
	unmasks = 0;
}

static void initialise(u16 port, u8 base, u8 icw4)
{
	pic_write(&pic, port, 0x11);
	pic_write(&pic, port + 1, base);
	pic_write(&pic, port + 1, 4);
	pic_write(&pic, port + 1, icw4);
}

/* Both chips programmed as PCs do, nothing masked. */
static void start(u8 master_icw4)
{
	power_on();
	initialise(0x20, MASTER_BASE, master_icw4);
	initialise(0xa0, SLAVE_BASE, 1);
}

static void pulse(unsigned int line)
{
	pic_set_line(&pic, line, true);
	pic_set_line(&pic, line, false);
}

static u8 read_isr(u16 port)
{
	pic_write(&pic, port, 0x0b);
	return pic_read(&pic, port);
}

static u8 read_irr(u16 port)
{
	pic_write(&pic, port, 0x0a);
	return pic_read(&pic, port);
}

TEST(power_on_state)
{
	struct minivmm_pic_state empty = { .elcr_mask = 0xf8 };

	power_on();
	EXPECT_TRUE(!memcmp(&empty, &pic.chips[0], sizeof(empty)));
	empty.elcr_mask = 0xde;
	EXPECT_TRUE(!memcmp(&empty, &pic.chips[1], sizeof(empty)));
	EXPECT_TRUE(!pic.output && !outputs);
}

TEST(ports_owned)
{
	unsigned int port;

	for (port = 0; port < 0x10000; port++)
		EXPECT_EQ(port == 0x20 || port == 0x21 || port == 0xa0 ||
			  port == 0xa1 || port == 0x4d0 || port == 0x4d1,
			  pic_owns_port(port));
}

TEST(initialisation_of_four_words)
{
	power_on();
	pic_write(&pic, 0x21, 0xff);
	initialise(0x20, 0x37, 0x13);
	EXPECT_EQ(0x30, pic.chips[0].irq_base);
	EXPECT_EQ(0, pic.chips[0].imr);
	EXPECT_EQ(1, pic.chips[0].special_fully_nested_mode);
	EXPECT_EQ(1, pic.chips[0].auto_eoi);
	EXPECT_EQ(0, pic.chips[0].init_state);
	pic_write(&pic, 0x21, 0x5a);
	EXPECT_EQ(0x5a, pic_read(&pic, 0x21));
}

TEST(initialisation_of_three_words)
{
	power_on();
	initialise(0x20, 0x30, 0x13);
	pic_write(&pic, 0x20, 0x10);
	EXPECT_EQ(0, pic.chips[0].special_fully_nested_mode);
	EXPECT_EQ(0, pic.chips[0].auto_eoi);
	pic_write(&pic, 0x21, 0x40);
	pic_write(&pic, 0x21, 4);
	EXPECT_EQ(0, pic.chips[0].init_state);
	pic_write(&pic, 0x21, 0x13);
	EXPECT_EQ(0x13, pic.chips[0].imr);
	EXPECT_EQ(0, pic.chips[0].auto_eoi);
	EXPECT_EQ(0x40, pic.chips[0].irq_base);
}

TEST(initialisation_forgets_edges_not_levels)
{
	start(1);
	pic_write(&pic, 0x20, 0xc2);
	pic_write(&pic, 0x4d0, 0x10);
	pic_set_line(&pic, 4, true);
	pic_set_line(&pic, 5, true);
	pic_set_line(&pic, 6, true);
	EXPECT_EQ(MASTER_BASE + 4, pic_acknowledge(&pic));
	pic_write(&pic, 0x21, 0xff);
	unmasks = 0;
	pic_write(&pic, 0x20, 0x11);
	EXPECT_EQ(0x10, pic.chips[0].irr);
	EXPECT_EQ(0x10, pic.chips[0].isr);
	EXPECT_EQ(2, eois);
	EXPECT_EQ(6, last_eoi);
	EXPECT_EQ(0, pic.chips[0].imr);
	EXPECT_EQ(0, unmasks);
	EXPECT_EQ(0, pic.chips[0].priority_add);
	EXPECT_EQ(0, pic.chips[0].last_irr);
}

TEST(edge_is_delivered_once)
{
	start(1);
	EXPECT_EQ(1, pic_set_line(&pic, 3, true));
	EXPECT_TRUE(pic.output);
	EXPECT_EQ(8, read_irr(0x20));
	EXPECT_EQ(MASTER_BASE + 3, pic_acknowledge(&pic));
	EXPECT_TRUE(!pic.output);
	EXPECT_EQ(0, read_irr(0x20));
	EXPECT_EQ(8, read_isr(0x20));
	pic_write(&pic, 0x20, 0x20);
	EXPECT_EQ(0, read_isr(0x20));
	EXPECT_EQ(3, last_eoi);
	/* Still up: no second interrupt; up again: one. */
	EXPECT_EQ(1, pic_set_line(&pic, 3, true));
	EXPECT_TRUE(!pic.output);
	pic_set_line(&pic, 3, false);
	EXPECT_EQ(1, pic_set_line(&pic, 3, true));
	EXPECT_TRUE(pic.output);
}

TEST(edge_stays_when_the_line_falls)
{
	start(1);
	pulse(3);
	EXPECT_EQ(MASTER_BASE + 3, pic_acknowledge(&pic));
}

TEST(output_falls_with_each_acknowledge)
{
	start(1);
	pulse(3);
	pulse(1);
	outputs = 0;
	EXPECT_EQ(MASTER_BASE + 1, pic_acknowledge(&pic));
	EXPECT_TRUE(!pic.output);
	EXPECT_EQ(1, outputs);
	/* Ended at once, so that there is more to say at once. */
	start(3);
	pulse(3);
	pulse(1);
	outputs = 0;
	EXPECT_EQ(MASTER_BASE + 1, pic_acknowledge(&pic));
	EXPECT_TRUE(pic.output);
	EXPECT_EQ(2, outputs);
}

TEST(selected_register_stays)
{
	start(1);
	pulse(3);
	pic_acknowledge(&pic);
	pulse(4);
	pic_write(&pic, 0x20, 0x0b);
	pic_write(&pic, 0x20, 0x08);
	EXPECT_EQ(0x08, pic_read(&pic, 0x20));
	pic_write(&pic, 0x20, 0x0a);
	pic_write(&pic, 0x20, 0x09);
	EXPECT_EQ(0x10, pic_read(&pic, 0x20));
}

TEST(second_edge_is_coalesced)
{
	start(1);
	pulse(3);
	EXPECT_EQ(0, pic_set_line(&pic, 3, true));
	EXPECT_EQ(1, pic_set_line(&pic, 3, false));
	pic_acknowledge(&pic);
	EXPECT_EQ(1, pic_set_line(&pic, 3, true));
}

TEST(masked_line_waits)
{
	start(1);
	pic_write(&pic, 0x21, 0x08);
	EXPECT_EQ(-1, pic_set_line(&pic, 3, true));
	EXPECT_EQ(-1, pic_set_line(&pic, 3, false));
	EXPECT_TRUE(!pic.output);
	pic_write(&pic, 0x21, 0);
	EXPECT_TRUE(pic.output);
	EXPECT_EQ(MASTER_BASE + 3, pic_acknowledge(&pic));
}

TEST(unmasking_is_told)
{
	start(1);
	pic_write(&pic, 0x21, 0x81);
	EXPECT_EQ(0, unmasks);
	pic_write(&pic, 0x21, 0x02);
	EXPECT_EQ(2, unmasks);
	EXPECT_EQ(7, last_unmask);
	pic_write(&pic, 0xa1, 0xff);
	pic_write(&pic, 0xa1, 0xef);
	EXPECT_EQ(3, unmasks);
	EXPECT_EQ(12, last_unmask);
	pic.unmasked = NULL;
	pic_write(&pic, 0xa1, 0);
}

TEST(level_lasts_as_long_as_the_line)
{
	start(1);
	pic_write(&pic, 0x4d0, 0x20);
	EXPECT_EQ(1, pic_set_line(&pic, 5, true));
	EXPECT_EQ(0, pic_set_line(&pic, 5, true));
	EXPECT_EQ(MASTER_BASE + 5, pic_acknowledge(&pic));
	EXPECT_TRUE(!pic.output);
	EXPECT_EQ(0x20, read_irr(0x20));
	pic_write(&pic, 0x20, 0x20);
	EXPECT_TRUE(pic.output);
	EXPECT_EQ(MASTER_BASE + 5, pic_acknowledge(&pic));
	pic_set_line(&pic, 5, false);
	pic_write(&pic, 0x20, 0x20);
	EXPECT_TRUE(!pic.output);
}

TEST(spurious_of_the_master)
{
	start(1);
	pic_write(&pic, 0x4d0, 0x20);
	pic_set_line(&pic, 5, true);
	pic_set_line(&pic, 5, false);
	EXPECT_TRUE(!pic.output);
	EXPECT_EQ(MASTER_BASE + 7, pic_acknowledge(&pic));
	EXPECT_EQ(0, read_isr(0x20));
}

TEST(spurious_of_the_slave)
{
	start(1);
	pulse(9);
	pic_write(&pic, 0xa1, 0x02);
	EXPECT_TRUE(pic.output);
	EXPECT_EQ(SLAVE_BASE + 7, pic_acknowledge(&pic));
	EXPECT_EQ(4, read_isr(0x20));
	EXPECT_EQ(0, read_isr(0xa0));
}

TEST(trigger_registers_keep_some_lines_edge)
{
	start(1);
	pic_write(&pic, 0x4d0, 0xff);
	pic_write(&pic, 0x4d1, 0xff);
	EXPECT_EQ(0xf8, pic_read(&pic, 0x4d0));
	EXPECT_EQ(0xde, pic_read(&pic, 0x4d1));
	pic_write(&pic, 0x4d0, 0x28);
	EXPECT_EQ(0x28, pic_read(&pic, 0x4d0));
	EXPECT_EQ(0xde, pic_read(&pic, 0x4d1));
}

TEST(lower_priority_waits)
{
	start(1);
	pulse(3);
	pic_acknowledge(&pic);
	pulse(4);
	pulse(3);
	EXPECT_TRUE(!pic.output);
	pulse(1);
	EXPECT_TRUE(pic.output);
	EXPECT_EQ(MASTER_BASE + 1, pic_acknowledge(&pic));
	pic_write(&pic, 0x20, 0x20);
	EXPECT_EQ(1, last_eoi);
	EXPECT_TRUE(!pic.output);
	pic_write(&pic, 0x20, 0x20);
	EXPECT_EQ(MASTER_BASE + 3, pic_acknowledge(&pic));
	pic_write(&pic, 0x20, 0x20);
	EXPECT_EQ(MASTER_BASE + 4, pic_acknowledge(&pic));
}

TEST(specific_eoi_ends_that_line)
{
	start(1);
	pulse(3);
	pic_acknowledge(&pic);
	pulse(1);
	pic_acknowledge(&pic);
	EXPECT_EQ(0x0a, read_isr(0x20));
	pic_write(&pic, 0x20, 0x63);
	EXPECT_EQ(0x02, read_isr(0x20));
	EXPECT_EQ(3, last_eoi);
	pic_write(&pic, 0x20, 0x61);
	EXPECT_EQ(0, read_isr(0x20));
}

TEST(eoi_of_nothing)
{
	start(1);
	pic_write(&pic, 0x20, 0x20);
	pic_write(&pic, 0x20, 0xa0);
	EXPECT_EQ(0, eois);
	EXPECT_EQ(0, pic.chips[0].priority_add);
	/* A specific one is told, whether the line is in service or not. */
	pic_write(&pic, 0x20, 0x65);
	EXPECT_EQ(1, eois);
	/* OCW2 without an operation */
	pic_write(&pic, 0x20, 0x45);
	EXPECT_EQ(1, eois);
}

TEST(set_priority)
{
	start(1);
	pic_write(&pic, 0x20, 0xc0 | 3);
	pulse(2);
	pulse(5);
	pulse(4);
	EXPECT_EQ(MASTER_BASE + 4, pic_acknowledge(&pic));
	pic_write(&pic, 0x20, 0x20);
	EXPECT_EQ(MASTER_BASE + 5, pic_acknowledge(&pic));
	EXPECT_EQ(4, pic.chips[0].priority_add);
	pic_write(&pic, 0x20, 0xc7);
	EXPECT_EQ(0, pic.chips[0].priority_add);
	EXPECT_EQ(0x20, read_isr(0x20));
	EXPECT_EQ(1, eois);
}

TEST(rotate_on_eoi)
{
	start(1);
	pulse(4);
	pulse(6);
	pic_acknowledge(&pic);
	pic_write(&pic, 0x20, 0xa0);
	EXPECT_EQ(4, last_eoi);
	EXPECT_EQ(5, pic.chips[0].priority_add);
	pulse(4);
	EXPECT_EQ(MASTER_BASE + 6, pic_acknowledge(&pic));
	pic_write(&pic, 0x20, 0xe6);
	EXPECT_EQ(6, last_eoi);
	EXPECT_EQ(7, pic.chips[0].priority_add);
	EXPECT_EQ(0, read_isr(0x20));
}

TEST(auto_eoi)
{
	start(3);
	pulse(6);
	EXPECT_EQ(MASTER_BASE + 6, pic_acknowledge(&pic));
	EXPECT_EQ(0, read_isr(0x20));
	EXPECT_EQ(1, eois);
	EXPECT_EQ(6, last_eoi);
	EXPECT_EQ(0, pic.chips[0].priority_add);
}

TEST(auto_eoi_rotates)
{
	start(3);
	pic_write(&pic, 0x20, 0x80);
	pulse(6);
	pic_acknowledge(&pic);
	EXPECT_EQ(7, pic.chips[0].priority_add);
	pic_write(&pic, 0x20, 0x00);
	pulse(2);
	pic_acknowledge(&pic);
	EXPECT_EQ(7, pic.chips[0].priority_add);
}

TEST(slave_reaches_the_cpu)
{
	start(1);
	EXPECT_EQ(1, pic_set_line(&pic, 12, true));
	EXPECT_EQ(4, read_irr(0x20));
	EXPECT_EQ(SLAVE_BASE + 4, pic_acknowledge(&pic));
	EXPECT_EQ(4, read_isr(0x20));
	EXPECT_EQ(0x10, read_isr(0xa0));
	pic_write(&pic, 0xa0, 0x20);
	EXPECT_EQ(12, last_eoi);
	pic_write(&pic, 0x20, 0x20);
	EXPECT_EQ(2, last_eoi);
	EXPECT_EQ(2, eois);
}

TEST(slave_behind_a_masked_cascade)
{
	start(1);
	pic_write(&pic, 0x21, 0x04);
	EXPECT_EQ(1, pic_set_line(&pic, 8, true));
	EXPECT_TRUE(!pic.output);
	pic_write(&pic, 0x21, 0);
	EXPECT_EQ(SLAVE_BASE, pic_acknowledge(&pic));
}

TEST(special_fully_nested)
{
	unsigned int nested;

	for (nested = 0; nested < 2; nested++) {
		start(nested ? 0x11 : 0x01);
		pulse(12);
		pic_acknowledge(&pic);
		pulse(9);
		EXPECT_EQ(nested, pic.output);
		if (nested)
			EXPECT_EQ(SLAVE_BASE + 1, pic_acknowledge(&pic));
	}
}

TEST(special_mask_is_only_noted)
{
	start(1);
	pulse(3);
	pic_acknowledge(&pic);
	pic_write(&pic, 0x21, 0x08);
	pic_write(&pic, 0x20, 0x68);
	EXPECT_EQ(1, pic.chips[0].special_mask);
	pulse(5);
	EXPECT_TRUE(!pic.output);
	pic_write(&pic, 0x20, 0x28);
	EXPECT_EQ(1, pic.chips[0].special_mask);
	pic_write(&pic, 0x20, 0x08);
	EXPECT_EQ(1, pic.chips[0].special_mask);
	pic_write(&pic, 0x20, 0x48);
	EXPECT_EQ(0, pic.chips[0].special_mask);
}

TEST(poll)
{
	start(1);
	pic_write(&pic, 0x20, 0x0c);
	EXPECT_EQ(7, pic_read(&pic, 0x20));
	EXPECT_EQ(0, eois);
	pulse(3);
	pic_write(&pic, 0x20, 0x0c);
	EXPECT_EQ(3, pic_read(&pic, 0x20));
	EXPECT_EQ(1, eois);
	EXPECT_EQ(0, read_irr(0x20));
	EXPECT_EQ(0, read_isr(0x20));
}

TEST(poll_of_the_slave)
{
	start(1);
	pulse(10);
	EXPECT_TRUE(pic.output);
	pic_write(&pic, 0xa0, 0x0c);
	EXPECT_EQ(2, pic_read(&pic, 0xa1));
	EXPECT_TRUE(!pic.output);
	EXPECT_EQ(0, read_irr(0x20));
	EXPECT_EQ(10, last_eoi);
}

TEST(poll_answers_one_read_at_any_port)
{
	start(1);
	pic_write(&pic, 0x21, 0x55);
	pulse(3);
	pic_write(&pic, 0x20, 0x0c);
	EXPECT_EQ(7, pic_read(&pic, 0x21) | 4);
	EXPECT_EQ(0x55, pic_read(&pic, 0x21));
}

TEST(state_sets_the_output)
{
	struct minivmm_pic_state state;

	start(1);
	state = pic.chips[0];
	state.irr = 0x40;
	pic_set_state(&pic, 0, &state);
	EXPECT_TRUE(pic.output);
	state.imr = 0x40;
	pic_set_state(&pic, 0, &state);
	EXPECT_TRUE(!pic.output);
	state = pic.chips[1];
	state.irr = 1;
	pic_set_state(&pic, 1, &state);
	EXPECT_TRUE(pic.output);
	EXPECT_EQ(SLAVE_BASE, pic_acknowledge(&pic));
}

TEST(vector_has_eight_bits)
{
	struct minivmm_pic_state state = { .irq_base = 0xff, .irr = 8 };

	start(1);
	pic_set_state(&pic, 0, &state);
	EXPECT_EQ(2, pic_acknowledge(&pic));
}

TEST(device_acts_in_the_eoi)
{
	start(1);
	pic_write(&pic, 0x4d0, 0x20);
	pic_set_line(&pic, 5, true);
	pic_acknowledge(&pic);
	pic_set_line(&pic, 5, false);
	pic_write(&pic, 0x20, 0x65);
	EXPECT_TRUE(!pic.output);
}

static void random_state(unsigned int chip)
{
	struct minivmm_pic_state state;
	unsigned int i;

	for (i = 0; i < sizeof(state); i++)
		((u8 *)&state)[i] = rand();
	pic_set_state(&pic, chip, &state);
}

/* Return: an operation that looks at the output again. */
static bool random_operation(void)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	u16 port = ports[rand() % 6];
	int vector, result;

	switch (rand() % 8) {
	case 0:
		pic_write(&pic, port, rand());
		return false;
	case 1:
		pic_read(&pic, port);
		return false;
	case 2:
		vector = pic_acknowledge(&pic);
		EXPECT_TRUE(vector >= 0 && vector < 256);
		return true;
	case 3:
		if (rand() % 16 == 0)
			random_state(rand() % 2);
		return false;
	default:
		result = pic_set_line(&pic, rand() % 16, rand() % 2);
		EXPECT_TRUE(result >= -1 && result <= 1);
		return true;
	}
}

TEST(random_operations)
{
	unsigned int i, toggles;
	bool before;

	srand(8259);
	start(1);
	for (i = 0; i < 1000000; i++) {
		before = pic.output;
		toggles = outputs;
		if (random_operation())
			ASSERT_EQ(pic_wants(&pic.chips[0]), pic.output);
		ASSERT_EQ((outputs - toggles) % 2, before != pic.output);
	}
}
