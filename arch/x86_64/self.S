/* SPDX-License-Identifier: MIT */
/*
 * self.S - a call that the compiler believed to know, made a call of anything:
 * x86_64
 *
 *	mh_self NAME, RETURNS [, STACK [, TARGET [, OURS]]]
 *
 * makes the hidden __mallochooks_self_NAME, which "mallochooks rewrite" puts
 * into calls within the object that defined NAME.  gcc at -O2 compiles these
 * knowing which registers NAME leaves alone (-fipa-ra) and that it does without
 * an aligned stack (-fipa-stack-alignment).  The thunk aligns the stack, saves
 * every register that a call may change, in full width, and calls TARGET, by
 * default NAME.
 *
 * And __mallochooks_call_NAME, for calls by the name itself.  In a shared object they
 * go, without hooks, to the NAME of the process, which may be another object's.
 * OURS is a hidden name of the one that is here: where that of the process is another
 * one, the call goes there, with nothing changed.  Without OURS both are the same.
 *
 * RETURNS	void, word (rax), pair (rax and rdx), or float (xmm0)
 * STACK	bytes of arguments that are passed on the stack, 0 by default
 *
 * Who called is told as to any function that a debugger or an unwinder looks
 * at: the thunk has CFI and keeps the chain of frames, so where
 * __builtin_return_address(0) is the hidden __mallochooks_back_NAME,
 * (*(void ***)__builtin_frame_address(0))[1] is the true caller.
 *
 * A source of its own includes this file; with -DMH_SELF=NAME
 * -DMH_SELF_RETURNS=... it is one by itself (-DMH_SELF_STACK, -DMH_SELF_TARGET).
 *
 * Not saved: x87 and MMX, which compilers hold empty across calls, and AMX.
 *
 * Source: System V ABI, AMD64 supplement, 3.2; Intel SDM volume 1, chapter 13
 * (XSAVE); gcc, "Options That Control Optimization".
 */
#ifdef __CET__
#include <cet.h>
#else
#define _CET_ENDBR
#endif

/* XCR0: SSE, AVX, three of AVX-512, and the registers r16 to r31 of APX. */
#define MH_STATE	0x800e6
#define MH_HEADER	512
#define MH_LEAST	576
#define MH_NO_XSAVE	1

	.local	mh_self_bytes
	.comm	mh_self_bytes, 4, 4	/* 0: not measured yet */

	/* Room for the state; of what it changes, the thunk keeps copies. */
	.text
	.p2align 4
	.type	mh_self_measure, @function
mh_self_measure:
	.cfi_startproc
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	movl	$MH_NO_XSAVE, %esi
	movl	$1, %eax
	xorl	%ecx, %ecx
	cpuid
	btl	$27, %ecx		/* OSXSAVE */
	jnc	3f
	movl	$MH_LEAST, %esi
	xorl	%ecx, %ecx
	xgetbv
	movl	%eax, %r8d
	andl	$MH_STATE, %r8d
	movl	$2, %edi
1:	btl	%edi, %r8d
	jnc	2f
	movl	$0xd, %eax
	movl	%edi, %ecx
	cpuid
	addl	%ebx, %eax		/* size and offset */
	cmpl	%esi, %eax
	cmoval	%eax, %esi
2:	incl	%edi
	cmpl	$32, %edi
	jb	1b
3:	movl	%esi, %eax
	movl	%eax, mh_self_bytes(%rip)
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_endproc
	.size	mh_self_measure, . - mh_self_measure

	.macro	mh_self_vectors move
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.ifc	\move, save
	movaps	%xmm\n, \n * 16(%rsp)
	.else
	movaps	\n * 16(%rcx), %xmm\n
	.endif
	.endr
	.endm

	.macro	mh_self_load
	movq	-24(%rbp), %rcx
	movq	-32(%rbp), %rdx
	movq	-40(%rbp), %rsi
	movq	-48(%rbp), %rdi
	movq	-56(%rbp), %r8
	movq	-64(%rbp), %r9
	movq	-72(%rbp), %r10
	movq	-80(%rbp), %r11
	movq	-16(%rbp), %rax
	.endm

	.macro	mh_self_save_state
	movl	mh_self_bytes(%rip), %eax
	testl	%eax, %eax
	jnz	1f
	call	mh_self_measure
1:	cmpl	$MH_NO_XSAVE, %eax
	je	2f
	subq	%rax, %rsp
	andq	$-64, %rsp
	xorl	%edx, %edx
	.irp	n, 0, 8, 16, 24, 32, 40, 48, 56
	movq	%rdx, MH_HEADER + \n(%rsp)
	.endr
	movl	$MH_STATE, %eax
	xsave64	(%rsp)
	jmp	3f
2:	subq	$256, %rsp
	andq	$-64, %rsp
	mh_self_vectors save
3:	movq	%rsp, -88(%rbp)
	.endm

	/* The result goes where it would be restored from. */
	.macro	mh_self_restore_state returns
	movq	-88(%rbp), %rcx
	.ifc	\returns, word
	movq	%rax, -16(%rbp)
	.endif
	.ifc	\returns, pair
	movq	%rax, -16(%rbp)
	movq	%rdx, -32(%rbp)
	.endif
	cmpl	$MH_NO_XSAVE, mh_self_bytes(%rip)
	je	1f
	.ifc	\returns, float
	movups	%xmm0, 160(%rcx)
	orq	$2, MH_HEADER(%rcx)
	.endif
	stmxcsr	24(%rcx)		/* may have been what it was called for */
	xorl	%edx, %edx
	movl	$MH_STATE, %eax
	xrstor64 (%rcx)
	jmp	2f
1:	.ifc	\returns, float
	movaps	%xmm0, (%rcx)
	.endif
	mh_self_vectors restore
2:
	.endm

	/* The flags are the caller's, as all registers are. */
	.macro	mh_self_by_name name:req, ours:req
	.type	__mallochooks_call_\name, @function
	.p2align 4
__mallochooks_call_\name:
	.cfi_startproc
	_CET_ENDBR
	pushfq
	.cfi_adjust_cfa_offset 8
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	leaq	\ours(%rip), %rax
	cmpq	\name@GOTPCREL(%rip), %rax
	popq	%rax
	.cfi_adjust_cfa_offset -8
	jne	9f
	popfq
	.cfi_adjust_cfa_offset -8
	jmp	__mallochooks_self_\name
9:	.cfi_adjust_cfa_offset 8
	popfq
	.cfi_adjust_cfa_offset -8
	jmp	*\name@GOTPCREL(%rip)
	.cfi_endproc
	.size	__mallochooks_call_\name, . - __mallochooks_call_\name
	.endm

	.macro	mh_self name:req, returns:req, stack=0, target, ours
	.globl	__mallochooks_call_\name
	.hidden	__mallochooks_call_\name
	.ifb	\ours
	.set	__mallochooks_call_\name, __mallochooks_self_\name
	.else
	.text
	mh_self_by_name \name, \ours
	.endif
	.text
	.globl	__mallochooks_self_\name
	.hidden	__mallochooks_self_\name
	.type	__mallochooks_self_\name, @function
	.p2align 4
__mallochooks_self_\name:
	.cfi_startproc
	_CET_ENDBR
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushfq
	pushq	%rax			/* -16(%rbp) */
	pushq	%rcx
	pushq	%rdx			/* -32 */
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9			/* -64 */
	pushq	%r10
	pushq	%r11			/* -80 */
	subq	$8, %rsp		/* -88: where the state is */
	mh_self_save_state
	.if	\stack
	subq	$((\stack + 15) / 16 * 16), %rsp
	leaq	16(%rbp), %rsi
	movq	%rsp, %rdi
	movl	$((\stack + 7) / 8), %ecx
	rep movsq
	.endif
	mh_self_load
	.ifb	\target
	call	\name@PLT
	.else
	call	\target@PLT
	.endif
	.globl	__mallochooks_back_\name
	.hidden	__mallochooks_back_\name
__mallochooks_back_\name:
	mh_self_restore_state \returns
	mh_self_load
	leaq	-8(%rbp), %rsp
	popfq
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size	__mallochooks_self_\name, . - __mallochooks_self_\name
	.endm

#ifdef MH_SELF
#ifndef MH_SELF_STACK
#define MH_SELF_STACK	0
#endif
#ifndef MH_SELF_TARGET
#define MH_SELF_TARGET	MH_SELF
#endif
	mh_self	MH_SELF, MH_SELF_RETURNS, MH_SELF_STACK, MH_SELF_TARGET
#endif

	.section .note.GNU-stack, "", @progbits
	.text
