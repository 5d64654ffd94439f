/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions of VT-x, and access to the fields of the current VMCS.
 *
 * The width of a field is in its number: an accessor of another width does not
 * compile. Each access is counted (debugfs), as under another hypervisor each
 * may cost a VM exit.
 *
 * An instruction that faults, because somebody switched VT-x off behind our
 * back on the way to a reboot, is passed over.
 *
 * SDM: "VMX Instruction Reference", "Field Encoding in VMCS".
 */
#ifndef MINIVMM_VMX_VMCS_H
#define MINIVMM_VMX_VMCS_H

#include <linux/build_bug.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <asm/asm.h>
#include <asm/vmx.h>

#include "../backend.h"
#include "../compat.h"

DECLARE_PER_CPU(u64 [NR_BACKEND_COUNTERS], vmx_counters);

static __always_inline void vmx_count(enum backend_counter counter)
{
	this_cpu_inc(vmx_counters[counter]);
}

enum vmcs_width { VMCS_16, VMCS_64, VMCS_32, VMCS_NATURAL };

#define vmcs_check(field, width)					\
	BUILD_BUG_ON_MSG(!__builtin_constant_p(field) ||		\
			 ((field) >> 13 & 3) != (width) || (field) & 1,	\
			 "VMCS field of another width")

static __always_inline unsigned long vmcs_read(unsigned long field)
{
	unsigned long value = 0;
	bool failed;

	vmx_count(COUNTER_STATE_READS);
	asm volatile("1: vmread %[field], %[value]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [value] "+r" (value), "=@ccbe" (failed)
		     : [field] "r" (field) : "memory");
	if (unlikely(failed))
		pr_warn_ratelimited("VMREAD of field %#lx failed\n", field);
	return value;
}

static __always_inline void vmcs_write(unsigned long field, unsigned long value)
{
	bool failed;

	vmx_count(COUNTER_STATE_WRITES);
	asm volatile("1: vmwrite %[value], %[field]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe" (failed)
		     : [field] "r" (field), [value] "rm" (value) : "memory");
	if (unlikely(failed))
		pr_warn_ratelimited("VMWRITE of field %#lx failed\n", field);
}

#define vmcs_read16(field)  ({ vmcs_check(field, VMCS_16); (u16)vmcs_read(field); })
#define vmcs_read32(field)  ({ vmcs_check(field, VMCS_32); (u32)vmcs_read(field); })
#define vmcs_read64(field)  ({ vmcs_check(field, VMCS_64); (u64)vmcs_read(field); })
#define vmcs_readl(field)   ({ vmcs_check(field, VMCS_NATURAL); vmcs_read(field); })

#define vmcs_write16(field, value) \
	do { vmcs_check(field, VMCS_16); vmcs_write(field, (u16)(value)); } while (0)
#define vmcs_write32(field, value) \
	do { vmcs_check(field, VMCS_32); vmcs_write(field, (u32)(value)); } while (0)
#define vmcs_write64(field, value) \
	do { vmcs_check(field, VMCS_64); vmcs_write(field, value); } while (0)
#define vmcs_writel(field, value) \
	do { vmcs_check(field, VMCS_NATURAL); vmcs_write(field, value); } while (0)

/* Instructions on a VMCS or VMXON region take its physical address in memory. */
#define vmx_region_op(name, instruction)				\
static inline bool name(void *region)					\
{									\
	u64 address = __pa(region);					\
	bool failed;							\
									\
	asm volatile("1: " instruction " %[address]\n"			\
		     "2:\n"						\
		     _ASM_EXTABLE(1b, 2b)				\
		     : "=@ccbe" (failed)				\
		     : [address] "m" (address) : "memory");		\
	return !failed;							\
}

vmx_region_op(vmx_vmxon, "vmxon")
vmx_region_op(vmx_vmclear, "vmclear")
vmx_region_op(vmx_vmptrld, "vmptrld")

static inline void vmx_vmxoff(void)
{
	asm volatile("1: vmxoff\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b) : : : "cc", "memory");
}

static inline void vmx_invept(unsigned long type, u64 eptp)
{
	struct { u64 eptp, reserved; } operand = { eptp, 0 };
	bool failed;

	asm volatile("1: invept %[operand], %[type]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe" (failed)
		     : [type] "r" (type), [operand] "m" (operand) : "memory");
	if (unlikely(failed))
		pr_warn_ratelimited("INVEPT failed\n");
}

static inline void vmx_invvpid(unsigned long type, u16 vpid)
{
	struct { u64 vpid, address; } operand = { vpid, 0 };
	bool failed;

	asm volatile("1: invvpid %[operand], %[type]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe" (failed)
		     : [type] "r" (type), [operand] "m" (operand) : "memory");
	if (unlikely(failed))
		pr_warn_ratelimited("INVVPID failed\n");
}

/*
 * MSRs, for the window: without the detour that the kernel's own functions make
 * for paravirtualised hosts, where there is no VT-x. Writes are counted, as
 * each costs about 100 cycles.
 */
static __always_inline u64 vmx_rdmsr(u32 index)
{
	u32 low, high;

	asm volatile("1: rdmsr\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE(1b, 2b, EX_TYPE_RDMSR)
		     : "=a" (low), "=d" (high) : "c" (index));
	return low | (u64)high << 32;
}

static __always_inline void vmx_wrmsr(u32 index, u64 value)
{
	vmx_count(COUNTER_MSR_WRITES);
	asm volatile("1: wrmsr\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE(1b, 2b, EX_TYPE_WRMSR)
		     : : "c" (index), "a" ((u32)value), "d" ((u32)(value >> 32))
		     : "memory");
}

#endif
