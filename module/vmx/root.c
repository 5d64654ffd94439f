// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX root operation on each CPU.
 *
 * It is entered (VMXON) on all CPUs with the first VM and left (VMXOFF) with
 * the last, so that minivmm and another hypervisor can both be loaded and take
 * turns. Between the two, CPUs come and go (hot-plug), sleep (suspend) or are
 * about to be reset (reboot, kexec): a CPU in VMX operation ignores INIT, so
 * each of these leaves it first.
 *
 * SDM: "Enabling and Entering VMX Operation".
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <asm/desc.h>

#include "vmx.h"
#include "vmcs.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);
DEFINE_PER_CPU(u64 [NR_BACKEND_COUNTERS], vmx_counters);

/* Protects the count below; taken before the hot-plug lock. */
static DEFINE_MUTEX(root_lock);
static int root_users;
static bool rebooting;
static enum cpuhp_state hotplug_state;

/* Enters VMX operation on this CPU; interrupts or at least migration off. */
static int enable_cpu(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	int ret;

	if (cpu->enabled)
		return 0;
	ret = vmx_caps_check_cpu();
	if (ret)
		return ret;
	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	compat_intel_pt_handle_vmx(1);
	compat_cr4_set(X86_CR4_VMXE);
	if (!vmx_vmxon(cpu->vmxon)) {
		compat_cr4_clear(X86_CR4_VMXE);
		compat_intel_pt_handle_vmx(0);
		return -EBUSY;
	}
	vmx_host_state_cpu(cpu);
	vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	cpu->enabled = true;
	return 0;
}

static void disable_cpu(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	unsigned long flags;

	if (!cpu->enabled)
		return;
	local_irq_save(flags);
	vmx_forget_loaded();
	vmx_vmxoff();
	compat_cr4_clear(X86_CR4_VMXE);
	cpu->enabled = false;
	local_irq_restore(flags);
	compat_intel_pt_handle_vmx(0);
}

static void enable_cpu_ipi(void *error)
{
	int ret = enable_cpu();

	if (ret)
		atomic_set(error, ret);
}

static void disable_cpu_ipi(void *unused)
{
	disable_cpu();
}

static int enable_all(void)
{
	atomic_t error = ATOMIC_INIT(0);
	int ret;

	on_each_cpu(enable_cpu_ipi, &error, 1);
	ret = atomic_read(&error);
	if (ret)
		on_each_cpu(disable_cpu_ipi, NULL, 1);
	return ret;
}

/**
 * vmx_root_get - enter VMX root operation on all CPUs, unless we have
 *
 * Return: 0; -EBUSY: another hypervisor holds VT-x; -EIO: CPUs differ.
 */
int vmx_root_get(void)
{
	int ret = 0;

	mutex_lock(&root_lock);
	cpus_read_lock();
	if (rebooting)
		ret = -EBUSY;
	else if (!root_users)
		ret = enable_all();
	if (!ret)
		root_users++;
	cpus_read_unlock();
	mutex_unlock(&root_lock);
	if (ret == -EBUSY)
		pr_err("another hypervisor holds VT-x (kvm_intel with a running VM?): end its VMs or unload it (rmmod kvm_intel; from Linux 6.12 on also kvm.enable_virt_at_load=0), then try again\n");
	return ret;
}

/**
 * vmx_root_put - undo vmx_root_get()
 */
void vmx_root_put(void)
{
	mutex_lock(&root_lock);
	cpus_read_lock();
	if (!--root_users)
		on_each_cpu(disable_cpu_ipi, NULL, 1);
	cpus_read_unlock();
	mutex_unlock(&root_lock);
}

/*
 * Hot-plug callbacks run on the CPU in question, under the hot-plug lock, so
 * root_users does not change meanwhile. A CPU that cannot enter VMX operation
 * while VMs exist does not come online.
 */
static int root_cpu_online(unsigned int cpu)
{
	int ret = 0;

	if (READ_ONCE(root_users)) {
		preempt_disable();
		ret = enable_cpu();
		preempt_enable();
	}
	return ret;
}

static int root_cpu_offline(unsigned int cpu)
{
	disable_cpu();
	return 0;
}

/* Suspend: the other CPUs have gone offline, this one sleeps last. */
static int root_suspend(void)
{
	disable_cpu();
	return 0;
}

/**
 * vmx_root_is_left_for_good - whether the machine is about to be reset
 */
bool vmx_root_is_left_for_good(void)
{
	return READ_ONCE(rebooting);
}

static void root_resume(void)
{
	if (root_users && enable_cpu())
		pr_err("VT-x did not come back after suspend: end all VMs and load the module again\n");
}

static int root_reboot(struct notifier_block *notifier, unsigned long event,
		       void *unused)
{
	WRITE_ONCE(rebooting, true);
	on_each_cpu(disable_cpu_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block root_reboot_notifier = {
	.notifier_call = root_reboot,
};

static void free_vmxon_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		free_page((unsigned long)per_cpu(vmx_cpu, cpu).vmxon);
}

static int __init alloc_vmxon_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *vc = &per_cpu(vmx_cpu, cpu);
		struct page *page;

		INIT_LIST_HEAD(&vc->loaded);
		page = alloc_pages_node(cpu_to_node(cpu),
					GFP_KERNEL | __GFP_ZERO, 0);
		if (!page) {
			free_vmxon_regions();
			return -ENOMEM;
		}
		vc->vmxon = page_address(page);
		*(u32 *)vc->vmxon = vmx_caps.revision;
	}
	return 0;
}

/**
 * vmx_root_init - get ready for vmx_root_get()
 *
 * Return: 0, -ENOMEM, or what the registration of the callbacks returned.
 */
int __init vmx_root_init(void)
{
	int ret = alloc_vmxon_regions();

	if (ret)
		return ret;
	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "minivmm:online",
					root_cpu_online, root_cpu_offline);
	if (ret < 0) {
		free_vmxon_regions();
		return ret;
	}
	hotplug_state = ret;
	compat_register_sleep(root_suspend, root_resume);
	register_reboot_notifier(&root_reboot_notifier);
	return 0;
}

/**
 * vmx_root_exit - undo vmx_root_init(); no VM is left
 */
void vmx_root_exit(void)
{
	unregister_reboot_notifier(&root_reboot_notifier);
	compat_unregister_sleep();
	cpuhp_remove_state_nocalls(hotplug_state);
	free_vmxon_regions();
}
