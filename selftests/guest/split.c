// SPDX-License-Identifier: GPL-2.0-only
/*
 * A split irqchip: local APICs in the kernel, PIC and I/O APIC the owner's.
 * Documentation/abi.md, "ENABLE_CAP".
 *
 * SDM Vol. 3, "LVT Register" (ExtINT), "Signaling Interrupt Servicing
 * Completion".
 */
#include "irq.h"
#include "vm.h"

#define IF	0x200

static int split(struct vm *vm, uint64_t pins)
{
	struct minivmm_enable_cap enable = {
		.cap = MINIVMM_CAP_SPLIT_IRQCHIP, .args = { pins },
	};

	return ioctl(vm->fd, MINIVMM_ENABLE_CAP, &enable);
}

static int interrupt(struct vcpu *vcpu, uint32_t vector)
{
	struct minivmm_interrupt irq = { .irq = vector };

	return ioctl(vcpu->fd, MINIVMM_INTERRUPT, &irq);
}

/* A guest with memory and a local APIC; the first vCPU's LINT0 is ExtINT. */
static struct vcpu *split_guest(const void *code, size_t size)
{
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	ASSERT_OK(split(vm, 24));
	vm_add_memory(vm, 0, GUEST_MEMORY);
	vm_write(vm, GUEST_CODE, code, size);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, MODE_LONG);
	return vcpu;
}

#define split_new(name)	split_guest(name, name##_end - name)

/* Switches its local APIC on; tells when, and when it was interrupted. */
GUEST64(guest_halts, "mov $0xfee00000, %ebx\n"
		     "movl $0x1ff, 0xf0(%rbx)\n"
		     "out %al, $0x10\n"
		     "sti\n"
		     "1: hlt\n jmp 1b\n");
GUEST64(guest_spins, "1: inc %rax\n jmp 1b\n");
GUEST64(handler, "mov $0xfee00000, %ebx\n"
		 "movl $0, 0xb0(%rbx)\n"	/* EOI */
		 "out %al, $0x11\n"
		 "iretq\n");

#define HANDLER	0x9000

static void set_handler(struct vcpu *vcpu, unsigned int vector)
{
	vm_load(vcpu->vm, HANDLER, handler);
	vcpu_set_handler(vcpu, vector, HANDLER);
}

TEST(split_irqchip_after_a_vcpu_is_eexist)
{
	struct vm *vm = vm_create();

	vcpu_create(vm, 0);
	EXPECT_ERRNO(EEXIST, split(vm, 24));
}

TEST(split_irqchip_with_too_many_pins_is_einval)
{
	struct vm *vm = vm_create();

	EXPECT_ERRNO(EINVAL, split(vm, 4097));
	EXPECT_OK(split(vm, 24));
}

TEST(split_irqchip_twice_is_eexist)
{
	struct vm *vm = vm_create();

	EXPECT_OK(split(vm, 24));
	EXPECT_ERRNO(EEXIST, split(vm, 24));
	EXPECT_ERRNO(EEXIST, ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
}

TEST(the_chips_of_a_split_irqchip_are_the_owners)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };
	struct minivmm_lapic_state lapic;
	struct vm *vm = vm_create();
	struct vcpu *vcpu;

	ASSERT_OK(split(vm, 24));
	vcpu = vcpu_create(vm, 0);
	EXPECT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	EXPECT_ERRNO(ENXIO, ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
}

TEST(an_interrupt_of_the_owners_pic_ends_hlt)
{
	struct vcpu *vcpu = split_new(guest_halts);

	set_handler(vcpu, 0x42);
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(interrupt(vcpu, 0x42));
	vcpu_run_to_out(vcpu, 0x11);
}

TEST(interrupt_while_one_waits_is_eexist)
{
	struct vcpu *vcpu = split_new(guest_spins);

	EXPECT_OK(interrupt(vcpu, 0x42));
	EXPECT_ERRNO(EEXIST, interrupt(vcpu, 0x43));
}

TEST(the_owner_is_told_when_an_interrupt_can_be_taken)
{
	struct vcpu *vcpu = split_new(guest_spins);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	set_handler(vcpu, 0x42);
	regs.rflags |= IF;
	vcpu_set_regs(vcpu, &regs);
	vcpu->run->request_interrupt_window = 1;
	vcpu_run_to(vcpu, MINIVMM_EXIT_IRQ_WINDOW_OPEN);
	EXPECT_TRUE(vcpu->run->ready_for_interrupt_injection);
	vcpu->run->request_interrupt_window = 0;
	ASSERT_OK(interrupt(vcpu, 0x42));
	vcpu_run_to_out(vcpu, 0x11);
}

/* A pin of the owner's I/O APIC is a message in the routing table. */
TEST(the_owner_is_told_of_the_end_of_a_level_triggered_interrupt)
{
	struct minivmm_irq_level line = { .irq = 5, .level = 1 };
	struct vcpu *vcpu = split_new(guest_halts);

	set_handler(vcpu, 0x55);
	irq_route_msi(vcpu->vm, 5, 0xc055);
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_IRQ_LINE, &line));
	vcpu_run_to(vcpu, MINIVMM_EXIT_IOAPIC_EOI);
	EXPECT_EQ(0x55, vcpu->run->eoi.vector);
	vcpu_run_to_out(vcpu, 0x11);
}

TEST(the_end_of_an_edge_triggered_interrupt_is_nobodys_business)
{
	struct minivmm_irq_level line = { .irq = 5, .level = 1 };
	struct vcpu *vcpu = split_new(guest_halts);

	set_handler(vcpu, 0x55);
	irq_route_msi(vcpu->vm, 5, 0x55);
	vcpu_run_to_out(vcpu, 0x10);
	ASSERT_OK(ioctl(vcpu->vm->fd, MINIVMM_IRQ_LINE, &line));
	vcpu_run_to_out(vcpu, 0x11);
}
