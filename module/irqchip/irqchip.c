// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's interrupt controllers: made, wired to each other, and their ioctls.
 *
 * CREATE_IRQCHIP puts PIC, I/O APIC and local APICs into the kernel; the
 * capability SPLIT_IRQCHIP only the local APICs. The chips are logic without
 * locks (pic.c, ioapic.c): here are their lock, their ports and their page.
 *
 * Read on in routing.c and pit_timer.c.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"
#include "../bus.h"

static struct irqchip *of_pic(struct pic *pic)
{
	return container_of(pic, struct irqchip, pic);
}

static struct irqchip *of_ioapic(struct ioapic *ioapic)
{
	return container_of(ioapic, struct irqchip, ioapic);
}

/* The wire from the PIC leads to each processor; one looks, by its LINT0. */
static void pic_output(struct pic *pic, bool level)
{
	struct vm *vm = of_pic(pic)->vm;
	struct vcpu *vcpu;

	if (!level)
		return;
	for_each_vcpu(vcpu, vm)
		if (lapic_takes_pic(&vcpu->irq.apic))
			vcpu_request(vcpu, VCPU_REQ_INTERRUPT);
}

/* Told of when the lock is let go of: see irqchip_unlock(). */
static void pic_acked(struct pic *pic, unsigned int line)
{
	of_pic(pic)->acked_lines |= BIT(line);
}

/* Ticks that the guest did not want to see are not made up for. */
static void pic_unmasked(struct pic *pic, unsigned int line)
{
	if (line == 0)
		vm_pit_unmasked(of_pic(pic));
}

static void ioapic_unmasked(struct ioapic *ioapic, unsigned int pin)
{
	if (BIT(pin) & PIT_PINS)
		vm_pit_unmasked(of_ioapic(ioapic));
}

static int ioapic_deliver(struct ioapic *ioapic,
			  const struct irq_message *message)
{
	return irq_deliver(of_ioapic(ioapic)->vm, message, NULL);
}

static void ioapic_acked(struct ioapic *ioapic, unsigned int pin)
{
	of_ioapic(ioapic)->acked_pins |= BIT(pin);
}

/* Tells who wants to know which interrupts the guest has ended. */
static void tell_acked(struct irqchip *irqchip, unsigned long lines,
		       unsigned long pins)
{
	unsigned int line;

	if (lines & BIT(0) || pins & PIT_PINS)
		vm_pit_acked(irqchip);
	for_each_set_bit(line, &lines, PIC_LINES)
		irq_acked(irqchip->vm, line < 8 ? MINIVMM_IRQCHIP_PIC_MASTER :
						  MINIVMM_IRQCHIP_PIC_SLAVE,
			  line & 7);
	for_each_set_bit(line, &pins, MINIVMM_IOAPIC_NUM_PINS)
		irq_acked(irqchip->vm, MINIVMM_IRQCHIP_IOAPIC, line);
}

/*
 * Lets go of the chips. Who is told of ended interrupts may lower or raise lines,
 * which takes the lock: so they are told afterwards, and what is up even then is
 * delivered again.
 */
static void irqchip_unlock(struct irqchip *irqchip, unsigned long flags)
	__releases(&irqchip->lock)
{
	unsigned long lines = irqchip->acked_lines, pins = irqchip->acked_pins;

	irqchip->acked_lines = 0;
	irqchip->acked_pins = 0;
	spin_unlock_irqrestore(&irqchip->lock, flags);
	if (likely(!lines && !pins))
		return;
	tell_acked(irqchip, lines, pins);
	spin_lock_irqsave(&irqchip->lock, flags);
	ioapic_refresh(&irqchip->ioapic, pins);
	spin_unlock_irqrestore(&irqchip->lock, flags);
}

/**
 * irqchip_watch_locked - ask the I/O APIC for the ends that somebody waits for
 * @irqchip: the chips, with their lock held
 *
 * A PIT that makes up for lost ticks and irqfds that resample want to hear of
 * the end of an interrupt that is edge-triggered as well.
 */
void irqchip_watch_locked(struct irqchip *irqchip)
{
	bool pit = irqchip->pit && irqchip->pit->reinject;

	lockdep_assert_held(&irqchip->lock);
	ioapic_watch(&irqchip->ioapic,
		     irqfd_resampled_pins(irqchip->vm) | (pit ? PIT_PINS : 0));
}

/**
 * irqchip_watch - the same after who waits has changed, or where a GSI leads
 * @vm: the VM
 */
void irqchip_watch(struct vm *vm)
{
	unsigned long flags;

	if (!vm->irqchip)
		return;
	spin_lock_irqsave(&vm->irqchip->lock, flags);
	irqchip_watch_locked(vm->irqchip);
	spin_unlock_irqrestore(&vm->irqchip->lock, flags);
}

/**
 * irqchip_set_line - one of a chip's inputs changes
 * @irqchip: the chips
 * @chip: MINIVMM_IRQCHIP_*
 * @pin: which of its inputs
 * @source: who says so: the line is high while any source holds it high
 * @level: the source's level
 *
 * Return: how many CPUs were interrupted; 0: it was pending already; -1: masked.
 */
int irqchip_set_line(struct irqchip *irqchip, unsigned int chip,
		     unsigned int pin, enum irq_source source, bool level)
{
	unsigned long flags;
	u8 *levels;
	int ret;

	if (chip == MINIVMM_IRQCHIP_PIC_SLAVE)
		pin += 8;
	spin_lock_irqsave(&irqchip->lock, flags);
	levels = chip == MINIVMM_IRQCHIP_IOAPIC ? &irqchip->ioapic_levels[pin] :
						  &irqchip->pic_levels[pin];
	*levels = level ? *levels | BIT(source) : *levels & ~BIT(source);
	if (chip == MINIVMM_IRQCHIP_IOAPIC)
		ret = ioapic_set_line(&irqchip->ioapic, pin, *levels);
	else
		ret = pic_set_line(&irqchip->pic, pin, *levels);
	irqchip_unlock(irqchip, flags);
	return ret;
}

/**
 * irqchip_acknowledge - the processor asks the PIC which interrupt it is
 * @irqchip: the chips
 *
 * Return: the vector; -1: there is none any more.
 */
int irqchip_acknowledge(struct irqchip *irqchip)
{
	unsigned long flags;
	int vector = -1;

	spin_lock_irqsave(&irqchip->lock, flags);
	if (irqchip->pic.output)
		vector = pic_acknowledge(&irqchip->pic);
	irqchip_unlock(irqchip, flags);
	return vector;
}

/**
 * irqchip_wants_eoi - whether anybody wants to know that an interrupt has ended
 * @vm: the VM
 * @vector: the interrupt
 * @level: it was level-triggered
 */
bool irqchip_wants_eoi(struct vm *vm, u8 vector, bool level)
{
	struct irqchip *irqchip = vm->irqchip;

	/* The owner's I/O APIC has its pins in the routing table. */
	if (!irqchip)
		return level && irq_route_wants_eoi(vm, vector);
	return READ_ONCE(irqchip->ioapic.level_vectors[vector / 64]) &
	       BIT_ULL(vector % 64);
}

/**
 * irqchip_end_of_interrupt - a guest has ended an interrupt
 * @vcpu: on this vCPU; the calling thread's
 * @vector: the interrupt
 * @level: it was level-triggered
 */
void irqchip_end_of_interrupt(struct vcpu *vcpu, u8 vector, bool level)
{
	struct irqchip *irqchip = vcpu->vm->irqchip;
	unsigned long flags;

	if (!irqchip_wants_eoi(vcpu->vm, vector, level))
		return;
	if (!irqchip) {
		vcpu->irq.eoi_vector = vector;
		set_bit(VCPU_REQ_EOI_EXIT, &vcpu->irq.requests);
		return;
	}
	spin_lock_irqsave(&irqchip->lock, flags);
	ioapic_end_of_interrupt(&irqchip->ioapic, vector, level);
	irqchip_unlock(irqchip, flags);
}

/* ---- Ports and registers ----------------------------------------------- */

/* Ports of a byte each; longer accesses reach nothing. */
static int pic_port_write(struct vcpu *vcpu, void *owner, u64 addr,
			  unsigned int len, const void *data)
{
	struct irqchip *irqchip = owner;
	unsigned long flags;

	if (len != 1)
		return 0;
	spin_lock_irqsave(&irqchip->lock, flags);
	pic_write(&irqchip->pic, addr, *(const u8 *)data);
	irqchip_unlock(irqchip, flags);
	return 0;
}

static int pic_port_read(struct vcpu *vcpu, void *owner, u64 addr,
			 unsigned int len, void *data)
{
	struct irqchip *irqchip = owner;
	unsigned long flags;

	memset(data, 0, len);
	if (len != 1)
		return 0;
	spin_lock_irqsave(&irqchip->lock, flags);
	*(u8 *)data = pic_read(&irqchip->pic, addr);
	irqchip_unlock(irqchip, flags);
	return 0;
}

/* Registers of 32 bits; what is longer or shorter is as KVM has it. */
static int ioapic_mmio_write(struct vcpu *vcpu, void *owner, u64 addr,
			     unsigned int len, const void *data)
{
	struct irqchip *irqchip = owner;
	unsigned long flags;
	u32 value = 0;

	memcpy(&value, data, min_t(unsigned int, len, sizeof(value)));
	spin_lock_irqsave(&irqchip->lock, flags);
	ioapic_write(&irqchip->ioapic, addr & (IOAPIC_SIZE - 1), value);
	irqchip_unlock(irqchip, flags);
	return 0;
}

static int ioapic_mmio_read(struct vcpu *vcpu, void *owner, u64 addr,
			    unsigned int len, void *data)
{
	struct irqchip *irqchip = owner;
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&irqchip->lock, flags);
	value = ioapic_read(&irqchip->ioapic, addr & (IOAPIC_SIZE - 1));
	irqchip_unlock(irqchip, flags);
	memset(data, 0, len);
	memcpy(data, &value, min_t(unsigned int, len, sizeof(value)));
	return 0;
}

static const struct bus_ops pic_ops = {
	.read	= pic_port_read,
	.write	= pic_port_write,
};

static const struct bus_ops ioapic_ops = {
	.read	= ioapic_mmio_read,
	.write	= ioapic_mmio_write,
};

static int attach(struct irqchip *irqchip)
{
	static const struct {
		enum bus_kind kind;
		u64 start;
		u64 size;
		const struct bus_ops *ops;
	} places[NR_CHIP_DEVICES] = {
		{ BUS_PIO, 0x20, 2, &pic_ops },
		{ BUS_PIO, 0xa0, 2, &pic_ops },
		{ BUS_PIO, 0x4d0, 2, &pic_ops },
		{ BUS_MMIO, IOAPIC_DEFAULT_BASE, IOAPIC_SIZE, &ioapic_ops },
	};
	int i, ret;

	for (i = 0; i < NR_CHIP_DEVICES; i++) {
		irqchip->devices[i] = (struct bus_device) {
			.start = places[i].start, .size = places[i].size,
			.ops = places[i].ops, .owner = irqchip,
		};
		ret = bus_attach(irqchip->vm, places[i].kind,
				 &irqchip->devices[i]);
		if (ret)
			goto detach;
	}
	return 0;

detach:
	while (i--)
		bus_detach(irqchip->vm, places[i].kind, &irqchip->devices[i]);
	return ret;
}

/* ---- Making and unmaking ----------------------------------------------- */

static int create(struct vm *vm)
{
	struct irqchip *irqchip;
	int ret;

	if (vm->irqchip_kind)
		return -EEXIST;
	if (vm->nr_vcpus)
		return -EINVAL;
	irqchip = kzalloc(sizeof(*irqchip), GFP_KERNEL_ACCOUNT);
	if (!irqchip)
		return -ENOMEM;
	irqchip->vm = vm;
	spin_lock_init(&irqchip->lock);
	irqchip->pic.set_output = pic_output;
	irqchip->pic.eoi = pic_acked;
	irqchip->pic.unmasked = pic_unmasked;
	pic_init(&irqchip->pic);
	irqchip->ioapic.deliver = ioapic_deliver;
	irqchip->ioapic.eoi = ioapic_acked;
	irqchip->ioapic.unmasked = ioapic_unmasked;
	ioapic_init(&irqchip->ioapic);
	ret = irq_route_init(vm, true);
	if (!ret)
		ret = attach(irqchip);
	if (ret) {
		kfree(irqchip);
		return ret;
	}
	vm->irqchip = irqchip;
	/* Who sees the kind finds the chips. */
	smp_store_release(&vm->irqchip_kind, IRQCHIP_KERNEL);
	return 0;
}

/**
 * irqchip_create - serve CREATE_IRQCHIP
 * @vm: the VM
 *
 * Return: 0; -EEXIST: there is one; -EINVAL: there are vCPUs; -ENOMEM.
 */
int irqchip_create(struct vm *vm)
{
	int ret;

	mutex_lock(&vm->lock);
	ret = create(vm);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * irqchip_create_split - serve ENABLE_CAP of SPLIT_IRQCHIP
 * @vm: the VM
 * @pins: of the owner's I/O APIC: the first GSIs
 *
 * Return: 0; -EINVAL: too many pins; -EEXIST: there are controllers, or vCPUs;
 * -ENOMEM.
 */
int irqchip_create_split(struct vm *vm, u64 pins)
{
	int ret = -EEXIST;

	if (pins > MINIVMM_MAX_ROUTES)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (!vm->irqchip_kind && !vm->nr_vcpus) {
		ret = irq_route_init(vm, false);
		if (!ret) {
			vm->owner_pins = pins;
			/* Who sees the kind finds the routes. */
			smp_store_release(&vm->irqchip_kind, IRQCHIP_SPLIT);
		}
	}
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * irqchip_set_x2apic_api - serve ENABLE_CAP of X2APIC_API
 * @vm: the VM; its lock is held
 * @flags: MINIVMM_X2APIC_API_*: they can be set, not taken back
 */
void irqchip_set_x2apic_api(struct vm *vm, u64 flags)
{
	struct vcpu *vcpu;

	if (flags & MINIVMM_X2APIC_API_USE_32BIT_IDS)
		vm->x2apic_ids = true;
	if (flags & MINIVMM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		vm->x2apic_no_broadcast_quirk = true;
	for_each_vcpu(vcpu, vm) {
		vcpu->irq.apic.ids_32bit = vm->x2apic_ids;
		vcpu->irq.apic.no_broadcast_quirk =
			vm->x2apic_no_broadcast_quirk;
	}
}

/**
 * irqchip_destroy - free a VM's interrupt controllers
 * @vm: nobody uses it any more
 */
void irqchip_destroy(struct vm *vm)
{
	if (!vm->irqchip)
		return;
	vm_pit_destroy(vm->irqchip);
	kfree(vm->irqchip);
}

/* ---- ioctls ------------------------------------------------------------ */

static long get_irqchip(struct irqchip *irqchip, struct minivmm_irqchip *state)
{
	long ret = 0;

	memset(&state->chip, 0, sizeof(state->chip));
	spin_lock_irq(&irqchip->lock);
	switch (state->chip_id) {
	case MINIVMM_IRQCHIP_PIC_MASTER:
	case MINIVMM_IRQCHIP_PIC_SLAVE:
		state->chip.pic = irqchip->pic.chips[state->chip_id];
		break;
	case MINIVMM_IRQCHIP_IOAPIC:
		state->chip.ioapic = irqchip->ioapic.state;
		break;
	default:
		ret = -EINVAL;
	}
	spin_unlock_irq(&irqchip->lock);
	return ret;
}

static long set_irqchip(struct irqchip *irqchip,
			const struct minivmm_irqchip *state)
{
	long ret = 0;

	spin_lock_irq(&irqchip->lock);
	switch (state->chip_id) {
	case MINIVMM_IRQCHIP_PIC_MASTER:
	case MINIVMM_IRQCHIP_PIC_SLAVE:
		pic_set_state(&irqchip->pic, state->chip_id, &state->chip.pic);
		break;
	case MINIVMM_IRQCHIP_IOAPIC:
		ioapic_set_state(&irqchip->ioapic, &state->chip.ioapic);
		break;
	default:
		ret = -EINVAL;
	}
	spin_unlock_irq(&irqchip->lock);
	return ret;
}

static long irqchip_state_ioctl(struct irqchip *irqchip, unsigned int cmd,
				void __user *user)
{
	struct minivmm_irqchip *state;
	long ret;

	state = memdup_user(user, sizeof(*state));
	if (IS_ERR(state))
		return PTR_ERR(state);
	if (!irqchip) {
		ret = -ENXIO;
	} else if (cmd == MINIVMM_SET_IRQCHIP) {
		ret = set_irqchip(irqchip, state);
	} else {
		ret = get_irqchip(irqchip, state);
		if (!ret && copy_to_user(user, state, sizeof(*state)))
			ret = -EFAULT;
	}
	kfree(state);
	return ret;
}

static long irq_line_ioctl(struct vm *vm, unsigned int cmd, void __user *user)
{
	struct minivmm_irq_level line;

	if (copy_from_user(&line, user, sizeof(line)))
		return -EFAULT;
	if (!vm->irqchip_kind)
		return -ENXIO;
	line.status = irq_route_set(vm, IRQ_SOURCE_USER, line.irq, line.level);
	if (cmd == MINIVMM_IRQ_LINE)
		return 0;
	return copy_to_user(user, &line, sizeof(line)) ? -EFAULT : 0;
}

/* The number of the device is there (MSI_VALID_DEVID): it means nothing here. */
#define MSI_FLAGS	1

static long signal_msi_ioctl(struct vm *vm, void __user *user)
{
	struct minivmm_msi msi;
	int taken;

	if (copy_from_user(&msi, user, sizeof(msi)))
		return -EFAULT;
	if (!vm->irqchip_kind || msi.flags & ~MSI_FLAGS)
		return -EINVAL;
	/* With ids of 32 bits this byte is in the lower half's destination. */
	if (vm->x2apic_ids && msi.address_hi & 0xff)
		return -EINVAL;
	taken = irq_deliver_msi(vm, (u64)msi.address_hi << 32 | msi.address_lo,
				msi.data);
	return max(taken, 0);
}

/**
 * irqchip_ioctl - serve the VM ioctls about interrupts that are not routing's
 * @vm: the VM
 * @cmd: which
 * @user: the caller's structure
 *
 * Return: 0, or SIGNAL_MSI's result; -ENXIO: the chips are not in the kernel;
 * -EINVAL: a chip, or flags, that do not exist; -EFAULT; -ENOMEM.
 */
long irqchip_ioctl(struct vm *vm, unsigned int cmd, void __user *user)
{
	switch (cmd) {
	case MINIVMM_CREATE_IRQCHIP:
		return irqchip_create(vm);
	case MINIVMM_GET_IRQCHIP:
	case MINIVMM_SET_IRQCHIP:
		return irqchip_state_ioctl(vm->irqchip, cmd, user);
	case MINIVMM_IRQ_LINE:
	case MINIVMM_IRQ_LINE_STATUS:
		return irq_line_ioctl(vm, cmd, user);
	case MINIVMM_SIGNAL_MSI:
		return signal_msi_ioctl(vm, user);
	default:
		return vm_pit_ioctl(vm, cmd, user);
	}
}
