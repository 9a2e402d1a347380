// SPDX-License-Identifier: MIT
/*
 * seen - event handlers that count into the program's own "seen"
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <mallochooks/eventapi.h>
#include "seen.h"

static struct seen *seen;

/* errno is the program's: whatever a handler does to it is undone. */
#define ADD(field) do { \
	errno = 4711; \
	if (seen) \
		__atomic_fetch_add(&seen->field, 1, __ATOMIC_RELAXED); \
} while (0)

void ALLOC_EVENT_IDENT(post_init)(void)
{
	seen = dlsym(RTLD_DEFAULT, "seen");
	ADD(inits);
}

size_t ALLOC_EVENT_IDENT(pre_alloc)(size_t size, size_t alignment,
				    caller_t caller)
{
	(void)alignment;
	if (seen)
		seen->caller = caller;
	return size;
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
	(void)ptr;
	(void)modified_size;
	(void)requested_size;
	(void)alignment;
	(void)caller;
	ADD(allocs);
}

void ALLOC_EVENT_IDENT(post_alloc_failed)(size_t size, size_t alignment,
					  caller_t caller)
{
	(void)size;
	(void)alignment;
	(void)caller;
	ADD(failed);
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	(void)ptr;
	(void)caller;
	ADD(frees);
	return 0;
}

void ALLOC_EVENT_IDENT(post_nonnull_free)(void *ptr, caller_t caller)
{
	(void)ptr;
	(void)caller;
	ADD(freed);
}

size_t ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(void *old_ptr, size_t size,
						      caller_t caller)
{
	(void)old_ptr;
	(void)caller;
	ADD(reallocs);
	return size;
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old_ptr,
						     size_t modified_size,
						     caller_t caller,
						     void *new_ptr)
{
	(void)old_ptr;
	(void)modified_size;
	(void)caller;
	(void)new_ptr;
	ADD(realloced);
}

size_t ALLOC_EVENT_IDENT(post_usable_size)(void *ptr, size_t usable)
{
	(void)ptr;
	ADD(usables);
	return usable;
}
