/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the MMIO tests share: one access at a time, checked and answered.
 *
 * GET_REGS after an MMIO exit may show the instruction half done (the ABI says
 * that it is complete only when RUN is called again), so the tests look at
 * registers only after the guest's HLT.
 */
#ifndef GUEST_MMIO_H
#define GUEST_MMIO_H

#include "check.h"
#include "vm.h"

#define MMIO		0xd0000000ULL	/* mapped by every paged mode, no slot there */
#define RAM		GUEST_FREE

#define FLAGS_STATUS	0x8d5		/* CF PF AF ZF SF OF */
#define FLAGS_LOGIC	0x8c5		/* AF is undefined after AND, OR, XOR, TEST */

static inline void expect_access(struct vcpu *vcpu, int is_write, uint64_t gpa,
				 uint32_t len)
{
	struct minivmm_run *run = vcpu->run;

	vcpu_run_to(vcpu, MINIVMM_EXIT_MMIO);
	if (run->mmio.is_write != is_write || run->mmio.phys_addr != gpa ||
	    run->mmio.len != len) {
		vcpu_explain(vcpu);
		ASSERT(false, "expected an MMIO %s of %u bytes at %#llx",
		       is_write ? "write" : "read", len, (unsigned long long)gpa);
	}
}

/* The guest must read here next; it gets the value. */
static inline void expect_read(struct vcpu *vcpu, uint64_t gpa, uint32_t len,
			       uint64_t value)
{
	expect_access(vcpu, 0, gpa, len);
	memcpy(vcpu->run->mmio.data, &value, sizeof(value));
}

/* The guest must write this value here next. */
static inline void expect_write(struct vcpu *vcpu, uint64_t gpa, uint32_t len,
				uint64_t value)
{
	uint64_t data = 0;

	expect_access(vcpu, 1, gpa, len);
	memcpy(&data, vcpu->run->mmio.data, len);
	EXPECT_EQ(value, data);
}

#define R(offset, len, value)	expect_read(vcpu, MMIO + (offset), len, value)
#define W(offset, len, value)	expect_write(vcpu, MMIO + (offset), len, value)

#define MMIO_TEST(name, bits, mode, code, ...)				\
	CHECKED_TEST(name, bits, guest_new(mode, guest_##name), code, __VA_ARGS__)

/* In long mode, with RBX at the MMIO page and a pattern in RAX. */
#define LONG_TEST(name, code, ...)					\
	MMIO_TEST(name, 64, MODE_LONG,					\
		  "mov $0xd0000000, %ebx\n"				\
		  "movabs $0x8877665544332211, %rax\n" code, __VA_ARGS__)

#define RAX(value)	EQUAL(value, regs.rax)
#define RCX(value)	EQUAL(value, regs.rcx)
#define RSI(value)	EQUAL(value, regs.rsi)
#define RDI(value)	EQUAL(value, regs.rdi)
#define FLAGS(mask, value)	EQUAL(value, regs.rflags & (mask))
#define MEM(gpa, len, value)	EQUAL(value, memory_value(vcpu, gpa, len))

static inline uint64_t memory_value(struct vcpu *vcpu, uint64_t gpa, uint32_t len)
{
	uint64_t value = 0;

	memcpy(&value, vm_at(vcpu->vm, gpa), len);
	return value;
}

#endif
