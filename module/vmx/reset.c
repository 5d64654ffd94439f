// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a processor after RESET: real mode, the first instruction 16
 * bytes below 4 GiB, nothing cached.
 *
 * SDM: "Processor State After Reset".
 */
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "vmx.h"
#include "vmcs.h"

static void reset_segments(struct vcpu *vcpu)
{
	/* Present, accessed, writable data; code for CS. */
	struct x86_segment segment = { .limit = 0xffff, .ar = 0x93 };
	unsigned int seg;

	for (seg = 0; seg < X86_SEG_COUNT; seg++)
		vmx_set_segment(vcpu, seg, &segment);
	segment.selector = 0xf000;
	segment.base = 0xffff0000;
	segment.ar = 0x9b;
	vmx_set_segment(vcpu, X86_CS, &segment);
	segment.selector = 0;
	segment.base = 0;
	segment.ar = 0x82;	/* LDT */
	vmx_set_segment(vcpu, SEG_LDTR, &segment);
	segment.ar = 0x8b;	/* busy TSS */
	vmx_set_segment(vcpu, SEG_TR, &segment);
}

/**
 * vmx_state_reset - the state after RESET or INIT
 * @vx: the vCPU, its VMCS is current
 */
void vmx_state_reset(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;

	vcpu->regs[X86_RDX] = 0x600;
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = DR7_FIXED;
	vcpu_set_reg(vcpu, X86_RSP, 0);
	vcpu_set_rip(vcpu, 0xfff0);
	vcpu_set_rflags(vcpu, X86_EFLAGS_FIXED);
	reset_segments(vcpu);
	vmx_set_table(vcpu, true, 0, 0xffff);
	vmx_set_table(vcpu, false, 0, 0xffff);
	vmx_set_efer(vx, 0);
	vmx_set_cr0(vx, X86_CR0_CD | X86_CR0_NW | X86_CR0_ET);
	vmx_set_cr4(vx, 0);
	vmcs_writel(GUEST_CR3, 0);
	vmcs_writel(GUEST_DR7, vcpu->dr7);
	vmcs_write32(GUEST_SYSENTER_CS, 0);
	vmcs_writel(GUEST_SYSENTER_ESP, 0);
	vmcs_writel(GUEST_SYSENTER_EIP, 0);
	vmcs_write64(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	if (vmx_caps.entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL)
		vmcs_write64(GUEST_IA32_PERF_GLOBAL_CTRL, 0);
}

/**
 * vmx_reset - the state after RESET or INIT
 * @vcpu: the calling thread's
 */
void vmx_reset(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);

	vmx_get(vx);
	vmx_state_reset(vx);
	vx->interrupt_deferred = false;
	vx->flush_vpid = true;
	vmx_put();
}
