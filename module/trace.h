/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: each VM entry and each VM exit can be watched.
 *
 *	echo 1 > /sys/kernel/tracing/events/minivmm/enable
 *	cat /sys/kernel/tracing/trace_pipe
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM minivmm

#if !defined(MINIVMM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MINIVMM_TRACE_H

#include <linux/tracepoint.h>
#include <asm/vmx.h>

#include "minivmm.h"

TRACE_EVENT(entry,
	TP_PROTO(u32 vcpu_id),
	TP_ARGS(vcpu_id),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu_id;
	),
	TP_printk("vcpu %u", __entry->vcpu_id)
);

/* The fields are read from the VMCS only while somebody watches. */
TRACE_EVENT(exit,
	TP_PROTO(struct vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u32, vcpu_id)
		__field(u32, reason)
		__field(u64, rip)
		__field(u64, qualification)
	),
	TP_fast_assign(
		__entry->vcpu_id = vcpu->id;
		__entry->reason = vcpu->exit.reason;
		__entry->rip = vcpu_rip(vcpu);
		__entry->qualification = vmx_exit_qualification();
	),
	TP_printk("vcpu %u reason %s rip %#llx qualification %#llx%s",
		  __entry->vcpu_id,
		  __print_symbolic(__entry->reason & 0xffff, VMX_EXIT_REASONS),
		  __entry->rip, __entry->qualification,
		  __entry->reason >> 31 ? " entry failed" : "")
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
