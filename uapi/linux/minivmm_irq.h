/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract, continued: interrupt controllers, timers and the file
 * descriptors that stand for interrupts and for writes.
 *
 * Part of <linux/minivmm.h>, which includes it; the same rules hold.
 */
#ifndef _UAPI_LINUX_MINIVMM_IRQ_H
#define _UAPI_LINUX_MINIVMM_IRQ_H

#include <linux/types.h>

/* ---- Interrupt controllers --------------------------------------------- */

/* minivmm_irqchip.chip_id */
#define MINIVMM_IRQCHIP_PIC_MASTER		0
#define MINIVMM_IRQCHIP_PIC_SLAVE		1
#define MINIVMM_IRQCHIP_IOAPIC			2
#define MINIVMM_NR_IRQCHIPS			3

#define MINIVMM_IOAPIC_NUM_PINS			24
#define MINIVMM_APIC_REG_SIZE			0x400

/**
 * struct minivmm_pic_state - one 8259
 * @last_irr: levels of the lines, to see edges
 * @irr: interrupt request register
 * @imr: interrupt mask register
 * @isr: in-service register
 * @priority_add: the line with the highest priority
 * @irq_base: vector of line 0
 * @read_reg_select: the command port reads the ISR, not the IRR
 * @poll: the next read polls
 * @special_mask: special mask mode
 * @init_state: which initialisation word is expected; 0: none
 * @auto_eoi: interrupts end when they are delivered
 * @rotate_on_auto_eoi: and the priorities rotate then
 * @special_fully_nested_mode: of a master whose slaves nest
 * @init4: a fourth initialisation word is expected
 * @elcr: lines that are level-triggered
 * @elcr_mask: lines for which @elcr can be set
 */
struct minivmm_pic_state {
	__u8 last_irr;
	__u8 irr;
	__u8 imr;
	__u8 isr;
	__u8 priority_add;
	__u8 irq_base;
	__u8 read_reg_select;
	__u8 poll;
	__u8 special_mask;
	__u8 init_state;
	__u8 auto_eoi;
	__u8 rotate_on_auto_eoi;
	__u8 special_fully_nested_mode;
	__u8 init4;
	__u8 elcr;
	__u8 elcr_mask;
};

/**
 * struct minivmm_ioapic_state - the I/O APIC
 * @base_address: gpa of its registers
 * @ioregsel: the register that IOWIN reads and writes
 * @id: IOAPICID's bits 24 to 27
 * @irr: levels of the lines
 * @pad: not used
 * @redirtbl: the redirection table; fields as the chip's manual has them
 */
struct minivmm_ioapic_state {
	__u64 base_address;
	__u32 ioregsel;
	__u32 id;
	__u32 irr;
	__u32 pad;
	union {
		__u64 bits;
		struct {
			__u8 vector;
			__u8 delivery_mode:3;
			__u8 dest_mode:1;
			__u8 delivery_status:1;
			__u8 polarity:1;
			__u8 remote_irr:1;
			__u8 trig_mode:1;
			__u8 mask:1;
			__u8 reserve:7;
			__u8 reserved[4];
			__u8 dest_id;
		} fields;
	} redirtbl[MINIVMM_IOAPIC_NUM_PINS];
};

/**
 * struct minivmm_irqchip - for MINIVMM_GET_IRQCHIP and MINIVMM_SET_IRQCHIP
 * @chip_id: MINIVMM_IRQCHIP_*
 * @pad: not used
 * @chip: one member for each kind of chip
 */
struct minivmm_irqchip {
	__u32 chip_id;
	__u32 pad;
	union {
		char dummy[512];
		struct minivmm_pic_state pic;
		struct minivmm_ioapic_state ioapic;
	} chip;
};

/**
 * struct minivmm_lapic_state - for MINIVMM_GET_LAPIC and MINIVMM_SET_LAPIC
 * @regs: the local APIC's registers at the offsets of its MMIO page
 */
struct minivmm_lapic_state {
	char regs[MINIVMM_APIC_REG_SIZE];
};

/**
 * struct minivmm_irq_level - for MINIVMM_IRQ_LINE and MINIVMM_IRQ_LINE_STATUS
 * @irq: in: the GSI; LINE_STATUS, out (@status): what became of it: how many
 *       CPUs were interrupted, 0: it was pending already, -1: masked
 * @level: 1 or 0
 */
struct minivmm_irq_level {
	union {
		__u32 irq;
		__s32 status;
	};
	__u32 level;
};

/* minivmm_irq_routing_entry.type */
#define MINIVMM_IRQ_ROUTING_IRQCHIP		1
#define MINIVMM_IRQ_ROUTING_MSI			2

/**
 * struct minivmm_irq_routing_irqchip - a GSI that is a chip's pin
 * @irqchip: MINIVMM_IRQCHIP_*
 * @pin: which
 */
struct minivmm_irq_routing_irqchip {
	__u32 irqchip;
	__u32 pin;
};

/**
 * struct minivmm_irq_routing_msi - a GSI that is a message
 * @address_lo: of the message
 * @address_hi: with X2APIC_API the destination's upper 24 bits
 * @data: of the message
 * @devid: not used on x86
 */
struct minivmm_irq_routing_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	union {
		__u32 pad;
		__u32 devid;
	};
};

/**
 * struct minivmm_irq_routing_entry - where a GSI leads
 * @gsi: its number; it may have one entry for each chip, or one message
 * @type: MINIVMM_IRQ_ROUTING_*
 * @flags: must be 0
 * @pad: not used
 * @u: one member for each type
 */
struct minivmm_irq_routing_entry {
	__u32 gsi;
	__u32 type;
	__u32 flags;
	__u32 pad;
	union {
		struct minivmm_irq_routing_irqchip irqchip;
		struct minivmm_irq_routing_msi msi;
		__u32 pad[8];
	} u;
};

/**
 * struct minivmm_irq_routing - for MINIVMM_SET_GSI_ROUTING
 * @nr: how many entries follow
 * @flags: must be 0
 * @entries: the whole table
 */
struct minivmm_irq_routing {
	__u32 nr;
	__u32 flags;
	struct minivmm_irq_routing_entry entries[];
};

/**
 * struct minivmm_msi - for MINIVMM_SIGNAL_MSI
 * @address_lo: of the message
 * @address_hi: with X2APIC_API the destination's upper 24 bits
 * @data: of the message
 * @flags: must be 0
 * @devid: not used on x86
 * @pad: not used
 */
struct minivmm_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	__u32 flags;
	__u32 devid;
	__u8  pad[12];
};

/**
 * struct minivmm_tpr_access_ctl - tell the caller of accesses to the TPR
 * @enabled: in: 1: leave with MINIVMM_EXIT_TPR_ACCESS; out: as it was
 * @flags: must be 0
 * @reserved: not used
 */
struct minivmm_tpr_access_ctl {
	__u32 enabled;
	__u32 flags;
	__u32 reserved[8];
};

/**
 * struct minivmm_vapic_addr - for MINIVMM_SET_VAPIC_ADDR
 * @vapic_addr: gpa of the page on which the TPR is kept for the guest; 0: none
 */
struct minivmm_vapic_addr {
	__u64 vapic_addr;
};

/* minivmm_enable_cap.args[0] for MINIVMM_CAP_X2APIC_API */
#define MINIVMM_X2APIC_API_USE_32BIT_IDS		1ULL
#define MINIVMM_X2APIC_API_DISABLE_BROADCAST_QUIRK	2ULL

/* ---- The timer 8254 ---------------------------------------------------- */

/* minivmm_pit_config.flags: handle port 0x61 as well, without a sound */
#define MINIVMM_PIT_SPEAKER_DUMMY		1

/* minivmm_pit_state2.flags */
#define MINIVMM_PIT_FLAGS_HPET_LEGACY		0x00000001
#define MINIVMM_PIT_FLAGS_SPEAKER_DATA_ON	0x00000002

/**
 * struct minivmm_pit_config - for MINIVMM_CREATE_PIT2
 * @flags: MINIVMM_PIT_SPEAKER_DUMMY or 0
 * @pad: not used
 */
struct minivmm_pit_config {
	__u32 flags;
	__u32 pad[15];
};

/**
 * struct minivmm_pit_channel_state - one of the 8254's three counters
 * @count: what it counts from; can be 65536
 * @latched_count: what reads find while @count_latched
 * @count_latched: how many bytes of it are to be read, as &enum of the chip
 * @status_latched: the next read is of @status
 * @status: latched by the read-back command
 * @read_state: which byte is read next
 * @write_state: which byte is written next
 * @write_latch: the low byte, while the high one is awaited
 * @rw_mode: which bytes are accessed
 * @mode: 0 to 5
 * @bcd: counts in BCD
 * @gate: level of its gate
 * @count_load_time: when it was loaded, in ns
 */
struct minivmm_pit_channel_state {
	__u32 count;
	__u16 latched_count;
	__u8 count_latched;
	__u8 status_latched;
	__u8 status;
	__u8 read_state;
	__u8 write_state;
	__u8 write_latch;
	__u8 rw_mode;
	__u8 mode;
	__u8 bcd;
	__u8 gate;
	__s64 count_load_time;
};

/**
 * struct minivmm_pit_state2 - for MINIVMM_GET_PIT2 and MINIVMM_SET_PIT2
 * @channels: the counters
 * @flags: MINIVMM_PIT_FLAGS_*
 * @reserved: not used
 */
struct minivmm_pit_state2 {
	struct minivmm_pit_channel_state channels[3];
	__u32 flags;
	__u32 reserved[9];
};

/**
 * struct minivmm_reinject_control - for MINIVMM_REINJECT_CONTROL
 * @pit_reinject: 1: ticks that the guest has missed are made up for
 * @reserved: not used
 */
struct minivmm_reinject_control {
	__u8 pit_reinject;
	__u8 reserved[31];
};

/* ---- Interrupts and writes as eventfds --------------------------------- */

#define MINIVMM_IRQFD_FLAG_DEASSIGN		1
#define MINIVMM_IRQFD_FLAG_RESAMPLE		2

/**
 * struct minivmm_irqfd - for MINIVMM_IRQFD
 * @fd: an eventfd: a write to it interrupts the guest
 * @gsi: by this GSI
 * @flags: MINIVMM_IRQFD_FLAG_*
 * @resamplefd: signalled when the guest has ended a level-triggered interrupt
 * @pad: not used
 */
struct minivmm_irqfd {
	__u32 fd;
	__u32 gsi;
	__u32 flags;
	__u32 resamplefd;
	__u8  pad[16];
};

#define MINIVMM_IOEVENTFD_FLAG_DATAMATCH	1
#define MINIVMM_IOEVENTFD_FLAG_PIO		2
#define MINIVMM_IOEVENTFD_FLAG_DEASSIGN		4
#define MINIVMM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY 8

/**
 * struct minivmm_ioeventfd - for MINIVMM_IOEVENTFD
 * @datamatch: with FLAG_DATAMATCH only a write of this value counts
 * @addr: a gpa, or with FLAG_PIO a port
 * @len: bytes of the write: 1, 2, 4, 8; 0: any
 * @fd: the eventfd that such a write signals
 * @flags: MINIVMM_IOEVENTFD_FLAG_*
 * @pad: not used
 */
struct minivmm_ioeventfd {
	__u64 datamatch;
	__u64 addr;
	__u32 len;
	__s32 fd;
	__u32 flags;
	__u8  pad[36];
};

/* ---- Writes that are collected ----------------------------------------- */

/* mmap() of a vCPU fd: the page that holds struct minivmm_coalesced_mmio_ring. */
#define MINIVMM_COALESCED_MMIO_PAGE_OFFSET	2

/**
 * struct minivmm_coalesced_mmio_zone - for MINIVMM_REGISTER_COALESCED_MMIO
 * @addr: a gpa, or a port
 * @size: bytes
 * @pio: 1: @addr is a port
 */
struct minivmm_coalesced_mmio_zone {
	__u64 addr;
	__u32 size;
	union {
		__u32 pad;
		__u32 pio;
	};
};

/**
 * struct minivmm_coalesced_mmio - one write
 * @phys_addr: where
 * @len: bytes
 * @pio: @phys_addr is a port
 * @data: what was written
 */
struct minivmm_coalesced_mmio {
	__u64 phys_addr;
	__u32 len;
	union {
		__u32 pad;
		__u32 pio;
	};
	__u8  data[8];
};

/**
 * struct minivmm_coalesced_mmio_ring - writes that the caller has not seen yet
 * @first: of them; the caller's to move
 * @last: after the last of them; if the next is @first, the ring is full
 * @coalesced_mmio: as many as the page has room for
 */
struct minivmm_coalesced_mmio_ring {
	__u32 first, last;
	struct minivmm_coalesced_mmio coalesced_mmio[];
};

#endif
