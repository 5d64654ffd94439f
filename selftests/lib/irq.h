/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machines with interrupt controllers in the kernel, for tests of what leads
 * to them: lines, routes, eventfds.
 */
#ifndef SELFTESTS_IRQ_H
#define SELFTESTS_IRQ_H

#include "vm.h"

/* A VM with PIC, I/O APIC and local APICs in the kernel. */
static inline struct vm *irq_vm_create(void)
{
	struct vm *vm = vm_create();

	ASSERT_OK(ioctl(vm->fd, MINIVMM_CREATE_IRQCHIP, 0));
	return vm;
}

/* A VM with local APICs in the kernel, and nothing else. */
static inline struct vm *irq_vm_create_split(void)
{
	struct minivmm_enable_cap cap = { .cap = MINIVMM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct vm *vm = vm_create();

	if (!device_capability(MINIVMM_CAP_SPLIT_IRQCHIP))
		SKIP("no CAP_SPLIT_IRQCHIP");
	ASSERT_OK(ioctl(vm->fd, MINIVMM_ENABLE_CAP, &cap));
	return vm;
}

/* As guest_create(), in this VM; the local APIC takes interrupts. */
static inline struct vcpu *irq_guest(struct vm *vm, const void *code, size_t size)
{
	struct minivmm_lapic_state lapic;
	struct vcpu *vcpu;

	vm_add_memory(vm, 0, GUEST_MEMORY);
	vcpu = vcpu_create(vm, 0);
	vcpu_set_mode(vcpu, MODE_LONG);
	vm_write(vm, GUEST_CODE, code, size);
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	*(uint32_t *)&lapic.regs[0xf0] = 0x1ff;
	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_SET_LAPIC, &lapic));
	return vcpu;
}

#define irq_guest_new(vm, name)	irq_guest(vm, name, name##_end - name)

/* The line's status (IRQ_LINE_STATUS). */
static inline int irq_line(struct vm *vm, uint32_t gsi, uint32_t level)
{
	struct minivmm_irq_level line = { .irq = gsi, .level = level };

	ASSERT_OK(ioctl(vm->fd, MINIVMM_IRQ_LINE_STATUS, &line));
	return line.status;
}

/* Requests of both 8259s, as a number of 16 bits. */
static inline uint16_t pic_requests(struct vm *vm)
{
	struct minivmm_irqchip chips[2] = { { .chip_id = MINIVMM_IRQCHIP_PIC_MASTER },
					    { .chip_id = MINIVMM_IRQCHIP_PIC_SLAVE } };

	ASSERT_OK(ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chips[0]));
	ASSERT_OK(ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chips[1]));
	return chips[0].chip.pic.irr | chips[1].chip.pic.irr << 8;
}

static inline struct minivmm_irqchip ioapic(struct vm *vm)
{
	struct minivmm_irqchip chip = { .chip_id = MINIVMM_IRQCHIP_IOAPIC };

	ASSERT_OK(ioctl(vm->fd, MINIVMM_GET_IRQCHIP, &chip));
	return chip;
}

/* One GSI leads where @entry says, all others nowhere. */
static inline void irq_route(struct vm *vm, struct minivmm_irq_routing_entry entry)
{
	struct {
		struct minivmm_irq_routing head;
		struct minivmm_irq_routing_entry entry;
	} table = { .head.nr = 1, .entry = entry };

	ASSERT_OK(ioctl(vm->fd, MINIVMM_SET_GSI_ROUTING, &table));
}

static inline void irq_route_msi(struct vm *vm, uint32_t gsi, uint32_t data)
{
	irq_route(vm, (struct minivmm_irq_routing_entry){
		.gsi = gsi, .type = MINIVMM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = 0xfee00000, .data = data },
	});
}

/* Has the local APIC a request of this vector? */
static inline bool lapic_requested(struct vcpu *vcpu, uint8_t vector)
{
	struct minivmm_lapic_state lapic;

	ASSERT_OK(ioctl(vcpu->fd, MINIVMM_GET_LAPIC, &lapic));
	return lapic.regs[0x200 + vector / 32 * 16 + vector % 32 / 8] & 1 << vector % 8;
}

#endif /* SELFTESTS_IRQ_H */
