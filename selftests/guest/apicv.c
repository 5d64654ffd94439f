// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that the processor itself delivers and ends: what is still seen, and
 * by whom, and that it is done without exits.
 *
 * All but the last three tests ask for what holds without the processor's help, too
 * (apic_plain.c runs the other tests of local APICs so).
 *
 * SDM: "APIC Virtualization and Virtual Interrupts".
 */
#define _GNU_SOURCE
#include <sched.h>

#include "apic.h"
#include "irq.h"

#define TO_SELF		0x40000
#define PIN		20

static uint32_t *lapic_reg(struct minivmm_lapic_state *state, uint32_t offset)
{
	return (uint32_t *)(state->regs + offset);
}

static void send_to_self(struct vcpu *vcpu, uint32_t vector)
{
	EXPECT_TRUE(wrmsr(vcpu, X2(ICR), TO_SELF | vector));
}

TEST(interrupt_waits_while_the_mode_changes)
{
	struct vcpu *vcpu = apic_guest();

	apic_write(vcpu, TPR, 0x70);
	apic_write(vcpu, ICR, TO_SELF | 0x91);
	apic_write(vcpu, ICR, TO_SELF | 0x61);
	to_x2apic(vcpu);
	EXPECT_EQ(1 << 0x11, rdmsr(vcpu, X2(IRR + 0x40)));
	EXPECT_EQ(7, do_op(vcpu, OP_READ_CR8, 0, 0));
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_EQ(0x91, apic_log(vcpu, 0));
	do_op(vcpu, OP_WRITE_CR8, 0, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_EQ(0x61, apic_log(vcpu, 1));
}

/* One is served, one waits: the owner sees both, and adds a third. */
TEST(owner_sees_and_sets_what_is_in_service)
{
	struct vcpu *vcpu = x2apic_guest();
	struct minivmm_lapic_state state;

	set_eoi(vcpu, 0);
	send_to_self(vcpu, 0x61);
	do_op(vcpu, OP_WAIT, 0, 1);
	send_to_self(vcpu, 0x52);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &state));
	EXPECT_EQ(2, *lapic_reg(&state, ISR + 0x30));
	EXPECT_EQ(0, *lapic_reg(&state, IRR + 0x30));
	EXPECT_EQ(1 << 0x12, *lapic_reg(&state, IRR + 0x20));
	EXPECT_EQ(0x60, *lapic_reg(&state, PPR));
	*lapic_reg(&state, IRR + 0x70) = 1;
	*lapic_reg(&state, ISR + 0x10) = 1;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_LAPIC, &state));
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_EQ(0xe0, apic_log(vcpu, 1));
	wrmsr(vcpu, X2(EOI), 0);
	EXPECT_EQ(0x60, rdmsr(vcpu, X2(PPR)));
	wrmsr(vcpu, X2(EOI), 0);
	EXPECT_EQ(0x20, rdmsr(vcpu, X2(PPR)));
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(3, apic_count(vcpu));
	EXPECT_EQ(0x52, apic_log(vcpu, 2));
}

/* Whatever is in there, the guest can be entered. */
TEST(owner_sets_all_bits)
{
	struct vcpu *vcpu = x2apic_guest();
	struct minivmm_lapic_state state;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &state));
	memset(lapic_reg(&state, TPR), 0xff, 0x30);
	memset(lapic_reg(&state, ISR), 0xff, ESR - ISR);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_LAPIC, &state));
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(0, apic_count(vcpu));
	EXPECT_EQ(0xffffffff, rdmsr(vcpu, X2(IRR + 0x70)));
	EXPECT_EQ(15, do_op(vcpu, OP_READ_CR8, 0, 0));
}

/* While a debugger keeps interrupts away, EOI and priority are as ever. */
TEST(debugger_keeps_interrupts_away)
{
	struct minivmm_guest_debug debug = {
		.control = MINIVMM_GUESTDBG_ENABLE | MINIVMM_GUESTDBG_BLOCKIRQ,
	};
	struct vcpu *vcpu = x2apic_guest();

	set_eoi(vcpu, 0);
	send_to_self(vcpu, 0x91);
	do_op(vcpu, OP_WAIT, 0, 1);
	send_to_self(vcpu, 0x61);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, &debug));
	EXPECT_EQ(2 << 16, rdmsr(vcpu, X2(ISR + 0x40)));
	EXPECT_EQ(0x90, rdmsr(vcpu, X2(PPR)));
	wrmsr(vcpu, X2(EOI), 0);
	EXPECT_EQ(0, rdmsr(vcpu, X2(PPR)));
	EXPECT_EQ(0, rdmsr(vcpu, X2(ISR + 0x40)));
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(wrmsr(vcpu, X2(TPR), 0x3a));
	EXPECT_EQ(0x3a, rdmsr(vcpu, X2(TPR)));
	do_op(vcpu, OP_WRITE_CR8, 0, 4);
	EXPECT_EQ(0x40, rdmsr(vcpu, X2(TPR)));
	debug.control = 0;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, &debug));
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_EQ(0x61, apic_log(vcpu, 1));
	EXPECT_EQ(4, do_op(vcpu, OP_READ_CR8, 0, 0));
}

static bool remote_irr(struct vcpu *vcpu)
{
	return ioapic(vcpu->vm).chip.ioapic.redirtbl[PIN].fields.remote_irr;
}

TEST(ioapic_hears_of_the_end)
{
	struct vcpu *vcpu = x2apic_guest();
	struct minivmm_irqchip chip = ioapic(vcpu->vm);

	chip.chip.ioapic.redirtbl[PIN].bits = 0x8000 | 0xa1;
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_SET_IRQCHIP, &chip));
	irq_line(vcpu->vm, PIN, 1);
	set_eoi(vcpu, 0);
	do_op(vcpu, OP_WAIT, 0, 1);
	EXPECT_EQ(0xa1, apic_log(vcpu, 0));
	EXPECT_TRUE(remote_irr(vcpu));
	EXPECT_EQ(2, rdmsr(vcpu, X2(TMR + 0x50)));
	/* The line is up still, so it comes again. */
	wrmsr(vcpu, X2(EOI), 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(2, apic_count(vcpu));
	irq_line(vcpu->vm, PIN, 0);
	EXPECT_TRUE(remote_irr(vcpu));
	wrmsr(vcpu, X2(EOI), 0);
	EXPECT_TRUE(!remote_irr(vcpu));
	do_op(vcpu, OP_WINDOW, 0, 0);
	EXPECT_EQ(2, apic_count(vcpu));
}

/* At once, not when the guest exits for something else. */
TEST(lower_priority_lets_what_waits_in)
{
	for (int x2apic = 0; x2apic < 2; x2apic++) {
		struct vcpu *vcpu = apic_guest();

		if (x2apic)
			to_x2apic(vcpu);
		do_op(vcpu, OP_WRITE_CR8, 0, 8);
		if (x2apic)
			send_to_self(vcpu, 0x61);
		else
			apic_write(vcpu, ICR, TO_SELF | 0x61);
		do_op(vcpu, OP_CR8_WINDOW, 0, 7);
		EXPECT_EQ(0, apic_count(vcpu));
		do_op(vcpu, OP_CR8_WINDOW, 0, 6);
		EXPECT_EQ(0, apic_count(vcpu));
		do_op(vcpu, OP_CR8_WINDOW, 0, 5);
		EXPECT_EQ(1, apic_count(vcpu));
	}
}

TEST(interrupts_follow_to_another_cpu)
{
	struct vcpu *vcpu = x2apic_guest();

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP("one CPU");
	for (unsigned int i = 0; i < 40; i++) {
		cpu_set_t cpu;

		CPU_ZERO(&cpu);
		CPU_SET((i / 2 + i) & 1, &cpu);
		ASSERT_OK(sched_setaffinity(0, sizeof(cpu), &cpu));
		if (i & 1)
			do_op(vcpu, OP_WINDOW, 0, 0);
		else
			send_to_self(vcpu, 0x40 + i);
		ASSERT_EQ((i + 1) / 2, apic_count(vcpu));
	}
}

static void need_apicv(void)
{
	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	if (!vmx_has("apicv") || module_parameter("apicv") != 'Y')
		SKIP("no APIC virtualization");
}

TEST(interrupts_of_an_x2apic_end_without_exits)
{
	struct vcpu *vcpu;

	need_apicv();
	vcpu = x2apic_guest();
	/* Each is sent by one. */
	EXPECT_EQ(20, msr_writes_for(vcpu, 20));
	EXPECT_EQ(0, vm_exits(vcpu->vm, 0, "INTERRUPT_WINDOW"));
}

static unsigned long long register_exits(struct vcpu *vcpu)
{
	return vm_exits(vcpu->vm, 0, "MSR_READ") + vm_exits(vcpu->vm, 0, "MSR_WRITE") +
	       vm_exits(vcpu->vm, 0, "CR_ACCESS") +
	       vm_exits(vcpu->vm, 0, "TPR_BELOW_THRESHOLD");
}

TEST(registers_of_an_x2apic_are_used_without_exits)
{
	static const uint32_t offsets[] = { TPR, PPR, ISR, ISR + 0x70, TMR, TMR + 0x70,
					    IRR, IRR + 0x70 };
	unsigned long long before;
	struct vcpu *vcpu;

	need_apicv();
	vcpu = x2apic_guest();
	before = register_exits(vcpu);
	EXPECT_TRUE(wrmsr(vcpu, X2(TPR), 0x3a));
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		EXPECT_EQ(offsets[i] == TPR || offsets[i] == PPR ? 0x3a : 0,
			  rdmsr(vcpu, X2(offsets[i])));
	do_op(vcpu, OP_WRITE_CR8, 0, 5);
	EXPECT_EQ(5, do_op(vcpu, OP_READ_CR8, 0, 0));
	EXPECT_EQ(0, register_exits(vcpu) - before);
}

TEST(priority_of_an_xapic_is_without_exits)
{
	unsigned long long before;
	struct vcpu *vcpu;

	need_apicv();
	vcpu = apic_guest();
	before = register_exits(vcpu);
	do_op(vcpu, OP_WRITE_CR8, 0, 5);
	EXPECT_EQ(5, do_op(vcpu, OP_READ_CR8, 0, 0));
	do_op(vcpu, OP_WRITE_CR8, 0, 0);
	EXPECT_EQ(0, register_exits(vcpu) - before);
	/* But for a lower one that something waits for. */
	do_op(vcpu, OP_WRITE_CR8, 0, 6);
	apic_write(vcpu, ICR, TO_SELF | 0x61);
	before = register_exits(vcpu);
	do_op(vcpu, OP_CR8_WINDOW, 0, 5);
	EXPECT_EQ(1, apic_count(vcpu));
	EXPECT_EQ(1, register_exits(vcpu) - before);
}
