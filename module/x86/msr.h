/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers of the guest. See msr.c.
 */
#ifndef MINIVMM_X86_MSR_H
#define MINIVMM_X86_MSR_H

#include <linux/minivmm.h>

#define MINIVMM_VARIABLE_MTRRS	8

struct vcpu;

/**
 * struct vcpu_msrs - MSRs that are plain memory while the guest is not running
 *
 * The fields are the registers of the same names.
 */
struct vcpu_msrs {
	u64 star;
	u64 lstar;
	u64 cstar;
	u64 syscall_mask;
	u64 kernel_gs_base;
	u64 tsc_aux;
	u64 tsc_adjust;
	u64 pat;
	u64 misc_enable;
	u64 mcg_status;
	u64 ucode_rev;
	u64 mtrr_def_type;
	u64 mtrr_fixed[11];
	u64 mtrr_variable[2 * MINIVMM_VARIABLE_MTRRS];
};

void msr_init(struct vcpu *vcpu);
int msr_get(struct vcpu *vcpu, u32 index, u64 *data, bool host);
int msr_set(struct vcpu *vcpu, u32 index, u64 data, bool host);
int msr_index_list(struct minivmm_msr_list __user *user, bool features);
int msr_ioctl(struct vcpu *vcpu, struct minivmm_msrs __user *user, bool set);

#endif
