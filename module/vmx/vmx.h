/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to this folder: VT-x, the back end of minivmm.
 *
 * In reading order: caps.c (what the processor can do), root.c (VMX root
 * operation on each CPU), vmcs.c (the VMCS, made and moved between CPUs),
 * state.c (the guest's state in it), interruptibility.c (when it takes an
 * interrupt), reset.c (its first state), ept.c (guest-physical memory), pml.c
 * (which of it was written), switch.c (host registers that VT-x does not
 * switch), enter.S (the door), run.c (the loop around it), exits.c (one table:
 * what happens at a VM exit), control_regs.c (the exits of CR and DR accesses)
 * and apicv.c (interrupts without exits).
 */
#ifndef MINIVMM_VMX_H
#define MINIVMM_VMX_H

#include <linux/list.h>
#include <linux/percpu.h>

#include "../backend.h"
#include "../compat.h"

/* DR7: the bit that is always set; accesses to debug registers are a trap. */
#define DR7_FIXED	0x400
#define DR7_GD		0x2000
/* DR6: such an access was the cause. */
#define DR6_BD		0x2000

/* Not in the kernel's list of exit reasons. */
#define EXIT_REASON_GETSEC	11

/* What exit handlers answer besides 1, 0 and an errno. */
enum {
	EXIT_SLOW = 2,	/* call the handler for thread context */
	EXIT_LEAVE = 3,	/* handled; leave the window before the next entry */
};

/**
 * struct vmx_caps - VM-execution controls as this processor takes them
 * @revision: VMCS revision identifier
 * @pin: pin-based controls
 * @cpu: primary processor-based controls
 * @cpu2: secondary processor-based controls
 * @exit: VM-exit controls
 * @entry: VM-entry controls, for a guest outside IA-32e mode
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP
 * @monitor_trap: the monitor trap flag is there
 * @timer: the VMX-preemption timer is, and can be relied on
 * @timer_shift: one tick of it is 1 << this of the TSC
 */
struct vmx_caps {
	u32 revision;
	u32 pin;
	u32 cpu;
	u32 cpu2;
	u32 exit;
	u32 entry;
	u64 ept_vpid;
	bool monitor_trap;
	bool timer;
	u8 timer_shift;
};

/* How far the processor virtualizes the local APIC. */
enum apicv_mode {
	APICV_NONE,
	APICV_TPR,	/* the task priority, as CR8 */
	APICV_X2APIC,	/* interrupts, EOI and most reads of an x2APIC */
};

/**
 * struct vmx_apicv - a local APIC in hardware, see apicv.c
 * @page: the virtual-APIC page, or NULL
 * @mode: &enum apicv_mode
 * @lent: interrupts are in @page
 * @threshold: what was written to TPR_THRESHOLD
 * @eoi_exits: to EOI_EXIT_BITMAP0 to 3
 */
struct vmx_apicv {
	u32 *page;
	enum apicv_mode mode;
	bool lent;
	u32 threshold;
	u64 eoi_exits[4];
};

/* The MSRs of the SYSCALL instruction. */
struct syscall_msrs {
	u64 star, lstar, cstar, mask;
};

/* Host registers to be put back when the window is left. */
struct host_registers {
	u64 kernel_gs_base;
	u64 debugctl;
	u64 fs_base, user_gs_base;
	unsigned long dr[4];
	unsigned long dr7;
	u16 ds, es, fs, gs, ldt;
};

/*
 * A guest can make the processor deliver the first two for ever. The last may be
 * an instruction that the guest has, and the processor has not (undefined.c).
 */
#define EXCEPTIONS_ALWAYS	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | \
				 BIT(X86_TRAP_MC) | BIT(X86_TRAP_UD))

/* What a VM entry injects. */
enum injected_event {
	INJECTED_NOTHING, INJECTED_EXCEPTION, INJECTED_NMI, INJECTED_INTERRUPT
};

/**
 * struct vmx_vcpu - a vCPU with what VT-x needs for it
 * @vcpu: the vCPU itself
 * @vmcs: the VMCS, a page
 * @msr_bitmap: which MSRs the guest reaches without an exit, a page
 * @link: in the list of VMCSs loaded on @cpu
 * @cpu: where the VMCS is loaded; -1: nowhere
 * @vpid: tag of its translations; 0: none was left
 * @launched: the next entry is VMRESUME
 * @in_guest: a flush has to interrupt it
 * @flush_ept: forget guest-physical translations before the next entry
 * @flush_vpid: forget linear ones
 * @flush_generation: of the memory, when this vCPU last forgot
 * @controls: copies of the controls that change
 * @host_rsp: the stack to go back to at a VM exit, see enter.S
 * @host: copies of host fields in the VMCS that may change
 * @cr0_shadow: what is in the VMCS's read shadow of CR0
 * @cr4_shadow: of CR4
 * @crs: control registers, if CACHED_CRS
 * @cs_ar: access rights of CS, if CACHED_AR
 * @ss_ar: those of SS
 * @guest_syscall: it is in long mode, with SYSCALL and SWAPGS
 * @msrs_loaded: its KERNEL_GS_BASE is in the processor now
 * @syscall_loaded: so are its SYSCALL MSRs
 * @tsc_aux_loaded: so is its TSC_AUX
 * @dr_loaded: so are its breakpoint addresses
 * @injected: what was in the last entry
 * @interrupt_deferred: an interrupt waits behind an exception
 * @pdptrs_valid: the PAE pointers read outside the window can be used
 * @apicv: the local APIC, as far as the processor virtualizes it
 * @loaded: what the MSRs of SYSCALL have in the window
 * @saved: host registers
 * @pml: the processor's log of pages written, a page; NULL: not used
 * @pml_on: it logs
 * @eptp: the EPT pointer in the VMCS
 */
struct vmx_vcpu {
	struct vcpu vcpu;
	void *vmcs;
	void *msr_bitmap;
	struct list_head link;
	int cpu;
	u16 vpid;
	bool launched;
	bool in_guest;
	bool flush_ept;
	bool flush_vpid;
	u64 flush_generation;
	struct {
		u32 pin;
		u32 cpu;
		u32 entry;
	} controls;
	unsigned long host_rsp;
	struct {
		unsigned long cr3;
		unsigned long cr4;
		unsigned long fs_base;
		u64 perf_global_ctrl;
	} host;
	unsigned long cr0_shadow;
	unsigned long cr4_shadow;
	struct vcpu_control_regs crs;
	u32 cs_ar;
	u32 ss_ar;
	bool guest_syscall;
	bool msrs_loaded;
	bool syscall_loaded;
	bool tsc_aux_loaded;
	bool dr_loaded;
	enum injected_event injected;
	bool interrupt_deferred;
	bool pdptrs_valid;
	struct vmx_apicv apicv;
	struct syscall_msrs loaded;
	struct host_registers saved;
	u64 *pml;
	bool pml_on;
	u64 eptp;
};

/**
 * struct vmx_cpu - VT-x on one physical CPU
 * @vmxon: the VMXON region, a page
 * @current_vcpu: whose VMCS is current
 * @loaded: all that are loaded here
 * @gdt: the GDT's address and limit, which a VM exit spoils
 * @syscall: the host's values, which do not change while we are loaded
 * @tsc_aux: likewise
 * @enabled: in VMX root operation
 */
struct vmx_cpu {
	void *vmxon;
	struct vmx_vcpu *current_vcpu;
	struct list_head loaded;
	struct desc_ptr gdt;
	struct syscall_msrs syscall;
	u64 tsc_aux;
	bool enabled;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);
extern struct vmx_caps vmx_caps;

static inline struct vmx_vcpu *to_vmx(struct vcpu *vcpu)
{
	return container_of(vcpu, struct vmx_vcpu, vcpu);
}

static inline bool vmx_has_cpu2(u32 control)
{
	return vmx_caps.cpu2 & control;
}

/* caps.c */
int vmx_caps_init(void);
int vmx_caps_check_cpu(void);

/* root.c */
int vmx_root_init(void);
void vmx_root_exit(void);
int vmx_root_get(void);
void vmx_root_put(void);
bool vmx_root_is_left_for_good(void);

/* vmcs.c */
struct vcpu *vmx_vcpu_alloc(struct vm *vm, u32 id);
void vmx_vcpu_free(struct vcpu *vcpu);
void vmx_load(struct vmx_vcpu *vx);
void vmx_forget_loaded(void);
void vmx_msr_filter_changed(struct vcpu *vcpu);
void vmx_msr_intercept(struct vmx_vcpu *vx, u32 index, bool intercept);

/**
 * vmx_get - make a vCPU's VMCS current on this CPU
 * @vx: the vCPU
 *
 * Preemption is off from here to vmx_put(); the pair may be nested.
 */
static __always_inline void vmx_get(struct vmx_vcpu *vx)
{
	preempt_disable();
	if (unlikely(this_cpu_read(vmx_cpu.current_vcpu) != vx))
		vmx_load(vx);
}

/**
 * vmx_put - undo vmx_get(); the VMCS stays loaded
 */
static __always_inline void vmx_put(void)
{
	preempt_enable();
}

/* state.c */
void vmx_write_cr_masks(void);
void vmx_cache_reg(struct vcpu *vcpu, enum cached_reg reg);
void vmx_cache_rip_and_rflags(struct vcpu *vcpu);
void vmx_get_crs(struct vcpu *vcpu, struct vcpu_control_regs *crs);
void vmx_set_crs(struct vcpu *vcpu, const struct vcpu_control_regs *crs);
unsigned long vmx_get_cr0(struct vmx_vcpu *vx);
unsigned long vmx_get_cr4(struct vmx_vcpu *vx);
void vmx_load_emulator(struct vcpu *vcpu);
void vmx_set_cr0(struct vmx_vcpu *vx, unsigned long cr0);
void vmx_set_cr4(struct vmx_vcpu *vx, unsigned long cr4);
void vmx_set_efer(struct vmx_vcpu *vx, u64 efer);
void vmx_write_pdptrs(struct vmx_vcpu *vx);
void vmx_get_segment(struct vcpu *vcpu, unsigned int seg,
		     struct x86_segment *segment);
void vmx_set_segment(struct vcpu *vcpu, unsigned int seg,
		     const struct x86_segment *segment);
void vmx_get_table(struct vcpu *vcpu, bool idt, u64 *base, u16 *limit);
void vmx_set_table(struct vcpu *vcpu, bool idt, u64 base, u16 limit);
int vmx_get_msr(struct vcpu *vcpu, u32 index, u64 *data);
int vmx_set_msr(struct vcpu *vcpu, u32 index, u64 data);
unsigned int vmx_cpl(struct vcpu *vcpu);
unsigned int vmx_mode(struct vcpu *vcpu);
void vmx_cpuid_changed(struct vcpu *vcpu);
void vmx_get_pdptrs(struct vcpu *vcpu);
void vmx_debug_changed(struct vcpu *vcpu);
bool vmx_can_single_step(void);
void vmx_tsc_changed(struct vcpu *vcpu);
bool vmx_can_scale_tsc(void);
bool vmx_has_timer(void);

/* interruptibility.c */
bool vmx_interrupt_allowed(struct vcpu *vcpu);
bool vmx_nmi_masked(struct vcpu *vcpu);
void vmx_set_nmi_masked(struct vcpu *vcpu, bool masked);
bool vmx_nmi_allowed(void);
void vmx_clear_shadow(struct vcpu *vcpu);
u8 vmx_get_shadow(struct vcpu *vcpu);
void vmx_set_shadow(struct vcpu *vcpu, u8 shadow);
void vmx_skip_instruction(struct vcpu *vcpu);

/* reset.c */
void vmx_state_reset(struct vmx_vcpu *vx);
void vmx_reset(struct vcpu *vcpu);

/* ept.c */
int vmx_ept_init(struct vm *vm);
void vmx_ept_destroy(struct vm *vm);
u64 vmx_ept_pointer(const struct guest_memory *memory);
bool vmx_ept_map(struct vm *vm, const struct page_mapping *mapping,
		 struct table_cache *cache);
bool vmx_ept_zap(struct guest_memory *memory, u64 gfn, u64 nr);
bool vmx_ept_track_writes(struct guest_memory *memory, u64 gfn, u64 nr);
bool vmx_ept_age(struct guest_memory *memory, u64 gfn, u64 nr, bool clear);
void vmx_ept_sync_writes(struct vm *vm);
void vmx_ept_free_tables(struct vm *vm, u64 gfn, u64 nr);
void vmx_ept_flush(struct vm *vm);
void vmx_ept_flush_local(struct vmx_vcpu *vx);

/* pml.c */
int vmx_pml_alloc(struct vmx_vcpu *vx);
void vmx_pml_free(struct vmx_vcpu *vx);
void vmx_pml_update(struct vmx_vcpu *vx);
void vmx_pml_flush(struct vmx_vcpu *vx);

/* switch.c */
int vmx_switch_init(void);
void vmx_host_state_init(struct vmx_vcpu *vx);
void vmx_host_state_cpu(struct vmx_cpu *cpu);
void vmx_switch_to_guest(struct vmx_vcpu *vx);
void vmx_switch_to_host(struct vmx_vcpu *vx);

/* enter.S */
bool vmx_enter(unsigned long *regs, bool launched, unsigned long *host_rsp);
extern const char vmx_exit_point[];

/* run.c */
int vmx_run(struct vcpu *vcpu);
void vmx_kick(struct vcpu *vcpu);

/* apicv.c */
#define APICV_CPU2	(SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |	\
			 SECONDARY_EXEC_APIC_REGISTER_VIRT |		\
			 SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
void vmx_apicv_choose(struct vmx_caps *caps);
int vmx_apicv_alloc(struct vmx_vcpu *vx);
void vmx_apicv_free(struct vmx_vcpu *vx);
void vmx_apicv_update(struct vmx_vcpu *vx);
void vmx_apicv_intercept(struct vmx_vcpu *vx);
void vmx_apicv_lend(struct vmx_vcpu *vx);
void vmx_apicv_take_back(struct vmx_vcpu *vx);
void vmx_apicv_msr(struct vmx_vcpu *vx, u32 msr);
int vmx_exit_tpr_below_threshold(struct vmx_vcpu *vx);
int vmx_exit_eoi(struct vmx_vcpu *vx);

/* exits.c */
int vmx_handle_exit(struct vmx_vcpu *vx);
int vmx_handle_exit_slow(struct vcpu *vcpu);

/* control_regs.c */
int vmx_exit_cr(struct vmx_vcpu *vx);
int vmx_exit_cr_slow(struct vcpu *vcpu);
int vmx_exit_dr(struct vmx_vcpu *vx);
int vmx_exit_xsetbv_slow(struct vcpu *vcpu);

#endif
