// SPDX-License-Identifier: MIT
/*
 * pools_static - an allocator that only its own file can call
 */
#include "pools.h"

static __attribute__((noinline)) void *sp_alloc(size_t size)
{
	static char room[4096];
	static size_t used;

	if (size > sizeof(room) - used)
		return NULL;
	used += size;
	real[STATIC].births++;
	real[STATIC].bytes += (long)size;
	return room + used - size;
}

__attribute__((section("callers"))) void *sp_use(size_t size)
{
	char *ptr = sp_alloc(size);

	return ptr ? ptr + (*ptr = 0) : NULL;
}
