// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest debugging: breakpoints in the guest's code and in the debug registers,
 * single steps, and what the guest sees of it.
 *
 * SDM Vol. 3, "Debug Registers"; Documentation/abi.md, "SET_GUEST_DEBUG".
 */
#include "../guest/trap.h"

static int set_debug(struct vcpu *vcpu, uint32_t control, uint64_t dr0, uint64_t dr7)
{
	struct minivmm_guest_debug debug = {
		.control = control, .arch.debugreg = { [0] = dr0, [7] = dr7 },
	};

	return ioctl(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, &debug);
}

#define ENABLE		MINIVMM_GUESTDBG_ENABLE
#define STEP		(ENABLE | MINIVMM_GUESTDBG_SINGLESTEP)

/* Runs to EXIT_DEBUG: of this exception, at this address. */
static struct minivmm_debug_exit_arch *run_to_debug(struct vcpu *vcpu, uint32_t vector,
						    uint64_t pc)
{
	vcpu_run_to(vcpu, MINIVMM_EXIT_DEBUG);
	EXPECT_EQ(vector, vcpu->run->debug.arch.exception);
	EXPECT_EQ(pc, vcpu->run->debug.arch.pc);
	return &vcpu->run->debug.arch;
}

GUEST64(guest_int3, "nop\n int3\n nop\n hlt\n");

TEST(debug_software_breakpoint_is_the_owner_s)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_int3);

	EXPECT_EQ(1, device_capability(MINIVMM_CAP_SET_GUEST_DEBUG));
	ASSERT_OK(set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_USE_SW_BP, 0, 0));
	run_to_debug(vcpu, BP, GUEST_CODE + 1);
	EXPECT_EQ(GUEST_CODE + 1, vcpu_regs(vcpu).rip);
	/* It is the guest's own: given back, its handler finds RIP behind it. */
	ASSERT_OK(set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_USE_SW_BP |
			    MINIVMM_GUESTDBG_INJECT_BP, 0, 0));
	EXPECT_EQ(GUEST_CODE + 2, trap_expect(vcpu, BP, 0)->rip);
}

GUEST16(guest_int3_16, "nop\n int3\n hlt\n");

TEST(debug_address_is_linear)
{
	struct vcpu *vcpu = guest_new(MODE_REAL, guest_int3_16);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	sregs.cs.selector = 0x100;
	sregs.cs.base = 0x1000;
	vcpu_set_sregs(vcpu, &sregs);
	regs.rip = GUEST_CODE - 0x1000;
	vcpu_set_regs(vcpu, &regs);
	ASSERT_OK(set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_USE_SW_BP, 0, 0));
	run_to_debug(vcpu, BP, GUEST_CODE + 1);
}

TEST(debug_off_leaves_breakpoints_to_the_guest)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_int3);

	/* Without ENABLE nothing is on. */
	ASSERT_OK(set_debug(vcpu, MINIVMM_GUESTDBG_USE_SW_BP, 0, 0));
	EXPECT_EQ(GUEST_CODE + 2, trap_expect(vcpu, BP, 0)->rip);
}

GUEST64(guest_hw, "mov $0x1234000, %rax\n mov %rax, %dr0\n mov $0x50000, %ebx\n"
		  "mov %eax, (%rbx)\n nop\n mov %dr0, %rcx\n hlt\n");

TEST(debug_hardware_breakpoint)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_hw);
	struct minivmm_debug_exit_arch *arch;
	const uint64_t nop = GUEST_CODE + 7 + 3 + 5 + 2;

	ASSERT_OK(set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_USE_HW_BP, nop, 0x402));
	arch = run_to_debug(vcpu, DB, nop);
	EXPECT_EQ(0xffff0ff1, arch->dr6);
	EXPECT_EQ(0x402, arch->dr7);
	/* The guest's own register is as it wrote it. */
	ASSERT_OK(set_debug(vcpu, 0, 0, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x1234000, vcpu_regs(vcpu).rcx);
	EXPECT_EQ(0, trap_record(vcpu)->count);
}

TEST(debug_watchpoint)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_hw);
	const uint64_t behind = GUEST_CODE + 7 + 3 + 5 + 2;

	/* Four bytes, writes. */
	ASSERT_OK(set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_USE_HW_BP, 0x50000, 0xd0402));
	EXPECT_EQ(0xffff0ff1, run_to_debug(vcpu, DB, behind)->dr6);
}

GUEST64(guest_steps, "xor %eax, %eax\n cpuid\n pushf\n pop %rbx\n in $0x10, %al\n mov %cr0, %rcx\n"
		     "nop\n hlt\n");

TEST(debug_single_step)
{
	static const uint64_t lengths[] = { 2, 2, 1, 1 };
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_steps);
	uint64_t pc = GUEST_CODE;

	for (unsigned int i = 0; i < 4; i++) {
		pc += lengths[i];
		ASSERT_OK(set_debug(vcpu, STEP, 0, 0x400));
		EXPECT_EQ(0xffff4ff0, run_to_debug(vcpu, DB, pc)->dr6);
	}
	/* IN is the owner's, and a step when it is done. */
	vcpu_run_to(vcpu, MINIVMM_EXIT_IO);
	run_to_debug(vcpu, DB, pc + 2);
	run_to_debug(vcpu, DB, pc + 5);
	ASSERT_OK(set_debug(vcpu, 0, 0, 0));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, trap_record(vcpu)->count);
}

/* With BLOCKIRQ a step is the next instruction, not a handler. */
TEST(debug_step_with_an_nmi_that_waits)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_steps);

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_NMI));
	ASSERT_OK(set_debug(vcpu, STEP | MINIVMM_GUESTDBG_BLOCKIRQ, 0, 0x400));
	run_to_debug(vcpu, DB, GUEST_CODE + 2);
	ASSERT_OK(set_debug(vcpu, 0, 0, 0));
	EXPECT_EQ(GUEST_CODE + 2, trap_expect(vcpu, 2, 0)->rip);
}

TEST(debug_exception_can_be_injected)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_steps);

	ASSERT_OK(set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_INJECT_DB, 0, 0x400));
	EXPECT_EQ(GUEST_CODE, trap_expect(vcpu, DB, 0)->rip);
}

TEST(debug_injection_behind_another_exception_is_ebusy)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_steps);

	ASSERT_OK(set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_INJECT_DB, 0, 0x400));
	EXPECT_ERRNO(EBUSY, set_debug(vcpu, ENABLE | MINIVMM_GUESTDBG_INJECT_BP, 0, 0x400));
}

TEST(debug_bad_pointer_is_efault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_steps);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, (void *)0x1000));
}

/* ---- TRANSLATE ---- */

static struct minivmm_translation translate(struct vcpu *vcpu, uint64_t gva)
{
	struct minivmm_translation translation = {
		.linear_address = gva, .writeable = 7, .usermode = 7,
	};

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_TRANSLATE, &translation));
	EXPECT_EQ(gva, translation.linear_address);
	EXPECT_EQ(1, translation.writeable);
	EXPECT_EQ(0, translation.usermode);
	return translation;
}

TEST(translate_follows_the_guests_page_tables)
{
	static const enum guest_mode modes[] = { MODE_PAGED32, MODE_PAE, MODE_LONG };

	for (unsigned int i = 0; i < 3; i++) {
		struct vcpu *vcpu = guest_create(modes[i], guest_int3, 1);
		struct minivmm_translation translation;

		vm_map(vcpu, 0x123000, 0x200000 | PTE_P);
		vm_map(vcpu, 0x124000, 0);
		translation = translate(vcpu, 0x123456);
		EXPECT_EQ(1, translation.valid);
		EXPECT_EQ(0x200456, translation.physical_address);
		translation = translate(vcpu, 0x124456);
		EXPECT_EQ(0, translation.valid);
		EXPECT_EQ(~0ULL, translation.physical_address);
	}
}

TEST(translate_without_paging_changes_nothing)
{
	struct vcpu *vcpu = guest_create(MODE_PROT32, guest_int3, 1);
	struct minivmm_translation translation = translate(vcpu, 0x12345678);

	EXPECT_EQ(1, translation.valid);
	EXPECT_EQ(0x12345678, translation.physical_address);
}

/* An instruction that waits for its owner is not disturbed. */
GUEST64(guest_mmio, "mov $0x8000000, %ebx\n"
		    "mov (%rbx), %eax\n"
		    "out %eax, $0x10\n");

TEST(translate_between_an_exit_and_the_next_run)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_mmio);
	uint32_t value = 0x11223344;

	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(0x8000123, translate(vcpu, 0x8000123).physical_address);
	memcpy(vcpu->run->mmio.data, &value, sizeof(value));
	EXPECT_EQ(value, vcpu_run_to_out(vcpu, 0x10));
}

TEST(translate_bad_pointer_is_efault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, guest_int3);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_TRANSLATE, (void *)0x1000));
}
