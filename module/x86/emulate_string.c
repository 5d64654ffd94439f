// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions: MOVS, CMPS, STOS, LODS, SCAS, and INS, OUTS which move
 * a string to or from a port.
 *
 * Intel SDM volume 2, "REP/REPE/REPZ/REPNE/REPNZ - Repeat String Operation
 * Prefix" and the instructions themselves.
 *
 * A repeated instruction may be interrupted between two iterations: RIP stays
 * on it, and rCX, rSI, rDI say how far it has come. So each iteration is
 * complete by itself, and x86_string() may stop after any of them. It stops
 * after one that was MMIO, and before one that would write across a page, which
 * is left to the next call: only the first iteration of a call can leave work
 * half done.
 *
 * Ports are served in batches: user space gets many elements at once.
 */
#include "emulate_internal.h"

/* So many iterations at most before the caller looks after other things. */
#define MAX_ITERATIONS	256

/* The source and the destination of one iteration. */
struct string_access {
	struct x86_access src, dst;
	bool has_src, has_dst;
};

/* The width of the numbers in rCX, rSI, rDI. */
static unsigned int width(const struct x86_emulator *e)
{
	return e->insn.address_size;
}

static u64 iterations_left(const struct x86_emulator *e)
{
	return e->insn.rep ? x86_get_reg(e, X86_RCX, width(e)) : 1;
}

/* Move rSI or rDI past @count elements. */
static void advance(struct x86_emulator *e, u8 reg, u64 count)
{
	u64 bytes = count * e->insn.operand_size;

	if (e->rflags & CPU_FLAG_DF)
		bytes = -bytes;
	x86_set_reg(e, reg, width(e), x86_reg(e, reg) + bytes);
}

/* These many iterations are done; the instruction is through if none is left */
static void count_down(struct x86_emulator *e, u64 count)
{
	if (!e->insn.rep)
		return;
	x86_set_reg(e, X86_RCX, width(e), x86_reg(e, X86_RCX) - count);
	if (iterations_left(e))
		e->new_rip = e->rip;
}

/*
 * Check the access to an element of the source, DS:rSI, or of the destination,
 * ES:rDI: the one at this moment, or one further on. A prefix may change the
 * source's segment, but not the destination's.
 */
static int prepare_source(struct x86_emulator *e, struct x86_access *a,
			  u32 index)
{
	u32 size = e->insn.operand_size;
	u64 offset = x86_reg(e, X86_RSI) + index * size;

	return x86_prepare(e, a, e->insn.mem.seg,
			   offset & x86_size_mask(width(e)), size, 0);
}

static int prepare_destination(struct x86_emulator *e, struct x86_access *a,
			       u32 index, bool write)
{
	u32 size = e->insn.operand_size;
	u64 offset = x86_reg(e, X86_RDI) + index * size;

	return x86_prepare(e, a, X86_ES, offset & x86_size_mask(width(e)), size,
			   write ? X86_ACCESS_WRITE : 0);
}

/*
 * One iteration; it changes registers only if it is done. The source is read
 * before the destination is looked at, as processors do: a destination that
 * faults does not keep a device from being read.
 */
static int iterate(struct x86_emulator *e, struct string_access *s)
{
	const struct x86_insn *insn = &e->insn;
	bool write = insn->op == X86_OP_MOVS || insn->op == X86_OP_STOS;
	unsigned int size = insn->operand_size;
	u64 src = x86_get_reg(e, X86_RAX, size);
	int ret = X86_EMUL_DONE;
	u64 dst;

	s->has_src = insn->src.kind == X86_OPERAND_MEM;
	s->has_dst = insn->dst.kind == X86_OPERAND_MEM;
	if (s->has_src)
		ret = prepare_source(e, &s->src, 0);
	if (!ret && s->has_src)
		ret = x86_read(e, &s->src, &src);
	if (!ret && s->has_dst)
		ret = prepare_destination(e, &s->dst, 0, write);
	if (ret)
		return ret;

	switch (insn->op) {
	case X86_OP_MOVS:
	case X86_OP_STOS:
		ret = x86_write(e, &s->dst, src);
		break;
	case X86_OP_LODS:
		x86_set_reg(e, X86_RAX, size, src);
		break;
	default:	/* CMPS, SCAS */
		ret = x86_read(e, &s->dst, &dst);
		if (!ret)
			x86_alu(X86_OP_CMP, size, src, dst, &e->new_rflags);
		break;
	}
	if (ret)
		return ret;
	if (s->has_src)
		advance(e, X86_RSI, 1);
	if (s->has_dst)
		advance(e, X86_RDI, 1);
	return X86_EMUL_DONE;
}

/* REPE and REPNE end CMPS and SCAS when what they compare differs, or not. */
static bool condition_ends(const struct x86_emulator *e)
{
	bool equal = e->new_rflags & CPU_FLAG_ZF;

	if (e->insn.op != X86_OP_CMPS && e->insn.op != X86_OP_SCAS)
		return false;
	return e->insn.rep == 0xf3 ? !equal : equal;
}

/* Will this access of the next iteration be on two pages? */
static bool next_crosses_page(const struct x86_emulator *e,
			      const struct x86_access *a)
{
	u64 next = e->rflags & CPU_FLAG_DF ? a->linear - a->size :
					     a->linear + a->size;

	return (next & (X86_PAGE_SIZE - 1)) + a->size > X86_PAGE_SIZE;
}

static int memory_string(struct x86_emulator *e)
{
	u64 end = e->new_rip;
	struct string_access s;
	unsigned int i;
	int ret;

	for (i = 0; i < MAX_ITERATIONS && iterations_left(e); i++) {
		ret = iterate(e, &s);
		if (ret && i == 0)
			return ret;
		if (ret)
			break;	/* it comes up again with the next call */

		e->new_rip = end;
		count_down(e, 1);
		if (!e->insn.rep)
			break;
		if (condition_ends(e)) {
			e->new_rip = end;
			break;
		}
		if (e->log.mmio || (e->rflags & CPU_FLAG_TF) ||
		    (s.has_dst && next_crosses_page(e, &s.dst)))
			break;
		x86_clear_log(e);
	}
	return X86_EMUL_DONE;
}

/*
 * How many elements of INS or OUTS go in one batch: upwards only, within a
 * page, and before the offset wraps. @a is the first element's access.
 */
static u32 batch(const struct x86_emulator *e, const struct x86_access *a,
		 u8 reg)
{
	u64 offset = x86_get_reg(e, reg, width(e));
	u64 left = iterations_left(e);
	u32 in_page = a->linear & (X86_PAGE_SIZE - 1);

	if (a->first < a->size || (e->rflags & (CPU_FLAG_DF | CPU_FLAG_TF)))
		return 1;
	left = min_t(u64, left, (x86_size_mask(width(e)) - offset) / a->size);
	left = min_t(u64, left, (X86_PAGE_SIZE - in_page) / a->size);
	return left ? left : 1;
}

static int ask_for_pio(struct x86_emulator *e, u32 count)
{
	e->pio_count = count;
	e->io = (struct x86_io){
		.kind = X86_IO_PIO,
		.write = e->insn.op == X86_OP_OUTS,
		.size = e->insn.operand_size,
		.count = count,
		.port = x86_get_reg(e, X86_RDX, 2),
	};
	return X86_EMUL_IO;
}

/* Gather the elements in pio_data, then have them written to the port. */
static int outs_begin(struct x86_emulator *e)
{
	unsigned int size = e->insn.operand_size;
	struct x86_access a, last;
	u64 value;
	u32 count;
	int ret;

	ret = prepare_source(e, &a, 0);
	if (ret)
		return ret;
	count = batch(e, &a, X86_RSI);
	if (count > 1 && !prepare_source(e, &last, count - 1) &&
	    !e->ops->read(e->ctx, a.gpa[0], e->pio_data, size * count))
		return ask_for_pio(e, count);

	/* One by one: MMIO, or the segment ends before the page does. */
	ret = x86_read(e, &a, &value);
	if (ret)
		return ret;
	memcpy(e->pio_data, &value, size);
	return ask_for_pio(e, 1);
}

/* See that the elements can be stored, then have them read from the port. */
static int ins_begin(struct x86_emulator *e)
{
	struct x86_access a, last;
	u32 count;
	int ret;

	ret = prepare_destination(e, &a, 0, true);
	if (ret)
		return ret;
	count = batch(e, &a, X86_RDI);
	if (count > 1 && prepare_destination(e, &last, count - 1, true))
		count = 1;
	return ask_for_pio(e, count);
}

/* The elements are in pio_data: store them, in one go if that is possible. */
static int ins_store(struct x86_emulator *e, u32 count)
{
	unsigned int size = e->insn.operand_size;
	const u8 *data = e->pio_data;
	struct x86_access a, last;
	u64 value;
	int ret;

	if (!e->pio_stored && !e->log.count) {
		ret = prepare_destination(e, &a, 0, true);
		if (!ret)
			ret = prepare_destination(e, &last, count - 1, true);
		if (ret)
			return ret;
		if (last.linear >= a.linear && last.first == size &&
		    (last.linear ^ a.linear) < X86_PAGE_SIZE &&
		    !e->ops->write(e->ctx, a.gpa[0], data, size * count))
			return X86_EMUL_DONE;
	}

	/* One by one: MMIO, or an element that crosses a page. */
	for (; e->pio_stored < count; e->pio_stored++) {
		value = 0;
		memcpy(&value, data + e->pio_stored * size, size);
		ret = prepare_destination(e, &a, e->pio_stored, true);
		if (!ret)
			ret = x86_write(e, &a, value);
		if (ret)
			return ret;
		x86_clear_log(e);
	}
	return X86_EMUL_DONE;
}

static int port_string(struct x86_emulator *e)
{
	bool out = e->insn.op == X86_OP_OUTS;
	u32 count;
	int ret;

	if (!e->pio_data)
		return X86_EMUL_UNHANDLED;
	if (!iterations_left(e))
		return X86_EMUL_DONE;
	if (!e->pio_done)
		return out ? outs_begin(e) : ins_begin(e);

	/* Should user space have lowered rCX meanwhile, it is obeyed. */
	count = min_t(u64, e->pio_count, iterations_left(e));
	ret = out ? X86_EMUL_DONE : ins_store(e, count);
	if (ret)
		return ret;
	advance(e, out ? X86_RSI : X86_RDI, count);
	count_down(e, count);
	return X86_EMUL_DONE;
}

/**
 * x86_string - carry out a string instruction, or some of its iterations
 * @e: the emulator
 *
 * Return: enum x86_emul_result; after X86_EMUL_DONE new_rip says whether the
 * instruction is through.
 */
int x86_string(struct x86_emulator *e)
{
	if (e->insn.op == X86_OP_INS || e->insn.op == X86_OP_OUTS)
		return port_string(e);
	return memory_string(e);
}
