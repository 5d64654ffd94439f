// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the contract KVM's, byte for byte? Compared with <linux/kvm.h> when this
 * file is compiled: each number, and the size and offset of each member. If it
 * compiles, it holds.
 *
 * selftests/docs/abi-names fails if the header has a name without a line here;
 * its --list prints the lines that are wanted.
 */
#include <assert.h>
#include <stddef.h>
#include <linux/kvm.h>
#include <linux/minivmm.h>

#include "ktap.h"

/* The names that are not MINIVMM_X for KVM_X. */
#define MINIVMM_IO			MINIVMMIO
#define KVM_IO				KVMIO
#define KVM_SYNC_REGS_SIZE_BYTES	SYNC_REGS_SIZE_BYTES

#define NUMBER(name) \
	static_assert(MINIVMM_##name == KVM_##name && \
		      sizeof(MINIVMM_##name) == sizeof(KVM_##name), \
		      "number " #name)

#define STRUCT(name) \
	static_assert(sizeof(struct minivmm_##name) == sizeof(struct kvm_##name), \
		      "size of struct " #name)

#define MEMBER(name, member) \
	static_assert(offsetof(struct minivmm_##name, member) == \
		      offsetof(struct kvm_##name, member) && \
		      sizeof(((struct minivmm_##name *)0)->member) == \
		      sizeof(((struct kvm_##name *)0)->member), \
		      "place or size of " #member " in struct " #name)

/* A member without a size of its own, an array at the end: its items count. */
#define FLEX(name, member) \
	static_assert(offsetof(struct minivmm_##name, member) == \
		      offsetof(struct kvm_##name, member) && \
		      sizeof(((struct minivmm_##name *)0)->member[0]) == \
		      sizeof(((struct kvm_##name *)0)->member[0]), \
		      "place or items of " #member " in struct " #name)

NUMBER(API_VERSION);
NUMBER(IO);
NUMBER(PIO_PAGE_OFFSET);
NUMBER(NR_INTERRUPTS);
NUMBER(MEM_LOG_DIRTY_PAGES);
NUMBER(MEM_READONLY);
NUMBER(CPUID_FLAG_SIGNIFCANT_INDEX);
NUMBER(CPUID_FLAG_STATEFUL_FUNC);
NUMBER(CPUID_FLAG_STATE_READ_NEXT);
NUMBER(EXIT_UNKNOWN);
NUMBER(EXIT_EXCEPTION);
NUMBER(EXIT_IO);
NUMBER(EXIT_HYPERCALL);
NUMBER(EXIT_DEBUG);
NUMBER(EXIT_HLT);
NUMBER(EXIT_MMIO);
NUMBER(EXIT_IRQ_WINDOW_OPEN);
NUMBER(EXIT_SHUTDOWN);
NUMBER(EXIT_FAIL_ENTRY);
NUMBER(EXIT_INTR);
NUMBER(EXIT_SET_TPR);
NUMBER(EXIT_TPR_ACCESS);
NUMBER(EXIT_NMI);
NUMBER(EXIT_INTERNAL_ERROR);
NUMBER(EXIT_WATCHDOG);
NUMBER(EXIT_SYSTEM_EVENT);
NUMBER(EXIT_IOAPIC_EOI);
NUMBER(EXIT_HYPERV);
NUMBER(EXIT_X86_RDMSR);
NUMBER(EXIT_X86_WRMSR);
NUMBER(EXIT_DIRTY_RING_FULL);
NUMBER(EXIT_AP_RESET_HOLD);
NUMBER(EXIT_X86_BUS_LOCK);
NUMBER(EXIT_XEN);
NUMBER(EXIT_NOTIFY);
NUMBER(INTERNAL_ERROR_EMULATION);
NUMBER(INTERNAL_ERROR_SIMUL_EX);
NUMBER(INTERNAL_ERROR_DELIVERY_EV);
NUMBER(INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
NUMBER(INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
NUMBER(EXIT_IO_IN);
NUMBER(EXIT_IO_OUT);
NUMBER(RUN_X86_SMM);
NUMBER(RUN_X86_BUS_LOCK);
NUMBER(SYSTEM_EVENT_SHUTDOWN);
NUMBER(SYSTEM_EVENT_RESET);
NUMBER(SYSTEM_EVENT_CRASH);
NUMBER(SYSTEM_EVENT_WAKEUP);
NUMBER(SYSTEM_EVENT_SUSPEND);
NUMBER(SYSTEM_EVENT_SEV_TERM);
NUMBER(MSR_EXIT_REASON_INVAL);
NUMBER(MSR_EXIT_REASON_UNKNOWN);
NUMBER(MSR_EXIT_REASON_FILTER);
NUMBER(NOTIFY_CONTEXT_INVALID);
NUMBER(EXIT_HYPERV_SYNIC);
NUMBER(EXIT_HYPERV_HCALL);
NUMBER(EXIT_HYPERV_SYNDBG);
NUMBER(EXIT_XEN_HCALL);
NUMBER(SYNC_REGS_SIZE_BYTES);
NUMBER(GET_API_VERSION);
NUMBER(CREATE_VM);
NUMBER(GET_MSR_INDEX_LIST);
NUMBER(CHECK_EXTENSION);
NUMBER(GET_VCPU_MMAP_SIZE);
NUMBER(GET_SUPPORTED_CPUID);
NUMBER(CREATE_VCPU);
NUMBER(SET_USER_MEMORY_REGION);
NUMBER(SET_TSS_ADDR);
NUMBER(SET_IDENTITY_MAP_ADDR);
NUMBER(RUN);
NUMBER(GET_REGS);
NUMBER(SET_REGS);
NUMBER(GET_SREGS);
NUMBER(SET_SREGS);
NUMBER(INTERRUPT);
NUMBER(GET_MSRS);
NUMBER(SET_MSRS);
NUMBER(SET_SIGNAL_MASK);
NUMBER(GET_FPU);
NUMBER(SET_FPU);
NUMBER(SET_CPUID2);
NUMBER(GET_CPUID2);
NUMBER(CAP_IRQCHIP);
NUMBER(CAP_HLT);
NUMBER(CAP_USER_MEMORY);
NUMBER(CAP_SET_TSS_ADDR);
NUMBER(CAP_VAPIC);
NUMBER(CAP_EXT_CPUID);
NUMBER(CAP_CLOCKSOURCE);
NUMBER(CAP_NR_VCPUS);
NUMBER(CAP_NR_MEMSLOTS);
NUMBER(CAP_PIT);
NUMBER(CAP_NOP_IO_DELAY);
NUMBER(CAP_MP_STATE);
NUMBER(CAP_COALESCED_MMIO);
NUMBER(CAP_SYNC_MMU);
NUMBER(CAP_DESTROY_MEMORY_REGION_WORKS);
NUMBER(CAP_USER_NMI);
NUMBER(CAP_SET_GUEST_DEBUG);
NUMBER(CAP_REINJECT_CONTROL);
NUMBER(CAP_IRQ_ROUTING);
NUMBER(CAP_IRQ_INJECT_STATUS);
NUMBER(CAP_JOIN_MEMORY_REGIONS_WORKS);
NUMBER(CAP_MCE);
NUMBER(CAP_IRQFD);
NUMBER(CAP_PIT2);
NUMBER(CAP_SET_BOOT_CPU_ID);
NUMBER(CAP_PIT_STATE2);
NUMBER(CAP_IOEVENTFD);
NUMBER(CAP_SET_IDENTITY_MAP_ADDR);
NUMBER(CAP_ADJUST_CLOCK);
NUMBER(CAP_INTERNAL_ERROR_DATA);
NUMBER(CAP_VCPU_EVENTS);
NUMBER(CAP_INTR_SHADOW);
NUMBER(CAP_DEBUGREGS);
NUMBER(CAP_X86_ROBUST_SINGLESTEP);
NUMBER(CAP_ENABLE_CAP);
NUMBER(CAP_XSAVE);
NUMBER(CAP_XCRS);
NUMBER(CAP_ASYNC_PF);
NUMBER(CAP_TSC_CONTROL);
NUMBER(CAP_GET_TSC_KHZ);
NUMBER(CAP_MAX_VCPUS);
NUMBER(CAP_TSC_DEADLINE_TIMER);
NUMBER(CAP_SYNC_REGS);
NUMBER(CAP_KVMCLOCK_CTRL);
NUMBER(CAP_SIGNAL_MSI);
NUMBER(CAP_READONLY_MEM);
NUMBER(CAP_IRQFD_RESAMPLE);
NUMBER(CAP_DEVICE_CTRL);
NUMBER(CAP_EXT_EMUL_CPUID);
NUMBER(CAP_IOAPIC_POLARITY_IGNORED);
NUMBER(CAP_ENABLE_CAP_VM);
NUMBER(CAP_IOEVENTFD_NO_LENGTH);
NUMBER(CAP_VM_ATTRIBUTES);
NUMBER(CAP_CHECK_EXTENSION_VM);
NUMBER(CAP_DISABLE_QUIRKS);
NUMBER(CAP_X86_SMM);
NUMBER(CAP_MULTI_ADDRESS_SPACE);
NUMBER(CAP_GUEST_DEBUG_HW_BPS);
NUMBER(CAP_GUEST_DEBUG_HW_WPS);
NUMBER(CAP_SPLIT_IRQCHIP);
NUMBER(CAP_IOEVENTFD_ANY_LENGTH);
NUMBER(CAP_VCPU_ATTRIBUTES);
NUMBER(CAP_MAX_VCPU_ID);
NUMBER(CAP_X2APIC_API);
NUMBER(CAP_IMMEDIATE_EXIT);
NUMBER(CAP_X86_DISABLE_EXITS);
NUMBER(CAP_GET_MSR_FEATURES);
NUMBER(CAP_COALESCED_PIO);
NUMBER(CAP_EXCEPTION_PAYLOAD);
NUMBER(CAP_MANUAL_DIRTY_LOG_PROTECT2);
NUMBER(CAP_ASYNC_PF_INT);
NUMBER(CAP_X86_USER_SPACE_MSR);
NUMBER(CAP_X86_MSR_FILTER);
NUMBER(CAP_DIRTY_LOG_RING);
NUMBER(CAP_SET_GUEST_DEBUG2);
NUMBER(CAP_SREGS2);
NUMBER(CAP_EXIT_ON_EMULATION_FAILURE);
NUMBER(CAP_XSAVE2);
NUMBER(CAP_SYS_ATTRIBUTES);
NUMBER(CAP_DISABLE_QUIRKS2);
NUMBER(CAP_VM_TSC_CONTROL);
NUMBER(CAP_X86_TRIPLE_FAULT_EVENT);

STRUCT(userspace_memory_region);
MEMBER(userspace_memory_region, slot);
MEMBER(userspace_memory_region, flags);
MEMBER(userspace_memory_region, guest_phys_addr);
MEMBER(userspace_memory_region, memory_size);
MEMBER(userspace_memory_region, userspace_addr);

STRUCT(regs);
MEMBER(regs, rax);
MEMBER(regs, rbx);
MEMBER(regs, rcx);
MEMBER(regs, rdx);
MEMBER(regs, rsi);
MEMBER(regs, rdi);
MEMBER(regs, rsp);
MEMBER(regs, rbp);
MEMBER(regs, r8);
MEMBER(regs, r9);
MEMBER(regs, r10);
MEMBER(regs, r11);
MEMBER(regs, r12);
MEMBER(regs, r13);
MEMBER(regs, r14);
MEMBER(regs, r15);
MEMBER(regs, rip);
MEMBER(regs, rflags);

STRUCT(segment);
MEMBER(segment, base);
MEMBER(segment, limit);
MEMBER(segment, selector);
MEMBER(segment, type);
MEMBER(segment, present);
MEMBER(segment, dpl);
MEMBER(segment, db);
MEMBER(segment, s);
MEMBER(segment, l);
MEMBER(segment, g);
MEMBER(segment, avl);
MEMBER(segment, unusable);
MEMBER(segment, padding);

STRUCT(dtable);
MEMBER(dtable, base);
MEMBER(dtable, limit);
MEMBER(dtable, padding);

STRUCT(sregs);
MEMBER(sregs, cs);
MEMBER(sregs, ds);
MEMBER(sregs, es);
MEMBER(sregs, fs);
MEMBER(sregs, gs);
MEMBER(sregs, ss);
MEMBER(sregs, tr);
MEMBER(sregs, ldt);
MEMBER(sregs, gdt);
MEMBER(sregs, idt);
MEMBER(sregs, cr0);
MEMBER(sregs, cr2);
MEMBER(sregs, cr3);
MEMBER(sregs, cr4);
MEMBER(sregs, cr8);
MEMBER(sregs, efer);
MEMBER(sregs, apic_base);
MEMBER(sregs, interrupt_bitmap);

STRUCT(fpu);
MEMBER(fpu, fpr);
MEMBER(fpu, fcw);
MEMBER(fpu, fsw);
MEMBER(fpu, ftwx);
MEMBER(fpu, pad1);
MEMBER(fpu, last_opcode);
MEMBER(fpu, last_ip);
MEMBER(fpu, last_dp);
MEMBER(fpu, xmm);
MEMBER(fpu, mxcsr);
MEMBER(fpu, pad2);

STRUCT(msr_entry);
MEMBER(msr_entry, index);
MEMBER(msr_entry, reserved);
MEMBER(msr_entry, data);

STRUCT(msrs);
MEMBER(msrs, nmsrs);
MEMBER(msrs, pad);
FLEX(msrs, entries);

STRUCT(msr_list);
MEMBER(msr_list, nmsrs);
FLEX(msr_list, indices);

STRUCT(cpuid_entry2);
MEMBER(cpuid_entry2, function);
MEMBER(cpuid_entry2, index);
MEMBER(cpuid_entry2, flags);
MEMBER(cpuid_entry2, eax);
MEMBER(cpuid_entry2, ebx);
MEMBER(cpuid_entry2, ecx);
MEMBER(cpuid_entry2, edx);
MEMBER(cpuid_entry2, padding);

STRUCT(cpuid2);
MEMBER(cpuid2, nent);
MEMBER(cpuid2, padding);
FLEX(cpuid2, entries);

STRUCT(interrupt);
MEMBER(interrupt, irq);

STRUCT(signal_mask);
MEMBER(signal_mask, len);
FLEX(signal_mask, sigset);

STRUCT(debug_exit_arch);
MEMBER(debug_exit_arch, exception);
MEMBER(debug_exit_arch, pad);
MEMBER(debug_exit_arch, pc);
MEMBER(debug_exit_arch, dr6);
MEMBER(debug_exit_arch, dr7);

STRUCT(hyperv_exit);
MEMBER(hyperv_exit, type);
MEMBER(hyperv_exit, pad1);
MEMBER(hyperv_exit, u);
MEMBER(hyperv_exit, u.synic);
MEMBER(hyperv_exit, u.synic.msr);
MEMBER(hyperv_exit, u.synic.pad2);
MEMBER(hyperv_exit, u.synic.control);
MEMBER(hyperv_exit, u.synic.evt_page);
MEMBER(hyperv_exit, u.synic.msg_page);
MEMBER(hyperv_exit, u.hcall);
MEMBER(hyperv_exit, u.hcall.input);
MEMBER(hyperv_exit, u.hcall.result);
MEMBER(hyperv_exit, u.hcall.params);
MEMBER(hyperv_exit, u.syndbg);
MEMBER(hyperv_exit, u.syndbg.msr);
MEMBER(hyperv_exit, u.syndbg.pad2);
MEMBER(hyperv_exit, u.syndbg.control);
MEMBER(hyperv_exit, u.syndbg.status);
MEMBER(hyperv_exit, u.syndbg.send_page);
MEMBER(hyperv_exit, u.syndbg.recv_page);
MEMBER(hyperv_exit, u.syndbg.pending_page);

STRUCT(xen_exit);
MEMBER(xen_exit, type);
MEMBER(xen_exit, u);
MEMBER(xen_exit, u.hcall);
MEMBER(xen_exit, u.hcall.longmode);
MEMBER(xen_exit, u.hcall.cpl);
MEMBER(xen_exit, u.hcall.input);
MEMBER(xen_exit, u.hcall.result);
MEMBER(xen_exit, u.hcall.params);

STRUCT(run);
MEMBER(run, request_interrupt_window);
MEMBER(run, immediate_exit);
MEMBER(run, padding1);
MEMBER(run, exit_reason);
MEMBER(run, ready_for_interrupt_injection);
MEMBER(run, if_flag);
MEMBER(run, flags);
MEMBER(run, cr8);
MEMBER(run, apic_base);
MEMBER(run, hw);
MEMBER(run, hw.hardware_exit_reason);
MEMBER(run, fail_entry);
MEMBER(run, fail_entry.hardware_entry_failure_reason);
MEMBER(run, fail_entry.cpu);
MEMBER(run, ex);
MEMBER(run, ex.exception);
MEMBER(run, ex.error_code);
MEMBER(run, io);
MEMBER(run, io.direction);
MEMBER(run, io.size);
MEMBER(run, io.port);
MEMBER(run, io.count);
MEMBER(run, io.data_offset);
MEMBER(run, debug);
MEMBER(run, debug.arch);
MEMBER(run, mmio);
MEMBER(run, mmio.phys_addr);
MEMBER(run, mmio.data);
MEMBER(run, mmio.len);
MEMBER(run, mmio.is_write);
MEMBER(run, hypercall);
MEMBER(run, hypercall.nr);
MEMBER(run, hypercall.args);
MEMBER(run, hypercall.ret);
MEMBER(run, hypercall.longmode);
/* Newer headers, told by what else is new in them, have other names for it. */
#ifndef KVM_EXIT_MEMORY_FAULT
MEMBER(run, hypercall.pad);
#endif
MEMBER(run, tpr_access);
MEMBER(run, tpr_access.rip);
MEMBER(run, tpr_access.is_write);
MEMBER(run, tpr_access.pad);
MEMBER(run, internal);
MEMBER(run, internal.suberror);
MEMBER(run, internal.ndata);
MEMBER(run, internal.data);
MEMBER(run, emulation_failure);
MEMBER(run, emulation_failure.suberror);
MEMBER(run, emulation_failure.ndata);
MEMBER(run, emulation_failure.flags);
MEMBER(run, emulation_failure.insn_size);
MEMBER(run, emulation_failure.insn_bytes);
MEMBER(run, system_event);
MEMBER(run, system_event.type);
MEMBER(run, system_event.ndata);
MEMBER(run, system_event.flags);
MEMBER(run, system_event.data);
MEMBER(run, eoi);
MEMBER(run, eoi.vector);
MEMBER(run, hyperv);
MEMBER(run, msr);
MEMBER(run, msr.error);
MEMBER(run, msr.pad);
MEMBER(run, msr.reason);
MEMBER(run, msr.index);
MEMBER(run, msr.data);
MEMBER(run, xen);
MEMBER(run, notify);
MEMBER(run, notify.flags);
MEMBER(run, padding);
MEMBER(run, kvm_valid_regs);
MEMBER(run, kvm_dirty_regs);
MEMBER(run, s);
MEMBER(run, s.padding);

TEST(numbers_and_layouts_are_those_of_kvm)
{
	ktap_note("compared when this program was compiled");
}
