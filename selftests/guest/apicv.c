// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that the processor itself delivers and ends: what is still seen, and
 * by whom, and that it is done without exits.
 *
 * All but the last test ask for what holds without the processor's help, too
 * (apic_plain.c runs the other tests of local APICs so).
 *
 * SDM: "APIC Virtualization and Virtual Interrupts".
 */
#define _GNU_SOURCE
#include <sched.h>

#include "apic.h"
#include "irq.h"
#include "module.h"

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
	wrmsr(vcpu, X2(EOI), 0);
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

static bool file_says(const char *path, const char *start, const char *what)
{
	FILE *file = fopen(path, "r");
	char line[4096];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, start, strlen(start)) && strstr(line, what);
	if (file)
		fclose(file);
	return found;
}

TEST(interrupts_of_an_x2apic_end_without_exits)
{
	unsigned long long before;
	struct vcpu *vcpu;

	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	if (!file_says("/proc/cpuinfo", "vmx flags", " apicv") ||
	    !file_says("/sys/module/minivmm/parameters/apicv", "Y", ""))
		SKIP("no APIC virtualization");
	vcpu = x2apic_guest();
	before = vm_exits(vcpu->vm, 0, "MSR_WRITE");
	for (unsigned int i = 0; i < 20; i++) {
		send_to_self(vcpu, 0x61);
		do_op(vcpu, OP_WINDOW, 0, 0);
	}
	EXPECT_EQ(20, apic_count(vcpu));
	/* Each was sent by one. */
	EXPECT_EQ(20, vm_exits(vcpu->vm, 0, "MSR_WRITE") - before);
	EXPECT_EQ(0, vm_exits(vcpu->vm, 0, "INTERRUPT_WINDOW"));
}
