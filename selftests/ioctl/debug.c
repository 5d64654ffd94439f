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
