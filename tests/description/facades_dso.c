// SPDX-License-Identifier: MIT
/*
 * facades_dso - facades in a shared object
 */
#include <stdlib.h>

#include "facades.h"

void *dso_alloc(size_t size)
{
	void *ptr = malloc(size);

	__asm__ volatile("" : "+r"(ptr));
	return ptr;
}

void *dso_chain(size_t size)
{
	void *ptr = dso_alloc(size);

	__asm__ volatile("" : "+r"(ptr));
	return ptr;
}
