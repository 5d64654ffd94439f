// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl fuzzer: whatever a process does to the device, the host survives,
 * RUN can be interrupted, the process can be killed, and nothing of it stays.
 *
 *	fuzz-ioctl [--seed N] [--seconds N | --count N] [--threads N]
 *		   [--steps N] [--round N] [--verbose]
 *
 * Without options it is a test program that prints KTAP. With any, it runs rounds
 * until the time is over (--seconds, 60 if neither is given) or as many as
 * --count says. A round is a child process (fuzz-ioctl/child.c); what goes wrong
 * is told with the command that repeats it: "--seed N --round ROUND", once or as
 * often as --count says.
 * With --threads 1 the repetition makes the same calls in the same order; only the
 * moments at which signals interrupt RUN differ.
 *
 * What is checked here: each round ends in time, by itself or when it is killed;
 * no thread stays in a call that a signal should have ended; no VM is left in
 * debugfs and no reference on the module. What goes wrong in the kernel itself
 * is in its log: scripts/testhost and scripts/run-tests look there.
 *
 * Read on in fuzz-ioctl/fuzz.h.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz-ioctl/fuzz.h"
#include "module.h"

/* Of the host's clock. */
#define HANG_SECONDS	10	/* in one call, in spite of signals */
#define DEATH_SECONDS	20	/* from SIGKILL to the end */

struct world *world;

/* ---- numbers ---- */

/* splitmix64: each state gives one number, and neighbours nothing alike. */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

struct rng rng_for(uint64_t seed, uint64_t round, uint64_t thread, uint64_t step)
{
	return (struct rng) { mix(mix(mix(mix(seed + 1) + round) + thread) + step) };
}

uint64_t rnd(struct rng *r)
{
	r->state += 0x9e3779b97f4a7c15ULL;
	return mix(r->state);
}

uint64_t below(struct rng *r, uint64_t limit)
{
	return limit ? (rnd(r) >> 16) % limit : 0;
}

uint64_t number(struct rng *r)
{
	static const uint64_t edges[] = {
		0, 1, 2, 255, 256, 257, 4095, 4096, 0x7fffffff, 0x80000000, 0xfffff000,
		0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0x0000800000000000, 0xffff800000000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};

	switch (below(r, 5)) {
	case 0:
	case 1:
		return pick(r, edges);
	case 2:
		return below(r, 64);
	case 3:
		return below(r, 1 << 20) << 12;
	default:
		return rnd(r);
	}
}

void violation(const char *fmt, ...)
{
	va_list ap;

	if (world->violations++)
		return;
	va_start(ap, fmt);
	vsnprintf(world->violation, sizeof(world->violation), fmt, ap);
	va_end(ap);
}

/* ---- one round, seen from outside ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void show_file(const char *fmt, pid_t pid, int tid)
{
	char path[64], line[200];
	FILE *file;

	snprintf(path, sizeof(path), fmt, pid, tid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(path, "stack") || strstr(line, "Sig") || strstr(line, "State"))
			ktap_note("    %s", line);
	}
	if (file)
		fclose(file);
}

static void show_worker(unsigned int i, pid_t pid)
{
	const struct progress *p = &world->worker[i];

	ktap_note("thread %u: step %u, ioctl %#lx%s", i, p->step, p->request,
		  p->done ? ", done" : "");
	if (!p->tid || p->done)
		return;
	show_file("/proc/%d/task/%d/status", pid, p->tid);
	show_file("/proc/%d/task/%d/stack", pid, p->tid);
}

static void show_workers(const struct options *options, pid_t pid)
{
	for (unsigned int i = 0; i < options->threads; i++)
		show_worker(i, pid);
}

/* All that is left of a round, which is a process group. */
static void show_processes(pid_t group)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= 0 || getpgid(pid) != group)
			continue;
		ktap_note("process %d", pid);
		show_file("/proc/%d/task/%d/status", pid, pid);
		show_file("/proc/%d/task/%d/stack", pid, pid);
	}
	if (dir)
		closedir(dir);
}

static bool ended(pid_t pid, int *status)
{
	return waitpid(pid, status, WNOHANG) == pid;
}

/* -1: as it should; else the thread that has hung. */
static int wait_for_round(const struct options *options, pid_t pid, int *status)
{
	unsigned int step[MAX_THREADS] = { 0 };
	double since[MAX_THREADS];

	for (unsigned int i = 0; i < options->threads; i++)
		since[i] = now();
	while (!ended(pid, status)) {
		usleep(2000);
		for (unsigned int i = 0; i < options->threads; i++) {
			if (world->worker[i].step != step[i] || world->worker[i].done) {
				step[i] = world->worker[i].step;
				since[i] = now();
			}
			if (now() - since[i] > HANG_SECONDS)
				return i;
		}
	}
	return -1;
}

/* True when the process and all that it left behind are gone. */
static bool kill_round(pid_t pid, bool reaped, int *status)
{
	double start = now();

	kill(-pid, SIGKILL);
	while (!reaped && !(reaped = ended(pid, status)))
		if (usleep(1000), now() - start > DEATH_SECONDS)
			return false;
	/* Its children are ours now. */
	while (waitpid(-pid, NULL, WNOHANG) >= 0)
		if (usleep(1000), now() - start > DEATH_SECONDS)
			return false;
	return true;
}

/* What a process holds is given back shortly after its end, not before it. */
static bool nothing_stays(long references)
{
	double start = now();

	if (on_kvm())
		return true;
	while (module_vms() || module_references() != references)
		if (usleep(5000), now() - start > DEATH_SECONDS)
			return false;
	return true;
}

static bool round_is_right(const struct options *options, unsigned int round, int status)
{
	enum end end = round_end(options, round);

	if (world->violations)
		ktap_note("%s (%u times)", world->violation, world->violations);
	else if (WIFSIGNALED(status) && !(WTERMSIG(status) == SIGKILL && end == END_KILL))
		ktap_note("the process died of signal %d (%s)", WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && WEXITSTATUS(status))
		ktap_note("the process ended itself with status %d", WEXITSTATUS(status));
	else
		return true;
	return false;
}

static bool one_round(const struct options *options, unsigned int round, long references)
{
	unsigned long calls = world->calls, runs = world->runs, entered = world->entered;
	int status = 0, hung;
	pid_t pid;

	memset(world, 0, sizeof(*world));
	world->calls = calls;
	world->runs = runs;
	world->entered = entered;
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		setpgid(0, 0);
		_exit(child(options, round));
	}
	setpgid(pid, pid);
	hung = wait_for_round(options, pid, &status);
	if (hung >= 0) {
		ktap_note("thread %d does not go on, though it gets signals", hung);
		show_workers(options, pid);
	}
	if (!kill_round(pid, hung < 0, &status)) {
		ktap_note("killed, and not gone after %d seconds", DEATH_SECONDS);
		show_workers(options, pid);
		show_processes(pid);
		return false;
	}
	all_cpus_online();
	if (hung >= 0 || !round_is_right(options, round, status))
		return false;
	if (nothing_stays(references))
		return true;
	ktap_note("left behind: %d VMs in debugfs, %ld references on the module, not %ld",
		  module_vms(), module_references(), references);
	return false;
}

/* ---- all rounds ---- */

static bool fuzz(struct options options)
{
	long references = on_kvm() ? 0 : module_references();
	double start = now(), said = start;
	unsigned int done, round;

	ktap_note("--seed %#llx --threads %u --steps %u",
		  (unsigned long long)options.seed, options.threads, options.steps);
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_TRUE(world != MAP_FAILED);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (done = 0; !options.rounds || done < options.rounds; done++) {
		if (options.seconds && now() - start > options.seconds)
			break;
		round = options.one_round ? options.round : done;
		if (options.verbose)
			ktap_note("round %u, ends by %d", round, round_end(&options, round));
		if (!one_round(&options, round, references)) {
			ktap_note("again: %s --seed %#llx --threads %u --steps %u --round %u",
				  program_invocation_short_name,
				  (unsigned long long)options.seed, options.threads,
				  options.steps, round);
			return false;
		}
		if (options.verbose || now() - said > 30) {
			said = now();
			ktap_note("%.0f s: %u rounds, %lu calls", said - start,
				  done + 1, world->calls);
		}
	}
	ktap_note("%u rounds in %.0f s: %lu calls, %lu RUN, of which %lu returned 0",
		  done, now() - start, world->calls, world->runs, world->entered);
	return true;
}

static uint64_t new_seed(void)
{
	uint32_t seed = time(NULL);

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed ^= getpid();
	return seed;
}

static void fuzz_a_while(uint64_t seed, unsigned int threads)
{
	struct options options = {
		.seed = seed, .threads = threads, .steps = 300, .seconds = 5,
	};

	MINIVMM_ONLY("stock KVM 6.1 prints warnings under this");
	EXPECT(fuzz(options), "seed %#llx", (unsigned long long)seed);
}

TEST(one_thread)
{
	fuzz_a_while(1, 1);
}

TEST(four_threads)
{
	fuzz_a_while(3, 4);
}

TEST(new_seed_three_threads)
{
	fuzz_a_while(new_seed(), 3);
}

TEST(module_can_be_unloaded_after_all_that)
{
	MINIVMM_ONLY("it is about the module minivmm");
	ASSERT_OK(module_unload());
	module_load();
	vcpu_run_to(guest_create(MODE_LONG, "\xf4", 1), MINIVMM_EXIT_HLT);
}

static struct options parse(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "seed", 1, NULL, 's' }, { "seconds", 1, NULL, 't' }, { "count", 1, NULL, 'c' },
		{ "threads", 1, NULL, 'n' }, { "steps", 1, NULL, 'l' }, { "round", 1, NULL, 'r' },
		{ "verbose", 0, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	struct options options = { .seed = new_seed(), .threads = 4, .steps = 300 };
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		unsigned long long value = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (letter) {
		case 's':
			options.seed = value;
			break;
		case 't':
			options.seconds = value;
			break;
		case 'c':
			options.rounds = value;
			break;
		case 'n':
			options.threads = value;
			break;
		case 'l':
			options.steps = value;
			break;
		case 'r':
			options.round = value;
			options.one_round = true;
			break;
		case 'v':
			options.verbose = true;
			break;
		default:
			exit(2);
		}
	}
	if (!options.threads || options.threads > MAX_THREADS || !options.steps) {
		fprintf(stderr, "fuzz-ioctl: --threads is 1 to %d, --steps 1 or more\n",
			MAX_THREADS);
		exit(2);
	}
	if (!options.rounds && !options.seconds && options.one_round)
		options.rounds = 1;
	if (!options.rounds && !options.seconds)
		options.seconds = 60;
	return options;
}

int main(int argc, char **argv)
{
	struct options options;

	if (argc == 2 && !strcmp(argv[1], "--after-exec"))
		return 0;
	if (argc < 2 || argv[1][0] != '-' || !strcmp(argv[1], "-l"))
		return ktap_main(argc, argv);
	options = parse(argc, argv);
	if (!fuzz(options))
		return 1;
	if (!on_kvm()) {
		ASSERT_OK(module_unload());
		module_load();
	}
	return 0;
}
