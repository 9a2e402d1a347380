/* SPDX-License-Identifier: MIT */
/*
 * thread.h - the thread pointer: x86_64
 *
 * Source: "ELF Handling For Thread-Local Storage", 3.4.6: %fs:0 holds its own
 * address.
 */
#ifndef MH_ARCH_THREAD_H
#define MH_ARCH_THREAD_H

#include <stdint.h>

static inline uintptr_t mh_thread_pointer(void)
{
	uintptr_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
}

/* What lies at a fixed distance from the thread pointer; an lvalue. */
#define MH_THREAD_AT(type, offset) \
	(*(type __seg_fs *)(uintptr_t)(offset))

#endif
