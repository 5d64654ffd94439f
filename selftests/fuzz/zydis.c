// SPDX-License-Identifier: GPL-2.0-only
/* The decoder compared with Zydis on any bytes: a mode, then the instruction. */
#include "compare.h"
#include "decode.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 modes[] = { 16, 32, 64, 64 };
	struct input in = { data, size };
	u8 mode = modes[take(&in, 1) & 3];
	u8 bytes[X86_INSN_MAX];
	unsigned int count = min_t(unsigned int, in.left, X86_INSN_MAX);
	const char *difference;
	int result;

	take_bytes(&in, bytes, count);
	difference = compare_decoders(mode, bytes, count, &result);
	if (difference) {
		fprintf(stderr, "%s\n", difference);
		abort();
	}
	return 0;
}
