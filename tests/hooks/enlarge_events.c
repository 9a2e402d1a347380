// SPDX-License-Identifier: MIT
/*
 * enlarge_events - an event client that takes 64 bytes behind each chunk
 */
#include <mallochooks/eventapi.h>

#define SHARE	64

size_t ALLOC_EVENT_IDENT(pre_alloc)(size_t size, size_t alignment,
				    caller_t caller)
{
	(void)alignment;
	(void)caller;
	return size + SHARE;
}

size_t ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(void *old_ptr,
						      size_t size,
						      caller_t caller)
{
	(void)old_ptr;
	(void)caller;
	return size + SHARE;
}

size_t ALLOC_EVENT_IDENT(post_usable_size)(void *ptr, size_t usable)
{
	(void)ptr;
	return usable < SHARE ? usable : usable - SHARE;
}
