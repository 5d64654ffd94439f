// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the contract KVM's, byte for byte? As abi.c, for <linux/minivmm_irq.h>:
 * interrupt controllers, timers, eventfds.
 */
#include "abi.h"

NUMBER(IRQCHIP_PIC_MASTER);
NUMBER(IRQCHIP_PIC_SLAVE);
NUMBER(IRQCHIP_IOAPIC);
NUMBER(NR_IRQCHIPS);
NUMBER(IOAPIC_NUM_PINS);
NUMBER(APIC_REG_SIZE);
NUMBER(IRQ_ROUTING_IRQCHIP);
NUMBER(IRQ_ROUTING_MSI);
NUMBER(X2APIC_API_USE_32BIT_IDS);
NUMBER(X2APIC_API_DISABLE_BROADCAST_QUIRK);
NUMBER(PIT_SPEAKER_DUMMY);
NUMBER(PIT_FLAGS_HPET_LEGACY);
NUMBER(PIT_FLAGS_SPEAKER_DATA_ON);
NUMBER(IRQFD_FLAG_DEASSIGN);
NUMBER(IRQFD_FLAG_RESAMPLE);
NUMBER(IOEVENTFD_FLAG_DATAMATCH);
NUMBER(IOEVENTFD_FLAG_PIO);
NUMBER(IOEVENTFD_FLAG_DEASSIGN);
NUMBER(IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY);
NUMBER(COALESCED_MMIO_PAGE_OFFSET);

STRUCT(pic_state);
MEMBER(pic_state, last_irr);
MEMBER(pic_state, irr);
MEMBER(pic_state, imr);
MEMBER(pic_state, isr);
MEMBER(pic_state, priority_add);
MEMBER(pic_state, irq_base);
MEMBER(pic_state, read_reg_select);
MEMBER(pic_state, poll);
MEMBER(pic_state, special_mask);
MEMBER(pic_state, init_state);
MEMBER(pic_state, auto_eoi);
MEMBER(pic_state, rotate_on_auto_eoi);
MEMBER(pic_state, special_fully_nested_mode);
MEMBER(pic_state, init4);
MEMBER(pic_state, elcr);
MEMBER(pic_state, elcr_mask);

STRUCT(ioapic_state);
MEMBER(ioapic_state, base_address);
MEMBER(ioapic_state, ioregsel);
MEMBER(ioapic_state, id);
MEMBER(ioapic_state, irr);
MEMBER(ioapic_state, pad);
MEMBER(ioapic_state, redirtbl);
MEMBER(ioapic_state, redirtbl[0].bits);
MEMBER(ioapic_state, redirtbl[0].fields);
MEMBER(ioapic_state, redirtbl[0].fields.vector);
MEMBER(ioapic_state, redirtbl[0].fields.reserved);
MEMBER(ioapic_state, redirtbl[0].fields.dest_id);

STRUCT(irqchip);
MEMBER(irqchip, chip_id);
MEMBER(irqchip, pad);
MEMBER(irqchip, chip);
MEMBER(irqchip, chip.dummy);
MEMBER(irqchip, chip.pic);
MEMBER(irqchip, chip.ioapic);

STRUCT(lapic_state);
MEMBER(lapic_state, regs);

STRUCT(irq_level);
MEMBER(irq_level, irq);
MEMBER(irq_level, status);
MEMBER(irq_level, level);

STRUCT(irq_routing_irqchip);
MEMBER(irq_routing_irqchip, irqchip);
MEMBER(irq_routing_irqchip, pin);

STRUCT(irq_routing_msi);
MEMBER(irq_routing_msi, address_lo);
MEMBER(irq_routing_msi, address_hi);
MEMBER(irq_routing_msi, data);
MEMBER(irq_routing_msi, pad);
MEMBER(irq_routing_msi, devid);

STRUCT(irq_routing_entry);
MEMBER(irq_routing_entry, gsi);
MEMBER(irq_routing_entry, type);
MEMBER(irq_routing_entry, flags);
MEMBER(irq_routing_entry, pad);
MEMBER(irq_routing_entry, u);
MEMBER(irq_routing_entry, u.irqchip);
MEMBER(irq_routing_entry, u.msi);
MEMBER(irq_routing_entry, u.pad);

STRUCT(irq_routing);
MEMBER(irq_routing, nr);
MEMBER(irq_routing, flags);
FLEX(irq_routing, entries);

STRUCT(msi);
MEMBER(msi, address_lo);
MEMBER(msi, address_hi);
MEMBER(msi, data);
MEMBER(msi, flags);
MEMBER(msi, devid);
MEMBER(msi, pad);

STRUCT(tpr_access_ctl);
MEMBER(tpr_access_ctl, enabled);
MEMBER(tpr_access_ctl, flags);
MEMBER(tpr_access_ctl, reserved);

STRUCT(vapic_addr);
MEMBER(vapic_addr, vapic_addr);

STRUCT(pit_config);
MEMBER(pit_config, flags);
MEMBER(pit_config, pad);

STRUCT(pit_channel_state);
MEMBER(pit_channel_state, count);
MEMBER(pit_channel_state, latched_count);
MEMBER(pit_channel_state, count_latched);
MEMBER(pit_channel_state, status_latched);
MEMBER(pit_channel_state, status);
MEMBER(pit_channel_state, read_state);
MEMBER(pit_channel_state, write_state);
MEMBER(pit_channel_state, write_latch);
MEMBER(pit_channel_state, rw_mode);
MEMBER(pit_channel_state, mode);
MEMBER(pit_channel_state, bcd);
MEMBER(pit_channel_state, gate);
MEMBER(pit_channel_state, count_load_time);

STRUCT(pit_state2);
MEMBER(pit_state2, channels);
MEMBER(pit_state2, flags);
MEMBER(pit_state2, reserved);

STRUCT(reinject_control);
MEMBER(reinject_control, pit_reinject);
MEMBER(reinject_control, reserved);

STRUCT(irqfd);
MEMBER(irqfd, fd);
MEMBER(irqfd, gsi);
MEMBER(irqfd, flags);
MEMBER(irqfd, resamplefd);
MEMBER(irqfd, pad);

STRUCT(ioeventfd);
MEMBER(ioeventfd, datamatch);
MEMBER(ioeventfd, addr);
MEMBER(ioeventfd, len);
MEMBER(ioeventfd, fd);
MEMBER(ioeventfd, flags);
MEMBER(ioeventfd, pad);

STRUCT(coalesced_mmio_zone);
MEMBER(coalesced_mmio_zone, addr);
MEMBER(coalesced_mmio_zone, size);
MEMBER(coalesced_mmio_zone, pad);
MEMBER(coalesced_mmio_zone, pio);

STRUCT(coalesced_mmio);
MEMBER(coalesced_mmio, phys_addr);
MEMBER(coalesced_mmio, len);
MEMBER(coalesced_mmio, pad);
MEMBER(coalesced_mmio, pio);
MEMBER(coalesced_mmio, data);

STRUCT(coalesced_mmio_ring);
MEMBER(coalesced_mmio_ring, first);
MEMBER(coalesced_mmio_ring, last);
FLEX(coalesced_mmio_ring, coalesced_mmio);

TEST(numbers_and_layouts_of_irq_are_those_of_kvm)
{
	ktap_note("compared when this program was compiled");
}
