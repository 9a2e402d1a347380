// SPDX-License-Identifier: MIT
/* same - the allocator and who calls it, in one object */
#pragma GCC diagnostic ignored "-Waddress"	/* own_find is here for sure */
#include "own.c"
#include "calls.c"
