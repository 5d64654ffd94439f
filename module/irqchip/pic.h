/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two 8259 interrupt controllers of a PC. See pic.c.
 *
 * Logic without hardware, locks or time: whoever calls holds the VM's irqchip
 * lock.
 */
#ifndef MINIVMM_IRQCHIP_PIC_H
#define MINIVMM_IRQCHIP_PIC_H

#include <linux/minivmm.h>

#include "../x86/types.h"

#define PIC_LINES	16

/**
 * struct pic - master and slave
 * @chips: their state, as the caller sees it: master, slave
 * @output: the master's INTR line
 * @set_output: called when @output changes
 * @eoi: called when the guest has ended the interrupt of a line (0 to 15), or
 *       reset has; may call pic_set_line()
 * @unmasked: called when the guest has unmasked a line; NULL: nobody asks
 */
struct pic {
	struct minivmm_pic_state chips[2];
	bool output;
	void (*set_output)(struct pic *pic, bool level);
	void (*eoi)(struct pic *pic, unsigned int line);
	void (*unmasked)(struct pic *pic, unsigned int line);
};

void pic_init(struct pic *pic);
int pic_set_line(struct pic *pic, unsigned int line, bool level);
int pic_acknowledge(struct pic *pic);
bool pic_owns_port(u16 port);
void pic_write(struct pic *pic, u16 port, u8 value);
u8 pic_read(struct pic *pic, u16 port);
void pic_set_state(struct pic *pic, unsigned int chip,
		   const struct minivmm_pic_state *state);

#endif
