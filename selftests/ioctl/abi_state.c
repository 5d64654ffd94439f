// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the contract KVM's, byte for byte? As abi.c, for <linux/minivmm_state.h>:
 * the rest of the state, clocks, the dirty log, debugging.
 */
#include "abi.h"

NUMBER(SREGS2_FLAGS_PDPTRS_VALID);
NUMBER(MAX_XCRS);
NUMBER(VCPUEVENT_VALID_NMI_PENDING);
NUMBER(VCPUEVENT_VALID_SIPI_VECTOR);
NUMBER(VCPUEVENT_VALID_SHADOW);
NUMBER(VCPUEVENT_VALID_SMM);
NUMBER(VCPUEVENT_VALID_PAYLOAD);
NUMBER(VCPUEVENT_VALID_TRIPLE_FAULT);
NUMBER(X86_SHADOW_INT_MOV_SS);
NUMBER(X86_SHADOW_INT_STI);
NUMBER(MP_STATE_RUNNABLE);
NUMBER(MP_STATE_UNINITIALIZED);
NUMBER(MP_STATE_INIT_RECEIVED);
NUMBER(MP_STATE_HALTED);
NUMBER(MP_STATE_SIPI_RECEIVED);
NUMBER(SYNC_X86_REGS);
NUMBER(SYNC_X86_SREGS);
NUMBER(SYNC_X86_EVENTS);
NUMBER(DIRTY_LOG_MANUAL_PROTECT_ENABLE);
NUMBER(DIRTY_LOG_INITIALLY_SET);
NUMBER(CLOCK_TSC_STABLE);
NUMBER(CLOCK_REALTIME);
NUMBER(CLOCK_HOST_TSC);
NUMBER(VCPU_TSC_CTRL);
NUMBER(VCPU_TSC_OFFSET);
NUMBER(X86_XCOMP_GUEST_SUPP);
NUMBER(GUESTDBG_ENABLE);
NUMBER(GUESTDBG_SINGLESTEP);
NUMBER(GUESTDBG_USE_SW_BP);
NUMBER(GUESTDBG_USE_HW_BP);
NUMBER(GUESTDBG_INJECT_DB);
NUMBER(GUESTDBG_INJECT_BP);
NUMBER(GUESTDBG_BLOCKIRQ);
NUMBER(MSR_FILTER_MAX_BITMAP_SIZE);
NUMBER(MSR_FILTER_MAX_RANGES);
NUMBER(MSR_FILTER_READ);
NUMBER(MSR_FILTER_WRITE);
NUMBER(MSR_FILTER_DEFAULT_ALLOW);
NUMBER(MSR_FILTER_DEFAULT_DENY);
NUMBER(X86_DISABLE_EXITS_MWAIT);
NUMBER(X86_DISABLE_EXITS_HLT);
NUMBER(X86_DISABLE_EXITS_PAUSE);
NUMBER(X86_DISABLE_EXITS_CSTATE);
NUMBER(X86_QUIRK_LINT0_REENABLED);
NUMBER(X86_QUIRK_CD_NW_CLEARED);
NUMBER(X86_QUIRK_LAPIC_MMIO_HOLE);
NUMBER(X86_QUIRK_OUT_7E_INC_RIP);
NUMBER(X86_QUIRK_MISC_ENABLE_NO_MWAIT);
NUMBER(X86_QUIRK_FIX_HYPERCALL_INSN);
NUMBER(X86_QUIRK_MWAIT_NEVER_UD_FAULTS);

STRUCT(sregs2);
MEMBER(sregs2, cs);
MEMBER(sregs2, ds);
MEMBER(sregs2, es);
MEMBER(sregs2, fs);
MEMBER(sregs2, gs);
MEMBER(sregs2, ss);
MEMBER(sregs2, tr);
MEMBER(sregs2, ldt);
MEMBER(sregs2, gdt);
MEMBER(sregs2, idt);
MEMBER(sregs2, cr0);
MEMBER(sregs2, cr2);
MEMBER(sregs2, cr3);
MEMBER(sregs2, cr4);
MEMBER(sregs2, cr8);
MEMBER(sregs2, efer);
MEMBER(sregs2, apic_base);
MEMBER(sregs2, flags);
MEMBER(sregs2, pdptrs);

STRUCT(debugregs);
MEMBER(debugregs, db);
MEMBER(debugregs, dr6);
MEMBER(debugregs, dr7);
MEMBER(debugregs, flags);
MEMBER(debugregs, reserved);

STRUCT(xsave);
MEMBER(xsave, region);
FLEX(xsave, extra);

STRUCT(xcr);
MEMBER(xcr, xcr);
MEMBER(xcr, reserved);
MEMBER(xcr, value);

STRUCT(xcrs);
MEMBER(xcrs, nr_xcrs);
MEMBER(xcrs, flags);
MEMBER(xcrs, xcrs);
MEMBER(xcrs, padding);

STRUCT(vcpu_events);
MEMBER(vcpu_events, exception);
MEMBER(vcpu_events, exception.injected);
MEMBER(vcpu_events, exception.nr);
MEMBER(vcpu_events, exception.has_error_code);
MEMBER(vcpu_events, exception.pending);
MEMBER(vcpu_events, exception.error_code);
MEMBER(vcpu_events, interrupt);
MEMBER(vcpu_events, interrupt.injected);
MEMBER(vcpu_events, interrupt.nr);
MEMBER(vcpu_events, interrupt.soft);
MEMBER(vcpu_events, interrupt.shadow);
MEMBER(vcpu_events, nmi);
MEMBER(vcpu_events, nmi.injected);
MEMBER(vcpu_events, nmi.pending);
MEMBER(vcpu_events, nmi.masked);
MEMBER(vcpu_events, nmi.pad);
MEMBER(vcpu_events, sipi_vector);
MEMBER(vcpu_events, flags);
MEMBER(vcpu_events, smi);
MEMBER(vcpu_events, smi.smm);
MEMBER(vcpu_events, smi.pending);
MEMBER(vcpu_events, smi.smm_inside_nmi);
MEMBER(vcpu_events, smi.latched_init);
MEMBER(vcpu_events, triple_fault);
MEMBER(vcpu_events, triple_fault.pending);
MEMBER(vcpu_events, reserved);
MEMBER(vcpu_events, exception_has_payload);
MEMBER(vcpu_events, exception_payload);

STRUCT(mp_state);
MEMBER(mp_state, mp_state);

STRUCT(sync_regs);
MEMBER(sync_regs, regs);
MEMBER(sync_regs, sregs);
MEMBER(sync_regs, events);

STRUCT(dirty_log);
MEMBER(dirty_log, slot);
MEMBER(dirty_log, padding1);
MEMBER(dirty_log, dirty_bitmap);
MEMBER(dirty_log, padding2);

STRUCT(clear_dirty_log);
MEMBER(clear_dirty_log, slot);
MEMBER(clear_dirty_log, num_pages);
MEMBER(clear_dirty_log, first_page);
MEMBER(clear_dirty_log, dirty_bitmap);
MEMBER(clear_dirty_log, padding2);

STRUCT(clock_data);
MEMBER(clock_data, clock);
MEMBER(clock_data, flags);
MEMBER(clock_data, pad0);
MEMBER(clock_data, realtime);
MEMBER(clock_data, host_tsc);
MEMBER(clock_data, pad);

STRUCT(device_attr);
MEMBER(device_attr, flags);
MEMBER(device_attr, group);
MEMBER(device_attr, attr);
MEMBER(device_attr, addr);

STRUCT(guest_debug_arch);
MEMBER(guest_debug_arch, debugreg);

STRUCT(guest_debug);
MEMBER(guest_debug, control);
MEMBER(guest_debug, pad);
MEMBER(guest_debug, arch);

STRUCT(translation);
MEMBER(translation, linear_address);
MEMBER(translation, physical_address);
MEMBER(translation, valid);
MEMBER(translation, writeable);
MEMBER(translation, usermode);
MEMBER(translation, pad);

STRUCT(x86_mce);
MEMBER(x86_mce, status);
MEMBER(x86_mce, addr);
MEMBER(x86_mce, misc);
MEMBER(x86_mce, mcg_status);
MEMBER(x86_mce, bank);
MEMBER(x86_mce, pad1);
MEMBER(x86_mce, pad2);

STRUCT(msr_filter_range);
MEMBER(msr_filter_range, flags);
MEMBER(msr_filter_range, nmsrs);
MEMBER(msr_filter_range, base);
MEMBER(msr_filter_range, bitmap);

STRUCT(msr_filter);
MEMBER(msr_filter, flags);
MEMBER(msr_filter, ranges);

STRUCT(enable_cap);
MEMBER(enable_cap, cap);
MEMBER(enable_cap, flags);
MEMBER(enable_cap, args);
MEMBER(enable_cap, pad);

TEST(numbers_and_layouts_of_state_are_those_of_kvm)
{
	ktap_note("compared when this program was compiled");
}
