// SPDX-License-Identifier: GPL-2.0-only
/*
 * One round: a process that abuses the device from several threads, and ends in
 * one of several ways.
 *
 * The main thread is not a worker: it sends signals to those that are, so that
 * no RUN lasts. The first worker ends the round, at a step of the seed's choice.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

#define RUN_PAGES	((uint8_t *)0x200000000UL)
#define SCRATCH_AT(i)	((uint8_t *)0x230000000UL + (i) * 0x1000000UL)

_Atomic int fds[NR_KINDS][NR_VCPUS];
const unsigned int nr_fds[NR_KINDS] = { NR_SYSTEMS, NR_VMS, NR_VCPUS, NR_EVENTS };

static const struct {
	void (*step)(struct worker *w);
	unsigned int weight;
} steps[] = {
	{ step_run, 30 }, { step_call, 25 }, { step_enter_mode, 8 }, { step_code, 8 },
	{ step_spoil_run, 8 }, { step_wild_call, 8 }, { step_memory, 8 }, { step_create, 3 },
	{ step_host, 4 }, { step_event, 8 },
};

struct minivmm_run *run_page(unsigned int index)
{
	return (struct minivmm_run *)(RUN_PAGES + index * RUN_SIZE);
}

int pick_fd(struct worker *w, enum fd_kind kind)
{
	return fds[kind][below(&w->rng, nr_fds[kind])];
}

/* Over what was mapped there, so that the address is never without memory. */
static void map_run_page(unsigned int index, int fd)
{
	if (mmap(run_page(index), RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 fd, 0) == MAP_FAILED)
		mmap(run_page(index), RUN_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void keep_fd(struct worker *w, enum fd_kind kind, int fd)
{
	unsigned int index = below(&w->rng, nr_fds[kind]);
	int old = atomic_exchange(&fds[kind][index], fd);

	if (kind == VCPU)
		map_run_page(index, fd);
	if (old > 2)
		close(old);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Kicks come by several numbers: masks that RUN sets may block one or two. */
static const int kicks[] = { SIGUSR1, SIGUSR2, SIGALRM, SIGURG };

static void handle_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	for (unsigned int i = 0; i < ARRAY_SIZE(kicks); i++)
		sigaction(kicks[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);	/* children need not be waited for */
}

static void end_now(enum end end)
{
	char *const argv[] = { "fuzz-ioctl", "--after-exec", NULL }, *const env[] = { NULL };

	switch (end) {
	case END_KILL:
		kill(getpid(), SIGKILL);
		break;
	case END_EXEC:
		/* A handler would be gone afterwards, and a signal deadly. */
		for (unsigned int i = 0; i < ARRAY_SIZE(kicks); i++)
			signal(kicks[i], SIG_IGN);
		execve("/proc/self/exe", argv, env);
		break;
	case END_CLOSE:
		/* The other threads go on for a moment, with nothing in their hands. */
		syscall(SYS_close_range, 3, ~0U, 0);
		usleep(2000);
		break;
	default:
		break;
	}
	syscall(SYS_exit_group, 0);
}

static void *work(void *argument)
{
	struct worker *w = argument;
	const struct options *options = w->options;
	unsigned int sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++)
		sum += steps[i].weight;
	w->progress->tid = syscall(SYS_gettid);
	for (unsigned int step = 0; step < options->steps; step++) {
		unsigned int at, i;

		w->rng = rng_for(options->seed, options->round, w->number + 1, step);
		w->progress->step = step;
		at = below(&w->rng, sum);
		for (i = 0; at >= steps[i].weight; i++)
			at -= steps[i].weight;
		steps[i].step(w);
		if (!w->number && step == w->last && w->end != END_JOIN)
			end_now(w->end);
	}
	w->progress->done = true;
	return NULL;
}

static void first_vms(void)
{
	static const char endless[] = { 0xeb, 0xfe };	/* jmp to itself */
	unsigned int vcpus = 0;

	for (unsigned int i = 0; i < NR_SYSTEMS; i++)
		fds[SYSTEM][i] = device_open();
	for (unsigned int i = 0; i < 2; i++) {
		struct vcpu *vcpu = guest_create(MODE_LONG, endless, sizeof(endless));

		if (!i) {
			setup_guest(vcpu);
			setup_memory(vm_at(vcpu->vm, 0));
		}
		ASSERT_OK(vm_set_slot(vcpu->vm, 0, 0, 0, 0, NULL));
		ASSERT_OK(vm_set_slot(vcpu->vm, 0, 0, 0, RAM_SIZE, ram));
		fds[VM][i] = vcpu->vm->fd;
		fds[VCPU][vcpus] = vcpu->fd;
		map_run_page(vcpus++, vcpu->fd);
		vcpu = vcpu_create(vcpu->vm, 1);
		fds[VCPU][vcpus] = vcpu->fd;
		map_run_page(vcpus++, vcpu->fd);
	}
}

static void setup(void)
{
	const struct rlimit files = { 200, 200 }, core = { 0, 0 };

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &core);
	handle_signals();
	for (unsigned int kind = 0; kind < NR_KINDS; kind++)
		for (unsigned int i = 0; i < NR_VCPUS; i++)
			fds[kind][i] = -1;
	for (unsigned int i = 0; i < NR_VCPUS; i++)
		map_run_page(i, -1);
	first_vms();
	setup_events();
	setup_calls();
}

static bool all_done(const struct options *options)
{
	for (unsigned int i = 0; i < options->threads; i++)
		if (!world->worker[i].done)
			return false;
	return true;
}

static void kick(const struct options *options, unsigned int turn)
{
	for (unsigned int i = 0; i < options->threads; i++)
		if (world->worker[i].tid && !world->worker[i].done)
			syscall(SYS_tgkill, getpid(), world->worker[i].tid,
				kicks[turn % ARRAY_SIZE(kicks)]);
}

enum end round_end(const struct options *options, unsigned int round)
{
	struct rng r = rng_for(options->seed, round, 0, 0);

	/* What all steps lead to is seen best if they are all done. */
	return below(&r, 3) ? END_JOIN : below(&r, NR_ENDS);
}

int child(const struct options *parent, unsigned int round)
{
	static struct worker workers[MAX_THREADS];
	struct options options = *parent;
	struct rng r = rng_for(options.seed, round, 0, 1);
	enum end end = round_end(parent, round);
	unsigned int last = below(&r, options.steps);
	pthread_t thread;
	int other_end;

	options.round = round;
	setup();
	other_end = start_other_process();
	for (unsigned int i = 0; i < options.threads; i++) {
		struct worker *w = &workers[i];

		w->options = &options;
		w->number = i;
		w->progress = &world->worker[i];
		w->other_end = other_end;
		w->end = end;
		w->last = last;
		/* The page behind it stays without access. */
		w->scratch = mmap(SCRATCH_AT(i), SCRATCH + PAGE, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT_OK(mprotect(w->scratch, SCRATCH, PROT_READ | PROT_WRITE));
		if (!i)
			setup_host(w);
		ASSERT_EQ(0, pthread_create(&thread, NULL, work, w));
	}
	for (unsigned int turn = 0; !all_done(&options); turn++) {
		usleep(1000);
		kick(&options, turn);
	}
	return 0;
}
