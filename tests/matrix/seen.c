// SPDX-License-Identifier: MIT
/*
 * seen - event handlers: how many births and deaths, and who called last
 *
 * Each formats floating point, for which the stack has to be aligned and which
 * changes many registers.
 */
#include <stdio.h>
#include <mallochooks/eventapi.h>

#include "matrix.h"

struct seen mx_seen;

struct seen *seen_find(void)
{
	return &mx_seen;
}

static void note(unsigned long *count, caller_t caller)
{
	static volatile double number = 1.25;
	char text[32];

	snprintf(text, sizeof(text), "%.2f", ++*count * number);
	mx_seen.caller = text[0] ? caller : 0;
}

void ALLOC_EVENT_IDENT(post_init)(void)
{
	mx_seen.inits++;
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
	size_t requested_size, size_t alignment, caller_t caller)
{
	(void)ptr, (void)modified_size, (void)requested_size, (void)alignment;
	note(&mx_seen.births, caller);
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old,
	size_t modified_size, caller_t caller, void *now)
{
	(void)old, (void)modified_size;
	if (now)
		note(&mx_seen.births, caller);
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	(void)ptr;
	note(&mx_seen.deaths, caller);
	return 0;
}
