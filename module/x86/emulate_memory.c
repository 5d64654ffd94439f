// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulated instruction's accesses to memory.
 *
 * Intel SDM volume 3, "Limit Checking", "Type Checking", "Interrupt 17 -
 * Alignment Check Exception (#AC)"; volume 1, "Canonical Addressing".
 *
 * An access has two steps. x86_prepare() goes from segment and offset to
 * guest-physical addresses and makes every check there is: whatever can fault
 * does so here, before anything is read or written. An access that crosses a
 * page has two parts, each with an address of its own. Then x86_read() and
 * x86_write() carry the parts out: each is RAM or not, by itself.
 *
 * Every part that was carried out, RAM too, is in e->log. When the instruction
 * is replayed because user space had to serve one of them, the earlier parts
 * are taken from the log: RAM that the instruction has changed already must be
 * neither read nor changed again.
 *
 * Read next: emulate_string.c.
 */
#include "emulate_internal.h"

/* A fault of the segment, or of an address that is not canonical. */
static int segment_fault(struct x86_emulator *e, enum x86_seg seg)
{
	return x86_raise(e, seg == X86_SS ? X86_VECTOR_SS : X86_VECTOR_GP);
}

/* May the segment be read, or written, at all? */
static bool type_allows(const struct x86_segment *segment, bool write)
{
	if (segment->ar & X86_AR_UNUSABLE)
		return false;
	if (segment->ar & X86_AR_CODE)	/* this bit: it is readable */
		return !write && (segment->ar & X86_AR_WRITABLE);
	return !write || (segment->ar & X86_AR_WRITABLE);
}

static bool within_limit(const struct x86_segment *segment, u64 first, u64 last)
{
	bool down = !(segment->ar & X86_AR_CODE) &&
		    (segment->ar & X86_AR_EXPAND_DOWN);

	if (!down)
		return last <= segment->limit;
	return first > segment->limit &&
	       last <= (segment->ar & X86_AR_DB ? 0xffffffff : 0xffff);
}

/* Segment and offset to linear address, with the checks of the segment. */
static int linearize(struct x86_emulator *e, enum x86_seg seg, u64 offset,
		     u32 size, bool write, u64 *linear)
{
	struct x86_segment segment;

	if (e->mode == 64) {
		*linear = offset;
		if (seg == X86_FS || seg == X86_GS) {
			e->ops->segment(e->ctx, seg, &segment);
			*linear += segment.base;
		}
		if (!x86_canonical(e, *linear) ||
		    !x86_canonical(e, *linear + size - 1))
			return segment_fault(e, seg);
		return X86_EMUL_DONE;
	}

	e->ops->segment(e->ctx, seg, &segment);
	if (x86_protected_mode(e) && !type_allows(&segment, write))
		return segment_fault(e, seg);
	if (!within_limit(&segment, offset, offset + size - 1))
		return segment_fault(e, seg);
	*linear = (segment.base + offset) & x86_size_mask(4);
	return X86_EMUL_DONE;
}

static bool misaligned(const struct x86_emulator *e, u64 linear, u32 size)
{
	return (e->cr0 & CPU_CR0_AM) && (e->rflags & CPU_FLAG_AC) &&
	       e->cpl == 3 && (linear & (size - 1));
}

/**
 * x86_prepare - everything about an access short of making it
 * @e: the emulator
 * @a: gets the access
 * @seg: the segment
 * @offset: the offset in it, of the width of the address size
 * @size: bytes: 1, 2, 4 or 8
 * @access: X86_ACCESS_WRITE if it is to be written (perhaps read too), or 0
 *
 * Return: X86_EMUL_DONE, X86_EMUL_FAULT or X86_EMUL_UNHANDLED.
 */
int x86_prepare(struct x86_emulator *e, struct x86_access *a, enum x86_seg seg,
		u64 offset, u32 size, unsigned int access)
{
	u64 second;
	int ret;

	ret = linearize(e, seg, offset, size, access & X86_ACCESS_WRITE,
			&a->linear);
	if (ret)
		return ret;
	if (misaligned(e, a->linear, size))
		return x86_raise(e, X86_VECTOR_AC);

	if (e->cpl == 3)
		access |= X86_ACCESS_USER;
	a->size = size;
	a->first = min_t(u32, size, X86_PAGE_SIZE -
				    (a->linear & (X86_PAGE_SIZE - 1)));
	ret = e->ops->translate(e->ctx, a->linear, access, &a->gpa[0],
				&e->fault);
	if (ret || a->first == size)
		return ret;

	second = a->linear + a->first;
	if (e->mode != 64)
		second &= x86_size_mask(4);
	return e->ops->translate(e->ctx, second, access, &a->gpa[1], &e->fault);
}

/**
 * x86_clear_log - the accesses so far are final: none of them is to be replayed
 * @e: the emulator
 */
void x86_clear_log(struct x86_emulator *e)
{
	e->log.count = 0;
	e->log.next = 0;
	e->log.mmio = false;
}

/* Add an access to the log and step over it. */
static void log_access(struct x86_emulator *e, u64 gpa, u64 value, u32 size,
		       bool write)
{
	struct x86_access_log *log = &e->log;

	log->entry[log->count].gpa = gpa;
	log->entry[log->count].size = size;
	log->entry[log->count].write = write;
	log->entry[log->count].value = value;
	log->count++;
	log->next = log->count;
}

/*
 * Has the instruction made this access already? Then @value gets what was read.
 * Should something else be in its place, the guest has changed its page tables
 * meanwhile: what is left of the log belongs to an instruction that is no more.
 */
static bool replayed(struct x86_emulator *e, u64 gpa, u64 *value, u32 size,
		     bool write)
{
	struct x86_access_log *log = &e->log;

	if (log->next < log->count &&
	    log->entry[log->next].gpa == gpa &&
	    log->entry[log->next].size == size &&
	    log->entry[log->next].write == write) {
		if (!write)
			*value = log->entry[log->next].value;
		log->next++;
		return true;
	}
	log->count = log->next;
	return false;
}

static int ask_for_mmio(struct x86_emulator *e, u64 gpa, u64 value, u32 size,
			bool write)
{
	e->io = (struct x86_io){
		.kind = X86_IO_MMIO,
		.write = write,
		.size = size,
		.count = 1,
		.gpa = gpa,
	};
	if (write) {
		value &= x86_size_mask(size);
		memcpy(e->io.data, &value, sizeof(value));
	}
	return X86_EMUL_IO;
}

/**
 * x86_emulate_complete() - see emulate.h
 * @e: the emulator
 */
void x86_emulate_complete(struct x86_emulator *e)
{
	u64 value;

	if (e->last)
		return;
	if (e->io.kind == X86_IO_PIO) {
		e->pio_done = true;
		return;
	}
	if (e->log.count == X86_LOG_MAX)
		return;
	memcpy(&value, e->io.data, sizeof(value));
	value &= x86_size_mask(e->io.size);
	log_access(e, e->io.gpa, value, e->io.size, e->io.write);
	e->log.mmio = true;
}

/* One part of an access: at most 8 bytes, within a page. */
static int access_part(struct x86_emulator *e, u64 gpa, u64 *value, u32 size,
		       bool write)
{
	int not_ram;

	if (replayed(e, gpa, value, size, write))
		return X86_EMUL_DONE;
	if (e->log.count == X86_LOG_MAX)
		return X86_EMUL_UNHANDLED;

	if (write)
		not_ram = e->ops->write(e->ctx, gpa, value, size);
	else
		not_ram = e->ops->read(e->ctx, gpa, value, size);
	if (not_ram)
		return ask_for_mmio(e, gpa, *value, size, write);
	log_access(e, gpa, *value, size, write);
	return X86_EMUL_DONE;
}

/* Numbers are little-endian: the upper part is on the second page. */
static int access_parts(struct x86_emulator *e, const struct x86_access *a,
			u64 *value, bool write)
{
	unsigned int shift = a->first * 8;
	u64 upper;
	int ret;

	ret = access_part(e, a->gpa[0], value, a->first, write);
	if (ret || a->first == a->size)
		return ret;
	upper = write ? *value >> shift : 0;
	ret = access_part(e, a->gpa[1], &upper, a->size - a->first, write);
	if (!write)
		*value |= upper << shift;
	return ret;
}

/**
 * x86_read - carry out a prepared access of at most 8 bytes
 * @e: the emulator
 * @a: the access
 * @value: gets what was read
 *
 * Return: X86_EMUL_DONE, X86_EMUL_IO or X86_EMUL_UNHANDLED.
 */
int x86_read(struct x86_emulator *e, const struct x86_access *a, u64 *value)
{
	*value = 0;
	return access_parts(e, a, value, false);
}

/**
 * x86_write - carry out a prepared access of at most 8 bytes
 * @e: the emulator
 * @a: the access
 * @value: what to write
 *
 * Return: X86_EMUL_DONE, X86_EMUL_IO or X86_EMUL_UNHANDLED.
 */
int x86_write(struct x86_emulator *e, const struct x86_access *a, u64 value)
{
	return access_parts(e, a, &value, true);
}

/**
 * x86_write_locked - write if the memory still is what was read
 * @e: the emulator
 * @a: the access
 * @old: what x86_read() has found there
 * @value: what to write
 *
 * Only RAM can be shared with another CPU of the guest; for the rest, and for
 * an operand that is not aligned, this is x86_write().
 *
 * Return: also X86_EMUL_RESTART, if the memory has changed.
 */
int x86_write_locked(struct x86_emulator *e, const struct x86_access *a,
		     u64 old, u64 value)
{
	u64 found = old;

	if (!e->ops->compare_exchange || (a->linear & (a->size - 1)))
		return x86_write(e, a, value);
	if (e->ops->compare_exchange(e->ctx, a->gpa[0], &found, value, a->size))
		return x86_write(e, a, value);
	return found == old ? X86_EMUL_DONE : X86_EMUL_RESTART;
}
