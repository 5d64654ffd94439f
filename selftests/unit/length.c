// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder against Zydis, an independent decoder: of each random sequence of
 * bytes that the decoder takes for an instruction, Zydis must find the same
 * length, operation, operand sizes and memory operand; and nothing in one that
 * the decoder says is invalid.
 *
 * Needs Debian's libzydis-dev, otherwise it is skipped.
 */
#include <stdlib.h>

#include "decode.h"
#include "ktap.h"

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>

static u64 seed;

static u64 random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL;
}

static unsigned int below(unsigned int limit)
{
	return (random64() >> 20) % limit;
}

/* How Zydis's names begin. */
static const char * const names[] = {
	"", "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "bt", "bts",
	"btr", "btc", "test", "not", "neg", "inc", "dec", "xchg", "xadd",
	"cmpxchg", "mov", "movzx", "movsx", "movbe", "push", "pop", "movs",
	"cmps", "stos", "lods", "scas", "ins", "outs",
};

static u8 register_number(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return X86_REG_NONE;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return X86_REG_RIP;
	return ZydisRegisterGetId(reg);
}

static const char *describe(unsigned int mode, const u8 *bytes)
{
	static char text[100];
	unsigned int i, at = snprintf(text, sizeof(text), "mode %u:", mode);

	for (i = 0; i < X86_INSN_MAX; i++)
		at += snprintf(text + at, sizeof(text) - at, " %02x", bytes[i]);
	return text;
}

static void compare_memory(const struct x86_insn *insn,
			   const ZydisDecodedOperand *theirs, const char *what)
{
	u64 mask = insn->address_size == 8 ? ~0ULL :
		   (1ULL << insn->address_size * 8) - 1;

	/*
	 * Zydis 4.0 reads REX.B where no base is encoded, if addresses have 32
	 * bits. The processor does not.
	 */
	if (insn->mode == 64 && insn->address_size == 4 &&
	    insn->mem.base == X86_REG_NONE &&
	    theirs->mem.base == ZYDIS_REGISTER_R13D)
		return;
	EXPECT(insn->mem.base == register_number(theirs->mem.base),
	       "%s: base %u, Zydis: %u", what, insn->mem.base,
	       register_number(theirs->mem.base));
	EXPECT(insn->mem.index == register_number(theirs->mem.index),
	       "%s: index %u", what, insn->mem.index);
	if (insn->mem.index != X86_REG_NONE)
		EXPECT(insn->mem.scale == theirs->mem.scale,
		       "%s: scale %u, Zydis: %u", what, insn->mem.scale,
		       theirs->mem.scale);
	EXPECT(((insn->mem.disp ^ theirs->mem.disp.value) & mask) == 0,
	       "%s: displacement %#llx, Zydis: %#llx", what, insn->mem.disp,
	       (u64)theirs->mem.disp.value);
	EXPECT(insn->mem.seg == ZydisRegisterGetId(theirs->mem.segment),
	       "%s: segment %u, Zydis: %u", what, insn->mem.seg,
	       ZydisRegisterGetId(theirs->mem.segment));
}

static void compare_operand(const struct x86_insn *insn,
			    const struct x86_operand *ours,
			    const ZydisDecodedOperand *theirs, const char *what)
{
	bool string = insn->op >= X86_OP_MOVS;
	u8 reg;

	/* BT's immediate is a byte to Zydis, a bit number to us. */
	if (ours->kind != X86_OPERAND_IMM && ours->kind != X86_OPERAND_SREG)
		EXPECT(ours->size * 8 == theirs->size,
		       "%s: operand of %u bytes, Zydis: %u bits", what,
		       ours->size, theirs->size);
	switch (theirs->type) {
	case ZYDIS_OPERAND_TYPE_MEMORY:
		EXPECT(ours->kind == X86_OPERAND_MEM, "%s: kind %u", what,
		       ours->kind);
		if (!string || theirs->mem.base == ZYDIS_REGISTER_RSI ||
		    theirs->mem.base == ZYDIS_REGISTER_ESI ||
		    theirs->mem.base == ZYDIS_REGISTER_SI)
			compare_memory(insn, theirs, what);
		break;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		EXPECT(ours->kind == X86_OPERAND_IMM, "%s: kind %u", what,
		       ours->kind);
		EXPECT((u8)insn->imm == (u8)theirs->imm.value.u,
		       "%s: immediate %#llx", what, insn->imm);
		break;
	case ZYDIS_OPERAND_TYPE_REGISTER:
		reg = ZydisRegisterGetId(theirs->reg.value);
		if (ours->kind == X86_OPERAND_HIGH)
			reg = theirs->reg.value - ZYDIS_REGISTER_AH;
		/* Its AH follows BL, its SPL follows BH. */
		if (ours->kind == X86_OPERAND_REG && ours->size == 1)
			reg = theirs->reg.value >= ZYDIS_REGISTER_SPL ?
			      theirs->reg.value - ZYDIS_REGISTER_SPL + 4 :
			      theirs->reg.value - ZYDIS_REGISTER_AL;
		EXPECT(ours->reg == reg, "%s: register %u, Zydis: %u (%s)", what,
		       ours->reg, reg,
		       ZydisRegisterGetString(theirs->reg.value));
		break;
	default:
		EXPECT(false, "%s: operand type %d", what, theirs->type);
	}
}

/* Zydis lists the port DX and the accumulator among the operands, too. */
static void compare(const struct x86_insn *insn,
		    const ZydisDecodedInstruction *zydis,
		    const ZydisDecodedOperand *operands, const char *what)
{
	const char *name = ZydisMnemonicGetString(zydis->mnemonic);
	const ZydisDecodedOperand *next = operands;

	EXPECT(insn->len == zydis->length, "%s: length %u, Zydis: %u", what,
	       insn->len, zydis->length);
	EXPECT(!strncmp(name, names[insn->op], strlen(names[insn->op])),
	       "%s: %s, Zydis: %s", what, names[insn->op], name);
	EXPECT(insn->address_size * 8 == zydis->address_width,
	       "%s: address size %u", what, insn->address_size);
	EXPECT(insn->lock == !!(zydis->attributes & ZYDIS_ATTRIB_HAS_LOCK),
	       "%s: lock %u", what, insn->lock);
	if (insn->op >= X86_OP_INS) {
		next += insn->op == X86_OP_OUTS;
		compare_operand(insn, insn->op == X86_OP_INS ? &insn->dst :
				&insn->src, next, what);
		return;
	}
	if (insn->op == X86_OP_CMPS) {	/* source first */
		compare_operand(insn, &insn->src, next++, what);
		compare_operand(insn, &insn->dst, next, what);
		return;
	}
	if (insn->op == X86_OP_SCAS) {
		compare_operand(insn, &insn->src, next++, what);
		compare_operand(insn, &insn->dst, next, what);
		return;
	}
	if (insn->dst.kind != X86_OPERAND_NONE)
		compare_operand(insn, &insn->dst, next++, what);
	if (insn->src.kind != X86_OPERAND_NONE)
		compare_operand(insn, &insn->src, next, what);
}

/* Half of the sequences begin like instructions. */
static void generate(unsigned int mode, u8 *bytes)
{
	static const u8 prefixes[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
	};
	unsigned int i, at = 0;

	for (i = 0; i < X86_INSN_MAX; i++)
		bytes[i] = random64() >> 32;
	if (below(2))
		return;
	while (below(2) && at < 5)
		bytes[at++] = prefixes[below(sizeof(prefixes))];
	if (mode == 64 && below(2))
		bytes[at++] = 0x40 | below(16);
	if (below(3) == 0)
		bytes[at++] = 0x0f;
	if (below(20) == 0) {
		bytes[at++] = 0x38;
		bytes[at++] = 0xf0 | below(2);
	}
}

static void check_mode(unsigned int mode, ZydisMachineMode machine_mode,
		       ZydisStackWidth width)
{
	const char *env = getenv("UNIT_COUNT");
	unsigned int count = env ? strtoul(env, NULL, 0) : 1000000;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	unsigned int i, known = 0, invalid = 0;
	ZydisDecodedInstruction zydis;
	struct x86_insn insn;
	ZydisDecoder decoder;
	u8 bytes[X86_INSN_MAX];
	const char *what;

	seed = 0x9e3779b97f4a7c15 + mode;
	ASSERT_TRUE(ZYAN_SUCCESS(ZydisDecoderInit(&decoder, machine_mode, width)));
	for (i = 0; i < count; i++) {
		bool valid;
		int ret;

		generate(mode, bytes);
		ret = x86_decode(&insn, mode, bytes, X86_INSN_MAX);
		if (ret == X86_DECODE_UNKNOWN)
			continue;
		valid = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes,
			X86_INSN_MAX, &zydis, operands));
		what = describe(mode, bytes);
		EXPECT(valid == (ret == X86_DECODE_OK),
		       "%s: result %d, Zydis: %s", what, ret,
		       valid ? "valid" : "invalid");
		if (valid && ret == X86_DECODE_OK)
			compare(&insn, &zydis, operands, what);
		known += ret == X86_DECODE_OK;
		invalid += ret == X86_DECODE_INVALID;
	}
	ktap_note("%u sequences: %u known, %u invalid", count, known, invalid);
	EXPECT(known > count / 10 && invalid > count / 200,
	       "too few instructions among the sequences");
}

TEST(decodes_like_zydis_64)
{
	check_mode(64, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

TEST(decodes_like_zydis_32)
{
	check_mode(32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
}

TEST(decodes_like_zydis_16)
{
	check_mode(16, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
}

#else

TEST(decodes_like_zydis)
{
	SKIP("built without Zydis: apt install libzydis-dev");
}

#endif
