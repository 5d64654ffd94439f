/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The I/O APIC. See ioapic.c.
 *
 * Logic without hardware, locks or time: whoever calls holds the VM's irqchip
 * lock.
 */
#ifndef MINIVMM_IRQCHIP_IOAPIC_H
#define MINIVMM_IRQCHIP_IOAPIC_H

#include <linux/minivmm.h>

#include "message.h"

#define IOAPIC_DEFAULT_BASE	0xfec00000
#define IOAPIC_SIZE		0x100

/**
 * struct ioapic - the I/O APIC
 * @state: as the caller sees it; irr holds the lines that are up, but for
 *         those in @delivered
 * @delivered: edge-triggered lines that are up and whose edge was delivered
 * @watched: pins whose EOI is asked for even if they are edge-triggered
 * @level_vectors: vectors of level-triggered and of watched pins, masked or not:
 *                 whose EOI it wants to know of
 * @deliver: sends a message; how many local APICs took it, 0: it was pending
 *           there already, -1: none took it
 * @eoi: called when the guest has ended the interrupt of a pin; may call
 *       ioapic_set_line()
 * @unmasked: called when the guest has unmasked a pin; NULL: nobody asks
 */
struct ioapic {
	struct minivmm_ioapic_state state;
	u32 delivered;
	u32 watched;
	u64 level_vectors[4];
	int (*deliver)(struct ioapic *ioapic, const struct irq_message *message);
	void (*eoi)(struct ioapic *ioapic, unsigned int pin);
	void (*unmasked)(struct ioapic *ioapic, unsigned int pin);
};

void ioapic_init(struct ioapic *ioapic);
int ioapic_set_line(struct ioapic *ioapic, unsigned int pin, bool level);
void ioapic_watch(struct ioapic *ioapic, u32 pins);
void ioapic_end_of_interrupt(struct ioapic *ioapic, u8 vector, bool level);
void ioapic_refresh(struct ioapic *ioapic, u32 pins);
void ioapic_write(struct ioapic *ioapic, u32 offset, u32 value);
u32 ioapic_read(struct ioapic *ioapic, u32 offset);
void ioapic_set_state(struct ioapic *ioapic,
		      const struct minivmm_ioapic_state *state);

#endif
