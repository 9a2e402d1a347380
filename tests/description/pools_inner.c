// SPDX-License-Identifier: MIT
/*
 * pools_inner - a pool in chunks of another pool, and obstacks in chunks of
 * malloc's
 */
#include <obstack.h>
#include <stdlib.h>

#include "pools.h"

#define INSIDE	__attribute__((section("inner"), noinline))
#define SLAB	4096

extern const char __start_inner[], __stop_inner[];

int is_inner(uintptr_t caller)
{
	return caller > (uintptr_t)__start_inner &&
	       caller <= (uintptr_t)__stop_inner;
}

INSIDE void *inner_alloc(struct pool *outer, size_t size)
{
	static char *slab;
	static size_t used = SLAB;
	char *ptr;

	if (size > SLAB) {
		real[INNER].failed++;
		return NULL;
	}
	if (used + size > SLAB) {
		slab = list_alloc(outer, SLAB);
		if (!slab)
			return NULL;
		used = 0;
	}
	ptr = slab + used;
	used += (size + 15) & ~(size_t)15;
	real[INNER].births++;
	real[INNER].bytes += (long)size;
	return ptr;
}

void inner_free(void *ptr)
{
	real[INNER].deaths += ptr != NULL;
}

/* ---- obstacks -------------------------------------------------------------------- */

#define obstack_chunk_alloc	malloc
#define obstack_chunk_free	free

static struct obstack stack;
static int began;

INSIDE void *ob_alloc(size_t size)
{
	void *ptr;

	if (!began) {
		obstack_init(&stack);
		obstack_alignment_mask(&stack) = 0;	/* as for strings */
	}
	began = 1;
	ptr = obstack_alloc(&stack, size);
	real[OBSTACK].births++;
	real[OBSTACK].bytes += (long)size;
	return ptr;
}

/* All that is younger goes with it; of no chunk: everything. */
void ob_free(void *ptr)
{
	obstack_free(&stack, ptr);
	if (ptr)
		real[OBSTACK].deaths++;
	else
		real[OBSTACK].of_none++;
	began = ptr != NULL;
}
