/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second page walk, written from the manual's tables one mode at a time, to
 * compare module/x86/walk.c with. It is as plain as can be and does nothing
 * twice: it says what would happen, and writes nothing.
 */
#ifndef FUZZ_WALK_REFERENCE_H
#define FUZZ_WALK_REFERENCE_H

#include "walk.h"

#define REFERENCE_ENTRIES	5

/**
 * struct reference - what an access does
 * @result: X86_EMUL_DONE, _FAULT or _UNHANDLED (a table is not in RAM)
 * @gpa: if done: where the access goes
 * @error: of the page fault
 * @used: how many entries have an accessed bit and were used
 * @entry: their addresses, the one that maps the page last
 * @size: bytes of each
 */
struct reference {
	int result;
	u64 gpa;
	u32 error;
	unsigned int used;
	u64 entry[REFERENCE_ENTRIES];
	unsigned int size;
};

void reference_walk(const struct x86_paging *p, u64 gva, unsigned int access,
		    struct reference *r);

#endif
