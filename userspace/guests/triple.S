/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * triple: a triple fault.
 *
 *   minivmm-run --mode 32 triple.bin
 *
 * UD2 raises an invalid-opcode exception (#UD). There is no IDT, so its
 * handler cannot be found: that is a general-protection fault, whose handler
 * cannot be found either: a double fault, and again no handler. There a real
 * processor resets; minivmm-run prints the registers. EBX shows how far the
 * guest had come.
 */
	.code32
	.globl	_start
_start:
	movl	$0x600dcafe, %ebx
	ud2
	.section .note.GNU-stack, "", @progbits
