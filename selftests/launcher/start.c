// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state in which a guest starts, as Documentation/launcher.md promises it:
 * where it is, its stack, its registers, its memory. The guests are a few
 * bytes that write what they find to the exit port.
 *
 * Read next: ends.c, how runs end.
 */
#include "launch.h"

static struct result r;

TEST(vcpu_number_is_in_rdi)
{
	/* cmp $2, %edi; je 1f; hlt; 1: mov %edi, %eax; add $40, %al; exit */
	const char *path = GUEST(0x83, 0xff, 0x02, 0x74, 0x01, HLT, 0x89, 0xf8,
				 0x04, 40, OUT_AL, EXIT_PORT, HLT);

	launch_device(&r, "", "--cpus", "3", path);
	EXPECT_EQ(42, r.status);
	launch_device(&r, "", "--cpus", "3", "--mode", "32", path);
	EXPECT_EQ(42, r.status);
	launch_device(&r, "", "--cpus", "2", path);
	EXPECT_EQ(0, r.status);
}

TEST(vcpu_number_is_in_di)
{
	/* 16-bit: cmp $2, %di; je 1f; hlt; 1: mov %di, %ax; add $40, %al; exit */
	const char *path = GUEST(0x83, 0xff, 0x02, 0x74, 0x01, HLT, 0x89, 0xf8,
				 0x04, 40, OUT_AL, EXIT_PORT, HLT);

	launch_device(&r, "", "--cpus", "3", "--mode", "16", path);
	EXPECT_EQ(42, r.status);
}

TEST(number_of_vcpus_is_in_rsi)
{
	/* mov %esi, %eax; exit */
	const char *path = GUEST(0x89, 0xf0, OUT_AL, EXIT_PORT, HLT);

	launch_device(&r, "", "--cpus", "3", path);
	EXPECT_EQ(3, r.status);
	launch_device(&r, "", path);
	EXPECT_EQ(1, r.status);
}

TEST(memory_size_is_in_rdx)
{
	/* mov %rdx, %rax; shr $20, %rax; exit */
	const char *path = GUEST(0x48, 0x89, 0xd0, 0x48, 0xc1, 0xe8, 20,
				 OUT_AL, EXIT_PORT, HLT);

	launch_device(&r, "", path);
	EXPECT_EQ(16, r.status);
	launch_device(&r, "", "--memory", "33M", path);
	EXPECT_EQ(33, r.status);
	launch_device(&r, "", "-m", "3072K", path);
	EXPECT_EQ(3, r.status);
	launch_device(&r, "", "-m", "0x200000", path);
	EXPECT_EQ(2, r.status);
}

/* The last byte is memory and what follows is not. */
TEST(memory_ends_where_it_should)
{
	/* movb $7, -1(%rdx); mov -1(%rdx), %al; exit */
	const char *last = GUEST(0xc6, 0x42, 0xff, 7, 0x8a, 0x42, 0xff,
				 OUT_AL, EXIT_PORT, HLT);

	launch_device(&r, "", "--strict", "--memory", "2M", last);
	EXPECT_EQ(7, r.status);

	/* mov (%rdx), %al; exit */
	launch_device(&r, "", "--strict", "--memory", "2M",
		      GUEST(0x8a, 0x02, OUT_AL, EXIT_PORT, HLT));
	EXPECT_EQ(125, r.status);
	EXPECT_CONTAINS(r.err, "MMIO read 1 byte 0xff from 0x200000");
}

TEST(three_gigabytes)
{
	/* movb $7, -1(%rdx); mov -1(%rdx), %al; exit */
	launch_device(&r, "", "--memory", "3G",
		      GUEST(0xc6, 0x42, 0xff, 7, 0x8a, 0x42, 0xff,
			    OUT_AL, EXIT_PORT, HLT));
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(7, r.status);
}

/* Reads its own last byte, where it should have been loaded. */
TEST(load_address)
{
	/* mov 0x200009, %al (absolute); exit */
	const char *path = GUEST(0x8a, 0x04, 0x25, 0x09, 0x00, 0x20, 0x00,
				 OUT_AL, EXIT_PORT, 77);

	launch_device(&r, "", "--load", "0x200000", path);
	EXPECT_EQ(77, r.status);
	launch_device(&r, "", "-l", "2097152", path);
	EXPECT_EQ(77, r.status);
	launch_device(&r, "", path);
	EXPECT_EQ(0, r.status);
}

TEST(entry_is_not_the_first_byte)
{
	/* mov $1, %al; exit; mov $2, %al; exit */
	const char *path = GUEST(0xb0, 1, OUT_AL, EXIT_PORT, 0xb0, 2,
				 OUT_AL, EXIT_PORT);

	launch_device(&r, "", path);
	EXPECT_EQ(1, r.status);
	launch_device(&r, "", "--entry", "0x100004", path);
	EXPECT_EQ(2, r.status);
	launch_device(&r, "", "--load", "0x300000", "-e", "0x300004", path);
	EXPECT_EQ(2, r.status);
}

/* Above 64K, CS holds the rest of a real-mode address. */
TEST(real_mode_segments)
{
	/* mov %cs, %ax; mov %ds, %bx; cmp %ax, %bx; jne; mov %ah, %al; exit */
	const char *path = GUEST(0x8c, 0xc8, 0x8c, 0xdb, 0x39, 0xc3, 0x75, 0x04,
				 0x88, 0xe0, OUT_AL, EXIT_PORT, HLT);

	launch_device(&r, "", "--mode", "16", "--load", "0x35678", path);
	EXPECT_EQ(0x30, r.status);
	launch_device(&r, "", "--mode", "16", path);
	EXPECT_EQ(0, r.status);
}

/* Two vCPUs push, and each finds its own value again. */
TEST(each_vcpu_has_a_stack)
{
	/*
	 * mov %edi, %ebx; push %rbx; mov $100000, %ecx; 1: pause; loop 1b;
	 * pop %rax; cmp %ebx, %eax; je 2f; mov $1, %al; exit; 2: hlt
	 */
	const char *path = GUEST(0x89, 0xfb, 0x53, 0xb9, 0xa0, 0x86, 0x01, 0x00,
				 0xf3, 0x90, 0xe2, 0xfc, 0x58, 0x39, 0xd8,
				 0x74, 0x04, 0xb0, 1, OUT_AL, EXIT_PORT, HLT);

	launch_device(&r, "", "--cpus", "4", path);
	EXPECT_EQ(0, r.status);
}

TEST(stacks_are_below_the_load_address)
{
	/* 64-bit: mov %rsp, %rax; shr $12, %rax; cmp $1, %edi; jne 1f; exit; 1: hlt */
	launch_device(&r, "", "--cpus", "2", "--load", "0x20000",
		      GUEST(0x48, 0x89, 0xe0, 0x48, 0xc1, 0xe8, 12, 0x83, 0xff,
			    0x01, 0x75, 0x02, OUT_AL, EXIT_PORT, HLT));
	EXPECT_EQ(0x1f, r.status);
	/* 16-bit: mov %sp, %ax; mov %ah, %al; exit */
	launch_device(&r, "", "--mode", "16",
		      GUEST(0x89, 0xe0, 0x88, 0xe0, OUT_AL, EXIT_PORT));
	EXPECT_EQ(0x7c, r.status);
}

/* SP counts from the start of a segment that the guest itself is in. */
TEST(no_stack_for_real_mode_above_64k)
{
	/* test %sp, %sp; setz %al; exit */
	const char *path = GUEST(0x85, 0xe4, 0x0f, 0x94, 0xc0, OUT_AL,
				 EXIT_PORT);

	launch_device(&r, "", "--mode", "16", "--load", "0x20000", path);
	EXPECT_EQ(1, r.status);
	launch_device(&r, "", "--mode", "16", "--load", "0xf000", path);
	EXPECT_EQ(0, r.status);
}

/* No room below 0x9000 for two stacks of 4 KiB above the page tables. */
TEST(no_stack_where_there_is_no_room)
{
	/* test %rsp, %rsp; setz %al; exit */
	const char *path = GUEST(0x48, 0x85, 0xe4, 0x0f, 0x94, 0xc0,
				 OUT_AL, EXIT_PORT);

	launch_device(&r, "", "--load", "0x9000", path);
	EXPECT_EQ(0, r.status);
	launch_device(&r, "", "--load", "0x9000", "--cpus", "2", path);
	EXPECT_EQ(1, r.status);
}

TEST(sse_works_in_64_bit_mode)
{
	/* mov $9, %eax; cvtsi2sd %eax, %xmm0; sqrtsd %xmm0, %xmm0; cvttsd2si %xmm0, %eax; exit */
	launch_device(&r, "",
		      GUEST(0xb8, 9, 0, 0, 0, 0xf2, 0x0f, 0x2a, 0xc0, 0xf2, 0x0f,
			    0x51, 0xc0, 0xf2, 0x0f, 0x2c, 0xc0,
			    OUT_AL, EXIT_PORT));
	EXPECT_TEXT(r.err, "");
	EXPECT_EQ(3, r.status);
}

/* CPUID leaf 1 has the APIC id in EBX 31:24. */
TEST(apic_id_is_the_vcpu_number)
{
	/* mov $1, %eax; cpuid; shr $24, %ebx; cmp $2, %edi; jne 1f; mov %ebx, %eax; exit; 1: hlt */
	launch_device(&r, "", "--cpus", "3",
		      GUEST(0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xc1, 0xeb, 24, 0x83,
			    0xff, 2, 0x75, 0x04, 0x89, 0xd8,
			    OUT_AL, EXIT_PORT, HLT));
	EXPECT_EQ(2, r.status);
}
