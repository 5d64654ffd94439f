// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of a local APIC.
 *
 * In the one-shot and periodic modes a count goes down from the initial count
 * and fires at 0: one step takes 1 ns, as on KVM, times 1 to 128 by the divide
 * configuration register. Here it is the time at which it gets to 0 that is
 * kept. A guest that asks for short periods keeps the host busy with nothing
 * else, so a period has a lower limit. In the TSC-deadline mode it fires once,
 * when the guest's TSC gets to the value of an MSR.
 *
 * SDM: "APIC Timer". Who calls lapic_timer() and waits is timer.c.
 */
#include "lapic_internal.h"

/* A period is not shorter than this: KVM's min_timer_period_us. */
#define MIN_PERIOD_NS	200000

/* Returns the bits of the mode that the guest's CPU has. */
u32 lapic_timer_mode_bits(const struct lapic *apic)
{
	return apic->has_tsc_deadline ? LVT_TIMER_MODE : LVT_TIMER_PERIODIC;
}

u32 lapic_timer_mode(const struct lapic *apic)
{
	return lapic_reg(apic, LAPIC_LVT_TIMER) & lapic_timer_mode_bits(apic);
}

static bool counts(const struct lapic *apic)
{
	u32 mode = lapic_timer_mode(apic);

	return mode == LVT_TIMER_ONE_SHOT || mode == LVT_TIMER_PERIODIC;
}

/* Returns ns for each step of the count: bits 0, 1 and 3 choose 2 to 128, or 1. */
static u64 step_ns(u32 divide)
{
	u32 shift = ((divide & 3) | ((divide & 8) >> 1)) + 1;

	return 1ull << (shift & 7);
}

static u64 step(const struct lapic *apic)
{
	return step_ns(lapic_reg(apic, LAPIC_TIMER_DIVIDE));
}

/* Returns the time from the initial count to 0; 0: the timer is off. */
static u64 period(const struct lapic *apic)
{
	u64 ns = lapic_reg(apic, LAPIC_TIMER_INITIAL) * step(apic);

	if (ns && ns < MIN_PERIOD_NS &&
	    lapic_timer_mode(apic) == LVT_TIMER_PERIODIC)
		return MIN_PERIOD_NS;
	return ns;
}

/* Returns ns until the count is 0; it has gone round if nobody looked. */
static u64 remaining(const struct lapic *apic, u64 now_ns)
{
	u64 length = period(apic);

	if (!apic->timer_armed || !length)
		return 0;
	if ((s64)(apic->timer_expires - now_ns) > 0)
		return apic->timer_expires - now_ns;
	if (lapic_timer_mode(apic) != LVT_TIMER_PERIODIC)
		return 0;
	return length - (now_ns - apic->timer_expires) % length;
}

/* Returns the current count. */
u32 lapic_timer_current(const struct lapic *apic, u64 now_ns)
{
	u64 length = period(apic), ns = remaining(apic, now_ns);

	/* Longer than a whole count only where the guest has shortened it. */
	if (ns > length)
		ns %= length;
	return ns / step(apic);
}

void lapic_timer_stop(struct lapic *apic)
{
	apic->timer_armed = false;
	apic->timer_expires = 0;
}

/* TSC-deadline is another timer: whoever goes there or comes from there starts anew. */
void lapic_timer_mode_changed(struct lapic *apic, u32 old,
			      struct lapic_effects *effects)
{
	u32 mode = lapic_timer_mode(apic);

	if (mode == old)
		return;
	if (mode == LVT_TIMER_DEADLINE || old == LVT_TIMER_DEADLINE) {
		lapic_timer_stop(apic);
		lapic_set_reg(apic, LAPIC_TIMER_INITIAL, 0);
		apic->tsc_deadline = 0;
	}
	effects->what |= LAPIC_EFFECT_TIMER;
}

static void start(struct lapic *apic, u64 ns, u64 now_ns,
		  struct lapic_effects *effects)
{
	lapic_timer_stop(apic);
	if (counts(apic) && period(apic)) {
		apic->timer_armed = true;
		apic->timer_expires = now_ns + ns;
	}
	effects->what |= LAPIC_EFFECT_TIMER;
}

/* The guest writes the initial count: this starts the timer, or with 0 stops it. */
void lapic_timer_start(struct lapic *apic, u32 initial, u64 now_ns,
		       struct lapic_effects *effects)
{
	if (lapic_timer_mode(apic) == LVT_TIMER_DEADLINE)
		return;
	lapic_set_reg(apic, LAPIC_TIMER_INITIAL, initial);
	start(apic, period(apic), now_ns, effects);
}

/*
 * The guest writes the divide configuration: the count goes on from where it
 * is, in other steps.
 */
void lapic_timer_divide(struct lapic *apic, u32 value, u64 now_ns,
			struct lapic_effects *effects)
{
	u64 old_step = step(apic), left = remaining(apic, now_ns);

	lapic_set_reg(apic, LAPIC_TIMER_DIVIDE, value & 0xb);
	if (!apic->timer_armed || step(apic) == old_step)
		return;
	/* Both are powers of 2, and left has at most 39 bits: nothing overflows. */
	apic->timer_expires = now_ns + left * step(apic) / old_step;
	effects->what |= LAPIC_EFFECT_TIMER;
}

/*
 * A state has come in, @current_count in it: the timer goes on from there. A
 * one-shot count of 0 fires at once: its interrupt may have been on its way.
 */
void lapic_timer_resume(struct lapic *apic, u32 current_count, u64 now_ns,
			struct lapic_effects *effects)
{
	u64 length = period(apic), ns = current_count * step(apic);

	if (ns > length ||
	    (!ns && lapic_timer_mode(apic) == LVT_TIMER_PERIODIC))
		ns = length;
	start(apic, ns, now_ns, effects);
}

/**
 * lapic_set_tsc_deadline() - the guest writes IA32_TSC_DEADLINE
 * @apic: the local APIC
 * @tsc: when to fire; 0: not
 * @effects: what to do then
 *
 * Without effect in another mode, as the register is 0 there.
 */
void lapic_set_tsc_deadline(struct lapic *apic, u64 tsc,
			    struct lapic_effects *effects)
{
	if (!lapic_is_enabled(apic) ||
	    lapic_timer_mode(apic) != LVT_TIMER_DEADLINE)
		return;
	apic->tsc_deadline = tsc;
	effects->what |= LAPIC_EFFECT_TIMER;
}

/**
 * lapic_timer() - when does the timer fire next?
 * @apic: the local APIC
 * @timer: the answer
 *
 * To be asked after LAPIC_EFFECT_TIMER, and after a reset.
 */
void lapic_timer(const struct lapic *apic, struct lapic_timer *timer)
{
	*timer = (struct lapic_timer){ .mode = LAPIC_TIMER_OFF };
	if (lapic_timer_mode(apic) == LVT_TIMER_DEADLINE && apic->tsc_deadline) {
		timer->mode = LAPIC_TIMER_TSC;
		timer->tsc = apic->tsc_deadline;
	} else if (counts(apic) && apic->timer_armed) {
		timer->mode = LAPIC_TIMER_NS;
		timer->ns = apic->timer_expires;
	}
}

/* Returns false if the timer is off, or the guest has put it off meanwhile. */
static bool is_due(const struct lapic *apic, u64 now_ns)
{
	struct lapic_timer timer;

	lapic_timer(apic, &timer);
	return timer.mode == LAPIC_TIMER_TSC ||
		(timer.mode == LAPIC_TIMER_NS &&
		 (s64)(timer.ns - now_ns) <= 0);
}

/**
 * lapic_timer_fired() - the time has come
 * @apic: the local APIC
 * @now_ns: the time
 * @effects: what to do then
 *
 * With a TSC deadline, the caller has seen that the guest's TSC is there.
 * Periods that have passed unnoticed are not made up for. No LAPIC_EFFECT_INTERRUPT:
 * nobody notices this one either.
 *
 * Return: false if it was not due: nothing has happened
 */
bool lapic_timer_fired(struct lapic *apic, u64 now_ns,
		       struct lapic_effects *effects)
{
	u32 lvt = lapic_reg(apic, LAPIC_LVT_TIMER);
	bool waits = lapic_test_vector(apic, LAPIC_IRR, lvt & LVT_VECTOR);

	if (!is_due(apic, now_ns))
		return false;
	if (lapic_timer_mode(apic) == LVT_TIMER_PERIODIC)
		apic->timer_expires = now_ns + remaining(apic, now_ns);
	else
		lapic_timer_stop(apic);
	apic->tsc_deadline = 0;
	effects->what |= LAPIC_EFFECT_TIMER;
	if (!(lvt & LVT_MASKED) &&
	    lapic_accept(apic, lvt & LVT_VECTOR, false) && !waits)
		effects->what |= LAPIC_EFFECT_INTERRUPT;
	return true;
}
