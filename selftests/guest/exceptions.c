// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions reach the guest's own handlers, with the right error codes, also
 * when an exit comes in the middle of delivering one.
 *
 * SDM Vol. 3, "Exception and Interrupt Reference"; for the second half "Handling
 * VM Exits", "VM Exits Due to Events" (IDT-vectoring information): what was being
 * delivered when a page of the IDT or the stack was missing must be delivered
 * again, with its error code and the length of its instruction.
 */
#include <sys/mman.h>

#include "check.h"
#include "trap.h"

#define RAM	GUEST_FREE
#define FRESH	0x200000	/* memory that the guest has not touched yet */

/*
 * The instruction `faults` after `before` must raise this exception; faults
 * report the instruction itself, traps the one behind it.
 */
#define RAISE_TEST(name, bits, mode, before, faults, vector, error, ...) \
	GUEST_ASM(guest_##name, bits, before "at_" #name ": " faults	\
		  "\nafter_" #name ": hlt\n");				\
	extern const uint8_t at_##name[], after_##name[];		\
	static void check_##name(struct trap *trap)			\
	{								\
		(void)at_##name;					\
		(void)after_##name;					\
		(__VA_ARGS__);						\
	}								\
	TEST(name)							\
	{								\
		check_##name(trap_expect(trap_guest(mode, guest_##name), vector, error)); \
	}

#define AT(name)							\
	EQUAL(GUEST_CODE + (at_##name - guest_##name), trap->rip)
#define AFTER(name)							\
	EQUAL(GUEST_CODE + (after_##name - guest_##name), trap->rip)

RAISE_TEST(divide_error, 64, MODE_LONG, "xor %ecx, %ecx\n", "div %ecx", DE, 0,
	   AT(divide_error))
RAISE_TEST(breakpoint, 64, MODE_LONG, "", "int3", BP, 0, AFTER(breakpoint))
RAISE_TEST(invalid_opcode, 64, MODE_LONG, "", "ud2", UD, 0, AT(invalid_opcode))
RAISE_TEST(general_protection, 64, MODE_LONG, "mov $0x4321, %eax\n", "mov %ax, %ds", GP, 0x4320,
	   AT(general_protection))
RAISE_TEST(page_fault_read, 64, MODE_LONG, "movabs $0x8000001234, %rsi\n", "mov (%rsi), %eax",
	   PF, 0, AT(page_fault_read), EQUAL(0x8000001234, trap->cr2))
RAISE_TEST(page_fault_write, 64, MODE_LONG, "movabs $0x8000001234, %rsi\n", "mov %eax, (%rsi)",
	   PF, 2, AT(page_fault_write), EQUAL(0x8000001234, trap->cr2))
RAISE_TEST(page_fault_fetch, 64, MODE_LONG, "movabs $0x8000001234, %rsi\n jmp *%rsi\n", "",
	   PF, 0x10, EQUAL(0x8000001234, trap->cr2), EQUAL(0x8000001234, trap->rip))
RAISE_TEST(stack_fault, 64, MODE_LONG, "movabs $0x800000000000, %rbp\n", "mov (%rbp), %eax",
	   SS, 0, AT(stack_fault))
RAISE_TEST(software_interrupt, 64, MODE_LONG, "", "int $0x20", 0x20, 0, AFTER(software_interrupt))
RAISE_TEST(device_not_available, 64, MODE_LONG,
	   "mov %cr0, %rax\n or $8, %rax\n mov %rax, %cr0\n", "fninit", NM, 0,
	   AT(device_not_available))
RAISE_TEST(x87_error, 64, MODE_LONG,
	   "fninit\n mov $0x900c, %esi\n movw $0x37b, (%rsi)\n fldcw (%rsi)\n"
	   "fld1\n fldz\n fdivrp\n", "fwait", MF, 0, AT(x87_error))
RAISE_TEST(simd_error, 64, MODE_LONG,
	   "mov $0x900c, %esi\n movl $0x1d80, (%rsi)\n ldmxcsr (%rsi)\n"
	   "xorps %xmm0, %xmm0\n mov $1, %eax\n cvtsi2ss %eax, %xmm1\n",
	   "divss %xmm0, %xmm1", XM, 0, AT(simd_error))
RAISE_TEST(single_step, 64, MODE_LONG, "pushf\n orl $0x100, (%rsp)\n popf\n", "nop", DB, 0,
	   AFTER(single_step))
RAISE_TEST(icebp, 64, MODE_LONG, "", ".byte 0xf1", DB, 0, AFTER(icebp))
RAISE_TEST(overflow, 32, MODE_PROT32, "mov $0x7f, %al\n inc %al\n", "into", OF_, 0,
	   AFTER(overflow))
RAISE_TEST(bound_range, 32, MODE_PROT32,
	   "mov $0xb000, %esi\n movl $0, (%esi)\n movl $4, 4(%esi)\n mov $5, %eax\n",
	   "bound %eax, (%esi)", BR, 0, AT(bound_range))
RAISE_TEST(page_fault_in_paged32, 32, MODE_PAGED32, "mov %cr3, %eax\n mov $0, %ecx\n"
	   "mov %ecx, 0xffc(%eax)\n", "mov %ecx, 0xffc00004", PF, 2,
	   AT(page_fault_in_paged32), EQUAL(0xffc00004, trap->cr2))
RAISE_TEST(general_protection_in_pae, 32, MODE_PAE, "", "mov %eax, %cs:0", GP, 0,
	   AT(general_protection_in_pae))
RAISE_TEST(divide_error_in_real_mode, 16, MODE_REAL, "xor %cx, %cx\n", "div %cx", DE, 0,
	   AT(divide_error_in_real_mode))
RAISE_TEST(invalid_opcode_in_real_mode, 16, MODE_REAL, "", "ud2", UD, 0,
	   AT(invalid_opcode_in_real_mode))
RAISE_TEST(segment_limit_in_real_mode, 16, MODE_REAL, "mov $0xffff, %bx\n", "mov (%bx), %ax",
	   GP, 0, AT(segment_limit_in_real_mode))

GUEST64(guest_write_gva, "mov %eax, 0x123000\n hlt\n");

TEST(page_fault_protection)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_write_gva);

	vm_map(vcpu, 0x123000, RAM | PTE_P);
	EXPECT_EQ(0x123000, trap_expect(vcpu, PF, 3)->cr2);
}

TEST(page_fault_reserved_bit)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_write_gva);

	vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_W | 1ULL << 51);
	EXPECT_EQ(0x123000, trap_expect(vcpu, PF, 0xb)->cr2);
}

GUEST64(guest_ring3_write, TO_RING_3 "mov %eax, 0x123000\n 2: jmp 2b\n");

TEST(page_fault_from_ring_3)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ring3_write);
	struct trap *trap;

	vm_map(vcpu, 0x123000, RAM | PTE_P | PTE_W);
	trap = trap_expect(vcpu, PF, 7);
	EXPECT_EQ(0x123000, trap->cr2);
	EXPECT_EQ(SEL_USER_CODE64 | 3, trap->cs);
	EXPECT_EQ(0x7000, trap->rsp);
}

GUEST64(guest_ring3_unaligned,
	"mov %cr0, %rax\n or $0x40000, %eax\n mov %rax, %cr0\n"
	TO_RING_3 "pushf\n orl $0x40000, (%rsp)\n popf\n"
	"mov 0x9001, %eax\n 2: jmp 2b\n");

TEST(alignment_check)
{
	trap_expect(trap_guest(MODE_LONG, guest_ring3_unaligned), AC, 0);
}

GUEST64(guest_load_ds, "mov $0x58, %eax\n mov %ax, %ds\n hlt\n");

TEST(segment_not_present)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_load_ds);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	uint64_t *gdt = vm_at(vcpu->vm, GUEST_GDT);

	gdt[0x58 / 8] = 0x00cf13000000ffff;	/* data, P clear */
	sregs.gdt.limit = 0x67;
	vcpu_set_sregs(vcpu, &sregs);
	trap_expect(vcpu, NP, 0x58);
}

GUEST64(guest_debug_register,
	"mov $0x9000, %eax\n mov %rax, %dr0\n"
	"mov $0xd0602, %eax\n mov %rax, %dr7\n"	/* writes of four bytes, global */
	"mov %eax, 0x9000\n"
	"mov %dr6, %rbx\n hlt\n");

TEST(debug_register_breakpoint)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_debug_register);

	trap_expect(vcpu, DB, 0);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(1, vcpu_regs(vcpu).rbx & 0xf);
}

GUEST64(guest_ud2, "ud2\n hlt\n");

/* The handler for #UD is not present: #NP; its error code says IDT (2) and EXT (1). */
TEST(exception_while_delivering_another)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ud2);
	uint8_t *gate = vm_at(vcpu->vm, GUEST_IDT + UD * 16);

	gate[5] &= ~0x80;
	trap_expect(vcpu, NP, UD * 8 + 3);
}

/* A page fault whose handler is not present: two contributory ones, #DF. */
TEST(double_fault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_write_gva);
	uint8_t *gate = vm_at(vcpu->vm, GUEST_IDT + PF * 16);

	vm_map(vcpu, 0x123000, 0);
	gate[5] &= ~0x80;
	trap_expect(vcpu, DF, 0);
}

TEST(handler_returns_to_the_instruction)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_write_gva);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rax = 0x12345678;
	vcpu_set_regs(vcpu, &regs);
	vm_map(vcpu, 0x123000, 0);
	for (unsigned int i = 0; i < 3; i++)
		trap_expect(vcpu, PF, 2);
	((uint64_t *)vm_at(vcpu->vm, vcpu->vm->next_table - 0x1000))[0x123] =
		RAM | PTE_P | PTE_W;
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(3, trap_record(vcpu)->count);
	EXPECT_EQ(0x12345678, *(uint32_t *)vm_at(vcpu->vm, RAM));
}

/* ---- exits in the middle of a delivery ---- */

/* Nothing of the guest's memory in this range is mapped yet, in the EPT or here. */
static void forget(struct vcpu *vcpu, uint64_t gpa, uint64_t size)
{
	ASSERT_OK(madvise(vm_at(vcpu->vm, gpa), size, MADV_NOHUGEPAGE));
	ASSERT_OK(madvise(vm_at(vcpu->vm, gpa), size, MADV_DONTNEED));
}

/* The IDT moves to a page that only the processor's delivery will touch. */
static void fresh_idt(struct vcpu *vcpu)
{
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);

	forget(vcpu, FRESH, 0x2000);
	memcpy(vm_at(vcpu->vm, FRESH + 0x800), vm_at(vcpu->vm, sregs.idt.base),
	       sregs.idt.limit + 1);
	sregs.idt.base = FRESH + 0x800;
	vcpu_set_sregs(vcpu, &sregs);
}

static void fresh_stack(struct vcpu *vcpu)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	forget(vcpu, FRESH + 0x4000, 0x2000);
	regs.rsp = FRESH + 0x5010;	/* the frame itself lies in two pages */
	vcpu_set_regs(vcpu, &regs);
}

/* A new guest, whose IDT, stack or both are in pages not touched yet. */
static struct vcpu *fresh_guest(enum guest_mode mode, const uint8_t *code, size_t size,
				unsigned int fresh)
{
	struct vcpu *vcpu = guest_create(mode, code, size);

	trap_install(vcpu);
	if (fresh & 1)
		fresh_idt(vcpu);
	if (fresh & 2)
		fresh_stack(vcpu);
	return vcpu;
}

#define DELIVER_TEST(name, bits, mode, before, raises, vector, error, ...) \
	GUEST_ASM(guest_##name, bits, before "at_" #name ": " raises	\
		  "\nafter_" #name ": hlt\n");				\
	extern const uint8_t at_##name[], after_##name[];		\
	static void check_##name(struct trap *trap)			\
	{								\
		(void)at_##name;					\
		(void)after_##name;					\
		(__VA_ARGS__);						\
	}								\
	TEST(name)							\
	{								\
		for (unsigned int fresh = 1; fresh < 4; fresh++) {	\
			struct vcpu *vcpu = fresh_guest(mode, guest_##name, \
				guest_##name##_end - guest_##name, fresh); \
									\
			check_##name(trap_expect(vcpu, vector, error));	\
			guest_free(vcpu);				\
		}							\
	}

DELIVER_TEST(deliver_fault, 64, MODE_LONG, "", "ud2", UD, 0, AT(deliver_fault))
DELIVER_TEST(deliver_fault_with_error_code, 64, MODE_LONG, "mov $0x4321, %eax\n",
	     "mov %ax, %ds", GP, 0x4320, AT(deliver_fault_with_error_code))
DELIVER_TEST(deliver_page_fault, 64, MODE_LONG, "movabs $0x8000001234, %rsi\n",
	     "mov %eax, (%rsi)", PF, 2, AT(deliver_page_fault),
	     EQUAL(0x8000001234, trap->cr2))
DELIVER_TEST(deliver_software_interrupt, 64, MODE_LONG, "", "int $0x42", 0x42, 0,
	     AFTER(deliver_software_interrupt))
DELIVER_TEST(deliver_breakpoint, 64, MODE_LONG, "", "int3", BP, 0, AFTER(deliver_breakpoint))
DELIVER_TEST(deliver_icebp, 64, MODE_LONG, "", ".byte 0xf1", DB, 0, AFTER(deliver_icebp))
DELIVER_TEST(deliver_in_protected_mode, 32, MODE_PROT32, "", "int $0x42", 0x42, 0,
	     AFTER(deliver_in_protected_mode))
DELIVER_TEST(deliver_fault_in_pae, 32, MODE_PAE, "mov $0x4321, %eax\n", "mov %ax, %ds",
	     GP, 0x4320, AT(deliver_fault_in_pae))

GUEST16(guest_fresh_ivt, "mov $0x2000, %ax\n mov %ax, %ss\n mov $0x10, %sp\n int $0x42\n hlt\n");

TEST(deliver_in_real_mode)
{
	struct vcpu *vcpu = trap_guest(MODE_REAL, guest_fresh_ivt);

	/* SS is another segment here, so a handler that needs no record */
	vm_load(vcpu->vm, 0xb000, guest_ud2);
	((uint8_t *)vm_at(vcpu->vm, 0xb000))[0] = 0xf4;
	vcpu_set_handler(vcpu, 0x42, 0xb000);
	fresh_idt(vcpu);
	forget(vcpu, 0x1f000, 0x2000);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0xb001, vcpu_regs(vcpu).rip);
	EXPECT_EQ(0xa, vcpu_regs(vcpu).rsp);
	EXPECT_EQ(0x800a, *(uint16_t *)vm_at(vcpu->vm, 0x2000a));
}

GUEST64(guest_lidt_away, "lidt 0xb000\n ud2\n hlt\n");

/* An IDT in MMIO: nobody can emulate that, so user space is told, and nothing loops. */
TEST(idt_in_mmio)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_lidt_away);
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr = { 0xfff, 0xd0000000 };

	MINIVMM_ONLY("KVM's answer depends on what it has cached");
	vm_write(vcpu->vm, 0xb000, &idtr, sizeof(idtr));
	vcpu_run_to(vcpu, MINIVMM_EXIT_INTERNAL_ERROR);
}

GUEST64(guest_bad_cr3, "mov $0xd0000000, %eax\n mov %rax, %cr3\n hlt\n");

/* Page tables in MMIO: RUN ends, one way or the other, and does not spin. */
TEST(page_tables_in_mmio)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_bad_cr3);

	ASSERT_OK(vcpu_run(vcpu));
	EXPECT(vcpu->run->exit_reason == MINIVMM_EXIT_INTERNAL_ERROR ||
	       vcpu->run->exit_reason == MINIVMM_EXIT_SHUTDOWN, "%s",
	       exit_name(vcpu->run->exit_reason));
}

/* The stack of an exception in a read-only slot: no write for user space in that. */
GUEST64(guest_ud2_on_rom, "mov $0x90000800, %esp\n ud2\n");

TEST(stack_in_a_read_only_slot)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_ud2_on_rom);
	void *rom = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MINIVMM_ONLY("KVM emulates the instruction that raised it");
	ASSERT_OK(vm_set_slot(vcpu->vm, 10, MINIVMM_MEM_READONLY, 0x90000000, 4096, rom));
	vcpu_run_to(vcpu, MINIVMM_EXIT_INTERNAL_ERROR);
	EXPECT_EQ(MINIVMM_INTERNAL_ERROR_DELIVERY_EV, vcpu->run->internal.suberror);
}
