// SPDX-License-Identifier: MIT
/*
 * facade_x - the facades of facade.c: in a file of their own, as in programs
 */
#include <stdlib.h>

void *xmalloc(size_t size)
{
	void *ptr = malloc(size);

	if (!ptr)
		abort();
	return ptr;
}

void xfree(void *ptr)
{
	free(ptr);
	__asm__ volatile("" ::: "memory");	/* a call, and no jump */
}
