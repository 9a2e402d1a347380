/* SPDX-License-Identifier: MIT */
/*
 * self_around.S - a caller that keeps something in every register
 *
 *	void around(const struct regs *in, struct regs *out, void (*thunk)(void))
 *
 * Loads all registers from @in, calls @thunk, with a misaligned stack where
 * that is possible, and stores them to @out.  around_width is the size of the
 * vectors; around_back is where the call returns to.
 */
#ifdef __x86_64__
	.macro	all to how
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\how	\n
	.endr
	.endm
	.macro	load16 n
	movups	\n * 64 + 128(%rdi), %xmm\n
	.endm
	.macro	load32 n
	vmovdqu	\n * 64 + 128(%rdi), %ymm\n
	.endm
	.macro	load64 n
	vmovdqu64 \n * 64 + 128(%rdi), %zmm\n
	.endm
	.macro	save16 n
	movups	%xmm\n, \n * 64 + 128(%rbx)
	.endm
	.macro	save32 n
	vmovdqu	%ymm\n, \n * 64 + 128(%rbx)
	.endm
	.macro	save64 n
	vmovdqu64 %zmm\n, \n * 64 + 128(%rbx)
	.endm
	.macro	vectors what
	cmpl	$32, around_width(%rip)
	je	1f
	ja	2f
	all	to \what\()16
	jmp	3f
1:	all	to \what\()32
	jmp	3f
2:	all	to \what\()64
3:
	.endm

	.text
	.globl	around
around:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	movq	%rsi, %rbx
	movq	%rdx, %r12
	vectors	load
	pushq	72(%rdi)
	popfq
	movq	0(%rdi), %rax
	movq	8(%rdi), %rcx
	movq	16(%rdi), %rdx
	movq	24(%rdi), %rsi
	movq	40(%rdi), %r8
	movq	48(%rdi), %r9
	movq	56(%rdi), %r10
	movq	64(%rdi), %r11
	movq	32(%rdi), %rdi
	pushq	%rbp			/* off by eight */
	call	*%r12
	.globl	around_back
around_back:
	pushfq
	popq	72(%rbx)
	leaq	8(%rsp), %rsp
	movq	%rax, 0(%rbx)
	movq	%rcx, 8(%rbx)
	movq	%rdx, 16(%rbx)
	movq	%rsi, 24(%rbx)
	movq	%rdi, 32(%rbx)
	movq	%r8, 40(%rbx)
	movq	%r9, 48(%rbx)
	movq	%r10, 56(%rbx)
	movq	%r11, 64(%rbx)
	vectors	save
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
#else
	.text
	.globl	around
around:
	stp	x29, x30, [sp, #-96]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	d8, d9, [sp, #32]
	stp	d10, d11, [sp, #48]
	stp	d12, d13, [sp, #64]
	stp	d14, d15, [sp, #80]
	mov	x19, x1
	mov	x20, x2
	add	x9, x0, #256
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ldr	q\n, [x9, #\n * 64]
	.endr
	ldr	x9, [x0, #152]
	msr	nzcv, x9
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
	ldr	x\n, [x0, #\n * 8]
	.endr
	ldr	x0, [x0]
	blr	x20
	.globl	around_back
around_back:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
	str	x\n, [x19, #\n * 8]
	.endr
	mrs	x9, nzcv
	str	x9, [x19, #152]
	add	x9, x19, #256
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	str	q\n, [x9, #\n * 64]
	.endr
	ldp	x19, x20, [sp, #16]
	ldp	d8, d9, [sp, #32]
	ldp	d10, d11, [sp, #48]
	ldp	d12, d13, [sp, #64]
	ldp	d14, d15, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret
#endif
	.section .note.GNU-stack, "", %progbits
