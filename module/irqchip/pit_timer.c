// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 put to work: its ports, a timer of the host for channel 0, and its
 * ioctls.
 *
 * Each tick is an edge on GSI 0. A guest that counts ticks loses time if two of
 * them become one: with reinjection a tick waits until the guest has ended the
 * interrupt of the one before. While one waits the timer does, too: what has
 * passed is counted then.
 *
 * Read on in routing.c.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"
#include "../compat.h"

/* One more tick. Whether it is to be given to the guest now. The lock is held. */
static bool count_tick(struct vm_pit *pit)
{
	if (!pit->reinject)
		return true;
	if (!pit->acked) {
		pit->pending++;
		return false;
	}
	pit->acked = false;
	return true;
}

/* The timer goes on; ticks that have passed unnoticed are counted. The lock is held. */
static void next_tick(struct vm_pit *pit)
{
	u64 ticks = hrtimer_forward_now(&pit->timer, ns_to_ktime(pit->period));

	if (pit->reinject && ticks > 1)
		pit->pending += ticks - 1;
}

/* The guest has taken a tick, or will have none of those that wait. Likewise. */
static void wait_no_more(struct vm_pit *pit)
{
	if (!pit->waits)
		return;
	pit->waits = false;
	next_tick(pit);
	hrtimer_start_expires(&pit->timer, HRTIMER_MODE_ABS);
}

static enum hrtimer_restart pit_fired(struct hrtimer *timer)
{
	struct vm_pit *pit = container_of(timer, struct vm_pit, timer);
	struct irqchip *irqchip = pit->irqchip;
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	unsigned long flags;
	bool now;

	spin_lock_irqsave(&irqchip->lock, flags);
	now = count_tick(pit);
	if (pit->period && !hrtimer_is_queued(timer)) {
		pit->waits = !now;
		if (now) {
			next_tick(pit);
			restart = HRTIMER_RESTART;
		}
	}
	spin_unlock_irqrestore(&irqchip->lock, flags);
	if (now)
		irq_route_pulse(irqchip->vm, IRQ_SOURCE_PIT, 0);
	return restart;
}

/* Channel 0 was programmed. The lock is held. */
static void start(struct vm_pit *pit)
{
	struct pit_timer next;

	hrtimer_try_to_cancel(&pit->timer);
	pit_timer(&pit->pit, ktime_get_ns(), &next);
	pit->pending = 0;
	pit->acked = true;
	pit->waits = false;
	pit->period = next.period;
	if (next.first)
		hrtimer_start(&pit->timer, ns_to_ktime(next.first),
			      HRTIMER_MODE_ABS);
}

/**
 * vm_pit_acked - the guest has ended the interrupt of a tick
 * @irqchip: whose PIT; its lock is not held
 */
void vm_pit_acked(struct irqchip *irqchip)
{
	struct vm_pit *pit;
	unsigned long flags;
	bool more = false;

	spin_lock_irqsave(&irqchip->lock, flags);
	pit = irqchip->pit;
	if (pit)
		wait_no_more(pit);
	if (pit && !pit->acked && pit->pending) {
		pit->pending--;
		more = true;
	} else if (pit) {
		pit->acked = true;
	}
	spin_unlock_irqrestore(&irqchip->lock, flags);
	if (more)
		irq_route_pulse(irqchip->vm, IRQ_SOURCE_PIT, 0);
}

/**
 * vm_pit_unmasked - the guest lets ticks in again: none waits any more
 * @irqchip: whose PIT; its lock is held
 */
void vm_pit_unmasked(struct irqchip *irqchip)
{
	struct vm_pit *pit = irqchip->pit;

	if (!pit)
		return;
	wait_no_more(pit);
	pit->acked = true;
	pit->pending = 0;
}

/* ---- Ports ------------------------------------------------------------- */

static int port_write(struct vcpu *vcpu, void *owner, u64 addr,
		      unsigned int len, const void *data)
{
	struct irqchip *irqchip = owner;
	struct vm_pit *pit = irqchip->pit;
	unsigned long flags;

	if (!pit_owns_port(&pit->pit, addr))
		return -EOPNOTSUPP;
	spin_lock_irqsave(&irqchip->lock, flags);
	if (pit_write(&pit->pit, addr, *(const u8 *)data, ktime_get_ns()))
		start(pit);
	spin_unlock_irqrestore(&irqchip->lock, flags);
	return 0;
}

static int port_read(struct vcpu *vcpu, void *owner, u64 addr,
		     unsigned int len, void *data)
{
	struct irqchip *irqchip = owner;
	struct vm_pit *pit = irqchip->pit;
	unsigned long flags;

	if (!pit_owns_port(&pit->pit, addr))
		return -EOPNOTSUPP;
	memset(data, 0, len);
	spin_lock_irqsave(&irqchip->lock, flags);
	*(u8 *)data = pit_read(&pit->pit, addr, ktime_get_ns());
	spin_unlock_irqrestore(&irqchip->lock, flags);
	return 0;
}

static const struct bus_ops ports = {
	.read	= port_read,
	.write	= port_write,
};

/* ---- Making and unmaking ----------------------------------------------- */

static int attach(struct vm *vm, struct vm_pit *pit)
{
	int ret;

	pit->devices[0] = (struct bus_device) {
		.start = 0x40, .size = 4, .ops = &ports, .owner = pit->irqchip,
	};
	pit->devices[1] = (struct bus_device) {
		.start = 0x61, .size = 1, .ops = &ports, .owner = pit->irqchip,
	};
	ret = bus_attach(vm, BUS_PIO, &pit->devices[0]);
	if (ret || !pit->pit.speaker)
		return ret;
	ret = bus_attach(vm, BUS_PIO, &pit->devices[1]);
	if (ret)
		bus_detach(vm, BUS_PIO, &pit->devices[0]);
	return ret;
}

static long create(struct vm *vm, bool speaker)
{
	struct vm_pit *pit;
	int ret;

	if (vm->irqchip_kind != IRQCHIP_KERNEL)
		return -ENOENT;
	if (vm->irqchip->pit)
		return -EEXIST;
	pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	if (!pit)
		return -ENOMEM;
	pit->irqchip = vm->irqchip;
	pit->reinject = true;
	pit->acked = true;
	compat_hrtimer_setup(&pit->timer, pit_fired, CLOCK_MONOTONIC,
			     HRTIMER_MODE_ABS);
	pit_init(&pit->pit, speaker, ktime_get_ns());
	/* Its ports lead to it by the chips. */
	spin_lock_irq(&vm->irqchip->lock);
	vm->irqchip->pit = pit;
	irqchip_watch_locked(vm->irqchip);
	spin_unlock_irq(&vm->irqchip->lock);
	ret = attach(vm, pit);
	if (!ret)
		return 0;
	/* A guest, or another thread, may have used it already. */
	spin_lock_irq(&vm->irqchip->lock);
	vm->irqchip->pit = NULL;
	irqchip_watch_locked(vm->irqchip);
	spin_unlock_irq(&vm->irqchip->lock);
	hrtimer_cancel(&pit->timer);
	kfree(pit);
	return ret;
}

/**
 * vm_pit_destroy - stop and free the PIT
 * @irqchip: whose; nobody uses it any more
 */
void vm_pit_destroy(struct irqchip *irqchip)
{
	if (!irqchip->pit)
		return;
	hrtimer_cancel(&irqchip->pit->timer);
	kfree(irqchip->pit);
}

/* ---- ioctls ------------------------------------------------------------ */

static long create_ioctl(struct vm *vm, void __user *user)
{
	struct minivmm_pit_config config;
	long ret;

	if (copy_from_user(&config, user, sizeof(config)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	ret = create(vm, config.flags & MINIVMM_PIT_SPEAKER_DUMMY);
	mutex_unlock(&vm->lock);
	return ret;
}

/* What the caller passes is looked at first, then whether there is a PIT. */
static long get_state(struct irqchip *irqchip, void __user *user)
{
	struct minivmm_pit_state2 state;
	bool there;

	spin_lock_irq(&irqchip->lock);
	there = irqchip->pit;
	if (there)
		pit_get_state(&irqchip->pit->pit, &state);
	spin_unlock_irq(&irqchip->lock);
	if (!there)
		return -ENXIO;
	return copy_to_user(user, &state, sizeof(state)) ? -EFAULT : 0;
}

static long set_state(struct irqchip *irqchip, void __user *user)
{
	struct minivmm_pit_state2 state;
	long ret = -ENXIO;

	if (copy_from_user(&state, user, sizeof(state)))
		return -EFAULT;
	if (!irqchip)
		return ret;
	spin_lock_irq(&irqchip->lock);
	if (irqchip->pit) {
		if (pit_set_state(&irqchip->pit->pit, &state, ktime_get_ns()))
			start(irqchip->pit);
		ret = 0;
	}
	spin_unlock_irq(&irqchip->lock);
	return ret;
}

static long reinject_ioctl(struct irqchip *irqchip, void __user *user)
{
	struct minivmm_reinject_control control;
	long ret = -ENXIO;

	if (copy_from_user(&control, user, sizeof(control)))
		return -EFAULT;
	if (!irqchip)
		return ret;
	spin_lock_irq(&irqchip->lock);
	if (irqchip->pit) {
		if (irqchip->pit->reinject != !!control.pit_reinject) {
			vm_pit_unmasked(irqchip);
			irqchip->pit->reinject = control.pit_reinject;
			irqchip_watch_locked(irqchip);
		}
		ret = 0;
	}
	spin_unlock_irq(&irqchip->lock);
	return ret;
}

/**
 * vm_pit_ioctl - serve CREATE_PIT2, GET_PIT2, SET_PIT2 and REINJECT_CONTROL
 * @vm: the VM
 * @cmd: which
 * @user: the caller's structure
 *
 * Return: 0; -ENOENT: CREATE_PIT2 without PIC and I/O APIC in the kernel;
 * -EEXIST: there is one; -ENXIO: there is none; -EFAULT; -ENOMEM; -ENOTTY: none
 * of these.
 */
long vm_pit_ioctl(struct vm *vm, unsigned int cmd, void __user *user)
{
	struct irqchip *irqchip = vm->irqchip;

	switch (cmd) {
	case MINIVMM_CREATE_PIT2:
		return create_ioctl(vm, user);
	case MINIVMM_GET_PIT2:
		return irqchip ? get_state(irqchip, user) : -ENXIO;
	case MINIVMM_SET_PIT2:
		return set_state(irqchip, user);
	case MINIVMM_REINJECT_CONTROL:
		return reinject_ioctl(irqchip, user);
	default:
		return -ENOTTY;
	}
}
