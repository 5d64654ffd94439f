// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it takes to boot Linux: ticks of the TSC from the launcher's start to the
 * first line of the guest's init, and VM exits by reason, on /dev/minivmm and
 * on /dev/kvm, by the same launcher. scripts/bench-linux runs it and makes a page
 * of what it prints.
 *
 * Exits are counted in one run, by the tracepoints of either module, and ticks are
 * taken in a second one: counting takes time, and so does the first of all runs,
 * which is the first to touch much of the host's memory.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "../../userspace/lib/libminivmm.h"

#define REASONS		80
#define LAUNCHER	"/userspace/minivmm-run"
#define CMDLINE		"console=ttyS0 quiet loglevel=4 mitigations=off " \
			"cryptomgr.notests initcall_blacklist=" \
			"load_system_certificate_list,cubictcp_register"

/**
 * struct side - one of the two
 * @device: its path
 * @event: folder of the tracepoint
 * @field: the field that has the basic exit reason
 * @to_init: ticks until init's first line
 * @to_end: ticks until the launcher ended
 * @exits: by reason
 */
struct side {
	const char *device;
	const char *event;
	const char *field;
	unsigned long long to_init, to_end;
	unsigned long exits[REASONS];
};

static struct side sides[] = {
	{ .device = "/dev/minivmm", .field = "reason",
	  .event = "/sys/kernel/tracing/events/minivmm/exit" },
	{ .device = "/dev/kvm", .field = "exit_reason",
	  .event = "/sys/kernel/tracing/events/kvm/kvm_exit" },
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Returns when the guest said hello, in ticks; 0 if it did not. */
static unsigned long long boot(const char *device)
{
	unsigned long long hello = 0;
	char line[512];
	int out[2];
	FILE *from;
	pid_t pid;

	if (pipe(out))
		fail("pipe");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out[1], 1);
		close(out[0]);
		execl(LAUNCHER, "minivmm-run", "--device", device, "--kernel",
		      "/vmlinux", "--initrd", "/initrd-64", "--append",
		      CMDLINE, NULL);
		_exit(127);
	}
	close(out[1]);
	from = fdopen(out[0], "r");
	if (!from)
		fail("fdopen");
	while (fgets(line, sizeof(line), from)) {
		if (!hello && strstr(line, "init: hello"))
			hello = __rdtsc();
	}
	fclose(from);
	waitpid(pid, NULL, 0);
	return hello;
}

static void set_trigger(const struct side *side, const char *how)
{
	char path[256], text[64];
	int fd, n;

	snprintf(path, sizeof(path), "%s/trigger", side->event);
	n = snprintf(text, sizeof(text), "%shist:keys=%s", how, side->field);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, n) != n)
		fail(path);
	close(fd);
}

/* Lines such as "{ reason:         30 } hitcount:       1234". */
static void read_histogram(struct side *side)
{
	char path[256], line[512], *colon;
	unsigned long reason, count;
	FILE *file;

	snprintf(path, sizeof(path), "%s/hist", side->event);
	file = fopen(path, "r");
	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		colon = strchr(line, ':');
		if (line[0] != '{' || !colon)
			continue;
		reason = strtoul(colon + 1, NULL, 10) & 0xffff;
		colon = strstr(line, "hitcount:");
		if (!colon || reason >= REASONS)
			continue;
		count = strtoul(colon + strlen("hitcount:"), NULL, 10);
		side->exits[reason] += count;
	}
	fclose(file);
}

static void measure(struct side *side)
{
	unsigned long long start, hello;

	set_trigger(side, "");
	hello = boot(side->device);
	read_histogram(side);
	set_trigger(side, "!");
	if (!hello)
		return;
	start = __rdtsc();
	hello = boot(side->device);
	side->to_end = __rdtsc() - start;
	side->to_init = hello ? hello - start : 0;
}

static void print_row(const char *name, unsigned long long ours,
		      unsigned long long theirs)
{
	printf("%s\t%llu\t%llu\t", name, ours, theirs);
	if (theirs)
		printf("%.2f\n", (double)ours / (double)theirs);
	else
		printf("-\n");
}

int main(void)
{
	unsigned long long all[2] = { 0, 0 };
	const char *name;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		measure(&sides[i]);
		if (!sides[i].to_init) {
			fprintf(stderr, "time-boot: no boot on %s: run minivmm-run there by hand\n",
				sides[i].device);
			return 1;
		}
	}
	printf("name\tminivmm\tkvm\tratio\n");
	print_row("ticks to init", sides[0].to_init, sides[1].to_init);
	print_row("ticks to power-off", sides[0].to_end, sides[1].to_end);
	for (i = 0; i < REASONS; i++) {
		all[0] += sides[0].exits[i];
		all[1] += sides[1].exits[i];
	}
	print_row("exits", all[0], all[1]);
	for (i = 0; i < REASONS; i++) {
		if (!sides[0].exits[i] && !sides[1].exits[i])
			continue;
		name = vmm_vm_exit_name(i);
		print_row(name ? name : "no name", sides[0].exits[i],
			  sides[1].exits[i]);
	}
	printf("# command line: %s\n", CMDLINE);
	return 0;
}
