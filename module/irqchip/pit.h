/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 timer. See pit.c.
 *
 * Logic without hardware or locks. Time comes from the caller, in ns on a clock
 * that never goes back; timers are the caller's too: channel 0's is told by
 * pit_timer().
 */
#ifndef MINIVMM_IRQCHIP_PIT_H
#define MINIVMM_IRQCHIP_PIT_H

#include <linux/minivmm.h>

#include "../x86/types.h"

#define PIT_HZ		1193182

/**
 * struct pit_timer - when channel 0's output rises
 * @first: the time, in ns; 0: never
 * @period: ns from then on; 0: once
 */
struct pit_timer {
	s64 first;
	s64 period;
};

/**
 * struct pit - three counters, and port 0x61 if it is asked for
 * @state: as the caller sees it; count_load_time is on the caller's clock
 * @speaker: port 0x61 is handled here
 * @timer: as of when channel 0 was loaded
 * @started: it has had a timer: until then it does not count
 */
struct pit {
	struct minivmm_pit_state2 state;
	bool speaker;
	struct pit_timer timer;
	bool started;
};

void pit_init(struct pit *pit, bool speaker, s64 now);
bool pit_owns_port(const struct pit *pit, u16 port);
bool pit_write(struct pit *pit, u16 port, u8 value, s64 now);
u8 pit_read(struct pit *pit, u16 port, s64 now);
void pit_timer(const struct pit *pit, s64 now, struct pit_timer *timer);
void pit_get_state(const struct pit *pit, struct minivmm_pit_state2 *state);
bool pit_set_state(struct pit *pit, const struct minivmm_pit_state2 *state,
		   s64 now);

#endif
