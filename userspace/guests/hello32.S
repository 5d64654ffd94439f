/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hello32: prints a line in protected mode with one instruction, and halts.
 *
 *   minivmm-run --mode 32 hello32.bin
 *
 * REP OUTSB writes a whole string to a port. --trace shows how the hypervisor
 * hands it over: as one exit with many bytes, or as many exits.
 */
	.code32
	.globl	_start
_start:
	movl	$message, %esi
	movl	$length, %ecx
	movw	$0x3f8, %dx		# the serial port's data register
	rep outsb
	hlt				# this vCPU is finished

message:
	.ascii	"Hello from 32-bit mode\n"
	.set	length, . - message
	.section .note.GNU-stack, "", @progbits
