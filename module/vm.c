// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual machine: the file descriptor that CREATE_VM returns.
 *
 * It lives as long as its own descriptor or one of its vCPUs' is open (or a
 * mapping of one): each holds a reference. All vCPUs go with the VM, not with
 * their own descriptors.
 *
 * Read on in vcpu.c, and in memory/memory.h.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "backend.h"

/* KVM's KVM_MIN_ALLOC_MMU_PAGES */
#define MIN_MMU_PAGES	64

/**
 * vm_get - take a reference
 * @vm: the VM, of which the caller holds one
 */
void vm_get(struct vm *vm)
{
	refcount_inc(&vm->users);
}

static void vm_free(struct vm *vm)
{
	int id;

	vm_debugfs_remove(vm);
	/* Its flushes look at the vCPUs: it ends before they do. */
	memory_notifier_unregister(vm);
	/* And so does what the PIT's timer interrupts. */
	irqchip_destroy(vm);
	for (id = 0; id < vm->vcpus_end; id++)
		if (vm->vcpus[id])
			vcpu_destroy(vm->vcpus[id]);
	/* What is left to be unmapped concerns no vCPU. */
	vm->vcpus_end = 0;
	irq_route_free(vm);
	backend->vm_destroy(vm);
	memory_destroy(&vm->memory);
	bus_free(vm);
	ioeventfd_release(vm);
	coalesced_destroy(vm);
	msr_filter_destroy(vm);
	kfree(vm);
}

/**
 * vm_put - give a reference back; the last one frees the VM
 * @vm: the VM
 */
void vm_put(struct vm *vm)
{
	if (refcount_dec_and_test(&vm->users))
		vm_free(vm);
}

static int vm_release(struct inode *inode, struct file *file)
{
	struct vm *vm = file->private_data;

	irqfd_release(vm);
	vm_put(vm);
	return 0;
}

static long vm_set_region(struct vm *vm, void __user *user)
{
	struct minivmm_userspace_memory_region region;
	int ret;

	if (copy_from_user(&region, user, sizeof(region)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	ret = memory_set_region(vm, &region);
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_get_dirty_log(struct vm *vm, void __user *user)
{
	struct minivmm_dirty_log log;
	int ret;

	if (copy_from_user(&log, user, sizeof(log)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	ret = memory_get_dirty_log(vm, &log);
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_clear_dirty_log(struct vm *vm, void __user *user)
{
	struct minivmm_clear_dirty_log log;
	int ret;

	if (copy_from_user(&log, user, sizeof(log)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	ret = memory_clear_dirty_log(vm, &log);
	mutex_unlock(&vm->lock);
	return ret;
}

/*
 * Other processors need three pages for a TSS and one for an identity map to
 * run real mode; with unrestricted guest there is nothing to put there.
 */
static long vm_set_tss_addr(unsigned long addr)
{
	return addr > (unsigned int)(-3 * PAGE_SIZE) ? -EINVAL : 0;
}

static long vm_set_identity_map_addr(struct vm *vm, void __user *user)
{
	u64 addr;

	if (copy_from_user(&addr, user, sizeof(addr)))
		return -EFAULT;
	return READ_ONCE(vm->nr_vcpus) ? -EINVAL : 0;
}

/* Of page tables that a VM with EPT has no use for: taken, as KVM does, and kept. */
static long vm_set_nr_mmu_pages(struct vm *vm, unsigned long pages)
{
	if (pages < MIN_MMU_PAGES)
		return -EINVAL;
	WRITE_ONCE(vm->options.nr_mmu_pages, pages);
	return 0;
}

static long vm_set_boot_cpu(struct vm *vm, unsigned long id)
{
	long ret = -EBUSY;

	mutex_lock(&vm->lock);
	if (!vm->nr_vcpus) {
		vm->boot_cpu_id = id;
		ret = 0;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vm *vm = file->private_data;
	void __user *user = (void __user *)arg;

	if (vm->memory.mm != current->mm)
		return -EIO;
	switch (cmd) {
	case MINIVMM_CREATE_VCPU:
		return vcpu_create(vm, arg);
	case MINIVMM_CHECK_EXTENSION:
		return minivmm_check_extension(arg);
	case MINIVMM_SET_TSC_KHZ:
	case MINIVMM_GET_TSC_KHZ:
		return vm_tsc_ioctl(vm, cmd, arg);
	case MINIVMM_SET_CLOCK:
	case MINIVMM_GET_CLOCK:
		return vm_clock_ioctl(vm, cmd, user);
	case MINIVMM_X86_SET_MSR_FILTER:
		return msr_filter_set(vm, user);
	case MINIVMM_ENABLE_CAP:
		return vm_enable_cap(vm, user);
	case MINIVMM_SET_USER_MEMORY_REGION:
		return vm_set_region(vm, user);
	case MINIVMM_GET_DIRTY_LOG:
		return vm_get_dirty_log(vm, user);
	case MINIVMM_CLEAR_DIRTY_LOG:
		return vm_clear_dirty_log(vm, user);
	case MINIVMM_SET_NR_MMU_PAGES:
		return vm_set_nr_mmu_pages(vm, arg);
	case MINIVMM_GET_NR_MMU_PAGES:
		return READ_ONCE(vm->options.nr_mmu_pages);
	case MINIVMM_SET_TSS_ADDR:
		return vm_set_tss_addr(arg);
	case MINIVMM_SET_IDENTITY_MAP_ADDR:
		return vm_set_identity_map_addr(vm, user);
	case MINIVMM_SET_BOOT_CPU_ID:
		return vm_set_boot_cpu(vm, arg);
	case MINIVMM_SET_GSI_ROUTING:
		return irq_routing_ioctl(vm, user);
	case MINIVMM_IRQFD:
		return irqfd_ioctl(vm, user);
	case MINIVMM_IOEVENTFD:
		return ioeventfd_ioctl(vm, user);
	case MINIVMM_REGISTER_COALESCED_MMIO:
	case MINIVMM_UNREGISTER_COALESCED_MMIO:
		return coalesced_ioctl(vm, user,
				       cmd == MINIVMM_REGISTER_COALESCED_MMIO);
	default:
		return irqchip_ioctl(vm, cmd, user);
	}
}

static const struct file_operations vm_fops = {
	.owner		= THIS_MODULE,
	.release	= vm_release,
	.unlocked_ioctl	= vm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct vm *vm_alloc(void)
{
	struct vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	refcount_set(&vm->users, 1);
	vm_tsc_init(vm);
	vm_clock_init(vm);
	mutex_init(&vm->lock);
	INIT_LIST_HEAD(&vm->ioeventfds);
	irqfd_init(vm);
	ret = coalesced_init(vm);
	if (ret)
		goto free;
	ret = memory_init(&vm->memory);
	if (ret)
		goto destroy_coalesced;
	ret = backend->vm_init(vm);
	if (ret)
		goto destroy_memory;
	ret = memory_notifier_register(vm);
	if (ret)
		goto destroy_backend;
	return vm;

destroy_backend:
	backend->vm_destroy(vm);
destroy_memory:
	memory_destroy(&vm->memory);
destroy_coalesced:
	coalesced_destroy(vm);
free:
	kfree(vm);
	return ERR_PTR(ret);
}

/**
 * vm_create - serve CREATE_VM
 * @type: 0, the only machine type there is
 *
 * Return: a file descriptor; -EINVAL: another type; -EBUSY: somebody else holds
 * VT-x; -ENOMEM; -EMFILE and the like: no descriptor to be had.
 */
int vm_create(unsigned long type)
{
	struct file *file;
	struct vm *vm;
	int fd;

	if (type)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	vm = vm_alloc();
	if (IS_ERR(vm)) {
		put_unused_fd(fd);
		return PTR_ERR(vm);
	}
	file = anon_inode_getfile("minivmm-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		vm_put(vm);
		return PTR_ERR(file);
	}
	vm_debugfs_add(vm, fd);
	fd_install(fd, file);
	return fd;
}
