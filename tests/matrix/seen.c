// SPDX-License-Identifier: MIT
/*
 * seen - event handlers: how many births and deaths, and who called last
 */
#include <mallochooks/eventapi.h>

unsigned long seen_births, seen_deaths;
uintptr_t seen_caller;
int seen_init;

void ALLOC_EVENT_IDENT(post_init)(void)
{
	seen_init++;
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
	size_t requested_size, size_t alignment, caller_t caller)
{
	(void)ptr, (void)modified_size, (void)requested_size, (void)alignment;
	seen_births++;
	seen_caller = caller;
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old,
	size_t modified_size, caller_t caller, void *now)
{
	(void)old, (void)modified_size;
	seen_births += now != NULL;
	seen_caller = caller;
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	(void)ptr;
	seen_deaths++;
	seen_caller = caller;
	return 0;
}
