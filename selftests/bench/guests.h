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
#define TIMED(operation)	TIMED_LOOP(operation) "hlt\n"

#define TIMED_LOOP(operation)						\
	"1:	rdtsc\n"						\
	"	mov %eax, %esi\n"					\
	operation							\
	"	rdtsc\n"						\
	"	sub %esi, %eax\n"					\
	"	mov %eax, (%rdi)\n"					\
	"	add $4, %rdi\n"						\
	"	dec %rbp\n"						\
	"	jnz 1b\n"

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

/*
 * With the kernel's interrupt controllers.  HLT does not leave to user space
 * there, so an OUT ends the guest.  The handler of interrupts notes the time at
 * NOTE and then that it was there; the second vCPU says there that it is ready,
 * and halts.
 */
#define NOTE_TIME	"0xf000"
#define NOTE_TAKEN	"0xf004"
#define NOTE_READY	"0xf008"

#define WRMSR(index, low)						\
	"	mov $" index ", %ecx\n mov $" low ", %eax\n wrmsr\n"

/* x2APIC mode, and the APIC on. */
#define ENABLE_X2APIC							\
	"	mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n"	\
	"	xor %edx, %edx\n" WRMSR("0x80f", "0x1ff")

#define WITH_CHIPS(operation)						\
	"0:	jmp 2f\n"						\
	"	.skip 0x10 - (. - 0b)\n"				\
	"	push %rax\n push %rcx\n push %rdx\n"			\
	"	rdtsc\n"						\
	"	mov %eax, " NOTE_TIME "\n"				\
	"	xor %edx, %edx\n" WRMSR("0x80b", "0")			\
	"	movl $1, " NOTE_TAKEN "\n"				\
	"	pop %rdx\n pop %rcx\n pop %rax\n iretq\n"		\
	"	.skip 0x80 - (. - 0b)\n"				\
	ENABLE_X2APIC							\
	"	movl $1, " NOTE_READY "\n"				\
	"3:	sti\n hlt\n jmp 3b\n"					\
	"2:\n"								\
	ENABLE_X2APIC							\
	"	sti\n"							\
	operation							\
	"	cli\n out %al, $0x10\n"

/* The table gets what @operation leaves in EAX. */
#define REPEATED(operation)						\
	"1:	movl $0, " NOTE_TAKEN "\n"				\
	operation							\
	"	mov %eax, (%rdi)\n"					\
	"	add $4, %rdi\n"						\
	"	dec %rbp\n"						\
	"	jnz 1b\n"

#define WAIT_FOR(note)							\
	"4:	pause\n cmpl $0, " note "\n je 4b\n"

#define CHIPS_LOOP(operation)	WITH_CHIPS(TIMED_LOOP(operation))
#define CLEAR_EDX		"xor %edx, %edx\n"

GUEST(guest_x2apic_write, CHIPS_LOOP(CLEAR_EDX WRMSR("0x837", "0x10000")));
GUEST(guest_ioapic_write, CHIPS_LOOP("mov $0xfec00000, %ecx\n movl $0, (%rcx)\n"));
GUEST(guest_self_ipi, CHIPS_LOOP(CLEAR_EDX WRMSR("0x83f", "0x60") "nop\n"));

/* To the second vCPU: until its handler's first instruction. */
#define SEND_IPI							\
	"rdtsc\n mov %eax, %esi\n"					\
	"mov $1, %edx\n" WRMSR("0x830", "0x60")				\
	WAIT_FOR(NOTE_TAKEN)						\
	"mov " NOTE_TIME ", %eax\n sub %esi, %eax\n"

/* From the deadline, 20,000 ticks after it was set, to the handler's first. */
#define SET_DEADLINE							\
	"rdtsc\n shl $32, %rdx\n lea 20000(%rax, %rdx), %rax\n"		\
	"mov %eax, %esi\n mov %rax, %rdx\n shr $32, %rdx\n"		\
	"mov $0x6e0, %ecx\n wrmsr\n"					\
	WAIT_FOR(NOTE_TAKEN)						\
	"mov " NOTE_TIME ", %eax\n sub %esi, %eax\n"

GUEST(guest_ipi, WITH_CHIPS(WAIT_FOR(NOTE_READY) REPEATED(SEND_IPI)));
GUEST(guest_timer, WITH_CHIPS(CLEAR_EDX WRMSR("0x832", "0x40060") REPEATED(SET_DEADLINE)));

#endif
