// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT: from guest-physical to host-physical addresses.
 *
 * Four levels of tables of 512 entries, like the processor's own paging, that
 * apply to every address the guest's own paging yields. Entries point to pages
 * of the caller; what is not there exits (EPT violation), and memory/fault.c
 * says whether it is memory not yet mapped or no memory at all.
 *
 * Processors keep translations. Before a page may be given away, each vCPU has
 * to forget: one that is inside the guest is thrown out by an interrupt, and
 * all look at the generation before they enter again.
 *
 * SDM: "The Extended Page Table Mechanism (EPT)", "Caching Translation
 * Information".
 */
#include <linux/smp.h>

#include "vmx.h"
#include "vmcs.h"

#define LEVELS		4
#define INDEX_BITS	9
#define ENTRIES		BIT(INDEX_BITS)

#define ENTRY_TABLE	VMX_EPT_RWX_MASK
#define ENTRY_ADDRESS	GENMASK_ULL(51, PAGE_SHIFT)
/* Write-back, whatever the guest's PAT and MTRRs say: it is plain memory. */
#define ENTRY_MEMORY	(VMX_EPTP_MT_WB << VMX_EPT_MT_EPTE_SHIFT | \
			 VMX_EPT_IPAT_BIT)

/* Where @gfn is in a table of @level; the leaves are level 1. */
static unsigned int entry_index(u64 gfn, int level)
{
	return gfn >> (level - 1) * INDEX_BITS & (ENTRIES - 1);
}

static u64 *entry_table(u64 entry)
{
	return __va(entry & ENTRY_ADDRESS);
}

/* Guest frames that one entry of a table of @level stands for. */
static u64 entry_span(int level)
{
	return 1ULL << (level - 1) * INDEX_BITS;
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
	ret = vmx_root_get();
	if (ret)
		free_page((unsigned long)vm->memory.root);
	vm->tsc_offset = -rdtsc();
	return ret;
}

/**
 * vmx_ept_pointer - the EPT pointer for a VMCS
 * @memory: whose tables
 */
u64 vmx_ept_pointer(const struct guest_memory *memory)
{
	return __pa(memory->root) | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4;
}

/**
 * vmx_ept_map - map a guest frame
 * @memory: its lock is held
 * @gfn: the frame
 * @pfn: the page
 * @writable: the guest may write
 * @cache: pages for missing tables
 *
 * Return: false: @cache ran out, nothing is mapped.
 */
bool vmx_ept_map(struct guest_memory *memory, u64 gfn, u64 pfn, bool writable,
		 struct table_cache *cache)
{
	u64 *table = memory->root;
	int level;

	for (level = LEVELS; level > 1; level--) {
		u64 *entry = &table[entry_index(gfn, level)];

		if (!*entry) {
			if (!cache->count)
				return false;
			WRITE_ONCE(*entry, __pa(cache->table[--cache->count]) |
					   ENTRY_TABLE);
		}
		table = entry_table(*entry);
	}
	WRITE_ONCE(table[entry_index(gfn, 1)],
		   pfn << PAGE_SHIFT | ENTRY_MEMORY | VMX_EPT_READABLE_MASK |
		   VMX_EPT_EXECUTABLE_MASK |
		   (writable ? VMX_EPT_WRITABLE_MASK : 0));
	return true;
}

/*
 * Clears the leaves of frames [gfn, end) below @table, whose first frame is
 * @base. Depth is bounded by LEVELS.
 */
static bool zap_table(u64 *table, int level, u64 base, u64 gfn, u64 end)
{
	u64 span = entry_span(level);
	u64 last = min(end, base + span * ENTRIES);
	u64 at = max(gfn, base);
	bool zapped = false;

	for (at -= at % span; at < last; at += span) {
		u64 *entry = &table[entry_index(at, level)];

		if (!*entry)
			continue;
		if (level > 1) {
			zapped |= zap_table(entry_table(*entry), level - 1, at,
					    gfn, end);
		} else {
			WRITE_ONCE(*entry, 0);
			zapped = true;
		}
	}
	return zapped;
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
	return zap_table(memory->root, LEVELS, 0, gfn, gfn + nr);
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

		if (!*entry)
			continue;
		below = entry_table(*entry);
		if (level > 2)
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
	u64 *root = vm->memory.root;
	struct page *page, *next;
	LIST_HEAD(tables);

	zap_table(root, LEVELS, 0, gfn, gfn + nr);
	prune_table(root, LEVELS, 0, gfn, gfn + nr, &tables);
	vmx_ept_flush(vm);
	list_for_each_entry_safe(page, next, &tables, lru)
		__free_page(page);
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

/**
 * vmx_ept_flush - make all vCPUs forget translations
 * @vm: its memory's lock is held, interrupts are on
 *
 * When this returns no vCPU uses a translation that was zapped before.
 */
void vmx_ept_flush(struct vm *vm)
{
	int id, end = READ_ONCE(vm->vcpus_end);

	WRITE_ONCE(vm->memory.flush_generation, vm->memory.flush_generation + 1);
	/* Pairs with the barrier in run.c: the generation, then who is inside. */
	smp_mb();
	for (id = 0; id < end; id++) {
		/* Pairs with vcpu_create(): what the pointer leads to. */
		struct vcpu *vcpu = smp_load_acquire(&vm->vcpus[id]);
		struct vmx_vcpu *vx;
		int cpu;

		if (!vcpu)
			continue;
		vx = to_vmx(vcpu);
		cpu = READ_ONCE(vx->cpu);
		if (READ_ONCE(vx->in_guest) && cpu >= 0)
			smp_call_function_single(cpu, exit_guest, NULL, 1);
	}
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
		vx->flush_generation = generation;
		vx->flush_ept = false;
		vmx_invept(VMX_EPT_EXTENT_CONTEXT, vmx_ept_pointer(memory));
	}
	if (vx->flush_vpid) {
		vx->flush_vpid = false;
		if (vx->vpid)
			vmx_invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vx->vpid);
	}
}
