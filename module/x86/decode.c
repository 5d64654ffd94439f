// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the bytes of an instruction say: a decoder for those instructions that
 * compilers and operating systems use on memory.
 *
 * Intel SDM volume 2, chapter "Instruction Format".
 *
 * An instruction is: prefixes, opcode (of 1 to 3 bytes), ModRM, SIB,
 * displacement, immediate; x86_decode() goes through them in this order. What
 * comes after the opcode depends on the opcode: the tables in opcodes.h say it.
 * An opcode that is not there is X86_DECODE_UNKNOWN: nothing is guessed.
 *
 * Read next: emulate.c.
 */
#include "decode.h"
#include "opcodes.h"

/* The instruction as it is read, byte by byte. */
struct decoder {
	struct x86_insn *insn;
	unsigned int count;		/* bytes there are */
	unsigned int pos;		/* bytes taken */
	struct opcode opcode;
	u8 seg;				/* override, or X86_SEG_COUNT */
	bool lock, prefix_66, prefix_67;
	u8 rep;				/* 0, F2 or F3 */
	u8 rex;				/* 0 or the whole prefix */
	u8 mod, reg, rm;		/* ModRM; reg and rm extended by REX */
};

#define REX_W(d)	((d)->rex & 8)
#define REX_R(d)	((d)->rex & 4 ? 8 : 0)
#define REX_X(d)	((d)->rex & 2 ? 8 : 0)
#define REX_B(d)	((d)->rex & 1 ? 8 : 0)

/* Take a little-endian number of @size bytes; false if they are not there. */
static bool take(struct decoder *d, unsigned int size, u64 *value)
{
	unsigned int i;

	if (d->count - d->pos < size)
		return false;
	*value = 0;
	for (i = 0; i < size; i++)
		*value |= (u64)d->insn->bytes[d->pos++] << (i * 8);
	return true;
}

static bool take_signed(struct decoder *d, unsigned int size, u64 *value)
{
	u64 sign = BIT_ULL(size * 8 - 1);

	if (!take(d, size, value))
		return false;
	*value = (*value ^ sign) - sign;
	return true;
}

/* Is this byte a legacy prefix? Then note it. */
static bool legacy_prefix(struct decoder *d, u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:	/* these four mean nothing in 64-bit mode */
		if (d->insn->mode != 64)
			d->seg = (byte >> 3) & 3;
		return true;
	case 0x64:
		d->seg = X86_FS;
		return true;
	case 0x65:
		d->seg = X86_GS;
		return true;
	case 0x66:
		d->prefix_66 = true;
		return true;
	case 0x67:
		d->prefix_67 = true;
		return true;
	case 0xf0:
		d->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		d->rep = byte;
		return true;
	}
	return false;
}

/* Take the prefixes, and the opcode's first byte. */
static int take_prefixes(struct decoder *d, u8 *first)
{
	u64 byte;

	d->seg = X86_SEG_COUNT;
	for (;;) {
		if (!take(d, 1, &byte))
			return X86_DECODE_SHORT;
		if (d->insn->mode == 64 && (byte & 0xf0) == 0x40) {
			d->rex = byte;
		} else if (legacy_prefix(d, byte)) {
			d->rex = 0;	/* REX counts only if it comes last */
		} else {
			*first = byte;
			return X86_DECODE_OK;
		}
	}
}

/* Take the rest of the opcode and look it up. */
static int take_opcode(struct decoder *d, u8 first)
{
	u64 byte = first;

	if (first < 0x40 && (first & 7) < 6) {
		d->opcode = arithmetic[first & 7];
		d->opcode.op += first >> 3;
		return X86_DECODE_OK;
	}
	if (first != 0x0f) {
		d->opcode = one_byte[first];
		return X86_DECODE_OK;
	}
	if (!take(d, 1, &byte))
		return X86_DECODE_SHORT;
	if (byte != 0x38) {
		d->opcode = two_byte[byte];
		return X86_DECODE_OK;
	}
	if (!take(d, 1, &byte))
		return X86_DECODE_SHORT;
	d->opcode = byte == 0xf0 ? movbe_load :
		    byte == 0xf1 ? movbe_store : unknown;
	return X86_DECODE_OK;
}

static bool is_modrm_spec(u8 spec)
{
	switch (spec) {
	case EB:
	case EW:
	case EV:
	case ED:
	case EVW:
	case MV:
	case MY:
		return true;
	}
	return false;
}

static bool has_modrm(const struct opcode *opcode)
{
	return opcode->group || is_modrm_spec(opcode->dst) ||
	       is_modrm_spec(opcode->src);
}

/* Take ModRM; it may be what chooses the operation. */
static int take_modrm(struct decoder *d)
{
	u64 byte;

	if (!has_modrm(&d->opcode))
		return X86_DECODE_OK;
	if (!take(d, 1, &byte))
		return X86_DECODE_SHORT;
	d->mod = byte >> 6;
	d->reg = (byte >> 3) & 7;
	d->rm = byte & 7;
	if (d->opcode.group)
		d->opcode = d->opcode.group[d->reg];
	if (d->opcode.flags & BY_REG)
		d->opcode.op += d->reg;
	return X86_DECODE_OK;
}

/* Is this, with these prefixes, an instruction we know? */
static bool is_known(const struct decoder *d)
{
	const struct opcode *opcode = &d->opcode;

	if (opcode->op == X86_OP_UNKNOWN)
		return false;
	if ((opcode->flags & ONLY64) && d->insn->mode != 64)
		return false;
	if ((opcode->flags & NOT64) && d->insn->mode == 64)
		return false;
	if ((opcode->flags & NO_66) && d->prefix_66)
		return false;
	if ((opcode->flags & NO_REP) && d->rep)
		return false;
	if (d->mod == 3 && (opcode->dst == MV || opcode->dst == MY ||
			    opcode->src == MV))
		return false;
	return true;
}

static void set_sizes(struct decoder *d)
{
	struct x86_insn *insn = d->insn;

	switch (insn->mode) {
	case 64:
		insn->address_size = d->prefix_67 ? 4 : 8;
		if (d->opcode.flags & STACK)
			insn->operand_size = REX_W(d) || !d->prefix_66 ? 8 : 2;
		else
			insn->operand_size = REX_W(d) ? 8 :
					     d->prefix_66 ? 2 : 4;
		break;
	case 32:
		insn->address_size = d->prefix_67 ? 2 : 4;
		insn->operand_size = d->prefix_66 ? 2 : 4;
		break;
	default:
		insn->address_size = d->prefix_67 ? 4 : 2;
		insn->operand_size = d->prefix_66 ? 4 : 2;
		break;
	}
}

/* SDM: "Addressing-Mode Encoding of ModR/M and SIB Bytes", 16-bit form. */
static int take_memory16(struct decoder *d)
{
	static const struct {
		u8 base, index;
	} form[8] = {
		{ X86_RBX, X86_RSI }, { X86_RBX, X86_RDI },
		{ X86_RBP, X86_RSI }, { X86_RBP, X86_RDI },
		{ X86_RSI, X86_REG_NONE }, { X86_RDI, X86_REG_NONE },
		{ X86_RBP, X86_REG_NONE }, { X86_RBX, X86_REG_NONE },
	};
	struct x86_insn *insn = d->insn;

	insn->mem.base = form[d->rm].base;
	insn->mem.index = form[d->rm].index;
	if (d->mod == 0 && d->rm == 6) {
		insn->mem.base = X86_REG_NONE;
		return take_signed(d, 2, &insn->mem.disp) ? X86_DECODE_OK :
							   X86_DECODE_SHORT;
	}
	if (d->mod && !take_signed(d, d->mod, &insn->mem.disp))
		return X86_DECODE_SHORT;
	return X86_DECODE_OK;
}

/* The 32-bit form, which 64-bit addresses use too. */
static int take_memory32(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	unsigned int disp_size = d->mod == 1 ? 1 : d->mod == 2 ? 4 : 0;
	u8 base = d->rm;
	u64 sib;

	insn->mem.base = base | REX_B(d);
	if (base == X86_RSP) {	/* stands for: a SIB byte follows */
		if (!take(d, 1, &sib))
			return X86_DECODE_SHORT;
		base = sib & 7;
		insn->mem.base = base | REX_B(d);
		insn->mem.index = ((sib >> 3) & 7) | REX_X(d);
		insn->mem.scale = 1 << (sib >> 6);
		if (insn->mem.index == X86_RSP)	/* stands for: none */
			insn->mem.index = X86_REG_NONE;
	}
	if (base == X86_RBP && d->mod == 0) {	/* stands for: none */
		insn->mem.base = X86_REG_NONE;
		if (insn->mode == 64 && d->rm == X86_RBP)
			insn->mem.base = X86_REG_RIP;
		disp_size = 4;
	}
	if (disp_size && !take_signed(d, disp_size, &insn->mem.disp))
		return X86_DECODE_SHORT;
	return X86_DECODE_OK;
}

/* Take what says where in memory an operand is: ModRM, or the opcode's own. */
static int take_memory(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	int ret = X86_DECODE_OK;

	insn->mem.base = X86_REG_NONE;
	insn->mem.index = X86_REG_NONE;
	insn->mem.scale = 1;

	if (has_modrm(&d->opcode)) {
		if (d->mod != 3)
			ret = insn->address_size == 2 ? take_memory16(d) :
							take_memory32(d);
	} else if (d->opcode.dst == OB || d->opcode.dst == OV ||
		   d->opcode.src == OB || d->opcode.src == OV) {
		if (!take(d, insn->address_size, &insn->mem.disp))
			ret = X86_DECODE_SHORT;
	} else {
		insn->mem.base = X86_RSI;	/* of string instructions */
	}

	if (d->seg != X86_SEG_COUNT)
		insn->mem.seg = d->seg;
	else if (insn->mem.base == X86_RSP || insn->mem.base == X86_RBP)
		insn->mem.seg = X86_SS;
	else
		insn->mem.seg = X86_DS;
	return ret;
}

static int take_immediate(struct decoder *d)
{
	unsigned int size;

	switch (d->opcode.src) {
	case IB:
	case IBS:
		size = 1;
		break;
	case IZ:
		size = min_t(unsigned int, d->insn->operand_size, 4);
		break;
	default:
		return X86_DECODE_OK;
	}
	return take_signed(d, size, &d->insn->imm) ? X86_DECODE_OK :
						     X86_DECODE_SHORT;
}

/* General register @reg; without REX, byte registers 4 to 7 are AH to BH. */
static struct x86_operand reg_operand(const struct decoder *d, u8 reg, u8 size)
{
	if (size == 1 && !d->rex && reg >= 4)
		return (struct x86_operand){ X86_OPERAND_HIGH, reg - 4, 1 };
	return (struct x86_operand){ X86_OPERAND_REG, reg, size };
}

static struct x86_operand rm_operand(const struct decoder *d, u8 size)
{
	if (d->mod == 3)
		return reg_operand(d, d->rm | REX_B(d), size);
	return (struct x86_operand){ X86_OPERAND_MEM, 0, size };
}

static u8 spec_size(const struct decoder *d, u8 spec)
{
	u8 v = d->insn->operand_size;

	switch (spec) {
	case EB:
	case GB:
	case OB:
	case IB:
	case AL:
	case XB:
	case YB:
		return 1;
	case EW:
	case SW:
		return 2;
	case EVW:
		return d->mod == 3 ? v : 2;
	case ED:
	case XZ:
	case YZ:
		return min_t(u8, v, 4);
	case GY:
	case MY:
		return v == 8 ? 8 : 4;
	}
	return v;
}

static struct x86_operand operand(const struct decoder *d, u8 spec)
{
	u8 size = spec_size(d, spec);

	switch (spec) {
	case NONE:
		return (struct x86_operand){ X86_OPERAND_NONE, 0, 0 };
	case GB:
	case GV:
	case GY:
		return reg_operand(d, d->reg | REX_R(d), size);
	case SW:
		return (struct x86_operand){ X86_OPERAND_SREG, d->reg, size };
	case AL:
	case RAX:
		return (struct x86_operand){ X86_OPERAND_REG, X86_RAX, size };
	case IB:
	case IBS:
	case IZ:
		return (struct x86_operand){ X86_OPERAND_IMM, 0, size };
	case OB:
	case OV:
	case XB:
	case XV:
	case XZ:
	case YB:
	case YV:
	case YZ:
		return (struct x86_operand){ X86_OPERAND_MEM, 0, size };
	}
	return rm_operand(d, size);
}

static bool is_string(u8 op)
{
	return op >= X86_OP_MOVS && op <= X86_OP_OUTS;
}

/* Fill in the result; what is left to check needs the operands. */
static int finish(struct decoder *d)
{
	struct x86_insn *insn = d->insn;

	insn->op = d->opcode.op;
	insn->dst = operand(d, d->opcode.dst);
	insn->src = operand(d, d->opcode.src);
	insn->operand_size = insn->dst.kind != X86_OPERAND_NONE ?
			     insn->dst.size : insn->src.size;
	insn->rep = is_string(insn->op) ? d->rep : 0;
	insn->lock = d->lock;

	if (d->lock && (!(d->opcode.flags & LOCKABLE) ||
			insn->op == X86_OP_CMP ||
			insn->dst.kind != X86_OPERAND_MEM))
		return X86_DECODE_INVALID;
	if (insn->src.kind == X86_OPERAND_SREG &&
	    insn->src.reg >= X86_SEG_COUNT)
		return X86_DECODE_INVALID;
	insn->len = d->pos;
	return X86_DECODE_OK;
}

int x86_decode(struct x86_insn *insn, unsigned int mode, const u8 *bytes,
	       unsigned int count)
{
	struct decoder d = { .insn = insn, .count = count };
	u8 first;
	int ret;

	memset(insn, 0, sizeof(*insn));
	memcpy(insn->bytes, bytes, count);
	insn->len = count;
	insn->mode = mode;

	ret = take_prefixes(&d, &first);
	if (!ret)
		ret = take_opcode(&d, first);
	if (!ret)
		ret = take_modrm(&d);
	if (!ret && !is_known(&d))
		ret = X86_DECODE_UNKNOWN;
	if (ret)
		return ret;

	set_sizes(&d);
	ret = take_memory(&d);
	if (!ret)
		ret = take_immediate(&d);
	if (!ret)
		ret = finish(&d);
	return ret;
}
