// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is there, and what is there only if the owner asks for it:
 * CHECK_EXTENSION and ENABLE_CAP.
 *
 * A client asks for each capability before it relies on it. Most are simply
 * there. Some change what a client sees, so they have to be switched on: the
 * switches are in struct vm_options, and whoever acts on one reads it there.
 *
 * The capabilities are KVM's; Documentation/abi.md has the table.
 */
#include <linux/uaccess.h>

#include "backend.h"

#define X2APIC_API_FLAGS	(MINIVMM_X2APIC_API_USE_32BIT_IDS | \
				 MINIVMM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

#define EXITS_KNOWN	(MINIVMM_X86_DISABLE_EXITS_MWAIT |	\
			 MINIVMM_X86_DISABLE_EXITS_HLT |	\
			 MINIVMM_X86_DISABLE_EXITS_PAUSE |	\
			 MINIVMM_X86_DISABLE_EXITS_CSTATE)

/* CD_NW_CLEARED is about devices that do not look into caches: there are none. */
#define QUIRKS	(MINIVMM_X86_QUIRK_LINT0_REENABLED |		\
		 MINIVMM_X86_QUIRK_CD_NW_CLEARED |		\
		 MINIVMM_X86_QUIRK_LAPIC_MMIO_HOLE |		\
		 MINIVMM_X86_QUIRK_OUT_7E_INC_RIP |		\
		 MINIVMM_X86_QUIRK_MISC_ENABLE_NO_MWAIT |	\
		 MINIVMM_X86_QUIRK_FIX_HYPERCALL_INSN |		\
		 MINIVMM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS)

/* Those that are there, and that is all there is to say. */
static const u16 simply_there[] = {
	MINIVMM_CAP_IRQCHIP,
	MINIVMM_CAP_HLT,
	MINIVMM_CAP_MMU_SHADOW_CACHE_CONTROL,
	MINIVMM_CAP_USER_MEMORY,
	MINIVMM_CAP_SET_TSS_ADDR,
	MINIVMM_CAP_EXT_CPUID,
	MINIVMM_CAP_EXT_EMUL_CPUID,
	MINIVMM_CAP_DISABLE_QUIRKS,
	MINIVMM_CAP_NOP_IO_DELAY,
	MINIVMM_CAP_VAPIC,
	MINIVMM_CAP_MP_STATE,
	MINIVMM_CAP_PIT2,
	MINIVMM_CAP_PIT_STATE2,
	MINIVMM_CAP_REINJECT_CONTROL,
	MINIVMM_CAP_IRQ_INJECT_STATUS,
	MINIVMM_CAP_SIGNAL_MSI,
	MINIVMM_CAP_SET_BOOT_CPU_ID,
	MINIVMM_CAP_TSC_DEADLINE_TIMER,
	MINIVMM_CAP_IOAPIC_POLARITY_IGNORED,
	MINIVMM_CAP_SYNC_MMU,
	MINIVMM_CAP_DESTROY_MEMORY_REGION_WORKS,
	MINIVMM_CAP_USER_NMI,
	MINIVMM_CAP_JOIN_MEMORY_REGIONS_WORKS,
	MINIVMM_CAP_SET_IDENTITY_MAP_ADDR,
	MINIVMM_CAP_INTERNAL_ERROR_DATA,
	MINIVMM_CAP_VCPU_EVENTS,
	MINIVMM_CAP_DEBUGREGS,
	MINIVMM_CAP_X86_ROBUST_SINGLESTEP,
	MINIVMM_CAP_ENABLE_CAP,
	MINIVMM_CAP_IRQFD,
	MINIVMM_CAP_IOEVENTFD,
	MINIVMM_CAP_XSAVE,
	MINIVMM_CAP_IRQFD_RESAMPLE,
	MINIVMM_CAP_READONLY_MEM,
	MINIVMM_CAP_IOEVENTFD_NO_LENGTH,
	MINIVMM_CAP_IOEVENTFD_ANY_LENGTH,
	MINIVMM_CAP_COALESCED_PIO,
	MINIVMM_CAP_ENABLE_CAP_VM,
	MINIVMM_CAP_CHECK_EXTENSION_VM,
	MINIVMM_CAP_IMMEDIATE_EXIT,
	MINIVMM_CAP_SET_GUEST_DEBUG,
	MINIVMM_CAP_GET_MSR_FEATURES,
	MINIVMM_CAP_MSR_PLATFORM_INFO,
	MINIVMM_CAP_X86_USER_SPACE_MSR,
	MINIVMM_CAP_X86_MSR_FILTER,
	MINIVMM_CAP_SYS_ATTRIBUTES,
	MINIVMM_CAP_ENFORCE_PV_FEATURE_CPUID,
	MINIVMM_CAP_EXIT_ON_EMULATION_FAILURE,
	MINIVMM_CAP_CLOCKSOURCE,
	MINIVMM_CAP_GET_TSC_KHZ,
	MINIVMM_CAP_KVMCLOCK_CTRL,
	MINIVMM_CAP_VCPU_ATTRIBUTES,
	MINIVMM_CAP_EXCEPTION_PAYLOAD,
	MINIVMM_CAP_SREGS2,
	MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT,
	MINIVMM_CAP_SPLIT_IRQCHIP,
};

/* An MWAIT that stops the local APIC's timer would harm the host. */
static u32 exits_that_can_be_off(void)
{
	if (boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
	    !boot_cpu_has_bug(X86_BUG_MONITOR))
		return EXITS_KNOWN;
	return EXITS_KNOWN & ~MINIVMM_X86_DISABLE_EXITS_MWAIT;
}

/**
 * minivmm_check_extension - serve CHECK_EXTENSION, on the device and on a VM
 * @capability: MINIVMM_CAP_*
 *
 * Return: 0: not there; else 1, or the number that the capability stands for.
 */
int minivmm_check_extension(unsigned long capability)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(simply_there); i++)
		if (simply_there[i] == capability)
			return 1;
	switch (capability) {
	case MINIVMM_CAP_DISABLE_QUIRKS2:
		return QUIRKS;
	case MINIVMM_CAP_X86_DISABLE_EXITS:
		return exits_that_can_be_off();
	case MINIVMM_CAP_X2APIC_API:
		return X2APIC_API_FLAGS;
	case MINIVMM_CAP_COALESCED_MMIO:
		return MINIVMM_COALESCED_MMIO_PAGE_OFFSET;
	case MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
		       MINIVMM_DIRTY_LOG_INITIALLY_SET;
	case MINIVMM_CAP_SET_GUEST_DEBUG2:
		return GUEST_DEBUG_KNOWN;
	case MINIVMM_CAP_MCE:
		return MINIVMM_MCE_BANKS;
	case MINIVMM_CAP_ADJUST_CLOCK:
		return MINIVMM_CLOCK_TSC_STABLE | MINIVMM_CLOCK_REALTIME |
		       MINIVMM_CLOCK_HOST_TSC;
	case MINIVMM_CAP_TSC_CONTROL:
	case MINIVMM_CAP_VM_TSC_CONTROL:
		return backend->can_scale_tsc();
	case MINIVMM_CAP_XCRS:
		return guest_xcr0_mask() != 0;
	case MINIVMM_CAP_XSAVE2:
		return guest_xsave_user_size();
	case MINIVMM_CAP_SYNC_REGS:
		return SYNC_REGS_KNOWN;
	case MINIVMM_CAP_IRQ_ROUTING:
		return MINIVMM_MAX_ROUTES;
	case MINIVMM_CAP_NR_VCPUS:
		return min_t(int, num_online_cpus(), MINIVMM_MAX_VCPUS);
	case MINIVMM_CAP_MAX_VCPUS:
	case MINIVMM_CAP_MAX_VCPU_ID:
		return MINIVMM_MAX_VCPUS;
	case MINIVMM_CAP_NR_MEMSLOTS:
		return MINIVMM_MAX_SLOTS;
	default:
		return 0;
	}
}

#define MSR_EXIT_REASONS	(MINIVMM_MSR_EXIT_REASON_INVAL |	\
				 MINIVMM_MSR_EXIT_REASON_UNKNOWN |	\
				 MINIVMM_MSR_EXIT_REASON_FILTER)

/* Only once: whoever makes vCPUs relies on it. */
static int set_max_vcpu_id(struct vm *vm, u64 max)
{
	struct vm_options *options = &vm->options;
	int ret = 0;

	if (max > MINIVMM_MAX_VCPUS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (options->max_vcpu_id && options->max_vcpu_id != max)
		ret = -EINVAL;
	else
		options->max_vcpu_id = max;
	mutex_unlock(&vm->lock);
	return ret;
}

static int set_x2apic_api(struct vm *vm, u64 flags)
{
	if (flags & ~X2APIC_API_FLAGS)
		return -EINVAL;
	mutex_lock(&vm->lock);
	irqchip_set_x2apic_api(vm, flags);
	mutex_unlock(&vm->lock);
	return 0;
}

/**
 * vm_enable_cap - serve ENABLE_CAP on a VM
 * @vm: the VM
 * @user: the capability and its arguments
 *
 * Return: 0; -EINVAL: nothing to be switched on, or not with these arguments;
 * -EFAULT.
 */
int vm_enable_cap(struct vm *vm, const void __user *user)
{
	struct minivmm_enable_cap cap;

	if (copy_from_user(&cap, user, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	switch (cap.cap) {
	case MINIVMM_CAP_MAX_VCPU_ID:
		return set_max_vcpu_id(vm, cap.args[0]);
	case MINIVMM_CAP_SPLIT_IRQCHIP:
		return irqchip_create_split(vm, cap.args[0]);
	case MINIVMM_CAP_X2APIC_API:
		return set_x2apic_api(vm, cap.args[0]);
	case MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return memory_set_manual_protect(vm, cap.args[0]);
	case MINIVMM_CAP_X86_DISABLE_EXITS:
		if (cap.args[0] & ~(u64)EXITS_KNOWN)
			return -EINVAL;
		vm->options.exits_off |= cap.args[0] & exits_that_can_be_off();
		return 0;
	case MINIVMM_CAP_DISABLE_QUIRKS2:
		if (cap.args[0] & ~(u64)QUIRKS)
			return -EINVAL;
		fallthrough;
	case MINIVMM_CAP_DISABLE_QUIRKS:
		WRITE_ONCE(vm->options.no_quirks, cap.args[0]);
		return 0;
	case MINIVMM_CAP_EXCEPTION_PAYLOAD:
		vm->options.exception_payload = cap.args[0];
		return 0;
	case MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT:
		vm->options.triple_fault_event = cap.args[0];
		return 0;
	case MINIVMM_CAP_MSR_PLATFORM_INFO:
		vm->options.no_platform_info = !cap.args[0];
		return 0;
	case MINIVMM_CAP_X86_USER_SPACE_MSR:
		if (cap.args[0] & ~MSR_EXIT_REASONS)
			return -EINVAL;
		vm->options.user_space_msr = cap.args[0];
		return 0;
	case MINIVMM_CAP_EXIT_ON_EMULATION_FAILURE:
		/* So it is in any case. */
		return cap.args[0] & ~1ULL ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/**
 * vcpu_enable_cap - serve ENABLE_CAP on a vCPU
 * @vcpu: the vCPU
 * @user: the capability and its arguments
 *
 * Return: 0; -EINVAL: there is no such thing to be switched on; -EFAULT.
 */
int vcpu_enable_cap(struct vcpu *vcpu, const void __user *user)
{
	struct minivmm_enable_cap cap;

	if (copy_from_user(&cap, user, sizeof(cap)))
		return -EFAULT;
	if (cap.flags || cap.cap != MINIVMM_CAP_ENFORCE_PV_FEATURE_CPUID)
		return -EINVAL;
	vcpu->enforce_pv = cap.args[0];
	return 0;
}
