// SPDX-License-Identifier: MIT
/*
 * trace - the stack, seen from a handler and from the real malloc: is everybody
 * there?
 */
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mallochooks/eventapi.h>

#include "matrix.h"

enum { DEPTH = 32 };

struct trace {
	int armed;
	int nr;
	void *frame[DEPTH];
};

static struct trace by_handler, by_malloc;

static void take(struct trace *trace)
{
	if (!trace->armed)
		return;
	trace->armed = 0;
	trace->nr = backtrace(trace->frame, DEPTH);
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
	size_t requested_size, size_t alignment, caller_t caller)
{
	(void)ptr, (void)modified_size, (void)requested_size, (void)alignment;
	(void)caller;
	take(&by_handler);
}

/* ---- the allocator ------------------------------------------------------ */

API void *malloc(size_t size);
API void *calloc(size_t n, size_t size);
API void *realloc(void *old, size_t size);
API void free(void *ptr);

static char arena[1 << 20] __attribute__((aligned(16)));
static size_t used;

void *malloc(size_t size)
{
	size_t start = used;

	take(&by_malloc);
	used += (size + 31) & ~(size_t)15;
	return used <= sizeof(arena) ? arena + start : NULL;
}

void *calloc(size_t n, size_t size)
{
	return malloc(n * size);	/* nothing in it is used twice */
}

/* What lies behind a chunk is the arena's too. */
void *realloc(void *old, size_t size)
{
	void *to = malloc(size);

	return to && old ? memcpy(to, old, size) : to;
}

void free(void *ptr)
{
	(void)ptr;
}

/* ---- who calls it ------------------------------------------------------- */

/* Within the object that defines malloc. */
static API void *inner(size_t size)
{
	char *ptr = malloc(size);

	if (ptr)
		*ptr = 1;
	return ptr;
}

int main(void);

/* Which frame from @i on returns into @function of @bytes?  -1: none. */
static int find(const struct trace *trace, int i, const void *function,
		size_t bytes)
{
	for (; i < trace->nr; i++)
		if ((uintptr_t)trace->frame[i] - (uintptr_t)function < bytes)
			return i;
	return -1;
}

static int is_whole(const struct trace *trace, const char *who)
{
	int at_inner = find(trace, 0, (const void *)inner, 64);
	int at_main = find(trace, at_inner + 1, (const void *)main, 512);

	if (at_inner > 0 && at_main == at_inner + 1)
		return 1;
	fprintf(stderr, "from %s: %d frames, inner is %d, main is %d\n", who,
		trace->nr, at_inner, at_main);
	return 0;
}

int main(void)
{
	void *first[DEPTH];
	int good;

	backtrace(first, DEPTH);	/* loads what it needs, which allocates */
	by_handler.armed = by_malloc.armed = 1;
	inner(10);
	good = is_whole(&by_handler, "the handler");
	good &= is_whole(&by_malloc, "malloc");
	return good ? 42 : 1;
}
