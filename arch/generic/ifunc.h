/* SPDX-License-Identifier: MIT */
/*
 * ifunc.h - call the resolver of a STT_GNU_IFUNC symbol: no arguments
 *
 * Source: glibc 2.36, sysdeps/generic/dl-irel.h, sysdeps/x86_64/dl-irel.h.
 */
#ifndef MH_ARCH_IFUNC_H
#define MH_ARCH_IFUNC_H

#include <stdint.h>

static inline uintptr_t mh_call_ifunc_resolver(uintptr_t resolver)
{
	return ((uintptr_t (*)(void))resolver)();
}

#endif
