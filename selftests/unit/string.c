// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions on MMIO, with and without REP: one access at a time, and
 * the registers between two iterations.
 */
#include "machine.h"

static struct machine m;

static void start(const char *hex, u64 rsi, u64 rdi, u64 rcx)
{
	machine_init(&m, 64);
	machine_code(&m, hex);
	m.e.regs[X86_RSI] = rsi;
	m.e.regs[X86_RDI] = rdi;
	m.e.regs[X86_RCX] = rcx;
	m.e.regs[X86_RAX] = 0x1122334455667788;
}

static void expect_pointers(u64 rsi, u64 rdi, u64 rcx)
{
	EXPECT_EQ(rsi, m.e.regs[X86_RSI]);
	EXPECT_EQ(rdi, m.e.regs[X86_RDI]);
	EXPECT_EQ(rcx, m.e.regs[X86_RCX]);
}

TEST(stos)
{
	start("48 ab", 0, MMIO, 9);
	expect_write(&m, MMIO, 8, 0x1122334455667788);
	expect_done(&m);
	expect_pointers(0, MMIO + 8, 9);
}

TEST(rep_stos_is_one_iteration_at_a_time)
{
	start("f3 aa", 0, MMIO, 2);
	expect_write(&m, MMIO, 1, 0x88);
	expect_more(&m);
	expect_pointers(0, MMIO + 1, 1);
	expect_write(&m, MMIO + 1, 1, 0x88);
	expect_done(&m);
	expect_pointers(0, MMIO + 2, 0);
}

TEST(rep_with_count_0_accesses_nothing)
{
	start("f3 ab", 0, 0xdead000000000000, 0);
	expect_done(&m);
	expect_pointers(0, 0xdead000000000000, 0);
}

TEST(direction_flag)
{
	start("f3 66 ab", 0, MMIO + 4, 2);
	m.e.rflags |= CPU_FLAG_DF;
	expect_write(&m, MMIO + 4, 2, 0x7788);
	expect_more(&m);
	expect_write(&m, MMIO + 2, 2, 0x7788);
	expect_done(&m);
	expect_pointers(0, MMIO, 0);
}

TEST(lods)
{
	start("ad", MMIO, 0, 0);
	expect_read(&m, MMIO, 4, 0x80000001);
	expect_done(&m);
	EXPECT_EQ(0x80000001, m.e.regs[X86_RAX]);
	expect_pointers(MMIO + 4, 0, 0);
}

TEST(movs_mmio_to_mmio)
{
	start("f3 a5", MMIO, MMIO + 0x100, 2);
	expect_read(&m, MMIO, 4, 0x12345678);
	expect_write(&m, MMIO + 0x100, 4, 0x12345678);
	expect_more(&m);
	expect_pointers(MMIO + 4, MMIO + 0x104, 1);
	expect_read(&m, MMIO + 4, 4, 0x9abcdef0);
	expect_write(&m, MMIO + 0x104, 4, 0x9abcdef0);
	expect_done(&m);
}

/* Both operands cross a page: four parts, two of them RAM. */
TEST(movs_across_pages)
{
	u64 from = MMIO - PAGE - 3, to = MMIO + PAGE - 5;

	start("48 a5", from, to, 0);
	machine_poke(&m, from, 3, 0xccbbaa);
	expect_read(&m, MMIO - PAGE, 5, 0x0504030201);
	expect_write(&m, to, 5, 0x0201ccbbaa);
	expect_done(&m);
	EXPECT_EQ(0x050403, machine_peek(&m, MMIO + PAGE, 3));
	EXPECT_EQ(1 + 1, m.reads);
	EXPECT_EQ(1, m.writes);
}

/* The source is read all the same: a device notices. */
TEST(movs_to_a_page_that_is_not_there)
{
	start("a4", MMIO, 0, 0);
	m.page[0] = MACHINE_HOLE;
	expect_read(&m, MMIO, 1, 7);
	expect_fault(&m, X86_VECTOR_PF, X86_PF_WRITE);
	EXPECT_EQ(0, m.e.fault.cr2);
}

/* RAM goes on without user space until the next page, which is MMIO. */
TEST(rep_movs_from_ram_into_mmio)
{
	start("f3 a4", RAM, MMIO - PAGE - 2, 3);
	machine_poke(&m, RAM, 3, 0x332211);
	expect_more(&m);
	expect_pointers(RAM + 2, MMIO - PAGE, 1);
	EXPECT_EQ(0x2211, machine_peek(&m, MMIO - PAGE - 2, 2));
	expect_write(&m, MMIO - PAGE, 1, 0x33);
	expect_done(&m);
}

/* RAM that comes after MMIO is the next call's. */
TEST(rep_stos_from_mmio_into_ram)
{
	start("f3 aa", 0, MMIO + PAGE - 1, 3);
	expect_write(&m, MMIO + PAGE - 1, 1, 0x88);
	expect_more(&m);
	expect_pointers(0, MMIO + PAGE, 2);
	expect_done(&m);
	EXPECT_EQ(0x8888, machine_peek(&m, MMIO + PAGE, 2));
}

/* An element that is part RAM, part MMIO: not begun before its own call. */
TEST(rep_stos_across_a_page)
{
	u64 at = MMIO - PAGE - 6;

	start("f3 ab", 0, at, 2);
	expect_more(&m);
	expect_pointers(0, at + 4, 1);
	EXPECT_EQ(0x55667788, machine_peek(&m, at, 8));
	expect_write(&m, MMIO - PAGE, 2, 0x5566);
	expect_done(&m);
	EXPECT_EQ(0x7788, machine_peek(&m, at + 4, 2));
}

TEST(rep_in_ram_is_bounded)
{
	start("f3 aa", 0, RAM, 3 * PAGE);
	expect_more(&m);
	EXPECT(m.e.regs[X86_RCX] < 3 * PAGE - 100 &&
	       m.e.regs[X86_RCX] > 2 * PAGE,
	       "%llu of %u iterations left", m.e.regs[X86_RCX], 3 * PAGE);
	EXPECT_EQ(RAM + 3 * PAGE - m.e.regs[X86_RCX], m.e.regs[X86_RDI]);
}

/* What was done before the fault is done; the fault comes with the next call */
TEST(rep_faults_midway)
{
	start("f3 aa", 0, RAM + PAGE - 2, 5);
	m.page[RAM / PAGE + 1] = MACHINE_HOLE;
	expect_more(&m);
	expect_pointers(0, RAM + PAGE, 3);
	EXPECT_EQ(0x8888, machine_peek(&m, RAM + PAGE - 2, 2));
	expect_fault(&m, X86_VECTOR_PF, X86_PF_WRITE);
	EXPECT_EQ(RAM + PAGE, m.e.fault.cr2);
	expect_pointers(0, RAM + PAGE, 3);
}

TEST(single_step_is_one_iteration)
{
	start("f3 aa", 0, RAM, 3);
	m.e.rflags |= CPU_FLAG_TF;
	expect_more(&m);
	expect_pointers(0, RAM + 1, 2);
}

TEST(repe_cmps_ends_at_a_difference)
{
	start("f3 a6", RAM, MMIO, 4);
	machine_poke(&m, RAM, 4, 0x04030201);
	expect_read(&m, MMIO, 1, 1);
	expect_more(&m);
	EXPECT_EQ(CPU_FLAG_ZF, m.e.rflags & CPU_FLAG_ZF);
	expect_read(&m, MMIO + 1, 1, 3);
	expect_done(&m);
	expect_pointers(RAM + 2, MMIO + 2, 2);
	/* 2 - 3: the source minus the destination */
	EXPECT_EQ(CPU_FLAG_CF | CPU_FLAG_SF | CPU_FLAG_AF | CPU_FLAG_PF,
		  m.e.rflags & 0x8d5);
}

TEST(repne_scas_ends_at_a_match)
{
	start("f2 af", 0, MMIO, 4);
	expect_read(&m, MMIO, 4, 1);
	expect_more(&m);
	expect_read(&m, MMIO + 4, 4, 0x55667788);
	expect_done(&m);
	expect_pointers(0, MMIO + 8, 2);
}

TEST(segment_override_is_the_source_s)
{
	start("65 a4", 0x10, RAM, 0);
	m.segments[X86_GS].base = MMIO;
	expect_read(&m, MMIO + 0x10, 1, 7);
	expect_done(&m);
	EXPECT_EQ(7, machine_peek(&m, RAM, 1));
}

/* 32-bit addresses in 64-bit mode clear the upper halves of what they count. */
TEST(address_size_override)
{
	start("f3 67 aa", 0, 0xffff000000000000 | MMIO, 0xffff000000000002);
	expect_write(&m, MMIO, 1, 0x88);
	expect_more(&m);
	expect_pointers(0, MMIO + 1, 1);
	expect_write(&m, MMIO + 1, 1, 0x88);
	expect_done(&m);
}

TEST(wraps_at_16_bits)
{
	machine_init(&m, 16);
	machine_page(&m, 0, MACHINE_MMIO);
	machine_page(&m, 15, MACHINE_MMIO);
	machine_code(&m, "f3 aa");
	m.e.regs[X86_RDI] = 0xabcdffff;
	m.e.regs[X86_RCX] = 0x10002;
	expect_write(&m, 0xffff, 1, 0);
	expect_more(&m);
	EXPECT_EQ(0xabcd0000, m.e.regs[X86_RDI]);
	EXPECT_EQ(0x10001, m.e.regs[X86_RCX]);
	expect_write(&m, 0, 1, 0);
	expect_done(&m);
	EXPECT_EQ(0x10000, m.e.regs[X86_RCX]);
}
