// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of compat.h that needs headers of its own.
 *
 * Before a thread enters the guest it does what it would do on its way back to
 * user space: give way to others, run what was queued for it, be throttled. The
 * kernel has a function for it, made for KVM: until Linux 6.17 it takes KVM's
 * vCPU, to say there that a signal is pending. We have none, so it gets one that
 * nobody reads.
 */
#include "compat.h"

#ifdef COMPAT_XFER_WORK
#include <linux/kvm_host.h>

static struct kvm_run nobodys_run;
static struct kvm_vcpu nobody = { .run = &nobodys_run };

int compat_handle_work(void)
{
	return xfer_to_guest_mode_handle_work(&nobody);
}
#else
#include <linux/sched.h>
#include <linux/sched/signal.h>

int compat_handle_work(void)
{
	cond_resched();
	return signal_pending(current) ? -EINTR : 0;
}
#endif
