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

static int map_page(struct guest_memory *memory, u64 gfn, struct page *page, bool writable,
		    unsigned long invalidations, struct table_cache *cache)
{
	int ret = MEMORY_FAULT_MAPPED;

	spin_lock(&memory->lock);
	if (memory->invalidating || memory->invalidations != invalidations)
		goto out;
	if (!backend->map(memory, gfn, page_to_pfn(page), writable, cache))
		ret = -ENOMEM;
	/* The guest's writes do not show in the caller's page tables. */
	if (writable && !PageReserved(page))
		SetPageDirty(page);
out:
	spin_unlock(&memory->lock);
	return ret;
}

static int fault_in(struct guest_memory *memory, struct table_cache *cache,
		    const struct memory_slot *slot, u64 gfn, bool write,
		    unsigned long invalidations)
{
	unsigned long hva = slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
	struct page *page;
	bool writable;
	int ret;

	ret = fill_cache(cache);
	if (ret)
		return ret;
	ret = find_page(hva, write, !(slot->flags & MINIVMM_MEM_READONLY), &page,
			&writable);
	if (ret)
		return ret;
	ret = map_page(memory, gfn, page, writable, invalidations, cache);
	put_page(page);
	return ret;
}

/**
 * memory_fault - serve the guest's access to a page that is not mapped
 * @access: begun
 * @cache: the vCPU's own, kept from one fault to the next
 * @gpa: guest-physical address
 * @write: the access is a write
 *
 * Return: MEMORY_FAULT_MAPPED; MEMORY_FAULT_MMIO; -EFAULT: the caller has no
 * memory behind the slot (or none that may be written); -ENOMEM; -EINTR.
 */
int memory_fault(struct guest_access *access, struct table_cache *cache,
		 u64 gpa, bool write)
{
	struct guest_memory *memory = access->memory;
	unsigned long invalidations = READ_ONCE(memory->invalidations);
	u64 gfn = gpa >> PAGE_SHIFT;
	const struct memory_slot *slot;

	/*
	 * Pairs with the barriers in slots.c and notifier.c: first the count,
	 * then the slot, then the page.
	 */
	smp_rmb();
	slot = memory_slot(memory, gfn);
	if (!slot || (write && slot->flags & MINIVMM_MEM_READONLY))
		return MEMORY_FAULT_MMIO;
	return fault_in(memory, cache, slot, gfn, write, invalidations);
}
