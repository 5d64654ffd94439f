// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest debugging: the owner stops the guest at breakpoints or after each
 * instruction, and the guest does not notice.
 *
 * Software breakpoints are INT3s that the owner writes into the guest's memory:
 * their exceptions go to it. Hardware breakpoints are in the processor's debug
 * registers, in the place of the guest's own, which it still reads and writes.
 * Single steps are the monitor trap flag's, so that the guest's RFLAGS.TF is its
 * own. An instruction that we carry out in the processor's place is a step too.
 * And to look at the guest's memory a debugger has its addresses translated.
 *
 * SDM: "Debug Registers", "Monitor Trap Flag".
 */
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "backend.h"

static unsigned long linear_rip(struct vcpu *vcpu)
{
	struct x86_segment cs;

	backend->get_segment(vcpu, X86_CS, &cs);
	if (vcpu->efer & EFER_LMA && cs.ar & X86_AR_L)
		return vcpu_rip(vcpu);
	return (u32)(cs.base + vcpu_rip(vcpu));
}

/**
 * vcpu_debug_exit - tell the owner that its debugger has stopped the guest
 * @vcpu: the vCPU
 * @vector: the exception that it would have been
 * @causes: of a debug exception, as DR6 has them
 *
 * Return: 0.
 */
int vcpu_debug_exit(struct vcpu *vcpu, u8 vector, unsigned long causes)
{
	struct minivmm_debug_exit_arch *arch = &vcpu->run->debug.arch;

	vcpu->run->exit_reason = MINIVMM_EXIT_DEBUG;
	arch->exception = vector;
	arch->pad = 0;
	arch->pc = linear_rip(vcpu);
	arch->dr6 = causes | DR6_RESERVED;
	arch->dr7 = vcpu_dr7_in_force(vcpu);
	return 0;
}

/**
 * vcpu_instruction_done - an instruction was carried out for the guest
 * @vcpu: the vCPU; RIP is behind it
 * @rflags: as they were before it
 */
void vcpu_instruction_done(struct vcpu *vcpu, unsigned long rflags)
{
	if (vcpu_debugged(vcpu, MINIVMM_GUESTDBG_SINGLESTEP)) {
		vcpu->events.stepped = true;
	} else if (unlikely(rflags & X86_EFLAGS_TF)) {
		vcpu->dr6 |= DR_STEP;
		vcpu_queue_exception(vcpu, X86_TRAP_DB);
	}
}

static int inject(struct vcpu *vcpu, u32 control)
{
	if (!(control & (MINIVMM_GUESTDBG_INJECT_DB | MINIVMM_GUESTDBG_INJECT_BP)))
		return 0;
	if (vcpu->events.exception.queued)
		return -EBUSY;
	if (control & MINIVMM_GUESTDBG_INJECT_DB) {
		vcpu_queue_exception(vcpu, X86_TRAP_DB);
		return 0;
	}
	/* As the INT3 whose exception the owner has got. */
	vcpu_queue_exception(vcpu, X86_TRAP_BP);
	vcpu->events.exception.soft = true;
	if (!vcpu->events.soft_length)
		vcpu->events.soft_length = 1;
	return 0;
}

/**
 * vcpu_set_guest_debug - serve SET_GUEST_DEBUG
 * @vcpu: the vCPU
 * @user: what to stop at
 *
 * Return: 0; -EBUSY: an exception is to be injected, but one waits already;
 * -EINVAL: this processor cannot single-step a guest; -EFAULT.
 */
int vcpu_set_guest_debug(struct vcpu *vcpu, const void __user *user)
{
	struct minivmm_guest_debug debug;
	int ret;

	if (copy_from_user(&debug, user, sizeof(debug)))
		return -EFAULT;
	if (debug.control & MINIVMM_GUESTDBG_SINGLESTEP &&
	    !backend->can_single_step())
		return -EINVAL;
	ret = inject(vcpu, debug.control);
	if (ret)
		return ret;
	vcpu->debug.control = debug.control & MINIVMM_GUESTDBG_ENABLE ?
			      debug.control : 0;
	memcpy(vcpu->debug.dr, debug.arch.debugreg, sizeof(vcpu->debug.dr));
	vcpu->debug.dr7 = debug.arch.debugreg[7];
	vcpu->events.stepped = false;
	backend->debug_changed(vcpu);
	return 0;
}

/**
 * vcpu_translate - serve TRANSLATE
 * @vcpu: the vCPU
 * @user: the caller's structure
 *
 * Return: 0; -EFAULT.
 */
int vcpu_translate(struct vcpu *vcpu, struct minivmm_translation __user *user)
{
	/* Not the vCPU's own: an instruction may be half emulated. */
	struct x86_paging paging = vcpu->paging;
	struct minivmm_translation translation;
	struct vcpu_control_regs crs;
	struct x86_fault fault;
	u64 gpa = ~0ULL;

	if (copy_from_user(&translation, user, sizeof(translation)))
		return -EFAULT;
	backend->get_crs(vcpu, &crs);
	paging.cr0 = crs.cr0;
	paging.cr3 = crs.cr3;
	paging.cr4 = crs.cr4;
	paging.efer = vcpu->efer;
	paging.rflags = vcpu_rflags(vcpu);
	paging.maxphyaddr = vcpu->cpuid.maxphyaddr;
	guest_access_begin(&vcpu->access);
	translation.valid = !x86_walk(&paging, translation.linear_address, 0,
				      &gpa, &fault);
	guest_access_end(&vcpu->access);
	translation.physical_address = translation.valid ? gpa : ~0ULL;
	/* Not found out, as in KVM. */
	translation.writeable = 1;
	translation.usermode = 0;
	return copy_to_user(user, &translation, sizeof(translation)) ?
	       -EFAULT : 0;
}
