/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eventfds, for tests of what they stand for: IRQFD, IOEVENTFD.
 */
#ifndef SELFTESTS_EVENTFD_H
#define SELFTESTS_EVENTFD_H

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ktap.h"

static inline int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	ASSERT_OK(fd);
	return fd;
}

/* How often it was signalled since the last time. */
static inline uint64_t count(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) == sizeof(value))
		return value;
	EXPECT_EQ(EAGAIN, errno);
	return 0;
}

#endif /* SELFTESTS_EVENTFD_H */
