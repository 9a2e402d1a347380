/* SPDX-License-Identifier: MIT */
/*
 * thread.h - the thread pointer: any architecture
 *
 * Any address that is unique among the live threads serves; that of errno is.
 */
#ifndef MH_ARCH_THREAD_H
#define MH_ARCH_THREAD_H

#include <errno.h>
#include <stdint.h>

static inline uintptr_t mh_thread_pointer(void)
{
	return (uintptr_t)&errno;
}

/* What lies at a fixed distance from the thread pointer; an lvalue. */
#define MH_THREAD_AT(type, offset) \
	(*(type *)(mh_thread_pointer() + (uintptr_t)(offset)))

#endif
