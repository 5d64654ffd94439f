/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of fuzz-ioctl, and what they share.
 *
 * A round is one child process. Some of its threads are workers: each makes
 * steps, and all that a step does follows from (seed, round, thread, step), not
 * from what came before. So one seed is one sequence for each thread, whatever
 * the others do to the descriptors and the memory that they share.
 *
 * In reading order: ../fuzz-ioctl.c (options, rounds, what is checked),
 * child.c (one round), calls.c (ioctls), guest.c (registers and code), irq.c
 * (interrupts and eventfds), state.c (the rest of a guest's state), memory.c
 * (slots, and the memory behind them), host.c (all the rest that a process can
 * do meanwhile).
 */
#ifndef FUZZ_IOCTL_H
#define FUZZ_IOCTL_H

#include <stdatomic.h>

#include "vm.h"

#define PAGE		4096UL
#define RUN_SIZE	(3 * PAGE)	/* a vCPU's mapping */
#define MAX_THREADS	16
#define NR_SYSTEMS	3
#define NR_VMS		4
#define NR_VCPUS	6	/* no kind has more */
#define NR_EVENTS	4

struct options {
	uint64_t seed;
	unsigned int threads;
	unsigned int steps;		/* of each thread in a round */
	unsigned int rounds;		/* 0: until the time is over */
	unsigned int round;		/* this one */
	bool one_round;			/* and no other, but again and again */
	unsigned int seconds;		/* 0: no limit */
	bool verbose;
};

/* What the parent sees of a worker: enough to name a hang. */
struct progress {
	_Atomic int tid;
	_Atomic unsigned int step;
	_Atomic unsigned long request;	/* of the ioctl it is in; 0: in none */
	_Atomic bool done;
};

/* Shared by the parent and the child. */
struct world {
	struct progress worker[MAX_THREADS];
	_Atomic unsigned long calls, runs, entered;
	_Atomic unsigned int violations;
	char violation[200];
};

/* How a round ends. */
enum end {
	END_JOIN,	/* all steps done */
	END_EXIT,	/* exit with vCPUs running in other threads */
	END_KILL,
	END_EXEC,
	END_CLOSE,	/* all descriptors closed under the running threads */
	NR_ENDS
};

struct rng {
	uint64_t state;
};

struct worker {
	const struct options *options;
	unsigned int number;
	struct progress *progress;
	struct rng rng;			/* of this step */
	int fd;				/* that the structure in the making is for */
	uint8_t *scratch;		/* SCRATCH bytes of its own, then a hole */
	int other_end;			/* socket to the other process */
	enum end end;			/* how the first worker ends the round */
	unsigned int last;		/* and after which step */
};

#define SCRATCH		(4 * PAGE)

/* ---- fuzz-ioctl.c ---- */

extern struct world *world;
void violation(const char *fmt, ...) __printf(1, 2);

/* Numbers that follow from these four alone. */
struct rng rng_for(uint64_t seed, uint64_t round, uint64_t thread, uint64_t step);
uint64_t rnd(struct rng *r);
uint64_t below(struct rng *r, uint64_t limit);
/* Likely one at which checks turn over. */
uint64_t number(struct rng *r);

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define pick(r, array)	((array)[below(r, ARRAY_SIZE(array))])

/* ---- child.c ---- */

enum fd_kind { SYSTEM, VM, VCPU, EVENT, NR_KINDS };

/* Descriptors that all workers share; any may be closed, or be of another kind. */
extern _Atomic int fds[NR_KINDS][NR_VCPUS];
extern const unsigned int nr_fds[NR_KINDS];

int pick_fd(struct worker *w, enum fd_kind kind);
/* Puts a descriptor where another one was, which is closed. */
void keep_fd(struct worker *w, enum fd_kind kind, int fd);
/* The page shared with the vCPU of that index; always mapped. */
struct minivmm_run *run_page(unsigned int index);

int child(const struct options *options, unsigned int round);
enum end round_end(const struct options *options, unsigned int round);

/* ---- calls.c ---- */

void setup_calls(void);
void step_call(struct worker *w);	/* an ioctl with a fitting structure */
void step_wild_call(struct worker *w);	/* any number, any pointer */
void step_create(struct worker *w);
void step_run(struct worker *w);
int call(struct worker *w, int fd, unsigned long request, void *pointer);
void *bad_pointer(struct worker *w);

/* ---- guest.c ---- */

void setup_guest(struct vcpu *vcpu);
/* A few of the 64-bit words of a structure that is right so far. */
void spoil_words(struct worker *w, void *at, size_t size, unsigned int limit);
uint64_t guest_address(struct worker *w);
void step_enter_mode(struct worker *w);
void step_code(struct worker *w);
void step_spoil_run(struct worker *w);
/* Structures for SET_*; each returns where in the scratch memory it is. */
void *make_regs(struct worker *w);
void *make_sregs(struct worker *w);
void *make_msrs(struct worker *w);
void *make_cpuid(struct worker *w);
void *make_fpu(struct worker *w);

/* ---- irq.c ---- */

void setup_events(void);
void step_event(struct worker *w);
void *make_irqfd(struct worker *w);
void *make_ioeventfd(struct worker *w);
void *make_zone(struct worker *w);
void *make_routing(struct worker *w);
void *make_line(struct worker *w);
void *make_msi(struct worker *w);
void *make_irqchip(struct worker *w);
void *make_pit_config(struct worker *w);
void *make_lapic(struct worker *w);

/* ---- state.c ---- */

void *make_sregs2(struct worker *w);
void *make_events(struct worker *w);
void *make_debugregs(struct worker *w);
void *make_xsave(struct worker *w);
void *make_xcrs(struct worker *w);
void *make_mp_state(struct worker *w);
void *make_guest_debug(struct worker *w);
void *make_mce(struct worker *w);
void *make_mce_setup(struct worker *w);
void *make_tsc_khz(struct worker *w);
void *make_attribute(struct worker *w);
void *make_clock(struct worker *w);
void *make_dirty_log(struct worker *w);
void *make_clear_log(struct worker *w);
void *make_filter(struct worker *w);
void *make_capability(struct worker *w);
void *make_translation(struct worker *w);
void *make_list(struct worker *w);
void spoil_shared_registers(struct worker *w, struct minivmm_run *run);

/* ---- memory.c ---- */

#define RAM_SIZE	GUEST_MEMORY

extern uint8_t *ram;
void setup_memory(uint8_t *memory);
void *make_region(struct worker *w);
void step_memory(struct worker *w);
/* Into this process's memory, if there is any; no signal if not. */
void poke(void *at, const void *data, size_t size);

/* ---- host.c ---- */

void setup_host(struct worker *w);
void step_host(struct worker *w);
int start_other_process(void);
void all_cpus_online(void);

#endif
