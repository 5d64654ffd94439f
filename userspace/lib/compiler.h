/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's names for a few things that C or the compiler spells longer.
 */
#ifndef COMPILER_H
#define COMPILER_H

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define BIT_ULL(n) (1ULL << (n))

/* glibc has names of its own for these, which checkpatch does not know. */
#ifndef __printf
#define __printf(format_index, first) \
	__attribute__((__format__(__printf__, format_index, first)))
#endif
#ifndef __noreturn
#define __noreturn _Noreturn
#endif

#endif /* COMPILER_H */
