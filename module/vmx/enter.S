/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door: into the guest and out again.
 *
 * VT-x switches RSP, RIP, RFLAGS, segments and control registers. The other
 * general registers are exchanged here. The VM exit arrives right behind
 * VMLAUNCH with CF and ZF clear, while a VM entry that failed at once falls
 * through with one of them set: both take the same path.
 *
 * SDM: "VMLAUNCH/VMRESUME", "Loading Host State".
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

/* struct vcpu's regs[], in the order in which instructions encode them */
#define REGS_RAX	0x00
#define REGS_RCX	0x08
#define REGS_RDX	0x10
#define REGS_RBX	0x18
#define REGS_RBP	0x28
#define REGS_RSI	0x30
#define REGS_RDI	0x38
#define REGS_R8	0x40
#define REGS_R9	0x48
#define REGS_R10	0x50
#define REGS_R11	0x58
#define REGS_R12	0x60
#define REGS_R13	0x68
#define REGS_R14	0x70
#define REGS_R15	0x78

.section .noinstr.text, "ax"

/*
 * bool vmx_enter(unsigned long *regs, bool launched, unsigned long *host_rsp)
 *
 * @host_rsp is what a VM exit makes RSP point to, there to find the stack: the
 * stack is at another place in each system call, and to write the VMCS each time
 * is dear where we are a guest ourselves. Nobody pushes anything meanwhile: after
 * a VM exit interrupts are off, and NMI, #MC and #DB have stacks of their own.
 * True: the entry failed, VM_INSTRUCTION_ERROR may say why.
 */
SYM_FUNC_START(vmx_enter)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi

	mov	%rsp, (%rdx)
	testb	%sil, %sil
	mov	REGS_RAX(%rdi), %rax
	mov	REGS_RCX(%rdi), %rcx
	mov	REGS_RDX(%rdi), %rdx
	mov	REGS_RBX(%rdi), %rbx
	mov	REGS_RBP(%rdi), %rbp
	mov	REGS_RSI(%rdi), %rsi
	mov	REGS_R8(%rdi), %r8
	mov	REGS_R9(%rdi), %r9
	mov	REGS_R10(%rdi), %r10
	mov	REGS_R11(%rdi), %r11
	mov	REGS_R12(%rdi), %r12
	mov	REGS_R13(%rdi), %r13
	mov	REGS_R14(%rdi), %r14
	mov	REGS_R15(%rdi), %r15
	mov	REGS_RDI(%rdi), %rdi
	UNWIND_HINT_SAVE
	jz	1f
.Lvmresume:
	vmresume
	jmp	2f
1:
.Lvmlaunch:
	vmlaunch
	jmp	2f
SYM_INNER_LABEL(vmx_exit_point, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ANNOTATE_NOENDBR
	mov	(%rsp), %rsp
2:
	/* Nothing here may touch the flags until setbe has read them. */
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, REGS_RAX(%rdi)
	mov	%rcx, REGS_RCX(%rdi)
	mov	%rdx, REGS_RDX(%rdi)
	mov	%rbx, REGS_RBX(%rdi)
	mov	%rbp, REGS_RBP(%rdi)
	mov	%rsi, REGS_RSI(%rdi)
	pop	REGS_RDI(%rdi)
	mov	%r8, REGS_R8(%rdi)
	mov	%r9, REGS_R9(%rdi)
	mov	%r10, REGS_R10(%rdi)
	mov	%r11, REGS_R11(%rdi)
	mov	%r12, REGS_R12(%rdi)
	mov	%r13, REGS_R13(%rdi)
	mov	%r14, REGS_R14(%rdi)
	mov	%r15, REGS_R15(%rdi)
	setbe	%bl

	/*
	 * The guest must not steer what the host does speculatively: neither
	 * by its return addresses nor by what it left in registers.
	 */
	FILL_RETURN_BUFFER %r12, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT,\
			   X86_FEATURE_RSB_VMEXIT_LITE
	movzbl	%bl, %eax
.Lout:
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET

	/* Somebody switched VT-x off: a failed entry, too. */
.Lfault:
	mov	$1, %eax
	jmp	.Lout

	_ASM_EXTABLE(.Lvmresume, .Lfault)
	_ASM_EXTABLE(.Lvmlaunch, .Lfault)
SYM_FUNC_END(vmx_enter)
