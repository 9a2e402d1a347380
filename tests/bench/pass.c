// SPDX-License-Identifier: MIT
/*
 * pass - a layer that only hands on, to make a stack deeper
 */
#include <mallochooks/layer.h>

HOOK_OBSERVING
HOOK_PASS(malloc)
HOOK_PASS(calloc)
HOOK_PASS(free)
HOOK_PASS(realloc)
HOOK_PASS(memalign)
HOOK_PASS(malloc_usable_size)
HOOK_PASS(zeroed)
