/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels we build for, and nothing else.
 *
 * This is the only file that tests kernel versions. A kernel that is neither
 * known nor tried is refused here, at build time.
 */
#ifndef MINIVMM_COMPAT_H
#define MINIVMM_COMPAT_H

#include <linux/version.h>
#include <linux/entry-kvm.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <linux/perf_event.h>
#include <linux/sched/signal.h>
#include <asm/msr.h>
#include <asm/tlbflush.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "minivmm needs Linux 6.1 or later"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq(msr, val)	rdmsrl(msr, val)
#define wrmsrq(msr, val)	wrmsrl(msr, val)
#endif

/*
 * The kernel rewrites CR4 from a shadow of its own. VMXE must be set in the
 * shadow too, or the next such write tries to clear it inside VMX operation
 * and faults. cr4_set_bits() does both.
 */
static inline void compat_cr4_set(unsigned long bits)
{
	cr4_set_bits(bits);
}

static inline void compat_cr4_clear(unsigned long bits)
{
	cr4_clear_bits(bits);
}

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
#ifdef CONFIG_KVM_XFER_TO_GUEST_WORK
#define COMPAT_XFER_WORK
static inline bool compat_work_pending(void)
{
	return __xfer_to_guest_mode_work_pending();
}
#else
static inline bool compat_work_pending(void)
{
	return need_resched() || signal_pending(current);
}
#endif

int compat_handle_work(void);

/* Tracing by Intel PT has to stop where the CPU cannot do it in VMX operation. */
static inline void compat_intel_pt_handle_vmx(int on)
{
#if IS_ENABLED(CONFIG_CPU_SUP_INTEL)
	intel_pt_handle_vmx(on);
#endif
}

#endif
