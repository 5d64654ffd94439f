/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First bytes of a 64-bit guest in C. minivmm-run has set up page tables, a
 * stack for each vCPU, and main()'s arguments: RDI the vCPU's number, RSI the
 * number of vCPUs, RDX the bytes of memory.
 */
	.code64
	.section .start, "ax"
	.globl	_start
_start:
	call	main
	outb	%al, $0xf4		# exit status: what main() returned
	hlt
	.section .note.GNU-stack, "", @progbits
