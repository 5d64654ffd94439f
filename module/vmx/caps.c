// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the processor's VT-x can do, and what we ask of it.
 *
 * For each group of controls an MSR says which bits must be 1 and which may be
 * 1. Here, once, we name what we cannot do without (its lack is a refusal that
 * says what is missing) and what we use if it is there.
 *
 * SDM: "VMX Capability Reporting Facility".
 */
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "vmx.h"
#include "vmcs.h"

struct vmx_caps vmx_caps __ro_after_init;

static bool eptad = true;
module_param(eptad, bool, 0444);
MODULE_PARM_DESC(eptad, "Use accessed and dirty flags in EPT, if the processor has them");

static bool pml = true;
module_param(pml, bool, 0444);
MODULE_PARM_DESC(pml, "Use page-modification logging for the dirty log, if the processor has it; wants eptad");

static bool preemption_timer = true;
module_param(preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer, "Have the processor's own timer end the guest when its local APIC's timer is due, if there is one");

/**
 * struct control_group - one group of VM-execution, entry or exit controls
 * @name: for messages
 * @msr: says what may be 0 and what may be 1
 * @required: bits without which we refuse
 * @optional: bits that we set if we may
 */
struct control_group {
	const char *name;
	u32 msr;
	u32 required;
	u32 optional;
};

static const struct control_group pin_controls = {
	.name = "pin-based controls",
	.msr = MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	.required = PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING |
		    PIN_BASED_VIRTUAL_NMIS,
};

static const struct control_group cpu_controls = {
	.name = "processor-based controls",
	.msr = MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
	.required = CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING |
		    CPU_BASED_RDPMC_EXITING | CPU_BASED_CR8_LOAD_EXITING |
		    CPU_BASED_CR8_STORE_EXITING | CPU_BASED_MOV_DR_EXITING |
		    CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_MONITOR_EXITING |
		    CPU_BASED_USE_TSC_OFFSETTING | CPU_BASED_USE_MSR_BITMAPS |
		    CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
	.optional = CPU_BASED_TPR_SHADOW,
};

static const struct control_group cpu2_controls = {
	.name = "secondary processor-based controls",
	.msr = MSR_IA32_VMX_PROCBASED_CTLS2,
	.required = SECONDARY_EXEC_ENABLE_EPT |
		    SECONDARY_EXEC_UNRESTRICTED_GUEST,
	.optional = SECONDARY_EXEC_ENABLE_VPID | SECONDARY_EXEC_ENABLE_RDTSCP |
		    SECONDARY_EXEC_ENABLE_INVPCID |
		    SECONDARY_EXEC_WBINVD_EXITING | SECONDARY_EXEC_TSC_SCALING |
		    SECONDARY_EXEC_ENCLS_EXITING | SECONDARY_EXEC_ENABLE_PML |
		    SECONDARY_EXEC_PAUSE_LOOP_EXITING | APICV_CPU2,
};

static const struct control_group exit_controls = {
	.name = "VM-exit controls",
	.msr = MSR_IA32_VMX_TRUE_EXIT_CTLS,
	.required = VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_LOAD_IA32_EFER,
	.optional = VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL,
};

static const struct control_group entry_controls = {
	.name = "VM-entry controls",
	.msr = MSR_IA32_VMX_TRUE_ENTRY_CTLS,
	.required = VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_EFER,
	.optional = VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL,
};

static int choose_controls(const struct control_group *group, u32 *controls)
{
	u32 must_be_one, may_be_one, missing;
	u64 allowed;

	if (rdmsrq_safe(group->msr, &allowed)) {
		pr_err("this processor has no %s: it cannot run guests\n",
		       group->name);
		return -EOPNOTSUPP;
	}
	must_be_one = lower_32_bits(allowed);
	may_be_one = upper_32_bits(allowed);
	missing = group->required & ~may_be_one;
	if (missing) {
		pr_err("this processor lacks %#x of the %s (%s): it cannot run guests\n",
		       missing, group->name,
		       group == &cpu2_controls ?
		       "EPT 0x2, unrestricted guest 0x80" : "see the SDM");
		return -EOPNOTSUPP;
	}
	*controls = group->required | (group->optional & may_be_one) |
		    must_be_one;
	return 0;
}

/* PERF_GLOBAL_CTRL is switched if both directions can, and if it is there. */
static void choose_perf_switch(struct vmx_caps *caps)
{
	bool both = caps->entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL &&
		    caps->exit & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;

	if (both && boot_cpu_has(X86_FEATURE_ARCH_PERFMON) &&
	    (cpuid_eax(0xa) & 0xff) >= 2)
		return;
	caps->entry &= ~VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	caps->exit &= ~VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
}

static int check_ept(u64 ept_vpid)
{
	const u64 required = VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT |
			     VMX_EPT_INVEPT_BIT | VMX_EPT_EXTENT_CONTEXT_BIT;

	if ((ept_vpid & required) == required)
		return 0;
	pr_err("this processor's EPT lacks %#llx of IA32_VMX_EPT_VPID_CAP: it cannot run guests\n",
	       required & ~ept_vpid);
	return -EOPNOTSUPP;
}

/* VPIDs are of use only if the translations of one can be forgotten. */
static void choose_vpid(struct vmx_caps *caps)
{
	const u64 needed = VMX_VPID_INVVPID_BIT |
			   VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT;

	if ((caps->ept_vpid >> 32 & needed) != needed)
		caps->cpu2 &= ~SECONDARY_EXEC_ENABLE_VPID;
}

/* Bits 4:0 of IA32_VMX_MISC */
#define VMX_MISC_TIMER_RATE	0x1f

/*
 * By errata the timer of some early processors is too fast (of those that can
 * run a guest here): Westmere's and Ivy Bridge's first steppings. The control is
 * set where a deadline is near, in run.c.
 */
static void choose_timer(struct vmx_caps *caps)
{
	static const u32 broken[] = { 0x20652, 0x20655, 0x306a8 };
	u64 allowed, misc;
	unsigned int i;

	rdmsrq(MSR_IA32_VMX_TRUE_PINBASED_CTLS, allowed);
	rdmsrq(MSR_IA32_VMX_MISC, misc);
	caps->timer_shift = misc & VMX_MISC_TIMER_RATE;
	caps->timer = preemption_timer &&
		      allowed >> 32 & PIN_BASED_VMX_PREEMPTION_TIMER;
	for (i = 0; i < ARRAY_SIZE(broken); i++)
		if (cpuid_eax(1) == broken[i])
			caps->timer = false;
}

static void choose_dirty_tracking(struct vmx_caps *caps)
{
	if (!eptad)
		caps->ept_vpid &= ~VMX_EPT_AD_BIT;
	if (!pml || !(caps->ept_vpid & VMX_EPT_AD_BIT))
		caps->cpu2 &= ~SECONDARY_EXEC_ENABLE_PML;
}

static int read_caps(struct vmx_caps *caps)
{
	u64 basic, cpu_controls_allowed;
	int ret;

	memset(caps, 0, sizeof(*caps));
	rdmsrq(MSR_IA32_VMX_BASIC, basic);
	caps->revision = lower_32_bits(basic) & 0x7fffffff;
	if (!(basic & BIT_ULL(55))) {
		pr_err("this processor has no flexible controls (IA32_VMX_BASIC bit 55): it cannot run guests\n");
		return -EOPNOTSUPP;
	}
	ret = choose_controls(&pin_controls, &caps->pin);
	if (!ret)
		ret = choose_controls(&cpu_controls, &caps->cpu);
	if (!ret)
		ret = choose_controls(&cpu2_controls, &caps->cpu2);
	if (!ret)
		ret = choose_controls(&exit_controls, &caps->exit);
	if (!ret)
		ret = choose_controls(&entry_controls, &caps->entry);
	if (ret)
		return ret;
	rdmsrq(MSR_IA32_VMX_EPT_VPID_CAP, caps->ept_vpid);
	rdmsrq(MSR_IA32_VMX_TRUE_PROCBASED_CTLS, cpu_controls_allowed);
	caps->monitor_trap = cpu_controls_allowed >> 32 &
			     CPU_BASED_MONITOR_TRAP_FLAG;
	choose_timer(caps);
	choose_vpid(caps);
	choose_dirty_tracking(caps);
	choose_perf_switch(caps);
	vmx_apicv_choose(caps);
	return check_ept(caps->ept_vpid);
}

/* IA32_VMX_MISC: Intel PT can be used in VMX operation. */
#define VMX_MISC_TRACING	BIT_ULL(14)

/* Tracing has to stop for VMX operation, unless the processor can do both. */
static int check_tracing(void)
{
	u64 misc;

	rdmsrq(MSR_IA32_VMX_MISC, misc);
	if (!boot_cpu_has(X86_FEATURE_INTEL_PT) || COMPAT_PT_CAN_STOP ||
	    misc & VMX_MISC_TRACING)
		return 0;
	pr_err("this kernel cannot stop Intel PT, which this processor cannot do together with VT-x: boot with clearcpuid=intel_pt\n");
	return -EOPNOTSUPP;
}

static int check_processor(void)
{
	u64 feature_control;

	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL ||
	    !(cpuid_ecx(1) & BIT(X86_FEATURE_VMX & 31))) {
		pr_err("this processor has no VT-x (no vmx in /proc/cpuinfo): run on an Intel processor, or enable nested virtualization in the hypervisor below\n");
		return -EOPNOTSUPP;
	}
	rdmsrq(MSR_IA32_FEAT_CTL, feature_control);
	if (!boot_cpu_has(X86_FEATURE_VMX) ||
	    !(feature_control & FEAT_CTL_LOCKED) ||
	    !(feature_control & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		pr_err("VT-x is switched off in firmware (IA32_FEATURE_CONTROL is %#llx): switch on \"Intel Virtualization Technology\" in the BIOS setup and power-cycle\n",
		       feature_control);
		return -EOPNOTSUPP;
	}
	if (compat_host_uses_fred()) {
		pr_err("this kernel uses FRED, where an NMI cannot be handed on: boot with fred=off\n");
		return -EOPNOTSUPP;
	}
	return check_tracing();
}

/**
 * vmx_caps_init - find out what this processor can do
 *
 * Return: 0; -EOPNOTSUPP: it cannot run guests, the log says why.
 */
int __init vmx_caps_init(void)
{
	int ret = check_processor();

	return ret ?: read_caps(&vmx_caps);
}

/**
 * vmx_caps_check_cpu - check that this CPU can do what the first one can
 *
 * Return: 0; -EIO: it differs.
 */
int vmx_caps_check_cpu(void)
{
	struct vmx_caps caps;

	if (read_caps(&caps) || memcmp(&caps, &vmx_caps, sizeof(caps))) {
		pr_err("CPU %d has another VT-x than the others: take it offline\n",
		       smp_processor_id());
		return -EIO;
	}
	return 0;
}
