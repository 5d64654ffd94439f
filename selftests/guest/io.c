// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O: IN and OUT of each width, and the string forms.
 *
 * SDM Vol. 2, "IN", "OUT", "INS", "OUTS", "REP". A repeated instruction may come
 * to user space in exits of any number of items each (KVM itself batches INS
 * and not OUTS), so the tests count items and not exits.
 */
#include "check.h"
#include "trap.h"

#define PORT	0x1f0
#define RAM	GUEST_FREE

/* The guest must have written exactly these items to PORT. */
static void expect_out(struct vcpu *vcpu, unsigned int size, const void *items,
		       unsigned int count)
{
	const uint8_t *expected = items;

	while (count) {
		struct minivmm_run *run = vcpu->run;

		vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
		if (run->io.direction != MINIVMM_EXIT_IO_OUT || run->io.port != PORT ||
		    run->io.size != size || !run->io.count || run->io.count > count) {
			vcpu_explain(vcpu);
			ASSERT(false, "expected OUT of %u bytes, up to %u times", size, count);
		}
		EXPECT(!memcmp(expected, vcpu_io_data(vcpu), size * run->io.count),
		       "wrong data, %u items before the end", count);
		expected += size * run->io.count;
		count -= run->io.count;
	}
}

/* The guest must read exactly so many items from PORT, and gets these. */
static void expect_in(struct vcpu *vcpu, unsigned int size, const void *items,
		      unsigned int count)
{
	const uint8_t *answer = items;

	while (count) {
		struct minivmm_run *run = vcpu->run;

		vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
		if (run->io.direction != MINIVMM_EXIT_IO_IN || run->io.port != PORT ||
		    run->io.size != size || !run->io.count || run->io.count > count) {
			vcpu_explain(vcpu);
			ASSERT(false, "expected IN of %u bytes, up to %u times", size, count);
		}
		memcpy(vcpu_io_data(vcpu), answer, size * run->io.count);
		answer += size * run->io.count;
		count -= run->io.count;
	}
}

#define IO_TEST(name, bits, mode, code, ...)				\
	CHECKED_TEST(name, bits, guest_new(mode, guest_##name), code, __VA_ARGS__)

#define LONG_TEST(name, code, ...)					\
	IO_TEST(name, 64, MODE_LONG, "mov $0x1f0, %edx\n"		\
		"movabs $0x8877665544332211, %rax\n" code, __VA_ARGS__)

#define OUT(size, data, count)	expect_out(vcpu, size, data, count)
#define IN(size, data, count)	expect_in(vcpu, size, data, count)
#define REG(name, value)	EQUAL(value, regs.name)
#define PUT(gpa, text)		vm_write(vcpu->vm, gpa, text, sizeof(text) - 1)
#define MEM(gpa, text)							\
	EQUAL(0, memcmp(vm_at(vcpu->vm, gpa), text, sizeof(text) - 1))

LONG_TEST(out8, "out %al, %dx\n", OUT(1, "\x11", 1), HLT)
LONG_TEST(out16, "out %ax, %dx\n", OUT(2, "\x11\x22", 1), HLT)
LONG_TEST(out32, "out %eax, %dx\n", OUT(4, "\x11\x22\x33\x44", 1), HLT)
LONG_TEST(in8, "in %dx, %al\n", IN(1, "\xee", 1), HLT, REG(rax, 0x88776655443322ee))
LONG_TEST(in16, "in %dx, %ax\n", IN(2, "\xee\xff", 1), HLT,
	  REG(rax, 0x887766554433ffee))
LONG_TEST(in32, "in %dx, %eax\n", IN(4, "\1\2\3\x80", 1), HLT, REG(rax, 0x80030201))

GUEST16(guest_immediate, "mov $0x5aa5, %ax\n out %al, $0x42\n out %ax, $0x43\n"
			 "in $0x44, %al\n hlt\n");

TEST(immediate_ports_in_real_mode)
{
	struct vcpu *vcpu = guest_new(MODE_REAL, guest_immediate);

	EXPECT_EQ(0xa5, vcpu_run_to_out(vcpu, 0x42));
	EXPECT_EQ(0x5aa5, vcpu_run_to_out(vcpu, 0x43));
	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	EXPECT_EQ(MINIVMM_EXIT_IO_IN, vcpu->run->io.direction);
	EXPECT_EQ(0x44, vcpu->run->io.port);
	*(uint8_t *)vcpu_io_data(vcpu) = 0x99;
	EXPECT_EQ(0x5a99, expect_hlt(vcpu).rax);
}

GUEST64(guest_all_ports, "1: mov %ecx, %edx\n out %al, %dx\n add $0x1111, %ecx\n"
			 "cmp $0x10000, %ecx\n jb 1b\n hlt\n");

/* None is handled inside, whatever a PC has there. */
TEST(every_port_comes_to_user_space)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_all_ports);

	for (unsigned int port = 0; port < 0x10000; port += 0x1111)
		vcpu_run_to_out(vcpu, port);
	expect_hlt(vcpu);
}

LONG_TEST(outsb, "mov $0x40000, %esi\n outsb\n", PUT(RAM, "\x5a"), OUT(1, "\x5a", 1),
	  HLT, REG(rsi, RAM + 1))
LONG_TEST(outsw, "mov $0x40000, %esi\n outsw\n", PUT(RAM, "\x5a\xa5"),
	  OUT(2, "\x5a\xa5", 1), HLT, REG(rsi, RAM + 2))
LONG_TEST(outsl, "mov $0x40000, %esi\n outsl\n", PUT(RAM, "\1\2\3\4"),
	  OUT(4, "\1\2\3\4", 1), HLT, REG(rsi, RAM + 4))
LONG_TEST(insb, "mov $0x40000, %edi\n insb\n", IN(1, "\x5a", 1), HLT,
	  REG(rdi, RAM + 1), MEM(RAM, "\x5a\0"))
LONG_TEST(insw, "mov $0x40000, %edi\n insw\n", IN(2, "\x5a\xa5", 1), HLT,
	  REG(rdi, RAM + 2), MEM(RAM, "\x5a\xa5\0"))
LONG_TEST(insl, "mov $0x40000, %edi\n insl\n", IN(4, "\1\2\3\4", 1), HLT,
	  REG(rdi, RAM + 4), MEM(RAM, "\1\2\3\4\0"))
LONG_TEST(outsb_down, "mov $0x40001, %esi\n std\n outsb\n outsb\n", PUT(RAM, "ba"),
	  OUT(1, "ab", 2), HLT, REG(rsi, RAM - 1))

LONG_TEST(rep_outsb, "mov $0x40000, %esi\n mov $5, %ecx\n rep outsb\n",
	  PUT(RAM, "Hello, world"), OUT(1, "Hello", 5), HLT, REG(rsi, RAM + 5), REG(rcx, 0))
LONG_TEST(rep_outsw_down, "mov $0x40004, %esi\n mov $3, %ecx\n std\n rep outsw\n",
	  PUT(RAM, "\5\6\3\4\1\2"), OUT(2, "\1\2\3\4\5\6", 3), HLT, REG(rsi, RAM - 2),
	  REG(rcx, 0))
LONG_TEST(rep_outsl, "mov $0x40000, %esi\n mov $2, %ecx\n rep outsl\n",
	  PUT(RAM, "abcdefgh"), OUT(4, "abcdefgh", 2), HLT, REG(rsi, RAM + 8), REG(rcx, 0))
LONG_TEST(rep_insb, "mov $0x40000, %edi\n mov $5, %ecx\n rep insb\n",
	  IN(1, "Hello", 5), HLT, REG(rdi, RAM + 5), REG(rcx, 0), MEM(RAM, "Hello\0"))
LONG_TEST(rep_insw_down, "mov $0x40004, %edi\n mov $3, %ecx\n std\n rep insw\n",
	  IN(2, "\1\2\3\4\5\6", 3), HLT, REG(rdi, RAM - 2), REG(rcx, 0),
	  MEM(RAM, "\5\6\3\4\1\2"))
LONG_TEST(rep_insl, "mov $0x40000, %edi\n mov $2, %ecx\n rep insl\n",
	  IN(4, "abcdefgh", 2), HLT, REG(rdi, RAM + 8), REG(rcx, 0), MEM(RAM, "abcdefgh\0"))
LONG_TEST(rep_outsb_count_0, "mov $0x40000, %esi\n xor %ecx, %ecx\n rep outsb\n",
	  HLT, REG(rsi, RAM), REG(rcx, 0))
LONG_TEST(rep_insb_count_0, "mov $0x40000, %edi\n xor %ecx, %ecx\n rep insb\n",
	  HLT, REG(rdi, RAM), REG(rcx, 0))
LONG_TEST(rep_outsb_address_size_32,
	  "movabs $0x100040000, %rsi\n movabs $0x700000002, %rcx\n addr32 rep outsb\n",
	  PUT(RAM, "ab"), OUT(1, "ab", 2), HLT, REG(rsi, RAM + 2), REG(rcx, 0))

/* Long ones: more than a page, at an odd place. */
GUEST64(guest_long_outs, "mov $0x1f0, %edx\n mov $0x40ffd, %esi\n mov $2500, %ecx\n"
			 "rep outsw\n hlt\n");

TEST(rep_outsw_across_pages)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_long_outs);
	struct minivmm_regs regs;
	uint8_t data[5000];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	vm_write(vcpu->vm, RAM + 0xffd, data, sizeof(data));
	OUT(2, data, 2500);
	HLT;
	REG(rsi, RAM + 0xffd + 5000);
	REG(rcx, 0);
}

GUEST64(guest_long_ins, "mov $0x1f0, %edx\n mov $0x40ffe, %edi\n mov $1500, %ecx\n"
			"rep insl\n hlt\n");

TEST(rep_insl_across_pages)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_long_ins);
	struct minivmm_regs regs;
	uint8_t data[6000];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * 11;
	IN(4, data, 1500);
	HLT;
	REG(rdi, RAM + 0xffe + 6000);
	REG(rcx, 0);
	EXPECT_TRUE(!memcmp(vm_at(vcpu->vm, RAM + 0xffe), data, sizeof(data)));
	MEM(RAM + 0xffe + 6000, "\0\0\0\0");
}

LONG_TEST(rep_insb_to_pages_that_are_not_adjacent,
	  "mov $0x123ffe, %edi\n mov $4, %ecx\n rep insb\n",
	  vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_W),
	  vm_map(vcpu, 0x124000, (RAM + 0x8000) | PTE_P | PTE_W),
	  IN(1, "abcd", 4), HLT, MEM(RAM + 0xffe, "ab\0\0"), MEM(RAM + 0x8000, "cd\0"))

LONG_TEST(outs_with_gs_source,
	  "mov $0xc0000101, %ecx\n mov $0x40000, %eax\n xor %edx, %edx\n wrmsr\n"
	  "mov $0x1f0, %edx\n mov $2, %esi\n .byte 0x65\n outsb\n",
	  PUT(RAM, "abc"), OUT(1, "c", 1), HLT, REG(rsi, 3))

IO_TEST(real_rep_outsb_wraps_at_64k, 16, MODE_REAL,
	"mov $0x1f0, %dx\n mov $0x3000, %ax\n mov %ax, %ds\n"
	"mov $0xfffe, %esi\n mov $3, %ecx\n rep outsb\n",
	PUT(0x3fffe, "ab"), PUT(0x30000, "c"), OUT(1, "abc", 3), HLT, REG(rsi, 1),
	REG(rcx, 0))
IO_TEST(real_rep_insw, 16, MODE_REAL,
	"mov $0x1f0, %dx\n mov $0x3000, %ax\n mov %ax, %es\n"
	"mov $0x10, %di\n mov $2, %cx\n rep insw\n",
	IN(2, "abcd", 2), HLT, REG(rdi, 0x14), MEM(0x30010, "abcd\0"))
IO_TEST(prot32_outs_with_segment_base, 32, MODE_PROT32,
	"mov $0x1f0, %edx\n mov $1, %esi\n outsl\n",
	set_bases(vcpu, RAM, 0),
	PUT(RAM, "abcdefg"), OUT(4, "bcde", 1), HLT, REG(rsi, 5))

/* ---- faults inside ---- */

GUEST64(guest_outs_fault, "mov $0x1f0, %edx\n mov $0x123ffe, %esi\n mov $4, %ecx\n"
			  "rep outsb\n hlt\n");

/* What was read before the fault has been written; then it goes on. */
TEST(fault_inside_rep_outsb)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_outs_fault);
	struct minivmm_regs regs;
	struct trap *trap;

	PUT(RAM + 0xffe, "ab");
	PUT(RAM + 0x1000, "cd");
	vm_map(vcpu, 0x124000, 0);
	vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_W);
	OUT(1, "ab", 2);
	trap = trap_expect(vcpu, PF, 0);
	EXPECT_EQ(0x124000, trap->cr2);
	regs = vcpu_regs(vcpu);
	REG(rcx, 2);
	REG(rsi, 0x124000);
	((uint64_t *)vm_at(vcpu->vm, vcpu->vm->next_table - 0x1000))[0x124] =
		(RAM + 0x1000) | PTE_P | PTE_W;
	OUT(1, "cd", 2);
	HLT;
	REG(rcx, 0);
	REG(rsi, 0x124002);
}

GUEST64(guest_ins_fault, "mov $0x1f0, %edx\n mov $0x123ffe, %edi\n mov $4, %ecx\n"
			 "rep insb\n hlt\n");

/* Ports may be read before the fault is found, but no item may be lost before it. */
TEST(fault_inside_rep_insb)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ins_fault);
	struct minivmm_run *run = vcpu->run;
	struct minivmm_regs regs;

	vm_map(vcpu, 0x124000, 0);
	vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_W);
	for (uint8_t next = 1; ; ) {
		ASSERT_OK(vcpu_run(vcpu));
		if (run->exit_reason != MINIVMM_EXIT_IO)
			break;
		ASSERT_EQ(1, run->io.size);
		for (unsigned int i = 0; i < run->io.count; i++)
			((uint8_t *)vcpu_io_data(vcpu))[i] = next++;
	}
	ASSERT_EQ(MINIVMM_EXIT_HLT, run->exit_reason);
	EXPECT_EQ(PF, trap_record(vcpu)->vector);
	EXPECT_EQ(2, trap_record(vcpu)->error);
	EXPECT_EQ(0x124000, trap_record(vcpu)->cr2);
	regs = vcpu_regs(vcpu);
	REG(rcx, 2);
	REG(rdi, 0x124000);
	MEM(RAM + 0xffe, "\1\2");
}

GUEST64(guest_outs_read_only, "mov $0x1f0, %edx\n mov $0x123000, %edi\n insb\n hlt\n");

TEST(insb_to_a_read_only_page)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_outs_read_only);

	vm_map(vcpu, 0x123000, RAM | PTE_P);
	ASSERT_OK(vcpu_run(vcpu));
	if (vcpu->run->exit_reason == MINIVMM_EXIT_IO)
		ASSERT_OK(vcpu_run(vcpu));
	ASSERT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
	EXPECT_EQ(PF, trap_record(vcpu)->vector);
	EXPECT_EQ(3, trap_record(vcpu)->error);
	EXPECT_EQ(0x123000, trap_record(vcpu)->cr2);
}

/* Ring 3 without IOPL may do what the TSS's bitmap says. */
GUEST64(guest_ring3_out,
	"pushq $0x2b\n pushq $0x7000\n pushq $2\n pushq $0x33\n"
	"lea 1f(%rip), %rax\n push %rax\n iretq\n"
	"1: out %al, $0x42\n"
	"2: jmp 2b\n");

TEST(out_from_ring_3_without_bitmap_is_a_fault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ring3_out);
	uint16_t beyond_the_limit = 0x68;

	vm_write(vcpu->vm, GUEST_TSS + 102, &beyond_the_limit, 2);
	trap_expect(vcpu, GP, 0);
}

TEST(out_from_ring_3_with_bitmap)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ring3_out);

	/* its base is 0: the first bytes of the TSS, which are 0 at 0x42 / 8 */
	vcpu_run_to_out(vcpu, 0x42);
}

/* A signal between two items: nothing is lost, nothing is done twice. */
TEST(rep_outsb_interrupted)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_rep_outsb);
	struct minivmm_regs regs;

	PUT(RAM, "Hello");
	for (unsigned int i = 0; i < 5; ) {
		vcpu->run->immediate_exit = 0;
		vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
		EXPECT_TRUE(!memcmp(&"Hello"[i], vcpu_io_data(vcpu), vcpu->run->io.count));
		i += vcpu->run->io.count;
		vcpu->run->immediate_exit = 1;
		EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
		regs = vcpu_regs(vcpu);
		REG(rcx, 5 - i);
		REG(rsi, RAM + i);
	}
	vcpu->run->immediate_exit = 0;
	HLT;
	REG(rcx, 0);
}
