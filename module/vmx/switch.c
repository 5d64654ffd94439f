// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host registers that VT-x does not switch, or switches to what the VMCS says.
 *
 * Three kinds: fields of the host-state area that are the same on every entry
 * (written once), those that follow the CPU (written when a vCPU moves) or the
 * thread (compared on every entry, written when they changed); registers that
 * a VM exit loads with fixed values and that have to be put back; and MSRs that
 * the guest uses directly (SYSCALL, KERNEL_GS_BASE, TSC_AUX). The window, from
 * vmx_switch_to_guest() to vmx_switch_to_host(), has preemption off: nobody
 * else on this CPU sees the guest's values.
 *
 * SDM: "Host-State Area", "Loading Host State".
 */
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/cpu_entry_area.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/segment.h>

#include "vmx.h"
#include "vmcs.h"

static bool flush_l1d __ro_after_init;
static bool clear_cpu_buffers __ro_after_init;

/**
 * vmx_switch_init - find out which side channels have to be closed at entry
 *
 * Return: 0.
 */
int __init vmx_switch_init(void)
{
	if (cpu_mitigations_off())
		return 0;
	flush_l1d = boot_cpu_has_bug(X86_BUG_L1TF) &&
		    boot_cpu_has(X86_FEATURE_FLUSH_L1D);
	clear_cpu_buffers = boot_cpu_has_bug(X86_BUG_MDS) &&
			    boot_cpu_has(X86_FEATURE_MD_CLEAR);
	return 0;
}

/**
 * vmx_host_state_cpu - note what belongs to this CPU
 * @cpu: this CPU's
 */
void vmx_host_state_cpu(struct vmx_cpu *cpu)
{
	native_store_gdt(&cpu->gdt);
	rdmsrq(MSR_STAR, cpu->syscall.star);
	rdmsrq(MSR_LSTAR, cpu->syscall.lstar);
	rdmsrq(MSR_CSTAR, cpu->syscall.cstar);
	rdmsrq(MSR_SYSCALL_MASK, cpu->syscall.mask);
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID))
		rdmsrq(MSR_TSC_AUX, cpu->tsc_aux);
}

/**
 * vmx_host_state_init - write the host fields that never change
 * @vx: its VMCS is current
 */
void vmx_host_state_init(struct vmx_vcpu *vx)
{
	struct desc_ptr idt;
	u64 value;

	store_idt(&idt);
	vmcs_writel(HOST_IDTR_BASE, idt.address);
	vmcs_writel(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_FS_SELECTOR, 0);
	vmcs_write16(HOST_GS_SELECTOR, 0);
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	rdmsrq(MSR_IA32_SYSENTER_CS, value);
	vmcs_write32(HOST_IA32_SYSENTER_CS, value);
	rdmsrq(MSR_IA32_SYSENTER_EIP, value);
	vmcs_writel(HOST_IA32_SYSENTER_EIP, value);
	rdmsrq(MSR_EFER, value);
	vmcs_write64(HOST_IA32_EFER, value);
	vmcs_writel(HOST_RSP, (unsigned long)&vx->host_rsp);
	vmcs_writel(HOST_RIP, (unsigned long)vmx_exit_point);
	vmcs_writel(HOST_CR3, 0);
	vmcs_writel(HOST_CR4, 0);
	vmcs_writel(HOST_FS_BASE, 0);
}

static u64 user_fs_base(void)
{
	u64 base;

	if (boot_cpu_has(X86_FEATURE_FSGSBASE))
		return rdfsbase();
	rdmsrq(MSR_FS_BASE, base);
	return base;
}

/*
 * Few processes have an LDT, and the kernel knows which: SLDT may exit where we
 * are a guest ourselves. One that is made or freed meanwhile is loaded by an
 * interrupt, after the window.
 */
static bool may_have_ldt(void)
{
#ifdef CONFIG_MODIFY_LDT_SYSCALL
	return READ_ONCE(current->mm->context.ldt);
#else
	return false;
#endif
}

/* Selectors of a 64-bit thread are 0; those of a 32-bit one are not. */
static void save_segments(struct vmx_vcpu *vx)
{
	struct host_registers *saved = &vx->saved;

	savesegment(ds, saved->ds);
	savesegment(es, saved->es);
	savesegment(fs, saved->fs);
	savesegment(gs, saved->gs);
	saved->ldt = 0;
	if (unlikely(may_have_ldt()))
		asm("sldt %0" : "=m" (saved->ldt));
	if (unlikely(saved->gs))
		saved->user_gs_base = vmx_rdmsr(MSR_KERNEL_GS_BASE);
	saved->fs_base = user_fs_base();
	if (saved->fs_base != vx->host.fs_base) {
		vx->host.fs_base = saved->fs_base;
		vmcs_writel(HOST_FS_BASE, saved->fs_base);
	}
}

static void restore_segments(const struct host_registers *saved)
{
	if (unlikely(saved->ldt))
		asm volatile("lldt %0" : : "m" (saved->ldt));
	if (unlikely(saved->ds))
		loadsegment(ds, saved->ds);
	if (unlikely(saved->es))
		loadsegment(es, saved->es);
	/* A thread may have given FS and GS bases other than the descriptors'. */
	if (unlikely(saved->gs)) {
		load_gs_index(saved->gs);
		vmx_wrmsr(MSR_KERNEL_GS_BASE, saved->user_gs_base);
	}
	if (unlikely(saved->fs)) {
		loadsegment(fs, saved->fs);
		vmx_wrmsr(MSR_FS_BASE, saved->fs_base);
	}
}

static void change_msr(u32 index, u64 from, u64 to)
{
	if (from != to)
		vmx_wrmsr(index, to);
}

/* From what is loaded now: the guest may have asked for other values since. */
static void change_syscall_msrs(const struct syscall_msrs *from,
				const struct syscall_msrs *to)
{
	change_msr(MSR_STAR, from->star, to->star);
	change_msr(MSR_LSTAR, from->lstar, to->lstar);
	change_msr(MSR_CSTAR, from->cstar, to->cstar);
	change_msr(MSR_SYSCALL_MASK, from->mask, to->mask);
}

/*
 * MSRs that the guest uses in long mode without an exit. A write costs ten times
 * a comparison, and what both have is often the same (0).
 */
static void load_guest_msrs(struct vmx_vcpu *vx)
{
	const struct vcpu_msrs *msrs = &vx->vcpu.msrs;
	struct host_registers *saved = &vx->saved;

	if (vx->guest_syscall) {
		saved->kernel_gs_base = vmx_rdmsr(MSR_KERNEL_GS_BASE);
		change_msr(MSR_KERNEL_GS_BASE, saved->kernel_gs_base,
			   msrs->kernel_gs_base);
		if (vx->vcpu.efer & EFER_SCE) {
			vx->loaded = (struct syscall_msrs){
				.star = msrs->star,
				.lstar = msrs->lstar,
				.cstar = msrs->cstar,
				.mask = msrs->syscall_mask,
			};
			change_syscall_msrs(this_cpu_ptr(&vmx_cpu.syscall),
					    &vx->loaded);
		}
		vx->msrs_loaded = true;
		vx->syscall_loaded = vx->vcpu.efer & EFER_SCE;
	}
	if (vx->vcpu.cpuid.tsc_aux &&
	    msrs->tsc_aux != this_cpu_read(vmx_cpu.tsc_aux)) {
		vmx_wrmsr(MSR_TSC_AUX, msrs->tsc_aux);
		vx->tsc_aux_loaded = true;
	}
}

static void restore_host_msrs(struct vmx_vcpu *vx)
{
	const struct host_registers *saved = &vx->saved;
	struct vcpu_msrs *msrs = &vx->vcpu.msrs;

	if (vx->msrs_loaded) {
		msrs->kernel_gs_base = vmx_rdmsr(MSR_KERNEL_GS_BASE);
		change_msr(MSR_KERNEL_GS_BASE, msrs->kernel_gs_base,
			   saved->kernel_gs_base);
		if (vx->syscall_loaded)
			change_syscall_msrs(&vx->loaded,
					    this_cpu_ptr(&vmx_cpu.syscall));
		vx->msrs_loaded = false;
	}
	if (vx->tsc_aux_loaded) {
		vmx_wrmsr(MSR_TSC_AUX, this_cpu_read(vmx_cpu.tsc_aux));
		vx->tsc_aux_loaded = false;
	}
}

/*
 * The guest's breakpoints need the address registers; the host's own
 * breakpoints come back with DR7, which a VM exit switches off.
 */
static void load_debug_registers(struct vmx_vcpu *vx)
{
	struct host_registers *saved = &vx->saved;
	const struct vcpu *vcpu = &vx->vcpu;

	/* Reading the register itself exits where we are a guest ourselves. */
	saved->dr7 = __this_cpu_read(cpu_dr7);
	if (!(vcpu_dr7_in_force(vcpu) & 0xff))
		return;
	saved->dr[0] = native_get_debugreg(0);
	saved->dr[1] = native_get_debugreg(1);
	saved->dr[2] = native_get_debugreg(2);
	saved->dr[3] = native_get_debugreg(3);
	native_set_debugreg(7, 0UL);
	native_set_debugreg(0, vcpu_dr_in_force(vcpu, 0));
	native_set_debugreg(1, vcpu_dr_in_force(vcpu, 1));
	native_set_debugreg(2, vcpu_dr_in_force(vcpu, 2));
	native_set_debugreg(3, vcpu_dr_in_force(vcpu, 3));
	vx->dr_loaded = true;
}

static void restore_debug_registers(struct vmx_vcpu *vx)
{
	const struct host_registers *saved = &vx->saved;

	if (vx->dr_loaded) {
		native_set_debugreg(0, saved->dr[0]);
		native_set_debugreg(1, saved->dr[1]);
		native_set_debugreg(2, saved->dr[2]);
		native_set_debugreg(3, saved->dr[3]);
		vx->dr_loaded = false;
	}
	if (unlikely(saved->dr7))
		native_set_debugreg(7, saved->dr7);
}

/* The host's performance counters must not write while the guest runs. */
static void load_perf_control(struct vmx_vcpu *vx)
{
	u64 control;

	if (!(vmx_caps.entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL))
		return;
	control = vmx_rdmsr(MSR_CORE_PERF_GLOBAL_CTRL);
	if (control != vx->host.perf_global_ctrl) {
		vx->host.perf_global_ctrl = control;
		vmcs_write64(HOST_IA32_PERF_GLOBAL_CTRL, control);
	}
}

static void close_side_channels(void)
{
	static const u16 selector = __KERNEL_DS;

	if (flush_l1d)
		vmx_wrmsr(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	if (clear_cpu_buffers)
		asm volatile("verw %0" : : "m" (selector) : "cc");
}

/**
 * vmx_switch_to_guest - begin the window
 * @vx: its VMCS is current, interrupts are off
 */
void vmx_switch_to_guest(struct vmx_vcpu *vx)
{
	save_segments(vx);
	load_guest_msrs(vx);
	load_debug_registers(vx);
	load_perf_control(vx);
	vx->saved.debugctl = vmx_rdmsr(MSR_IA32_DEBUGCTLMSR);
	close_side_channels();
}

/**
 * vmx_switch_to_host - end the window
 * @vx: its VMCS is current, interrupts are off
 */
void vmx_switch_to_host(struct vmx_vcpu *vx)
{
	restore_host_msrs(vx);
	restore_segments(&vx->saved);
	/* A VM exit leaves limits of 64 KiB; the IDT cannot be longer anyway. */
	native_load_gdt(this_cpu_ptr(&vmx_cpu.gdt));
	/* TR's limit does not reach the I/O bitmap now: reload it when needed. */
	invalidate_tss_limit();
	restore_debug_registers(vx);
	if (unlikely(vx->saved.debugctl))
		vmx_wrmsr(MSR_IA32_DEBUGCTLMSR, vx->saved.debugctl);
	/* User space, too, must not follow branches that the guest trained. */
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
}
