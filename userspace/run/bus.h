/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bus: which device answers at which port or physical address.
 */
#ifndef RUN_BUS_H
#define RUN_BUS_H

#include <stdbool.h>

#include <linux/types.h>

/**
 * enum bus_space - x86 has two address spaces for devices
 * @BUS_PORT: IN and OUT, 64 Ki ports
 * @BUS_MMIO: guest physical addresses without memory behind them
 */
enum bus_space {
	BUS_PORT,
	BUS_MMIO,
};

/**
 * struct bus_device - a device's place on the bus
 * @space: in which address space
 * @base: first address
 * @size: number of addresses
 * @width: most bytes that it takes in one access; wider accesses reach it one
 *         byte at a time
 * @read: answer a read of @len bytes @offset bytes after @base; false when
 *        there is nothing to read there
 * @write: take a write; false when there is nothing to write there
 * @next: the list of all devices
 *
 * @read and @write are called by several vCPU threads at once: a device locks
 * its own state.
 */
struct bus_device {
	enum bus_space space;
	__u64 base;
	__u64 size;
	unsigned int width;
	bool (*read)(struct bus_device *device, __u64 offset, __u64 *value,
		     unsigned int len);
	bool (*write)(struct bus_device *device, __u64 offset, __u64 value,
		      unsigned int len);
	struct bus_device *next;
};

/**
 * struct bus - all devices; it does not change while vCPUs run
 * @first: list
 */
struct bus {
	struct bus_device *first;
};

/**
 * bus_add - put a device on the bus
 * @bus: the bus
 * @device: filled in but for @next; stays the caller's
 */
void bus_add(struct bus *bus, struct bus_device *device);

/**
 * bus_read - read from whatever is at an address
 * @bus: the bus
 * @space: address space
 * @address: first address
 * @data: filled in; all ones where no device answers
 * @len: 1 to 8 bytes
 *
 * Return: whether all of it was answered by devices
 */
bool bus_read(struct bus *bus, enum bus_space space, __u64 address, void *data,
	      unsigned int len);

/**
 * bus_write - write to whatever is at an address
 * @bus: the bus
 * @space: address space
 * @address: first address
 * @data: what to write; dropped where no device answers
 * @len: 1 to 8 bytes
 *
 * Return: whether all of it was taken by devices
 */
bool bus_write(struct bus *bus, enum bus_space space, __u64 address,
	       const void *data, unsigned int len);

#endif /* RUN_BUS_H */
