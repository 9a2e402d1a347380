// SPDX-License-Identifier: MIT
/*
 * own - an allocator of the program's own, which counts the calls that reach it
 *
 * A header of 16 bytes before each chunk, nothing reused, no libc.  With
 * OWN_SMALL it has no aligned function and no malloc_usable_size.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_BYTES	(8 << 20)

unsigned long own_births, own_deaths;

static char arena[ARENA_BYTES] __attribute__((aligned(4096)));
static size_t used;

static void *take(size_t alignment, size_t size)
{
	size_t start = (used + 16 + alignment - 1) & ~(alignment - 1);

	if (size > ARENA_BYTES || start > ARENA_BYTES - size) {
		errno = ENOMEM;
		return NULL;
	}
	used = start + size;
	((size_t *)(arena + start))[-1] = size;
	own_births++;
	return arena + start;
}

void *malloc(size_t size)
{
	return take(16, size);
}

/* The arena is all zeros, and nothing in it is used twice. */
void *calloc(size_t n, size_t size)
{
	return take(16, n * size);
}

void *realloc(void *old, size_t size)
{
	char *to = take(16, size);
	size_t nr = old ? ((size_t *)old)[-1] : 0;

	for (size_t i = 0; to && i < nr && i < size; i++)
		to[i] = ((char *)old)[i];
	return to;
}

void free(void *ptr)
{
	if (ptr)
		own_deaths++;
}

#ifndef OWN_SMALL
void *memalign(size_t alignment, size_t size)
{
	return take(alignment < 16 ? 16 : alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *ptr = take(alignment < 16 ? 16 : alignment, size);

	if (ptr)
		*out = ptr;
	return ptr ? 0 : ENOMEM;
}

void *valloc(size_t size)
{
	return take(4096, size);
}

void *pvalloc(size_t size)
{
	return take(4096, (size + 4095) & ~(size_t)4095);
}

size_t malloc_usable_size(void *ptr)
{
	return ptr ? ((size_t *)ptr)[-1] : 0;
}
#endif
