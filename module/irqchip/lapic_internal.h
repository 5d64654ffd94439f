/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the chapters on the local APIC share: lapic.c, lapic_registers.c,
 * lapic_timer.c.
 */
#ifndef MINIVMM_IRQCHIP_LAPIC_INTERNAL_H
#define MINIVMM_IRQCHIP_LAPIC_INTERNAL_H

#include "lapic.h"

/* Bits of an entry of the local vector table */
#define LVT_VECTOR		0xffu
#define LVT_MODE		0x700u
#define LVT_PENDING		0x1000u
#define LVT_POLARITY		0x2000u
#define LVT_REMOTE_IRR		0x4000u
#define LVT_LEVEL		0x8000u
#define LVT_MASKED		0x10000u
#define LVT_TIMER_MODE		0x60000u
#define LVT_TIMER_ONE_SHOT	0x00000u
#define LVT_TIMER_PERIODIC	0x20000u
#define LVT_TIMER_DEADLINE	0x40000u

#define SPIV_ENABLED		0x100u
#define SPIV_DIRECTED_EOI	0x1000u

static inline u32 lapic_reg(const struct lapic *apic, u32 offset)
{
	return apic->regs[offset / 4];
}

static inline void lapic_set_reg(struct lapic *apic, u32 offset, u32 value)
{
	apic->regs[offset / 4] = value;
}

static inline bool lapic_is_x2apic(const struct lapic *apic)
{
	return apic->base & LAPIC_BASE_X2APIC;
}

/* The 256 bits of ISR, TMR and IRR: 8 registers each, 16 bytes apart. */
static inline u32 *lapic_vector_word(struct lapic *apic, u32 offset, u8 vector)
{
	return &apic->regs[offset / 4 + vector / 32 * 4];
}

static inline bool lapic_test_vector(const struct lapic *apic, u32 offset,
				     u8 vector)
{
	return apic->regs[offset / 4 + vector / 32 * 4] & BIT(vector % 32);
}

/* lapic.c */
u32 lapic_processor_priority(const struct lapic *apic);

/* lapic_registers.c */
u32 lapic_version(const struct lapic *apic);
u32 lapic_x2apic_ldr(u32 id);

/* lapic_timer.c */
u32 lapic_timer_mode(const struct lapic *apic);
u32 lapic_timer_mode_bits(const struct lapic *apic);
u32 lapic_timer_current(const struct lapic *apic, u64 now_ns);
void lapic_timer_mode_changed(struct lapic *apic, u32 old,
			      struct lapic_effects *effects);
void lapic_timer_start(struct lapic *apic, u32 initial, u64 now_ns,
		       struct lapic_effects *effects);
void lapic_timer_stop(struct lapic *apic);
void lapic_timer_divide(struct lapic *apic, u32 value, u64 now_ns,
			struct lapic_effects *effects);
void lapic_timer_resume(struct lapic *apic, u32 current_count, u64 now_ns,
			struct lapic_effects *effects);

#endif
