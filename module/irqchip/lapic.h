/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A local APIC, as xAPIC and as x2APIC, with its timer. See lapic.c.
 *
 * Logic without hardware or locks: whoever calls holds the vCPU's lapic lock.
 * What has to happen elsewhere (an IPI, an EOI that an I/O APIC wants to know
 * of, a timer) is not done here but told by &struct lapic_effects: the caller
 * does it when it has let go of the lock. Time comes from the caller: ns on a
 * clock that never goes back, and the guest's TSC.
 *
 * SDM: "Advanced Programmable Interrupt Controller (APIC)".
 */
#ifndef MINIVMM_IRQCHIP_LAPIC_H
#define MINIVMM_IRQCHIP_LAPIC_H

#include <linux/minivmm.h>

#include "message.h"

#define LAPIC_DEFAULT_BASE	0xfee00000
#define LAPIC_SIZE		0x1000

/* Bits of IA32_APIC_BASE */
#define LAPIC_BASE_BSP		BIT_ULL(8)
#define LAPIC_BASE_X2APIC	BIT_ULL(10)
#define LAPIC_BASE_ENABLE	BIT_ULL(11)

#define LAPIC_MSR_FIRST		0x800
#define LAPIC_MSR_LAST		0x8ff

/* Offsets of registers in the MMIO page; an x2APIC's MSR is 0x800 + offset / 16 */
enum {
	LAPIC_ID	= 0x20,
	LAPIC_VERSION	= 0x30,
	LAPIC_TPR	= 0x80,
	LAPIC_APR	= 0x90,
	LAPIC_PPR	= 0xa0,
	LAPIC_EOI	= 0xb0,
	LAPIC_RRR	= 0xc0,
	LAPIC_LDR	= 0xd0,
	LAPIC_DFR	= 0xe0,
	LAPIC_SPIV	= 0xf0,
	LAPIC_ISR	= 0x100,
	LAPIC_TMR	= 0x180,
	LAPIC_IRR	= 0x200,
	LAPIC_ESR	= 0x280,
	LAPIC_LVT_CMCI	= 0x2f0,
	LAPIC_ICR	= 0x300,
	LAPIC_ICR2	= 0x310,
	LAPIC_LVT_TIMER	= 0x320,
	LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PMC	= 0x340,
	LAPIC_LVT_LINT0	= 0x350,
	LAPIC_LVT_LINT1	= 0x360,
	LAPIC_LVT_ERROR	= 0x370,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
	LAPIC_SELF_IPI	= 0x3f0,
};

/* &struct lapic_effects.what */
#define LAPIC_EFFECT_IPI	BIT(0)	/* send @ipi */
#define LAPIC_EFFECT_EOI	BIT(1)	/* tell I/O APICs of @eoi_vector */
#define LAPIC_EFFECT_TIMER	BIT(2)	/* ask lapic_timer() again */
#define LAPIC_EFFECT_INTERRUPT	BIT(3)	/* what lapic_pending() says may have changed */
#define LAPIC_EFFECT_EDGE_EOI	BIT(4)	/* no I/O APIC hears of @eoi_vector, but a PIT may */

/**
 * struct lapic_effects - what a call wants done elsewhere
 * @what: LAPIC_EFFECT_*
 * @ipi: the message
 * @eoi_vector: of an interrupt that the guest has ended
 */
struct lapic_effects {
	u32 what;
	struct irq_message ipi;
	u8 eoi_vector;
};

/**
 * struct lapic - a local APIC
 * @id: of an x2APIC, and of an xAPIC after reset: the vCPU's number
 * @base: IA32_APIC_BASE
 * @regs: the registers; the one at offset n is regs[n / 4]. An x2APIC's ICR has
 *        64 bits there
 * @tsc_deadline: IA32_TSC_DEADLINE: guest TSC at which the timer fires; 0: not
 * @timer_expires: when the count gets to 0, in ns
 * @timer_armed: there is such a count
 * @bsp: it is the boot processor's: reset says so in @base, and lets the PIC in
 * @lint0_masked: ... but keeps the PIC out, as that of any other
 * @has_tsc_deadline: the guest's CPUID offers that mode
 * @has_x2apic: it offers x2APIC
 * @directed_eoi: with @has_x2apic: the guest may keep EOIs from being broadcast;
 *                for I/O APICs that have an EOI register, so not for ours
 * @maxphyaddr: the guest has physical addresses of so many bits
 * @ids_32bit: states that go in and out have 32-bit ids (X2APIC_API)
 * @no_broadcast_quirk: 0xff is no broadcast to an x2APIC (X2APIC_API)
 */
struct lapic {
	u32 id;
	u64 base;
	u32 regs[MINIVMM_APIC_REG_SIZE / 4];
	u64 tsc_deadline;
	u64 timer_expires;
	bool timer_armed;
	bool bsp;
	bool lint0_masked;
	bool has_tsc_deadline;
	bool has_x2apic;
	bool directed_eoi;
	u8 maxphyaddr;
	bool ids_32bit;
	bool no_broadcast_quirk;
};

/**
 * struct lapic_timer - when the timer fires next
 * @mode: what to wait for
 * @ns: with LAPIC_TIMER_NS: on the caller's clock
 * @tsc: with LAPIC_TIMER_TSC: the guest's TSC
 */
struct lapic_timer {
	enum { LAPIC_TIMER_OFF, LAPIC_TIMER_NS, LAPIC_TIMER_TSC } mode;
	u64 ns;
	u64 tsc;
};

void lapic_init(struct lapic *apic, u32 id);
void lapic_reset(struct lapic *apic, bool init);
bool lapic_base_is_valid(const struct lapic *apic, u64 base, bool host);
void lapic_set_base(struct lapic *apic, u64 base, struct lapic_effects *effects);
bool lapic_is_enabled(const struct lapic *apic);
bool lapic_software_enabled(const struct lapic *apic);

u32 lapic_read(const struct lapic *apic, u32 offset, u64 now_ns);
void lapic_write(struct lapic *apic, u32 offset, u32 value, u64 now_ns,
		 struct lapic_effects *effects);
bool lapic_read_msr(const struct lapic *apic, u32 msr, u64 now_ns, u64 *data);
bool lapic_write_msr(struct lapic *apic, u32 msr, u64 data, u64 now_ns,
		     struct lapic_effects *effects);
void lapic_set_tsc_deadline(struct lapic *apic, u64 tsc,
			    struct lapic_effects *effects);
u8 lapic_cr8(const struct lapic *apic);
void lapic_set_cr8(struct lapic *apic, u8 cr8, struct lapic_effects *effects);

bool lapic_matches(const struct lapic *apic, const struct irq_message *message);
int lapic_accept(struct lapic *apic, u8 vector, bool level);
int lapic_pending(const struct lapic *apic);
u32 lapic_vapic_word(const struct lapic *apic);
int lapic_highest_vector(const u32 *regs, u32 offset);
int lapic_highest_irr(const struct lapic *apic);
int lapic_ends_unheard(const struct lapic *apic, bool *level);
void lapic_end_of_interrupt(struct lapic *apic, struct lapic_effects *effects);
void lapic_acknowledge(struct lapic *apic, u8 vector);
void lapic_lend(struct lapic *apic, u32 *page);
void lapic_take_back(struct lapic *apic, const u32 *page);
bool lapic_takes_pic(const struct lapic *apic);
bool lapic_lint1_is_nmi(const struct lapic *apic);

void lapic_timer(const struct lapic *apic, struct lapic_timer *timer);
bool lapic_timer_fired(struct lapic *apic, u64 now_ns,
		       struct lapic_effects *effects);

void lapic_get_state(const struct lapic *apic, u64 now_ns,
		     struct minivmm_lapic_state *state);
bool lapic_set_state(struct lapic *apic, const struct minivmm_lapic_state *state,
		     u64 now_ns, struct lapic_effects *effects);

#endif
