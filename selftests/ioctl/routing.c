// SPDX-License-Identifier: GPL-2.0-only
/*
 * SET_GSI_ROUTING: what it refuses, and where lines lead before and after.
 *
 * Documentation/abi.md, "SET_GSI_ROUTING", has the table of errors.
 */
#include "errors.h"
#include "irq.h"

#define MAX_ROUTES	4096

/* A table of up to two entries, for most tests. */
struct table {
	struct minivmm_irq_routing head;
	struct minivmm_irq_routing_entry entries[2];
};

static struct minivmm_irq_routing_entry to_pin(uint32_t gsi, uint32_t chip, uint32_t pin)
{
	return (struct minivmm_irq_routing_entry){
		.gsi = gsi, .type = MINIVMM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static struct minivmm_irq_routing_entry to_msi(uint32_t gsi, uint8_t vector)
{
	return (struct minivmm_irq_routing_entry){
		.gsi = gsi, .type = MINIVMM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = vector },
	};
}

static int set_table(struct vm *vm, struct table *table, uint32_t nr)
{
	table->head.nr = nr;
	return ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, table);
}

static int set_one(struct vm *vm, struct minivmm_irq_routing_entry entry)
{
	struct table table = { .entries = { entry } };

	return set_table(vm, &table, 1);
}

static int set_two(struct vm *vm, struct minivmm_irq_routing_entry one,
		   struct minivmm_irq_routing_entry two)
{
	struct table table = { .entries = { one, two } };

	return set_table(vm, &table, 2);
}

TEST(capability_is_the_number_of_routes)
{
	EXPECT_EQ(MAX_ROUTES, device_capability(MINIVMM_CAP_IRQ_ROUTING));
}

TEST(routing_without_irqchip_is_einval)
{
	struct table table = { 0 };

	EXPECT_ERRNO(EINVAL, set_table(vm_create(), &table, 0));
}

TEST(routing_bad_pointer_is_efault)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, BAD_POINTER));
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, KERNEL_POINTER));
}

TEST(routing_entries_at_bad_pointer_is_efault)
{
	struct vm *vm = irq_vm_create();
	uint32_t *head = last_word_of_page() - 1;

	head[0] = 1;
	head[1] = 0;
	EXPECT_ERRNO(EFAULT, ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, head));
	head[0] = 0;
	EXPECT_OK(ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, head));
}

TEST(routing_too_many_entries_is_einval)
{
	struct minivmm_irq_routing *table;
	struct vm *vm = irq_vm_create();

	table = calloc(1, sizeof(*table) + (MAX_ROUTES + 1) * sizeof(table->entries[0]));
	for (unsigned int i = 0; i < MAX_ROUTES; i++)
		table->entries[i] = to_msi(i, 0x40);
	table->nr = MAX_ROUTES + 1;
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, table));
	table->nr = ~0U;
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, table));
	table->nr = MAX_ROUTES;
	EXPECT_OK(ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, table));
}

TEST(routing_flags_is_einval)
{
	struct table table = { .head.flags = 1 };
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EINVAL, set_table(vm, &table, 0));
}

TEST(routing_bad_gsi_is_einval)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EINVAL, set_one(vm, to_msi(MAX_ROUTES, 0x40)));
	EXPECT_ERRNO(EINVAL, set_one(vm, to_msi(~0U, 0x40)));
	EXPECT_OK(set_one(vm, to_msi(MAX_ROUTES - 1, 0x40)));
}

TEST(routing_entry_flags_is_einval)
{
	struct minivmm_irq_routing_entry pin = to_pin(0, MINIVMM_IRQCHIP_IOAPIC, 0);
	struct minivmm_irq_routing_entry msi = to_msi(0, 0x40);
	struct vm *vm = irq_vm_create();

	pin.flags = 1;
	EXPECT_ERRNO(EINVAL, set_one(vm, pin));
	msi.flags = 2;
	EXPECT_ERRNO(EINVAL, set_one(vm, msi));
	msi.flags = ~0U;
	EXPECT_ERRNO(EINVAL, set_one(vm, msi));
}

TEST(routing_flag_of_other_machines_is_einval)
{
	struct minivmm_irq_routing_entry msi = to_msi(0, 0x40);

	MINIVMM_ONLY("KVM takes the flag that says that devid counts, which it does not on x86");
	msi.flags = 1;
	EXPECT_ERRNO(EINVAL, set_one(irq_vm_create(), msi));
}

TEST(routing_bad_type_is_einval)
{
	static const uint32_t bad[] = { 0, 3, 6, 100, ~0U };
	struct vm *vm = irq_vm_create();

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct minivmm_irq_routing_entry entry = to_msi(0, 0x40);

		entry.type = bad[i];
		EXPECT_ERRNO(EINVAL, set_one(vm, entry));
	}
}

TEST(routing_bad_chip_or_pin_is_einval)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EINVAL, set_one(vm, to_pin(0, 3, 0)));
	EXPECT_ERRNO(EINVAL, set_one(vm, to_pin(0, ~0U, 0)));
	EXPECT_ERRNO(EINVAL, set_one(vm, to_pin(0, MINIVMM_IRQCHIP_PIC_MASTER, 8)));
	EXPECT_ERRNO(EINVAL, set_one(vm, to_pin(0, MINIVMM_IRQCHIP_PIC_SLAVE, 8)));
	EXPECT_ERRNO(EINVAL, set_one(vm, to_pin(0, MINIVMM_IRQCHIP_IOAPIC, 24)));
	EXPECT_ERRNO(EINVAL, set_one(vm, to_pin(0, MINIVMM_IRQCHIP_IOAPIC, ~0U)));
	EXPECT_OK(set_one(vm, to_pin(0, MINIVMM_IRQCHIP_IOAPIC, 23)));
}

TEST(routing_gsi_to_two_pins_of_a_chip_is_einval)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EINVAL, set_two(vm, to_pin(5, MINIVMM_IRQCHIP_IOAPIC, 1),
				     to_pin(5, MINIVMM_IRQCHIP_IOAPIC, 2)));
	EXPECT_OK(set_two(vm, to_pin(5, MINIVMM_IRQCHIP_IOAPIC, 1),
			  to_pin(6, MINIVMM_IRQCHIP_IOAPIC, 1)));
}

TEST(routing_gsi_to_a_message_and_more_is_einval)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EINVAL, set_two(vm, to_msi(5, 0x40), to_msi(5, 0x41)));
	EXPECT_ERRNO(EINVAL, set_two(vm, to_msi(5, 0x40),
				     to_pin(5, MINIVMM_IRQCHIP_IOAPIC, 1)));
	EXPECT_ERRNO(EINVAL, set_two(vm, to_pin(5, MINIVMM_IRQCHIP_IOAPIC, 1),
				     to_msi(5, 0x40)));
}

TEST(routing_to_a_pin_of_a_split_irqchip_is_einval)
{
	struct vm *vm = irq_vm_create_split();

	EXPECT_ERRNO(EINVAL, set_one(vm, to_pin(0, MINIVMM_IRQCHIP_IOAPIC, 0)));
	EXPECT_OK(set_one(vm, to_msi(0, 0x40)));
}

TEST(routing_message_of_32_bit_ids_checks_the_address)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_X2APIC_API,
		.args = { MINIVMM_X2APIC_API_USE_32BIT_IDS },
	};
	struct minivmm_irq_routing_entry msi = to_msi(0, 0x40);
	struct vm *vm = irq_vm_create();

	msi.u.msi.address_hi = 1;
	EXPECT_OK(set_one(vm, msi));
	if (ioctl(vm->fd, MINIVMM_ENABLE_CAP, &cap))
		SKIP("no CAP_X2APIC_API");
	EXPECT_ERRNO(EINVAL, set_one(vm, msi));
	msi.u.msi.address_hi = 0x100;
	EXPECT_OK(set_one(vm, msi));
}

TEST(refused_table_leaves_the_old_one)
{
	struct vm *vm = irq_vm_create();

	EXPECT_ERRNO(EINVAL, set_two(vm, to_pin(3, MINIVMM_IRQCHIP_PIC_MASTER, 5),
				     to_pin(9, 7, 7)));
	irq_line(vm, 3, 1);
	EXPECT_EQ(1 << 3, pic_requests(vm));
}

TEST(at_first_lines_lead_where_a_pc_has_them)
{
	for (unsigned int gsi = 0; gsi < 24; gsi++) {
		struct vm *vm = irq_vm_create();

		irq_line(vm, gsi, 1);
		EXPECT_EQ(1 << gsi, ioapic(vm).chip.ioapic.irr);
		EXPECT_EQ(gsi == 2 ? 0 : gsi < 16 ? 1 << gsi : 0, pic_requests(vm) & ~(1 << 2));
		vm_free(vm);
	}
}

TEST(line_without_a_route_is_not_taken)
{
	struct vm *vm = irq_vm_create();

	EXPECT_EQ(-1, irq_line(vm, 24, 1));
	EXPECT_EQ(-1, irq_line(vm, MAX_ROUTES, 1));
	EXPECT_EQ(-1, irq_line(vm, ~0U, 1));
	EXPECT_EQ(0, ioapic(vm).chip.ioapic.irr);
	EXPECT_EQ(0, pic_requests(vm));
}

TEST(new_table_replaces_the_old_one)
{
	struct vm *vm = irq_vm_create();

	EXPECT_OK(set_two(vm, to_pin(100, MINIVMM_IRQCHIP_PIC_MASTER, 3),
			  to_pin(100, MINIVMM_IRQCHIP_IOAPIC, 20)));
	EXPECT_EQ(-1, irq_line(vm, 3, 1));
	EXPECT_EQ(0, pic_requests(vm));
	irq_line(vm, 100, 1);
	EXPECT_EQ(1 << 3, pic_requests(vm));
	EXPECT_EQ(1 << 20, ioapic(vm).chip.ioapic.irr);
}

TEST(table_without_entries_leads_nowhere)
{
	struct table table = { 0 };
	struct vm *vm = irq_vm_create();

	EXPECT_OK(set_table(vm, &table, 0));
	for (unsigned int gsi = 0; gsi < 24; gsi++)
		EXPECT_EQ(-1, irq_line(vm, gsi, 1));
}

GUEST64(idle, "1: hlt\n jmp 1b\n");

TEST(message_reaches_the_local_apic)
{
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = irq_guest_new(vm, idle);

	EXPECT_OK(set_one(vm, to_msi(30, 0x41)));
	EXPECT_EQ(-1, irq_line(vm, 30, 0));
	EXPECT_TRUE(!lapic_requested(vcpu, 0x41));
	EXPECT_EQ(1, irq_line(vm, 30, 1));
	EXPECT_TRUE(lapic_requested(vcpu, 0x41));
	EXPECT_TRUE(!lapic_requested(vcpu, 0x40));
}

TEST(message_of_a_split_irqchip_reaches_the_local_apic)
{
	struct vm *vm = irq_vm_create_split();
	struct vcpu *vcpu = irq_guest_new(vm, idle);

	EXPECT_EQ(-1, irq_line(vm, 4, 1));
	EXPECT_OK(set_one(vm, to_msi(4, 0x55)));
	EXPECT_EQ(1, irq_line(vm, 4, 1));
	EXPECT_TRUE(lapic_requested(vcpu, 0x55));
}

TEST(message_to_nobody_is_not_taken)
{
	struct minivmm_irq_routing_entry entry = to_msi(30, 0x41);
	struct vm *vm = irq_vm_create();
	struct vcpu *vcpu = irq_guest_new(vm, idle);

	entry.u.msi.address_lo |= 7 << 12;
	EXPECT_OK(set_one(vm, entry));
	EXPECT_TRUE(irq_line(vm, 30, 1) <= 0);
	EXPECT_TRUE(!lapic_requested(vcpu, 0x41));
}
