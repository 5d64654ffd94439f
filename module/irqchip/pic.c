// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two 8259A interrupt controllers of a PC: a master whose line 2 is the
 * slave's output, and the two ELCR ports of the chipset that say which lines
 * are level-triggered.
 *
 * Intel's data sheet of the 8259A: "Initialization Command Words (ICWs)",
 * "Operation Command Words (OCWs)", "Interrupt Sequence". Each chip has three
 * registers of a bit for each line: IRR (asks for service), IMR (masked), ISR
 * (in service). A line is served if it asks, is not masked, and no line of the
 * same or of higher priority is in service. Priority falls from line
 * @priority_add round to the one before it.
 *
 * As KVM has it, and a client may rely on that: special mask mode is noted but
 * changes nothing, a poll's answer is the line's number without bit 7, and the
 * slave's request reaches the master as an edge, which stays when the slave
 * takes it back: the guest then gets the slave's spurious interrupt, line 7.
 *
 * Read next: ioapic.c.
 */
#include "pic.h"

#define MASTER		0
#define SLAVE		1
#define CASCADE		2	/* the master's line at which the slave is */
#define SPURIOUS	7
#define NO_LINE		(-1)
#define CHIP_LINES	8

/* ICW1, and what tells OCW2 and OCW3 from it */
#define ICW1		BIT(4)
#define ICW1_ICW4	BIT(0)
#define ICW4_AUTO_EOI	BIT(1)
#define ICW4_NESTED	BIT(4)
#define OCW3		BIT(3)
#define OCW3_RIS	BIT(0)
#define OCW3_RR		BIT(1)
#define OCW3_POLL	BIT(2)
#define OCW3_SMM	BIT(5)
#define OCW3_ESMM	BIT(6)

/* OCW2's upper three bits */
enum {
	OCW2_ROTATE_AUTO_OFF	= 0,
	OCW2_EOI		= 1,
	OCW2_NOP		= 2,
	OCW2_SPECIFIC_EOI	= 3,
	OCW2_ROTATE_AUTO_ON	= 4,
	OCW2_ROTATE_EOI		= 5,
	OCW2_SET_PRIORITY	= 6,
	OCW2_ROTATE_SPECIFIC	= 7,
};

/* minivmm_pic_state.init_state: the initialisation word that comes next */
enum {
	INIT_DONE,
	INIT_ICW2,
	INIT_ICW3,
	INIT_ICW4,
};

static void set_output(struct pic *pic, bool level)
{
	if (pic->output == level)
		return;
	pic->output = level;
	pic->set_output(pic, level);
}

/* A line's new level; what became of it as pic_set_line() says. */
static int set_line(struct minivmm_pic_state *chip, unsigned int line, bool level)
{
	u8 mask = BIT(line);
	int result = 1;

	if (!level) {
		chip->last_irr &= ~mask;
		if (chip->elcr & mask)
			chip->irr &= ~mask;
	} else {
		if ((chip->elcr & mask) || !(chip->last_irr & mask)) {
			result = !(chip->irr & mask);
			chip->irr |= mask;
		}
		chip->last_irr |= mask;
	}
	return chip->imr & mask ? -1 : result;
}

/* How far the first of @lines is from the highest priority; 8: there is none. */
static unsigned int priority_of(const struct minivmm_pic_state *chip, u8 lines)
{
	unsigned int priority = 0;

	if (!lines)
		return CHIP_LINES;
	while (!(lines & BIT((priority + chip->priority_add) % CHIP_LINES)))
		priority++;
	return priority;
}

/* The line that a chip wants served, or NO_LINE. */
static int wanted_line(const struct pic *pic, unsigned int n)
{
	const struct minivmm_pic_state *chip = &pic->chips[n];
	unsigned int priority = priority_of(chip, chip->irr & ~chip->imr);
	u8 in_service = chip->isr;

	if (n == MASTER && chip->special_fully_nested_mode)
		in_service &= ~BIT(CASCADE);
	if (priority >= priority_of(chip, in_service))
		return NO_LINE;
	return (priority + chip->priority_add) % CHIP_LINES;
}

static void update(struct pic *pic)
{
	if (wanted_line(pic, SLAVE) != NO_LINE) {
		set_line(&pic->chips[MASTER], CASCADE, true);
		set_line(&pic->chips[MASTER], CASCADE, false);
	}
	set_output(pic, wanted_line(pic, MASTER) != NO_LINE);
}

static void end_of_interrupt(struct pic *pic, unsigned int n, unsigned int line)
{
	pic->chips[n].isr &= ~BIT(line);
	pic->eoi(pic, n * CHIP_LINES + line);
}

static void acknowledge(struct pic *pic, unsigned int n, unsigned int line)
{
	struct minivmm_pic_state *chip = &pic->chips[n];

	chip->isr |= BIT(line);
	if (!(chip->elcr & BIT(line)))
		chip->irr &= ~BIT(line);
	if (chip->auto_eoi) {
		if (chip->rotate_on_auto_eoi)
			chip->priority_add = (line + 1) % CHIP_LINES;
		end_of_interrupt(pic, n, line);
	}
}

/**
 * pic_init() - as after power-on
 * @pic: with its callbacks set
 */
void pic_init(struct pic *pic)
{
	memset(pic->chips, 0, sizeof(pic->chips));
	pic->chips[MASTER].elcr_mask = 0xf8;
	pic->chips[SLAVE].elcr_mask = 0xde;
	pic->output = false;
}

/**
 * pic_set_line() - a device sets the level of its line
 * @pic: the chips
 * @line: 0 to 15
 * @level: up or down
 *
 * Return: 1: noted, 0: it was pending already, -1: the line is masked (it is
 *	   noted for later).
 */
int pic_set_line(struct pic *pic, unsigned int line, bool level)
{
	int result = set_line(&pic->chips[line / CHIP_LINES], line % CHIP_LINES, level);

	update(pic);
	return result;
}

/**
 * pic_acknowledge() - a CPU takes the interrupt
 * @pic: the chips
 *
 * Return: the vector: that of a spurious interrupt if there is none any more.
 */
int pic_acknowledge(struct pic *pic)
{
	int line = wanted_line(pic, MASTER);
	unsigned int n = MASTER;
	u8 vector;

	set_output(pic, false);
	if (line != NO_LINE)
		acknowledge(pic, MASTER, line);
	if (line == CASCADE) {
		n = SLAVE;
		line = wanted_line(pic, SLAVE);
		if (line != NO_LINE)
			acknowledge(pic, SLAVE, line);
	}
	if (line == NO_LINE)
		line = SPURIOUS;
	vector = pic->chips[n].irq_base + line;
	update(pic);
	return vector;
}

/* ICW1. What is in service stays so, but for lines whose edge is forgotten. */
static void start_initialisation(struct pic *pic, unsigned int n, u8 icw1)
{
	struct minivmm_pic_state *chip = &pic->chips[n];
	u8 edges = chip->irr & ~chip->elcr;
	unsigned int line;

	chip->init4 = icw1 & ICW1_ICW4;
	chip->last_irr = 0;
	chip->irr &= chip->elcr;
	chip->imr = 0;
	chip->priority_add = 0;
	chip->special_mask = 0;
	chip->read_reg_select = 0;
	if (!chip->init4) {
		chip->special_fully_nested_mode = 0;
		chip->auto_eoi = 0;
	}
	chip->init_state = INIT_ICW2;

	for (line = 0; line < CHIP_LINES; line++)
		if (edges & BIT(line))
			end_of_interrupt(pic, n, line);
}

static void write_ocw3(struct minivmm_pic_state *chip, u8 value)
{
	if (value & OCW3_POLL)
		chip->poll = 1;
	if (value & OCW3_RR)
		chip->read_reg_select = value & OCW3_RIS;
	if (value & OCW3_ESMM)
		chip->special_mask = !!(value & OCW3_SMM);
}

static void write_ocw2(struct pic *pic, unsigned int n, u8 value)
{
	struct minivmm_pic_state *chip = &pic->chips[n];
	unsigned int command = value >> 5, line = value & 7, priority;

	switch (command) {
	case OCW2_ROTATE_AUTO_OFF:
	case OCW2_ROTATE_AUTO_ON:
		chip->rotate_on_auto_eoi = command == OCW2_ROTATE_AUTO_ON;
		return;
	case OCW2_NOP:
		return;
	case OCW2_EOI:
	case OCW2_ROTATE_EOI:
		priority = priority_of(chip, chip->isr);
		if (priority == CHIP_LINES)
			return;
		line = (priority + chip->priority_add) % CHIP_LINES;
		break;
	}
	if (command >= OCW2_ROTATE_EOI)
		chip->priority_add = (line + 1) % CHIP_LINES;
	if (command != OCW2_SET_PRIORITY)
		end_of_interrupt(pic, n, line);
	update(pic);
}

/* OCW1 */
static void write_mask(struct pic *pic, unsigned int n, u8 value)
{
	u8 unmasked = pic->chips[n].imr & ~value;
	unsigned int line;

	pic->chips[n].imr = value;
	for (line = 0; line < CHIP_LINES; line++)
		if (unmasked & BIT(line) && pic->unmasked)
			pic->unmasked(pic, n * CHIP_LINES + line);
	update(pic);
}

/* The port with A0 set: the initialisation words after the first, then OCW1. */
static void write_data(struct pic *pic, unsigned int n, u8 value)
{
	struct minivmm_pic_state *chip = &pic->chips[n];

	switch (chip->init_state) {
	case INIT_DONE:
		write_mask(pic, n, value);
		break;
	case INIT_ICW2:
		chip->irq_base = value & 0xf8;
		chip->init_state = INIT_ICW3;
		break;
	case INIT_ICW3:	/* how the chips are wired: they are */
		chip->init_state = chip->init4 ? INIT_ICW4 : INIT_DONE;
		break;
	case INIT_ICW4:
		chip->special_fully_nested_mode = !!(value & ICW4_NESTED);
		chip->auto_eoi = !!(value & ICW4_AUTO_EOI);
		chip->init_state = INIT_DONE;
		break;
	}
}

/**
 * pic_owns_port() - is a port the chips' or an ELCR?
 * @port: the port
 */
bool pic_owns_port(u16 port)
{
	u16 pair = port & ~1;

	return pair == 0x20 || pair == 0xa0 || pair == 0x4d0;
}

/**
 * pic_write() - the guest writes a byte to a port
 * @pic: the chips
 * @port: one of those that pic_owns_port() names
 * @value: the byte
 */
void pic_write(struct pic *pic, u16 port, u8 value)
{
	unsigned int n = port & 0x80 ? SLAVE : MASTER;

	if ((port & ~1) == 0x4d0) {
		n = port & 1;
		pic->chips[n].elcr = value & pic->chips[n].elcr_mask;
	} else if (port & 1) {
		write_data(pic, n, value);
	} else if (value & ICW1) {
		start_initialisation(pic, n, value);
	} else if (value & OCW3) {
		write_ocw3(&pic->chips[n], value);
	} else {
		write_ocw2(pic, n, value);
	}
}

/* A read that acknowledges and ends the interrupt at once. */
static u8 poll(struct pic *pic, unsigned int n)
{
	struct minivmm_pic_state *chip = &pic->chips[n];
	int line = wanted_line(pic, n);

	chip->poll = 0;
	if (line == NO_LINE) {
		update(pic);
		return SPURIOUS;
	}
	if (n == SLAVE) {
		pic->chips[MASTER].isr &= ~BIT(CASCADE);
		pic->chips[MASTER].irr &= ~BIT(CASCADE);
	}
	chip->irr &= ~BIT(line);
	end_of_interrupt(pic, n, line);
	/* The master's line 2 says nothing until the slave is asked too. */
	if (n == SLAVE || line != CASCADE)
		update(pic);
	return line;
}

/**
 * pic_read() - the guest reads a byte from a port
 * @pic: the chips
 * @port: one of those that pic_owns_port() names
 *
 * Return: the byte.
 */
u8 pic_read(struct pic *pic, u16 port)
{
	unsigned int n = port & 0x80 ? SLAVE : MASTER;
	const struct minivmm_pic_state *chip = &pic->chips[n];

	if ((port & ~1) == 0x4d0)
		return pic->chips[port & 1].elcr;
	if (chip->poll)
		return poll(pic, n);
	if (port & 1)
		return chip->imr;
	return chip->read_reg_select ? chip->isr : chip->irr;
}

/**
 * pic_set_state() - a caller sets a chip's whole state
 * @pic: the chips
 * @chip: 0: the master, 1: the slave
 * @state: any bytes
 */
void pic_set_state(struct pic *pic, unsigned int chip,
		   const struct minivmm_pic_state *state)
{
	pic->chips[chip] = *state;
	update(pic);
}
