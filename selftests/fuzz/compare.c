// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder compared with Zydis (see compare.h): for all that it takes for an
 * instruction Zydis must find the same length, operation, prefixes, operands
 * with their sizes and directions, memory operand and immediate; what it says
 * is invalid must be so to Zydis; and what it does not know must be something
 * that nobody has promised.
 *
 * The few true exceptions stand where they are made, each with its reason.
 */
#include <stdarg.h>
#include <stdio.h>

#include "compare.h"
#include "decode.h"

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>

/* How Zydis's names begin. */
static const char * const names[] = {
	"", "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "bt", "bts",
	"btr", "btc", "test", "not", "neg", "inc", "dec", "xchg", "xadd",
	"cmpxchg", "mov", "movzx", "movsx", "movbe", "push", "pop", "movs",
	"cmps", "stos", "lods", "scas", "ins", "outs",
};

/* What is compared, and on what the decoders do not agree. */
static struct {
	unsigned int mode;
	const u8 *bytes;
	unsigned int count;
	bool differs;
	char text[300];
} now;

/* The first thing that differs is noted. */
__attribute__((format(printf, 2, 3)))
static void same(bool condition, const char *format, ...)
{
	unsigned int i, at;
	va_list args;

	if (condition || now.differs)
		return;
	now.differs = true;
	at = snprintf(now.text, sizeof(now.text), "mode %u:", now.mode);
	for (i = 0; i < now.count; i++)
		at += snprintf(now.text + at, sizeof(now.text) - at, " %02x",
			       now.bytes[i]);
	at += snprintf(now.text + at, sizeof(now.text) - at, ": ");
	va_start(args, format);
	vsnprintf(now.text + at, sizeof(now.text) - at, format, args);
	va_end(args);
}

static u8 register_number(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return X86_REG_NONE;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return X86_REG_RIP;
	return ZydisRegisterGetId(reg);
}

static u64 size_mask(unsigned int bytes)
{
	return ~0ULL >> (64 - bytes * 8);
}

static void compare_memory(const struct x86_insn *insn,
			   const ZydisDecodedOperand *theirs)
{
	/*
	 * Zydis (4.0 and 4.1) reads REX.B where no base is encoded, if addresses
	 * have 32 bits. Processors do not: that is seen in
	 * selftests/unit/differential.c.
	 */
	if (insn->mode == 64 && insn->address_size == 4 &&
	    insn->mem.base == X86_REG_NONE &&
	    theirs->mem.base == ZYDIS_REGISTER_R13D)
		return;
	same(insn->mem.base == register_number(theirs->mem.base),
	     "base %u, Zydis: %u", insn->mem.base,
	     register_number(theirs->mem.base));
	same(insn->mem.index == register_number(theirs->mem.index),
	     "index %u, Zydis: %u", insn->mem.index,
	     register_number(theirs->mem.index));
	if (insn->mem.index != X86_REG_NONE)
		same(insn->mem.scale == theirs->mem.scale,
		     "scale %u, Zydis: %u", insn->mem.scale, theirs->mem.scale);
	same(!((insn->mem.disp ^ (u64)theirs->mem.disp.value) &
	       size_mask(insn->address_size)),
	     "displacement %#llx, Zydis: %#llx", insn->mem.disp,
	     (u64)theirs->mem.disp.value);
	same(insn->mem.seg == (u8)ZydisRegisterGetId(theirs->mem.segment),
	     "segment %u, Zydis: %u", insn->mem.seg,
	     ZydisRegisterGetId(theirs->mem.segment));
}

/* A string's destination is ES:rDI, and struct x86_insn need not say so. */
static bool is_string_destination(const ZydisDecodedOperand *theirs)
{
	return theirs->mem.segment == ZYDIS_REGISTER_ES &&
	       register_number(theirs->mem.base) == X86_RDI &&
	       theirs->mem.index == ZYDIS_REGISTER_NONE &&
	       !theirs->mem.disp.value;
}

/* Zydis numbers AL to BL, AH to BH, SPL to DIL, R8B to R15B in one row. */
static void compare_register(const struct x86_operand *ours, ZydisRegister theirs)
{
	u8 reg = ZydisRegisterGetId(theirs);

	if (ours->kind == X86_OPERAND_HIGH)
		reg = theirs - ZYDIS_REGISTER_AH;
	else if (ours->kind == X86_OPERAND_REG && ours->size == 1)
		reg = theirs >= ZYDIS_REGISTER_SPL ?
		      theirs - ZYDIS_REGISTER_SPL + 4 :
		      theirs - ZYDIS_REGISTER_AL;
	same(ours->reg == reg, "register %u (kind %u), Zydis: %s", ours->reg,
	     ours->kind, ZydisRegisterGetString(theirs));
}

/* The immediate as the operation uses it; of BT and its kin it is a bit's number. */
static void compare_immediate(const struct x86_insn *insn,
			      const ZydisDecodedOperand *theirs)
{
	bool bit = insn->op >= X86_OP_BT && insn->op <= X86_OP_BTC;
	u64 mask = bit ? 0xff : size_mask(insn->operand_size);

	same(!((insn->imm ^ theirs->imm.value.u) & mask),
	     "immediate %#llx, Zydis: %#llx", insn->imm,
	     (u64)theirs->imm.value.u);
}

static void compare_operand(const struct x86_insn *insn,
			    const struct x86_operand *ours,
			    const ZydisDecodedOperand *theirs)
{
	bool string = insn->op >= X86_OP_MOVS;

	/*
	 * A selector has 16 bits, whatever the register that it is moved to;
	 * immediates are compared as they are used.
	 */
	if (ours->kind != X86_OPERAND_IMM && ours->kind != X86_OPERAND_SREG)
		same(ours->size * 8 == theirs->size,
		     "operand of %u bytes, Zydis: %u bits", ours->size,
		     theirs->size);
	switch (theirs->type) {
	case ZYDIS_OPERAND_TYPE_MEMORY:
		same(ours->kind == X86_OPERAND_MEM, "operand's kind %u, Zydis: memory",
		     ours->kind);
		if (!string || !is_string_destination(theirs))
			compare_memory(insn, theirs);
		break;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		same(ours->kind == X86_OPERAND_IMM, "operand's kind %u, Zydis: immediate",
		     ours->kind);
		compare_immediate(insn, theirs);
		break;
	case ZYDIS_OPERAND_TYPE_REGISTER:
		same(ours->kind == X86_OPERAND_REG || ours->kind == X86_OPERAND_HIGH ||
		     ours->kind == X86_OPERAND_SREG,
		     "operand's kind %u, Zydis: register", ours->kind);
		compare_register(ours, theirs->reg.value);
		break;
	default:
		same(false, "Zydis: operand of type %d", theirs->type);
	}
}

/* Which of them is written: all destinations but those of comparisons. */
static void compare_direction(const struct x86_insn *insn,
			      const ZydisDecodedOperand *dst,
			      const ZydisDecodedOperand *src)
{
	bool compares = insn->op == X86_OP_CMP || insn->op == X86_OP_TEST ||
			insn->op == X86_OP_BT || insn->op == X86_OP_CMPS ||
			insn->op == X86_OP_SCAS;
	bool exchanges = insn->op == X86_OP_XCHG || insn->op == X86_OP_XADD;

	if (insn->dst.kind != X86_OPERAND_NONE)
		same(compares == !(dst->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE),
		     "destination is %swritten", compares ? "not " : "");
	if (insn->src.kind != X86_OPERAND_NONE)
		same(exchanges == !!(src->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE),
		     "source is %swritten", exchanges ? "" : "not ");
}

/* Find which of Zydis's operands are the destination and the source. */
static void compare_operands(const struct x86_insn *insn,
			     const ZydisDecodedOperand *operands)
{
	const ZydisDecodedOperand *dst = operands, *src = operands;

	switch (insn->op) {
	case X86_OP_INS:	/* then the port */
		break;
	case X86_OP_OUTS:	/* the port comes first */
		src++;
		break;
	case X86_OP_CMPS:	/* source first */
	case X86_OP_SCAS:
		dst++;
		break;
	default:
		src += insn->dst.kind != X86_OPERAND_NONE;
	}
	if (insn->dst.kind != X86_OPERAND_NONE)
		compare_operand(insn, &insn->dst, dst);
	if (insn->src.kind != X86_OPERAND_NONE)
		compare_operand(insn, &insn->src, src);
	compare_direction(insn, dst, src);
}

/*
 * Only CMPS and SCAS tell F2 from F3. With the others Zydis takes F2 for
 * nothing, as the manual has it; processors repeat (selftests/unit/differential.c
 * compares that with one), and so do we.
 */
static void compare_repeat(const struct x86_insn *insn, u64 attributes)
{
	u64 repeats = ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE;

	if (insn->op == X86_OP_CMPS || insn->op == X86_OP_SCAS)
		same((insn->rep == 0xf2) == !!(attributes & ZYDIS_ATTRIB_HAS_REPNE),
		     "prefix %#x, Zydis: not so", insn->rep);
	same((insn->rep == 0xf3) == !!(attributes & repeats),
	     "prefix %#x, Zydis: not so", insn->rep);
}

static void compare_known(const struct x86_insn *insn,
			  const ZydisDecodedInstruction *zydis,
			  const ZydisDecodedOperand *operands)
{
	const char *name = ZydisMnemonicGetString(zydis->mnemonic);

	same(insn->len == zydis->length, "length %u, Zydis: %u", insn->len,
	     zydis->length);
	same(!strncmp(name, names[insn->op], strlen(names[insn->op])),
	     "%s, Zydis: %s", names[insn->op], name);
	same(insn->address_size * 8 == zydis->address_width,
	     "address size %u, Zydis: %u bits", insn->address_size,
	     zydis->address_width);
	same(insn->lock == !!(zydis->attributes & ZYDIS_ATTRIB_HAS_LOCK),
	     "lock %u, Zydis: not so", insn->lock);
	compare_repeat(insn, zydis->attributes);
	compare_operands(insn, operands);
}

/*
 * What we do not know may be anything but an operation of ours on memory. To
 * load a segment register, or to sign-extend to 16 bits what has 32, is none.
 */
static void compare_unknown(const ZydisDecodedInstruction *zydis,
			    const ZydisDecodedOperand *operands)
{
	const char *name = ZydisMnemonicGetString(zydis->mnemonic);
	unsigned int i, memory = 0;

	for (i = 0; i < zydis->operand_count_visible; i++)
		memory += operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY;
	if (!memory || zydis->mnemonic == ZYDIS_MNEMONIC_MOVSXD ||
	    (zydis->mnemonic == ZYDIS_MNEMONIC_MOV && zydis->opcode == 0x8e))
		return;
	for (i = 1; i < ARRAY_SIZE(names); i++)
		same(strcmp(name, names[i]), "unknown, Zydis: %s of memory", name);
}

static const ZydisDecoder *decoder(unsigned int mode)
{
	static ZydisDecoder decoders[3];

	if (!decoders[0].stack_width) {
		ZydisDecoderInit(&decoders[1], ZYDIS_MACHINE_MODE_LEGACY_32,
				 ZYDIS_STACK_WIDTH_32);
		ZydisDecoderInit(&decoders[2], ZYDIS_MACHINE_MODE_LONG_64,
				 ZYDIS_STACK_WIDTH_64);
		ZydisDecoderInit(&decoders[0], ZYDIS_MACHINE_MODE_LEGACY_16,
				 ZYDIS_STACK_WIDTH_16);
	}
	return &decoders[mode / 32];
}

bool compare_can(void)
{
	return true;
}

const char *compare_decoders(unsigned int mode, const u8 *bytes,
			     unsigned int count, int *result)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction zydis;
	struct x86_insn insn;
	bool valid;

	*result = x86_decode(&insn, mode, bytes, count);
	valid = ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder(mode), bytes, count,
						    &zydis, operands));
	now.mode = mode;
	now.bytes = bytes;
	now.count = count;
	now.differs = false;
	if (*result == X86_DECODE_UNKNOWN) {
		if (valid)
			compare_unknown(&zydis, operands);
	} else {
		same(valid == (*result == X86_DECODE_OK), "result %d, Zydis: %s",
		     *result, valid ? "valid" : "invalid");
		if (valid)
			compare_known(&insn, &zydis, operands);
	}
	return now.differs ? now.text : NULL;
}

#else

bool compare_can(void)
{
	return false;
}

const char *compare_decoders(unsigned int mode, const u8 *bytes,
			     unsigned int count, int *result)
{
	struct x86_insn insn;

	*result = x86_decode(&insn, mode, bytes, count);
	return NULL;
}

#endif
