// SPDX-License-Identifier: GPL-2.0-only
/*
 * --trace: exits in words, as the hypervisor really makes them. Exits that no
 * guest can provoke are made up in exit_words.c.
 */
#include "launch.h"

static struct result r;

TEST(port_write)
{
	launch_device(&r, "", "--trace", "--mode", "16", guest("status"));
	EXPECT_EQ(42, r.status);
	EXPECT_TEXT(r.err,
		    "minivmm-run: exit 1 vcpu 0: port write 1 byte 0x2a to 0xf4, rip 0x7c02\n");
}

TEST(port_read_shows_the_answer)
{
	/* mov $0x3fd, %dx; in %dx, %al; hlt */
	launch_device(&r, "", "-t", GUEST(0x66, 0xba, 0xfd, 0x03, 0xec, HLT));
	EXPECT_EQ(0, r.status);
	EXPECT_TEXT(r.err,
		    "minivmm-run: exit 1 vcpu 0: port read 1 byte 0x60 from 0x3fd, rip 0x100004\n"
		    "minivmm-run: exit 2 vcpu 0: HLT with interrupts off, rip 0x100006\n");
}

TEST(wide_port_write)
{
	/* mov $0x12345678, %eax; out %eax, $0x10; hlt */
	launch_device(&r, "", "-t",
		      GUEST(0xb8, 0x78, 0x56, 0x34, 0x12, 0xe7, 0x10, HLT));
	EXPECT_CONTAINS(r.err,
			"exit 1 vcpu 0: port write 4 bytes 0x12345678 to 0x10, rip");
}

TEST(mmio_in_both_directions)
{
	/* mov $0xd0000040, %ebx; movl $0x11223344, (%rbx); mov (%rbx), %ax; hlt */
	launch_device(&r, "", "--trace",
		      GUEST(0xbb, 0x40, 0, 0, 0xd0, 0xc7, 0x03, 0x44, 0x33, 0x22,
			    0x11, 0x66, 0x8b, 0x03, HLT));
	EXPECT_EQ(0, r.status);
	EXPECT_CONTAINS(r.err,
			"exit 1 vcpu 0: MMIO write 4 bytes 0x11223344 to 0xd0000040, rip");
	EXPECT_CONTAINS(r.err,
			"exit 2 vcpu 0: MMIO read 2 bytes 0x3344 from 0xd0000040, rip");
	EXPECT_CONTAINS(r.err, "exit 3 vcpu 0: HLT");
}

TEST(halt_with_interrupts_on)
{
	/* sti; hlt */
	launch_device(&r, "", "--trace", GUEST(0xfb, 0x90, HLT));
	EXPECT_EQ(0, r.status);
	EXPECT_CONTAINS(r.err, "vcpu 0: HLT with interrupts on");
}

TEST(each_vcpu_is_named)
{
	launch_device(&r, "", "--trace", "--cpus", "2", GUEST(HLT));
	EXPECT_CONTAINS(r.err, "exit 1 vcpu 0: HLT");
	EXPECT_CONTAINS(r.err, "exit 1 vcpu 1: HLT");
}

TEST(triple_fault)
{
	launch_device(&r, "", "--trace", GUEST(0x0f, 0x0b));
	EXPECT_EQ(125, r.status);
	EXPECT_CONTAINS(r.err,
			"minivmm-run: exit 1 vcpu 0: shutdown: triple fault (");
}

TEST(nothing_is_traced_unless_asked_for)
{
	launch_device(&r, "", guest("hello64"));
	EXPECT_TEXT(r.err, "");
}
