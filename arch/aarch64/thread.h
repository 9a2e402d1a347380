/* SPDX-License-Identifier: MIT */
/*
 * thread.h - the thread pointer: aarch64
 *
 * Source: AAELF64, "Thread Local Storage": TPIDR_EL0 is the thread pointer.
 */
#ifndef MH_ARCH_THREAD_H
#define MH_ARCH_THREAD_H

#include <stdint.h>

static inline uintptr_t mh_thread_pointer(void)
{
	uintptr_t tp;

	__asm__("mrs %0, tpidr_el0" : "=r"(tp));
	return tp;
}

/* What lies at a fixed distance from the thread pointer; an lvalue. */
#define MH_THREAD_AT(type, offset) \
	(*(type *)(mh_thread_pointer() + (uintptr_t)(offset)))

#endif
