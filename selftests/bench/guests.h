/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guests that bench.c measures.  All run in long mode at CPL 0, with the
 * first 1 GiB mapped one to one.
 *
 * Two kinds of loop:
 *
 *  - round trips: the guest repeats one instruction that leaves to user space
 *    for ever; the client times each RUN;
 *  - inside: the guest times one operation that the hypervisor handles itself,
 *    with RDTSC before and after, stores the difference in a table at RDI, and
 *    halts after RBP operations.
 *
 * Registers at the start: RBX an address for MMIO, RDI the table, RBP the
 * count, R8 the value of CR0, R10 that of CR4, R11 one for CR8, R9 the first of
 * the untouched pages.
 */
#ifndef BENCH_GUESTS_H
#define BENCH_GUESTS_H

#define GUEST(name, code)						\
	extern const unsigned char name[], name##_end[];		\
	asm(".pushsection .rodata\n"					\
	    #name ":\n" code #name "_end:\n"				\
	    ".popsection\n")

/* What the "inside" loops have in common. */
#define TIMED(operation)						\
	"1:	rdtsc\n"						\
	"	mov %eax, %esi\n"					\
	operation							\
	"	rdtsc\n"						\
	"	sub %esi, %eax\n"					\
	"	mov %eax, (%rdi)\n"					\
	"	add $4, %rdi\n"						\
	"	dec %rbp\n"						\
	"	jnz 1b\n"						\
	"	hlt\n"

GUEST(guest_port_write, "1: out %al, $0x42\n jmp 1b\n");
GUEST(guest_port_read, "1: in $0x42, %al\n jmp 1b\n");
GUEST(guest_mmio_write, "1: mov %eax, (%rbx)\n jmp 1b\n");
GUEST(guest_mmio_read, "1: mov (%rbx), %eax\n jmp 1b\n");
GUEST(guest_hlt, "1: hlt\n jmp 1b\n");

GUEST(guest_nothing, TIMED(""));
GUEST(guest_cpuid, TIMED("xor %eax, %eax\n cpuid\n"));
GUEST(guest_vmcall, TIMED("mov $0x7fffffff, %eax\n vmcall\n"));
GUEST(guest_cr0_write, TIMED("xor $2, %r8\n mov %r8, %cr0\n"));
GUEST(guest_cr4_write, TIMED("xor $0x40, %r10\n mov %r10, %cr4\n"));
GUEST(guest_cr8_write, TIMED("mov %r11, %cr8\n"));
GUEST(guest_cr8_read, TIMED("mov %cr8, %rax\n"));
GUEST(guest_rdmsr, TIMED("mov $0x10, %ecx\n rdmsr\n"));
GUEST(guest_ept_fault, TIMED("movb $1, (%r9)\n add $4096, %r9\n"));

/* One write into each 4 KiB of the 64 MiB at 256 MiB. */
GUEST(guest_touch_area,
	"	mov $0x10000000, %ebx\n"
	"	mov $0x4000, %ecx\n"
	"	rdtsc\n"
	"	mov %eax, %esi\n"
	"1:	movb $1, (%rbx)\n"
	"	add $4096, %rbx\n"
	"	dec %ecx\n"
	"	jnz 1b\n"
	"	rdtsc\n"
	"	sub %esi, %eax\n"
	"	mov %eax, (%rdi)\n"
	"	hlt\n");

#endif
