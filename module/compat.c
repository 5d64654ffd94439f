// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of compat.h that takes more than a line.
 */
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <asm/tlbflush.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#include <trace/events/ipi.h>	/* smp_send_reschedule() */
#endif

#include "compat.h"

/*
 * The kernel rewrites CR4 from a shadow of its own. VMXE must be set in the
 * shadow too, or the next such write tries to clear it inside VMX operation
 * and faults. cr4_update_irqsoff() does both; since Linux 6.19 only KVM may link
 * with it, but any module may ask for its address.
 */
static void (*cr4_update)(unsigned long set, unsigned long clear);

/**
 * compat_init - find what the kernel has under other names than its headers say
 *
 * Return: 0; -EOPNOTSUPP: this kernel lacks something, the log says what.
 */
int __init compat_init(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	cr4_update = cr4_update_irqsoff;
#else
	cr4_update = symbol_get(cr4_update_irqsoff);
	if (!cr4_update) {
		pr_err("this kernel does not let modules switch VT-x on (no cr4_update_irqsoff): use Linux 6.1 or 6.12\n");
		return -EOPNOTSUPP;
	}
	symbol_put(cr4_update_irqsoff);
#endif
	return 0;
}

/**
 * compat_cr4_set - set bits in this CPU's CR4, for good
 * @bits: which
 */
void compat_cr4_set(unsigned long bits)
{
	unsigned long flags;

	local_irq_save(flags);
	cr4_update(bits, 0);
	local_irq_restore(flags);
}

/**
 * compat_cr4_clear - clear bits in this CPU's CR4, for good
 * @bits: which
 */
void compat_cr4_clear(unsigned long bits)
{
	unsigned long flags;

	local_irq_save(flags);
	cr4_update(0, bits);
	local_irq_restore(flags);
}

/*
 * Before a thread enters the guest it does what it would do on its way back to
 * user space: give way to others, run what was queued for it, be throttled. The
 * kernel has a function for it, made for KVM: until Linux 6.17 it takes KVM's
 * vCPU, to say there that a signal is pending. We have none, so it gets one that
 * nobody reads.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#include <linux/kvm_host.h>

static struct kvm_run nobodys_run;
static struct kvm_vcpu nobody = { .run = &nobodys_run };

int compat_handle_work(void)
{
	return xfer_to_guest_mode_handle_work(&nobody);
}
#else
int compat_handle_work(void)
{
	return xfer_to_guest_mode_handle_work();
}
#endif

/**
 * compat_send_reschedule - make a CPU leave the guest
 * @cpu: which; interrupts may be off
 */
void compat_send_reschedule(int cpu)
{
	smp_send_reschedule(cpu);
}

/* What the last running CPU does when the machine goes to sleep and wakes up. */
static int (*sleep_suspend)(void);
static void (*sleep_resume)(void);

/* Kbuild looked which of its two interfaces the kernel has. */
#ifdef COMPAT_SYSCORE
#define SYSCORE_ARGUMENT	void *unused
#else
#define SYSCORE_ARGUMENT	void
#endif

static int syscore_suspend_cpu(SYSCORE_ARGUMENT)
{
	return sleep_suspend();
}

static void syscore_resume_cpu(SYSCORE_ARGUMENT)
{
	sleep_resume();
}

static struct syscore_ops sleep_ops = {
	.suspend = syscore_suspend_cpu,
	.resume = syscore_resume_cpu,
};

#ifdef COMPAT_SYSCORE
static struct syscore sleep_syscore = { .ops = &sleep_ops };

#define register_sleep_ops()	register_syscore(&sleep_syscore)
#define unregister_sleep_ops()	unregister_syscore(&sleep_syscore)
#else
#define register_sleep_ops()	register_syscore_ops(&sleep_ops)
#define unregister_sleep_ops()	unregister_syscore_ops(&sleep_ops)
#endif

/**
 * compat_register_sleep - have two functions called around the machine's sleep
 * @suspend: called with interrupts off, when no other CPU runs; returns 0
 * @resume: called likewise
 */
void compat_register_sleep(int (*suspend)(void), void (*resume)(void))
{
	sleep_suspend = suspend;
	sleep_resume = resume;
	register_sleep_ops();
}

/**
 * compat_unregister_sleep - undo compat_register_sleep()
 */
void compat_unregister_sleep(void)
{
	unregister_sleep_ops();
}
