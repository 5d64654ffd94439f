// SPDX-License-Identifier: GPL-2.0-only
/*
 * The console, which the main thread is while a guest runs. It waits for three
 * things at once: input, signals, and word from a vCPU thread that the serial
 * port has room again or that the run is over.
 *
 * A pipe is read only as fast as the guest reads, so that nothing is lost. A
 * terminal is always read, so that Ctrl-A x works whatever the guest does.
 *
 * Read next: terminal.c.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <compiler.h>

#include "console.h"
#include "message.h"
#include "terminal.h"

#define CTRL_A	0x01

/* Each ends the run, and then this process as if nobody had caught it. */
static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

void console_init(struct console *console, struct machine *machine)
{
	sigset_t set;
	unsigned int i;

	memset(console, 0, sizeof(*console));
	console->machine = machine;
	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(deadly); i++)
		sigaddset(&set, deadly[i]);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	if (machine->options->save)
		sigaddset(&set, SIGUSR2);
	console->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (console->signals < 0)
		fatal_err("cannot create a signalfd: %s; raise the limit of open files",
			  strerror(errno));
	/* Not an event: a write() that fails with EPIPE says as much. */
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void print_keys(void)
{
	print_info("Ctrl-A x leaves, Ctrl-A s saves and leaves (with --save), Ctrl-A Ctrl-A sends one Ctrl-A to the guest, Ctrl-A ? prints this");
}

static void enqueue(struct console *c, unsigned char byte)
{
	/* Typed that far ahead of a guest that does not read: dropped. */
	if (c->queued < sizeof(c->queue))
		c->queue[c->queued++] = byte;
}

static void take_key(struct console *c, unsigned char key)
{
	if (!c->escape) {
		if (key == CTRL_A)
			c->escape = true;
		else
			enqueue(c, key);
		return;
	}
	c->escape = false;
	switch (key) {
	case 'x':
	case 'X':
		machine_end(c->machine, 0, 0);
		break;
	case 's':
	case 'S':
		if (c->machine->options->save)
			machine_save(c->machine);
		else
			print_info("there is no file to save to; start with --save FILE");
		break;
	case CTRL_A:
		enqueue(c, CTRL_A);
		break;
	default:
		print_keys();
	}
}

static void feed(struct console *c)
{
	size_t n = serial_input(&c->machine->serial, c->queue, c->queued);

	c->queued -= n;
	memmove(c->queue, c->queue + n, c->queued);
	if (c->ended && !c->queued)
		serial_hang_up(&c->machine->serial);
}

/*
 * @hang_up: poll() saw more than data. A terminal in our raw mode gives 0 bytes
 * also when there is just nothing to read.
 */
static void read_input(struct console *c, bool hang_up)
{
	unsigned char buf[256];
	ssize_t n, i;

	n = read(STDIN_FILENO, buf, c->terminal ? sizeof(buf) : SERIAL_FIFO_SIZE);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0 || (n == 0 && (!c->terminal || hang_up))) {
		c->ended = true;
		return;
	}
	for (i = 0; i < n; i++) {
		if (c->terminal)
			take_key(c, buf[i]);
		else
			enqueue(c, buf[i]);
	}
}

static void take_signal(struct console *c)
{
	struct signalfd_siginfo info;

	if (read(c->signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTSTP:
		/* Stopped by hand, so that the shell gets a sane terminal. */
		if (c->terminal)
			terminal_restore();
		raise(SIGSTOP);
		break;
	case SIGCONT:
		if (c->terminal)
			terminal_raw();
		break;
	case SIGUSR2:
		machine_save(c->machine);
		break;
	default:
		machine_end(c->machine, 0, info.ssi_signo);
	}
}

static bool wants_input(const struct console *c)
{
	return !c->ended && (c->terminal || !c->queued);
}

void console_run(struct console *console)
{
	struct pollfd fds[] = {
		{ .fd = console->signals, .events = POLLIN },
		{ .fd = console->machine->event, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	__u64 count;
	ssize_t n;

	console->terminal = terminal_init();
	if (console->terminal)
		terminal_raw();
	while (!atomic_load(&console->machine->ending)) {
		fds[2].fd = wants_input(console) ? STDIN_FILENO : -1;
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[0].revents)
			take_signal(console);
		if (fds[1].revents) {
			n = read(console->machine->event, &count, sizeof(count));
			(void)n;
		}
		if (fds[2].fd >= 0 && fds[2].revents)
			read_input(console, fds[2].revents & ~POLLIN);
		feed(console);
	}
	terminal_restore();
}
