/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts in the kernel: a VM's controllers, and the part of a vCPU that
 * takes interrupts.
 *
 * In reading order: message.h (an interrupt on its way), pic.c, ioapic.c, pit.c
 * and lapic.c (the chips: logic alone), vcpu_irq.c (a vCPU's local APIC put to
 * work: its registers, its timer, what to inject), vapic.c (its priority in guest
 * memory), pv_eoi.c (its EOI, likewise), start.c (INIT, SIPI, HLT: whether a vCPU
 * runs at all), deliver.c (a message finds its vCPUs), irqchip.c (the VM's chips
 * and their ioctls), routing.c (where a GSI leads).
 *
 * Locks: &struct irqchip.lock is taken before &struct vcpu_irq.lock; both with
 * interrupts off, for timers and eventfds get here from interrupts.
 */
#ifndef MINIVMM_IRQCHIP_H
#define MINIVMM_IRQCHIP_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../bus.h"
#include "ioapic.h"
#include "lapic.h"
#include "pic.h"
#include "pit.h"

struct vcpu;
struct vm;

/* Which controllers are in the kernel, not the owner's. */
enum irqchip_kind {
	IRQCHIP_NONE,
	IRQCHIP_SPLIT,		/* local APICs */
	IRQCHIP_KERNEL,		/* PIC and I/O APIC as well */
};

/*
 * The PIT is on GSI 0: pin 0 of the I/O APIC, or pin 2 by the routing that PCs
 * have.
 */
#define PIT_PINS		(BIT(0) | BIT(2))
/* Ranges of ports and of memory that PIC and I/O APIC answer. */
#define NR_CHIP_DEVICES		4
/* GSIs, and entries of the routing table */
#define MINIVMM_MAX_ROUTES	4096

/* Who raises a line: each has a level of its own, and they are ORed. */
enum irq_source {
	IRQ_SOURCE_USER,	/* IRQ_LINE */
	IRQ_SOURCE_IRQFD,
	IRQ_SOURCE_RESAMPLE,
	IRQ_SOURCE_PIT,
};

/**
 * struct vm_pit - the VM's 8254 with its timer
 * @irqchip: beside which it is
 * @pit: the chip
 * @timer: channel 0's
 * @period: of it in ns; 0: one shot
 * @reinject: ticks wait until the guest has taken the one before
 * @acked: it has
 * @pending: ticks that wait
 * @waits: so does @timer, at the time of the last of them
 * @devices: its ports
 */
struct vm_pit {
	struct irqchip *irqchip;
	struct pit pit;
	struct hrtimer timer;
	s64 period;
	bool reinject;
	bool acked;
	u64 pending;
	bool waits;
	struct bus_device devices[2];
};

/**
 * struct irqchip - a VM's PIC, I/O APIC and PIT
 * @vm: whose
 * @lock: of all that follows
 * @pic: the two 8259
 * @ioapic: the I/O APIC
 * @pic_levels: of each line, a bit for each &enum irq_source
 * @ioapic_levels: of each pin, likewise
 * @pit: the timer, or NULL
 * @devices: where on the buses PIC and I/O APIC are
 * @acked_lines: of the PIC: interrupts that the guest has just ended
 * @acked_pins: of the I/O APIC
 */
struct irqchip {
	struct vm *vm;
	spinlock_t lock;	/* the chips */
	struct pic pic;
	struct ioapic ioapic;
	u8 pic_levels[PIC_LINES];
	u8 ioapic_levels[MINIVMM_IOAPIC_NUM_PINS];
	struct vm_pit *pit;
	struct bus_device devices[NR_CHIP_DEVICES];
	unsigned long acked_lines;
	unsigned long acked_pins;
};

/**
 * struct vm_irqfds - eventfds that interrupt the guest
 * @mutex: held while one is made or freed; protects @resamplers
 * @lock: of @all and @count
 * @all: those that are not about to end
 * @count: how many that are
 * @resamplers: GSIs whose interrupts are resampled; read under RCU
 */
struct vm_irqfds {
	struct mutex mutex;	/* making and freeing */
	spinlock_t lock;	/* the list */
	struct list_head all;
	unsigned int count;
	struct list_head resamplers;
};

/* Bits of &struct vcpu_irq.requests: what a vCPU has to look at before it enters. */
enum {
	VCPU_REQ_INTERRUPT,	/* one may have become deliverable */
	VCPU_REQ_NMI,
	VCPU_REQ_INIT,
	VCPU_REQ_SIPI,
	VCPU_REQ_EOI_EXIT,	/* the owner's I/O APIC wants to know of an EOI */
	VCPU_REQ_TPR_ACCESS,	/* the owner wants to know of an access to the TPR */
};

/**
 * struct vcpu_irq - what a vCPU takes interrupts with
 * @lock: of @apic and @timer
 * @apic: its local APIC, if the VM's are in the kernel
 * @timer: the local APIC's
 * @timer_tsc: or when the back end is to end the guest for it, as a time stamp
 *             of the host's; 0: not
 * @timer_left_to_host: it is to be started anew before the guest is entered
 * @lent: the processor has what waits in @apic and delivers it; the vCPU thread's
 * @requests: VCPU_REQ_*, set by anybody, together with a kick
 * @wait: where its thread sleeps while the guest halts
 * @mp_state: MINIVMM_MP_STATE_*, the vCPU thread's
 * @sipi_vector: where a SIPI wants it to start
 * @eoi_vector: with VCPU_REQ_EOI_EXIT
 * @owner_interrupt: with a split irqchip: what the owner's PIC has for the vCPU;
 *                   -1: nothing
 * @report_tpr: the owner wants to know of accesses to the TPR
 * @tpr_write: the last one was a write
 * @tpr_rip: by the instruction here
 * @vapic_addr: gpa of a word with the TPR; 0: none
 * @pv_eoi: MSR_KVM_PV_EOI_EN: gpa of a byte that stands for the EOI register
 * @eoi_offered: the guest was told there that it may end its interrupt so
 */
struct vcpu_irq {
	spinlock_t lock;	/* the local APIC */
	struct lapic apic;
	struct hrtimer timer;
	u64 timer_tsc;
	bool timer_left_to_host;
	bool lent;
	unsigned long requests;
	wait_queue_head_t wait;
	u32 mp_state;
	u8 sipi_vector;
	u8 eoi_vector;
	int owner_interrupt;
	bool report_tpr;
	bool tpr_write;
	u64 tpr_rip;
	u64 vapic_addr;
	u64 pv_eoi;
	bool eoi_offered;
};

/* irqchip.c */
int irqchip_create(struct vm *vm);
int irqchip_create_split(struct vm *vm, u64 pins);
void irqchip_set_x2apic_api(struct vm *vm, u64 flags);
void irqchip_destroy(struct vm *vm);
long irqchip_ioctl(struct vm *vm, unsigned int cmd, void __user *user);
int irqchip_set_line(struct irqchip *irqchip, unsigned int chip,
		     unsigned int pin, enum irq_source source, bool level);
int irqchip_acknowledge(struct irqchip *irqchip);
bool irqchip_wants_eoi(struct vm *vm, u8 vector, bool level);
void irqchip_watch_locked(struct irqchip *irqchip);
void irqchip_watch(struct vm *vm);
void irqchip_end_of_interrupt(struct vcpu *vcpu, u8 vector, bool level);

/* pit_timer.c */
long vm_pit_ioctl(struct vm *vm, unsigned int cmd, void __user *user);
void vm_pit_destroy(struct irqchip *irqchip);
void vm_pit_acked(struct irqchip *irqchip);
void vm_pit_unmasked(struct irqchip *irqchip);

/* routing.c */
int irq_route_init(struct vm *vm, bool chips);
void irq_route_free(struct vm *vm);
long irq_routing_ioctl(struct vm *vm, struct minivmm_irq_routing __user *user);
bool irq_route_wants_eoi(struct vm *vm, u8 vector);
u32 irq_route_ioapic_pin(struct vm *vm, u32 gsi);
int irq_route_set(struct vm *vm, enum irq_source source, u32 gsi, bool level);
void irq_route_pulse(struct vm *vm, enum irq_source source, u32 gsi);
void irq_acked(struct vm *vm, unsigned int chip, unsigned int pin);

/* irqfd.c */
int irqfd_setup(void);
void irqfd_cleanup(void);
void irqfd_init(struct vm *vm);
void irqfd_release(struct vm *vm);
long irqfd_ioctl(struct vm *vm, void __user *user);
void irqfd_acked(struct vm *vm, u32 gsi);
u32 irqfd_resampled_pins(struct vm *vm);

/* deliver.c */
int irq_deliver(struct vm *vm, const struct irq_message *message,
		struct vcpu *source);
int irq_deliver_msi(struct vm *vm, u64 address, u32 data);
void vcpu_kick(struct vcpu *vcpu);
void vcpu_request(struct vcpu *vcpu, unsigned int request);

/* vcpu_timer.c */
void vcpu_timer_init(struct vcpu *vcpu);
void vcpu_timer_start(struct vcpu *vcpu);
void vcpu_timer_to_host(struct vcpu *vcpu);
void vcpu_timer_to_guest(struct vcpu *vcpu);
void vcpu_timer_expired(struct vcpu *vcpu);

/* vcpu_irq.c */
void vcpu_irq_init(struct vcpu *vcpu);
void vcpu_irq_destroy(struct vcpu *vcpu);
bool vcpu_irq_pending(struct vcpu *vcpu);
int vcpu_irq_take(struct vcpu *vcpu);
int vcpu_irq_from_owner(struct vcpu *vcpu, u8 vector);
int vcpu_apic_accept(struct vcpu *vcpu, u8 vector, bool level);
bool vcpu_apic_mmio(struct vcpu *vcpu, u64 gpa, void *data, unsigned int len,
		    bool write);
bool vcpu_apic_owns_msr(const struct vcpu *vcpu, u32 msr);
int vcpu_apic_read_msr(struct vcpu *vcpu, u32 msr, u64 *data);
int vcpu_apic_write_msr(struct vcpu *vcpu, u32 msr, u64 data);
int vcpu_apic_set_base(struct vcpu *vcpu, u64 base, bool host);
void vcpu_apic_set_cr8(struct vcpu *vcpu, unsigned long cr8);
unsigned long vcpu_apic_cr8(struct vcpu *vcpu);
void vcpu_apic_lend(struct vcpu *vcpu, u32 *page, u64 *eoi_exits);
void vcpu_apic_take_back(struct vcpu *vcpu, const u32 *page);
void vcpu_apic_ended(struct vcpu *vcpu, u8 vector);
void vcpu_apic_end(struct vcpu *vcpu);
void vcpu_apic_cpuid_changed(struct vcpu *vcpu);
void vcpu_apic_reset(struct vcpu *vcpu);
long vcpu_apic_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *user);

/* vapic.c */
void vcpu_tpr_accessed(struct vcpu *vcpu, bool write);
int vcpu_report_tpr_access(struct vcpu *vcpu);
void vcpu_vapic_to_guest(struct vcpu *vcpu);
void vcpu_vapic_from_guest(struct vcpu *vcpu);
long vcpu_vapic_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *user);

/* pv_eoi.c */
void vcpu_pv_eoi_offer(struct vcpu *vcpu);
void vcpu_pv_eoi_take_back(struct vcpu *vcpu, bool may_sleep);
int vcpu_pv_eoi_set(struct vcpu *vcpu, u64 data);

/* start.c */
bool vcpu_is_bsp(const struct vcpu *vcpu);
void vcpu_start_init(struct vcpu *vcpu);
void vcpu_accept_init_sipi(struct vcpu *vcpu);
bool vcpu_is_runnable(struct vcpu *vcpu);
void vcpu_halt(struct vcpu *vcpu);
void vcpu_block(struct vcpu *vcpu);
int vcpu_get_mp_state(struct vcpu *vcpu, struct minivmm_mp_state *state);
int vcpu_set_mp_state(struct vcpu *vcpu, const struct minivmm_mp_state *state);

#endif
