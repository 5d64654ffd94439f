// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of a guest that boots Linux: says what it finds, computes
 * on each CPU, sleeps, shows the kernel's log, and does what the console says.
 *
 * It has no C library: the same source is built for 64-bit and for 32-bit
 * kernels on a machine that has only its own libraries. boot.c is what reads
 * its output.
 */
#include <asm/unistd.h>
#include <linux/reboot.h>
#include <linux/types.h>

#define LOG_SIZE	(1 << 18)
#define LOG_READ_ALL	3
#define PRIMES_BELOW	20000
#define PRIMES		2262
#define MAX_CPUS	64
#define SERIAL		0x3f8
#define SIGCHLD		17
#define MONOTONIC	1

/* A register's width, and what a call takes. */
#define word	unsigned long

static char buf[LOG_SIZE];

#ifdef __x86_64__
/* The fifth argument is always 0: mount() alone has one. */
static long call(long nr, word a, word b, word c, word d)
{
	register word r10 asm("r10") = d;
	register word r8 asm("r8") = 0;
	long ret;

	asm volatile("syscall" : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
		     : "rcx", "r11", "memory");
	return ret;
}

asm(".globl _start\n"
	"_start: mov %rsp, %rdi\n"
	"and $-16, %rsp\n"
	"call start\n");
#else
static long call(long nr, word a, word b, word c, word d)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(0)
		     : "memory");
	return ret;
}

asm(".globl _start\n"
	"_start: mov %esp, %eax\n"
	"and $-16, %esp\n"
	"sub $12, %esp\n"
	"push %eax\n"
	"call start\n");
#endif

/* The kernel's, which are a libc's only by chance. */
struct time {
	long seconds;
	long nanoseconds;
};

void *memset(void *to, int value, __SIZE_TYPE__ size);

void *memset(void *to, int value, __SIZE_TYPE__ size)
{
	char *at = to;

	while (size--)
		*at++ = (char)value;
	return to;
}

static word length(const char *text)
{
	word n = 0;

	while (text[n])
		n++;
	return n;
}

static int equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void say(const char *text)
{
	call(__NR_write, 1, (word)text, length(text), 0);
}

static void say_number(word n)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = '\0';
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	say(at);
}

static void say_value(const char *name, word n)
{
	say("init: ");
	say(name);
	say(" ");
	say_number(n);
	say("\n");
}

/* "init: NAME " and the file's first line */
static void say_file(const char *name, const char *path)
{
	long fd = call(__NR_open, (word)path, 0, 0, 0), n;

	say("init: ");
	say(name);
	say(" ");
	n = call(__NR_read, (word)fd, (word)buf, 200, 0);
	if (n <= 0)
		say("cannot be read\n");
	else
		call(__NR_write, 1, (word)buf, (word)n, 0);
	call(__NR_close, (word)fd, 0, 0, 0);
}

static word primes(void)
{
	word n, d, found = 0;

	for (n = 2; n < PRIMES_BELOW; n++) {
		for (d = 2; d * d <= n && n % d; d++)
			;
		found += d * d > n;
	}
	return found;
}

/* A process pinned to each CPU; each has to get the same result. */
static void compute_on_each(void)
{
	word mask[MAX_CPUS / 8 / sizeof(word)] = { 0 };
	word cpu, cpus = 0, right = 0;
	int status;
	long pid;

	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		memset(mask, 0, sizeof(mask));
		mask[cpu / (8 * sizeof(word))] = 1UL << cpu % (8 * sizeof(word));
		if (call(__NR_sched_setaffinity, 0, sizeof(mask), (word)mask, 0))
			break;
		cpus++;
		pid = call(__NR_fork, 0, 0, 0, 0);
		if (!pid)
			call(__NR_exit, primes() != PRIMES, 0, 0, 0);
	}
	for (cpu = 0; cpu < cpus; cpu++) {
		status = -1;
		call(__NR_wait4, (word)-1, (word)&status, 0, 0);
		right += !status;
	}
	say_value("CPUs", cpus);
	say_value("CPUs that compute", right);
}

static word milliseconds(void)
{
	struct time now = { 0, 0 };

	call(__NR_clock_gettime, MONOTONIC, (word)&now, 0, 0);
	return (word)now.seconds * 1000 + (word)now.nanoseconds / 1000000;
}

static void sleep_a_while(void)
{
	struct time tenth = { 0, 100000000 };
	word start = milliseconds();
	int i;

	for (i = 0; i < 3; i++)
		call(__NR_nanosleep, (word)&tenth, 0, 0, 0);
	say_value("sleeping for 300 ms took", milliseconds() - start);
}

/* For as long as it takes to be saved and restored. */
static void work(void)
{
	struct time pause = { 0, 50000000 };
	word round;

	for (round = 1; round <= 12; round++) {
		say_value(primes() == PRIMES ? "round" : "WRONG round", round);
		call(__NR_nanosleep, (word)&pause, 0, 0, 0);
	}
}

/* By one instruction for many bytes: a byte at a time would take seconds. */
static void show_log(void)
{
	long n = call(__NR_syslog, LOG_READ_ALL, (word)buf, sizeof(buf), 0);
	char *at = buf;

	say("init: log begins\n");
	/* What the terminal has not sent yet must not come in between. */
	call(__NR_fsync, 1, 0, 0, 0);
	call(__NR_ioctl, 1, 0x5409 /* TCSBRK */, 1, 0);
	if (n > 0 && !call(__NR_iopl, 3, 0, 0, 0))
		asm volatile("rep outsb" : "+S"(at), "+c"(n)
			     : "d"(SERIAL) : "memory");
	say("init: log ends\n");
}

static void end(unsigned int how)
{
	call(__NR_sync, 0, 0, 0, 0);
	call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, how, 0);
	for (;;)
		call(__NR_pause, 0, 0, 0, 0);
}

/* Lines from the console: what to do next. */
static void obey(void)
{
	long n;

	for (;;) {
		say("init: what next?\n");
		n = call(__NR_read, 0, (word)buf, 200, 0);
		if (n <= 0)
			return;
		buf[n - 1] = '\0';
		if (equal(buf, "poweroff"))
			end(LINUX_REBOOT_CMD_POWER_OFF);
		if (equal(buf, "reboot"))
			end(LINUX_REBOOT_CMD_RESTART);
		say("init: you said ");
		say(buf);
		say("\n");
	}
}

void start(word *stack);

void start(word *stack)
{
	const char **argv = (const char **)(stack + 1);
	word argc = stack[0], i;

	say("init: hello\n");
	call(__NR_mkdir, (word)"/proc", 0755, 0, 0);
	call(__NR_mkdir, (word)"/sys", 0755, 0, 0);
	call(__NR_mount, (word)"proc", (word)"/proc", (word)"proc", 0);
	call(__NR_mount, (word)"sys", (word)"/sys", (word)"sysfs", 0);
	say_file("release", "/proc/sys/kernel/osrelease");
	say_file("clocksource",
		 "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	for (i = 1; i < argc; i++) {
		if (equal(argv[i], "compute"))
			compute_on_each();
		if (equal(argv[i], "sleep"))
			sleep_a_while();
		if (equal(argv[i], "work"))
			work();
		if (equal(argv[i], "log"))
			show_log();
		if (equal(argv[i], "obey"))
			obey();
	}
	end(LINUX_REBOOT_CMD_POWER_OFF);
}
