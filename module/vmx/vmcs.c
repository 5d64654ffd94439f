// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMCS: one for each vCPU, made here, and moved between CPUs.
 *
 * A VMCS is active on one CPU at a time. Before another CPU may load it, the
 * first one has to flush it to memory (VMCLEAR). A thread that was moved finds
 * its VMCS on the old CPU and has it cleared there by an interrupt. Each CPU
 * keeps a list of what is loaded on it, so that it can go offline in order.
 *
 * SDM: "Virtual Machine Control Structures", "Software Use of Virtual-Machine
 * Control Structures".
 */
#include <linux/idr.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/nospec-branch.h>
#include <asm/trapnr.h>

#include "vmx.h"
#include "vmcs.h"

/*
 * PAUSEs at most so many TSC ticks apart are a loop, and one that lasts so many
 * ticks exits. As KVM has them.
 */
#define PAUSE_LOOP_GAP		128
#define PAUSE_LOOP_WINDOW	4096

static DEFINE_IDA(vpids);

/* Writes the VMCS back to memory. Interrupts are off. */
static void clear_here(struct vmx_vcpu *vx)
{
	if (this_cpu_read(vmx_cpu.current_vcpu) == vx)
		this_cpu_write(vmx_cpu.current_vcpu, NULL);
	vmx_vmclear(vx->vmcs);
	list_del(&vx->link);
	vx->launched = false;
	/* Whoever sees -1 may load it elsewhere: the VMCS goes first. */
	smp_store_release(&vx->cpu, -1);
}

static void clear_ipi(void *data)
{
	struct vmx_vcpu *vx = data;

	/* The CPU may have gone offline and come back meanwhile. */
	if (vx->cpu == smp_processor_id())
		clear_here(vx);
}

static void clear_anywhere(struct vmx_vcpu *vx)
{
	int cpu;

	for (;;) {
		/* Pairs with clear_here(): then the VMCS is in memory. */
		cpu = smp_load_acquire(&vx->cpu);
		if (cpu == -1)
			return;
		smp_call_function_single(cpu, clear_ipi, vx, 1);
	}
}

/**
 * vmx_forget_loaded - write back all VMCSs that are loaded on this CPU
 *
 * Interrupts are off; the CPU is about to leave VMX operation.
 */
void vmx_forget_loaded(void)
{
	struct list_head *loaded = this_cpu_ptr(&vmx_cpu.loaded);
	struct vmx_vcpu *vx, *next;

	list_for_each_entry_safe(vx, next, loaded, link)
		clear_here(vx);
}

/*
 * A guest must not steer the branch predictions of the next one. The kernel
 * sees to it between processes; this is for two VMs of one process as well.
 */
static void separate_predictions(struct vmx_vcpu *previous, struct vmx_vcpu *vx)
{
	if (compat_uses_ibpb() &&
	    (!previous || previous->vcpu.vm != vx->vcpu.vm))
		vmx_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

static void load_here(struct vmx_vcpu *vx)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	struct vmx_vcpu *previous = cpu->current_vcpu;
	bool moved = vx->cpu != smp_processor_id();
	unsigned long flags;

	if (moved)
		clear_anywhere(vx);
	local_irq_save(flags);
	if (moved) {
		list_add(&vx->link, &cpu->loaded);
		vx->cpu = smp_processor_id();
	}
	vmx_vmptrld(vx->vmcs);
	cpu->current_vcpu = vx;
	local_irq_restore(flags);
	separate_predictions(previous, vx);
	if (moved) {
		/* Translations made here before it left may be stale. */
		vx->flush_ept = true;
		vx->flush_vpid = true;
		vmcs_writel(HOST_TR_BASE, (unsigned long)
			    &get_cpu_entry_area(vx->cpu)->tss.x86_tss);
		vmcs_writel(HOST_GDTR_BASE, cpu->gdt.address);
		vmcs_writel(HOST_GS_BASE, cpu_kernelmode_gs_base(vx->cpu));
		vmcs_writel(HOST_IA32_SYSENTER_ESP, (unsigned long)
			    (cpu_entry_stack(vx->cpu) + 1));
		/*
		 * The machine may have slept, and its counter begun anew: have
		 * the timer looked at.
		 */
		if (vx->vcpu.irq.timer_tsc)
			vx->vcpu.irq.timer_tsc = 1;
	}
}

/**
 * vmx_load - make a vCPU's VMCS current where another one is
 * @vx: the vCPU
 *
 * Preemption is off before and after. On a CPU that is about to go offline the
 * thread waits until it is moved; a nested vmx_get() does not come here then, as
 * a CPU goes only when nobody has preemption off. When the machine is about to
 * be reset no CPU is better: what uses VMX operation is passed over.
 */
void vmx_load(struct vmx_vcpu *vx)
{
	while (unlikely(!this_cpu_read(vmx_cpu.enabled))) {
		if (vmx_root_is_left_for_good())
			return;
		preempt_enable();
		schedule_timeout_uninterruptible(1);
		preempt_disable();
	}
	if (this_cpu_read(vmx_cpu.current_vcpu) != vx)
		load_here(vx);
}

static void write_controls(struct vmx_vcpu *vx)
{
	struct guest_memory *memory = &vx->vcpu.vm->memory;
	u32 off = vx->vcpu.vm->options.exits_off;
	u32 cpu2 = vmx_caps.cpu2;

	/* Until the guest has them, there is a dirty log, it has an x2APIC. */
	cpu2 &= ~(SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID |
		  SECONDARY_EXEC_ENABLE_PML | APICV_CPU2);
	if (!vx->vpid)
		cpu2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	vx->controls.pin = vmx_caps.pin;
	vx->controls.cpu = vmx_caps.cpu & ~CPU_BASED_TPR_SHADOW;
	vx->controls.entry = vmx_caps.entry;
	if (off & MINIVMM_X86_DISABLE_EXITS_HLT)
		vx->controls.cpu &= ~CPU_BASED_HLT_EXITING;
	if (off & MINIVMM_X86_DISABLE_EXITS_MWAIT)
		vx->controls.cpu &= ~(CPU_BASED_MWAIT_EXITING |
				      CPU_BASED_MONITOR_EXITING);
	if (off & MINIVMM_X86_DISABLE_EXITS_PAUSE)
		cpu2 &= ~SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, vmx_caps.pin);
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, vx->controls.cpu);
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, cpu2);
	vmcs_write32(VM_EXIT_CONTROLS, vmx_caps.exit);
	vmcs_write32(VM_ENTRY_CONTROLS, vmx_caps.entry);
	/*
	 * A guest can make the processor deliver #DB or #AC for ever, without
	 * an instruction in between at which the host gets a turn.
	 */
	vmcs_write32(EXCEPTION_BITMAP, EXCEPTIONS_ALWAYS);
	vmcs_write64(MSR_BITMAP, __pa(vx->msr_bitmap));
	vmcs_write64(EPT_POINTER, vmx_ept_pointer(memory));
	vmcs_write64(VMCS_LINK_POINTER, ~0ULL);
	if (cpu2 & SECONDARY_EXEC_ENABLE_VPID)
		vmcs_write16(VIRTUAL_PROCESSOR_ID, vx->vpid);
	if (cpu2 & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write64(ENCLS_EXITING_BITMAP, ~0ULL);
	if (cpu2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING) {
		vmcs_write32(PLE_GAP, PAUSE_LOOP_GAP);
		vmcs_write32(PLE_WINDOW, PAUSE_LOOP_WINDOW);
	}
}

/**
 * vmx_msr_intercept - choose whether an MSR's accesses exit
 * @vx: the vCPU
 * @index: the MSR, of the low or the high range
 * @intercept: they exit
 */
void vmx_msr_intercept(struct vmx_vcpu *vx, u32 index, bool intercept)
{
	unsigned long *bitmap = vx->msr_bitmap;
	/* Four KiB: reads low, reads high, writes low, writes high. */
	unsigned int bit = (index & 0x1fff) + (index >> 31) * 8192;
	struct vm *vm = vx->vcpu.vm;

	__assign_bit(bit, bitmap, intercept ||
		     !msr_is_allowed(vm, index, MINIVMM_MSR_FILTER_READ));
	__assign_bit(bit + 2 * 8192, bitmap, intercept ||
		     !msr_is_allowed(vm, index, MINIVMM_MSR_FILTER_WRITE));
}

/* One of the low range. */
static void read_directly(struct vmx_vcpu *vx, u32 index)
{
	if (msr_is_allowed(vx->vcpu.vm, index, MINIVMM_MSR_FILTER_READ))
		__clear_bit(index, vx->msr_bitmap);
}

/*
 * MSRs that are in the VMCS: the guest's own whenever it runs, unless the owner
 * has taken them away.
 */
static void init_msr_bitmap(struct vmx_vcpu *vx)
{
	static const u32 direct[] = {
		MSR_FS_BASE, MSR_GS_BASE, MSR_IA32_SYSENTER_CS,
		MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	};
	static const u32 cstates[] = {
		MSR_CORE_C1_RES, MSR_CORE_C3_RESIDENCY, MSR_CORE_C6_RESIDENCY,
		MSR_CORE_C7_RESIDENCY,
	};
	unsigned int i;

	memset(vx->msr_bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(direct); i++)
		vmx_msr_intercept(vx, direct[i], false);
	/* Read like RDTSC, with the offset; a write moves the offset. */
	read_directly(vx, MSR_IA32_TSC);
	if (vx->vcpu.vm->options.exits_off & MINIVMM_X86_DISABLE_EXITS_CSTATE)
		for (i = 0; i < ARRAY_SIZE(cstates); i++)
			read_directly(vx, cstates[i]);
}

/**
 * vmx_msr_filter_changed - intercept what is not the guest's any more
 * @vcpu: the vCPU
 */
void vmx_msr_filter_changed(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);

	init_msr_bitmap(vx);
	vmx_msr_intercept(vx, MSR_KERNEL_GS_BASE, !vx->guest_syscall);
	vmx_apicv_intercept(vx);
}

static void alloc_vpid(struct vmx_vcpu *vx)
{
	int vpid;

	if (!vmx_has_cpu2(SECONDARY_EXEC_ENABLE_VPID))
		return;
	/* With none left the guest runs with 0: each entry and exit flushes. */
	vpid = ida_alloc_range(&vpids, 1, U16_MAX, GFP_KERNEL);
	vx->vpid = vpid > 0 ? vpid : 0;
}

/**
 * vmx_vcpu_alloc - make a vCPU in the state after RESET
 * @vm: its VM
 * @id: its number
 *
 * Return: the vCPU or ERR_PTR(-ENOMEM).
 */
struct vcpu *vmx_vcpu_alloc(struct vm *vm, u32 id)
{
	struct vmx_vcpu *vx;

	vx = kzalloc(sizeof(*vx), GFP_KERNEL_ACCOUNT);
	if (!vx)
		return ERR_PTR(-ENOMEM);
	vx->vcpu.vm = vm;
	vx->vcpu.id = id;
	vx->cpu = -1;
	vx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vx->msr_bitmap = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vx->vmcs || !vx->msr_bitmap || vmx_pml_alloc(vx) ||
	    vmx_apicv_alloc(vx)) {
		vmx_pml_free(vx);
		free_page((unsigned long)vx->msr_bitmap);
		free_page((unsigned long)vx->vmcs);
		kfree(vx);
		return ERR_PTR(-ENOMEM);
	}
	*(u32 *)vx->vmcs = vmx_caps.revision;
	alloc_vpid(vx);
	init_msr_bitmap(vx);
	vmx_get(vx);
	write_controls(vx);
	vmx_host_state_init(vx);
	vmx_write_cr_masks();
	vmx_state_reset(vx);
	vmx_put();
	return &vx->vcpu;
}

/**
 * vmx_vcpu_free - undo vmx_vcpu_alloc()
 * @vcpu: nobody uses it any more
 */
void vmx_vcpu_free(struct vcpu *vcpu)
{
	struct vmx_vcpu *vx = to_vmx(vcpu);

	clear_anywhere(vx);
	if (vx->vpid)
		ida_free(&vpids, vx->vpid);
	vmx_apicv_free(vx);
	vmx_pml_free(vx);
	free_page((unsigned long)vx->msr_bitmap);
	free_page((unsigned long)vx->vmcs);
	kfree(vx);
}
