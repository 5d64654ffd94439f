// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer put to work.
 *
 * While a vCPU's thread is in RUN, the processor's own timer can end the guest
 * when the time has come: that costs an exit and no more. When the guest halts,
 * or on a processor without, a timer of the host's does it: there the exit is
 * for an interrupt, which the kernel has to serve, and each new deadline programs
 * the host's clock. A periodic timer whose tick nobody notices, as the one before
 * still waits, is not gone on with there until the thread enters the guest again:
 * else a process could have as many ticks of the host as it can make vCPUs.
 *
 * SDM: "APIC Timer", "VMX-Preemption Timer". The model is in lapic_timer.c.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/tsc.h>

#include "../backend.h"
#include "../compat.h"

/*
 * Returns how long so many ticks of the TSC take, rounded up. The guest chooses
 * any number: no product may overflow, and what is too far is far enough.
 */
static u64 tsc_to_ns(u64 ticks, u32 khz)
{
	u64 ms = ticks / khz;

	if (ms >= KTIME_MAX / 2 / NSEC_PER_MSEC)
		return KTIME_MAX / 2;
	return ms * NSEC_PER_MSEC +
		ticks % khz * NSEC_PER_MSEC / khz + 1;
}

/* In how many ns the timer is due; the lock is held. False: it is off. */
static bool timer_left(struct vcpu *vcpu, u64 *left)
{
	struct lapic_timer next;
	u64 now;

	*left = 0;
	lapic_timer(&vcpu->irq.apic, &next);
	switch (next.mode) {
	case LAPIC_TIMER_NS:
		now = ktime_get_ns();
		if ((s64)(next.ns - now) > 0)
			*left = next.ns - now;
		return true;
	case LAPIC_TIMER_TSC:
		now = vcpu_read_tsc(vcpu);
		if (next.tsc > now)
			*left = tsc_to_ns(next.tsc - now, vcpu->tsc.khz);
		return true;
	default:
		return false;
	}
}

static void start_host_timer(struct vcpu *vcpu, u64 left)
{
	vcpu->irq.timer_tsc = 0;
	hrtimer_start(&vcpu->irq.timer, ns_to_ktime(ktime_get_ns() + left),
		      HRTIMER_MODE_ABS);
}

/**
 * vcpu_timer_start - the local APIC's timer has another time
 * @vcpu: the calling thread's; its lapic lock is held
 */
void vcpu_timer_start(struct vcpu *vcpu)
{
	struct vcpu_irq *irq = &vcpu->irq;
	u64 left;

	irq->timer_tsc = 0;
	irq->timer_left_to_host = false;
	if (!timer_left(vcpu, &left)) {
		hrtimer_try_to_cancel(&irq->timer);
	} else if (left > NSEC_PER_SEC || !backend->has_timer()) {
		start_host_timer(vcpu, left);
	} else {
		hrtimer_try_to_cancel(&irq->timer);
		irq->timer_tsc = rdtsc() + mul_u64_u32_div(left, tsc_khz,
							   NSEC_PER_MSEC);
	}
}

/**
 * vcpu_timer_to_host - let the host keep the time for a while
 * @vcpu: the calling thread's, which does not run the guest now
 */
void vcpu_timer_to_host(struct vcpu *vcpu)
{
	unsigned long flags;
	u64 left;

	spin_lock_irqsave(&vcpu->irq.lock, flags);
	if (vcpu->irq.timer_tsc && timer_left(vcpu, &left)) {
		start_host_timer(vcpu, left);
		vcpu->irq.timer_left_to_host = true;
	}
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
}

/**
 * vcpu_timer_to_guest - undo vcpu_timer_to_host()
 * @vcpu: the calling thread's, which is about to enter the guest
 */
void vcpu_timer_to_guest(struct vcpu *vcpu)
{
	unsigned long flags;

	if (likely(!READ_ONCE(vcpu->irq.timer_left_to_host)))
		return;
	spin_lock_irqsave(&vcpu->irq.lock, flags);
	vcpu_timer_start(vcpu);
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
}

/**
 * vcpu_timer_expired - the processor's timer says that the time has come
 * @vcpu: the calling thread's, inside the window
 */
void vcpu_timer_expired(struct vcpu *vcpu)
{
	struct lapic_effects effects = { 0 };
	u64 left;

	spin_lock(&vcpu->irq.lock);
	/* It may have gone wrong, with a counter that has. */
	if (timer_left(vcpu, &left) && !left)
		lapic_timer_fired(&vcpu->irq.apic, ktime_get_ns(), &effects);
	vcpu_timer_start(vcpu);
	spin_unlock(&vcpu->irq.lock);
	if (effects.what & LAPIC_EFFECT_INTERRUPT)
		set_bit(VCPU_REQ_INTERRUPT, &vcpu->irq.requests);
}

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct vcpu *vcpu = container_of(timer, struct vcpu, irq.timer);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	struct lapic_effects effects = { 0 };
	struct lapic_timer next;
	unsigned long flags;
	bool fired;

	spin_lock_irqsave(&vcpu->irq.lock, flags);
	if (!hrtimer_is_queued(timer) && !vcpu->irq.timer_tsc) {
		fired = lapic_timer_fired(&vcpu->irq.apic, ktime_get_ns(),
					  &effects);
		lapic_timer(&vcpu->irq.apic, &next);
		if (next.mode != LAPIC_TIMER_NS) {
			vcpu->irq.timer_left_to_host = false;
		} else if (!fired || effects.what & LAPIC_EFFECT_INTERRUPT) {
			hrtimer_set_expires(timer, ns_to_ktime(next.ns));
			restart = HRTIMER_RESTART;
		} else {
			vcpu->irq.timer_left_to_host = true;
		}
	}
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	if (effects.what & LAPIC_EFFECT_INTERRUPT)
		vcpu_request(vcpu, VCPU_REQ_INTERRUPT);
	return restart;
}

/**
 * vcpu_timer_init - a timer that is off
 * @vcpu: a new vCPU
 */
void vcpu_timer_init(struct vcpu *vcpu)
{
	compat_hrtimer_setup(&vcpu->irq.timer, timer_fired, CLOCK_MONOTONIC,
			     HRTIMER_MODE_ABS);
}
