/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status: ends the run with exit status 42.
 *
 *   minivmm-run --mode 16 status.bin; echo $?
 */
	.code16
	.globl	_start
_start:
	movb	$42, %al
	outb	%al, $0xf4		# the exit port: the run ends here
	hlt				# not reached
	.section .note.GNU-stack, "", @progbits
