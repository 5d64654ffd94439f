// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer's corpus as a test: each line of the file CORPUS is an input, in
 * hexadecimal.
 */
#include "fuzz.h"
#include "ktap.h"

static unsigned int line_bytes(const char *line, u8 *bytes, unsigned int max)
{
	unsigned int len = 0, byte;

	while (len < max && sscanf(line, "%2x", &byte) == 1) {
		bytes[len++] = byte;
		line += 2;
	}
	return len;
}

TEST(corpus)
{
	static char line[20000];
	static u8 bytes[sizeof(line) / 2];
	unsigned int count = 0;
	FILE *file = fopen(CORPUS, "r");

	ASSERT(file, "cannot open %s", CORPUS);
	while (fgets(line, sizeof(line), file)) {
		unsigned int len = line_bytes(line, bytes, sizeof(bytes));
		/* A copy of its exact size: reading beyond it is noticed. */
		u8 *copy = malloc(len + !len);

		if (line[0] == '#') {
			free(copy);
			continue;
		}
		ASSERT_TRUE(copy);
		memcpy(copy, bytes, len);
		LLVMFuzzerTestOneInput(copy, len);
		free(copy);
		count++;
	}
	fclose(file);
	ktap_note("%u inputs", count);
	EXPECT(count > 10, "only %u inputs in %s", count, CORPUS);
}
