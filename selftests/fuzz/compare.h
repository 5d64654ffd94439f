/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decoder compared with Zydis, an independent one (compare.c). Used on
 * inputs that libFuzzer finds (zydis.c), and on very many that are computed
 * (sweep.c).
 */
#ifndef FUZZ_COMPARE_H
#define FUZZ_COMPARE_H

#include "types.h"

/* Is Zydis there? It was not, if this program was built without libzydis-dev. */
bool compare_can(void);

/**
 * compare_decoders - do both decoders read the same in these bytes?
 * @mode: 16, 32 or 64
 * @bytes: the input
 * @count: how many bytes, at most X86_INSN_MAX
 * @result: gets enum x86_decode_result
 *
 * Return: NULL if they do, or one line that says on what they do not agree. It
 * is valid until the next call.
 */
const char *compare_decoders(unsigned int mode, const u8 *bytes,
			     unsigned int count, int *result);

#endif
