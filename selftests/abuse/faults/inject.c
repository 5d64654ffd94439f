// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making the n-th point of a call fail at which it could: /proc/PID/fail-nth.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"
#include "ktap.h"
#include "module.h"

#define DEBUG		"/sys/kernel/debug/"

/* The whole text in one write; false if that failed. */
static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return done;
}

void setup_faults(void)
{
	MINIVMM_ONLY("its allocations are not ours");
	if (access("/proc/thread-self/fail-nth", W_OK))
		SKIP("this kernel has no fault injection: take scripts/testhost --kernel debug");
	ASSERT_TRUE(write_file(DEBUG "failslab/ignore-gfp-wait", "N"));
	ASSERT_TRUE(write_file(DEBUG "failslab/verbose", "0"));
	ASSERT_TRUE(write_file(DEBUG "fail_page_alloc/ignore-gfp-wait", "N"));
	ASSERT_TRUE(write_file(DEBUG "fail_page_alloc/ignore-gfp-highmem", "N"));
	ASSERT_TRUE(write_file(DEBUG "fail_page_alloc/min-order", "0"));
	ASSERT_TRUE(write_file(DEBUG "fail_page_alloc/verbose", "0"));
	ASSERT_TRUE(write_file(DEBUG "fail_usercopy/verbose", "0"));
}

/* ---- one call with its n-th point failing ---- */

static void arm(unsigned int n)
{
	char text[16];
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC), len;

	len = snprintf(text, sizeof(text), "%u", n);
	ASSERT_EQ(len, write(fd, text, len));
	/* close() frees, and does not allocate */
	syscall(SYS_close, fd);
}

static unsigned int disarm(int fd)
{
	char text[16] = "";
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0), done = -1;

	/* These two copy as well: where one fails, a point was left for it. */
	for (unsigned int i = 0; done < 0 && i < 3; i++)
		done = write(fd, "0", 1);
	ASSERT_EQ(1, done);
	return len > 0 ? strtoul(text, NULL, 10) : 1;
}

struct result with_fault(unsigned int n, long (*call)(void))
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	struct result result;

	ASSERT_TRUE(fd >= 0);
	arm(n);
	errno = 0;
	result.value = call();
	result.error = errno;
	result.left = disarm(fd);
	close(fd);
	return result;
}

const int no_memory[] = { ENOMEM, 0 };
const int no_memory_or_fault[] = { ENOMEM, EFAULT, 0 };

static bool error_is_known(const int *errors, int error)
{
	for (; *errors; errors++)
		if (*errors == error)
			return true;
	return false;
}

struct result attempt(const struct subject *subject, unsigned int n)
{
	struct result result;

	if (subject->before)
		subject->before();
	result = with_fault(n, subject->call);
	if (subject->after)
		subject->after(result.value);
	return result;
}

struct tally {
	unsigned int failed, faults, survived;
};

/* Until the call has no n-th point any more. */
static void try_each(const struct subject *subject, unsigned int points, struct tally *tally)
{
	struct result result = { 0 };
	unsigned int n;

	for (n = 1; n < points + 50; n++) {
		result = attempt(subject, n);
		if (result.left)
			break;
		if (result.value != -1)
			tally->survived++;
		else if (error_is_known(subject->errors, result.error))
			result.error == EFAULT ? tally->faults++ : tally->failed++;
		else
			EXPECT(false, "%s: point %u failed with %s", subject->name, n,
			       strerror(result.error));
	}
	EXPECT(result.left && result.value != -1, "%s: still failing at point %u", subject->name,
	       n);
}

void try_all(const struct subject *subject)
{
	struct result result = attempt(subject, MANY);
	struct tally tally = { 0 };

	ASSERT(result.value != -1, "%s: %s without any fault", subject->name,
	       strerror(result.error));
	/* A cache that is full one time and empty the next shifts the points. */
	for (unsigned int i = 0; i < 2; i++)
		try_each(subject, MANY - result.left, &tally);
	/* and afterwards, without any */
	result = attempt(subject, MANY);
	EXPECT(result.value != -1, "%s: %s after all that", subject->name,
	       strerror(result.error));
	ktap_note("%s: %u points failed: %u times no memory, %u times EFAULT, %u times no harm",
		  subject->name, tally.failed + tally.faults + tally.survived, tally.failed,
		  tally.faults, tally.survived);
}

void expect_nothing_stays(long references)
{
	for (unsigned int i = 0; i < 200; i++) {
		if (!module_vms() && module_references() == references)
			return;
		usleep(10000);
	}
	EXPECT(false, "left behind: %d VMs in debugfs, %ld references on the module, not %ld",
	       module_vms(), module_references(), references);
}
