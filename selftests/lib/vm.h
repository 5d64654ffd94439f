/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual machines for tests, in few lines:
 *
 *	GUEST64(add, "mov $40, %eax\n"
 *		     "add $2, %eax\n"
 *		     "out %eax, $0x10\n"
 *		     "hlt\n");
 *
 *	TEST(guest_adds)
 *	{
 *		struct vcpu *vcpu = guest_new(MODE_LONG, add);
 *
 *		EXPECT_EQ(42, vcpu_run_to_out(vcpu, 0x10));
 *		vcpu_run_to(vcpu, MINIVMM_EXIT_HLT);
 *	}
 *
 * GUEST16, GUEST32 and GUEST64 assemble a guest's code into the program under
 * the given name. The code runs at gpa GUEST_CODE, not where it is linked:
 * jumps and calls work as they are, the address of a label is
 * "GUEST_ADDR(name, label)", with label a local symbol of your own.
 *
 * What guest_new() lays out, below 2 MiB; the rest of GUEST_MEMORY is the
 * test's. Every mode maps gva = gpa for the first 4 GiB, user and writable;
 * vm_map() changes single pages of that.
 *
 * The functions that build something end the test when that fails. Those that
 * a test may want to see fail return what the ioctl returns, -1 with errno.
 */
#ifndef SELFTESTS_VM_H
#define SELFTESTS_VM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <linux/minivmm.h>

#include "ktap.h"

#define GUEST_MEMORY	0x400000ULL	/* bytes at gpa 0 */
#define GUEST_IVT	0x0ULL		/* real mode's vectors */
#define GUEST_GDT	0x1000ULL	/* SEL_* below */
#define GUEST_TSS	0x1800ULL	/* ring-0 stack GUEST_STACK0, I/O bitmap at 0 */
#define GUEST_IDT	0x2000ULL	/* filled by vcpu_set_handler() */
#define GUEST_STACK0	0x5000ULL	/* top, for interrupts from ring 3 */
#define GUEST_STACK	0x7000ULL	/* top; SP at the start */
#define GUEST_CODE	0x8000ULL	/* code; IP at the start */
#define GUEST_TABLES	0x10000ULL	/* paging structures, to 0x3ffff */
#define GUEST_FREE	0x40000ULL	/* from here on the test's own */

/* Selectors of the GDT; add 3 to the user ones. */
#define SEL_CODE32	0x08
#define SEL_DATA	0x10
#define SEL_CODE64	0x18
#define SEL_USER_CODE32	0x20
#define SEL_USER_DATA	0x28
#define SEL_USER_CODE64	0x30
#define SEL_TSS		0x38
#define SEL_CODE16	0x48
#define SEL_DATA16	0x50

enum guest_mode {
	MODE_REAL,	/* CS base 0, 16 bits */
	MODE_PROT16,	/* protected, 16-bit segments, no paging */
	MODE_PROT32,	/* protected, no paging */
	MODE_PAGED32,	/* protected, two-level paging, 4 MiB pages */
	MODE_PAE,	/* protected, three-level paging, 2 MiB pages */
	MODE_LONG,	/* 64 bits, four-level paging, 2 MiB pages */
	NR_MODES
};

struct vm_slot {
	uint64_t gpa, size;
	uint8_t *hva;
};

struct vm {
	int fd;
	unsigned int nr_slots;		/* slots 0.. in use by vm_add_memory() */
	struct vm_slot slots[32];
	uint64_t next_table;		/* for vm_map() */
};

struct vcpu {
	int fd;
	struct vm *vm;
	enum guest_mode mode;
	struct minivmm_run *run;
	size_t run_size;
};

#define GUEST_ASM(name, bits, code) \
	asm(".pushsection .rodata\n" \
	    #name ":\n.code" #bits "\n" code "\n.code64\n" #name "_end:\n" \
	    ".popsection\n"); \
	extern const uint8_t name[], name##_end[]

#define GUEST16(name, code)	GUEST_ASM(name, 16, code)
#define GUEST32(name, code)	GUEST_ASM(name, 32, code)
#define GUEST64(name, code)	GUEST_ASM(name, 64, code)

#define GUEST_ADDR(name, label)	"(" #label " - " #name " + 0x8000)"

/* ---- system ---- */

/* A new fd of the device; the test is skipped where there is none. */
int device_open(void);
/* MINIVMM_CHECK_EXTENSION on a new system fd. */
int device_capability(unsigned int capability);
/* MINIVMM_GET_SUPPORTED_CPUID, complete; the caller frees it. */
struct minivmm_cpuid2 *device_cpuid(void);
/* The entry for a leaf, or NULL. */
struct minivmm_cpuid_entry2 *cpuid_entry(struct minivmm_cpuid2 *cpuid,
					 uint32_t function, uint32_t index);

/* ---- VM ---- */

struct vm *vm_create(void);
/* Closes the fd and unmaps the memory; its vCPUs are freed before. */
void vm_free(struct vm *vm);
/* New anonymous memory in the next free slot; returns its hva. */
void *vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size);
/* MINIVMM_SET_USER_MEMORY_REGION as it is. */
int vm_set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
		uint64_t size, const void *hva);
/* hva of a gpa in memory that vm_add_memory() added. */
void *vm_at(struct vm *vm, uint64_t gpa);
void vm_write(struct vm *vm, uint64_t gpa, const void *data, size_t size);
#define vm_load(vm, gpa, name)	vm_write(vm, gpa, name, name##_end - name)

/* ---- vCPU ---- */

/* With the supported CPUID set, and still as after reset. */
struct vcpu *vcpu_create(struct vm *vm, unsigned int id);
void vcpu_free(struct vcpu *vcpu);
/*
 * Registers, descriptor tables and paging structures for a mode; IP is
 * GUEST_CODE. Wants memory at 0 to GUEST_FREE.
 */
void vcpu_set_mode(struct vcpu *vcpu, enum guest_mode mode);
const char *mode_name(enum guest_mode mode);
/* Vector's handler at a gpa below 64 KiB, in the form that the mode wants. */
void vcpu_set_handler(struct vcpu *vcpu, unsigned int vector, uint64_t gpa);
/*
 * Map the 4 KiB page at gva (below 4 GiB) with these entry bits, address
 * included: "gpa | PTE_P | PTE_W | PTE_U", or 0. Before the guest runs.
 */
void vm_map(struct vcpu *vcpu, uint64_t gva, uint64_t entry);
#define PTE_P	0x1ULL
#define PTE_W	0x2ULL
#define PTE_U	0x4ULL
#define PTE_NX	0x8000000000000000ULL

struct minivmm_regs vcpu_regs(struct vcpu *vcpu);
void vcpu_set_regs(struct vcpu *vcpu, const struct minivmm_regs *regs);
struct minivmm_sregs vcpu_sregs(struct vcpu *vcpu);
void vcpu_set_sregs(struct vcpu *vcpu, const struct minivmm_sregs *sregs);
/* MINIVMM_GET_MSRS and SET_MSRS of one: 1, or 0 if it was refused. */
int vcpu_get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value);
int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value);

/* A VM with GUEST_MEMORY and one vCPU in the mode, the code at GUEST_CODE. */
struct vcpu *guest_create(enum guest_mode mode, const void *code, size_t size);
#define guest_new(mode, name)	guest_create(mode, name, name##_end - name)
/* Frees the vCPU and its VM. */
void guest_free(struct vcpu *vcpu);

/* ---- running ---- */

/* MINIVMM_RUN as it is. */
int vcpu_run(struct vcpu *vcpu);
/* Run; any other end of MINIVMM_RUN than this exit ends the test. */
void vcpu_run_to(struct vcpu *vcpu, uint32_t exit_reason);
/* Run to an OUT to this port, of one item; returns what was written. */
uint32_t vcpu_run_to_out(struct vcpu *vcpu, uint16_t port);
/* The data of an I/O exit. */
void *vcpu_io_data(struct vcpu *vcpu);
/*
 * True if an exit and RUN after it take more than a quarter of a millisecond, as in
 * the nested host: a test of what the host does within one tick does not work there.
 */
bool exits_are_slow(void);
#define TOO_SLOW	"exits take too long here for that"
const char *exit_name(uint32_t exit_reason);
/* Notes why MINIVMM_RUN returned, and the registers. */
void vcpu_explain(struct vcpu *vcpu);

#endif /* SELFTESTS_VM_H */
