// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus: finds the device for a port or MMIO access.
 *
 * An access that no single device can take whole is done byte by byte, as the
 * ISA bus did it: a 2-byte OUT to an 8-bit device at 0x3f8 writes 0x3f8 and
 * then 0x3f9. Where there is no device a bus floats: reads give all ones,
 * writes vanish. The caller is told, so that it can tell the user.
 *
 * Read next: serial.c, a device.
 */
#include <string.h>

#include "bus.h"

void bus_add(struct bus *bus, struct bus_device *device)
{
	device->next = bus->first;
	bus->first = device;
}

static struct bus_device *find(struct bus *bus, enum bus_space space,
			       __u64 address, unsigned int len)
{
	struct bus_device *d;

	for (d = bus->first; d; d = d->next)
		if (d->space == space && address >= d->base &&
		    address - d->base < d->size &&
		    len <= d->size - (address - d->base) && len <= d->width)
			return d;
	return NULL;
}

bool bus_read(struct bus *bus, enum bus_space space, __u64 address, void *data,
	      unsigned int len)
{
	struct bus_device *d = find(bus, space, address, len);
	bool answered = true;
	__u64 value = 0;
	unsigned int i;

	if (d && d->read(d, address - d->base, &value, len)) {
		memcpy(data, &value, len);
		return true;
	}
	if (d || len == 1) {
		memset(data, 0xff, len);
		return false;
	}
	for (i = 0; i < len; i++)
		if (!bus_read(bus, space, address + i, (char *)data + i, 1))
			answered = false;
	return answered;
}

bool bus_write(struct bus *bus, enum bus_space space, __u64 address,
	       const void *data, unsigned int len)
{
	struct bus_device *d = find(bus, space, address, len);
	bool answered = true;
	__u64 value = 0;
	unsigned int i;

	if (d) {
		memcpy(&value, data, len);
		return d->write(d, address - d->base, value, len);
	}
	if (len == 1)
		return false;
	for (i = 0; i < len; i++)
		if (!bus_write(bus, space, address + i,
			       (const char *)data + i, 1))
			answered = false;
	return answered;
}
