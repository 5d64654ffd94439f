// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an exit costs: minivmm beside kvm_intel, in one boot, by one client.
 *
 * Each operation is timed on its own with RDTSC, many times, and the median is
 * printed: a timer interrupt that falls into one of them moves nothing.  For
 * minivmm the debugfs totals before and after give VMREADs, VMWRITEs, MSR
 * writes and exits per operation.  The table goes to standard output:
 *
 *   name  minivmm  kvm  ratio  vmreads  vmwrites  wrmsrs  exits
 *
 * separated by tabs; a device that is not there is a "-".  Lines with a "#"
 * before it say where it was measured.  In Bochs the TSC counts instructions,
 * so a tick is an instruction and not a cycle.
 *
 * The guests are in guests.h, the client (create, run, destroy) in client.c.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <x86intrin.h>

#include "client.h"
#include "guests.h"

#define OPERATIONS	1000
#define LIFETIMES	30

enum { VMREADS, VMWRITES, WRMSRS, EXITS, COUNTERS };

static const char *const counter_names[COUNTERS] = {
	"vmreads", "vmwrites", "wrmsrs", "exits",
};

struct figures {
	int valid;
	double ticks;
	int counted;
	double count[COUNTERS];		/* per operation */
};

struct row {
	const char *name;
	void (*measure)(const struct row *row, struct figures *figures);
	const unsigned char *code, *code_end;
	__u32 exit_reason;
	int advice;			/* how the memory's pages are to be */
	int vcpus;			/* as for client_create() */
};

static int counting;

static int read_counters(__u64 values[COUNTERS])
{
	char path[64], text[32];
	ssize_t n;
	int i, fd;

	for (i = 0; i < COUNTERS; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/minivmm/%s",
			 counter_names[i]);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			return 0;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n <= 0)
			return 0;
		text[n] = '\0';
		values[i] = strtoull(text, NULL, 10);
	}
	return 1;
}

static void start_counting(__u64 before[COUNTERS], struct figures *figures)
{
	figures->counted = counting && read_counters(before);
}

static void stop_counting(const __u64 before[COUNTERS], unsigned int operations,
			  struct figures *figures)
{
	__u64 after[COUNTERS];
	int i;

	if (!figures->counted || !read_counters(after)) {
		figures->counted = 0;
		return;
	}
	for (i = 0; i < COUNTERS; i++)
		figures->count[i] = (double)(after[i] - before[i]) / operations;
}

static int compare(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

static void take_median(__u32 *ticks, unsigned int n, struct figures *figures)
{
	qsort(ticks, n, sizeof(*ticks), compare);
	figures->ticks = ticks[n / 2];
	figures->valid = 1;
}

/* One RUN, from the call to its return: the guest executes one instruction. */
static void round_trip(const struct row *row, struct figures *figures)
{
	static __u32 ticks[OPERATIONS];
	__u64 before[COUNTERS], start;
	struct client client;
	unsigned int i;

	client_create(&client, row->code, row->code_end, row->vcpus);
	for (i = 0; i < 16; i++)
		client_run(&client, row->exit_reason);
	start_counting(before, figures);
	for (i = 0; i < OPERATIONS; i++) {
		start = __rdtsc();
		client_run(&client, row->exit_reason);
		ticks[i] = __rdtsc() - start;
	}
	stop_counting(before, OPERATIONS, figures);
	client_destroy(&client);
	take_median(ticks, OPERATIONS, figures);
}

/* A signal that is handled ends RUN; the handler has nothing to do. */
static void wake_up(int signal)
{
	(void)signal;
}

static void *run_second(void *argument)
{
	int *vcpu = argument;

	/* Until a signal comes. */
	ioctl(*vcpu, MINIVMM_RUN, 0);
	return NULL;
}

/*
 * The guest times itself; its table is read when it halts. A second vCPU runs
 * on a thread of its own.
 */
static void inside(const struct row *row, struct figures *figures)
{
	static __u32 ticks[OPERATIONS];
	__u64 before[COUNTERS];
	struct client client;
	pthread_t thread;

	client_create(&client, row->code, row->code_end, row->vcpus);
	if (row->vcpus > 1 && pthread_create(&thread, NULL, run_second, &client.second))
		errx(1, "pthread_create");
	client_start_guest(&client, 16);
	client_run(&client, row->exit_reason);
	start_counting(before, figures);
	client_start_guest(&client, OPERATIONS);
	client_run(&client, row->exit_reason);
	stop_counting(before, OPERATIONS, figures);
	memcpy(ticks, client.memory + TABLE_GPA, sizeof(ticks));
	if (row->vcpus > 1) {
		pthread_kill(thread, SIGUSR1);
		pthread_join(thread, NULL);
	}
	client_destroy(&client);
	take_median(ticks, OPERATIONS, figures);
}

/* 64 MiB that the process has and the guest has not, until it has all. */
static void fault_in(const struct row *row, struct figures *figures)
{
	static __u32 ticks[3];
	__u64 before[COUNTERS];
	struct client client;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		client_create(&client, row->code, row->code_end, row->vcpus);
		client_add_area(&client, row->advice);
		start_counting(before, figures);
		client_run(&client, MINIVMM_EXIT_HLT);
		stop_counting(before, 1, figures);
		memcpy(&ticks[i], client.memory + TABLE_GPA, sizeof(ticks[i]));
		client_destroy(&client);
	}
	take_median(ticks, 3, figures);
}

/* From CREATE_VM to the first HLT, and the other way until all is closed. */
static void lifetime(const struct row *row, struct figures *figures)
{
	static __u32 ticks[LIFETIMES];
	int destroying = !strcmp(row->name, "vm-destroy");
	__u64 before[COUNTERS], start;
	struct client client;
	unsigned int i;

	start_counting(before, figures);
	for (i = 0; i < LIFETIMES; i++) {
		start = __rdtsc();
		client_create(&client, row->code, row->code_end, row->vcpus);
		client_run(&client, MINIVMM_EXIT_HLT);
		if (destroying)
			start = __rdtsc();
		else
			ticks[i] = __rdtsc() - start;
		client_destroy(&client);
		if (destroying)
			ticks[i] = __rdtsc() - start;
	}
	stop_counting(before, LIFETIMES, figures);
	if (destroying)
		figures->counted = 0;
	take_median(ticks, LIFETIMES, figures);
}

#define ROW(title, how, guest, reason)					\
	{ title, how, guest, guest##_end, MINIVMM_EXIT_##reason, 0, 0 }
#define CHIPS_ROW(title, how, guest, vcpus)				\
	{ title, how, guest, guest##_end, MINIVMM_EXIT_IO, 0, vcpus }
#define MEMORY_ROW(title, advice)					\
	{ title, fault_in, guest_touch_area, guest_touch_area_end,	\
	  MINIVMM_EXIT_HLT, advice, 0 }

static const struct row rows[] = {
	ROW("port-write", round_trip, guest_port_write, IO),
	ROW("port-read", round_trip, guest_port_read, IO),
	ROW("mmio-write", round_trip, guest_mmio_write, MMIO),
	ROW("mmio-read", round_trip, guest_mmio_read, MMIO),
	ROW("hlt", round_trip, guest_hlt, HLT),
	ROW("nothing", inside, guest_nothing, HLT),
	ROW("cpuid", inside, guest_cpuid, HLT),
	ROW("vmcall", inside, guest_vmcall, HLT),
	ROW("cr0-write", inside, guest_cr0_write, HLT),
	ROW("cr4-write", inside, guest_cr4_write, HLT),
	ROW("cr8-write", inside, guest_cr8_write, HLT),
	ROW("cr8-read", inside, guest_cr8_read, HLT),
	ROW("rdmsr-tsc", inside, guest_rdmsr, HLT),
	ROW("ept-fault", inside, guest_ept_fault, HLT),
	CHIPS_ROW("x2apic-write", inside, guest_x2apic_write, 1),
	CHIPS_ROW("ioapic-write", inside, guest_ioapic_write, 1),
	CHIPS_ROW("self-ipi", inside, guest_self_ipi, 1),
	CHIPS_ROW("ipi", inside, guest_ipi, 2),
	CHIPS_ROW("timer", inside, guest_timer, 1),
	MEMORY_ROW("memory-small-pages", MADV_NOHUGEPAGE),
	MEMORY_ROW("memory-large-pages", MADV_HUGEPAGE),
	ROW("vm-create-to-hlt", lifetime, guest_hlt, HLT),
	ROW("vm-destroy", lifetime, guest_hlt, HLT),
};

#define NR_ROWS	(sizeof(rows) / sizeof(rows[0]))

static void measure(const struct row *row, const char *device,
		    struct figures *figures)
{
	memset(figures, 0, sizeof(*figures));
	if (client_open_device(device) < 0)
		return;
	row->measure(row, figures);
	client_close_device();
}

static void print_row(const struct row *row, const struct figures *minivmm,
		      const struct figures *kvm)
{
	int i;

	printf("%s\t", row->name);
	if (minivmm->valid)
		printf("%.0f\t", minivmm->ticks);
	else
		printf("-\t");
	if (kvm->valid)
		printf("%.0f\t", kvm->ticks);
	else
		printf("-\t");
	if (minivmm->valid && kvm->valid && kvm->ticks)
		printf("%.2f", minivmm->ticks / kvm->ticks);
	else
		printf("-");
	for (i = 0; i < COUNTERS; i++) {
		if (minivmm->counted)
			printf("\t%.1f", minivmm->count[i]);
		else
			printf("\t-");
	}
	printf("\n");
	fflush(stdout);
}

static void print_line_of(const char *path, const char *start, const char *label)
{
	char line[2048];
	FILE *file = fopen(path, "r");

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, start, strlen(start)))
			continue;
		printf("# %s: %s", label, line + strlen(start));
		break;
	}
	fclose(file);
}

static void print_host(void)
{
	struct utsname name;

	if (!uname(&name))
		printf("# kernel: %s %s\n", name.sysname, name.release);
	printf("# cpus: %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
	print_line_of("/proc/cpuinfo", "model name\t: ", "cpu");
	print_line_of("/proc/cmdline", "", "command line");
}

int main(int argc, char **argv)
{
	const char *minivmm_path = argc > 1 ? argv[1] : "/dev/minivmm";
	const char *kvm_path = argc > 2 ? argv[2] : "/dev/kvm";
	struct figures minivmm, kvm;
	unsigned int i;

	if (argc > 3)
		errx(2, "usage: bench [MINIVMM-DEVICE [KVM-DEVICE]]");
	if (access(minivmm_path, R_OK | W_OK) && access(kvm_path, R_OK | W_OK))
		errx(2, "neither %s nor %s can be opened: load minivmm.ko or kvm_intel first",
		     minivmm_path, kvm_path);
	signal(SIGUSR1, wake_up);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	print_host();
	printf("name\tminivmm\tkvm\tratio\tvmreads\tvmwrites\twrmsrs\texits\n");
	for (i = 0; i < NR_ROWS; i++) {
		counting = 1;
		measure(&rows[i], minivmm_path, &minivmm);
		counting = 0;
		measure(&rows[i], kvm_path, &kvm);
		print_row(&rows[i], &minivmm, &kvm);
	}
	return 0;
}
