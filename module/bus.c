// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports and MMIO that the kernel serves itself.
 *
 * An access that leaves the guest is offered to the devices at its address
 * before the owner hears of it: interrupt controllers and timers, writes that
 * signal an eventfd (irqchip/ioeventfd.c), writes that are only collected
 * (coalesced.c). Several devices may be at one address: the first that takes
 * the access has it, the one that begins nearest to the address first.
 *
 * A bus is one array sorted by address. Accesses come from the window, where
 * interrupts are off and nobody may wait, so it is protected by RCU: a new
 * device is published in a new array; one that goes is struck out of the array,
 * which cannot fail, and its place is reused by the next that comes.
 *
 * Read on in emulation.c, from where accesses come.
 */
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "backend.h"
#include "bus.h"

/* With interrupts off, an access may meet all of them. */
#define BUS_MAX_DEVICES	4096

/**
 * struct bus_array - the devices on a bus, sorted by address
 * @rcu: to free it
 * @count: how many entries there are
 * @entry: each; reach: the last address of this and of all entries before it;
 *         device: NULL once it is gone
 */
struct bus_array {
	struct rcu_head rcu;
	unsigned int count;
	struct {
		u64 start;
		u64 reach;
		struct bus_device __rcu *device;
	} entry[];
};

static void append(struct bus_array *array, struct bus_device *device)
{
	unsigned int n = array->count++;
	u64 last = device->start + (device->size ? device->size - 1 : 0);

	array->entry[n].start = device->start;
	array->entry[n].reach = last;
	if (n)
		array->entry[n].reach = max(last, array->entry[n - 1].reach);
	RCU_INIT_POINTER(array->entry[n].device, device);
}

/* What is in @old and @new; of equal addresses the oldest is the last. */
static struct bus_array *copy_with(struct vm *vm, const struct bus_array *old,
				   struct bus_device *new)
{
	unsigned int i, count = old ? old->count : 0;
	struct bus_array *array;
	struct bus_device *device;

	array = kvzalloc(struct_size(array, entry, count + 1),
			 GFP_KERNEL_ACCOUNT);
	if (!array)
		return NULL;
	for (i = 0; i < count; i++) {
		device = rcu_dereference_protected(old->entry[i].device,
						   lockdep_is_held(&vm->lock));
		if (!device)
			continue;
		if (new && new->start <= device->start) {
			append(array, new);
			new = NULL;
		}
		append(array, device);
	}
	if (new)
		append(array, new);
	return array;
}

/**
 * bus_attach - add a device
 * @vm: its lock is held
 * @kind: of the bus
 * @device: stays the caller's, and as it is until it is detached
 *
 * Return: 0; -EINVAL: the range wraps; -ENOSPC: too many devices; -ENOMEM.
 */
int bus_attach(struct vm *vm, enum bus_kind kind, struct bus_device *device)
{
	struct bus *bus = &vm->buses[kind];
	struct bus_array *old, *array;

	if (device->size && device->start + (device->size - 1) < device->start)
		return -EINVAL;
	old = rcu_dereference_protected(bus->devices,
					lockdep_is_held(&vm->lock));
	array = copy_with(vm, old, device);
	if (!array)
		return -ENOMEM;
	if (array->count > BUS_MAX_DEVICES) {
		kvfree(array);
		return -ENOSPC;
	}
	rcu_assign_pointer(bus->devices, array);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * bus_detach - remove a device
 * @vm: its lock is held
 * @kind: of the bus
 * @device: when this returns, nobody uses it any more
 */
void bus_detach(struct vm *vm, enum bus_kind kind,
		struct bus_device *device)
{
	struct bus_array *array;
	unsigned int i;

	array = rcu_dereference_protected(vm->buses[kind].devices,
					  lockdep_is_held(&vm->lock));
	for (i = 0; array && i < array->count; i++)
		if (rcu_access_pointer(array->entry[i].device) == device)
			RCU_INIT_POINTER(array->entry[i].device, NULL);
	synchronize_rcu_expedited();
}

/**
 * bus_free - forget all devices of a VM
 * @vm: nobody uses it any more; the devices are their owners' to free
 */
void bus_free(struct vm *vm)
{
	int kind;

	for (kind = 0; kind < NR_BUSES; kind++)
		kvfree(rcu_dereference_protected(vm->buses[kind].devices, 1));
}

/* How many entries start at @addr or below. */
static unsigned int starts_below(const struct bus_array *array, u64 addr)
{
	unsigned int low = 0, high = array->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (array->entry[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_inside(const struct bus_device *device, u64 addr,
		      unsigned int len)
{
	if (!device->size)
		return addr == device->start;
	return len <= device->size &&
	       addr - device->start <= device->size - len;
}

/*
 * The next device for an access, after the *@left first entries have been left
 * to look at; NULL: there is none.
 */
static const struct bus_device *next_device(const struct bus_array *array,
					    unsigned int *left, u64 addr,
					    unsigned int len)
{
	const struct bus_device *device;

	while (*left && array->entry[*left - 1].reach >= addr) {
		device = rcu_dereference(array->entry[--*left].device);
		if (device && is_inside(device, addr, len))
			return device;
	}
	return NULL;
}

/* Offers an access, a write of *@in or a read into *@out, to one device. */
static int offer(const struct bus_device *device, struct vcpu *vcpu, u64 addr,
		 unsigned int len, const void *in, void *out)
{
	const struct bus_ops *ops = device->ops;

	if (out && ops->read)
		return ops->read(vcpu, device->owner, addr, len, out);
	if (!out && ops->write)
		return ops->write(vcpu, device->owner, addr, len, in);
	return -EOPNOTSUPP;
}

static int walk(struct vcpu *vcpu, enum bus_kind kind, u64 addr,
		unsigned int len, const void *in, void *out)
{
	const struct bus_array *array;
	const struct bus_device *device;
	int ret = -EOPNOTSUPP;
	unsigned int left;

	if (bus_is_empty(&vcpu->vm->buses[kind]))
		return ret;
	rcu_read_lock();
	array = rcu_dereference(vcpu->vm->buses[kind].devices);
	left = starts_below(array, addr);
	while (ret && (device = next_device(array, &left, addr, len)))
		ret = offer(device, vcpu, addr, len, in, out);
	rcu_read_unlock();
	return ret;
}

/**
 * bus_read - offer a read to the devices on a bus
 * @vcpu: that makes it
 * @kind: of the bus
 * @addr: where
 * @len: bytes, 1 to 8
 * @data: what was read, unless nobody took it
 *
 * Return: 0, or -EOPNOTSUPP: there is no such device.
 */
int bus_read(struct vcpu *vcpu, enum bus_kind kind, u64 addr, unsigned int len,
	     void *data)
{
	return walk(vcpu, kind, addr, len, NULL, data);
}

/**
 * bus_write - offer a write to the devices on a bus
 * @vcpu: that makes it
 * @kind: of the bus
 * @addr: where
 * @len: bytes, 1 to 8; 0 on BUS_FAST_MMIO
 * @data: what is written
 *
 * Return: 0, or -EOPNOTSUPP: there is no such device.
 */
int bus_write(struct vcpu *vcpu, enum bus_kind kind, u64 addr,
	      unsigned int len, const void *data)
{
	return walk(vcpu, kind, addr, len, data, NULL);
}
