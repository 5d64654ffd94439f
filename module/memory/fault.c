// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faulting guest memory in: from a guest-physical address, by its slot, to the
 * page that the caller has there, into the second-level page tables.
 *
 * The page is looked up without a lock, as it may have to come from disk. The
 * caller's page tables may change meanwhile, so the notifier counts its
 * invalidations, and a page found before one is not mapped after it: the guest
 * simply faults again. No reference to the page is kept: the notifier tells us
 * before it goes away.
 *
 * Where the caller has a large page (transparent, or of hugetlbfs), the guest
 * gets it whole if the slot allows: its addresses have to be aligned alike, and
 * a slot with a dirty log has small pages only. What the caller has is read in
 * its page tables.
 *
 * Read on in notifier.c, and in vmx/ept.c for the tables.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "../backend.h"

static int fill_cache(struct table_cache *cache)
{
	while (cache->count < TABLE_CACHE_SIZE) {
		void *table = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

		if (!table)
			return -ENOMEM;
		cache->table[cache->count++] = table;
	}
	return 0;
}

/**
 * table_cache_drain - give back what a cache holds
 * @cache: the cache
 */
void table_cache_drain(struct table_cache *cache)
{
	while (cache->count)
		free_page((unsigned long)cache->table[--cache->count]);
}

/*
 * Finds the page behind @hva. A read does not ask for a writable page, which
 * would break sharing (copy-on-write, the zero page), but takes one that is
 * writable already, which saves a second fault.
 */
static int find_page(unsigned long hva, bool write, bool slot_writable,
		     struct page **page, bool *writable)
{
	int ret;

	*writable = write;
	if (!write && slot_writable &&
	    get_user_pages_fast_only(hva, 1, FOLL_WRITE, page) == 1) {
		*writable = true;
		return 0;
	}
	ret = get_user_pages_fast(hva, 1, write ? FOLL_WRITE : 0, page);
	if (ret == 1)
		return 0;
	return ret == -EINTR ? -EINTR : -EFAULT;
}

/*
 * How large a page the caller's page tables have at @hva. They are not freed
 * while interrupts are off; each entry is read once, as it may become another
 * one meanwhile. The answer counts only if nothing is invalidated meanwhile:
 * @lock of the memory is held, and no invalidation is under way.
 */
static int host_level(struct mm_struct *mm, unsigned long hva)
{
	int level = LEVEL_4K;
	unsigned long flags;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = LEVEL_1G;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_none(pmd) && pmd_present(pmd) && pmd_leaf(pmd))
		level = LEVEL_2M;
out:
	local_irq_restore(flags);
	return level;
}

/* Whether the page of @level around @gfn is in the slot, and aligned in both. */
static bool slot_has_level(const struct memory_slot *slot, u64 gfn, int level)
{
	u64 frames = level_frames(level);
	u64 first = gfn & ~(frames - 1);

	return !((slot->base_gfn ^ slot->hva >> PAGE_SHIFT) & (frames - 1)) &&
	       first >= slot->base_gfn &&
	       first + frames <= slot->base_gfn + slot->npages;
}

static int mapping_level(struct guest_memory *memory,
			 const struct memory_slot *slot, u64 gfn)
{
	int level;

	if (slot->dirty || !slot_has_level(slot, gfn, LEVEL_2M))
		return LEVEL_4K;
	level = host_level(memory->mm,
			   slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT));
	if (level == LEVEL_1G && !slot_has_level(slot, gfn, LEVEL_1G))
		return LEVEL_2M;
	return level;
}

static int map_page(struct vm *vm, const struct memory_slot *slot,
		    struct page_mapping *mapping, struct page *page,
		    unsigned long invalidations, struct table_cache *cache)
{
	struct guest_memory *memory = &vm->memory;
	int ret = MEMORY_FAULT_MAPPED;

	spin_lock(&memory->lock);
	if (memory->invalidating || memory->invalidations != invalidations)
		goto out;
	mapping->level = PageCompound(page) ?
			 mapping_level(memory, slot, mapping->gfn) : LEVEL_4K;
	if (!backend->map(vm, mapping, cache)) {
		ret = -ENOMEM;
		goto out;
	}
	if (!mapping->writable)
		goto out;
	/* The guest's writes do not show in the caller's page tables. */
	if (!PageReserved(page))
		SetPageDirty(page);
	if (mapping->dirty)
		memory_mark_dirty(slot, mapping->gfn);
out:
	spin_unlock(&memory->lock);
	return ret;
}

static int fault_in(struct vm *vm, struct table_cache *cache,
		    const struct memory_slot *slot, u64 gfn, unsigned int how,
		    unsigned long invalidations)
{
	unsigned long hva = slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
	bool write = how & MEMORY_WRITE;
	struct page_mapping mapping = {
		.gfn = gfn,
		.dirty = write || !slot->dirty,
		.fetch = how & MEMORY_FETCH,
	};
	bool may_write = !(slot->flags & MINIVMM_MEM_READONLY) &&
			 (mapping.dirty || READ_ONCE(vm->memory.pml));
	struct page *page;
	int ret;

	ret = fill_cache(cache);
	if (ret)
		return ret;
	ret = find_page(hva, write, may_write, &page, &mapping.writable);
	if (ret)
		return ret;
	mapping.pfn = page_to_pfn(page);
	ret = map_page(vm, slot, &mapping, page, invalidations, cache);
	put_page(page);
	return ret;
}

/**
 * memory_fault - serve the guest's access to a page that is not mapped
 * @access: begun
 * @cache: the vCPU's own, kept from one fault to the next
 * @gpa: guest-physical address
 * @how: bits of &enum memory_fault_access
 *
 * Return: MEMORY_FAULT_MAPPED; MEMORY_FAULT_MMIO; -EFAULT: the caller has no
 * memory behind the slot (or none that may be written); -ENOMEM; -EINTR.
 */
int memory_fault(struct guest_access *access, struct table_cache *cache,
		 u64 gpa, unsigned int how)
{
	struct guest_memory *memory = access->memory;
	struct vm *vm = container_of(memory, struct vm, memory);
	unsigned long invalidations = READ_ONCE(memory->invalidations);
	u64 gfn = gpa >> PAGE_SHIFT;
	const struct memory_slot *slot;

	/*
	 * Pairs with the barriers in slots.c and notifier.c: first the count,
	 * then the slot, then the page.
	 */
	smp_rmb();
	slot = memory_slot(memory, gfn);
	if (!slot)
		return MEMORY_FAULT_MMIO;
	if (how & MEMORY_WRITE && slot->flags & MINIVMM_MEM_READONLY) {
		if (!(how & MEMORY_WALK) || !READ_ONCE(memory->ad))
			return MEMORY_FAULT_MMIO;
		memory_stop_flags(vm);
		return MEMORY_FAULT_MAPPED;
	}
	return fault_in(vm, cache, slot, gfn, how, invalidations);
}
