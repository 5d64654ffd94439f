// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU notifier: what the caller's address space loses, the guest loses.
 *
 * The kernel calls here before it takes a page away (munmap, swap, migration,
 * copy-on-write) and when it wants to know whether a page was used. The second-
 * level entries go, every CPU that runs the guest is made to forget them, and
 * from the start of an invalidation to its end none is put back (fault.c).
 */
#include "../backend.h"
#include "../compat.h"

static struct vm *notifier_vm(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct vm, memory.notifier);
}

/* Zaps what the slots map to [@start, @end); true if anything was mapped. */
static bool zap_hva_range(struct vm *vm, unsigned long start, unsigned long end)
{
	struct guest_memory *memory = &vm->memory;
	const struct slot_array *slots;
	bool zapped = false;
	unsigned int i;

	slots = srcu_dereference(memory->slots, &memory->srcu);
	for (i = 0; i < slots->count; i++) {
		const struct memory_slot *slot = &slots->slot[i];
		unsigned long slot_end = slot->hva + (slot->npages << PAGE_SHIFT);
		unsigned long from = max(start, slot->hva);
		unsigned long to = min(end, slot_end);

		if (from >= to)
			continue;
		from = (from - slot->hva) >> PAGE_SHIFT;
		to = (to - slot->hva + PAGE_SIZE - 1) >> PAGE_SHIFT;
		if (backend->zap(memory, slot->base_gfn + from, to - from))
			zapped = true;
	}
	return zapped;
}

static bool zap_and_flush(struct vm *vm, unsigned long start, unsigned long end,
			  int invalidating)
{
	struct guest_memory *memory = &vm->memory;
	bool zapped;
	int srcu;

	srcu = srcu_read_lock(&memory->srcu);
	spin_lock(&memory->lock);
	memory->invalidating += invalidating;
	zapped = zap_hva_range(vm, start, end);
	if (zapped)
		backend->flush(vm);
	spin_unlock(&memory->lock);
	srcu_read_unlock(&memory->srcu, srcu);
	return zapped;
}

static int invalidate_start(struct mmu_notifier *notifier,
			    const struct mmu_notifier_range *range)
{
	zap_and_flush(notifier_vm(notifier), range->start, range->end, 1);
	return 0;
}

static void invalidate_end(struct mmu_notifier *notifier,
			   const struct mmu_notifier_range *range)
{
	struct guest_memory *memory = &notifier_vm(notifier)->memory;

	spin_lock(&memory->lock);
	memory->invalidations++;
	/* Pairs with the barrier in fault.c: the count, then the new page. */
	smp_wmb();
	memory->invalidating--;
	spin_unlock(&memory->lock);
}

/*
 * Whether a page was used since the last time is what the accessed bit says.
 * Without it the answer is whether it was mapped: it is unmapped, and mapped
 * again only if it is used.
 */
static compat_young_t clear_young(struct mmu_notifier *notifier,
				  struct mm_struct *mm,
				  unsigned long start, unsigned long end)
{
	return zap_and_flush(notifier_vm(notifier), start, end, 0);
}

static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	zap_and_flush(notifier_vm(notifier), 0, ULONG_MAX & PAGE_MASK, 0);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start	= invalidate_start,
	.invalidate_range_end	= invalidate_end,
	.clear_flush_young	= clear_young,
	.release		= release,
};

/**
 * memory_notifier_register - follow the changes of the caller's address space
 * @vm: its memory and its second-level page tables are ready
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int memory_notifier_register(struct vm *vm)
{
	vm->memory.notifier.ops = &notifier_ops;
	return mmu_notifier_register(&vm->memory.notifier, vm->memory.mm);
}

/**
 * memory_notifier_unregister - stop following them
 * @vm: no notification is under way when this returns
 */
void memory_notifier_unregister(struct vm *vm)
{
	mmu_notifier_unregister(&vm->memory.notifier, vm->memory.mm);
}
