// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's page tables, walked in software as the CPU walks them.
 *
 * Intel SDM volume 3, chapter "Paging": "32-Bit Paging", "PAE Paging",
 * "4-Level Paging and 5-Level Paging", "Access Rights", "Page-Fault
 * Exceptions", "Accessed and Dirty Flags".
 *
 * All paging modes have one shape: a table entry either points to a table of
 * the level below or maps a page, and entries of all levels say what may be
 * done. What differs is a table: how many levels, how wide an entry is, how
 * many address bits each level takes, and which bits are reserved.
 *
 * Read next: decode.c.
 */
#include "walk.h"

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_NX		BIT_ULL(63)

/*
 * Entries are marked accessed only when it is known that the access is allowed:
 * by a second walk, if one of them is not marked yet. Another CPU of the guest
 * may change an entry between our reading it and our marking it: then the walk
 * begins anew. It does not do so for ever.
 */
#define MAX_RETRIES	17
#define WALK_RETRY	(-1)

/* What the paging mode decides on. */
struct mode {
	unsigned int levels;
	unsigned int entry_size;	/* bytes */
	unsigned int index_bits;	/* address bits that each level takes */
	u64 address;			/* bits of an entry: those of an address */
	u64 reserved;			/* those that are 0 in every entry */
	u64 large;			/* that which says: a page, not a table */
};

/* The walk as it goes down. */
struct walk {
	const struct x86_paging *p;
	struct mode mode;
	u64 gva;
	unsigned int access;
	unsigned int level;		/* 1: its entries map 4 KiB */
	unsigned int shift;		/* address bits below its index */
	u64 table;			/* gpa of the table at this level */
	u64 all, any;			/* bits set in all entries passed, in any */
	u64 leaf;			/* the last of them */
	bool marking;			/* sets the bits that record the access */
};

static bool nx_enabled(const struct x86_paging *p)
{
	return (p->cr4 & CPU_CR4_PAE) && (p->efer & CPU_EFER_NXE);
}

/*
 * How wide an address is. It comes from the guest's CPUID, which is whatever
 * the caller has set: keep it within reason.
 */
static unsigned int address_width(const struct x86_paging *p)
{
	if (p->maxphyaddr < 32)
		return 32;
	return min_t(unsigned int, p->maxphyaddr, 52);
}

static void set_mode(struct mode *mode, const struct x86_paging *p)
{
	if (!(p->cr4 & CPU_CR4_PAE) && !(p->efer & CPU_EFER_LMA)) {
		mode->levels = 2;
		mode->entry_size = 4;
		mode->index_bits = 10;
		mode->address = GENMASK_ULL(31, 12);
		mode->reserved = 0;
		mode->large = p->cr4 & CPU_CR4_PSE ? PTE_PS : 0;
		return;
	}
	mode->entry_size = 8;
	mode->index_bits = 9;
	mode->address = GENMASK_ULL(address_width(p) - 1, 12);
	mode->reserved = GENMASK_ULL(51, 12) & ~mode->address;
	mode->large = PTE_PS;
	if (!nx_enabled(p))
		mode->reserved |= PTE_NX;
	if (p->efer & CPU_EFER_LMA) {
		mode->levels = p->cr4 & CPU_CR4_LA57 ? 5 : 4;
	} else {
		mode->levels = 3;
		mode->reserved |= GENMASK_ULL(62, 52);
	}
}

/*
 * A 4 MiB page: bits 39:32 of its address are in bits 20:13 of the entry
 * (PSE-36), as far as the CPU has them; the rest up to bit 21 is reserved.
 */
static u64 pse36_reserved(const struct x86_paging *p)
{
	unsigned int width = min_t(unsigned int, address_width(p), 40);

	return GENMASK_ULL(21, width > 32 ? width - 19 : 13);
}

/* The bits that must be 0 in an entry that maps a page larger than 4 KiB. */
static u64 large_reserved(const struct walk *w)
{
	if (w->mode.entry_size == 4)
		return pse36_reserved(w->p);
	if (w->level > 3)	/* there are no pages of this size */
		return PTE_PS;
	return GENMASK_ULL(w->shift - 1, 13);	/* bit 12 belongs to the PAT */
}

static int page_fault(const struct walk *w, u32 error, struct x86_fault *fault)
{
	const struct x86_paging *p = w->p;

	if (w->access & X86_ACCESS_WRITE)
		error |= X86_PF_WRITE;
	if (w->access & X86_ACCESS_USER)
		error |= X86_PF_USER;
	if ((w->access & X86_ACCESS_FETCH) &&
	    (nx_enabled(p) || (p->cr4 & CPU_CR4_SMEP)))
		error |= X86_PF_FETCH;
	*fault = (struct x86_fault){
		.vector = X86_VECTOR_PF,
		.has_error = true,
		.error = error,
		.has_cr2 = true,
		.cr2 = w->gva,
	};
	return X86_EMUL_FAULT;
}

/*
 * "Determination of Access Rights": what all entries together allow. NX is
 * reserved where it is not enabled, so no entry has got this far with it.
 */
static bool allowed(const struct walk *w)
{
	const struct x86_paging *p = w->p;
	bool user = w->access & X86_ACCESS_USER;
	bool user_page = w->all & PTE_U;

	if (user && !user_page)
		return false;
	if (w->access & X86_ACCESS_FETCH)
		return !(w->any & PTE_NX) &&
		       (user || !user_page || !(p->cr4 & CPU_CR4_SMEP));
	if (!user && user_page && (p->cr4 & CPU_CR4_SMAP) &&
	    ((w->access & X86_ACCESS_IMPLICIT) || !(p->rflags & CPU_FLAG_AC)))
		return false;
	if ((w->access & X86_ACCESS_WRITE) && !(w->all & PTE_W))
		return !user && !(p->cr0 & CPU_CR0_WP);
	return true;
}

/*
 * PAE: the first table has four entries, which the CPU reads ahead of time.
 * They have neither rights nor an accessed bit.
 */
static int pass_pdpte(struct walk *w, struct x86_fault *fault)
{
	const struct x86_paging *p = w->p;
	u64 index = (w->gva >> 30) & 3;
	u64 entry;

	if (p->pdptrs)
		entry = p->pdptrs[index];
	else if (p->read(p->ctx, (p->cr3 & GENMASK_ULL(31, 5)) + index * 8,
			 &entry, 8))
		return X86_EMUL_UNHANDLED;
	if (!(entry & PTE_P))
		return page_fault(w, 0, fault);
	if (entry & (GENMASK_ULL(63, 12) & ~w->mode.address))
		return page_fault(w, X86_PF_P | X86_PF_RSVD, fault);
	if (entry & (GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1)))
		return page_fault(w, X86_PF_P | X86_PF_RSVD, fault);
	w->table = entry & w->mode.address;
	w->level = 2;
	return X86_EMUL_DONE;
}

/* Where the first table is, and at which level the walk begins. */
static int begin(struct walk *w, struct x86_fault *fault)
{
	int ret = X86_EMUL_DONE;

	w->level = w->mode.levels;
	w->table = w->p->cr3 & w->mode.address;
	if (w->mode.levels == 3)
		ret = pass_pdpte(w, fault);
	w->shift = 12 + (w->level - 1) * w->mode.index_bits;
	w->all = ~0ULL;
	w->any = 0;
	return ret;
}

/* The bits that an access sets: accessed, and dirty if this maps the page. */
static u64 marks(const struct walk *w, bool leaf)
{
	return leaf && (w->access & X86_ACCESS_WRITE) ? PTE_A | PTE_D : PTE_A;
}

/* Set them in an entry. */
static int mark(const struct walk *w, u64 gpa, u64 *entry, bool leaf)
{
	const struct x86_paging *p = w->p;
	u64 want = *entry | marks(w, leaf);
	u64 found = *entry;

	if (want == *entry)
		return X86_EMUL_DONE;
	if (p->compare_exchange(p->ctx, gpa, &found, want, w->mode.entry_size))
		return X86_EMUL_UNHANDLED;
	if (found != *entry)
		return WALK_RETRY;
	*entry = want;
	return X86_EMUL_DONE;
}

/* Mostly the guest has been here before, and they are set. */
static bool is_marked(const struct walk *w)
{
	if (!w->p->compare_exchange || (w->access & X86_ACCESS_PEEK))
		return true;
	return (w->all & PTE_A) && !(marks(w, true) & ~w->leaf);
}

/* Go down to the entry that maps the page. */
static int descend(struct walk *w, struct x86_fault *fault)
{
	const struct x86_paging *p = w->p;
	const struct mode *mode = &w->mode;
	u64 table = w->table;
	u64 entry, gpa, index;
	bool leaf;
	int ret;

	for (;;) {
		index = (w->gva >> w->shift) & (BIT_ULL(mode->index_bits) - 1);
		gpa = table + index * mode->entry_size;
		entry = 0;	/* of 4 bytes: the lower half, little-endian */
		if (p->read(p->ctx, gpa, &entry, mode->entry_size))
			return X86_EMUL_UNHANDLED;
		if (!(entry & PTE_P))
			return page_fault(w, 0, fault);
		if (entry & mode->reserved)
			return page_fault(w, X86_PF_P | X86_PF_RSVD, fault);
		leaf = w->level == 1 || (entry & mode->large);
		if (leaf && w->level > 1 && (entry & large_reserved(w)))
			return page_fault(w, X86_PF_P | X86_PF_RSVD, fault);
		if (w->marking) {
			ret = mark(w, gpa, &entry, leaf);
			if (ret)
				return ret;
		}
		w->all &= entry;
		w->any |= entry;
		if (leaf)
			break;
		table = entry & mode->address;
		w->level--;
		w->shift -= mode->index_bits;
	}
	w->leaf = entry;
	return X86_EMUL_DONE;
}

static u64 page_address(const struct walk *w)
{
	u64 offset = BIT_ULL(w->shift) - 1;
	u64 frame = w->leaf & w->mode.address;

	if (w->mode.entry_size == 4 && w->level == 2)
		frame |= (w->leaf & GENMASK_ULL(20, 13)) << (32 - 13);
	return (frame & ~offset) | (w->gva & offset);
}

int x86_walk(const struct x86_paging *p, u64 gva, unsigned int access,
	     u64 *gpa, struct x86_fault *fault)
{
	unsigned int i;
	struct walk w;
	int ret;

	if (!(p->cr0 & CPU_CR0_PG)) {
		*gpa = gva;
		return X86_EMUL_DONE;
	}

	w.p = p;
	w.gva = gva;
	w.access = access;
	w.marking = false;
	set_mode(&w.mode, p);
	for (i = 0; i < MAX_RETRIES; i++) {
		ret = begin(&w, fault);
		if (!ret)
			ret = descend(&w, fault);
		if (ret == WALK_RETRY)
			continue;
		if (ret)
			return ret;
		if (!allowed(&w))
			return page_fault(&w, X86_PF_P, fault);
		if (is_marked(&w)) {
			*gpa = page_address(&w);
			return X86_EMUL_DONE;
		}
		w.marking = true;	/* allowed: down there once more */
	}
	return X86_EMUL_UNHANDLED;
}
