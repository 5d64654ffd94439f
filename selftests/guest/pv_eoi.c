// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest ends its interrupts in its own memory: when that is offered to it, when it
 * is not, and what became of the interrupt.
 *
 * Whether an offer was made the guest's handler writes down; what is in service
 * the owner reads (GET_LAPIC). Read on in pv_eoi_memory.c.
 */
#include "eventfd.h"
#include "module.h"
#include "pv_eoi.h"

#define PIN		20

/* ---- it is done, and saves an exit ---- */

TEST(interrupt_is_ended_in_memory)
{
	struct vcpu *vcpu = pv_guest();
	unsigned int offers = 0;

	for (unsigned int i = 0; i < 20; i++) {
		interrupt(vcpu, 0x61 + i % 3 * 0x10);
		ASSERT_EQ(i + 1, apic_count(vcpu));
		EXPECT_OFFERED(vcpu, i);
		offers += offered(vcpu, i);
		EXPECT_EQ(0, byte(vcpu));
		EXPECT_EQ(0, in_service(vcpu));
	}
	EXPECT(offers > 10, "%u offers for 20 interrupts", offers);
}

TEST(interrupt_is_ended_without_an_exit)
{
	struct vcpu *vcpu = pv_guest();
	unsigned long long before;

	MINIVMM_ONLY("it is about what debugfs of minivmm says");
	before = vm_exits(vcpu->vm, 0, "EPT_VIOLATION");
	for (unsigned int i = 0; i < 20; i++)
		interrupt(vcpu, 0x61);
	EXPECT_EQ(20, apic_count(vcpu));
	EXPECT_EQ(before, vm_exits(vcpu->vm, 0, "EPT_VIOLATION"));
	EXPECT_EQ(20, vm_stat(vcpu->vm, "pv_eois"));
	/* For comparison: with the register there is one each. */
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, 0));
	for (unsigned int i = 0; i < 20; i++)
		interrupt(vcpu, 0x61);
	EXPECT_EQ(before + 20, vm_exits(vcpu->vm, 0, "EPT_VIOLATION"));
	EXPECT_EQ(20, vm_stat(vcpu->vm, "pv_eois"));
}

/* With an x2APIC the processor may do it by itself: then there is no offer. */
TEST(x2apic_is_ended_either_way)
{
	struct vcpu *vcpu = pv_guest();
	bool first;

	to_x2apic(vcpu);
	for (unsigned int i = 0; i < 4; i++) {
		interrupt(vcpu, 0x61 + i * 0x10);
		ASSERT_EQ(i + 1, apic_count(vcpu));
		EXPECT_EQ(0, byte(vcpu));
		EXPECT_EQ(0, in_service(vcpu));
	}
	first = offered(vcpu, 0);
	for (unsigned int i = 1; i < 4; i++)
		EXPECT(on_kvm() || offered(vcpu, i) == first, "%u differs", i);
	/* Not even if it was in service already when the guest is entered. */
	notes(vcpu)->exits = EXITS_TO_OWNER;
	msi(vcpu, 0x61);
	own_block(vcpu)->op = OP_WINDOW;
	vcpu_run_to_out(vcpu, 0x11);
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, in_service(vcpu));
	if (!on_kvm())
		EXPECT_EQ(first ? 5 : 0, vm_stat(vcpu->vm, "pv_eois"));
}

/* ---- whose end it is ---- */

TEST(offer_is_taken_back_at_each_exit)
{
	struct vcpu *vcpu = pv_guest();

	notes(vcpu)->exits = EXITS_TO_OWNER;
	msi(vcpu, 0x61);
	own_block(vcpu)->op = OP_WINDOW;
	vcpu_run_to_out(vcpu, 0x11);
	EXPECT_OFFERED(vcpu, 0);
	EXPECT_EQ(0, byte(vcpu));
	EXPECT_EQ(1 << 6, in_service(vcpu));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, byte(vcpu));
	EXPECT_EQ(0, in_service(vcpu));
}

static void check_made_again(enum exits exits)
{
	struct vcpu *vcpu = pv_guest();

	notes(vcpu)->exits = exits;
	msi(vcpu, 0x61);
	own_block(vcpu)->op = OP_WINDOW;
	if (exits == EXITS_TO_OWNER)
		vcpu_run_to_out(vcpu, 0x11);
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(1, vm_stat(vcpu->vm, "pv_eois"));
	EXPECT_EQ(0, in_service(vcpu));
	EXPECT_EQ(0, byte(vcpu));
}

TEST(offer_is_made_again_after_an_exit)
{
	MINIVMM_ONLY("it makes an offer once only, and a handler with an exit has none");
	check_made_again(EXITS_TO_OWNER);
	check_made_again(EXITS_AND_GOES_ON);
}

/* The processor may do it for the x2APIC, but never while a debugger blocks. */
TEST(offer_to_an_x2apic_that_is_debugged)
{
	struct minivmm_guest_debug debug = {
		.control = MINIVMM_GUESTDBG_ENABLE | MINIVMM_GUESTDBG_BLOCKIRQ,
	};
	struct vcpu *vcpu = pv_guest();

	MINIVMM_ONLY("it makes an offer once only, here before the exit");
	to_x2apic(vcpu);
	notes(vcpu)->exits = EXITS_TO_OWNER;
	msi(vcpu, 0x61);
	own_block(vcpu)->op = OP_WINDOW;
	vcpu_run_to_out(vcpu, 0x11);
	/* In service since; its end is in the debugger's time. */
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_GUEST_DEBUG, &debug));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(1, vm_stat(vcpu->vm, "pv_eois"));
	EXPECT_EQ(0, in_service(vcpu));
}

TEST(other_bits_of_the_byte_are_not_kept)
{
	struct vcpu *vcpu = pv_guest();

	*(uint32_t *)vm_at(vcpu->vm, BYTE) = 0xfefefefe;
	set_eoi(vcpu, 0);
	interrupt(vcpu, 0x61);
	EXPECT_OFFERED(vcpu, 0);
	if (!offered(vcpu, 0))
		return;
	EXPECT_EQ(1, notes(vcpu)->offered[0]);
	EXPECT_EQ(0xfefefe00, *(uint32_t *)vm_at(vcpu->vm, BYTE));
}

TEST(higher_interrupt_is_ended_alone)
{
	struct vcpu *vcpu = pv_guest();

	set_eoi(vcpu, 0);
	interrupt(vcpu, 0x31);
	interrupt(vcpu, 0x61);
	EXPECT_EQ(1 << 3 | 1 << 6, in_service(vcpu));
	set_eoi(vcpu, 1);
	interrupt(vcpu, 0x91);
	ASSERT_EQ(3, apic_count(vcpu));
	EXPECT_OFFERED(vcpu, 2);
	EXPECT_EQ(1 << 3 | 1 << 6, in_service(vcpu));
}

/* An offer that was not taken up, and then the register: one end, not two. */
TEST(register_ends_what_was_offered)
{
	struct vcpu *vcpu = pv_guest();

	set_eoi(vcpu, 0);
	interrupt(vcpu, 0x31);
	interrupt(vcpu, 0x61);
	EXPECT_OFFERED(vcpu, 1);
	apic_write(vcpu, EOI, 0);
	EXPECT_EQ(1 << 3, in_service(vcpu));
	apic_write(vcpu, EOI, 0);
	EXPECT_EQ(0, in_service(vcpu));
}

/* ---- when it is not offered ---- */

TEST(not_offered_while_another_waits)
{
	struct vcpu *vcpu = pv_guest();

	msi(vcpu, 0x31);
	msi(vcpu, 0x61);
	do_op(vcpu, OP_WAIT, 0, 2);
	EXPECT_EQ(0x61, apic_log(vcpu, 0));
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_EQ(0x31, apic_log(vcpu, 1));
	EXPECT_OFFERED(vcpu, 1);
	EXPECT_EQ(0, in_service(vcpu));
}

/* Even one that has not the priority. */
TEST(not_offered_while_another_is_held_back)
{
	struct vcpu *vcpu = pv_guest();

	apic_write(vcpu, TPR, 0x50);
	msi(vcpu, 0x31);
	interrupt(vcpu, 0x61);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_EQ(0, in_service(vcpu));
	EXPECT_TRUE(lapic_requested(vcpu, 0x31));
}

static void set_pin(struct vcpu *vcpu, unsigned int pin, uint64_t bits)
{
	struct minivmm_irqchip chip = ioapic(vcpu->vm);

	chip.chip.ioapic.redirtbl[pin].bits = bits;
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_SET_IRQCHIP, &chip));
}

static void pulse(struct vcpu *vcpu, unsigned int gsi)
{
	irq_line(vcpu->vm, gsi, 1);
	irq_line(vcpu->vm, gsi, 0);
}

TEST(ioapic_hears_of_the_end_of_a_level)
{
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0x8000 | 0xa1);
	pulse(vcpu, PIN);
	EXPECT_TRUE(ioapic(vcpu->vm).chip.ioapic.redirtbl[PIN].fields.remote_irr);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_TRUE(!ioapic(vcpu->vm).chip.ioapic.redirtbl[PIN].fields.remote_irr);
	/* What only has the same vector may be mistaken for it, and is not offered. */
	interrupt(vcpu, 0xa1);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 1));
	interrupt(vcpu, 0xb1);
	EXPECT_OFFERED(vcpu, 2);
}

TEST(ioapic_does_not_mind_an_edge)
{
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0xa1);
	pulse(vcpu, PIN);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_OFFERED(vcpu, 0);
	EXPECT_EQ(0, in_service(vcpu));
}

/* It counts on each tick being acknowledged, if it makes up for lost ones. */
TEST(pit_hears_of_the_end)
{
	struct minivmm_pit_config config = { 0 };
	struct minivmm_reinject_control control = { 0 };
	struct vcpu *vcpu = pv_guest();

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_CREATE_PIT2, &config));
	/* Not by the PIC. */
	apic_write(vcpu, LVT_LINT0, 0x10000);
	set_pin(vcpu, 0, 0xa1);
	pulse(vcpu, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(1, apic_count(vcpu));
	EXPECT_TRUE(!offered(vcpu, 0));
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_REINJECT_CONTROL, &control));
	pulse(vcpu, 0);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_OFFERED(vcpu, 1);
}

static void resample(struct vcpu *vcpu, uint32_t gsi, int fd, int resamplefd, uint32_t flags)
{
	struct minivmm_irqfd irqfd = {
		.fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resamplefd,
	};

	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_IRQFD, &irqfd));
}

static void expect_resampled(struct vcpu *vcpu, int fd, int resamplefd)
{
	ASSERT_OK(eventfd_write(fd, 1));
	do_op(vcpu, OP_WAIT, 0, 1);
	EXPECT_TRUE(!offered(vcpu, 0));
	EXPECT_EQ(1, count(resamplefd));
}

TEST(resampler_hears_of_the_end)
{
	int fd = new_eventfd(), resamplefd = new_eventfd();
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0x8000 | 0xa1);
	resample(vcpu, PIN, fd, resamplefd, MINIVMM_IRQFD_FLAG_RESAMPLE);
	expect_resampled(vcpu, fd, resamplefd);
}

TEST(resampler_hears_of_the_end_of_an_edge)
{
	int fd = new_eventfd(), resamplefd = new_eventfd();
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0xa1);
	resample(vcpu, PIN, fd, resamplefd, MINIVMM_IRQFD_FLAG_RESAMPLE);
	expect_resampled(vcpu, fd, resamplefd);
	/* When it has gone, nobody wants to know. */
	resample(vcpu, PIN, fd, 0, MINIVMM_IRQFD_FLAG_DEASSIGN);
	pulse(vcpu, PIN);
	do_op(vcpu, OP_WINDOW, 0, 0);
	ASSERT_EQ(2, apic_count(vcpu));
	EXPECT_OFFERED(vcpu, 1);
}

TEST(resampler_hears_of_an_edge_where_its_gsi_leads_now)
{
	const struct minivmm_irq_routing_entry entry = {
		.gsi = 30, .type = MINIVMM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = MINIVMM_IRQCHIP_IOAPIC, .pin = PIN },
	};
	int fd = new_eventfd(), resamplefd = new_eventfd();
	struct vcpu *vcpu = pv_guest();

	set_pin(vcpu, PIN, 0xa1);
	resample(vcpu, 30, fd, resamplefd, MINIVMM_IRQFD_FLAG_RESAMPLE);
	irq_route(vcpu->vm, entry);
	expect_resampled(vcpu, fd, resamplefd);
}

/* A split irqchip: the I/O APIC is the owner's, and gets an exit. */
TEST(owners_ioapic_hears_of_the_end)
{
	struct vm *vm = irq_vm_create_split();
	struct vcpu *vcpu;

	vm_add_memory(vm, 0, GUEST_MEMORY);
	vm_load(vm, GUEST_CODE, apic_code);
	vcpu = plain_guest(vm);
	ASSERT_TRUE(wrmsr(vcpu, MSR_PV_EOI, BYTE | 1));
	irq_route_msi(vm, 3, 0xc0a1);
	interrupt(vcpu, 0x61);
	EXPECT_OFFERED(vcpu, 0);
	EXPECT_EQ(0, in_service(vcpu));
	msi(vcpu, 0xc0a1);
	own_block(vcpu)->op = OP_WINDOW;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IOAPIC_EOI);
	EXPECT_EQ(0xa1, vcpu->run->eoi.vector);
	EXPECT_TRUE(!offered(vcpu, 1));
	vcpu_run_to_out(vcpu, 0x10);
	EXPECT_EQ(0, in_service(vcpu));
}
