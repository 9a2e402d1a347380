/* SPDX-License-Identifier: MIT */
/*
 * real-ops.h - the operations of a terminal, on top of the real functions
 *
 * Whoever includes it has a table of them called real, and says
 *
 *	CALL(op, args)		how an operation calls one of them
 *	can_call()		whether they can be called by now
 *	is_here(name)		whether the allocator has this one
 *	is_glibc		whether the layout of a chunk is known as glibc's
 *	has_size_word		whether the word before it says how large it is, too
 */
#ifndef MH_REAL_OPS_H
#define MH_REAL_OPS_H

#include "real.h"

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
	if (is_here(aligned_alloc))
		return __builtin_add_overflow(size, alignment - 1, &whole) ?
			no_memory(size) :
			real.aligned_alloc(alignment, whole & ~(alignment - 1));
	if (!is_here(posix_memalign))
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

/*
 * Does the size function go by the word before a chunk, as glibc's does?  A tool
 * that runs other code in the place of glibc's (valgrind) leaves the addresses of
 * its functions, and its chunks have no such word.  Asked of a chunk of our making,
 * of 32 bytes and in use, before one that says so.
 * Source: glibc 2.36 malloc/malloc.c, musable() and inuse().
 */
static inline int goes_by_size_word(void)
{
	size_t chunk[6] __attribute__((aligned(16))) = { [1] = 32 | 1, [5] = 32 | 1 };

	return real.malloc_usable_size == no_usable_size ||
	       real.malloc_usable_size(&chunk[2]) == 24;
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	(void)caller;
	return CALL(malloc, (size));
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	(void)caller;
	return CALL(calloc, (n, size));
}

void *HOOK_IDENT(realloc)(void *ptr, size_t size, caller_t caller)
{
	(void)caller;
	return CALL(realloc, (ptr, size));
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	(void)caller;
	CALL(free, (ptr));
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	(void)caller;
	return CALL(memalign, (alignment, size));
}

/* Of a chunk that was made here, so that there is no doubt that we are bound. */
void HOOK_IDENT(free_own)(void *ptr, caller_t caller)
{
	(void)caller;
	real.free(ptr);
}

/* The same. */
void *HOOK_IDENT(realloc_own)(void *ptr, size_t size, caller_t caller)
{
	(void)caller;
	return real.realloc(ptr, size);
}

/*
 * For the layer index, when it is the next one above.  glibc's chunks begin at
 * multiples of 16, and 32 bytes apart at least; and the word before each tells its
 * size.
 * Source: glibc 2.36 malloc/malloc.c, MINSIZE and MALLOC_ALIGNMENT.
 */
int HOOK_IDENT(apart)(void)
{
	return is_glibc && has_size_word;
}

/*
 * Usable bytes by the size word before a chunk, its flags taken off: those up to
 * the next size word.  Where chunks are apart(), and the address bears no tag, of
 * which a plain load knows nothing.  Right where it is less than 1,900: of a chunk
 * mapped for itself it is more than that, and too much; such a one has whole pages,
 * and what memalign() takes off leaves so many.
 * Source: glibc 2.36 malloc/malloc.c, musable(), memsize(), sysmalloc_mmap(),
 * _int_memalign().
 */
size_t HOOK_IDENT(size_word)(const void *ptr)
{
	const size_t flags = 7;

	return (((const size_t *)ptr)[-1] & ~flags) - sizeof(size_t);
}

static int has_plain_size(const void *ptr)
{
	const size_t mapped = 2;

	return likely(has_size_word) && likely(!mh_is_tagged(ptr)) &&
	       likely(!(((const size_t *)ptr)[-1] & mapped));
}

size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	return has_plain_size(ptr) ? HOOK_IDENT(size_word)(ptr) :
				     CALL(malloc_usable_size, (ptr));
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

	if (!can_call()) {
		no_memory(size);
		return ENOMEM;
	}
	switch (which) {
	case MH_MEMALIGN:
		ptr = real.memalign(alignment, size);
		break;
	case MH_ALIGNED_ALLOC:
		ptr = is_here(aligned_alloc) ?
			real.aligned_alloc(alignment, size) :
			real.memalign(alignment, size);
		break;
	case MH_VALLOC:
		ptr = is_here(valloc) ? real.valloc(size) :
				    real.memalign(alignment, size);
		break;
	case MH_PVALLOC:
		ptr = is_here(pvalloc) ? real.pvalloc(size) :
				     real.memalign(alignment, size);
		break;
	case MH_POSIX_MEMALIGN:
		if (!is_here(posix_memalign))
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
