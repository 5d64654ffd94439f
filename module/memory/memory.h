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
 * from the host), fault.c (faulting pages in), notifier.c (throwing them out).
 */
#ifndef MINIVMM_MEMORY_H
#define MINIVMM_MEMORY_H

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
 * @flags: MINIVMM_MEM_READONLY
 * @id: the caller's number for it
 */
struct memory_slot {
	u64 base_gfn;
	u64 npages;
	unsigned long hva;
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
};

/* slots.c */
int memory_init(struct guest_memory *memory);
void memory_destroy(struct guest_memory *memory);
int memory_set_region(struct vm *vm,
		      const struct minivmm_userspace_memory_region *region);
const struct memory_slot *memory_slot(struct guest_memory *memory, u64 gfn);

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
enum memory_fault_result {
	MEMORY_FAULT_MAPPED = 1,	/* enter the guest again */
	MEMORY_FAULT_MMIO,		/* no slot, or a write to a read-only one */
};

int memory_fault(struct guest_access *access, struct table_cache *cache,
		 u64 gpa, bool write);
void table_cache_drain(struct table_cache *cache);

/* notifier.c */
int memory_notifier_register(struct vm *vm);
void memory_notifier_unregister(struct vm *vm);

#endif
