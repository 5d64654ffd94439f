// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that wait to be delivered to the guest: exceptions, NMIs, interrupts.
 *
 * An exception that meets another one that has not been delivered yet becomes
 * a double fault or a triple fault, by the table of the manual. The back end
 * injects what is queued here at the next VM entry.
 *
 * SDM: "Interrupt 8 - Double Fault Exception (#DF)".
 */
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>

#include "backend.h"

enum exception_class { BENIGN, CONTRIBUTORY, PAGE_FAULT };

static enum exception_class exception_class(u8 vector)
{
	switch (vector) {
	case X86_TRAP_PF:
		return PAGE_FAULT;
	case X86_TRAP_DE:
	case X86_TRAP_TS:
	case X86_TRAP_NP:
	case X86_TRAP_SS:
	case X86_TRAP_GP:
		return CONTRIBUTORY;
	default:
		return BENIGN;
	}
}

static void queue(struct vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
	struct vcpu_events *events = &vcpu->events;

	if (events->exception.queued) {
		enum exception_class first, second;

		if (events->exception.vector == X86_TRAP_DF) {
			events->exception.queued = false;
			events->triple_fault = true;
			return;
		}
		first = exception_class(events->exception.vector);
		second = exception_class(vector);
		if ((first == CONTRIBUTORY && second == CONTRIBUTORY) ||
		    (first == PAGE_FAULT && second != BENIGN)) {
			vector = X86_TRAP_DF;
			has_error = true;
			error = 0;
		}
	}
	events->exception.queued = true;
	events->exception.pending = true;
	events->exception.has_payload = false;
	events->exception.vector = vector;
	events->exception.has_error = has_error;
	events->exception.error = error;
	events->exception.soft = false;
}

/**
 * vcpu_queue_exception - have the guest take an exception
 * @vcpu: the vCPU
 * @vector: the exception; it has no error code
 */
void vcpu_queue_exception(struct vcpu *vcpu, u8 vector)
{
	queue(vcpu, vector, false, 0);
}

/**
 * vcpu_queue_exception_error - have the guest take an exception
 * @vcpu: the vCPU
 * @vector: the exception
 * @error: its error code
 */
void vcpu_queue_exception_error(struct vcpu *vcpu, u8 vector, u32 error)
{
	queue(vcpu, vector, true, error);
}

/**
 * vcpu_queue_fault - have the guest take what the emulator or the walk found
 * @vcpu: the vCPU
 * @fault: the exception
 */
void vcpu_queue_fault(struct vcpu *vcpu, const struct x86_fault *fault)
{
	if (fault->has_cr2)
		vcpu->cr2 = fault->cr2;
	queue(vcpu, fault->vector, fault->has_error, fault->error);
}

/**
 * vcpu_deliver_payload - let an exception's delivery change CR2 or DR6
 * @vcpu: the vCPU; its owner has queued the exception with such a payload
 *
 * SDM: "Debug Status Register (DR6)".
 */
void vcpu_deliver_payload(struct vcpu *vcpu)
{
	struct vcpu_events *events = &vcpu->events;
	u64 payload = events->exception.payload;

	if (!events->exception.has_payload)
		return;
	events->exception.has_payload = false;
	if (events->exception.vector == X86_TRAP_PF) {
		vcpu->cr2 = payload;
	} else if (events->exception.vector == X86_TRAP_DB) {
		/* Some bits of DR6 are 0 where the payload has a 1. */
		vcpu->dr6 &= ~DR_TRAP_BITS;
		vcpu->dr6 |= DR6_RESERVED | payload;
		vcpu->dr6 ^= payload & DR6_RESERVED;
		vcpu->dr6 &= ~BIT(12);
	}
}

/**
 * vcpu_queue_interrupt - have the guest take an external interrupt
 * @vcpu: the vCPU; its owner has made sure that it can take one
 * @vector: the interrupt
 */
void vcpu_queue_interrupt(struct vcpu *vcpu, u8 vector)
{
	vcpu->events.interrupt.queued = true;
	vcpu->events.interrupt.soft = false;
	vcpu->events.interrupt.vector = vector;
}

/**
 * vcpu_queue_nmi - have the guest take an NMI
 * @vcpu: the vCPU
 *
 * One can wait while another is handled, as in a processor.
 */
void vcpu_queue_nmi(struct vcpu *vcpu)
{
	struct vcpu_events *events = &vcpu->events;
	u8 limit = 2;

	if (events->nmi.injected || backend->nmi_masked(vcpu))
		limit = 1;
	events->nmi.pending = min_t(u8, events->nmi.pending + 1, limit);
}
