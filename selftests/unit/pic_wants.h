/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an 8259 wants, found the slow way, for comparison with the device's own.
 */
#ifndef UNIT_PIC_WANTS_H
#define UNIT_PIC_WANTS_H

#include "irqchip/pic.h"

/* Is there an interrupt for the CPU? From the highest priority down. */
static inline bool pic_wants(const struct minivmm_pic_state *chip)
{
	unsigned int i, line;

	for (i = 0; i < 8; i++) {
		line = (chip->priority_add + i) % 8;
		if (chip->isr >> line & 1 &&
		    !(line == 2 && chip->special_fully_nested_mode))
			return false;
		if ((chip->irr & ~chip->imr) >> line & 1)
			return true;
	}
	return false;
}

#endif
