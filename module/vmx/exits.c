// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens at a VM exit: one table.
 *
 * A handler returns 1 (handled: enter again), 0 (struct minivmm_run says why:
 * back to the owner) or a negative errno. The fast one is called in the window,
 * with interrupts off and the VMCS current. If it returns EXIT_SLOW, the slow
 * one is called when the window is closed: it may sleep, and finds in
 * vcpu->exit what the fast one has read. An exit without a handler goes to the
 * owner as INTERNAL_ERROR.
 *
 * SDM: "VMX Basic Exit Reasons", "Instructions That Cause VM Exits",
 * "Information for VM Exits That Occur During Event Delivery".
 */
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/trapnr.h>
#include <uapi/linux/kvm_para.h>

#include "vmx.h"
#include "vmcs.h"

/*
 * The exit may have come while an event was being delivered: the processor has
 * not finished it, so it is queued again. An interrupt that met an exception of
 * its own on the way is gone, as it is without a hypervisor.
 */
static void requeue_event(struct vmx_vcpu *vx)
{
	struct vcpu_events *events = &vx->vcpu.events;
	u32 info = vmcs_read32(IDT_VECTORING_INFO_FIELD);

	vx->vcpu.exit.vectoring = 0;
	if (likely(!(info & VECTORING_INFO_VALID_MASK)))
		return;
	vx->vcpu.exit.vectoring = info;
	events->soft_length = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
	switch (info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_HARD_EXCEPTION:
	case INTR_TYPE_SOFT_EXCEPTION:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
		events->exception.queued = true;
		events->exception.pending = false;
		events->exception.has_payload = false;
		events->exception.vector = info & VECTORING_INFO_VECTOR_MASK;
		events->exception.soft = (info & VECTORING_INFO_TYPE_MASK) !=
					 INTR_TYPE_HARD_EXCEPTION;
		events->exception.has_error =
			info & VECTORING_INFO_DELIVER_CODE_MASK;
		if (events->exception.has_error)
			events->exception.error =
				vmcs_read32(IDT_VECTORING_ERROR_CODE);
		break;
	case INTR_TYPE_NMI_INTR:
		/* It masks NMIs once more when it is injected again. */
		events->nmi.injected = true;
		vmx_set_nmi_masked(&vx->vcpu, false);
		break;
	case INTR_TYPE_SOFT_INTR:
	case INTR_TYPE_EXT_INTR:
		events->interrupt.queued = true;
		events->interrupt.vector = info & VECTORING_INFO_VECTOR_MASK;
		events->interrupt.soft = (info & VECTORING_INFO_TYPE_MASK) ==
					 INTR_TYPE_SOFT_INTR;
		break;
	}
}

/*
 * An IRET that faulted, or whose stack was not there, has unmasked NMIs and is
 * to be run again: until then they stay masked.
 */
static void mask_nmi_again(struct vmx_vcpu *vx)
{
	if (!vx->vcpu.exit.vectoring)
		vmx_set_nmi_masked(&vx->vcpu, true);
}

static int exit_debug_exception(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	unsigned long causes = vmcs_readl(EXIT_QUALIFICATION);

	if (vcpu_debugged(vcpu, MINIVMM_GUESTDBG_SINGLESTEP |
			  MINIVMM_GUESTDBG_USE_HW_BP))
		return vcpu_debug_exit(vcpu, X86_TRAP_DB, causes);
	/* The processor leaves it to us to write DR6 and DR7 for the guest. */
	vcpu->dr6 &= ~DR_TRAP_BITS;
	vcpu->dr6 |= causes & (DR_TRAP_BITS | DR_STEP | DR6_BD);
	vcpu->dr7 &= ~DR7_GD;
	vmcs_writel(GUEST_DR7, vcpu->dr7);
	vcpu_queue_exception(vcpu, X86_TRAP_DB);
	return 1;
}

static int exit_exception_nmi(struct vmx_vcpu *vx)
{
	u32 info = vmcs_read32(VM_EXIT_INTR_INFO);
	u32 error;

	/*
	 * NMIs and machine checks are the host's: raise them again where its
	 * IDT is in force. IRET in the handler lets the next NMI in.
	 */
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR) {
		asm volatile("int $2" : : : "memory");
		return 1;
	}
	if ((info & INTR_INFO_VECTOR_MASK) == X86_TRAP_MC) {
		asm volatile("int $18" : : : "memory");
		return EXIT_LEAVE;
	}
	requeue_event(vx);
	if (vx->vcpu.events.interrupt.queued &&
	    vx->vcpu.exit.vectoring)
		vx->vcpu.events.interrupt.queued = false;
	if (info & INTR_INFO_UNBLOCK_NMI)
		mask_nmi_again(vx);
	switch (info & INTR_INFO_VECTOR_MASK) {
	case X86_TRAP_BP:
		/* Kept for an owner who finds that it is the guest's own. */
		vx->vcpu.events.soft_length =
			vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		return vcpu_debug_exit(&vx->vcpu, X86_TRAP_BP, 0);
	case X86_TRAP_DB:
		/* INT1 is behind us when its exception is delivered. */
		if ((info & INTR_INFO_INTR_TYPE_MASK) ==
		    INTR_TYPE_PRIV_SW_EXCEPTION)
			vmx_skip_instruction(&vx->vcpu);
		return exit_debug_exception(vx);
	case X86_TRAP_UD:
		return EXIT_SLOW;
	case X86_TRAP_AC:
		error = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
		vcpu_queue_exception_error(&vx->vcpu, X86_TRAP_AC, error);
		return 1;
	default:
		return vcpu_unhandled_exit(&vx->vcpu);
	}
}

/* The host takes it when the window has closed and interrupts are on again. */
static int exit_external_interrupt(struct vmx_vcpu *vx)
{
	return EXIT_LEAVE;
}

static int exit_triple_fault(struct vmx_vcpu *vx)
{
	vx->vcpu.run->exit_reason = MINIVMM_EXIT_SHUTDOWN;
	return 0;
}

/* A step is done; without a debugger it was the last one of one that is gone. */
static int exit_monitor_trap(struct vmx_vcpu *vx)
{
	if (!vcpu_debugged(&vx->vcpu, MINIVMM_GUESTDBG_SINGLESTEP))
		return 1;
	return vcpu_debug_exit(&vx->vcpu, X86_TRAP_DB, DR_STEP);
}

/* The NMI that waits is injected with the next entry. */
static int exit_nmi_window(struct vmx_vcpu *vx)
{
	return 1;
}

/* The loop above sees that an interrupt can be injected, or that one waits. */
static int exit_interrupt_window(struct vmx_vcpu *vx)
{
	if (!vcpu_has_lapic(&vx->vcpu))
		return EXIT_LEAVE;
	set_bit(VCPU_REQ_INTERRUPT, &vx->vcpu.irq.requests);
	return vcpu_wants_interrupt_window(&vx->vcpu) ? EXIT_LEAVE : 1;
}

static int exit_general_protection(struct vmx_vcpu *vx)
{
	vcpu_queue_exception_error(&vx->vcpu, X86_TRAP_GP, 0);
	return 1;
}

static int exit_cpuid(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	u32 eax = vcpu->regs[X86_RAX], ecx = vcpu->regs[X86_RCX], ebx, edx;

	/* CPUID faulting: the guest's own system wants to answer. */
	if (unlikely(vcpu->msrs.misc_features) && vmx_cpl(vcpu))
		return exit_general_protection(vx);
	cpuid_query(vcpu, &eax, &ebx, &ecx, &edx);
	vcpu->regs[X86_RAX] = eax;
	vcpu->regs[X86_RBX] = ebx;
	vcpu->regs[X86_RCX] = ecx;
	vcpu->regs[X86_RDX] = edx;
	vmx_skip_instruction(vcpu);
	return 1;
}

static int exit_hlt(struct vmx_vcpu *vx)
{
	vmx_skip_instruction(&vx->vcpu);
	if (vcpu_has_lapic(&vx->vcpu)) {
		vcpu_halt(&vx->vcpu);
		return EXIT_LEAVE;
	}
	vx->vcpu.run->exit_reason = MINIVMM_EXIT_HLT;
	return 0;
}

/*
 * INVD, WBINVD: caches are coherent, the host's are not the guest's to empty.
 */
static int exit_nothing_to_do(struct vmx_vcpu *vx)
{
	vmx_skip_instruction(&vx->vcpu);
	return 1;
}

/* Instructions that the guest's processor does not have. */
static int exit_invalid_opcode(struct vmx_vcpu *vx)
{
	vcpu_queue_exception(&vx->vcpu, X86_TRAP_UD);
	return 1;
}

/* Not offered, but harmless: guests have been seen to try. */
static int exit_monitor_mwait(struct vmx_vcpu *vx)
{
	if (!vm_has_quirk(vx->vcpu.vm, MINIVMM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) &&
	    !cpuid_has_mwait(&vx->vcpu))
		return exit_invalid_opcode(vx);
	return exit_nothing_to_do(vx);
}

static int exit_vmcall_slow(struct vcpu *vcpu)
{
	vcpu_hypercall(vcpu, vmx_mode(vcpu) == 64, vmx_cpl(vcpu));
	vmx_skip_instruction(vcpu);
	return 1;
}

/* To give way to another thread takes a thread. */
static int exit_vmcall(struct vmx_vcpu *vx)
{
	if ((u32)vx->vcpu.regs[X86_RAX] == KVM_HC_SCHED_YIELD)
		return EXIT_SLOW;
	return exit_vmcall_slow(&vx->vcpu);
}

/* A device may have woken a thread that is to run on this CPU now. */
static int leave_if_work(void)
{
	return compat_work_pending() ? EXIT_LEAVE : 1;
}

static int exit_io(struct vmx_vcpu *vx)
{
	u32 qualification = vmcs_readl(EXIT_QUALIFICATION);
	int ret;

	vmx_cache_rip_and_rflags(&vx->vcpu);
	/* INS and OUTS: the emulator finds the memory that goes with them. */
	if (qualification & BIT(4))
		return EXIT_SLOW;
	ret = vcpu_port_io(&vx->vcpu, qualification >> 16,
			   (qualification & 7) + 1, qualification & BIT(3));
	return ret == 1 ? leave_if_work() : ret;
}

static int exit_emulate_slow(struct vcpu *vcpu)
{
	vcpu->exit.gva_valid = false;
	return vcpu_emulate(vcpu);
}

static int exit_rdmsr(struct vmx_vcpu *vx)
{
	/* Not known yet what is in service. */
	if (unlikely(vx->vcpu.irq.eoi_offered))
		return EXIT_SLOW;
	vmx_apicv_msr(vx, vx->vcpu.regs[X86_RCX]);
	return vcpu_rdmsr(&vx->vcpu);
}

/*
 * The local APIC's here; others outside the window, as a register switched with
 * it may be the one.
 */
static int exit_wrmsr(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	u64 data = (u32)vcpu->regs[X86_RAX] | vcpu->regs[X86_RDX] << 32;
	u32 msr = vcpu->regs[X86_RCX];

	vmx_apicv_msr(vx, msr);
	/* What does not succeed may be the owner's to answer. */
	if (!vcpu_apic_owns_msr(vcpu, msr) || vcpu->irq.eoi_offered ||
	    !msr_is_allowed(vcpu->vm, msr, MINIVMM_MSR_FILTER_WRITE) ||
	    vcpu_apic_write_msr(vcpu, msr, data))
		return EXIT_SLOW;
	vmx_skip_instruction(vcpu);
	return 1;
}

/* The handler for thread context has all the work. */
static int exit_slow(struct vmx_vcpu *vx)
{
	return EXIT_SLOW;
}

static int exit_timer(struct vmx_vcpu *vx)
{
	vcpu_timer_expired(&vx->vcpu);
	return 1;
}

static int exit_pause_slow(struct vcpu *vcpu)
{
	vcpu_spins(vcpu);
	vmx_skip_instruction(vcpu);
	return 1;
}

/* KVM tells as little: nothing but that it cannot. */
static int exit_task_switch(struct vmx_vcpu *vx)
{
	return vcpu_internal_error(&vx->vcpu, MINIVMM_INTERNAL_ERROR_EMULATION,
				   0);
}

/*
 * A write of which only the address matters is not decoded: the instruction is
 * taken to do nothing else. How long it is the processor says, though the manual
 * does not promise that for EPT violations; a hypervisor below us may not.
 */
static bool fast_mmio(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	const struct vcpu_exit *exit = &vcpu->exit;

	if (likely(bus_is_empty(&vcpu->vm->buses[BUS_FAST_MMIO])))
		return false;
	if (!exit->write || !exit->gva_valid || exit->vectoring)
		return false;
	if (boot_cpu_has(X86_FEATURE_HYPERVISOR) ||
	    !vmcs_read32(VM_EXIT_INSTRUCTION_LEN))
		return false;
	return vcpu_fast_mmio(vcpu);
}

static int exit_ept_violation(struct vmx_vcpu *vx)
{
	struct vcpu_exit *exit = &vx->vcpu.exit;

	exit->qualification = vmcs_readl(EXIT_QUALIFICATION);
	exit->gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	exit->write = exit->qualification & EPT_VIOLATION_ACC_WRITE;
	exit->fetch = exit->qualification & EPT_VIOLATION_ACC_INSTR;
	exit->gva_valid = exit->qualification & EPT_VIOLATION_GVA_TRANSLATED &&
			  exit->qualification & EPT_VIOLATION_GVA_IS_VALID;
	exit->walk = !(exit->qualification & EPT_VIOLATION_GVA_TRANSLATED) &&
		     exit->qualification & EPT_VIOLATION_GVA_IS_VALID;
	requeue_event(vx);
	if (exit->qualification & INTR_INFO_UNBLOCK_NMI)
		mask_nmi_again(vx);
	if (!fast_mmio(vx))
		return EXIT_SLOW;
	vmx_skip_instruction(&vx->vcpu);
	return leave_if_work();
}

/* The log is emptied when the window closes. */
static int exit_pml_full(struct vmx_vcpu *vx)
{
	requeue_event(vx);
	if (vmcs_readl(EXIT_QUALIFICATION) & INTR_INFO_UNBLOCK_NMI)
		mask_nmi_again(vx);
	return EXIT_LEAVE;
}

static const struct {
	int (*fast)(struct vmx_vcpu *vx);
	int (*slow)(struct vcpu *vcpu);
} handlers[] = {
	[EXIT_REASON_EXCEPTION_NMI]	  = { exit_exception_nmi, vcpu_undefined },
	[EXIT_REASON_EXTERNAL_INTERRUPT]  = { exit_external_interrupt },
	[EXIT_REASON_TRIPLE_FAULT]	  = { exit_triple_fault },
	[EXIT_REASON_INTERRUPT_WINDOW]	  = { exit_interrupt_window },
	[EXIT_REASON_NMI_WINDOW]	  = { exit_nmi_window },
	[EXIT_REASON_TASK_SWITCH]	  = { exit_task_switch },
	[EXIT_REASON_CPUID]		  = { exit_cpuid },
	[EXIT_REASON_GETSEC]		  = { exit_invalid_opcode },
	[EXIT_REASON_HLT]		  = { exit_hlt },
	[EXIT_REASON_INVD]		  = { exit_nothing_to_do },
	[EXIT_REASON_RDPMC]		  = { exit_general_protection },
	[EXIT_REASON_VMCALL]		  = { exit_vmcall, exit_vmcall_slow },
	[EXIT_REASON_VMCLEAR]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMLAUNCH]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMPTRLD]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMPTRST]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMREAD]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMRESUME]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMWRITE]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMOFF]		  = { exit_invalid_opcode },
	[EXIT_REASON_VMON]		  = { exit_invalid_opcode },
	[EXIT_REASON_CR_ACCESS]		  = { vmx_exit_cr, vmx_exit_cr_slow },
	[EXIT_REASON_DR_ACCESS]		  = { vmx_exit_dr },
	[EXIT_REASON_IO_INSTRUCTION]	  = { exit_io, exit_emulate_slow },
	[EXIT_REASON_MSR_READ]		  = { exit_rdmsr, vcpu_rdmsr },
	[EXIT_REASON_MSR_WRITE]		  = { exit_wrmsr, vcpu_wrmsr },
	[EXIT_REASON_MWAIT_INSTRUCTION]	  = { exit_monitor_mwait },
	[EXIT_REASON_MONITOR_TRAP_FLAG]	  = { exit_monitor_trap },
	[EXIT_REASON_MONITOR_INSTRUCTION] = { exit_monitor_mwait },
	[EXIT_REASON_PAUSE_INSTRUCTION]	  = { exit_slow, exit_pause_slow },
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = { vmx_exit_tpr_below_threshold },
	[EXIT_REASON_EOI_INDUCED]	  = { vmx_exit_eoi },
	[EXIT_REASON_EPT_VIOLATION]	  = { exit_ept_violation,
					      vcpu_memory_exit },
	[EXIT_REASON_INVEPT]		  = { exit_invalid_opcode },
	[EXIT_REASON_INVVPID]		  = { exit_invalid_opcode },
	[EXIT_REASON_WBINVD]		  = { exit_nothing_to_do },
	[EXIT_REASON_XSETBV]		  = { exit_slow, vmx_exit_xsetbv_slow },
	[EXIT_REASON_VMFUNC]		  = { exit_invalid_opcode },
	[EXIT_REASON_PREEMPTION_TIMER]	  = { exit_timer },
	[EXIT_REASON_PML_FULL]		  = { exit_pml_full },
	[EXIT_REASON_ENCLS]		  = { exit_invalid_opcode },
};

/**
 * vmx_handle_exit - handle a VM exit inside the window
 * @vx: the vCPU
 *
 * Return: as a fast handler: 1, 0, an errno, EXIT_SLOW or EXIT_LEAVE.
 */
int vmx_handle_exit(struct vmx_vcpu *vx)
{
	u32 reason = vx->vcpu.exit.reason;

	/* Not steered by the guest even speculatively: it is 16 bits of ours. */
	if (unlikely(reason >= ARRAY_SIZE(handlers) || !handlers[reason].fast))
		return vcpu_unhandled_exit(&vx->vcpu);
	return handlers[reason].fast(vx);
}

/**
 * vmx_handle_exit_slow - handle the rest of a VM exit outside the window
 * @vcpu: the vCPU, whose fast handler has returned EXIT_SLOW
 *
 * Return: 1, 0 or an errno.
 */
int vmx_handle_exit_slow(struct vcpu *vcpu)
{
	return handlers[vcpu->exit.reason].slow(vcpu);
}

static u64 vmx_counter(enum backend_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(vmx_counters, cpu)[counter]);
	return sum;
}

static const char *vmx_exit_name(unsigned int reason)
{
	static const struct {
		u32 reason;
		const char *name;
	} names[] = { VMX_EXIT_REASONS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].reason == reason)
			return names[i].name;
	return "OTHER";
}

static const struct backend vmx_backend = {
	.name			= "VT-x",
	.vm_init		= vmx_ept_init,
	.vm_destroy		= vmx_ept_destroy,
	.vcpu_alloc		= vmx_vcpu_alloc,
	.vcpu_free		= vmx_vcpu_free,
	.run			= vmx_run,
	.cache_reg		= vmx_cache_reg,
	.get_crs		= vmx_get_crs,
	.set_crs		= vmx_set_crs,
	.get_segment		= vmx_get_segment,
	.set_segment		= vmx_set_segment,
	.get_table		= vmx_get_table,
	.set_table		= vmx_set_table,
	.get_msr		= vmx_get_msr,
	.set_msr		= vmx_set_msr,
	.load_emulator		= vmx_load_emulator,
	.reset			= vmx_reset,
	.kick			= vmx_kick,
	.interrupt_allowed	= vmx_interrupt_allowed,
	.nmi_masked		= vmx_nmi_masked,
	.set_nmi_masked		= vmx_set_nmi_masked,
	.skip_instruction	= vmx_skip_instruction,
	.clear_shadow		= vmx_clear_shadow,
	.get_shadow		= vmx_get_shadow,
	.set_shadow		= vmx_set_shadow,
	.get_pdptrs		= vmx_get_pdptrs,
	.debug_changed		= vmx_debug_changed,
	.can_single_step	= vmx_can_single_step,
	.tsc_changed		= vmx_tsc_changed,
	.has_timer		= vmx_has_timer,
	.can_scale_tsc		= vmx_can_scale_tsc,
	.msr_filter_changed	= vmx_msr_filter_changed,
	.cpuid_changed		= vmx_cpuid_changed,
	.map			= vmx_ept_map,
	.zap			= vmx_ept_zap,
	.track_writes		= vmx_ept_track_writes,
	.sync_writes		= vmx_ept_sync_writes,
	.age			= vmx_ept_age,
	.flush			= vmx_ept_flush,
	.free_tables		= vmx_ept_free_tables,
	.counter		= vmx_counter,
	.exit_name		= vmx_exit_name,
};

/**
 * vmx_init - make VT-x the back end, if this processor has what we need
 *
 * Return: 0; -EOPNOTSUPP: the log says what is missing; -ENOMEM.
 */
int __init vmx_init(void)
{
	int ret = vmx_caps_init();

	if (!ret)
		ret = vmx_switch_init();
	if (!ret)
		ret = vmx_root_init();
	if (!ret)
		backend = &vmx_backend;
	return ret;
}

/**
 * vmx_exit - undo vmx_init(); no VM is left
 */
void vmx_exit(void)
{
	vmx_root_exit();
}
