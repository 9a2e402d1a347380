// SPDX-License-Identifier: MIT
/*
 * rewrite_other - a call from another object; with -DNAME=... of another name
 */
#include "rewrite_alloc.h"

#ifndef NAME
#define NAME	other_malloc
#endif

void *NAME(size_t bytes);

void *NAME(size_t bytes)
{
	char *ptr = malloc(bytes);

	if (ptr)
		*ptr = 0;
	return ptr;
}
