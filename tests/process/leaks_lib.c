// SPDX-License-Identifier: MIT
/*
 * leaks_lib - a library that allocates
 */
#include <stdlib.h>

void *leaks_lib_make(size_t size)
{
	void *p = malloc(size);

	__asm__ volatile("" : : : "memory");
	return p;
}
