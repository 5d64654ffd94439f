// SPDX-License-Identifier: GPL-2.0-only
/*
 * See walk_reference.h. Intel SDM volume 3, chapter "Paging": the figures that
 * show the formats of entries, and the lists in "Determination of Access
 * Rights" and "Page-Fault Exceptions".
 */
#include "walk_reference.h"

/* What the entries that were used say together. */
struct rights {
	bool user, writable, no_execute;
};

struct state {
	const struct x86_paging *p;
	u64 gva;
	unsigned int access;
	unsigned int width;	/* of a physical address */
	bool nxe;
	struct rights rights;
	struct reference *r;
};

static bool bit(u64 value, unsigned int number)
{
	return value >> number & 1;
}

/* Bits high:low of a number. */
static u64 bits(u64 value, unsigned int high, unsigned int low)
{
	return high < low ? 0 : value >> low & (~0ULL >> (63 - (high - low)));
}

static void fault(struct state *s, bool present, bool reserved)
{
	bool tells_fetches = s->nxe || bit(s->p->cr4, 20);

	s->r->result = X86_EMUL_FAULT;
	s->r->error = present | reserved << 3;
	if (s->access & X86_ACCESS_WRITE)
		s->r->error |= 1 << 1;
	if (s->access & X86_ACCESS_USER)
		s->r->error |= 1 << 2;
	if ((s->access & X86_ACCESS_FETCH) && tells_fetches)
		s->r->error |= 1 << 4;
}

/* Read the entry at @at and note what it allows; false: the walk ends here. */
static bool use(struct state *s, u64 at, unsigned int size, u64 *entry)
{
	*entry = 0;
	if (s->p->read(s->p->ctx, at, entry, size)) {
		s->r->result = X86_EMUL_UNHANDLED;
		return false;
	}
	if (!bit(*entry, 0)) {
		fault(s, false, false);
		return false;
	}
	s->r->size = size;
	s->r->entry[s->r->used++] = at;
	s->rights.writable &= bit(*entry, 1);
	s->rights.user &= bit(*entry, 2);
	if (size == 8)
		s->rights.no_execute |= bit(*entry, 63);
	return true;
}

/* The bits of an entry of 8 bytes that are 0 in each of them. */
static bool reserved8(const struct state *s, u64 entry, bool pae)
{
	if (bits(entry, 51, s->width))
		return true;
	if (pae && bits(entry, 62, 52))
		return true;
	return !s->nxe && bit(entry, 63);
}

/* "Determination of Access Rights", as the lists there go. */
static bool may(const struct state *s)
{
	const struct x86_paging *p = s->p;
	bool wp = bit(p->cr0, 16), smep = bit(p->cr4, 20), smap = bit(p->cr4, 21);
	bool ac = bit(p->rflags, 18) && !(s->access & X86_ACCESS_IMPLICIT);

	if (s->access & X86_ACCESS_USER) {
		if (!s->rights.user)
			return false;
		if (s->access & X86_ACCESS_FETCH)
			return !s->rights.no_execute;
		return !(s->access & X86_ACCESS_WRITE) || s->rights.writable;
	}
	if (s->access & X86_ACCESS_FETCH) {
		if (s->rights.no_execute)
			return false;
		return !(s->rights.user && smep);
	}
	if (s->rights.user && smap && !ac)
		return false;
	return !(s->access & X86_ACCESS_WRITE) || s->rights.writable || !wp;
}

static void done(struct state *s, u64 page, unsigned int offset_bits)
{
	if (!may(s)) {
		fault(s, true, false);
		return;
	}
	s->r->result = X86_EMUL_DONE;
	s->r->gpa = page + bits(s->gva, offset_bits - 1, 0);
}

static void walk_32(struct state *s)
{
	unsigned int m = s->width < 40 ? s->width : 40;
	u64 pde, pte;

	if (!use(s, (bits(s->p->cr3, 31, 12) << 12) + bits(s->gva, 31, 22) * 4,
		 4, &pde))
		return;
	if (bit(pde, 7) && bit(s->p->cr4, 4)) {
		/* (M-20):13 are bits (M-1):32 of the address; 21:(M-19) are 0. */
		if (bits(pde, 21, m - 19))
			fault(s, true, true);
		else
			done(s, bits(pde, 31, 22) << 22 |
				bits(pde, m - 20, 13) << 32, 22);
		return;
	}
	if (use(s, (bits(pde, 31, 12) << 12) + bits(s->gva, 21, 12) * 4, 4, &pte))
		done(s, bits(pte, 31, 12) << 12, 12);
}

/* From a page directory on, PAE and 4-level paging are alike. */
static void walk_directory(struct state *s, u64 directory, bool pae)
{
	u64 pde, pte;

	if (!use(s, directory + bits(s->gva, 29, 21) * 8, 8, &pde))
		return;
	if (reserved8(s, pde, pae) || (bit(pde, 7) && bits(pde, 20, 13))) {
		fault(s, true, true);
		return;
	}
	if (bit(pde, 7)) {
		done(s, bits(pde, 51, 21) << 21, 21);
		return;
	}
	if (!use(s, (bits(pde, 51, 12) << 12) + bits(s->gva, 20, 12) * 8, 8, &pte))
		return;
	if (reserved8(s, pte, pae))
		fault(s, true, true);
	else
		done(s, bits(pte, 51, 12) << 12, 12);
}

static void walk_pae(struct state *s)
{
	u64 pdpte, at = (bits(s->p->cr3, 31, 5) << 5) + bits(s->gva, 31, 30) * 8;

	if (s->p->pdptrs) {
		pdpte = s->p->pdptrs[bits(s->gva, 31, 30)];
	} else if (s->p->read(s->p->ctx, at, &pdpte, 8)) {
		s->r->result = X86_EMUL_UNHANDLED;
		return;
	}
	if (!bit(pdpte, 0)) {
		fault(s, false, false);
		return;
	}
	if (bits(pdpte, 2, 1) || bits(pdpte, 8, 5) || bits(pdpte, 63, s->width)) {
		fault(s, true, true);
		return;
	}
	walk_directory(s, bits(pdpte, 51, 12) << 12, true);
}

static void walk_long(struct state *s)
{
	u64 entry, table = bits(s->p->cr3, s->width - 1, 12) << 12;

	if (bit(s->p->cr4, 12)) {
		if (!use(s, table + bits(s->gva, 56, 48) * 8, 8, &entry))
			return;
		if (reserved8(s, entry, false) || bit(entry, 7)) {
			fault(s, true, true);
			return;
		}
		table = bits(entry, 51, 12) << 12;
	}
	if (!use(s, table + bits(s->gva, 47, 39) * 8, 8, &entry))
		return;
	if (reserved8(s, entry, false) || bit(entry, 7)) {
		fault(s, true, true);
		return;
	}
	table = bits(entry, 51, 12) << 12;
	if (!use(s, table + bits(s->gva, 38, 30) * 8, 8, &entry))
		return;
	if (reserved8(s, entry, false) || (bit(entry, 7) && bits(entry, 29, 13)))
		fault(s, true, true);
	else if (bit(entry, 7))
		done(s, bits(entry, 51, 30) << 30, 30);
	else
		walk_directory(s, bits(entry, 51, 12) << 12, false);
}

void reference_walk(const struct x86_paging *p, u64 gva, unsigned int access,
		    struct reference *r)
{
	struct state s = {
		.p = p,
		.gva = gva,
		.access = access,
		.width = p->maxphyaddr < 32 ? 32 :
			 p->maxphyaddr > 52 ? 52 : p->maxphyaddr,
		.nxe = bit(p->efer, 11) && bit(p->cr4, 5),
		.rights = { .user = true, .writable = true },
		.r = r,
	};

	*r = (struct reference){ .result = X86_EMUL_DONE, .gpa = gva };
	if (!bit(p->cr0, 31))
		return;
	if (bit(p->efer, 10))
		walk_long(&s);
	else if (bit(p->cr4, 5))
		walk_pae(&s);
	else
		walk_32(&s);
}
