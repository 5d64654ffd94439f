/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the local APIC share: one, as xAPIC or x2APIC, software
 * enabled, and what the last call on it wanted done elsewhere.
 */
#ifndef UNIT_APIC_H
#define UNIT_APIC_H

#include "ktap.h"
#include "irqchip/lapic.h"

#define MSR(offset)	(LAPIC_MSR_FIRST + (offset) / 16)
#define SPIV_ON		0x1ffu
#define MASKED		0x10000u

static struct lapic apic;
static struct lapic_effects effects;
static u64 now = 1000000000;

/* The effects of a call, which forgets those of the one before. */
static inline struct lapic_effects *fresh(void)
{
	effects = (struct lapic_effects){ 0 };
	return &effects;
}

static inline u32 rd(u32 offset)
{
	return lapic_read(&apic, offset, now);
}

static inline void wr(u32 offset, u32 value)
{
	lapic_write(&apic, offset, value, now, fresh());
}

static inline bool wrmsr(u32 offset, u64 value)
{
	return lapic_write_msr(&apic, MSR(offset), value, now, fresh());
}

static inline bool rdmsr(u32 offset, u64 *value)
{
	return lapic_read_msr(&apic, MSR(offset), now, value);
}

static inline void as_xapic(u32 id)
{
	lapic_init(&apic, id);
	apic.has_x2apic = true;
	apic.has_tsc_deadline = true;
	apic.maxphyaddr = 40;
	wr(LAPIC_SPIV, SPIV_ON);
}

static inline void as_x2apic(u32 id)
{
	as_xapic(id);
	lapic_set_base(&apic, apic.base | LAPIC_BASE_X2APIC, fresh());
}

/* The CPU takes what is pending. */
static inline int take(void)
{
	int vector = lapic_pending(&apic);

	if (vector >= 0)
		lapic_acknowledge(&apic, vector);
	return vector;
}

#endif
