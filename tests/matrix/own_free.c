// SPDX-License-Identifier: MIT
/* own_free - free of own.c; apart from it, or a part of it */
#ifdef OWN_APART
#include <stdlib.h>

#include "matrix.h"

#define LOCAL	extern __attribute__((visibility("hidden")))
LOCAL unsigned long deaths, strangers;
LOCAL char arena[];
#endif

void free(void *ptr)
{
	if (!ptr)
		return;
	deaths++;
	strangers += (char *)ptr < arena || (char *)ptr >= arena + ARENA_BYTES;
}
