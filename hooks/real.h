/* SPDX-License-Identifier: MIT */
/*
 * real.h - the table of the real functions
 *
 * A terminal fills it in, at link time (terminal-replace.c) or at its first call
 * (real-late.h), and has the operations of real-ops.h on top of it.  Everything
 * here and there is static but the operations themselves.
 */
#ifndef MH_REAL_H
#define MH_REAL_H

#include <mallochooks/layer.h>
#include "nextsym.h"
#include "terminal.h"

/* The real functions, name and type. */
#define REAL_FUNCTIONS(X) \
	X(void *, malloc, (size_t)) \
	X(void *, calloc, (size_t, size_t)) \
	X(void *, realloc, (void *, size_t)) \
	X(void, free, (void *)) \
	X(void *, memalign, (size_t, size_t)) \
	X(int, posix_memalign, (void **, size_t, size_t)) \
	X(void *, aligned_alloc, (size_t, size_t)) \
	X(void *, valloc, (size_t)) \
	X(void *, pvalloc, (size_t)) \
	X(size_t, malloc_usable_size, (void *))

/*
 * What a late table's every call tests is not the pointer that it jumps through:
 * compare and jump are then one instruction each, straight from memory.
 */
#define X(ret, name, params) ret (*name) params;
struct mh_real {
	const void *found;	/* not NULL: so is what follows */
	REAL_FUNCTIONS(X)
};
#undef X

/* The name of a real function, prefix included, in memory of the caller. */
#define REAL_NAME(name)	CONFIG_SYM_PREFIX #name

/* As ld knows it, "__real_" in front of a name that the link is told to hook. */
#define REAL_OR_PLAIN__(zero_or)	MH_SECOND(zero_or "__real_", "", 0)
#define REAL_OR_PLAIN_(value)		REAL_OR_PLAIN__(MH_ENABLED_##value)
#define REAL_OR_PLAIN(config)		REAL_OR_PLAIN_(config)

/*
 * MALLOC_CHECK_ took its share off what a size word says until it left libc.
 * Source: glibc 2.34 NEWS.  In that version libc came to have dlopen, too.
 */
#define SINCE_NO_CHECK	"dlopen"
#if defined(__GLIBC__) && defined(__GLIBC_MINOR__) && \
	(__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
#define MADE_SINCE_NO_CHECK	1
#else
#define MADE_SINCE_NO_CHECK	0
#endif

/* aarch64, glibc.mem.tagging: bits 56 and up are no part of the address. */
#ifdef __aarch64__
#define ADDRESS_BITS	56
#else
#define ADDRESS_BITS	63	/* user space ends there at the latest */
#endif

static inline int mh_is_tagged(const void *ptr)
{
	return ADDRESS_BITS < 63 && (uintptr_t)ptr >> ADDRESS_BITS;
}

static void *no_memory(size_t size)
{
	(void)size;
	*mh_errno() = ENOMEM;
	return NULL;
}

/*
 * tcmalloc has a __libc_malloc of its own, too.  Close by glibc's lies this, which is
 * in the same object of libc.a.
 * Source: glibc 2.36 malloc/malloc.c.
 */
extern int __libc_mallopt(int what, int value) __attribute__((weak));

static inline int is_beside_mallopt(const void *function)
{
	const uintptr_t distance = 1 << 16;

	return __libc_mallopt && (uintptr_t)__libc_mallopt - (uintptr_t)function +
				 distance < 2 * distance;
}

#endif
