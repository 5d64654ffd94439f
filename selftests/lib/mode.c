// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modes of an x86 CPU, from outside: what a guest's boot code would do to
 * get into a mode is done here by writing its tables and its registers.
 *
 * SDM Vol. 3, "Protected-Mode Memory Management", "Paging" and "Interrupt and
 * Exception Handling". The layout of guest memory is in vm.h.
 */
#include "vm.h"

#define CR0_PE		0x1ULL
#define CR0_MP		0x2ULL
#define CR0_ET		0x10ULL
#define CR0_NE		0x20ULL
#define CR0_WP		0x10000ULL
#define CR0_PG		0x80000000ULL
#define CR4_PSE		0x10ULL
#define CR4_PAE		0x20ULL
#define CR4_OSFXSR	0x200ULL
#define CR4_OSXMMEXCPT	0x400ULL
#define EFER_LME	0x100ULL
#define EFER_LMA	0x400ULL
#define EFER_NXE	0x800ULL

#define PTE_PS		0x80ULL

/* Pages of the paging structures, in the order of GUEST_TABLES. */
#define TABLE_PML4	GUEST_TABLES
#define TABLE_PDPT	(GUEST_TABLES + 0x1000)
#define TABLE_PD	(GUEST_TABLES + 0x2000)		/* four */
#define TABLE_PDPT_PAE	(GUEST_TABLES + 0x6000)
#define TABLE_PD32	(GUEST_TABLES + 0x7000)
#define TABLE_FREE	(GUEST_TABLES + 0x8000)

const char *mode_name(enum guest_mode mode)
{
	static const char * const names[NR_MODES] = {
		[MODE_REAL] = "real mode",
		[MODE_PROT16] = "16-bit protected mode",
		[MODE_PROT32] = "protected mode",
		[MODE_PAGED32] = "protected mode with paging",
		[MODE_PAE] = "protected mode with PAE paging",
		[MODE_LONG] = "long mode",
	};

	return names[mode];
}

/* A flat code or data descriptor, with its limit at 4 GiB (16-bit: 64 KiB). */
static uint64_t descriptor(uint8_t access, bool db, bool l)
{
	uint64_t limit = db || l ? 0xf0000ffff : 0x00000ffff;
	uint64_t flags = (db || l ? 8 : 0) | (db ? 4 : 0) | (l ? 2 : 0);

	return (limit & 0xffff) | (limit >> 32) << 48 | (uint64_t)access << 40 | flags << 52;
}

static void write_gdt(struct vm *vm)
{
	uint64_t *gdt = vm_at(vm, GUEST_GDT);
	uint32_t *tss = vm_at(vm, GUEST_TSS);

	memset(gdt, 0, 0x1000);
	gdt[SEL_CODE32 / 8] = descriptor(0x9b, true, false);
	gdt[SEL_DATA / 8] = descriptor(0x93, true, false);
	gdt[SEL_CODE64 / 8] = descriptor(0x9b, false, true);
	gdt[SEL_USER_CODE32 / 8] = descriptor(0xfb, true, false);
	gdt[SEL_USER_DATA / 8] = descriptor(0xf3, true, false);
	gdt[SEL_USER_CODE64 / 8] = descriptor(0xfb, false, true);
	gdt[SEL_TSS / 8] = 0x67 | GUEST_TSS << 16 | 0x8bULL << 40;
	gdt[SEL_CODE16 / 8] = descriptor(0x9b, false, false);
	gdt[SEL_DATA16 / 8] = descriptor(0x93, false, false);

	/* ESP0 or RSP0; SS0 where a 32-bit TSS has it, RSP0's upper half in a 64-bit one. */
	tss[1] = GUEST_STACK0;
}

static void write_tables(struct vm *vm)
{
	uint64_t *pml4 = vm_at(vm, TABLE_PML4), *pdpt = vm_at(vm, TABLE_PDPT);
	uint64_t *pae = vm_at(vm, TABLE_PDPT_PAE), *pd = vm_at(vm, TABLE_PD);
	uint32_t *pd32 = vm_at(vm, TABLE_PD32);
	const uint64_t all = PTE_P | PTE_W | PTE_U;

	pml4[0] = TABLE_PDPT | all;
	for (uint64_t i = 0; i < 4; i++) {
		pdpt[i] = (TABLE_PD + i * 0x1000) | all;
		pae[i] = (TABLE_PD + i * 0x1000) | PTE_P;
	}
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | all | PTE_PS;
	for (uint64_t i = 0; i < 1024; i++)
		pd32[i] = i << 22 | all | PTE_PS;
	vm->next_table = TABLE_FREE;
}

static uint64_t new_table(struct vm *vm)
{
	ASSERT(vm->next_table < GUEST_FREE, "vm_map() is out of paging structures");
	vm->next_table += 0x1000;
	return vm->next_table - 0x1000;
}

static void map32(struct vm *vm, uint32_t gva, uint32_t entry)
{
	uint32_t *pde = (uint32_t *)vm_at(vm, TABLE_PD32) + (gva >> 22);

	if (*pde & PTE_PS) {
		uint32_t table = new_table(vm), *pte = vm_at(vm, table);

		for (uint32_t i = 0; i < 1024; i++)
			pte[i] = (*pde & 0xffc00000) | i << 12 | (*pde & 0x1f);
		*pde = table | PTE_P | PTE_W | PTE_U;
	}
	((uint32_t *)vm_at(vm, *pde & 0xfffff000))[gva >> 12 & 1023] = entry;
}

static void map64(struct vm *vm, uint64_t gva, uint64_t entry)
{
	uint64_t *pde = (uint64_t *)vm_at(vm, TABLE_PD) + (gva >> 21);

	if (*pde & PTE_PS) {
		uint64_t table = new_table(vm), *pte = vm_at(vm, table);

		for (uint64_t i = 0; i < 512; i++)
			pte[i] = (*pde & ~0x1fffffULL) | i << 12 | (*pde & 0x1f);
		*pde = table | PTE_P | PTE_W | PTE_U;
	}
	((uint64_t *)vm_at(vm, *pde & ~0xfffULL))[gva >> 12 & 511] = entry;
}

void vm_map(struct vcpu *vcpu, uint64_t gva, uint64_t entry)
{
	ASSERT_TRUE(gva < 1ULL << 32 && vcpu->mode >= MODE_PAGED32);
	if (vcpu->mode == MODE_PAGED32)
		map32(vcpu->vm, gva, entry);
	else
		map64(vcpu->vm, gva, entry);
}

void vcpu_set_handler(struct vcpu *vcpu, unsigned int vector, uint64_t gpa)
{
	uint16_t code = vcpu->mode == MODE_LONG ? SEL_CODE64 :
			vcpu->mode == MODE_PROT16 ? SEL_CODE16 : SEL_CODE32;
	uint64_t gate = (gpa & 0xffff) | (uint64_t)code << 16 | 0x8eULL << 40;

	ASSERT_TRUE(vector < 256 && gpa < 0x10000);
	if (vcpu->mode == MODE_REAL) {
		((uint32_t *)vm_at(vcpu->vm, GUEST_IVT))[vector] = gpa;
	} else if (vcpu->mode == MODE_LONG) {
		((uint64_t *)vm_at(vcpu->vm, GUEST_IDT))[2 * vector] = gate;
		((uint64_t *)vm_at(vcpu->vm, GUEST_IDT))[2 * vector + 1] = 0;
	} else {
		((uint64_t *)vm_at(vcpu->vm, GUEST_IDT))[vector] = gate;
	}
}

static void set_segments(struct minivmm_sregs *s, enum guest_mode mode)
{
	bool real = mode == MODE_REAL, small = real || mode == MODE_PROT16;
	struct minivmm_segment data = {
		.limit = small ? 0xffff : 0xffffffff,
		.selector = real ? 0 : small ? SEL_DATA16 : SEL_DATA,
		.type = 3, .present = 1, .s = 1, .db = !small, .g = !small,
	};
	struct minivmm_segment code = data;

	code.type = 11;
	code.selector = real ? 0 : small ? SEL_CODE16 :
			mode == MODE_LONG ? SEL_CODE64 : SEL_CODE32;
	if (mode == MODE_LONG) {
		code.l = 1;
		code.db = 0;
	}
	s->cs = code;
	s->ds = data;
	s->es = data;
	s->fs = data;
	s->gs = data;
	s->ss = data;
	s->tr = (struct minivmm_segment) {
		.base = GUEST_TSS, .limit = 0x67, .selector = real ? 0 : SEL_TSS,
		.type = 11, .present = 1,
	};
	s->ldt = (struct minivmm_segment) { .type = 2, .unusable = 1 };
	s->gdt = (struct minivmm_dtable) { .base = GUEST_GDT, .limit = 0x5f };
	s->idt = (struct minivmm_dtable) {
		.base = real ? GUEST_IVT : GUEST_IDT, .limit = real ? 0x3ff : 0xfff,
	};
}

void vcpu_set_mode(struct vcpu *vcpu, enum guest_mode mode)
{
	struct minivmm_regs regs = { .rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = 2 };
	struct minivmm_sregs s = vcpu_sregs(vcpu);

	vcpu->mode = mode;
	write_gdt(vcpu->vm);
	write_tables(vcpu->vm);
	/* A 32-bit TSS wants SS0; a 64-bit one must have 0 there. */
	if (mode != MODE_LONG)
		((uint32_t *)vm_at(vcpu->vm, GUEST_TSS))[2] = SEL_DATA;

	set_segments(&s, mode);
	s.cr0 = CR0_MP | CR0_ET | CR0_NE | (mode == MODE_REAL ? 0 : CR0_PE);
	s.cr3 = 0;
	s.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	s.efer = 0;
	if (mode >= MODE_PAGED32)
		s.cr0 |= CR0_PG | CR0_WP;
	if (mode == MODE_PAGED32) {
		s.cr3 = TABLE_PD32;
		s.cr4 |= CR4_PSE;
	} else if (mode == MODE_PAE) {
		s.cr3 = TABLE_PDPT_PAE;
		s.cr4 |= CR4_PAE;
		s.efer = EFER_NXE;
	} else if (mode == MODE_LONG) {
		s.cr3 = TABLE_PML4;
		s.cr4 |= CR4_PAE;
		s.efer = EFER_LME | EFER_LMA | EFER_NXE;
	}
	vcpu_set_sregs(vcpu, &s);
	vcpu_set_regs(vcpu, &regs);
}
