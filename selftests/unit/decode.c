// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder, encoding by encoding: each line says how bytes are understood.
 *
 * Registers are written r<number>.<bytes>, AH to BH h0 to h3, segment registers
 * s<number>, memory [s<number> base + index * scale + displacement].<bytes>,
 * immediates $<value>.<bytes>; a<n> is an address size of n bytes if it is not
 * the mode's.
 */
#include <stdlib.h>

#include "decode.h"
#include "ktap.h"

struct line {
	unsigned int mode;
	const char *hex;
	const char *meaning;
};

static const char * const op_names[] = {
	"unknown", "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp",
	"bt", "bts", "btr", "btc", "test", "not", "neg", "inc", "dec", "xchg",
	"xadd", "cmpxchg", "mov", "movzx", "movsx", "movbe", "push", "pop",
	"movs", "cmps", "stos", "lods", "scas", "ins", "outs",
};

static unsigned int hex_bytes(const char *hex, u8 *bytes)
{
	unsigned int len = 0;
	char *end;

	while (*hex && len < X86_INSN_MAX) {
		bytes[len++] = strtoul(hex, &end, 16);
		hex = end;
	}
	return len;
}

static int print_memory(const struct x86_insn *insn, char *text, size_t room)
{
	int at = snprintf(text, room, "[s%u", insn->mem.seg);

	if (insn->mem.base == X86_REG_RIP)
		at += snprintf(text + at, room - at, " rip");
	else if (insn->mem.base != X86_REG_NONE)
		at += snprintf(text + at, room - at, " r%u", insn->mem.base);
	if (insn->mem.index != X86_REG_NONE)
		at += snprintf(text + at, room - at, " + r%u * %u",
			       insn->mem.index, insn->mem.scale);
	if (insn->mem.disp)
		at += snprintf(text + at, room - at, " + %llx",
			       insn->mem.disp);
	return at + snprintf(text + at, room - at, "]");
}

static int print_operand(const struct x86_insn *insn,
			 const struct x86_operand *operand, char *text,
			 size_t room)
{
	switch (operand->kind) {
	case X86_OPERAND_NONE:
		return snprintf(text, room, " -");
	case X86_OPERAND_REG:
		return snprintf(text, room, " r%u.%u", operand->reg,
				operand->size);
	case X86_OPERAND_HIGH:
		return snprintf(text, room, " h%u", operand->reg);
	case X86_OPERAND_SREG:
		return snprintf(text, room, " s%u", operand->reg);
	case X86_OPERAND_IMM:
		return snprintf(text, room, " $%llx.%u", insn->imm,
				operand->size);
	}
	text[0] = ' ';
	room = 1 + print_memory(insn, text + 1, room - 1);
	return room + snprintf(text + room, 10, ".%u", operand->size);
}

static const char *print(const struct x86_insn *insn)
{
	static char text[200];
	const size_t room = sizeof(text) - 20;
	int at;

	at = snprintf(text, room, "%s%s%s",
		      insn->lock ? "lock " : "",
		      insn->rep == 0xf3 ? "rep " :
		      insn->rep == 0xf2 ? "repne " : "", op_names[insn->op]);
	at += print_operand(insn, &insn->dst, text + at, room - at);
	at += print_operand(insn, &insn->src, text + at, room - at);
	if (insn->address_size != insn->mode / 8)
		snprintf(text + at, room - at, " a%u", insn->address_size);
	return text;
}

static void check(const struct line *lines, unsigned int count)
{
	struct x86_insn insn;
	u8 bytes[X86_INSN_MAX];
	unsigned int i, len, have;
	int ret;

	for (i = 0; i < count; i++) {
		const struct line *line = &lines[i];

		len = hex_bytes(line->hex, bytes);
		for (have = 0; have < len; have++) {
			ret = x86_decode(&insn, line->mode, bytes, have);
			EXPECT(ret == X86_DECODE_SHORT && insn.len == have,
			       "%s: result %d with %u bytes", line->hex, ret,
			       have);
		}
		ret = x86_decode(&insn, line->mode, bytes, len);
		EXPECT(ret == X86_DECODE_OK, "%s: result %d", line->hex, ret);
		if (ret != X86_DECODE_OK)
			continue;
		EXPECT(insn.len == len, "%s: length %u", line->hex, insn.len);
		EXPECT(!strcmp(print(&insn), line->meaning),
		       "%s: decoded as '%s', expected '%s'", line->hex,
		       print(&insn), line->meaning);
	}
}

#define CHECK(...)							\
	do {								\
		static const struct line lines[] = { __VA_ARGS__ };	\
									\
		check(lines, ARRAY_SIZE(lines));			\
	} while (0)

TEST(mov)
{
	CHECK({ 64, "88 03", "mov [s3 r3].1 r0.1" },
	      { 64, "89 03", "mov [s3 r3].4 r0.4" },
	      { 64, "66 89 03", "mov [s3 r3].2 r0.2" },
	      { 64, "48 89 03", "mov [s3 r3].8 r0.8" },
	      { 64, "8a 03", "mov r0.1 [s3 r3].1" },
	      { 64, "8b 03", "mov r0.4 [s3 r3].4" },
	      { 64, "c6 03 80", "mov [s3 r3].1 $ffffffffffffff80.1" },
	      { 64, "66 c7 03 34 12", "mov [s3 r3].2 $1234.2" },
	      { 64, "c7 03 78 56 34 12", "mov [s3 r3].4 $12345678.4" },
	      { 64, "48 c7 03 00 00 00 80",
		"mov [s3 r3].8 $ffffffff80000000.8" },
	      { 64, "8c 1b", "mov [s3 r3].2 s3" },
	      { 64, "48 8c 1b", "mov [s3 r3].2 s3" },
	      { 64, "48 8c e0", "mov r0.8 s4" },
	      { 64, "0f c3 03", "mov [s3 r3].4 r0.4" },
	      { 16, "0f c3 07", "mov [s3 r3].4 r0.4" },
	      { 16, "88 07", "mov [s3 r3].1 r0.1" },
	      { 16, "89 07", "mov [s3 r3].2 r0.2" },
	      { 16, "66 89 07", "mov [s3 r3].4 r0.4" },
	      { 32, "66 89 03", "mov [s3 r3].2 r0.2" },
	      { 32, "c7 03 78 56 34 12", "mov [s3 r3].4 $12345678.4" },
	      { 16, "c7 07 34 12", "mov [s3 r3].2 $1234.2" });
}

TEST(mov_absolute)
{
	CHECK({ 64, "a0 f0 de bc 9a 78 56 34 92",
		"mov r0.1 [s3 + 923456789abcdef0].1" },
	      { 64, "48 a3 f0 de bc 9a 78 56 34 12",
		"mov [s3 + 123456789abcdef0].8 r0.8" },
	      { 64, "67 a1 00 00 00 80", "mov r0.4 [s3 + 80000000].4 a4" },
	      { 32, "a2 78 56 34 12", "mov [s3 + 12345678].1 r0.1" },
	      { 32, "67 a1 34 92", "mov r0.4 [s3 + 9234].4 a2" },
	      { 16, "64 a3 34 12", "mov [s4 + 1234].2 r0.2" });
}

TEST(extending_moves)
{
	CHECK({ 64, "0f b6 03", "movzx r0.4 [s3 r3].1" },
	      { 64, "66 0f b6 03", "movzx r0.2 [s3 r3].1" },
	      { 64, "48 0f b7 03", "movzx r0.8 [s3 r3].2" },
	      { 64, "48 0f be 03", "movsx r0.8 [s3 r3].1" },
	      { 64, "0f bf 03", "movsx r0.4 [s3 r3].2" },
	      { 64, "48 63 03", "movsx r0.8 [s3 r3].4" },
	      { 64, "63 03", "movsx r0.4 [s3 r3].4" },
	      { 64, "0f 38 f0 03", "movbe r0.4 [s3 r3].4" },
	      { 64, "66 0f 38 f1 03", "movbe [s3 r3].2 r0.2" },
	      { 64, "48 0f 38 f1 03", "movbe [s3 r3].8 r0.8" },
	      { 16, "0f b6 07", "movzx r0.2 [s3 r3].1" });
}

TEST(arithmetic)
{
	CHECK({ 64, "00 03", "add [s3 r3].1 r0.1" },
	      { 64, "09 03", "or [s3 r3].4 r0.4" },
	      { 64, "12 03", "adc r0.1 [s3 r3].1" },
	      { 64, "1b 03", "sbb r0.4 [s3 r3].4" },
	      { 64, "24 0f", "and r0.1 $f.1" },
	      { 64, "2d 01 00 00 80", "sub r0.4 $ffffffff80000001.4" },
	      { 64, "48 31 03", "xor [s3 r3].8 r0.8" },
	      { 64, "3a 03", "cmp r0.1 [s3 r3].1" },
	      { 64, "80 03 01", "add [s3 r3].1 $1.1" },
	      { 64, "80 3b ff", "cmp [s3 r3].1 $ffffffffffffffff.1" },
	      { 64, "81 0b 01 00 00 00", "or [s3 r3].4 $1.4" },
	      { 64, "66 81 23 34 12", "and [s3 r3].2 $1234.2" },
	      { 64, "48 83 2b ff", "sub [s3 r3].8 $ffffffffffffffff.8" },
	      { 16, "83 07 01", "add [s3 r3].2 $1.2" },
	      { 16, "82 07 ff", "add [s3 r3].1 $ffffffffffffffff.1" },
	      { 32, "82 3b 01", "cmp [s3 r3].1 $1.1" },
	      { 32, "f0 82 0b 01", "lock or [s3 r3].1 $1.1" });
}

TEST(other_logic)
{
	CHECK({ 64, "84 03", "test [s3 r3].1 r0.1" },
	      { 64, "85 03", "test [s3 r3].4 r0.4" },
	      { 64, "f6 03 01", "test [s3 r3].1 $1.1" },
	      { 64, "f6 0b 01", "test [s3 r3].1 $1.1" },
	      { 64, "f7 03 01 00 00 00", "test [s3 r3].4 $1.4" },
	      { 64, "66 f7 03 01 00", "test [s3 r3].2 $1.2" },
	      { 64, "a8 01", "test r0.1 $1.1" },
	      { 64, "f6 13", "not [s3 r3].1 -" },
	      { 64, "48 f7 1b", "neg [s3 r3].8 -" },
	      { 64, "fe 03", "inc [s3 r3].1 -" },
	      { 64, "ff 0b", "dec [s3 r3].4 -" },
	      { 64, "86 03", "xchg [s3 r3].1 r0.1" },
	      { 64, "87 03", "xchg [s3 r3].4 r0.4" },
	      { 64, "0f c0 03", "xadd [s3 r3].1 r0.1" },
	      { 64, "0f c1 03", "xadd [s3 r3].4 r0.4" },
	      { 64, "0f b0 0b", "cmpxchg [s3 r3].1 r1.1" },
	      { 64, "48 0f b1 0b", "cmpxchg [s3 r3].8 r1.8" },
	      { 64, "0f a3 03", "bt [s3 r3].4 r0.4" },
	      { 64, "0f ab 03", "bts [s3 r3].4 r0.4" },
	      { 64, "0f b3 03", "btr [s3 r3].4 r0.4" },
	      { 64, "66 0f bb 03", "btc [s3 r3].2 r0.2" },
	      { 64, "0f ba 23 05", "bt [s3 r3].4 $5.4" },
	      { 64, "48 0f ba 2b 05", "bts [s3 r3].8 $5.8" },
	      { 64, "0f ba 33 05", "btr [s3 r3].4 $5.4" },
	      { 64, "0f ba 3b 05", "btc [s3 r3].4 $5.4" });
}

TEST(stack)
{
	CHECK({ 64, "ff 33", "push - [s3 r3].8" },
	      { 64, "66 ff 33", "push - [s3 r3].2" },
	      { 64, "8f 03", "pop [s3 r3].8 -" },
	      { 32, "ff 33", "push - [s3 r3].4" },
	      { 32, "8f 03", "pop [s3 r3].4 -" },
	      { 16, "ff 37", "push - [s3 r3].2" });
}

TEST(strings)
{
	CHECK({ 64, "a4", "movs [s3 r6].1 [s3 r6].1" },
	      { 64, "f3 48 a5", "rep movs [s3 r6].8 [s3 r6].8" },
	      { 64, "65 a5", "movs [s5 r6].4 [s5 r6].4" },
	      { 64, "f2 a6", "repne cmps [s3 r6].1 [s3 r6].1" },
	      { 64, "66 a7", "cmps [s3 r6].2 [s3 r6].2" },
	      { 64, "f3 aa", "rep stos [s3 r6].1 r0.1" },
	      { 64, "48 ab", "stos [s3 r6].8 r0.8" },
	      { 64, "ac", "lods r0.1 [s3 r6].1" },
	      { 64, "ad", "lods r0.4 [s3 r6].4" },
	      { 64, "f3 67 af", "rep scas [s3 r6].4 r0.4 a4" },
	      { 64, "6c", "ins [s3 r6].1 -" },
	      { 64, "48 6d", "ins [s3 r6].4 -" },
	      { 64, "66 6d", "ins [s3 r6].2 -" },
	      { 64, "f3 6e", "rep outs - [s3 r6].1" },
	      { 64, "48 6f", "outs - [s3 r6].4" },
	      { 16, "26 a4", "movs [s0 r6].1 [s0 r6].1" },
	      { 16, "66 a5", "movs [s3 r6].4 [s3 r6].4" });
}

TEST(addresses_of_16_bits)
{
	CHECK({ 16, "8a 00", "mov r0.1 [s3 r3 + r6 * 1].1" },
	      { 16, "8a 01", "mov r0.1 [s3 r3 + r7 * 1].1" },
	      { 16, "8a 02", "mov r0.1 [s2 r5 + r6 * 1].1" },
	      { 16, "8a 03", "mov r0.1 [s2 r5 + r7 * 1].1" },
	      { 16, "8a 04", "mov r0.1 [s3 r6].1" },
	      { 16, "8a 05", "mov r0.1 [s3 r7].1" },
	      { 16, "8a 06 34 12", "mov r0.1 [s3 + 1234].1" },
	      { 16, "8a 07", "mov r0.1 [s3 r3].1" },
	      { 16, "8a 46 ff", "mov r0.1 [s2 r5 + ffffffffffffffff].1" },
	      { 16, "8a 87 34 12", "mov r0.1 [s3 r3 + 1234].1" },
	      { 32, "67 8a 00", "mov r0.1 [s3 r3 + r6 * 1].1 a2" },
	      { 16, "67 8a 44 88 01", "mov r0.1 [s3 r0 + r1 * 4 + 1].1 a4" });
}

TEST(addresses_of_32_and_64_bits)
{
	CHECK({ 64, "8b 00", "mov r0.4 [s3 r0].4" },
	      { 64, "8b 45 08", "mov r0.4 [s2 r5 + 8].4" },
	      { 64, "8b 80 f0 ff ff ff",
		"mov r0.4 [s3 r0 + fffffffffffffff0].4" },
	      { 64, "8b 04 24", "mov r0.4 [s2 r4].4" },
	      { 64, "8b 44 24 08", "mov r0.4 [s2 r4 + 8].4" },
	      { 64, "8b 04 c8", "mov r0.4 [s3 r0 + r1 * 8].4" },
	      { 64, "8b 04 65 10 00 00 00", "mov r0.4 [s3 + 10].4" },
	      { 64, "8b 04 8d 10 00 00 00", "mov r0.4 [s3 + r1 * 4 + 10].4" },
	      { 64, "8b 44 8d 10", "mov r0.4 [s2 r5 + r1 * 4 + 10].4" },
	      { 64, "8b 05 10 00 00 00", "mov r0.4 [s3 rip + 10].4" },
	      { 64, "67 8b 05 10 00 00 00", "mov r0.4 [s3 rip + 10].4 a4" },
	      { 32, "8b 05 10 00 00 00", "mov r0.4 [s3 + 10].4" },
	      { 64, "67 8b 00", "mov r0.4 [s3 r0].4 a4" });
}

TEST(rex)
{
	CHECK({ 64, "4c 8b 00", "mov r8.8 [s3 r0].8" },
	      { 64, "41 8b 00", "mov r0.4 [s3 r8].4" },
	      { 64, "41 8b 04 24", "mov r0.4 [s3 r12].4" },
	      { 64, "41 8b 45 00", "mov r0.4 [s3 r13].4" },
	      { 64, "41 8b 05 10 00 00 00", "mov r0.4 [s3 rip + 10].4" },
	      { 64, "42 8b 04 20", "mov r0.4 [s3 r0 + r12 * 1].4" },
	      { 64, "67 41 8b 04 25 10 00 00 00", "mov r0.4 [s3 + 10].4 a4" },
	      { 64, "41 8b 04 05 10 00 00 00",
		"mov r0.4 [s3 + r0 * 1 + 10].4" },
	      { 64, "8a 23", "mov h0 [s3 r3].1" },
	      { 64, "40 8a 23", "mov r4.1 [s3 r3].1" },
	      { 64, "40 88 3b", "mov [s3 r3].1 r7.1" },
	      { 64, "48 66 8b 03", "mov r0.2 [s3 r3].2" },
	      { 64, "66 48 8b 03", "mov r0.8 [s3 r3].8" },
	      { 64, "48 41 8b 03", "mov r0.4 [s3 r11].4" });
}

TEST(segment_prefixes)
{
	CHECK({ 32, "26 8b 03", "mov r0.4 [s0 r3].4" },
	      { 32, "2e 8b 03", "mov r0.4 [s1 r3].4" },
	      { 32, "36 8b 03", "mov r0.4 [s2 r3].4" },
	      { 32, "3e 8b 45 00", "mov r0.4 [s3 r5].4" },
	      { 32, "64 8b 03", "mov r0.4 [s4 r3].4" },
	      { 32, "64 65 8b 03", "mov r0.4 [s5 r3].4" },
	      { 64, "26 8b 03", "mov r0.4 [s3 r3].4" },
	      { 64, "3e 8b 45 00", "mov r0.4 [s2 r5].4" },
	      { 64, "65 2e 8b 03", "mov r0.4 [s5 r3].4" });
}

TEST(lock)
{
	CHECK({ 64, "f0 01 03", "lock add [s3 r3].4 r0.4" },
	      { 64, "f0 83 0b 01", "lock or [s3 r3].4 $1.4" },
	      { 64, "f0 0f b1 0b", "lock cmpxchg [s3 r3].4 r1.4" },
	      { 64, "f0 0f c1 0b", "lock xadd [s3 r3].4 r1.4" },
	      { 64, "f0 0f ba 2b 00", "lock bts [s3 r3].4 $0.4" },
	      { 64, "f0 f7 13", "lock not [s3 r3].4 -" },
	      { 64, "f2 f0 87 03", "lock xchg [s3 r3].4 r0.4" });
}

static void check_result(int result, unsigned int mode, const char *hex)
{
	struct x86_insn insn;
	u8 bytes[X86_INSN_MAX];
	unsigned int len = hex_bytes(hex, bytes);
	int ret = x86_decode(&insn, mode, bytes, len);

	EXPECT(ret == result, "%u bits, %s: result %d, expected %d", mode, hex,
	       ret, result);
	EXPECT_EQ(len, insn.len);
	EXPECT(!memcmp(insn.bytes, bytes, len), "%s: bytes not kept", hex);
}

TEST(lock_is_invalid_elsewhere)
{
	static const char * const lines[] = {
		"f0 8b 03", "f0 89 03", "f0 03 03", "f0 38 03", "f0 83 3b 01",
		"f0 84 03", "f0 01 c3", "f0 0f ba 23 01", "f0 0f a3 03",
		"f0 0f b1 cb", "f0 a4", "f0 ff 33", "f0 8f 03", "f0 a3 00 00 00 00 00 00 00 00",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		check_result(X86_DECODE_INVALID, 64, lines[i]);
}

TEST(there_is_no_segment_register_6)
{
	check_result(X86_DECODE_INVALID, 64, "8c 33");
	check_result(X86_DECODE_INVALID, 64, "8c 3b");
}

TEST(unknown_instructions)
{
	static const char * const lines[] = {
		"0f 0b", "0f 10 03", "66 0f 6f 03", "0f 05", "90", "cc",
		"c4 e2 79 18 03", "c5 f8 10 03", "62 f1 7c 48 10 03",
		"8e 1b",		/* mov to a segment register */
		"f6 23", "f7 3b",	/* mul, idiv */
		"ff 13", "ff 23",	/* call, jmp */
		"8f 0b",		/* prefix of AMD's XOP */
		"c6 f8 00", "c7 0b",	/* xabort; undefined */
		"0f ba 03 01",		/* undefined */
		"0f c3 c3",		/* movnti to a register */
		"66 0f c3 03", "f2 0f c3 03",
		"f2 0f 38 f0 c3",	/* crc32 */
		"0f 38 f0 c3",		/* movbe of registers */
		"0f 38 00 03", "0f 3a 0f 03 00",
		"f3 0f b8 03",		/* popcnt */
		"66 63 03",		/* movsxd of 16 bits */
		"e4 10", "ec",		/* in */
		"82 03 01",		/* not in 64-bit mode */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		check_result(X86_DECODE_UNKNOWN, 64, lines[i]);
	check_result(X86_DECODE_UNKNOWN, 32, "63 03");	/* arpl */
	check_result(X86_DECODE_UNKNOWN, 32, "48");	/* dec */
}
