/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The opcodes that the decoder knows: tables, included by decode.c only.
 *
 * Intel SDM volume 2, appendix "Opcode Map", whose notation this follows (in
 * capitals: its Ev is EV here). To add an instruction: a line here, its meaning
 * in emulate.c, a line in selftests/unit/decode.c.
 *
 * Read next: decode.c.
 */
#ifndef MINIVMM_X86_OPCODES_H
#define MINIVMM_X86_OPCODES_H

#include "decode.h"

/*
 * Where an operand is and how wide it is. First letter: E ModRM's register or
 * memory; M the same, memory only; G ModRM's other register; S the same, a
 * segment register; O memory at an address in the instruction; I immediate.
 * Second letter: B 1 byte; W 2 bytes; D 4 bytes; V operand size; Y operand size,
 * but at least 4 bytes; Z operand size, but at most 4 bytes. Then those that are
 * named in full.
 */
enum spec {
	NONE, EB, EW, EV, ED, MV, MY, GB, GV, GY, SW, OB, OV, IB, IZ,
	IBS,		/* 1 byte, sign-extended to the operand size */
	EVW,		/* a register V, or memory W */
	AL, RAX,
	XB, XV,		/* string source: DS:rSI */
	YB, YV, YZ,	/* string destination: ES:rDI */
	XZ,
};

enum {
	LOCKABLE = 1,	/* LOCK is allowed if the destination is memory */
	STACK = 2,	/* operand size in 64-bit mode: 8 bytes, or 2 */
	ONLY64 = 4,	/* another instruction outside 64-bit mode */
	NO_66 = 8,	/* another instruction with this prefix */
	NO_REP = 16,	/* another instruction with prefix F2 or F3 */
	BY_REG = 32,	/* ModRM's reg field chooses from ADD to CMP */
	NOT64 = 64,	/* no instruction in 64-bit mode */
};

struct opcode {
	u8 op;				/* enum x86_op */
	u8 dst, src;			/* enum spec */
	u8 flags;
	const struct opcode *group;	/* ModRM's reg field chooses here */
};

#define OP(name, to, from, flag) {					\
	.op = X86_OP_##name,						\
	.dst = (to),							\
	.src = (from),							\
	.flags = (flag),						\
}

#define GROUP(table)	{ .group = (table) }

/*
 * The eight operations of two operands with which the 8086 began its map:
 * opcodes 00 to 3F, the operation in bits 5:3, its operands in bits 2:0.
 */
static const struct opcode arithmetic[8] = {
	OP(ADD, EB, GB, LOCKABLE),
	OP(ADD, EV, GV, LOCKABLE),
	OP(ADD, GB, EB, 0),
	OP(ADD, GV, EV, 0),
	OP(ADD, AL, IB, 0),
	OP(ADD, RAX, IZ, 0),
};

static const struct opcode group1a_8f[8] = {
	[0] = OP(POP, EV, NONE, STACK),
};

static const struct opcode group3_f6[8] = {
	[0] = OP(TEST, EB, IB, 0),
	[1] = OP(TEST, EB, IB, 0),
	[2] = OP(NOT, EB, NONE, LOCKABLE),
	[3] = OP(NEG, EB, NONE, LOCKABLE),
};

static const struct opcode group3_f7[8] = {
	[0] = OP(TEST, EV, IZ, 0),
	[1] = OP(TEST, EV, IZ, 0),
	[2] = OP(NOT, EV, NONE, LOCKABLE),
	[3] = OP(NEG, EV, NONE, LOCKABLE),
};

static const struct opcode group4_fe[8] = {
	[0] = OP(INC, EB, NONE, LOCKABLE),
	[1] = OP(DEC, EB, NONE, LOCKABLE),
};

static const struct opcode group5_ff[8] = {
	[0] = OP(INC, EV, NONE, LOCKABLE),
	[1] = OP(DEC, EV, NONE, LOCKABLE),
	[6] = OP(PUSH, NONE, EV, STACK),
};

static const struct opcode group8_0fba[8] = {
	[4] = OP(BT, EV, IBS, 0),
	[5] = OP(BTS, EV, IBS, LOCKABLE),
	[6] = OP(BTR, EV, IBS, LOCKABLE),
	[7] = OP(BTC, EV, IBS, LOCKABLE),
};

static const struct opcode group11_c6[8] = {
	[0] = OP(MOV, EB, IB, 0),
};

static const struct opcode group11_c7[8] = {
	[0] = OP(MOV, EV, IZ, 0),
};

/* Opcodes of one byte, from 40. */
static const struct opcode one_byte[256] = {
	[0x63] = OP(MOVSX, GV, ED, ONLY64 | NO_66),	/* MOVSXD */
	[0x6c] = OP(INS, YB, NONE, 0),
	[0x6d] = OP(INS, YZ, NONE, 0),
	[0x6e] = OP(OUTS, NONE, XB, 0),
	[0x6f] = OP(OUTS, NONE, XZ, 0),
	[0x80] = OP(ADD, EB, IB, LOCKABLE | BY_REG),
	[0x81] = OP(ADD, EV, IZ, LOCKABLE | BY_REG),
	[0x82] = OP(ADD, EB, IB, LOCKABLE | BY_REG | NOT64),
	[0x83] = OP(ADD, EV, IBS, LOCKABLE | BY_REG),
	[0x84] = OP(TEST, EB, GB, 0),
	[0x85] = OP(TEST, EV, GV, 0),
	[0x86] = OP(XCHG, EB, GB, LOCKABLE),
	[0x87] = OP(XCHG, EV, GV, LOCKABLE),
	[0x88] = OP(MOV, EB, GB, 0),
	[0x89] = OP(MOV, EV, GV, 0),
	[0x8a] = OP(MOV, GB, EB, 0),
	[0x8b] = OP(MOV, GV, EV, 0),
	[0x8c] = OP(MOV, EVW, SW, 0),
	[0x8f] = GROUP(group1a_8f),
	[0xa0] = OP(MOV, AL, OB, 0),
	[0xa1] = OP(MOV, RAX, OV, 0),
	[0xa2] = OP(MOV, OB, AL, 0),
	[0xa3] = OP(MOV, OV, RAX, 0),
	[0xa4] = OP(MOVS, YB, XB, 0),
	[0xa5] = OP(MOVS, YV, XV, 0),
	[0xa6] = OP(CMPS, YB, XB, 0),
	[0xa7] = OP(CMPS, YV, XV, 0),
	[0xa8] = OP(TEST, AL, IB, 0),
	[0xa9] = OP(TEST, RAX, IZ, 0),
	[0xaa] = OP(STOS, YB, AL, 0),
	[0xab] = OP(STOS, YV, RAX, 0),
	[0xac] = OP(LODS, AL, XB, 0),
	[0xad] = OP(LODS, RAX, XV, 0),
	[0xae] = OP(SCAS, YB, AL, 0),
	[0xaf] = OP(SCAS, YV, RAX, 0),
	[0xc6] = GROUP(group11_c6),
	[0xc7] = GROUP(group11_c7),
	[0xf6] = GROUP(group3_f6),
	[0xf7] = GROUP(group3_f7),
	[0xfe] = GROUP(group4_fe),
	[0xff] = GROUP(group5_ff),
};

/* After the escape byte 0F. */
static const struct opcode two_byte[256] = {
	[0xa3] = OP(BT, EV, GV, 0),
	[0xab] = OP(BTS, EV, GV, LOCKABLE),
	[0xb0] = OP(CMPXCHG, EB, GB, LOCKABLE),
	[0xb1] = OP(CMPXCHG, EV, GV, LOCKABLE),
	[0xb3] = OP(BTR, EV, GV, LOCKABLE),
	[0xb6] = OP(MOVZX, GV, EB, 0),
	[0xb7] = OP(MOVZX, GV, EW, 0),
	[0xba] = GROUP(group8_0fba),
	[0xbb] = OP(BTC, EV, GV, LOCKABLE),
	[0xbe] = OP(MOVSX, GV, EB, 0),
	[0xbf] = OP(MOVSX, GV, EW, 0),
	[0xc0] = OP(XADD, EB, GB, LOCKABLE),
	[0xc1] = OP(XADD, EV, GV, LOCKABLE),
	[0xc3] = OP(MOV, MY, GY, NO_66 | NO_REP),	/* MOVNTI */
};

/* After the escape bytes 0F 38: only MOVBE. */
static const struct opcode movbe_load = OP(MOVBE, GV, MV, NO_REP);
static const struct opcode movbe_store = OP(MOVBE, MV, GV, NO_REP);

static const struct opcode unknown;

#endif
