// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC: 24 pins, for each an entry in the redirection table that says
 * which message a change of the pin becomes.
 *
 * Intel's data sheet of the 82093AA: "Memory Mapped Registers for Accessing
 * IOAPIC Registers", "I/O Redirection Table Registers". SDM: "Level-Triggered
 * Interrupts" for remote IRR and the EOI that comes back.
 *
 * An edge-triggered pin sends its message when its line rises. A
 * level-triggered one sends it while the line is up, but not again before the
 * local APIC's EOI: remote IRR is set for as long. This is version 0x11 of the
 * chip: without an EOI register. A guest ends an interrupt by hand by making its
 * entry edge-triggered for a moment, which clears remote IRR.
 *
 * As KVM has it: reserved bits keep what was written; an edge on a masked pin is
 * lost (but the line reads as pending until it falls); a level-triggered pin's
 * remote IRR is set even if no local APIC was there to take the message.
 *
 * Read next: lapic.c.
 */
#include "ioapic.h"

/* Offsets in the page */
#define IOREGSEL	0x00
#define IOWIN		0x10

/* What IOREGSEL selects; from REDTBL on two for each pin */
#define REG_ID		0x00
#define REG_VERSION	0x01
#define REG_ARBITRATION	0x02
#define REG_REDTBL	0x10

#define VERSION		0x11
#define PINS		MINIVMM_IOAPIC_NUM_PINS

/* The pin whose entry a register is half of, or PINS. */
static unsigned int pin_of(u32 reg)
{
	if (reg < REG_REDTBL || reg >= REG_REDTBL + 2 * PINS)
		return PINS;
	return array_index_nospec((reg - REG_REDTBL) / 2, PINS);
}

static void update_vectors(struct ioapic *ioapic)
{
	unsigned int pin;

	memset(ioapic->level_vectors, 0, sizeof(ioapic->level_vectors));
	for (pin = 0; pin < PINS; pin++) {
		u8 vector = ioapic->state.redirtbl[pin].fields.vector;

		if (ioapic->state.redirtbl[pin].fields.trig_mode ||
		    (ioapic->watched & BIT(pin)))
			ioapic->level_vectors[vector / 64] |= BIT_ULL(vector % 64);
	}
}

static bool line_is_up(const struct ioapic *ioapic, unsigned int pin)
{
	return (ioapic->state.irr | ioapic->delivered) & BIT(pin);
}

/* A pin's message, if it may be sent now. */
static int send(struct ioapic *ioapic, unsigned int pin)
{
	struct irq_message message = { .assert = true };
	int result;

	if (ioapic->state.redirtbl[pin].fields.mask)
		return -1;
	message.vector = ioapic->state.redirtbl[pin].fields.vector;
	message.mode = ioapic->state.redirtbl[pin].fields.delivery_mode;
	message.logical = ioapic->state.redirtbl[pin].fields.dest_mode;
	message.level = ioapic->state.redirtbl[pin].fields.trig_mode;
	message.destination = ioapic->state.redirtbl[pin].fields.dest_id;

	if (!message.level) {
		ioapic->state.irr &= ~BIT(pin);
		ioapic->delivered |= BIT(pin);
		return ioapic->deliver(ioapic, &message);
	}
	if (ioapic->state.redirtbl[pin].fields.remote_irr)
		return -1;
	result = ioapic->deliver(ioapic, &message);
	if (result)
		ioapic->state.redirtbl[pin].fields.remote_irr = 1;
	return result;
}

/**
 * ioapic_init() - as after power-on: all pins masked
 * @ioapic: with its callbacks set
 */
void ioapic_init(struct ioapic *ioapic)
{
	unsigned int pin;

	memset(&ioapic->state, 0, sizeof(ioapic->state));
	ioapic->state.base_address = IOAPIC_DEFAULT_BASE;
	for (pin = 0; pin < PINS; pin++)
		ioapic->state.redirtbl[pin].fields.mask = 1;
	ioapic->delivered = 0;
	ioapic->watched = 0;
	update_vectors(ioapic);
}

/**
 * ioapic_watch() - whose EOI to ask for, even if edge-triggered
 * @ioapic: the chip
 * @pins: a bit for each pin; what was set before is forgotten
 */
void ioapic_watch(struct ioapic *ioapic, u32 pins)
{
	ioapic->watched = pins;
	update_vectors(ioapic);
}

/**
 * ioapic_set_line() - a device sets the level of its line
 * @ioapic: the chip
 * @pin: 0 to 23
 * @level: up or down
 *
 * Return: as &struct ioapic.deliver, if a message was sent; else 0: the line
 *	   was up already, -1: masked or not ended yet, 1: it is down.
 */
int ioapic_set_line(struct ioapic *ioapic, unsigned int pin, bool level)
{
	bool was_up = line_is_up(ioapic, pin);

	if (!level) {
		ioapic->state.irr &= ~BIT(pin);
		ioapic->delivered &= ~BIT(pin);
		return 1;
	}
	ioapic->state.irr |= BIT(pin);
	ioapic->delivered &= ~BIT(pin);
	if (was_up && !ioapic->state.redirtbl[pin].fields.trig_mode)
		return 0;
	return send(ioapic, pin);
}

/**
 * ioapic_end_of_interrupt() - a local APIC has ended an interrupt
 * @ioapic: the chip
 * @vector: its vector
 * @level: it was level-triggered
 *
 * If a line is still up, ioapic_refresh() sends its message again: by a call of
 * its own, so that a device that hears of the end can let go of the line first.
 */
void ioapic_end_of_interrupt(struct ioapic *ioapic, u8 vector, bool level)
{
	unsigned int pin;

	for (pin = 0; pin < PINS; pin++) {
		if (ioapic->state.redirtbl[pin].fields.vector != vector)
			continue;
		if (level)
			ioapic->state.redirtbl[pin].fields.remote_irr = 0;
		ioapic->eoi(ioapic, pin);
	}
}

/**
 * ioapic_refresh() - send what level-triggered lines that are up have to say
 * @ioapic: the chip
 * @pins: of these pins: whose interrupts have ended
 */
void ioapic_refresh(struct ioapic *ioapic, u32 pins)
{
	unsigned int pin;

	for (pin = 0; pin < PINS; pin++)
		if (pins & BIT(pin) &&
		    ioapic->state.redirtbl[pin].fields.trig_mode &&
		    line_is_up(ioapic, pin))
			send(ioapic, pin);
}

/* Half of an entry. Remote IRR and delivery status are not the guest's. */
static void write_entry(struct ioapic *ioapic, unsigned int pin, bool high, u32 value)
{
	bool remote_irr = ioapic->state.redirtbl[pin].fields.remote_irr;
	bool pending = ioapic->state.redirtbl[pin].fields.delivery_status;
	bool masked = ioapic->state.redirtbl[pin].fields.mask;
	u64 bits = ioapic->state.redirtbl[pin].bits;

	if (high)
		bits = (u32)bits | (u64)value << 32;
	else
		bits = (bits >> 32 << 32) | value;
	ioapic->state.redirtbl[pin].bits = bits;
	ioapic->state.redirtbl[pin].fields.delivery_status = pending;
	ioapic->state.redirtbl[pin].fields.remote_irr =
		remote_irr && ioapic->state.redirtbl[pin].fields.trig_mode;
	update_vectors(ioapic);

	if (masked && !ioapic->state.redirtbl[pin].fields.mask && ioapic->unmasked)
		ioapic->unmasked(ioapic, pin);
	if (ioapic->state.redirtbl[pin].fields.trig_mode && line_is_up(ioapic, pin))
		send(ioapic, pin);
}

/**
 * ioapic_write() - the guest writes to the page
 * @ioapic: the chip
 * @offset: from its base
 * @value: 32 bits; of a shorter write with zeros above
 */
void ioapic_write(struct ioapic *ioapic, u32 offset, u32 value)
{
	u32 reg = ioapic->state.ioregsel;
	unsigned int pin = pin_of(reg);

	if (offset == IOREGSEL) {
		ioapic->state.ioregsel = value & 0xff;
		return;
	}
	if (offset != IOWIN)
		return;
	if (reg == REG_ID)
		ioapic->state.id = (value >> 24) & 0xf;
	else if (pin < PINS)
		write_entry(ioapic, pin, reg & 1, value);
}

/**
 * ioapic_read() - the guest reads from the page
 * @ioapic: the chip
 * @offset: from its base
 *
 * Return: 32 bits; of a register that is not there, ones.
 */
u32 ioapic_read(struct ioapic *ioapic, u32 offset)
{
	u32 reg = ioapic->state.ioregsel;
	unsigned int pin = pin_of(reg);
	u64 bits;

	if (offset == IOREGSEL)
		return reg;
	if (offset != IOWIN)
		return 0;
	if (reg == REG_VERSION)
		return (PINS - 1) << 16 | VERSION;
	if (reg == REG_ID || reg == REG_ARBITRATION)
		return (ioapic->state.id & 0xf) << 24;
	if (pin == PINS)
		return ~0;
	bits = ioapic->state.redirtbl[pin].bits;
	return reg & 1 ? bits >> 32 : bits;
}

/**
 * ioapic_set_state() - a caller sets the whole state
 * @ioapic: the chip
 * @state: any bytes; the lines of its irr rise now
 */
void ioapic_set_state(struct ioapic *ioapic,
		      const struct minivmm_ioapic_state *state)
{
	unsigned int pin;

	ioapic->state = *state;
	ioapic->state.irr = 0;
	ioapic->delivered = 0;
	update_vectors(ioapic);
	for (pin = 0; pin < PINS; pin++)
		if (state->irr & BIT(pin))
			ioapic_set_line(ioapic, pin, true);
}
