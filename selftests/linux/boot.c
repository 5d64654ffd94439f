// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debian's own kernels, unmodified, boot under the launcher: by PVH and as a
 * bzImage, 64-bit and 32-bit with PAE, with one and with several vCPUs. The
 * guest's only program is init.c: it computes on each CPU, sleeps, shows the
 * kernel's log, and does what this program types into its console.
 */
#include "../launcher/launch.h"

#include <linux/minivmm.h>
#include <sys/ioctl.h>

/* Seconds of the host's clock for one boot. A decompressor takes most of it. */
#define BOOT_SECONDS	240

/*
 * Less to do on the way to init: no self-tests of ciphers, no keys, no parsing
 * of the kernel's type information.
 */
#define FAST(init) \
	("console=ttyS0 quiet loglevel=4 mitigations=off cryptomgr.notests " \
	 "initcall_blacklist=load_system_certificate_list,cubictcp_register -- " \
	 init)

#define PROMPT		"init: what next?\n"

/* What a kernel says when interrupts or clocks are not as they should be. */
static const char * const trouble[] = {
	"lost interrupt", "unstable", "soft lockup", "hard LOCKUP", "stall",
	"nobody cared", "MP-BIOS bug", "Firmware Bug", "Firmware Warn",
	"ACPI Error", "ACPI Warning", "ACPI BIOS", "BUG:", "WARNING:", "Oops",
	"Call Trace", "unchecked MSR", "APIC error", "not responding",
	"timer doesn't work", "TSC synchronization", "Kernel panic",
	"too long", "spurious", "Dazed and confused",
};

static struct result r;

static void start(const char *const args[], int *in, int *out, pid_t *pid)
{
	int to[2], from[2];

	ASSERT_OK(pipe(to));
	ASSERT_OK(pipe(from));
	*pid = fork();
	ASSERT_TRUE(*pid >= 0);
	if (!*pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		dup2(from[1], 2);
		close(to[1]);
		close(from[0]);
		launch_exec(args);
	}
	close(to[0]);
	close(from[1]);
	*in = to[1];
	*out = from[0];
}

static int count(const char *text, const char *part)
{
	int n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* A terminal's lines end with a carriage return as well. */
static void drop_returns(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != '\r')
			*to++ = *text;
	*to = '\0';
}

/* Runs a guest; types the next of @lines each time it asks. */
static void boot(const char *const args[], const char *const lines[])
{
	int in, out, status, said = 0;
	pid_t pid;

	alarm(2 * BOOT_SECONDS);
	memset(&r, 0, sizeof(r));
	start(args, &in, &out, &pid);
	while (drain(out, r.out)) {
		drop_returns(r.out);
		while (said < count(r.out, PROMPT) && lines[said]) {
			ASSERT_EQ(strlen(lines[said]),
				  write(in, lines[said], strlen(lines[said])));
			said++;
		}
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	r.status = exit_status(status);
}

/* Runs a guest; tells the launcher to save it when it has printed @text. */
static void boot_and_save(const char *const args[], const char *text)
{
	int in, out, status;
	bool told = false;
	pid_t pid;

	alarm(2 * BOOT_SECONDS);
	memset(&r, 0, sizeof(r));
	start(args, &in, &out, &pid);
	while (drain(out, r.out)) {
		drop_returns(r.out);
		if (!told && strstr(r.out, text)) {
			told = true;
			ASSERT_OK(kill(pid, SIGUSR2));
		}
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	r.status = exit_status(status);
	close(in);
}

static void show_end(void)
{
	size_t len = strlen(r.out);
	char *line, *save;

	line = strtok_r(r.out + (len > 2000 ? len - 2000 : 0), "\n", &save);
	for (; line; line = strtok_r(NULL, "\n", &save))
		ktap_note("%s", line);
}

/* What the line "init: NAME N" says. */
static long value(const char *name)
{
	char start[64];
	char *at;

	snprintf(start, sizeof(start), "init: %s ", name);
	at = strstr(r.out, start);
	return at ? strtol(at + strlen(start), NULL, 10) : -1;
}

static void expect_no_trouble(void)
{
	unsigned int i;
	char *at, *line;

	for (i = 0; i < sizeof(trouble) / sizeof(trouble[0]); i++) {
		at = strstr(r.out, trouble[i]);
		if (!at)
			continue;
		for (line = at; line > r.out && line[-1] != '\n'; line--)
			;
		ktap_fail(__FILE__, __LINE__, "the guest's log has: %.*s",
			  (int)strcspn(line, "\n"), line);
	}
}

static void expect_healthy(int cpus, const char *release)
{
	long slept = value("sleeping for 300 ms took");

	EXPECT_EQ(0, r.status);
	EXPECT_EQ(cpus, value("CPUs"));
	EXPECT_EQ(cpus, value("CPUs that compute"));
	EXPECT(slept >= 300 && slept < 1300, "slept %ld ms", slept);
	EXPECT(strstr(r.out, release), "no line with \"%s\"", release);
	EXPECT(strstr(r.out, "Linux version "), "the kernel's log is not there");
	EXPECT(strstr(r.out, "ttyS0 at I/O 0x3f8 (irq = 4"), "no serial port");
	EXPECT(strstr(r.out, "registered as rtc0"), "no clock");
	expect_no_trouble();
	if (!strstr(r.out, "init: log ends"))
		show_end();
}

static void need_irqchip(void)
{
	int fd = open(device_path(), O_RDWR);

	ASSERT_TRUE(fd >= 0);
	if (ioctl(fd, MINIVMM_CHECK_EXTENSION, MINIVMM_CAP_IRQCHIP) <= 0)
		SKIP("%s has no interrupt controllers", device_path());
	close(fd);
}

#define BOOT(lines, ...) \
	do { \
		need_irqchip(); \
		boot((const char *const[]){ "--device", device_path(), \
					    __VA_ARGS__, NULL }, lines); \
	} while (0)

static const char * const silent[] = { NULL };

TEST(pvh_with_1_vcpu_console_input_and_reboot)
{
	static const char * const lines[] = {
		"hello\n", "reboot\n", "poweroff\n", NULL
	};

	BOOT(lines, "--kernel", "/vmlinux", "--initrd", "/initrd-64", "--append",
	     FAST("compute sleep log obey"));
	expect_healthy(1, "-amd64");
	EXPECT_CONTAINS(r.out, "init: you said hello\n");
	EXPECT_EQ(2, count(r.out, "init: hello\n"));
	EXPECT_EQ(3, count(r.out, PROMPT));
}

TEST(pvh_with_2_vcpus_and_no_reboot)
{
	static const char * const lines[] = { "reboot\n", NULL };

	BOOT(lines, "--kernel", "/vmlinux", "--initrd", "/initrd-64",
	     "--no-reboot", "--cpus", "2", "--append",
	     FAST("compute sleep log obey"));
	expect_healthy(2, "-amd64");
	EXPECT_EQ(1, count(r.out, "init: hello\n"));
}

TEST(pvh_with_4_vcpus)
{
	BOOT(silent, "--kernel", "/vmlinux", "--initrd", "/initrd-64", "--cpus",
	     "4", "--append", FAST("compute sleep log"));
	expect_healthy(4, "-amd64");
}

TEST(pvh_of_32_bit_kernel_with_2_vcpus)
{
	BOOT(silent, "--kernel", "/vmlinux32", "--initrd", "/initrd-32",
	     "--cpus", "2", "--append", FAST("compute sleep log"));
	expect_healthy(2, "-686-pae");
}

TEST(bzimage_with_2_vcpus)
{
	BOOT(silent, "--kernel", "/vmlinuz", "--initrd", "/initrd-64", "--cpus",
	     "2", "--append", FAST("compute sleep log"));
	expect_healthy(2, "-amd64");
}

TEST(bzimage_of_32_bit_kernel_with_2_vcpus)
{
	BOOT(silent, "--kernel", "/vmlinuz32", "--initrd", "/initrd-32",
	     "--cpus", "2", "--append", FAST("compute sleep log"));
	expect_healthy(2, "-686-pae");
}

/* Computing, with timers, the console's interrupt and a second vCPU idle. */
TEST(saved_guest_goes_on_in_another_process)
{
	need_irqchip();
	boot_and_save((const char *const[]){
			"--device", device_path(), "--kernel", "/vmlinux",
			"--initrd", "/initrd-64", "--cpus", "2", "--save",
			"/tmp/saved", "--append",
			FAST("compute work sleep log"), NULL },
		      "init: round 3\n");
	EXPECT_EQ(0, r.status);
	EXPECT_TRUE(!strstr(r.out, "init: round 12\n"));
	if (r.status)
		show_end();
	BOOT(silent, "--restore", "/tmp/saved");
	EXPECT_EQ(0, r.status);
	EXPECT_TRUE(!strstr(r.out, "init: round 3\n"));
	EXPECT_CONTAINS(r.out, "init: round 12\n");
	EXPECT_EQ(0, count(r.out, "WRONG"));
	EXPECT_TRUE(value("sleeping for 300 ms took") >= 300);
	EXPECT_CONTAINS(r.out, "init: log ends\n");
	expect_no_trouble();
}

TEST(file_that_was_not_saved_is_refused)
{
	launch_device(&r, "", "--restore", "/vmlinuz");
	EXPECT_REFUSED(&r, "/vmlinuz is not what --save writes; check the path");
}
