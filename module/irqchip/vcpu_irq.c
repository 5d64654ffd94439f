// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's local APIC put to work: its registers as MMIO and as MSRs, its timer,
 * and the question before each entry: which interrupt is next?
 *
 * lapic.c is the chip and does nothing by itself: what a register access wants
 * done elsewhere comes back as effects, and is done here when the lock is let
 * go of.
 *
 * SDM: "Advanced Programmable Interrupt Controller (APIC)". Read on in start.c.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"
#include "../compat.h"

/* The lock is not held any more. */
static void apply(struct vcpu *vcpu, const struct lapic_effects *effects)
{
	struct vm *vm = vcpu->vm;

	if (effects->what & LAPIC_EFFECT_INTERRUPT)
		set_bit(VCPU_REQ_INTERRUPT, &vcpu->irq.requests);
	if (effects->what & LAPIC_EFFECT_IPI)
		irq_deliver(vm, &effects->ipi, vcpu);
	if (effects->what & (LAPIC_EFFECT_EOI | LAPIC_EFFECT_EDGE_EOI))
		irqchip_end_of_interrupt(vcpu, effects->eoi_vector,
					 effects->what & LAPIC_EFFECT_EOI);
}

/* Between these two a local APIC is the caller's. */
static unsigned long lock_apic(struct vcpu *vcpu, struct lapic_effects *effects)
	__acquires(&vcpu->irq.lock)
{
	unsigned long flags;

	effects->what = 0;
	spin_lock_irqsave(&vcpu->irq.lock, flags);
	return flags;
}

static void unlock_apic(struct vcpu *vcpu, const struct lapic_effects *effects,
			unsigned long flags)
	__releases(&vcpu->irq.lock)
{
	if (effects->what & LAPIC_EFFECT_TIMER)
		vcpu_timer_start(vcpu);
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	if (effects->what)
		apply(vcpu, effects);
}

/**
 * vcpu_irq_init - the local APIC after RESET
 * @vcpu: a new vCPU
 */
void vcpu_irq_init(struct vcpu *vcpu)
{
	struct vcpu_irq *irq = &vcpu->irq;

	spin_lock_init(&irq->lock);
	vcpu_timer_init(vcpu);
	lapic_init(&irq->apic, vcpu->id);
	irq->apic.bsp = vcpu_is_bsp(vcpu);
	irq->apic.lint0_masked =
		!vm_has_quirk(vcpu->vm, MINIVMM_X86_QUIRK_LINT0_REENABLED);
	irq->apic.directed_eoi = vcpu->vm->irqchip_kind == IRQCHIP_SPLIT;
	lapic_reset(&irq->apic, false);
	vcpu->apic_base = irq->apic.base;
	irq->owner_interrupt = -1;
	irq->apic.ids_32bit = vcpu->vm->x2apic_ids;
	irq->apic.no_broadcast_quirk = vcpu->vm->x2apic_no_broadcast_quirk;
}

/**
 * vcpu_irq_destroy - stop the timer
 * @vcpu: nobody runs it any more
 */
void vcpu_irq_destroy(struct vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->irq.timer);
}

/* ---- Which interrupt is next ------------------------------------------- */

/* The PIC's output goes to the processor that says so in its LINT0. */
static bool pic_pending(struct vcpu *vcpu)
{
	const struct irqchip *irqchip = vcpu->vm->irqchip;

	if (irqchip ? !READ_ONCE(irqchip->pic.output) :
		      vcpu->irq.owner_interrupt < 0)
		return false;
	return lapic_takes_pic(&vcpu->irq.apic);
}

/* -1: it has none any more. */
static int pic_take(struct vcpu *vcpu)
{
	int vector = vcpu->irq.owner_interrupt;

	if (vcpu->vm->irqchip)
		return irqchip_acknowledge(vcpu->vm->irqchip);
	vcpu->irq.owner_interrupt = -1;
	return vector;
}

/**
 * vcpu_irq_from_owner - the PIC of the vCPU's owner has an interrupt
 * @vcpu: the vCPU; its local APIC is in the kernel
 * @vector: the interrupt
 *
 * Return: 0; -ENXIO: the PIC is in the kernel; -EEXIST: the one before waits.
 */
int vcpu_irq_from_owner(struct vcpu *vcpu, u8 vector)
{
	if (vcpu->vm->irqchip)
		return -ENXIO;
	if (vcpu->irq.owner_interrupt >= 0)
		return -EEXIST;
	vcpu->irq.owner_interrupt = vector;
	return 0;
}

/**
 * vcpu_irq_pending - whether an interrupt waits that the guest's priority lets in
 * @vcpu: its local APIC is in the kernel
 */
bool vcpu_irq_pending(struct vcpu *vcpu)
{
	unsigned long flags;
	bool pending;

	if (pic_pending(vcpu))
		return true;
	if (vcpu->irq.lent)
		return false;
	spin_lock_irqsave(&vcpu->irq.lock, flags);
	pending = lapic_is_enabled(&vcpu->irq.apic) &&
		  lapic_pending(&vcpu->irq.apic) >= 0;
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	return pending;
}

/**
 * vcpu_irq_take - acknowledge the next interrupt: it is being delivered
 * @vcpu: the calling thread's; its local APIC is in the kernel
 *
 * Return: the vector; -1: there is none.
 */
int vcpu_irq_take(struct vcpu *vcpu)
{
	unsigned long flags;
	int vector = -1;

	if (pic_pending(vcpu)) {
		vector = pic_take(vcpu);
		if (vector >= 0)
			return vector;
	}
	if (vcpu->irq.lent)
		return -1;
	spin_lock_irqsave(&vcpu->irq.lock, flags);
	if (lapic_is_enabled(&vcpu->irq.apic)) {
		vector = lapic_pending(&vcpu->irq.apic);
		if (vector >= 0)
			lapic_acknowledge(&vcpu->irq.apic, vector);
	}
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	return vector;
}

/**
 * vcpu_apic_accept - a local APIC receives an interrupt
 * @vcpu: the vCPU
 * @vector: the interrupt
 * @level: it is level-triggered
 *
 * Return: 1; 0: it was pending already; -1: the APIC is switched off.
 */
int vcpu_apic_accept(struct vcpu *vcpu, u8 vector, bool level)
{
	unsigned long flags;
	int ret = -1;

	spin_lock_irqsave(&vcpu->irq.lock, flags);
	if (lapic_is_enabled(&vcpu->irq.apic) &&
	    lapic_software_enabled(&vcpu->irq.apic))
		ret = lapic_accept(&vcpu->irq.apic, vector, level);
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	if (ret > 0)
		vcpu_request(vcpu, VCPU_REQ_INTERRUPT);
	return ret;
}

/* ---- Registers --------------------------------------------------------- */

/* Three of the timer's registers have to do with time, which is not for nothing. */
static u64 time_for(u32 offset)
{
	return offset >= LAPIC_TIMER_INITIAL && offset <= LAPIC_TIMER_DIVIDE ?
		ktime_get_ns() : 0;
}

static u64 time_for_msr(u32 msr)
{
	return time_for((msr - LAPIC_MSR_FIRST) << 4);
}

/* An aligned access of 32 bits is defined; others do what KVM does. */
static void mmio_read(struct vcpu *vcpu, u32 offset, void *data,
		      unsigned int len)
{
	u32 value = lapic_read(&vcpu->irq.apic, offset & ~15, time_for(offset));
	u8 bytes[16] = { 0 };

	memcpy(bytes, &value, sizeof(value));
	memset(data, 0, len);
	if (offset % 16 + len <= sizeof(bytes))
		memcpy(data, bytes + offset % 16, len);
}

/**
 * vcpu_apic_mmio - an access to the page of the local APIC
 * @vcpu: the calling thread's
 * @gpa: where
 * @data: what is written, or gets what is read
 * @len: bytes
 * @write: written
 *
 * Return: whether there is a local APIC at @gpa.
 */
bool vcpu_apic_mmio(struct vcpu *vcpu, u64 gpa, void *data, unsigned int len,
		    bool write)
{
	struct lapic *apic = &vcpu->irq.apic;
	struct lapic_effects effects;
	unsigned long flags;
	u32 offset, value;

	if (!vcpu_has_lapic(vcpu) || (gpa ^ apic->base) & PAGE_MASK)
		return false;
	/* Switched off or an x2APIC, it leaves a hole. */
	if (!lapic_is_enabled(apic) || apic->base & LAPIC_BASE_X2APIC) {
		if (!vm_has_quirk(vcpu->vm, MINIVMM_X86_QUIRK_LAPIC_MMIO_HOLE))
			return false;
		if (!write)
			memset(data, 0xff, len);
		return true;
	}
	offset = gpa & ~PAGE_MASK;
	if ((write ? offset : offset & ~15) == LAPIC_TPR)
		vcpu_tpr_accessed(vcpu, write);
	flags = lock_apic(vcpu, &effects);
	if (!write) {
		mmio_read(vcpu, offset, data, len);
	} else if (len == 4 && !(offset & 15)) {
		memcpy(&value, data, sizeof(value));
		lapic_write(apic, offset, value, time_for(offset), &effects);
	}
	unlock_apic(vcpu, &effects, flags);
	return true;
}

/**
 * vcpu_apic_owns_msr - whether an MSR is the local APIC's
 * @vcpu: the vCPU
 * @msr: its number
 */
bool vcpu_apic_owns_msr(const struct vcpu *vcpu, u32 msr)
{
	return (msr >= LAPIC_MSR_FIRST && msr <= LAPIC_MSR_LAST) || msr == MSR_IA32_TSC_DEADLINE;
}

/**
 * vcpu_apic_read_msr - read a register of the local APIC that is an MSR
 * @vcpu: the vCPU
 * @msr: its number
 * @data: gets the value
 *
 * Return: 0; 1: there is no such register (#GP).
 */
int vcpu_apic_read_msr(struct vcpu *vcpu, u32 msr, u64 *data)
{
	unsigned long flags;
	bool known;

	if (!vcpu_has_lapic(vcpu)) {
		*data = 0;
		return msr != MSR_IA32_TSC_DEADLINE;
	}
	spin_lock_irqsave(&vcpu->irq.lock, flags);
	if (msr == MSR_IA32_TSC_DEADLINE) {
		*data = vcpu->irq.apic.tsc_deadline;
		known = true;
	} else {
		known = lapic_read_msr(&vcpu->irq.apic, msr,
				       time_for_msr(msr), data);
	}
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	return !known;
}

/**
 * vcpu_apic_write_msr - write a register of the local APIC that is an MSR
 * @vcpu: the calling thread's
 * @msr: its number
 * @data: the value
 *
 * Return: 0; 1: there is no such register, or not for this value (#GP).
 */
int vcpu_apic_write_msr(struct vcpu *vcpu, u32 msr, u64 data)
{
	struct lapic_effects effects;
	unsigned long flags;
	bool known = true;

	if (!vcpu_has_lapic(vcpu))
		return msr != MSR_IA32_TSC_DEADLINE;
	flags = lock_apic(vcpu, &effects);
	if (msr == MSR_IA32_TSC_DEADLINE)
		lapic_set_tsc_deadline(&vcpu->irq.apic, data, &effects);
	else
		known = lapic_write_msr(&vcpu->irq.apic, msr, data,
					time_for_msr(msr), &effects);
	unlock_apic(vcpu, &effects, flags);
	return !known;
}

/**
 * vcpu_apic_set_base - a new value for IA32_APIC_BASE
 * @vcpu: the vCPU
 * @base: the value
 * @host: on behalf of the vCPU's owner, who may go from any mode to any
 *
 * Return: 0; 1: it cannot be (#GP).
 */
int vcpu_apic_set_base(struct vcpu *vcpu, u64 base, bool host)
{
	struct lapic_effects effects;
	struct lapic *apic = &vcpu->irq.apic;
	unsigned long flags;
	int ret = 0;

	flags = lock_apic(vcpu, &effects);
	if (!lapic_base_is_valid(apic, base, host))
		ret = 1;
	else
		lapic_set_base(apic, base, &effects);
	unlock_apic(vcpu, &effects, flags);
	return ret;
}

/**
 * vcpu_apic_set_cr8 - the guest's task priority
 * @vcpu: the calling thread's
 * @cr8: 0 to 15
 */
void vcpu_apic_set_cr8(struct vcpu *vcpu, unsigned long cr8)
{
	struct lapic_effects effects;
	unsigned long flags = lock_apic(vcpu, &effects);

	lapic_set_cr8(&vcpu->irq.apic, cr8, &effects);
	unlock_apic(vcpu, &effects, flags);
}

/**
 * vcpu_apic_cr8 - the guest's task priority
 * @vcpu: the vCPU
 */
unsigned long vcpu_apic_cr8(struct vcpu *vcpu)
{
	return lapic_cr8(&vcpu->irq.apic);
}

/**
 * vcpu_apic_lend - let the processor have the local APIC's interrupts
 * @vcpu: the calling thread's
 * @page: the virtual-APIC page
 * @eoi_exits: gets 256 bits: vectors whose EOI somebody wants to know of
 */
void vcpu_apic_lend(struct vcpu *vcpu, u32 *page, u64 *eoi_exits)
{
	const struct irqchip *irqchip = vcpu->vm->irqchip;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&vcpu->irq.lock, flags);
	lapic_lend(&vcpu->irq.apic, page);
	vcpu->irq.lent = true;
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	for (i = 0; i < 4; i++) {
		const u32 *tmr = page + LAPIC_TMR / 4 + i * 8;

		eoi_exits[i] = tmr[0] | (u64)tmr[4] << 32;
		if (irqchip)
			eoi_exits[i] |= READ_ONCE(irqchip->ioapic.level_vectors[i]);
	}
}

/**
 * vcpu_apic_take_back - have the local APIC's interrupts in lapic.c again
 * @vcpu: the calling thread's
 * @page: the virtual-APIC page
 */
void vcpu_apic_take_back(struct vcpu *vcpu, const u32 *page)
{
	unsigned long flags;

	spin_lock_irqsave(&vcpu->irq.lock, flags);
	lapic_take_back(&vcpu->irq.apic, page);
	vcpu->irq.lent = false;
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
}

/**
 * vcpu_apic_ended - the processor has ended an interrupt of eoi_exits
 * @vcpu: the calling thread's
 * @vector: the interrupt
 */
void vcpu_apic_ended(struct vcpu *vcpu, u8 vector)
{
	u32 tmr = vcpu->irq.apic.regs[LAPIC_TMR / 4 + vector / 32 * 4];

	irqchip_end_of_interrupt(vcpu, vector, tmr & BIT(vector % 32));
}

/**
 * vcpu_apic_end - the guest has ended an interrupt without its EOI register
 * @vcpu: the calling thread's; nothing is lent
 */
void vcpu_apic_end(struct vcpu *vcpu)
{
	struct lapic_effects effects;
	unsigned long flags = lock_apic(vcpu, &effects);

	lapic_end_of_interrupt(&vcpu->irq.apic, &effects);
	unlock_apic(vcpu, &effects, flags);
}

/**
 * vcpu_apic_cpuid_changed - the guest's CPUID is new
 * @vcpu: the vCPU
 */
void vcpu_apic_cpuid_changed(struct vcpu *vcpu)
{
	struct lapic *apic = &vcpu->irq.apic;

	apic->has_x2apic = vcpu->cpuid.x2apic;
	apic->has_tsc_deadline = vcpu->cpuid.tsc_deadline;
	apic->maxphyaddr = __ffs64(vcpu->cpuid.gpa_reserved | BIT_ULL(63));
}

/**
 * vcpu_apic_reset - the local APIC after INIT
 * @vcpu: the calling thread's
 */
void vcpu_apic_reset(struct vcpu *vcpu)
{
	struct lapic_effects effects;
	unsigned long flags = lock_apic(vcpu, &effects);

	vcpu->irq.apic.lint0_masked =
		!vm_has_quirk(vcpu->vm, MINIVMM_X86_QUIRK_LINT0_REENABLED);
	lapic_reset(&vcpu->irq.apic, true);
	vcpu->irq.pv_eoi = 0;
	effects.what |= LAPIC_EFFECT_TIMER;
	unlock_apic(vcpu, &effects, flags);
}

/* ---- ioctls ------------------------------------------------------------ */

static long set_lapic(struct vcpu *vcpu, void __user *user)
{
	struct minivmm_lapic_state *state;
	struct lapic_effects effects;
	unsigned long flags;
	bool valid;

	state = memdup_user(user, sizeof(*state));
	if (IS_ERR(state))
		return PTR_ERR(state);
	flags = lock_apic(vcpu, &effects);
	valid = lapic_set_state(&vcpu->irq.apic, state, ktime_get_ns(), &effects);
	unlock_apic(vcpu, &effects, flags);
	kfree(state);
	if (!valid)
		return -EINVAL;
	vcpu_request(vcpu, VCPU_REQ_INTERRUPT);
	return 0;
}

static long get_lapic(struct vcpu *vcpu, void __user *user)
{
	struct minivmm_lapic_state *state;
	unsigned long flags;
	long ret;

	state = kzalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	spin_lock_irqsave(&vcpu->irq.lock, flags);
	lapic_get_state(&vcpu->irq.apic, ktime_get_ns(), state);
	spin_unlock_irqrestore(&vcpu->irq.lock, flags);
	ret = copy_to_user(user, state, sizeof(*state)) ? -EFAULT : 0;
	kfree(state);
	return ret;
}

/**
 * vcpu_apic_ioctl - serve GET_LAPIC and SET_LAPIC
 * @vcpu: the vCPU
 * @cmd: which of them
 * @user: the caller's structure
 *
 * Return: 0; -EINVAL: no local APIC in the kernel, or the state cannot be;
 * -EFAULT; -ENOMEM.
 */
long vcpu_apic_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *user)
{
	if (!vcpu_has_lapic(vcpu))
		return -EINVAL;
	return cmd == MINIVMM_SET_LAPIC ? set_lapic(vcpu, user) :
					  get_lapic(vcpu, user);
}
