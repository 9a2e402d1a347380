/* SPDX-License-Identifier: MIT */
/*
 * caller.h - who called me: x86_64
 *
 * Source: System V ABI, AMD64 supplement, 3.2.2: the return address lies just
 * above the saved %rbp; a frame is {saved %rbp, return address}.
 */
#ifndef MH_ARCH_CALLER_H
#define MH_ARCH_CALLER_H

#include <stdint.h>

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

/* An address inside the call instruction; its length varies. */
static inline uintptr_t mh_call_site(uintptr_t caller)
{
	return caller - 1;
}

/* A return address as it stands in memory, made a plain address. */
static inline uintptr_t mh_strip(uintptr_t ret)
{
	return ret;
}

/* Not volatile: a use that folds away takes this along. */
static inline uintptr_t mh_stack_pointer(void)
{
	uintptr_t sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return sp;
}

#endif
