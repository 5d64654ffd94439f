/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share. A fuzzer is a function of bytes: libFuzzer calls it
 * with millions of them (make fuzz), replay.c with those in corpus/NAME.hex,
 * one per line, which have been worth keeping (make run).
 */
#ifndef UNIT_FUZZ_H
#define UNIT_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "types.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* What must hold for any input. */
#define MUST(condition)							\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: must hold: %s\n",	\
				__FILE__, __LINE__, #condition);	\
			abort();					\
		}							\
	} while (0)

/* The input, taken piece by piece; zeroes when it has run out. */
struct input {
	const u8 *data;
	size_t left;
};

static inline void take_bytes(struct input *in, void *to, size_t size)
{
	size_t have = in->left < size ? in->left : size;

	memset(to, 0, size);
	if (have)
		memcpy(to, in->data, have);
	in->data += have;
	in->left -= have;
}

static inline u64 take(struct input *in, size_t size)
{
	u64 value = 0;

	take_bytes(in, &value, size);
	return value;
}

#endif
