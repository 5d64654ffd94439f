/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CMOS: a clock that runs while the machine is off, and a few bytes in
 * which the firmware leaves what it has found.
 */
#ifndef RUN_CMOS_H
#define RUN_CMOS_H

#include <pthread.h>

#include "bus.h"

#define CMOS_PORT		0x70
#define CMOS_SIZE		128

/**
 * struct cmos - the chip's state
 * @device: its place on the bus; first, so that its address is the chip's
 * @lock: protects the rest
 * @index: the register that the data port reaches
 * @bytes: the registers; those of the time only while it is being set
 * @offset: seconds by which the guest's clock is ahead of the host's
 * @now: seconds since 1970, UTC; called with the lock
 */
struct cmos {
	struct bus_device device;
	pthread_mutex_t lock;
	unsigned char index;
	unsigned char bytes[CMOS_SIZE];
	long long offset;
	long long (*now)(void);
};

/**
 * cmos_init - a CMOS as the firmware leaves it, not yet on a bus
 * @cmos: filled in
 * @memory: bytes of memory that the machine has
 * @now: see struct cmos
 */
void cmos_init(struct cmos *cmos, __u64 memory, long long (*now)(void));

/**
 * cmos_restore - take over a saved CMOS's bytes and how far its clock is off
 * @cmos: never used
 * @saved: what a CMOS was; may hold anything
 */
void cmos_restore(struct cmos *cmos, const struct cmos *saved);

#endif /* RUN_CMOS_H */
