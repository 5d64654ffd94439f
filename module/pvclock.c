// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual clock and steal time: what a guest reads from memory.
 *
 * A guest names a place of its memory by an MSR; there we write a time stamp,
 * the clock's value at it, and the factor by which the counter's ticks become
 * nanoseconds. All vCPUs get the same time stamp, so their clocks agree, and
 * since the factor does not change the page is written again only when the clock
 * or the counter is set. That takes a counter that never stops or changes its
 * rate: where the host's does, the clock is not offered.
 *
 * Nothing here is pinned: the place is written as guest memory is.
 *
 * Linux: Documentation/virt/kvm/x86/msr.rst.
 */
#include <linux/ktime.h>
#include <linux/uaccess.h>
#include <linux/sched/stat.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include <uapi/asm/kvm_para.h>

#include "backend.h"
#include "compat.h"

static bool tsc_is_steady(void)
{
	return boot_cpu_has(X86_FEATURE_CONSTANT_TSC) &&
	       boot_cpu_has(X86_FEATURE_NONSTOP_TSC);
}

/**
 * pv_features - what leaf 0x40000001 of CPUID offers
 *
 * Return: PV_* bits.
 */
u32 pv_features(void)
{
	u32 features = PV_NOP_IO_DELAY | PV_EOI | PV_SCHED_YIELD;

	if (tsc_is_steady())
		features |= PV_CLOCKSOURCE | PV_CLOCKSOURCE2 |
			    PV_CLOCKSOURCE_STABLE;
	if (IS_ENABLED(CONFIG_SCHED_INFO))
		features |= PV_STEAL_TIME;
	return features;
}

/**
 * vm_clock_init - the clock begins at 0, now
 * @vm: a new VM
 */
void vm_clock_init(struct vm *vm)
{
	spin_lock_init(&vm->clock.lock);
	vm->clock.tsc = rdtsc();
	vm->clock.generation = 1;
}

/*
 * ns = ((ticks << shift) * mul) >> 32 for a counter of @khz: the largest mul
 * that fits into 32 bits is the most exact one.
 */
static void ticks_to_ns(u32 khz, u32 *mul, s8 *shift)
{
	const u64 one = NSEC_PER_MSEC << 32;
	s8 bits = 0;

	while (bits < 32 && (u64)khz << bits <= NSEC_PER_MSEC)
		bits++;
	while (bits <= 0 && khz > (2 * NSEC_PER_MSEC) << -bits)
		bits--;
	*shift = bits;
	if (bits >= 0)
		*mul = div64_u64(one, (u64)khz << bits);
	else
		*mul = div64_u64(one << -bits, khz);
}

static u64 scale_ticks(u64 ticks, u32 mul, s8 shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return mul_u64_u32_shr(ticks, mul, 32);
}

/* The clock's value at a time stamp of the host. */
static u64 clock_at(const struct vm_clock *clock, u64 tsc)
{
	u32 mul;
	s8 shift;

	ticks_to_ns(tsc_khz, &mul, &shift);
	return clock->ns + scale_ticks(tsc - clock->tsc, mul, shift);
}

/* The guest reads again if the version was odd, or has changed meanwhile. */
static void write_time_info(struct vcpu *vcpu, u64 gpa,
			    struct pvclock_vcpu_time_info *info)
{
	struct pvclock_vcpu_time_info old;

	if (guest_read(&vcpu->access, gpa, &old, sizeof(old)))
		return;
	/* The guest takes this flag away when it has seen it. */
	info->flags |= old.flags & PVCLOCK_GUEST_STOPPED;
	info->version = (old.version | 1) + (old.version & 1 ? 2 : 0);
	if (guest_write(&vcpu->access, gpa, &info->version,
			sizeof(info->version)))
		return;
	/* Pairs with the barriers of the guest's reader. */
	smp_wmb();
	if (guest_write(&vcpu->access, gpa, info, sizeof(*info)))
		return;
	/* Pairs with the barriers of the guest's reader. */
	smp_wmb();
	info->version++;
	/* It was there a moment ago; if not, nobody reads it. */
	if (guest_write(&vcpu->access, gpa, &info->version,
			sizeof(info->version)))
		return;
}

static void update_time(struct vcpu *vcpu)
{
	struct vm_clock *clock = &vcpu->vm->clock;
	u64 gpa = vcpu->clock.system_time & ~1ULL;
	struct pvclock_vcpu_time_info info = {
		.flags = tsc_is_steady() ? PVCLOCK_TSC_STABLE_BIT : 0,
	};

	spin_lock(&clock->lock);
	vcpu->clock.generation = clock->generation;
	info.tsc_timestamp = vcpu_scale_tsc(vcpu, clock->tsc) + vcpu->tsc.offset;
	info.system_time = clock->ns;
	spin_unlock(&clock->lock);
	/* What crosses a page is not written to. */
	if (!(vcpu->clock.system_time & 1) ||
	    (gpa & ~PAGE_MASK) + sizeof(info) > PAGE_SIZE)
		return;
	ticks_to_ns(vcpu->tsc.khz, &info.tsc_to_system_mul, &info.tsc_shift);
	if (vcpu->clock.stopped)
		info.flags |= PVCLOCK_GUEST_STOPPED;
	vcpu->clock.stopped = false;
	guest_access_begin(&vcpu->access);
	write_time_info(vcpu, gpa, &info);
	guest_access_end(&vcpu->access);
}

#ifdef CONFIG_SCHED_INFO
static u64 time_waited(void)
{
	return current->sched_info.run_delay;
}
#else
static u64 time_waited(void)
{
	return 0;
}
#endif

static void write_steal_time(struct vcpu *vcpu, u64 stolen)
{
	u64 gpa = vcpu->clock.steal_time & ~(u64)KVM_MSR_ENABLED;
	struct guest_access *access = &vcpu->access;
	struct kvm_steal_time st;

	if (guest_read(access, gpa, &st, sizeof(st)))
		return;
	st.version = (st.version | 1) + (st.version & 1 ? 2 : 0);
	st.flags = 0;
	st.preempted = 0;
	if (guest_write(access, gpa + offsetof(struct kvm_steal_time, version),
			&st.version, sizeof(st.version)))
		return;
	/* Pairs with the barriers of the guest's reader. */
	smp_wmb();
	st.steal += stolen;
	if (guest_write(access, gpa, &st, sizeof(st)))
		return;
	/* Pairs with the barriers of the guest's reader. */
	smp_wmb();
	st.version++;
	if (guest_write(access, gpa + offsetof(struct kvm_steal_time, version),
			&st.version, sizeof(st.version)))
		return;
}

static void update_steal_time(struct vcpu *vcpu, u64 waited)
{
	u64 stolen = waited - vcpu->clock.stolen;

	vcpu->clock.stolen = waited;
	guest_access_begin(&vcpu->access);
	write_steal_time(vcpu, stolen);
	guest_access_end(&vcpu->access);
}

/**
 * vcpu_clock_update - write what has changed into the guest's pages
 * @vcpu: about to enter the guest, and may still sleep
 */
void vcpu_clock_update(struct vcpu *vcpu)
{
	u64 waited;

	if (unlikely(vcpu->clock.generation !=
		     READ_ONCE(vcpu->vm->clock.generation)))
		update_time(vcpu);
	if (!(vcpu->clock.steal_time & KVM_MSR_ENABLED))
		return;
	waited = time_waited();
	/* What another thread has waited was not taken from the guest. */
	if (vcpu->clock.thread != current)
		vcpu->clock.stolen = waited;
	vcpu->clock.thread = current;
	if (waited != vcpu->clock.stolen)
		update_steal_time(vcpu, waited);
}

/* The time of day at which the clock was 0, for a guest that adds both. */
static void write_wall_clock(struct vcpu *vcpu, u64 gpa)
{
	struct vm_clock *clock = &vcpu->vm->clock;
	struct pvclock_wall_clock wall;
	struct timespec64 boot;
	u64 now;

	spin_lock(&clock->lock);
	now = clock_at(clock, rdtsc());
	spin_unlock(&clock->lock);
	boot = ns_to_timespec64(ktime_get_real_ns() - now);
	guest_access_begin(&vcpu->access);
	if ((gpa & ~PAGE_MASK) + sizeof(wall) <= PAGE_SIZE &&
	    !guest_read(&vcpu->access, gpa, &wall, sizeof(wall))) {
		wall.version = (wall.version | 1) + 1;
		wall.sec = boot.tv_sec;
		wall.nsec = boot.tv_nsec;
		/* The vCPU that asks is the one that reads: no more is needed. */
		if (guest_write(&vcpu->access, gpa, &wall, sizeof(wall)))
			pr_debug_ratelimited("wall clock not written\n");
	}
	guest_access_end(&vcpu->access);
}

/* Which feature of CPUID an MSR is part of. */
static u32 feature_of(u32 index)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
		return PV_CLOCKSOURCE;
	case MSR_KVM_WALL_CLOCK_NEW:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return PV_CLOCKSOURCE2;
	case MSR_KVM_PV_EOI_EN:
		return PV_EOI;
	default:
		return PV_STEAL_TIME;
	}
}

static bool is_pv_msr(u32 index)
{
	return index == MSR_KVM_WALL_CLOCK || index == MSR_KVM_SYSTEM_TIME ||
	       index == MSR_KVM_WALL_CLOCK_NEW ||
	       index == MSR_KVM_SYSTEM_TIME_NEW || index == MSR_KVM_STEAL_TIME ||
	       index == MSR_KVM_PV_EOI_EN;
}

/**
 * pv_get_msr - read one of the paravirtual MSRs
 * @vcpu: the vCPU
 * @index: the MSR
 * @data: gets the value
 *
 * Return: 0; 1: the guest does not have it; MSR_UNKNOWN: none of these.
 */
int pv_get_msr(struct vcpu *vcpu, u32 index, u64 *data)
{
	if (is_pv_msr(index) && !vcpu_has_pv(vcpu, feature_of(index)))
		return 1;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*data = vcpu->vm->clock.wall;
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*data = vcpu->clock.system_time;
		return 0;
	case MSR_KVM_STEAL_TIME:
		*data = vcpu->clock.steal_time;
		return 0;
	case MSR_KVM_PV_EOI_EN:
		*data = vcpu->irq.pv_eoi;
		return 0;
	default:
		return MSR_UNKNOWN;
	}
}

/**
 * pv_set_msr - write one of the paravirtual MSRs
 * @vcpu: the vCPU; guest memory can be looked at (it is not in the window)
 * @index: the MSR
 * @data: the value
 *
 * Return: 0; 1: not this value, or the guest does not have it; MSR_UNKNOWN: none
 * of these.
 */
int pv_set_msr(struct vcpu *vcpu, u32 index, u64 data)
{
	if (is_pv_msr(index) && !vcpu_has_pv(vcpu, feature_of(index)))
		return 1;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		vcpu->vm->clock.wall = data;
		write_wall_clock(vcpu, data);
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		vcpu->clock.system_time = data;
		vcpu->clock.generation = 0;
		return 0;
	case MSR_KVM_STEAL_TIME:
		if (!IS_ENABLED(CONFIG_SCHED_INFO) ||
		    data & KVM_STEAL_RESERVED_MASK)
			return 1;
		vcpu->clock.steal_time = data;
		return 0;
	case MSR_KVM_PV_EOI_EN:
		return vcpu_pv_eoi_set(vcpu, data);
	default:
		return MSR_UNKNOWN;
	}
}

/**
 * vcpu_clock_stopped - serve KVMCLOCK_CTRL: the guest was stopped
 * @vcpu: the vCPU
 *
 * Return: 0; -EINVAL: it has no such clock.
 */
int vcpu_clock_stopped(struct vcpu *vcpu)
{
	if (!(vcpu->clock.system_time & 1))
		return -EINVAL;
	vcpu->clock.stopped = true;
	vcpu->clock.generation = 0;
	return 0;
}

static void get_clock(struct vm *vm, struct minivmm_clock_data *data)
{
	unsigned long flags;

	memset(data, 0, sizeof(*data));
	spin_lock_irqsave(&vm->clock.lock, flags);
	data->realtime = ktime_get_real_ns();
	data->host_tsc = rdtsc();
	data->clock = clock_at(&vm->clock, data->host_tsc);
	spin_unlock_irqrestore(&vm->clock.lock, flags);
	data->flags = MINIVMM_CLOCK_REALTIME | MINIVMM_CLOCK_HOST_TSC;
	if (tsc_is_steady())
		data->flags |= MINIVMM_CLOCK_TSC_STABLE;
}

/* With REALTIME the time since the clock was read is added. */
static int set_clock(struct vm *vm, const struct minivmm_clock_data *data)
{
	u64 ns = data->clock;
	struct vcpu *vcpu;
	s64 since;

	if (data->flags & ~(MINIVMM_CLOCK_TSC_STABLE | MINIVMM_CLOCK_REALTIME |
			    MINIVMM_CLOCK_HOST_TSC))
		return -EINVAL;
	if (data->flags & MINIVMM_CLOCK_REALTIME) {
		since = ktime_get_real_ns() - data->realtime;
		if (since > 0)
			ns += since;
	}
	spin_lock(&vm->clock.lock);
	vm->clock.tsc = rdtsc();
	vm->clock.ns = ns;
	WRITE_ONCE(vm->clock.generation, vm->clock.generation + 1);
	spin_unlock(&vm->clock.lock);
	for_each_vcpu(vcpu, vm)
		vcpu_kick(vcpu);
	return 0;
}

/**
 * vm_clock_ioctl - serve GET_CLOCK and SET_CLOCK
 * @vm: the VM
 * @cmd: the ioctl
 * @user: the clock
 *
 * Return: 0; -EINVAL: an unknown flag; -EFAULT.
 */
long vm_clock_ioctl(struct vm *vm, unsigned int cmd, void __user *user)
{
	struct minivmm_clock_data data;

	if (cmd == MINIVMM_SET_CLOCK) {
		if (copy_from_user(&data, user, sizeof(data)))
			return -EFAULT;
		return set_clock(vm, &data);
	}
	get_clock(vm, &data);
	return copy_to_user(user, &data, sizeof(data)) ? -EFAULT : 0;
}
