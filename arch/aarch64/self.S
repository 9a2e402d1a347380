/* SPDX-License-Identifier: MIT */
/*
 * self.S - a call that the compiler believed to know, made a call of anything:
 * aarch64
 *
 *	mh_self NAME, RETURNS [, STACK [, TARGET [, OURS]]]
 *
 * makes the hidden __mallochooks_self_NAME, which "mallochooks rewrite" puts
 * into calls within the object that defined NAME.  gcc at -O2 compiles these
 * knowing which registers NAME leaves alone (-fipa-ra).  The thunk saves every
 * register that a call may change, in full width, and calls TARGET, by default
 * NAME.
 *
 * And __mallochooks_call_NAME, for calls by the name itself.  In a shared object they
 * go, without hooks, to the NAME of the process, which may be another object's.
 * OURS is a hidden name of the one that is here: where that of the process is another
 * one, the call goes there, with nothing changed.  Without OURS both are the same.
 *
 * RETURNS	void, word (x0), pair (x0 and x1), or float (v0)
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
 * SVE is saved if this is compiled for it: compile it as the allocator is.
 *
 * Source: AAPCS64, 6.1 (registers).
 */

/* From x29 down: x0 to x18, the flags, q0 to q31. */
#define MH_GENERAL	160
#define MH_FRAME	(MH_GENERAL + 512)

	.macro	mh_self_general insn
	\insn	x2, x3, [x29, #-MH_GENERAL + 16]
	\insn	x4, x5, [x29, #-MH_GENERAL + 32]
	\insn	x6, x7, [x29, #-MH_GENERAL + 48]
	\insn	x8, x9, [x29, #-MH_GENERAL + 64]
	\insn	x10, x11, [x29, #-MH_GENERAL + 80]
	\insn	x12, x13, [x29, #-MH_GENERAL + 96]
	\insn	x14, x15, [x29, #-MH_GENERAL + 112]
	\insn	x16, x17, [x29, #-MH_GENERAL + 128]
	\insn	x0, x1, [x29, #-MH_GENERAL]
	.endm

	.macro	mh_self_vectors insn
	\insn	q0, q1, [x29, #-MH_FRAME]
	\insn	q2, q3, [x29, #-MH_FRAME + 32]
	\insn	q4, q5, [x29, #-MH_FRAME + 64]
	\insn	q6, q7, [x29, #-MH_FRAME + 96]
	\insn	q8, q9, [x29, #-MH_FRAME + 128]
	\insn	q10, q11, [x29, #-MH_FRAME + 160]
	\insn	q12, q13, [x29, #-MH_FRAME + 192]
	\insn	q14, q15, [x29, #-MH_FRAME + 224]
	\insn	q16, q17, [x29, #-MH_FRAME + 256]
	\insn	q18, q19, [x29, #-MH_FRAME + 288]
	\insn	q20, q21, [x29, #-MH_FRAME + 320]
	\insn	q22, q23, [x29, #-MH_FRAME + 352]
	\insn	q24, q25, [x29, #-MH_FRAME + 384]
	\insn	q26, q27, [x29, #-MH_FRAME + 416]
	\insn	q28, q29, [x29, #-MH_FRAME + 448]
	\insn	q30, q31, [x29, #-MH_FRAME + 480]
	.endm

	/* Vectors of any length at x9, predicates behind them. */
	.macro	mh_self_scalable insn
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\insn	z\n, [x9, #\n, mul vl]
	.endr
	addvl	x9, x9, #31
	addvl	x9, x9, #1
	.ifc	\insn, ldr
	ldr	p0, [x9, #16, mul vl]
	wrffr	p0.b
	.endif
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\insn	p\n, [x9, #\n, mul vl]
	.endr
	.ifc	\insn, str
	rdffr	p0.b
	str	p0, [x9, #16, mul vl]
	ldr	p0, [x9]
	.endif
	.endm

	.macro	mh_self_copy_arguments stack
	sub	sp, sp, #((\stack + 15) / 16 * 16)
	mov	x9, #0
1:	add	x10, x29, x9
	ldr	x11, [x10, #16]
	str	x11, [sp, x9]
	add	x9, x9, #8
	cmp	x9, #\stack
	b.lo	1b
	.endm

	/* Between a call by name and what it calls, x16 and x17 belong to nobody. */
	.macro	mh_self_by_name name:req, ours:req
	.type	__mallochooks_call_\name, %function
	.p2align 4
__mallochooks_call_\name:
	.cfi_startproc
	hint	#34			/* BTI c */
	adrp	x16, :got:\name
	ldr	x16, [x16, #:got_lo12:\name]
	adrp	x17, \ours
	add	x17, x17, #:lo12:\ours
	sub	x17, x16, x17
	cbnz	x17, 9f
	b	__mallochooks_self_\name
9:	br	x16
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
	.type	__mallochooks_self_\name, %function
	.p2align 4
__mallochooks_self_\name:
	.cfi_startproc
	hint	#34			/* BTI c */
	stp	x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	mov	x29, sp
	.cfi_def_cfa_register x29
	sub	sp, sp, #MH_FRAME
	mh_self_general stp
	mrs	x9, nzcv
	stp	x18, x9, [x29, #-16]
	mh_self_vectors stp
#ifdef __ARM_FEATURE_SVE
	addvl	sp, sp, #-32
	addvl	sp, sp, #-3
	mov	x9, sp
	mh_self_scalable str
#endif
	.if	\stack
	mh_self_copy_arguments \stack
	.endif
	mh_self_general ldp
	.ifb	\target
	bl	\name
	.else
	bl	\target
	.endif
	.globl	__mallochooks_back_\name
	.hidden	__mallochooks_back_\name
__mallochooks_back_\name:
	/* The result goes where it would be restored from. */
	.ifc	\returns, word
	str	x0, [x29, #-MH_GENERAL]
	.endif
	.ifc	\returns, pair
	stp	x0, x1, [x29, #-MH_GENERAL]
	.endif
	.ifc	\returns, float
	str	q0, [sp, #-16]!
	.endif
#ifdef __ARM_FEATURE_SVE
	sub	x9, x29, #MH_FRAME
	addvl	x9, x9, #-32
	addvl	x9, x9, #-3
	mh_self_scalable ldr
#else
	mh_self_vectors ldp
#endif
	.ifc	\returns, float
	ldr	q0, [sp]
	.endif
	ldp	x18, x9, [x29, #-16]
	msr	nzcv, x9
	mh_self_general ldp
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	.cfi_restore x29
	.cfi_restore x30
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

	.section .note.GNU-stack, "", %progbits
#ifdef __ARM_FEATURE_BTI_DEFAULT
	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND: BTI; or the output has none. */
	.section .note.gnu.property, "a"
	.p2align 3
	.word	4, 16, 5
	.asciz	"GNU"
	.word	0xc0000000, 4, 1, 0
#endif
	.text
