// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's registers: one by one for the rest of the module, all at once for
 * the ioctls GET_REGS to SET_SREGS, and the rules for control registers.
 *
 * RSP, RIP and RFLAGS live in the back end's structures while the guest runs:
 * they are fetched when somebody asks (the cached bits) and written back before
 * the next entry (the dirty bits).
 *
 * SDM: "Control Registers", "Initializing IA-32e Mode".
 */
#include <asm/processor-flags.h>

#include "backend.h"

#define CR0_KNOWN	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | \
			 X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
			 X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)

/* What a guest can have in CR4 if its CPUID says so. */
#define CR4_KNOWN	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | \
			 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | \
			 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | \
			 X86_CR4_OSXSAVE | X86_CR4_SMEP | X86_CR4_SMAP | \
			 X86_CR4_FSGSBASE | X86_CR4_UMIP | X86_CR4_PCIDE)

/**
 * vcpu_fetch - fetch a register that is not cached
 * @vcpu: the vCPU
 * @reg: which
 */
void vcpu_fetch(struct vcpu *vcpu, enum cached_reg reg)
{
	backend->cache_reg(vcpu, reg);
	vcpu->cached |= reg;
}

/**
 * vcpu_get_regs - serve GET_REGS
 * @vcpu: the vCPU
 * @regs: gets the registers
 */
void vcpu_get_regs(struct vcpu *vcpu, struct minivmm_regs *regs)
{
	*regs = (struct minivmm_regs) {
		.rax = vcpu->regs[X86_RAX], .rbx = vcpu->regs[X86_RBX],
		.rcx = vcpu->regs[X86_RCX], .rdx = vcpu->regs[X86_RDX],
		.rsi = vcpu->regs[X86_RSI], .rdi = vcpu->regs[X86_RDI],
		.rsp = vcpu_reg(vcpu, X86_RSP), .rbp = vcpu->regs[X86_RBP],
		.r8 = vcpu->regs[8], .r9 = vcpu->regs[9],
		.r10 = vcpu->regs[10], .r11 = vcpu->regs[11],
		.r12 = vcpu->regs[12], .r13 = vcpu->regs[13],
		.r14 = vcpu->regs[14], .r15 = vcpu->regs[15],
		.rip = vcpu_rip(vcpu), .rflags = vcpu_rflags(vcpu),
	};
}

/**
 * vcpu_set_regs - serve SET_REGS
 * @vcpu: the vCPU
 * @regs: the registers
 *
 * An exception that waits for delivery belongs to the old registers: it goes.
 */
void vcpu_set_regs(struct vcpu *vcpu, const struct minivmm_regs *regs)
{
	vcpu->regs[X86_RAX] = regs->rax;
	vcpu->regs[X86_RBX] = regs->rbx;
	vcpu->regs[X86_RCX] = regs->rcx;
	vcpu->regs[X86_RDX] = regs->rdx;
	vcpu->regs[X86_RSI] = regs->rsi;
	vcpu->regs[X86_RDI] = regs->rdi;
	vcpu->regs[X86_RBP] = regs->rbp;
	vcpu->regs[8] = regs->r8;
	vcpu->regs[9] = regs->r9;
	vcpu->regs[10] = regs->r10;
	vcpu->regs[11] = regs->r11;
	vcpu->regs[12] = regs->r12;
	vcpu->regs[13] = regs->r13;
	vcpu->regs[14] = regs->r14;
	vcpu->regs[15] = regs->r15;
	vcpu_set_reg(vcpu, X86_RSP, regs->rsp);
	vcpu_set_rip(vcpu, regs->rip);
	/* Bit 1 is always set in the register. */
	vcpu_set_rflags(vcpu, regs->rflags | X86_EFLAGS_FIXED);
	if (vcpu->events.exception.pending)
		vcpu->events.exception.queued = false;
	/* An instruction that waits for its owner goes on with these. */
	vcpu->emulator.last = false;
}

static void to_user_segment(const struct x86_segment *from,
			    struct minivmm_segment *to)
{
	bool unusable = from->ar & X86_AR_UNUSABLE;

	*to = (struct minivmm_segment) {
		.base = from->base, .limit = from->limit,
		.selector = from->selector,
		.type = from->ar & 15,
		.present = !unusable && from->ar & X86_AR_P,
		.dpl = from->ar >> X86_AR_DPL_SHIFT & 3,
		.db = !!(from->ar & X86_AR_DB),
		.s = !!(from->ar & X86_AR_S),
		.l = !!(from->ar & X86_AR_L),
		.g = !!(from->ar & X86_AR_G),
		.avl = from->ar >> 12 & 1,
		.unusable = unusable,
	};
}

static void from_user_segment(const struct minivmm_segment *from,
			      struct x86_segment *to)
{
	*to = (struct x86_segment) {
		.base = from->base, .limit = from->limit,
		.selector = from->selector,
		.ar = (from->type & 15) | (from->s & 1) << 4 |
		      (from->dpl & 3) << X86_AR_DPL_SHIFT |
		      (from->present & 1) << 7 | (from->avl & 1) << 12 |
		      (from->l & 1) << 13 | (from->db & 1) << 14 |
		      (from->g & 1) << 15,
	};
	if (from->unusable || !from->present)
		to->ar |= X86_AR_UNUSABLE;
}

/* The segment registers, in the order of their numbers here. */
static struct minivmm_segment *sregs_segment(struct minivmm_sregs *sregs,
					     unsigned int seg)
{
	struct minivmm_segment *const segments[NR_SEGS] = {
		[X86_ES] = &sregs->es, [X86_CS] = &sregs->cs,
		[X86_SS] = &sregs->ss, [X86_DS] = &sregs->ds,
		[X86_FS] = &sregs->fs, [X86_GS] = &sregs->gs,
		[SEG_LDTR] = &sregs->ldt, [SEG_TR] = &sregs->tr,
	};

	return segments[seg];
}

/**
 * vcpu_get_sregs - serve GET_SREGS
 * @vcpu: the vCPU
 * @sregs: gets the registers
 */
void vcpu_get_sregs(struct vcpu *vcpu, struct minivmm_sregs *sregs)
{
	const struct vcpu_events *events = &vcpu->events;
	struct vcpu_control_regs crs;
	unsigned int seg;

	memset(sregs, 0, sizeof(*sregs));
	for (seg = 0; seg < NR_SEGS; seg++) {
		struct x86_segment segment;

		backend->get_segment(vcpu, seg, &segment);
		to_user_segment(&segment, sregs_segment(sregs, seg));
	}
	backend->get_table(vcpu, true, &sregs->idt.base, &sregs->idt.limit);
	backend->get_table(vcpu, false, &sregs->gdt.base, &sregs->gdt.limit);
	backend->get_crs(vcpu, &crs);
	sregs->cr0 = crs.cr0;
	sregs->cr2 = vcpu->cr2;
	sregs->cr3 = crs.cr3;
	sregs->cr4 = crs.cr4;
	sregs->cr8 = vcpu_has_lapic(vcpu) ? vcpu_apic_cr8(vcpu) : vcpu->cr8;
	sregs->efer = vcpu->efer;
	sregs->apic_base = vcpu->apic_base;
	if (events->interrupt.queued && !events->interrupt.soft)
		__set_bit(events->interrupt.vector,
			  (unsigned long *)sregs->interrupt_bitmap);
}

/**
 * cr0_is_valid - whether a guest may have a value in CR0
 * @cr0: the value; bits that do not exist are ignored in the lower half
 */
bool cr0_is_valid(unsigned long cr0)
{
	if (cr0 >> 32)
		return false;
	if (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || cr0 & X86_CR0_PE;
}

/**
 * cr4_is_valid - whether a guest may have a value in CR4
 * @vcpu: its CPUID is looked at
 * @cr4: the value
 */
bool cr4_is_valid(struct vcpu *vcpu, unsigned long cr4)
{
	return !(cr4 & ~CR4_KNOWN) && !(cr4 & vcpu->cpuid.cr4_reserved);
}

static bool sregs_are_valid(struct vcpu *vcpu, const struct minivmm_sregs *sregs)
{
	if (!cr0_is_valid(sregs->cr0) || !cr4_is_valid(vcpu, sregs->cr4))
		return false;
	if (sregs->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))
		return false;
	if (sregs->efer & EFER_LME && sregs->cr0 & X86_CR0_PG)
		/* Long mode is on. */
		return sregs->cr4 & X86_CR4_PAE && sregs->efer & EFER_LMA &&
		       !(sregs->cr3 & vcpu->cpuid.gpa_reserved);
	return !(sregs->efer & EFER_LMA) && !sregs->cs.l;
}

/* The guest pages by PAE's tables, whose top are four registers. */
static bool is_pae(const struct vcpu_control_regs *crs, u64 efer)
{
	return crs->cr0 & X86_CR0_PG && crs->cr4 & X86_CR4_PAE &&
	       !(efer & EFER_LMA);
}

/**
 * vcpu_load_pdptrs - load the four page-directory pointers of PAE paging
 * @vcpu: gets them
 * @cr3: where they are
 *
 * Return: 0; 1: a reserved bit is set (#GP), or there is no memory.
 */
int vcpu_load_pdptrs(struct vcpu *vcpu, unsigned long cr3)
{
	u64 reserved = vcpu->cpuid.gpa_reserved | 0x1e6;
	u64 pdptr[4];
	int i, ret;

	guest_access_begin(&vcpu->access);
	ret = guest_read(&vcpu->access, cr3 & 0xffffffe0, pdptr, sizeof(pdptr));
	guest_access_end(&vcpu->access);
	if (ret)
		return 1;
	for (i = 0; i < 4; i++)
		if (pdptr[i] & 1 && pdptr[i] & reserved)
			return 1;
	memcpy(vcpu->pdptr, pdptr, sizeof(pdptr));
	return 0;
}

static void set_interrupt_bitmap(struct vcpu *vcpu,
				 const struct minivmm_sregs *sregs)
{
	unsigned int vector;

	vector = find_first_bit((const unsigned long *)sregs->interrupt_bitmap,
				MINIVMM_NR_INTERRUPTS);
	if (vector < MINIVMM_NR_INTERRUPTS)
		vcpu_queue_interrupt(vcpu, vector);
}

/* Like SET_SREGS, but with PAE's pointers from the owner, or NULL. */
static int set_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs,
		     const u64 *pdptrs)
{
	struct vcpu_control_regs crs = {
		.cr0 = (sregs->cr0 & CR0_KNOWN) | X86_CR0_ET,
		.cr3 = sregs->cr3, .cr4 = sregs->cr4,
	};
	struct minivmm_sregs copy = *sregs;
	struct x86_segment cs;
	unsigned int seg;

	if (!sregs_are_valid(vcpu, sregs))
		return -EINVAL;
	if (msr_set(vcpu, MSR_IA32_APICBASE, sregs->apic_base, true))
		return -EINVAL;
	backend->set_table(vcpu, true, sregs->idt.base, sregs->idt.limit);
	backend->set_table(vcpu, false, sregs->gdt.base, sregs->gdt.limit);
	vcpu->cr2 = sregs->cr2;
	if (sregs->cr8 < 16) {
		if (vcpu_has_lapic(vcpu))
			vcpu_apic_set_cr8(vcpu, sregs->cr8);
		else
			vcpu->cr8 = sregs->cr8;
	}
	vcpu->efer = sregs->efer;
	if (pdptrs)
		memcpy(vcpu->pdptr, pdptrs, sizeof(vcpu->pdptr));
	else if (is_pae(&crs, vcpu->efer))
		vcpu_load_pdptrs(vcpu, crs.cr3);
	backend->set_crs(vcpu, &crs);
	vcpu->exit.gva_valid = false;
	backend->get_segment(vcpu, X86_CS, &cs);
	if (cs.base != sregs->cs.base)
		vcpu->io_rip = IO_RIP_GONE;
	for (seg = 0; seg < NR_SEGS; seg++) {
		struct x86_segment segment;

		from_user_segment(sregs_segment(&copy, seg), &segment);
		backend->set_segment(vcpu, seg, &segment);
	}
	cpuid_update(vcpu, crs.cr4);
	return 0;
}

/**
 * vcpu_set_sregs - serve SET_SREGS
 * @vcpu: the vCPU
 * @sregs: the registers
 *
 * Return: 0; -EINVAL: control registers that contradict each other, or a bit
 * the guest cannot have; nothing is changed then.
 */
int vcpu_set_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs)
{
	int ret = set_sregs(vcpu, sregs, NULL);

	if (!ret)
		set_interrupt_bitmap(vcpu, sregs);
	return ret;
}

/* Both structures begin with the same registers. */
#define SREGS_COMMON	offsetof(struct minivmm_sregs2, flags)
static_assert(offsetof(struct minivmm_sregs, interrupt_bitmap) == SREGS_COMMON);

/**
 * vcpu_get_sregs2 - serve GET_SREGS2
 * @vcpu: the vCPU
 * @sregs2: gets the registers
 */
void vcpu_get_sregs2(struct vcpu *vcpu, struct minivmm_sregs2 *sregs2)
{
	struct vcpu_control_regs crs;
	struct minivmm_sregs sregs;

	vcpu_get_sregs(vcpu, &sregs);
	memset(sregs2, 0, sizeof(*sregs2));
	memcpy(sregs2, &sregs, SREGS_COMMON);
	backend->get_crs(vcpu, &crs);
	if (!is_pae(&crs, vcpu->efer))
		return;
	backend->get_pdptrs(vcpu);
	memcpy(sregs2->pdptrs, vcpu->pdptr, sizeof(sregs2->pdptrs));
	sregs2->flags = MINIVMM_SREGS2_FLAGS_PDPTRS_VALID;
}

/**
 * vcpu_set_sregs2 - serve SET_SREGS2
 * @vcpu: the vCPU
 * @sregs2: the registers
 *
 * Return: 0; -EINVAL: as SET_SREGS, or pointers of PAE paging without it.
 */
int vcpu_set_sregs2(struct vcpu *vcpu, const struct minivmm_sregs2 *sregs2)
{
	struct vcpu_control_regs crs = { .cr0 = sregs2->cr0, .cr4 = sregs2->cr4 };
	bool valid = sregs2->flags & MINIVMM_SREGS2_FLAGS_PDPTRS_VALID;
	struct minivmm_sregs sregs = {};

	if (sregs2->flags & ~MINIVMM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (valid && !is_pae(&crs, sregs2->efer))
		return -EINVAL;
	memcpy(&sregs, sregs2, SREGS_COMMON);
	return set_sregs(vcpu, &sregs, valid ? sregs2->pdptrs : NULL);
}
