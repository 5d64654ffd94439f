/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID: what a guest is told of its processor. See cpuid.c.
 */
#ifndef MINIVMM_X86_CPUID_H
#define MINIVMM_X86_CPUID_H

#include <linux/minivmm.h>

#define MINIVMM_MAX_CPUID_ENTRIES	256

struct vcpu;

/**
 * struct guest_cpuid - a guest's CPUID, as its owner has set it
 * @count: entries in use
 * @entry: each
 * @maxphyaddr: width of guest-physical addresses that it declares, in bits
 * @gpa_reserved: the bits above that width; none if it is 64 or more
 * @cr4_reserved: bits of CR4 that the guest may not set for lack of a feature
 * @efer_valid: bits of EFER that the guest may set
 * @xcr0_supported: bits of XCR0 that it may set
 * @tsc_aux: it has RDTSCP or RDPID, and so the MSR TSC_AUX
 * @invpcid: it has INVPCID
 * @arch_capabilities: IA32_ARCH_CAPABILITIES is there
 * @x2apic: its local APIC can be an x2APIC
 * @sse3: it has SSE3
 * @movbe: it has MOVBE
 * @rdpid: it has RDPID
 * @pv_features: PV_*: what it has of KVM's
 * @tsc_deadline: whose timer can count to a time stamp
 */
struct guest_cpuid {
	u32 count;
	struct minivmm_cpuid_entry2 *entry;
	u8 maxphyaddr;
	u64 gpa_reserved;
	bool tsc_aux;
	bool invpcid;
	bool arch_capabilities;
	bool x2apic;
	bool sse3;
	bool movbe;
	bool rdpid;
	bool tsc_deadline;
	u32 pv_features;
	unsigned long cr4_reserved;
	u64 efer_valid;
	u64 xcr0_supported;
};

int cpuid_get_supported(struct minivmm_cpuid2 __user *user);
int cpuid_get_emulated(struct minivmm_cpuid2 __user *user);
bool cpuid_has_mwait(const struct vcpu *vcpu);
int cpuid_set(struct vcpu *vcpu, struct minivmm_cpuid2 __user *user);
int cpuid_get(struct vcpu *vcpu, struct minivmm_cpuid2 __user *user);
void cpuid_init(struct vcpu *vcpu);
void cpuid_free(struct vcpu *vcpu);
void cpuid_update(struct vcpu *vcpu, unsigned long cr4);
void cpuid_query(struct vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);

#endif
