// SPDX-License-Identifier: MIT
/*
 * late_lib - a library whose destructor runs when the hooks' own has run
 *
 * Compiled with -DCALLS=n: that many births come so late.
 */
#include <stdlib.h>

#ifndef CALLS
#define CALLS 1000
#endif

static char *kept;

__attribute__((constructor)) static void start(void)
{
	kept = malloc(50);
}

void late_library(void)
{
	kept[0] = 1;
}

__attribute__((destructor)) static void stop(void)
{
	char *volatile ptr;
	int i;

	free(kept);
	for (i = 0; i < CALLS; i++) {
		ptr = i & 1 ? calloc(3, 5) : malloc(10);
		if (!ptr)
			abort();
		ptr[0] = 1;
		free(ptr);
	}
}
