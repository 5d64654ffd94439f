/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract, continued: the rest of a vCPU's state, clocks, the dirty log,
 * guest debugging and what can be switched on.
 *
 * Part of <linux/minivmm.h>, which includes it; the same rules hold.
 */
#ifndef _UAPI_LINUX_MINIVMM_STATE_H
#define _UAPI_LINUX_MINIVMM_STATE_H

#include <linux/types.h>

/* ---- Registers --------------------------------------------------------- */

/* minivmm_sregs2.flags */
#define MINIVMM_SREGS2_FLAGS_PDPTRS_VALID	1

/**
 * struct minivmm_sregs2 - for MINIVMM_GET_SREGS2 and MINIVMM_SET_SREGS2
 * @cs: as in &struct minivmm_sregs, and all that follow up to @apic_base
 * @ds: segment register
 * @es: segment register
 * @fs: segment register
 * @gs: segment register
 * @ss: segment register
 * @tr: task register
 * @ldt: local descriptor table register
 * @gdt: global descriptor table register
 * @idt: interrupt descriptor table register
 * @cr0: control register
 * @cr2: control register
 * @cr3: control register
 * @cr4: control register
 * @cr8: task priority
 * @efer: IA32_EFER
 * @apic_base: IA32_APIC_BASE
 * @flags: MINIVMM_SREGS2_FLAGS_*
 * @pdptrs: page-directory-pointer-table entries of PAE paging
 */
struct minivmm_sregs2 {
	struct minivmm_segment cs, ds, es, fs, gs, ss;
	struct minivmm_segment tr, ldt;
	struct minivmm_dtable gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8;
	__u64 efer;
	__u64 apic_base;
	__u64 flags;
	__u64 pdptrs[4];
};

/**
 * struct minivmm_debugregs - for MINIVMM_GET_DEBUGREGS and MINIVMM_SET_DEBUGREGS
 * @db: DR0 to DR3
 * @dr6: status
 * @dr7: control
 * @flags: must be 0
 * @reserved: not used
 */
struct minivmm_debugregs {
	__u64 db[4];
	__u64 dr6;
	__u64 dr7;
	__u64 flags;
	__u64 reserved[9];
};

/**
 * struct minivmm_xsave - for MINIVMM_GET_XSAVE, GET_XSAVE2 and SET_XSAVE
 * @region: the XSAVE area, not compacted
 * @extra: its rest, as long as MINIVMM_CAP_XSAVE2 says on the VM fd
 */
struct minivmm_xsave {
	__u32 region[1024];
	__u32 extra[];
};

#define MINIVMM_MAX_XCRS			16

/**
 * struct minivmm_xcr - an extended control register
 * @xcr: its number
 * @reserved: not used
 * @value: of it
 */
struct minivmm_xcr {
	__u32 xcr;
	__u32 reserved;
	__u64 value;
};

/**
 * struct minivmm_xcrs - for MINIVMM_GET_XCRS and MINIVMM_SET_XCRS
 * @nr_xcrs: how many are valid
 * @flags: must be 0
 * @xcrs: the registers; there is one, XCR0
 * @padding: not used
 */
struct minivmm_xcrs {
	__u32 nr_xcrs;
	__u32 flags;
	struct minivmm_xcr xcrs[MINIVMM_MAX_XCRS];
	__u64 padding[16];
};

/* ---- Events and life --------------------------------------------------- */

/* minivmm_vcpu_events.flags: what SET_VCPU_EVENTS takes besides the rest */
#define MINIVMM_VCPUEVENT_VALID_NMI_PENDING	0x00000001
#define MINIVMM_VCPUEVENT_VALID_SIPI_VECTOR	0x00000002
#define MINIVMM_VCPUEVENT_VALID_SHADOW		0x00000004
#define MINIVMM_VCPUEVENT_VALID_SMM		0x00000008
#define MINIVMM_VCPUEVENT_VALID_PAYLOAD		0x00000010
#define MINIVMM_VCPUEVENT_VALID_TRIPLE_FAULT	0x00000020

/* minivmm_vcpu_events.interrupt.shadow */
#define MINIVMM_X86_SHADOW_INT_MOV_SS		0x01
#define MINIVMM_X86_SHADOW_INT_STI		0x02

/**
 * struct minivmm_vcpu_events - for MINIVMM_GET_VCPU_EVENTS and SET_VCPU_EVENTS
 * @exception: injected: its delivery has begun; pending: it has not
 * @interrupt: whose delivery has begun, and the interrupt shadow
 * @nmi: the same for an NMI; masked: until IRET
 * @sipi_vector: where a started vCPU begins
 * @flags: MINIVMM_VCPUEVENT_VALID_*
 * @smi: system management mode, which there is not; latched_init: an INIT waits
 * @triple_fault: the vCPU shuts down
 * @reserved: not used
 * @exception_has_payload: @exception_payload is valid
 * @exception_payload: CR2 of a pending #PF, bits of DR6 of a pending #DB
 */
struct minivmm_vcpu_events {
	struct {
		__u8 injected;
		__u8 nr;
		__u8 has_error_code;
		__u8 pending;
		__u32 error_code;
	} exception;
	struct {
		__u8 injected;
		__u8 nr;
		__u8 soft;
		__u8 shadow;
	} interrupt;
	struct {
		__u8 injected;
		__u8 pending;
		__u8 masked;
		__u8 pad;
	} nmi;
	__u32 sipi_vector;
	__u32 flags;
	struct {
		__u8 smm;
		__u8 pending;
		__u8 smm_inside_nmi;
		__u8 latched_init;
	} smi;
	struct {
		__u8 pending;
	} triple_fault;
	__u8 reserved[26];
	__u8 exception_has_payload;
	__u64 exception_payload;
};

/* minivmm_mp_state.mp_state */
#define MINIVMM_MP_STATE_RUNNABLE		0
#define MINIVMM_MP_STATE_UNINITIALIZED		1
#define MINIVMM_MP_STATE_INIT_RECEIVED		2
#define MINIVMM_MP_STATE_HALTED			3
#define MINIVMM_MP_STATE_SIPI_RECEIVED		4

/**
 * struct minivmm_mp_state - for MINIVMM_GET_MP_STATE and MINIVMM_SET_MP_STATE
 * @mp_state: MINIVMM_MP_STATE_*
 */
struct minivmm_mp_state {
	__u32 mp_state;
};

/* ---- Registers in struct minivmm_run ----------------------------------- */

/* minivmm_run.kvm_valid_regs and kvm_dirty_regs */
#define MINIVMM_SYNC_X86_REGS			1UL
#define MINIVMM_SYNC_X86_SREGS			2UL
#define MINIVMM_SYNC_X86_EVENTS			4UL

/**
 * struct minivmm_sync_regs - state that goes in and out with MINIVMM_RUN
 * @regs: with MINIVMM_SYNC_X86_REGS
 * @sregs: with MINIVMM_SYNC_X86_SREGS
 * @events: with MINIVMM_SYNC_X86_EVENTS
 */
struct minivmm_sync_regs {
	struct minivmm_regs regs;
	struct minivmm_sregs sregs;
	struct minivmm_vcpu_events events;
};

/* ---- The dirty log ----------------------------------------------------- */

/* minivmm_enable_cap.args[0] for MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2 */
#define MINIVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE	1
#define MINIVMM_DIRTY_LOG_INITIALLY_SET		2

/**
 * struct minivmm_dirty_log - for MINIVMM_GET_DIRTY_LOG
 * @slot: whose
 * @padding1: not used
 * @dirty_bitmap: where it goes: a bit a page, in multiples of 64
 */
struct minivmm_dirty_log {
	__u32 slot;
	__u32 padding1;
	union {
		void *dirty_bitmap;
		__u64 padding2;
	};
};

/**
 * struct minivmm_clear_dirty_log - for MINIVMM_CLEAR_DIRTY_LOG
 * @slot: whose
 * @num_pages: how many bits, a multiple of 64 unless it ends with the slot
 * @first_page: of them, a multiple of 64
 * @dirty_bitmap: bits that are to be watched again
 */
struct minivmm_clear_dirty_log {
	__u32 slot;
	__u32 num_pages;
	__u64 first_page;
	union {
		void *dirty_bitmap;
		__u64 padding2;
	};
};

/* ---- Clocks ------------------------------------------------------------ */

/* minivmm_clock_data.flags */
#define MINIVMM_CLOCK_TSC_STABLE		2
#define MINIVMM_CLOCK_REALTIME			4
#define MINIVMM_CLOCK_HOST_TSC			8

/**
 * struct minivmm_clock_data - for MINIVMM_GET_CLOCK and MINIVMM_SET_CLOCK
 * @clock: the guest's kvmclock, in ns
 * @flags: MINIVMM_CLOCK_*
 * @pad0: not used
 * @realtime: CLOCK_REALTIME at that time, in ns
 * @host_tsc: the host's TSC at that time
 * @pad: not used
 */
struct minivmm_clock_data {
	__u64 clock;
	__u32 flags;
	__u32 pad0;
	__u64 realtime;
	__u64 host_tsc;
	__u32 pad[4];
};

/* minivmm_device_attr.group of a vCPU, and its attributes */
#define MINIVMM_VCPU_TSC_CTRL			0
#define MINIVMM_VCPU_TSC_OFFSET			0

/* minivmm_device_attr.attr of the system fd, group 0 */
#define MINIVMM_X86_XCOMP_GUEST_SUPP		0

/**
 * struct minivmm_device_attr - for MINIVMM_SET_DEVICE_ATTR and its like
 * @flags: must be 0
 * @group: of attributes
 * @attr: which
 * @addr: address of the value
 */
struct minivmm_device_attr {
	__u32 flags;
	__u32 group;
	__u64 attr;
	__u64 addr;
};

/* ---- Guest debugging --------------------------------------------------- */

/* minivmm_guest_debug.control */
#define MINIVMM_GUESTDBG_ENABLE			0x00000001
#define MINIVMM_GUESTDBG_SINGLESTEP		0x00000002
#define MINIVMM_GUESTDBG_USE_SW_BP		0x00010000
#define MINIVMM_GUESTDBG_USE_HW_BP		0x00020000
#define MINIVMM_GUESTDBG_INJECT_DB		0x00040000
#define MINIVMM_GUESTDBG_INJECT_BP		0x00080000
#define MINIVMM_GUESTDBG_BLOCKIRQ		0x00100000

/**
 * struct minivmm_guest_debug_arch - breakpoints of the debugger
 * @debugreg: DR0 to DR3, and DR7
 */
struct minivmm_guest_debug_arch {
	__u64 debugreg[8];
};

/**
 * struct minivmm_guest_debug - for MINIVMM_SET_GUEST_DEBUG
 * @control: MINIVMM_GUESTDBG_*
 * @pad: not used
 * @arch: the breakpoints
 */
struct minivmm_guest_debug {
	__u32 control;
	__u32 pad;
	struct minivmm_guest_debug_arch arch;
};

/**
 * struct minivmm_translation - for MINIVMM_TRANSLATE
 * @linear_address: in: a gva
 * @physical_address: out: its gpa
 * @valid: out: it has one
 * @writeable: out: always 1
 * @usermode: out: always 0
 * @pad: not used
 */
struct minivmm_translation {
	__u64 linear_address;
	__u64 physical_address;
	__u8  valid;
	__u8  writeable;
	__u8  usermode;
	__u8  pad[5];
};

/* ---- Machine checks ---------------------------------------------------- */

/**
 * struct minivmm_x86_mce - for MINIVMM_X86_SET_MCE
 * @status: IA32_MCi_STATUS
 * @addr: IA32_MCi_ADDR
 * @misc: IA32_MCi_MISC
 * @mcg_status: IA32_MCG_STATUS
 * @bank: which
 * @pad1: not used
 * @pad2: not used
 */
struct minivmm_x86_mce {
	__u64 status;
	__u64 addr;
	__u64 misc;
	__u64 mcg_status;
	__u8 bank;
	__u8 pad1[7];
	__u64 pad2[3];
};

/* ---- MSRs that the caller serves --------------------------------------- */

#define MINIVMM_MSR_FILTER_MAX_BITMAP_SIZE	0x600
#define MINIVMM_MSR_FILTER_MAX_RANGES		16

/* minivmm_msr_filter_range.flags */
#define MINIVMM_MSR_FILTER_READ			1
#define MINIVMM_MSR_FILTER_WRITE		2

/* minivmm_msr_filter.flags */
#define MINIVMM_MSR_FILTER_DEFAULT_ALLOW	0
#define MINIVMM_MSR_FILTER_DEFAULT_DENY		1

/**
 * struct minivmm_msr_filter_range - neighbouring MSRs
 * @flags: MINIVMM_MSR_FILTER_READ and WRITE: what @bitmap is about
 * @nmsrs: how many
 * @base: the first
 * @bitmap: a bit for each: 1: as ever, 0: not for the guest
 */
struct minivmm_msr_filter_range {
	__u32 flags;
	__u32 nmsrs;
	__u32 base;
	__u8 *bitmap;
};

/**
 * struct minivmm_msr_filter - for MINIVMM_X86_SET_MSR_FILTER
 * @flags: MINIVMM_MSR_FILTER_DEFAULT_*: MSRs in no range
 * @ranges: those with nmsrs 0 are not used
 */
struct minivmm_msr_filter {
	__u32 flags;
	struct minivmm_msr_filter_range ranges[MINIVMM_MSR_FILTER_MAX_RANGES];
};

/* ---- Switching things on ----------------------------------------------- */

/* minivmm_enable_cap.args[0] for MINIVMM_CAP_X86_DISABLE_EXITS */
#define MINIVMM_X86_DISABLE_EXITS_MWAIT		1
#define MINIVMM_X86_DISABLE_EXITS_HLT		2
#define MINIVMM_X86_DISABLE_EXITS_PAUSE		4
#define MINIVMM_X86_DISABLE_EXITS_CSTATE	8

/* minivmm_enable_cap.args[0] for MINIVMM_CAP_DISABLE_QUIRKS */
#define MINIVMM_X86_QUIRK_LINT0_REENABLED	1
#define MINIVMM_X86_QUIRK_CD_NW_CLEARED		2
#define MINIVMM_X86_QUIRK_LAPIC_MMIO_HOLE	4
#define MINIVMM_X86_QUIRK_OUT_7E_INC_RIP	8
#define MINIVMM_X86_QUIRK_MISC_ENABLE_NO_MWAIT	0x10
#define MINIVMM_X86_QUIRK_FIX_HYPERCALL_INSN	0x20
#define MINIVMM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS	0x40

/**
 * struct minivmm_enable_cap - for MINIVMM_ENABLE_CAP
 * @cap: MINIVMM_CAP_*
 * @flags: must be 0
 * @args: the capability's own
 * @pad: not used
 */
struct minivmm_enable_cap {
	__u32 cap;
	__u32 flags;
	__u64 args[4];
	__u8  pad[64];
};

#endif
