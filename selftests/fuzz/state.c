// SPDX-License-Identifier: GPL-2.0-only
/* See state.h. */
#include "state.h"

/* Mostly an address in the pages of which the input says what they are. */
static u64 take_register(struct input *in)
{
	u64 value = take(in, 2);
	u8 how = take(in, 1);

	if (how < 64)	/* near the border of two pages */
		return (value & 0xf000) + 0x1000 - (value & 15);
	return how < 192 ? value : value << (how % 49);
}

void take_machine(struct machine *m, struct input *in)
{
	static const u8 modes[] = { 16, 32, 64, 64 };
	unsigned int i;
	u8 what;

	what = take(in, 1);
	machine_init(m, modes[what & 3]);
	m->e.cpl = what & 4 ? 3 : 0;
	if (what & 8)
		m->e.cr0 = 0;
	if (what & 16)
		m->e.cr0 |= CPU_CR0_AM;
	if (what & 32)
		m->e.cr4 |= CPU_CR4_LA57;
	if (what & 64)
		m->e.pio_data = NULL;
	m->e.rflags = take(in, 3);
	m->e.rip = CODE + take(in, 1) * 16;
	for (i = 0; i < MACHINE_PAGES / 2; i++)
		if (i != CODE / PAGE)
			m->page[i] = take(in, 1) % (MACHINE_LOST + 1);
	for (i = 0; i < 6 && (what & 128); i++) {
		m->segments[i].limit = ~take(in, 3);
		m->segments[i].ar = take(in, 3);
		m->segments[i].base = take(in, 2);
	}
	for (i = 0; i < 16; i++)
		m->e.regs[i] = take_register(in);
	take_bytes(in, m->memory + m->e.rip, X86_INSN_MAX);
}
