/* SPDX-License-Identifier: MIT */
/*
 * caller.h - who called me: any architecture, by the compiler's builtins
 */
#ifndef MH_ARCH_CALLER_H
#define MH_ARCH_CALLER_H

#include <stdint.h>

/* Return address of the function that this is used in. */
#define MH_RETURN_ADDRESS() \
	((uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0)))

/* Unknown here: a latch without a slot is never taken for valid. */
#define MH_RETURN_SLOT()	((const uintptr_t *)0)

/* One byte back is inside the call on every machine. */
static inline uintptr_t mh_call_site(uintptr_t caller)
{
	return caller - 1;
}

/* A return address as it stands in memory, made a plain address. */
static inline uintptr_t mh_strip(uintptr_t ret)
{
	return ret;
}

/* As near as the compiler lets us come. */
static inline uintptr_t mh_stack_pointer(void)
{
	return (uintptr_t)__builtin_frame_address(0);
}

#endif
