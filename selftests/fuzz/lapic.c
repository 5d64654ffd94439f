// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC: any sequence of what a guest, a caller and other CPUs do to
 * it.
 *
 * What must hold: what is pending is the highest that waits, and above what is
 * served and the task priority; a count is never longer than the longest; what
 * goes out as a state comes in again as the same.
 */
#include "fuzz.h"
#include "irqchip/lapic.h"

#define LONGEST_NS	(0xffffffffull * 128)

static struct lapic apic;
static struct lapic_effects effects;
static u64 now;

static u32 in_state(const struct minivmm_lapic_state *state, u32 offset)
{
	u32 value;

	memcpy(&value, state->regs + offset, 4);
	return value;
}

/* Is anything of this or a higher class in service? */
static bool serves_class(const struct minivmm_lapic_state *state, int vector)
{
	int other;

	for (other = vector & 0xf0; other < 256; other++)
		if (in_state(state, LAPIC_ISR + other / 32 * 16) &
		    1u << other % 32)
			return true;
	return false;
}

static void check(void)
{
	int pending = lapic_pending(&apic), irr = lapic_highest_irr(&apic);
	struct minivmm_lapic_state state;
	struct lapic_timer timer;
	u32 tpr;

	lapic_get_state(&apic, now, &state);
	tpr = in_state(&state, LAPIC_TPR) & 0xff;
	MUST(pending == -1 || pending == irr);
	if (irr >= 0 && lapic_is_enabled(&apic)) {
		bool masked = irr >> 4 <= (int)tpr >> 4 ||
			serves_class(&state, irr);

		MUST((pending == -1) == masked);
	}
	lapic_timer(&apic, &timer);
	MUST(timer.mode != LAPIC_TIMER_NS ||
	     (s64)(timer.ns - now) <= (s64)LONGEST_NS);
	MUST(timer.mode != LAPIC_TIMER_TSC || timer.tsc);
	if (effects.what & LAPIC_EFFECT_IPI)
		MUST(effects.ipi.ipi && effects.ipi.mode < 8 &&
		     effects.ipi.shorthand < 4);
}

/* A second local APIC that gets the state of the first is like it. */
static void check_copy(void)
{
	struct minivmm_lapic_state out, again;
	struct lapic copy = apic;

	lapic_reset(&copy, true);
	lapic_get_state(&apic, now, &out);
	if (!lapic_set_state(&copy, &out, now, &effects))
		return;
	lapic_get_state(&copy, now, &again);
	MUST(lapic_pending(&copy) == lapic_pending(&apic));
	MUST(in_state(&out, LAPIC_TIMER_INITIAL) ==
	     in_state(&again, LAPIC_TIMER_INITIAL));
	MUST(in_state(&out, LAPIC_ICR2) == in_state(&again, LAPIC_ICR2));
	MUST(in_state(&out, LAPIC_PPR) == in_state(&again, LAPIC_PPR));
}

static void take_state(struct input *in)
{
	struct minivmm_lapic_state state;
	u32 offset = take(in, 1) << 4 & 0x3f0, value = take(in, 4);

	lapic_get_state(&apic, now, &state);
	memcpy(state.regs + offset, &value, 4);
	lapic_set_state(&apic, &state, now, &effects);
}

static void step(struct input *in)
{
	struct irq_message message = { 0 };
	u8 what = take(in, 1);
	u64 base, value;
	int vector;

	now += (u64)what << (what & 15);
	effects = (struct lapic_effects){ 0 };
	switch (what % 10) {
	case 0:
		lapic_write(&apic, take(in, 1) << 4, take(in, 4), now, &effects);
		break;
	case 1:
		lapic_write_msr(&apic, LAPIC_MSR_FIRST + take(in, 1),
				take(in, 8), now, &effects);
		break;
	case 2:
		lapic_read_msr(&apic, take(in, 4), now, &value);
		lapic_read(&apic, take(in, 2), now);
		break;
	case 3:
		vector = take(in, 1);
		if (lapic_accept(&apic, vector, what & 0x80))
			MUST(lapic_highest_irr(&apic) >= vector);
		break;
	case 4:
		vector = lapic_pending(&apic);
		if (vector >= 0)
			lapic_acknowledge(&apic, vector);
		MUST(lapic_pending(&apic) == -1);
		break;
	case 5:
		base = LAPIC_DEFAULT_BASE | take(in, 2);
		if (lapic_base_is_valid(&apic, base, what & 0x80))
			lapic_set_base(&apic, base, &effects);
		break;
	case 6:
		lapic_timer_fired(&apic, now, &effects);
		break;
	case 7:
		lapic_set_tsc_deadline(&apic, take(in, 8), &effects);
		break;
	case 8:
		take_state(in);
		break;
	default:
		message.destination = take(in, 4);
		message.logical = what & 0x80;
		message.ipi = what & 0x40;
		lapic_matches(&apic, &message);
		lapic_set_cr8(&apic, what, &effects);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	u8 flags = take(&in, 1);

	lapic_init(&apic, flags & 1 ? take(&in, 2) : 0);
	apic.has_x2apic = flags & 2;
	apic.has_tsc_deadline = flags & 4;
	apic.ids_32bit = flags & 8;
	apic.directed_eoi = flags & 16;
	apic.no_broadcast_quirk = flags & 32;
	now = (u64)take(&in, 1) << 56;
	while (in.left) {
		step(&in);
		check();
	}
	check_copy();
	return 0;
}
