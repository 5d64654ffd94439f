/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device in physical memory to try MMIO on.
 */
#ifndef RUN_TEST_DEVICE_H
#define RUN_TEST_DEVICE_H

#include <pthread.h>

#include "bus.h"

#define TEST_DEVICE_GPA		0xd0000000ULL
#define TEST_DEVICE_ID		0x746d766dU	/* "mvmt" in memory */
#define TEST_DEVICE_BYTES	64

/**
 * struct test_device - the device's state
 * @device: its place on the bus; first, so that its address is the device's
 * @lock: protects the rest
 * @counter: reads of the counter so far
 * @bytes: memory that remembers what is written
 */
struct test_device {
	struct bus_device device;
	pthread_mutex_t lock;
	__u32 counter;
	unsigned char bytes[TEST_DEVICE_BYTES];
};

/**
 * test_device_init - a test device as after reset, not yet on a bus
 * @test: filled in
 */
void test_device_init(struct test_device *test);

#endif /* RUN_TEST_DEVICE_H */
