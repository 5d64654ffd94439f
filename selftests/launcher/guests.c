// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each sample guest prints what it promises and ends with its exit status.
 *
 * Read next: start.c, the state in which guests find themselves.
 */
#include "launch.h"

static struct result r;

TEST(hello16)
{
	launch_device(&r, "", "--mode", "16", guest("hello16"));
	EXPECT_TEXT(r.out, "Hello from 16-bit mode\n");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(0, r.status);
}

TEST(hello32)
{
	launch_device(&r, "", "--mode", "32", guest("hello32"));
	EXPECT_TEXT(r.out, "Hello from 32-bit mode\n");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(0, r.status);
}

TEST(hello64)
{
	launch_device(&r, "", guest("hello64"));
	EXPECT_TEXT(r.out, "Hello from 64-bit mode\n");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(0, r.status);
}

TEST(primes)
{
	launch_device(&r, "", guest("primes"));
	EXPECT_TEXT(r.out,
		    "2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71 73 79 83 89 97\n"
		    "Primes below 100000: 9592\n");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(0, r.status);
}

TEST(echo_ends_with_its_input)
{
	launch_device(&r, "one\ntwo", "--mode", "32", guest("echo"));
	EXPECT_TEXT(r.out, "one\ntwo");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(0, r.status);
}

TEST(echo_of_nothing)
{
	launch_device(&r, "", "--mode", "32", guest("echo"));
	EXPECT_TEXT(r.out, "");
	EXPECT_EQ(0, r.status);
}

TEST(echo_ends_at_ctrl_d)
{
	launch_device(&r, "ab\004cd", "--mode", "32", guest("echo"));
	EXPECT_TEXT(r.out, "ab");
	EXPECT_EQ(1, r.status);
}

/* Many times the FIFO, and every byte but the ones with a meaning. */
TEST(echo_loses_nothing)
{
	static char input[3000 + 1];
	int i;

	for (i = 0; i < 3000; i++)
		input[i] = 'a' + i * 7 % 23;
	launch_device(&r, input, "--mode", "32", guest("echo"));
	EXPECT(!strcmp(input, r.out), "%zu of %zu bytes came back",
	       strlen(r.out), strlen(input));
	EXPECT_EQ(0, r.status);
}

/* A pipe is not a terminal: Ctrl-A means nothing there. */
TEST(echo_of_ctrl_a_through_a_pipe)
{
	launch_device(&r, "\001x\001?", "--mode", "32", guest("echo"));
	EXPECT_TEXT(r.out, "\001x\001?");
	EXPECT_EQ(0, r.status);
}

/* Lines come in any order, but each whole and each once. */
static void expect_smp_lines(int cpus)
{
	char line[64];
	char *at;
	int cpu, round;

	EXPECT_EQ(0, r.status);
	EXPECT_TEXT(r.err, "");
	for (cpu = 0; cpu < cpus; cpu++) {
		for (round = 1; round <= 3; round++) {
			snprintf(line, sizeof(line), "vCPU %d of %d, round %d\n",
				 cpu, cpus, round);
			at = strstr(r.out, line);
			EXPECT(at, "no line \"%s\" in \"%s\"", line, r.out);
			if (!at)
				return;
			EXPECT(at == r.out || at[-1] == '\n',
			       "\"%s\" does not start a line", line);
		}
	}
	EXPECT_EQ(cpus * 3 * strlen(line), strlen(r.out));
}

TEST(smp_with_one)
{
	launch_device(&r, "", guest("smp"));
	expect_smp_lines(1);
}

TEST(smp_with_two)
{
	launch_device(&r, "", "--cpus", "2", guest("smp"));
	expect_smp_lines(2);
}

TEST(smp_with_five)
{
	launch_device(&r, "", "--cpus", "5", guest("smp"));
	expect_smp_lines(5);
}

TEST(mmio)
{
	launch_device(&r, "", guest("mmio"));
	EXPECT_TEXT(r.out,
		    "identification: ok\ncounter: ok\n8 bytes: ok\nlowest byte first: ok\n");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(0, r.status);
}

TEST(status)
{
	launch_device(&r, "", "--mode", "16", guest("status"));
	EXPECT_TEXT(r.out, "");
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(42, r.status);
}

TEST(triple)
{
	launch_device(&r, "", "--mode", "32", guest("triple"));
	EXPECT_EQ(125, r.status);
	EXPECT_TEXT(r.out, "");
	EXPECT_CONTAINS(r.err, "minivmm-run: vCPU 0: shutdown: triple fault (");
	EXPECT_CONTAINS(r.err,
			"minivmm-run: registers of vCPU 0:\n  rip 0000000000100005  ");
	EXPECT_CONTAINS(r.err, "rbx 00000000600dcafe");
	EXPECT_CONTAINS(r.err, "\n  cr0 00000033 ");
	EXPECT_CONTAINS(r.err,
			"\n  cs   0008  base 0000000000000000  limit ffffffff");
	EXPECT_CONTAINS(r.err,
			"\n  idt       base 0000000000000000  limit 0000\n");
}
