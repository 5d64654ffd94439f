/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests of guest memory in large areas: a guest that touches pages when told,
 * the dirty log of the area's slot, and what debugfs says of the VM.
 */
#ifndef SELFTESTS_AREA_H
#define SELFTESTS_AREA_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "module.h"

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define LARGE		(2 * MIB)
/* In the first GiB: the guest's tables for it are those of its code. */
#define AREA_GPA	0x10000000ULL
#define AREA_SLOT	7

/* ECX pages from RBX on, RDX bytes apart: adds 1 to each, or (ESI 1) reads it. */
GUEST64(guest_touch,
	"1: test %ecx, %ecx\n jz 3f\n"
	"test %esi, %esi\n jnz 2f\n"
	"incl (%rbx)\n"
	"2: mov (%rbx), %eax\n add %rdx, %rbx\n dec %ecx\n jmp 1b\n"
	"3: out %al, $0x10\n jmp 1b\n");

/* Anonymous memory, aligned to LARGE; advice as for madvise(). */
static inline uint8_t *area_memory(size_t size, int advice)
{
	uint8_t *memory = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_TRUE(memory != MAP_FAILED);
	memory += -(uintptr_t)memory & (LARGE - 1);
	ASSERT_OK(madvise(memory, size, advice));
	return memory;
}

/* Large pages that the guest had before it touched its area. */
static unsigned long long large_before;

/* A guest that does what area_write() and area_read() say, its slot included. */
static inline struct vcpu *area_guest(uint8_t *memory, size_t size, uint32_t flags)
{
	struct vcpu *vcpu = guest_new(MODE_LONG, guest_touch);
	struct minivmm_regs regs = vcpu_regs(vcpu);

	ASSERT_OK(vm_set_slot(vcpu->vm, AREA_SLOT, flags, AREA_GPA, size, memory));
	/* What it needs itself is mapped now. */
	regs.rcx = 0;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to_out(vcpu, 0x10);
	if (!on_kvm())
		large_before = vm_stat(vcpu->vm, "pages_2m");
	return vcpu;
}

static inline void area_touch(struct vcpu *vcpu, uint64_t page, unsigned int count,
			      unsigned int step, bool read)
{
	struct minivmm_regs regs = vcpu_regs(vcpu);

	regs.rbx = AREA_GPA + page * PAGE;
	regs.rcx = count;
	regs.rdx = step * PAGE;
	regs.rsi = read;
	vcpu_set_regs(vcpu, &regs);
	vcpu_run_to_out(vcpu, 0x10);
}

#define area_write(vcpu, page, count)	area_touch(vcpu, page, count, 1, false)
#define area_read(vcpu, page, count)	area_touch(vcpu, page, count, 1, true)

/* Large pages of the area in the guest's tables. */
static inline unsigned long long large_pages(struct vcpu *vcpu)
{
	return vm_stat(vcpu->vm, "pages_2m") - large_before;
}

/* ---- the dirty log ---- */

static inline int area_set_log(struct vcpu *vcpu, uint8_t *memory, size_t size, bool on)
{
	return vm_set_slot(vcpu->vm, AREA_SLOT, on ? MINIVMM_MEM_LOG_DIRTY_PAGES : 0,
			   AREA_GPA, size, memory);
}

static inline int get_log(struct vcpu *vcpu, void *bitmap)
{
	struct minivmm_dirty_log log = { .slot = AREA_SLOT, .dirty_bitmap = bitmap };

	return ioctl(vcpu->vm->fd, MINIVMM_GET_DIRTY_LOG, &log);
}

static inline int clear_log(struct vcpu *vcpu, uint64_t first, uint32_t pages, void *bitmap)
{
	struct minivmm_clear_dirty_log log = {
		.slot = AREA_SLOT, .num_pages = pages, .first_page = first,
		.dirty_bitmap = bitmap,
	};

	return ioctl(vcpu->vm->fd, MINIVMM_CLEAR_DIRTY_LOG, &log);
}

static inline int set_manual_protect(struct vm *vm, uint64_t options)
{
	struct minivmm_enable_cap cap = {
		.cap = MINIVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { options },
	};

	return ioctl(vm->fd, MINIVMM_ENABLE_CAP, &cap);
}

#endif
