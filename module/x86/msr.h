/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model-specific registers of the guest. See msr.c.
 */
#ifndef MINIVMM_X86_MSR_H
#define MINIVMM_X86_MSR_H

#include <linux/minivmm.h>

#define MINIVMM_VARIABLE_MTRRS	8

struct vcpu;
struct vm;

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
	u64 ucode_rev;
	u64 arch_capabilities;
	u64 platform_info;
	u64 misc_features;
	u64 power_ctl;
	u64 feature_control;
	u64 smi_count;
	u64 mtrr_def_type;
	u64 mtrr_fixed[11];
	u64 mtrr_variable[2 * MINIVMM_VARIABLE_MTRRS];
};

#define MINIVMM_MCE_BANKS	32
#define MINIVMM_MCE_CAP		(BIT_ULL(8) | BIT_ULL(24)) /* MCG_CTL, SER */

/**
 * struct vcpu_mce - machine checks: registers of these names
 */
struct vcpu_mce {
	u64 cap;
	u64 status;
	u64 ctl;
	u64 banks[4 * MINIVMM_MCE_BANKS];
};

/* What msr_get() and msr_set() answer besides 0, and 1: not this value. */
#define MSR_UNKNOWN	2

void msr_init(struct vcpu *vcpu);
int msr_get(struct vcpu *vcpu, u32 index, u64 *data, bool host);
int msr_set(struct vcpu *vcpu, u32 index, u64 data, bool host);
int msr_index_list(struct minivmm_msr_list __user *user, bool features);
int msr_ioctl(struct vcpu *vcpu, struct minivmm_msrs __user *user, bool set);

/* mce.c */
void mce_init(struct vcpu *vcpu);
int mce_get_msr(struct vcpu *vcpu, u32 index, u64 *data, bool host);
int mce_set_msr(struct vcpu *vcpu, u32 index, u64 data, bool host);
long mce_ioctl(struct vcpu *vcpu, unsigned int cmd, const void __user *user);

/* msr_user.c */
bool msr_is_allowed(struct vm *vm, u32 index, u32 access);
long msr_filter_set(struct vm *vm, const void __user *user);
void msr_filter_destroy(struct vm *vm);
void vcpu_msr_filter_update(struct vcpu *vcpu);
int vcpu_rdmsr(struct vcpu *vcpu);
int vcpu_wrmsr(struct vcpu *vcpu);

#endif
