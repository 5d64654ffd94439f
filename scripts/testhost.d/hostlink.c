// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostlink - the test host's end of the line to scripts/testhost
 *
 * The emulator hands every byte written to I/O port 0xe9 out as it is (Bochs's
 * "port_e9_hack", QEMU's isa-debugcon).  That is faster than a serial port, and
 * the kernel's messages do not get in between.  On it go frames: one byte
 * that says what it is, three bytes of length (little endian), the contents.
 *
 *   hostlink hello             the host is up (no frame, but a fixed text, by
 *                              which the other end finds the first frame)
 *   hostlink run COMMAND...    run it: '1' frames are its standard output,
 *                              '2' its standard error, 'x' its exit status
 *   hostlink fail TEXT         '!': the command is not run, and why
 *   hostlink send PATH         '>' name of the file, 'f' frames its contents
 *   hostlink log               'l' frames: the kernel's log so far
 *   hostlink end               'e': nothing follows; where QEMU's isa-debug-exit
 *                              is listening, that ends the emulator too
 *
 * The other end is channel.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT		0xe9
#define EXIT_PORT	0x501
#define CHUNK		65536

static const char hello[] = "\n<minivmm test host>\n";

static void die(const char *what)
{
	fprintf(stderr, "hostlink: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void put(const void *data, size_t len)
{
	asm volatile("rep outsb" : "+S"(data), "+c"(len) : "d"(PORT) : "memory");
}

static void frame(char type, const void *data, size_t len)
{
	unsigned char head[4] = { type, len, len >> 8, len >> 16 };

	put(head, sizeof(head));
	put(data, len);
}

/* Passes on what can be read from @fd; returns 0 when there will be no more. */
static int pass(int fd, char type)
{
	static char buf[CHUNK];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return 1;
	if (n > 0)
		frame(type, buf, n);
	return n > 0;
}

static void ignore(int sig)
{
	(void)sig;
}

/*
 * Passes on both outputs until both are closed, or @child has ended: what it
 * left behind in the background may hold them open for ever.
 */
static int follow(pid_t child, int out, int err)
{
	struct pollfd fds[2] = {
		{ .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN },
	};
	int status = -1, timeout = 100;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int n = poll(fds, 2, timeout);

		if (n > 0) {
			for (int i = 0; i < 2; i++)
				if (fds[i].revents && !pass(fds[i].fd, '1' + i))
					fds[i].fd = -1;
			continue;
		}
		if (!timeout)
			break;
		if (waitpid(child, &status, WNOHANG) == child)
			timeout = 0;
	}
	if (timeout)
		waitpid(child, &status, 0);
	return status;
}

static void run(char **argv)
{
	int out[2], err[2], status;
	unsigned char code;
	pid_t child;

	/* So that the end of the command interrupts poll(). */
	signal(SIGCHLD, ignore);
	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		/*
		 * The command is an ordinary process: with a port's permission
		 * each of its VM exits would cost a reload of TR.
		 */
		ioperm(PORT, 1, 0);
		setsid();
		dup2(out[1], 1);
		dup2(err[1], 2);
		execvp(argv[0], argv);
		fprintf(stderr, "testhost: %s: %s\n", argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	close(out[1]);
	close(err[1]);
	status = follow(child, out[0], err[0]);
	code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	frame('x', &code, 1);
}

static void send_file(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return;
	frame('>', path, strlen(path));
	while (pass(fd, 'f'))
		;
	close(fd);
}

static void send_log(void)
{
	int size = klogctl(10, NULL, 0);	/* SYSLOG_ACTION_SIZE_BUFFER */
	char *buf = malloc(size);
	int len = klogctl(3, buf, size);	/* SYSLOG_ACTION_READ_ALL */

	for (int done = 0; done < len; done += CHUNK)
		frame('l', buf + done, len - done < CHUNK ? len - done : CHUNK);
	free(buf);
}

static void end(void)
{
	frame('e', "", 0);
	if (!ioperm(EXIT_PORT, 1, 1))
		outb(0, EXIT_PORT);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (ioperm(PORT, 1, 1))
		die("no access to the port");
	if (!strcmp(verb, "hello"))
		put(hello, sizeof(hello) - 1);
	else if (!strcmp(verb, "run") && argc > 2)
		run(argv + 2);
	else if (!strcmp(verb, "fail") && argc == 3)
		frame('!', argv[2], strlen(argv[2]));
	else if (!strcmp(verb, "send") && argc == 3)
		send_file(argv[2]);
	else if (!strcmp(verb, "log"))
		send_log();
	else if (!strcmp(verb, "end"))
		end();
	else
		return 125;
	return 0;
}
