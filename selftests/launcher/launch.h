/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs minivmm-run as a user does and keeps what it prints.
 *
 * The launcher is $USERSPACE/minivmm-run and the guests $USERSPACE/guests/;
 * in the test host USERSPACE is /userspace (see host-files).
 */
#ifndef SELFTESTS_LAUNCH_H
#define SELFTESTS_LAUNCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"

#define OUTPUT_SIZE	65536
#define MAX_ARGS	24

/**
 * struct result - what a run of the launcher left
 * @status: exit status, or 128 + signal
 * @out: standard output, ended by a NUL
 * @err: standard error, likewise
 */
struct result {
	int status;
	char out[OUTPUT_SIZE];
	char err[OUTPUT_SIZE];
};

static inline const char *userspace(const char *name)
{
	static char paths[8][256];
	static int next;
	const char *top = getenv("USERSPACE");
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", top ? top : "/userspace",
		 name);
	return path;
}

static inline const char *guest(const char *name)
{
	char with_folder[64];

	snprintf(with_folder, sizeof(with_folder), "guests/%s.bin", name);
	return userspace(with_folder);
}

/* Does not return. The signals of this thread are as a shell leaves them. */
static inline void launch_exec(const char *const args[])
{
	const char *argv[MAX_ARGS + 2] = { "minivmm-run" };
	int i;

	for (i = 0; args[i] && i < MAX_ARGS; i++)
		argv[i + 1] = args[i];
	signal(SIGPIPE, SIG_DFL);
	execv(userspace("minivmm-run"), (char **)argv);
	_exit(127);
}

static inline int exit_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) :
	       128 + WTERMSIG(wait_status);
}

/* Reads what there is; false at the end. */
static inline bool drain(int fd, char *text)
{
	size_t len = strlen(text);
	ssize_t n = read(fd, text + len, OUTPUT_SIZE - 1 - len);

	if (n <= 0)
		return false;
	text[len + n] = '\0';
	return true;
}

static inline void collect(struct result *result, int out, int err)
{
	struct pollfd fds[] = {
		{ .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN },
	};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		poll(fds, 2, -1);
		if (fds[0].revents && !drain(out, result->out))
			fds[0].fd = -1;
		if (fds[1].revents && !drain(err, result->err))
			fds[1].fd = -1;
	}
}

/* @input is what standard input holds; it must fit into a pipe. */
static inline void launch_args(struct result *result, const char *input,
			       const char *const args[])
{
	int in[2], out[2], err[2], status;
	pid_t pid;

	memset(result, 0, sizeof(*result));
	ASSERT_OK(pipe(in));
	ASSERT_OK(pipe(out));
	ASSERT_OK(pipe(err));
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		close(in[1]);
		close(out[0]);
		close(err[0]);
		launch_exec(args);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	ASSERT_EQ(strlen(input), write(in[1], input, strlen(input)));
	close(in[1]);
	collect(result, out[0], err[0]);
	close(out[0]);
	close(err[0]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	result->status = exit_status(status);
}

/* launch(&result, "input", "--option", ..., "guest.bin") */
#define launch(result, input, ...) \
	launch_args(result, input, (const char *const[]){ __VA_ARGS__, NULL })

/* The same with the device that is under test. */
#define launch_device(result, input, ...) \
	launch(result, input, "--device", device_path(), __VA_ARGS__)

static inline void expect_text(const char *file, int line, const char *what,
			       const char *expected, const char *actual)
{
	if (strcmp(expected, actual))
		ktap_fail(file, line, "%s is \"%s\", expected \"%s\"", what,
			  actual, expected);
}

static inline void expect_contains(const char *file, int line, const char *what,
				   const char *part, const char *actual)
{
	if (!strstr(actual, part))
		ktap_fail(file, line, "%s is \"%s\", which lacks \"%s\"", what,
			  actual, part);
}

/* The launcher refused with this line, and said nothing else. */
static inline void expect_refused(const char *file, int line,
				  const struct result *result,
				  const char *words)
{
	char message[512];

	snprintf(message, sizeof(message), "minivmm-run: %s\n", words);
	if (result->status != 2)
		ktap_fail(file, line, "exit status is %d, expected 2",
			  result->status);
	expect_text(file, line, "standard error", message, result->err);
	expect_text(file, line, "standard output", "", result->out);
}

#define EXPECT_TEXT(actual, expected) \
	expect_text(__FILE__, __LINE__, #actual, expected, actual)
#define EXPECT_CONTAINS(actual, part) \
	expect_contains(__FILE__, __LINE__, #actual, part, actual)
#define EXPECT_REFUSED(result, words) \
	expect_refused(__FILE__, __LINE__, result, words)

/* A guest given by its bytes; the launcher inherits the file without a name. */
static inline const char *guest_file(const void *bytes, size_t size)
{
	static char paths[8][32];
	static int next;
	char *path = paths[next++ % 8];
	int fd = memfd_create("guest", 0);

	ASSERT_TRUE(fd >= 0);
	ASSERT_EQ(size, write(fd, bytes, size));
	snprintf(path, sizeof(paths[0]), "/proc/self/fd/%d", fd);
	return path;
}

/* Bytes of which guests are made: out %al to the port that follows; and hlt. */
#define OUT_AL		0xe6
#define EXIT_PORT	0xf4
#define HLT		0xf4

#define GUEST(...) \
	guest_file((const unsigned char[]){ __VA_ARGS__ }, \
		   sizeof((const unsigned char[]){ __VA_ARGS__ }))

#endif /* SELFTESTS_LAUNCH_H */
