/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's names for a few things that C or the compiler spells longer.
 */
#ifndef COMPILER_H
#define COMPILER_H

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif
#define BIT_ULL(n) (1ULL << (n))

#define ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#ifndef __printf
#define __printf(format_index, first) \
	ATTRIBUTE(__format__(__printf__, format_index, first))
#endif
#ifndef __noreturn
#define __noreturn ATTRIBUTE(__noreturn__)
#endif

#endif /* COMPILER_H */
