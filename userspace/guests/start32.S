/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First bytes of a 32-bit guest in C. minivmm-run has set up flat segments, a
 * stack for each vCPU, and in registers what main() wants on the stack: EDI
 * the vCPU's number, ESI the number of vCPUs, EDX the bytes of memory.
 */
	.code32
	.section .start, "ax"
	.globl	_start
_start:
	pushl	%edx
	pushl	%esi
	pushl	%edi
	call	main
	outb	%al, $0xf4		# exit status: what main() returned
	hlt
	.section .note.GNU-stack, "", @progbits
