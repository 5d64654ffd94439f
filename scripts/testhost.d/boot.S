/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * boot.S - the test host's boot sector: kernel and initramfs into memory, go
 *
 * Reads the runs of sectors listed in `table` by programmed I/O (28-bit LBA)
 * straight to their physical addresses and enters the kernel at its 64-bit
 * entry point, as "64-bit boot protocol" in the kernel's
 * Documentation/x86/boot.rst wants it: long mode, memory mapped one to one,
 * RSI = struct boot_params.  The kernel is on the disk uncompressed: running
 * its own decompressor would take an emulator longer than all the rest.
 *
 * disk.py writes the disk; it fills in the numbers at `table` and `entry`.
 */

#define UNIT_SECTORS	128		/* what one unit of the table counts */
#define ATA		0x1f0
#define ATA_COUNT	(ATA + 2)
#define ATA_DEVICE	(ATA + 6)
#define ATA_COMMAND	(ATA + 7)	/* status, when read */
#define ATA_BSY		0x80
#define ATA_DRQ		0x08
#define ATA_LBA		0xe0		/* LBA addressing, device 0 */
#define ATA_READ	0x20

#define PARAMS		0x80000		/* struct boot_params, see disk.py */
#define PAGE_TABLES	0x84000

#define SEG_CODE64	0x08
#define SEG_DATA	0x10
#define SEG_CODE32	0x18

	.code16
	.globl	_start
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$0x7c00, %sp
	in	$0x92, %al			/* fast A20 gate */
	or	$2, %al
	out	%al, $0x92
	lgdtl	gdt_pointer
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$SEG_CODE32, $protected

	.code32
protected:
	mov	$SEG_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	cld
	mov	$table, %ebp
next_run:
	mov	(%ebp), %edi			/* physical address; 0 ends */
	test	%edi, %edi
	jz	enter_kernel
	mov	4(%ebp), %ebx			/* first sector */
	mov	8(%ebp), %esi			/* units to read */
next_unit:
	mov	$ATA_DEVICE, %edx
	mov	%ebx, %eax
	shr	$24, %eax
	or	$ATA_LBA, %al
	out	%al, %dx
	mov	$ATA_COUNT, %edx
	mov	$UNIT_SECTORS, %al
	out	%al, %dx
	mov	%ebx, %eax
	.rept	3				/* LBA, low byte first */
	inc	%edx
	out	%al, %dx
	shr	$8, %eax
	.endr
	mov	$ATA_COMMAND, %edx
	mov	$ATA_READ, %al
	out	%al, %dx
	push	%ebx
	mov	$UNIT_SECTORS, %ebx
wait:
	in	%dx, %al
	test	$ATA_BSY, %al
	jnz	wait
	test	$ATA_DRQ, %al
	jz	wait
	mov	$256, %ecx
	mov	$ATA, %edx
	rep insw
	mov	$ATA_COMMAND, %edx
	dec	%ebx
	jnz	wait
	pop	%ebx
	add	$UNIT_SECTORS, %ebx
	dec	%esi
	jnz	next_unit
	add	$12, %ebp
	jmp	next_run

enter_kernel:
	mov	$0xa0, %eax			/* CR4: PAE, PGE */
	mov	%eax, %cr4
	mov	$PAGE_TABLES, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER: LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	$0x80000001, %eax		/* CR0: PG, PE */
	mov	%eax, %cr0
	ljmpl	$SEG_CODE64, $long_mode

	.code64
long_mode:
	mov	$PARAMS, %esi
	mov	entry, %eax
	jmp	*%rax

	.balign	8
gdt:
	.quad	0
	.quad	0x00af9b000000ffff		/* SEG_CODE64 */
	.quad	0x00cf93000000ffff		/* SEG_DATA */
	.quad	0x00cf9b000000ffff		/* SEG_CODE32 */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	/* Filled in by disk.py: three runs (address, sector, units), 0, entry. */
	.org	464
table:
	.fill	3 * 3 + 1, 4, 0
entry:
	.long	0
	.org	510
	.word	0xaa55
