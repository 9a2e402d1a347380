// SPDX-License-Identifier: MIT
/*
 * rewrite_alloc - a small allocator that uses its own functions in all ways
 *
 * Chunks come from a static pool, each behind its size; freed ones are reused
 * when they fit.  It counts the calls of each function that really came.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* What gcc inlines nobody can hook; what it knows of a function without that
 * is quite enough. */
#ifndef MAY_INLINE
#define API	__attribute__((noinline))
#else
#define API
#endif

#include "rewrite_alloc.h"

#define POOL_BYTES	(8 << 20)

struct chunk {
	size_t bytes;
	struct chunk *next;
};

static char pool[POOL_BYTES] __attribute__((aligned(64)));
static size_t used;
static struct chunk *chunks;
static long calls[NR_OPS];
static int lock;

static void take_lock(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		;
}

static void give_lock(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

long alloc_calls(int op)
{
	return calls[op];
}

static struct chunk *chunk_of(void *ptr)
{
	return (struct chunk *)ptr - 1;
}

static void *carve(size_t align, size_t bytes)
{
	uintptr_t at = (uintptr_t)pool + used + sizeof(struct chunk);
	struct chunk *chunk;

	at = (at + align - 1) & ~(uintptr_t)(align - 1);
	if (bytes > POOL_BYTES || at + bytes > (uintptr_t)pool + POOL_BYTES)
		return NULL;
	used = at + bytes - (uintptr_t)pool;
	chunk = chunk_of((void *)at);
	chunk->bytes = bytes;
	return (void *)at;
}

static void *reuse(size_t align, size_t bytes)
{
	struct chunk **at = &chunks, *chunk;

	for (; (chunk = *at); at = &chunk->next) {
		if (chunk->bytes < bytes || (uintptr_t)(chunk + 1) % align)
			continue;
		*at = chunk->next;
		return chunk + 1;
	}
	return NULL;
}

static void *allocate(size_t align, size_t bytes)
{
	void *ptr;

	take_lock();
	ptr = reuse(align, bytes);
	if (!ptr)
		ptr = carve(align, bytes);
	give_lock();
	if (!ptr)
		errno = ENOMEM;
	return ptr;
}

void *malloc(size_t bytes)
{
	calls[OP_MALLOC]++;
	return allocate(16, bytes);
}

/* So little that gcc sees which registers it leaves alone. */
void free(void *ptr)
{
	calls[OP_FREE]++;
	if (!ptr)
		return;
	take_lock();
	chunk_of(ptr)->next = chunks;
	chunks = chunk_of(ptr);
	give_lock();
}

void *calloc(size_t n, size_t each)
{
	void *ptr;

	calls[OP_CALLOC]++;
	if (each && n > SIZE_MAX / each)
		return NULL;
	ptr = malloc(n * each);
	if (ptr)
		memset(ptr, 0, n * each);
	return ptr;
}

void *realloc(void *old, size_t bytes)
{
	void *ptr;

	calls[OP_REALLOC]++;
	if (!old)
		return malloc(bytes);
	if (!bytes) {
		free(old);
		return NULL;
	}
	ptr = malloc(bytes);
	if (!ptr)
		return NULL;
	memcpy(ptr, old, chunk_of(old)->bytes < bytes ? chunk_of(old)->bytes
						      : bytes);
	free(old);
	return ptr;
}

void *memalign(size_t align, size_t bytes)
{
	calls[OP_MEMALIGN]++;
	return allocate(align < 16 ? 16 : align, bytes);
}

int posix_memalign(void **out, size_t align, size_t bytes)
{
	calls[OP_POSIX_MEMALIGN]++;
	*out = memalign(align, bytes);
	return *out ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t bytes)
{
	calls[OP_ALIGNED_ALLOC]++;
	return memalign(align, bytes);
}

size_t malloc_usable_size(void *ptr)
{
	calls[OP_USABLE]++;
	return ptr ? chunk_of(ptr)->bytes : 0;
}

/* ---- what the object does with itself ------------------------------------------- */

/* Values live across calls, in registers that free is seen to leave alone. */
long alloc_live(long a, long b, long c, long d, long e, double x, double y)
{
	long sum = a * 3 + b, other = c * 5 + d, more = e * 7 + a;
	double z = x * 3 + y;

	free(NULL);
	sum += other * a;
	free(NULL);
	return sum + b * other + more * c + d * e + (long)(z * x + y);
}

void *alloc_tail(size_t bytes)
{
	return malloc(bytes);
}

void *alloc_here(size_t bytes)
{
	char *ptr = malloc(bytes);

	if (ptr)
		*ptr = 1;
	return ptr;
}

void alloc_maybe_free(void *ptr, int wanted)
{
	if (wanted)
		free(ptr);
}

/* In the data, and in code. */
struct alloc_table alloc_table = { malloc, free };
static const struct alloc_table fixed = { malloc, free };

const struct alloc_table *alloc_fixed(void)
{
	return &fixed;
}

void *(*alloc_pointer(void))(size_t)
{
	return malloc;
}
