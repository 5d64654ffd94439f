// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a GSI leads.
 */
#include "../backend.h"

int irq_route_init(struct vm *vm, bool chips)
{
	return 0;
}

bool irq_route_wants_eoi(struct vm *vm, u8 vector)
{
	return false;
}

void irq_acked(struct vm *vm, unsigned int chip, unsigned int pin)
{
}

int irq_route_set(struct vm *vm, enum irq_source source, u32 gsi, bool level)
{
	int ret = -1;

	if (!vm->irqchip || gsi >= MINIVMM_IOAPIC_NUM_PINS)
		return -1;
	if (gsi < 16)
		ret = irqchip_set_line(vm->irqchip, gsi / 8, gsi % 8, source, level);
	return max(ret, irqchip_set_line(vm->irqchip, MINIVMM_IRQCHIP_IOAPIC,
				gsi, source, level));
}
