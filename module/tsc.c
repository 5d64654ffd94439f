// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's time stamp counter.
 *
 * It is the host's, times a ratio (where the processor can multiply), plus an
 * offset. The guest reads it without an exit; writing it moves the offset.
 *
 * The counters of a VM's vCPUs should agree, but a client that restores or
 * resets a VM writes them one after the other. So a write that comes within a
 * second of what the counter last written would now show, or is 0, means that
 * one, and gets its offset: what KVM's clients rely on.
 *
 * SDM: "Time-Stamp Counter", "Time-Stamp Counter Adjustment", "TSC Scaling".
 */
#include <linux/math64.h>
#include <linux/ktime.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "backend.h"
#include "compat.h"

#define RATIO_BITS	48
#define RATIO_ONE	BIT_ULL(RATIO_BITS)
/* A guest's rate that is as near as this to the host's is the host's. */
#define TOLERANCE_PPM	250

/**
 * vm_tsc_init - all vCPUs begin at 0, now
 * @vm: a new VM
 */
void vm_tsc_init(struct vm *vm)
{
	spin_lock_init(&vm->tsc.lock);
	vm->tsc.khz = tsc_khz;
	vm->tsc.last_khz = tsc_khz;
	vm->tsc.last_ns = ktime_get_boottime_ns();
	vm->tsc.offset = -rdtsc();
}

/**
 * vcpu_scale_tsc - a host's time stamp at the guest's rate
 * @vcpu: the vCPU
 * @host_tsc: the time stamp
 */
u64 vcpu_scale_tsc(const struct vcpu *vcpu, u64 host_tsc)
{
	if (likely(vcpu->tsc.ratio == RATIO_ONE))
		return host_tsc;
	return mul_u64_u64_shr(host_tsc, vcpu->tsc.ratio, RATIO_BITS);
}

/**
 * vcpu_read_tsc - what the guest would read now
 * @vcpu: the vCPU
 */
u64 vcpu_read_tsc(const struct vcpu *vcpu)
{
	return vcpu_scale_tsc(vcpu, rdtsc()) + vcpu->tsc.offset;
}

static void set_offset(struct vcpu *vcpu, u64 offset)
{
	vcpu->tsc.offset = offset;
	backend->tsc_changed(vcpu);
	/* What the clock's page says of the time stamp is wrong now. */
	vcpu->clock.generation = 0;
}

static bool near_the_last_write(const struct vm_tsc *tsc, u64 data, u64 now_ns)
{
	u32 rest;
	u64 second = tsc->last_khz * 1000ULL, expected;
	u64 ms = div_u64_rem(now_ns - tsc->last_ns, NSEC_PER_MSEC, &rest);

	/* In two parts, as the owner chooses the rate: a product may overflow. */
	expected = tsc->last_write + ms * tsc->last_khz +
		   div_u64((u64)rest * tsc->last_khz, NSEC_PER_MSEC);
	return data < expected + second && data + second > expected;
}

/* The owner writes @data, which makes @offset. */
static void synchronize(struct vcpu *vcpu, u64 data, u64 offset)
{
	struct vm_tsc *tsc = &vcpu->vm->tsc;
	u64 now_ns = ktime_get_boottime_ns();

	spin_lock(&tsc->lock);
	if (tsc->last_khz == vcpu->tsc.khz &&
	    (!data || near_the_last_write(tsc, data, now_ns)))
		offset = tsc->offset;
	tsc->last_khz = vcpu->tsc.khz;
	tsc->last_write = data;
	tsc->last_ns = now_ns;
	tsc->offset = offset;
	spin_unlock(&tsc->lock);
	set_offset(vcpu, offset);
}

/**
 * vcpu_write_tsc - write the counter or TSC_ADJUST, which move together
 * @vcpu: the vCPU
 * @index: MSR_IA32_TSC or MSR_IA32_TSC_ADJUST
 * @data: the value
 * @host: on behalf of the owner, who restores each by itself
 *
 * Return: 0.
 */
int vcpu_write_tsc(struct vcpu *vcpu, u32 index, u64 data, bool host)
{
	u64 move, scaled = vcpu_scale_tsc(vcpu, rdtsc());

	if (index == MSR_IA32_TSC && host) {
		synchronize(vcpu, data, data - scaled);
		return 0;
	}
	if (index == MSR_IA32_TSC)
		move = data - (scaled + vcpu->tsc.offset);
	else
		move = data - vcpu->msrs.tsc_adjust;
	if (index == MSR_IA32_TSC)
		vcpu->msrs.tsc_adjust += move;
	else
		vcpu->msrs.tsc_adjust = data;
	if (!host)
		set_offset(vcpu, vcpu->tsc.offset + move);
	return 0;
}

/* 0: the rate of the host; else a rate the processor can make of it. */
static int set_khz(struct vcpu *vcpu, u32 khz)
{
	u32 tolerance = div_u64((u64)tsc_khz * TOLERANCE_PPM, 1000000);
	u64 ratio = RATIO_ONE;

	if (!khz)
		khz = tsc_khz;
	if (khz + tolerance < tsc_khz || khz > tsc_khz + tolerance) {
		ratio = mul_u64_u32_div(RATIO_ONE, khz, tsc_khz);
		if (!backend->can_scale_tsc() || !ratio)
			return -EINVAL;
	}
	vcpu->tsc.khz = khz;
	vcpu->tsc.ratio = ratio;
	set_offset(vcpu, vcpu->tsc.offset);
	return 0;
}

/* The ratio has 16 bits before its point; and GET_TSC_KHZ returns an int. */
static bool khz_is_valid(u32 khz)
{
	return khz < INT_MAX && khz < (u64)tsc_khz << 16;
}

/**
 * vcpu_tsc_init - the VM's rate and offset
 * @vcpu: a new vCPU
 */
void vcpu_tsc_init(struct vcpu *vcpu)
{
	struct vm_tsc *tsc = &vcpu->vm->tsc;

	spin_lock(&tsc->lock);
	vcpu->tsc.offset = tsc->offset;
	spin_unlock(&tsc->lock);
	/* It was valid when it was set; and the host's is always. */
	if (set_khz(vcpu, READ_ONCE(tsc->khz)))
		set_khz(vcpu, 0);
	if (vcpu->tsc.ratio != RATIO_ONE)
		synchronize(vcpu, 0, -vcpu_scale_tsc(vcpu, rdtsc()));
}

/**
 * vm_tsc_ioctl - serve SET_TSC_KHZ and GET_TSC_KHZ of a VM
 * @vm: the VM
 * @cmd: the ioctl
 * @khz: the rate of vCPUs made from now on; 0: the host's
 *
 * Return: 0, or the rate; -EINVAL: not a rate that can be had.
 */
long vm_tsc_ioctl(struct vm *vm, unsigned int cmd, u32 khz)
{
	if (cmd == MINIVMM_GET_TSC_KHZ)
		return READ_ONCE(vm->tsc.khz);
	if (!khz_is_valid(khz) || !backend->can_scale_tsc())
		return -EINVAL;
	WRITE_ONCE(vm->tsc.khz, khz ?: tsc_khz);
	return 0;
}

/**
 * vcpu_tsc_ioctl - serve SET_TSC_KHZ and GET_TSC_KHZ of a vCPU
 * @vcpu: the vCPU
 * @cmd: the ioctl
 * @khz: the rate; 0: the host's
 *
 * Return: 0, or the rate; -EINVAL: not a rate that can be had.
 */
long vcpu_tsc_ioctl(struct vcpu *vcpu, unsigned int cmd, u32 khz)
{
	if (cmd == MINIVMM_GET_TSC_KHZ)
		return vcpu->tsc.khz;
	return khz_is_valid(khz) ? set_khz(vcpu, khz) : -EINVAL;
}

/* The offset, for an owner who moves a VM and knows both hosts' counters. */
static int set_offset_attribute(struct vcpu *vcpu, u64 offset)
{
	struct vm_tsc *tsc = &vcpu->vm->tsc;

	spin_lock(&tsc->lock);
	tsc->last_khz = vcpu->tsc.khz;
	tsc->last_write = vcpu_scale_tsc(vcpu, rdtsc()) + offset;
	tsc->last_ns = ktime_get_boottime_ns();
	tsc->offset = offset;
	spin_unlock(&tsc->lock);
	set_offset(vcpu, offset);
	return 0;
}

/**
 * vcpu_attribute_ioctl - serve HAS, GET and SET_DEVICE_ATTR of a vCPU
 * @vcpu: the vCPU
 * @cmd: the ioctl
 * @user: the attribute
 *
 * Return: 0; -ENXIO: there is no such attribute; -EFAULT.
 */
long vcpu_attribute_ioctl(struct vcpu *vcpu, unsigned int cmd,
			  const void __user *user)
{
	struct minivmm_device_attr attr;
	u64 __user *value;
	u64 offset;

	if (copy_from_user(&attr, user, sizeof(attr)))
		return -EFAULT;
	if (attr.group != MINIVMM_VCPU_TSC_CTRL ||
	    attr.attr != MINIVMM_VCPU_TSC_OFFSET)
		return -ENXIO;
	value = u64_to_user_ptr(attr.addr);
	if (cmd == MINIVMM_HAS_DEVICE_ATTR)
		return 0;
	if (cmd == MINIVMM_GET_DEVICE_ATTR)
		return put_user(vcpu->tsc.offset, value);
	if (get_user(offset, value))
		return -EFAULT;
	return set_offset_attribute(vcpu, offset);
}
