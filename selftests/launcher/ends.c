// SPDX-License-Identifier: GPL-2.0-only
/*
 * How runs end, and what is said about accesses that no device answers.
 *
 * Read next: trace.c, exits in words.
 */
#include "launch.h"

static struct result r;

TEST(status_0_when_all_have_halted)
{
	launch_device(&r, "", "--cpus", "3", GUEST(HLT));
	EXPECT_EQ(0, r.status);
	EXPECT_TEXT(r.err, "");
}

/* vCPU 0 ends the run while the others spin. */
TEST(exit_port_ends_all_vcpus)
{
	/* test %edi, %edi; 1: jnz 1b; mov $9, %al; exit */
	launch_device(&r, "", "--cpus", "3",
		      GUEST(0x85, 0xff, 0x75, 0xfe, 0xb0, 9,
			    OUT_AL, EXIT_PORT, HLT));
	EXPECT_EQ(9, r.status);
	EXPECT_TEXT(r.err, "");
}

/* Halting is not ending: vCPU 1 goes on and has the last word. */
TEST(one_that_halts_does_not_end_the_others)
{
	/* test %edi, %edi; jnz 1f; hlt; 1: mov $3000000, %ecx; 2: loop 2b; mov $8, %al; exit */
	launch_device(&r, "", "--cpus", "2",
		      GUEST(0x85, 0xff, 0x75, 0x01, HLT, 0xb9, 0xc0, 0xc6, 0x2d,
			    0x00, 0xe2, 0xfe, 0xb0, 8, OUT_AL, EXIT_PORT, HLT));
	EXPECT_EQ(8, r.status);
}

/* vCPU 1 breaks: the run ends, though vCPU 0 spins. */
TEST(triple_fault_ends_all_vcpus)
{
	/* test %edi, %edi; 1: jz 1b; ud2 */
	launch_device(&r, "", "--cpus", "2",
		      GUEST(0x85, 0xff, 0x74, 0xfe, 0x0f, 0x0b));
	EXPECT_EQ(125, r.status);
	EXPECT_CONTAINS(r.err, "minivmm-run: vCPU 1: shutdown: triple fault");
	EXPECT_CONTAINS(r.err, "minivmm-run: registers of vCPU 1:\n");
}

TEST(exit_status_255)
{
	launch_device(&r, "", GUEST(0xb0, 255, OUT_AL, EXIT_PORT));
	EXPECT_EQ(255, r.status);
	EXPECT_TEXT(r.err, "");
}

TEST(exit_port_takes_wider_writes)
{
	/* mov $5, %eax; out %eax, $0xf4 */
	launch_device(&r, "", GUEST(0xb8, 5, 0, 0, 0, 0xe7, 0xf4));
	EXPECT_EQ(5, r.status);
	/* mov $6, %eax; out %ax, $0xf4 */
	launch_device(&r, "", GUEST(0xb8, 6, 0, 0, 0, 0x66, 0xe7, 0xf4));
	EXPECT_EQ(6, r.status);
}

/* 256 must not become 0, which is success. */
TEST(exit_status_above_255_is_an_error)
{
	/* mov $256, %eax; out %eax, $0xf4 */
	launch_device(&r, "", GUEST(0xb8, 0, 1, 0, 0, 0xe7, 0xf4));
	EXPECT_EQ(125, r.status);
	EXPECT_TEXT(r.err,
		    "minivmm-run: the guest wrote 0x100 to the exit port; an exit status is 0 to 255\n");
}

TEST(unclaimed_port_is_told_at_the_end)
{
	/* in $0x99, %al; out %al, $0x80; out %al, $0xf4 */
	launch_device(&r, "", GUEST(0xe4, 0x99, 0xe6, 0x80, OUT_AL, EXIT_PORT));
	EXPECT_EQ(255, r.status);
	EXPECT_TEXT(r.err,
		    "minivmm-run: no device answered 2 of the guest's accesses (reads gave all ones, writes were dropped); first: port read 1 byte 0xff from 0x99, rip 0x100000; --strict stops there\n");
}

TEST(unclaimed_port_ends_a_strict_run)
{
	launch_device(&r, "", "--strict",
		      GUEST(0xe4, 0x99, 0xe6, 0x80, OUT_AL, EXIT_PORT));
	EXPECT_EQ(125, r.status);
	EXPECT_CONTAINS(r.err,
			"minivmm-run: vCPU 0: port read 1 byte 0xff from 0x99, rip 0x100000: no device answers there; correct the guest, or leave --strict out\n");
	EXPECT_CONTAINS(r.err, "minivmm-run: registers of vCPU 0:\n");
	EXPECT(!strstr(r.err, "0x80"), "the guest went on: %s", r.err);
}

TEST(strict_run_of_a_correct_guest)
{
	launch_device(&r, "", "--strict", guest("mmio"));
	EXPECT_EQ(0, r.status);
	EXPECT_TEXT(r.err, "");
}

/* Reads of nothing give all ones in every width; the byte swap tells. */
TEST(unclaimed_mmio_reads_all_ones)
{
	/* mov $0xe0000000, %ebx; mov (%rbx), %rax; inc %rax; setz %al; exit */
	launch_device(&r, "",
		      GUEST(0xbb, 0, 0, 0, 0xe0, 0x48, 0x8b, 0x03, 0x48, 0xff,
			    0xc0, 0x0f, 0x94, 0xc0, OUT_AL, EXIT_PORT));
	EXPECT_EQ(1, r.status);
	EXPECT_CONTAINS(r.err,
			"first: MMIO read 8 bytes 0xffffffffffffffff from 0xe0000000, rip 0x100005;");
}

/* The test device answers 4 bytes at its start, but not 1. */
TEST(hole_in_a_device_is_unclaimed)
{
	/* mov $0xd0000000, %ebx; mov (%rbx), %al; exit */
	launch_device(&r, "", GUEST(0xbb, 0, 0, 0, 0xd0, 0x8a, 0x03,
				    OUT_AL, EXIT_PORT));
	EXPECT_EQ(255, r.status);
	EXPECT_CONTAINS(r.err, "first: MMIO read 1 byte 0xff from 0xd0000000");
}

/* The hypervisor cannot emulate it, and the guest learns nothing of it. */
TEST(code_outside_memory_is_an_internal_error)
{
	/* mov $0xe0000000, %eax; jmp *%rax */
	launch_device(&r, "", GUEST(0xb8, 0, 0, 0, 0xe0, 0xff, 0xe0));
	EXPECT_EQ(125, r.status);
	EXPECT_CONTAINS(r.err,
			"minivmm-run: vCPU 0: hypervisor's internal error 1: ");
	EXPECT_CONTAINS(r.err, "rip 00000000e0000000");
}
