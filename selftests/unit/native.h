/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One instruction, executed by this machine's processor: what the emulator is
 * compared with.
 *
 * The instruction runs at CPL 3, in 64-bit mode or in a 16- or 32-bit code
 * segment, with all registers as given, on an arena at a fixed low address. If
 * it takes an exception, the signal says which: vector, error code and CR2.
 * Segments with limits are descriptors of the LDT.
 */
#ifndef UNIT_NATIVE_H
#define UNIT_NATIVE_H

#include "types.h"

/*
 * The arena: pages of code, then pages of data with a hole before, a hole
 * within, a page that may only be read, and a hole behind.
 */
#define ARENA		0x10000000ULL
#define ARENA_PAGES	16
#define PAGE		4096ULL
#define ARENA_END	(ARENA + ARENA_PAGES * PAGE)
#define CODE_PAGES	2		/* pages 0 and 1 */
#define DATA		(ARENA + 4 * PAGE)

enum page_kind { PAGE_HOLE, PAGE_CODE, PAGE_WRITABLE, PAGE_READ_ONLY };

enum page_kind native_page(u64 address);

/* Selectors: what Linux gives to user space, and those of the LDT. */
#define USER_CS64	0x33
#define USER_CS32	0x23
#define USER_DS		0x2b
#define LDT(index)	((index) << 3 | 7)

enum {
	LDT_CODE32 = 1,		/* flat */
	LDT_CODE32_NO_READ,	/* flat, may not be read as data */
	LDT_CODE16,		/* base ARENA, 64 KiB */
	LDT_DATA32,		/* base DATA, ends within the fourth page */
	LDT_DATA_READ_ONLY,	/* base ARENA, 64 KiB */
	LDT_DATA_DOWN32,	/* expand-down: from DATA + 1000h to 4 GiB */
	LDT_DATA_DOWN16,	/* base ARENA; from DATA + 800h to 64 KiB */
	LDT_DATA16,		/* base ARENA, 64 KiB */
	LDT_COUNT,
};

/**
 * struct native_cpu - registers before and after; native_entry.S knows the layout
 * @regs: general registers
 * @rflags: RFLAGS
 * @selector: by enum x86_seg; FS is not touched
 * @rip: after: offset in the code segment
 * @vector: after: exception, or -1
 * @error: after: its error code
 * @cr2: after: of a page fault
 */
struct native_cpu {
	u64 regs[16];
	u64 rflags;
	u16 selector[6];
	u16 unused[2];
	u64 rip;
	int vector;
	u32 error;
	u64 cr2;
};

extern struct native_cpu native_cpu;

/* Map the arena, write the LDT, catch signals. False: this machine cannot. */
bool native_setup(void);

/* What the segment's descriptor says, in the form the emulator wants. */
void native_segment(u16 selector, struct x86_segment *segment);

/* The base of GS in 64-bit mode. */
void native_set_gs_base(u64 base);

/* Put the instruction there and execute it, on native_cpu. */
void native_run(unsigned int mode, u64 address, const u8 *bytes,
		unsigned int len);

#endif
