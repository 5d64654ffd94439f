// SPDX-License-Identifier: GPL-2.0-only
/*
 * smp: each vCPU prints a few lines, through a lock.
 *
 *   minivmm-run --cpus 2 smp.bin
 *
 * All vCPUs start at the same instruction and share all memory; only their
 * number and stack differ. Take the lock away and the lines mix.
 */
#include "guest.h"

#define ROUNDS 3

static int lock;

static void take_lock(void)
{
	while (__sync_lock_test_and_set(&lock, 1))
		asm volatile("pause");
}

static void release_lock(void)
{
	__sync_lock_release(&lock);
}

int main(unsigned int cpu, unsigned int cpus, unsigned int memory)
{
	int i;

	(void)memory;
	for (i = 1; i <= ROUNDS; i++) {
		take_lock();
		put_string("vCPU ");
		put_number(cpu);
		put_string(" of ");
		put_number(cpus);
		put_string(", round ");
		put_number(i);
		put_char('\n');
		release_lock();
	}
	/* The run is over, with exit status 0, when all vCPUs have halted. */
	halt();
	return 0;	/* not reached */
}
