// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual CPU: the file descriptor that CREATE_VCPU returns, and its ioctls.
 *
 * Each ioctl holds the vCPU's mutex: a vCPU is the business of one thread at a
 * time, and a second one waits. The descriptor can be mapped: the first page is
 * struct minivmm_run, by which RUN says why it came back, the second holds the
 * data of port I/O, the third the ring of coalesced.c.
 *
 * Read on in run.c (RUN) and regs.c (the registers).
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "backend.h"

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct vcpu *vcpu = vmf->vma->vm_file->private_data;

	if (vmf->pgoff == 0)
		vmf->page = virt_to_page(vcpu->run);
	else if (vmf->pgoff == MINIVMM_PIO_PAGE_OFFSET)
		vmf->page = virt_to_page(vcpu->pio_data);
	else if (vmf->pgoff == MINIVMM_COALESCED_MMIO_PAGE_OFFSET)
		vmf->page = virt_to_page(vcpu->vm->coalesced.ring);
	else
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	vm_put(vcpu->vm);
	return 0;
}

static long vcpu_ioctl_regs(struct vcpu *vcpu, void __user *user, bool set)
{
	struct minivmm_regs regs;

	if (set) {
		if (copy_from_user(&regs, user, sizeof(regs)))
			return -EFAULT;
		vcpu_set_regs(vcpu, &regs);
		return 0;
	}
	vcpu_get_regs(vcpu, &regs);
	return copy_to_user(user, &regs, sizeof(regs)) ? -EFAULT : 0;
}

static long vcpu_ioctl_sregs(struct vcpu *vcpu, void __user *user, bool set)
{
	struct minivmm_sregs sregs;

	if (set) {
		if (copy_from_user(&sregs, user, sizeof(sregs)))
			return -EFAULT;
		return vcpu_set_sregs(vcpu, &sregs);
	}
	vcpu_get_sregs(vcpu, &sregs);
	return copy_to_user(user, &sregs, sizeof(sregs)) ? -EFAULT : 0;
}

static long vcpu_ioctl_fpu(struct vcpu *vcpu, void __user *user, bool set)
{
	struct minivmm_fpu fpu;

	if (set) {
		if (copy_from_user(&fpu, user, sizeof(fpu)))
			return -EFAULT;
		guest_fpu_set(&vcpu->fpu, &fpu);
		return 0;
	}
	guest_fpu_get(&vcpu->fpu, &fpu);
	return copy_to_user(user, &fpu, sizeof(fpu)) ? -EFAULT : 0;
}

static long vcpu_ioctl_interrupt(struct vcpu *vcpu, void __user *user)
{
	struct minivmm_interrupt interrupt;

	if (copy_from_user(&interrupt, user, sizeof(interrupt)))
		return -EFAULT;
	if (interrupt.irq >= MINIVMM_NR_INTERRUPTS)
		return -EINVAL;
	if (vcpu_has_lapic(vcpu))
		return vcpu_irq_from_owner(vcpu, interrupt.irq);
	vcpu_queue_interrupt(vcpu, interrupt.irq);
	return 0;
}

/* A NULL pointer means: no mask of its own while the vCPU runs. */
static long vcpu_ioctl_signal_mask(struct vcpu *vcpu,
				   struct minivmm_signal_mask __user *user)
{
	sigset_t sigset;
	u32 len;

	if (!user) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (get_user(len, &user->len))
		return -EFAULT;
	if (len != sizeof(sigset))
		return -EINVAL;
	if (copy_from_user(&sigset, user->sigset, sizeof(sigset)))
		return -EFAULT;
	sigdelsetmask(&sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = sigset;
	vcpu->sigset_active = true;
	return 0;
}

static long vcpu_ioctl_mp_state(struct vcpu *vcpu, void __user *user, bool set)
{
	struct minivmm_mp_state state;

	if (set) {
		if (copy_from_user(&state, user, sizeof(state)))
			return -EFAULT;
		return vcpu_set_mp_state(vcpu, &state);
	}
	vcpu_get_mp_state(vcpu, &state);
	return copy_to_user(user, &state, sizeof(state)) ? -EFAULT : 0;
}

/* Those that read and write the vCPU's registers. */
static long vcpu_ioctl_registers(struct vcpu *vcpu, unsigned int cmd,
				 void __user *user)
{
	switch (cmd) {
	case MINIVMM_GET_REGS:
	case MINIVMM_SET_REGS:
		return vcpu_ioctl_regs(vcpu, user, cmd == MINIVMM_SET_REGS);
	case MINIVMM_GET_SREGS:
	case MINIVMM_SET_SREGS:
		return vcpu_ioctl_sregs(vcpu, user, cmd == MINIVMM_SET_SREGS);
	case MINIVMM_GET_FPU:
	case MINIVMM_SET_FPU:
		return vcpu_ioctl_fpu(vcpu, user, cmd == MINIVMM_SET_FPU);
	case MINIVMM_GET_MSRS:
	case MINIVMM_SET_MSRS:
		return msr_ioctl(vcpu, user, cmd == MINIVMM_SET_MSRS);
	case MINIVMM_SET_CPUID2:
		return cpuid_set(vcpu, user);
	case MINIVMM_GET_CPUID2:
		return cpuid_get(vcpu, user);
	case MINIVMM_GET_SREGS2:
	case MINIVMM_SET_SREGS2:
	case MINIVMM_GET_VCPU_EVENTS:
	case MINIVMM_SET_VCPU_EVENTS:
	case MINIVMM_GET_DEBUGREGS:
	case MINIVMM_SET_DEBUGREGS:
	case MINIVMM_GET_XSAVE:
	case MINIVMM_GET_XSAVE2:
	case MINIVMM_SET_XSAVE:
	case MINIVMM_GET_XCRS:
	case MINIVMM_SET_XCRS:
		return vcpu_state_ioctl(vcpu, cmd, user);
	default:
		return -EINVAL;
	}
}

static long vcpu_ioctl_locked(struct vcpu *vcpu, unsigned int cmd,
			      unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case MINIVMM_RUN:
		return arg ? -EINVAL : vcpu_run(vcpu);
	case MINIVMM_INTERRUPT:
		return vcpu_ioctl_interrupt(vcpu, user);
	case MINIVMM_SET_TSC_KHZ:
	case MINIVMM_GET_TSC_KHZ:
		return vcpu_tsc_ioctl(vcpu, cmd, arg);
	case MINIVMM_SET_DEVICE_ATTR:
	case MINIVMM_GET_DEVICE_ATTR:
	case MINIVMM_HAS_DEVICE_ATTR:
		return vcpu_attribute_ioctl(vcpu, cmd, user);
	case MINIVMM_X86_SETUP_MCE:
	case MINIVMM_X86_SET_MCE:
		return mce_ioctl(vcpu, cmd, user);
	case MINIVMM_SET_GUEST_DEBUG:
		return vcpu_set_guest_debug(vcpu, user);
	case MINIVMM_TRANSLATE:
		return vcpu_translate(vcpu, user);
	case MINIVMM_KVMCLOCK_CTRL:
		return vcpu_clock_stopped(vcpu);
	case MINIVMM_NMI:
		vcpu_queue_nmi(vcpu);
		return 0;
	case MINIVMM_ENABLE_CAP:
		return vcpu_enable_cap(vcpu, user);
	case MINIVMM_GET_LAPIC:
	case MINIVMM_SET_LAPIC:
		return vcpu_apic_ioctl(vcpu, cmd, user);
	case MINIVMM_TPR_ACCESS_REPORTING:
	case MINIVMM_SET_VAPIC_ADDR:
		return vcpu_vapic_ioctl(vcpu, cmd, user);
	case MINIVMM_GET_MP_STATE:
	case MINIVMM_SET_MP_STATE:
		return vcpu_ioctl_mp_state(vcpu, user,
					   cmd == MINIVMM_SET_MP_STATE);
	case MINIVMM_SET_SIGNAL_MASK:
		return vcpu_ioctl_signal_mask(vcpu, user);
	default:
		return vcpu_ioctl_registers(vcpu, cmd, user);
	}
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;
	long ret;

	if (vcpu->vm->memory.mm != current->mm)
		return -EIO;
	if (_IOC_TYPE(cmd) != MINIVMMIO)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	ret = vcpu_ioctl_locked(vcpu, cmd, arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static const struct file_operations vcpu_fops = {
	.owner		= THIS_MODULE,
	.release	= vcpu_release,
	.unlocked_ioctl	= vcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= vcpu_mmap,
	.llseek		= noop_llseek,
};

static struct vcpu *vcpu_alloc(struct vm *vm, u32 id)
{
	struct vcpu *vcpu = backend->vcpu_alloc(vm, id);
	int ret = -ENOMEM;

	if (IS_ERR(vcpu))
		return vcpu;
	mutex_init(&vcpu->mutex);
	vcpu->xcr0 = 1;
	vcpu_irq_init(vcpu);
	vcpu_start_init(vcpu);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		goto free;
	vcpu->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->pio_data)
		goto free_run;
	ret = guest_fpu_init(&vcpu->fpu);
	if (ret)
		goto free_pio;
	cpuid_init(vcpu);
	msr_init(vcpu);
	vcpu_tsc_init(vcpu);
	vcpu_init_emulator(vcpu);
	return vcpu;

free_pio:
	free_page((unsigned long)vcpu->pio_data);
free_run:
	free_page((unsigned long)vcpu->run);
free:
	backend->vcpu_free(vcpu);
	return ERR_PTR(ret);
}

/**
 * vcpu_destroy - free a vCPU
 * @vcpu: nobody uses it any more
 */
void vcpu_destroy(struct vcpu *vcpu)
{
	vcpu_irq_destroy(vcpu);
	vcpu_forget_runner(vcpu);
	cpuid_free(vcpu);
	guest_fpu_free(&vcpu->fpu);
	table_cache_drain(&vcpu->table_cache);
	free_page((unsigned long)vcpu->pio_data);
	free_page((unsigned long)vcpu->run);
	backend->vcpu_free(vcpu);
}

/**
 * vcpu_reset - the state after INIT
 * @vcpu: the calling thread's
 *
 * Not touched: the FPU and XCR0, MTRRs and most MSRs, IA32_APIC_BASE.
 */
void vcpu_reset(struct vcpu *vcpu)
{
	memset(vcpu->regs, 0, sizeof(vcpu->regs));
	memset(&vcpu->events, 0, sizeof(vcpu->events));
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->cr2 = 0;
	vcpu->cr8 = 0;
	vcpu->complete = NULL;
	x86_emulate_reset(&vcpu->emulator);
	backend->reset(vcpu);
	cpuid_update(vcpu, 0);
	vcpu_apic_reset(vcpu);
}

/*
 * Makes @vcpu part of its VM, behind the descriptor @fd. From then on flushes of
 * guest memory look at it, so nothing may fail any more.
 */
static int vcpu_publish(struct vcpu *vcpu, int fd)
{
	struct vm *vm = vcpu->vm;
	struct file *file;

	if (vm->vcpus[vcpu->id])
		return -EEXIST;
	file = anon_inode_getfile("minivmm-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vm_get(vm);
	/* Pairs with vm_vcpu(): what the pointer leads to. */
	smp_store_release(&vm->vcpus[vcpu->id], vcpu);
	vm->nr_vcpus++;
	vm->vcpus_end = max_t(int, vm->vcpus_end, vcpu->id + 1);
	vcpu_debugfs_add(vcpu);
	fd_install(fd, file);
	return 0;
}

/**
 * vcpu_create - serve CREATE_VCPU
 * @vm: the VM
 * @id: the new vCPU's number
 *
 * Return: a file descriptor; -EINVAL: the number is too large; -EEXIST: it is
 * taken; -ENOMEM; -EMFILE and the like.
 */
int vcpu_create(struct vm *vm, unsigned long id)
{
	struct vcpu *vcpu;
	int fd, ret;

	if (id >= (READ_ONCE(vm->options.max_vcpu_id) ?: MINIVMM_MAX_VCPUS))
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	vcpu = vcpu_alloc(vm, id);
	if (IS_ERR(vcpu)) {
		put_unused_fd(fd);
		return PTR_ERR(vcpu);
	}
	mutex_lock(&vm->lock);
	ret = vcpu_publish(vcpu, fd);
	mutex_unlock(&vm->lock);
	if (ret) {
		put_unused_fd(fd);
		vcpu_destroy(vcpu);
		return ret;
	}
	return fd;
}
