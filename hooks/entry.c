// SPDX-License-Identifier: MIT
/*
 * entry - what the program's call lands in
 *
 * Reads the caller, checks arguments, narrows the user API to the hook API,
 * and nothing else.  A result, an alignment or an errno is the real
 * function's: where libraries differ (odd alignments, failures), the real
 * function of the same name is asked for its verdict and that is copied.
 *
 * The C names below are ours; the assembler names are the user API's, so the
 * compiler never takes a body for the builtin of that name.
 */
#include <unistd.h>
#include <mallochooks/layer.h>
#include "entry.h"
#include "latch.h"
#include "terminal.h"

/* The same way for a call that a facade may have latched, or that finds something
 * to do. */
#define LATCHED	static __attribute__((noinline, flatten))

#if defined(CONFIG_SYM_MEMALIGN) || defined(CONFIG_SYM_POSIX_MEMALIGN) || \
	defined(CONFIG_SYM_ALIGNED_ALLOC) || defined(CONFIG_SYM_VALLOC) || \
	defined(CONFIG_SYM_PVALLOC)
static int power_of_two(size_t n)
{
	return n && !(n & (n - 1));
}

/* Smallest power of two that is at least @n, and at least a pointer's size. */
static size_t round_up_alignment(size_t n)
{
	size_t alignment = sizeof(void *);

	while (alignment < n && alignment <= SIZE_MAX / 2)
		alignment *= 2;
	return alignment;
}

/*
 * Every library agrees on a power of two that is a multiple of a pointer's
 * size, and on a size that is a multiple of it (C11 7.22.3.1 makes the latter
 * a rule for aligned_alloc; mimalloc follows it, glibc does not).
 */
static int plain_arguments(enum mh_aligned which, size_t alignment, size_t size)
{
	return power_of_two(alignment) && alignment >= sizeof(void *) &&
	       (which != MH_ALIGNED_ALLOC || !(size & (alignment - 1)));
}

/* Return: 0 and the chunk in @out, or the error that the real function gave. */
static inline int aligned(enum mh_aligned which, size_t alignment, size_t size,
			  size_t asked_size, caller_t caller, void **out)
{
	int before = 0, error;

	if (which == MH_POSIX_MEMALIGN)
		before = *mh_errno();
	if (unlikely(!plain_arguments(which, alignment, size))) {
		error = MH_NAME(terminal, verdict)(which, alignment, size);
		if (error)
			return error;
		alignment = round_up_alignment(alignment);
	}
	*out = TOP(memalign)(alignment, size, caller);
	if (likely(*out))
		return 0;
	if (which == MH_MEMALIGN)
		return *mh_errno();
	if (which == MH_POSIX_MEMALIGN)
		*mh_errno() = before;
	error = MH_NAME(terminal, verdict)(which, alignment, asked_size);
	/* NULL is a chunk of no bytes to mimalloc's posix_memalign */
	if (error || (which == MH_POSIX_MEMALIGN && !asked_size))
		return error;
	if (which != MH_POSIX_MEMALIGN)
		*mh_errno() = ENOMEM;
	return ENOMEM;
}

/* All of them are rare, so there is one way for them, and not five. */
LATCHED int aligned_latched(enum mh_aligned which, size_t alignment, size_t size,
			    size_t asked_size, caller_t caller, void **out)
{
	struct mh_latch taken;
	int error;

	mh_answer();
	caller = mh_latch_take(caller, &taken);
	error = aligned(which, alignment, size, asked_size, caller, out);
	mh_latch_give_back(&taken, !error);
	return error;
}

static inline void *aligned_or_null(enum mh_aligned which, size_t alignment,
				    size_t size, size_t asked_size,
				    caller_t caller)
{
	void *ptr = NULL;

	return aligned_latched(which, alignment, size, asked_size, caller,
			       &ptr) ? NULL : ptr;
}
#endif

#ifdef CONFIG_SYM_MALLOC
LATCHED void *malloc_latched(size_t size, caller_t caller)
{
	struct mh_latch taken;
	void *ptr;

	mh_answer();
	caller = mh_latch_take(caller, &taken);
	ptr = TOP(malloc)(size, caller);
	mh_latch_give_back(&taken, ptr != NULL);
	return ptr;
}

ENTRY(void *, malloc, (size_t size), (size))
{
	if (mh_is_asked() || mh_latch_is_near())
		return malloc_latched(size, caller);
	return TOP(malloc)(size, caller);
}
#endif

#ifdef CONFIG_SYM_CALLOC
static inline void *calloc_from(size_t n, size_t size, caller_t caller)
{
	const size_t bytes = n * size;
	void *ptr;

	if (!IS_ENABLED(CONFIG_CALLOC_EMULATED))
		return TOP(calloc)(n, size, caller);
	ptr = TOP(malloc)(bytes, caller);
	if (ptr && !TOP(zeroed)(ptr, bytes))
		mh_clear(ptr, bytes);
	return ptr;
}

LATCHED void *calloc_latched(size_t n, size_t size, caller_t caller)
{
	struct mh_latch taken;
	void *ptr;

	mh_answer();
	caller = mh_latch_take(caller, &taken);
	ptr = calloc_from(n, size, caller);
	mh_latch_give_back(&taken, ptr != NULL);
	return ptr;
}

ENTRY(void *, calloc, (size_t n, size_t size), (n, size))
{
	if (unlikely(mh_array_bytes(n, size) == SIZE_MAX))
		return NULL;
	if (mh_is_asked() || mh_latch_is_near())
		return calloc_latched(n, size, caller);
	return calloc_from(n, size, caller);
}
#endif

#if defined(CONFIG_SYM_REALLOC) || defined(CONFIG_SYM_REALLOCARRAY)
LATCHED void *realloc_latched(void *old, size_t size, caller_t caller)
{
	struct mh_latch taken;
	void *ptr;

	mh_answer();
	caller = mh_latch_take(caller, &taken);
	ptr = TOP(realloc)(old, size, caller);
	mh_latch_give_back(&taken, ptr != NULL);
	return ptr;
}
#endif

#ifdef CONFIG_SYM_REALLOC
ENTRY(void *, realloc, (void *old, size_t size), (old, size))
{
	if (mh_is_asked() || mh_latch_is_near())
		return realloc_latched(old, size, caller);
	return TOP(realloc)(old, size, caller);
}
#endif

#ifdef CONFIG_SYM_REALLOCARRAY
static void *realloc_whosever(void *old, size_t size, caller_t caller)
{
	void *(*theirs)(void *, size_t) = NULL;
	static void *known;

	if (IS_ENABLED(CONFIG_METHOD_PRELOAD))
		theirs = (void *(*)(void *, size_t))
			MH_NAME(terminal, before)(CONFIG_SYM_PREFIX
						  "reallocarray",
						  CONFIG_SYM_PREFIX "realloc",
						  &known);
	return unlikely(theirs) ? theirs(old, size) :
				  realloc_latched(old, size, caller);
}

ENTRY(void *, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
{
	size_t bytes = mh_array_bytes(n, size);
	void *ptr;

	if (unlikely(bytes == SIZE_MAX))
		return NULL;
	ptr = realloc_whosever(old, bytes, caller);
	if (unlikely(!ptr) && (bytes || !old))
		*mh_errno() = ENOMEM;	/* mimalloc: not in every realloc */
	return ptr;
}
#endif

#if defined(CONFIG_SYM_FREE) || defined(CONFIG_SYM_CFREE) || \
	defined(CONFIG_SYM_FREE_SIZED) || defined(CONFIG_SYM_FREE_ALIGNED_SIZED)
LATCHED void free_latched(void *ptr, caller_t caller)
{
	struct mh_latch taken;

	caller = mh_latch_take(caller, &taken);
	TOP(free)(ptr, caller);
	mh_latch_give_back(&taken, 1);
}
#endif

#ifdef CONFIG_SYM_FREE
ENTRY(void, free, (void *ptr), (ptr))
{
	if (!ptr)
		return;
	if (mh_latch_is_near())
		free_latched(ptr, caller);
	else
		TOP(free)(ptr, caller);
}
#endif

#if defined(CONFIG_SYM_CFREE) || defined(CONFIG_SYM_FREE_SIZED) || \
	defined(CONFIG_SYM_FREE_ALIGNED_SIZED)
/* @name: that was called; @known: its own, of before() */
static inline void free_whosever(void *ptr, caller_t caller, const char *name,
				 void **known)
{
	void (*theirs)(void *) = NULL;

	if (IS_ENABLED(CONFIG_METHOD_PRELOAD))
		theirs = (void (*)(void *))
			MH_NAME(terminal, before)(name, CONFIG_SYM_PREFIX
						  "free", known);
	if (unlikely(theirs))
		theirs(ptr);
	else if (ptr)
		free_latched(ptr, caller);	/* rare: the way is there already */
}
#endif

#ifdef CONFIG_SYM_CFREE
ENTRY(void, cfree, (void *ptr), (ptr))
{
	static void *known;

	free_whosever(ptr, caller, CONFIG_SYM_PREFIX "cfree", &known);
}
#endif

/* C23 7.24.3.4 and 7.24.3.5: as free(); a size that lies is not looked at. */
#ifdef CONFIG_SYM_FREE_SIZED
ENTRY(void, free_sized, (void *ptr, size_t size), (ptr, size))
{
	static void *known;

	(void)size;
	free_whosever(ptr, caller, CONFIG_SYM_PREFIX "free_sized", &known);
}
#endif

#ifdef CONFIG_SYM_FREE_ALIGNED_SIZED
ENTRY(void, free_aligned_sized, (void *ptr, size_t alignment, size_t size),
      (ptr, alignment, size))
{
	static void *known;

	(void)alignment;
	(void)size;
	free_whosever(ptr, caller, CONFIG_SYM_PREFIX "free_aligned_sized",
		      &known);
}
#endif

#ifdef CONFIG_SYM_MEMALIGN
ENTRY(void *, memalign, (size_t alignment, size_t size), (alignment, size))
{
	return aligned_or_null(MH_MEMALIGN, alignment, size, size, caller);
}
#endif

#ifdef CONFIG_SYM_ALIGNED_ALLOC
ENTRY(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
{
	return aligned_or_null(MH_ALIGNED_ALLOC, alignment, size, size,
			       caller);
}
#endif

#ifdef CONFIG_SYM_POSIX_MEMALIGN
ENTRY(int, posix_memalign, (void **out, size_t alignment, size_t size),
      (out, alignment, size))
{
	void *ptr = NULL;
	int error = aligned_latched(MH_POSIX_MEMALIGN, alignment, size, size,
				    caller, &ptr);

	if (!error)
		*out = ptr;
	return error;
}
#endif

#if defined(CONFIG_SYM_VALLOC) || defined(CONFIG_SYM_PVALLOC)
static size_t page_bytes(void)
{
	return mh_relocated() ? (size_t)getpagesize() : MH_PAGE_BYTES;
}
#endif

#ifdef CONFIG_SYM_VALLOC
ENTRY(void *, valloc, (size_t size), (size))
{
	return aligned_or_null(MH_VALLOC, page_bytes(), size, size, caller);
}
#endif

#ifdef CONFIG_SYM_PVALLOC
ENTRY(void *, pvalloc, (size_t size), (size))
{
	size_t page = page_bytes();
	size_t whole = size;

	if (!__builtin_add_overflow(size, page - 1, &whole))
		whole &= ~(page - 1);
	else
		whole = SIZE_MAX;
	return aligned_or_null(MH_PVALLOC, page, whole, size, caller);
}
#endif

#ifdef CONFIG_SYM_MALLOC_USABLE_SIZE
ENTRY(size_t, malloc_usable_size, (void *ptr), (ptr))
{
	(void)caller;
	return ptr ? TOP(malloc_usable_size)(ptr) : 0;
}
#endif
