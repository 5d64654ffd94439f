// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC, as far as the processor virtualizes it.
 *
 * A page, the virtual-APIC page, has registers at the same offsets as the
 * xAPIC. Where the guest's is an x2APIC, the processor itself takes interrupts
 * from the IRR there, whenever the guest's priority and RFLAGS.IF let them in,
 * and does EOIs: neither needs an exit, but for EOIs that an I/O APIC wants to
 * know of. For an xAPIC it is the task priority alone, by CR8: raising it costs
 * nothing, lowering it an exit if an interrupt waits for that.
 *
 * The page is the processor's, and nobody else may write to it, while the guest
 * runs. So what lapic.c has is lent to the page before an entry, and taken back
 * before anybody here looks at it again: at the end of the window, or when the
 * guest uses a register that is lapic.c's. What others send meanwhile waits in
 * lapic.c and makes the vCPU exit (deliver.c), as without all this.
 *
 * SDM: "APIC Virtualization and Virtual Interrupts".
 */
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "vmx.h"
#include "vmcs.h"

static bool apicv = true;
module_param(apicv, bool, 0444);
MODULE_PARM_DESC(apicv, "Let the processor virtualize local APICs, if it can");

#define X2APIC_MSR(offset)	(LAPIC_MSR_FIRST + (offset) / 16)

/**
 * vmx_apicv_choose - use all of it, or the task priority, or nothing
 * @caps: its controls are as the processor allows them
 */
void vmx_apicv_choose(struct vmx_caps *caps)
{
	if (!apicv)
		caps->cpu &= ~CPU_BASED_TPR_SHADOW;
	if (!(caps->cpu & CPU_BASED_TPR_SHADOW) ||
	    (caps->cpu2 & APICV_CPU2) != APICV_CPU2)
		caps->cpu2 &= ~APICV_CPU2;
}

/**
 * vmx_apicv_alloc - get the virtual-APIC page, if it is of use
 * @vx: a new vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int vmx_apicv_alloc(struct vmx_vcpu *vx)
{
	if (!vcpu_has_lapic(&vx->vcpu) ||
	    !(vmx_caps.cpu & CPU_BASED_TPR_SHADOW))
		return 0;
	vx->apicv.page = (u32 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vx->apicv.page ? 0 : -ENOMEM;
}

/**
 * vmx_apicv_free - undo vmx_apicv_alloc()
 * @vx: the vCPU
 */
void vmx_apicv_free(struct vmx_vcpu *vx)
{
	free_page((unsigned long)vx->apicv.page);
}

static enum apicv_mode wanted_mode(const struct vmx_vcpu *vx)
{
	u64 base = vx->vcpu.irq.apic.base;

	if (!vx->apicv.page || !(base & LAPIC_BASE_ENABLE))
		return APICV_NONE;
	/* A debugger that keeps interrupts away is not the processor's business. */
	if (base & LAPIC_BASE_X2APIC &&
	    vmx_has_cpu2(SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) &&
	    !vcpu_debugged(&vx->vcpu, MINIVMM_GUESTDBG_BLOCKIRQ))
		return APICV_X2APIC;
	return APICV_TPR;
}

static void intercept_read(struct vmx_vcpu *vx, u32 offset, bool intercept)
{
	__assign_bit(X2APIC_MSR(offset), vx->msr_bitmap, intercept);
}

/**
 * vmx_apicv_intercept - choose which registers of an x2APIC exit
 * @vx: the vCPU
 *
 * What is kept in the page the guest reads there; TPR and EOI it writes as well.
 */
void vmx_apicv_intercept(struct vmx_vcpu *vx)
{
	bool intercept = vx->apicv.mode != APICV_X2APIC;
	u32 offset;

	for (offset = LAPIC_ISR; offset < LAPIC_ESR; offset += 16)
		intercept_read(vx, offset, intercept);
	intercept_read(vx, LAPIC_PPR, intercept);
	vmx_msr_intercept(vx, X2APIC_MSR(LAPIC_TPR), intercept);
	/* It cannot be read: that is for us to say. */
	vmx_msr_intercept(vx, X2APIC_MSR(LAPIC_EOI), intercept);
	intercept_read(vx, LAPIC_EOI, true);
}

static void write_eoi_exits(const u64 *eoi_exits)
{
	vmcs_write64(EOI_EXIT_BITMAP0, eoi_exits[0]);
	vmcs_write64(EOI_EXIT_BITMAP1, eoi_exits[1]);
	vmcs_write64(EOI_EXIT_BITMAP2, eoi_exits[2]);
	vmcs_write64(EOI_EXIT_BITMAP3, eoi_exits[3]);
}

static void write_controls(struct vmx_vcpu *vx, enum apicv_mode mode)
{
	const u32 cr8_exits = CPU_BASED_CR8_LOAD_EXITING |
			      CPU_BASED_CR8_STORE_EXITING;
	u32 cpu = vx->controls.cpu, cpu2;

	if (mode == APICV_NONE)
		cpu = (cpu & ~CPU_BASED_TPR_SHADOW) | cr8_exits;
	else
		cpu = (cpu & ~cr8_exits) | CPU_BASED_TPR_SHADOW;
	vx->controls.cpu = cpu;
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, cpu);
	if (!vmx_has_cpu2(SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY))
		return;
	cpu2 = vmcs_read32(SECONDARY_VM_EXEC_CONTROL) & ~APICV_CPU2;
	if (mode == APICV_X2APIC)
		cpu2 |= APICV_CPU2;
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, cpu2);
}

/**
 * vmx_apicv_update - follow the mode of the guest's local APIC
 * @vx: about to enter, its VMCS is current; nothing is lent
 */
void vmx_apicv_update(struct vmx_vcpu *vx)
{
	enum apicv_mode mode = wanted_mode(vx);

	if (likely(mode == vx->apicv.mode))
		return;
	vx->apicv.mode = mode;
	write_controls(vx, mode);
	vmx_apicv_intercept(vx);
	if (mode != APICV_NONE)
		vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, __pa(vx->apicv.page));
	if (mode == APICV_X2APIC)
		write_eoi_exits(vx->apicv.eoi_exits);
	vx->apicv.threshold = 0;
	vmcs_write32(TPR_THRESHOLD, 0);
}

/* Returns the highest vector of ISR or IRR in the page; 0: there is none. */
static u8 highest_vector(const struct vmx_vcpu *vx, u32 offset)
{
	return max(lapic_highest_vector(vx->apicv.page, offset), 0);
}

/* The exit that a lower priority causes, if something waits for it. */
static void write_threshold(struct vmx_vcpu *vx)
{
	u32 tpr = vx->apicv.page[LAPIC_TPR / 4] >> 4 & 15;
	u32 waits = highest_vector(vx, LAPIC_IRR) >> 4;
	u32 threshold = waits <= tpr ? waits : 0;

	if (threshold == vx->apicv.threshold)
		return;
	vx->apicv.threshold = threshold;
	vmcs_write32(TPR_THRESHOLD, threshold);
}

/**
 * vmx_apicv_lend - give the processor what waits, is in service, and masks
 * @vx: about to enter, its VMCS is current, interrupts are off
 */
void vmx_apicv_lend(struct vmx_vcpu *vx)
{
	struct vmx_apicv *a = &vx->apicv;
	u64 eoi_exits[4];
	u16 status;

	vcpu_apic_lend(&vx->vcpu, a->page, eoi_exits);
	a->lent = true;
	if (a->mode == APICV_TPR) {
		write_threshold(vx);
		return;
	}
	if (unlikely(memcmp(a->eoi_exits, eoi_exits, sizeof(eoi_exits)))) {
		memcpy(a->eoi_exits, eoi_exits, sizeof(eoi_exits));
		write_eoi_exits(eoi_exits);
	}
	/* With this the entry begins to look for an interrupt to deliver. */
	status = highest_vector(vx, LAPIC_IRR) |
		 highest_vector(vx, LAPIC_ISR) << 8;
	vmcs_write16(GUEST_INTR_STATUS, status);
}

/**
 * vmx_apicv_take_back - undo vmx_apicv_lend()
 * @vx: out of the guest; interrupts are off
 *
 * The next entry lends it again.
 */
void vmx_apicv_take_back(struct vmx_vcpu *vx)
{
	if (!vx->apicv.lent)
		return;
	vx->apicv.lent = false;
	vcpu_apic_take_back(&vx->vcpu, vx->apicv.page);
	set_bit(VCPU_REQ_INTERRUPT, &vx->vcpu.irq.requests);
}

/**
 * vmx_apicv_msr - the guest uses an MSR of its x2APIC, and it exits
 * @vx: the vCPU
 * @msr: the MSR
 *
 * Where the task priority alone is in hardware, all of them do.
 */
void vmx_apicv_msr(struct vmx_vcpu *vx, u32 msr)
{
	if (msr >= X2APIC_MSR(LAPIC_TPR) && msr < X2APIC_MSR(LAPIC_ESR))
		vmx_apicv_take_back(vx);
}

/**
 * vmx_exit_tpr_below_threshold - an interrupt has waited for a lower priority
 * @vx: the vCPU
 *
 * Return: 1.
 */
int vmx_exit_tpr_below_threshold(struct vmx_vcpu *vx)
{
	vmx_apicv_take_back(vx);
	return 1;
}

/**
 * vmx_exit_eoi - the processor has done an EOI that somebody waits for
 * @vx: the vCPU; the instruction is behind it
 *
 * Return: 1.
 */
int vmx_exit_eoi(struct vmx_vcpu *vx)
{
	u8 vector = vmcs_readl(EXIT_QUALIFICATION);

	vmx_apicv_take_back(vx);
	vcpu_apic_ended(&vx->vcpu, vector);
	return 1;
}
