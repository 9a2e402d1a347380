/* SPDX-License-Identifier: MIT */
/*
 * real.h - the real functions, and the operations of a terminal on top of them
 *
 * Included by terminal-METHOD.c, which defines bind(): how the table is filled
 * in is the method, all else is the same.  Everything here is static but the
 * operations themselves.
 *
 * Nothing is found at first, and every call looks: it may come before our
 * relocations and long before our constructor.
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
 * What every call tests is not the pointer that it jumps through: compare and
 * jump are then one instruction each, straight from memory.
 */
#define X(ret, name, params) ret (*name) params;
static struct {
	const void *found;	/* not NULL: so is what follows */
	REAL_FUNCTIONS(X)
} real;
#undef X

static int is_glibc;	/* the chunk layout is known: zeroed() may look */

/* The name of a real function, prefix included, in memory of the caller. */
#define REAL_NAME(name)	CONFIG_SYM_PREFIX #name

static void *no_memory(size_t size)
{
	(void)size;
	*mh_errno() = ENOMEM;
	return NULL;
}

static void *no_calloc(size_t n, size_t size)
{
	size_t bytes = mh_array_bytes(n, size);
	void *ptr = bytes == SIZE_MAX ? NULL : real.malloc(bytes);

	if (ptr)
		mh_clear(ptr, bytes);
	return ptr;
}

static void *no_realloc(void *ptr, size_t size)
{
	(void)ptr;
	return no_memory(size);
}

static void no_free(void *ptr)
{
	(void)ptr;
}

/* Made of what the library does have; the alignment is a power of two. */
static void *made_memalign(size_t alignment, size_t size)
{
	void *ptr = NULL;
	size_t whole;
	int error;

	if (alignment < sizeof(void *))
		alignment = sizeof(void *);
	/* C11 7.22.3.1: the size is a multiple of the alignment */
	if (real.aligned_alloc)
		return __builtin_add_overflow(size, alignment - 1, &whole) ?
			no_memory(size) :
			real.aligned_alloc(alignment, whole & ~(alignment - 1));
	if (!real.posix_memalign)
		return no_memory(size);
	error = real.posix_memalign(&ptr, alignment, size);
	if (error)
		*mh_errno() = error;
	return error ? NULL : ptr;
}

/* 0: not known.  Never the size function of a stranger. */
static size_t no_usable_size(void *ptr)
{
	(void)ptr;
	return 0;
}

/**
 * bind() - fill in the table, by whatever the method is
 *
 * Two threads may do this at the same time: both write the same values, and
 * what every caller tests comes last.
 *
 * Return: nonzero when there is a malloc; else nothing is kept.
 */
static __attribute__((noinline, cold)) int bind(void);

/* To be called at the end of bind(). */
static int table_is_complete(void)
{
	__atomic_store_n(&real.found, (const void *)&real, __ATOMIC_RELEASE);
	return 1;
}

static inline int bound(void)
{
	return likely(real.found);
}

/* Here no other thread is about that could see a part of it. */
void HOOK_IDENT(init)(void)
{
	if (!bound())
		bind();
}

/* A first call goes a way of its own, so that no later one needs a frame. */
#define FIRST_CALL(ret, op, params, args, hand, otherwise) \
	static __attribute__((noinline, cold)) ret first_##op params \
	{ \
		if (bind()) \
			hand real.op args; \
		else \
			hand otherwise; \
	}
FIRST_CALL(void *, malloc, (size_t size), (size), return, no_memory(size))
FIRST_CALL(void *, calloc, (size_t n, size_t size), (n, size), return,
	   no_memory(size))
FIRST_CALL(void *, realloc, (void *ptr, size_t size), (ptr, size), return,
	   no_memory(size))
FIRST_CALL(void, free, (void *ptr), (ptr), , (void)0)
FIRST_CALL(void *, memalign, (size_t alignment, size_t size),
	   (alignment, size), return, no_memory(size))
FIRST_CALL(size_t, malloc_usable_size, (void *ptr), (ptr), return, 0)

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.malloc(size) : first_malloc(size);
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.calloc(n, size) : first_calloc(n, size);
}

void *HOOK_IDENT(realloc)(void *ptr, size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.realloc(ptr, size) : first_realloc(ptr, size);
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	(void)caller;
	if (bound())
		real.free(ptr);
	else
		first_free(ptr);
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.memalign(alignment, size) :
			 first_memalign(alignment, size);
}

size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	return bound() ? real.malloc_usable_size(ptr) :
			 first_malloc_usable_size(ptr);
}

/*
 * glibc: bit 1 of the size word before a chunk says that it was mapped for
 * this request alone, so the kernel has zeroed it; the first byte tells when
 * the tunable glibc.malloc.perturb has since filled it.
 * Source: glibc 2.36 malloc/malloc.c, IS_MMAPPED and alloc_perturb; the same
 * from 2.3 to 2.41.
 */
int HOOK_IDENT(zeroed)(void *ptr, size_t size)
{
	const size_t mapped = 2;

	return is_glibc && size && ((const size_t *)ptr)[-1] & mapped &&
	       !*(const unsigned char *)ptr;
}

int HOOK_IDENT(verdict)(enum mh_aligned which, size_t alignment, size_t size)
{
	void *ptr = NULL;
	int error = 0;

	if (!bound() && !bind()) {
		no_memory(size);
		return ENOMEM;
	}
	switch (which) {
	case MH_MEMALIGN:
		ptr = real.memalign(alignment, size);
		break;
	case MH_ALIGNED_ALLOC:
		ptr = real.aligned_alloc ?
			real.aligned_alloc(alignment, size) :
			real.memalign(alignment, size);
		break;
	case MH_VALLOC:
		ptr = real.valloc ? real.valloc(size) :
				    real.memalign(alignment, size);
		break;
	case MH_PVALLOC:
		ptr = real.pvalloc ? real.pvalloc(size) :
				     real.memalign(alignment, size);
		break;
	case MH_POSIX_MEMALIGN:
		if (!real.posix_memalign)
			return alignment % sizeof(void *) || !alignment ||
			       alignment & (alignment - 1) ? EINVAL : 0;
		error = real.posix_memalign(&ptr, alignment, size);
		if (!error)
			real.free(ptr);
		return error;
	}
	if (!ptr)	/* jemalloc's memalign(0, n) says no and sets no errno */
		return *mh_errno() ? *mh_errno() : EINVAL;
	real.free(ptr);
	return 0;
}

#endif
