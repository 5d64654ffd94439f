/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels we build for, and nothing else.
 *
 * This is the only file that tests kernel versions. COMPAT_OLDEST and
 * COMPAT_NEWEST say which were tried; Kbuild reads them here and refuses others.
 * compat.c has what needs more than a line.
 */
#ifndef MINIVMM_COMPAT_H
#define MINIVMM_COMPAT_H

#include <linux/version.h>
#include <linux/cpu.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/perf_event.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#else
#include <asm/processor.h>
#endif

#define COMPAT_OLDEST	6.1
#define COMPAT_NEWEST	7.2

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq(msr, val)	rdmsrl(msr, val)
#define wrmsrq(msr, val)	wrmsrl(msr, val)
#define rdmsrq_safe(msr, val)	rdmsrl_safe(msr, val)
#endif

int compat_init(void);

void compat_cr4_set(unsigned long bits);
void compat_cr4_clear(unsigned long bits);

/* FRED delivers events without an IDT: INT 2 cannot re-raise an NMI there. */
static inline bool compat_host_uses_fred(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

/*
 * Work that a thread has to do before it enters the guest, as before it returns
 * to user space. compat_handle_work() returns 0, or -EINTR: a signal is pending.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#include <linux/entry-kvm.h>
#else
#include <linux/entry-virt.h>
#endif

static inline bool compat_work_pending(void)
{
	return __xfer_to_guest_mode_work_pending();
}

int compat_handle_work(void);

void compat_send_reschedule(int cpu);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*function)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#else
#define compat_hrtimer_setup(timer, function, clock, mode) \
	hrtimer_setup(timer, function, clock, mode)
#endif

/* Whether the kernel separates the branch predictions of processes. */
static inline bool compat_uses_ibpb(void)
{
#ifdef X86_FEATURE_USE_IBPB
	return boot_cpu_has(X86_FEATURE_USE_IBPB);
#else
	return boot_cpu_has(X86_FEATURE_IBPB) && !cpu_mitigations_off();
#endif
}

/*
 * Some processors cannot trace (Intel PT) in VMX operation: there the kernel's
 * driver has to be told. Since Linux 6.19 only KVM may tell it.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define compat_intel_pt_handle_vmx(on)	intel_pt_handle_vmx(on)
#define COMPAT_PT_CAN_STOP	true
#else
#define compat_intel_pt_handle_vmx(on)	do { } while (0)
#define COMPAT_PT_CAN_STOP	false
#endif

/* Adds 1 to an eventfd; may be called with interrupts off. */
static inline void compat_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

/* Whether a page is young: bool in newer kernels, int in older ones. */
typedef typeof(((struct mmu_notifier_ops *)NULL)->clear_flush_young(NULL, NULL, 0, 0))
	compat_young_t;

void compat_register_sleep(int (*suspend)(void), void (*resume)(void));
void compat_unregister_sleep(void);

#endif
