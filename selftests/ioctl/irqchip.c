// SPDX-License-Identifier: GPL-2.0-only
/*
 * CREATE_IRQCHIP, GET_IRQCHIP and SET_IRQCHIP, IRQ_LINE and IRQ_LINE_STATUS:
 * the PIC and the I/O APIC as a caller without a guest sees them.
 */
#include "errors.h"

#define NO_CHIP	3

static struct vm *vm_with_chips(void)
{
	struct vm *vm = vm_create();

	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	return vm;
}

static struct vm *vm_with_split_chips(void)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_SPLIT_IRQCHIP, .args[0] = 24,
	};
	struct vm *vm = vm_create();

	ASSERT_OK(ioctl(vm->fd, MINIVMM_ENABLE_CAP, &cap));
	return vm;
}

static struct minivmm_irqchip get_chip(struct vm *vm, unsigned int id)
{
	struct minivmm_irqchip chip = { .chip_id = id };

	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	return chip;
}

static void set_chip(struct vm *vm, const struct minivmm_irqchip *chip)
{
	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_SET_IRQCHIP, chip));
}

static int line_status(struct vm *vm, unsigned int gsi, unsigned int level)
{
	struct minivmm_irq_level line = { .irq = gsi, .level = level };

	ASSERT_EQ(0, ioctl(vm->fd, MINIVMM_IRQ_LINE_STATUS, &line));
	EXPECT_EQ(level, line.level);
	return line.status;
}

/* ---- CREATE_IRQCHIP ---------------------------------------------------- */

TEST(create_irqchip_twice_is_eexist)
{
	struct vm *vm = vm_with_chips();

	EXPECT_ERRNO(EEXIST, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	vcpu_create(vm, 0);
	EXPECT_ERRNO(EEXIST, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
}

TEST(create_irqchip_when_split_is_eexist)
{
	EXPECT_ERRNO(EEXIST, ioctl(vm_with_split_chips()->fd, MINIVMM_CREATE_IRQCHIP, 0));
}

TEST(create_irqchip_after_a_vcpu_is_einval)
{
	struct vm *vm = vm_create();

	vcpu_create(vm, 0);
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
}

TEST(create_irqchip_takes_any_argument)
{
	struct vm *vm = vm_create();

	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, BAD_POINTER));
}

TEST(new_pics_are_as_after_reset)
{
	struct minivmm_pic_state expected = { .elcr_mask = 0xf8 };
	struct vm *vm = vm_with_chips();
	struct minivmm_irqchip chip = get_chip(vm, MINIVMM_IRQCHIP_PIC_MASTER);

	EXPECT_TRUE(!memcmp(&expected, &chip.chip.pic, sizeof(expected)));
	chip = get_chip(vm, MINIVMM_IRQCHIP_PIC_SLAVE);
	expected.elcr_mask = 0xde;
	EXPECT_TRUE(!memcmp(&expected, &chip.chip.pic, sizeof(expected)));
}

TEST(new_ioapic_is_as_after_reset)
{
	struct minivmm_irqchip chip = get_chip(vm_with_chips(), MINIVMM_IRQCHIP_IOAPIC);
	unsigned int pin;

	EXPECT_EQ(0xfec00000, chip.chip.ioapic.base_address);
	EXPECT_EQ(0, chip.chip.ioapic.ioregsel);
	EXPECT_EQ(0, chip.chip.ioapic.id);
	EXPECT_EQ(0, chip.chip.ioapic.irr);
	for (pin = 0; pin < MINIVMM_IOAPIC_NUM_PINS; pin++)
		EXPECT_EQ(0x10000, chip.chip.ioapic.redirtbl[pin].bits);
}

/* ---- GET_IRQCHIP, SET_IRQCHIP ------------------------------------------ */

TEST(irqchip_state_without_chips_is_enxio)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };
	struct vm *vm = vm_create();

	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_SET_IRQCHIP, &chip));
	chip.chip_id = NO_CHIP;
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	vm = vm_with_split_chips();
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_SET_IRQCHIP, &chip));
}

TEST(irqchip_state_of_unknown_chip_is_einval)
{
	struct minivmm_irqchip chip = { .chip_id = NO_CHIP };
	struct vm *vm = vm_with_chips();

	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_IRQCHIP, &chip));
	chip.chip_id = ~0U;
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	EXPECT_ERRNO(EINVAL, ioctl(vm->fd, MINIVMM_SET_IRQCHIP, &chip));
}

TEST(irqchip_state_bad_pointer_is_efault)
{
	struct vm *vms[] = { vm_create(), vm_with_chips() };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_GET_IRQCHIP, BAD_POINTER));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_SET_IRQCHIP, BAD_POINTER));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_GET_IRQCHIP, KERNEL_POINTER));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_SET_IRQCHIP, last_word_of_page()));
	}
}

TEST(get_irqchip_to_read_only_memory_is_efault)
{
	struct minivmm_irqchip *chip = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
					    -1, 0);

	ASSERT_TRUE(chip != MAP_FAILED);
	EXPECT_ERRNO(EFAULT, ioctl(vm_with_chips()->fd, MINIVMM_GET_IRQCHIP, chip));
}

TEST(pic_state_is_kept_whatever_it_is)
{
	struct vm *vm = vm_with_chips();
	struct minivmm_irqchip chip, got;
	unsigned int id;

	for (id = MINIVMM_IRQCHIP_PIC_SLAVE; id != ~0U; id--) {
		memset(&chip, 0xc5 + id, sizeof(chip));
		chip.chip_id = id;
		set_chip(vm, &chip);
		got = get_chip(vm, id);
		EXPECT_TRUE(!memcmp(&chip.chip.pic, &got.chip.pic, sizeof(got.chip.pic)));
	}
}

TEST(request_of_the_slave_reaches_the_master)
{
	struct vm *vm = vm_with_chips();
	struct minivmm_irqchip chip = get_chip(vm, MINIVMM_IRQCHIP_PIC_SLAVE);

	chip.chip.pic.irr = 0x10;
	set_chip(vm, &chip);
	EXPECT_EQ(0x04, get_chip(vm, MINIVMM_IRQCHIP_PIC_MASTER).chip.pic.irr);
}

TEST(ioapic_state_is_kept)
{
	struct vm *vm = vm_with_chips();
	struct minivmm_irqchip chip, got;
	unsigned int pin;

	chip = get_chip(vm, MINIVMM_IRQCHIP_IOAPIC);
	chip.chip.ioapic.ioregsel = 0xabcdef12;
	chip.chip.ioapic.id = 0x12345678;
	for (pin = 0; pin < MINIVMM_IOAPIC_NUM_PINS; pin++)
		chip.chip.ioapic.redirtbl[pin].bits = 0x0123456789abfdefULL;
	set_chip(vm, &chip);
	got = get_chip(vm, MINIVMM_IRQCHIP_IOAPIC);
	EXPECT_TRUE(!memcmp(&chip.chip.ioapic, &got.chip.ioapic, sizeof(got.chip.ioapic)));
}

TEST(ioapic_state_has_24_lines)
{
	struct vm *vm = vm_with_chips();
	struct minivmm_irqchip chip = get_chip(vm, MINIVMM_IRQCHIP_IOAPIC);

	chip.chip.ioapic.irr = ~0U;
	set_chip(vm, &chip);
	EXPECT_EQ(0xffffff, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
}

/* Pin 4: edge-triggered, then level-triggered. */
GUEST64(edge_then_level, "mov $0xfec00000, %ebx\n"
			 "movl $0x18, (%rbx)\n"
			 "movl $0x30, 0x10(%rbx)\n"
			 "out %al, $0x10\n"
			 "movl $0x8030, 0x10(%rbx)\n"
			 "out %al, $0x10\n");

/* A client that saves the state must not lose the line. */
TEST(irr_shows_a_level_that_was_an_edge)
{
	struct vm *vm = vm_with_chips();
	struct vcpu *vcpu;

	MINIVMM_ONLY("it hides lines of pins that have once sent an edge");
	vm_add_memory(vm, 0, GUEST_MEMORY);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, MODE_LONG);
	vm_load(vm, GUEST_CODE, edge_then_level);
	vcpu_run_to_out(vcpu, 0x10);
	line_status(vm, 4, 1);
	EXPECT_EQ(0, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
	line_status(vm, 4, 0);
	vcpu_run_to_out(vcpu, 0x10);
	line_status(vm, 4, 1);
	EXPECT_EQ(1 << 4, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
}

/* ---- IRQ_LINE, IRQ_LINE_STATUS ----------------------------------------- */

TEST(irq_line_without_chips_is_enxio)
{
	struct minivmm_irq_level line = { .irq = 5, .level = 1 };
	struct vm *vm = vm_create();

	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_IRQ_LINE, &line));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_IRQ_LINE_STATUS, &line));
}

TEST(irq_line_bad_pointer_is_efault)
{
	struct vm *vms[] = { vm_create(), vm_with_chips() };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_IRQ_LINE, BAD_POINTER));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_IRQ_LINE_STATUS, BAD_POINTER));
		EXPECT_ERRNO(EFAULT, ioctl(vms[i]->fd, MINIVMM_IRQ_LINE, last_word_of_page()));
	}
}

TEST(irq_line_status_to_read_only_memory_is_efault)
{
	void *line = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(line != MAP_FAILED);
	EXPECT_ERRNO(EFAULT, ioctl(vm_with_chips()->fd, MINIVMM_IRQ_LINE_STATUS, line));
	EXPECT_EQ(0, ioctl(vm_with_chips()->fd, MINIVMM_IRQ_LINE, line));
}

TEST(irq_line_of_unknown_gsi_does_nothing)
{
	struct minivmm_irq_level line = { .irq = 1000000, .level = 1 };
	struct vm *vm = vm_with_chips();

	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_IRQ_LINE, &line));
	EXPECT_EQ(-1, line_status(vm, 1000000, 1));
	EXPECT_EQ(-1, line_status(vm, ~0U, 1));
	EXPECT_EQ(-1, line_status(vm, 24, 1));
	EXPECT_EQ(0, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
}

TEST(irq_line_leaves_its_argument)
{
	struct minivmm_irq_level line = { .irq = 5, .level = 1 };

	EXPECT_EQ(0, ioctl(vm_with_chips()->fd, MINIVMM_IRQ_LINE, &line));
	EXPECT_EQ(5, line.irq);
	EXPECT_EQ(1, line.level);
}

TEST(irq_line_reaches_both_chips)
{
	struct minivmm_irq_level line = { .irq = 12, .level = 1 };
	struct vm *vm = vm_with_chips();

	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_IRQ_LINE, &line));
	EXPECT_EQ(0x10, get_chip(vm, MINIVMM_IRQCHIP_PIC_SLAVE).chip.pic.irr);
	EXPECT_EQ(0x10, get_chip(vm, MINIVMM_IRQCHIP_PIC_SLAVE).chip.pic.last_irr);
	EXPECT_EQ(0x04, get_chip(vm, MINIVMM_IRQCHIP_PIC_MASTER).chip.pic.irr);
	EXPECT_EQ(1 << 12, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
	line.level = 0;
	EXPECT_EQ(0, ioctl(vm->fd, MINIVMM_IRQ_LINE, &line));
	EXPECT_EQ(0x10, get_chip(vm, MINIVMM_IRQCHIP_PIC_SLAVE).chip.pic.irr);
	EXPECT_EQ(0, get_chip(vm, MINIVMM_IRQCHIP_PIC_SLAVE).chip.pic.last_irr);
	EXPECT_EQ(0, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
}

TEST(irq_line_above_15_is_the_ioapics)
{
	struct vm *vm = vm_with_chips();

	EXPECT_EQ(-1, line_status(vm, 23, 1));
	EXPECT_EQ(1 << 23, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
	EXPECT_EQ(0, get_chip(vm, MINIVMM_IRQCHIP_PIC_MASTER).chip.pic.irr);
	EXPECT_EQ(0, get_chip(vm, MINIVMM_IRQCHIP_PIC_SLAVE).chip.pic.irr);
}

TEST(irq_line_status_says_what_became_of_it)
{
	struct vm *vm = vm_with_chips();
	struct minivmm_irqchip chip;

	/* The PIC notes it; the I/O APIC's pin is masked. */
	EXPECT_EQ(1, line_status(vm, 5, 1));
	/* What falls is noted by both. */
	EXPECT_EQ(2, line_status(vm, 5, 0));
	/* Nobody has taken the first one yet. */
	EXPECT_EQ(0, line_status(vm, 5, 1));
	line_status(vm, 5, 0);
	chip = get_chip(vm, MINIVMM_IRQCHIP_PIC_MASTER);
	chip.chip.pic.imr = 1 << 5;
	set_chip(vm, &chip);
	EXPECT_EQ(-1, line_status(vm, 5, 1));
	EXPECT_EQ(1, line_status(vm, 5, 0));
}

TEST(irq_line_level_is_0_or_not)
{
	struct vm *vm = vm_with_chips();

	EXPECT_EQ(-1, line_status(vm, 20, 0x80000000));
	EXPECT_EQ(1 << 20, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
	EXPECT_EQ(1, line_status(vm, 20, 0));
	EXPECT_EQ(0, get_chip(vm, MINIVMM_IRQCHIP_IOAPIC).chip.ioapic.irr);
}

/* ---- SET_VAPIC_ADDR ---- */

static int set_vapic_addr(struct vm *vm, uint64_t address)
{
	struct minivmm_vapic_addr vapic = { .vapic_addr = address };

	return ioctl(vcpu_create(vm, 0)->fd, MINIVMM_SET_VAPIC_ADDR, &vapic);
}

TEST(set_vapic_addr_0_is_taken)
{
	EXPECT_EQ(0, set_vapic_addr(vm_with_chips(), 0));
}

TEST(set_vapic_addr_without_a_local_apic_is_einval)
{
	EXPECT_ERRNO(EINVAL, set_vapic_addr(vm_create(), 0));
}

TEST(set_vapic_addr_without_memory_is_einval)
{
	struct vm *vm = vm_with_chips();

	vm_add_memory(vm, 0, GUEST_MEMORY);
	EXPECT_EQ(0, set_vapic_addr(vm, 0x1000));
	vm = vm_with_chips();
	vm_add_memory(vm, 0, GUEST_MEMORY);
	EXPECT_ERRNO(EINVAL, set_vapic_addr(vm, GUEST_MEMORY));
	vm = vm_with_chips();
	vm_add_memory(vm, 0, GUEST_MEMORY);
	EXPECT_ERRNO(EINVAL, set_vapic_addr(vm, GUEST_MEMORY - 2));
}

TEST(set_vapic_addr_bad_pointer_is_efault)
{
	struct vcpu *vcpu = vcpu_create(vm_with_chips(), 0);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_SET_VAPIC_ADDR, BAD_POINTER));
}

TEST(tpr_access_reporting_with_flags_is_einval)
{
	struct minivmm_tpr_access_ctl control = { .enabled = 1, .flags = 1 };
	struct vcpu *vcpu = vcpu_create(vm_with_chips(), 0);

	EXPECT_ERRNO(EINVAL, ioctl(vcpu->fd, MINIVMM_TPR_ACCESS_REPORTING, &control));
	control.flags = 0;
	EXPECT_OK(ioctl(vcpu->fd, MINIVMM_TPR_ACCESS_REPORTING, &control));
	EXPECT_EQ(1, control.enabled);
}

TEST(tpr_access_reporting_bad_pointer_is_efault)
{
	struct vcpu *vcpu = vcpu_create(vm_with_chips(), 0);

	EXPECT_ERRNO(EFAULT, ioctl(vcpu->fd, MINIVMM_TPR_ACCESS_REPORTING, BAD_POINTER));
}
