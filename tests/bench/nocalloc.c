// SPDX-License-Identifier: MIT
/*
 * nocalloc - a layer without calloc, which the composer makes of its malloc
 */
#include <mallochooks/layer.h>

HOOK_OBSERVING
HOOK_PASS(malloc)
HOOK_PASS(free)
HOOK_PASS(realloc)
HOOK_PASS(memalign)
HOOK_PASS(malloc_usable_size)
