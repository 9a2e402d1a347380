// SPDX-License-Identifier: MIT
/*
 * loader_tool - one of two tools made from one archive
 *
 * -DCOUNTER=tool_one or tool_two: the program's variable that births go to.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mallochooks/eventapi.h>

#define QUOTE_(name)	#name
#define QUOTE(name)	QUOTE_(name)

static unsigned long *counter;

void ALLOC_EVENT_IDENT(post_init)(void)
{
	counter = dlsym(RTLD_DEFAULT, QUOTE(COUNTER));
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
	if (counter)
		__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old_ptr,
						     size_t modified_size,
						     caller_t caller,
						     void *new_ptr)
{
	(void)old_ptr;
	(void)modified_size;
	(void)caller;
	if (counter && new_ptr)
		__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}
