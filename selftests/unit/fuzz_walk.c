// SPDX-License-Identifier: GPL-2.0-only
/* The page walk on any tables and any control registers. */
#include "fuzz.h"
#include "walk.h"

#define MEMORY	0x4000u

static u8 memory[MEMORY];
static unsigned int reads, exchanges, conflicts;

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
	else
		conflicts++;
	*old = found;
	return 0;
}

static void check_fault(const struct x86_fault *fault, u64 gva,
			unsigned int access)
{
	u32 error = fault->error;

	MUST(fault->vector == X86_VECTOR_PF && fault->has_error);
	MUST(fault->has_cr2 && fault->cr2 == gva);
	MUST(!(error & X86_PF_WRITE) == !(access & X86_ACCESS_WRITE));
	MUST(!(error & X86_PF_USER) == !(access & X86_ACCESS_USER));
	MUST(!(error & X86_PF_FETCH) || (access & X86_ACCESS_FETCH));
	MUST(!(error & X86_PF_RSVD) || (error & X86_PF_P));
}

/* Entries: where in memory, and what, mostly low bits and the top one. */
static void take_tables(struct input *in)
{
	memset(memory, 0, sizeof(memory));
	while (in->left) {
		u64 at = take(in, 2) % (MEMORY - 7);
		u64 entry = take(in, 3);

		entry |= take(in, 1) << 56;
		memcpy(memory + at, &entry, 8);
	}
	reads = 0;
	exchanges = 0;
	conflicts = 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	struct x86_paging paging = {
		.read = memory_read,
		.cmpxchg = memory_cmpxchg,
	};
	struct x86_fault fault;
	u64 gva, gpa, gpa2, pdptrs[4];
	unsigned int access, i;
	int ret;

	paging.cr0 = take(&in, 4);
	paging.cr3 = take(&in, 2);
	paging.cr4 = take(&in, 4);
	paging.efer = take(&in, 2);
	paging.rflags = take(&in, 4);
	paging.maxphyaddr = take(&in, 1);
	access = take(&in, 1);
	gva = take(&in, 8);
	take_tables(&in);
	for (i = 0; i < 4; i++)
		memcpy(&pdptrs[i], memory + 8 * i, 8);
	if (access & 0x80)
		paging.pdptrs = pdptrs;
	if (!(paging.efer & CPU_EFER_LMA))
		gva = (u32)gva;

	ret = x86_walk(&paging, gva, access, &gpa, &fault);
	MUST(ret == X86_EMUL_DONE || ret == X86_EMUL_FAULT ||
	     ret == X86_EMUL_UNHANDLED);
	if (ret == X86_EMUL_FAULT) {
		check_fault(&fault, gva, access);
		/* Marked, then walked anew: the tables overlap. */
		MUST(exchanges == 0 || conflicts);
	}
	if (access & X86_ACCESS_PEEK)
		MUST(exchanges == 0);
	if (ret != X86_EMUL_DONE || !(paging.cr0 & CPU_CR0_PG))
		return 0;
	MUST((gpa & 0xfff) == (gva & 0xfff) && gpa < BIT_ULL(52));

	/*
	 * Marked entries are not marked again, unless marking one changed
	 * another: tables may overlap here.
	 */
	if (exchanges)
		return 0;
	ret = x86_walk(&paging, gva, access, &gpa2, &fault);
	MUST(ret == X86_EMUL_DONE && gpa2 == gpa && exchanges == 0);
	return 0;
}
