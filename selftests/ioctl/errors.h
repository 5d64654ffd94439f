/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments that a call must refuse, for the tests of this folder.
 */
#ifndef SELFTESTS_ERRORS_H
#define SELFTESTS_ERRORS_H

#include <stdlib.h>
#include <sys/mman.h>

#include "vm.h"

#define PAGE		4096

/* Nothing is mapped below 64 KiB. */
#define BAD_POINTER	((void *)0x1000)
/* The host's own memory. */
#define KERNEL_POINTER	((void *)0xffff888000000000UL)

/* The last 32-bit word of a page that nothing is mapped after. */
static inline uint32_t *last_word_of_page(void)
{
	uint8_t *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(page != MAP_FAILED);
	munmap(page + PAGE, PAGE);
	return (uint32_t *)(page + PAGE) - 1;
}

#endif /* SELFTESTS_ERRORS_H */
