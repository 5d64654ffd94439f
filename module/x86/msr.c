// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers of the guest.
 *
 * An MSR is one of three kinds: it is plain memory here (struct vcpu_msrs) with
 * a rule for what may be written, it is kept by the back end (in the VMCS), or
 * the guest does not have it and takes #GP. The vCPU's owner reads and writes
 * the same registers by ioctl, under fewer rules: what the guest may only read,
 * it may set.
 *
 * SDM: "Model-Specific Registers (MSRs)".
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include <uapi/asm/kvm_para.h>

#include "../backend.h"
#include "../compat.h"

/* The registers whose values make up a vCPU's state, for GET_MSR_INDEX_LIST. */
static const u32 msrs_to_save[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_CSTAR, MSR_KERNEL_GS_BASE, MSR_SYSCALL_MASK, MSR_LSTAR,
	MSR_IA32_TSC, MSR_IA32_CR_PAT, MSR_TSC_AUX, MSR_IA32_FEAT_CTL,
	MSR_KVM_SYSTEM_TIME, MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME_NEW,
	MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_STEAL_TIME, MSR_KVM_PV_EOI_EN,
	MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_DEADLINE, MSR_IA32_ARCH_CAPABILITIES,
	MSR_IA32_MISC_ENABLE, MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL,
	MSR_SMI_COUNT, MSR_PLATFORM_INFO, MSR_MISC_FEATURES_ENABLES,
	MSR_IA32_POWER_CTL, MSR_IA32_UCODE_REV,
};

/* Those by which the host says what it can, for GET_MSR_FEATURE_INDEX_LIST. */
static const u32 feature_msrs[] = {
	MSR_IA32_UCODE_REV, MSR_IA32_ARCH_CAPABILITIES,
	MSR_IA32_PERF_CAPABILITIES,
};

/* What a guest without SPEC_CTRL and TSX_CTRL can make use of. */
#define ARCH_CAPABILITIES_KNOWN						\
	(ARCH_CAP_RDCL_NO | ARCH_CAP_RSBA | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | \
	 ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO |	\
	 ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO |	\
	 ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR)

static u64 arch_capabilities(void)
{
	u64 data = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrq(MSR_IA32_ARCH_CAPABILITIES, data);
	data &= ARCH_CAPABILITIES_KNOWN;
	/* EPT's own pages are not executed by anybody but this guest. */
	data |= ARCH_CAP_PSCHANGE_MC_NO;
	if (!boot_cpu_has_bug(X86_BUG_CPU_MELTDOWN))
		data |= ARCH_CAP_RDCL_NO;
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		data |= ARCH_CAP_SSB_NO;
	if (!boot_cpu_has_bug(X86_BUG_MDS))
		data |= ARCH_CAP_MDS_NO;
	return data;
}

/* Ways in which a value can be wrong for a register kept in memory. */
static bool any_value(u64 data)
{
	return true;
}

static bool canonical_value(u64 data)
{
	return ((s64)data << 16 >> 16) == (s64)data;
}

static bool low_half_value(u64 data)
{
	return !(data >> 32);
}

static bool memory_type_is_valid(u8 type)
{
	/* UC, WC, WT, WP, WB: 2 and 3 do not exist. */
	return type < 7 && type != 2 && type != 3;
}

static bool mtrr_fixed_value(u64 data)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!memory_type_is_valid(data >> 8 * i))
			return false;
	return true;
}

static bool mtrr_def_type_value(u64 data)
{
	return !(data & ~0xcffULL) && memory_type_is_valid(data);
}

static bool pat_value(u64 data)
{
	int i;

	for (i = 0; i < 8; i++) {
		u8 type = data >> 8 * i;

		/* 7 is UC-, which only the PAT has. */
		if (type != 7 && !memory_type_is_valid(type))
			return false;
	}
	return true;
}

/**
 * struct memory_msr - a register that is plain memory
 * @index: its number
 * @offset: of its field in struct vcpu_msrs
 * @valid: whether it takes a value
 */
struct memory_msr {
	u32 index;
	u16 offset;
	bool (*valid)(u64 data);
};

static const struct memory_msr memory_msrs[] = {
#define MEMORY_MSR(index, field, valid) \
	{ index, offsetof(struct vcpu_msrs, field), valid }
	MEMORY_MSR(MSR_STAR, star, any_value),
	MEMORY_MSR(MSR_LSTAR, lstar, canonical_value),
	MEMORY_MSR(MSR_CSTAR, cstar, canonical_value),
	MEMORY_MSR(MSR_SYSCALL_MASK, syscall_mask, low_half_value),
	MEMORY_MSR(MSR_KERNEL_GS_BASE, kernel_gs_base, canonical_value),
	MEMORY_MSR(MSR_IA32_CR_PAT, pat, pat_value),
	MEMORY_MSR(MSR_IA32_POWER_CTL, power_ctl, any_value),
	MEMORY_MSR(MSR_MTRRdefType, mtrr_def_type, mtrr_def_type_value),
	MEMORY_MSR(MSR_MTRRfix64K_00000, mtrr_fixed[0], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix16K_80000, mtrr_fixed[1], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix16K_A0000, mtrr_fixed[2], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_C0000, mtrr_fixed[3], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_C8000, mtrr_fixed[4], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_D0000, mtrr_fixed[5], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_D8000, mtrr_fixed[6], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_E0000, mtrr_fixed[7], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_E8000, mtrr_fixed[8], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_F0000, mtrr_fixed[9], mtrr_fixed_value),
	MEMORY_MSR(MSR_MTRRfix4K_F8000, mtrr_fixed[10], mtrr_fixed_value),
};

static u64 *msr_field(struct vcpu *vcpu, const struct memory_msr *msr)
{
	return (void *)&vcpu->msrs + msr->offset;
}

static const struct memory_msr *find_memory_msr(u32 index)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(memory_msrs); i++)
		if (memory_msrs[i].index == index)
			return &memory_msrs[i];
	return NULL;
}

static bool is_variable_mtrr(u32 index)
{
	return index >= MTRRphysBase_MSR(0) &&
	       index <= MTRRphysMask_MSR(MINIVMM_VARIABLE_MTRRS - 1);
}

static bool variable_mtrr_is_valid(struct vcpu *vcpu, u32 index, u64 data)
{
	u64 reserved = vcpu->cpuid.gpa_reserved;

	if (index & 1)		/* a mask: valid bit 11 */
		return !(data & (reserved | 0x7ff));
	return !(data & (reserved | 0xf00)) && memory_type_is_valid(data);
}

/* No PEBS and no BTS here, whatever a guest writes. */
#define MISC_ENABLE_READ_ONLY	(MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

/**
 * msr_init - the values after RESET
 * @vcpu: a new vCPU
 */
void msr_init(struct vcpu *vcpu)
{
	vcpu->msrs.pat = 0x0007040600070406ULL;
	vcpu->msrs.misc_enable = MISC_ENABLE_READ_ONLY;
	vcpu->msrs.arch_capabilities = arch_capabilities();
	vcpu->msrs.platform_info = MSR_PLATFORM_INFO_CPUID_FAULT;
	mce_init(vcpu);
	vcpu->msrs.ucode_rev = 0x100000000ULL;
}

/*
 * Registers of which systems want no more than that they are there. 0: this is
 * one.
 */
static int get_constant(u32 index, u64 *data)
{
	switch (index) {
	case MSR_FSB_FREQ:
		*data = 3;
		return 0;
	case MSR_EBC_FREQUENCY_ID:
		/* A ratio of 1: some divide by it. */
		*data = 1 << 24;
		return 0;
	case MSR_IA32_PERF_STATUS:
		*data = 1000 | 4ULL << 40;
		return 0;
	case MSR_IA32_BBL_CR_CTL3:
		*data = 0xbe702111;
		return 0;
	case MSR_IA32_P5_MC_ADDR:
	case MSR_IA32_P5_MC_TYPE:
	case MSR_IA32_PLATFORM_ID:
	case MSR_IA32_EBL_CR_POWERON:
	case MSR_IA32_PERF_CTL:
	case MSR_IA32_DEBUGCTLMSR:
	case MSR_IA32_LASTBRANCHFROMIP:
	case MSR_IA32_LASTBRANCHTOIP:
	case MSR_IA32_LASTINTFROMIP:
	case MSR_IA32_LASTINTTOIP:
	case MSR_RAPL_POWER_UNIT:
	case MSR_PP0_ENERGY_STATUS:
	case MSR_PP1_ENERGY_STATUS:
	case MSR_PKG_ENERGY_STATUS:
	case MSR_DRAM_ENERGY_STATUS:
		*data = 0;
		return 0;
	}
	return 1;
}

/* Registers that are computed, or not always there; else MSR_UNKNOWN. */
static int get_special(struct vcpu *vcpu, u32 index, u64 *data, bool host)
{
	int ret;

	switch (index) {
	case MSR_EFER:
		*data = vcpu->efer;
		return 0;
	case MSR_IA32_APICBASE:
		*data = vcpu->apic_base;
		return 0;
	case MSR_TSC_AUX:
		*data = vcpu->msrs.tsc_aux;
		return !host && !vcpu->cpuid.tsc_aux;
	case MSR_IA32_TSC_DEADLINE:
	case LAPIC_MSR_FIRST ... LAPIC_MSR_LAST:
		return vcpu_apic_read_msr(vcpu, index, data);
	case MSR_IA32_TSC:
		*data = vcpu_read_tsc(vcpu);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		*data = vcpu->msrs.tsc_adjust;
		return 0;
	case MSR_IA32_UCODE_REV:
		*data = vcpu->msrs.ucode_rev;
		return 0;
	case MSR_MTRRcap:
		/* Fixed-range registers and write-combining as well. */
		*data = BIT(10) | BIT(8) | MINIVMM_VARIABLE_MTRRS;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		*data = vcpu->msrs.arch_capabilities;
		return !host && !vcpu->cpuid.arch_capabilities;
	case MSR_PLATFORM_INFO:
		*data = vcpu->msrs.platform_info;
		return !host && vcpu->vm->options.no_platform_info;
	case MSR_MISC_FEATURES_ENABLES:
		*data = vcpu->msrs.misc_features;
		return 0;
	case MSR_IA32_MISC_ENABLE:
		*data = vcpu->msrs.misc_enable;
		return 0;
	case MSR_IA32_FEAT_CTL:
		*data = vcpu->msrs.feature_control;
		return 0;
	case MSR_SMI_COUNT:
		*data = vcpu->msrs.smi_count;
		return 0;
	}
	if (!get_constant(index, data))
		return 0;
	ret = mce_get_msr(vcpu, index, data, host);
	return ret == MSR_UNKNOWN ? pv_get_msr(vcpu, index, data) : ret;
}

/**
 * msr_get - read one of the guest's MSRs
 * @vcpu: the vCPU
 * @index: the register
 * @data: gets the value
 * @host: on behalf of the vCPU's owner, not of the guest
 *
 * Return: 0; 1: the guest must not read it; MSR_UNKNOWN: there is no such
 * register. Both are #GP to a guest.
 */
int msr_get(struct vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const struct memory_msr *msr;
	int ret = get_special(vcpu, index, data, host);

	if (ret != MSR_UNKNOWN)
		return ret;
	msr = find_memory_msr(index);
	if (msr) {
		*data = *msr_field(vcpu, msr);
		return 0;
	}
	if (is_variable_mtrr(index)) {
		*data = vcpu->msrs.mtrr_variable[index - MTRRphysBase_MSR(0)];
		return 0;
	}
	return backend->get_msr(vcpu, index, data) ? MSR_UNKNOWN : 0;
}

static int set_efer(struct vcpu *vcpu, u64 efer, bool host)
{
	struct vcpu_control_regs crs;

	if (efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))
		return 1;
	if (!host) {
		if (efer & ~vcpu->cpuid.efer_valid)
			return 1;
		backend->get_crs(vcpu, &crs);
		if (crs.cr0 & X86_CR0_PG && (efer ^ vcpu->efer) & EFER_LME)
			return 1;
	}
	/* LMA is the processor's to say: LME with paging on. */
	efer = (efer & ~EFER_LMA) | (vcpu->efer & EFER_LMA);
	return backend->set_msr(vcpu, MSR_EFER, efer);
}

static int set_apic_base(struct vcpu *vcpu, u64 data, bool host)
{
	struct vcpu_control_regs crs;

	if (vcpu_apic_set_base(vcpu, data, host))
		return 1;
	vcpu->apic_base = data;
	backend->get_crs(vcpu, &crs);
	cpuid_update(vcpu, crs.cr4);
	return 0;
}

static int set_field(u64 *field, u64 data, bool allowed)
{
	if (allowed)
		*field = data;
	return !allowed;
}

/* CPUID follows MWAIT's bit, if the owner wants it to. */
static int set_misc_enable(struct vcpu *vcpu, u64 data, bool host)
{
	u64 changed = data ^ vcpu->msrs.misc_enable;
	struct vcpu_control_regs crs;

	if (!host) {
		if (changed & MISC_ENABLE_READ_ONLY)
			return 1;
		data &= ~MSR_IA32_MISC_ENABLE_EMON;
		data |= vcpu->msrs.misc_enable & MSR_IA32_MISC_ENABLE_EMON;
	}
	if (vm_has_quirk(vcpu->vm, MINIVMM_X86_QUIRK_MISC_ENABLE_NO_MWAIT) ||
	    !(changed & MSR_IA32_MISC_ENABLE_MWAIT)) {
		vcpu->msrs.misc_enable = data;
		return 0;
	}
	if (!vcpu->cpuid.sse3)
		return 1;
	vcpu->msrs.misc_enable = data;
	backend->get_crs(vcpu, &crs);
	cpuid_update(vcpu, crs.cr4);
	return 0;
}

/* 1: the value is wrong; MSR_UNKNOWN: the register is none of these. */
static int set_special(struct vcpu *vcpu, u32 index, u64 data, bool host)
{
	int ret;

	switch (index) {
	case MSR_EFER:
		return set_efer(vcpu, data, host);
	case MSR_IA32_APICBASE:
		return set_apic_base(vcpu, data, host);
	case MSR_IA32_TSC:
	case MSR_IA32_TSC_ADJUST:
		return vcpu_write_tsc(vcpu, index, data, host);
	case MSR_TSC_AUX:
		if ((!host && !vcpu->cpuid.tsc_aux) || data >> 32)
			return 1;
		vcpu->msrs.tsc_aux = data;
		return 0;
	case MSR_IA32_TSC_DEADLINE:
	case LAPIC_MSR_FIRST ... LAPIC_MSR_LAST:
		return vcpu_apic_write_msr(vcpu, index, data);
	case MSR_IA32_UCODE_REV:
		/* The guest's write asks for the revision to be loaded. */
		if (host)
			vcpu->msrs.ucode_rev = data;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		return set_field(&vcpu->msrs.arch_capabilities, data, host);
	case MSR_SMI_COUNT:
		return set_field(&vcpu->msrs.smi_count, data, host);
	case MSR_PLATFORM_INFO:
		return set_field(&vcpu->msrs.platform_info, data, host &&
				 (data & MSR_PLATFORM_INFO_CPUID_FAULT ||
				  !vcpu->msrs.misc_features));
	case MSR_MISC_FEATURES_ENABLES:
		return set_field(&vcpu->msrs.misc_features, data, !data ||
				 (data == MSR_MISC_FEATURES_ENABLES_CPUID_FAULT &&
				  vcpu->msrs.platform_info &
				  MSR_PLATFORM_INFO_CPUID_FAULT));
	case MSR_IA32_MISC_ENABLE:
		return set_misc_enable(vcpu, data, host);
	case MSR_IA32_FEAT_CTL:
		return set_field(&vcpu->msrs.feature_control, data,
				 !(data & ~FEAT_CTL_LOCKED) &&
				 (host || !vcpu->msrs.feature_control));
	case MSR_IA32_UCODE_WRITE:
	case MSR_IA32_BBL_CR_CTL3:
		return 0;
	case MSR_MTRRcap:
	case MSR_IA32_PLATFORM_ID:
		return 1;
	case MSR_IA32_DEBUGCTLMSR:
		/* Branch records and steps, which are not there, are passed over. */
		return (data & ~(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF)) != 0;
	}
	ret = mce_set_msr(vcpu, index, data, host);
	if (ret != MSR_UNKNOWN)
		return ret;
	return pv_set_msr(vcpu, index, data);
}

/**
 * msr_set - write one of the guest's MSRs
 * @vcpu: the vCPU
 * @index: the register
 * @data: the value
 * @host: on behalf of the vCPU's owner, not of the guest
 *
 * Return: 0; 1: it does not take this value; MSR_UNKNOWN: there is no such
 * register. Both are #GP to a guest.
 */
int msr_set(struct vcpu *vcpu, u32 index, u64 data, bool host)
{
	const struct memory_msr *msr;
	int ret = set_special(vcpu, index, data, host);

	if (ret != MSR_UNKNOWN)
		return ret;
	msr = find_memory_msr(index);
	if (msr) {
		if (!msr->valid(data))
			return 1;
		*msr_field(vcpu, msr) = data;
		return 0;
	}
	if (is_variable_mtrr(index)) {
		if (!variable_mtrr_is_valid(vcpu, index, data))
			return 1;
		vcpu->msrs.mtrr_variable[index - MTRRphysBase_MSR(0)] = data;
		return 0;
	}
	/* As KVM does: what is too wide for these is cut off. */
	if (index == MSR_IA32_SYSENTER_ESP || index == MSR_IA32_SYSENTER_EIP)
		data = (s64)data << 16 >> 16;
	if (index != MSR_IA32_SYSENTER_CS && !canonical_value(data) &&
	    !backend->get_msr(vcpu, index, &data))
		return 1;
	return backend->set_msr(vcpu, index, data) ? MSR_UNKNOWN : 0;
}

static int put_list(struct minivmm_msr_list __user *user, const u32 *list,
		    u32 count)
{
	u32 room;

	if (get_user(room, &user->nmsrs) || put_user(count, &user->nmsrs))
		return -EFAULT;
	if (room < count)
		return -E2BIG;
	if (copy_to_user(user->indices, list, count * sizeof(*list)))
		return -EFAULT;
	return 0;
}

/**
 * msr_index_list - serve GET_MSR_INDEX_LIST and GET_MSR_FEATURE_INDEX_LIST
 * @user: the caller's list; its nmsrs says how much room there is
 * @features: the latter
 *
 * Return: 0; -E2BIG: too little room, nmsrs now says how much it takes;
 * -EFAULT.
 */
int msr_index_list(struct minivmm_msr_list __user *user, bool features)
{
	if (features)
		return put_list(user, feature_msrs, ARRAY_SIZE(feature_msrs));
	return put_list(user, msrs_to_save, ARRAY_SIZE(msrs_to_save));
}

/* What a register says of the processors that guests can have. */
static int get_feature(u32 index, u64 *data)
{
	switch (index) {
	case MSR_IA32_UCODE_REV:
		*data = (u64)boot_cpu_data.microcode << 32;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		*data = arch_capabilities();
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		/* There are no performance counters. */
		*data = 0;
		return 0;
	default:
		return 1;
	}
}

/**
 * msr_ioctl - serve GET_MSRS and SET_MSRS
 * @vcpu: the vCPU; NULL: of the system, whose feature MSRs can be read
 * @user: the caller's registers
 * @set: write them; else read
 *
 * Return: how many were done before the first that could not be; -E2BIG: more
 * than 256 (MAX_IO_MSRS of KVM); -EFAULT; -ENOMEM.
 */
int msr_ioctl(struct vcpu *vcpu, struct minivmm_msrs __user *user, bool set)
{
	struct minivmm_msr_entry *entries;
	struct minivmm_msrs header;
	size_t size;
	int i, ret;

	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	if (header.nmsrs >= 256)
		return -E2BIG;
	size = header.nmsrs * sizeof(*entries);
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);
	for (i = 0; i < header.nmsrs; i++) {
		u64 data = entries[i].data;

		if (set)
			ret = msr_set(vcpu, entries[i].index, data, true);
		else if (vcpu)
			ret = msr_get(vcpu, entries[i].index, &data, true);
		else
			ret = get_feature(entries[i].index, &data);
		if (ret)
			break;
		entries[i].data = data;
	}
	ret = i;
	if (!set && copy_to_user(user->entries, entries, size))
		ret = -EFAULT;
	kfree(entries);
	return ret;
}
