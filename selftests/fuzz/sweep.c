// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder against Zydis, an independent decoder, over some ten million
 * inputs: every opcode with every ModRM and the prefixes that matter; every SIB
 * with every REX; and random ones. What is compared: compare.c.
 *
 * FUZZ_SEED and FUZZ_COUNT in the environment change which random inputs, and
 * how many of them in each mode. Needs libzydis-dev, otherwise it is skipped.
 */
#include "compare.h"
#include "decode.h"
#include "ktap.h"
#include "random.h"

#define REPORTED	20	/* differences; the rest is counted */

/* What was compared, so that a sweep over nothing is noticed. */
struct tally {
	unsigned long inputs, known, invalid, differences;
};

static void try_bytes(struct tally *tally, unsigned int mode, const u8 *bytes)
{
	const char *difference;
	int result;

	difference = compare_decoders(mode, bytes, X86_INSN_MAX, &result);
	if (difference && tally->differences++ < REPORTED)
		ktap_fail(__FILE__, __LINE__, "%s", difference);
	tally->inputs++;
	tally->known += result == X86_DECODE_OK;
	tally->invalid += result == X86_DECODE_INVALID;
}

static void check_tally(const struct tally *tally, unsigned int known_in)
{
	ktap_note("%lu inputs: %lu known, %lu invalid, %lu differences",
		  tally->inputs, tally->known, tally->invalid,
		  tally->differences);
	EXPECT_EQ(0, tally->differences);
	EXPECT(tally->known > tally->inputs / known_in,
	       "too few instructions among them");
}

/* Every opcode with every ModRM, after prefixes that change what it means. */

static const char * const prefixes[] = {
	"", "\x66", "\x67", "\xf0", "\xf2", "\xf3", "\x26", "\x2e", "\x36",
	"\x3e", "\x64", "\x65", "\x66\x67", "\xf0\x66", "\xf2\xf0", "\xf3\xf2",
	"\x66\xf2", "\xf3\x66", "\x64\x67",
};

static const char * const prefixes64[] = {
	"\x40", "\x41", "\x42", "\x44", "\x48", "\x4f", "\x66\x41", "\x66\x48",
	"\x67\x43", "\x67\x4d", "\xf0\x48", "\xf2\x48", "\xf3\x48", "\x65\x45",
	"\x48\x66", "\x48\x41", "\x4f\x2e",
};

static const char * const maps[] = { "", "\x0f", "\x0f\x38", "\x0f\x3a" };

static unsigned int put(u8 *bytes, unsigned int at, const char *text)
{
	memcpy(bytes + at, text, strlen(text));
	return at + strlen(text);
}

static void sweep_modrm(struct tally *tally, unsigned int mode,
			const char *prefix, const char *map)
{
	unsigned int at, opcode, modrm;
	u8 bytes[X86_INSN_MAX + 1];

	for (opcode = 0; opcode < 256; opcode++) {
		memset(bytes, 0x81 + opcode, sizeof(bytes));
		at = put(bytes, 0, prefix);
		at = put(bytes, at, map);
		bytes[at++] = opcode;
		for (modrm = 0; modrm < 256; modrm++) {
			bytes[at] = modrm;
			bytes[at + 1] = random64() >> 32;
			try_bytes(tally, mode, bytes);
		}
	}
}

static void sweep(unsigned int mode)
{
	struct tally tally = { 0 };
	unsigned int i, j;

	if (!compare_can())
		SKIP("built without Zydis: apt-get install libzydis-dev");
	seed = 0x9e3779b97f4a7c15ULL + mode;
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		for (j = 0; j < ARRAY_SIZE(prefixes); j++)
			sweep_modrm(&tally, mode, prefixes[j], maps[i]);
		for (j = 0; mode == 64 && j < ARRAY_SIZE(prefixes64); j++)
			sweep_modrm(&tally, mode, prefixes64[j], maps[i]);
	}
	check_tally(&tally, 20);
}

TEST(every_opcode_and_modrm_64)
{
	sweep(64);
}

TEST(every_opcode_and_modrm_32)
{
	sweep(32);
}

TEST(every_opcode_and_modrm_16)
{
	sweep(16);
}

/* Every SIB after every ModRM that has one, with every REX. */
static void sweep_sib(struct tally *tally, unsigned int mode, u8 rex, u8 opcode)
{
	unsigned int at, modrm, sib;
	u8 bytes[X86_INSN_MAX];

	memset(bytes, 0x95, sizeof(bytes));
	for (modrm = 4; modrm < 0xc0; modrm += 8) {
		for (sib = 0; sib < 256; sib++) {
			at = 0;
			if (mode == 16 || below(4) == 0)
				bytes[at++] = 0x67;
			if (rex)
				bytes[at++] = rex;
			bytes[at++] = opcode;
			bytes[at++] = modrm;
			bytes[at++] = sib;
			try_bytes(tally, mode, bytes);
		}
	}
}

TEST(every_sib)
{
	static const u8 opcodes[] = { 0x8b, 0x00, 0x81, 0xc6, 0x8c, 0x8f };
	struct tally tally = { 0 };
	unsigned int i, rex;

	if (!compare_can())
		SKIP("built without Zydis: apt-get install libzydis-dev");
	seed = 0x9e3779b97f4a7c15ULL;
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		sweep_sib(&tally, 16, 0, opcodes[i]);
		sweep_sib(&tally, 32, 0, opcodes[i]);
		for (rex = 0x3f; rex < 0x50; rex++)
			sweep_sib(&tally, 64, rex == 0x3f ? 0 : rex, opcodes[i]);
	}
	check_tally(&tally, 2);
}

/* Half of the random sequences begin like instructions. */
static void generate(unsigned int mode, u8 *bytes)
{
	static const u8 prefix[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
	};
	unsigned int i, at = 0;

	for (i = 0; i < X86_INSN_MAX; i++)
		bytes[i] = random64() >> 32;
	if (below(2))
		return;
	while (below(2) && at < 14)
		bytes[at++] = prefix[below(sizeof(prefix))];
	if (mode == 64 && below(2))
		bytes[at++] = 0x40 | below(16);
	if (at < 12 && below(3) == 0)
		bytes[at++] = 0x0f;
	if (at < 12 && below(20) == 0) {
		bytes[at++] = 0x38;
		bytes[at++] = 0xf0 | below(2);
	}
}

static void random_bytes(unsigned int mode)
{
	u64 i, count = from_environment("FUZZ_COUNT", 1000000);
	struct tally tally = { 0 };
	u8 bytes[X86_INSN_MAX + 1];

	if (!compare_can())
		SKIP("built without Zydis: apt-get install libzydis-dev");
	seed = from_environment("FUZZ_SEED", 0x9e3779b97f4a7c15ULL) + mode;
	for (i = 0; i < count; i++) {
		generate(mode, bytes);
		try_bytes(&tally, mode, bytes);
	}
	check_tally(&tally, 10);
	EXPECT(tally.invalid > count / 200, "too few of them are invalid");
}

TEST(random_bytes_64)
{
	random_bytes(64);
}

TEST(random_bytes_32)
{
	random_bytes(32);
}

TEST(random_bytes_16)
{
	random_bytes(16);
}
