/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few types and helpers that the logic in this folder needs, so that the
 * same files compile in the kernel and in user space (for the unit tests and
 * the fuzzers in selftests/fuzz). Nothing else in this folder may include a
 * kernel header.
 *
 * Here too: the two structures that describe the guest's CPU to both the page
 * walk and the emulator. Read next: walk.h, then decode.h, then emulate.h.
 */
#ifndef MINIVMM_X86_TYPES_H
#define MINIVMM_X86_TYPES_H

#ifdef __KERNEL__

#include <linux/bits.h>
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

#else /* user space */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL >> (63 - (h))) & (~0ULL << (l)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min_t(type, a, b)	\
	({ type _a = (a), _b = (b); _a < _b ? _a : _b; })
#define array_index_nospec(index, size)	(index)

#if __has_attribute(fallthrough)
#define fallthrough		__attribute__((fallthrough))
#else
#define fallthrough		do { } while (0)
#endif

#endif /* __KERNEL__ */

/* What the walk and the emulator answer. */
enum x86_emul_result {
	X86_EMUL_DONE,		/* carried out; the walk: translated */
	X86_EMUL_IO,		/* user space must serve e->io, then call again */
	X86_EMUL_FAULT,		/* the guest takes an exception; nothing changed */
	X86_EMUL_UNHANDLED,	/* not known here; nothing changed */
};

/* The segment registers, numbered as instructions encode them. */
enum x86_seg {
	X86_ES,
	X86_CS,
	X86_SS,
	X86_DS,
	X86_FS,
	X86_GS,
	X86_SEG_COUNT,
};

/* The general registers, numbered as instructions encode them. */
enum x86_reg {
	X86_RAX,
	X86_RCX,
	X86_RDX,
	X86_RBX,
	X86_RSP,
	X86_RBP,
	X86_RSI,
	X86_RDI,
	X86_R8,
	X86_R15 = 15,
	X86_REG_RIP = 0xfe,	/* as the base of a memory operand */
	X86_REG_NONE = 0xff,
};

/**
 * struct x86_segment - a segment register with its hidden part
 * @base: linear address of its first byte
 * @limit: highest offset in bytes (the granularity bit is already applied)
 * @selector: the visible part
 * @ar: access rights in the layout of the VMCS (X86_AR_*)
 */
struct x86_segment {
	u64 base;
	u32 limit;
	u16 selector;
	u32 ar;
};

#define X86_AR_WRITABLE		BIT(1)	/* data segments; code: readable */
#define X86_AR_EXPAND_DOWN	BIT(2)	/* data segments; code: conforming */
#define X86_AR_CODE		BIT(3)
#define X86_AR_S		BIT(4)	/* code or data, not a system segment */
#define X86_AR_DPL_SHIFT	5
#define X86_AR_P		BIT(7)
#define X86_AR_L		BIT(13)
#define X86_AR_DB		BIT(14)
#define X86_AR_G		BIT(15)
#define X86_AR_UNUSABLE		BIT(16)

/**
 * struct x86_fault - an exception that the guest is to take
 * @vector: its number
 * @has_error: it pushes an error code (never so in real-address mode)
 * @error: the error code
 * @has_cr2: it is a page fault, CR2 gets @cr2
 * @cr2: the linear address that faulted
 */
struct x86_fault {
	u8 vector;
	bool has_error;
	u32 error;
	bool has_cr2;
	u64 cr2;
};

#define X86_VECTOR_UD		6
#define X86_VECTOR_SS		12
#define X86_VECTOR_GP		13
#define X86_VECTOR_PF		14
#define X86_VECTOR_AC		17

/*
 * Bits of the control registers, EFER and RFLAGS. Macros of the same meaning
 * in kernel headers are named otherwise (X86_CR0_PE is one of theirs), so that
 * a file may include both.
 */
#define CPU_CR0_PE		BIT_ULL(0)
#define CPU_CR0_WP		BIT_ULL(16)
#define CPU_CR0_AM		BIT_ULL(18)
#define CPU_CR0_PG		BIT_ULL(31)
#define CPU_CR4_PSE		BIT_ULL(4)
#define CPU_CR4_PAE		BIT_ULL(5)
#define CPU_CR4_LA57		BIT_ULL(12)
#define CPU_CR4_SMEP		BIT_ULL(20)
#define CPU_CR4_SMAP		BIT_ULL(21)
#define CPU_EFER_LMA		BIT_ULL(10)
#define CPU_EFER_NXE		BIT_ULL(11)
#define CPU_FLAG_CF		BIT_ULL(0)
#define CPU_FLAG_PF		BIT_ULL(2)
#define CPU_FLAG_AF		BIT_ULL(4)
#define CPU_FLAG_ZF		BIT_ULL(6)
#define CPU_FLAG_SF		BIT_ULL(7)
#define CPU_FLAG_TF		BIT_ULL(8)
#define CPU_FLAG_DF		BIT_ULL(10)
#define CPU_FLAG_OF		BIT_ULL(11)
#define CPU_FLAG_RF		BIT_ULL(16)
#define CPU_FLAG_VM		BIT_ULL(17)
#define CPU_FLAG_AC		BIT_ULL(18)

#endif
