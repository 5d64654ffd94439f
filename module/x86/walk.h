/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interface of walk.c: the guest's page tables, walked as the CPU walks them.
 */
#ifndef MINIVMM_X86_WALK_H
#define MINIVMM_X86_WALK_H

#include "types.h"

/* What an access is; bits are combined. */
enum {
	X86_ACCESS_WRITE = 1,
	X86_ACCESS_USER = 2,		/* made at CPL 3 */
	X86_ACCESS_FETCH = 4,		/* of an instruction */
	X86_ACCESS_IMPLICIT = 8,	/* by the CPU itself, of a GDT for example */
	X86_ACCESS_PEEK = 16,		/* sets no accessed or dirty bit */
};

/* Bits of a page fault's error code. */
#define X86_PF_P		BIT(0)
#define X86_PF_WRITE		BIT(1)
#define X86_PF_USER		BIT(2)
#define X86_PF_RSVD		BIT(3)
#define X86_PF_FETCH		BIT(4)

/**
 * struct x86_paging - what decides on how the guest's tables are walked
 * @cr0: PG, WP are looked at
 * @cr3: where the tables begin
 * @cr4: PSE, PAE, LA57, SMEP, SMAP are looked at
 * @efer: LMA, NXE are looked at
 * @rflags: AC is looked at (SMAP)
 * @maxphyaddr: how many bits a physical address has in this guest (CPUID)
 * @pdptrs: PAE: the four PDPTE registers; NULL: they are read from memory
 * @read: reads guest RAM at @gpa; nonzero if there is none
 * @compare_exchange: if the @len bytes (4 or 8) at @gpa are *old, makes them new, at
 *           once; *old gets what was found; nonzero if there is no RAM that
 *           may be written. NULL: accessed and dirty bits are not set
 * @ctx: passed to @read and @compare_exchange
 *
 * Protection keys and shadow stacks are not known: a guest must not be offered
 * them.
 */
struct x86_paging {
	u64 cr0, cr3, cr4, efer, rflags;
	u8 maxphyaddr;
	const u64 *pdptrs;
	int (*read)(void *ctx, u64 gpa, void *data, unsigned int len);
	int (*compare_exchange)(void *ctx, u64 gpa, u64 *old, u64 new, unsigned int len);
	void *ctx;
};

/**
 * x86_walk - translate a linear address of the guest
 * @p: the guest's paging
 * @gva: the address; canonical (that is the caller's check)
 * @access: X86_ACCESS_*
 * @gpa: gets the guest-physical address
 * @fault: gets the page fault
 *
 * Return: X86_EMUL_DONE (0), X86_EMUL_FAULT with *@fault filled in, or
 * X86_EMUL_UNHANDLED if a table is not in RAM.
 */
int x86_walk(const struct x86_paging *p, u64 gva, unsigned int access,
	     u64 *gpa, struct x86_fault *fault);

#endif
