// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-modification logging: the processor itself notes what the guest writes.
 *
 * Whenever it sets the dirty flag of an EPT entry, it writes the address into a
 * page, from its end downwards, and exits when that is full. So the dirty log
 * (memory/dirty_log.c) costs one exit for 512 pages, where else the first write
 * to each page faults.
 *
 * It is on while a slot of the VM has a dirty log. What other slots' pages would
 * add is not noted: they are mapped with the dirty flag set. The page is emptied
 * at the end of the window (run.c), before interrupts are on again: who has
 * interrupted a vCPU finds all that it wrote in the slots' bitmaps.
 *
 * SDM: "Page-Modification Logging".
 */
#include "vmx.h"
#include "vmcs.h"

#define PML_ENTRIES	(PAGE_SIZE / sizeof(u64))
#define PML_EMPTY	(PML_ENTRIES - 1)

/**
 * vmx_pml_alloc - get a vCPU's log ready
 * @vx: a new vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int vmx_pml_alloc(struct vmx_vcpu *vx)
{
	if (!vx->vcpu.vm->memory.pml)
		return 0;
	vx->pml = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vx->pml ? 0 : -ENOMEM;
}

/**
 * vmx_pml_free - undo vmx_pml_alloc()
 * @vx: the vCPU
 */
void vmx_pml_free(struct vmx_vcpu *vx)
{
	free_page((unsigned long)vx->pml);
}

/**
 * vmx_pml_update - let the processor log, or not
 * @vx: about to enter, its VMCS is current
 *
 * What decides has changed before a flush: a vCPU that sees the flush's
 * generation sees it too.
 */
void vmx_pml_update(struct vmx_vcpu *vx)
{
	const struct guest_memory *memory = &vx->vcpu.vm->memory;
	bool on = vx->pml && READ_ONCE(memory->pml) &&
		  READ_ONCE(memory->logged_slots);
	u32 cpu2;

	if (on == vx->pml_on)
		return;
	vx->pml_on = on;
	cpu2 = vmcs_read32(SECONDARY_VM_EXEC_CONTROL);
	if (on) {
		cpu2 |= SECONDARY_EXEC_ENABLE_PML;
		vmcs_write64(PML_ADDRESS, __pa(vx->pml));
		vmcs_write16(GUEST_PML_INDEX, PML_EMPTY);
	} else {
		cpu2 &= ~SECONDARY_EXEC_ENABLE_PML;
	}
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, cpu2);
}

/**
 * vmx_pml_flush - take what the processor has logged into the dirty logs
 * @vx: out of the guest, its VMCS is current; interrupts are off; it logs
 */
void vmx_pml_flush(struct vmx_vcpu *vx)
{
	struct guest_memory *memory = &vx->vcpu.vm->memory;
	const struct memory_slot *slot;
	unsigned int at;
	int srcu;

	/* The next one to be written; below 0 if none is left. */
	at = (u16)(vmcs_read16(GUEST_PML_INDEX) + 1);
	if (at == PML_ENTRIES)
		return;
	srcu = srcu_read_lock(&memory->srcu);
	for (; at < PML_ENTRIES; at++) {
		u64 gfn = vx->pml[at] >> PAGE_SHIFT;

		slot = memory_slot(memory, gfn);
		if (slot)
			memory_mark_dirty(slot, gfn);
	}
	srcu_read_unlock(&memory->srcu, srcu);
	vmcs_write16(GUEST_PML_INDEX, PML_EMPTY);
}
