/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The border between minivmm and a processor's virtualization extension.
 *
 * Everything above this line is the architecture (a guest's CPU as its manual
 * defines it) and the process model; everything below is how one vendor's
 * extension does it. vmx/ is the one back end; another would fill in the same
 * operations. The most frequent exits never come up here: the back end's run
 * loop handles them itself.
 */
#ifndef MINIVMM_BACKEND_H
#define MINIVMM_BACKEND_H

#include "minivmm.h"

/**
 * struct vcpu_control_regs - control registers as the guest sees them
 */
struct vcpu_control_regs {
	unsigned long cr0;
	unsigned long cr3;
	unsigned long cr4;
};

/* What a back end counts, over all CPUs, since the module was loaded. */
enum backend_counter {
	COUNTER_STATE_READS,	/* VMREAD */
	COUNTER_STATE_WRITES,	/* VMWRITE */
	COUNTER_MSR_WRITES,
	COUNTER_EXITS,
	NR_BACKEND_COUNTERS
};

/* Segment registers beyond the six of &enum x86_seg. */
enum {
	SEG_LDTR = X86_SEG_COUNT,
	SEG_TR,
	NR_SEGS
};

/**
 * struct backend - what a virtualization extension does for minivmm
 * @name: of the extension
 * @vm_init: makes the second-level page tables and takes a reference on the
 *           extension; -EBUSY: somebody else holds it; -ENOMEM
 * @vm_destroy: undoes @vm_init
 * @vcpu_alloc: a zeroed vCPU inside the back end's own structure, in the state
 *              after RESET; ERR_PTR(-ENOMEM) otherwise
 * @vcpu_free: undoes @vcpu_alloc
 * @run: enters the guest until an exit cannot be handled with preemption off,
 *       then handles that one too; 1: enter again, 0: back to the caller, or
 *       an errno
 * @cache_reg: fetches a register of &enum cached_reg
 * @get_crs: reads CR0, CR3 and CR4
 * @set_crs: writes them, checked by the caller; EFER is already in the vCPU
 * @get_segment: reads a segment register
 * @set_segment: writes one
 * @get_table: reads GDTR or (@idt) IDTR
 * @set_table: writes it
 * @get_msr: reads an MSR that the back end keeps; 1: it keeps no such MSR
 * @set_msr: writes one
 * @reset: the state after RESET or INIT; what INIT leaves alone is not touched
 * @kick: if the vCPU is in the guest, makes it exit; interrupts may be off
 * @interrupt_allowed: the guest would take an external interrupt now
 * @nmi_masked: it is in an NMI's handler, until IRET
 * @set_nmi_masked: has it be there, or not
 * @load_emulator: gives the vCPU's emulator and page walk the state they look
 *                 at, and vcpu->exit.gva if it is valid; all at once, because
 *                 every MMIO access needs it
 * @skip_instruction: steps over the instruction that exited
 * @clear_shadow: ends the interrupt shadow of STI and MOV SS
 * @get_shadow: MINIVMM_X86_SHADOW_INT_*
 * @set_shadow: writes it
 * @get_pdptrs: fetches PAE's page-directory pointers
 * @debug_changed: the debug registers in the vCPU are new
 * @can_single_step: the guest can be stopped after each instruction
 * @tsc_changed: its time stamp counter's rate or offset is
 * @msr_filter_changed: the VM's filter of MSRs is new
 * @has_timer: it ends the guest at vcpu->irq.timer_tsc
 * @can_scale_tsc: the counter can have another rate than the host's
 * @cpuid_changed: the guest's CPUID is new
 * @map: maps a guest frame, in a page as large as can be; called under the
 *       memory's lock; tables come from @cache; returns false if it ran out
 * @zap: unmaps guest frames, with the large pages that they are part of; under
 *       the lock; true if anything was mapped
 * @track_writes: lets the next write to each frame be noticed, by a fault or
 *                (small pages, if memory->pml) by the processor's log; under the
 *                lock; true if a flush is due
 * @sync_writes: what the processors have logged until now is in the dirty logs
 *               when this returns
 * @age: whether guest frames were used; under the lock; @clear: and take that
 *       note away (only if memory->ad)
 * @flush: makes every CPU forget translations that were changed before
 * @free_tables: unmaps guest frames and frees the tables that become empty;
 *               under the lock
 * @counter: one of &enum backend_counter
 * @exit_name: an exit reason in words
 */
struct backend {
	const char *name;
	int (*vm_init)(struct vm *vm);
	void (*vm_destroy)(struct vm *vm);
	struct vcpu *(*vcpu_alloc)(struct vm *vm, u32 id);
	void (*vcpu_free)(struct vcpu *vcpu);
	int (*run)(struct vcpu *vcpu);

	void (*cache_reg)(struct vcpu *vcpu, enum cached_reg reg);
	void (*get_crs)(struct vcpu *vcpu, struct vcpu_control_regs *crs);
	void (*set_crs)(struct vcpu *vcpu, const struct vcpu_control_regs *crs);
	void (*get_segment)(struct vcpu *vcpu, unsigned int seg,
			    struct x86_segment *segment);
	void (*set_segment)(struct vcpu *vcpu, unsigned int seg,
			    const struct x86_segment *segment);
	void (*get_table)(struct vcpu *vcpu, bool idt, u64 *base, u16 *limit);
	void (*set_table)(struct vcpu *vcpu, bool idt, u64 base, u16 limit);
	int (*get_msr)(struct vcpu *vcpu, u32 index, u64 *data);
	int (*set_msr)(struct vcpu *vcpu, u32 index, u64 data);
	void (*load_emulator)(struct vcpu *vcpu);
	void (*reset)(struct vcpu *vcpu);
	void (*kick)(struct vcpu *vcpu);
	bool (*interrupt_allowed)(struct vcpu *vcpu);
	bool (*nmi_masked)(struct vcpu *vcpu);
	void (*set_nmi_masked)(struct vcpu *vcpu, bool masked);
	void (*skip_instruction)(struct vcpu *vcpu);
	void (*clear_shadow)(struct vcpu *vcpu);
	u8 (*get_shadow)(struct vcpu *vcpu);
	void (*set_shadow)(struct vcpu *vcpu, u8 shadow);
	void (*get_pdptrs)(struct vcpu *vcpu);
	void (*debug_changed)(struct vcpu *vcpu);
	bool (*can_single_step)(void);
	void (*tsc_changed)(struct vcpu *vcpu);
	void (*msr_filter_changed)(struct vcpu *vcpu);
	bool (*has_timer)(void);
	bool (*can_scale_tsc)(void);
	void (*cpuid_changed)(struct vcpu *vcpu);

	bool (*map)(struct vm *vm, const struct page_mapping *mapping,
		    struct table_cache *cache);
	bool (*zap)(struct guest_memory *memory, u64 gfn, u64 nr);
	bool (*track_writes)(struct guest_memory *memory, u64 gfn, u64 nr);
	void (*sync_writes)(struct vm *vm);
	bool (*age)(struct guest_memory *memory, u64 gfn, u64 nr, bool clear);
	void (*flush)(struct vm *vm);
	void (*free_tables)(struct vm *vm, u64 gfn, u64 nr);

	u64 (*counter)(enum backend_counter counter);
	const char *(*exit_name)(unsigned int reason);
};

extern const struct backend *backend;

int vmx_init(void);
void vmx_exit(void);

#endif
