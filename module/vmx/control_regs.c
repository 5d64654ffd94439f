// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits of the guest's accesses to control and debug registers, and of XSETBV.
 *
 * Only what we have a say in comes here: bits of CR0 and CR4 that are ours, CR8
 * (the task priority, which the owner keeps), and all debug registers, because
 * the host has its own breakpoints in them. The rules are the architecture's:
 * a bad value is #GP, and what it changes in the way of paging takes effect.
 *
 * SDM: "MOV - Move to/from Control Registers", "Initializing IA-32e Mode",
 * "Debug Registers", "Exit Qualification for Control-Register Accesses".
 */
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>
#include <asm/trapnr.h>

#include "vmx.h"
#include "vmcs.h"

/* Bits whose change makes the processor read the PAE pointers again. */
#define CR0_PDPTR_BITS	(X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)
#define CR4_PDPTR_BITS	(X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP)

/* What an access by MOV, CLTS or LMSW is, in the exit qualification. */
enum { ACCESS_MOV_TO, ACCESS_MOV_FROM, ACCESS_CLTS, ACCESS_LMSW };

static int general_protection(struct vcpu *vcpu)
{
	vcpu_queue_exception_error(vcpu, X86_TRAP_GP, 0);
	return 1;
}

static bool pae_paging(unsigned long cr0, unsigned long cr4, u64 efer)
{
	return cr0 & X86_CR0_PG && cr4 & X86_CR4_PAE && !(efer & EFER_LMA);
}

/* Whether paging may be switched on or off as @cr0 asks. */
static bool paging_change_is_valid(struct vmx_vcpu *vx, unsigned long cr0)
{
	const struct vcpu *vcpu = &vx->vcpu;
	unsigned long cr4 = vmx_get_cr4(vx);
	bool code64 = vmcs_read32(GUEST_CS_AR_BYTES) & X86_AR_L;

	if (cr0 & X86_CR0_PG)
		return !(vcpu->efer & EFER_LME) ||
		       (cr4 & X86_CR4_PAE && !code64);
	return !(vcpu->efer & EFER_LMA && code64) && !(cr4 & X86_CR4_PCIDE);
}

/* Long mode begins and ends with paging. TR must be a 64-bit TSS there. */
static void update_lma(struct vmx_vcpu *vx, unsigned long cr0)
{
	u64 efer = vx->vcpu.efer & ~EFER_LMA;
	u32 tr;

	if (cr0 & X86_CR0_PG && efer & EFER_LME) {
		efer |= EFER_LMA;
		tr = vmcs_read32(GUEST_TR_AR_BYTES);
		vmcs_write32(GUEST_TR_AR_BYTES, (tr & ~0xf) | 0xb);
	}
	vmx_set_efer(vx, efer);
}

/*
 * Puts new PAE pointers into force. Reading them may sleep: that was done before
 * (@thread), or has to be done outside the window. 1: done; EXIT_SLOW: not here;
 * 0: the guest gets #GP.
 */
static int load_pdptrs(struct vmx_vcpu *vx, bool thread)
{
	if (!thread)
		return EXIT_SLOW;
	if (!vx->pdptrs_valid)
		return 0;
	vmx_write_pdptrs(vx);
	return 1;
}

static int write_guest_cr0(struct vmx_vcpu *vx, unsigned long cr0, bool thread)
{
	struct vcpu *vcpu = &vx->vcpu;
	unsigned long changed = cr0 ^ vmx_get_cr0(vx);
	u64 efer = vcpu->efer & EFER_LME ? EFER_LMA : 0;
	int ret;

	if (!cr0_is_valid(cr0))
		return general_protection(vcpu);
	if (changed & X86_CR0_PG && !paging_change_is_valid(vx, cr0))
		return general_protection(vcpu);
	if (changed & CR0_PDPTR_BITS && pae_paging(cr0, vmx_get_cr4(vx), efer)) {
		ret = load_pdptrs(vx, thread);
		if (ret == EXIT_SLOW)
			return ret;
		if (!ret)
			return general_protection(vcpu);
	}
	/* Bits that do not exist are ignored, even by the processor. */
	cr0 &= 0xe005003f;
	vmx_set_cr0(vx, cr0 | X86_CR0_ET);
	/* In long mode other registers are switched: begin a new window. */
	if (changed & X86_CR0_PG)
		update_lma(vx, cr0);
	vmx_skip_instruction(vcpu);
	return changed & X86_CR0_PG ? EXIT_LEAVE : 1;
}

static int write_guest_cr4(struct vmx_vcpu *vx, unsigned long cr4, bool thread)
{
	struct vcpu *vcpu = &vx->vcpu;
	unsigned long changed = cr4 ^ vmx_get_cr4(vx);
	bool long_mode = vcpu->efer & EFER_LMA;

	if (!cr4_is_valid(vcpu, cr4))
		return general_protection(vcpu);
	if (long_mode && !(cr4 & X86_CR4_PAE))
		return general_protection(vcpu);
	if (changed & cr4 & X86_CR4_PCIDE &&
	    (!long_mode || vmcs_readl(GUEST_CR3) & 0xfff))
		return general_protection(vcpu);
	if (changed & CR4_PDPTR_BITS &&
	    pae_paging(vmx_get_cr0(vx), cr4, vcpu->efer)) {
		int ret = load_pdptrs(vx, thread);

		if (ret == EXIT_SLOW)
			return ret;
		if (!ret)
			return general_protection(vcpu);
	}
	vmx_set_cr4(vx, cr4);
	if (changed & X86_CR4_OSXSAVE)
		cpuid_update(vcpu, cr4);
	vmx_skip_instruction(vcpu);
	/* XCR0 may have to be switched now: begin a new window. */
	return changed & X86_CR4_OSXSAVE ? EXIT_LEAVE : 1;
}

/* The owner keeps the interrupt controller: it hears of a lower priority. */
static int write_guest_cr8(struct vmx_vcpu *vx, unsigned long cr8)
{
	struct vcpu *vcpu = &vx->vcpu;
	unsigned long old = vcpu->cr8;

	if (cr8 > 15)
		return general_protection(vcpu);
	if (vcpu_has_lapic(vcpu)) {
		vcpu_apic_set_cr8(vcpu, cr8);
		vmx_skip_instruction(vcpu);
		return 1;
	}
	vcpu->cr8 = cr8;
	vmx_skip_instruction(vcpu);
	if (cr8 >= old)
		return 1;
	vcpu->run->exit_reason = MINIVMM_EXIT_SET_TPR;
	return 0;
}

static int lmsw(struct vmx_vcpu *vx, u16 source, bool thread)
{
	unsigned long cr0 = vmx_get_cr0(vx);

	/* PE can be set but not cleared. */
	cr0 = (cr0 & ~0xeUL) | (source & 0xf);
	return write_guest_cr0(vx, cr0, thread);
}

static int cr_access(struct vmx_vcpu *vx, bool thread)
{
	struct vcpu *vcpu = &vx->vcpu;
	unsigned long qualification = vmcs_readl(EXIT_QUALIFICATION);
	unsigned int cr = qualification & 15;
	unsigned int reg = qualification >> 8 & 15;
	unsigned long value;

	switch (qualification >> 4 & 3) {
	case ACCESS_MOV_TO:
		value = vcpu_reg(vcpu, reg);
		if (vmx_mode(vcpu) != 64)
			value = (u32)value;
		if (cr == 0)
			return write_guest_cr0(vx, value, thread);
		if (cr == 4)
			return write_guest_cr4(vx, value, thread);
		if (cr == 8)
			return write_guest_cr8(vx, value);
		break;
	case ACCESS_MOV_FROM:
		if (cr != 8)
			break;
		vcpu_set_reg(vcpu, reg, vcpu_has_lapic(vcpu) ?
					vcpu_apic_cr8(vcpu) : vcpu->cr8);
		vmx_skip_instruction(vcpu);
		return 1;
	case ACCESS_CLTS:
		return write_guest_cr0(vx, vmx_get_cr0(vx) & ~X86_CR0_TS, thread);
	case ACCESS_LMSW:
		return lmsw(vx, qualification >> 16, thread);
	}
	return vcpu_unhandled_exit(vcpu);
}

/**
 * vmx_exit_cr - handle an access to a control register, inside the window
 * @vx: the vCPU
 *
 * Return: as a fast exit handler.
 */
int vmx_exit_cr(struct vmx_vcpu *vx)
{
	return cr_access(vx, false);
}

/**
 * vmx_exit_cr_slow - the same where the guest's memory has to be read
 * @vcpu: the vCPU
 *
 * Return: as a slow exit handler.
 */
int vmx_exit_cr_slow(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);
	unsigned long cr3;
	int ret;

	/* Read the pointers first, where we may sleep, then do the access. */
	vmx_get(vx);
	cr3 = vmcs_readl(GUEST_CR3);
	vmx_put();
	vx->pdptrs_valid = !vcpu_load_pdptrs(vcpu, cr3);
	vmx_get(vx);
	ret = cr_access(vx, true);
	vmx_put();
	return ret == EXIT_LEAVE ? 1 : ret;
}

static int read_dr(struct vcpu *vcpu, unsigned int dr, unsigned int reg)
{
	unsigned long value;

	if (dr < 4)
		value = vcpu->dr[dr];
	else
		value = dr == 6 ? vcpu->dr6 : vcpu->dr7;
	vcpu_set_reg(vcpu, reg, value);
	vmx_skip_instruction(vcpu);
	return 1;
}

static int write_dr(struct vcpu *vcpu, unsigned int dr, unsigned long value)
{
	if (dr < 4) {
		vcpu->dr[dr] = value;
	} else {
		if (value >> 32)
			return general_protection(vcpu);
		if (dr == 6) {
			vcpu->dr6 = (value & (DR_TRAP_BITS | 0xe000)) |
				    DR6_RESERVED;
		} else {
			vcpu->dr7 = (value & 0xffff2bff) | DR7_FIXED;
			vmcs_writel(GUEST_DR7, vcpu_dr7_in_force(vcpu));
		}
	}
	vmx_skip_instruction(vcpu);
	/* A new window loads the breakpoints. */
	return EXIT_LEAVE;
}

/**
 * vmx_exit_dr - handle an access to a debug register
 * @vx: the vCPU
 *
 * Return: as a fast exit handler.
 */
int vmx_exit_dr(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	unsigned long qualification = vmcs_readl(EXIT_QUALIFICATION);
	unsigned int dr = qualification & 7;
	unsigned int reg = qualification >> 8 & 15;

	/* DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE is set. */
	if (dr == 4 || dr == 5) {
		if (vmx_get_cr4(vx) & X86_CR4_DE) {
			vcpu_queue_exception(vcpu, X86_TRAP_UD);
			return 1;
		}
		dr += 2;
	}
	if (vcpu_dr7_in_force(vcpu) & DR7_GD) {
		if (vcpu_debugged(vcpu, MINIVMM_GUESTDBG_USE_HW_BP))
			return vcpu_debug_exit(vcpu, X86_TRAP_DB, DR6_BD);
		vcpu->dr7 &= ~DR7_GD;
		vmcs_writel(GUEST_DR7, vcpu->dr7);
		vcpu->dr6 |= DR6_BD;
		vcpu_queue_exception(vcpu, X86_TRAP_DB);
		return 1;
	}
	if (qualification & BIT(4))
		return read_dr(vcpu, dr, reg);
	return write_dr(vcpu, dr, vmx_mode(vcpu) == 64 ?
			vcpu_reg(vcpu, reg) : (u32)vcpu_reg(vcpu, reg));
}

/**
 * vmx_exit_xsetbv_slow - handle XSETBV
 * @vcpu: the vCPU, outside the window: XCR0 is switched with it
 *
 * Return: 1.
 */
int vmx_exit_xsetbv_slow(struct vcpu *vcpu)
{
	u64 value = (u32)vcpu->regs[X86_RAX] | vcpu->regs[X86_RDX] << 32;
	struct vcpu_control_regs crs;

	if (vmx_cpl(vcpu) || (u32)vcpu->regs[X86_RCX] ||
	    !guest_xcr0_is_valid(vcpu, value))
		return general_protection(vcpu);
	vcpu->xcr0 = value;
	vmx_get_crs(vcpu, &crs);
	cpuid_update(vcpu, crs.cr4);
	vmx_skip_instruction(vcpu);
	return 1;
}
