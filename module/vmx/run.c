// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window: the guest runs, exits, and runs again, with preemption off.
 *
 * Everything dear is done once per window: the FPU, the MSRs, the host's
 * segments. Inside, most exits (CPUID, control registers, MSRs) are handled
 * with interrupts off and the guest is entered again at once. The window ends
 * when an exit needs what only a thread can do (memory, the owner), and with
 * every interrupt of the host, so it cannot keep others from the CPU for longer
 * than the host's own timer allows: an interrupt that comes while an exit is
 * being handled makes the next entry exit again before the guest gets a turn.
 *
 * SDM: "VM Entries", "VM Exits".
 */
#include <asm/fpu/api.h>
#include <asm/trapnr.h>
#include <uapi/asm/kvm_para.h>

#include "vmx.h"
#include "vmcs.h"

/* Needed by the tracepoint alone. */
static u64 vmx_exit_qualification(void)
{
	return vmcs_readl(EXIT_QUALIFICATION);
}

#define CREATE_TRACE_POINTS
#include "../trace.h"

/* What the host's CR3 and CR4 are now, for the next exit to find. */
static void update_host_crs(struct vmx_vcpu *vx)
{
	unsigned long cr3 = __read_cr3();
	unsigned long cr4 = __read_cr4();

	if (unlikely(cr3 != vx->host.cr3)) {
		vx->host.cr3 = cr3;
		vmcs_writel(HOST_CR3, cr3);
	}
	if (unlikely(cr4 != vx->host.cr4)) {
		vx->host.cr4 = cr4;
		vmcs_writel(HOST_CR4, cr4);
	}
}

static void write_dirty_regs(struct vcpu *vcpu)
{
	if (vcpu->dirty & CACHED_RIP)
		vmcs_writel(GUEST_RIP, vcpu->rip);
	if (vcpu->dirty & CACHED_RSP)
		vmcs_writel(GUEST_RSP, vcpu->regs[X86_RSP]);
	if (vcpu->dirty & CACHED_RFLAGS)
		vmcs_writel(GUEST_RFLAGS, vcpu->rflags);
	vcpu->dirty = 0;
}

/* An exit as soon as the guest would take an interrupt (or an NMI). */
static void set_window(struct vmx_vcpu *vx, u32 control, bool on)
{
	u32 controls = vx->controls.cpu & ~control;

	/* A debugger that steps does not want to see handlers. */
	if (on && !vcpu_debugged(&vx->vcpu, MINIVMM_GUESTDBG_BLOCKIRQ))
		controls |= control;
	if (controls != vx->controls.cpu) {
		vx->controls.cpu = controls;
		vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, controls);
	}
}

static void inject_exception(struct vmx_vcpu *vx)
{
	const struct vcpu_events *events = &vx->vcpu.events;
	u32 info = events->exception.vector | INTR_INFO_VALID_MASK;

	/* Real mode pushes no error codes. */
	if (events->exception.has_error && vmx_get_cr0(vx) & X86_CR0_PE) {
		info |= INTR_INFO_DELIVER_CODE_MASK;
		vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE,
			     events->exception.error);
	}
	if (events->exception.soft) {
		info |= INTR_TYPE_SOFT_EXCEPTION;
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, events->soft_length);
	} else {
		info |= INTR_TYPE_HARD_EXCEPTION;
	}
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, info);
}

static void inject_interrupt(struct vmx_vcpu *vx)
{
	const struct vcpu_events *events = &vx->vcpu.events;
	u32 info = events->interrupt.vector | INTR_INFO_VALID_MASK;

	if (events->interrupt.soft) {
		info |= INTR_TYPE_SOFT_INTR;
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, events->soft_length);
	} else {
		info |= INTR_TYPE_EXT_INTR;
	}
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, info);
}

static void inject_nmi(void)
{
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, X86_TRAP_NMI |
		     INTR_TYPE_NMI_INTR | INTR_INFO_VALID_MASK);
}

/*
 * A guest whose HLT does not exit (X86_DISABLE_EXITS) halts in its own processor,
 * which then has this state, and RIP behind HLT. An exception could not be
 * delivered there.
 */
static void end_hlt(struct vmx_vcpu *vx)
{
	if (unlikely(vx->vcpu.vm->options.exits_off &
		     MINIVMM_X86_DISABLE_EXITS_HLT))
		vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
}

/*
 * One event an entry. What has begun comes first, then an NMI; an interrupt
 * behind another event waits for its window.
 */
static void inject_event(struct vmx_vcpu *vx)
{
	struct vcpu_events *events = &vx->vcpu.events;
	bool interrupt = events->interrupt.queued;

	vx->injected = INJECTED_NOTHING;
	if (events->exception.queued) {
		vx->injected = INJECTED_EXCEPTION;
		vcpu_deliver_payload(&vx->vcpu);
		inject_exception(vx);
	} else if (events->nmi.injected) {
		vx->injected = INJECTED_NMI;
	} else if (interrupt && !vx->interrupt_deferred) {
		vx->injected = INJECTED_INTERRUPT;
	} else if (events->nmi.pending && vmx_nmi_allowed() &&
		   !vcpu_debugged(&vx->vcpu, MINIVMM_GUESTDBG_BLOCKIRQ)) {
		events->nmi.pending--;
		events->nmi.injected = true;
		vx->injected = INJECTED_NMI;
	} else if (interrupt && vmx_interrupt_allowed(&vx->vcpu)) {
		vx->injected = INJECTED_INTERRUPT;
	}
	if (vx->injected)
		end_hlt(vx);
	if (vx->injected == INJECTED_NMI)
		inject_nmi();
	if (vx->injected == INJECTED_INTERRUPT)
		inject_interrupt(vx);
	vx->interrupt_deferred = interrupt && vx->injected != INJECTED_INTERRUPT;
	if (vx->interrupt_deferred)
		set_window(vx, CPU_BASED_INTR_WINDOW_EXITING, true);
	set_window(vx, CPU_BASED_NMI_WINDOW_EXITING, events->nmi.pending);
}

/* An event of which the exit does not say that it got stuck is delivered. */
static void event_delivered(struct vmx_vcpu *vx)
{
	struct vcpu_events *events = &vx->vcpu.events;

	switch (vx->injected) {
	case INJECTED_EXCEPTION:
		events->exception.queued = false;
		break;
	case INJECTED_NMI:
		events->nmi.injected = false;
		break;
	default:
		events->interrupt.queued = false;
	}
	vx->injected = INJECTED_NOTHING;
}

/*
 * What the vCPU's local APIC or the PIC has for the guest is queued if it can be
 * delivered now; else the guest exits when it can.
 */
static void take_interrupt(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	bool more = false;

	vmx_apicv_take_back(vx);
	clear_bit(VCPU_REQ_INTERRUPT, &vcpu->irq.requests);
	/* What the processor delivers by itself is not pending here any more. */
	if (vx->apicv.mode == APICV_X2APIC)
		vmx_apicv_lend(vx);
	if (vcpu_irq_pending(vcpu)) {
		more = true;
		if (!vcpu_event_begun(vcpu) && vmx_interrupt_allowed(vcpu) &&
		    !vcpu_debugged(vcpu, MINIVMM_GUESTDBG_BLOCKIRQ)) {
			int vector = vcpu_irq_take(vcpu);

			if (vector >= 0)
				vcpu_queue_interrupt(vcpu, vector);
			more = vcpu_irq_pending(vcpu);
		}
	}
	set_window(vx, CPU_BASED_INTR_WINDOW_EXITING,
		   more || vx->interrupt_deferred ||
		   vcpu_wants_interrupt_window(vcpu));
	/* Where the processor does EOIs they do not exit anyway. */
	if (vcpu->irq.pv_eoi & KVM_MSR_ENABLED &&
	    vx->apicv.mode != APICV_X2APIC)
		vcpu_pv_eoi_offer(vcpu);
	if (vx->apicv.mode == APICV_TPR)
		vmx_apicv_lend(vx);
}

/*
 * Before the exit is looked at, which may be about the local APIC. If the guest's
 * memory is not there now, that is done when the window is closed.
 */
static void take_back_eoi(struct vmx_vcpu *vx)
{
	vmx_apicv_take_back(vx);
	vcpu_pv_eoi_take_back(&vx->vcpu, false);
}

/* The guest is to be left when its local APIC's timer is due. */
static void set_timer(struct vmx_vcpu *vx)
{
	u64 left, now = rdtsc(), at = vx->vcpu.irq.timer_tsc;
	u32 controls = vx->controls.pin & ~PIN_BASED_VMX_PREEMPTION_TIMER;

	if (at) {
		controls |= PIN_BASED_VMX_PREEMPTION_TIMER;
		/* Not before: it would have to be asked for again. */
		left = at > now ? ((at - now - 1) >> vmx_caps.timer_shift) + 1 : 0;
		vmcs_write32(VMX_PREEMPTION_TIMER_VALUE,
			     min_t(u64, left, U32_MAX));
	}
	if (controls != vx->controls.pin) {
		vx->controls.pin = controls;
		vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, controls);
	}
}

/* Into the guest and out again, once. True: the entry failed at once. */
static bool enter_once(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	bool failed;

	if (unlikely(test_bit(VCPU_REQ_INTERRUPT, &vcpu->irq.requests)))
		take_interrupt(vx);
	if (unlikely(vcpu_event_queued(vcpu)))
		inject_event(vx);
	if (unlikely(vx->flush_vpid || vx->flush_ept))
		vmx_ept_flush_local(vx);
	if (vcpu->irq.timer_tsc ||
	    unlikely(vx->controls.pin & PIN_BASED_VMX_PREEMPTION_TIMER))
		set_timer(vx);
	if (vcpu->dirty)
		write_dirty_regs(vcpu);
	update_host_crs(vx);
	if (unlikely(vcpu->cr2 != native_read_cr2()))
		native_write_cr2(vcpu->cr2);
	trace_entry(vcpu->id);
	failed = vmx_enter(vcpu->regs, vx->launched, &vx->host_rsp);
	vcpu->cr2 = native_read_cr2();
	vcpu->cached = 0;
	vcpu->stats.entries++;
	if (unlikely(failed))
		return true;
	vmx_count(COUNTER_EXITS);
	vcpu->exit.reason = vmcs_read32(VM_EXIT_REASON);
	if (likely(!(vcpu->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY)))
		vx->launched = true;
	vcpu->stats.exits[min_t(u16, vcpu->exit.reason,
				MINIVMM_NR_EXITS - 1)]++;
	trace_exit(vcpu);
	return false;
}

/* The owner is told what the processor said; the state stays as it was. */
static int entry_failed(struct vmx_vcpu *vx, u64 reason)
{
	struct minivmm_run *run = vx->vcpu.run;

	/* What was to be injected is still queued. */
	if (vx->injected)
		vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vx->injected = INJECTED_NOTHING;
	run->exit_reason = MINIVMM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason = reason;
	run->fail_entry.cpu = raw_smp_processor_id();
	return 0;
}

/* Enters until something has to be done outside; as vmx_handle_exit(). */
static int enter_often(struct vmx_vcpu *vx)
{
	struct vcpu *vcpu = &vx->vcpu;
	int ret;

	do {
		if (unlikely(enter_once(vx)))
			return entry_failed(vx, vmcs_read32(VM_INSTRUCTION_ERROR));
		if (unlikely(vcpu->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
			return entry_failed(vx, vcpu->exit.reason);
		if (unlikely(vx->injected))
			event_delivered(vx);
		if (unlikely(vcpu->irq.eoi_offered))
			take_back_eoi(vx);
		ret = vmx_handle_exit(vx);
	} while (ret == 1 && !vcpu->events.triple_fault &&
		 !vcpu->events.stepped && !vcpu->irq.vapic_addr &&
		 !vcpu->irq.eoi_offered &&
		 !(READ_ONCE(vcpu->irq.requests) & ~BIT(VCPU_REQ_INTERRUPT)));
	return ret;
}

/* Whether the thread has something better to do. Interrupts are off. */
static bool must_not_enter(struct vcpu *vcpu)
{
	return compat_work_pending() ||
	       READ_ONCE(vcpu->irq.requests) & ~BIT(VCPU_REQ_INTERRUPT) ||
	       !this_cpu_read(vmx_cpu.enabled);
}

static int window(struct vmx_vcpu *vx)
{
	struct guest_memory *memory = &vx->vcpu.vm->memory;
	struct vcpu_stats *stats = &vx->vcpu.stats;
	int ret = EXIT_LEAVE;
	u64 start;

	local_irq_disable();
	start = rdtsc();
	WRITE_ONCE(vx->in_guest, true);
	/* Pairs with the barrier in ept.c: we are inside, then the generation. */
	smp_mb();
	if (READ_ONCE(memory->flush_generation) != vx->flush_generation)
		vx->flush_ept = true;
	if (!must_not_enter(&vx->vcpu)) {
		vmx_switch_to_guest(vx);
		ret = enter_often(vx);
		vmx_apicv_take_back(vx);
		vmx_switch_to_host(vx);
		if (unlikely(vx->pml_on))
			vmx_pml_flush(vx);
	}
	/* Pairs with the barrier in ept.c: what was logged, then that we are out. */
	smp_store_release(&vx->in_guest, false);
	local_irq_enable();
	stats->longest_window = max(stats->longest_window, rdtsc() - start);
	return ret;
}

/**
 * vmx_run - run the guest until an exit has been handled outside the window
 * @vcpu: the vCPU
 *
 * Return: 1: enter again; 0: back to the owner; or an errno.
 */
int vmx_run(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);
	bool window_wanted;
	int ret;

	if (unlikely(vmx_root_is_left_for_good())) {
		schedule_timeout_interruptible(1);
		return 1;
	}
	vmx_get(vx);
	if (vcpu_has_lapic(vcpu)) {
		vcpu_timer_to_guest(vcpu);
		vmx_apicv_update(vx);
		set_bit(VCPU_REQ_INTERRUPT, &vcpu->irq.requests);
	} else {
		window_wanted = vcpu_wants_interrupt_window(vcpu);
		set_window(vx, CPU_BASED_INTR_WINDOW_EXITING,
			   window_wanted || vx->interrupt_deferred);
	}
	guest_fpu_load(vcpu);
	ret = window(vx);
	guest_fpu_save(vcpu);
	vmx_put();
	if (unlikely(vcpu->irq.eoi_offered))
		vcpu_pv_eoi_take_back(vcpu, true);
	if (unlikely(vcpu->irq.vapic_addr))
		vcpu_vapic_from_guest(vcpu);
	if (ret == EXIT_SLOW)
		return vmx_handle_exit_slow(vcpu);
	return ret == EXIT_LEAVE ? 1 : ret;
}

/**
 * vmx_kick - make a vCPU leave the guest, if it is there
 * @vcpu: the vCPU; interrupts may be off
 */
void vmx_kick(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);
	int cpu = READ_ONCE(vx->cpu);

	/* Pairs with the barrier in window(): the request, then who is inside. */
	smp_mb();
	if (READ_ONCE(vx->in_guest) && cpu >= 0 && cpu != raw_smp_processor_id())
		compat_send_reschedule(cpu);
}
