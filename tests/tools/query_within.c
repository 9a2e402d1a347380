// SPDX-License-Identifier: MIT
/*
 * query_within - an allocator that tells the program when it is within a realloc
 *
 * glibc's, under public names that come before those.
 */
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nr, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);

/* The program's. */
__attribute__((weak)) void within_realloc(size_t size);

void *malloc(size_t size)
{
	return __libc_malloc(size);
}

void *calloc(size_t nr, size_t size)
{
	return __libc_calloc(nr, size);
}

void *realloc(void *ptr, size_t size)
{
	if (within_realloc)
		within_realloc(size);
	return __libc_realloc(ptr, size);
}

void *memalign(size_t alignment, size_t size)
{
	return __libc_memalign(alignment, size);
}

void free(void *ptr)
{
	__libc_free(ptr);
}
