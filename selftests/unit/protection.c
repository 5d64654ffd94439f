// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions of the emulated instruction, at its fetch and at its accesses, in
 * those modes that differential.c cannot be in: real-address mode, CPL 0, and
 * addresses that user space cannot map.
 */
#include "machine.h"

static struct machine m;

static void start(unsigned int mode, const char *hex, u64 rbx)
{
	machine_init(&m, mode);
	machine_code(&m, hex);
	m.e.regs[X86_RBX] = rbx;
	m.e.regs[X86_RBP] = rbx;
}

TEST(fetch_across_a_page)
{
	start(64, "", MMIO);
	machine_code_at(&m, 2 * PAGE - 1, "8b 03");
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
	EXPECT_EQ(2 * PAGE + 1, m.e.rip);
}

/* An instruction that ends with the page does not touch the next one. */
TEST(fetch_up_to_the_end_of_a_page)
{
	start(64, "", MMIO);
	machine_page(&m, 2, MACHINE_HOLE);
	machine_code_at(&m, 2 * PAGE - 2, "8b 03");
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
}

TEST(fetch_faults_on_the_second_page)
{
	start(64, "", MMIO);
	machine_page(&m, 2, MACHINE_HOLE);
	machine_code_at(&m, 2 * PAGE - 1, "8b 03");
	m.e.cpl = 3;
	expect_fault(&m, X86_VECTOR_PF, X86_PF_FETCH | X86_PF_USER);
	EXPECT_EQ(2 * PAGE, m.e.fault.cr2);
	EXPECT_EQ(1, m.e.insn.len);
	EXPECT_EQ(0x8b, m.e.insn.bytes[0]);
}

TEST(fetch_from_mmio)
{
	start(64, "8b 03", MMIO);
	machine_page(&m, CODE / PAGE, MACHINE_MMIO);
	expect_result(&m, X86_EMUL_UNHANDLED);
	EXPECT_EQ(0, m.e.insn.len);
}

TEST(fetch_beyond_the_segment)
{
	start(32, "8b 03", MMIO);
	m.segments[X86_CS].limit = CODE + 1;
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);

	start(32, "8b 03", MMIO);
	m.segments[X86_CS].limit = CODE;
	expect_fault(&m, X86_VECTOR_GP, 0);
	start(32, "8b 03", MMIO);
	m.segments[X86_CS].limit = CODE - 1;
	expect_fault(&m, X86_VECTOR_GP, 0);
}

TEST(fetch_has_the_base_of_cs)
{
	start(32, "8b 03", MMIO);
	m.segments[X86_CS].base = CODE - 0x10;
	m.e.rip = 0x10;
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
	EXPECT_EQ(0x12, m.e.rip);
}

TEST(instruction_pointer_wraps_at_4_gib)
{
	start(32, "8b 03", MMIO);
	m.segments[X86_CS].base = CODE + 2;
	m.e.rip = 0xfffffffe;
	expect_read(&m, MMIO, 4, 1);
	expect_result(&m, X86_EMUL_DONE);
	EXPECT_EQ(0, m.e.rip);
}

TEST(fetch_from_an_address_that_is_not_canonical)
{
	start(64, "", MMIO);
	m.e.rip = 0x800000000000;
	expect_fault(&m, X86_VECTOR_GP, 0);
	m.e.cr4 = CPU_CR4_LA57;
	expect_fault(&m, X86_VECTOR_PF, X86_PF_FETCH);
	m.e.rip = 0x100000000000000;
	expect_fault(&m, X86_VECTOR_GP, 0);
}

TEST(instruction_of_more_than_15_bytes)
{
	start(64, "66 66 66 66 66 66 66 66 66 66 66 66 66 8b 03", MMIO);
	expect_read(&m, MMIO, 2, 1);
	expect_done(&m);
	start(64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 8b 03", MMIO);
	expect_fault(&m, X86_VECTOR_GP, 0);
}

TEST(lock_where_it_is_not_allowed)
{
	start(64, "f0 8b 03", MMIO);
	expect_fault(&m, X86_VECTOR_UD, 0);
	EXPECT_EQ(false, m.e.fault.has_error);
	start(64, "f0 39 03", MMIO);	/* cmp */
	expect_fault(&m, X86_VECTOR_UD, 0);
	start(64, "f0 01 c3", MMIO);	/* add to a register */
	expect_fault(&m, X86_VECTOR_UD, 0);
}

/* CR0.PE is clear: no error code. Limits hold even so. */
TEST(real_address_mode)
{
	start(16, "67 8b 03", 0xffff);
	m.e.cr0 = 0;
	m.segments[X86_DS].limit = 0xffff;
	m.segments[X86_DS].ar = 0;	/* types do not matter */
	expect_fault(&m, X86_VECTOR_GP, 0);
	EXPECT_EQ(false, m.e.fault.has_error);
	m.e.regs[X86_RBX] = MMIO;
	expect_read(&m, MMIO, 2, 5);
	expect_done(&m);
	EXPECT_EQ(5, m.e.regs[X86_RAX]);

	start(16, "2e 89 07", MMIO);	/* mov %ax, %cs:(%bx) */
	m.e.cr0 = 0;
	expect_write(&m, MMIO, 2, 0);
	expect_done(&m);
}

TEST(real_address_mode_stack_fault)
{
	start(16, "8b 46 00", 0xffff);	/* mov (%bp), %ax */
	m.e.cr0 = 0;
	m.segments[X86_SS].limit = 0xffff;
	expect_fault(&m, X86_VECTOR_SS, 0);
	EXPECT_EQ(false, m.e.fault.has_error);
}

TEST(virtual_8086_mode)
{
	start(16, "2e 89 07", MMIO);
	m.e.rflags |= CPU_FLAG_VM;
	m.e.cpl = 3;
	expect_write(&m, MMIO, 2, 0);
	expect_done(&m);
	start(16, "8b 07", 0xffff);
	m.e.rflags |= CPU_FLAG_VM;
	m.e.cpl = 3;
	m.segments[X86_DS].limit = 0xffff;
	expect_fault(&m, X86_VECTOR_GP, 0);
	EXPECT_EQ(true, m.e.fault.has_error);
}

TEST(segment_types)
{
	start(32, "89 03", MMIO);
	m.segments[X86_DS].ar &= ~(u32)X86_AR_WRITABLE;
	expect_fault(&m, X86_VECTOR_GP, 0);
	machine_code(&m, "8b 03");
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);

	start(32, "2e 89 03", MMIO);	/* code is never written */
	expect_fault(&m, X86_VECTOR_GP, 0);
	start(32, "2e 8b 03", MMIO);	/* and read only if it says so */
	m.segments[X86_CS].ar &= ~(u32)X86_AR_WRITABLE;
	expect_fault(&m, X86_VECTOR_GP, 0);

	start(32, "8b 03", MMIO);
	m.segments[X86_DS].ar |= X86_AR_UNUSABLE;
	expect_fault(&m, X86_VECTOR_GP, 0);
	EXPECT_EQ(true, m.e.fault.has_error);
	start(32, "8b 45 00", MMIO);
	m.segments[X86_SS].ar |= X86_AR_UNUSABLE;
	expect_fault(&m, X86_VECTOR_SS, 0);
}

TEST(segment_limits)
{
	start(32, "8b 03", MMIO);
	m.segments[X86_DS].limit = MMIO + 3;
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
	start(32, "8b 03", MMIO);
	m.segments[X86_DS].limit = MMIO + 2;
	expect_fault(&m, X86_VECTOR_GP, 0);

	start(32, "8b 03", MMIO);	/* expand-down: above the limit */
	m.segments[X86_DS].ar |= X86_AR_EXPAND_DOWN;
	m.segments[X86_DS].limit = MMIO;
	expect_fault(&m, X86_VECTOR_GP, 0);
	m.segments[X86_DS].limit = MMIO - 1;
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
}

TEST(linear_address_wraps_at_4_gib)
{
	start(32, "8b 03", 0xffffff00);
	m.segments[X86_DS].base = MMIO + 0x100;
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
}

TEST(no_segment_is_read_in_64_bit_mode)
{
	start(64, "2e 8b 03", MMIO);
	m.segments[X86_DS].base = 0x1000;
	m.segments[X86_DS].ar = X86_AR_UNUSABLE;
	expect_read(&m, MMIO, 4, 1);
	expect_done(&m);
	EXPECT_EQ(0, m.segment_calls);

	start(64, "64 8b 03", 0x10);
	m.segments[X86_FS].base = MMIO;
	expect_read(&m, MMIO + 0x10, 4, 1);
	expect_done(&m);
	EXPECT(m.segment_calls > 0, "FS was not read");
}

TEST(data_address_that_is_not_canonical)
{
	start(64, "8b 03", 0x7ffffffffffd);
	expect_fault(&m, X86_VECTOR_GP, 0);
	start(64, "8b 45 00", 0x7ffffffffffd);
	expect_fault(&m, X86_VECTOR_SS, 0);
	start(64, "8b 03", 0x7ffffffffffc);
	expect_fault(&m, X86_VECTOR_PF, 0);
	start(64, "8b 03", 0xffff7fffffffffff);
	expect_fault(&m, X86_VECTOR_GP, 0);
	start(64, "8b 03", 0xffff800000000000);
	expect_fault(&m, X86_VECTOR_PF, 0);

	start(64, "8b 03", 0x800000000000);
	m.e.cr4 = CPU_CR4_LA57;
	expect_fault(&m, X86_VECTOR_PF, 0);
	start(64, "8b 03", 0x100000000000000);
	m.e.cr4 = CPU_CR4_LA57;
	expect_fault(&m, X86_VECTOR_GP, 0);
}

TEST(alignment_check)
{
	start(64, "8b 03", MMIO + 2);
	m.e.cr0 |= CPU_CR0_AM;
	m.e.rflags |= CPU_FLAG_AC;
	m.e.cpl = 3;
	expect_fault(&m, X86_VECTOR_AC, 0);
	EXPECT_EQ(true, m.e.fault.has_error);
	m.e.cpl = 0;
	expect_read(&m, MMIO + 2, 4, 1);
	expect_done(&m);

	start(64, "8b 03", MMIO + 2);	/* without CR0.AM */
	m.e.rflags |= CPU_FLAG_AC;
	m.e.cpl = 3;
	expect_read(&m, MMIO + 2, 4, 1);
	expect_done(&m);
}

TEST(accesses_at_cpl_3_are_the_user_s)
{
	start(64, "89 03", MMIO);
	machine_page(&m, MMIO / PAGE, MACHINE_HOLE);
	m.e.cpl = 3;
	expect_fault(&m, X86_VECTOR_PF, X86_PF_WRITE | X86_PF_USER);
}

/* PUSH and POP use SP, ESP or RSP as the stack segment says. */
TEST(width_of_the_stack_pointer)
{
	start(32, "ff 33", MMIO);
	m.segments[X86_SS].ar &= ~(u32)X86_AR_DB;
	m.segments[X86_SS].base = RAM;
	m.e.regs[X86_RSP] = 0x12340010;
	expect_read(&m, MMIO, 4, 0xaabbccdd);
	expect_done(&m);
	EXPECT_EQ(0x1234000c, m.e.regs[X86_RSP]);
	EXPECT_EQ(0xaabbccdd, machine_peek(&m, RAM + 0xc, 4));

	start(16, "ff 37", MMIO);
	m.segments[X86_SS].ar |= X86_AR_DB;
	m.e.regs[X86_RSP] = RAM + 2;
	expect_read(&m, MMIO, 2, 0xccdd);
	expect_done(&m);
	EXPECT_EQ(RAM, m.e.regs[X86_RSP]);
}

TEST(real_mode_segment_bases)
{
	start(16, "26 8b 40 04", 0);	/* mov %es:4(%bx,%si), %ax */
	m.e.cr0 = 0;
	m.segments[X86_ES].base = MMIO;
	m.e.regs[X86_RBX] = 0xff00;
	m.e.regs[X86_RSI] = 0x0200;
	expect_read(&m, MMIO + 0x104, 2, 0xbeef);
	expect_done(&m);
	EXPECT_EQ(0xbeef, m.e.regs[X86_RAX]);
}
