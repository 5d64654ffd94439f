// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page walk: each paging mode, each page size, each right, each bit of the
 * error code, accessed and dirty bits.
 *
 * The tables of a test are in a small physical memory: entries are set by their
 * address. A walk is either maps() or faults().
 */
#include "ktap.h"
#include "walk.h"

#define P	0x001ull
#define W	0x002ull
#define U	0x004ull
#define A	0x020ull
#define D	0x040ull
#define PS	0x080ull
#define NX	(1ull << 63)

#define READ	0
#define WRITE	X86_ACCESS_WRITE
#define USER	X86_ACCESS_USER
#define FETCH	X86_ACCESS_FETCH
#define IMPLICIT	X86_ACCESS_IMPLICIT

/* Where the tables are: the top one at 1000h, those below it one by one. */
#define TOP	0x1000ull
#define MEMORY	0x8000u
#define LOW	0x40001234ull	/* a linear address: PML4 0, PDPT 1, PD 0, PT 1 */
#define FRAME	0xabcde000ull

static u8 memory[MEMORY];
static struct x86_paging paging;
static unsigned int exchanges, changes;

static int memory_read(void *ctx, u64 gpa, void *data, unsigned int len)
{
	(void)ctx;
	if (gpa + len > MEMORY)
		return 1;
	memcpy(data, memory + gpa, len);
	return 0;
}

/* Another CPU writes to the entry before us, so many times. */
static int memory_cmpxchg(void *ctx, u64 gpa, u64 *old, u64 new,
			  unsigned int len)
{
	u64 found = 0;

	(void)ctx;
	if (gpa + len > MEMORY)
		return 1;
	exchanges++;
	if (changes) {
		changes--;
		memory[gpa + 1] ^= 2;	/* bit 9 is free for software */
	}
	memcpy(&found, memory + gpa, len);
	if (found == *old)
		memcpy(memory + gpa, &new, len);
	*old = found;
	return 0;
}

static void set(u64 gpa, unsigned int size, u64 entry)
{
	memcpy(memory + gpa, &entry, size);
}

static u64 get(u64 gpa, unsigned int size)
{
	u64 entry = 0;

	memcpy(&entry, memory + gpa, size);
	return entry;
}

static void start(u64 cr4, u64 efer)
{
	memset(memory, 0, sizeof(memory));
	exchanges = 0;
	changes = 0;
	paging = (struct x86_paging){
		.cr0 = CPU_CR0_PE | CPU_CR0_PG | CPU_CR0_WP,
		.cr3 = TOP,
		.cr4 = cr4,
		.efer = efer,
		.maxphyaddr = 40,
		.read = memory_read,
		.compare_exchange = memory_cmpxchg,
	};
}

static void check_maps(int line, u64 gva, unsigned int access, u64 expected)
{
	struct x86_fault fault = { 0 };
	u64 gpa = ~0ull;
	int ret = x86_walk(&paging, gva, access, &gpa, &fault);

	EXPECT(ret == X86_EMUL_DONE && gpa == expected,
	       "line %d: result %d, gpa %#llx, error %#x; expected gpa %#llx",
	       line, ret, gpa, fault.error, expected);
}

static void check_faults(int line, u64 gva, unsigned int access, u32 error)
{
	struct x86_fault fault = { 0 };
	u64 gpa;
	int ret = x86_walk(&paging, gva, access, &gpa, &fault);

	EXPECT(ret == X86_EMUL_FAULT, "line %d: result %d, expected a fault",
	       line, ret);
	if (ret != X86_EMUL_FAULT)
		return;
	EXPECT(fault.vector == X86_VECTOR_PF && fault.has_error &&
	       fault.has_cr2 && fault.cr2 == gva,
	       "line %d: vector %u, CR2 %#llx", line, fault.vector, fault.cr2);
	EXPECT(fault.error == error, "line %d: error code %#x, expected %#x",
	       line, fault.error, error);
}

#define maps(gva, access, gpa)		check_maps(__LINE__, gva, access, gpa)
#define faults(gva, access, error)	check_faults(__LINE__, gva, access, error)

/* Four levels that map LOW to FRAME; rights are those given, at every level. */
static void four_levels(u64 rights, u64 leaf)
{
	start(CPU_CR4_PAE, CPU_EFER_LMA | CPU_EFER_NXE);
	set(TOP, 8, 0x2000 | rights);
	set(0x2008, 8, 0x3000 | rights);
	set(0x3000, 8, 0x4000 | rights);
	set(0x4008, 8, FRAME | leaf);
}

TEST(no_paging)
{
	start(0, 0);
	paging.cr0 = CPU_CR0_PE;
	maps(0x12345678, WRITE, 0x12345678);
	EXPECT_EQ(0, exchanges);
}

TEST(mode_32_bit)
{
	start(0, 0);
	set(TOP + 4 * 0x100, 4, 0x2000 | P | W | U);	/* 40000000h >> 22 */
	set(0x2004, 4, FRAME | P | W | U);
	maps(LOW, READ, FRAME | 0x234);
	maps(LOW, WRITE | USER, FRAME | 0x234);
	faults(LOW + 0x1000, READ, 0);
	faults(LOW + 0x400000, WRITE | USER, X86_PF_WRITE | X86_PF_USER);
	/* Entries are of 4 bytes: the next one is not part of this one. */
	set(0x2008, 4, 0xffffffff);
	maps(LOW, READ, FRAME | 0x234);
	paging.cr3 = TOP | 0xfff;
	maps(LOW, READ, FRAME | 0x234);
	/* No NX here, so a fetch is not told from a read, unless by SMEP. */
	paging.efer = CPU_EFER_NXE;
	faults(LOW + 0x2000, FETCH, 0);
	paging.cr4 = CPU_CR4_SMEP;
	faults(LOW + 0x2000, FETCH, X86_PF_FETCH);
}

TEST(mode_32_bit_large_pages)
{
	start(CPU_CR4_PSE, 0);
	set(TOP + 4 * 0x100, 4, 0x80400000 | PS | P | W | U);
	maps(LOW, WRITE, 0x80401234);
	/* PSE-36: bits 39:32 of the address are in bits 20:13. */
	set(TOP + 4 * 0x100, 4, 0x80400000 | 0xffu << 13 | PS | P | W | U);
	maps(LOW, READ, 0xff80401234);
	paging.maxphyaddr = 36;
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(TOP + 4 * 0x100, 4, 0x80400000 | 0xfu << 13 | PS | P | W | U);
	maps(LOW, READ, 0xf80401234);
	set(TOP + 4 * 0x100, 4, 0x80400000 | 0x10u << 13 | PS | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(TOP + 4 * 0x100, 4, 0x80400000 | 1u << 21 | PS | P | W | U);
	faults(LOW, WRITE, X86_PF_P | X86_PF_RSVD | X86_PF_WRITE);
	/* The PAT bit is not part of the address. */
	set(TOP + 4 * 0x100, 4, 0x80400000 | 1u << 12 | PS | P | W | U);
	maps(LOW, READ, 0x80401234);
	/* Without CR4.PSE it is a table. */
	paging.cr4 = 0;
	set(TOP + 4 * 0x100, 4, 0x2000 | PS | P | W | U);
	set(0x2004, 4, FRAME | P);
	maps(LOW, READ, FRAME | 0x234);
}

TEST(mode_pae)
{
	start(CPU_CR4_PAE, CPU_EFER_NXE);
	paging.cr3 = TOP | 0x20;	/* aligned to 32 bytes only */
	set(TOP + 0x20 + 8, 8, 0x2000 | P);
	set(0x2000, 8, 0x3000 | P | W | U);
	set(0x3008, 8, 0x1000000000 | FRAME | P | W | U);
	maps(LOW, WRITE | USER, 0x1000000000 | FRAME | 0x234);
	faults(0, READ, 0);		/* PDPTE 0 is not present */
	faults(LOW + 0x200000, READ, 0);
	set(0x3008, 8, FRAME | NX | P | W | U);
	faults(LOW, FETCH, X86_PF_P | X86_PF_FETCH);
	maps(LOW, READ, FRAME | 0x234);
	set(0x3008, 8, FRAME | 1ull << 52 | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(0x3008, 8, FRAME | 1ull << 40 | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	/* A PDPTE has no rights: bits 1 and 2 are reserved. */
	set(0x3008, 8, FRAME | P | W | U);
	maps(LOW, READ, FRAME | 0x234);
	set(TOP + 0x20 + 8, 8, 0x2000 | P | W);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(TOP + 0x20 + 8, 8, 0x2000 | P | PS);	/* no page of 1 GiB */
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
}

TEST(mode_pae_large_pages)
{
	start(CPU_CR4_PAE, CPU_EFER_NXE);
	set(TOP + 8, 8, 0x2000 | P);
	set(0x2000, 8, 0x80000000 | PS | P | W | U);
	maps(LOW, WRITE, 0x80001234);
	set(0x2000, 8, 0x80000000 | 1 << 20 | PS | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(0x2000, 8, 0x80000000 | 1 << 13 | PS | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(0x2000, 8, 0x80000000 | 1 << 12 | PS | P | W | U);
	maps(LOW, READ, 0x80001234);
}

TEST(mode_pae_with_registers)
{
	static const u64 pdptrs[4] = { 0, 0x2000 | P, 0, 0x5000 | P };

	start(CPU_CR4_PAE, 0);
	paging.pdptrs = pdptrs;
	paging.cr3 = 0xfffff000;	/* is not looked at */
	set(0x2000, 8, 0x3000 | P | W | U);
	set(0x3008, 8, FRAME | P | W | U);
	maps(LOW, READ, FRAME | 0x234);
	faults(0x80000000, READ, 0);
	set(0x5000 + 8 * 0x1ff, 8, 0x3000 | P | W | U);
	maps(0xffe01234, READ, FRAME | 0x234);
}

TEST(mode_4_level)
{
	four_levels(P | W | U, P | W | U);
	maps(LOW, WRITE | USER, FRAME | 0x234);
	faults(LOW + 0x1000, READ, 0);
	faults(LOW + 0x200000, READ, 0);
	faults(LOW + 0x40000000, READ, 0);
	faults(LOW + 0x8000000000, READ, 0);
	/* The upper half: entry 511. */
	set(TOP + 8 * 511, 8, 0x2000 | P | W | U);
	maps(0xffffff8000000000 | LOW, READ, FRAME | 0x234);
	/* CR3's low bits are a PCID. */
	paging.cr3 = TOP | 0xfff;
	maps(LOW, READ, FRAME | 0x234);
}

TEST(mode_5_level)
{
	four_levels(P | W | U, P | W | U);
	paging.cr4 |= CPU_CR4_LA57;
	paging.cr3 = 0x5000;
	set(0x5000 + 8, 8, TOP | P | W | U);
	maps(0x1000000000000 | LOW, WRITE, FRAME | 0x234);
	faults(LOW, READ, 0);
	set(0x5000 + 8, 8, TOP | PS | P | W | U);
	faults(0x1000000000000 | LOW, READ, X86_PF_P | X86_PF_RSVD);
}

TEST(large_pages_of_4_level_paging)
{
	four_levels(P | W | U, P | W | U);
	set(0x3000, 8, 0x80000000 | PS | P | W | U);
	maps(LOW, WRITE, 0x80001234);
	set(0x3000, 8, 0x80000000 | 1 << 13 | PS | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(0x3000, 8, 0x80000000 | 1 << 20 | PS | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);

	set(0x2008, 8, 0x1c0000000 | PS | P | W | U);
	maps(LOW + 0x345678, WRITE, 0x1c0001234 + 0x345678);
	set(0x2008, 8, 0x1c0000000 | 1 << 29 | PS | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(0x2008, 8, 0x1c0000000 | 1 << 12 | PS | P | W | U);
	maps(LOW, READ, 0x1c0001234);
}

/* A bit that must be 0, at each level in turn. */
TEST(reserved_bits)
{
	static const u64 at[] = { TOP, 0x2008, 0x3000, 0x4008 };
	unsigned int i;
	u64 entry;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		four_levels(P | W | U, P | W | U);
		entry = get(at[i], 8);
		set(at[i], 8, entry | 1ull << 40);
		faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
		set(at[i], 8, entry | 1ull << 51);
		faults(LOW, USER, X86_PF_P | X86_PF_RSVD | X86_PF_USER);
		/* Bits 62:52 are software's. */
		set(at[i], 8, entry | 0x7ffull << 52);
		maps(LOW, READ, FRAME | 0x234);
		/* NX is reserved unless EFER.NXE. */
		set(at[i], 8, entry | NX);
		maps(LOW, READ, FRAME | 0x234);
		paging.efer = CPU_EFER_LMA;
		faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	}
	four_levels(P | W | U, P | W | U);
	set(TOP, 8, 0x2000 | PS | P | W | U);
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	/* An entry that is not present may hold anything. */
	set(TOP, 8, ~P);
	faults(LOW, READ, 0);
}

TEST(width_of_addresses)
{
	four_levels(P | W | U, P | W | U);
	set(0x4008, 8, 1ull << 51 | FRAME | P | W | U);
	paging.maxphyaddr = 52;
	maps(LOW, READ, 1ull << 51 | FRAME | 0x234);
	paging.maxphyaddr = 255;
	maps(LOW, READ, 1ull << 51 | FRAME | 0x234);
	paging.maxphyaddr = 0;
	faults(LOW, READ, X86_PF_P | X86_PF_RSVD);
	set(0x4008, 8, FRAME | P | W | U);
	maps(LOW, READ, FRAME | 0x234);
}

/* A right counts only if every level gives it. */
TEST(rights_of_each_level)
{
	static const u64 at[] = { TOP, 0x2008, 0x3000, 0x4008 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		four_levels(P | W | U, P | W | U);
		set(at[i], 8, get(at[i], 8) & ~W);
		maps(LOW, READ | USER, FRAME | 0x234);
		faults(LOW, WRITE | USER, X86_PF_P | X86_PF_WRITE | X86_PF_USER);
		faults(LOW, WRITE, X86_PF_P | X86_PF_WRITE);
		paging.cr0 &= ~CPU_CR0_WP;
		maps(LOW, WRITE, FRAME | 0x234);
		faults(LOW, WRITE | USER, X86_PF_P | X86_PF_WRITE | X86_PF_USER);

		four_levels(P | W | U, P | W | U);
		set(at[i], 8, get(at[i], 8) & ~U);
		maps(LOW, WRITE, FRAME | 0x234);
		faults(LOW, USER, X86_PF_P | X86_PF_USER);
		faults(LOW, USER | FETCH,
		       X86_PF_P | X86_PF_USER | X86_PF_FETCH);

		four_levels(P | W | U, P | W | U);
		set(at[i], 8, get(at[i], 8) | NX);
		maps(LOW, WRITE | USER, FRAME | 0x234);
		faults(LOW, FETCH, X86_PF_P | X86_PF_FETCH);
		faults(LOW, FETCH | USER,
		       X86_PF_P | X86_PF_FETCH | X86_PF_USER);
	}
}

TEST(smep)
{
	four_levels(P | W | U, P | W | U);
	maps(LOW, FETCH, FRAME | 0x234);
	paging.cr4 |= CPU_CR4_SMEP;
	faults(LOW, FETCH, X86_PF_P | X86_PF_FETCH);
	maps(LOW, FETCH | USER, FRAME | 0x234);
	maps(LOW, READ, FRAME | 0x234);
	set(0x3000, 8, 0x4000 | P | W);	/* a page of the supervisor's */
	maps(LOW, FETCH, FRAME | 0x234);
	/* SMEP alone makes the error code tell fetches. */
	paging.efer = CPU_EFER_LMA;
	faults(LOW + 0x1000, FETCH, X86_PF_FETCH);
	paging.cr4 &= ~CPU_CR4_SMEP;
	faults(LOW + 0x1000, FETCH, 0);
}

TEST(smap)
{
	four_levels(P | W | U, P | W | U);
	paging.cr4 |= CPU_CR4_SMAP;
	faults(LOW, READ, X86_PF_P);
	faults(LOW, WRITE, X86_PF_P | X86_PF_WRITE);
	maps(LOW, FETCH, FRAME | 0x234);
	maps(LOW, WRITE | USER, FRAME | 0x234);
	paging.rflags = CPU_FLAG_AC;
	maps(LOW, WRITE, FRAME | 0x234);
	faults(LOW, READ | IMPLICIT, X86_PF_P);
	set(0x3000, 8, 0x4000 | P | W);
	maps(LOW, READ | IMPLICIT, FRAME | 0x234);
	paging.rflags = 0;
	maps(LOW, WRITE, FRAME | 0x234);
}

TEST(accessed_and_dirty)
{
	four_levels(P | W | U, P | W | U);
	maps(LOW, READ, FRAME | 0x234);
	EXPECT_EQ(0x2000 | P | W | U | A, get(TOP, 8));
	EXPECT_EQ(0x3000 | P | W | U | A, get(0x2008, 8));
	EXPECT_EQ(0x4000 | P | W | U | A, get(0x3000, 8));
	EXPECT_EQ(FRAME | P | W | U | A, get(0x4008, 8));
	EXPECT_EQ(4, exchanges);
	maps(LOW, WRITE, FRAME | 0x234);
	EXPECT_EQ(0x4000 | P | W | U | A, get(0x3000, 8));
	EXPECT_EQ(FRAME | P | W | U | A | D, get(0x4008, 8));
	EXPECT_EQ(5, exchanges);
	maps(LOW, WRITE, FRAME | 0x234);
	EXPECT_EQ(5, exchanges);

	start(0, 0);
	set(TOP + 4 * 0x100, 4, 0x2000 | P | W | U);
	set(0x2004, 4, FRAME | P | W | U);
	set(0x2008, 4, 0x77777777);
	maps(LOW, WRITE, FRAME | 0x234);
	EXPECT_EQ(0x2000 | P | W | U | A, get(TOP + 4 * 0x100, 4));
	EXPECT_EQ(FRAME | P | W | U | A | D, get(0x2004, 4));
	EXPECT_EQ(0x77777777, get(0x2008, 4));
}

TEST(accessed_bits_of_pae_begin_below_the_pdpt)
{
	start(CPU_CR4_PAE, 0);
	set(TOP + 8, 8, 0x2000 | P);
	set(0x2000, 8, 0x3000 | P | W | U);
	set(0x3008, 8, FRAME | P | W | U);
	maps(LOW, WRITE, FRAME | 0x234);
	EXPECT_EQ(0x2000 | P, get(TOP + 8, 8));
	EXPECT_EQ(0x3000 | P | W | U | A, get(0x2000, 8));
	EXPECT_EQ(FRAME | P | W | U | A | D, get(0x3008, 8));
}

TEST(a_fault_or_a_peek_marks_nothing)
{
	four_levels(P | W | U, P | U);
	faults(LOW, WRITE, X86_PF_P | X86_PF_WRITE);
	maps(LOW, READ | X86_ACCESS_PEEK, FRAME | 0x234);
	EXPECT_EQ(0, exchanges);
	paging.compare_exchange = NULL;
	maps(LOW, READ, FRAME | 0x234);
	EXPECT_EQ(FRAME | P | U, get(0x4008, 8));
}

/* Another CPU changes an entry: the walk begins anew, but not for ever. */
TEST(entry_changes_during_the_walk)
{
	struct x86_fault fault;
	u64 gpa;

	four_levels(P | W | U, P | W | U);
	changes = 3;
	maps(LOW, READ, FRAME | 0x234);
	EXPECT_EQ(3 + 4, exchanges);
	four_levels(P | W | U, P | W | U);
	changes = 1000;
	EXPECT_EQ(X86_EMUL_UNHANDLED,
		  x86_walk(&paging, LOW, READ, &gpa, &fault));
	EXPECT(exchanges < 100, "%u tries", exchanges);
}

/* An entry that is on the way twice is marked twice, and not in vain. */
TEST(table_that_maps_itself)
{
	four_levels(P | W | U, P | W | U);
	set(TOP + 8 * 511, 8, TOP | P | W);
	maps(0xfffffffffffff000, WRITE, TOP);
	EXPECT_EQ(TOP | P | W | A | D, get(TOP + 8 * 511, 8));
}

TEST(table_not_in_ram)
{
	struct x86_fault fault;
	u64 gpa;

	four_levels(P | W | U, P | W | U);
	set(0x3000, 8, 0x10000000 | P | W | U);
	EXPECT_EQ(X86_EMUL_UNHANDLED,
		  x86_walk(&paging, LOW, READ, &gpa, &fault));
	EXPECT_EQ(0, exchanges);
	paging.cr3 = 0x10000000;
	EXPECT_EQ(X86_EMUL_UNHANDLED,
		  x86_walk(&paging, LOW, READ, &gpa, &fault));
}
