/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of minivmm: a virtual machine and its virtual CPUs.
 *
 * A VM is an address space of guest-physical memory (memory/) and a set of
 * vCPUs. A vCPU is what one thread of the caller runs: the guest's registers,
 * the events that wait for it, and the page it shares with the caller (struct
 * minivmm_run). What the processor's virtualization extension needs beyond
 * that is private to the back end (backend.h, vmx/).
 *
 * Read on in main.c (the device), vm.c, vcpu.c and run.c.
 */
#ifndef MINIVMM_MINIVMM_H
#define MINIVMM_MINIVMM_H

#include <linux/minivmm.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/signal.h>

#include "bus.h"
#include "irqchip/irqchip.h"
#include "clock.h"
#include "memory/memory.h"
#include "x86/cpuid.h"
#include "x86/emulate.h"
#include "x86/fpu.h"
#include "x86/msr.h"

#undef pr_fmt
#define pr_fmt(fmt) "minivmm: " fmt

#define MINIVMM_MAX_VCPUS	256
#define MINIVMM_NR_EXITS	80	/* exit reasons that are counted apart */

/* No instruction's RIP: the guest has been sent elsewhere by its owner. */
#define IO_RIP_GONE		(~0UL)

struct dentry;
struct vcpu;

/**
 * struct vm_options - what the owner has switched on (ENABLE_CAP)
 * @max_vcpu_id: ids of vCPUs are below; 0: MINIVMM_MAX_VCPUS
 * @nr_mmu_pages: SET_NR_MMU_PAGES
 * @exception_payload: VCPU_EVENTS tells pending exceptions from injected ones
 * @triple_fault_event: and has a triple fault that waits
 * @no_platform_info: the guest must not read MSR_PLATFORM_INFO
 * @user_space_msr: MINIVMM_MSR_EXIT_REASON_*: accesses that the owner serves
 * @exits_off: MINIVMM_X86_DISABLE_EXITS_*: of vCPUs that are made from then on
 * @no_quirks: MINIVMM_X86_QUIRK_*: where the vCPUs do as the processor does
 */
struct vm_options {
	u32 max_vcpu_id;
	unsigned long nr_mmu_pages;
	bool exception_payload;
	bool triple_fault_event;
	bool no_platform_info;
	u32 user_space_msr;
	u32 exits_off;
	u64 no_quirks;
};

/**
 * struct vm_coalesced - writes that the owner looks at later
 * @lock: of the ring
 * @ring: a page that the owner can map and write to
 * @zones: whose writes are put there; changed under vm->lock
 */
struct vm_coalesced {
	spinlock_t lock;	/* the ring */
	struct minivmm_coalesced_mmio_ring *ring;
	struct list_head zones;
};

/**
 * struct vm - a virtual machine
 * @users: the VM fd and each vCPU fd
 * @lock: serialises the creation of vCPUs, changes of the memory slots and of
 *        the devices on the buses
 * @memory: guest-physical memory
 * @buses: devices in the kernel, by &enum bus_kind
 * @coalesced: writes collected for the owner
 * @ioeventfds: all of them; changed under @lock
 * @vcpus: by vCPU id; NULL: not created; written under @lock
 * @nr_vcpus: how many there are
 * @vcpus_end: one more than the highest id
 * @tsc: what its vCPUs' time stamp counters have in common
 * @clock: the paravirtual clock
 * @msr_filter: registers that are not the guest's, or NULL
 * @msr_filters: how many there have been
 * @options: what the owner has switched on
 * @irqchip_kind: which interrupt controllers are in the kernel
 * @irqchip: PIC and I/O APIC, if they are
 * @routing: where GSIs lead; read under RCU, changed under @lock
 * @irqfds: eventfds that raise GSIs
 * @owner_pins: of a split one: GSIs that are pins of the owner's I/O APIC
 * @boot_cpu_id: the vCPU that starts by itself
 * @x2apic_ids: destinations have 32 bits wherever they go in or out
 * @x2apic_no_broadcast_quirk: 0xff is one vCPU to an x2APIC
 * @debugfs: directory of this VM's counters
 */
struct vm {
	refcount_t users;
	struct mutex lock;	/* creation of vCPUs, slots, buses */
	struct guest_memory memory;
	struct bus buses[NR_BUSES];
	struct vm_coalesced coalesced;
	struct list_head ioeventfds;
	struct vcpu *vcpus[MINIVMM_MAX_VCPUS];
	int nr_vcpus;
	int vcpus_end;
	int yielded_to;		/* the vCPU that had another's turn last */
	struct vm_tsc tsc;
	struct vm_clock clock;
	struct msr_filter __rcu *msr_filter;
	u32 msr_filters;
	struct vm_options options;
	enum irqchip_kind irqchip_kind;
	struct irqchip *irqchip;
	struct irq_routing __rcu *routing;
	struct vm_irqfds irqfds;
	u32 owner_pins;
	u32 boot_cpu_id;
	bool x2apic_ids;
	bool x2apic_no_broadcast_quirk;
	struct dentry *debugfs;
};

/**
 * struct vcpu_exit - what the last VM exit said
 *
 * Filled in by the back end while the VM exit's data is at hand; a field is
 * valid only for exits that have it.
 */
struct vcpu_exit {
	u32 reason;
	u32 vectoring;		/* the event that was being delivered, or 0 */
	u64 qualification;
	u64 gpa;
	u64 gva;
	bool write;		/* to @gpa */
	bool fetch;		/* from @gpa */
	bool walk;		/* of the guest's page tables, to translate @gva */
	bool gva_valid;		/* @gva is what was translated to @gpa */
};

/**
 * struct vcpu_events - events that wait to be delivered to the guest
 *
 * At most one is injected at a VM entry: an exception before an NMI before an
 * interrupt.
 */
struct vcpu_events {
	struct {
		bool queued;
		bool pending;		/* its delivery has not begun */
		bool has_error;
		u8 vector;
		u32 error;
		bool soft;		/* INT3, INTO, INT1 */
		bool has_payload;	/* CR2 or DR6 changes with its delivery */
		u64 payload;
	} exception;
	struct {
		bool queued;
		bool soft;		/* INT n */
		u8 vector;
	} interrupt;
	struct {
		u8 pending;		/* at most 2: one more can be latched */
		bool injected;		/* its delivery has begun */
	} nmi;
	u8 soft_length;			/* of the instruction behind a soft event */
	bool triple_fault;
	bool stepped;			/* its debugger wants to know */
};

/**
 * struct vcpu_debug - what the owner's debugger wants
 * @control: MINIVMM_GUESTDBG_*
 * @dr: breakpoint addresses, with USE_HW_BP
 * @dr7: which of them are on
 */
struct vcpu_debug {
	u32 control;
	u64 dr[4];
	unsigned long dr7;
};

/**
 * struct vcpu_stats - counters shown in debugfs
 */
struct vcpu_stats {
	u64 entries;
	u64 exits[MINIVMM_NR_EXITS];
	u64 ept_faults;
	u64 emulated;
	u64 user_exits;
	u64 pv_eois;			/* ended in guest memory */
	u64 longest_window;		/* TSC ticks with preemption off */
};

/**
 * struct vcpu - a virtual CPU
 * @vm: the machine it is part of
 * @id: its number, also its initial APIC id
 * @mutex: held during each of its ioctls: a vCPU is one thread's at a time
 * @runner: the thread that has called RUN last
 * @run: the page shared with the caller
 * @pio_data: the second page shared with it: data of port I/O
 * @regs: general registers by &enum x86_reg; RSP only while cached (&enum cached_reg)
 * @rip: likewise
 * @rflags: likewise
 * @cached: bits of &enum cached_reg: which of them are valid
 * @dirty: and which have to be written back before the next VM entry
 * @complete: what remains to be done when the caller has served an exit:
 *            1: enter the guest, 0: back to the caller again, or an errno
 * @irq: its local APIC, and whether it runs
 * @emulator: carries out an instruction that the processor cannot
 * @paging: how its addresses are translated: as the guest's
 */
struct vcpu {
	struct vm *vm;
	u32 id;
	struct mutex mutex;	/* each ioctl */
	struct pid __rcu *runner;
	struct minivmm_run *run;
	void *pio_data;
	bool sigset_active;
	sigset_t sigset;
	bool has_run;

	unsigned long regs[16];
	unsigned long rip;
	unsigned long rflags;
	u32 cached;
	u32 dirty;

	unsigned long cr2;
	unsigned long cr8;
	unsigned long dr[4];
	unsigned long dr6;
	unsigned long dr7;
	struct vcpu_debug debug;
	u64 efer;
	u64 xcr0;
	bool osxsave;		/* CR4 lets the guest use XCR0 */
	u64 apic_base;
	u64 pdptr[4];
	struct guest_cpuid cpuid;
	bool enforce_pv;	/* what CPUID does not name of KVM's is not there */
	struct vcpu_msrs msrs;
	struct vcpu_mce mce;
	u32 msr_filters;	/* of the VM, when last looked at */
	struct guest_fpu fpu;
	struct guest_access access;
	struct table_cache table_cache;

	struct vcpu_tsc tsc;
	struct vcpu_clock clock;
	struct vcpu_events events;
	struct vcpu_exit exit;
	int (*complete)(struct vcpu *vcpu);
	unsigned long io_rip;		/* of the instruction behind @complete */
	struct x86_emulator emulator;
	struct x86_paging paging;
	struct vcpu_irq irq;

	struct vcpu_stats stats;
};

/**
 * vm_vcpu - one of a VM's vCPUs
 * @vm: the VM; no lock is needed
 * @id: below MINIVMM_MAX_VCPUS
 *
 * Return: the vCPU; NULL: there is none of this number yet.
 */
static inline struct vcpu *vm_vcpu(struct vm *vm, unsigned int id)
{
	/* Pairs with vcpu_publish(): what the pointer leads to. */
	return smp_load_acquire(&vm->vcpus[id]);
}

/**
 * vm_next_vcpu - the first of a VM's vCPUs from a number on
 * @vm: the VM; no lock is needed
 * @id: the number
 *
 * Return: the vCPU; NULL: there are no more.
 */
static inline struct vcpu *vm_next_vcpu(struct vm *vm, unsigned int id)
{
	unsigned int end = READ_ONCE(vm->vcpus_end);
	struct vcpu *vcpu = NULL;

	for (; id < end && !vcpu; id++)
		vcpu = vm_vcpu(vm, id);
	return vcpu;
}

/**
 * for_each_vcpu - go through the vCPUs that a VM has by now
 * @vcpu: each of them, in the order of their numbers
 * @vm: the VM; no lock is needed, as none goes before the VM does
 */
#define for_each_vcpu(vcpu, vm)						\
	for ((vcpu) = vm_next_vcpu(vm, 0); (vcpu);			\
	     (vcpu) = vm_next_vcpu(vm, (vcpu)->id + 1))

/**
 * vcpu_has_lapic - whether a vCPU's local APIC is in the kernel
 * @vcpu: the vCPU
 */
static inline bool vcpu_has_lapic(const struct vcpu *vcpu)
{
	return vcpu->vm->irqchip_kind != IRQCHIP_NONE;
}

/**
 * vcpu_clock_is_due - whether the guest's clock pages may have to be written
 * @vcpu: the vCPU
 */
static inline bool vcpu_clock_is_due(const struct vcpu *vcpu)
{
	return vcpu->clock.generation != READ_ONCE(vcpu->vm->clock.generation) ||
	       vcpu->clock.steal_time;
}

/**
 * vcpu_has_pv - whether a guest can use a paravirtual feature
 * @vcpu: the vCPU
 * @features: PV_*: one of these
 */
static inline bool vcpu_has_pv(const struct vcpu *vcpu, u32 features)
{
	return !vcpu->enforce_pv || vcpu->cpuid.pv_features & features;
}

/**
 * vm_has_quirk - whether a VM differs from a processor where KVM always did
 * @vm: the VM
 * @quirk: MINIVMM_X86_QUIRK_*
 */
static inline bool vm_has_quirk(const struct vm *vm, u64 quirk)
{
	return !(READ_ONCE(vm->options.no_quirks) & quirk);
}

/* Registers that live in the back end's structures and are copied on demand. */
enum cached_reg {
	CACHED_RSP	= BIT(0),
	CACHED_RIP	= BIT(1),
	CACHED_RFLAGS	= BIT(2),
	CACHED_CRS	= BIT(3),	/* kept by the back end */
	CACHED_AR	= BIT(4),	/* likewise: rights of CS and SS */
};

/* capabilities.c */
int minivmm_check_extension(unsigned long capability);
int vm_enable_cap(struct vm *vm, const void __user *user);
int vcpu_enable_cap(struct vcpu *vcpu, const void __user *user);

/* vm.c */
int vm_create(unsigned long type);
void vm_get(struct vm *vm);
void vm_put(struct vm *vm);

/* vcpu.c */
int vcpu_create(struct vm *vm, unsigned long id);
void vcpu_destroy(struct vcpu *vcpu);
void vcpu_reset(struct vcpu *vcpu);

/* spin.c */
void vcpu_set_runner(struct vcpu *vcpu);
void vcpu_forget_runner(struct vcpu *vcpu);
void vcpu_spins(struct vcpu *vcpu);
void vcpu_yield_to(struct vcpu *vcpu, unsigned long id);

/* run.c */
int vcpu_run(struct vcpu *vcpu);
bool vcpu_ready_for_interrupt(struct vcpu *vcpu);
bool vcpu_wants_interrupt_window(struct vcpu *vcpu);

/* regs.c: one register, or all of those behind an ioctl */
void vcpu_fetch(struct vcpu *vcpu, enum cached_reg reg);

/**
 * vcpu_reg - read a general register
 * @vcpu: the vCPU
 * @reg: &enum x86_reg
 */
static inline unsigned long vcpu_reg(struct vcpu *vcpu, unsigned int reg)
{
	if (reg == X86_RSP && !(vcpu->cached & CACHED_RSP))
		vcpu_fetch(vcpu, CACHED_RSP);
	return vcpu->regs[reg];
}

/**
 * vcpu_set_reg - write a general register
 * @vcpu: the vCPU
 * @reg: &enum x86_reg
 * @value: all 64 bits of it
 */
static inline void vcpu_set_reg(struct vcpu *vcpu, unsigned int reg,
				unsigned long value)
{
	vcpu->regs[reg] = value;
	if (reg == X86_RSP) {
		vcpu->cached |= CACHED_RSP;
		vcpu->dirty |= CACHED_RSP;
	}
}

/**
 * vcpu_rip - read RIP
 * @vcpu: the vCPU
 */
static inline unsigned long vcpu_rip(struct vcpu *vcpu)
{
	if (!(vcpu->cached & CACHED_RIP))
		vcpu_fetch(vcpu, CACHED_RIP);
	return vcpu->rip;
}

/**
 * vcpu_set_rip - write RIP
 * @vcpu: the vCPU
 * @rip: the value
 */
static inline void vcpu_set_rip(struct vcpu *vcpu, unsigned long rip)
{
	vcpu->rip = rip;
	vcpu->cached |= CACHED_RIP;
	vcpu->dirty |= CACHED_RIP;
}

/**
 * vcpu_rflags - read RFLAGS
 * @vcpu: the vCPU
 */
static inline unsigned long vcpu_rflags(struct vcpu *vcpu)
{
	if (!(vcpu->cached & CACHED_RFLAGS))
		vcpu_fetch(vcpu, CACHED_RFLAGS);
	return vcpu->rflags;
}

/**
 * vcpu_set_rflags - write RFLAGS
 * @vcpu: the vCPU
 * @rflags: the value
 */
static inline void vcpu_set_rflags(struct vcpu *vcpu, unsigned long rflags)
{
	vcpu->rflags = rflags;
	vcpu->cached |= CACHED_RFLAGS;
	vcpu->dirty |= CACHED_RFLAGS;
}

void vcpu_get_regs(struct vcpu *vcpu, struct minivmm_regs *regs);
void vcpu_set_regs(struct vcpu *vcpu, const struct minivmm_regs *regs);
void vcpu_get_sregs(struct vcpu *vcpu, struct minivmm_sregs *sregs);
int vcpu_set_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs);
void vcpu_get_sregs2(struct vcpu *vcpu, struct minivmm_sregs2 *sregs2);
int vcpu_set_sregs2(struct vcpu *vcpu, const struct minivmm_sregs2 *sregs2);
bool cr0_is_valid(unsigned long cr0);
bool cr4_is_valid(struct vcpu *vcpu, unsigned long cr4);
int vcpu_load_pdptrs(struct vcpu *vcpu, unsigned long cr3);

/* state.c: the state that a client saves and restores, beyond the registers */
#define SYNC_REGS_KNOWN	(MINIVMM_SYNC_X86_REGS | MINIVMM_SYNC_X86_SREGS | \
			 MINIVMM_SYNC_X86_EVENTS)
long vcpu_state_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *user);
int vcpu_take_sync_regs(struct vcpu *vcpu, u64 dirty);
void vcpu_give_sync_regs(struct vcpu *vcpu, u64 valid);

/* debug.c */
static inline bool vcpu_debugged(const struct vcpu *vcpu, u32 control)
{
	return unlikely(vcpu->debug.control & control);
}

static inline unsigned long vcpu_dr7_in_force(const struct vcpu *vcpu)
{
	return vcpu_debugged(vcpu, MINIVMM_GUESTDBG_USE_HW_BP) ?
	       vcpu->debug.dr7 : vcpu->dr7;
}

static inline unsigned long vcpu_dr_in_force(const struct vcpu *vcpu, int nr)
{
	return vcpu_debugged(vcpu, MINIVMM_GUESTDBG_USE_HW_BP) ?
	       vcpu->debug.dr[nr] : vcpu->dr[nr];
}

#define GUEST_DEBUG_KNOWN						\
	(MINIVMM_GUESTDBG_ENABLE | MINIVMM_GUESTDBG_SINGLESTEP |	\
	 MINIVMM_GUESTDBG_USE_SW_BP | MINIVMM_GUESTDBG_USE_HW_BP |	\
	 MINIVMM_GUESTDBG_INJECT_DB | MINIVMM_GUESTDBG_INJECT_BP |	\
	 MINIVMM_GUESTDBG_BLOCKIRQ)
int vcpu_debug_exit(struct vcpu *vcpu, u8 vector, unsigned long causes);
void vcpu_instruction_done(struct vcpu *vcpu, unsigned long rflags);
int vcpu_translate(struct vcpu *vcpu, struct minivmm_translation __user *user);
int vcpu_set_guest_debug(struct vcpu *vcpu, const void __user *user);

/* events.c */
void vcpu_queue_exception(struct vcpu *vcpu, u8 vector);
void vcpu_queue_exception_error(struct vcpu *vcpu, u8 vector, u32 error);
void vcpu_queue_fault(struct vcpu *vcpu, const struct x86_fault *fault);
void vcpu_deliver_payload(struct vcpu *vcpu);
void vcpu_queue_interrupt(struct vcpu *vcpu, u8 vector);
void vcpu_queue_nmi(struct vcpu *vcpu);

/**
 * vcpu_event_begun - whether an event will be delivered with the next entry
 * @vcpu: the vCPU
 */
static inline bool vcpu_event_begun(const struct vcpu *vcpu)
{
	const struct vcpu_events *events = &vcpu->events;

	return events->exception.queued || events->nmi.injected ||
	       events->interrupt.queued;
}

/**
 * vcpu_event_queued - whether an event waits for delivery
 * @vcpu: the vCPU
 */
static inline bool vcpu_event_queued(const struct vcpu *vcpu)
{
	return vcpu_event_begun(vcpu) || vcpu->events.nmi.pending;
}

/* emulation.c: exits that need the emulator or the caller */
int vcpu_emulate(struct vcpu *vcpu);
int vcpu_memory_exit(struct vcpu *vcpu);
int vcpu_port_io(struct vcpu *vcpu, u16 port, u8 size, bool in);
bool vcpu_fast_mmio(struct vcpu *vcpu);
int vcpu_internal_error(struct vcpu *vcpu, u32 suberror, u32 ndata);
int vcpu_unhandled_exit(struct vcpu *vcpu);
void vcpu_init_emulator(struct vcpu *vcpu);

/* hypercall.c */
void vcpu_hypercall(struct vcpu *vcpu, bool long_mode, unsigned int cpl);

/* undefined.c: what the processor answers with #UD */
int vcpu_undefined(struct vcpu *vcpu);

/* coalesced.c */
int coalesced_init(struct vm *vm);
void coalesced_destroy(struct vm *vm);
long coalesced_ioctl(struct vm *vm, void __user *user, bool add);

/* irqchip/ioeventfd.c */
long ioeventfd_ioctl(struct vm *vm, void __user *user);
void ioeventfd_release(struct vm *vm);

/* debugfs.c */
void minivmm_debugfs_init(void);
void minivmm_debugfs_exit(void);
void vm_debugfs_add(struct vm *vm, int fd);
void vm_debugfs_remove(struct vm *vm);
void vcpu_debugfs_add(struct vcpu *vcpu);

#endif
