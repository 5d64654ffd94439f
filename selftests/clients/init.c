// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first and only program of a Linux guest: it says on the console what it found, and
 * switches the machine off.
 *
 * Each line that a test looks for starts with "guest: ". What goes wrong with interrupts and
 * clocks under a hypervisor is told by the kernel in its log and in nothing else,
 * so that is looked through as well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PRIMES_BELOW	30000
#define CPUS_MAX	16
#define LOG_SIZE	(1 << 18)
#define READ_ALL	3	/* of syslog(2) */
#define SHOOTDOWNS	20

static char log_text[LOG_SIZE];

struct worker {
	pthread_t thread;
	int cpu, cpus;
	int primes;
	bool where_it_should_be;
};

static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("guest: ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	fflush(stdout);
}

static bool prime(int number)
{
	for (int factor = 2; factor * factor <= number; factor++)
		if (number % factor == 0)
			return false;
	return number > 1;
}

/* Pages that come and go: the other CPUs' TLBs have to be told, by interrupts. */
static void shoot_down(void)
{
	for (int i = 0; i < SHOOTDOWNS; i++) {
		char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return;
		*page = i;
		munmap(page, 4096);
	}
}

static void *work(void *argument)
{
	struct worker *me = argument;

	for (int number = me->cpu; number < PRIMES_BELOW; number += me->cpus)
		me->primes += prime(number);
	shoot_down();
	me->where_it_should_be = sched_getcpu() == me->cpu;
	return NULL;
}

/* Work on all CPUs at once, each bound to its own. */
static void compute(void)
{
	struct worker workers[CPUS_MAX] = {};
	int cpus = get_nprocs(), primes = 0, placed = 0;

	if (cpus > CPUS_MAX)
		cpus = CPUS_MAX;
	for (int i = 0; i < cpus; i++) {
		pthread_attr_t attributes;
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(i, &set);
		pthread_attr_init(&attributes);
		pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
		workers[i].cpu = i;
		workers[i].cpus = cpus;
		if (pthread_create(&workers[i].thread, &attributes, work, &workers[i])) {
			say("no thread on CPU %d", i);
			return;
		}
	}
	for (int i = 0; i < cpus; i++) {
		pthread_join(workers[i].thread, NULL);
		primes += workers[i].primes;
		placed += workers[i].where_it_should_be;
	}
	say("%d CPUs, %d of them counted %d primes below %d", cpus, placed, primes, PRIMES_BELOW);
}

/* A sleep ends by a timer's interrupt; does it take as long as it should? */
static void sleep_a_while(void)
{
	struct timespec start, end, nap = { .tv_nsec = 50000000 };
	long took;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 4; i++)
		nanosleep(&nap, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	took = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	if (took >= 200 && took < 2000)
		say("a sleep of 200 ms ends");
	else
		say("a sleep of 200 ms took %ld ms", took);
}

static void show_file(const char *path)
{
	char text[128] = "";
	int file = open(path, O_RDONLY);

	if (file < 0 || read(file, text, sizeof(text) - 1) < 0)
		say("cannot read %s", path);
	else
		say("%s: %.*s", strrchr(path, '/') + 1, (int)strcspn(text, "\n"), text);
	close(file);
}

/* What a kernel says when the machine below it is not as it should be */
static const char * const trouble[] = {
	"lost interrupt", "nobody cared", "soft lockup", "hard LOCKUP", "hung_task",
	"rcu_sched", "rcu_preempt", "unstable", "Unable to", "BUG:", "WARNING:", "Oops",
	"Call Trace", "not functional", "doesn't work", "stuck", "spurious",
	"unchecked MSR", "clocksource: timekeeping", "failed to come", "MP-BIOS bug",
};

static bool tells_of_trouble(const char *line)
{
	/* What RCU is called is no trouble. */
	for (size_t i = 0; i < sizeof(trouble) / sizeof(*trouble); i++)
		if (strstr(line, trouble[i]))
			return !strstr(line, "RCU restricting") && !strstr(line, "rcu_sched clock");
	return false;
}

static void look_through_log(void)
{
	int length = klogctl(READ_ALL, log_text, sizeof(log_text) - 1), found = 0;

	if (length < 0) {
		say("cannot read the kernel's log");
		return;
	}
	for (char *line = strtok(log_text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!tells_of_trouble(line))
			continue;
		say("log: %s", line);
		found++;
	}
	if (!found)
		say("nothing in the log");
}

int main(void)
{
	int console;

	mkdir("/dev", 0755);
	mkdir("/sys", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	console = open("/dev/console", O_RDWR);
	if (console >= 0)
		for (int fd = 0; fd < 3; fd++)
			dup2(console, fd);
	say("init");
	compute();
	sleep_a_while();
	show_file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
	show_file("/sys/devices/system/clockevents/clockevent0/current_device");
	look_through_log();
	say("end");
	tcdrain(1);
	reboot(RB_POWER_OFF);
	say("cannot power off");
	for (;;)
		pause();
}
