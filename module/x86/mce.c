// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine checks of the guest's own: banks of registers in which the owner
 * reports an error, and the exception that tells of it.
 *
 * The host's machine checks never come here. A guest looks at these banks
 * because its CPUID says that there are some.
 *
 * SDM: "Machine-Check Architecture".
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include <asm/trapnr.h>

#include "../backend.h"

/* A register for each bank in turn: CTL, STATUS, ADDR, MISC. */
enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC, BANK_REGISTERS };

#define LAST_BANK_MSR \
	(MSR_IA32_MC0_CTL + BANK_REGISTERS * MINIVMM_MCE_BANKS - 1)

/**
 * mce_init - all banks are there, and report nothing
 * @vcpu: a new vCPU
 */
void mce_init(struct vcpu *vcpu)
{
	vcpu->mce.cap = MINIVMM_MCE_BANKS;
}

static u64 *bank_register(struct vcpu *vcpu, u32 index)
{
	u32 nr = index - MSR_IA32_MC0_CTL;
	u32 end = (vcpu->mce.cap & MCG_BANKCNT_MASK) * BANK_REGISTERS;

	if (index < MSR_IA32_MC0_CTL || nr >= end)
		return NULL;
	return &vcpu->mce.banks[array_index_nospec(nr, end)];
}

/**
 * mce_get_msr - read a register of this chapter
 * @vcpu: the vCPU
 * @index: the MSR
 * @data: gets the value
 * @host: on behalf of the owner
 *
 * Return: 0; 1: it is not there; MSR_UNKNOWN: another chapter's.
 */
int mce_get_msr(struct vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const u64 *bank;

	switch (index) {
	case MSR_IA32_MCG_CAP:
		*data = vcpu->mce.cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*data = vcpu->mce.status;
		return 0;
	case MSR_IA32_MCG_CTL:
		*data = vcpu->mce.ctl;
		return !host && !(vcpu->mce.cap & MCG_CTL_P);
	case MSR_IA32_MC0_CTL ... LAST_BANK_MSR:
		bank = bank_register(vcpu, index);
		*data = bank ? *bank : 0;
		return !bank;
	default:
		return MSR_UNKNOWN;
	}
}

static int set_bank(struct vcpu *vcpu, u32 index, u64 data, bool host)
{
	u64 *bank = bank_register(vcpu, index);
	u32 kind = (index - MSR_IA32_MC0_CTL) % BANK_REGISTERS;

	if (!bank)
		return 1;
	/* All or nothing, but for two bits that systems clear in old banks. */
	if (kind == BANK_CTL && data && ~(data | BIT(10) | BIT(0)))
		return 1;
	if (kind == BANK_STATUS && data && !host)
		return 1;
	*bank = data;
	return 0;
}

/**
 * mce_set_msr - write a register of this chapter
 * @vcpu: the vCPU
 * @index: the MSR
 * @data: the value
 * @host: on behalf of the owner
 *
 * Return: 0; 1: it is not there, or not for this value; MSR_UNKNOWN: another
 * chapter's.
 */
int mce_set_msr(struct vcpu *vcpu, u32 index, u64 data, bool host)
{
	switch (index) {
	case MSR_IA32_MCG_CAP:
		return 1;
	case MSR_IA32_MCG_STATUS:
		vcpu->mce.status = data;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(vcpu->mce.cap & MCG_CTL_P) && (data || !host))
			return 1;
		if (data && ~data)
			return 1;
		vcpu->mce.ctl = data;
		return 0;
	case MSR_IA32_MC0_CTL ... LAST_BANK_MSR:
		return set_bank(vcpu, index, data, host);
	default:
		return MSR_UNKNOWN;
	}
}

static int setup_mce(struct vcpu *vcpu, u64 cap)
{
	u32 banks = cap & MCG_BANKCNT_MASK, i;

	if (!banks || banks > MINIVMM_MCE_BANKS ||
	    cap & ~(MINIVMM_MCE_CAP | MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK))
		return -EINVAL;
	vcpu->mce.cap = cap;
	if (cap & MCG_CTL_P)
		vcpu->mce.ctl = ~0ULL;
	for (i = 0; i < banks; i++)
		vcpu->mce.banks[i * BANK_REGISTERS] = ~0ULL;
	return 0;
}

static void store(u64 *bank, u64 status, const struct minivmm_x86_mce *mce)
{
	bank[BANK_STATUS] = status;
	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
}

static void report(u64 *bank, const struct minivmm_x86_mce *mce)
{
	bool lost = bank[BANK_STATUS] & MCI_STATUS_VAL;

	store(bank, mce->status | (lost ? MCI_STATUS_OVER : 0), mce);
}

/* An error that nobody corrected: the guest takes it now, or is at its end. */
static void set_uncorrected(struct vcpu *vcpu, u64 *bank,
			    const struct minivmm_x86_mce *mce)
{
	struct vcpu_control_regs crs;

	/* Switched off, for all banks or for this one. */
	if ((vcpu->mce.cap & MCG_CTL_P && ~vcpu->mce.ctl) || ~bank[BANK_CTL])
		return;
	backend->get_crs(vcpu, &crs);
	if (vcpu->mce.status & MCG_STATUS_MCIP || !(crs.cr4 & X86_CR4_MCE)) {
		vcpu->events.triple_fault = true;
		return;
	}
	report(bank, mce);
	vcpu->mce.status = mce->mcg_status;
	vcpu_queue_exception(vcpu, X86_TRAP_MC);
}

/* Not corrected, but nobody has used it either: it is only noted. */
static bool needs_no_action(const struct minivmm_x86_mce *mce)
{
	return mce->status & MCI_STATUS_UC && !mce->mcg_status &&
	       !(mce->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

static int set_mce(struct vcpu *vcpu, const struct minivmm_x86_mce *mce)
{
	u64 *bank = bank_register(vcpu, MSR_IA32_MC0_CTL +
				  mce->bank * BANK_REGISTERS);

	if (!bank || !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	if (needs_no_action(mce)) {
		store(bank, mce->status, mce);
		vcpu->mce.status = mce->mcg_status;
	} else if (mce->status & MCI_STATUS_UC) {
		set_uncorrected(vcpu, bank, mce);
	} else if (!(bank[BANK_STATUS] & MCI_STATUS_VAL) ||
		   !(bank[BANK_STATUS] & MCI_STATUS_UC)) {
		report(bank, mce);
	} else {
		bank[BANK_STATUS] |= MCI_STATUS_OVER;
	}
	return 0;
}

/**
 * mce_ioctl - serve X86_SETUP_MCE and X86_SET_MCE
 * @vcpu: the vCPU
 * @cmd: the ioctl
 * @user: its argument
 *
 * Return: 0; -EINVAL: banks or bits that cannot be, an error that is none;
 * -EFAULT.
 */
long mce_ioctl(struct vcpu *vcpu, unsigned int cmd, const void __user *user)
{
	struct minivmm_x86_mce mce;
	u64 cap;

	if (cmd == MINIVMM_X86_SETUP_MCE) {
		if (copy_from_user(&cap, user, sizeof(cap)))
			return -EFAULT;
		return setup_mce(vcpu, cap);
	}
	if (copy_from_user(&mce, user, sizeof(mce)))
		return -EFAULT;
	return set_mce(vcpu, &mce);
}
