// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every mode of the CPU, entered from outside (SET_SREGS) and by the guest.
 *
 * SDM Vol. 3, "Mode Switching", "Paging", "IA-32e Mode Initialization". What is
 * in memory and in the registers afterwards proves that the guest ran in the
 * mode it is meant to: operand sizes, address sizes and page sizes differ.
 */
#include "trap.h"

#define RAM	GUEST_FREE

#define CR0_PE	0x1ULL
#define CR0_PG	0x80000000ULL
#define EFER_LMA	0x400ULL

/* The same bytes in every mode: what they do tells the mode's operand size. */
static const uint8_t guest_size[] = {
	0xb8, 0xff, 0xff, 0xff, 0xff,	/* mov $-1, %eax; in 16 bits the last two */
	0x40,				/* are inc %ax; REX in 64 bits */
	0x90, 0xf4,
};

TEST(default_operand_size_of_each_mode)
{
	for (enum guest_mode mode = MODE_REAL; mode < NR_MODES; mode++) {
		struct vcpu *vcpu;

		/* 0xffff in 16 bits is an undefined group: only the first three bytes */
		if (mode == MODE_REAL || mode == MODE_PROT16) {
			vcpu = guest_create(mode, "\xb8\xff\xff\x40\xf4", 5);
			vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
			EXPECT(vcpu_regs(vcpu).rax == 0, "%s", mode_name(mode));
		} else {
			vcpu = guest_create(mode, guest_size, sizeof(guest_size));
			vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
			EXPECT(vcpu_regs(vcpu).rax == (mode == MODE_LONG ? 0xffffffff : 0),
			       "%s", mode_name(mode));
		}
		guest_free(vcpu);
	}
}

/* CR0 and EFER as the guest reads them are those that were set. */
TEST(sregs_survive_a_run_in_each_mode)
{
	for (enum guest_mode mode = MODE_REAL; mode < NR_MODES; mode++) {
		struct vcpu *vcpu = guest_create(mode, "\xf4", 1);
		struct minivmm_sregs before = vcpu_sregs(vcpu), after;

		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
		after = vcpu_sregs(vcpu);
		EXPECT(before.cr0 == after.cr0 && before.cr3 == after.cr3 &&
		       before.cr4 == after.cr4 && before.efer == after.efer,
		       "%s: control registers changed", mode_name(mode));
		/* processors have their own idea of the type of real mode's CS */
		if (mode == MODE_REAL)
			after.cs.type = before.cs.type;
		EXPECT(!memcmp(&before.cs, &after.cs, sizeof(before.cs)), "%s: CS",
		       mode_name(mode));
		EXPECT(!memcmp(&before.ss, &after.ss, sizeof(before.ss)), "%s: SS",
		       mode_name(mode));
		EXPECT(!memcmp(&before.gdt, &after.gdt, sizeof(before.gdt)), "%s: GDT",
		       mode_name(mode));
		EXPECT(!memcmp(&before.idt, &after.idt, sizeof(before.idt)), "%s: IDT",
		       mode_name(mode));
		EXPECT_EQ(GUEST_CODE + 1, vcpu_regs(vcpu).rip);
		guest_free(vcpu);
	}
}

GUEST16(guest_reset, "mov $0x1234, %ax\n hlt\n");

/* A vCPU that nobody has set up starts where a processor does after reset. */
TEST(reset_state_runs)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	vm_add_memory(vm, 0xffff0000, 0x10000);
	vm_load(vm, 0xfffffff0, guest_reset);
	vcpu = vcpu_create(vm, 0);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x1234, vcpu_regs(vcpu).rax);
	EXPECT_EQ(0xfff4, vcpu_regs(vcpu).rip);
}

GUEST16(guest_real_segments,
	"mov $0x4000, %ax\n mov %ax, %ds\n mov %ax, %es\n"
	"movw $0x1234, 0x10\n"
	"mov %es:0x10, %bx\n"
	"int $0x42\n"
	"hlt\n");
GUEST16(guest_real_interrupt, "mov $0x5678, %cx\n iret\n");

TEST(real_mode_segments_and_software_interrupt)
{
	struct vcpu *vcpu = guest_new(MODE_REAL, guest_real_segments);
	struct minivmm_regs regs;

	vm_load(vcpu->vm, 0x9000, guest_real_interrupt);
	vcpu_set_handler(vcpu, 0x42, 0x9000);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(vcpu);
	EXPECT_EQ(0x1234, *(uint16_t *)vm_at(vcpu->vm, 0x40010));
	EXPECT_EQ(0x1234, regs.rbx);
	EXPECT_EQ(0x5678, regs.rcx);
	EXPECT_EQ(GUEST_STACK, regs.rsp);
}

/* ---- page sizes ---- */

GUEST32(guest_read_two, "mov 0xc0000000, %eax\n mov 0xc0400000, %ebx\n hlt\n");

TEST(paged32_large_and_small_pages)
{
	struct vcpu *vcpu = guest_new(MODE_PAGED32, guest_read_two);
	uint32_t *directory = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);

	directory[0x300] = 0x400000 | 0x83;	/* one page of 4 MiB */
	vm_map(vcpu, 0xc0400000, RAM | PTE_P);
	vm_add_memory(vcpu->vm, 0x400000, 0x400000);
	*(uint32_t *)vm_at(vcpu->vm, 0x400000) = 0x11111111;
	*(uint32_t *)vm_at(vcpu->vm, RAM) = 0x22222222;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x11111111, vcpu_regs(vcpu).rax);
	EXPECT_EQ(0x22222222, vcpu_regs(vcpu).rbx);
}

/* PSE-36: bits 13 to 20 of a 4 MiB entry are bits 32 to 39 of the address. */
TEST(paged32_pse36)
{
	struct vcpu *vcpu = guest_new(MODE_PAGED32, guest_read_two);
	uint32_t *directory = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);
	uint32_t *high = vm_add_memory(vcpu->vm, 0x300000000, 0x1000);

	high[0] = 0x33333333;
	directory[0x300] = 0x83 | 3 << 13;
	directory[0x301] = 0x83;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x33333333, vcpu_regs(vcpu).rax);
}

TEST(pae_large_and_small_pages)
{
	struct vcpu *vcpu = guest_new(MODE_PAE, guest_read_two);
	uint64_t *pdpt = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);
	uint64_t *directory = vm_at(vcpu->vm, pdpt[3] & ~0xfffULL);

	directory[0] = 0x400000 | 0x83;		/* one page of 2 MiB */
	vm_map(vcpu, 0xc0400000, RAM | PTE_P);
	vm_add_memory(vcpu->vm, 0x400000, 0x200000);
	*(uint32_t *)vm_at(vcpu->vm, 0x400000) = 0x11111111;
	*(uint32_t *)vm_at(vcpu->vm, RAM) = 0x22222222;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x11111111, vcpu_regs(vcpu).rax);
	EXPECT_EQ(0x22222222, vcpu_regs(vcpu).rbx);
}

GUEST32(guest_reload_pdptes, "mov 0xc0000000, %eax\n mov %cr3, %ecx\n mov %ecx, %cr3\n"
			     "mov 0xc0000000, %ebx\n hlt\n");

/* PAE's four upper entries are registers: a change counts at the next MOV to CR3. */
TEST(pae_pdptes_are_loaded_with_cr3)
{
	struct vcpu *vcpu = guest_new(MODE_PAE, guest_reload_pdptes);
	uint64_t *pdpt = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);
	uint64_t *directory = vm_at(vcpu->vm, RAM + 0x1000);

	directory[0] = 0x200000 | 0x83;
	pdpt[3] = (RAM + 0x1000) | PTE_P;
	/* the vCPU has read the old ones in SET_SREGS: gva 3 GiB is gpa 3 GiB */
	*(uint32_t *)vm_add_memory(vcpu->vm, 0xc0000000, 0x1000) = 0x11111111;
	*(uint32_t *)vm_at(vcpu->vm, 0x200000) = 0x22222222;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x22222222, vcpu_regs(vcpu).rbx);
}

GUEST64(guest_read_sizes,
	"mov 0x40000000, %eax\n"			/* 2 MiB page */
	"movabs $0x8000000000, %rsi\n mov (%rsi), %ebx\n"	/* 1 GiB page */
	"movabs $0xffff800000000000, %rsi\n mov (%rsi), %ecx\n"	/* 4 KiB page */
	"hlt\n");

TEST(long_mode_page_sizes)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_read_sizes);
	uint64_t *pml4 = vm_at(vcpu->vm, vcpu_sregs(vcpu).cr3);
	uint64_t *table = vm_at(vcpu->vm, RAM + 0x1000);
	struct minivmm_regs regs;

	pml4[1] = (RAM + 0x1000) | 3;
	table[0] = 0x80000000 | 0x83;			/* PDPT entry of 1 GiB */
	pml4[256] = (RAM + 0x2000) | 3;
	for (unsigned int level = 2; level < 4; level++)
		*(uint64_t *)vm_at(vcpu->vm, RAM + level * 0x1000) =
			(RAM + (level + 1) * 0x1000) | 3;
	*(uint64_t *)vm_at(vcpu->vm, RAM + 0x4000) = RAM | 3;
	*(uint32_t *)vm_at(vcpu->vm, RAM) = 0x33333333;
	*(uint32_t *)vm_add_memory(vcpu->vm, 0x40000000, 0x1000) = 0x11111111;
	*(uint32_t *)vm_add_memory(vcpu->vm, 0x80000000, 0x1000) = 0x22222222;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	regs = vcpu_regs(vcpu);
	EXPECT_EQ(0x11111111, regs.rax);
	EXPECT_EQ(0x22222222, regs.rbx);
	EXPECT_EQ(0x33333333, regs.rcx);
}

GUEST64(guest_execute_nx, "jmp 0x123000 - 0x8000 + guest_execute_nx\n");

TEST(long_mode_no_execute)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_execute_nx);

	vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_NX);
	EXPECT_EQ(0x123000, trap_expect(vcpu, PF, 0x11)->cr2);
}

GUEST64(guest_non_canonical, "movabs $0x800000000000, %rsi\n mov (%rsi), %eax\n hlt\n");

TEST(long_mode_non_canonical_address)
{
	trap_expect(trap_guest(MODE_LONG, guest_non_canonical), GP, 0);
}

/* ---- the guest changes modes itself ---- */

/* Real, protected, PAE, long, compatibility, and back; each leaves a mark. */
GUEST16(guest_tour,
	"movl $0x11, 0x9000\n"
	"lgdtl 0x9100\n"
	"mov %cr0, %eax\n or $1, %eax\n mov %eax, %cr0\n"
	"ljmpl $0x08, $(1f - guest_tour + 0x8000)\n"
	".code32\n"
	"1: mov $0x10, %eax\n mov %eax, %ds\n mov %eax, %ss\n"
	"movl $0x22, 0x9004\n"
	/* two-level paging with large pages, and out of it */
	"mov %cr4, %eax\n or $0x10, %eax\n mov %eax, %cr4\n"
	"mov $0x17000, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"movl $0x33, 0x9008\n"
	"mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	/* PAE, and out of it */
	"mov %cr4, %eax\n or $0x20, %eax\n mov %eax, %cr4\n"
	"mov $0x16000, %eax\n mov %eax, %cr3\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"movl $0x44, 0x900c\n"
	"mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	/* long mode */
	"mov $0x10000, %eax\n mov %eax, %cr3\n"
	"mov $0xc0000080, %ecx\n rdmsr\n or $0x100, %eax\n wrmsr\n"
	"mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0\n"
	"movl $0x55, 0x9010\n"		/* compatibility mode until CS is loaded */
	"ljmp $0x18, $(2f - guest_tour + 0x8000)\n"
	".code64\n"
	"2: movabs $0x8877665544332211, %rax\n mov %rax, 0x9018\n"
	"mov $0xc0000080, %ecx\n rdmsr\n mov %eax, 0x9020\n"
	"pushq $0x08\n pushq $(3f - guest_tour + 0x8000)\n lretq\n"
	".code32\n"
	/* compatibility mode, paging off, long mode off */
	"3: movl $0x66, 0x9024\n"
	"mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
	"mov $0xc0000080, %ecx\n rdmsr\n mov %eax, 0x9028\n"
	"and $0xfffffeff, %eax\n wrmsr\n"
	/* 16-bit protected mode, then real mode */
	"ljmp $0x48, $(4f - guest_tour + 0x8000)\n"
	".code16\n"
	"4: mov $0x50, %ax\n mov %ax, %ds\n mov %ax, %ss\n"
	"mov %cr0, %eax\n and $0xfffffffe, %eax\n mov %eax, %cr0\n"
	"ljmp $0, $(5f - guest_tour + 0x8000)\n"
	"5: xor %ax, %ax\n mov %ax, %ds\n mov %ax, %ss\n"
	"movl $0x77, 0x902c\n"
	"hlt\n");

TEST(guest_goes_through_all_modes_and_back)
{
	struct vcpu *vcpu = guest_new(MODE_REAL, guest_tour);
	uint32_t *marks = vm_at(vcpu->vm, 0x9000);
	struct minivmm_sregs sregs;

	/* GDT pointer: limit, base */
	vm_write(vcpu->vm, 0x9100, "\x5f\x00\x00\x10\x00\x00", 6);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x11, marks[0]);
	EXPECT_EQ(0x22, marks[1]);
	EXPECT_EQ(0x33, marks[2]);
	EXPECT_EQ(0x44, marks[3]);
	EXPECT_EQ(0x55, marks[4]);
	EXPECT_EQ(0x44332211, marks[6]);
	EXPECT_EQ(0x88776655, marks[7]);
	EXPECT_EQ(0x500, marks[8]);
	EXPECT_EQ(0x66, marks[9]);
	EXPECT_EQ(0x100, marks[10]);
	EXPECT_EQ(0x77, marks[11]);
	sregs = vcpu_sregs(vcpu);
	EXPECT_EQ(0, sregs.cr0 & (CR0_PE | CR0_PG));
	EXPECT_EQ(0, sregs.efer);
	EXPECT_EQ(0, sregs.cs.selector);
	EXPECT_EQ(0, sregs.cs.base);
}

/* User space sees the mode that the guest has gone into. */
TEST(sregs_after_the_guest_has_entered_long_mode)
{
	struct vcpu *vcpu = guest_new(MODE_REAL, guest_tour);
	struct minivmm_sregs sregs;
	uint8_t *code = vm_at(vcpu->vm, GUEST_CODE);
	unsigned int at = 0;

	vm_write(vcpu->vm, 0x9100, "\x5f\x00\x00\x10\x00\x00", 6);
	/* stop at the movabs of the 64-bit part */
	while (code[at] != 0x48 || code[at + 1] != 0xb8)
		at++;
	code[at] = 0xf4;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	sregs = vcpu_sregs(vcpu);
	EXPECT_TRUE(sregs.cr0 & CR0_PG);
	EXPECT_TRUE(sregs.efer & EFER_LMA);
	EXPECT_EQ(0x18, sregs.cs.selector);
	EXPECT_EQ(1, sregs.cs.l);
	EXPECT_EQ(0x10, sregs.ss.selector);
}

/* Rings: to ring 3 and back by an interrupt, in 32 and in 64 bits. */
GUEST32(guest_ring3_32,
	"mov $0x38, %eax\n ltr %ax\n"
	"push $0x2b\n push $0x6000\n push $2\n push $0x23\n"
	"push $(1f - guest_ring3_32 + 0x8000)\n iret\n"
	"1: mov %cs, %ebx\n int $3\n");

TEST(ring_3_and_back_in_32_bits)
{
	struct vcpu *vcpu = trap_guest(MODE_PAGED32, guest_ring3_32);
	uint8_t *gate = vm_at(vcpu->vm, GUEST_IDT + 3 * 8);
	uint8_t *tss = vm_at(vcpu->vm, GUEST_GDT + SEL_TSS);
	struct trap *trap;

	gate[5] |= 0x60;			/* ring 3 may use the gate */
	tss[5] &= ~2;				/* not busy, for LTR */
	trap = trap_expect(vcpu, BP, 0);
	EXPECT_EQ(0x23, trap->cs);
	EXPECT_EQ(0x23, vcpu_regs(vcpu).rbx);
	EXPECT_EQ(SEL_CODE32, vcpu_sregs(vcpu).cs.selector);
}

GUEST64(guest_ring3_64,
	"pushq $0x2b\n pushq $0x6000\n pushq $2\n pushq $0x33\n"
	"lea 1f(%rip), %rax\n push %rax\n iretq\n"
	"1: mov %cs, %ebx\n int $3\n 2: jmp 2b\n");

TEST(ring_3_and_back_in_64_bits)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ring3_64);
	uint8_t *gate = vm_at(vcpu->vm, GUEST_IDT + 3 * 16);
	struct trap *trap;

	gate[5] |= 0x60;
	trap = trap_expect(vcpu, BP, 0);
	EXPECT_EQ(0x33, trap->cs);
	EXPECT_EQ(0x6000, trap->rsp);
	EXPECT_EQ(SEL_CODE64, vcpu_sregs(vcpu).cs.selector);
}

/* Virtual-8086 mode: segments of real mode, exceptions to protected mode. */
GUEST32(guest_v86,
	"push $0\n push $0\n push $0\n push $0\n"	/* GS FS DS ES */
	"push $0\n push $0x6000\n"			/* SS SP */
	"push $0x20002\n"				/* VM */
	"push $0xb00\n push $0\n iret\n");
GUEST16(guest_v86_code, "mov $0x4000, %ax\n mov %ax, %ds\n movw $0x1234, 0\n ud2\n");

TEST(virtual_8086_mode)
{
	struct vcpu *vcpu = trap_guest(MODE_PAGED32, guest_v86);
	struct trap *trap;

	vm_load(vcpu->vm, 0xb000, guest_v86_code);
	trap = trap_expect(vcpu, UD, 0);
	EXPECT_EQ(0xb00, trap->cs);
	EXPECT_TRUE(trap->rflags & 0x20000);
	EXPECT_EQ(0x1234, *(uint16_t *)vm_at(vcpu->vm, RAM));
}
