// SPDX-License-Identifier: GPL-2.0-only
/*
 * primes: prints the primes below 100 and how many there are below 100000.
 *
 *   minivmm-run primes.bin
 *
 * A guest that computes costs nothing extra: with --trace one sees exits for
 * what is printed, and none for the sieve.
 */
#include "guest.h"

#define LIMIT 100000

static unsigned char composite[LIMIT];

int main(unsigned int cpu, unsigned int cpus, unsigned int memory)
{
	unsigned int i, j, count = 0;

	(void)cpus;
	(void)memory;
	if (cpu)
		halt();
	for (i = 2; i < LIMIT; i++) {
		if (composite[i])
			continue;
		count++;
		if (i < 100) {
			if (i > 2)
				put_char(' ');
			put_number(i);
		}
		for (j = i + i; j < LIMIT; j += i)
			composite[j] = 1;
	}
	put_string("\nPrimes below 100000: ");
	put_number(count);
	put_char('\n');
	return 0;
}
