// SPDX-License-Identifier: GPL-2.0-only
/*
 * One instruction of the guest, carried out in software: how it is fetched, the
 * order of things, and the instructions that are no string instructions.
 *
 * Intel SDM volume 2, the "Operation" of each instruction.
 *
 * An instruction works on the new_* registers. Its order is always: check the
 * source and read it (x86_prepare, x86_read), check the destination, compute,
 * write, and only then make the new registers those of the vCPU. So whatever
 * ends it early - a fault, or an access that user space must serve first - has
 * changed no register, and a write never has a fault after it.
 * emulate.h says how it goes on after user space has answered.
 *
 * Read next: emulate_alu.c.
 */
#include "emulate_internal.h"

/**
 * x86_raise - the instruction ends with an exception
 * @e: the emulator
 * @vector: #UD, or one that pushes an error code, which then is 0
 *
 * Return: X86_EMUL_FAULT.
 */
int x86_raise(struct x86_emulator *e, u8 vector)
{
	e->fault = (struct x86_fault){
		.vector = vector,
		.has_error = vector != X86_VECTOR_UD && (e->cr0 & CPU_CR0_PE),
	};
	return X86_EMUL_FAULT;
}

/**
 * x86_get_reg - read the lower part of a general register
 * @e: the emulator
 * @reg: enum x86_reg
 * @size: in bytes
 */
u64 x86_get_reg(const struct x86_emulator *e, u8 reg, unsigned int size)
{
	return x86_reg(e, reg) & x86_size_mask(size);
}

/**
 * x86_set_reg - write the lower part of a general register
 * @e: the emulator
 * @reg: enum x86_reg
 * @size: in bytes; 4 bytes clear the upper half, fewer leave the rest
 * @value: what to write
 */
void x86_set_reg(struct x86_emulator *e, u8 reg, unsigned int size, u64 value)
{
	u64 mask = x86_size_mask(size);
	u64 rest = size == 4 ? 0 : x86_reg(e, reg) & ~mask;

	e->new_regs[reg] = rest | (value & mask);
	e->changed |= BIT(reg);
}

/*
 * How many of the next bytes at RIP may be fetched in one piece: they end with
 * the page, with the segment, and with the longest instruction.
 */
static int fetch_room(struct x86_emulator *e, unsigned int have, u64 *linear,
		      u32 *room)
{
	struct x86_segment cs;
	u64 ip = e->rip + have;

	*linear = ip;
	*room = X86_INSN_MAX - have;
	if (!*room)
		return x86_raise(e, X86_VECTOR_GP);
	if (e->mode == 64) {
		if (!x86_canonical(e, ip))
			return x86_raise(e, X86_VECTOR_GP);
	} else {
		e->ops->segment(e->ctx, X86_CS, &cs);
		if (ip > cs.limit)
			return x86_raise(e, X86_VECTOR_GP);
		*linear = (cs.base + ip) & x86_size_mask(4);
		*room = min_t(u64, *room, cs.limit - ip + 1);
	}
	*room = min_t(u32, *room,
		      X86_PAGE_SIZE - (*linear & (X86_PAGE_SIZE - 1)));
	return X86_EMUL_DONE;
}

/* Fetch that piece, and add it to the @have bytes that are there already. */
static int fetch_piece(struct x86_emulator *e, u8 *bytes, u32 *have)
{
	unsigned int access = X86_ACCESS_FETCH;
	u64 linear, gpa = 0;
	u32 room, size;
	int ret;

	if (e->cpl == 3)
		access |= X86_ACCESS_USER;
	ret = fetch_room(e, *have, &linear, &room);
	if (!ret)
		ret = e->ops->translate(e->ctx, linear, access, &gpa,
					&e->fault);
	/* Two words are read faster than 15 bytes; the last is not kept. */
	if (room == X86_INSN_MAX && (gpa & (X86_PAGE_SIZE - 1)) <=
				    X86_PAGE_SIZE - X86_FETCH_SIZE)
		size = X86_FETCH_SIZE;
	else
		size = room;
	if (!ret && e->ops->read(e->ctx, gpa, bytes + *have, size))
		ret = X86_EMUL_UNHANDLED;
	bytes[X86_INSN_MAX] = 0;
	if (!ret)
		*have += room;
	return ret;
}

/*
 * Drivers access a device by the same few instructions over and over: bytes
 * that are those of the instruction before need not be decoded again.
 */
static bool decoded_before(const struct x86_emulator *e, const u8 *bytes,
			   u32 have)
{
	return e->insn_valid && e->insn.mode == e->mode &&
	       e->insn.len <= have &&
	       !memcmp(e->insn.bytes, bytes, X86_FETCH_SIZE);
}

/*
 * Fetch bytes up to the end of the page, and beyond only if the instruction is
 * not complete by then: an instruction at the end of a page does not touch the
 * next one.
 */
static int fetch(struct x86_emulator *e)
{
	u8 bytes[X86_FETCH_SIZE] = {};
	u32 have = 0;
	int ret;

	ret = fetch_piece(e, bytes, &have);
	if (!ret && decoded_before(e, bytes, have))
		return X86_EMUL_DONE;

	e->insn_valid = false;
	e->insn.len = 0;
	while (!ret) {
		ret = x86_decode(&e->insn, e->mode, bytes, have);
		if (ret == X86_DECODE_INVALID)
			return x86_raise(e, X86_VECTOR_UD);
		if (ret == X86_DECODE_UNKNOWN)
			return X86_EMUL_UNHANDLED;
		if (ret == X86_DECODE_OK) {
			e->insn_valid = true;
			return X86_EMUL_DONE;
		}
		ret = fetch_piece(e, bytes, &have);
	}
	return ret;
}

/* Does the operation look at what its destination held? */
static bool reads_dst(u8 op)
{
	switch (op) {
	case X86_OP_MOV:
	case X86_OP_MOVZX:
	case X86_OP_MOVSX:
	case X86_OP_MOVBE:
	case X86_OP_POP:
		return false;
	}
	return true;
}

static bool writes_dst(u8 op)
{
	return op != X86_OP_CMP && op != X86_OP_TEST && op != X86_OP_BT;
}

/*
 * The bit that BT and its kin address by a register may lie anywhere around the
 * operand: the operand is the one in its row that holds the bit.
 */
static u64 bit_displacement(const struct x86_emulator *e)
{
	const struct x86_insn *insn = &e->insn;
	unsigned int size = insn->src.size;
	unsigned int shift = 64 - size * 8;
	s64 bit;

	if (insn->op < X86_OP_BT || insn->op > X86_OP_BTC ||
	    insn->src.kind != X86_OPERAND_REG)
		return 0;
	bit = (s64)(x86_reg(e, insn->src.reg) << shift) >> shift;
	return (u64)(bit >> 3) & ~(u64)(size - 1);
}

/* The offset of the memory operand in its segment. */
static u64 effective_address(const struct x86_emulator *e)
{
	const struct x86_insn *insn = &e->insn;
	u64 address = insn->mem.disp + bit_displacement(e);

	if (insn->mem.base == X86_REG_RIP)
		address += e->rip + insn->len;
	else if (insn->mem.base != X86_REG_NONE)
		address += x86_reg(e, insn->mem.base);
	if (insn->mem.index != X86_REG_NONE)
		address += x86_reg(e, insn->mem.index) * insn->mem.scale;
	return address & x86_size_mask(insn->address_size);
}

/* Check the access to the memory operand, if @operand is that. */
static int prepare_operand(struct x86_emulator *e, struct x86_access *a,
			   const struct x86_operand *operand, bool write)
{
	if (operand->kind != X86_OPERAND_MEM)
		return X86_EMUL_DONE;
	return x86_prepare(e, a, e->insn.mem.seg, effective_address(e),
			   operand->size, write ? X86_ACCESS_WRITE : 0);
}

static int read_operand(struct x86_emulator *e, const struct x86_access *a,
			const struct x86_operand *operand, u64 *value)
{
	struct x86_segment segment;

	*value = 0;
	switch (operand->kind) {
	case X86_OPERAND_REG:
		*value = x86_get_reg(e, operand->reg, operand->size);
		break;
	case X86_OPERAND_HIGH:
		*value = (x86_reg(e, operand->reg) >> 8) & 0xff;
		break;
	case X86_OPERAND_SREG:
		e->ops->segment(e->ctx, operand->reg, &segment);
		*value = segment.selector;
		break;
	case X86_OPERAND_IMM:
		*value = e->insn.imm & x86_size_mask(operand->size);
		break;
	case X86_OPERAND_MEM:
		return x86_read(e, a, value);
	}
	return X86_EMUL_DONE;
}

static void write_register(struct x86_emulator *e,
			   const struct x86_operand *operand, u64 value)
{
	u64 old;

	if (operand->kind == X86_OPERAND_HIGH) {
		old = x86_reg(e, operand->reg);
		x86_set_reg(e, operand->reg, 2,
			    (old & 0xff) | (value & 0xff) << 8);
	} else {
		x86_set_reg(e, operand->reg, operand->size, value);
	}
}

static u64 sign_extend(u64 value, unsigned int size)
{
	u64 sign = BIT_ULL(size * 8 - 1);

	return (value ^ sign) - sign;
}

static u64 swap_bytes(u64 value, unsigned int size)
{
	u64 swapped = 0;

	while (size--) {
		swapped = swapped << 8 | (value & 0xff);
		value >>= 8;
	}
	return swapped;
}

/*
 * CMPXCHG: the destination gets the source if it is equal to the accumulator,
 * else itself; in the second case the accumulator gets what it held.
 */
static u64 compare_exchange(struct x86_emulator *e, u64 dst, u64 src)
{
	unsigned int size = e->insn.operand_size;
	u64 accumulator = x86_get_reg(e, X86_RAX, size);

	x86_alu(X86_OP_CMP, size, accumulator, dst, &e->new_rflags);
	if (accumulator == dst)
		return src;
	x86_set_reg(e, X86_RAX, size, dst);
	return dst;
}

/* What the destination gets; a second result goes to its register here. */
static u64 compute(struct x86_emulator *e, u64 dst, u64 src)
{
	const struct x86_insn *insn = &e->insn;
	u64 result;

	switch (insn->op) {
	case X86_OP_MOV:
	case X86_OP_MOVZX:
		return src;
	case X86_OP_MOVSX:
		return sign_extend(src, insn->src.size);
	case X86_OP_MOVBE:
		return swap_bytes(src, insn->operand_size);
	case X86_OP_CMPXCHG:
		return compare_exchange(e, dst, src);
	}
	result = x86_alu(insn->op, insn->operand_size, dst, src,
			 &e->new_rflags);
	if (insn->op == X86_OP_XCHG || insn->op == X86_OP_XADD)
		write_register(e, &insn->src, dst);
	return result;
}

static int write_result(struct x86_emulator *e, const struct x86_access *a,
			u64 old, u64 result)
{
	const struct x86_insn *insn = &e->insn;

	if (insn->dst.kind != X86_OPERAND_MEM) {
		write_register(e, &insn->dst, result);
		return X86_EMUL_DONE;
	}
	/* XCHG with memory is locked without being told so. */
	if (insn->lock || insn->op == X86_OP_XCHG)
		return x86_write_locked(e, a, old, result);
	return x86_write(e, a, result);
}

/*
 * User space is asked for the memory operand. Is the rest certain - no other
 * access, and with that no fault? Not if the operand is on two pages, or if it
 * is read now and written later.
 */
static bool is_last_access(const struct x86_emulator *e,
			   const struct x86_access *a)
{
	const struct x86_insn *insn = &e->insn;

	return a->first == a->size &&
	       (e->io.write || insn->dst.kind != X86_OPERAND_MEM ||
		!writes_dst(insn->op));
}

/* Any instruction of a destination and a source. */
static int two_operands(struct x86_emulator *e)
{
	const struct x86_insn *insn = &e->insn;
	bool write = writes_dst(insn->op);
	struct x86_access a;
	u64 dst = 0, src;
	int ret;

	/* At most one of them is in memory. */
	if (insn->dst.kind == X86_OPERAND_MEM)
		ret = prepare_operand(e, &a, &insn->dst, write);
	else
		ret = prepare_operand(e, &a, &insn->src, false);
	if (!ret)
		ret = read_operand(e, &a, &insn->src, &src);
	if (!ret && reads_dst(insn->op))
		ret = read_operand(e, &a, &insn->dst, &dst);
	if (!ret) {
		src = compute(e, dst, src);
		if (write)
			ret = write_result(e, &a, dst, src);
	}
	if (ret == X86_EMUL_IO)
		e->last = is_last_access(e, &a);
	return ret;
}

/*
 * What two_operands() had left to do when it asked for its last access. After a
 * write, nothing. What was read is one operand; the other is none in memory.
 */
static void finish_last(struct x86_emulator *e)
{
	const struct x86_insn *insn = &e->insn;
	u64 dst = 0, src, value;

	if (e->io.write)
		return;
	memcpy(&value, e->io.data, sizeof(value));
	value &= x86_size_mask(e->io.size);
	if (insn->src.kind == X86_OPERAND_MEM) {
		src = value;
		if (reads_dst(insn->op))
			read_operand(e, NULL, &insn->dst, &dst);
	} else {
		dst = value;
		read_operand(e, NULL, &insn->src, &src);
	}
	src = compute(e, dst, src);
	if (writes_dst(insn->op))
		write_register(e, &insn->dst, src);
}

/* How wide the stack pointer is, in bytes. */
static unsigned int stack_width(struct x86_emulator *e)
{
	struct x86_segment ss;

	if (e->mode == 64)
		return 8;
	e->ops->segment(e->ctx, X86_SS, &ss);
	return ss.ar & X86_AR_DB ? 4 : 2;
}

/* The operand's address is computed with the stack pointer as it was. */
static int push(struct x86_emulator *e)
{
	const struct x86_insn *insn = &e->insn;
	unsigned int width = stack_width(e);
	struct x86_access a, stack;
	u64 sp, value;
	int ret;

	sp = (x86_get_reg(e, X86_RSP, width) - insn->operand_size) &
	     x86_size_mask(width);
	ret = prepare_operand(e, &a, &insn->src, false);
	if (!ret)
		ret = read_operand(e, &a, &insn->src, &value);
	if (!ret)
		ret = x86_prepare(e, &stack, X86_SS, sp, insn->operand_size,
				  X86_ACCESS_WRITE);
	if (!ret)
		ret = x86_write(e, &stack, value);
	if (!ret)
		x86_set_reg(e, X86_RSP, width, sp);
	return ret;
}

/* The operand's address is computed with the stack pointer as it will be. */
static int pop(struct x86_emulator *e)
{
	const struct x86_insn *insn = &e->insn;
	unsigned int width = stack_width(e);
	struct x86_access a, stack;
	u64 sp, value;
	int ret;

	sp = x86_get_reg(e, X86_RSP, width);
	ret = x86_prepare(e, &stack, X86_SS, sp, insn->operand_size, 0);
	if (!ret)
		ret = x86_read(e, &stack, &value);
	if (ret)
		return ret;
	x86_set_reg(e, X86_RSP, width, sp + insn->operand_size);
	ret = prepare_operand(e, &a, &insn->dst, true);
	if (!ret)
		ret = write_result(e, &a, 0, value);
	return ret;
}

static int execute(struct x86_emulator *e)
{
	switch (e->insn.op) {
	case X86_OP_PUSH:
		return push(e);
	case X86_OP_POP:
		return pop(e);
	case X86_OP_MOVS:
	case X86_OP_CMPS:
	case X86_OP_STOS:
	case X86_OP_LODS:
	case X86_OP_SCAS:
	case X86_OP_INS:
	case X86_OP_OUTS:
		return x86_string(e);
	}
	return two_operands(e);
}

/* The private copy becomes the vCPU's state. */
static void commit(struct x86_emulator *e)
{
	unsigned int left, reg;

	for (left = e->changed; left; left &= left - 1) {
		reg = __builtin_ctz(left);
		e->regs[reg] = e->new_regs[reg];
	}
	if (e->new_rip != e->rip)	/* the instruction is through */
		e->new_rflags &= ~CPU_FLAG_RF;
	e->rip = e->new_rip;
	e->rflags = e->new_rflags;
}

void x86_emulate_reset(struct x86_emulator *e)
{
	e->decoded = false;
	e->last = false;
	e->pio_done = false;
	e->pio_stored = 0;
	x86_clear_log(e);
}

/* From the beginning, with what the log holds of an earlier call. */
static int begin(struct x86_emulator *e)
{
	int ret;

	if (!e->decoded) {
		ret = fetch(e);
		if (ret)
			return ret;
		e->decoded = true;
	}
	e->log.next = 0;
	e->new_rflags = e->rflags;
	e->new_rip = e->rip + e->insn.len;
	if (e->mode != 64)
		e->new_rip &= x86_size_mask(4);
	return execute(e);
}

int x86_emulate(struct x86_emulator *e)
{
	int ret = X86_EMUL_DONE;

	if (e->last) {
		finish_last(e);
	} else {
		e->changed = 0;
		ret = begin(e);
	}
	if (ret == X86_EMUL_IO)
		return ret;
	x86_emulate_reset(e);
	if (ret == X86_EMUL_DONE) {
		commit(e);
	} else if (ret == X86_EMUL_RESTART) {
		/* The guest is to try again: nothing changes, RIP neither. */
		e->changed = 0;
		ret = X86_EMUL_DONE;
	}
	return ret;
}
