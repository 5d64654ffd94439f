// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMIO test device, 128 bytes at 0xd0000000.
 *
 *   offset 0x00        identification, 4 bytes, read only: "mvmt"
 *   offset 0x04        counter, 4 bytes: each read gives one more than the
 *                      last; a write sets it
 *   offset 0x40..0x7f  bytes that remember what is written, in any width and
 *                      alignment
 *
 * A read of the counter has a side effect, so a hypervisor that emulates an
 * access twice is found out. Everything else is a hole: no device answers.
 * Read next: machine.c, which puts the devices together.
 */
#include <string.h>

#include "test_device.h"

enum { ID = 0x00, COUNTER = 0x04, BYTES = 0x40 };

static bool in_bytes(__u64 offset)
{
	/* The bus lets no access run over the end of the device. */
	return offset >= BYTES;
}

static bool test_read(struct bus_device *device, __u64 offset, __u64 *value,
		      unsigned int len)
{
	struct test_device *test = (struct test_device *)device;
	bool answered = true;

	pthread_mutex_lock(&test->lock);
	if (offset == ID && len == 4)
		*value = TEST_DEVICE_ID;
	else if (offset == COUNTER && len == 4)
		*value = ++test->counter;
	else if (in_bytes(offset))
		memcpy(value, test->bytes + (offset - BYTES), len);
	else
		answered = false;
	pthread_mutex_unlock(&test->lock);
	return answered;
}

static bool test_write(struct bus_device *device, __u64 offset, __u64 value,
		       unsigned int len)
{
	struct test_device *test = (struct test_device *)device;
	bool answered = true;

	pthread_mutex_lock(&test->lock);
	if (offset == COUNTER && len == 4)
		test->counter = (__u32)value;
	else if (in_bytes(offset))
		memcpy(test->bytes + (offset - BYTES), &value, len);
	else
		answered = false;
	pthread_mutex_unlock(&test->lock);
	return answered;
}

void test_device_init(struct test_device *test)
{
	memset(test, 0, sizeof(*test));
	test->device.space = BUS_MMIO;
	test->device.base = TEST_DEVICE_GPA;
	test->device.size = BYTES + TEST_DEVICE_BYTES;
	test->device.width = 8;
	test->device.read = test_read;
	test->device.write = test_write;
	pthread_mutex_init(&test->lock, NULL);
}
