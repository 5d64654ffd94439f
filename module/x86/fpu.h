/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's FPU, SSE and AVX registers. See fpu.c.
 */
#ifndef MINIVMM_X86_FPU_H
#define MINIVMM_X86_FPU_H

#include <linux/minivmm.h>

struct vcpu;

/**
 * struct guest_fpu - a vCPU's extended state while it is not in the registers
 * @area: XSAVE area (or FXSAVE area) in the standard format, 64-byte aligned
 * @xcr0_loaded: the guest's XCR0 is in the processor, not the host's
 */
struct guest_fpu {
	void *area;
	bool xcr0_loaded;
};

int guest_fpu_setup(void);
u64 guest_xcr0_mask(void);
u32 xsave_size(u64 xcr0);
u32 xsave_compact_size(u64 xcr0);

int guest_fpu_init(struct guest_fpu *fpu);
void guest_fpu_reset(struct guest_fpu *fpu);
void guest_fpu_free(struct guest_fpu *fpu);
void guest_fpu_load(struct vcpu *vcpu);
void guest_fpu_save(struct vcpu *vcpu);
void guest_fpu_get(const struct guest_fpu *fpu, struct minivmm_fpu *user);
void guest_fpu_set(struct guest_fpu *fpu, const struct minivmm_fpu *user);
u32 guest_xsave_user_size(void);
int guest_xsave_get(struct vcpu *vcpu, void __user *user);
int guest_xsave_set(struct vcpu *vcpu, const void __user *user);
bool guest_xcr0_is_valid(struct vcpu *vcpu, u64 xcr0);

#endif
