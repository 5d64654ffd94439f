/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-physical memory as part of the caller's address space.
 *
 * A slot maps a range of guest frames (gfn) to a range of the caller's virtual
 * addresses (hva). The pages stay the caller's: they are not pinned. Second-
 * level page tables (the back end's) are a cache of what the caller's page
 * tables say; an MMU notifier throws entries out when those change, and the
 * next access of the guest faults them in again.
 *
 * The chapters: slots.c (the slots), guest.c (reading and writing guest memory
 * from the host), fault.c (faulting pages in), notifier.c (throwing them out),
 * dirty_log.c (which pages were written).
 */
#ifndef MINIVMM_MEMORY_H
#define MINIVMM_MEMORY_H

#include <linux/bitops.h>
#include <linux/minivmm.h>
#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>

#define MINIVMM_MAX_SLOTS	509

/* Highest guest-physical address: what 4 levels of page tables can map. */
#define MINIVMM_GPA_BITS	48

struct vm;

/**
 * struct memory_slot - a range of guest frames
 * @base_gfn: the first
 * @npages: how many
 * @hva: where the caller has them
 * @dirty: the dirty log: a bit for each page; NULL: there is none
 * @flags: MINIVMM_MEM_*
 * @id: the caller's number for it
 */
struct memory_slot {
	u64 base_gfn;
	u64 npages;
	unsigned long hva;
	unsigned long *dirty;
	u32 flags;
	u32 id;
};

/**
 * struct slot_array - all slots, sorted by gfn; never changed once published
 * @count: how many
 * @slot: each
 */
struct slot_array {
	unsigned int count;
	struct memory_slot slot[];
};

#define TABLE_CACHE_SIZE	3

/**
 * struct table_cache - page-table pages got ready before a spinlock is taken
 * @count: how many
 * @table: each, zeroed
 */
struct table_cache {
	unsigned int count;
	void *table[TABLE_CACHE_SIZE];
};

/* Pages by their size: 4 KiB, 2 MiB, 1 GiB. */
enum page_level {
	LEVEL_4K = 1,
	LEVEL_2M,
	LEVEL_1G,
	NR_PAGE_LEVELS = LEVEL_1G
};

/* Guest frames, each of 4 KiB, in a page of @level. */
static inline u64 level_frames(int level)
{
	return 1ULL << (level - 1) * 9;
}

/**
 * struct page_mapping - what is to be put into the second-level page tables
 * @gfn: a guest frame
 * @pfn: its page
 * @level: the page is part of one that is as large, and may be mapped whole
 * @writable: the guest may write
 * @dirty: it is about to write, or nobody wants to know
 * @fetch: it is about to execute from here
 */
struct page_mapping {
	u64 gfn;
	u64 pfn;
	int level;
	bool writable;
	bool dirty;
	bool fetch;
};

/**
 * struct guest_memory - a VM's memory
 * @mm: the address space of the process that made the VM
 * @srcu: readers of @slots, who may sleep
 * @slots: published array
 * @notifier: tells us of changes in @mm
 * @lock: protects the page tables below @root and the fields that follow
 * @root: top of the second-level page tables
 * @invalidations: counts the invalidations that have ended
 * @invalidating: how many are under way
 * @flush_generation: raised by each flush, seen by vCPUs before they enter
 * @mapped: how many pages of each size there are in the tables
 * @logged_slots: how many slots have a dirty log
 * @ad: the processor sets accessed and dirty flags in the tables
 * @pml: and logs each page whose dirty flag it sets (page-modification logging)
 * @manual_protect: MINIVMM_DIRTY_LOG_*, under the VM's lock
 */
struct guest_memory {
	struct mm_struct *mm;
	struct srcu_struct srcu;
	struct slot_array __rcu *slots;
	struct mmu_notifier notifier;
	spinlock_t lock;	/* page tables and what follows */
	u64 *root;
	unsigned long invalidations;
	int invalidating;
	u64 flush_generation;
	u64 mapped[NR_PAGE_LEVELS];
	unsigned int logged_slots;
	bool ad;
	bool pml;
	u32 manual_protect;
};

/* slots.c */
int memory_init(struct guest_memory *memory);
void memory_destroy(struct guest_memory *memory);
int memory_set_region(struct vm *vm,
		      const struct minivmm_userspace_memory_region *region);
const struct memory_slot *memory_slot(struct guest_memory *memory, u64 gfn);
const struct memory_slot *memory_slot_by_id(struct vm *vm, u32 id);

/**
 * struct guest_access - a thread's way into guest memory
 * @memory: of the VM
 * @slot: the last one that was looked at; most accesses are near each other
 * @srcu: what the SRCU lock gave; as long as it is held, @slot stays
 */
struct guest_access {
	struct guest_memory *memory;
	const struct memory_slot *slot;
	int srcu;
};

/* guest.c */
void guest_access_begin(struct guest_access *access);
void guest_access_end(struct guest_access *access);
int guest_read(struct guest_access *access, u64 gpa, void *data,
	       unsigned int len);
int guest_write(struct guest_access *access, u64 gpa, const void *data,
		unsigned int len);
int guest_cmpxchg(struct guest_access *access, u64 gpa, u64 *old, u64 new,
		  unsigned int len);

/* fault.c */
enum memory_fault_access {
	MEMORY_WRITE	= BIT(0),
	MEMORY_FETCH	= BIT(1),
	MEMORY_WALK	= BIT(2),	/* of the guest's page tables */
};

enum memory_fault_result {
	MEMORY_FAULT_MAPPED = 1,	/* enter the guest again */
	MEMORY_FAULT_MMIO,		/* no slot, or a write to a read-only one */
};

int memory_fault(struct guest_access *access, struct table_cache *cache,
		 u64 gpa, unsigned int how);
void table_cache_drain(struct table_cache *cache);

/* dirty_log.c */
int memory_get_dirty_log(struct vm *vm, const struct minivmm_dirty_log *log);
int memory_clear_dirty_log(struct vm *vm,
			   const struct minivmm_clear_dirty_log *log);
int memory_set_manual_protect(struct vm *vm, u64 options);
int memory_start_log(const struct guest_memory *memory, struct memory_slot *slot);
void memory_stop_flags(struct vm *vm);
void memory_track_writes(struct vm *vm, const struct memory_slot *slot);

/**
 * memory_mark_dirty - note that a page has been written
 * @slot: its slot
 * @gfn: the frame
 *
 * Called when the write is made: who sees the mark then sees the write.
 */
static inline void memory_mark_dirty(const struct memory_slot *slot, u64 gfn)
{
	if (slot->dirty)
		set_bit(gfn - slot->base_gfn, slot->dirty);
}

/* notifier.c */
int memory_notifier_register(struct vm *vm);
void memory_notifier_unregister(struct vm *vm);

#endif
