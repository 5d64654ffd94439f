/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A serial port.
 */
#ifndef RUN_SERIAL_H
#define RUN_SERIAL_H

#include <pthread.h>
#include <stddef.h>

#include "bus.h"

#define SERIAL_PORT		0x3f8
#define SERIAL_FIFO_SIZE	16

/**
 * struct serial - the port's state
 * @device: its place on the bus; first, so that its address is the port's
 * @lock: protects all that follows up to @output
 * @fifo: bytes received that the guest has not read; a ring
 * @head: index of the oldest
 * @count: how many
 * @listening: the guest wants input; until then it waits outside
 * @hung_up: no more input will come
 * @carrier_fell: the change of carrier detect was not read yet
 * @thr_pending: "transmitter empty" is to be told in IIR
 * @overrun: input was lost; told in LSR once
 * @ier: interrupt enable register
 * @fcr: FIFO control register
 * @lcr: line control register
 * @mcr: modem control register
 * @scratch: scratch register
 * @divisor: baud rate divisor
 * @output: takes a byte that the guest sent; called without the lock
 * @room: called without the lock when there may be room for input again
 * @interrupt: the interrupt line rises or falls; called with the lock. NULL if
 *             there is no line
 * @line: its level
 * @context: argument of all three
 */
struct serial {
	struct bus_device device;
	pthread_mutex_t lock;
	unsigned char fifo[SERIAL_FIFO_SIZE];
	unsigned int head, count;
	bool listening, hung_up, carrier_fell, thr_pending, overrun;
	unsigned char ier, fcr, lcr, mcr, scratch;
	unsigned short divisor;
	void (*output)(void *context, unsigned char byte);
	void (*room)(void *context);
	void (*interrupt)(void *context, bool level);
	bool line;
	void *context;
};

/**
 * serial_init - a serial port as after reset, not yet on a bus
 * @serial: filled in
 * @output: see struct serial
 * @room: see struct serial
 * @context: see struct serial
 */
void serial_init(struct serial *serial,
		 void (*output)(void *context, unsigned char byte),
		 void (*room)(void *context), void *context);

/**
 * serial_input - bytes arrive from outside
 * @serial: the port
 * @data: the bytes
 * @size: how many
 *
 * Return: how many there was room for; serial->room() is called before there
 * is more
 */
size_t serial_input(struct serial *serial, const unsigned char *data,
		    size_t size);

/**
 * serial_hang_up - the other end is gone; carrier detect falls once the guest
 * has read all that was received
 * @serial: the port
 */
void serial_hang_up(struct serial *serial);

/**
 * serial_restore - take over the registers and bytes of a saved port
 * @serial: never used
 * @saved: what a port was; may hold anything
 */
void serial_restore(struct serial *serial, const struct serial *saved);

#endif /* RUN_SERIAL_H */
