// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state in which a vCPU starts: segments, control registers, and for
 * 64-bit mode the GDT and page tables, as a boot loader would leave them.
 *
 * A processor really starts in 16-bit mode and software climbs from there;
 * a hypervisor can set any state at once, and this is where that is done.
 *
 * SDM: "Protected-Mode Memory Management" (descriptors), "4-Level Paging and
 * 5-Level Paging", "Initializing IA-32e Mode".
 * Read next: words.c, why a vCPU came back.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "compiler.h"
#include "fail.h"
#include "libminivmm.h"

#define CR0_PE		BIT_ULL(0)
#define CR0_MP		BIT_ULL(1)
#define CR0_ET		BIT_ULL(4)
#define CR0_NE		BIT_ULL(5)
#define CR0_PG		BIT_ULL(31)
#define CR4_PAE		BIT_ULL(5)
#define CR4_OSFXSR	BIT_ULL(9)
#define CR4_OSXMMEXCPT	BIT_ULL(10)
#define EFER_LME	BIT_ULL(8)
#define EFER_LMA	BIT_ULL(10)

#define RFLAGS_RESERVED	BIT_ULL(1)

/* Indices in the GDT; a selector is eight times that. */
enum { GDT_NULL, GDT_CODE32, GDT_DATA, GDT_CODE64, GDT_ENTRIES };

/* Base 0, limit 4 GiB, present, accessed; what differs is type, D and L. */
static const __u64 gdt[GDT_ENTRIES] = {
	[GDT_CODE32] = 0x00cf9b000000ffffULL,
	[GDT_DATA]   = 0x00cf93000000ffffULL,
	[GDT_CODE64] = 0x00af9b000000ffffULL,
};

/* The same for an operating system: code at 0x10, data at 0x18. */
enum { BOOT_NULL, BOOT_UNUSED, BOOT_CODE, BOOT_DATA, BOOT_ENTRIES };

#define PAGE_PRESENT	BIT_ULL(0)
#define PAGE_WRITABLE	BIT_ULL(1)
#define PAGE_LARGE	BIT_ULL(7)
#define LARGE_PAGE	(2ULL << 20)
#define ENTRIES		512

void vmm_write_tables(void *memory, enum vmm_mode mode)
{
	__u64 *pml4 = (__u64 *)((char *)memory + VMM_PML4_GPA);
	__u64 *pdpt = (__u64 *)((char *)memory + VMM_PDPT_GPA);
	__u64 *pd = (__u64 *)((char *)memory + VMM_PD_GPA);
	__u64 *boot_gdt = (__u64 *)((char *)memory + VMM_BOOT_GDT_GPA);
	unsigned int i;

	if (mode == VMM_MODE_16)
		return;
	memcpy((char *)memory + VMM_GDT_GPA, gdt, sizeof(gdt));
	boot_gdt[BOOT_CODE] = gdt[mode == VMM_MODE_64 ? GDT_CODE64 : GDT_CODE32];
	boot_gdt[BOOT_DATA] = gdt[GDT_DATA];
	if (mode == VMM_MODE_32)
		return;

	/* Four PDs of 512 pages of 2 MiB, one after the other, make 4 GiB. */
	pml4[0] = VMM_PDPT_GPA | PAGE_PRESENT | PAGE_WRITABLE;
	for (i = 0; i < 4; i++)
		pdpt[i] = (VMM_PD_GPA + i * 0x1000) | PAGE_PRESENT |
			  PAGE_WRITABLE;
	for (i = 0; i < 4 * ENTRIES; i++)
		pd[i] = i * LARGE_PAGE | PAGE_PRESENT | PAGE_WRITABLE |
			PAGE_LARGE;
}

static void set_data_segments(struct minivmm_sregs *sregs,
			      const struct minivmm_segment *data)
{
	sregs->ds = *data;
	sregs->es = *data;
	sregs->fs = *data;
	sregs->gs = *data;
	sregs->ss = *data;
}

/*
 * All segments begin at the 64 KiB boundary below the entry: 0 for an entry
 * such as 0x7c00, where a boot sector starts.
 */
static void start_16(struct minivmm_sregs *sregs, __u64 entry)
{
	struct minivmm_segment segment = {
		.base = entry & 0xf0000,
		.limit = 0xffff,
		.selector = (entry >> 4) & 0xf000,
		.type = 3,
		.present = 1,
		.s = 1,
	};

	set_data_segments(sregs, &segment);
	segment.type = 11;
	sregs->cs = segment;
	sregs->cr0 = CR0_ET;
	sregs->cr4 = 0;
	sregs->efer = 0;
	sregs->idt.base = 0;
	sregs->idt.limit = 0x3ff;
}

static void start_protected(struct minivmm_sregs *sregs,
			    const struct vmm_start *start)
{
	bool long_mode = start->mode == VMM_MODE_64;

	struct minivmm_segment segment = {
		.limit = 0xffffffff,
		.selector = (start->boot ? BOOT_DATA : GDT_DATA) * 8,
		.type = 3,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};

	set_data_segments(sregs, &segment);
	segment.selector = (start->boot ? BOOT_CODE :
			    long_mode ? GDT_CODE64 : GDT_CODE32) * 8;
	segment.type = 11;
	segment.db = !long_mode;
	segment.l = long_mode;
	sregs->cs = segment;

	sregs->gdt.base = start->boot ? VMM_BOOT_GDT_GPA : VMM_GDT_GPA;
	sregs->gdt.limit = sizeof(gdt) - 1;
	/* No IDT: the guest's first exception is a triple fault. */
	sregs->idt.base = 0;
	sregs->idt.limit = 0;

	/* x87 and SSE work, as compilers expect. */
	sregs->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE;
	sregs->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	if (start->boot) {
		sregs->cr0 = CR0_PE | CR0_ET;
		sregs->cr4 = 0;
	}
	sregs->efer = 0;
	if (long_mode) {
		sregs->cr0 |= CR0_PG;
		sregs->cr3 = VMM_PML4_GPA;
		sregs->cr4 |= CR4_PAE;
		sregs->efer = EFER_LME | EFER_LMA;
	}
}

int vmm_vcpu_start_state(struct vmm_vcpu *vcpu, const struct vmm_start *start)
{
	struct minivmm_regs regs = {
		.rip = start->entry,
		.rbx = start->rbx,
		.rsp = start->stack,
		.rdi = start->rdi,
		.rsi = start->rsi,
		.rdx = start->rdx,
		.rflags = RFLAGS_RESERVED,
	};
	struct minivmm_sregs sregs;

	/* TR, LDTR and the local APIC's base keep their values from reset. */
	if (ioctl(vcpu->fd, MINIVMM_GET_SREGS, &sregs) < 0)
		return vmm_fail(errno, "vCPU %u: cannot read its system registers: %s; read dmesg",
				vcpu->id, strerror(errno));

	if (start->mode == VMM_MODE_16) {
		start_16(&sregs, start->entry);
		regs.rip = start->entry & 0xffff;
	} else {
		start_protected(&sregs, start);
	}
	if (ioctl(vcpu->fd, MINIVMM_SET_SREGS, &sregs) < 0)
		return vmm_fail(errno,
				"vCPU %u: its %d-bit start state was refused: %s; read dmesg",
				vcpu->id, start->mode, strerror(errno));
	if (ioctl(vcpu->fd, MINIVMM_SET_REGS, &regs) < 0)
		return vmm_fail(errno, "vCPU %u: its registers were refused: %s; read dmesg",
				vcpu->id, strerror(errno));
	return 0;
}
