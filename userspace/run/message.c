// SPDX-License-Identifier: GPL-2.0-only
/*
 * The launcher's lines on standard error. A whole line is handed to one
 * fprintf(), so that the lines of several vCPU threads do not mix.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

/* The guest's output is in the middle of a line. */
static atomic_bool in_line;

static bool streams_are_one(void)
{
	struct stat out, err;

	return !fstat(STDOUT_FILENO, &out) && !fstat(STDERR_FILENO, &err) &&
	       out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

void message_output(unsigned char last)
{
	atomic_store(&in_line, last != '\n');
}

static void vprint_info(const char *format, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "%sminivmm-run: %s\n",
		atomic_exchange(&in_line, false) && streams_are_one() ? "\n" : "",
		line);
}

void print_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprint_info(format, args);
	va_end(args);
}

void fatal_err(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprint_info(format, args);
	va_end(args);
	exit(STATUS_CANNOT_START);
}
