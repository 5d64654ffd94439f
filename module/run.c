// SPDX-License-Identifier: GPL-2.0-only
/*
 * RUN: the loop that runs a guest until its owner has to know.
 *
 * The loop goes: finish what the owner has served (a port that was read, say),
 * then enter the guest through the back end, again and again. It ends when an
 * exit is the owner's business (0), when a signal is pending (-EINTR), or with
 * an error. In between it does what any thread does on its way through the
 * kernel: give the CPU to others, freeze, take a signal.
 *
 * A handler of a VM exit returns 1 (handled: enter again), 0 (struct
 * minivmm_run says why: back to the owner) or a negative errno. This loop and
 * all that it calls follow that rule.
 *
 * Read on in vmx/run.c.
 */
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>

#include "backend.h"
#include "compat.h"

/* A local APIC lets the owner's PIC in by LINT0, and has room for one. */
static bool owner_interrupt_has_room(struct vcpu *vcpu)
{
	return vcpu->vm->irqchip_kind != IRQCHIP_SPLIT ||
	       (vcpu->irq.owner_interrupt < 0 &&
		lapic_takes_pic(&vcpu->irq.apic));
}

/**
 * vcpu_wants_interrupt_window - the owner waits to inject an interrupt
 * @vcpu: the vCPU
 */
bool vcpu_wants_interrupt_window(struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->run->request_interrupt_window) &&
	       vcpu->vm->irqchip_kind != IRQCHIP_KERNEL &&
	       owner_interrupt_has_room(vcpu);
}

/**
 * vcpu_ready_for_interrupt - whether the owner may inject an interrupt now
 * @vcpu: the vCPU
 */
bool vcpu_ready_for_interrupt(struct vcpu *vcpu)
{
	if (vcpu->vm->irqchip_kind == IRQCHIP_KERNEL)
		return true;
	if (!owner_interrupt_has_room(vcpu))
		return false;
	return !vcpu_event_begun(vcpu) && backend->interrupt_allowed(vcpu);
}

static int signal_exit(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = MINIVMM_EXIT_INTR;
	return -EINTR;
}

/* Whether the guest does not run now: it halts, or was not started. */
static int wait_to_run(struct vcpu *vcpu)
{
	if (test_and_clear_bit(VCPU_REQ_EOI_EXIT, &vcpu->irq.requests)) {
		vcpu->run->exit_reason = MINIVMM_EXIT_IOAPIC_EOI;
		vcpu->run->eoi.vector = vcpu->irq.eoi_vector;
		return 0;
	}
	if (test_and_clear_bit(VCPU_REQ_TPR_ACCESS, &vcpu->irq.requests))
		return vcpu_report_tpr_access(vcpu);
	if (test_and_clear_bit(VCPU_REQ_NMI, &vcpu->irq.requests))
		vcpu_queue_nmi(vcpu);
	vcpu_accept_init_sipi(vcpu);
	if (vcpu->irq.mp_state == MINIVMM_MP_STATE_RUNNABLE)
		return 1;
	vcpu_block(vcpu);
	if (signal_pending(current))
		return signal_exit(vcpu);
	return 1;
}

static int run_loop(struct vcpu *vcpu)
{
	int ret;

	for (;;) {
		if (vcpu_has_lapic(vcpu)) {
			ret = wait_to_run(vcpu);
			if (ret <= 0)
				return ret;
			if (vcpu->irq.mp_state != MINIVMM_MP_STATE_RUNNABLE)
				continue;
		}
		if (unlikely(vcpu->events.stepped)) {
			vcpu->events.stepped = false;
			return vcpu_debug_exit(vcpu, X86_TRAP_DB, DR_STEP);
		}
		if (vcpu->events.triple_fault) {
			vcpu->events.triple_fault = false;
			vcpu->run->exit_reason = MINIVMM_EXIT_SHUTDOWN;
			return 0;
		}
		if (unlikely(vcpu_clock_is_due(vcpu)))
			vcpu_clock_update(vcpu);
		vcpu_msr_filter_update(vcpu);
		if (unlikely(vcpu->irq.vapic_addr))
			vcpu_vapic_to_guest(vcpu);
		ret = backend->run(vcpu);
		if (ret <= 0)
			return ret;
		if (vcpu_wants_interrupt_window(vcpu) &&
		    vcpu_ready_for_interrupt(vcpu)) {
			vcpu->run->exit_reason = MINIVMM_EXIT_IRQ_WINDOW_OPEN;
			return 0;
		}
		if (compat_work_pending() && compat_handle_work())
			return signal_exit(vcpu);
	}
}

/* What the owner finds in struct minivmm_run besides the reason. */
static void fill_in_run(struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;

	run->if_flag = !!(vcpu_rflags(vcpu) & X86_EFLAGS_IF);
	run->cr8 = vcpu_has_lapic(vcpu) ? vcpu_apic_cr8(vcpu) : vcpu->cr8;
	run->apic_base = vcpu->apic_base;
	run->ready_for_interrupt_injection = vcpu_ready_for_interrupt(vcpu);
}

/* The part of RUN in which the owner's signal mask is in force. */
static int run_masked(struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;
	unsigned long cr8 = READ_ONCE(run->cr8);
	u64 dirty = READ_ONCE(run->kvm_dirty_regs);
	int (*complete)(struct vcpu *vcpu) = vcpu->complete;
	int ret;

	if ((READ_ONCE(run->kvm_valid_regs) | dirty) & ~SYNC_REGS_KNOWN)
		return -EINVAL;
	if (unlikely(dirty)) {
		ret = vcpu_take_sync_regs(vcpu, dirty);
		if (ret)
			return ret;
	}
	if (!vcpu_has_lapic(vcpu)) {
		if (cr8 > 15)
			return -EINVAL;
		vcpu->cr8 = cr8;
	}
	if (complete) {
		vcpu->complete = NULL;
		ret = complete(vcpu);
		if (ret <= 0)
			return ret;
	}
	if (READ_ONCE(run->immediate_exit))
		return -EINTR;
	vcpu->has_run = true;
	return run_loop(vcpu);
}

/*
 * A vCPU that waits for another to start it: its owner may ask for more than
 * RUN each time that it has something to do, so RUN returns.
 */
static int run_uninitialized(struct vcpu *vcpu)
{
	if (READ_ONCE(vcpu->run->immediate_exit))
		return -EINTR;
	vcpu_block(vcpu);
	vcpu_accept_init_sipi(vcpu);
	return signal_pending(current) ? signal_exit(vcpu) : -EAGAIN;
}

static void sigmask_activate(struct vcpu *vcpu)
{
	/* real_blocked is sigtimedwait's: no thread does both at once. */
	sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

static void sigmask_deactivate(void)
{
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}

/**
 * vcpu_run - serve RUN
 * @vcpu: its mutex is held
 *
 * Return: 0: run->exit_reason says why; -EINTR: a signal is pending, or
 * immediate_exit was set; -EINVAL: run->cr8, kvm_valid_regs or kvm_dirty_regs
 * hold what cannot be; -EAGAIN: the vCPU was not started and has had an INIT or a
 * SIPI: once more; -EFAULT: the owner has no memory behind a slot;
 * -ENOMEM.
 */
int vcpu_run(struct vcpu *vcpu)
{
	bool masked = vcpu->sigset_active;
	u64 valid;
	int ret;

	vcpu_set_runner(vcpu);
	if (masked)
		sigmask_activate(vcpu);
	vcpu->run->flags = 0;
	if (vcpu->irq.mp_state == MINIVMM_MP_STATE_UNINITIALIZED)
		ret = run_uninitialized(vcpu);
	else
		ret = run_masked(vcpu);
	fill_in_run(vcpu);
	valid = READ_ONCE(vcpu->run->kvm_valid_regs);
	if (unlikely(valid))
		vcpu_give_sync_regs(vcpu, valid);
	if (masked)
		sigmask_deactivate();
	if (!ret)
		vcpu->stats.user_exits++;
	return ret;
}
