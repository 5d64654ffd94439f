/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the guest switches itself off or resets itself, and the ports that a PC
 * must have besides.
 */
#ifndef RUN_POWER_H
#define RUN_POWER_H

#include <pthread.h>

#include "bus.h"

/**
 * enum power_event - what the guest asks for
 * @POWER_OFF: ACPI's sleeping state S5
 * @POWER_RESET: start again
 */
enum power_event {
	POWER_OFF,
	POWER_RESET,
};

/**
 * struct power - ACPI's fixed registers, and two ways to reset
 * @pm: ACPI's registers on the bus
 * @reset: the reset control register on the bus
 * @keyboard: the keyboard controller on the bus
 * @delay: port 0x80 on the bus
 * @lock: protects the next two
 * @enable: PM1 enable register
 * @control: PM1 control register
 * @asked: called without the lock with what the guest asks for
 * @nanoseconds: a clock that never goes back
 * @context: argument of @asked
 */
struct power {
	struct bus_device pm, reset, keyboard, delay;
	pthread_mutex_t lock;
	unsigned short enable, control;
	void (*asked)(void *context, enum power_event event);
	__u64 (*nanoseconds)(void);
	void *context;
};

/**
 * power_init - the ports as after reset, not yet on a bus
 * @power: filled in
 * @asked: see struct power
 * @nanoseconds: see struct power
 * @context: see struct power
 */
void power_init(struct power *power,
		void (*asked)(void *context, enum power_event event),
		__u64 (*nanoseconds)(void), void *context);

/**
 * power_add - put all of it on the bus
 * @power: from power_init()
 * @bus: the bus
 */
void power_add(struct power *power, struct bus *bus);

/**
 * power_restore - take over saved registers
 * @power: never used
 * @saved: what they were
 */
void power_restore(struct power *power, const struct power *saved);

#endif /* RUN_POWER_H */
