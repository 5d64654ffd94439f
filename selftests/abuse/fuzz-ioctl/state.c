// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rest of a guest's state, and what its owner may ask for besides: clocks,
 * debug registers, events, XSAVE areas, dirty logs, MSR filters, capabilities.
 *
 * Most start from what the vCPU says of itself, so that a step gets past the
 * first check, and have a few words changed.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "fuzz.h"

/* What a structure points to is in the scratch memory's second half. */
static uint8_t *pointed_to(struct worker *w)
{
	return w->scratch + SCRATCH / 2;
}

static void *target(struct worker *w)
{
	return below(&w->rng, 8) ? pointed_to(w) : bad_pointer(w);
}

static void *changed(struct worker *w, unsigned long get, size_t size)
{
	if (!below(&w->rng, 4) || call(w, w->fd, get, w->scratch) < 0)
		memset(w->scratch, 0, size);
	spoil_words(w, w->scratch, size, 4);
	return w->scratch;
}

void *make_sregs2(struct worker *w)
{
	struct minivmm_sregs2 *sregs = changed(w, MINIVMM_GET_SREGS2, sizeof(*sregs));

	if (below(&w->rng, 8))
		sregs->flags &= 1;
	if (below(&w->rng, 2))
		for (unsigned int i = 0; i < 4; i++)
			sregs->pdptrs[i] = below(&w->rng, 2) ? 0 : guest_address(w) | 1;
	return sregs;
}

void *make_events(struct worker *w)
{
	struct minivmm_vcpu_events *events = changed(w, MINIVMM_GET_VCPU_EVENTS, sizeof(*events));

	if (below(&w->rng, 8))
		events->flags = below(&w->rng, 0x40) & ~MINIVMM_VCPUEVENT_VALID_SMM;
	if (below(&w->rng, 2)) {
		events->exception.injected = below(&w->rng, 2);
		events->exception.pending = below(&w->rng, 2);
		events->exception.nr = below(&w->rng, 33);
		events->exception_has_payload = below(&w->rng, 2);
	}
	if (below(&w->rng, 2))
		events->interrupt.shadow = below(&w->rng, 4);
	return events;
}

void *make_debugregs(struct worker *w)
{
	struct minivmm_debugregs *regs = changed(w, MINIVMM_GET_DEBUGREGS, sizeof(*regs));

	for (unsigned int i = 0; i < 4; i++)
		if (below(&w->rng, 2))
			regs->db[i] = guest_address(w);
	if (below(&w->rng, 2))
		regs->dr7 = rnd(&w->rng) & 0xffffffff;
	if (below(&w->rng, 8))
		regs->flags = 0;
	return regs;
}

void *make_xsave(struct worker *w)
{
	struct minivmm_xsave *xsave = changed(w, MINIVMM_GET_XSAVE2, sizeof(*xsave));
	uint64_t *header = (uint64_t *)xsave + 512 / 8;

	/* MXCSR, XSTATE_BV and XCOMP_BV: what a wrong bit of makes XRSTOR fault. */
	if (!below(&w->rng, 4))
		xsave->region[6] = number(&w->rng);
	if (!below(&w->rng, 2))
		header[0] = below(&w->rng, 2) ? below(&w->rng, 1024) : number(&w->rng);
	if (!below(&w->rng, 4))
		header[1 + below(&w->rng, 7)] = number(&w->rng);
	return xsave;
}

void *make_xcrs(struct worker *w)
{
	struct minivmm_xcrs *xcrs = changed(w, MINIVMM_GET_XCRS, sizeof(*xcrs));

	if (below(&w->rng, 4))
		xcrs->nr_xcrs = 1 + below(&w->rng, 3);
	if (below(&w->rng, 4))
		xcrs->flags = 0;
	xcrs->xcrs[0].xcr = below(&w->rng, 8) ? 0 : number(&w->rng);
	if (below(&w->rng, 2))
		xcrs->xcrs[0].value = below(&w->rng, 256);
	return xcrs;
}

void *make_mp_state(struct worker *w)
{
	struct minivmm_mp_state *state = (void *)w->scratch;

	/* Runnable, as a rule, or nothing would run any more. */
	state->mp_state = below(&w->rng, 2) ? 0 : below(&w->rng, 8) ? below(&w->rng, 6) :
								      number(&w->rng);
	return state;
}

void *make_guest_debug(struct worker *w)
{
	struct minivmm_guest_debug *debug = (void *)w->scratch;

	debug->control = rnd(&w->rng) & 0x001f0003;
	if (!below(&w->rng, 8))
		debug->control = number(&w->rng);
	for (unsigned int i = 0; i < 8; i++)
		debug->arch.debugreg[i] = guest_address(w);
	debug->arch.debugreg[7] = below(&w->rng, 4) ? rnd(&w->rng) & 0xffff03ff : number(&w->rng);
	return debug;
}

void *make_mce(struct worker *w)
{
	struct minivmm_x86_mce *mce = (void *)w->scratch;

	for (unsigned int i = 0; i < sizeof(*mce) / 8; i++)
		((uint64_t *)mce)[i] = number(&w->rng);
	mce->bank = below(&w->rng, 40);
	mce->status |= below(&w->rng, 4) ? 1ULL << 63 : 0;
	return mce;
}

void *make_mce_setup(struct worker *w)
{
	uint64_t *capability = (uint64_t *)w->scratch;

	*capability = below(&w->rng, 4) ? 0x1000100 : number(&w->rng) & ~0xffULL;
	*capability |= below(&w->rng, 40);
	return capability;
}

void *make_tsc_khz(struct worker *w)
{
	static const uint32_t rates[] = { 0, 1, 1000, 25000, 50000, 100000, 400000, 4000000 };

	return (void *)(below(&w->rng, 4) ? pick(&w->rng, rates) : number(&w->rng));
}

void *make_attribute(struct worker *w)
{
	struct minivmm_device_attr *attr = (void *)w->scratch;

	*attr = (struct minivmm_device_attr){ .addr = (uintptr_t)target(w) };
	if (!below(&w->rng, 4))
		((uint32_t *)attr)[below(&w->rng, 4)] = number(&w->rng);
	*(uint64_t *)pointed_to(w) = number(&w->rng);
	return attr;
}

void *make_clock(struct worker *w)
{
	struct minivmm_clock_data *data = changed(w, MINIVMM_GET_CLOCK, sizeof(*data));

	if (below(&w->rng, 4))
		data->flags &= 0xe;
	return data;
}

void *make_dirty_log(struct worker *w)
{
	struct minivmm_dirty_log *log = (void *)w->scratch;

	*log = (struct minivmm_dirty_log){ .slot = below(&w->rng, 8) };
	log->dirty_bitmap = target(w);
	return log;
}

void *make_clear_log(struct worker *w)
{
	struct minivmm_clear_dirty_log *log = (void *)w->scratch;

	*log = (struct minivmm_clear_dirty_log){
		.slot = below(&w->rng, 8),
		.first_page = below(&w->rng, 4) ? 64 * below(&w->rng, 20) : number(&w->rng),
		.num_pages = below(&w->rng, 4) ? 64 * below(&w->rng, 20) : number(&w->rng),
	};
	log->dirty_bitmap = target(w);
	memset(pointed_to(w), rnd(&w->rng), PAGE);
	return log;
}

void *make_filter(struct worker *w)
{
	static const uint32_t bases[] = { 0, 0x10, 0x174, 0x800, 0xc0000080, 0x4b564d00, ~0U };
	struct minivmm_msr_filter *filter = (void *)w->scratch;

	memset(filter, 0, sizeof(*filter));
	filter->flags = below(&w->rng, 8) ? below(&w->rng, 2) : number(&w->rng);
	for (unsigned int i = below(&w->rng, MINIVMM_MSR_FILTER_MAX_RANGES + 1); i--;) {
		filter->ranges[i] = (struct minivmm_msr_filter_range){
			.flags = below(&w->rng, 32) ? 1 + below(&w->rng, 3) : number(&w->rng),
			.nmsrs = below(&w->rng, 32) ? below(&w->rng, 300) : number(&w->rng),
			.base = below(&w->rng, 32) ? pick(&w->rng, bases) : number(&w->rng),
			.bitmap = below(&w->rng, 64) ? pointed_to(w) : bad_pointer(w),
		};
	}
	for (unsigned int i = 0; i < PAGE; i++)
		pointed_to(w)[i] = below(&w->rng, 2) ? 0xff : rnd(&w->rng);
	return filter;
}

void *make_capability(struct worker *w)
{
	static const uint32_t capabilities[] = {
		MINIVMM_CAP_SPLIT_IRQCHIP, MINIVMM_CAP_X2APIC_API,
		MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, MINIVMM_CAP_EXCEPTION_PAYLOAD,
		MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT, MINIVMM_CAP_MSR_PLATFORM_INFO,
		MINIVMM_CAP_X86_USER_SPACE_MSR, MINIVMM_CAP_EXIT_ON_EMULATION_FAILURE,
		MINIVMM_CAP_DISABLE_QUIRKS, MINIVMM_CAP_DISABLE_QUIRKS2,
		MINIVMM_CAP_X86_DISABLE_EXITS, MINIVMM_CAP_MAX_VCPU_ID,
		MINIVMM_CAP_ENFORCE_PV_FEATURE_CPUID,
	};
	struct minivmm_enable_cap *cap = (void *)w->scratch;

	*cap = (struct minivmm_enable_cap){
		.cap = below(&w->rng, 8) ? pick(&w->rng, capabilities) : below(&w->rng, 256),
		.flags = below(&w->rng, 16) ? 0 : number(&w->rng),
	};
	cap->args[0] = below(&w->rng, 4) ? below(&w->rng, 16) : number(&w->rng);
	/* Where Bochs halts with IF=0, it does not let the host's interrupts in. */
	if (cap->cap == MINIVMM_CAP_X86_DISABLE_EXITS)
		cap->args[0] &= ~(uint64_t)(MINIVMM_X86_DISABLE_EXITS_HLT |
					    MINIVMM_X86_DISABLE_EXITS_MWAIT);
	return cap;
}

void *make_translation(struct worker *w)
{
	struct minivmm_translation *translation = (void *)w->scratch;

	translation->linear_address = guest_address(w);
	return translation;
}

void *make_list(struct worker *w)
{
	struct minivmm_msr_list *list = (void *)w->scratch;

	list->nmsrs = below(&w->rng, 4) ? below(&w->rng, SCRATCH / 4) : number(&w->rng);
	return list;
}

/* Registers that RUN is to take from the page shared with the vCPU, and to leave there. */
void spoil_shared_registers(struct worker *w, struct minivmm_run *run)
{
	run->kvm_valid_regs = below(&w->rng, 16) ? below(&w->rng, 8) : number(&w->rng);
	run->kvm_dirty_regs = below(&w->rng, 16) ? below(&w->rng, 8) : number(&w->rng);
	spoil_words(w, &run->s.regs, sizeof(run->s.regs), 4);
}
