// SPDX-License-Identifier: MIT
/*
 * pools_seen - event handlers of all the allocators of pools.h
 *
 * PLAY=enlarge: each chunk gets 64 bytes more.  PLAY=cancel: nothing is freed.
 */
#include <stdlib.h>
#include <string.h>
#include <mallochooks/eventapi.h>

#include "pools.h"

__attribute__((visibility("default"))) struct tally seen[NR_POOLS];

/* Not in a constructor: a preload's may come before there is an environment. */
static int plays(const char *what)
{
	const char *play = getenv("PLAY");

	return play && !strcmp(play, what);
}

#define HANDLER	__attribute__((visibility("hidden"), used))
#define HANDLERS(name, who) \
HANDLER size_t name##_pre_alloc(size_t size, size_t alignment, caller_t caller) \
{ \
	seen[who].alignment = alignment; \
	(void)caller; \
	return size + (plays("enlarge") ? 64 : 0); \
} \
HANDLER void name##_post_successful_alloc(void *ptr, size_t modified, \
		size_t size, size_t alignment, caller_t caller) \
{ \
	(void)ptr; \
	(void)modified; \
	(void)alignment; \
	seen[who].births++; \
	seen[who].bytes += (long)size; \
	seen[who].caller = caller; \
} \
HANDLER void name##_post_alloc_failed(size_t size, size_t alignment, \
				      caller_t caller) \
{ \
	(void)size; \
	(void)alignment; \
	(void)caller; \
	seen[who].failed++; \
} \
HANDLER int name##_pre_nonnull_free(void *ptr, caller_t caller) \
{ \
	(void)ptr; \
	seen[who].death_caller = caller; \
	seen[who].deaths++; \
	return plays("cancel"); \
} \
HANDLER size_t name##_pre_nonnull_nonzero_realloc(void *old, size_t size, \
						  caller_t caller) \
{ \
	(void)old; \
	(void)caller; \
	return size + (plays("enlarge") ? 64 : 0); \
} \
HANDLER void name##_post_nonnull_nonzero_realloc(void *old, size_t modified, \
						 caller_t caller, void *ptr) \
{ \
	(void)old; \
	(void)modified; \
	(void)caller; \
	if (ptr) \
		seen[who].reallocs++; \
	else \
		seen[who].failed++; \
} \
HANDLER size_t name##_post_usable_size(void *ptr, size_t usable) \
{ \
	(void)ptr; \
	return usable - (plays("enlarge") && usable > 64 ? 64 : 0); \
}

HANDLERS(ev_bump, BUMP)
HANDLERS(ev_list, LIST)
HANDLERS(ev_nosize, NOSIZE)
HANDLERS(ev_odd, ODD)
HANDLERS(ev_inner, INNER)
HANDLERS(ev_obstack, OBSTACK)
HANDLERS(ev_static, STATIC)
HANDLERS(ev_libc, LIBC)
