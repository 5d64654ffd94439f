/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract between the kernel module and its clients: every number and
 * every structure that crosses the boundary, and nothing else.
 *
 * It is KVM's x86 ABI under names of its own: MINIVMM_X is KVM_X of
 * <linux/kvm.h>, struct minivmm_x is struct kvm_x, each with the same number,
 * size and layout. A client of /dev/kvm therefore works on /dev/minivmm
 * without being rebuilt. selftests/ioctl/abi.c compares all of it, name by
 * name, when it is compiled.
 *
 * What each call does, and each error it can return, is in
 * Documentation/abi.md. Two parts have a file of their own: interrupt controllers
 * (minivmm_irq.h), and what a client needs that saves, restores, times or debugs a
 * guest (minivmm_state.h). Read next: module/main.c, which answers the calls on
 * /dev/minivmm.
 */
#ifndef _UAPI_LINUX_MINIVMM_H
#define _UAPI_LINUX_MINIVMM_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/minivmm_irq.h>

/**
 * MINIVMM_API_VERSION - what MINIVMM_GET_API_VERSION returns
 *
 * It has been 12 in KVM since Linux 2.6.22 and is not expected to change:
 * what is new is announced by capabilities.
 */
#define MINIVMM_API_VERSION			12

/* The type byte of all ioctl numbers. */
#define MINIVMMIO				0xAE

/*
 * mmap() of a vCPU fd. Page 0 holds struct minivmm_run; the page at
 * MINIVMM_PIO_PAGE_OFFSET holds the data of port I/O. Clients find that data
 * by minivmm_run.io.data_offset rather than by this number.
 */
#define MINIVMM_PIO_PAGE_OFFSET			1

/* Interrupt vectors of an x86 CPU: the size of minivmm_sregs.interrupt_bitmap. */
#define MINIVMM_NR_INTERRUPTS			256

/* ---- Guest memory ------------------------------------------------------ */

/* minivmm_userspace_memory_region.flags */

/* Record which pages are written. */
#define MINIVMM_MEM_LOG_DIRTY_PAGES		1UL
/* The guest may only read; its writes leave as MINIVMM_EXIT_MMIO. */
#define MINIVMM_MEM_READONLY			2UL

/**
 * struct minivmm_userspace_memory_region - for MINIVMM_SET_USER_MEMORY_REGION
 * @slot: which slot to create, change, move or delete
 * @flags: MINIVMM_MEM_* bits
 * @guest_phys_addr: gpa at which the slot starts, a multiple of 4096
 * @memory_size: bytes, a multiple of 4096; 0 deletes the slot
 * @userspace_addr: hva of the first byte, a multiple of 4096
 */
struct minivmm_userspace_memory_region {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
};

/* ---- Registers --------------------------------------------------------- */

/**
 * struct minivmm_regs - for MINIVMM_GET_REGS and MINIVMM_SET_REGS
 * @rax: general register; the order of the others is KVM's, not the encoding's
 * @rbx: general register
 * @rcx: general register
 * @rdx: general register
 * @rsi: general register
 * @rdi: general register
 * @rsp: stack pointer
 * @rbp: general register
 * @r8: general register
 * @r9: general register
 * @r10: general register
 * @r11: general register
 * @r12: general register
 * @r13: general register
 * @r14: general register
 * @r15: general register
 * @rip: offset of the next instruction in CS
 * @rflags: flags; bit 1 reads as 1 whatever was set
 */
struct minivmm_regs {
	__u64 rax, rbx, rcx, rdx;
	__u64 rsi, rdi, rsp, rbp;
	__u64 r8,  r9,  r10, r11;
	__u64 r12, r13, r14, r15;
	__u64 rip, rflags;
};

/**
 * struct minivmm_segment - a segment register with its hidden part
 * @base: linear address of the segment's first byte
 * @limit: offset of the last byte, in bytes (the granularity is applied)
 * @selector: what the guest's program sees
 * @type: type field of the descriptor
 * @present: P
 * @dpl: descriptor privilege level
 * @db: D/B: default operand size, or size of the stack
 * @s: 1 for code and data, 0 for a system segment
 * @l: L: 64-bit code
 * @g: G: granularity
 * @avl: bit left to software
 * @unusable: loaded with a null selector
 * @padding: not used
 */
struct minivmm_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u8  type;
	__u8  present, dpl, db, s, l, g, avl;
	__u8  unusable;
	__u8  padding;
};

/**
 * struct minivmm_dtable - GDTR or IDTR
 * @base: linear address of the table
 * @limit: offset of its last byte
 * @padding: not used
 */
struct minivmm_dtable {
	__u64 base;
	__u16 limit;
	__u16 padding[3];
};

/**
 * struct minivmm_sregs - for MINIVMM_GET_SREGS and MINIVMM_SET_SREGS
 * @cs: code segment; its @dpl is the CPL in protected mode
 * @ds: data segment
 * @es: data segment
 * @fs: data segment
 * @gs: data segment
 * @ss: stack segment
 * @tr: task register
 * @ldt: local descriptor table register
 * @gdt: global descriptor table register
 * @idt: interrupt descriptor table register
 * @cr0: control register
 * @cr2: linear address of the last page fault
 * @cr3: top of the paging structures
 * @cr4: control register
 * @cr8: task priority
 * @efer: MSR IA32_EFER
 * @apic_base: MSR IA32_APIC_BASE
 * @interrupt_bitmap: the one external interrupt that waits to be injected
 */
struct minivmm_sregs {
	struct minivmm_segment cs, ds, es, fs, gs, ss;
	struct minivmm_segment tr, ldt;
	struct minivmm_dtable gdt, idt;
	__u64 cr0, cr2, cr3, cr4, cr8;
	__u64 efer;
	__u64 apic_base;
	__u64 interrupt_bitmap[(MINIVMM_NR_INTERRUPTS + 63) / 64];
};

/**
 * struct minivmm_fpu - for MINIVMM_GET_FPU and MINIVMM_SET_FPU
 * @fpr: ST0 to ST7, ten bytes each in sixteen
 * @fcw: x87 control word
 * @fsw: x87 status word
 * @ftwx: x87 tag word, abridged as FXSAVE stores it
 * @pad1: not used
 * @last_opcode: x87 FOP
 * @last_ip: x87 instruction pointer
 * @last_dp: x87 data pointer
 * @xmm: XMM0 to XMM15
 * @mxcsr: SSE control and status; GET leaves it 0 and SET ignores it, as in KVM
 * @pad2: not used
 */
struct minivmm_fpu {
	__u8  fpr[8][16];
	__u16 fcw;
	__u16 fsw;
	__u8  ftwx;
	__u8  pad1;
	__u16 last_opcode;
	__u64 last_ip;
	__u64 last_dp;
	__u8  xmm[16][16];
	__u32 mxcsr;
	__u32 pad2;
};

/**
 * struct minivmm_msr_entry - one MSR and its value
 * @index: the MSR's number, as in ECX for RDMSR
 * @reserved: not used
 * @data: its value
 */
struct minivmm_msr_entry {
	__u32 index;
	__u32 reserved;
	__u64 data;
};

/**
 * struct minivmm_msrs - for MINIVMM_GET_MSRS and MINIVMM_SET_MSRS
 * @nmsrs: how many @entries follow
 * @pad: not used
 * @entries: done in this order, until the first that fails
 */
struct minivmm_msrs {
	__u32 nmsrs;
	__u32 pad;
	struct minivmm_msr_entry entries[];
};

/**
 * struct minivmm_msr_list - for MINIVMM_GET_MSR_INDEX_LIST
 * @nmsrs: in: room in @indices; out: how many there are
 * @indices: numbers of the MSRs that a client should save and restore
 */
struct minivmm_msr_list {
	__u32 nmsrs;
	__u32 indices[];
};

/* minivmm_cpuid_entry2.flags */

/* The answer depends on ECX: @index counts. */
#define MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX	1
/* Not set by any KVM since Linux 5.8; kept because the numbers are taken. */
#define MINIVMM_CPUID_FLAG_STATEFUL_FUNC	2
#define MINIVMM_CPUID_FLAG_STATE_READ_NEXT	4

/**
 * struct minivmm_cpuid_entry2 - what CPUID answers for one leaf (and subleaf)
 * @function: EAX on input
 * @index: ECX on input, where MINIVMM_CPUID_FLAG_SIGNIFCANT_INDEX is set
 * @flags: MINIVMM_CPUID_FLAG_* bits
 * @eax: answer
 * @ebx: answer
 * @ecx: answer
 * @edx: answer
 * @padding: zero
 */
struct minivmm_cpuid_entry2 {
	__u32 function;
	__u32 index;
	__u32 flags;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 padding[3];
};

/**
 * struct minivmm_cpuid2 - for the three ioctls that carry a CPUID table
 * @nent: SET: how many @entries follow; GET: in: room, out: how many
 * @padding: not used
 * @entries: the table
 */
struct minivmm_cpuid2 {
	__u32 nent;
	__u32 padding;
	struct minivmm_cpuid_entry2 entries[];
};

/**
 * struct minivmm_interrupt - for MINIVMM_INTERRUPT
 * @irq: the vector, 0 to 255
 */
struct minivmm_interrupt {
	__u32 irq;
};

/**
 * struct minivmm_signal_mask - for MINIVMM_SET_SIGNAL_MASK
 * @len: bytes in @sigset: 8, the size of the kernel's sigset_t
 * @sigset: signals blocked while MINIVMM_RUN runs
 */
struct minivmm_signal_mask {
	__u32 len;
	__u8  sigset[];
};

#include <linux/minivmm_state.h>

/* ---- Why MINIVMM_RUN returned ------------------------------------------ */

/* minivmm_run.exit_reason; each names the member of the union it fills. */
#define MINIVMM_EXIT_UNKNOWN			0
#define MINIVMM_EXIT_EXCEPTION			1
#define MINIVMM_EXIT_IO				2
#define MINIVMM_EXIT_HYPERCALL			3
#define MINIVMM_EXIT_DEBUG			4
#define MINIVMM_EXIT_HLT			5
#define MINIVMM_EXIT_MMIO			6
#define MINIVMM_EXIT_IRQ_WINDOW_OPEN		7
#define MINIVMM_EXIT_SHUTDOWN			8
#define MINIVMM_EXIT_FAIL_ENTRY			9
#define MINIVMM_EXIT_INTR			10
#define MINIVMM_EXIT_SET_TPR			11
#define MINIVMM_EXIT_TPR_ACCESS			12
#define MINIVMM_EXIT_NMI			16
#define MINIVMM_EXIT_INTERNAL_ERROR		17
#define MINIVMM_EXIT_WATCHDOG			21
#define MINIVMM_EXIT_SYSTEM_EVENT		24
#define MINIVMM_EXIT_IOAPIC_EOI			26
#define MINIVMM_EXIT_HYPERV			27
#define MINIVMM_EXIT_X86_RDMSR			29
#define MINIVMM_EXIT_X86_WRMSR			30
#define MINIVMM_EXIT_DIRTY_RING_FULL		31
#define MINIVMM_EXIT_AP_RESET_HOLD		32
#define MINIVMM_EXIT_X86_BUS_LOCK		33
#define MINIVMM_EXIT_XEN			34
#define MINIVMM_EXIT_NOTIFY			37
/* The same KVM list goes on for other architectures; the gaps are theirs. */

/* minivmm_run.internal.suberror */

/* An instruction could not be emulated: see minivmm_run.emulation_failure. */
#define MINIVMM_INTERNAL_ERROR_EMULATION	1
/* Two exceptions at once that the architecture does not combine. */
#define MINIVMM_INTERNAL_ERROR_SIMUL_EX		2
/* A VM exit that may not happen while an event is being delivered. */
#define MINIVMM_INTERNAL_ERROR_DELIVERY_EV	3
/* A VM exit that no handler claims: data[0] is its reason. */
#define MINIVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON	4

/* minivmm_run.emulation_failure.flags: insn_size and insn_bytes are valid. */
#define MINIVMM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES	1ULL

/* minivmm_run.io.direction */
#define MINIVMM_EXIT_IO_IN			0
#define MINIVMM_EXIT_IO_OUT			1

/* minivmm_run.flags */
#define MINIVMM_RUN_X86_SMM			1
#define MINIVMM_RUN_X86_BUS_LOCK		2

/* minivmm_run.system_event.type */
#define MINIVMM_SYSTEM_EVENT_SHUTDOWN		1
#define MINIVMM_SYSTEM_EVENT_RESET		2
#define MINIVMM_SYSTEM_EVENT_CRASH		3
#define MINIVMM_SYSTEM_EVENT_WAKEUP		4
#define MINIVMM_SYSTEM_EVENT_SUSPEND		5
#define MINIVMM_SYSTEM_EVENT_SEV_TERM		6

/* minivmm_run.msr.reason */
#define MINIVMM_MSR_EXIT_REASON_INVAL		1
#define MINIVMM_MSR_EXIT_REASON_UNKNOWN		2
#define MINIVMM_MSR_EXIT_REASON_FILTER		4

/* minivmm_run.notify.flags */
#define MINIVMM_NOTIFY_CONTEXT_INVALID		1

/* minivmm_hyperv_exit.type */
#define MINIVMM_EXIT_HYPERV_SYNIC		1
#define MINIVMM_EXIT_HYPERV_HCALL		2
#define MINIVMM_EXIT_HYPERV_SYNDBG		3

/* minivmm_xen_exit.type */
#define MINIVMM_EXIT_XEN_HCALL			1

/**
 * struct minivmm_debug_exit_arch - the debug exception that stopped the guest
 * @exception: its vector, 1 (#DB) or 3 (#BP)
 * @pad: not used
 * @pc: linear address of the instruction
 * @dr6: what happened, as DR6 tells it
 * @dr7: the breakpoints in force
 */
struct minivmm_debug_exit_arch {
	__u32 exception;
	__u32 pad;
	__u64 pc;
	__u64 dr6;
	__u64 dr7;
};

/**
 * struct minivmm_hyperv_exit - room kept for KVM's Hyper-V exits
 * @type: MINIVMM_EXIT_HYPERV_*
 * @pad1: not used
 * @u: one member for each type
 */
struct minivmm_hyperv_exit {
	__u32 type;
	__u32 pad1;
	union {
		struct {
			__u32 msr;
			__u32 pad2;
			__u64 control;
			__u64 evt_page;
			__u64 msg_page;
		} synic;
		struct {
			__u64 input;
			__u64 result;
			__u64 params[2];
		} hcall;
		struct {
			__u32 msr;
			__u32 pad2;
			__u64 control;
			__u64 status;
			__u64 send_page;
			__u64 recv_page;
			__u64 pending_page;
		} syndbg;
	} u;
};

/**
 * struct minivmm_xen_exit - room kept for KVM's Xen exits
 * @type: MINIVMM_EXIT_XEN_HCALL
 * @u: one member for each type
 */
struct minivmm_xen_exit {
	__u32 type;
	union {
		struct {
			__u32 longmode;
			__u32 cpl;
			__u64 input;
			__u64 result;
			__u64 params[6];
		} hcall;
	} u;
};

/* Bytes of the area that KVM keeps for registers inside struct minivmm_run. */
#define MINIVMM_SYNC_REGS_SIZE_BYTES		2048

/**
 * struct minivmm_run - page 0 of the vCPU fd's mapping, shared with the caller
 * @request_interrupt_window: in: return as soon as an interrupt can be injected
 * @immediate_exit: in: do not enter the guest, return -EINTR
 * @padding1: not used
 * @exit_reason: out: MINIVMM_EXIT_*, valid when MINIVMM_RUN returned 0
 * @ready_for_interrupt_injection: out: MINIVMM_INTERRUPT would be taken now
 * @if_flag: out: the guest's RFLAGS.IF
 * @flags: out: MINIVMM_RUN_X86_* bits
 * @cr8: in and out: the guest's task priority
 * @apic_base: in and out: the guest's IA32_APIC_BASE
 * @kvm_valid_regs: in: MINIVMM_SYNC_X86_*: what is to be in @s afterwards
 * @kvm_dirty_regs: in: MINIVMM_SYNC_X86_*: what is to be taken from @s before
 * @s: those registers
 *
 * The members of the union that KVM has for other architectures are left out:
 * no x86 exit fills them and padding fixes the size.
 */
struct minivmm_run {
	__u8 request_interrupt_window;
	__u8 immediate_exit;
	__u8 padding1[6];

	__u32 exit_reason;
	__u8 ready_for_interrupt_injection;
	__u8 if_flag;
	__u16 flags;

	__u64 cr8;
	__u64 apic_base;

	union {
		/** @hw: MINIVMM_EXIT_UNKNOWN: the VM exit's basic reason */
		struct {
			__u64 hardware_exit_reason;
		} hw;
		/** @fail_entry: MINIVMM_EXIT_FAIL_ENTRY: why VM entry failed, and where */
		struct {
			__u64 hardware_entry_failure_reason;
			__u32 cpu;
		} fail_entry;
		/** @ex: MINIVMM_EXIT_EXCEPTION */
		struct {
			__u32 exception;
			__u32 error_code;
		} ex;
		/**
		 * @io: MINIVMM_EXIT_IO: count items of size bytes each, which start
		 * data_offset bytes after the start of struct minivmm_run. For
		 * IN the caller fills them in before its next MINIVMM_RUN.
		 */
		struct {
			__u8 direction;
			__u8 size;
			__u16 port;
			__u32 count;
			__u64 data_offset;
		} io;
		/** @debug: MINIVMM_EXIT_DEBUG */
		struct {
			struct minivmm_debug_exit_arch arch;
		} debug;
		/**
		 * @mmio: MINIVMM_EXIT_MMIO: len bytes at a gpa without memory behind
		 * it. For a read the caller fills in data before its next
		 * MINIVMM_RUN.
		 */
		struct {
			__u64 phys_addr;
			__u8  data[8];
			__u32 len;
			__u8  is_write;
		} mmio;
		/** @hypercall: MINIVMM_EXIT_HYPERCALL */
		struct {
			__u64 nr;
			__u64 args[6];
			__u64 ret;
			__u32 longmode;
			__u32 pad;
		} hypercall;
		/** @tpr_access: MINIVMM_EXIT_TPR_ACCESS */
		struct {
			__u64 rip;
			__u32 is_write;
			__u32 pad;
		} tpr_access;
		/** @internal: MINIVMM_EXIT_INTERNAL_ERROR: ndata items of data are valid */
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 data[16];
		} internal;
		/**
		 * @emulation_failure: MINIVMM_EXIT_INTERNAL_ERROR with suberror
		 * MINIVMM_INTERNAL_ERROR_EMULATION: the same bytes as internal,
		 * with names. ndata counts from flags on.
		 */
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 flags;
			union {
				struct {
					__u8  insn_size;
					__u8  insn_bytes[15];
				};
			};
		} emulation_failure;
		/** @system_event: MINIVMM_EXIT_SYSTEM_EVENT */
		struct {
			__u32 type;
			__u32 ndata;
			union {
				__u64 flags;
				__u64 data[16];
			};
		} system_event;
		/** @eoi: MINIVMM_EXIT_IOAPIC_EOI */
		struct {
			__u8 vector;
		} eoi;
		/** @hyperv: MINIVMM_EXIT_HYPERV */
		struct minivmm_hyperv_exit hyperv;
		/**
		 * @msr: MINIVMM_EXIT_X86_RDMSR and MINIVMM_EXIT_X86_WRMSR: the caller
		 * answers in error and (RDMSR) data.
		 */
		struct {
			__u8 error;
			__u8 pad[7];
			__u32 reason;
			__u32 index;
			__u64 data;
		} msr;
		/** @xen: MINIVMM_EXIT_XEN */
		struct minivmm_xen_exit xen;
		/** @notify: MINIVMM_EXIT_NOTIFY */
		struct {
			__u32 flags;
		} notify;
		/** @padding: Whatever joins the union, its size stays. */
		char padding[256];
	};

	__u64 kvm_valid_regs;
	__u64 kvm_dirty_regs;
	union {
		struct minivmm_sync_regs regs;
		char padding[MINIVMM_SYNC_REGS_SIZE_BYTES];
	} s;
};

/* ---- ioctls of the system fd, /dev/minivmm ----------------------------- */

#define MINIVMM_GET_API_VERSION		_IO(MINIVMMIO, 0x00)
/* Returns a new VM fd. */
#define MINIVMM_CREATE_VM		_IO(MINIVMMIO, 0x01)
#define MINIVMM_GET_MSR_INDEX_LIST	_IOWR(MINIVMMIO, 0x02, struct minivmm_msr_list)
/* Also an ioctl of the VM fd. The argument is one of MINIVMM_CAP_*. */
#define MINIVMM_CHECK_EXTENSION		_IO(MINIVMMIO, 0x03)
/* Bytes to mmap() from a vCPU fd. */
#define MINIVMM_GET_VCPU_MMAP_SIZE	_IO(MINIVMMIO, 0x04)
#define MINIVMM_GET_SUPPORTED_CPUID	_IOWR(MINIVMMIO, 0x05, struct minivmm_cpuid2)
#define MINIVMM_GET_EMULATED_CPUID	_IOWR(MINIVMMIO, 0x09, struct minivmm_cpuid2)
#define MINIVMM_GET_MSR_FEATURE_INDEX_LIST _IOWR(MINIVMMIO, 0x0a, struct minivmm_msr_list)
#define MINIVMM_X86_GET_MCE_CAP_SUPPORTED _IOR(MINIVMMIO, 0x9d, __u64)

/* ---- ioctls of more than one kind of fd -------------------------------- */

/* VM and vCPU */
#define MINIVMM_ENABLE_CAP		_IOW(MINIVMMIO, 0xa3, struct minivmm_enable_cap)
#define MINIVMM_SET_TSC_KHZ		_IO(MINIVMMIO, 0xa2)
#define MINIVMM_GET_TSC_KHZ		_IO(MINIVMMIO, 0xa3)
/* System (GET and HAS) and vCPU */
#define MINIVMM_SET_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe1, struct minivmm_device_attr)
#define MINIVMM_GET_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe2, struct minivmm_device_attr)
#define MINIVMM_HAS_DEVICE_ATTR		_IOW(MINIVMMIO, 0xe3, struct minivmm_device_attr)

/* ---- ioctls of a VM fd ------------------------------------------------- */

/* The argument is the vCPU's id; returns a new vCPU fd. */
#define MINIVMM_CREATE_VCPU		_IO(MINIVMMIO, 0x41)
#define MINIVMM_SET_USER_MEMORY_REGION \
	_IOW(MINIVMMIO, 0x46, struct minivmm_userspace_memory_region)
#define MINIVMM_SET_TSS_ADDR		_IO(MINIVMMIO, 0x47)
#define MINIVMM_SET_IDENTITY_MAP_ADDR	_IOW(MINIVMMIO, 0x48, __u64)
#define MINIVMM_GET_DIRTY_LOG		_IOW(MINIVMMIO, 0x42, struct minivmm_dirty_log)
#define MINIVMM_CLEAR_DIRTY_LOG		_IOWR(MINIVMMIO, 0xc0, struct minivmm_clear_dirty_log)
#define MINIVMM_SET_NR_MMU_PAGES	_IO(MINIVMMIO, 0x44)
#define MINIVMM_GET_NR_MMU_PAGES	_IO(MINIVMMIO, 0x45)
#define MINIVMM_CREATE_IRQCHIP		_IO(MINIVMMIO, 0x60)
#define MINIVMM_IRQ_LINE		_IOW(MINIVMMIO, 0x61, struct minivmm_irq_level)
#define MINIVMM_IRQ_LINE_STATUS		_IOWR(MINIVMMIO, 0x67, struct minivmm_irq_level)
#define MINIVMM_GET_IRQCHIP		_IOWR(MINIVMMIO, 0x62, struct minivmm_irqchip)
#define MINIVMM_SET_IRQCHIP		_IOR(MINIVMMIO, 0x63, struct minivmm_irqchip)
#define MINIVMM_REGISTER_COALESCED_MMIO \
	_IOW(MINIVMMIO, 0x67, struct minivmm_coalesced_mmio_zone)
#define MINIVMM_UNREGISTER_COALESCED_MMIO \
	_IOW(MINIVMMIO, 0x68, struct minivmm_coalesced_mmio_zone)
#define MINIVMM_SET_GSI_ROUTING		_IOW(MINIVMMIO, 0x6a, struct minivmm_irq_routing)
#define MINIVMM_REINJECT_CONTROL	_IO(MINIVMMIO, 0x71)
#define MINIVMM_IRQFD			_IOW(MINIVMMIO, 0x76, struct minivmm_irqfd)
#define MINIVMM_CREATE_PIT2		_IOW(MINIVMMIO, 0x77, struct minivmm_pit_config)
#define MINIVMM_GET_PIT2		_IOR(MINIVMMIO, 0x9f, struct minivmm_pit_state2)
#define MINIVMM_SET_PIT2		_IOW(MINIVMMIO, 0xa0, struct minivmm_pit_state2)
/* The argument is the id of the vCPU that starts; the others wait for it. */
#define MINIVMM_SET_BOOT_CPU_ID		_IO(MINIVMMIO, 0x78)
#define MINIVMM_IOEVENTFD		_IOW(MINIVMMIO, 0x79, struct minivmm_ioeventfd)
#define MINIVMM_SET_CLOCK		_IOW(MINIVMMIO, 0x7b, struct minivmm_clock_data)
#define MINIVMM_GET_CLOCK		_IOR(MINIVMMIO, 0x7c, struct minivmm_clock_data)
#define MINIVMM_SIGNAL_MSI		_IOW(MINIVMMIO, 0xa5, struct minivmm_msi)
#define MINIVMM_X86_SET_MSR_FILTER	_IOW(MINIVMMIO, 0xc6, struct minivmm_msr_filter)

/* ---- ioctls of a vCPU fd ----------------------------------------------- */

#define MINIVMM_RUN			_IO(MINIVMMIO, 0x80)
#define MINIVMM_GET_REGS		_IOR(MINIVMMIO, 0x81, struct minivmm_regs)
#define MINIVMM_SET_REGS		_IOW(MINIVMMIO, 0x82, struct minivmm_regs)
#define MINIVMM_GET_SREGS		_IOR(MINIVMMIO, 0x83, struct minivmm_sregs)
#define MINIVMM_SET_SREGS		_IOW(MINIVMMIO, 0x84, struct minivmm_sregs)
#define MINIVMM_INTERRUPT		_IOW(MINIVMMIO, 0x86, struct minivmm_interrupt)
#define MINIVMM_GET_MSRS		_IOWR(MINIVMMIO, 0x88, struct minivmm_msrs)
#define MINIVMM_SET_MSRS		_IOW(MINIVMMIO, 0x89, struct minivmm_msrs)
#define MINIVMM_SET_SIGNAL_MASK		_IOW(MINIVMMIO, 0x8b, struct minivmm_signal_mask)
#define MINIVMM_GET_FPU			_IOR(MINIVMMIO, 0x8c, struct minivmm_fpu)
#define MINIVMM_SET_FPU			_IOW(MINIVMMIO, 0x8d, struct minivmm_fpu)
#define MINIVMM_SET_CPUID2		_IOW(MINIVMMIO, 0x90, struct minivmm_cpuid2)
#define MINIVMM_GET_CPUID2		_IOWR(MINIVMMIO, 0x91, struct minivmm_cpuid2)
#define MINIVMM_TRANSLATE		_IOWR(MINIVMMIO, 0x85, struct minivmm_translation)
#define MINIVMM_GET_LAPIC		_IOR(MINIVMMIO, 0x8e, struct minivmm_lapic_state)
#define MINIVMM_SET_LAPIC		_IOW(MINIVMMIO, 0x8f, struct minivmm_lapic_state)
#define MINIVMM_TPR_ACCESS_REPORTING	_IOWR(MINIVMMIO, 0x92, struct minivmm_tpr_access_ctl)
#define MINIVMM_SET_VAPIC_ADDR		_IOW(MINIVMMIO, 0x93, struct minivmm_vapic_addr)
#define MINIVMM_GET_MP_STATE		_IOR(MINIVMMIO, 0x98, struct minivmm_mp_state)
#define MINIVMM_SET_MP_STATE		_IOW(MINIVMMIO, 0x99, struct minivmm_mp_state)
#define MINIVMM_NMI			_IO(MINIVMMIO, 0x9a)
#define MINIVMM_SET_GUEST_DEBUG		_IOW(MINIVMMIO, 0x9b, struct minivmm_guest_debug)
#define MINIVMM_X86_SETUP_MCE		_IOW(MINIVMMIO, 0x9c, __u64)
#define MINIVMM_X86_SET_MCE		_IOW(MINIVMMIO, 0x9e, struct minivmm_x86_mce)
#define MINIVMM_GET_VCPU_EVENTS		_IOR(MINIVMMIO, 0x9f, struct minivmm_vcpu_events)
#define MINIVMM_SET_VCPU_EVENTS		_IOW(MINIVMMIO, 0xa0, struct minivmm_vcpu_events)
#define MINIVMM_GET_DEBUGREGS		_IOR(MINIVMMIO, 0xa1, struct minivmm_debugregs)
#define MINIVMM_SET_DEBUGREGS		_IOW(MINIVMMIO, 0xa2, struct minivmm_debugregs)
#define MINIVMM_GET_XSAVE		_IOR(MINIVMMIO, 0xa4, struct minivmm_xsave)
#define MINIVMM_SET_XSAVE		_IOW(MINIVMMIO, 0xa5, struct minivmm_xsave)
#define MINIVMM_GET_XSAVE2		_IOR(MINIVMMIO, 0xcf, struct minivmm_xsave)
#define MINIVMM_GET_XCRS		_IOR(MINIVMMIO, 0xa6, struct minivmm_xcrs)
#define MINIVMM_SET_XCRS		_IOW(MINIVMMIO, 0xa7, struct minivmm_xcrs)
#define MINIVMM_KVMCLOCK_CTRL		_IO(MINIVMMIO, 0xad)
#define MINIVMM_GET_SREGS2		_IOR(MINIVMMIO, 0xcc, struct minivmm_sregs2)
#define MINIVMM_SET_SREGS2		_IOW(MINIVMMIO, 0xcd, struct minivmm_sregs2)

/* ---- Capabilities, for MINIVMM_CHECK_EXTENSION ------------------------- */

/*
 * Answered with something other than 0 (Documentation/abi.md says what), or
 * asked for by most clients and answered 0. A number that is not here is
 * answered 0.
 */
#define MINIVMM_CAP_IRQCHIP			0
#define MINIVMM_CAP_HLT				1
#define MINIVMM_CAP_MMU_SHADOW_CACHE_CONTROL	2
#define MINIVMM_CAP_USER_MEMORY			3
#define MINIVMM_CAP_SET_TSS_ADDR		4
#define MINIVMM_CAP_VAPIC			6
#define MINIVMM_CAP_EXT_CPUID			7
#define MINIVMM_CAP_CLOCKSOURCE			8
#define MINIVMM_CAP_NR_VCPUS			9
#define MINIVMM_CAP_NR_MEMSLOTS			10
#define MINIVMM_CAP_PIT				11
#define MINIVMM_CAP_NOP_IO_DELAY		12
#define MINIVMM_CAP_MP_STATE			14
#define MINIVMM_CAP_COALESCED_MMIO		15
#define MINIVMM_CAP_SYNC_MMU			16
#define MINIVMM_CAP_DESTROY_MEMORY_REGION_WORKS	21
#define MINIVMM_CAP_USER_NMI			22
#define MINIVMM_CAP_SET_GUEST_DEBUG		23
#define MINIVMM_CAP_REINJECT_CONTROL		24
#define MINIVMM_CAP_IRQ_ROUTING			25
#define MINIVMM_CAP_IRQ_INJECT_STATUS		26
#define MINIVMM_CAP_JOIN_MEMORY_REGIONS_WORKS	30
#define MINIVMM_CAP_MCE				31
#define MINIVMM_CAP_IRQFD			32
#define MINIVMM_CAP_PIT2			33
#define MINIVMM_CAP_SET_BOOT_CPU_ID		34
#define MINIVMM_CAP_PIT_STATE2			35
#define MINIVMM_CAP_IOEVENTFD			36
#define MINIVMM_CAP_SET_IDENTITY_MAP_ADDR	37
#define MINIVMM_CAP_ADJUST_CLOCK		39
#define MINIVMM_CAP_INTERNAL_ERROR_DATA		40
#define MINIVMM_CAP_VCPU_EVENTS			41
#define MINIVMM_CAP_INTR_SHADOW			49
#define MINIVMM_CAP_DEBUGREGS			50
#define MINIVMM_CAP_X86_ROBUST_SINGLESTEP	51
#define MINIVMM_CAP_ENABLE_CAP			54
#define MINIVMM_CAP_XSAVE			55
#define MINIVMM_CAP_XCRS			56
#define MINIVMM_CAP_ASYNC_PF			59
#define MINIVMM_CAP_TSC_CONTROL			60
#define MINIVMM_CAP_GET_TSC_KHZ			61
#define MINIVMM_CAP_MAX_VCPUS			66
#define MINIVMM_CAP_TSC_DEADLINE_TIMER		72
#define MINIVMM_CAP_SYNC_REGS			74
#define MINIVMM_CAP_KVMCLOCK_CTRL		76
#define MINIVMM_CAP_SIGNAL_MSI			77
#define MINIVMM_CAP_READONLY_MEM		81
#define MINIVMM_CAP_IRQFD_RESAMPLE		82
#define MINIVMM_CAP_DEVICE_CTRL			89
#define MINIVMM_CAP_EXT_EMUL_CPUID		95
#define MINIVMM_CAP_IOAPIC_POLARITY_IGNORED	97
#define MINIVMM_CAP_ENABLE_CAP_VM		98
#define MINIVMM_CAP_IOEVENTFD_NO_LENGTH		100
#define MINIVMM_CAP_VM_ATTRIBUTES		101
#define MINIVMM_CAP_CHECK_EXTENSION_VM		105
#define MINIVMM_CAP_DISABLE_QUIRKS		116
#define MINIVMM_CAP_X86_SMM			117
#define MINIVMM_CAP_MULTI_ADDRESS_SPACE		118
#define MINIVMM_CAP_GUEST_DEBUG_HW_BPS		119
#define MINIVMM_CAP_GUEST_DEBUG_HW_WPS		120
#define MINIVMM_CAP_SPLIT_IRQCHIP		121
#define MINIVMM_CAP_IOEVENTFD_ANY_LENGTH	122
#define MINIVMM_CAP_VCPU_ATTRIBUTES		127
#define MINIVMM_CAP_MAX_VCPU_ID			128
#define MINIVMM_CAP_X2APIC_API			129
#define MINIVMM_CAP_IMMEDIATE_EXIT		136
#define MINIVMM_CAP_X86_DISABLE_EXITS		143
#define MINIVMM_CAP_GET_MSR_FEATURES		153
#define MINIVMM_CAP_MSR_PLATFORM_INFO		159
#define MINIVMM_CAP_COALESCED_PIO		162
#define MINIVMM_CAP_EXCEPTION_PAYLOAD		164
#define MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2	168
#define MINIVMM_CAP_ASYNC_PF_INT		183
#define MINIVMM_CAP_X86_USER_SPACE_MSR		188
#define MINIVMM_CAP_X86_MSR_FILTER		189
#define MINIVMM_CAP_ENFORCE_PV_FEATURE_CPUID	190
#define MINIVMM_CAP_DIRTY_LOG_RING		192
#define MINIVMM_CAP_SET_GUEST_DEBUG2		195
#define MINIVMM_CAP_SREGS2			200
#define MINIVMM_CAP_EXIT_ON_EMULATION_FAILURE	204
#define MINIVMM_CAP_XSAVE2			208
#define MINIVMM_CAP_SYS_ATTRIBUTES		209
#define MINIVMM_CAP_DISABLE_QUIRKS2		213
#define MINIVMM_CAP_VM_TSC_CONTROL		214
#define MINIVMM_CAP_X86_TRIPLE_FAULT_EVENT	218

#endif /* _UAPI_LINUX_MINIVMM_H */
