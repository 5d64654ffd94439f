// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of an interrupt where it costs the guest nothing: in its own memory.
 *
 * An EOI is an exit, unless the processor does it (vmx/apicv.c), and most are of
 * no use to anybody at that moment. So a guest names a byte of its memory by an
 * MSR. When an interrupt is in service whose end lets no other one in, and of
 * which no I/O APIC, PIT or owner wants to hear, bit 0 is set there before the
 * entry: an offer. A guest that takes the bit away with one instruction has ended
 * its interrupt; one that does not find it writes to the EOI register.
 *
 * After each exit, before anything else is done, the offer is taken back: the bit
 * goes, or it has gone and the EOI is done now. What is in service is then known
 * again, and nobody but the guest ever sees the bit set.
 *
 * Both is in the window, where nothing can be brought in: a byte that cannot be
 * written to at once gets no offer, and one that cannot be read or written to
 * after the exit closes the window. Nothing in there needs to know what is in
 * service but the local APIC's MSRs, which wait for that.
 *
 * Linux: Documentation/virt/kvm/x86/msr.rst. Read next: start.c.
 */
#include <linux/uaccess.h>
#include <uapi/asm/kvm_para.h>

#include "../backend.h"

static u64 address(const struct vcpu *vcpu)
{
	return vcpu->irq.pv_eoi & ~(u64)KVM_MSR_ENABLED;
}

/**
 * vcpu_pv_eoi_offer - let the guest end its interrupt in its memory
 * @vcpu: in the window, about to enter; nothing is lent; the MSR is enabled
 */
void vcpu_pv_eoi_offer(struct vcpu *vcpu)
{
	const u8 offer = KVM_PV_EOI_ENABLED;
	bool level = false;
	unsigned long flags;
	int vector;

	spin_lock_irqsave(&vcpu->irq.lock, flags);
	vector = lapic_ends_unheard(&vcpu->irq.apic, &level);
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	if (vector < 0 || irqchip_wants_eoi(vcpu->vm, vector, level))
		return;
	guest_access_begin(&vcpu->access);
	pagefault_disable();
	vcpu->irq.eoi_offered = !guest_write(&vcpu->access, address(vcpu),
					     &offer, sizeof(offer));
	pagefault_enable();
	guest_access_end(&vcpu->access);
}

/* 0: the byte is as it was without an offer, @offer says if that was taken up. */
static int clear_offer(struct vcpu *vcpu, u8 *offer)
{
	const u8 none = KVM_PV_EOI_DISABLED;
	int ret = guest_read(&vcpu->access, address(vcpu), offer, sizeof(*offer));

	if (ret || !(*offer & KVM_PV_EOI_ENABLED))
		return ret;
	return guest_write(&vcpu->access, address(vcpu), &none, sizeof(none));
}

/**
 * vcpu_pv_eoi_take_back - find out whether the guest has ended its interrupt
 * @vcpu: out of the guest, to which that was offered; nothing is lent
 * @may_sleep: the window is closed; else it may have to be asked again then
 */
void vcpu_pv_eoi_take_back(struct vcpu *vcpu, bool may_sleep)
{
	u8 offer = 0;
	int ret;

	guest_access_begin(&vcpu->access);
	if (!may_sleep)
		pagefault_disable();
	ret = clear_offer(vcpu, &offer);
	if (!may_sleep)
		pagefault_enable();
	guest_access_end(&vcpu->access);
	if (ret && !may_sleep)
		return;
	vcpu->irq.eoi_offered = false;
	set_bit(VCPU_REQ_INTERRUPT, &vcpu->irq.requests);
	if (!ret && offer & KVM_PV_EOI_ENABLED)
		return;
	/* If the memory is gone: better ended once too often than never. */
	vcpu->stats.pv_eois++;
	vcpu_apic_end(vcpu);
}

/**
 * vcpu_pv_eoi_set - write the MSR that names the byte
 * @vcpu: not in the window
 * @data: its address; bit 0: it is to be used
 *
 * Return: 0; 1: not aligned to 4 bytes, or to be used and not the guest's to
 * write (#GP).
 */
int vcpu_pv_eoi_set(struct vcpu *vcpu, u64 data)
{
	u64 gpa = data & ~(u64)KVM_MSR_ENABLED;
	const struct memory_slot *slot;
	bool writable;

	if (gpa & 3)
		return 1;
	if (data & KVM_MSR_ENABLED) {
		guest_access_begin(&vcpu->access);
		slot = memory_slot(&vcpu->vm->memory, gpa >> PAGE_SHIFT);
		writable = slot && !(slot->flags & MINIVMM_MEM_READONLY);
		guest_access_end(&vcpu->access);
		if (!writable)
			return 1;
	}
	vcpu->irq.pv_eoi = data;
	return 0;
}
