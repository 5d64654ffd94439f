// SPDX-License-Identifier: GPL-2.0-only
/*
 * minivmm: a teaching hypervisor for VT-x with the interface of KVM.
 *
 * This chapter is the module and its device, /dev/minivmm: what can be asked
 * of the system as a whole. One of the answers is a VM, a file descriptor of
 * its own: read on in vm.c.
 *
 * The map: vm.c and vcpu.c are the two other kinds of file descriptors, run.c
 * is the loop that runs a guest, memory/ is guest memory, x86/ is the guest's
 * processor as its manual defines it, vmx/ is VT-x.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "backend.h"
#include "compat.h"

/* struct minivmm_run, the data of port I/O, the ring of collected writes. */
#define VCPU_MMAP_PAGES	3

const struct backend *backend;

/* What XSAVE components a guest can have: more than CPUID says, if asked for. */
static long device_attribute(unsigned int cmd, const void __user *user)
{
	struct minivmm_device_attr attr;

	if (copy_from_user(&attr, user, sizeof(attr)))
		return -EFAULT;
	if (attr.group || attr.attr != MINIVMM_X86_XCOMP_GUEST_SUPP)
		return -ENXIO;
	if (cmd == MINIVMM_HAS_DEVICE_ATTR)
		return 0;
	return put_user(guest_xcr0_mask(), (u64 __user *)
			u64_to_user_ptr(attr.addr));
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case MINIVMM_GET_API_VERSION:
		return arg ? -EINVAL : MINIVMM_API_VERSION;
	case MINIVMM_CREATE_VM:
		return vm_create(arg);
	case MINIVMM_CHECK_EXTENSION:
		return minivmm_check_extension(arg);
	case MINIVMM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
	case MINIVMM_GET_SUPPORTED_CPUID:
		return cpuid_get_supported(user);
	case MINIVMM_GET_EMULATED_CPUID:
		return cpuid_get_emulated(user);
	case MINIVMM_GET_MSR_INDEX_LIST:
	case MINIVMM_GET_MSR_FEATURE_INDEX_LIST:
		return msr_index_list(user,
				      cmd == MINIVMM_GET_MSR_FEATURE_INDEX_LIST);
	case MINIVMM_GET_MSRS:
		return msr_ioctl(NULL, user, false);
	case MINIVMM_X86_GET_MCE_CAP_SUPPORTED:
		return put_user(MINIVMM_MCE_CAP, (u64 __user *)user);
	case MINIVMM_GET_DEVICE_ATTR:
	case MINIVMM_HAS_DEVICE_ATTR:
		return device_attribute(cmd, user);
	default:
		return -EINVAL;
	}
}

static const struct file_operations device_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "minivmm",
	.fops	= &device_fops,
	.mode	= 0660,
};

static int __init minivmm_init(void)
{
	int ret;

	ret = compat_init();
	if (ret)
		return ret;
	ret = guest_fpu_setup();
	if (ret)
		return ret;
	ret = irqfd_setup();
	if (ret)
		return ret;
	ret = vmx_init();
	if (ret)
		goto cleanup_irqfd;
	minivmm_debugfs_init();
	ret = misc_register(&device);
	if (ret) {
		pr_err("cannot make /dev/minivmm: error %d\n", ret);
		goto exit_vmx;
	}
	pr_info("ready: /dev/minivmm, by %s\n", backend->name);
	return 0;

exit_vmx:
	minivmm_debugfs_exit();
	vmx_exit();
cleanup_irqfd:
	irqfd_cleanup();
	return ret;
}

static void __exit minivmm_exit(void)
{
	misc_deregister(&device);
	minivmm_debugfs_exit();
	vmx_exit();
	irqfd_cleanup();
}

module_init(minivmm_init);
module_exit(minivmm_exit);

MODULE_DESCRIPTION("Teaching VT-x hypervisor with the interface of KVM");
MODULE_LICENSE("GPL");
