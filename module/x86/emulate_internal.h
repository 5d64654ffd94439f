/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the chapters of the emulator share with each other. All of them work on
 * the new_* registers in struct x86_emulator, never on those of the vCPU.
 */
#ifndef MINIVMM_X86_EMULATE_INTERNAL_H
#define MINIVMM_X86_EMULATE_INTERNAL_H

#include "emulate.h"

#define X86_PAGE_SIZE	4096u

/*
 * Beside enum x86_emul_result, between the chapters only: another CPU of the
 * guest has changed the memory, the instruction is to begin anew.
 */
#define X86_EMUL_RESTART	(-1)

/**
 * struct x86_access - an access to the guest's memory that is allowed
 * @linear: its linear address
 * @size: in bytes
 * @first: how many of these are on the first page
 * @gpa: guest-physical address of the first byte, and of the first byte on the
 *       second page
 */
struct x86_access {
	u64 linear;
	u32 size;
	u32 first;
	u64 gpa[2];
};

/* All ones in the lower @size bytes (1 to 8). */
static inline u64 x86_size_mask(unsigned int size)
{
	return GENMASK_ULL(size * 8 - 1, 0);
}

static inline bool x86_protected_mode(const struct x86_emulator *e)
{
	return (e->cr0 & CPU_CR0_PE) && !(e->rflags & CPU_FLAG_VM);
}

/* Of the address's bits above the highest that paging uses, all are like it. */
static inline bool x86_canonical(const struct x86_emulator *e, u64 linear)
{
	unsigned int unused = e->cr4 & CPU_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

/* The new value of a general register: the old one until it is changed. */
static inline u64 x86_reg(const struct x86_emulator *e, u8 reg)
{
	return e->changed & BIT(reg) ? e->new_regs[reg] : e->regs[reg];
}

/* emulate.c */
int x86_raise(struct x86_emulator *e, u8 vector);
u64 x86_get_reg(const struct x86_emulator *e, u8 reg, unsigned int size);
void x86_set_reg(struct x86_emulator *e, u8 reg, unsigned int size, u64 value);

/* emulate_memory.c */
int x86_prepare(struct x86_emulator *e, struct x86_access *a, enum x86_seg seg,
		u64 offset, u32 size, unsigned int access);
int x86_read(struct x86_emulator *e, const struct x86_access *a, u64 *value);
int x86_write(struct x86_emulator *e, const struct x86_access *a, u64 value);
int x86_write_locked(struct x86_emulator *e, const struct x86_access *a,
		     u64 old, u64 value);
void x86_clear_log(struct x86_emulator *e);

/* emulate_alu.c */
u64 x86_alu(u8 op, unsigned int size, u64 dst, u64 src, u64 *rflags);

/* emulate_string.c */
int x86_string(struct x86_emulator *e);

#endif
