// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO by STOS and MOVS: one element at a time, in both directions, repeated.
 *
 * SDM Vol. 2, "STOS/STOSB/STOSW/STOSD/STOSQ", "MOVS/MOVSB/MOVSW/MOVSD/MOVSQ",
 * "REP". Every element is one exit, and registers are right at each.
 */
#include "mmio.h"

#define RAM_TEXT "0x40000"

LONG_TEST(stosb, "mov %rbx, %rdi\n stosb\n", W(0, 1, 0x11), HLT, RDI(MMIO + 1))
LONG_TEST(stosw, "mov %rbx, %rdi\n stosw\n", W(0, 2, 0x2211), HLT, RDI(MMIO + 2))
LONG_TEST(stosl, "mov %rbx, %rdi\n stosl\n", W(0, 4, 0x44332211), HLT, RDI(MMIO + 4))
LONG_TEST(stosq, "mov %rbx, %rdi\n stosq\n", W(0, 8, 0x8877665544332211), HLT,
	  RDI(MMIO + 8))
LONG_TEST(stosl_down, "mov %rbx, %rdi\n std\n stosl\n", W(0, 4, 0x44332211), HLT,
	  RDI(MMIO - 4))
LONG_TEST(rep_stosl, "mov %rbx, %rdi\n mov $3, %ecx\n rep stosl\n",
	  W(0, 4, 0x44332211), W(4, 4, 0x44332211), W(8, 4, 0x44332211), HLT,
	  RDI(MMIO + 12), RCX(0))
LONG_TEST(rep_stosb_down, "lea 1(%rbx), %rdi\n mov $2, %ecx\n std\n rep stosb\n",
	  W(1, 1, 0x11), W(0, 1, 0x11), HLT, RDI(MMIO - 1), RCX(0))
LONG_TEST(rep_stosb_count_0, "mov %rbx, %rdi\n xor %ecx, %ecx\n rep stosb\n",
	  HLT, RDI(MMIO), RCX(0))
LONG_TEST(rep_stosl_address_size_32,
	  "mov %ebx, %edi\n movabs $0xffffffff00000002, %rcx\n addr32 rep stosl\n",
	  W(0, 4, 0x44332211), W(4, 4, 0x44332211), HLT, RDI(MMIO + 8), RCX(0))
/* Only the first part is MMIO: the processor does the rest on its own. */
LONG_TEST(rep_stosb_from_mmio_into_ram, "lea 0xffe(%rbx), %rdi\n mov $4, %ecx\n rep stosb\n",
	  vm_add_memory(vcpu->vm, MMIO + 0x1000, 0x1000),
	  W(0xffe, 1, 0x11), W(0xfff, 1, 0x11), HLT, RDI(MMIO + 0x1002), RCX(0),
	  MEM(MMIO + 0x1000, 4, 0x1111))
LONG_TEST(rep_stosb_from_ram_into_mmio,
	  "lea 0x1ffe(%rbx), %rdi\n mov $4, %ecx\n rep stosb\n",
	  vm_add_memory(vcpu->vm, MMIO + 0x1000, 0x1000),
	  W(0x2000, 1, 0x11), W(0x2001, 1, 0x11), HLT, RDI(MMIO + 0x2002), RCX(0),
	  MEM(MMIO + 0x1ffe, 2, 0x1111))

LONG_TEST(movsb_ram_to_mmio, "mov %rbx, %rdi\n mov $" RAM_TEXT ", %esi\n movsb\n",
	  memcpy(vm_at(vcpu->vm, RAM), "\x5a", 1),
	  W(0, 1, 0x5a), HLT, RDI(MMIO + 1), RSI(RAM + 1))
LONG_TEST(movsw_ram_to_mmio, "mov %rbx, %rdi\n mov $" RAM_TEXT ", %esi\n movsw\n",
	  memcpy(vm_at(vcpu->vm, RAM), "\x5a\xa5", 2),
	  W(0, 2, 0xa55a), HLT, RDI(MMIO + 2), RSI(RAM + 2))
LONG_TEST(movsq_ram_to_mmio, "mov %rbx, %rdi\n mov $" RAM_TEXT ", %esi\n movsq\n",
	  memcpy(vm_at(vcpu->vm, RAM), "\1\2\3\4\5\6\7\x88", 8),
	  W(0, 8, 0x8807060504030201), HLT, RDI(MMIO + 8), RSI(RAM + 8))
LONG_TEST(movsl_mmio_to_ram, "mov %rbx, %rsi\n mov $" RAM_TEXT ", %edi\n movsl\n",
	  R(0, 4, 0xfedcba98), HLT, RSI(MMIO + 4), RDI(RAM + 4),
	  MEM(RAM, 8, 0xfedcba98))
LONG_TEST(movsl_mmio_to_ram_down, "mov %rbx, %rsi\n mov $" RAM_TEXT ", %edi\n std\n movsl\n",
	  R(0, 4, 0xfedcba98), HLT, RSI(MMIO - 4), RDI(RAM - 4), MEM(RAM, 4, 0xfedcba98))
LONG_TEST(movsl_mmio_to_mmio, "mov %rbx, %rsi\n lea 0x1000(%rbx), %rdi\n movsl\n",
	  R(0, 4, 0xfedcba98), W(0x1000, 4, 0xfedcba98), HLT,
	  RSI(MMIO + 4), RDI(MMIO + 0x1004))
LONG_TEST(rep_movsw_ram_to_mmio,
	  "mov %rbx, %rdi\n mov $" RAM_TEXT ", %esi\n mov $2, %ecx\n rep movsw\n",
	  memcpy(vm_at(vcpu->vm, RAM), "\1\2\3\4", 4),
	  W(0, 2, 0x0201), W(2, 2, 0x0403), HLT, RDI(MMIO + 4), RSI(RAM + 4), RCX(0))
LONG_TEST(rep_movsb_mmio_to_ram,
	  "mov %rbx, %rsi\n mov $" RAM_TEXT ", %edi\n mov $3, %ecx\n rep movsb\n",
	  R(0, 1, 1), R(1, 1, 2), R(2, 1, 3), HLT, RSI(MMIO + 3), RDI(RAM + 3), RCX(0),
	  MEM(RAM, 4, 0x030201))
LONG_TEST(rep_movsl_mmio_to_mmio,
	  "mov %rbx, %rsi\n lea 0x1000(%rbx), %rdi\n mov $2, %ecx\n rep movsl\n",
	  R(0, 4, 1), W(0x1000, 4, 1), R(4, 4, 2), W(0x1004, 4, 2), HLT,
	  RSI(MMIO + 8), RDI(MMIO + 0x1008), RCX(0))
/* The source may be overridden, the destination is always ES. */
LONG_TEST(movs_with_gs_source,
	  "mov $0xc0000101, %ecx\n mov $0xd0000000, %eax\n xor %edx, %edx\n wrmsr\n"
	  "mov $0x20, %esi\n mov $" RAM_TEXT ", %edi\n .byte 0x65\n movsl\n",
	  R(0x20, 4, 0xfedcba98), HLT, RSI(0x24), MEM(RAM, 4, 0xfedcba98))
LONG_TEST(movsl_mmio_across_pages, "lea 0xffe(%rbx), %rsi\n mov $" RAM_TEXT ", %edi\n movsl\n",
	  R(0xffe, 2, 0x2211), R(0x1000, 2, 0x4433), HLT, MEM(RAM, 4, 0x44332211),
	  RSI(MMIO + 0x1002))

GUEST64(guest_rep_stosb_3, "mov $0xd0000000, %edi\n mov $0x11, %al\n mov $3, %ecx\n"
			   "rep stosb\n hlt\n");

/* Each element is complete at the next exit, so a signal may come between two. */
TEST(rep_stosb_shows_progress)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_rep_stosb_3);
	struct minivmm_regs regs;

	W(0, 1, 0x11);
	W(1, 1, 0x11);
	vcpu->run->immediate_exit = 1;
	EXPECT_ERRNO(EINTR, vcpu_run(vcpu));
	vcpu->run->immediate_exit = 0;
	regs = vcpu_regs(vcpu);
	RCX(1);
	RDI(MMIO + 2);
	W(2, 1, 0x11);
	HLT;
	RCX(0);
	RDI(MMIO + 3);
}
