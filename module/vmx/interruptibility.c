// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the guest takes an interrupt or an NMI, and when not.
 *
 * Besides RFLAGS.IF two things keep events away: the shadow behind STI and
 * MOV SS, which ends with the next instruction, and an NMI that is being
 * handled, which masks the next until IRET. Both are bits of one field. Who
 * carries out an instruction in the processor's place ends its shadow.
 *
 * SDM: "Guest Non-Register State", "Masking Exceptions and Interrupts When
 * Switching Stacks", "Handling Multiple NMIs".
 */
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "vmx.h"
#include "vmcs.h"

/**
 * vmx_interrupt_allowed - whether the guest would take an interrupt now
 * @vcpu: the vCPU
 */
bool vmx_interrupt_allowed(struct vcpu *vcpu)
{
	bool shadow;

	if (!(vcpu_rflags(vcpu) & X86_EFLAGS_IF))
		return false;
	vmx_get(to_vmx(vcpu));
	shadow = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
		 (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	vmx_put();
	return !shadow;
}

/**
 * vmx_nmi_masked - whether an NMI has to wait for IRET
 * @vcpu: the vCPU
 */
bool vmx_nmi_masked(struct vcpu *vcpu)
{
	bool masked;

	vmx_get(to_vmx(vcpu));
	masked = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI;
	vmx_put();
	return masked;
}

/**
 * vmx_set_nmi_masked - choose whether an NMI has to wait for IRET
 * @vcpu: the vCPU
 * @masked: it has to
 */
void vmx_set_nmi_masked(struct vcpu *vcpu, bool masked)
{
	u32 state;

	vmx_get(to_vmx(vcpu));
	state = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & ~GUEST_INTR_STATE_NMI;
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO,
		     masked ? state | GUEST_INTR_STATE_NMI : state);
	vmx_put();
}

/**
 * vmx_nmi_allowed - whether the guest would take an NMI now
 *
 * The VMCS is current.
 */
bool vmx_nmi_allowed(void)
{
	return !(vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
		 (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS |
		  GUEST_INTR_STATE_NMI));
}

/* The VMCS is current. */
static void clear_shadow(void)
{
	u32 state = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);

	if (unlikely(state & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)))
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO,
			     state & ~(GUEST_INTR_STATE_STI |
				       GUEST_INTR_STATE_MOV_SS));
}

/**
 * vmx_clear_shadow - end the interrupt shadow of STI and MOV SS
 * @vcpu: the vCPU
 */
void vmx_clear_shadow(struct vcpu *vcpu)
{
	vmx_get(to_vmx(vcpu));
	clear_shadow();
	vmx_put();
}

/**
 * vmx_get_shadow - which instruction keeps interrupts away
 * @vcpu: the vCPU
 *
 * Return: MINIVMM_X86_SHADOW_INT_*.
 */
u8 vmx_get_shadow(struct vcpu *vcpu)
{
	u32 state;

	vmx_get(to_vmx(vcpu));
	state = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	vmx_put();
	return (state & GUEST_INTR_STATE_STI ? MINIVMM_X86_SHADOW_INT_STI : 0) |
	       (state & GUEST_INTR_STATE_MOV_SS ?
		MINIVMM_X86_SHADOW_INT_MOV_SS : 0);
}

/**
 * vmx_set_shadow - choose that
 * @vcpu: the vCPU
 * @shadow: MINIVMM_X86_SHADOW_INT_*; a processor never has both
 */
void vmx_set_shadow(struct vcpu *vcpu, u8 shadow)
{
	u32 state;

	vmx_get(to_vmx(vcpu));
	clear_shadow();
	state = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	if (shadow & MINIVMM_X86_SHADOW_INT_MOV_SS)
		state |= GUEST_INTR_STATE_MOV_SS;
	else if (shadow & MINIVMM_X86_SHADOW_INT_STI)
		state |= GUEST_INTR_STATE_STI;
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, state);
	vmx_put();
}

/**
 * vmx_skip_instruction - step over the instruction that exited
 * @vcpu: the vCPU
 */
void vmx_skip_instruction(struct vcpu *vcpu)
{
	unsigned long next;

	vmx_get(to_vmx(vcpu));
	vmx_cache_rip_and_rflags(vcpu);
	next = vcpu->rip + vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
	/* EIP wraps at 4 GiB outside 64-bit mode. */
	if (unlikely((next ^ vcpu->rip) >> 32) && vmx_mode(vcpu) != 64)
		next = (u32)next;
	vcpu_set_rip(vcpu, next);
	clear_shadow();
	vmx_put();
	if (unlikely(vcpu->rflags & X86_EFLAGS_TF || vcpu->debug.control))
		vcpu_instruction_done(vcpu, vcpu->rflags);
}
