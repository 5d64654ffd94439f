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

#define MAX_LEVELS	5

/*
 * Another CPU of the guest may change an entry between our reading it and our
 * marking it accessed: then the walk begins anew. It does not do so for ever.
 */
#define MAX_RETRIES	16
#define WALK_RETRY	(-1)

/* What the paging mode decides on. */
struct mode {
	unsigned int levels;
	unsigned int entry_size;	/* bytes */
	unsigned int index_bits;	/* address bits that each level takes */
};

/* The walk as it goes down. */
struct walk {
	const struct x86_paging *p;
	struct mode mode;
	u64 gva;
	unsigned int access;
	unsigned int level;		/* 1: its entries map 4 KiB */
	u64 table;			/* gpa of the table at this level */
	u64 rights;			/* PTE_W, PTE_U: allowed by all levels */
	bool nx;			/* forbidden by one of them */
	unsigned int depth;		/* entries passed; those to be marked: */
	u64 entry_gpa[MAX_LEVELS];
	u64 entry[MAX_LEVELS];
};

static bool nx_enabled(const struct x86_paging *p)
{
	return (p->cr4 & CPU_CR4_PAE) && (p->efer & CPU_EFER_NXE);
}

static struct mode paging_mode(const struct x86_paging *p)
{
	if (p->efer & CPU_EFER_LMA)
		return (struct mode){ p->cr4 & CPU_CR4_LA57 ? 5 : 4, 8, 9 };
	if (p->cr4 & CPU_CR4_PAE)
		return (struct mode){ 3, 8, 9 };
	return (struct mode){ 2, 4, 10 };
}

/* How many bits of the address lie below the index of this level. */
static unsigned int level_shift(const struct walk *w)
{
	return 12 + (w->level - 1) * w->mode.index_bits;
}

/*
 * The bits of an entry that hold an address. The width comes from the guest's
 * CPUID, which is whatever the caller has set: keep it within reason.
 */
static unsigned int address_width(const struct x86_paging *p)
{
	if (p->maxphyaddr < 32)
		return 32;
	return min_t(unsigned int, p->maxphyaddr, 52);
}

static u64 address_mask(const struct x86_paging *p)
{
	return GENMASK_ULL(address_width(p) - 1, 12);
}

static bool is_32bit(const struct walk *w)
{
	return w->mode.entry_size == 4;
}

static bool is_pae_pdpte(const struct walk *w)
{
	return w->mode.levels == 3 && w->level == 3;
}

/*
 * Does this entry map a page, rather than point to a table? Where there are no
 * pages of a level's size, its PS bit is reserved, and that is seen first.
 */
static bool is_leaf(const struct walk *w, u64 entry)
{
	if (w->level == 1)
		return true;
	if (is_32bit(w) && !(w->p->cr4 & CPU_CR4_PSE))
		return false;
	return entry & PTE_PS;
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

/* The bits that must be 0 in a present entry. */
static u64 reserved_bits(const struct walk *w, u64 entry)
{
	bool leaf = is_leaf(w, entry);
	u64 reserved;

	if (is_32bit(w))
		return leaf && w->level == 2 ? pse36_reserved(w->p) : 0;

	reserved = GENMASK_ULL(51, 12) & ~address_mask(w->p);
	if (is_pae_pdpte(w))	/* has no rights, so no NX either */
		return reserved | GENMASK_ULL(63, 52) | GENMASK_ULL(8, 5) |
		       GENMASK_ULL(2, 1);
	if (w->mode.levels == 3)
		reserved |= GENMASK_ULL(62, 52);
	if (!nx_enabled(w->p))
		reserved |= PTE_NX;
	if (leaf && w->level > 1)	/* below the frame, above the PAT bit */
		reserved |= GENMASK_ULL(level_shift(w) - 1, 13);
	if (w->level > 3)
		reserved |= PTE_PS;
	return reserved;
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

/* "Determination of Access Rights": what all entries together allow. */
static bool allowed(const struct walk *w)
{
	const struct x86_paging *p = w->p;
	bool user = w->access & X86_ACCESS_USER;
	bool user_page = w->rights & PTE_U;

	if (user && !user_page)
		return false;
	if (w->access & X86_ACCESS_FETCH)
		return !w->nx && (user || !user_page ||
				  !(p->cr4 & CPU_CR4_SMEP));
	if (!user && user_page && (p->cr4 & CPU_CR4_SMAP) &&
	    ((w->access & X86_ACCESS_IMPLICIT) || !(p->rflags & CPU_FLAG_AC)))
		return false;
	if ((w->access & X86_ACCESS_WRITE) && !(w->rights & PTE_W))
		return !user && !(p->cr0 & CPU_CR0_WP);
	return true;
}

/* Where the first table is, and at which level the walk begins. */
static void begin(struct walk *w)
{
	w->level = w->mode.levels;
	w->rights = PTE_W | PTE_U;
	w->nx = false;
	w->depth = 0;
	if (w->mode.levels == 3)
		w->table = w->p->cr3 & GENMASK_ULL(31, 5);
	else if (w->mode.levels == 2)
		w->table = w->p->cr3 & GENMASK_ULL(31, 12);
	else
		w->table = w->p->cr3 & address_mask(w->p);
}

/* Read the entry for this level; remember it if it has an accessed bit. */
static int read_entry(struct walk *w, u64 *entry)
{
	u64 index = (w->gva >> level_shift(w)) &
		    (BIT_ULL(w->mode.index_bits) - 1);
	u64 gpa;

	if (is_pae_pdpte(w)) {
		index &= 3;
		if (w->p->pdptrs) {
			*entry = w->p->pdptrs[index];
			return X86_EMUL_DONE;
		}
	}

	gpa = w->table + index * w->mode.entry_size;
	*entry = 0;	/* read in part if entries have 4 bytes: little-endian */
	if (w->p->read(w->p->ctx, gpa, entry, w->mode.entry_size))
		return X86_EMUL_UNHANDLED;
	if (!is_pae_pdpte(w)) {
		w->entry_gpa[w->depth] = gpa;
		w->entry[w->depth++] = *entry;
	}
	return X86_EMUL_DONE;
}

static void restrict_rights(struct walk *w, u64 entry)
{
	if (is_pae_pdpte(w))
		return;
	w->rights &= entry;
	if (nx_enabled(w->p) && (entry & PTE_NX))
		w->nx = true;
}

/* Go down to the entry that maps the page. */
static int descend(struct walk *w, struct x86_fault *fault)
{
	u64 entry;
	int ret;

	for (;;) {
		ret = read_entry(w, &entry);
		if (ret)
			return ret;
		if (!(entry & PTE_P))
			return page_fault(w, 0, fault);
		if (entry & reserved_bits(w, entry))
			return page_fault(w, X86_PF_P | X86_PF_RSVD, fault);
		restrict_rights(w, entry);
		if (is_leaf(w, entry))
			return X86_EMUL_DONE;
		w->table = entry & (is_32bit(w) ? GENMASK_ULL(31, 12) :
				    address_mask(w->p));
		w->level--;
	}
}

/* Set the accessed bits of the entries passed, and the dirty bit of the last */
static int mark(const struct walk *w)
{
	const struct x86_paging *p = w->p;
	unsigned int i;

	if (!p->cmpxchg || (w->access & X86_ACCESS_PEEK))
		return X86_EMUL_DONE;

	for (i = 0; i < w->depth; i++) {
		u64 want = w->entry[i] | PTE_A;
		u64 old = w->entry[i];

		if (i == w->depth - 1 && (w->access & X86_ACCESS_WRITE))
			want |= PTE_D;
		if (want == old)
			continue;
		if (p->cmpxchg(p->ctx, w->entry_gpa[i], &old, want,
			       w->mode.entry_size))
			return X86_EMUL_UNHANDLED;
		if (old != w->entry[i])
			return WALK_RETRY;
	}
	return X86_EMUL_DONE;
}

static u64 page_address(const struct walk *w)
{
	u64 leaf = w->entry[w->depth - 1];
	u64 offset = BIT_ULL(level_shift(w)) - 1;
	u64 frame = leaf & address_mask(w->p);

	if (is_32bit(w)) {
		frame = leaf & GENMASK_ULL(31, 12);
		if (w->level == 2)
			frame |= (leaf & GENMASK_ULL(20, 13)) << (32 - 13);
	}
	return (frame & ~offset) | (w->gva & offset);
}

static int walk_once(struct walk *w, u64 *gpa, struct x86_fault *fault)
{
	int ret;

	begin(w);
	ret = descend(w, fault);
	if (ret)
		return ret;
	if (!allowed(w))
		return page_fault(w, X86_PF_P, fault);
	ret = mark(w);
	if (ret)
		return ret;
	*gpa = page_address(w);
	return X86_EMUL_DONE;
}

int x86_walk(const struct x86_paging *p, u64 gva, unsigned int access,
	     u64 *gpa, struct x86_fault *fault)
{
	struct walk w = {
		.p = p,
		.mode = paging_mode(p),
		.gva = gva,
		.access = access,
	};
	unsigned int i;
	int ret;

	if (!(p->cr0 & CPU_CR0_PG)) {
		*gpa = gva;
		return X86_EMUL_DONE;
	}

	for (i = 0; i < MAX_RETRIES; i++) {
		ret = walk_once(&w, gpa, fault);
		if (ret != WALK_RETRY)
			return ret;
	}
	return X86_EMUL_UNHANDLED;
}
