// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that warns, when the machine is about to be reset, of each CPU that is
 * in VMX operation still: last of all who are told. See reboot.sh.
 */
#include <linux/bug.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <asm/special_insns.h>

static void look(void *unused)
{
	WARN(__read_cr4() & X86_CR4_VMXE, "CPU %d is in VMX operation\n", smp_processor_id());
}

static int about_to_reset(struct notifier_block *notifier, unsigned long event, void *unused)
{
	on_each_cpu(look, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block watch = {
	.notifier_call = about_to_reset,
	.priority = INT_MIN,
};

static int __init watch_init(void)
{
	return register_reboot_notifier(&watch);
}

static void __exit watch_exit(void)
{
	unregister_reboot_notifier(&watch);
}

module_init(watch_init);
module_exit(watch_exit);
MODULE_DESCRIPTION("Sees to it that VT-x is left before a reset");
MODULE_LICENSE("GPL v2");
