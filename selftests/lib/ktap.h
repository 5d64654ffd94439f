/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame of every test program: tests, assertions and KTAP output.
 *
 *	#include "ktap.h"
 *
 *	TEST(create_vm_with_bad_type)
 *	{
 *		EXPECT_ERRNO(EINVAL, ioctl(device_open(), MINIVMM_CREATE_VM, 1));
 *	}
 *
 * There is no main() to write: each TEST registers itself, and main() of
 * ktap.c runs them in the order of the file. Each runs in a child process of
 * its own, so that one which crashes or hangs (KTAP_TIMEOUT seconds) is one
 * failure, and so that a test need not clean up: its file descriptors and
 * memory go with it.
 *
 * EXPECT_* notes a failure and goes on, ASSERT_* ends the test (from any of its
 * threads). A test that cannot run says SKIP(why).
 *
 * Programs take the device from the environment, MINIVMM_DEVICE (default
 * /dev/minivmm). Tests hold on /dev/kvm too, except those that start with
 * MINIVMM_ONLY(why): there the two differ on purpose, or KVM has no such thing.
 *
 * Arguments of a program are names of tests: only these run; -l lists them.
 * Read next: vm.h, which builds virtual machines for tests.
 */
#ifndef SELFTESTS_KTAP_H
#define SELFTESTS_KTAP_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KTAP_TIMEOUT	60

#define __noreturn		__attribute__((noreturn))
#define __printf(fmt, args)	__attribute__((format(printf, fmt, args)))

struct ktap_test {
	const char *name;
	void (*run)(void);
	struct ktap_test *next;
};

void ktap_register(struct ktap_test *test);

/* What main() does, for programs that have one of their own. */
int ktap_main(int argc, char **argv);

/* Ends the test here. The words become its line's SKIP reason. */
void ktap_skip(const char *fmt, ...) __noreturn __printf(1, 2);

/* Notes that the test has failed, and why; ktap_abort() ends it. */
void ktap_fail(const char *file, int line, const char *fmt, ...) __printf(3, 4);
void ktap_abort(void) __noreturn;

/* A line of information below the test's result. */
void ktap_note(const char *fmt, ...) __printf(1, 2);

/* Is MINIVMM_DEVICE KVM itself, the oracle? */
bool on_kvm(void);
const char *device_path(void);

#define TEST(test_name) \
	static void test_name(void); \
	static struct ktap_test ktap_##test_name = { #test_name, test_name, NULL }; \
	__attribute__((constructor)) static void ktap_add_##test_name(void) \
	{ \
		ktap_register(&ktap_##test_name); \
	} \
	static void test_name(void)

#define SKIP(...)	ktap_skip(__VA_ARGS__)

#define MINIVMM_ONLY(why) \
	do { \
		if (on_kvm()) \
			SKIP("not on KVM: %s", why); \
	} while (0)

#define KTAP_CHECK(then, cond, ...) \
	do { \
		if (!(cond)) { \
			ktap_fail(__FILE__, __LINE__, __VA_ARGS__); \
			then; \
		} \
	} while (0)

#define KTAP_EQ(then, expected, actual) \
	do { \
		unsigned long long e_ = (unsigned long long)(expected); \
		unsigned long long a_ = (unsigned long long)(actual); \
		\
		KTAP_CHECK(then, e_ == a_, "%s is %#llx (%lld), expected %#llx (%s)", \
			   #actual, a_, (long long)a_, e_, #expected); \
	} while (0)

/* The call must return -1 with this errno. */
#define KTAP_ERRNO(then, number, call) \
	do { \
		errno = 0; \
		long r_ = (call); \
		int e_ = errno; \
		\
		KTAP_CHECK(then, r_ == -1 && e_ == (number), \
			   "%s returned %ld (%s), expected -1 with %s", \
			   #call, r_, r_ == -1 ? strerror(e_) : "no error", #number); \
	} while (0)

/* The call must not return -1; what it returns is not looked at further. */
#define KTAP_OK(then, call) \
	do { \
		errno = 0; \
		long r_ = (call); \
		int e_ = errno; \
		\
		KTAP_CHECK(then, r_ != -1, "%s failed: %s", #call, strerror(e_)); \
	} while (0)

#define EXPECT(cond, ...)		KTAP_CHECK(, cond, __VA_ARGS__)
#define EXPECT_TRUE(cond)		KTAP_CHECK(, cond, "not true: %s", #cond)
#define EXPECT_EQ(expected, actual)	KTAP_EQ(, expected, actual)
#define EXPECT_ERRNO(number, call)	KTAP_ERRNO(, number, call)
#define EXPECT_OK(call)			KTAP_OK(, call)

#define ASSERT(cond, ...)		KTAP_CHECK(ktap_abort(), cond, __VA_ARGS__)
#define ASSERT_TRUE(cond)		KTAP_CHECK(ktap_abort(), cond, "not true: %s", #cond)
#define ASSERT_EQ(expected, actual)	KTAP_EQ(ktap_abort(), expected, actual)
#define ASSERT_ERRNO(number, call)	KTAP_ERRNO(ktap_abort(), number, call)
#define ASSERT_OK(call)			KTAP_OK(ktap_abort(), call)

#endif /* SELFTESTS_KTAP_H */
