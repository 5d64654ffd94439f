/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interface of decode.c: what the bytes of an instruction say.
 */
#ifndef MINIVMM_X86_DECODE_H
#define MINIVMM_X86_DECODE_H

#include "types.h"

#define X86_INSN_MAX	15	/* a longer instruction is #GP */
#define X86_FETCH_SIZE	16	/* room for its bytes, in whole words */

/* What an instruction does. The order of ADD..CMP and BT..BTC is encoded. */
enum x86_op {
	X86_OP_UNKNOWN,
	X86_OP_ADD, X86_OP_OR, X86_OP_ADC, X86_OP_SBB,
	X86_OP_AND, X86_OP_SUB, X86_OP_XOR, X86_OP_CMP,
	X86_OP_BT, X86_OP_BTS, X86_OP_BTR, X86_OP_BTC,
	X86_OP_TEST, X86_OP_NOT, X86_OP_NEG, X86_OP_INC, X86_OP_DEC,
	X86_OP_XCHG, X86_OP_XADD, X86_OP_CMPXCHG,
	X86_OP_MOV, X86_OP_MOVZX, X86_OP_MOVSX, X86_OP_MOVBE,
	X86_OP_PUSH, X86_OP_POP,
	X86_OP_MOVS, X86_OP_CMPS, X86_OP_STOS, X86_OP_LODS, X86_OP_SCAS,
	X86_OP_INS, X86_OP_OUTS,
};

/* Where an operand is. */
enum x86_operand_kind {
	X86_OPERAND_NONE,
	X86_OPERAND_REG,	/* general register .reg */
	X86_OPERAND_HIGH,	/* bits 15:8 of general register .reg: AH to BH */
	X86_OPERAND_SREG,	/* segment register .reg */
	X86_OPERAND_MEM,	/* insn->mem */
	X86_OPERAND_IMM,	/* insn->imm */
};

struct x86_operand {
	u8 kind;
	u8 reg;
	u8 size;	/* in bytes: 1, 2, 4 or 8 */
};

/**
 * struct x86_insn - an instruction, decoded
 * @bytes: its bytes
 * @len: how many they are; of an instruction that could not be decoded, how
 *       many could be fetched
 * @op: what it does (enum x86_op)
 * @mode: 16, 32 or 64: the code segment's default, which it was decoded for
 * @operand_size: in bytes; of the operation, so 1 for its byte forms
 * @address_size: in bytes
 * @lock: there is a LOCK prefix (and it is allowed)
 * @rep: 0, 0xf3 (REP, REPE) or 0xf2 (REPNE); of a string instruction only
 * @dst: destination, or first operand
 * @src: source, or second operand
 * @imm: sign-extended to 64 bits
 * @mem: the memory operand: (base + index * scale + disp) in segment seg
 */
struct x86_insn {
	u8 bytes[X86_FETCH_SIZE];
	u8 len;
	u8 op;
	u8 mode;
	u8 operand_size;
	u8 address_size;
	bool lock;
	u8 rep;
	struct x86_operand dst, src;
	u64 imm;
	struct {
		u8 seg;		/* enum x86_seg */
		u8 base;	/* enum x86_reg: X86_REG_NONE and _RIP too */
		u8 index;	/* enum x86_reg: X86_REG_NONE too */
		u8 scale;	/* 1, 2, 4 or 8 */
		u64 disp;	/* sign-extended */
	} mem;
};

enum x86_decode_result {
	X86_DECODE_OK,
	X86_DECODE_SHORT,	/* more bytes are needed to tell */
	X86_DECODE_INVALID,	/* the CPU answers it with #UD */
	X86_DECODE_UNKNOWN,	/* not an instruction of this decoder */
};

/**
 * x86_decode - decode one instruction
 * @insn: gets everything; written in full whatever the result
 * @mode: 16, 32 or 64
 * @bytes: what was fetched
 * @count: how many bytes those are, at most X86_INSN_MAX
 *
 * Return: enum x86_decode_result. X86_DECODE_SHORT with @count X86_INSN_MAX
 * says that the instruction is too long. A result other than X86_DECODE_OK
 * leaves @count in @insn->len.
 */
int x86_decode(struct x86_insn *insn, unsigned int mode, const u8 *bytes,
	       unsigned int count);

#endif
