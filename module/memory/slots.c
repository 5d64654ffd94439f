// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which guest frames exist, and where the caller has them.
 *
 * The slots are one sorted array that is never changed: a change publishes a
 * new array and waits until nobody looks at the old one. Readers may sleep (a
 * page that is faulted in may come from disk), so the array is protected by
 * SRCU.
 *
 * The checks and their order are those of KVM's KVM_SET_USER_MEMORY_REGION.
 * Read on in fault.c, and in dirty_log.c.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../backend.h"

/**
 * memory_init - make empty guest memory for the calling process
 * @memory: zeroed
 *
 * Return: 0 or -ENOMEM.
 */
int memory_init(struct guest_memory *memory)
{
	struct slot_array *slots;
	int ret;

	slots = kvzalloc(sizeof(*slots), GFP_KERNEL_ACCOUNT);
	if (!slots)
		return -ENOMEM;
	ret = init_srcu_struct(&memory->srcu);
	if (ret) {
		kvfree(slots);
		return ret;
	}
	spin_lock_init(&memory->lock);
	RCU_INIT_POINTER(memory->slots, slots);
	memory->mm = current->mm;
	mmgrab(memory->mm);
	return 0;
}

/**
 * memory_destroy - undo memory_init()
 * @memory: nobody else uses it any more
 */
void memory_destroy(struct guest_memory *memory)
{
	struct slot_array *slots = rcu_dereference_protected(memory->slots, 1);
	unsigned int i;

	for (i = 0; i < slots->count; i++)
		kvfree(slots->slot[i].dirty);
	kvfree(slots);
	cleanup_srcu_struct(&memory->srcu);
	mmdrop(memory->mm);
}

/**
 * memory_slot - find the slot of a guest frame
 * @memory: the caller holds its SRCU lock
 * @gfn: the frame
 *
 * Return: the slot, NULL if there is none.
 */
const struct memory_slot *memory_slot(struct guest_memory *memory, u64 gfn)
{
	const struct slot_array *slots;
	unsigned int low = 0, high;

	slots = srcu_dereference(memory->slots, &memory->srcu);
	high = slots->count;
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		const struct memory_slot *slot = &slots->slot[middle];

		if (gfn < slot->base_gfn)
			high = middle;
		else if (gfn - slot->base_gfn >= slot->npages)
			low = middle + 1;
		else
			return slot;
	}
	return NULL;
}

static int check_region(const struct minivmm_userspace_memory_region *region)
{
	u64 size = region->memory_size;
	u64 gpa = region->guest_phys_addr;
	u64 hva = region->userspace_addr;

	if (region->flags & ~(MINIVMM_MEM_READONLY | MINIVMM_MEM_LOG_DIRTY_PAGES))
		return -EINVAL;
	if (!PAGE_ALIGNED(size) || !PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(hva))
		return -EINVAL;
	if (!access_ok((void __user *)(unsigned long)hva, size))
		return -EINVAL;
	if (region->slot >= MINIVMM_MAX_SLOTS)
		return -EINVAL;
	if (gpa + size < gpa)
		return -EINVAL;
	/* Page counts are signed and 32 bits wide in parts of KVM's interface. */
	if (size >> PAGE_SHIFT > INT_MAX)
		return -EINVAL;
	return 0;
}

static const struct slot_array *current_slots(struct vm *vm)
{
	return rcu_dereference_protected(vm->memory.slots,
					 lockdep_is_held(&vm->lock));
}

/**
 * memory_slot_by_id - find a slot by the caller's number
 * @vm: its lock is held
 * @id: the number
 *
 * Return: the slot, NULL if there is none.
 */
const struct memory_slot *memory_slot_by_id(struct vm *vm, u32 id)
{
	const struct slot_array *slots = current_slots(vm);
	unsigned int i;

	for (i = 0; i < slots->count; i++)
		if (slots->slot[i].id == id)
			return &slots->slot[i];
	return NULL;
}

static bool overlaps(const struct slot_array *slots,
		     const struct memory_slot *new)
{
	unsigned int i;

	for (i = 0; i < slots->count; i++) {
		const struct memory_slot *slot = &slots->slot[i];

		if (slot->id != new->id &&
		    new->base_gfn < slot->base_gfn + slot->npages &&
		    slot->base_gfn < new->base_gfn + new->npages)
			return true;
	}
	return false;
}

/* A copy of @old without slot @id, with @new (unless NULL) at its place. */
static struct slot_array *copy_slots(const struct slot_array *old, u32 id,
				     const struct memory_slot *new)
{
	struct slot_array *copy;
	unsigned int i, n = 0;

	copy = kvzalloc(struct_size(copy, slot, old->count + 1),
			GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	for (i = 0; i < old->count; i++) {
		const struct memory_slot *slot = &old->slot[i];

		if (new && new->base_gfn < slot->base_gfn) {
			copy->slot[n++] = *new;
			new = NULL;
		}
		if (slot->id != id)
			copy->slot[n++] = *slot;
	}
	if (new)
		copy->slot[n++] = *new;
	copy->count = n;
	return copy;
}

static unsigned int count_logged(const struct slot_array *slots)
{
	unsigned int i, logged = 0;

	for (i = 0; i < slots->count; i++)
		logged += !!slots->slot[i].dirty;
	return logged;
}

/*
 * Publishes @after, and forgets what the page tables say of @gone, unless NULL.
 * Both are one step for the notifier, which finds what is mapped by the slots
 * alone; and it counts as an invalidation, so that no fault maps a page that it
 * found by the old array.
 */
static void publish(struct vm *vm, struct slot_array *after,
		    const struct memory_slot *gone)
{
	struct guest_memory *memory = &vm->memory;

	spin_lock(&memory->lock);
	rcu_assign_pointer(memory->slots, after);
	WRITE_ONCE(memory->logged_slots, count_logged(after));
	/* Either way a flush: whether the processors log writes may be new. */
	if (gone)
		backend->free_tables(vm, gone->base_gfn, gone->npages);
	else
		backend->flush(vm);
	/* Pairs with the barrier in fault.c: the slots, then the count. */
	smp_wmb();
	memory->invalidations++;
	spin_unlock(&memory->lock);
	synchronize_srcu_expedited(&memory->srcu);
}

/*
 * Puts @new at the place of @old; either may be NULL. If only the dirty log
 * begins, what is mapped stays, and is made to tell of writes; all other
 * changes begin with empty tables, so that the log's end brings back large
 * pages.
 */
static int replace_slot(struct vm *vm, const struct memory_slot *old,
			const struct memory_slot *new)
{
	struct slot_array *before, *after;
	unsigned long *log = NULL;
	bool begins = old && new && new->base_gfn == old->base_gfn &&
		      new->dirty;

	before = rcu_dereference_protected(vm->memory.slots,
					   lockdep_is_held(&vm->lock));
	after = copy_slots(before, old ? old->id : new->id, new);
	if (!after)
		return -ENOMEM;
	publish(vm, after, begins ? NULL : old);
	if (begins)
		memory_track_writes(vm, new);
	if (old && (!new || !new->dirty))
		log = old->dirty;
	kvfree(log);
	kvfree(before);
	return 0;
}

/* Creates the slot, or makes what is changed of @old; all has been checked. */
static int set_slot(struct vm *vm, const struct memory_slot *old,
		    struct memory_slot *new)
{
	bool logged = new->flags & MINIVMM_MEM_LOG_DIRTY_PAGES;
	int ret;

	if (logged && old && old->dirty) {
		new->dirty = old->dirty;
	} else if (logged) {
		ret = memory_start_log(&vm->memory, new);
		if (ret)
			return ret;
	}
	ret = replace_slot(vm, old, new);
	if (ret && (!old || new->dirty != old->dirty))
		kvfree(new->dirty);
	return ret;
}

/**
 * memory_set_region - create, move or delete a slot, or change its dirty log
 * @vm: its lock is held
 * @region: as the caller gave it
 *
 * Return: 0; -EINVAL: misaligned, out of range, a flag or slot number that
 * does not exist, or a change that cannot be made; -EEXIST: overlaps another
 * slot; -ENOMEM.
 */
int memory_set_region(struct vm *vm,
		      const struct minivmm_userspace_memory_region *region)
{
	const struct memory_slot *old;
	struct memory_slot new = {
		.base_gfn = region->guest_phys_addr >> PAGE_SHIFT,
		.npages = region->memory_size >> PAGE_SHIFT,
		.hva = region->userspace_addr,
		.flags = region->flags,
		.id = region->slot,
	};
	int ret = check_region(region);

	if (ret)
		return ret;
	old = memory_slot_by_id(vm, new.id);
	if (!new.npages)
		return old ? replace_slot(vm, old, NULL) : -EINVAL;
	if (old) {
		if (new.hva != old->hva || new.npages != old->npages ||
		    (new.flags ^ old->flags) & MINIVMM_MEM_READONLY)
			return -EINVAL;
		if (new.base_gfn == old->base_gfn)
			return new.flags == old->flags ? 0 :
			       set_slot(vm, old, &new);
	}
	if (overlaps(current_slots(vm), &new))
		return -EEXIST;
	if (new.base_gfn + new.npages > BIT_ULL(MINIVMM_GPA_BITS - PAGE_SHIFT))
		return -EINVAL;
	return set_slot(vm, old, &new);
}
