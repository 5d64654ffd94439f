// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where KVM has never done as a processor does, and what its owner switches off
 * with DISABLE_QUIRKS2; and instructions that no processor here has, but the
 * guest.
 */
#include <stdlib.h>

#include "irq.h"
#include "trap.h"

#define MSR_APIC_BASE	0x1b
#define MSR_MISC_ENABLE	0x1a0
#define MSR_TSC_AUX	0xc0000103

#define MISC_ENABLE_MWAIT	(1u << 18)
#define CPUID_MWAIT		(1u << 3)	/* leaf 1, ECX */
#define CPUID_MOVBE		(1u << 22)
#define CPUID_RDPID		(1u << 22)	/* leaf 7, ECX */

static void disable_quirks(struct vm *vm, uint64_t quirks)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_DISABLE_QUIRKS2, .args = { quirks },
	};

	ASSERT_OK(ioctl(vm->fd, MINIVMM_ENABLE_CAP, &cap));
}

/* Changes bits of ECX of a leaf of what the guest is told. */
static void change_ecx(struct vcpu *vcpu, uint32_t leaf, uint32_t clear, uint32_t set)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	struct minivmm_cpuid_entry2 *entry = cpuid_entry(cpuid, leaf, 0);

	ASSERT_TRUE(entry);
	entry->ecx = (entry->ecx & ~clear) | set;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	free(cpuid);
}

/* ---- FIX_HYPERCALL_INSN ---- */

/* The hypercall that asks for nothing (VAPIC_POLL_IRQ). */
GUEST64(amd_hypercall,
	"mov $1, %eax\n"
	"at_vmmcall: vmmcall\n"
	"hlt\n");
extern const uint8_t at_vmmcall[];

#define VMMCALL_AT	(GUEST_CODE + (at_vmmcall - amd_hypercall))

static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 };
static const uint8_t vmmcall[] = { 0x0f, 0x01, 0xd9 };

TEST(vmmcall_becomes_vmcall)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, amd_hypercall);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, trap_record(vcpu)->count);
	EXPECT_EQ(0, vcpu_regs(vcpu).rax);
	EXPECT_TRUE(!memcmp(vmcall, vm_at(vcpu->vm, VMMCALL_AT), sizeof(vmcall)));
}

TEST(vmmcall_stays_without_the_quirk)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, amd_hypercall);

	disable_quirks(vcpu->vm, MINIVMM_X86_QUIRK_FIX_HYPERCALL_INSN);
	EXPECT_EQ(VMMCALL_AT, trap_expect(vcpu, UD, 0)->rip);
	EXPECT_TRUE(!memcmp(vmmcall, vm_at(vcpu->vm, VMMCALL_AT), sizeof(vmmcall)));
}

/* Patched as if the guest had written there. */
TEST(vmmcall_in_a_read_only_page_is_a_page_fault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, amd_hypercall);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	struct trap *trap;

	vm_map(vcpu, GUEST_CODE, GUEST_CODE | PTE_P | PTE_U);
	sregs.cr0 |= 1 << 16;	/* WP */
	vcpu_set_sregs(vcpu, &sregs);
	trap = trap_expect(vcpu, PF, 3);
	EXPECT_EQ(VMMCALL_AT, trap->rip);
	EXPECT_EQ(VMMCALL_AT, trap->cr2);
	EXPECT_TRUE(!memcmp(vmmcall, vm_at(vcpu->vm, VMMCALL_AT), sizeof(vmmcall)));
}

/* Ring 3's page, which ring 0 could write to. */
GUEST64(amd_hypercall_in_ring_3, TO_RING_3 "vmmcall\n int3\n");

TEST(vmmcall_in_ring_3_is_ring_3_s_page_fault)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, amd_hypercall_in_ring_3);

	vm_map(vcpu, GUEST_CODE, GUEST_CODE | PTE_P | PTE_U);
	trap_expect(vcpu, PF, 7);
}

#define PAGE		0x1000
#define LEFT		0x200000	/* two pages that are not neighbours in memory */
#define LEFT_GPA	0x42000
#define RIGHT_GPA	0x40000

/* Of three bytes the last one is on the next page, where HLT follows. */
static struct vcpu *vmmcall_across_pages(uint64_t left, uint64_t right)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, amd_hypercall);
	struct minivmm_sregs sregs = vcpu_sregs(vcpu);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	vm_map(vcpu, LEFT, LEFT_GPA | PTE_P | left);
	vm_map(vcpu, LEFT + PAGE, RIGHT_GPA | PTE_P | right);
	vm_write(vcpu->vm, LEFT_GPA + PAGE - 2, vmmcall, 2);
	vm_write(vcpu->vm, RIGHT_GPA, "\xd9\xf4", 2);
	sregs.cr0 |= 1 << 16;	/* WP */
	vcpu_set_sregs(vcpu, &sregs);
	regs.rip = LEFT + PAGE - 2;
	regs.rax = 1;
	vcpu_set_regs(vcpu, &regs);
	return vcpu;
}

TEST(vmmcall_across_pages_becomes_vmcall)
{
	struct vcpu *vcpu = vmmcall_across_pages(PTE_W, PTE_W);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, trap_record(vcpu)->count);
	EXPECT_TRUE(!memcmp(vm_at(vcpu->vm, LEFT_GPA + PAGE - 2), vmcall, 2));
	EXPECT_EQ(vmcall[2], *(uint8_t *)vm_at(vcpu->vm, RIGHT_GPA));
}

/* All of it is written, though one byte changes. */
TEST(vmmcall_across_pages_needs_both)
{
	struct vcpu *vcpu = vmmcall_across_pages(0, PTE_W);

	EXPECT_EQ(LEFT + PAGE - 2, trap_expect(vcpu, PF, 3)->cr2);
	EXPECT_EQ(0xd9, *(uint8_t *)vm_at(vcpu->vm, RIGHT_GPA));
	vcpu = vmmcall_across_pages(PTE_W, 0);
	EXPECT_EQ(LEFT + PAGE, trap_expect(vcpu, PF, 3)->cr2);
	EXPECT_EQ(0xd9, *(uint8_t *)vm_at(vcpu->vm, RIGHT_GPA));
}

GUEST16(amd_hypercall_in_16_bits, "vmmcall\n hlt\n");

TEST(vmmcall_in_a_segment_with_a_base)
{
	struct minivmm_sregs sregs;
	struct minivmm_regs regs;
	struct vcpu *vcpu;

	MINIVMM_ONLY("KVM patches what is at RIP, whatever the segment's base");
	vcpu = guest_new(MODE_PROT16, amd_hypercall_in_16_bits);
	sregs = vcpu_sregs(vcpu);
	regs = vcpu_regs(vcpu);
	sregs.cs.base = GUEST_CODE;
	vcpu_set_sregs(vcpu, &sregs);
	regs.rip = 0;
	regs.rax = 1;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu_regs(vcpu).rax);
	EXPECT_TRUE(!memcmp(vmcall, vm_at(vcpu->vm, GUEST_CODE), sizeof(vmcall)));
}

TEST(vmmcall_in_real_mode_is_ud)
{
	struct vcpu *vcpu = trap_guest(MODE_REAL, amd_hypercall_in_16_bits);

	EXPECT_EQ(GUEST_CODE, trap_expect(vcpu, UD, 0)->rip);
	EXPECT_TRUE(!memcmp(vmmcall, vm_at(vcpu->vm, GUEST_CODE), sizeof(vmmcall)));
}

/* ---- MWAIT_NEVER_UD_FAULTS, MISC_ENABLE_NO_MWAIT ---- */

GUEST64(mwait,
	"xor %ecx, %ecx\n"
	"xor %edx, %edx\n"
	"mov $0x40000, %eax\n"
	"monitor\n"
	"xor %eax, %eax\n"
	"mwait\n"
	"hlt\n");

static struct vcpu *mwait_guest(bool offered, uint64_t quirks_off)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, mwait);

	change_ecx(vcpu, 1, CPUID_MWAIT, offered ? CPUID_MWAIT : 0);
	disable_quirks(vcpu->vm, quirks_off);
	return vcpu;
}

TEST(mwait_that_is_not_there_does_nothing)
{
	struct vcpu *vcpu = mwait_guest(false, 0);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, trap_record(vcpu)->count);
}

TEST(mwait_that_is_not_there_is_ud_without_the_quirk)
{
	trap_expect(mwait_guest(false, MINIVMM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS), UD, 0);
}

TEST(mwait_that_is_there_does_nothing_without_the_quirk)
{
	struct vcpu *vcpu = mwait_guest(true, MINIVMM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS);

	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, trap_record(vcpu)->count);
}

static bool told_of_mwait(struct vcpu *vcpu)
{
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	bool told;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_CPUID2, cpuid));
	told = cpuid_entry(cpuid, 1, 0)->ecx & CPUID_MWAIT;
	free(cpuid);
	return told;
}

TEST(misc_enable_does_not_change_cpuid)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mwait);

	ASSERT_EQ(1, vcpu_set_msr(vcpu, MSR_MISC_ENABLE, MISC_ENABLE_MWAIT));
	EXPECT_TRUE(!told_of_mwait(vcpu));
}

TEST(misc_enable_changes_cpuid_without_the_quirk)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, mwait);

	disable_quirks(vcpu->vm, MINIVMM_X86_QUIRK_MISC_ENABLE_NO_MWAIT);
	ASSERT_EQ(1, vcpu_set_msr(vcpu, MSR_MISC_ENABLE, MISC_ENABLE_MWAIT));
	EXPECT_TRUE(told_of_mwait(vcpu));
	ASSERT_EQ(1, vcpu_set_msr(vcpu, MSR_MISC_ENABLE, 0));
	EXPECT_TRUE(!told_of_mwait(vcpu));
	/* The SDM wants SSE3 for it. */
	change_ecx(vcpu, 1, 1, 0);
	EXPECT_EQ(0, vcpu_set_msr(vcpu, MSR_MISC_ENABLE, MISC_ENABLE_MWAIT));
}

/* ---- OUT_7E_INC_RIP ---- */

GUEST64(out_7e,
	"out %al, $0x7e\n"
	"at_next: out %al, $0x7f\n"
	"hlt\n");
extern const uint8_t at_next[];

TEST(rip_is_behind_out_to_port_7e)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, out_7e);

	vcpu_run_to_out(vcpu, 0x7e);
	EXPECT_EQ(GUEST_CODE + (at_next - out_7e), vcpu_regs(vcpu).rip);
	/* Others are finished by the next RUN. */
	vcpu_run_to_out(vcpu, 0x7f);
	EXPECT_EQ(GUEST_CODE + (at_next - out_7e), vcpu_regs(vcpu).rip);
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
}

TEST(rip_is_at_out_to_port_7e_without_the_quirk)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, out_7e);

	disable_quirks(vcpu->vm, MINIVMM_X86_QUIRK_OUT_7E_INC_RIP);
	vcpu_run_to_out(vcpu, 0x7e);
	EXPECT_EQ(GUEST_CODE, vcpu_regs(vcpu).rip);
	vcpu_run_to_out(vcpu, 0x7f);
}

/* ---- Local APICs ---- */

GUEST64(read_apic_id,
	"mov $0xfee00020, %edx\n"
	"mov (%rdx), %eax\n"
	"out %eax, $0x10\n");

static struct vcpu *guest_with_apic_off(uint64_t quirks_off)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = irq_guest_new(vm, read_apic_id);

	disable_quirks(vm, quirks_off);
	ASSERT_EQ(1, vcpu_set_msr(vcpu, MSR_APIC_BASE, 0xfee00000));
	return vcpu;
}

TEST(local_apic_that_is_off_leaves_a_hole)
{
	EXPECT_EQ(0xffffffff, vcpu_run_to_out(guest_with_apic_off(0), 0x10));
}

TEST(local_apic_that_is_off_is_mmio_without_the_quirk)
{
	struct vcpu *vcpu = guest_with_apic_off(MINIVMM_X86_QUIRK_LAPIC_MMIO_HOLE);

	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	EXPECT_EQ(0xfee00020, vcpu->run->mmio.phys_addr);
	EXPECT_EQ(4, vcpu->run->mmio.len);
}

TEST(lint0_is_masked_without_the_quirk)
{
	struct minivmm_lapic_state lapic;
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu;

	disable_quirks(vm, MINIVMM_X86_QUIRK_LINT0_REENABLED);
	vcpu = vcpu_create(vm, 0);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_EQ(0x10000, *(uint32_t *)&lapic.regs[0x350]);
}

/* ---- Instructions that are not the processor's ---- */

GUEST64(rdpid,
	"xor %ecx, %ecx\n"
	".byte 0xf3, 0x41, 0x0f, 0xc7, 0xf9\n"	/* rdpid %r9 */
	"mov %r9d, %eax\n"
	"out %eax, $0x10\n"
	".byte 0xf3, 0x0f, 0xc7, 0xf9\n"	/* rdpid %rcx */
	"hlt\n");

TEST(rdpid_is_there_if_the_owner_says_so)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, rdpid);

	change_ecx(vcpu, 7, 0, CPUID_RDPID);
	ASSERT_EQ(1, vcpu_set_msr(vcpu, MSR_TSC_AUX, 0x1234567));
	EXPECT_EQ(0x1234567, vcpu_run_to_out(vcpu, 0x10));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, trap_record(vcpu)->count);
	EXPECT_EQ(0x1234567, vcpu_regs(vcpu).rcx);
}

TEST(rdpid_that_is_not_there_is_ud)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, rdpid);
	struct minivmm_cpuid2 *cpuid = device_cpuid();

	if (cpuid_entry(cpuid, 7, 0)->ecx & CPUID_RDPID)
		SKIP("the processor has it");
	EXPECT_EQ(GUEST_CODE + 2, trap_expect(vcpu, UD, 0)->rip);
}

#define RDPID_RCX	".byte 0xf3, 0x0f, 0xc7, 0xf9\n"

GUEST64(steps_rdpid,
	"pushf\n orl $0x100, (%rsp)\n popf\n"	/* TF */
	RDPID_RCX
	"after_step: nop\n nop\n hlt\n");
extern const uint8_t after_step[];

TEST(rdpid_can_be_stepped)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, steps_rdpid);

	change_ecx(vcpu, 7, 0, CPUID_RDPID);
	EXPECT_EQ(GUEST_CODE + (after_step - steps_rdpid), trap_expect(vcpu, DB, 0)->rip);
}

GUEST64(rdpid_behind_sti,
	"sti\n"
	RDPID_RCX
	"after_shadow: nop\n nop\n hlt\n");
extern const uint8_t after_shadow[];

TEST(interrupts_come_behind_rdpid_behind_sti)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, rdpid_behind_sti);

	change_ecx(vcpu, 7, 0, CPUID_RDPID);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_EQ(GUEST_CODE + (after_shadow - rdpid_behind_sti), vcpu_regs(vcpu).rip);
}

GUEST64(movbe,
	"movl $0x11223344, 0x40000\n"
	"movbe 0x40000, %eax\n"
	"out %eax, $0x10\n"
	"mov $0x5566, %ecx\n"
	"movbe %cx, 0x40010\n"
	"hlt\n");

TEST(movbe_is_there_if_the_owner_says_so)
{
	struct vcpu *vcpu = trap_guest(MODE_LONG, movbe);

	change_ecx(vcpu, 1, 0, CPUID_MOVBE);
	EXPECT_EQ(0x44332211, vcpu_run_to_out(vcpu, 0x10));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0x6655, *(uint16_t *)vm_at(vcpu->vm, 0x40010));
}

/* ---- ENFORCE_PV_FEATURE_CPUID ---- */

/* SCHED_YIELD to nobody. */
GUEST64(pv_hypercall,
	"mov $11, %eax\n"
	"mov $77, %ebx\n"
	"vmcall\n"
	"hlt\n");

TEST(pv_features_can_be_enforced)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 },
	};
	struct vcpu *vcpu = guest_new(MODE_LONG, pv_hypercall);
	struct minivmm_cpuid2 *cpuid = device_cpuid();
	uint64_t value;

	cpuid_entry(cpuid, 0x40000001, 0)->eax = 0;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, 0x4b564d04, &value));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(0, vcpu_regs(vcpu).rax);

	vcpu = guest_new(MODE_LONG, pv_hypercall);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_ENABLE_CAP, &cap));
	EXPECT_EQ(1, vcpu_get_msr(vcpu, 0x4b564d04, &value));
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_CPUID2, cpuid));
	for (uint32_t msr = 0x4b564d00; msr <= 0x4b564d04; msr += msr == 0x4b564d01 ? 2 : 1) {
		EXPECT_EQ(0, vcpu_get_msr(vcpu, msr, &value));
		EXPECT_EQ(0, vcpu_set_msr(vcpu, msr, 0));
	}
	EXPECT_EQ(0, vcpu_get_msr(vcpu, 0x11, &value));
	EXPECT_EQ(0, vcpu_get_msr(vcpu, 0x12, &value));
	vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
	EXPECT_EQ(-1000ULL, vcpu_regs(vcpu).rax);
}
