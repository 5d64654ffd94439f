/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random numbers for tests that run here: of one seed the same on any machine.
 */
#ifndef SELFTESTS_RANDOM_H
#define SELFTESTS_RANDOM_H

#include <stdlib.h>

static unsigned long long seed;	/* never 0 */

/* xorshift64* */
static inline unsigned long long random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dULL;
}

static inline unsigned long long below(unsigned long long limit)
{
	return (random64() >> 20) % limit;
}

/* How often, or from which seed on: for who runs the test by hand. */
static inline unsigned long long from_environment(const char *name, unsigned long long otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

#endif /* SELFTESTS_RANDOM_H */
