// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: what a guest is told of its processor.
 *
 * What can be offered is derived, never a list of constants: a feature is
 * offered if the processor has it, the host's kernel uses it, and the mask
 * below says that a guest can have it without more help from us. What a guest
 * gets is what its owner sets from that offer; a few bits follow the guest's
 * own state (OSXSAVE, APIC, the size of the XSAVE area).
 *
 * SDM: "CPUID - CPU Identification" in the instruction reference.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "../backend.h"
#include "../compat.h"

#define F(feature)	BIT(X86_FEATURE_##feature & 31)

enum { EAX, EBX, ECX, EDX };

/* Bits that depend on the guest's own state, wherever they are reported. */
#define CPUID_1_ECX_OSXSAVE	BIT(27)
#define CPUID_1_EDX_APIC	BIT(9)

/**
 * struct feature_word - the features of one register of one leaf
 * @function: CPUID leaf
 * @index: its sub-leaf
 * @reg: EAX to EDX
 * @word: the kernel's word of the same features, masked by what it has off
 * @mask: those a guest can have
 * @emulated: those it can have whatever the processor says
 */
struct feature_word {
	u32 function;
	u32 index;
	u8 reg;
	u8 word;
	u32 mask;
	u32 emulated;
};

static const struct feature_word feature_words[] = {
	{ 1, 0, ECX, CPUID_1_ECX,
	  F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) |
	  F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) |
	  F(AVX) | F(F16C) | F(RDRAND), F(X2APIC) },
	{ 1, 0, EDX, CPUID_1_EDX,
	  F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) |
	  F(MCE) | F(CX8) | F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) |
	  F(CMOV) | F(PAT) | F(PSE36) | F(CLFLUSH) | F(MMX) | F(FXSR) |
	  F(XMM) | F(XMM2) | F(SELFSNOOP), 0 },
	{ 7, 0, EBX, CPUID_7_0_EBX,
	  F(FSGSBASE) | F(BMI1) | F(AVX2) | F(SMEP) | F(BMI2) | F(ERMS) |
	  F(INVPCID) | F(AVX512F) | F(AVX512DQ) | F(RDSEED) | F(ADX) |
	  F(SMAP) | F(AVX512IFMA) | F(CLFLUSHOPT) | F(CLWB) | F(AVX512PF) |
	  F(AVX512ER) | F(AVX512CD) | F(SHA_NI) | F(AVX512BW) | F(AVX512VL) |
	  F(FDP_EXCPTN_ONLY) | F(ZERO_FCS_FDS), F(TSC_ADJUST) },
	{ 7, 0, ECX, CPUID_7_ECX,
	  F(AVX512VBMI) | F(RDPID) | F(AVX512_VPOPCNTDQ) | F(UMIP) |
	  F(AVX512_VBMI2) | F(GFNI) | F(VAES) | F(VPCLMULQDQ) |
	  F(AVX512_VNNI) | F(AVX512_BITALG) | F(CLDEMOTE) | F(MOVDIRI) |
	  F(MOVDIR64B), 0 },
	{ 7, 0, EDX, CPUID_7_EDX,
	  F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(MD_CLEAR) |
	  F(AVX512_VP2INTERSECT) | F(FSRM) | F(SERIALIZE),
	  F(ARCH_CAPABILITIES) },
	{ 0xd, 1, EAX, CPUID_D_1_EAX,
	  F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1), 0 },
	{ 0x80000001, 0, ECX, CPUID_8000_0001_ECX,
	  F(LAHF_LM) | F(ABM) | F(3DNOWPREFETCH), 0 },
	{ 0x80000001, 0, EDX, CPUID_8000_0001_EDX,
	  F(SYSCALL) | F(NX) | F(GBPAGES) | F(RDTSCP) | F(LM), 0 },
};

/* Applies feature_words[] to what the processor itself says of a leaf. */
static void mask_features(u32 function, u32 index, u32 *regs)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(feature_words); i++) {
		const struct feature_word *word = &feature_words[i];
		u32 kernel;

		if (word->function != function || word->index != index)
			continue;
		kernel = boot_cpu_data.x86_capability[word->word];
		regs[word->reg] = (regs[word->reg] & kernel & word->mask) |
				  word->emulated;
	}
}

/* Leaf 0xd describes the XSAVE area; false: the sub-leaf is not offered. */
static bool mask_xsave_leaf(u32 index, u32 *regs)
{
	u64 xcr0 = guest_xcr0_mask();

	if (index == 0) {
		regs[EAX] = lower_32_bits(xcr0);
		regs[EDX] = upper_32_bits(xcr0);
		regs[EBX] = xsave_size(xcr0);
		regs[ECX] = regs[EBX];
		return true;
	}
	if (index == 1) {
		mask_features(0xd, 1, regs);
		regs[EBX] = 0;
		regs[ECX] = 0;
		regs[EDX] = 0;
		return true;
	}
	return index < 64 && xcr0 & BIT_ULL(index) && regs[EAX];
}

static void set_regs(u32 *regs, u32 eax, u32 edx)
{
	regs[EAX] = eax;
	regs[EBX] = 0;
	regs[ECX] = 0;
	regs[EDX] = edx;
}

/* What we offer of a leaf; false: nothing, and no sub-leaf after it either. */
static bool offer_leaf(u32 function, u32 index, u32 *regs)
{
	cpuid_count(function, index, &regs[EAX], &regs[EBX], &regs[ECX],
		    &regs[EDX]);
	switch (function) {
	case 0:
		regs[EAX] = min(regs[EAX], 0x16u);
		return true;
	case 1:
		/* The APIC id and the number of CPUs are the owner's to set. */
		regs[EBX] &= 0x0000ffff;
		mask_features(1, 0, regs);
		return true;
	case 7:
		mask_features(7, 0, regs);
		regs[EAX] = 0;
		return index == 0;
	case 4:
		/* Sub-leaves until one says: no more caches. */
		regs[EAX] &= 0x3fff;
		return regs[EAX] & 0x1f;
	case 6:
		/* The local APIC's timer never stops: no need for a PIT. */
		set_regs(regs, F(ARAT), 0);
		return index == 0;
	case 0xd:
		return mask_xsave_leaf(index, regs);
	case 2:
	case 0x80000002 ... 0x80000004:
	case 0x80000006:
		return index == 0;
	case 0x40000000:
		/* Whose interface the leaves that follow describe: KVM's. */
		regs[EAX] = 0x40000001;
		memcpy(&regs[EBX], "KVMKVMKVM\0\0\0", 12);
		return true;
	case 0x40000001:
		set_regs(regs, pv_features(), 0);
		return true;
	case 0x80000000:
		regs[EAX] = min(regs[EAX], 0x80000008u);
		return true;
	case 0x80000001:
		regs[EAX] = 0;
		regs[EBX] = 0;
		mask_features(function, 0, regs);
		return true;
	case 0x80000007:
		set_regs(regs, 0, boot_cpu_has(X86_FEATURE_NONSTOP_TSC) ?
				  BIT(8) : 0);
		return true;
	case 0x80000008:
		/* Widths of addresses: never more than EPT can translate. */
		set_regs(regs, (regs[EAX] & 0xff00) |
			       min_t(u32, boot_cpu_data.x86_phys_bits,
				     MINIVMM_GPA_BITS), 0);
		return true;
	default:
		/* A leaf we do not know is there, and says nothing. */
		set_regs(regs, 0, 0);
		return index == 0;
	}
}

static bool has_sub_leaves(u32 function)
{
	return function == 4 || function == 7 || function == 0xd;
}

/* Adds what we offer of @function; -E2BIG: no room for it. */
static int add_function(struct minivmm_cpuid_entry2 *entries, u32 room,
			u32 *count, u32 function)
{
	u32 regs[4], index, last = has_sub_leaves(function) ? 63 : 0;

	for (index = 0; index <= last; index++) {
		struct minivmm_cpuid_entry2 *entry;

		if (!offer_leaf(function, index, regs)) {
			/* Sub-leaves of 0xd have gaps; others end here. */
			if (function == 0xd)
				continue;
			break;
		}
		if (*count >= room)
			return -E2BIG;
		entry = &entries[(*count)++];
		*entry = (struct minivmm_cpuid_entry2) {
			.function = function, .index = index,
			.flags = last ? MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
			.eax = regs[EAX], .ebx = regs[EBX],
			.ecx = regs[ECX], .edx = regs[EDX],
		};
	}
	return 0;
}

static int add_all(struct minivmm_cpuid_entry2 *entries, u32 room, u32 *count)
{
	static const u32 bases[] = { 0, 0x40000000, 0x80000000 };
	unsigned int i;
	u32 function;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(bases); i++) {
		u32 regs[4];

		offer_leaf(bases[i], 0, regs);
		for (function = bases[i]; !ret && function <= regs[EAX];
		     function++)
			ret = add_function(entries, room, count, function);
	}
	return ret;
}

/**
 * cpuid_get_supported - serve GET_SUPPORTED_CPUID
 * @user: the caller's table; its nent says how much room there is
 *
 * Return: 0; -E2BIG: too little room; -EFAULT; -ENOMEM.
 */
int cpuid_get_supported(struct minivmm_cpuid2 __user *user)
{
	struct minivmm_cpuid_entry2 *entries;
	u32 room, count = 0;
	int ret;

	if (get_user(room, &user->nent))
		return -EFAULT;
	if (room < 1)
		return -E2BIG;
	room = min_t(u32, room, MINIVMM_MAX_CPUID_ENTRIES);
	entries = kvcalloc(room, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	ret = add_all(entries, room, &count);
	if (!ret && (copy_to_user(user->entries, entries,
				  count * sizeof(*entries)) ||
		     put_user(count, &user->nent)))
		ret = -EFAULT;
	kvfree(entries);
	return ret;
}

/**
 * cpuid_get_emulated - serve GET_EMULATED_CPUID
 * @user: the caller's table; its nent says how much room there is
 *
 * These are the features that undefined.c adds to any processor.
 *
 * Return: 0; -E2BIG: too little room; -EINVAL: an entry's padding is not 0, or
 * the entries cannot be read; -EFAULT.
 */
int cpuid_get_emulated(struct minivmm_cpuid2 __user *user)
{
	const struct minivmm_cpuid_entry2 entries[] = {
		{ .function = 0, .eax = 7 },
		{ .function = 1, .ecx = F(MOVBE) },
		{ .function = 7, .flags = MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .ecx = boot_cpu_has(X86_FEATURE_RDTSCP) ? F(RDPID) : 0 },
	};
	u32 room, i, padding[3];

	if (get_user(room, &user->nent))
		return -EFAULT;
	if (room < 1)
		return -E2BIG;
	room = min_t(u32, room, MINIVMM_MAX_CPUID_ENTRIES);
	for (i = 0; i < room; i++)
		if (copy_from_user(padding, user->entries[i].padding,
				   sizeof(padding)) ||
		    padding[0] || padding[1] || padding[2])
			return -EINVAL;
	if (room < ARRAY_SIZE(entries))
		return -E2BIG;
	if (copy_to_user(user->entries, entries, sizeof(entries)) ||
	    put_user((u32)ARRAY_SIZE(entries), &user->nent))
		return -EFAULT;
	return 0;
}

static struct minivmm_cpuid_entry2 *find_entry(const struct guest_cpuid *table,
					       u32 function, u32 index)
{
	u32 i;

	for (i = 0; i < table->count; i++) {
		struct minivmm_cpuid_entry2 *entry = &table->entry[i];

		if (entry->function == function &&
		    (!(entry->flags & MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     entry->index == index))
			return entry;
	}
	return NULL;
}

/**
 * cpuid_has_mwait - whether the guest has MONITOR and MWAIT
 * @vcpu: the vCPU
 */
bool cpuid_has_mwait(const struct vcpu *vcpu)
{
	const struct minivmm_cpuid_entry2 *entry =
		find_entry(&vcpu->cpuid, 1, 0);

	return entry && entry->ecx & F(MWAIT);
}

/**
 * cpuid_update - bring the entries in line with the guest's own state
 * @vcpu: its XCR0 and APIC base are looked at
 * @cr4: its CR4
 */
void cpuid_update(struct vcpu *vcpu, unsigned long cr4)
{
	struct minivmm_cpuid_entry2 *entry;

	vcpu->osxsave = cr4 & X86_CR4_OSXSAVE;
	entry = find_entry(&vcpu->cpuid, 1, 0);
	if (entry) {
		entry->ecx &= ~CPUID_1_ECX_OSXSAVE;
		if (entry->ecx & F(XSAVE) && cr4 & X86_CR4_OSXSAVE)
			entry->ecx |= CPUID_1_ECX_OSXSAVE;
		entry->edx &= ~CPUID_1_EDX_APIC;
		if (vcpu->apic_base & MSR_IA32_APICBASE_ENABLE)
			entry->edx |= CPUID_1_EDX_APIC;
		if (!vm_has_quirk(vcpu->vm,
				  MINIVMM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)) {
			entry->ecx &= ~F(MWAIT);
			if (vcpu->msrs.misc_enable & MSR_IA32_MISC_ENABLE_MWAIT)
				entry->ecx |= F(MWAIT);
		}
	}
	entry = find_entry(&vcpu->cpuid, 0xd, 0);
	if (entry)
		entry->ebx = xsave_size(vcpu->xcr0);
	entry = find_entry(&vcpu->cpuid, 0xd, 1);
	if (entry && entry->eax & F(XSAVEC))
		entry->ebx = xsave_compact_size(vcpu->xcr0);
}

/*
 * The bits of CR4 that the guest may not set, by registers of leaves 1 and 7. Named
 * there, and there: the owner may name what is not.
 */
static unsigned long cr4_reserved(u32 ecx1, u32 ebx7, u32 ecx7)
{
#define LACKS(reg, feature)						\
	(!((reg) & F(feature)) || !boot_cpu_has(X86_FEATURE_##feature))
	return (LACKS(ecx1, XSAVE) ? X86_CR4_OSXSAVE : 0) |
	       (LACKS(ebx7, SMEP) ? X86_CR4_SMEP : 0) |
	       (LACKS(ebx7, SMAP) ? X86_CR4_SMAP : 0) |
	       (LACKS(ebx7, FSGSBASE) ? X86_CR4_FSGSBASE : 0) |
	       (LACKS(ecx7, UMIP) ? X86_CR4_UMIP : 0) |
	       (LACKS(ecx1, PCID) ? X86_CR4_PCIDE : 0);
#undef LACKS
}

/* KVM's leaves may stand behind those of another interface. */
static u32 pv_features_named(const struct guest_cpuid *table)
{
	const struct minivmm_cpuid_entry2 *entry;
	u32 base;

	for (base = 0x40000000; base < 0x40010000; base += 0x100) {
		entry = find_entry(table, base, 0);
		if (!entry || memcmp(&entry->ebx, "KVMKVMKVM\0\0\0", 12))
			continue;
		entry = find_entry(table, base + 1, 0);
		return entry ? entry->eax : 0;
	}
	return 0;
}

/* What the rest of the module asks of the table again and again. */
static void derive(struct guest_cpuid *table)
{
	const struct minivmm_cpuid_entry2 *leaf1 = find_entry(table, 1, 0);
	const struct minivmm_cpuid_entry2 *leaf7 = find_entry(table, 7, 0);
	const struct minivmm_cpuid_entry2 *leafd = find_entry(table, 0xd, 0);
	const struct minivmm_cpuid_entry2 *ext = find_entry(table, 0x80000001, 0);
	const struct minivmm_cpuid_entry2 *widths = find_entry(table, 0x80000008, 0);
	u32 ecx1 = leaf1 ? leaf1->ecx : 0;
	u32 ebx7 = leaf7 ? leaf7->ebx : 0;
	u32 ecx7 = leaf7 ? leaf7->ecx : 0;
	u32 edx_ext = ext ? ext->edx : 0;

	table->maxphyaddr = widths ? widths->eax & 0xff : 36;
	table->gpa_reserved = table->maxphyaddr < 64 ?
			      GENMASK_ULL(63, table->maxphyaddr) : 0;
	table->tsc_aux = edx_ext & F(RDTSCP) || ecx7 & F(RDPID);
	table->invpcid = ebx7 & F(INVPCID);
	table->arch_capabilities = leaf7 &&
				   leaf7->edx & F(ARCH_CAPABILITIES);
	table->pv_features = pv_features_named(table);
	table->x2apic = ecx1 & F(X2APIC);
	table->sse3 = ecx1 & F(XMM3);
	table->movbe = ecx1 & F(MOVBE);
	table->rdpid = ecx7 & F(RDPID);
	table->tsc_deadline = ecx1 & F(TSC_DEADLINE_TIMER);
	table->cr4_reserved = cr4_reserved(ecx1, ebx7, ecx7);
	table->efer_valid = (edx_ext & F(SYSCALL) ? EFER_SCE : 0) |
			    (edx_ext & F(NX) ? EFER_NX : 0) |
			    (edx_ext & F(LM) ? EFER_LME | EFER_LMA : 0);
	table->xcr0_supported = leafd ?
		(leafd->eax | (u64)leafd->edx << 32) & guest_xcr0_mask() : 0;
}

static bool same_entries(const struct guest_cpuid *table,
			 const struct minivmm_cpuid_entry2 *entry, u32 count)
{
	u32 i;

	if (count != table->count)
		return false;
	for (i = 0; i < count; i++)
		/* All but the padding. */
		if (memcmp(&table->entry[i], &entry[i],
			   offsetof(struct minivmm_cpuid_entry2, padding)))
			return false;
	return true;
}

static int set_entries(struct vcpu *vcpu, struct minivmm_cpuid_entry2 *entry,
		       u32 count)
{
	struct guest_cpuid new = { .count = count, .entry = entry };
	struct guest_cpuid old = vcpu->cpuid;
	const struct minivmm_cpuid_entry2 *widths;
	struct vcpu_control_regs crs;
	u8 linear;

	widths = find_entry(&new, 0x80000008, 0);
	linear = widths ? widths->eax >> 8 & 0xff : 48;
	if (linear != 48 && linear != 57 && linear != 0)
		return -EINVAL;
	backend->get_crs(vcpu, &crs);
	vcpu->cpuid = new;
	cpuid_update(vcpu, crs.cr4);
	if (vcpu->has_run) {
		/* Too late for a change: only the same again is welcome. */
		bool same = same_entries(&old, entry, count);

		vcpu->cpuid = old;
		if (!same)
			return -EINVAL;
		kvfree(entry);
		return 0;
	}
	derive(&vcpu->cpuid);
	vcpu_apic_cpuid_changed(vcpu);
	kvfree(old.entry);
	backend->cpuid_changed(vcpu);
	return 0;
}

/**
 * cpuid_set - serve SET_CPUID2
 * @vcpu: the vCPU
 * @user: the caller's table
 *
 * Return: 0; -E2BIG: more entries than MINIVMM_MAX_CPUID_ENTRIES; -EINVAL: a
 * width of linear addresses that does not exist, or a change after the vCPU
 * has run; -EFAULT; -ENOMEM.
 */
int cpuid_set(struct vcpu *vcpu, struct minivmm_cpuid2 __user *user)
{
	struct minivmm_cpuid_entry2 *entry = NULL;
	u32 count;
	int ret;

	if (get_user(count, &user->nent))
		return -EFAULT;
	if (count > MINIVMM_MAX_CPUID_ENTRIES)
		return -E2BIG;
	if (count) {
		entry = vmemdup_user(user->entries, count * sizeof(*entry));
		if (IS_ERR(entry))
			return PTR_ERR(entry);
	}
	ret = set_entries(vcpu, entry, count);
	if (ret)
		kvfree(entry);
	return ret;
}

/**
 * cpuid_get - serve GET_CPUID2
 * @vcpu: the vCPU
 * @user: the caller's table; its nent says how much room there is
 *
 * Return: 0; -E2BIG: too little room; -EFAULT.
 */
int cpuid_get(struct vcpu *vcpu, struct minivmm_cpuid2 __user *user)
{
	const struct guest_cpuid *table = &vcpu->cpuid;
	u32 room;

	if (get_user(room, &user->nent))
		return -EFAULT;
	if (room < table->count)
		return -E2BIG;
	if (copy_to_user(user->entries, table->entry,
			 table->count * sizeof(*table->entry)) ||
	    put_user(table->count, &user->nent))
		return -EFAULT;
	return 0;
}

/**
 * cpuid_init - start with an empty table
 * @vcpu: a new vCPU
 */
void cpuid_init(struct vcpu *vcpu)
{
	derive(&vcpu->cpuid);
	/* As long as the owner has not said what the guest lacks */
	vcpu->cpuid.cr4_reserved = cr4_reserved(~0U, ~0U, ~0U);
	vcpu_apic_cpuid_changed(vcpu);
}

/**
 * cpuid_free - give the table back
 * @vcpu: a vCPU about to go
 */
void cpuid_free(struct vcpu *vcpu)
{
	kvfree(vcpu->cpuid.entry);
}

/*
 * A leaf beyond the highest of its class answers like the highest basic leaf:
 * so Intel's processors do.
 */
static struct minivmm_cpuid_entry2 *
out_of_range_entry(const struct guest_cpuid *table, u32 function, u32 index)
{
	const struct minivmm_cpuid_entry2 *class;
	const struct minivmm_cpuid_entry2 *basic = find_entry(table, 0, 0);

	if (!basic || basic->ebx != 0x756e6547) /* "Genu"ineIntel */
		return NULL;
	if (function >= 0x40000000 && function <= 0x4fffffff)
		class = find_entry(table, function & 0xffffff00, 0);
	else
		class = find_entry(table, function & 0x80000000, 0);
	if (class && function <= class->eax)
		return NULL;
	return find_entry(table, basic->eax, index);
}

/**
 * cpuid_query - what CPUID answers the guest
 * @vcpu: the vCPU
 * @eax: in: the leaf; out: the answer
 * @ebx: out
 * @ecx: in: the sub-leaf; out
 * @edx: out
 */
void cpuid_query(struct vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	const struct guest_cpuid *table = &vcpu->cpuid;
	const struct minivmm_cpuid_entry2 *entry;
	u32 function = *eax, index = *ecx;
	bool exact;

	entry = find_entry(table, function, index);
	exact = entry;
	if (!entry)
		entry = out_of_range_entry(table, function, index);
	*eax = entry ? entry->eax : 0;
	*ebx = entry ? entry->ebx : 0;
	*ecx = entry ? entry->ecx : 0;
	*edx = entry ? entry->edx : 0;
	if (!exact && (function == 0xb || function == 0x1f)) {
		/* Levels that do not exist still name the level and the CPU. */
		entry = find_entry(table, function, 1);
		if (entry) {
			*ecx = index & 0xff;
			*edx = entry->edx;
		}
	}
}
