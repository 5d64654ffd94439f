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

enum range_operation {
	RANGE_ZAP,
	RANGE_TEST_YOUNG,
	RANGE_CLEAR_YOUNG,
};

static bool operate(struct guest_memory *memory, u64 gfn, u64 nr,
		    enum range_operation operation)
{
	if (operation == RANGE_ZAP)
		return backend->zap(memory, gfn, nr);
	return backend->age(memory, gfn, nr, operation == RANGE_CLEAR_YOUNG);
}

/* For the frames that the slots map to [@start, @end): any was mapped, or young. */
static bool for_hva_range(struct vm *vm, unsigned long start, unsigned long end,
			  enum range_operation operation)
{
	struct guest_memory *memory = &vm->memory;
	const struct slot_array *slots;
	bool any = false;
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
		any |= operate(memory, slot->base_gfn + from, to - from,
			       operation);
	}
	return any;
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
	zapped = for_hva_range(vm, start, end, RANGE_ZAP);
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
 * Whether pages were used since the last time. Their accessed flags say so; the
 * processor sets one again only when it has forgotten the translation.
 */
static bool age(struct vm *vm, unsigned long start, unsigned long end,
		enum range_operation operation, bool flush)
{
	struct guest_memory *memory = &vm->memory;
	bool young;
	int srcu;

	srcu = srcu_read_lock(&memory->srcu);
	spin_lock(&memory->lock);
	young = for_hva_range(vm, start, end, operation);
	if (young && flush)
		backend->flush(vm);
	spin_unlock(&memory->lock);
	srcu_read_unlock(&memory->srcu, srcu);
	return young;
}

/*
 * Without accessed flags a page counts as used if it is mapped: it is unmapped,
 * and comes back only if it is used.
 */
static compat_young_t clear_flush_young(struct mmu_notifier *notifier,
					struct mm_struct *mm,
					unsigned long start, unsigned long end)
{
	struct vm *vm = notifier_vm(notifier);

	if (!READ_ONCE(vm->memory.ad))
		return zap_and_flush(vm, start, end, 0);
	return age(vm, start, end, RANGE_CLEAR_YOUNG, true);
}

/* The kernel wants an estimate, and no processor disturbed for it. */
static compat_young_t clear_young(struct mmu_notifier *notifier,
				  struct mm_struct *mm,
				  unsigned long start, unsigned long end)
{
	struct vm *vm = notifier_vm(notifier);

	if (!READ_ONCE(vm->memory.ad))
		return zap_and_flush(vm, start, end, 0);
	return age(vm, start, end, RANGE_CLEAR_YOUNG, false);
}

static compat_young_t test_young(struct mmu_notifier *notifier,
				 struct mm_struct *mm, unsigned long address)
{
	return age(notifier_vm(notifier), address, address + 1,
		   RANGE_TEST_YOUNG, false);
}

static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	zap_and_flush(notifier_vm(notifier), 0, ULONG_MAX & PAGE_MASK, 0);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start	= invalidate_start,
	.invalidate_range_end	= invalidate_end,
	.clear_flush_young	= clear_flush_young,
	.clear_young		= clear_young,
	.test_young		= test_young,
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
