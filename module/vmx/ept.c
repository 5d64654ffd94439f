// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT: from guest-physical to host-physical addresses.
 *
 * Four levels of tables of 512 entries, like the processor's own paging, that
 * apply to every address the guest's own paging yields. Entries point to pages
 * of the caller; what is not there exits (EPT violation), and memory/fault.c
 * says whether it is memory not yet mapped or no memory at all.
 *
 * An entry of the two levels above the last may itself point to a page, one of
 * 2 MiB or of 1 GiB. It is split into a table of smaller ones when they have to
 * differ; a table that has become empty gives way to a large page again.
 *
 * The processor sets two flags in an entry that leads to a page: accessed, and
 * dirty (if it has them: memory->ad). It does so at any time, hence the atomic
 * operations on entries that are in use. Whose dirty flag it sets it can also
 * log (pml.c).
 *
 * Processors keep translations. Before a page may be given away, each vCPU has
 * to forget: one that is inside the guest is thrown out by an interrupt, and
 * all look at the generation before they enter again.
 *
 * SDM: "The Extended Page Table Mechanism (EPT)", "Accessed and Dirty Flags for
 * EPT", "Caching Translation Information".
 */
#include <linux/cpu.h>
#include <linux/smp.h>

#include "vmx.h"
#include "vmcs.h"

#define LEVELS		4
#define INDEX_BITS	9
#define ENTRIES		BIT(INDEX_BITS)

#define ENTRY_TABLE	VMX_EPT_RWX_MASK
#define ENTRY_ADDRESS	GENMASK_ULL(51, PAGE_SHIFT)
#define ENTRY_LARGE	BIT_ULL(7)
/* Write-back, whatever the guest's PAT and MTRRs say: it is plain memory. */
#define ENTRY_MEMORY	(VMX_EPTP_MT_WB << VMX_EPT_MT_EPTE_SHIFT | \
			 VMX_EPT_IPAT_BIT)

/* Bits of an entry for atomic operations. */
#define WRITABLE_BIT	1
#define ACCESSED_BIT	8
#define DIRTY_BIT	9

/* Where @gfn is in a table of @level; the leaves are level 1. */
static unsigned int entry_index(u64 gfn, int level)
{
	return gfn >> (level - 1) * INDEX_BITS & (ENTRIES - 1);
}

static u64 *entry_table(u64 entry)
{
	return __va(entry & ENTRY_ADDRESS);
}

/* A present entry of @level leads to a page, and not to a table. */
static bool entry_is_leaf(u64 entry, int level)
{
	return level == LEVEL_4K || entry & ENTRY_LARGE;
}

/* Guest frames that one entry of a table of @level stands for. */
static u64 entry_span(int level)
{
	return level_frames(level);
}

/*
 * On some processors instructions in a large page, whose size the guest then
 * changes in its own tables, are a machine check. There no large page is
 * executable, and one that is to be executed from is split.
 */
static bool large_pages_execute(void)
{
	return !boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) ||
	       cpu_mitigations_off();
}

static int max_level(const struct page_mapping *mapping)
{
	int level = mapping->level;

	if (mapping->fetch && !large_pages_execute())
		return LEVEL_4K;
	if (level == LEVEL_1G && !(vmx_caps.ept_vpid & VMX_EPT_1GB_PAGE_BIT))
		level = LEVEL_2M;
	if (level == LEVEL_2M && !(vmx_caps.ept_vpid & VMX_EPT_2MB_PAGE_BIT))
		level = LEVEL_4K;
	return level;
}

/**
 * vmx_ept_init - make empty tables, and enter VMX operation for the VM
 * @vm: a new VM
 *
 * Return: 0, -ENOMEM, or why VMX operation cannot be entered.
 */
int vmx_ept_init(struct vm *vm)
{
	int ret;

	vm->memory.root = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vm->memory.root)
		return -ENOMEM;
	vm->memory.ad = vmx_caps.ept_vpid & VMX_EPT_AD_BIT;
	vm->memory.pml = vmx_has_cpu2(SECONDARY_EXEC_ENABLE_PML);
	ret = vmx_root_get();
	if (ret)
		free_page((unsigned long)vm->memory.root);
	return ret;
}

/**
 * vmx_ept_pointer - the EPT pointer for a VMCS
 * @memory: whose tables
 */
u64 vmx_ept_pointer(const struct guest_memory *memory)
{
	return __pa(memory->root) | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 |
	       (READ_ONCE(memory->ad) ? VMX_EPTP_AD_ENABLE_BIT : 0);
}

/*
 * Replaces a large page by a table of pages one size smaller that say the same:
 * no translation that a processor has kept becomes wrong by that.
 */
static void split_leaf(struct guest_memory *memory, u64 *entry, int level,
		       u64 *table)
{
	u64 small = READ_ONCE(*entry);
	unsigned int i;

	if (level - 1 == LEVEL_4K)
		small = (small & ~ENTRY_LARGE) | VMX_EPT_EXECUTABLE_MASK;
	for (i = 0; i < ENTRIES; i++)
		table[i] = small + (i * entry_span(level - 1) << PAGE_SHIFT);
	memory->mapped[level - 1]--;
	memory->mapped[level - 2] += ENTRIES;
	/* Pairs with the processor's walk: the table, then what leads to it. */
	smp_store_release(entry, __pa(table) | ENTRY_TABLE);
}

static void free_table_list(struct list_head *tables)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, tables, lru)
		__free_page(page);
}

static void prune_table(u64 *table, int level, u64 base, u64 gfn, u64 end,
			struct list_head *tables);

/* Makes room for a large page where a table is. False: it is in use. */
static bool remove_empty_table(struct vm *vm, u64 *table, int level, u64 gfn)
{
	u64 span = entry_span(level);
	LIST_HEAD(tables);

	gfn &= ~(span - 1);
	prune_table(table, level, gfn & ~(span * ENTRIES - 1), gfn, gfn + span,
		    &tables);
	if (!list_empty(&tables))
		vmx_ept_flush(vm);
	free_table_list(&tables);
	return !table[entry_index(gfn, level)];
}

/*
 * Finds the entry for a frame, of *@level or, where smaller pages are already,
 * of a lower one; makes the tables above it. NULL: @cache ran out.
 */
static u64 *entry_to_fill(struct vm *vm, u64 gfn, int *level,
			  struct table_cache *cache)
{
	u64 *entry, *table = vm->memory.root;
	int at;

	for (at = LEVELS; ; at--) {
		entry = &table[entry_index(gfn, at)];
		if (at == *level && *entry && !entry_is_leaf(*entry, at) &&
		    !remove_empty_table(vm, table, at, gfn))
			--*level;
		if (at == *level)
			return entry;
		if (*entry && !entry_is_leaf(*entry, at)) {
			table = entry_table(*entry);
			continue;
		}
		if (!cache->count)
			return NULL;
		table = cache->table[--cache->count];
		if (*entry) {
			split_leaf(&vm->memory, entry, at, table);
			vmx_ept_flush(vm);
		} else {
			WRITE_ONCE(*entry, __pa(table) | ENTRY_TABLE);
		}
	}
}

static u64 new_leaf(const struct page_mapping *mapping, int level)
{
	u64 pfn = mapping->pfn & ~(entry_span(level) - 1);
	u64 entry = pfn << PAGE_SHIFT | ENTRY_MEMORY | VMX_EPT_READABLE_MASK |
		    VMX_EPT_ACCESS_BIT;

	if (level > LEVEL_4K)
		entry |= ENTRY_LARGE;
	if (level == LEVEL_4K || large_pages_execute())
		entry |= VMX_EPT_EXECUTABLE_MASK;
	if (mapping->writable)
		entry |= VMX_EPT_WRITABLE_MASK;
	if (mapping->dirty)
		entry |= VMX_EPT_DIRTY_BIT;
	return entry;
}

/**
 * vmx_ept_map - map a guest frame
 * @vm: its memory's lock is held
 * @mapping: what, and how
 * @cache: pages for missing tables
 *
 * Return: false: @cache ran out, nothing is mapped.
 */
bool vmx_ept_map(struct vm *vm, const struct page_mapping *mapping,
		 struct table_cache *cache)
{
	int level = max_level(mapping);
	u64 *entry = entry_to_fill(vm, mapping->gfn, &level, cache);
	u64 old, leaf;

	if (!entry)
		return false;
	leaf = new_leaf(mapping, level);
	old = READ_ONCE(*entry);
	if (!old)
		vm->memory.mapped[level - 1]++;
	/* What a processor may have kept of it must not look less than it is. */
	else if (!((old ^ leaf) & ENTRY_ADDRESS))
		leaf |= old;
	WRITE_ONCE(*entry, leaf);
	if (old && (old ^ leaf) & ENTRY_ADDRESS)
		vmx_ept_flush(vm);
	return true;
}

/* What is done to an entry that leads to a page; whether that means anything. */
typedef bool (*leaf_operation)(struct guest_memory *memory, u64 *entry,
			       int level);

/*
 * Does it to the leaves of frames [gfn, end) below @table, whose first frame is
 * @base: all of a large one if some of its frames are. Depth is bounded by
 * LEVELS.
 */
static bool walk_leaves(struct guest_memory *memory, u64 *table, int level,
			u64 base, u64 gfn, u64 end, leaf_operation operation)
{
	u64 span = entry_span(level);
	u64 last = min(end, base + span * ENTRIES);
	u64 at = max(gfn, base);
	bool any = false;

	for (at -= at % span; at < last; at += span) {
		u64 *entry = &table[entry_index(at, level)];

		if (!*entry)
			continue;
		if (entry_is_leaf(*entry, level))
			any |= operation(memory, entry, level);
		else
			any |= walk_leaves(memory, entry_table(*entry),
					   level - 1, at, gfn, end, operation);
	}
	return any;
}

static bool zap_leaf(struct guest_memory *memory, u64 *entry, int level)
{
	memory->mapped[level - 1]--;
	WRITE_ONCE(*entry, 0);
	return true;
}

/**
 * vmx_ept_zap - unmap guest frames
 * @memory: its lock is held
 * @gfn: the first frame
 * @nr: how many
 *
 * Return: whether anything was mapped, so that a flush is due.
 */
bool vmx_ept_zap(struct guest_memory *memory, u64 gfn, u64 nr)
{
	return walk_leaves(memory, memory->root, LEVELS, 0, gfn, gfn + nr,
			   zap_leaf);
}

/* A large page's write has to fault, for it is split then. */
static bool track_leaf(struct guest_memory *memory, u64 *entry, int level)
{
	bool logged = memory->pml && level == LEVEL_4K;

	return test_and_clear_bit(logged ? DIRTY_BIT : WRITABLE_BIT,
				  (unsigned long *)entry);
}

/**
 * vmx_ept_track_writes - let the next write to guest frames be noticed
 * @memory: its lock is held
 * @gfn: the first frame
 * @nr: how many
 *
 * Return: whether a flush is due.
 */
bool vmx_ept_track_writes(struct guest_memory *memory, u64 gfn, u64 nr)
{
	return walk_leaves(memory, memory->root, LEVELS, 0, gfn, gfn + nr,
			   track_leaf);
}

static bool leaf_is_young(struct guest_memory *memory, u64 *entry, int level)
{
	return !memory->ad || READ_ONCE(*entry) & VMX_EPT_ACCESS_BIT;
}

static bool make_leaf_old(struct guest_memory *memory, u64 *entry, int level)
{
	return test_and_clear_bit(ACCESSED_BIT, (unsigned long *)entry);
}

/**
 * vmx_ept_age - say whether guest frames were used
 * @memory: its lock is held
 * @gfn: the first frame
 * @nr: how many
 * @clear: and begin anew
 *
 * Return: whether one of them was.
 */
bool vmx_ept_age(struct guest_memory *memory, u64 gfn, u64 nr, bool clear)
{
	return walk_leaves(memory, memory->root, LEVELS, 0, gfn, gfn + nr,
			   clear ? make_leaf_old : leaf_is_young);
}

static bool table_is_empty(const u64 *table)
{
	return !memchr_inv(table, 0, PAGE_SIZE);
}

/*
 * Takes the empty tables that translate frames [gfn, end) out of @table. They
 * go on a list, to be freed when no CPU uses them any more.
 */
static void prune_table(u64 *table, int level, u64 base, u64 gfn, u64 end,
			struct list_head *tables)
{
	u64 span = entry_span(level);
	u64 last = min(end, base + span * ENTRIES);
	u64 at = max(gfn, base);

	for (at -= at % span; at < last; at += span) {
		u64 *entry = &table[entry_index(at, level)];
		u64 *below;

		if (!*entry || entry_is_leaf(*entry, level))
			continue;
		below = entry_table(*entry);
		if (level > LEVEL_2M)
			prune_table(below, level - 1, at, gfn, end, tables);
		if (!table_is_empty(below))
			continue;
		WRITE_ONCE(*entry, 0);
		list_add_tail(&virt_to_page(below)->lru, tables);
	}
}

/**
 * vmx_ept_free_tables - unmap guest frames, and free tables that become empty
 * @vm: its memory's lock is held
 * @gfn: the first frame
 * @nr: how many
 */
void vmx_ept_free_tables(struct vm *vm, u64 gfn, u64 nr)
{
	LIST_HEAD(tables);

	vmx_ept_zap(&vm->memory, gfn, nr);
	prune_table(vm->memory.root, LEVELS, 0, gfn, gfn + nr, &tables);
	vmx_ept_flush(vm);
	free_table_list(&tables);
}

/**
 * vmx_ept_destroy - undo vmx_ept_init()
 * @vm: no vCPU is left
 */
void vmx_ept_destroy(struct vm *vm)
{
	vmx_ept_free_tables(vm, 0, BIT_ULL(MINIVMM_GPA_BITS - PAGE_SHIFT));
	free_page((unsigned long)vm->memory.root);
	vmx_root_put();
}

static void exit_guest(void *unused)
{
	/* The interrupt was all that was wanted. */
}

/* Interrupts each vCPU that is in the guest; it is out when this returns. */
static void kick_all(struct vm *vm)
{
	struct vcpu *vcpu;

	for_each_vcpu(vcpu, vm) {
		struct vmx_vcpu *vx = to_vmx(vcpu);
		int cpu = READ_ONCE(vx->cpu);

		if (READ_ONCE(vx->in_guest) && cpu >= 0)
			smp_call_function_single(cpu, exit_guest, NULL, 1);
	}
}

/**
 * vmx_ept_flush - make all vCPUs forget translations
 * @vm: its memory's lock is held, interrupts are on
 *
 * When this returns no vCPU uses a translation that was zapped before.
 */
void vmx_ept_flush(struct vm *vm)
{
	WRITE_ONCE(vm->memory.flush_generation, vm->memory.flush_generation + 1);
	/* Pairs with the barrier in run.c: the generation, then who is inside. */
	smp_mb();
	kick_all(vm);
}

/**
 * vmx_ept_sync_writes - take what the processors have logged
 * @vm: the VM
 *
 * What vCPUs wrote before is in the dirty logs when this returns: each empties
 * its processor's log before it takes the interrupt.
 */
void vmx_ept_sync_writes(struct vm *vm)
{
	/* Pairs with the end of the window in run.c. */
	smp_mb();
	if (vm->memory.pml)
		kick_all(vm);
}

/**
 * vmx_ept_flush_local - make this CPU forget a vCPU's translations
 * @vx: about to enter, its VMCS is current
 */
void vmx_ept_flush_local(struct vmx_vcpu *vx)
{
	struct guest_memory *memory = &vx->vcpu.vm->memory;
	u64 generation = READ_ONCE(memory->flush_generation);

	if (vx->flush_ept || vx->flush_generation != generation) {
		/* After the generation: what a flush was for can be seen now. */
		u64 pointer = vmx_ept_pointer(memory);

		vx->flush_generation = generation;
		vx->flush_ept = false;
		vmx_pml_update(vx);
		if (vx->eptp != pointer)
			vmcs_write64(EPT_POINTER, pointer);
		vx->eptp = pointer;
		vmx_invept(VMX_EPT_EXTENT_CONTEXT, pointer);
	}
	if (vx->flush_vpid) {
		vx->flush_vpid = false;
		if (vx->vpid)
			vmx_invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vx->vpid);
	}
}
