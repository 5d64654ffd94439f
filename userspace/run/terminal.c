// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal's mode.
 *
 * Raw for input only: output is still processed, so that "\n" from a guest or
 * from a message starts a new line at its left end. Reads return at once even
 * when another process has taken the input away.
 *
 * It is restored at exit, and when a fault kills this process. Signals from
 * outside do not need care here: the console takes them as events.
 *
 * Read next: check.c.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <compiler.h>

#include "terminal.h"

static struct termios saved;
/* Lock-free, as a signal handler needs it. */
static atomic_bool raw;

void terminal_raw(void)
{
	struct termios mode = saved;

	mode.c_iflag &= ~(BRKINT | ICRNL | IGNCR | INLCR | INPCK | ISTRIP |
			  IXON | PARMRK);
	mode.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
	mode.c_cc[VMIN] = 0;
	mode.c_cc[VTIME] = 0;
	atomic_store(&raw, true);
	tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

void terminal_restore(void)
{
	if (!atomic_load(&raw))
		return;
	/* In the background it belongs to somebody else, who set it anew. */
	if (tcgetpgrp(STDIN_FILENO) == getpgrp() ||
	    tcgetpgrp(STDIN_FILENO) < 0)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	atomic_store(&raw, false);
}

static void crashed(int signal)
{
	terminal_restore();
	/* SA_RESETHAND: this time it kills, with the core dump due. */
	raise(signal);
}

bool terminal_init(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = {
		.sa_handler = crashed,
		.sa_flags = SA_RESETHAND | SA_NODEFER,
	};
	unsigned int i;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &action, NULL);
	atexit(terminal_restore);
	return true;
}
