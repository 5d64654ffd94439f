/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks that are expressions, for the lists of what a short guest must do:
 * EXPECT_EQ is a statement and cannot stand between commas.
 */
#ifndef GUEST_CHECK_H
#define GUEST_CHECK_H

#include "vm.h"

static inline void check_equal(const char *file, int line, const char *what,
			       uint64_t expected, uint64_t actual)
{
	if (expected != actual)
		ktap_fail(file, line, "%s is %#llx, expected %#llx", what,
			  (unsigned long long)actual, (unsigned long long)expected);
}

#define EQUAL(expected, actual)						\
	check_equal(__FILE__, __LINE__, #actual, expected, actual)

/* The bases of DS and SS. */
static inline void set_bases(struct vcpu *vcpu, uint64_t ds, uint64_t ss)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.ds.base = ds;
	sregs.ss.base = ss;
	vcpu_set_sregs(vcpu, &sregs);
}

#endif
