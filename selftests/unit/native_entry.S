/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into the instruction under test, and out of it again. All registers belong to
 * the instruction, RSP too, so what is needed here is at fixed addresses (the
 * program is linked below 2 GiB). Read native.h first.
 */

#define REGISTERS(move)							\
	move(0, %rax); move(1, %rcx); move(2, %rdx); move(3, %rbx);	\
	move(4, %rsp); move(5, %rbp); move(6, %rsi); move(7, %rdi);	\
	move(8, %r8); move(9, %r9); move(10, %r10); move(11, %r11);	\
	move(12, %r12); move(13, %r13); move(14, %r14); move(15, %r15)

#define LOAD(index, reg)	mov native_cpu + (index) * 8, reg
#define SAVE(index, reg)	mov reg, native_cpu + (index) * 8
#define RFLAGS			native_cpu + 16 * 8
#define SELECTOR(index)		native_cpu + 17 * 8 + (index) * 2

	.text
	.globl native_enter, native_exit, native_abort

/* void native_enter(void) */
native_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	pushfq
	mov %rsp, native_rsp
	pushq RFLAGS
	mov SELECTOR(0), %es
	mov SELECTOR(3), %ds
	mov SELECTOR(2), %ss
	popfq
	REGISTERS(LOAD)
	ljmpl *native_target

/* The instruction is followed by a jump to here. */
native_exit:
	REGISTERS(SAVE)
	mov $0x2b, %eax
	mov %eax, %ss
	mov native_rsp, %rsp
	pushfq
	popq RFLAGS

/* The handler of a signal, which has saved everything, returns to here. */
native_abort:
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	popfq
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.section .note.GNU-stack, "", @progbits
