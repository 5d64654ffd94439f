// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: which pages of a slot were written since the caller asked last.
 *
 * Who moves a running guest to another machine copies its memory again and
 * again, each time what was written meanwhile. A slot with MEM_LOG_DIRTY_PAGES
 * has a bitmap. Its pages are mapped as 4 KiB each, and so that the first write
 * is noticed: either it faults (fault.c sets the bit), or the processor logs it
 * (the back end sets it). What the host writes for the guest is noted in guest.c.
 *
 * To read the log is to take the bits away, and to let the next write be noticed
 * again, in this order; then the processors forget that the pages were writable.
 * A write before that is in memory when the caller reads the page; a later one
 * sets the bit anew. With "manual protect" the caller does the second half
 * itself, by CLEAR_DIRTY_LOG and for a part of the slot.
 *
 * As slots can be large, the work is done in pieces, with the VM's lock held
 * all the time and the memory's for one piece.
 */
#include <linux/compat.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"

/* One piece: as many frames as a page has bits, or as many words. */
#define PIECE_FRAMES	(PAGE_SIZE * BITS_PER_BYTE)
#define PIECE_WORDS	(PAGE_SIZE / sizeof(unsigned long))

/**
 * memory_start_log - give a slot its bitmap
 * @memory: the VM's lock is held
 * @slot: not published yet
 *
 * Return: 0 or -ENOMEM.
 */
int memory_start_log(const struct guest_memory *memory, struct memory_slot *slot)
{
	slot->dirty = kvcalloc(BITS_TO_LONGS(slot->npages), sizeof(long),
			       GFP_KERNEL_ACCOUNT);
	if (!slot->dirty)
		return -ENOMEM;
	if (memory->manual_protect & MINIVMM_DIRTY_LOG_INITIALLY_SET)
		bitmap_set(slot->dirty, 0, slot->npages);
	return 0;
}

/* A 32-bit caller fills in the lower half. */
static unsigned long __user *bitmap_of_caller(u64 address)
{
	if (in_compat_syscall())
		address = (u32)address;
	return u64_to_user_ptr(address);
}

static void flush(struct vm *vm)
{
	spin_lock(&vm->memory.lock);
	backend->flush(vm);
	spin_unlock(&vm->memory.lock);
}

/**
 * memory_track_writes - let the next write to each page of a slot be noticed
 * @vm: its lock is held
 * @slot: published, and with a bitmap
 */
void memory_track_writes(struct vm *vm, const struct memory_slot *slot)
{
	struct guest_memory *memory = &vm->memory;
	u64 at = 0;

	/* Where all are written to begin with, the first CLEAR_DIRTY_LOG does it. */
	if (memory->manual_protect & MINIVMM_DIRTY_LOG_INITIALLY_SET)
		at = slot->npages;
	for (; at < slot->npages; at += PIECE_FRAMES) {
		spin_lock(&memory->lock);
		backend->track_writes(memory, slot->base_gfn + at,
				      min_t(u64, PIECE_FRAMES,
					    slot->npages - at));
		spin_unlock(&memory->lock);
		cond_resched();
	}
	flush(vm);
}

/**
 * memory_stop_flags - do without accessed and dirty flags from now on
 * @vm: a guest's page tables are in a read-only slot
 *
 * With these flags the processor takes each look at the guest's page tables for
 * a write. Such guests are few, so they get the slower way: ageing by unmapping,
 * and a dirty log by faults. Called with the SRCU lock of the slots held.
 */
void memory_stop_flags(struct vm *vm)
{
	struct guest_memory *memory = &vm->memory;
	const struct slot_array *slots;
	unsigned int i;

	spin_lock(&memory->lock);
	WRITE_ONCE(memory->ad, false);
	WRITE_ONCE(memory->pml, false);
	slots = srcu_dereference(memory->slots, &memory->srcu);
	for (i = 0; i < slots->count; i++)
		if (slots->slot[i].dirty)
			backend->track_writes(memory, slots->slot[i].base_gfn,
					      slots->slot[i].npages);
	/* Pairs with the barrier in fault.c: no fault that saw the flags maps. */
	smp_wmb();
	memory->invalidations++;
	backend->flush(vm);
	spin_unlock(&memory->lock);
}

/* The slot of a number as the caller gives it, with a dirty log. */
static const struct memory_slot *logged_slot(struct vm *vm, u32 id)
{
	const struct memory_slot *slot;

	if (id >= MINIVMM_MAX_SLOTS)
		return ERR_PTR(-EINVAL);
	slot = memory_slot_by_id(vm, id);
	return slot && slot->dirty ? slot : ERR_PTR(-ENOENT);
}

/*
 * Takes from the bitmap, at word @first, the bits that are set in @mask, and
 * leaves there those that were set in both. True: a flush is due.
 */
static bool take_bits(struct guest_memory *memory,
		      const struct memory_slot *slot, u64 first,
		      unsigned long *mask, unsigned int words)
{
	unsigned long *dirty = slot->dirty + first;
	unsigned long from, to;
	bool tracked = false;
	unsigned int i;

	spin_lock(&memory->lock);
	for (i = 0; i < words; i++)
		mask[i] &= READ_ONCE(dirty[i]) ?
			   atomic_long_fetch_andnot(mask[i],
						    (atomic_long_t *)&dirty[i]) :
			   0;
	for_each_set_bitrange(from, to, mask, words * BITS_PER_LONG)
		tracked |= backend->track_writes(memory,
				slot->base_gfn + first * BITS_PER_LONG + from,
				to - from);
	spin_unlock(&memory->lock);
	return tracked;
}

static int get_log(struct vm *vm, const struct memory_slot *slot,
		   unsigned long __user *user, unsigned long *piece)
{
	u64 first, total = BITS_TO_LONGS(slot->npages);
	bool take = !vm->memory.manual_protect, tracked = false;
	int ret = 0;

	for (first = 0; first < total; first += PIECE_WORDS) {
		unsigned int words = min_t(u64, PIECE_WORDS, total - first);

		if (take) {
			memset(piece, 0xff, words * sizeof(long));
			tracked |= take_bits(&vm->memory, slot, first, piece,
					     words);
		} else {
			memcpy(piece, slot->dirty + first,
			       words * sizeof(long));
		}
		if (copy_to_user(user + first, piece, words * sizeof(long))) {
			ret = -EFAULT;
			break;
		}
		cond_resched();
	}
	if (tracked)
		flush(vm);
	return ret;
}

/**
 * memory_get_dirty_log - serve GET_DIRTY_LOG
 * @vm: its lock is held
 * @log: as the caller gave it
 *
 * Return: 0; -EINVAL: no such slot number; -ENOENT: no such slot, or it has no
 * log; -EFAULT: the bitmap is not the caller's to write; -ENOMEM.
 */
int memory_get_dirty_log(struct vm *vm, const struct minivmm_dirty_log *log)
{
	const struct memory_slot *slot = logged_slot(vm, log->slot);
	unsigned long *piece;
	int ret;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	piece = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!piece)
		return -ENOMEM;
	backend->sync_writes(vm);
	ret = get_log(vm, slot, bitmap_of_caller(log->padding2), piece);
	kfree(piece);
	return ret;
}

static int clear_log(struct vm *vm, const struct memory_slot *slot,
		     const struct minivmm_clear_dirty_log *log,
		     unsigned long *piece)
{
	const unsigned long __user *user = bitmap_of_caller(log->padding2);
	u64 done, first = log->first_page / BITS_PER_LONG;
	u64 total = BITS_TO_LONGS(log->num_pages);
	bool tracked = false;
	int ret = 0;

	for (done = 0; done < total; done += PIECE_WORDS) {
		unsigned int words = min_t(u64, PIECE_WORDS, total - done);

		if (copy_from_user(piece, user + done, words * sizeof(long))) {
			ret = -EFAULT;
			break;
		}
		tracked |= take_bits(&vm->memory, slot, first + done, piece,
				     words);
		cond_resched();
	}
	if (tracked)
		flush(vm);
	return ret;
}

/**
 * memory_clear_dirty_log - serve CLEAR_DIRTY_LOG
 * @vm: its lock is held
 * @log: as the caller gave it
 *
 * Return: as memory_get_dirty_log(); -EINVAL also: not within the slot, or not
 * by 64 pages (but for the slot's last ones).
 */
int memory_clear_dirty_log(struct vm *vm,
			   const struct minivmm_clear_dirty_log *log)
{
	const struct memory_slot *slot;
	unsigned long *piece;
	u64 left;
	int ret;

	if (log->first_page % 64)
		return -EINVAL;
	slot = logged_slot(vm, log->slot);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	if (log->first_page > slot->npages)
		return -EINVAL;
	left = slot->npages - log->first_page;
	if (log->num_pages > left ||
	    (log->num_pages < left && log->num_pages % 64))
		return -EINVAL;
	piece = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!piece)
		return -ENOMEM;
	backend->sync_writes(vm);
	ret = clear_log(vm, slot, log, piece);
	kfree(piece);
	return ret;
}

/**
 * memory_set_manual_protect - serve ENABLE_CAP of MANUAL_DIRTY_LOG_PROTECT2
 * @vm: the VM
 * @options: MINIVMM_DIRTY_LOG_*
 *
 * Return: 0; -EINVAL: an option that does not exist, or that wants another.
 */
int memory_set_manual_protect(struct vm *vm, u64 options)
{
	u64 allowed = MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (options & MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		allowed |= MINIVMM_DIRTY_LOG_INITIALLY_SET;
	if (options & ~allowed)
		return -EINVAL;
	mutex_lock(&vm->lock);
	vm->memory.manual_protect = options;
	mutex_unlock(&vm->lock);
	return 0;
}
