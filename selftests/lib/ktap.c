// SPDX-License-Identifier: GPL-2.0-only
/*
 * main() of test programs: runs the registered tests, each in a child process,
 * and prints KTAP version 1.
 *
 * The child reports through its exit status and a pipe that carries the SKIP
 * reason. Whatever else ends it (a signal, an exit from elsewhere) is a failure
 * that names the cause. Its whole process group is killed when it has ended, so
 * that a test's own children never outlive it.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"

/* None is a status with which a test could end by accident. */
enum { KTAP_PASS = 40, KTAP_FAIL = 41, KTAP_SKIP = 42 };

static struct ktap_test *ktap_first;
static struct ktap_test **ktap_last = &ktap_first;
static atomic_int ktap_failed;		/* threads may fail too */
static int ktap_reason_fd = -1;

void ktap_register(struct ktap_test *test)
{
	*ktap_last = test;
	ktap_last = &test->next;
}

/* One write per line, so that lines of several processes do not mix. */
static void print_line(const char *prefix, const char *fmt, va_list ap)
{
	char text[1024];
	int at = snprintf(text, sizeof(text), "%s", prefix);
	int len = vsnprintf(text + at, sizeof(text) - at - 1, fmt, ap);

	len = at + len < (int)sizeof(text) - 1 ? at + len : (int)sizeof(text) - 2;
	for (char *p = text; p < text + len; p++)
		if (*p == '\n')
			*p = ' ';
	text[len++] = '\n';
	if (write(STDOUT_FILENO, text, len) != len)
		_exit(KTAP_FAIL);
}

void ktap_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line("# ", fmt, ap);
	va_end(ap);
}

void ktap_fail(const char *file, int line, const char *fmt, ...)
{
	char where[300];
	va_list ap;

	ktap_failed = 1;
	snprintf(where, sizeof(where), "# %s:%d: ", file, line);
	va_start(ap, fmt);
	print_line(where, fmt, ap);
	va_end(ap);
}

void ktap_abort(void)
{
	_exit(KTAP_FAIL);
}

void ktap_skip(const char *fmt, ...)
{
	va_list ap;

	/* What failed before has failed, whatever is missing after it. */
	if (ktap_failed)
		_exit(KTAP_FAIL);
	va_start(ap, fmt);
	vdprintf(ktap_reason_fd, fmt, ap);
	va_end(ap);
	_exit(KTAP_SKIP);
}

const char *device_path(void)
{
	const char *path = getenv("MINIVMM_DEVICE");

	return path ? path : "/dev/minivmm";
}

bool on_kvm(void)
{
	char real[4096];

	return realpath(device_path(), real) && !strcmp(real, "/dev/kvm");
}

static void run_child(const struct ktap_test *test, int reason_fd)
{
	setpgid(0, 0);
	ktap_reason_fd = reason_fd;
	alarm(KTAP_TIMEOUT);
	test->run();
	_exit(ktap_failed ? KTAP_FAIL : KTAP_PASS);
}

/* True unless the test failed. */
static bool run_test(const struct ktap_test *test, int number)
{
	char reason[500] = "";
	int fds[2], status;
	ssize_t len;
	pid_t pid = -1;

	fflush(stdout);
	if (!pipe(fds))
		pid = fork();
	if (pid < 0) {
		printf("not ok %d %s # cannot start: %s\n", number, test->name, strerror(errno));
		return false;
	}
	if (!pid)
		run_child(test, fds[1]);
	setpgid(pid, pid);
	close(fds[1]);
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	len = read(fds[0], reason, sizeof(reason) - 1);
	reason[len > 0 ? len : 0] = '\0';
	close(fds[0]);

	if (WIFEXITED(status) && WEXITSTATUS(status) == KTAP_PASS) {
		printf("ok %d %s\n", number, test->name);
		return true;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == KTAP_SKIP) {
		printf("ok %d %s # SKIP %s\n", number, test->name, reason);
		return true;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("# %s: did not end in %d seconds\n", test->name, KTAP_TIMEOUT);
	else if (WIFSIGNALED(status))
		printf("# %s: killed by signal %d (%s)\n", test->name, WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != KTAP_FAIL)
		printf("# %s: ended itself with status %d\n", test->name, WEXITSTATUS(status));
	printf("not ok %d %s\n", number, test->name);
	return false;
}

static bool selected(const struct ktap_test *test, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], test->name))
			return true;
	return argc < 2;
}

int ktap_main(int argc, char **argv)
{
	int count = 0, failed = 0, number = 0;
	struct ktap_test *test;

	if (argc == 2 && !strcmp(argv[1], "-l")) {
		for (test = ktap_first; test; test = test->next)
			puts(test->name);
		return 0;
	}
	for (test = ktap_first; test; test = test->next)
		count += selected(test, argc, argv);
	if (!count || (argc > 1 && count != argc - 1)) {
		fprintf(stderr, "%s: no such test; -l lists them\n", argv[0]);
		return 2;
	}
	printf("KTAP version 1\n1..%d\n", count);
	for (test = ktap_first; test; test = test->next)
		if (selected(test, argc, argv))
			failed += !run_test(test, ++number);
	return failed ? 1 : 0;
}

/* A program with options of its own has a main() of its own. */
__attribute__((weak)) int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
