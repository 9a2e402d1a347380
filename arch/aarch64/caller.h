/* SPDX-License-Identifier: MIT */
/*
 * caller.h - who called me: aarch64
 *
 * Source: AAPCS64, 6.4.6 "The Frame Pointer": a frame record is {saved x29,
 * saved x30}.  A saved x30 may carry an authentication code (Arm ARM, PAC);
 * at entry it never does, because the callee signs it.
 */
#ifndef MH_ARCH_CALLER_H
#define MH_ARCH_CALLER_H

#include <stdint.h>

/* XPACLRI strips x30; an older core takes it as a NOP (hint space). */
static inline uintptr_t mh_strip(uintptr_t ret)
{
	register uintptr_t x30 __asm__("x30") = ret;

	__asm__("hint #7" : "+r"(x30));
	return x30;
}

/* Return address of the function that this is used in. */
#define MH_RETURN_ADDRESS()	((uintptr_t)__builtin_return_address(0))

/*
 * The same of the function that called the one this is used in, and which keeps
 * a frame: a thunk in assembler (self.S).
 */
#define MH_RETURN_SLOT_ABOVE() \
	(*(const uintptr_t *const *)__builtin_frame_address(0) + 1)
#define MH_RETURN_ADDRESS_ABOVE()	mh_strip(*MH_RETURN_SLOT_ABOVE())

/* Where the return address of the function that this is used in is kept. */
#define MH_RETURN_SLOT()	((const uintptr_t *)__builtin_frame_address(0) + 1)

/* Every instruction is four bytes long. */
static inline uintptr_t mh_call_site(uintptr_t caller)
{
	return caller - 4;
}

/* Not volatile: a use that folds away takes this along. */
static inline uintptr_t mh_stack_pointer(void)
{
	uintptr_t sp;

	__asm__("mov %0, sp" : "=r"(sp));
	return sp;
}

#endif
