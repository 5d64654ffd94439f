/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A port by which the guest ends the run and sets the exit status.
 */
#ifndef RUN_EXIT_PORT_H
#define RUN_EXIT_PORT_H

#include "bus.h"

#define EXIT_PORT		0xf4
#define EXIT_STATUS_MAX		255

/**
 * struct exit_port - the port
 * @device: its place on the bus; first, so that its address is the port's
 * @end: called with what the guest wrote
 * @context: argument of @end
 */
struct exit_port {
	struct bus_device device;
	void (*end)(void *context, __u64 value);
	void *context;
};

/**
 * exit_port_init - an exit port, not yet on a bus
 * @port: filled in
 * @end: see struct exit_port
 * @context: see struct exit_port
 */
void exit_port_init(struct exit_port *port,
		    void (*end)(void *context, __u64 value), void *context);

#endif /* RUN_EXIT_PORT_H */
