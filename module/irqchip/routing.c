// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a GSI leads.
 *
 * A global system interrupt is what the owner calls an interrupt line. The
 * table says what it is connected to: pins of the interrupt controllers (of
 * several at once, as a PC's lines are: a guest uses the one and masks the
 * other), or a message as a device would send it. IRQ_LINE and irqfds name
 * GSIs, and the PIT is GSI 0.
 *
 * A table is never changed: SET_GSI_ROUTING publishes another. It is read from
 * anywhere, with interrupts off, so it is protected by RCU.
 *
 * Read on in irqfd.c, and in deliver.c for what becomes of a message.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"

/**
 * struct irq_route - where one GSI leads
 * @type: MINIVMM_IRQ_ROUTING_*, 0: nowhere
 * @pins: of each chip: 0: none, else 1 more than its pin
 * @address: of a message
 * @data: of a message
 */
struct irq_route {
	u8 type;
	u8 pins[MINIVMM_NR_IRQCHIPS];
	u32 data;
	u64 address;
};

/**
 * struct irq_routing - a routing table
 * @rcu: to free it
 * @gsis: of each chip's pins: the GSI that leads there, -1: none
 * @count: GSIs are below
 * @route: by GSI
 */
struct irq_routing {
	struct rcu_head rcu;
	s16 gsis[MINIVMM_NR_IRQCHIPS][MINIVMM_IOAPIC_NUM_PINS];
	u32 count;
	struct irq_route route[];
};

static struct irq_routing *new_table(u32 count)
{
	struct irq_routing *table;

	table = kvzalloc(struct_size(table, route, count), GFP_KERNEL_ACCOUNT);
	if (table) {
		table->count = count;
		memset(table->gsis, -1, sizeof(table->gsis));
	}
	return table;
}

/* A GSI may have a pin of each chip. */
static int add_pin(struct irq_routing *table, u32 gsi, u32 chip, u32 pin)
{
	struct irq_route *route = &table->route[gsi];

	if (chip >= MINIVMM_NR_IRQCHIPS ||
	    pin >= (chip == MINIVMM_IRQCHIP_IOAPIC ? MINIVMM_IOAPIC_NUM_PINS :
						     PIC_LINES / 2))
		return -EINVAL;
	if (route->type == MINIVMM_IRQ_ROUTING_MSI || route->pins[chip])
		return -EINVAL;
	route->type = MINIVMM_IRQ_ROUTING_IRQCHIP;
	route->pins[chip] = pin + 1;
	table->gsis[chip][pin] = gsi;
	return 0;
}

static int add_message(const struct vm *vm, struct irq_route *route,
		       const struct minivmm_irq_routing_msi *msi)
{
	if (route->type || (vm->x2apic_ids && msi->address_hi & 0xff))
		return -EINVAL;
	route->type = MINIVMM_IRQ_ROUTING_MSI;
	route->address = (u64)msi->address_hi << 32 | msi->address_lo;
	route->data = msi->data;
	return 0;
}

static int add_entry(const struct vm *vm, struct irq_routing *table,
		     const struct minivmm_irq_routing_entry *entry)
{
	if (entry->flags)
		return -EINVAL;
	switch (entry->type) {
	case MINIVMM_IRQ_ROUTING_IRQCHIP:
		if (vm->irqchip_kind == IRQCHIP_SPLIT)
			return -EINVAL;
		return add_pin(table, entry->gsi, entry->u.irqchip.irqchip,
			       entry->u.irqchip.pin);
	case MINIVMM_IRQ_ROUTING_MSI:
		return add_message(vm, &table->route[entry->gsi],
				   &entry->u.msi);
	default:
		return -EINVAL;
	}
}

static void publish(struct vm *vm, struct irq_routing *table)
{
	struct irq_routing *old;

	old = rcu_replace_pointer(vm->routing, table,
				  lockdep_is_held(&vm->lock));
	if (old)
		kvfree_rcu(old, rcu);
}

/* The table that @entries make, or an error. */
static struct irq_routing *
build_table(const struct vm *vm, const struct minivmm_irq_routing_entry *entries,
	    u32 nr)
{
	struct irq_routing *table;
	u32 i, count = 0;
	int ret;

	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= MINIVMM_MAX_ROUTES)
			return ERR_PTR(-EINVAL);
		count = max(count, entries[i].gsi + 1);
	}
	table = new_table(count);
	if (!table)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < nr; i++) {
		ret = add_entry(vm, table, &entries[i]);
		if (ret) {
			kvfree(table);
			return ERR_PTR(ret);
		}
	}
	return table;
}

static long set_routing(struct vm *vm,
			const struct minivmm_irq_routing_entry *entries, u32 nr)
{
	struct irq_routing *table;

	mutex_lock(&vm->lock);
	table = build_table(vm, entries, nr);
	if (!IS_ERR(table)) {
		publish(vm, table);
		irqchip_watch(vm);
	}
	mutex_unlock(&vm->lock);
	return PTR_ERR_OR_ZERO(table);
}

/**
 * irq_routing_ioctl - serve SET_GSI_ROUTING
 * @vm: the VM
 * @user: struct minivmm_irq_routing
 *
 * Return: 0; -EINVAL: there are no local APICs in the kernel, too many entries,
 * or one that cannot be; -EFAULT; -ENOMEM.
 */
long irq_routing_ioctl(struct vm *vm, struct minivmm_irq_routing __user *user)
{
	struct minivmm_irq_routing_entry *entries = NULL;
	struct minivmm_irq_routing header;
	long ret;

	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	/* Pairs with irqchip_create(): the chips are there. */
	if (!smp_load_acquire(&vm->irqchip_kind))
		return -EINVAL;
	if (header.nr > MINIVMM_MAX_ROUTES || header.flags)
		return -EINVAL;
	if (header.nr) {
		entries = vmemdup_user(user->entries,
				       array_size(sizeof(*entries), header.nr));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	ret = set_routing(vm, entries, header.nr);
	kvfree(entries);
	return ret;
}

/**
 * irq_route_init - make the table of a VM that gets interrupt controllers
 * @vm: its lock is held
 * @chips: PIC and I/O APIC as a PC has them; else nothing is routed
 *
 * Return: 0 or -ENOMEM.
 */
int irq_route_init(struct vm *vm, bool chips)
{
	struct irq_routing *table;
	u32 gsi;

	table = new_table(chips ? MINIVMM_IOAPIC_NUM_PINS : 0);
	if (!table)
		return -ENOMEM;
	for (gsi = 0; gsi < table->count; gsi++) {
		add_pin(table, gsi, MINIVMM_IRQCHIP_IOAPIC, gsi);
		if (gsi < PIC_LINES)
			add_pin(table, gsi, gsi < 8 ? MINIVMM_IRQCHIP_PIC_MASTER :
						      MINIVMM_IRQCHIP_PIC_SLAVE,
				gsi % 8);
	}
	publish(vm, table);
	return 0;
}

/**
 * irq_route_free - free a VM's table
 * @vm: nobody uses it any more
 */
void irq_route_free(struct vm *vm)
{
	kvfree(rcu_dereference_protected(vm->routing, 1));
}

/* Where @gsi leads; NULL: nowhere. Inside rcu_read_lock(). */
static const struct irq_route *find_route(struct vm *vm, u32 gsi)
{
	const struct irq_routing *table = rcu_dereference(vm->routing);

	if (!table || gsi >= table->count)
		return NULL;
	return &table->route[array_index_nospec(gsi, table->count)];
}

/**
 * irq_route_ioapic_pin - where a GSI leads in the I/O APIC
 * @vm: the VM; inside rcu_read_lock()
 * @gsi: which
 *
 * Return: the bit of its pin; 0: it has none.
 */
u32 irq_route_ioapic_pin(struct vm *vm, u32 gsi)
{
	const struct irq_route *route = find_route(vm, gsi);
	u8 pin = route ? route->pins[MINIVMM_IRQCHIP_IOAPIC] : 0;

	return pin ? BIT(pin - 1) : 0;
}

static int set_pins(struct vm *vm, const struct irq_route *route,
		    enum irq_source source, bool level)
{
	unsigned int chip;
	int ret = -1;

	for (chip = 0; chip < MINIVMM_NR_IRQCHIPS; chip++) {
		int one;

		if (!route->pins[chip])
			continue;
		one = irqchip_set_line(vm->irqchip, chip, route->pins[chip] - 1,
				       source, level);
		if (one >= 0)
			ret = max(ret, 0) + one;
	}
	return ret;
}

static int set_route(struct vm *vm, const struct irq_route *route,
		     enum irq_source source, bool level)
{
	switch (route ? route->type : 0) {
	case MINIVMM_IRQ_ROUTING_IRQCHIP:
		return set_pins(vm, route, source, level);
	case MINIVMM_IRQ_ROUTING_MSI:
		return level ? irq_deliver_msi(vm, route->address, route->data) :
			       -1;
	default:
		return -1;
	}
}

/**
 * irq_route_set - an interrupt line changes
 * @vm: the VM; it has interrupt controllers
 * @source: who says so
 * @gsi: which line
 * @level: the source's level of it; a message is sent when it is true
 *
 * May be called with interrupts off.
 *
 * Return: how many CPUs were interrupted; 0: it was pending already; -1: masked,
 * or it leads nowhere.
 */
int irq_route_set(struct vm *vm, enum irq_source source, u32 gsi, bool level)
{
	int ret;

	rcu_read_lock();
	ret = set_route(vm, find_route(vm, gsi), source, level);
	rcu_read_unlock();
	return ret;
}

/**
 * irq_route_pulse - an edge on an interrupt line
 * @vm: the VM; it has interrupt controllers
 * @source: who says so
 * @gsi: which line; should its route change meanwhile, the old one is lowered
 *
 * May be called with interrupts off.
 */
void irq_route_pulse(struct vm *vm, enum irq_source source, u32 gsi)
{
	const struct irq_route *route;

	rcu_read_lock();
	route = find_route(vm, gsi);
	set_route(vm, route, source, true);
	set_route(vm, route, source, false);
	rcu_read_unlock();
}

/**
 * irq_acked - a guest has ended the interrupt of a pin
 * @vm: the VM
 * @chip: MINIVMM_IRQCHIP_*
 * @pin: of that chip
 *
 * To be called without locks; interrupts may be off. When it returns, whoever
 * holds the line up only until then has let go of it.
 */
void irq_acked(struct vm *vm, unsigned int chip, unsigned int pin)
{
	const struct irq_routing *table;
	int gsi;

	rcu_read_lock();
	table = rcu_dereference(vm->routing);
	gsi = table ? table->gsis[chip][pin] : -1;
	if (gsi >= 0)
		irqfd_acked(vm, gsi);
	rcu_read_unlock();
}

/**
 * irq_route_wants_eoi - the owner's I/O APIC wants to know of the end of an interrupt
 * @vm: the VM, whose interrupt controllers are split
 * @vector: the interrupt, level-triggered
 */
bool irq_route_wants_eoi(struct vm *vm, u8 vector)
{
	const struct irq_routing *table;
	bool wanted = false;
	u32 gsi;

	rcu_read_lock();
	table = rcu_dereference(vm->routing);
	for (gsi = 0; table && gsi < min(table->count, vm->owner_pins); gsi++) {
		const struct irq_route *route = &table->route[gsi];

		wanted |= route->type == MINIVMM_IRQ_ROUTING_MSI &&
			  route->data & BIT(15) && (u8)route->data == vector;
	}
	rcu_read_unlock();
	return wanted;
}
