// SPDX-License-Identifier: MIT
/*
 * own - an allocator of the program's own, which counts the calls that reach it
 *
 * A header of 16 bytes before each chunk, nothing reused, no libc.  Its realloc
 * calls its malloc and its free.
 *
 * OWN_SMALL	no aligned function and no malloc_usable_size
 * OWN_APART	free is in an object of its own, own_free.c
 * OWN_ALIAS	malloc is another name of own_malloc, which it calls
 * OWN_IFUNC	malloc is an indirect function
 * OWN_SYMVER	malloc is own_malloc, by version V1
 * OWN_WEAK	all are weak
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>

#include "matrix.h"

#ifdef OWN_APART
#define LOCAL	__attribute__((visibility("hidden")))
#else
#define LOCAL	static
#endif

#ifdef OWN_WEAK
#pragma weak malloc
#pragma weak calloc
#pragma weak realloc
#pragma weak reallocarray
#pragma weak free
#pragma weak memalign
#pragma weak aligned_alloc
#pragma weak posix_memalign
#pragma weak valloc
#pragma weak pvalloc
#pragma weak malloc_usable_size
#pragma weak own_find
#endif

LOCAL unsigned long births, deaths, strangers;
LOCAL char arena[ARENA_BYTES] __attribute__((aligned(4096)));
static size_t used;

API void *malloc(size_t size);
API void *calloc(size_t n, size_t size);
API void *realloc(void *old, size_t size);
API void *reallocarray(void *old, size_t n, size_t size);
API void free(void *ptr);

/* The arena is all zeros, and nothing in it is used twice. */
static void *take(size_t alignment, size_t size)
{
	size_t start = (used + 16 + alignment - 1) & ~(alignment - 1);

	if (size > ARENA_BYTES || start > ARENA_BYTES - size) {
		errno = ENOMEM;
		return NULL;
	}
	used = start + size;
	((size_t *)(arena + start))[-1] = size;
	births++;
	return arena + start;
}

#if defined(OWN_ALIAS)
API void *own_malloc(size_t size);

void *own_malloc(size_t size)
{
	return take(16, size);
}

void *malloc(size_t size) __attribute__((alias("own_malloc")));
#define malloc	own_malloc
#elif defined(OWN_SYMVER)
API void *own_malloc(size_t size);

void *own_malloc(size_t size)
{
	return take(16, size);
}

__asm__(".symver own_malloc, malloc@@V1");
#elif defined(OWN_IFUNC)
static API void *own_malloc(size_t size)
{
	return take(16, size);
}

static __attribute__((used)) void *(*pick_malloc(void))(size_t)
{
	return own_malloc;
}

void *malloc(size_t size) __attribute__((ifunc("pick_malloc")));
#else
void *malloc(size_t size)
{
	return take(16, size);
}
#endif

void *calloc(size_t n, size_t size)
{
	return take(16, n * size);
}

/* Two births: the call of this, and the one that it makes itself. */
void *realloc(void *old, size_t size)
{
	char *to;
	size_t nr;

	if (!old)
		return take(16, size);
	to = malloc(size);
	if (!to)
		return NULL;
	births++;
	nr = ((size_t *)old)[-1];
	for (size_t i = 0; i < nr && i < size; i++)
		to[i] = ((char *)old)[i];
	free(old);
	return to;
}

void *reallocarray(void *old, size_t n, size_t size)
{
	return realloc(old, n * size);
}

#ifndef OWN_APART
#include "own_free.c"
#endif

#ifndef OWN_SMALL
API void *memalign(size_t alignment, size_t size);
API void *aligned_alloc(size_t alignment, size_t size);
API int posix_memalign(void **out, size_t alignment, size_t size);
API void *valloc(size_t size);
API void *pvalloc(size_t size);
API size_t malloc_usable_size(void *ptr);

void *memalign(size_t alignment, size_t size)
{
	return take(alignment < 16 ? 16 : alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return take(alignment < 16 ? 16 : alignment, size);
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

/* ---- what the object does with itself ----------------------------------- */

static API void *call(size_t bytes)
{
	char *ptr = malloc(bytes);

	if (ptr)
		*ptr = 1;
	return ptr;
}

static API void *tail(size_t bytes)
{
	return malloc(bytes);
}

/* free is so small that gcc sees which registers it leaves alone. */
static API long live(void *one, void *two, long a, long b, long c, long d,
		     double x, double y)
{
	long sum = a * 3 + b, other = c * 5 + d;
	double z = x * 3 + y;

	free(one);
	sum += other * a;
	free(two);
	return sum + b * other - c * d + (long)(z * x + y) - a * a * b;
}

const struct own *own_find(void)
{
	static const struct own own = {
		&births, &deaths, &strangers, call, tail, malloc, live,
	};

	return &own;
}
