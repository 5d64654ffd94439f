/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hello64: prints a line in 64-bit mode, and halts.
 *
 *   minivmm-run hello64.bin
 *
 * Unlike hello16 it waits until the serial port can send, as a driver does;
 * this port always can.
 */
	.code64
	.globl	_start
_start:
	leaq	message(%rip), %rsi
next:
	movw	$0x3fd, %dx		# line status register
wait:
	inb	%dx, %al
	testb	$0x20, %al		# transmitter holding register empty?
	jz	wait
	lodsb				# AL = [RSI], RSI = RSI + 1
	testb	%al, %al
	jz	done
	movw	$0x3f8, %dx		# data register
	outb	%al, %dx
	jmp	next
done:
	hlt				# this vCPU is finished

message:
	.asciz	"Hello from 64-bit mode\n"
	.section .note.GNU-stack, "", @progbits
