// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page walk on any tables and any control registers, compared with a second
 * one (walk_reference.c): what it answers, and which bits it sets in memory.
 */
#include "fuzz.h"
#include "walk.h"
#include "walk_reference.h"

#define MEMORY	0x4000u
#define ENTRY_ACCESSED	BIT(5)
#define ENTRY_DIRTY	BIT(6)

static u8 memory[MEMORY], before[MEMORY];
static unsigned int reads, exchanges;

static int memory_read(void *ctx, u64 gpa, void *data, unsigned int len)
{
	(void)ctx;
	MUST(len == 4 || len == 8);
	MUST(!(gpa & (len - 1)) && gpa < BIT_ULL(52));
	MUST(reads++ < 100);
	if (gpa + len > MEMORY)
		return 1;
	memcpy(data, memory + gpa, len);
	return 0;
}

static int memory_cmpxchg(void *ctx, u64 gpa, u64 *old, u64 new,
			  unsigned int len)
{
	u64 found = 0;

	(void)ctx;
	MUST(gpa + len <= MEMORY);	/* it was read from there */
	MUST(((*old ^ new) & ~0x60ull) == 0);
	exchanges++;
	memcpy(&found, memory + gpa, len);
	if (found == *old)
		memcpy(memory + gpa, &new, len);
	*old = found;
	return 0;
}

#define TABLE	0x67	/* present, writable, user's, accessed, dirty */
#define PDPTE	0x01	/* of PAE: it has no rights */

/*
 * An entry: present, with all rights, of a table in memory, unless the input
 * says otherwise; mostly with not more than one bit that should not be there,
 * sometimes with many.
 */
static u64 put_entry(struct input *in, u64 at, u64 entry)
{
	u8 one = take(in, 1), next = take(in, 1);
	u64 some = take(in, 2);

	entry ^= some & (some >> 8);
	entry |= (next & 3) << 12;
	if (one & 0x80)
		entry ^= BIT_ULL(one & 63);
	if (next >= 0xf0)
		entry ^= take(in, 8);
	memcpy(memory + at % (MEMORY - 7), &entry, 8);
	return entry & 0x3000;
}

/*
 * The entries that the walk comes to, for tables that are in memory: what they
 * hold is the input's, so is where they lead. Then entries anywhere.
 */
static void take_tables(struct input *in, const struct x86_paging *p, u64 gva)
{
	bool is_32 = !(p->cr4 & CPU_CR4_PAE) && !(p->efer & CPU_EFER_LMA);
	u64 table = p->cr3 & 0x3000;
	int level, levels = is_32 ? 2 : 5;
	u64 index;

	memset(memory, 0, sizeof(memory));
	if (!is_32 && !(p->efer & CPU_EFER_LMA)) {
		table = put_entry(in, (p->cr3 & 0x3fe0) + (gva >> 30 & 3) * 8,
				  PDPTE);
		levels = 2;
	} else if (!is_32 && !(p->cr4 & CPU_CR4_LA57)) {
		levels = 4;
	}
	for (level = levels - 1; level >= 0; level--) {
		index = is_32 ? (gva >> (12 + 10 * level) & 0x3ff) * 4 :
				(gva >> (12 + 9 * level) & 0x1ff) * 8;
		table = put_entry(in, table + index, TABLE);
	}
	while (in->left > 4)
		put_entry(in, take(in, 2), TABLE);
	memcpy(before, memory, sizeof(before));
}

static void check_fault(const struct x86_fault *fault, u64 gva,
			const struct reference *r)
{
	MUST(fault->vector == X86_VECTOR_PF && fault->has_error);
	MUST(fault->has_cr2 && fault->cr2 == gva);
	MUST(fault->error == r->error);
}

/* What is in memory now: what was, with the bits that the access has set. */
static void check_marks(const struct reference *r, bool marks, bool write)
{
	unsigned int i;

	for (i = 0; marks && r->result == X86_EMUL_DONE && i < r->used; i++) {
		before[r->entry[i]] |= ENTRY_ACCESSED;
		if (write && i == r->used - 1)
			before[r->entry[i]] |= ENTRY_DIRTY;
	}
	MUST(!memcmp(before, memory, sizeof(memory)));
}

/*
 * The PDPTEs of PAE have no accessed bit. Should they be in memory that is a
 * table at the same time, setting one there changes the walk: processors read
 * them ahead of time, the walk may not.
 */
static bool pdptes_are_marked(const struct x86_paging *p,
			      const struct reference *r)
{
	u64 first = p->cr3 & 0xffffffe0;
	unsigned int i;

	if (!(p->cr4 & CPU_CR4_PAE) || (p->efer & CPU_EFER_LMA) || p->pdptrs)
		return false;
	for (i = 0; i < r->used; i++)
		if (r->entry[i] >= first && r->entry[i] < first + 32)
			return true;
	return false;
}

static void take_paging(struct input *in, struct x86_paging *p)
{
	p->cr0 = take(in, 4) ^ CPU_CR0_PG;	/* mostly on */
	p->cr3 = take(in, 2);
	p->cr4 = take(in, 4);
	p->efer = take(in, 2);
	p->rflags = take(in, 4);
	p->maxphyaddr = take(in, 1);
	/* Without PAE there is no long mode. */
	if (p->efer & CPU_EFER_LMA)
		p->cr4 |= CPU_CR4_PAE;
}

/* Of what an access can be, not all combinations are something. */
static unsigned int take_access(struct input *in)
{
	unsigned int access = take(in, 1) & 31;

	if (access & X86_ACCESS_FETCH)
		access &= ~(X86_ACCESS_WRITE | X86_ACCESS_IMPLICIT);
	if (access & X86_ACCESS_IMPLICIT)
		access &= ~X86_ACCESS_USER;
	return access;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct x86_paging paging = {
		.read = memory_read,
		.compare_exchange = memory_cmpxchg,
	};
	struct x86_fault fault;
	struct reference r;
	u64 gva, gpa, pdptrs[4];
	unsigned int access;
	bool marks;
	int ret;

	take_paging(&in, &paging);
	access = take_access(&in);
	gva = take(&in, 8);
	if (!(paging.efer & CPU_EFER_LMA))
		gva = (u32)gva;
	take_tables(&in, &paging, gva);
	memcpy(pdptrs, memory + (paging.cr3 & 0x3fe0), sizeof(pdptrs));
	if (take(&in, 1) & 1)
		paging.pdptrs = pdptrs;
	if (take(&in, 1) & 1)
		paging.compare_exchange = NULL;

	reads = 0;
	exchanges = 0;
	reference_walk(&paging, gva, access, &r);
	if (pdptes_are_marked(&paging, &r))
		return 0;
	ret = x86_walk(&paging, gva, access, &gpa, &fault);
	MUST(ret == r.result);
	if (ret == X86_EMUL_FAULT)
		check_fault(&fault, gva, &r);
	if (ret == X86_EMUL_DONE)
		MUST(gpa == r.gpa);
	marks = paging.compare_exchange && !(access & X86_ACCESS_PEEK);
	check_marks(&r, marks, access & X86_ACCESS_WRITE);

	/* Marked entries are not marked again. */
	exchanges = 0;
	if (ret == X86_EMUL_DONE) {
		ret = x86_walk(&paging, gva, access, &gpa, &fault);
		MUST(ret == X86_EMUL_DONE && gpa == r.gpa && !exchanges);
	}
	return 0;
}
