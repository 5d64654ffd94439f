// SPDX-License-Identifier: GPL-2.0-only
/*
 * INS and OUTS: batches, what limits them, and memory that faults or is MMIO.
 */
#include "machine.h"

#define PORT	0x3f8

static struct machine m;

static void start(const char *hex, u64 pointer, u64 rcx)
{
	machine_init(&m, 64);
	machine_code(&m, hex);
	m.e.regs[X86_RSI] = pointer;
	m.e.regs[X86_RDI] = pointer;
	m.e.regs[X86_RCX] = rcx;
	m.e.regs[X86_RDX] = 0xabcd0000 | PORT;
}

TEST(outs_of_each_width)
{
	static const struct {
		const char *hex;
		unsigned int size;
	} table[] = {
		{ "6e", 1 }, { "66 6f", 2 }, { "6f", 4 }, { "48 6f", 4 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		start(table[i].hex, RAM, 77);
		machine_poke(&m, RAM, 8, 0x1122334455667788);
		expect_out(&m, PORT, table[i].size, 1);
		EXPECT(!memcmp(m.pio_data, m.memory + RAM, table[i].size),
		       "wrong data");
		expect_done(&m);
		EXPECT_EQ(RAM + table[i].size, m.e.regs[X86_RSI]);
		EXPECT_EQ(RAM, m.e.regs[X86_RDI]);
		EXPECT_EQ(77, m.e.regs[X86_RCX]);
	}
}

TEST(ins_of_each_width)
{
	static const struct {
		const char *hex;
		unsigned int size;
	} table[] = {
		{ "6c", 1 }, { "66 6d", 2 }, { "6d", 4 }, { "48 6d", 4 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		start(table[i].hex, RAM, 77);
		memcpy(m.pio_data, "\1\2\3\4\5\6\7\10", 8);
		expect_in(&m, PORT, table[i].size, 1);
		EXPECT_EQ(0, m.writes);
		expect_done(&m);
		EXPECT_EQ(0x0807060504030201 & (~0ULL >> (64 - 8 * table[i].size)),
			  machine_peek(&m, RAM, 8));
		EXPECT_EQ(RAM + table[i].size, m.e.regs[X86_RDI]);
		EXPECT_EQ(RAM, m.e.regs[X86_RSI]);
		EXPECT_EQ(77, m.e.regs[X86_RCX]);
	}
}

TEST(rep_outs_in_batches_of_a_page)
{
	unsigned int i;

	start("f3 66 6f", RAM + 0x100, 3000);
	for (i = 0; i < 3 * PAGE; i++)
		m.memory[RAM + i] = i * 7;
	expect_out(&m, PORT, 2, (PAGE - 0x100) / 2);
	EXPECT(!memcmp(m.pio_data, m.memory + RAM + 0x100, PAGE - 0x100),
	       "wrong data");
	expect_more(&m);
	EXPECT_EQ(RAM + PAGE, m.e.regs[X86_RSI]);
	EXPECT_EQ(3000 - (PAGE - 0x100) / 2, m.e.regs[X86_RCX]);
	expect_out(&m, PORT, 2, 3000 - (PAGE - 0x100) / 2);
	expect_done(&m);
	EXPECT_EQ(0, m.e.regs[X86_RCX]);
	EXPECT_EQ(RAM + 0x100 + 6000, m.e.regs[X86_RSI]);
}

TEST(rep_ins_in_batches_of_a_page)
{
	unsigned int i;

	start("f3 6c", RAM, PAGE + 1);
	for (i = 0; i < PAGE; i++)
		m.pio_data[i] = i * 3;
	expect_in(&m, PORT, 1, PAGE);
	expect_more(&m);
	EXPECT(!memcmp(m.pio_data, m.memory + RAM, PAGE), "wrong data");
	EXPECT_EQ(RAM + PAGE, m.e.regs[X86_RDI]);
	expect_in(&m, PORT, 1, 1);
	expect_done(&m);
	EXPECT_EQ(1, m.writes - 1);
}

TEST(count_0)
{
	start("f3 6c", RAM, 0);
	expect_done(&m);
	start("f3 6e", RAM, 0);
	expect_done(&m);
}

TEST(downwards_one_by_one)
{
	start("f3 6f", RAM + 4, 2);
	m.e.rflags |= CPU_FLAG_DF;
	expect_out(&m, PORT, 4, 1);
	expect_more(&m);
	EXPECT_EQ(RAM, m.e.regs[X86_RSI]);
	expect_out(&m, PORT, 4, 1);
	expect_done(&m);
	EXPECT_EQ(RAM - 4, m.e.regs[X86_RSI]);
}

TEST(element_across_a_page)
{
	start("f3 6f", RAM + PAGE - 6, 3);
	machine_poke(&m, RAM + PAGE - 2, 4, 0xaabbccdd);
	expect_out(&m, PORT, 4, 1);
	expect_more(&m);
	expect_out(&m, PORT, 4, 1);
	EXPECT(!memcmp(m.pio_data, "\xdd\xcc\xbb\xaa", 4), "wrong data");
	expect_more(&m);
	expect_out(&m, PORT, 4, 1);
	expect_done(&m);

	start("6d", RAM + PAGE - 2, 0);
	memcpy(m.pio_data, "\xdd\xcc\xbb\xaa", 4);
	expect_in(&m, PORT, 4, 1);
	expect_done(&m);
	EXPECT_EQ(0xaabbccdd, machine_peek(&m, RAM + PAGE - 2, 4));
}

/* The port must not be read if there is no place for what it gives. */
TEST(ins_checks_its_destination_first)
{
	start("6c", RAM, 0);
	m.page[RAM / PAGE] = MACHINE_READ_ONLY;
	expect_fault(&m, X86_VECTOR_PF, X86_PF_P | X86_PF_WRITE);
	start("6d", RAM + PAGE - 2, 0);
	m.page[RAM / PAGE + 1] = MACHINE_HOLE;
	expect_fault(&m, X86_VECTOR_PF, X86_PF_WRITE);
	start("6e", RAM, 0);
	m.page[RAM / PAGE] = MACHINE_HOLE;
	expect_fault(&m, X86_VECTOR_PF, 0);
}

TEST(ins_into_mmio)
{
	start("f3 66 6d", MMIO, 2);
	memcpy(m.pio_data, "\1\2\3\4", 4);
	expect_in(&m, PORT, 2, 2);
	expect_write(&m, MMIO, 2, 0x0201);
	expect_write(&m, MMIO + 2, 2, 0x0403);
	expect_done(&m);
	EXPECT_EQ(MMIO + 4, m.e.regs[X86_RDI]);
	EXPECT_EQ(0, m.e.regs[X86_RCX]);

	/* And once more, with nothing left of the first time. */
	machine_code(&m, "66 6d");
	expect_in(&m, PORT, 2, 1);
	expect_write(&m, MMIO + 4, 2, 0x0201);
	expect_done(&m);
}

/* MMIO becomes RAM midway: what MMIO has got is not stored in RAM as well. */
TEST(ins_into_mmio_that_becomes_ram)
{
	start("f3 66 6d", MMIO, 2);
	memcpy(m.pio_data, "\1\2\3\4", 4);
	expect_in(&m, PORT, 2, 2);
	expect_write(&m, MMIO, 2, 0x0201);
	machine_page(&m, MMIO / PAGE, MACHINE_RAM);
	expect_done(&m);
	EXPECT_EQ(0x04030000, machine_peek(&m, MMIO, 4));
}

TEST(outs_from_mmio)
{
	start("f3 6e", MMIO, 2);
	expect_read(&m, MMIO, 1, 0x5a);
	expect_out(&m, PORT, 1, 1);
	EXPECT_EQ(0x5a, m.pio_data[0]);
	expect_more(&m);
	expect_read(&m, MMIO + 1, 1, 0xa5);
	expect_out(&m, PORT, 1, 1);
	EXPECT_EQ(0xa5, m.pio_data[0]);
	expect_done(&m);
}

/* A batch ends where the segment ends, with the fault after it. */
TEST(segment_ends_within_the_batch)
{
	machine_init(&m, 32);
	machine_code(&m, "f3 6e");
	m.e.regs[X86_RSI] = RAM;
	m.e.regs[X86_RCX] = 10;
	m.segments[X86_DS].limit = RAM + 1;
	expect_out(&m, 0, 1, 1);
	expect_more(&m);
	expect_out(&m, 0, 1, 1);
	expect_more(&m);
	expect_fault(&m, X86_VECTOR_GP, 0);
	EXPECT_EQ(8, m.e.regs[X86_RCX]);

	machine_init(&m, 32);
	machine_code(&m, "f3 6c");
	m.e.regs[X86_RDI] = RAM;
	m.e.regs[X86_RCX] = 10;
	m.segments[X86_ES].limit = RAM;
	expect_in(&m, 0, 1, 1);
	expect_more(&m);
	expect_fault(&m, X86_VECTOR_GP, 0);
}

TEST(single_step_is_one_element)
{
	start("f3 6e", RAM, 3);
	m.e.rflags |= CPU_FLAG_TF;
	expect_out(&m, PORT, 1, 1);
	expect_more(&m);
}

TEST(batch_ends_where_the_offset_wraps)
{
	machine_init(&m, 16);
	machine_code(&m, "f3 6c");
	m.segments[X86_ES].base = 0x800;	/* wraps within a page */
	m.e.regs[X86_RDI] = 0xfffe;
	m.e.regs[X86_RCX] = 3;
	memset(m.pio_data, 0x5a, 3);
	expect_in(&m, 0, 1, 1);
	expect_more(&m);
	expect_in(&m, 0, 1, 1);
	expect_more(&m);
	EXPECT_EQ(0, m.e.regs[X86_RDI]);
	expect_in(&m, 0, 1, 1);
	expect_done(&m);
	EXPECT_EQ(0x5a5a, machine_peek(&m, 0x107fe, 4));
	EXPECT_EQ(0x5a, machine_peek(&m, 0x800, 1));
}

/* User space has set RCX meanwhile: no more than that is counted down. */
TEST(count_lowered_between_calls)
{
	start("f3 6c", RAM, 8);
	expect_in(&m, PORT, 1, 8);
	m.e.regs[X86_RCX] = 3;
	expect_done(&m);
	EXPECT_EQ(0, m.e.regs[X86_RCX]);
	EXPECT_EQ(RAM + 3, m.e.regs[X86_RDI]);
}

TEST(no_room_for_data)
{
	start("6c", RAM, 0);
	m.e.pio_data = NULL;
	expect_result(&m, X86_EMUL_UNHANDLED);
}
