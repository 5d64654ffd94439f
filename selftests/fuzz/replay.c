// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer's target as a test: on its corpus, the file CORPUS, each line of
 * which is an input in hexadecimal; and on random inputs, of which some are
 * lines of the corpus with random changes.
 *
 * FUZZ_SEED and FUZZ_COUNT in the environment change which, and how many.
 */
#include <sanitizer/common_interface_defs.h>
#include <signal.h>

#include "fuzz.h"
#include "ktap.h"
#include "random.h"

#define RANDOM_INPUTS	100000

static unsigned int line_bytes(const char *line, u8 *bytes, unsigned int max)
{
	unsigned int len = 0, byte;

	while (len < max && sscanf(line, "%2x", &byte) == 1) {
		bytes[len++] = byte;
		line += 2;
	}
	return len;
}

/* The input that is tried: what a sanitizer or abort() ends with. */
static const u8 *now;
static unsigned int now_len;

static void print_now(void)
{
	unsigned int i;

	fprintf(stderr, "# with the input ");
	for (i = 0; i < now_len; i++)
		fprintf(stderr, "%02x", now[i]);
	fprintf(stderr, "\n");
}

static void on_abort(int number)
{
	print_now();
	signal(number, SIG_DFL);
	raise(number);
}

/* A copy of its exact size: reading beyond it is noticed. */
static void try_input(const u8 *bytes, unsigned int len)
{
	u8 *copy = malloc(len + !len);

	ASSERT_TRUE(copy);
	memcpy(copy, bytes, len);
	now = bytes;
	now_len = len;
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void watch(void)
{
	signal(SIGABRT, on_abort);
	__sanitizer_set_death_callback(print_now);
}

struct line {
	u8 *bytes;
	unsigned int len;
};

static struct line corpus[2000];

static unsigned int read_corpus(void)
{
	static char line[20000];
	static u8 bytes[sizeof(line) / 2];
	FILE *file = fopen(CORPUS, "r");
	unsigned int count = 0, len;

	ASSERT(file, "cannot open %s", CORPUS);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		ASSERT(count < ARRAY_SIZE(corpus), "more lines than expected");
		len = line_bytes(line, bytes, sizeof(bytes));
		corpus[count].bytes = malloc(len + !len);
		ASSERT_TRUE(corpus[count].bytes);
		memcpy(corpus[count].bytes, bytes, len);
		corpus[count++].len = len;
	}
	fclose(file);
	EXPECT(count > 10, "only %u inputs in %s", count, CORPUS);
	return count;
}

TEST(corpus_holds)
{
	unsigned int i, count = read_corpus();

	watch();
	for (i = 0; i < count; i++)
		try_input(corpus[i].bytes, corpus[i].len);
	ktap_note("%u inputs", count);
}

/* Half of them begin as a line of the corpus does, with some bytes changed. */
static unsigned int random_input(u8 *bytes, unsigned int room, unsigned int lines)
{
	unsigned int i, len = below(room), known;
	const struct line *line;

	for (i = 0; i < len; i++)
		bytes[i] = random64() >> 32;
	if (!lines || below(2))
		return len;
	line = &corpus[below(lines)];
	known = min_t(unsigned int, line->len, len);
	memcpy(bytes, line->bytes, known);
	for (i = below(8); known && i > 0; i--)
		bytes[below(known)] = random64() >> 32;
	return len;
}

TEST(random_inputs_hold)
{
	unsigned int i, lines = read_corpus();
	unsigned int count = from_environment("FUZZ_COUNT", RANDOM_INPUTS);
	u64 first = from_environment("FUZZ_SEED", 0x9e3779b97f4a7c15ULL);
	u8 bytes[256];

	watch();
	for (i = 0; i < count; i++) {
		/* Each from a seed of its own, so that one can be repeated. */
		seed = (first + i) * 0x2545f4914f6cdd1dULL | 1;
		try_input(bytes, random_input(bytes, sizeof(bytes), lines));
	}
	ktap_note("%u inputs", count);
}
