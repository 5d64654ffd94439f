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

static inline struct minivmm_regs expect_hlt(struct vcpu *vcpu)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	return vcpu_regs(vcpu);
}

/*
 * One piece of code, and then what is done in turn, separated by commas: what user
 * space must see, and what must be true at the HLT that follows the code. The guest
 * is made by an expression with its code and the size of that.
 */
#define CHECKED_TEST(name, bits, guest, code, ...)			\
	GUEST_ASM(guest_##name, bits, code "hlt\n");			\
	static void check_##name(struct vcpu *vcpu)			\
	{								\
		struct minivmm_regs regs;				\
									\
		(__VA_ARGS__);						\
		(void)regs;						\
	}								\
	TEST(name)							\
	{								\
		check_##name(guest);					\
	}

#define HLT			(regs = expect_hlt(vcpu))

/* The bases of DS and SS. */
static inline void set_bases(struct vcpu *vcpu, uint64_t ds, uint64_t ss)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.ds.base = ds;
	sregs.ss.base = ss;
	vcpu_set_sregs(vcpu, &sregs);
}

#endif
