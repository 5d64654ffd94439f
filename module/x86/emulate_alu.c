// SPDX-License-Identifier: GPL-2.0-only
/*
 * Results and flags of the integer instructions: pure functions of numbers.
 *
 * Intel SDM volume 1, "EFLAGS Register"; volume 2, "Flags Affected" of each
 * instruction. Flags that are undefined there are left as processors leave
 * them: AF is clear after a logical operation; BT and its kin change only CF.
 *
 * Read next: emulate_memory.c.
 */
#include "emulate_internal.h"

#define ARITHMETIC_FLAGS	(CPU_FLAG_CF | CPU_FLAG_PF | CPU_FLAG_AF | \
				 CPU_FLAG_ZF | CPU_FLAG_SF | CPU_FLAG_OF)

/* The sign bit of a number of this size. */
static u64 sign_bit(unsigned int size)
{
	return BIT_ULL(size * 8 - 1);
}

/* PF: the lowest byte has an even number of ones. */
static bool parity(u8 byte)
{
	byte ^= byte >> 4;
	byte ^= byte >> 2;
	byte ^= byte >> 1;
	return !(byte & 1);
}

static u64 set_flags(u64 rflags, u64 which, bool on)
{
	return on ? rflags | which : rflags & ~which;
}

/* The flags that the result alone decides on. */
static u64 result_flags(u64 rflags, unsigned int size, u64 result)
{
	rflags = set_flags(rflags, CPU_FLAG_ZF, result == 0);
	rflags = set_flags(rflags, CPU_FLAG_SF, result & sign_bit(size));
	return set_flags(rflags, CPU_FLAG_PF, parity(result));
}

/* AND, OR, XOR, TEST have this result. */
static u64 logical(unsigned int size, u64 result, u64 *rflags)
{
	*rflags = result_flags(*rflags & ~ARITHMETIC_FLAGS, size, result);
	return result;
}

/*
 * @a + @b + @carry. A bit carries out if both operands have it, or if one has
 * it and the result has lost it; bit 3's carry is AF, the sign bit's is CF.
 */
static u64 add(unsigned int size, u64 a, u64 b, bool carry, u64 *rflags)
{
	u64 result = (a + b + carry) & x86_size_mask(size);
	u64 carries = (a & b) | ((a | b) & ~result);
	u64 overflow = (a ^ result) & (b ^ result);
	u64 flags = result_flags(*rflags, size, result);

	flags = set_flags(flags, CPU_FLAG_CF, carries & sign_bit(size));
	flags = set_flags(flags, CPU_FLAG_AF, carries & BIT(3));
	flags = set_flags(flags, CPU_FLAG_OF, overflow & sign_bit(size));
	*rflags = flags;
	return result;
}

/* @a - @b - @borrow; a bit borrows the way it carries in add(). */
static u64 sub(unsigned int size, u64 a, u64 b, bool borrow, u64 *rflags)
{
	u64 result = (a - b - borrow) & x86_size_mask(size);
	u64 borrows = (~a & b) | ((~a | b) & result);
	u64 overflow = (a ^ b) & (a ^ result);
	u64 flags = result_flags(*rflags, size, result);

	flags = set_flags(flags, CPU_FLAG_CF, borrows & sign_bit(size));
	flags = set_flags(flags, CPU_FLAG_AF, borrows & BIT(3));
	flags = set_flags(flags, CPU_FLAG_OF, overflow & sign_bit(size));
	*rflags = flags;
	return result;
}

/* INC and DEC leave CF as it was. */
static u64 keep_carry(u64 result, u64 before, u64 *rflags)
{
	*rflags = (*rflags & ~CPU_FLAG_CF) | (before & CPU_FLAG_CF);
	return result;
}

/* BT and its kin: CF gets the bit (@number is within the operand). */
static u64 bit_op(u8 op, u64 value, u64 number, u64 *rflags)
{
	u64 bit = BIT_ULL(number);

	*rflags = set_flags(*rflags, CPU_FLAG_CF, value & bit);
	switch (op) {
	case X86_OP_BTS:
		return value | bit;
	case X86_OP_BTR:
		return value & ~bit;
	case X86_OP_BTC:
		return value ^ bit;
	}
	return value;
}

/**
 * x86_alu - the result of an instruction
 * @op: enum x86_op
 * @size: of the operands, in bytes
 * @dst: the first operand
 * @src: the second
 * @rflags: the flags before, and after
 *
 * Return: what the destination gets, for those that have one.
 */
u64 x86_alu(u8 op, unsigned int size, u64 dst, u64 src, u64 *rflags)
{
	bool carry = *rflags & CPU_FLAG_CF;
	u64 before = *rflags;

	switch (op) {
	case X86_OP_ADD:
	case X86_OP_XADD:
		return add(size, dst, src, false, rflags);
	case X86_OP_ADC:
		return add(size, dst, src, carry, rflags);
	case X86_OP_SUB:
	case X86_OP_CMP:
		return sub(size, dst, src, false, rflags);
	case X86_OP_SBB:
		return sub(size, dst, src, carry, rflags);
	case X86_OP_NEG:
		return sub(size, 0, dst, false, rflags);
	case X86_OP_INC:
		return keep_carry(add(size, dst, 1, false, rflags), before,
				  rflags);
	case X86_OP_DEC:
		return keep_carry(sub(size, dst, 1, false, rflags), before,
				  rflags);
	case X86_OP_AND:
	case X86_OP_TEST:
		return logical(size, dst & src, rflags);
	case X86_OP_OR:
		return logical(size, dst | src, rflags);
	case X86_OP_XOR:
		return logical(size, dst ^ src, rflags);
	case X86_OP_NOT:
		return ~dst & x86_size_mask(size);
	case X86_OP_BT:
	case X86_OP_BTS:
	case X86_OP_BTR:
	case X86_OP_BTC:
		return bit_op(op, dst, src & (size * 8 - 1), rflags);
	}
	return src;	/* MOV, XCHG and the like */
}
