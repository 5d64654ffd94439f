// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal: keys reach the guest one by one, Ctrl-A x leaves, and whatever
 * ends the launcher, the terminal is as it was. Each test is a small session
 * on a pseudoterminal; then signals and output without one.
 */
#include "launch.h"

#include <pty.h>
#include <termios.h>
#include <utmp.h>

#define DEADLINE_MS	20000

/**
 * struct session - the launcher on a terminal
 * @master: our end
 * @slave: the launcher's end, kept open to look at its mode
 * @before: mode before the launcher ran
 * @pid: the launcher
 * @text: what it printed
 */
struct session {
	int master;
	int slave;
	struct termios before;
	pid_t pid;
	char text[OUTPUT_SIZE];
};

static struct session s;

/* A session of its own on the terminal, as a login shell would have it. */
static void open_session(const char *const args[])
{
	ASSERT_OK(openpty(&s.master, &s.slave, NULL, NULL, NULL));
	ASSERT_OK(tcgetattr(s.slave, &s.before));
	s.text[0] = '\0';
	s.pid = fork();
	ASSERT_TRUE(s.pid >= 0);
	if (!s.pid) {
		close(s.master);
		login_tty(s.slave);
		launch_exec(args);
	}
}

#define OPEN(...) \
	open_session((const char *const[]){ "--device", device_path(), \
		     __VA_ARGS__, NULL })

/* Waits until @part was printed. */
static void await(const char *part)
{
	struct pollfd fd = { .fd = s.master, .events = POLLIN };

	while (!strstr(s.text, part)) {
		ASSERT(poll(&fd, 1, DEADLINE_MS) == 1,
		       "waited for \"%s\", got \"%s\"", part, s.text);
		ASSERT(drain(s.master, s.text),
		       "it ended without \"%s\": \"%s\"", part, s.text);
	}
}

static void type(const char *keys)
{
	ASSERT_EQ(strlen(keys), write(s.master, keys, strlen(keys)));
}

static bool is_raw(void)
{
	struct termios now;

	ASSERT_OK(tcgetattr(s.slave, &now));
	return !(now.c_lflag & (ICANON | ECHO | ISIG));
}

static void await_raw(bool raw)
{
	int ms;

	for (ms = 0; is_raw() != raw; ms += 10) {
		ASSERT(ms < DEADLINE_MS, "the terminal never became %s",
		       raw ? "raw" : "as it was");
		usleep(10000);
	}
}

/* The exit status, as soon as it has ended. */
static int wait_end(void)
{
	int status, ms;

	for (ms = 0; ms < DEADLINE_MS; ms += 10) {
		if (waitpid(s.pid, &status, WNOHANG) == s.pid)
			return exit_status(status);
		usleep(10000);
	}
	kill(s.pid, SIGKILL);
	ASSERT(false, "it did not end; it said \"%s\"", s.text);
	return -1;
}

static void expect_restored(void)
{
	struct termios now;

	ASSERT_OK(tcgetattr(s.slave, &now));
	EXPECT_EQ(s.before.c_iflag, now.c_iflag);
	EXPECT_EQ(s.before.c_oflag, now.c_oflag);
	EXPECT_EQ(s.before.c_cflag, now.c_cflag);
	EXPECT_EQ(s.before.c_lflag, now.c_lflag);
	EXPECT_TRUE(!memcmp(s.before.c_cc, now.c_cc, sizeof(now.c_cc)));
}

static void open_echo(void)
{
	OPEN("--mode", "32", guest("echo"));
	await_raw(true);
}

TEST(restored_after_the_guest_ended)
{
	OPEN("--mode", "16", guest("hello16"));
	await("Hello from 16-bit mode\r\n");
	EXPECT_EQ(0, wait_end());
	expect_restored();
}

TEST(keys_reach_the_guest_at_once)
{
	open_echo();
	type("k");
	await("k");
	type("\r");
	/* The guest sends both; the terminal makes the second one both again. */
	await("k\r\r\n");
	type("\004");
	EXPECT_EQ(1, wait_end());
	expect_restored();
}

TEST(ctrl_a_x_leaves)
{
	open_echo();
	type("\001x");
	EXPECT_EQ(0, wait_end());
	expect_restored();
}

/* The guest spins and never looks at the serial port. */
TEST(ctrl_a_x_leaves_a_guest_that_does_not_listen)
{
	OPEN("--cpus", "2", GUEST(0xeb, 0xfe));
	await_raw(true);
	type("typed ahead");
	/* Read by now, and waiting for a guest that will never take it. */
	usleep(200000);
	type("\001x");
	EXPECT_EQ(0, wait_end());
	expect_restored();
}

TEST(ctrl_a_question_mark_prints_the_keys)
{
	open_echo();
	type("\001?");
	await("minivmm-run: Ctrl-A x leaves, ");
	type("\001x");
	EXPECT_EQ(0, wait_end());
}

TEST(ctrl_a_twice_sends_one)
{
	open_echo();
	type("<\001\001>");
	await("<\001>");
	type("\001x");
	EXPECT_EQ(0, wait_end());
}

TEST(ctrl_c_is_a_key)
{
	open_echo();
	type("<\003>");
	await("<\003>");
	type("\001x");
	EXPECT_EQ(0, wait_end());
}

/* Each is a way in which a process ends that never caught the signal. */
static void signal_restores(int signal)
{
	open_echo();
	kill(s.pid, signal);
	EXPECT_EQ(128 + signal, wait_end());
	expect_restored();
}

TEST(restored_after_sigterm)
{
	signal_restores(SIGTERM);
}

TEST(restored_after_sigint)
{
	signal_restores(SIGINT);
}

TEST(restored_after_sighup)
{
	signal_restores(SIGHUP);
}

TEST(restored_after_sigquit)
{
	signal_restores(SIGQUIT);
}

TEST(restored_after_a_crash)
{
	signal_restores(SIGSEGV);
}

TEST(restored_after_abort)
{
	signal_restores(SIGABRT);
}

TEST(restored_while_stopped)
{
	open_echo();
	kill(s.pid, SIGTSTP);
	await_raw(false);
	expect_restored();
	kill(s.pid, SIGCONT);
	await_raw(true);
	type("k");
	await("k");
	type("\001x");
	EXPECT_EQ(0, wait_end());
	expect_restored();
}

TEST(restored_after_a_triple_fault)
{
	OPEN("--mode", "32", guest("triple"));
	await("minivmm-run: registers of vCPU 0:");
	await("  idt ");
	EXPECT_EQ(125, wait_end());
	expect_restored();
}

TEST(untouched_when_it_cannot_start)
{
	OPEN("/nowhere.bin");
	await("minivmm-run: cannot open guest /nowhere.bin");
	EXPECT_EQ(2, wait_end());
	expect_restored();
}

/* Input from a pipe: the terminal, where output goes, is not touched. */
TEST(not_raw_when_input_is_a_pipe)
{
	int in[2];

	ASSERT_OK(openpty(&s.master, &s.slave, NULL, NULL, NULL));
	ASSERT_OK(pipe(in));
	s.pid = fork();
	ASSERT_TRUE(s.pid >= 0);
	if (!s.pid) {
		close(s.master);
		login_tty(s.slave);
		dup2(in[0], 0);
		close(in[1]);
		launch_exec((const char *const[]){ "--device", device_path(),
			    "--mode", "32", guest("echo"), NULL });
	}
	close(in[0]);
	ASSERT_EQ(4, write(in[1], "pipe", 4));
	await("pipe");
	EXPECT_TRUE(!is_raw());
	close(in[1]);
	EXPECT_EQ(0, wait_end());
}

/* Below: no terminal. The guest's output goes to @out; nothing comes in. */
static void start_with_output(int out, const char *path)
{
	int null = open("/dev/null", O_RDWR);

	ASSERT_TRUE(null >= 0);
	s.pid = fork();
	ASSERT_TRUE(s.pid >= 0);
	if (s.pid)
		return;
	dup2(null, 0);
	dup2(out, 1);
	launch_exec((const char *const[]){ "--device", device_path(), path,
		    NULL });
}

/* mov $0x3f8, %dx; 1: out %al, %dx; jmp 1b */
#define CHATTERBOX	GUEST(0x66, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xfd)

TEST(sigterm_while_output_is_stuck)
{
	char byte;
	int out[2];

	ASSERT_OK(pipe2(out, O_CLOEXEC));
	ASSERT_OK(fcntl(out[1], F_SETPIPE_SZ, 4096));
	start_with_output(out[1], CHATTERBOX);
	ASSERT_EQ(1, read(out[0], &byte, 1));
	usleep(200000);
	kill(s.pid, SIGTERM);
	EXPECT_EQ(128 + SIGTERM, wait_end());
}

TEST(reader_that_goes_away_ends_it_by_sigpipe)
{
	char byte;
	int out[2];

	ASSERT_OK(pipe2(out, O_CLOEXEC));
	start_with_output(out[1], CHATTERBOX);
	close(out[1]);
	ASSERT_EQ(1, read(out[0], &byte, 1));
	close(out[0]);
	EXPECT_EQ(128 + SIGPIPE, wait_end());
}

TEST(full_disk_is_an_error)
{
	int full = open("/dev/full", O_WRONLY);

	ASSERT_TRUE(full >= 0);
	start_with_output(full, CHATTERBOX);
	EXPECT_EQ(125, wait_end());
}

/* The one guarantee against a guest that never leaves by itself. */
TEST(sigint_ends_a_spinning_guest)
{
	start_with_output(STDERR_FILENO, GUEST(0xeb, 0xfe));
	usleep(100000);
	kill(s.pid, SIGINT);
	EXPECT_EQ(128 + SIGINT, wait_end());
}
