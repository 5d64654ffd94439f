/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM's devices in the kernel, by the address that the guest uses. See bus.c.
 */
#ifndef MINIVMM_BUS_H
#define MINIVMM_BUS_H

#include <linux/rcupdate.h>
#include <linux/types.h>

struct vcpu;
struct vm;

enum bus_kind {
	BUS_MMIO,
	BUS_PIO,
	BUS_FAST_MMIO,	/* writes of which only the address matters */
	NR_BUSES
};

/**
 * struct bus_ops - what a device does
 * @read: reads @len (1 to 8) bytes at @addr into @data; NULL: it is never read
 * @write: writes them; on BUS_FAST_MMIO, @len is 0 and @data NULL
 *
 * Both return 0, or -EOPNOTSUPP: not mine, ask the next device. They may be
 * called with interrupts off and on several CPUs at once, and must not sleep.
 * @vcpu is the one that makes the access.
 */
struct bus_ops {
	int (*read)(struct vcpu *vcpu, void *owner, u64 addr, unsigned int len,
		    void *data);
	int (*write)(struct vcpu *vcpu, void *owner, u64 addr,
		     unsigned int len, const void *data);
};

/**
 * struct bus_device - one range of addresses on a bus
 * @start: the first
 * @size: how many; an access counts if all of it is inside; 0: any access that
 *        begins at @start
 * @ops: see there
 * @owner: passed to @ops
 */
struct bus_device {
	u64 start;
	u64 size;
	const struct bus_ops *ops;
	void *owner;
};

/**
 * struct bus - the devices on one bus
 * @devices: the array in use
 */
struct bus {
	struct bus_array __rcu *devices;
};

/**
 * bus_is_empty - there never was a device on this bus
 * @bus: the bus
 */
static inline bool bus_is_empty(const struct bus *bus)
{
	return !rcu_access_pointer(bus->devices);
}

int bus_attach(struct vm *vm, enum bus_kind kind, struct bus_device *device);
void bus_detach(struct vm *vm, enum bus_kind kind,
		struct bus_device *device);
void bus_free(struct vm *vm);
int bus_read(struct vcpu *vcpu, enum bus_kind kind, u64 addr, unsigned int len,
	     void *data);
int bus_write(struct vcpu *vcpu, enum bus_kind kind, u64 addr,
	      unsigned int len, const void *data);

#endif
