// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced MMIO and PIO: writes that are not worth an exit each.
 *
 * The owner names zones whose writes can wait (a frame buffer in planar mode,
 * an index port). They are put into a ring that it can map, and it looks
 * through the ring when it comes by. Only when the ring is full does such a
 * write leave the guest as any other.
 *
 * The ring is a page of the VM's that every process with the vCPU's descriptor
 * can write to: what it says of itself is read once and checked.
 *
 * Read on in bus.c.
 */
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "backend.h"

#define RING_ENTRIES ((u32)((PAGE_SIZE - \
			     sizeof(struct minivmm_coalesced_mmio_ring)) / \
			    sizeof(struct minivmm_coalesced_mmio)))

/**
 * struct coalesced_zone - addresses whose writes are collected
 * @link: in vm->coalesced.zones
 * @pio: they are ports
 * @device: where
 */
struct coalesced_zone {
	struct list_head link;
	bool pio;
	struct bus_device device;
};

/* One entry stays free, or a full ring would look empty. */
static bool append_write(struct vm_coalesced *coalesced,
			 const struct minivmm_coalesced_mmio *write)
{
	struct minivmm_coalesced_mmio_ring *ring = coalesced->ring;
	u32 last = READ_ONCE(ring->last), next;

	if (last >= RING_ENTRIES)
		return false;
	next = (last + 1) % RING_ENTRIES;
	if (next == READ_ONCE(ring->first))
		return false;
	ring->coalesced_mmio[last] = *write;
	/* The owner sees the entry before it sees that there is one. */
	smp_store_release(&ring->last, next);
	return true;
}

static int coalesced_write(struct vcpu *vcpu, void *owner, u64 addr,
			   unsigned int len, const void *data)
{
	struct vm_coalesced *coalesced = &vcpu->vm->coalesced;
	const struct coalesced_zone *zone = owner;
	struct minivmm_coalesced_mmio write = {
		.phys_addr = addr,
		.len = len,
		.pio = zone->pio,
	};
	bool done;

	if (!zone->device.size)
		return -EOPNOTSUPP;
	memcpy(write.data, data, len);
	spin_lock(&coalesced->lock);
	done = append_write(coalesced, &write);
	spin_unlock(&coalesced->lock);
	return done ? 0 : -EOPNOTSUPP;
}

static const struct bus_ops coalesced_ops = {
	.write = coalesced_write,
};

static int add_zone(struct vm *vm, const struct minivmm_coalesced_mmio_zone *args)
{
	struct coalesced_zone *zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!zone)
		return -ENOMEM;
	zone->pio = args->pio;
	zone->device = (struct bus_device){
		.start = args->addr,
		.size = args->size,
		.ops = &coalesced_ops,
		.owner = zone,
	};
	ret = bus_attach(vm, zone->pio ? BUS_PIO : BUS_MMIO, &zone->device);
	if (ret) {
		kfree(zone);
		return ret;
	}
	list_add_tail(&zone->link, &vm->coalesced.zones);
	return 0;
}

/* All zones go that the given one is a part of. */
static void remove_zones(struct vm *vm,
			 const struct minivmm_coalesced_mmio_zone *args)
{
	struct coalesced_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &vm->coalesced.zones, link) {
		const struct bus_device *device = &zone->device;

		if (zone->pio != args->pio || args->addr < device->start ||
		    args->size > device->size ||
		    args->addr - device->start > device->size - args->size)
			continue;
		list_del(&zone->link);
		bus_detach(vm, zone->pio ? BUS_PIO : BUS_MMIO, &zone->device);
		kfree(zone);
	}
}

/**
 * coalesced_ioctl - serve REGISTER_COALESCED_MMIO and UNREGISTER_COALESCED_MMIO
 * @vm: the VM
 * @user: struct minivmm_coalesced_mmio_zone
 * @add: register; else unregister, which finds nothing wrong with no zone
 *
 * Return: 0; -EFAULT; -EINVAL: pio is neither 0 nor 1, or the range wraps;
 * -ENOSPC; -ENOMEM.
 */
long coalesced_ioctl(struct vm *vm, void __user *user, bool add)
{
	struct minivmm_coalesced_mmio_zone args;
	int ret = 0;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.pio > 1)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (add)
		ret = add_zone(vm, &args);
	else
		remove_zones(vm, &args);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * coalesced_init - make an empty ring for a new VM
 * @vm: the VM
 *
 * Return: 0 or -ENOMEM.
 */
int coalesced_init(struct vm *vm)
{
	spin_lock_init(&vm->coalesced.lock);
	INIT_LIST_HEAD(&vm->coalesced.zones);
	vm->coalesced.ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vm->coalesced.ring ? 0 : -ENOMEM;
}

/**
 * coalesced_destroy - undo coalesced_init()
 * @vm: nobody uses it any more
 */
void coalesced_destroy(struct vm *vm)
{
	struct coalesced_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &vm->coalesced.zones, link)
		kfree(zone);
	free_page((unsigned long)vm->coalesced.ring);
}
