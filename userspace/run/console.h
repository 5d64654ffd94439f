/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console: standard input to the serial port, keys and signals to leave.
 */
#ifndef RUN_CONSOLE_H
#define RUN_CONSOLE_H

#include "machine.h"

/**
 * struct console - the main thread's state while a guest runs
 * @machine: the machine
 * @signals: signalfd
 * @terminal: standard input is a terminal
 * @ended: standard input has ended
 * @escape: the last key was Ctrl-A
 * @queue: input that the serial port had no room for yet
 * @queued: how many bytes of it
 */
struct console {
	struct machine *machine;
	int signals;
	bool terminal;
	bool ended;
	bool escape;
	unsigned char queue[1024];
	size_t queued;
};

/**
 * console_init - block the signals that the console takes as events; to be
 * called before any other thread exists
 * @console: filled in
 * @machine: its input is what the console reads
 */
void console_init(struct console *console, struct machine *machine);

/**
 * console_run - serve input and signals until the machine's run is over
 * @console: from console_init()
 */
void console_run(struct console *console);

#endif /* RUN_CONSOLE_H */
