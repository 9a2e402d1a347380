// SPDX-License-Identifier: MIT
/*
 * index_sizer - an allocator whose size function allocates when it is called first,
 * before it has noted that: as tcmalloc's does where the program has an operator new
 * of its own
 */
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define REGION	((size_t)64 << 20)

static char *next, *end;
static int ready;

void *malloc(size_t bytes)
{
	char *chunk;

	if (!next) {
		next = mmap(NULL, REGION, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		end = next + REGION;
	}
	bytes = (bytes + 15 + 16) & ~(size_t)15;
	if (bytes > (size_t)(end - next))
		return NULL;
	chunk = next + 16;
	next += bytes;
	((size_t *)chunk)[-1] = bytes - 16;
	return chunk;
}

void free(void *chunk)
{
	(void)chunk;
}

size_t malloc_usable_size(void *chunk)
{
	if (!ready) {
		free(malloc(20));
		ready = 1;
	}
	return chunk ? ((size_t *)chunk)[-1] : 0;
}

void *realloc(void *chunk, size_t bytes)
{
	void *fresh = malloc(bytes);
	size_t old = malloc_usable_size(chunk);

	if (fresh && chunk)
		memcpy(fresh, chunk, old < bytes ? old : bytes);
	return fresh;
}

/* The region is fresh, and nothing is ever used again. */
void *calloc(size_t nr, size_t bytes)
{
	return malloc(nr * bytes);
}
