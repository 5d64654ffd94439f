// SPDX-License-Identifier: GPL-2.0-only
/*
 * The task priority where it costs the guest nothing: in its own memory.
 *
 * Old 32-bit systems write the TPR of their xAPIC all the time, and each access is
 * an exit. An owner who wants to help them has these accesses reported
 * (TPR_ACCESS_REPORTING), patches the instructions, and names a word of guest
 * memory (SET_VAPIC_ADDR) that the patched guest reads and writes instead. It is
 * brought in line with the local APIC before each entry and after each exit, so
 * outside of the window, which then has one entry: the memory may have to be
 * brought in. If it is gone, the guest does without.
 *
 * A guest that has such a word is taken not to use CR8 as well.
 */
#include <linux/ktime.h>
#include <linux/uaccess.h>

#include "../backend.h"

/**
 * vcpu_tpr_accessed - an instruction uses the TPR of the xAPIC
 * @vcpu: the calling thread's
 * @write: it writes
 *
 * The owner hears of it when the instruction is done.
 */
void vcpu_tpr_accessed(struct vcpu *vcpu, bool write)
{
	struct vcpu_irq *irq = &vcpu->irq;

	if (likely(!irq->report_tpr))
		return;
	irq->tpr_rip = vcpu_rip(vcpu);
	irq->tpr_write = write;
	set_bit(VCPU_REQ_TPR_ACCESS, &irq->requests);
}

/**
 * vcpu_report_tpr_access - tell the owner
 * @vcpu: the calling thread's
 *
 * Return: 0.
 */
int vcpu_report_tpr_access(struct vcpu *vcpu)
{
	struct minivmm_run *run = vcpu->run;

	run->exit_reason = MINIVMM_EXIT_TPR_ACCESS;
	run->tpr_access.rip = vcpu->irq.tpr_rip;
	run->tpr_access.is_write = vcpu->irq.tpr_write;
	return 0;
}

/**
 * vcpu_vapic_to_guest - tell the guest what its local APIC has
 * @vcpu: about to enter the guest, and may still sleep
 */
void vcpu_vapic_to_guest(struct vcpu *vcpu)
{
	u64 gpa = vcpu->irq.vapic_addr;
	unsigned long flags;
	unsigned int i;
	u32 word;

	spin_lock_irqsave(&vcpu->irq.lock, flags);
	word = lapic_vapic_word(&vcpu->irq.apic);
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	guest_access_begin(&vcpu->access);
	/* Byte by byte: it may be on two pages. */
	for (i = 0; i < sizeof(word); i++)
		if (guest_write(&vcpu->access, gpa + i, (u8 *)&word + i, 1))
			vcpu->irq.vapic_addr = 0;
	guest_access_end(&vcpu->access);
}

/**
 * vcpu_vapic_from_guest - take the priority that the guest has chosen
 * @vcpu: it has just left the guest, and may sleep
 */
void vcpu_vapic_from_guest(struct vcpu *vcpu)
{
	struct lapic_effects effects = { 0 };
	unsigned long flags;
	bool lost;
	u8 tpr;

	guest_access_begin(&vcpu->access);
	lost = guest_read(&vcpu->access, vcpu->irq.vapic_addr, &tpr, 1);
	guest_access_end(&vcpu->access);
	if (lost) {
		vcpu->irq.vapic_addr = 0;
		return;
	}
	spin_lock_irqsave(&vcpu->irq.lock, flags);
	lapic_write(&vcpu->irq.apic, LAPIC_TPR, tpr, ktime_get_ns(), &effects);
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	set_bit(VCPU_REQ_INTERRUPT, &vcpu->irq.requests);
}

static long set_address(struct vcpu *vcpu, u64 gpa)
{
	struct guest_memory *memory = &vcpu->vm->memory;
	bool is_memory;

	if (gpa) {
		guest_access_begin(&vcpu->access);
		is_memory = memory_slot(memory, gpa >> PAGE_SHIFT) &&
			    memory_slot(memory, (gpa + 3) >> PAGE_SHIFT);
		guest_access_end(&vcpu->access);
		if (!is_memory)
			return -EINVAL;
	}
	vcpu->irq.vapic_addr = gpa;
	return 0;
}

/**
 * vcpu_vapic_ioctl - serve TPR_ACCESS_REPORTING and SET_VAPIC_ADDR
 * @vcpu: the vCPU
 * @cmd: which of them
 * @user: the caller's structure
 *
 * Return: 0; -EINVAL: flags, no local APIC in the kernel, or no memory there;
 * -EFAULT.
 */
long vcpu_vapic_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *user)
{
	struct minivmm_tpr_access_ctl control;
	struct minivmm_vapic_addr vapic;

	if (cmd == MINIVMM_SET_VAPIC_ADDR) {
		if (!vcpu_has_lapic(vcpu))
			return -EINVAL;
		if (copy_from_user(&vapic, user, sizeof(vapic)))
			return -EFAULT;
		return set_address(vcpu, vapic.vapic_addr);
	}
	if (copy_from_user(&control, user, sizeof(control)))
		return -EFAULT;
	if (control.flags)
		return -EINVAL;
	vcpu->irq.report_tpr = control.enabled;
	return copy_to_user(user, &control, sizeof(control)) ? -EFAULT : 0;
}
