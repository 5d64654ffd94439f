// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's FPU, SSE and AVX registers.
 *
 * VT-x leaves these registers alone: while the guest runs it finds what the
 * host left in them. So they are switched here, once per stay in the window
 * with preemption off: kernel_fpu_begin() puts the caller's registers away, an
 * XSAVE area of our own holds the guest's. The kernel's own functions for
 * guests are for KVM alone since Linux 6.19.
 *
 * The area always has the standard format and room for all that a guest may
 * enable in XCR0: x87, SSE, AVX and AVX-512. Protection keys and AMX, whose
 * state the host treats apart, are not offered to guests.
 *
 * SDM: "Managing State Using the XSAVE Feature Set".
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>

#include "../compat.h"
#include "../minivmm.h"

#define GUEST_XFEATURES	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | \
			 XFEATURE_MASK_AVX512)

/* Legacy region and XSAVE header: the least an XSAVE area has. */
#define XSAVE_HEADER_OFFSET	512
#define XSAVE_MIN_SIZE		576

static struct {
	bool xsave;
	u64 host_xcr0;
	u64 xcr0_mask;
	u32 mxcsr_mask;
	struct {
		u32 size;
		u32 offset;
		bool align;	/* to 64 bytes in the compacted format */
	} component[8];
} features __ro_after_init;

/**
 * guest_fpu_setup - find out what the host has; once, when the module loads
 *
 * Return: 0.
 */
int __init guest_fpu_setup(void)
{
	static struct fxregs_state fxsave __initdata __aligned(16);
	u32 edx;
	int i;

	kernel_fpu_begin();
	asm volatile("fxsave64 %0" : "=m" (fxsave));
	kernel_fpu_end();
	/* 0: a processor that does not tell has no denormals-are-zero. */
	features.mxcsr_mask = fxsave.mxcsr_mask ?: 0xffbf;
	features.xsave = boot_cpu_has(X86_FEATURE_OSXSAVE);
	if (!features.xsave)
		return 0;
	features.host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	features.xcr0_mask = features.host_xcr0 & GUEST_XFEATURES;
	for (i = 2; i < ARRAY_SIZE(features.component); i++) {
		u32 flags;

		if (!(features.xcr0_mask & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &features.component[i].size,
			    &features.component[i].offset, &flags, &edx);
		features.component[i].align = flags & BIT(1);
	}
	return 0;
}

/**
 * guest_xcr0_mask - what a guest may enable in XCR0
 *
 * Return: the bits; 0: there is no XSAVE.
 */
u64 guest_xcr0_mask(void)
{
	return features.xcr0_mask;
}

/**
 * xsave_size - size of an XSAVE area in the standard format
 * @xcr0: the components in it
 *
 * Return: bytes.
 */
u32 xsave_size(u64 xcr0)
{
	u32 size = XSAVE_MIN_SIZE;
	int i;

	for (i = 2; i < ARRAY_SIZE(features.component); i++)
		if (xcr0 & BIT_ULL(i))
			size = max(size, features.component[i].offset +
					 features.component[i].size);
	return size;
}

/**
 * xsave_compact_size - size of an XSAVE area in the compacted format
 * @xcr0: the components in it
 *
 * Return: bytes.
 */
u32 xsave_compact_size(u64 xcr0)
{
	u32 size = XSAVE_MIN_SIZE;
	int i;

	for (i = 2; i < ARRAY_SIZE(features.component); i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (features.component[i].align)
			size = ALIGN(size, 64);
		size += features.component[i].size;
	}
	return size;
}

/**
 * guest_fpu_reset - the state after RESET
 * @fpu: not in the registers
 */
void guest_fpu_reset(struct guest_fpu *fpu)
{
	struct fxregs_state *fxsave = fpu->area;

	memset(fpu->area, 0, xsave_size(features.xcr0_mask));
	fxsave->cwd = 0x37f;
	fxsave->mxcsr = MXCSR_DEFAULT;
	/* XSTATE_BV: take x87 and SSE from the area, the rest is initial. */
	if (features.xsave)
		*(u64 *)(fpu->area + XSAVE_HEADER_OFFSET) = XFEATURE_MASK_FPSSE;
}

/**
 * guest_fpu_init - make the area, in the state after RESET
 * @fpu: of a new vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int guest_fpu_init(struct guest_fpu *fpu)
{
	/* A whole power of two from the slab is aligned to its size. */
	fpu->area = kzalloc(roundup_pow_of_two(xsave_size(features.xcr0_mask)),
			    GFP_KERNEL_ACCOUNT);
	if (!fpu->area)
		return -ENOMEM;
	guest_fpu_reset(fpu);
	return 0;
}

/**
 * guest_fpu_free - undo guest_fpu_init()
 * @fpu: of a vCPU about to go
 */
void guest_fpu_free(struct guest_fpu *fpu)
{
	kfree(fpu->area);
}

/**
 * guest_fpu_load - put the guest's registers into the processor's
 * @vcpu: about to enter the guest; preemption is off from here to
 *        guest_fpu_save()
 */
void guest_fpu_load(struct vcpu *vcpu)
{
	u64 mask = features.xcr0_mask;

	/* Neither x87 nor MXCSR need be initialised: XRSTOR follows. */
	kernel_fpu_begin_mask(0);
	if (!features.xsave) {
		asm volatile("fxrstor64 (%0)" : : "r" (vcpu->fpu.area) : "memory");
		return;
	}
	asm volatile("xrstor64 (%0)"
		     : : "r" (vcpu->fpu.area), "a" ((u32)mask),
			 "d" ((u32)(mask >> 32)) : "memory");
	/* Without OSXSAVE no instruction of the guest depends on XCR0. */
	vcpu->fpu.xcr0_loaded = vcpu->osxsave &&
				vcpu->xcr0 != features.host_xcr0;
	if (vcpu->fpu.xcr0_loaded)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
}

/**
 * guest_fpu_save - take the guest's registers out of the processor's
 * @vcpu: has left the guest
 */
void guest_fpu_save(struct vcpu *vcpu)
{
	u64 mask = features.xcr0_mask;

	if (!features.xsave) {
		asm volatile("fxsave64 (%0)" : : "r" (vcpu->fpu.area) : "memory");
	} else {
		if (vcpu->fpu.xcr0_loaded)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, features.host_xcr0);
		asm volatile("xsave64 (%0)"
			     : : "r" (vcpu->fpu.area), "a" ((u32)mask),
				 "d" ((u32)(mask >> 32)) : "memory");
	}
	kernel_fpu_end();
}

/**
 * guest_fpu_get - serve GET_FPU
 * @fpu: not in the registers
 * @user: gets x87 and SSE state; MXCSR is not part of it, as in KVM
 */
void guest_fpu_get(const struct guest_fpu *fpu, struct minivmm_fpu *user)
{
	const struct fxregs_state *fxsave = fpu->area;

	memset(user, 0, sizeof(*user));
	memcpy(user->fpr, fxsave->st_space, sizeof(user->fpr));
	user->fcw = fxsave->cwd;
	user->fsw = fxsave->swd;
	user->ftwx = fxsave->twd;
	user->last_opcode = fxsave->fop;
	user->last_ip = fxsave->rip;
	user->last_dp = fxsave->rdp;
	memcpy(user->xmm, fxsave->xmm_space, sizeof(user->xmm));
}

/**
 * guest_fpu_set - serve SET_FPU
 * @fpu: not in the registers
 * @user: x87 and SSE state
 */
void guest_fpu_set(struct guest_fpu *fpu, const struct minivmm_fpu *user)
{
	struct fxregs_state *fxsave = fpu->area;

	memcpy(fxsave->st_space, user->fpr, sizeof(user->fpr));
	fxsave->cwd = user->fcw;
	fxsave->swd = user->fsw;
	fxsave->twd = user->ftwx;
	fxsave->fop = user->last_opcode;
	fxsave->rip = user->last_ip;
	fxsave->rdp = user->last_dp;
	memcpy(fxsave->xmm_space, user->xmm, sizeof(user->xmm));
	/* The area may say that a component is initial: it is not any more. */
	if (features.xsave)
		*(u64 *)(fpu->area + XSAVE_HEADER_OFFSET) |= XFEATURE_MASK_FPSSE;
}

/**
 * guest_xsave_user_size - bytes of GET_XSAVE2's area
 *
 * Return: never less than GET_XSAVE's.
 */
u32 guest_xsave_user_size(void)
{
	return max_t(u32, xsave_size(features.xcr0_mask),
		     sizeof(struct minivmm_xsave));
}

/* What the guest's area, or the owner's, has at the places named by the SDM. */
#define XSAVE_BV(area)		(*(u64 *)((area) + XSAVE_HEADER_OFFSET))
#define XSAVE_HEADER_REST	56	/* XCOMP_BV and what is reserved: zero */

/* Copies the components of @xfeatures from one area to the other. */
static void copy_components(void *to, const void *from, u64 xfeatures)
{
	const u64 with_mxcsr = XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM;
	const struct fxregs_state *old = from;
	struct fxregs_state *new = to;
	int i;

	if (xfeatures & XFEATURE_MASK_FP) {
		memcpy(new, old, offsetof(struct fxregs_state, mxcsr));
		memcpy(new->st_space, old->st_space, sizeof(new->st_space));
	}
	if (xfeatures & XFEATURE_MASK_SSE)
		memcpy(new->xmm_space, old->xmm_space, sizeof(new->xmm_space));
	if (xfeatures & with_mxcsr)
		new->mxcsr = old->mxcsr;
	for (i = 2; i < ARRAY_SIZE(features.component); i++)
		if (xfeatures & BIT_ULL(i))
			memcpy(to + features.component[i].offset,
			       from + features.component[i].offset,
			       features.component[i].size);
}

/**
 * guest_xsave_get - serve GET_XSAVE and GET_XSAVE2
 * @vcpu: its registers are not in the processor's
 * @user: gets the area; components that the guest cannot have are initial
 *
 * Return: 0; -EFAULT; -ENOMEM.
 */
int guest_xsave_get(struct vcpu *vcpu, void __user *user)
{
	u64 known = vcpu->cpuid.xcr0_supported | XFEATURE_MASK_FPSSE;
	u32 size = guest_xsave_user_size();
	struct fxregs_state *area;
	int ret = 0;

	area = kvzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!area)
		return -ENOMEM;
	copy_components(area, vcpu->fpu.area, known);
	area->mxcsr_mask = features.mxcsr_mask;
	XSAVE_BV((void *)area) = features.xsave ?
				 XSAVE_BV(vcpu->fpu.area) & known :
				 XFEATURE_MASK_FPSSE;
	if (copy_to_user(user, area, size))
		ret = -EFAULT;
	kvfree(area);
	return ret;
}

/* XRSTOR would fault in the kernel: nothing of this may reach it. */
static bool xsave_is_valid(const void *area)
{
	const struct fxregs_state *fxsave = area;
	u64 known = features.xsave ? features.xcr0_mask : XFEATURE_MASK_FPSSE;

	return !(XSAVE_BV(area) & ~known) &&
	       !memchr_inv(area + XSAVE_HEADER_OFFSET + 8, 0,
			   XSAVE_HEADER_REST) &&
	       !(fxsave->mxcsr & ~features.mxcsr_mask);
}

/**
 * guest_xsave_set - serve SET_XSAVE
 * @vcpu: its registers are not in the processor's
 * @user: the area; components that it does not name become initial
 *
 * Return: 0; -EINVAL: a component that is not there, a compacted area, or a
 * reserved bit in MXCSR; -EFAULT; -ENOMEM.
 */
int guest_xsave_set(struct vcpu *vcpu, const void __user *user)
{
	void *area = vmemdup_user(user, guest_xsave_user_size());
	int ret = -EINVAL;

	if (IS_ERR(area))
		return PTR_ERR(area);
	if (xsave_is_valid(area)) {
		guest_fpu_reset(&vcpu->fpu);
		copy_components(vcpu->fpu.area, area, XSAVE_BV(area));
		if (features.xsave)
			XSAVE_BV(vcpu->fpu.area) = XSAVE_BV(area);
		ret = 0;
	}
	kvfree(area);
	return ret;
}

/**
 * guest_xcr0_is_valid - whether the guest may load XCR0 with a value
 * @vcpu: its CPUID is looked at
 * @xcr0: the value
 *
 * Return: false: XSETBV raises #GP.
 */
bool guest_xcr0_is_valid(struct vcpu *vcpu, u64 xcr0)
{
	if (!(xcr0 & XFEATURE_MASK_FP))
		return false;
	if (xcr0 & XFEATURE_MASK_YMM && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	/* AVX-512 comes whole, and with AVX. */
	if (xcr0 & XFEATURE_MASK_AVX512 &&
	    (xcr0 & (XFEATURE_MASK_AVX512 | XFEATURE_MASK_YMM)) !=
	    (XFEATURE_MASK_AVX512 | XFEATURE_MASK_YMM))
		return false;
	/* x87 needs no feature; the owner may have set no CPUID at all. */
	return !(xcr0 & ~(vcpu->cpuid.xcr0_supported | XFEATURE_MASK_FP));
}
