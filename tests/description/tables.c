// SPDX-License-Identifier: MIT
/*
 * tables.c - a pool in chunks of malloc's
 */
#include <stdlib.h>

#include "tables.h"

#define POOL_BYTES	65536

struct pool {
	size_t used;
	char room[POOL_BYTES];
};

struct pool *pool_new(void)
{
	return calloc(1, sizeof(struct pool));
}

void *pool_alloc(struct pool *pool, size_t size)
{
	char *at = pool->room + pool->used;

	size = (size + 15) & ~(size_t)15;
	if (size > POOL_BYTES - pool->used)
		return NULL;
	pool->used += size;
	return at;
}
