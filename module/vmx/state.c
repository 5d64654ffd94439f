// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's state in the VMCS.
 *
 * Control registers are split: some bits are the guest's own, others are ours,
 * and then the guest reads a shadow of what it wrote. A write that changes one
 * of ours exits (control_regs.c). Segments, descriptor tables and some MSRs are
 * simply fields.
 *
 * SDM: "Guest-State Area", "Guest/Host Masks and Read Shadows for CR0 and CR4",
 * "Checks on the Guest State Area".
 */
#include <linux/sched.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "vmx.h"
#include "vmcs.h"

/* Bits that a guest changes without an exit: they matter to itself alone. */
#define CR0_GUEST_OWNED	(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_WP | \
			 X86_CR0_AM)
#define CR4_GUEST_OWNED	(X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | \
			 X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | \
			 X86_CR4_OSXMMEXCPT)

/* Bits that say how linear addresses are translated. */
#define CR4_TRANSLATION	(X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | \
			 X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP | \
			 X86_CR4_PKE | X86_CR4_LA57)

/**
 * vmx_write_cr_masks - say which bits of CR0 and CR4 are the guest's own
 *
 * The VMCS is current and new.
 */
void vmx_write_cr_masks(void)
{
	vmcs_writel(CR0_GUEST_HOST_MASK, ~CR0_GUEST_OWNED);
	vmcs_writel(CR4_GUEST_HOST_MASK, ~CR4_GUEST_OWNED);
}

/* The fields of the segment registers, by their number here. */
static const struct {
	u16 selector;
	u16 base;
	u16 limit;
	u16 ar;
} segment_fields[NR_SEGS] = {
#define SEGMENT(seg, name)						\
	[seg] = { GUEST_##name##_SELECTOR, GUEST_##name##_BASE,		\
		  GUEST_##name##_LIMIT, GUEST_##name##_AR_BYTES }
	SEGMENT(X86_ES, ES), SEGMENT(X86_CS, CS), SEGMENT(X86_SS, SS),
	SEGMENT(X86_DS, DS), SEGMENT(X86_FS, FS), SEGMENT(X86_GS, GS),
	SEGMENT(SEG_LDTR, LDTR), SEGMENT(SEG_TR, TR),
};

/**
 * vmx_cache_reg - fetch RSP, RIP or RFLAGS
 * @vcpu: the vCPU
 * @reg: which
 */
void vmx_cache_reg(struct vcpu *vcpu, enum cached_reg reg)
{
	vmx_get(to_vmx(vcpu));
	switch (reg) {
	case CACHED_RSP:
		vcpu->regs[X86_RSP] = vmcs_readl(GUEST_RSP);
		break;
	case CACHED_RIP:
		vcpu->rip = vmcs_readl(GUEST_RIP);
		break;
	case CACHED_RFLAGS:
		vcpu->rflags = vmcs_readl(GUEST_RFLAGS);
		break;
	default:
		break;
	}
	vmx_put();
}

/**
 * vmx_get_cr0 - CR0 as the guest sees it
 * @vx: the vCPU, its VMCS is current
 */
unsigned long vmx_get_cr0(struct vmx_vcpu *vx)
{
	return (vmcs_readl(GUEST_CR0) & CR0_GUEST_OWNED) |
	       (vx->cr0_shadow & ~CR0_GUEST_OWNED);
}

/**
 * vmx_get_cr4 - CR4 as the guest sees it
 * @vx: the vCPU, its VMCS is current
 */
unsigned long vmx_get_cr4(struct vmx_vcpu *vx)
{
	return (vmcs_readl(GUEST_CR4) & CR4_GUEST_OWNED) |
	       (vx->cr4_shadow & ~CR4_GUEST_OWNED);
}

/**
 * vmx_set_cr0 - write CR0
 * @vx: the vCPU, its VMCS is current
 * @cr0: a valid value
 */
void vmx_set_cr0(struct vmx_vcpu *vx, unsigned long cr0)
{
	/*
	 * VT-x wants NE. CD would slow down real memory, whose type is the
	 * host's business: the guest sees it and it does nothing.
	 */
	vmcs_writel(GUEST_CR0, (cr0 & ~(X86_CR0_CD | X86_CR0_NW)) |
			       X86_CR0_NE | X86_CR0_ET);
	vx->cr0_shadow = cr0;
	vmcs_writel(CR0_READ_SHADOW, cr0);
	vx->vcpu.cached &= ~CACHED_CRS;
	vx->flush_vpid = true;
}

/**
 * vmx_set_cr4 - write CR4
 * @vx: the vCPU, its VMCS is current
 * @cr4: a valid value
 */
void vmx_set_cr4(struct vmx_vcpu *vx, unsigned long cr4)
{
	unsigned long old = vmcs_readl(GUEST_CR4);

	/* VT-x wants VMXE; a machine check must reach the host whatever MCE. */
	vmcs_writel(GUEST_CR4, cr4 | X86_CR4_VMXE |
			       (__read_cr4() & X86_CR4_MCE));
	vx->cr4_shadow = cr4;
	vmcs_writel(CR4_READ_SHADOW, cr4);
	vx->vcpu.cached &= ~CACHED_CRS;
	if ((old ^ cr4) & CR4_TRANSLATION)
		vx->flush_vpid = true;
}

/**
 * vmx_set_efer - write EFER, LMA included
 * @vx: the vCPU, its VMCS is current
 * @efer: a valid value
 */
void vmx_set_efer(struct vmx_vcpu *vx, u64 efer)
{
	u32 entry = vmx_caps.entry;

	vx->vcpu.efer = efer;
	vmcs_write64(GUEST_IA32_EFER, efer);
	if (efer & EFER_LMA)
		entry |= VM_ENTRY_IA32E_MODE;
	if (entry != vx->controls.entry) {
		vx->controls.entry = entry;
		vmcs_write32(VM_ENTRY_CONTROLS, entry);
	}
	/* SWAPGS and SYSCALL exist in long mode alone (switch.c). */
	vx->guest_syscall = efer & EFER_LMA;
	vmx_msr_intercept(vx, MSR_KERNEL_GS_BASE, !vx->guest_syscall);
	vx->flush_vpid = true;
}

/**
 * vmx_write_pdptrs - put the vCPU's PAE page-directory pointers into the VMCS
 * @vx: the vCPU, its VMCS is current
 */
void vmx_write_pdptrs(struct vmx_vcpu *vx)
{
	vmcs_write64(GUEST_PDPTR0, vx->vcpu.pdptr[0]);
	vmcs_write64(GUEST_PDPTR1, vx->vcpu.pdptr[1]);
	vmcs_write64(GUEST_PDPTR2, vx->vcpu.pdptr[2]);
	vmcs_write64(GUEST_PDPTR3, vx->vcpu.pdptr[3]);
}

/**
 * vmx_get_pdptrs - fetch the PAE page-directory pointers into the vCPU
 * @vcpu: the vCPU; MOV to CR3 loads them without an exit
 */
void vmx_get_pdptrs(struct vcpu *vcpu)
{
	vmx_get(to_vmx(vcpu));
	vcpu->pdptr[0] = vmcs_read64(GUEST_PDPTR0);
	vcpu->pdptr[1] = vmcs_read64(GUEST_PDPTR1);
	vcpu->pdptr[2] = vmcs_read64(GUEST_PDPTR2);
	vcpu->pdptr[3] = vmcs_read64(GUEST_PDPTR3);
	vmx_put();
}

/**
 * vmx_tsc_changed - put the time stamp counter's rate and offset into force
 * @vcpu: the vCPU
 */
void vmx_tsc_changed(struct vcpu *vcpu)
{
	vmx_get(to_vmx(vcpu));
	vmcs_write64(TSC_OFFSET, vcpu->tsc.offset);
	if (vmx_can_scale_tsc())
		vmcs_write64(TSC_MULTIPLIER, vcpu->tsc.ratio);
	vmx_put();
}

/**
 * vmx_has_timer - whether the processor has a timer that ends the guest
 */
bool vmx_has_timer(void)
{
	return vmx_caps.timer;
}

/**
 * vmx_can_scale_tsc - whether a guest's counter can have a rate of its own
 */
bool vmx_can_scale_tsc(void)
{
	return vmx_has_cpu2(SECONDARY_EXEC_TSC_SCALING);
}

/**
 * vmx_debug_changed - put breakpoints and single-stepping into force
 * @vcpu: the vCPU
 */
void vmx_debug_changed(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);
	u32 exceptions = EXCEPTIONS_ALWAYS;

	vx->controls.cpu &= ~CPU_BASED_MONITOR_TRAP_FLAG;
	if (vcpu_debugged(vcpu, MINIVMM_GUESTDBG_SINGLESTEP))
		vx->controls.cpu |= CPU_BASED_MONITOR_TRAP_FLAG;
	if (vcpu_debugged(vcpu, MINIVMM_GUESTDBG_USE_SW_BP))
		exceptions |= BIT(X86_TRAP_BP);
	vmx_get(vx);
	vmcs_writel(GUEST_DR7, vcpu_dr7_in_force(vcpu));
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, vx->controls.cpu);
	vmcs_write32(EXCEPTION_BITMAP, exceptions);
	vmx_put();
}

/**
 * vmx_can_single_step - whether a guest can be stopped after each instruction
 */
bool vmx_can_single_step(void)
{
	return vmx_caps.monitor_trap;
}

/* The VMCS is current. */
static void cache_crs(struct vmx_vcpu *vx)
{
	if (vx->vcpu.cached & CACHED_CRS)
		return;
	vx->crs.cr0 = vmx_get_cr0(vx);
	vx->crs.cr3 = vmcs_readl(GUEST_CR3);
	vx->crs.cr4 = vmx_get_cr4(vx);
	vx->vcpu.cached |= CACHED_CRS;
}

/**
 * vmx_get_crs - read the control registers
 * @vcpu: the vCPU
 * @crs: gets them
 */
void vmx_get_crs(struct vcpu *vcpu, struct vcpu_control_regs *crs)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);

	vmx_get(vx);
	cache_crs(vx);
	vmx_put();
	*crs = vx->crs;
}

/**
 * vmx_set_crs - write the control registers, and EFER from the vCPU
 * @vcpu: the vCPU; its pdptr[] is right for @crs
 * @crs: valid values
 */
void vmx_set_crs(struct vcpu *vcpu, const struct vcpu_control_regs *crs)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);

	vmx_get(vx);
	vmx_set_efer(vx, vcpu->efer);
	vmx_set_cr0(vx, crs->cr0);
	vmcs_writel(GUEST_CR3, crs->cr3);
	vmx_set_cr4(vx, crs->cr4);
	vmx_write_pdptrs(vx);
	vmx_put();
}

/**
 * vmx_get_segment - read a segment register
 * @vcpu: the vCPU
 * @seg: its number
 * @segment: gets it
 */
void vmx_get_segment(struct vcpu *vcpu, unsigned int seg,
		     struct x86_segment *segment)
{
	vmx_get(to_vmx(vcpu));
	segment->base = vmcs_read(segment_fields[seg].base);
	segment->limit = vmcs_read(segment_fields[seg].limit);
	segment->selector = vmcs_read(segment_fields[seg].selector);
	segment->ar = vmcs_read(segment_fields[seg].ar);
	vmx_put();
}

/**
 * vmx_set_segment - write a segment register
 * @vcpu: the vCPU
 * @seg: its number
 * @segment: the value; nonsense in it fails the next VM entry
 */
void vmx_set_segment(struct vcpu *vcpu, unsigned int seg,
		     const struct x86_segment *segment)
{
	u32 ar = segment->ar;

	/*
	 * VT-x wants the accessed bit, which the processor sets when it loads
	 * a segment; owners that write the hidden part tend to forget it.
	 */
	if (seg != SEG_LDTR && !(ar & X86_AR_UNUSABLE))
		ar |= 1;
	vmx_get(to_vmx(vcpu));
	vmcs_write(segment_fields[seg].base, segment->base);
	vmcs_write(segment_fields[seg].limit, segment->limit);
	vmcs_write(segment_fields[seg].selector, segment->selector);
	vmcs_write(segment_fields[seg].ar, ar);
	vmx_put();
	vcpu->cached &= ~CACHED_AR;
}

/**
 * vmx_get_table - read GDTR or IDTR
 * @vcpu: the vCPU
 * @idt: IDTR
 * @base: gets the address
 * @limit: gets the limit
 */
void vmx_get_table(struct vcpu *vcpu, bool idt, u64 *base, u16 *limit)
{
	vmx_get(to_vmx(vcpu));
	if (idt) {
		*base = vmcs_readl(GUEST_IDTR_BASE);
		*limit = vmcs_read32(GUEST_IDTR_LIMIT);
	} else {
		*base = vmcs_readl(GUEST_GDTR_BASE);
		*limit = vmcs_read32(GUEST_GDTR_LIMIT);
	}
	vmx_put();
}

/**
 * vmx_set_table - write GDTR or IDTR
 * @vcpu: the vCPU
 * @idt: IDTR
 * @base: address
 * @limit: limit
 */
void vmx_set_table(struct vcpu *vcpu, bool idt, u64 base, u16 limit)
{
	vmx_get(to_vmx(vcpu));
	if (idt) {
		vmcs_writel(GUEST_IDTR_BASE, base);
		vmcs_write32(GUEST_IDTR_LIMIT, limit);
	} else {
		vmcs_writel(GUEST_GDTR_BASE, base);
		vmcs_write32(GUEST_GDTR_LIMIT, limit);
	}
	vmx_put();
}

/**
 * vmx_get_msr - read an MSR that is in the VMCS
 * @vcpu: the vCPU
 * @index: the MSR
 * @data: gets the value
 *
 * Return: 0; 1: there is no such MSR.
 */
int vmx_get_msr(struct vcpu *vcpu, u32 index, u64 *data)
{
	int ret = 0;

	vmx_get(to_vmx(vcpu));
	switch (index) {
	case MSR_FS_BASE:
		*data = vmcs_readl(GUEST_FS_BASE);
		break;
	case MSR_GS_BASE:
		*data = vmcs_readl(GUEST_GS_BASE);
		break;
	case MSR_IA32_SYSENTER_CS:
		*data = vmcs_read32(GUEST_SYSENTER_CS);
		break;
	case MSR_IA32_SYSENTER_ESP:
		*data = vmcs_readl(GUEST_SYSENTER_ESP);
		break;
	case MSR_IA32_SYSENTER_EIP:
		*data = vmcs_readl(GUEST_SYSENTER_EIP);
		break;
	default:
		ret = 1;
	}
	vmx_put();
	return ret;
}

/**
 * vmx_set_msr - write an MSR that is in the VMCS, or EFER
 * @vcpu: the vCPU
 * @index: the MSR
 * @data: a canonical value
 *
 * Return: 0; 1: there is no such MSR.
 */
int vmx_set_msr(struct vcpu *vcpu, u32 index, u64 data)
{
	int ret = 0;

	vmx_get(to_vmx(vcpu));
	switch (index) {
	case MSR_EFER:
		vmx_set_efer(to_vmx(vcpu), data);
		break;
	case MSR_FS_BASE:
		vmcs_writel(GUEST_FS_BASE, data);
		break;
	case MSR_GS_BASE:
		vmcs_writel(GUEST_GS_BASE, data);
		break;
	case MSR_IA32_SYSENTER_CS:
		vmcs_write32(GUEST_SYSENTER_CS, data);
		break;
	case MSR_IA32_SYSENTER_ESP:
		vmcs_writel(GUEST_SYSENTER_ESP, data);
		break;
	case MSR_IA32_SYSENTER_EIP:
		vmcs_writel(GUEST_SYSENTER_EIP, data);
		break;
	default:
		ret = 1;
	}
	vmx_put();
	return ret;
}

/* The VMCS is current. */
static void cache_ar(struct vmx_vcpu *vx)
{
	if (vx->vcpu.cached & CACHED_AR)
		return;
	vx->cs_ar = vmcs_read32(GUEST_CS_AR_BYTES);
	vx->ss_ar = vmcs_read32(GUEST_SS_AR_BYTES);
	vx->vcpu.cached |= CACHED_AR;
}

/* RFLAGS and access rights are cached. */
static unsigned int cached_cpl(const struct vmx_vcpu *vx)
{
	if (vx->vcpu.rflags & X86_EFLAGS_VM)
		return 3;
	return vx->ss_ar >> X86_AR_DPL_SHIFT & 3;
}

static unsigned int cached_mode(const struct vmx_vcpu *vx)
{
	if (vx->vcpu.efer & EFER_LMA && vx->cs_ar & X86_AR_L)
		return 64;
	return vx->cs_ar & X86_AR_DB ? 32 : 16;
}

/**
 * vmx_cpl - current privilege level
 * @vcpu: the vCPU
 */
unsigned int vmx_cpl(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);

	vmx_get(vx);
	vmx_cache_rip_and_rflags(vcpu);
	cache_ar(vx);
	vmx_put();
	return cached_cpl(vx);
}

/**
 * vmx_mode - size of the code that runs
 * @vcpu: the vCPU
 *
 * Return: 64, 32 or 16.
 */
unsigned int vmx_mode(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);

	vmx_get(vx);
	cache_ar(vx);
	vmx_put();
	return cached_mode(vx);
}

/**
 * vmx_cache_rip_and_rflags - fetch both, as most exits need them
 * @vcpu: the vCPU, its VMCS is current
 */
void vmx_cache_rip_and_rflags(struct vcpu *vcpu)
{
	if (!(vcpu->cached & CACHED_RIP))
		vcpu->rip = vmcs_readl(GUEST_RIP);
	if (!(vcpu->cached & CACHED_RFLAGS))
		vcpu->rflags = vmcs_readl(GUEST_RFLAGS);
	vcpu->cached |= CACHED_RIP | CACHED_RFLAGS;
}

/**
 * vmx_load_emulator - give the emulator and the page walk what they look at
 * @vcpu: the vCPU; its exit's linear address is read too, if it is valid
 */
void vmx_load_emulator(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);
	struct x86_emulator *e = &vcpu->emulator;
	struct x86_paging *paging = &vcpu->paging;

	vmx_get(vx);
	vmx_cache_rip_and_rflags(vcpu);
	if (!(vcpu->cached & CACHED_RSP))
		vcpu->regs[X86_RSP] = vmcs_readl(GUEST_RSP);
	vcpu->cached |= CACHED_RSP;
	cache_crs(vx);
	cache_ar(vx);
	if (vcpu->exit.gva_valid)
		vcpu->exit.gva = vmcs_readl(GUEST_LINEAR_ADDRESS);
	vmx_put();
	e->cpl = cached_cpl(vx);
	e->mode = cached_mode(vx);
	memcpy(e->regs, vcpu->regs, sizeof(e->regs));
	e->rip = vcpu->rip;
	e->rflags = vcpu->rflags;
	e->cr0 = vx->crs.cr0;
	e->cr4 = vx->crs.cr4;
	e->efer = vcpu->efer;
	paging->cr0 = vx->crs.cr0;
	paging->cr3 = vx->crs.cr3;
	paging->cr4 = vx->crs.cr4;
	paging->efer = vcpu->efer;
	paging->rflags = vcpu->rflags;
	paging->maxphyaddr = vcpu->cpuid.maxphyaddr;
}

/**
 * vmx_cpuid_changed - let the guest use the instructions its CPUID names
 * @vcpu: the vCPU
 */
void vmx_cpuid_changed(struct vcpu *vcpu)
{
	u32 cpu2;

	vmx_get(to_vmx(vcpu));
	cpu2 = vmcs_read32(SECONDARY_VM_EXEC_CONTROL);
	cpu2 &= ~(SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID);
	if (vcpu->cpuid.tsc_aux)
		cpu2 |= vmx_caps.cpu2 & SECONDARY_EXEC_ENABLE_RDTSCP;
	if (vcpu->cpuid.invpcid)
		cpu2 |= vmx_caps.cpu2 & SECONDARY_EXEC_ENABLE_INVPCID;
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, cpu2);
	vmx_put();
}
