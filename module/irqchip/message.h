/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interrupt on its way to local APICs: what an I/O APIC, a device's message
 * or another local APIC says, in one form.
 *
 * SDM: "Message Signalled Interrupts", "Issuing Interprocessor Interrupts".
 * Read on in lapic.h (who takes it) and deliver.c (how it gets there).
 */
#ifndef MINIVMM_IRQCHIP_MESSAGE_H
#define MINIVMM_IRQCHIP_MESSAGE_H

#include "../x86/types.h"

/* The delivery modes, as they are encoded everywhere. */
enum irq_mode {
	IRQ_FIXED,
	IRQ_LOWEST_PRIORITY,
	IRQ_SMI,
	IRQ_RESERVED,
	IRQ_NMI,
	IRQ_INIT,
	IRQ_STARTUP,
	IRQ_EXTINT,
};

/* Destination shorthands of the interrupt command register. */
enum irq_shorthand {
	IRQ_TO_DESTINATION,
	IRQ_TO_SELF,
	IRQ_TO_ALL,
	IRQ_TO_OTHERS,
};

/**
 * struct irq_message - an interrupt message
 * @mode: &enum irq_mode
 * @vector: 0 to 255
 * @logical: @destination is a logical one
 * @level: level-triggered
 * @assert: the level; INIT with @level and not @assert does nothing
 * @shorthand: &enum irq_shorthand: with another than TO_DESTINATION,
 *             @destination says nothing
 * @destination: 8 bits, or 32 from an x2APIC
 * @ipi: a local APIC has sent it: to an x2APIC, 0xff is no broadcast
 */
struct irq_message {
	u8 mode;
	u8 vector;
	bool logical;
	bool level;
	bool assert;
	u8 shorthand;
	u32 destination;
	bool ipi;
};

#endif
