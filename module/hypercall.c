// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: what a guest that knows where it runs asks for by VMCALL.
 *
 * The number is in RAX, arguments are in RBX, RCX, RDX and RSI, the answer goes to
 * RAX. CPUID's leaf 0x40000001 says which there are. A guest that calls what its
 * CPUID does not name is answered all the same, unless its owner minds
 * (ENFORCE_PV_FEATURE_CPUID).
 *
 * Linux: Documentation/virt/kvm/x86/hypercalls.rst.
 */
#include <uapi/linux/kvm_para.h>

#include "backend.h"

/**
 * vcpu_hypercall - serve a hypercall
 * @vcpu: the vCPU; outside the window if it yields
 * @long_mode: it runs 64-bit code
 * @cpl: its privilege
 *
 * The answer is in RAX; to step over the instruction is the caller's.
 */
void vcpu_hypercall(struct vcpu *vcpu, bool long_mode, unsigned int cpl)
{
	unsigned long nr = vcpu->regs[X86_RAX], arg = vcpu->regs[X86_RBX];
	long ret = -KVM_ENOSYS;

	if (!long_mode) {
		nr = (u32)nr;
		arg = (u32)arg;
	}
	if (cpl) {
		ret = -KVM_EPERM;
	} else if (nr == KVM_HC_VAPIC_POLL_IRQ) {
		ret = 0;
	} else if (nr == KVM_HC_SCHED_YIELD &&
		   vcpu_has_pv(vcpu, PV_SCHED_YIELD)) {
		vcpu_yield_to(vcpu, arg);
		ret = 0;
	}
	vcpu->regs[X86_RAX] = long_mode ? ret : (u32)ret;
}
