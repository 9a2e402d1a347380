// SPDX-License-Identifier: MIT
/*
 * loader_lib - a library that is loaded with RTLD_DEEPBIND or dlmopen
 */
#include <stdlib.h>

void *lib_give(size_t size)
{
	return malloc(size);
}

void lib_take(void *ptr)
{
	free(ptr);
}

void *lib_more(void *ptr, size_t size)
{
	return realloc(ptr, size);
}

void lib_run(void)
{
	void *volatile ptr;
	int i;

	for (i = 0; i < 100; i++) {
		ptr = realloc(malloc(10), 100);
		if (!ptr)
			abort();
		free(ptr);
	}
}
