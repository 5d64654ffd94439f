// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO by instructions that compute: AND, OR, XOR, TEST, CMP, XCHG, BTS.
 *
 * SDM Vol. 2, the instructions' own pages. A read-modify-write is a read exit
 * and then a write exit; TEST and CMP only read; the status flags are those of
 * the operation.
 */
#include "mmio.h"

#define CF	0x001
#define PF	0x004
#define AF	0x010
#define ZF	0x040
#define SF	0x080
#define OF	0x800

/* Memory is the destination. */
LONG_TEST(and_m8_r8, "and %al, (%rbx)\n", R(0, 1, 0x99), W(0, 1, 0x11), HLT,
	  FLAGS(FLAGS_LOGIC, PF))
LONG_TEST(and_m16_r16, "and %ax, (%rbx)\n", R(0, 2, 0xff00), W(0, 2, 0x2200), HLT,
	  FLAGS(FLAGS_LOGIC, PF))
LONG_TEST(and_m32_r32, "and %eax, (%rbx)\n", R(0, 4, 0x88cc8800), W(0, 4, 0), HLT,
	  FLAGS(FLAGS_LOGIC, PF | ZF))
LONG_TEST(and_m64_r64, "and %rax, (%rbx)\n", R(0, 8, 0xff000000000000ff),
	  W(0, 8, 0x8800000000000011), HLT, FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(and_m32_imm8, "andl $-16, (%rbx)\n", R(0, 4, 0x1234567f), W(0, 4, 0x12345670),
	  HLT, FLAGS(FLAGS_LOGIC, 0))
LONG_TEST(and_m32_imm32, "andl $0xff00, (%rbx)\n", R(0, 4, 0x12345678), W(0, 4, 0x5600),
	  HLT, FLAGS(FLAGS_LOGIC, PF))
LONG_TEST(and_m8_imm8, "andb $0x81, (%rbx)\n", R(0, 1, 0xff), W(0, 1, 0x81), HLT,
	  FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(and_m64_imm32_sign_extended, "andq $-256, (%rbx)\n",
	  R(0, 8, 0xffffffffffffffff), W(0, 8, 0xffffffffffffff00), HLT,
	  FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(or_m8_r8, "or %al, (%rbx)\n", R(0, 1, 0x80), W(0, 1, 0x91), HLT,
	  FLAGS(FLAGS_LOGIC, SF))
LONG_TEST(or_m32_r32, "or %eax, (%rbx)\n", R(0, 4, 0x88000000), W(0, 4, 0xcc332211), HLT,
	  FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(or_m64_imm8, "orq $1, (%rbx)\n", R(0, 8, 0x100000000), W(0, 8, 0x100000001),
	  HLT, FLAGS(FLAGS_LOGIC, 0))
LONG_TEST(or_m16_imm16, "orw $0x1234, (%rbx)\n", R(0, 2, 0x8001), W(0, 2, 0x9235), HLT,
	  FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(xor_m32_r32, "xor %eax, (%rbx)\n", R(0, 4, 0x44332211), W(0, 4, 0), HLT,
	  FLAGS(FLAGS_LOGIC, PF | ZF))
LONG_TEST(xor_m8_imm8, "xorb $0xff, (%rbx)\n", R(0, 1, 0x0f), W(0, 1, 0xf0), HLT,
	  FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(xor_m64_r64, "xor %rax, (%rbx)\n", R(0, 8, 0x8877665544332210),
	  W(0, 8, 1), HLT, FLAGS(FLAGS_LOGIC, 0))

/* Memory is the source. */
LONG_TEST(and_r32_m32, "and (%rbx), %eax\n", R(0, 4, 0xff), HLT, RAX(0x11),
	  FLAGS(FLAGS_LOGIC, PF))
LONG_TEST(and_r8_m8, "and (%rbx), %al\n", R(0, 1, 0x10), HLT, RAX(0x8877665544332210),
	  FLAGS(FLAGS_LOGIC, 0))
LONG_TEST(or_r64_m64, "or (%rbx), %rax\n", R(0, 8, 0x0100000000000000), HLT,
	  RAX(0x8977665544332211), FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(or_r16_m16, "or (%rbx), %ax\n", R(0, 2, 0x8000), HLT, RAX(0x887766554433a211),
	  FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(xor_r32_m32, "xor (%rbx), %eax\n", R(0, 4, 0x44332211), HLT, RAX(0),
	  FLAGS(FLAGS_LOGIC, PF | ZF))

/* TEST and CMP write nothing. */
LONG_TEST(test_m8_r8, "test %al, (%rbx)\n", R(0, 1, 0xee), HLT,
	  FLAGS(FLAGS_LOGIC, PF | ZF))
LONG_TEST(test_m32_r32, "test %eax, (%rbx)\n", R(0, 4, 1), HLT, FLAGS(FLAGS_LOGIC, 0))
LONG_TEST(test_m8_imm8, "testb $0x80, (%rbx)\n", R(0, 1, 0x80), HLT,
	  FLAGS(FLAGS_LOGIC, SF))
LONG_TEST(test_m32_imm32, "testl $0x80000000, (%rbx)\n", R(0, 4, 0x80000000), HLT,
	  FLAGS(FLAGS_LOGIC, PF | SF))
LONG_TEST(test_m64_imm32, "testq $-1, (%rbx)\n", R(0, 8, 0x100000000), HLT,
	  FLAGS(FLAGS_LOGIC, PF))
LONG_TEST(cmp_m8_imm8, "cmpb $0x20, (%rbx)\n", R(0, 1, 0x10), HLT,
	  FLAGS(FLAGS_STATUS, CF | PF | SF))
LONG_TEST(cmp_m32_imm8, "cmpl $-1, (%rbx)\n", R(0, 4, 0xffffffff), HLT,
	  FLAGS(FLAGS_STATUS, PF | ZF))
LONG_TEST(cmp_m32_imm32, "cmpl $0x12345678, (%rbx)\n", R(0, 4, 0x12345679), HLT,
	  FLAGS(FLAGS_STATUS, 0))
LONG_TEST(cmp_m32_r32, "cmp %eax, (%rbx)\n", R(0, 4, 0x44332210), HLT,
	  FLAGS(FLAGS_STATUS, CF | PF | AF | SF))
LONG_TEST(cmp_r32_m32, "cmp (%rbx), %eax\n", R(0, 4, 0x44332210), HLT,
	  FLAGS(FLAGS_STATUS, 0))
LONG_TEST(cmp_r8_m8_overflows, "mov $0x80, %al\n cmp (%rbx), %al\n", R(0, 1, 1), HLT,
	  FLAGS(FLAGS_STATUS, AF | OF))
LONG_TEST(cmp_m64_r64, "cmp %rax, (%rbx)\n", R(0, 8, 0x8877665544332211), HLT,
	  FLAGS(FLAGS_STATUS, PF | ZF))
LONG_TEST(cmp_m16_imm16, "cmpw $0x1234, (%rbx)\n", R(0, 2, 0x1234), HLT,
	  FLAGS(FLAGS_STATUS, PF | ZF))

/* XCHG reads, writes, and leaves the flags. */
LONG_TEST(xchg_m8, "stc\n xchg %al, (%rbx)\n", R(0, 1, 0xee), W(0, 1, 0x11), HLT,
	  RAX(0x88776655443322ee), FLAGS(CF, CF))
LONG_TEST(xchg_m16, "xchg %ax, (%rbx)\n", R(0, 2, 0xeeff), W(0, 2, 0x2211), HLT,
	  RAX(0x887766554433eeff))
LONG_TEST(xchg_m32, "xchg %eax, (%rbx)\n", R(0, 4, 0xeeffeeff), W(0, 4, 0x44332211), HLT,
	  RAX(0xeeffeeff))
LONG_TEST(xchg_m64, "xchg %rax, (%rbx)\n", R(0, 8, 0x1000000000000002),
	  W(0, 8, 0x8877665544332211), HLT, RAX(0x1000000000000002))

/* BTS: CF is the bit's old value; a register's bit offset reaches further. */
LONG_TEST(bts_m32_imm8, "btsl $4, (%rbx)\n", R(0, 4, 0), W(0, 4, 0x10), HLT,
	  FLAGS(CF, 0))
LONG_TEST(bts_m32_imm8_is_set, "btsl $4, (%rbx)\n", R(0, 4, 0x10), W(0, 4, 0x10), HLT,
	  FLAGS(CF, CF))
LONG_TEST(bts_m32_imm8_is_modulo_32, "btsl $33, (%rbx)\n", R(0, 4, 0), W(0, 4, 2), HLT)
LONG_TEST(bts_m64_imm8, "btsq $63, (%rbx)\n", R(0, 8, 0),
	  W(0, 8, 0x8000000000000000), HLT, FLAGS(CF, 0))
LONG_TEST(bts_m16_imm8, "btsw $15, (%rbx)\n", R(0, 2, 0x7fff), W(0, 2, 0xffff), HLT,
	  FLAGS(CF, 0))
LONG_TEST(bts_m32_r32, "mov $100, %ecx\n bts %ecx, (%rbx)\n", R(12, 4, 0),
	  W(12, 4, 0x10), HLT, FLAGS(CF, 0))
LONG_TEST(bts_m32_r32_negative, "mov $-1, %ecx\n bts %ecx, (%rbx)\n",
	  R(-4, 4, 0x80000000), W(-4, 4, 0x80000000), HLT, FLAGS(CF, CF))

/* The LOCK prefix changes nothing that user space can see. */
LONG_TEST(lock_or_m32, "lock orl $1, (%rbx)\n", R(0, 4, 2), W(0, 4, 3), HLT)
LONG_TEST(lock_and_m64, "lock andq $1, (%rbx)\n", R(0, 8, 3), W(0, 8, 1), HLT)
LONG_TEST(lock_bts_m32, "lock btsl $0, (%rbx)\n", R(0, 4, 0), W(0, 4, 1), HLT,
	  FLAGS(CF, 0))

/* Across two pages each half is an exit of its own, in both directions. */
LONG_TEST(or_across_pages, "orl $0x10, 0xffe(%rbx)\n", R(0xffe, 2, 1), R(0x1000, 2, 2),
	  W(0xffe, 2, 0x11), W(0x1000, 2, 2), HLT)

/* Where one half is memory, it is read and written there. */
LONG_TEST(xor_across_ram_and_mmio, "xorl $-1, 0x1ffe(%rbx)\n",
	  vm_add_memory(vcpu->vm, MMIO + 0x1000, 0x1000),
	  vm_write(vcpu->vm, MMIO + 0x1ffe, "\x0f\xf0", 2),
	  R(0x2000, 2, 0x1234), W(0x2000, 2, 0xedcb), HLT,
	  MEM(MMIO + 0x1ffe, 2, 0x0ff0))
