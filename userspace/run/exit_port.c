// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit port, 0xf4: what a guest writes there becomes the exit status of
 * minivmm-run. It takes 1, 2 and 4 bytes at 0xf4; nothing can be read.
 *
 * QEMU has a device of the same kind at the same port (isa-debug-exit), whose
 * exit status is twice the value plus one.
 * Read next: test_device.c, a device in memory.
 */
#include "exit_port.h"

static bool exit_read(struct bus_device *device, __u64 offset, __u64 *value,
		      unsigned int len)
{
	(void)device;
	(void)offset;
	(void)value;
	(void)len;
	return false;
}

static bool exit_write(struct bus_device *device, __u64 offset, __u64 value,
		       unsigned int len)
{
	struct exit_port *port = (struct exit_port *)device;

	(void)len;
	if (offset)
		return false;
	port->end(port->context, value);
	return true;
}

void exit_port_init(struct exit_port *port,
		    void (*end)(void *context, __u64 value), void *context)
{
	*port = (struct exit_port){
		.device = {
			.space = BUS_PORT,
			.base = EXIT_PORT,
			.size = 4,
			.width = 4,
			.read = exit_read,
			.write = exit_write,
		},
		.end = end,
		.context = context,
	};
}
