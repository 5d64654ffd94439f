// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO outside long mode (16- and 32-bit addresses, segment bases and their
 * limits), and what the guest's page tables say about it: faults that belong to
 * the guest, accessed and dirty bits, instructions that nobody decodes.
 *
 * SDM Vol. 2, "Instruction Format" (the tables of 16- and 32-bit addressing
 * forms); Vol. 3, "Paging".
 */
#include "mmio.h"
#include "trap.h"

#define VGA	0xa0000		/* a hole in a real-mode guest's memory */

/* Memory as in a PC: 640 KiB, a hole, and more from 1 MiB on. */
static struct vcpu *real_guest(const uint8_t *code, size_t size)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	vm_add_memory(vm, 0, VGA);
	vm_add_memory(vm, 0x100000, 0x100000);
	vm_write(vm, GUEST_CODE, code, size);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, MODE_REAL);
	return vcpu;
}

#define REAL_TEST(name, code, ...)					\
	CHECKED_TEST(name, 16,						\
		     real_guest(guest_##name, guest_##name##_end - guest_##name), \
		     "mov $0xa000, %ax\n mov %ax, %ds\n" code, __VA_ARGS__)

#define VW(offset, len, value)	expect_write(vcpu, VGA + (offset), len, value)
#define VR(offset, len, value)	expect_read(vcpu, VGA + (offset), len, value)

REAL_TEST(real_store8_disp16, "mov $0x5a, %al\n mov %al, 0x1234\n",
	  VW(0x1234, 1, 0x5a), HLT)
REAL_TEST(real_store16_bx_si, "mov $0x10, %bx\n mov $0x200, %si\n mov %ax, (%bx,%si)\n",
	  VW(0x210, 2, 0xa000), HLT)
REAL_TEST(real_store16_bx_di_disp8,
	  "mov $0x10, %bx\n mov $0x200, %di\n mov %ax, -1(%bx,%di)\n",
	  VW(0x20f, 2, 0xa000), HLT)
REAL_TEST(real_store16_si_disp16, "mov $0x10, %si\n mov %ax, 0x4000(%si)\n",
	  VW(0x4010, 2, 0xa000), HLT)
REAL_TEST(real_load32, "mov 8, %eax\n", VR(8, 4, 0xfedcba98), HLT, RAX(0xfedcba98))
REAL_TEST(real_address_wraps_at_64k, "mov $0xfff0, %bx\n mov $0x20, %si\n mov %al, (%bx,%si)\n",
	  VW(0x10, 1, 0), HLT)
REAL_TEST(real_address_size_32, "mov $0x1234, %ebx\n mov %al, (%ebx)\n",
	  VW(0x1234, 1, 0), HLT)
/* BP addresses the stack segment, unless told otherwise. */
REAL_TEST(real_bp_uses_ss, "mov $0x10, %bp\n mov %ax, %ss\n xor %ax, %ax\n mov %ax, %ds\n"
	  "mov %al, 2(%bp)\n", VW(0x12, 1, 0), HLT)
REAL_TEST(real_segment_override, "mov %ax, %es\n xor %ax, %ax\n mov %ax, %ds\n"
	  "mov $0x10, %bp\n mov %al, %es:2(%bp)\n", VW(0x12, 1, 0), HLT)
REAL_TEST(real_rep_stosw, "mov %ax, %es\n mov $0x10, %di\n mov $2, %cx\n rep stosw\n",
	  VW(0x10, 2, 0xa000), VW(0x12, 2, 0xa000), HLT, RDI(0x14), RCX(0))
REAL_TEST(real_rep_movsb, "mov %ax, %es\n xor %si, %si\n mov $0x100, %di\n mov $2, %cx\n"
	  "rep movsb\n", VR(0, 1, 7), VW(0x100, 1, 7), VR(1, 1, 8), VW(0x101, 1, 8), HLT,
	  RSI(2), RDI(0x102), RCX(0))
REAL_TEST(real_moffs, "mov %al, 0x4321\n", VW(0x4321, 1, 0), HLT)
REAL_TEST(real_rep_uses_cx_only, "mov %ax, %es\n xor %di, %di\n mov $0xffff0001, %ecx\n"
	  "rep stosb\n", VW(0, 1, 0), HLT, RCX(0xffff0000))

/* ---- 32 bits ---- */

#define TEST_32(name, mode, code, ...)					\
	MMIO_TEST(name, 32, mode, "mov $0xd0000000, %ebx\n"		\
		  "mov $0x44332211, %eax\n" code, __VA_ARGS__)

TEST_32(prot32_store, MODE_PROT32, "mov %eax, (%ebx)\n", W(0, 4, 0x44332211), HLT)
TEST_32(prot32_load_sib, MODE_PROT32, "mov $4, %ecx\n mov 8(%ebx,%ecx,8), %eax\n",
	R(40, 4, 0xfedcba98), HLT, RAX(0xfedcba98))
TEST_32(prot32_moffs, MODE_PROT32, "mov %eax, 0xd0000004\n mov 0xd0000008, %al\n",
	W(4, 4, 0x44332211), R(8, 1, 0xee), HLT, RAX(0x443322ee))
TEST_32(prot32_absolute, MODE_PROT32, "movl $1, 0xd0000010\n", W(0x10, 4, 1), HLT)
TEST_32(prot32_operand_size_16, MODE_PROT32, "mov %ax, (%ebx)\n", W(0, 2, 0x2211), HLT)
TEST_32(prot32_high_registers, MODE_PROT32,
	"mov $0x9900, %edx\n mov %dh, (%ebx)\n", W(0, 1, 0x99), HLT)
TEST_32(prot32_address_wraps_at_4g, MODE_PROT32,
	"mov $0xe0000000, %ebx\n mov %eax, 0xf0000000(%ebx)\n", W(0, 4, 0x44332211), HLT)
TEST_32(prot32_segment_base, MODE_PROT32, "xor %ebx, %ebx\n mov %eax, 0x10(%ebx)\n",
	set_bases(vcpu, MMIO + 0x100, 0),
	W(0x110, 4, 0x44332211), HLT)
TEST_32(prot32_ebp_uses_ss, MODE_PROT32, "xor %ebp, %ebp\n mov %eax, 0x10(%ebp)\n",
	set_bases(vcpu, 0, MMIO + 0x200),
	W(0x210, 4, 0x44332211), HLT)
TEST_32(prot32_address_size_16, MODE_PROT32, "mov $0xffff0010, %ebx\n mov %eax, 4(%bx)\n",
	set_bases(vcpu, MMIO, 0),
	W(0x14, 4, 0x44332211), HLT)
TEST_32(paged32_store, MODE_PAGED32, "mov %eax, 0x123456\n",
	vm_map(vcpu, 0x123000, (MMIO + 0x5000) | PTE_P | PTE_W),
	W(0x5456, 4, 0x44332211), HLT)
TEST_32(paged32_large_page, MODE_PAGED32, "mov %eax, 0x3ffffc(%ebx)\n",
	W(0x3ffffc, 4, 0x44332211), HLT)
TEST_32(pae_store, MODE_PAE, "mov %eax, 0x123456\n",
	vm_map(vcpu, 0x123000, (MMIO + 0x5000) | PTE_P | PTE_W),
	W(0x5456, 4, 0x44332211), HLT)
/* A gpa above 4 GiB from a 32-bit gva. */
TEST_32(pae_high_gpa, MODE_PAE, "mov %eax, 0x123456\n",
	vm_map(vcpu, 0x123000, 0x8d0000000 | PTE_P | PTE_W),
	expect_write(vcpu, 0x8d0000456, 4, 0x44332211), HLT)

/* Compatibility mode: 0x40 is INC EAX and no REX prefix, bases count. */
GUEST32(guest_compat, ".byte 0x40\n mov %eax, 0x10(%ebx)\n hlt\n");

TEST(compatibility_mode)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_compat);
	struct minivmm_regs regs = vcpu_regs(vcpu);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	sregs.cs.l = 0;
	sregs.cs.db = 1;
	sregs.cs.selector = SEL_CODE32;
	sregs.ds.base = MMIO;
	vcpu_set_sregs(vcpu, &sregs);
	regs.rax = 0x44332211;
	regs.rbx = 0x1000;
	vcpu_set_regs(vcpu, &regs);
	W(0x1010, 4, 0x44332212);
	HLT;
	RAX(0x44332212);
}

/* ---- what the page tables say ---- */

GUEST64(guest_store_across, "mov %rax, 0x123ffc\n hlt\n");

TEST(second_page_not_present_is_a_fault_and_no_exit)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_store_across);
	struct trap *trap;

	vm_map(vcpu, 0x123000, (MMIO + 0x5000) | PTE_P | PTE_W);
	vm_map(vcpu, 0x124000, 0);
	trap = trap_expect(vcpu, PF, 2);
	EXPECT_EQ(0x124000, trap->cr2);
	EXPECT_EQ(GUEST_CODE, trap->rip);
}

TEST(read_only_page_is_a_fault_and_no_exit)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_store_across);
	struct trap *trap;

	vm_map(vcpu, 0x123000, (MMIO + 0x5000) | PTE_P);
	trap = trap_expect(vcpu, PF, 3);
	EXPECT_EQ(0x123ffc, trap->cr2);
}

GUEST64(guest_movs_to_gva, "mov $0xd0000000, %esi\n mov $0x123000, %edi\n movsl\n hlt\n");

/*
 * The processor saw the source only; the destination's fault is found by who
 * emulates. Whether the source is read before that is left open: KVM does.
 */
static struct trap *expect_movs_fault(struct vcpu *vcpu, uint64_t error)
{
	uint64_t count = trap_record(vcpu)->count;

	ASSERT_OK(vcpu_run(vcpu));
	if (vcpu->run->exit_reason == MINIVMM_EXIT_MMIO) {
		EXPECT_EQ(0, vcpu->run->mmio.is_write);
		EXPECT_EQ(MMIO, vcpu->run->mmio.phys_addr);
		ASSERT_OK(vcpu_run(vcpu));
	}
	ASSERT_EQ(MINIVMM_EXIT_HLT, vcpu->run->exit_reason);
	return trap_check(vcpu, count, PF, error);
}

TEST(movs_to_a_page_not_present_is_a_fault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_movs_to_gva);
	struct trap *trap;

	vm_map(vcpu, 0x123000, 0);
	trap = expect_movs_fault(vcpu, 2);
	EXPECT_EQ(0x123000, trap->cr2);
	EXPECT_EQ(MMIO, vcpu_regs(vcpu).rsi);
}

TEST(movs_to_a_read_only_page_is_a_fault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_movs_to_gva);
	struct trap *trap;

	vm_map(vcpu, 0x123000, RAM | PTE_P);
	trap = expect_movs_fault(vcpu, 3);
	EXPECT_EQ(0x123000, trap->cr2);
}

TEST(movs_sets_accessed_and_dirty)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_movs_to_gva);
	uint64_t *pte;

	vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_W);
	pte = vm_at(vcpu->vm, vcpu->vm->next_table - 0x1000);
	pte += 0x123;
	ASSERT_EQ(RAM | PTE_P | PTE_W, *pte);
	R(0, 4, 0xfedcba98);
	expect_hlt(vcpu);
	MEM(RAM, 4, 0xfedcba98);
	EXPECT_EQ(RAM | PTE_P | PTE_W | 0x60, *pte);
}

/* From ring 3, a supervisor page is out of reach for the emulated half too. */
GUEST64(guest_ring3_movs,
	"pushq $0x2b\n pushq $0x7000\n pushq $2\n pushq $0x33\n"
	"lea 1f(%rip), %rax\n push %rax\n iretq\n"
	"1: mov $0xd0000000, %esi\n mov $0x123000, %edi\n movsl\n"
	"2: jmp 2b\n");

TEST(movs_from_ring_3_to_a_supervisor_page_is_a_fault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ring3_movs);
	struct trap *trap;

	vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_W);
	trap = expect_movs_fault(vcpu, 7);
	EXPECT_EQ(0x123000, trap->cr2);
	EXPECT_EQ(SEL_USER_CODE64 | 3, trap->cs);
}

/* ---- what nobody decodes ---- */

static void expect_emulation_error(struct vcpu *vcpu, const uint8_t *bytes, size_t size)
{
	struct minivmm_run *run = vcpu->run;

	vcpu_run_to(vcpu, MINIVMM_EXIT_INTERNAL_ERROR);
	ASSERT_EQ(MINIVMM_INTERNAL_ERROR_EMULATION, run->emulation_failure.suberror);
	if (!size)
		return;
	ASSERT_TRUE(run->emulation_failure.ndata >= 3);
	EXPECT_TRUE(run->emulation_failure.flags &
		    MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
	ASSERT_TRUE(run->emulation_failure.insn_size >= size);
	EXPECT_TRUE(run->emulation_failure.insn_size <= 15);
	EXPECT_TRUE(!memcmp(run->emulation_failure.insn_bytes, bytes, size));
}

GUEST64(guest_paddd, "mov $0xd0000000, %ebx\n paddd (%rbx), %xmm0\n hlt\n");

TEST(undecodable_is_an_internal_error_with_bytes)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_paddd);

	expect_emulation_error(vcpu, guest_paddd + 5, guest_paddd_end - guest_paddd - 6);
	EXPECT_EQ(GUEST_CODE + 5, vcpu_regs(vcpu).rip);
}

GUEST64(guest_fxsave, "mov $0xd0000000, %ebx\n fxsave (%rbx)\n hlt\n");

/* KVM emulates FXSAVE; we do not, and must say so. */
TEST(fxsave_to_mmio)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_fxsave);

	MINIVMM_ONLY("KVM's emulator knows FXSAVE");
	expect_emulation_error(vcpu, (const uint8_t *)"\x0f\xae\x03", 3);
	EXPECT_EQ(GUEST_CODE + 5, vcpu_regs(vcpu).rip);
}

GUEST64(guest_jump_away, "mov $0xd0000000, %ebx\n jmp *%rbx\n");

TEST(code_without_memory_is_an_internal_error)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_jump_away);

	expect_emulation_error(vcpu, NULL, 0);
	EXPECT_EQ(MMIO, vcpu_regs(vcpu).rip);
}

/* The instruction itself may lie across two pages that are not adjacent. */
TEST(instruction_across_two_pages)
{
	/* movl $0x04030201, 0x20(%rbx); hlt */
	static const uint8_t code[] = { 0xc7, 0x43, 0x20, 1, 2, 3, 4, 0xf4 };
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_jump_away);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	vm_map(vcpu, 0x123000, RAM | PTE_P);
	vm_map(vcpu, 0x124000, (RAM + 0x8000) | PTE_P);
	vm_write(vcpu->vm, RAM + 0xffc, code, 4);
	vm_write(vcpu->vm, RAM + 0x8000, code + 4, sizeof(code) - 4);
	regs.rip = 0x123ffc;
	regs.rbx = MMIO;
	vcpu_set_regs(vcpu, &regs);
	W(0x20, 4, 0x04030201);
	HLT;
	EXPECT_EQ(0x124004, regs.rip);
}
