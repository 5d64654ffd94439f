/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's time: its time stamp counter (tsc.c), and the paravirtual clock and
 * steal time that stand on it (pvclock.c).
 */
#ifndef MINIVMM_CLOCK_H
#define MINIVMM_CLOCK_H

#include <linux/minivmm.h>
#include <linux/spinlock.h>

struct vcpu;
struct vm;

/* The features that CPUID's leaf 0x40000001 has: bits of EAX. */
#define PV_CLOCKSOURCE		BIT(0)
#define PV_NOP_IO_DELAY		BIT(1)
#define PV_CLOCKSOURCE2		BIT(3)
#define PV_STEAL_TIME		BIT(5)
#define PV_EOI			BIT(6)
#define PV_SCHED_YIELD		BIT(13)
#define PV_CLOCKSOURCE_STABLE	BIT(24)

/**
 * struct vcpu_tsc - a vCPU's time stamp counter
 * @khz: its rate
 * @ratio: of it to the host's, with 48 fractional bits
 * @offset: what is added after that
 */
struct vcpu_tsc {
	u32 khz;
	u64 ratio;
	u64 offset;
};

/**
 * struct vm_tsc - what the vCPUs' counters have in common
 * @lock: of what follows
 * @khz: the rate of new vCPUs
 * @last_khz: the rate, when one was last written
 * @last_write: what was written
 * @last_ns: when
 * @offset: of all that were written so that they agree
 */
struct vm_tsc {
	spinlock_t lock;	/* what follows */
	u32 khz;
	u32 last_khz;
	u64 last_write;
	u64 last_ns;
	u64 offset;
};

/**
 * struct vm_clock - the VM's paravirtual clock
 * @lock: of what follows, but for @generation's readers
 * @tsc: the host's time stamp at which ...
 * @ns: ... the clock had this value
 * @generation: raised when that changes
 * @wall: MSR_KVM_WALL_CLOCK: where the guest wants the time of day
 */
struct vm_clock {
	spinlock_t lock;	/* what follows */
	u64 tsc;
	u64 ns;
	u64 generation;
	u64 wall;
};

/**
 * struct vcpu_clock - a vCPU's pages for the clock and for steal time
 * @system_time: MSR_KVM_SYSTEM_TIME
 * @generation: of the VM's clock in the page; 0: to be written anew
 * @stopped: tell the guest that it was stopped
 * @steal_time: MSR_KVM_STEAL_TIME
 * @stolen: ns the thread has waited for a CPU, when last looked at
 * @thread: which thread; compared only
 */
struct vcpu_clock {
	u64 system_time;
	u64 generation;
	bool stopped;
	u64 steal_time;
	u64 stolen;
	const void *thread;
};

/* tsc.c */
void vm_tsc_init(struct vm *vm);
void vcpu_tsc_init(struct vcpu *vcpu);
u64 vcpu_scale_tsc(const struct vcpu *vcpu, u64 host_tsc);
u64 vcpu_read_tsc(const struct vcpu *vcpu);
int vcpu_write_tsc(struct vcpu *vcpu, u32 index, u64 data, bool host);
long vm_tsc_ioctl(struct vm *vm, unsigned int cmd, u32 khz);
long vcpu_tsc_ioctl(struct vcpu *vcpu, unsigned int cmd, u32 khz);
long vcpu_attribute_ioctl(struct vcpu *vcpu, unsigned int cmd,
			  const void __user *user);

/* pvclock.c */
u32 pv_features(void);
void vm_clock_init(struct vm *vm);
int pv_get_msr(struct vcpu *vcpu, u32 index, u64 *data);
int pv_set_msr(struct vcpu *vcpu, u32 index, u64 data);
void vcpu_clock_update(struct vcpu *vcpu);
long vm_clock_ioctl(struct vm *vm, unsigned int cmd, void __user *user);
int vcpu_clock_stopped(struct vcpu *vcpu);

#endif
