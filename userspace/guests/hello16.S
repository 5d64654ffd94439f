/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hello16: prints a line in real mode, as a boot sector would, and halts.
 *
 *   minivmm-run --mode 16 hello16.bin
 *
 * It starts at 0000:7c00 with all segments 0. Each OUT leaves the guest: see
 * it with --trace.
 */
	.code16
	.globl	_start
_start:
	movw	$message, %si
	movw	$0x3f8, %dx		# the serial port's data register
next:
	lodsb				# AL = [DS:SI], SI = SI + 1
	testb	%al, %al
	jz	done
	outb	%al, %dx
	jmp	next
done:
	hlt				# this vCPU is finished

message:
	.asciz	"Hello from 16-bit mode\n"
	.section .note.GNU-stack, "", @progbits
