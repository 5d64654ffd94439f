// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO by MOV and its relatives, each width and direction, in long mode.
 *
 * SDM Vol. 2, "MOV", "MOVZX", "MOVSX/MOVSXD". A load of 8 or 16 bits leaves the
 * rest of the register alone, one of 32 bits clears the upper half.
 * Read next: mmio_string.c, mmio_logic.c, mmio_modes.c.
 */
#include "mmio.h"

/* Stores. */
LONG_TEST(store8, "mov %al, (%rbx)\n", W(0, 1, 0x11), HLT)
LONG_TEST(store8_high_byte, "mov %ah, (%rbx)\n", W(0, 1, 0x22), HLT)
LONG_TEST(store8_sil, "mov $0x1234, %esi\n mov %sil, (%rbx)\n", W(0, 1, 0x34), HLT)
LONG_TEST(store8_r9, "mov $0x1234, %r9d\n mov %r9b, (%rbx)\n", W(0, 1, 0x34), HLT)
LONG_TEST(store16, "mov %ax, (%rbx)\n", W(0, 2, 0x2211), HLT)
LONG_TEST(store32, "mov %eax, (%rbx)\n", W(0, 4, 0x44332211), HLT)
LONG_TEST(store64, "mov %rax, (%rbx)\n", W(0, 8, 0x8877665544332211), HLT)
LONG_TEST(store64_r15, "mov %rax, %r15\n mov %r15, (%rbx)\n",
	  W(0, 8, 0x8877665544332211), HLT)
LONG_TEST(store_imm8, "movb $0x5a, 1(%rbx)\n", W(1, 1, 0x5a), HLT)
LONG_TEST(store_imm16, "movw $0x5aa5, 2(%rbx)\n", W(2, 2, 0x5aa5), HLT)
LONG_TEST(store_imm32, "movl $0x8000005a, 4(%rbx)\n", W(4, 4, 0x8000005a), HLT)
LONG_TEST(store_imm32_sign_extended, "movq $-2, 8(%rbx)\n",
	  W(8, 8, 0xfffffffffffffffe), HLT)

/* Loads. */
LONG_TEST(load8, "mov (%rbx), %al\n", R(0, 1, 0xee), HLT, RAX(0x88776655443322ee))
LONG_TEST(load8_high_byte, "mov (%rbx), %ah\n", R(0, 1, 0xee), HLT,
	  RAX(0x887766554433ee11))
LONG_TEST(load16, "mov (%rbx), %ax\n", R(0, 2, 0xeeff), HLT, RAX(0x887766554433eeff))
LONG_TEST(load32, "mov (%rbx), %eax\n", R(0, 4, 0x80000001), HLT, RAX(0x80000001))
LONG_TEST(load64, "mov (%rbx), %rax\n", R(0, 8, 0x8000000180000002), HLT,
	  RAX(0x8000000180000002))
LONG_TEST(load64_r12, "mov (%rbx), %r12\n", R(0, 8, 0x8000000180000002), HLT,
	  EQUAL(0x8000000180000002, regs.r12))
LONG_TEST(load_is_not_wider_than_asked, "mov (%rbx), %al\n",
	  R(0, 1, 0xffffffffffffffee), HLT, RAX(0x88776655443322ee))

/* An address in the instruction (moffs). */
LONG_TEST(moffs_store8, "movabs %al, 0xd0000010\n", W(0x10, 1, 0x11), HLT)
LONG_TEST(moffs_store16, "movabs %ax, 0xd0000010\n", W(0x10, 2, 0x2211), HLT)
LONG_TEST(moffs_store32, "movabs %eax, 0xd0000010\n", W(0x10, 4, 0x44332211), HLT)
LONG_TEST(moffs_store64, "movabs %rax, 0xd0000010\n",
	  W(0x10, 8, 0x8877665544332211), HLT)
LONG_TEST(moffs_load8, "movabs 0xd0000010, %al\n", R(0x10, 1, 0xee), HLT,
	  RAX(0x88776655443322ee))
LONG_TEST(moffs_load32, "movabs 0xd0000010, %eax\n", R(0x10, 4, 0xfedcba98), HLT,
	  RAX(0xfedcba98))
LONG_TEST(moffs_load64, "movabs 0xd0000010, %rax\n", R(0x10, 8, 0xfedcba9876543210),
	  HLT, RAX(0xfedcba9876543210))

/* Extension. */
LONG_TEST(movzx_8_to_16, "movzbw (%rbx), %ax\n", R(0, 1, 0x80), HLT,
	  RAX(0x8877665544330080))
LONG_TEST(movzx_8_to_32, "movzbl (%rbx), %eax\n", R(0, 1, 0x80), HLT, RAX(0x80))
LONG_TEST(movzx_8_to_64, "movzbq (%rbx), %rax\n", R(0, 1, 0x80), HLT, RAX(0x80))
LONG_TEST(movzx_16_to_32, "movzwl (%rbx), %eax\n", R(0, 2, 0x8000), HLT, RAX(0x8000))
LONG_TEST(movzx_16_to_64, "movzwq (%rbx), %rax\n", R(0, 2, 0x8000), HLT, RAX(0x8000))
LONG_TEST(movsx_8_to_16, "movsbw (%rbx), %ax\n", R(0, 1, 0x80), HLT,
	  RAX(0x887766554433ff80))
LONG_TEST(movsx_8_to_32, "movsbl (%rbx), %eax\n", R(0, 1, 0x80), HLT, RAX(0xffffff80))
LONG_TEST(movsx_8_to_64, "movsbq (%rbx), %rax\n", R(0, 1, 0x80), HLT,
	  RAX(0xffffffffffffff80))
LONG_TEST(movsx_16_to_32, "movswl (%rbx), %eax\n", R(0, 2, 0x8000), HLT,
	  RAX(0xffff8000))
LONG_TEST(movsx_16_to_64, "movswq (%rbx), %rax\n", R(0, 2, 0x8000), HLT,
	  RAX(0xffffffffffff8000))
LONG_TEST(movsx_of_a_positive, "movsbl (%rbx), %eax\n", R(0, 1, 0x7f), HLT, RAX(0x7f))
LONG_TEST(movsxd_32_to_64, "movslq (%rbx), %rax\n", R(0, 4, 0x80000000), HLT,
	  RAX(0xffffffff80000000))

/* Addressing. */
LONG_TEST(address_base_index_disp8,
	  "mov $0x10, %ecx\n mov %eax, 8(%rbx,%rcx,4)\n", W(0x48, 4, 0x44332211), HLT)
LONG_TEST(address_disp32, "mov %eax, 0x800(%rbx)\n", W(0x800, 4, 0x44332211), HLT)
LONG_TEST(address_negative_disp, "mov %eax, -4(%rbx)\n", W(-4, 4, 0x44332211), HLT)
LONG_TEST(address_index_without_base,
	  "mov $0x68000000, %ecx\n mov %eax, 0x20(,%rcx,2)\n", W(0x20, 4, 0x44332211), HLT)
LONG_TEST(address_r12_wants_sib, "mov %rbx, %r12\n mov %eax, (%r12)\n",
	  W(0, 4, 0x44332211), HLT)
LONG_TEST(address_r13_wants_disp, "mov %rbx, %r13\n mov %eax, (%r13)\n",
	  W(0, 4, 0x44332211), HLT)
LONG_TEST(address_r14_r15, "mov %rbx, %r14\n mov $8, %r15d\n mov %eax, 4(%r14,%r15,8)\n",
	  W(0x44, 4, 0x44332211), HLT)
/* The displacement counts from the next instruction, here at 0x90000006. */
LONG_TEST(address_rip_relative,
	  "lea 1f(%rip), %rsi\n"
	  "mov $0x90000000, %edi\n"
	  "mov $7, %ecx\n"
	  "rep movsb\n"
	  "mov $0x90000000, %ecx\n"
	  "jmp *%rcx\n"
	  "1: .byte 0x89, 0x05\n .long 0x40000000\n",	/* mov %eax, ...(%rip) */
	  vm_add_memory(vcpu->vm, 0x90000000, 0x1000),
	  W(6, 4, 0x44332211), HLT, EQUAL(0x90000007, regs.rip))
LONG_TEST(address_size_32,
	  "movabs $0x10000d0000000, %rbx\n addr32 mov %eax, (%ebx)\n",
	  W(0, 4, 0x44332211), HLT)
LONG_TEST(address_size_32_wraps,
	  "mov $0xe0000000, %ebx\n addr32 mov %eax, -0x10000000(%ebx)\n",
	  W(0, 4, 0x44332211), HLT)

/* The bases of FS and GS count in long mode, that of DS does not. */
LONG_TEST(address_fs_base,
	  "mov $0xc0000100, %ecx\n mov $0xd0000000, %eax\n xor %edx, %edx\n wrmsr\n"
	  "mov $0x10, %ebx\n mov %ecx, %fs:4(%rbx)\n", W(0x14, 4, 0xc0000100), HLT)
LONG_TEST(address_gs_base,
	  "mov $0xc0000101, %ecx\n mov $0xd0000000, %eax\n xor %edx, %edx\n wrmsr\n"
	  "mov %gs:0x18, %rax\n", R(0x18, 8, 0x1122334455667788), HLT,
	  RAX(0x1122334455667788))
LONG_TEST(address_ds_base_is_ignored, "mov %eax, %ds:(%rbx)\n",
	  set_bases(vcpu, 0x1000, 0),
	  W(0, 4, 0x44332211), HLT)

/* Prefixes that change nothing must not change anything. */
LONG_TEST(prefixes_without_effect, ".byte 0x3e, 0xf2\n mov %eax, (%rbx)\n",
	  W(0, 4, 0x44332211), HLT)
LONG_TEST(rex_w_wins_over_operand_size, ".byte 0x66\n mov %rax, (%rbx)\n",
	  W(0, 8, 0x8877665544332211), HLT)

/* One access that touches two pages is two exits. */
LONG_TEST(store_across_pages, "mov %rax, 0xffd(%rbx)\n",
	  W(0xffd, 3, 0x332211), W(0x1000, 5, 0x8877665544), HLT)
LONG_TEST(load_across_pages, "mov 0xffe(%rbx), %eax\n",
	  R(0xffe, 2, 0x2211), R(0x1000, 2, 0x4433), HLT, RAX(0x44332211))
LONG_TEST(store_across_mmio_and_ram, "mov %rax, 0xffc(%rbx)\n",
	  vm_add_memory(vcpu->vm, MMIO + 0x1000, 0x1000),
	  W(0xffc, 4, 0x44332211), HLT, MEM(MMIO + 0x1000, 8, 0x88776655))
LONG_TEST(store_across_ram_and_mmio, "mov %rax, 0x1ffc(%rbx)\n",
	  vm_add_memory(vcpu->vm, MMIO + 0x1000, 0x1000),
	  W(0x2000, 4, 0x88776655), HLT, MEM(MMIO + 0x1ffc, 4, 0x44332211))
LONG_TEST(load_across_ram_and_mmio, "mov 0x1ffc(%rbx), %rax\n",
	  vm_add_memory(vcpu->vm, MMIO + 0x1000, 0x1000),
	  vm_write(vcpu->vm, MMIO + 0x1ffc, "\1\2\3\4", 4),
	  R(0x2000, 4, 0x08070605), HLT, RAX(0x0807060504030201))
LONG_TEST(load_across_mmio_and_ram, "mov 0xffc(%rbx), %rax\n",
	  vm_add_memory(vcpu->vm, MMIO + 0x1000, 0x1000),
	  vm_write(vcpu->vm, MMIO + 0x1000, "\5\6\7\10", 4),
	  R(0xffc, 4, 0x04030201), HLT, RAX(0x0807060504030201))

/* The same gva, another gpa: the address that user space sees is the gpa. */
LONG_TEST(gva_is_not_gpa, "mov %eax, 0x123456\n",
	  vm_map(vcpu, 0x123000, (MMIO + 0x5000) | PTE_P | PTE_W),
	  W(0x5456, 4, 0x44332211), HLT)
LONG_TEST(pages_that_are_not_adjacent, "mov %rax, 0x123ffc\n",
	  vm_map(vcpu, 0x123000, (MMIO + 0x5000) | PTE_P | PTE_W),
	  vm_map(vcpu, 0x124000, (MMIO + 0x9000) | PTE_P | PTE_W),
	  W(0x5ffc, 4, 0x44332211), W(0x9000, 4, 0x88776655), HLT)
