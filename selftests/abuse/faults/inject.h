/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call, made with one point after the other failing; see inject.c.
 */
#ifndef FAULTS_INJECT_H
#define FAULTS_INJECT_H

#define MANY		1000000		/* more points than any call has */

struct result {
	long value;		/* what the call returned */
	int error;		/* its errno if that was -1 */
	unsigned int left;	/* how many points short of the n-th; 0: it failed */
};

/**
 * struct subject - a call to be tried
 * @name: for the report
 * @before: what it needs each time; may be NULL
 * @call: the call: -1 with errno, or not
 * @after: takes back what @before did and @call may have done
 * @errors: that it may return, ended by 0
 */
struct subject {
	const char *name;
	void (*before)(void);
	long (*call)(void);
	void (*after)(long value);
	const int *errors;
};

extern const int no_memory[], no_memory_or_fault[];

/*
 * At the start of a test: skips it where nothing can be made to fail.
 * Allocations that could wait for memory will fail as well, and quietly.
 */
void setup_faults(void);
/* One call, with its n-th point failing. */
struct result with_fault(unsigned int n, long (*call)(void));
/* The same with what belongs before and after it. */
struct result attempt(const struct subject *subject, unsigned int n);
/* The call with each of its points failing, and then with none. */
void try_all(const struct subject *subject);
/* No VM is left in debugfs, and as many references on the module as before. */
void expect_nothing_stays(long references);

#endif
