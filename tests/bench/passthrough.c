// SPDX-License-Identifier: MIT
/*
 * passthrough - the preload that one would write by hand, to compare with
 *
 * Keeps no state and survives little: no caller, no early calls, no calloc
 * before dlsym has answered.  With -DNAIVE_CALLOC calloc is malloc and memset,
 * as most wrappers have it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define REAL(ret, name, params, args) \
	static ret (*real_##name) params; \
	ret name params \
	{ \
		if (__builtin_expect(!real_##name, 0)) \
			real_##name = (ret (*) params)dlsym(RTLD_NEXT, #name); \
		return real_##name args; \
	}

REAL(void *, malloc, (size_t size), (size))
REAL(void *, realloc, (void *old, size_t size), (old, size))
REAL(void *, memalign, (size_t alignment, size_t size), (alignment, size))
REAL(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
REAL(int, posix_memalign, (void **out, size_t alignment, size_t size),
     (out, alignment, size))
REAL(size_t, malloc_usable_size, (void *ptr), (ptr))
REAL(void, free, (void *ptr), (ptr))

#ifdef NAIVE_CALLOC
void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *ptr;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	ptr = malloc(bytes);
	return ptr ? memset(ptr, 0, bytes) : NULL;
}
#else
REAL(void *, calloc, (size_t n, size_t size), (n, size))
#endif
