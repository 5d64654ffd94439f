// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of a local APIC: as a page of memory (xAPIC), as MSRs (x2APIC),
 * and as the state that a caller gets and sets.
 *
 * An xAPIC ignores what is wrong; an x2APIC answers it with #GP. Errors are not
 * recorded in the ESR, as on KVM.
 *
 * SDM: "Local APIC", "Local Vector Table", "Issuing Interprocessor Interrupts",
 * "Extended XAPIC (x2APIC)". Read next: lapic_timer.c.
 */
#include "lapic_internal.h"

/* Integrated APIC, of the Pentium 4 and later; 6 entries in the LVT. */
#define VERSION			0x00050014u
#define VERSION_DIRECTED_EOI	0x01000000u

#define BASE_RESERVED		0x2ffull

#define ICR_BUSY		0x1000u
#define X2APIC_ICR_RESERVED	0xfff32000ull

static const u32 lvt_offsets[] = {
	LAPIC_LVT_TIMER, LAPIC_LVT_THERMAL, LAPIC_LVT_PMC, LAPIC_LVT_LINT0,
	LAPIC_LVT_LINT1, LAPIC_LVT_ERROR,
};

/* Returns the bits that an LVT entry has. */
static u32 lvt_bits(const struct lapic *apic, u32 offset)
{
	u32 bits = LVT_VECTOR | LVT_PENDING | LVT_MASKED;

	switch (offset) {
	case LAPIC_LVT_TIMER:
		return bits | lapic_timer_mode_bits(apic);
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return bits | LVT_MODE | LVT_POLARITY | LVT_REMOTE_IRR |
			LVT_LEVEL;
	case LAPIC_LVT_THERMAL:
	case LAPIC_LVT_PMC:
		return bits | LVT_MODE;
	default:
		return bits;
	}
}

u32 lapic_version(const struct lapic *apic)
{
	return apic->has_x2apic && apic->directed_eoi ?
		VERSION | VERSION_DIRECTED_EOI : VERSION;
}

/* The logical id of an x2APIC: its cluster of 16, and its bit in there. */
u32 lapic_x2apic_ldr(u32 id)
{
	return id >> 4 << 16 | 1u << (id & 0xf);
}

/**
 * lapic_init() - a local APIC as it is after power-on
 * @apic: the local APIC
 * @id: the vCPU's number; 0 is the boot processor
 *
 * What the owner decides on (has_*, maxphyaddr, ...) may be changed at any time
 * from then on; bsp takes effect with the next reset.
 */
void lapic_init(struct lapic *apic, u32 id)
{
	*apic = (struct lapic){
		.id = id,
		.bsp = id == 0,
		.maxphyaddr = 36,
	};
	lapic_reset(apic, false);
}

/**
 * lapic_reset() - reset, or INIT
 * @apic: the local APIC
 * @init: it is an INIT: IA32_APIC_BASE and the id remain
 *
 * The timer is off then: whoever waits for it asks lapic_timer() again.
 */
void lapic_reset(struct lapic *apic, bool init)
{
	u32 id = lapic_reg(apic, LAPIC_ID);
	u32 ldr = lapic_reg(apic, LAPIC_LDR);
	unsigned int i;

	if (!init) {
		apic->base = LAPIC_DEFAULT_BASE | LAPIC_BASE_ENABLE;
		if (apic->bsp)
			apic->base |= LAPIC_BASE_BSP;
		id = apic->id << 24;
	}
	memset(apic->regs, 0, sizeof(apic->regs));
	lapic_set_reg(apic, LAPIC_ID, id);
	lapic_set_reg(apic, LAPIC_VERSION, lapic_version(apic));
	lapic_set_reg(apic, LAPIC_LDR, lapic_is_x2apic(apic) ? ldr : 0);
	lapic_set_reg(apic, LAPIC_DFR, 0xffffffff);
	lapic_set_reg(apic, LAPIC_SPIV, 0xff);
	for (i = 0; i < ARRAY_SIZE(lvt_offsets); i++)
		lapic_set_reg(apic, lvt_offsets[i], LVT_MASKED);
	/* Firmware that does not know of APICs is to find its PIC working. */
	if (apic->bsp && !apic->lint0_masked)
		lapic_set_reg(apic, LAPIC_LVT_LINT0, IRQ_EXTINT << 8);
	lapic_timer_stop(apic);
	apic->tsc_deadline = 0;
}

/**
 * lapic_base_is_valid() - may IA32_APIC_BASE have this value?
 * @apic: the local APIC
 * @base: the value
 * @host: it comes from the caller, not from the guest: any mode may follow any
 *        other
 */
bool lapic_base_is_valid(const struct lapic *apic, u64 base, bool host)
{
	u64 mode = base & (LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC);

	if (base & BASE_RESERVED ||
	    (apic->maxphyaddr < 64 && base >> apic->maxphyaddr))
		return false;
	if (mode == LAPIC_BASE_X2APIC ||
	    (mode & LAPIC_BASE_X2APIC && !apic->has_x2apic))
		return false;
	if (host)
		return true;
	if (lapic_is_x2apic(apic))
		return mode != LAPIC_BASE_ENABLE;
	return lapic_is_enabled(apic) || !(mode & LAPIC_BASE_X2APIC);
}

/**
 * lapic_set_base() - IA32_APIC_BASE gets a value
 * @apic: the local APIC
 * @base: what lapic_base_is_valid() has allowed
 * @effects: what to do then
 */
void lapic_set_base(struct lapic *apic, u64 base, struct lapic_effects *effects)
{
	u64 changed = apic->base ^ base;

	apic->base = base;
	if (changed & base & LAPIC_BASE_ENABLE)
		lapic_set_reg(apic, LAPIC_ID, apic->id << 24);
	if (changed & base & LAPIC_BASE_X2APIC) {
		lapic_set_reg(apic, LAPIC_ID, apic->id);
		lapic_set_reg(apic, LAPIC_LDR, lapic_x2apic_ldr(apic->id));
	}
	effects->what |= LAPIC_EFFECT_INTERRUPT;
}

/* Is there a register to read, in the page or as an MSR? */
static bool is_readable(const struct lapic *apic, u32 offset)
{
	switch (offset) {
	case LAPIC_ID:
	case LAPIC_VERSION:
	case LAPIC_TPR:
	case LAPIC_PPR:
	case LAPIC_LDR:
	case LAPIC_SPIV:
	case LAPIC_ISR ... LAPIC_ESR:
	case LAPIC_ICR:
	case LAPIC_LVT_TIMER ... LAPIC_TIMER_CURRENT:
	case LAPIC_TIMER_DIVIDE:
		return true;
	case LAPIC_APR:
	case LAPIC_DFR:
	case LAPIC_ICR2:
		return !lapic_is_x2apic(apic);
	default:
		return false;
	}
}

static u32 read_register(const struct lapic *apic, u32 offset, u64 now_ns)
{
	switch (offset) {
	case LAPIC_VERSION:
		return lapic_version(apic);
	case LAPIC_APR:
		return 0;	/* nobody arbitrates by it here */
	case LAPIC_PPR:
		return lapic_processor_priority(apic);
	case LAPIC_TIMER_CURRENT:
		return lapic_timer_current(apic, now_ns);
	default:
		return lapic_reg(apic, offset);
	}
}

/**
 * lapic_read() - the guest reads from the page
 * @apic: the local APIC
 * @offset: where; of a register: a multiple of 16
 * @now_ns: the time
 *
 * Return: the value; 0 where there is nothing; all ones if there is no such page
 */
u32 lapic_read(const struct lapic *apic, u32 offset, u64 now_ns)
{
	if (!lapic_is_enabled(apic) || lapic_is_x2apic(apic))
		return 0xffffffff;
	return !(offset & 0xf) && is_readable(apic, offset) ?
		read_register(apic, offset, now_ns) : 0;
}

static void send(u32 command, u32 destination, struct lapic_effects *effects)
{
	effects->what |= LAPIC_EFFECT_IPI;
	effects->ipi = (struct irq_message){
		.vector = command,
		.mode = (command >> 8) & 7,
		.logical = command & BIT(11),
		.assert = command & BIT(14),
		.level = command & BIT(15),
		.shorthand = (command >> 18) & 3,
		.destination = destination,
		.ipi = true,
	};
}

static void write_lvt(struct lapic *apic, u32 offset, u32 value,
		      struct lapic_effects *effects)
{
	u32 old_mode = lapic_timer_mode(apic);

	if (!lapic_software_enabled(apic))
		value |= LVT_MASKED;
	lapic_set_reg(apic, offset, value & lvt_bits(apic, offset));
	lapic_timer_mode_changed(apic, old_mode, effects);
	/* The PIC may be let in, or no longer. */
	if (offset == LAPIC_LVT_LINT0)
		effects->what |= LAPIC_EFFECT_INTERRUPT;
}

static void write_spiv(struct lapic *apic, u32 value,
		       struct lapic_effects *effects)
{
	u32 bits = 0x3ff;
	unsigned int i;

	if (lapic_version(apic) & VERSION_DIRECTED_EOI)
		bits |= SPIV_DIRECTED_EOI;
	lapic_set_reg(apic, LAPIC_SPIV, value & bits);
	effects->what |= LAPIC_EFFECT_INTERRUPT;
	if (value & SPIV_ENABLED)
		return;
	for (i = 0; i < ARRAY_SIZE(lvt_offsets); i++)
		lapic_set_reg(apic, lvt_offsets[i],
			      lapic_reg(apic, lvt_offsets[i]) | LVT_MASKED);
}

/* What only an xAPIC has, or lets the guest write. */
static bool write_xapic_register(struct lapic *apic, u32 offset, u32 value,
				 struct lapic_effects *effects)
{
	if (lapic_is_x2apic(apic))
		return false;
	switch (offset) {
	case LAPIC_ID:
	case LAPIC_LDR:
	case LAPIC_ICR2:
		lapic_set_reg(apic, offset, value & 0xff000000);
		return true;
	case LAPIC_DFR:
		lapic_set_reg(apic, offset, value | 0x0fffffff);
		return true;
	case LAPIC_ICR:
		value &= ~ICR_BUSY;
		lapic_set_reg(apic, offset, value);
		send(value, lapic_reg(apic, LAPIC_ICR2) >> 24, effects);
		return true;
	default:
		return false;
	}
}

/* What both have. Returns false if there is nothing that takes this value. */
static bool write_register(struct lapic *apic, u32 offset, u32 value,
			   u64 now_ns, struct lapic_effects *effects)
{
	switch (offset) {
	case LAPIC_TPR:
		lapic_set_reg(apic, offset, value & 0xff);
		effects->what |= LAPIC_EFFECT_INTERRUPT;
		return true;
	case LAPIC_EOI:
		lapic_end_of_interrupt(apic, effects);
		return true;
	case LAPIC_SPIV:
		write_spiv(apic, value, effects);
		return true;
	case LAPIC_ESR:
		return !lapic_is_x2apic(apic) || !value;
	case LAPIC_LVT_TIMER ... LAPIC_LVT_ERROR:
		write_lvt(apic, offset, value, effects);
		return true;
	case LAPIC_TIMER_INITIAL:
		lapic_timer_start(apic, value, now_ns, effects);
		return true;
	case LAPIC_TIMER_DIVIDE:
		lapic_timer_divide(apic, value, now_ns, effects);
		return true;
	case LAPIC_SELF_IPI:
		if (!lapic_is_x2apic(apic) || value > 0xff)
			return false;
		send(IRQ_TO_SELF << 18 | value, 0, effects);
		return true;
	default:
		return write_xapic_register(apic, offset, value, effects);
	}
}

/**
 * lapic_write() - the guest writes 32 bits to the page
 * @apic: the local APIC
 * @offset: where
 * @value: what
 * @now_ns: the time
 * @effects: what to do then
 */
void lapic_write(struct lapic *apic, u32 offset, u32 value, u64 now_ns,
		 struct lapic_effects *effects)
{
	if (lapic_is_enabled(apic) && !lapic_is_x2apic(apic) && !(offset & 0xf))
		write_register(apic, offset, value, now_ns, effects);
}

/* Returns the offset of the register that an MSR is; of none if it is none. */
static u32 msr_offset(u32 msr)
{
	return msr < LAPIC_MSR_FIRST || msr > LAPIC_MSR_LAST ?
		LAPIC_SIZE : (msr - LAPIC_MSR_FIRST) << 4;
}

/**
 * lapic_read_msr() - a register of an x2APIC
 * @apic: the local APIC
 * @msr: LAPIC_MSR_FIRST to LAPIC_MSR_LAST
 * @now_ns: the time
 * @data: the value
 *
 * Return: false: #GP
 */
bool lapic_read_msr(const struct lapic *apic, u32 msr, u64 now_ns, u64 *data)
{
	u32 offset = msr_offset(msr);

	if (!lapic_is_x2apic(apic) || !is_readable(apic, offset))
		return false;
	*data = read_register(apic, offset, now_ns);
	if (offset == LAPIC_ICR)
		*data |= (u64)lapic_reg(apic, LAPIC_ICR + 4) << 32;
	return true;
}

/**
 * lapic_write_msr() - a register of an x2APIC
 * @apic: the local APIC
 * @msr: LAPIC_MSR_FIRST to LAPIC_MSR_LAST
 * @data: the value
 * @now_ns: the time
 * @effects: what to do then
 *
 * Return: false: #GP, nothing has happened
 */
bool lapic_write_msr(struct lapic *apic, u32 msr, u64 data, u64 now_ns,
		     struct lapic_effects *effects)
{
	u32 offset = msr_offset(msr);

	if (!lapic_is_x2apic(apic))
		return false;
	if (offset == LAPIC_ICR) {
		if (data & X2APIC_ICR_RESERVED)
			return false;
		data &= ~(u64)ICR_BUSY;
		lapic_set_reg(apic, LAPIC_ICR, data);
		lapic_set_reg(apic, LAPIC_ICR + 4, data >> 32);
		send(data, data >> 32, effects);
		return true;
	}
	return !(data >> 32) &&
		write_register(apic, offset, data, now_ns, effects);
}

/* In a state, each register of 32 bits is at its offset, as in the page. */
static void put(struct minivmm_lapic_state *state, u32 offset, u32 value)
{
	memcpy(state->regs + offset, &value, sizeof(value));
}

static u32 get(const struct minivmm_lapic_state *state, u32 offset)
{
	u32 value;

	memcpy(&value, state->regs + offset, sizeof(value));
	return value;
}

/**
 * lapic_get_state() - the registers, for the caller
 * @apic: the local APIC
 * @now_ns: the time
 * @state: they go here
 *
 * An x2APIC's id is where an xAPIC's is, unless the owner has chosen otherwise
 * (ids_32bit), and its ICR is in two halves.
 */
void lapic_get_state(const struct lapic *apic, u64 now_ns,
		     struct minivmm_lapic_state *state)
{
	memcpy(state->regs, apic->regs, sizeof(apic->regs));
	put(state, LAPIC_VERSION, lapic_version(apic));
	put(state, LAPIC_PPR, lapic_processor_priority(apic));
	put(state, LAPIC_TIMER_CURRENT, lapic_timer_current(apic, now_ns));
	if (!lapic_is_x2apic(apic))
		return;
	if (!apic->ids_32bit)
		put(state, LAPIC_ID, lapic_reg(apic, LAPIC_ID) << 24);
	put(state, LAPIC_ICR2, lapic_reg(apic, LAPIC_ICR + 4));
}

/**
 * lapic_set_state() - the registers, from the caller
 * @apic: the local APIC
 * @state: they are here, in the form that the mode in IA32_APIC_BASE asks for
 * @now_ns: the time
 * @effects: what to do then
 *
 * Return: false if it is the state of another x2APIC; nothing has happened
 */
bool lapic_set_state(struct lapic *apic, const struct minivmm_lapic_state *state,
		     u64 now_ns, struct lapic_effects *effects)
{
	u32 id = get(state, LAPIC_ID), old_mode = lapic_timer_mode(apic);

	if (lapic_is_x2apic(apic) && apic->ids_32bit && id != apic->id)
		return false;
	memcpy(apic->regs, state->regs, sizeof(apic->regs));
	if (lapic_is_x2apic(apic)) {
		if (!apic->ids_32bit)
			id >>= 24;
		lapic_set_reg(apic, LAPIC_ID, id);
		lapic_set_reg(apic, LAPIC_LDR, lapic_x2apic_ldr(id));
		lapic_set_reg(apic, LAPIC_ICR + 4, get(state, LAPIC_ICR2));
	}
	if (lapic_timer_mode(apic) != old_mode)
		apic->tsc_deadline = 0;
	lapic_timer_resume(apic, get(state, LAPIC_TIMER_CURRENT), now_ns,
			   effects);
	effects->what |= LAPIC_EFFECT_INTERRUPT;
	return true;
}
