/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the launcher speaks: one line on standard error, "minivmm-run: what
 * happened; what to do", and the exit statuses of its own.
 */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include <compiler.h>

/* It could not start: wrong options, no file, no permission, no module. */
#define STATUS_CANNOT_START	2
/* The guest broke, or an access under --strict that no device answers. */
#define STATUS_GUEST_BROKE	125

/**
 * print_info - print one line on standard error
 * @format: as for printf(), without a newline
 */
__printf(1, 2)
void print_info(const char *format, ...);

/**
 * fatal_err - print one line and exit with STATUS_CANNOT_START
 * @format: as for printf(), without a newline
 */
__printf(1, 2) __noreturn
void fatal_err(const char *format, ...);

/**
 * message_output - the guest's output was written to standard output
 * @last: its last byte
 *
 * Where both streams go to the same place, the next message then starts a line
 * of its own.
 */
void message_output(unsigned char last);

#endif /* RUN_MESSAGE_H */
