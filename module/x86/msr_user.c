// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR of the guest: the registers of msr.c, unless the owner has
 * taken some for itself.
 *
 * A filter says which registers are not for the guest; ENABLE_CAP of
 * X86_USER_SPACE_MSR, which of the accesses that would raise #GP the owner wants
 * to serve: those that the filter forbids, registers that do not exist, values
 * that are not taken. The owner answers in struct minivmm_run.
 */
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/trapnr.h>

#include "../backend.h"

/**
 * struct msr_filter - which registers are not the guest's
 * @deny: those in no range
 * @count: how many ranges there are
 * @range: each, with the owner's bits
 */
struct msr_filter {
	bool deny;
	u32 count;
	struct {
		u32 flags;
		u32 base;
		u32 nmsrs;
		unsigned long *bitmap;
	} range[MINIVMM_MSR_FILTER_MAX_RANGES];
};

static bool filter_allows(const struct msr_filter *filter, u32 index, u32 access)
{
	u32 i;

	for (i = 0; i < filter->count; i++) {
		u32 nr = index - filter->range[i].base;
		u32 end = filter->range[i].nmsrs;

		if (nr < end && filter->range[i].flags & access)
			return test_bit(array_index_nospec(nr, end),
					filter->range[i].bitmap);
	}
	return !filter->deny;
}

/**
 * msr_is_allowed - whether the filter leaves a register to the guest
 * @vm: the VM
 * @index: the register
 * @access: MINIVMM_MSR_FILTER_READ or WRITE
 */
bool msr_is_allowed(struct vm *vm, u32 index, u32 access)
{
	const struct msr_filter *filter;
	bool allowed;

	/* The local APIC's may not exit at all. */
	if (index >= LAPIC_MSR_FIRST && index <= LAPIC_MSR_LAST)
		return true;
	rcu_read_lock();
	filter = rcu_dereference(vm->msr_filter);
	allowed = !filter || filter_allows(filter, index, access);
	rcu_read_unlock();
	return allowed;
}

static void free_filter(struct msr_filter *filter)
{
	u32 i;

	if (!filter)
		return;
	for (i = 0; i < filter->count; i++)
		kfree(filter->range[i].bitmap);
	kfree(filter);
}

/**
 * msr_filter_destroy - free a VM's filter
 * @vm: nobody uses it any more
 */
void msr_filter_destroy(struct vm *vm)
{
	free_filter(rcu_dereference_protected(vm->msr_filter, true));
}

static int filter_add(struct msr_filter *filter,
		      const struct minivmm_msr_filter_range *user)
{
	size_t size = BITS_TO_LONGS((u64)user->nmsrs) * sizeof(long);
	unsigned long *bitmap;

	if (!user->nmsrs)
		return 0;
	if (!user->flags || size > MINIVMM_MSR_FILTER_MAX_BITMAP_SIZE ||
	    user->flags & ~(MINIVMM_MSR_FILTER_READ | MINIVMM_MSR_FILTER_WRITE))
		return -EINVAL;
	bitmap = memdup_user((const void __user *)user->bitmap, size);
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	filter->range[filter->count].flags = user->flags;
	filter->range[filter->count].base = user->base;
	filter->range[filter->count].nmsrs = user->nmsrs;
	filter->range[filter->count].bitmap = bitmap;
	filter->count++;
	return 0;
}

static struct msr_filter *make_filter(const struct minivmm_msr_filter *user)
{
	struct msr_filter *filter;
	int ret = 0;
	u32 i;

	if (user->flags & ~MINIVMM_MSR_FILTER_DEFAULT_DENY)
		return ERR_PTR(-EINVAL);
	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->deny = user->flags & MINIVMM_MSR_FILTER_DEFAULT_DENY;
	for (i = 0; !ret && i < MINIVMM_MSR_FILTER_MAX_RANGES; i++)
		ret = filter_add(filter, &user->ranges[i]);
	/* A guest without any register cannot have been meant. */
	if (!ret && filter->deny && !filter->count)
		ret = -EINVAL;
	if (!ret)
		return filter;
	free_filter(filter);
	return ERR_PTR(ret);
}

/**
 * msr_filter_set - serve X86_SET_MSR_FILTER
 * @vm: the VM
 * @user: the filter
 *
 * Return: 0; -EINVAL: an unknown flag, too large a range, or all denied;
 * -EFAULT; -ENOMEM.
 */
long msr_filter_set(struct vm *vm, const void __user *user)
{
	struct minivmm_msr_filter *copy;
	struct msr_filter *filter, *old;
	struct vcpu *vcpu;

	copy = memdup_user(user, sizeof(*copy));
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	filter = make_filter(copy);
	kfree(copy);
	if (IS_ERR(filter))
		return PTR_ERR(filter);
	mutex_lock(&vm->lock);
	old = rcu_replace_pointer(vm->msr_filter, filter,
				  lockdep_is_held(&vm->lock));
	WRITE_ONCE(vm->msr_filters, vm->msr_filters + 1);
	/* vCPUs that run have to look at it before they go on. */
	for_each_vcpu(vcpu, vm)
		vcpu_kick(vcpu);
	mutex_unlock(&vm->lock);
	synchronize_rcu();
	free_filter(old);
	return 0;
}

/**
 * vcpu_msr_filter_update - put a new filter into force
 * @vcpu: about to enter the guest
 */
void vcpu_msr_filter_update(struct vcpu *vcpu)
{
	u32 filters = READ_ONCE(vcpu->vm->msr_filters);

	if (likely(vcpu->msr_filters == filters))
		return;
	vcpu->msr_filters = filters;
	backend->msr_filter_changed(vcpu);
}

static int complete_msr(struct vcpu *vcpu)
{
	if (vcpu_rip(vcpu) != vcpu->io_rip)
		return 1;
	if (READ_ONCE(vcpu->run->msr.error))
		vcpu_queue_exception_error(vcpu, X86_TRAP_GP, 0);
	else
		backend->skip_instruction(vcpu);
	return 1;
}

static int complete_rdmsr(struct vcpu *vcpu)
{
	u64 data = READ_ONCE(vcpu->run->msr.data);

	if (vcpu_rip(vcpu) == vcpu->io_rip && !READ_ONCE(vcpu->run->msr.error)) {
		vcpu->regs[X86_RAX] = lower_32_bits(data);
		vcpu->regs[X86_RDX] = upper_32_bits(data);
	}
	return complete_msr(vcpu);
}

/* 0: the owner's; else #GP. */
static int refused(struct vcpu *vcpu, u32 reason, u32 exit, u64 data)
{
	struct minivmm_run *run = vcpu->run;

	if (!(vcpu->vm->options.user_space_msr & reason)) {
		vcpu_queue_exception_error(vcpu, X86_TRAP_GP, 0);
		return 1;
	}
	memset(&run->msr, 0, sizeof(run->msr));
	run->exit_reason = exit;
	run->msr.reason = reason;
	run->msr.index = vcpu->regs[X86_RCX];
	run->msr.data = data;
	vcpu->io_rip = vcpu_rip(vcpu);
	vcpu->complete = exit == MINIVMM_EXIT_X86_RDMSR ? complete_rdmsr :
							  complete_msr;
	return 0;
}

static u32 reason_of(int ret)
{
	return ret == MSR_UNKNOWN ? MINIVMM_MSR_EXIT_REASON_UNKNOWN :
				    MINIVMM_MSR_EXIT_REASON_INVAL;
}

/**
 * vcpu_rdmsr - carry out RDMSR
 * @vcpu: the vCPU
 *
 * Return: 1: done; 0: back to the owner.
 */
int vcpu_rdmsr(struct vcpu *vcpu)
{
	u32 index = vcpu->regs[X86_RCX];
	u64 data;
	int ret;

	if (!msr_is_allowed(vcpu->vm, index, MINIVMM_MSR_FILTER_READ))
		return refused(vcpu, MINIVMM_MSR_EXIT_REASON_FILTER,
			       MINIVMM_EXIT_X86_RDMSR, 0);
	ret = msr_get(vcpu, index, &data, false);
	if (ret)
		return refused(vcpu, reason_of(ret), MINIVMM_EXIT_X86_RDMSR, 0);
	vcpu->regs[X86_RAX] = lower_32_bits(data);
	vcpu->regs[X86_RDX] = upper_32_bits(data);
	backend->skip_instruction(vcpu);
	return 1;
}

/**
 * vcpu_wrmsr - carry out WRMSR
 * @vcpu: the vCPU, outside the window
 *
 * Return: 1: done; 0: back to the owner.
 */
int vcpu_wrmsr(struct vcpu *vcpu)
{
	u64 data = (u32)vcpu->regs[X86_RAX] | vcpu->regs[X86_RDX] << 32;
	u32 index = vcpu->regs[X86_RCX];
	int ret;

	if (!msr_is_allowed(vcpu->vm, index, MINIVMM_MSR_FILTER_WRITE))
		return refused(vcpu, MINIVMM_MSR_EXIT_REASON_FILTER,
			       MINIVMM_EXIT_X86_WRMSR, data);
	ret = msr_set(vcpu, index, data, false);
	if (ret)
		return refused(vcpu, reason_of(ret), MINIVMM_EXIT_X86_WRMSR,
			       data);
	backend->skip_instruction(vcpu);
	return 1;
}
