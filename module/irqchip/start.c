// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a vCPU runs at all: INIT and SIPI, by which one processor starts
 * another, and HLT, by which one waits for an interrupt.
 *
 * With local APICs in the kernel this is the kernel's business: a vCPU that
 * does not run sleeps inside RUN, and its thread costs the host nothing. A vCPU
 * that is not the first waits there from the beginning.
 *
 * SDM: "Multiple-Processor (MP) Initialization", "HLT - Halt".
 */
#include <linux/sched/signal.h>

#include "../backend.h"

/**
 * vcpu_is_bsp - whether a vCPU starts by itself
 * @vcpu: the vCPU
 */
bool vcpu_is_bsp(const struct vcpu *vcpu)
{
	return vcpu->id == vcpu->vm->boot_cpu_id;
}

/**
 * vcpu_start_init - whether a new vCPU runs
 * @vcpu: the vCPU
 */
void vcpu_start_init(struct vcpu *vcpu)
{
	init_waitqueue_head(&vcpu->irq.wait);
	vcpu->irq.mp_state = vcpu->vm->irqchip_kind && !vcpu_is_bsp(vcpu) ?
			     MINIVMM_MP_STATE_UNINITIALIZED :
			     MINIVMM_MP_STATE_RUNNABLE;
}

/* A SIPI means real mode at a page of the first MiB. */
static void start_at(struct vcpu *vcpu, u8 page)
{
	struct x86_segment cs;

	backend->get_segment(vcpu, X86_CS, &cs);
	cs.selector = page << 8;
	cs.base = page << 12;
	backend->set_segment(vcpu, X86_CS, &cs);
	vcpu_set_rip(vcpu, 0);
	vcpu->irq.mp_state = MINIVMM_MP_STATE_RUNNABLE;
}

/**
 * vcpu_accept_init_sipi - do what INIT and SIPI messages have asked for
 * @vcpu: the calling thread's
 */
void vcpu_accept_init_sipi(struct vcpu *vcpu)
{
	struct vcpu_irq *irq = &vcpu->irq;

	if (test_and_clear_bit(VCPU_REQ_INIT, &irq->requests)) {
		vcpu_reset(vcpu);
		irq->mp_state = vcpu_is_bsp(vcpu) ? MINIVMM_MP_STATE_RUNNABLE :
						    MINIVMM_MP_STATE_INIT_RECEIVED;
	}
	if (test_and_clear_bit(VCPU_REQ_SIPI, &irq->requests) &&
	    irq->mp_state == MINIVMM_MP_STATE_INIT_RECEIVED) {
		/* Pairs with accept_message(): the request, then the vector. */
		smp_rmb();
		start_at(vcpu, READ_ONCE(irq->sipi_vector));
	}
}

/* What ends HLT. */
static bool has_event(struct vcpu *vcpu)
{
	if (vcpu_event_queued(vcpu) || vcpu->events.triple_fault ||
	    test_bit(VCPU_REQ_NMI, &vcpu->irq.requests))
		return true;
	return backend->interrupt_allowed(vcpu) && vcpu_irq_pending(vcpu);
}

/**
 * vcpu_is_runnable - whether there is something for the guest to do
 * @vcpu: the calling thread's
 */
bool vcpu_is_runnable(struct vcpu *vcpu)
{
	struct vcpu_irq *irq = &vcpu->irq;

	if (test_bit(VCPU_REQ_INIT, &irq->requests) ||
	    test_bit(VCPU_REQ_EOI_EXIT, &irq->requests))
		return true;
	switch (irq->mp_state) {
	case MINIVMM_MP_STATE_RUNNABLE:
		return true;
	case MINIVMM_MP_STATE_INIT_RECEIVED:
		return test_bit(VCPU_REQ_SIPI, &irq->requests);
	case MINIVMM_MP_STATE_HALTED:
		return has_event(vcpu);
	default:
		return false;
	}
}

/**
 * vcpu_halt - the guest has executed HLT
 * @vcpu: the vCPU; its local APIC is in the kernel
 */
void vcpu_halt(struct vcpu *vcpu)
{
	vcpu->irq.mp_state = MINIVMM_MP_STATE_HALTED;
}

/**
 * vcpu_block - sleep until a vCPU has something to do, or a signal comes
 * @vcpu: the calling thread's
 */
void vcpu_block(struct vcpu *vcpu)
{
	DEFINE_WAIT(wait);

	vcpu_timer_to_host(vcpu);
	for (;;) {
		prepare_to_wait(&vcpu->irq.wait, &wait, TASK_INTERRUPTIBLE);
		if (vcpu_is_runnable(vcpu) || signal_pending(current))
			break;
		schedule();
	}
	finish_wait(&vcpu->irq.wait, &wait);
	if (vcpu->irq.mp_state == MINIVMM_MP_STATE_HALTED && has_event(vcpu))
		vcpu->irq.mp_state = MINIVMM_MP_STATE_RUNNABLE;
}

/**
 * vcpu_get_mp_state - serve GET_MP_STATE
 * @vcpu: the vCPU
 * @state: gets it
 *
 * Return: 0.
 */
int vcpu_get_mp_state(struct vcpu *vcpu, struct minivmm_mp_state *state)
{
	vcpu_accept_init_sipi(vcpu);
	state->mp_state = vcpu->irq.mp_state;
	return 0;
}

/**
 * vcpu_set_mp_state - serve SET_MP_STATE
 * @vcpu: the vCPU
 * @state: the new one
 *
 * Return: 0; -EINVAL: there is no such state, or without local APICs in the
 * kernel not this one.
 */
int vcpu_set_mp_state(struct vcpu *vcpu, const struct minivmm_mp_state *state)
{
	if (state->mp_state != MINIVMM_MP_STATE_RUNNABLE &&
	    !vcpu_has_lapic(vcpu))
		return -EINVAL;
	switch (state->mp_state) {
	case MINIVMM_MP_STATE_SIPI_RECEIVED:
		vcpu->irq.mp_state = MINIVMM_MP_STATE_INIT_RECEIVED;
		set_bit(VCPU_REQ_SIPI, &vcpu->irq.requests);
		return 0;
	case MINIVMM_MP_STATE_RUNNABLE:
	case MINIVMM_MP_STATE_UNINITIALIZED:
	case MINIVMM_MP_STATE_INIT_RECEIVED:
	case MINIVMM_MP_STATE_HALTED:
		vcpu->irq.mp_state = state->mp_state;
		return 0;
	default:
		return -EINVAL;
	}
}
