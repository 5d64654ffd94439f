// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions on memory that user space serves: what it is asked for, in which
 * order, and what has happened by then if things go wrong midway.
 */
#include "machine.h"

static struct machine m;

/* An instruction on (%rbx), which is MMIO; RBX and RAX are set. */
static void start(const char *hex)
{
	machine_init(&m, 64);
	machine_code(&m, hex);
	m.e.regs[X86_RBX] = MMIO;
	m.e.regs[X86_RAX] = 0x1122334455667788;
}

TEST(stores_of_each_width)
{
	start("88 03");
	expect_write(&m, MMIO, 1, 0x88);
	expect_done(&m);
	start("88 23");		/* mov %ah, (%rbx) */
	expect_write(&m, MMIO, 1, 0x77);
	expect_done(&m);
	start("66 89 03");
	expect_write(&m, MMIO, 2, 0x7788);
	expect_done(&m);
	start("89 03");
	expect_write(&m, MMIO, 4, 0x55667788);
	expect_done(&m);
	start("48 89 03");
	expect_write(&m, MMIO, 8, 0x1122334455667788);
	expect_done(&m);
	start("48 c7 03 00 00 00 80");
	expect_write(&m, MMIO, 8, 0xffffffff80000000);
	expect_done(&m);
	start("48 0f c3 03");	/* movnti */
	expect_write(&m, MMIO, 8, 0x1122334455667788);
	expect_done(&m);
	start("8c 1b");		/* mov %ds, (%rbx) */
	expect_write(&m, MMIO, 2, 8 * (X86_DS + 1));
	expect_done(&m);
	start("0f 38 f1 03");	/* movbe */
	expect_write(&m, MMIO, 4, 0x88776655);
	expect_done(&m);
}

TEST(loads_of_each_width)
{
	start("8a 03");
	expect_read(&m, MMIO, 1, 0xab);
	expect_done(&m);
	EXPECT_EQ(0x11223344556677ab, m.e.regs[X86_RAX]);
	start("66 8b 03");
	expect_read(&m, MMIO, 2, 0xabcd);
	expect_done(&m);
	EXPECT_EQ(0x112233445566abcd, m.e.regs[X86_RAX]);
	start("8b 03");
	expect_read(&m, MMIO, 4, 0xabcdef01);
	expect_done(&m);
	EXPECT_EQ(0xabcdef01, m.e.regs[X86_RAX]);
	start("48 8b 03");
	expect_read(&m, MMIO, 8, 0xabcdef0123456789);
	expect_done(&m);
	EXPECT_EQ(0xabcdef0123456789, m.e.regs[X86_RAX]);
	start("48 0f b6 03");	/* movzx */
	expect_read(&m, MMIO, 1, 0x80);
	expect_done(&m);
	EXPECT_EQ(0x80, m.e.regs[X86_RAX]);
	start("48 0f bf 03");	/* movsx */
	expect_read(&m, MMIO, 2, 0x8000);
	expect_done(&m);
	EXPECT_EQ(0xffffffffffff8000, m.e.regs[X86_RAX]);
	start("48 63 03");	/* movsxd */
	expect_read(&m, MMIO, 4, 0x80000000);
	expect_done(&m);
	EXPECT_EQ(0xffffffff80000000, m.e.regs[X86_RAX]);
	start("66 0f 38 f0 03");	/* movbe */
	expect_read(&m, MMIO, 2, 0xabcd);
	expect_done(&m);
	EXPECT_EQ(0x112233445566cdab, m.e.regs[X86_RAX]);
}

TEST(absolute_address_of_8_bytes)
{
	start("48 a1 10 80 00 00 00 00 00 00");
	expect_read(&m, MMIO + 0x10, 8, 5);
	expect_done(&m);
	EXPECT_EQ(5, m.e.regs[X86_RAX]);
	start("a2 11 80 00 00 00 00 00 00");
	expect_write(&m, MMIO + 0x11, 1, 0x88);
	expect_done(&m);
}

/* Read, then write; and a flag to see that it was computed once. */
TEST(read_modify_write)
{
	static const struct {
		const char *hex;
		u64 memory, result;
	} table[] = {
		{ "48 01 03", 1, 0x1122334455667789 },		/* add */
		{ "48 09 03", 0x0f, 0x112233445566778f },	/* or */
		{ "48 11 03", 1, 0x1122334455667789 },		/* adc */
		{ "48 19 03", 0x1122334455667789, 1 },		/* sbb */
		{ "48 21 03", 0xff, 0x88 },			/* and */
		{ "48 29 03", 0x1122334455667789, 1 },		/* sub */
		{ "48 31 03", 0xff, 0x1122334455667777 },	/* xor */
		{ "48 f7 13", 0, ~0ULL },			/* not */
		{ "48 f7 1b", 1, ~0ULL },			/* neg */
		{ "48 ff 03", 6, 7 },				/* inc */
		{ "48 ff 0b", 8, 7 },				/* dec */
		{ "48 0f ba 2b 05", 0, 0x20 },			/* bts */
		{ "48 0f ba 33 05", 0xff, 0xdf },		/* btr */
		{ "48 0f ba 7b 00 05", 0xff, 0xdf },		/* btc */
		{ "f0 48 01 03", 1, 0x1122334455667789 },	/* lock add */
		{ "48 87 03", 5, 0x1122334455667788 },		/* xchg */
		{ "48 0f c1 03", 1, 0x1122334455667789 },	/* xadd */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		start(table[i].hex);
		expect_read(&m, MMIO, 8, table[i].memory);
		expect_write(&m, MMIO, 8, table[i].result);
		expect_done(&m);
	}
	EXPECT_EQ(1, m.e.regs[X86_RAX]);	/* xadd's second result */
}

TEST(compare_reads_only)
{
	start("48 39 03");	/* cmp */
	expect_read(&m, MMIO, 8, 0x1122334455667788);
	expect_done(&m);
	EXPECT_EQ(CPU_FLAG_ZF, m.e.rflags & CPU_FLAG_ZF);
	start("f6 03 80");	/* testb */
	expect_read(&m, MMIO, 1, 0x7f);
	expect_done(&m);
	EXPECT_EQ(CPU_FLAG_ZF, m.e.rflags & CPU_FLAG_ZF);
	start("0f ba 23 03");	/* bt */
	expect_read(&m, MMIO, 4, 8);
	expect_done(&m);
	EXPECT_EQ(CPU_FLAG_CF, m.e.rflags & CPU_FLAG_CF);
	start("48 3b 03");	/* cmp to a register */
	expect_read(&m, MMIO, 8, 0);
	expect_done(&m);
	EXPECT_EQ(0, m.e.rflags & CPU_FLAG_ZF);
}

TEST(cmpxchg_writes_whether_equal_or_not)
{
	start("f0 0f b1 0b");	/* lock cmpxchg %ecx, (%rbx) */
	m.e.regs[X86_RCX] = 7;
	expect_read(&m, MMIO, 4, 0x55667788);
	expect_write(&m, MMIO, 4, 7);
	expect_done(&m);
	EXPECT_EQ(0x1122334455667788, m.e.regs[X86_RAX]);
	EXPECT_EQ(CPU_FLAG_ZF, m.e.rflags & CPU_FLAG_ZF);

	start("f0 0f b1 0b");
	expect_read(&m, MMIO, 4, 5);
	expect_write(&m, MMIO, 4, 5);
	expect_done(&m);
	EXPECT_EQ(5, m.e.regs[X86_RAX]);
	EXPECT_EQ(0, m.e.rflags & CPU_FLAG_ZF);
}

/* The bit is beyond the operand that the address names: before it, too. */
TEST(bit_offset_in_a_register)
{
	start("0f ab 03");	/* bts %eax, (%rbx) */
	m.e.regs[X86_RAX] = 8 * 100 + 3;
	expect_read(&m, MMIO + 100, 4, 0);
	expect_write(&m, MMIO + 100, 4, 8);
	expect_done(&m);

	start("48 0f b3 03");	/* btr %rax, (%rbx) */
	m.e.regs[X86_RAX] = -1;
	expect_read(&m, MMIO - 8, 8, ~0ULL);
	expect_write(&m, MMIO - 8, 8, ~0ULL >> 1);
	expect_done(&m);
}

TEST(push_and_pop)
{
	start("ff 33");
	m.e.regs[X86_RSP] = RAM + 8;
	expect_read(&m, MMIO, 8, 0x1234567890);
	expect_done(&m);
	EXPECT_EQ(RAM, m.e.regs[X86_RSP]);
	EXPECT_EQ(0x1234567890, machine_peek(&m, RAM, 8));

	start("8f 44 24 f8");	/* pop -8(%rsp): RSP as it is after the pop */
	m.e.regs[X86_RSP] = MMIO - 8;
	expect_read(&m, MMIO - 8, 8, 42);
	expect_write(&m, MMIO - 8, 8, 42);
	expect_done(&m);
	EXPECT_EQ(MMIO, m.e.regs[X86_RSP]);
}

/* RAM, then MMIO: 3 bytes before the page's end. */
TEST(load_across_a_page)
{
	u64 at = MMIO - PAGE - 3;

	start("48 8b 03");
	m.e.regs[X86_RBX] = at;
	machine_poke(&m, at, 3, 0x030201);
	expect_read(&m, MMIO - PAGE, 5, 0x0807060504);
	expect_done(&m);
	EXPECT_EQ(0x0807060504030201, m.e.regs[X86_RAX]);
	EXPECT_EQ(1 + 1, m.reads);	/* the code and the first part, once */
}

TEST(store_across_a_page)
{
	start("48 89 03");
	m.e.regs[X86_RBX] = MMIO + PAGE - 6;	/* MMIO, then RAM */
	expect_write(&m, MMIO + PAGE - 6, 6, 0x334455667788);
	EXPECT_EQ(0, m.writes);
	expect_done(&m);
	EXPECT_EQ(0x1122, machine_peek(&m, MMIO + PAGE, 2));
	EXPECT_EQ(1, m.writes);

	start("48 89 03");
	m.e.regs[X86_RBX] = MMIO - 1;		/* two pages of MMIO */
	expect_write(&m, MMIO - 1, 1, 0x88);
	expect_write(&m, MMIO, 7, 0x11223344556677);
	expect_done(&m);
}

/* The part in RAM is changed once, though the instruction runs four times. */
TEST(read_modify_write_across_a_page)
{
	u64 at = MMIO - PAGE - 2;

	start("f0 ff 03");	/* lock incl (%rbx) */
	m.e.regs[X86_RBX] = at;
	machine_poke(&m, at, 2, 0xffff);
	expect_read(&m, MMIO - PAGE, 2, 0x0001);
	EXPECT_EQ(0xffff, machine_peek(&m, at, 2));
	expect_write(&m, MMIO - PAGE, 2, 0x0002);
	EXPECT_EQ(0, machine_peek(&m, at, 2));
	/* Another CPU may write there now; that must stay. */
	machine_poke(&m, at, 2, 0x5555);
	expect_done(&m);
	EXPECT_EQ(0x5555, machine_peek(&m, at, 2));
	EXPECT_EQ(1, m.writes);
}

TEST(first_page_mapped_second_not)
{
	start("48 89 03");
	m.e.regs[X86_RBX] = MMIO + PAGE - 1;
	machine_page(&m, MMIO / PAGE + 1, MACHINE_HOLE);
	expect_fault(&m, X86_VECTOR_PF, X86_PF_WRITE);
	EXPECT_EQ(MMIO + PAGE, m.e.fault.cr2);
	EXPECT_EQ(0, m.writes);
}

/* A read-modify-write needs the right to write before it reads. */
TEST(read_modify_write_of_a_read_only_page)
{
	start("01 03");
	machine_page(&m, MMIO / PAGE, MACHINE_READ_ONLY);
	expect_fault(&m, X86_VECTOR_PF, X86_PF_P | X86_PF_WRITE);
	EXPECT_EQ(MMIO, m.e.fault.cr2);
	EXPECT_EQ(1, m.reads);	/* the code */

	start("39 03");		/* cmp does not write */
	machine_page(&m, MMIO / PAGE, MACHINE_READ_ONLY);
	expect_done(&m);
}

TEST(rom_is_read_as_ram_and_written_as_mmio)
{
	start("01 03");
	machine_page(&m, MMIO / PAGE, MACHINE_ROM);
	machine_poke(&m, MMIO, 4, 1);
	expect_write(&m, MMIO, 4, 0x55667789);
	expect_done(&m);
	EXPECT_EQ(1, machine_peek(&m, MMIO, 4));
	start("f0 01 03");
	machine_page(&m, MMIO / PAGE, MACHINE_ROM);
	expect_write(&m, MMIO, 4, 0x55667788);
	expect_done(&m);
}

/* Between two calls the guest's other CPU has mapped something else there. */
TEST(mapping_changes_between_calls)
{
	u64 value = 9;

	start("01 03");
	expect_read(&m, MMIO, 4, 1);
	m.page[MMIO / PAGE] = MACHINE_HOLE;
	expect_fault(&m, X86_VECTOR_PF, X86_PF_WRITE);

	/* Nothing of the old answer is used for another address. */
	start("01 03");
	expect_read(&m, MMIO, 4, 1);
	m.e.regs[X86_RBX] = MMIO + 8;
	expect_read(&m, MMIO + 8, 4, value);
	expect_write(&m, MMIO + 8, 4, 0x55667788 + value);
	expect_done(&m);
}

TEST(reset_forgets_the_instruction)
{
	start("8b 03");
	expect_read(&m, MMIO, 4, 1);
	x86_emulate_reset(&m.e);
	machine_code(&m, "8b 13");
	expect_read(&m, MMIO, 4, 2);
	expect_done(&m);
	EXPECT_EQ(2, m.e.regs[X86_RDX]);
	EXPECT_EQ(0x1122334455667788, m.e.regs[X86_RAX]);
}

/* The instruction goes on as it was fetched, whatever the guest writes there. */
TEST(code_changes_between_calls)
{
	start("8b 03");
	expect_read(&m, MMIO, 4, 1);
	machine_poke(&m, CODE, 2, 0x0b0f);	/* ud2 */
	expect_done(&m);
	EXPECT_EQ(1, m.e.regs[X86_RAX]);
	m.e.rip = CODE;
	expect_result(&m, X86_EMUL_UNHANDLED);
}

/* What has nothing left to do but this access says so. */
TEST(last_access)
{
	start("89 03");
	expect_result(&m, X86_EMUL_IO);
	EXPECT(m.e.last, "a write");
	start("8b 03");
	expect_result(&m, X86_EMUL_IO);
	EXPECT(m.e.last, "a read into a register");
	start("39 03");		/* cmp */
	expect_result(&m, X86_EMUL_IO);
	EXPECT(m.e.last, "a read for the flags");

	start("01 03");
	expect_result(&m, X86_EMUL_IO);
	EXPECT(!m.e.last, "a read that is written back");
	x86_emulate_complete(&m.e);
	expect_result(&m, X86_EMUL_IO);
	EXPECT(m.e.last, "and the write");

	start("89 03");
	m.e.regs[X86_RBX] = MMIO - 2;
	expect_result(&m, X86_EMUL_IO);
	EXPECT(!m.e.last, "a write to two pages");
	start("8b 03");
	m.e.regs[X86_RBX] = MMIO - 2;
	expect_result(&m, X86_EMUL_IO);
	EXPECT(!m.e.last, "a read of two pages");
}

/* Then only what the instruction changes is new; or all, if the owner asks. */
TEST(registers_set_before_the_last_access_is_served)
{
	start("03 03");		/* add (%rbx), %eax */
	expect_read(&m, MMIO, 4, 1);
	m.e.regs[X86_RCX] = 7;
	expect_done(&m);
	EXPECT_EQ(0x55667789, m.e.regs[X86_RAX]);
	EXPECT_EQ(7, m.e.regs[X86_RCX]);
	EXPECT_EQ(BIT(X86_RAX), m.e.changed);

	start("03 03");
	expect_result(&m, X86_EMUL_IO);
	memcpy(m.e.io.data, "\1\0\0\0", 4);
	m.e.last = false;
	m.e.regs[X86_RBX] = MMIO + 4;
	x86_emulate_complete(&m.e);
	expect_read(&m, MMIO + 4, 4, 2);
	m.e.regs[X86_RBX] = 0;
	expect_done(&m);
	EXPECT_EQ(0x5566778a, m.e.regs[X86_RAX]);
}

/* The same bytes are another instruction in another mode. */
TEST(mode_changes_between_instructions)
{
	start("8b 03");
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
	m.e.mode = 16;		/* mov (%bp, %di), %ax */
	m.e.rip = CODE;
	m.e.regs[X86_RBP] = MMIO;
	m.e.regs[X86_RDI] = 2;
	expect_read(&m, MMIO + 2, 2, 5);
	expect_done(&m);
	EXPECT_EQ(5, m.e.regs[X86_RAX]);
}

/* An instruction that is not complete at the end of a page is fetched anew. */
TEST(same_bytes_but_fewer)
{
	start("c7 03 00 00 00 00");
	expect_write(&m, MMIO, 4, 0);
	expect_done(&m);
	machine_code_at(&m, 2 * PAGE - 4, "c7 03");
	machine_page(&m, 2, MACHINE_HOLE);
	expect_fault(&m, X86_VECTOR_PF, X86_PF_FETCH);
	EXPECT_EQ(4, m.e.insn.len);
}

static void other_cpu_writes(struct machine *machine)
{
	machine_poke(machine, RAM, 4, 100);
	machine->before_exchange = NULL;
}

/* Locked, in RAM: one exchange; if another CPU was faster, all over again. */
TEST(locked_instruction_in_ram)
{
	start("f0 01 03");
	m.e.regs[X86_RBX] = RAM;
	m.before_exchange = other_cpu_writes;
	expect_more(&m);
	EXPECT_EQ(100, machine_peek(&m, RAM, 4));
	EXPECT_EQ(2, m.e.rflags);
	expect_done(&m);
	EXPECT_EQ(0x55667788 + 100, machine_peek(&m, RAM, 4));
	EXPECT_EQ(2, m.exchanges);
	EXPECT_EQ(0, m.writes);

	start("87 03");		/* xchg needs no prefix */
	m.e.regs[X86_RBX] = RAM;
	expect_done(&m);
	EXPECT_EQ(1, m.exchanges);
	start("f0 01 03");	/* no single exchange does this */
	m.e.regs[X86_RBX] = RAM + 2;
	expect_done(&m);
	EXPECT_EQ(0, m.exchanges);
	EXPECT_EQ(0x55667788, machine_peek(&m, RAM + 2, 4));
	start("01 03");		/* nothing is locked here */
	m.e.regs[X86_RBX] = RAM;
	expect_done(&m);
	EXPECT_EQ(0, m.exchanges);
}

TEST(table_not_in_ram)
{
	start("8b 03");
	machine_page(&m, MMIO / PAGE, MACHINE_LOST);
	expect_result(&m, X86_EMUL_UNHANDLED);
	EXPECT_EQ(2, m.e.insn.len);
	EXPECT_EQ(0x8b, m.e.insn.bytes[0]);
	EXPECT_EQ(0x03, m.e.insn.bytes[1]);
}

/* The bytes are there for the report, all that could be fetched. */
TEST(unknown_instruction)
{
	start("0f 10 03");	/* movups */
	expect_result(&m, X86_EMUL_UNHANDLED);
	EXPECT_EQ(X86_INSN_MAX, m.e.insn.len);
	EXPECT(!memcmp(m.e.insn.bytes, m.memory + CODE, X86_INSN_MAX),
	       "wrong bytes");
	machine_code_at(&m, 2 * PAGE - 4, "0f 10 03");
	machine_page(&m, 2, MACHINE_HOLE);
	expect_result(&m, X86_EMUL_UNHANDLED);
	EXPECT_EQ(4, m.e.insn.len);
}

TEST(resume_flag_ends_with_the_instruction)
{
	start("8b 03");
	m.e.rflags |= CPU_FLAG_RF;
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
	EXPECT_EQ(0, m.e.rflags & CPU_FLAG_RF);
}
