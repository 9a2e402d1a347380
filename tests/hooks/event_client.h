/* SPDX-License-Identifier: MIT */
/*
 * event_client.h - a client of the event layer that writes everything down
 *
 * Included once by each test of the event layer.  Every handler disturbs
 * errno.
 */
#ifndef TESTS_EVENT_CLIENT_H
#define TESTS_EVENT_CLIENT_H

#include <mallochooks/eventapi.h>
#include "fake.h"

enum {
#define MH_X(upper, ev, ret, params, absent) EVENT_##ev,
	MH_EVENTS(MH_X)
#undef MH_X
	NR_EVENTS
};

static const char *const event_names[] = {
#define MH_X(upper, ev, ret, params, absent) #ev,
	MH_EVENTS(MH_X)
#undef MH_X
};

static struct {
	size_t share;			/* bytes added to each request */
	size_t answer;			/* of the pres, instead of that */
	int cancel;			/* answer of pre_nonnull_free */
	void (*inside)(void *ptr);	/* called in each handler, once deep */
	int in_event;			/* only in this one, from 1; 0: in all */
} client;

static __thread int deep;		/* within client.inside() */

static void happened(int event, void *ptr)
{
	fake_events_seen[event]++;
	if (client.inside && !deep &&
	    (!client.in_event || client.in_event == event + 1)) {
		deep = 1;
		client.inside(ptr);
		deep = 0;
	}
	errno = 999;
}

void ALLOC_EVENT_IDENT(post_init)(void)
{
	journal("post_init");
	happened(EVENT_post_init, NULL);
}

size_t ALLOC_EVENT_IDENT(pre_alloc)(size_t size, size_t alignment,
				    caller_t caller)
{
	journal("pre_alloc %zu a%zu c%lx", size, alignment, (long)caller);
	happened(EVENT_pre_alloc, NULL);
	return client.answer ? client.answer : size + client.share;
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
	journal("post_successful_alloc %s %zu %zu a%zu c%lx", chunk_name(ptr),
		modified_size, requested_size, alignment, (long)caller);
	happened(EVENT_post_successful_alloc, ptr);
}

void ALLOC_EVENT_IDENT(post_alloc_failed)(size_t size, size_t alignment,
					  caller_t caller)
{
	journal("post_alloc_failed %zu a%zu c%lx", size, alignment,
		(long)caller);
	happened(EVENT_post_alloc_failed, NULL);
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	journal("pre_nonnull_free %s c%lx", chunk_name(ptr), (long)caller);
	happened(EVENT_pre_nonnull_free, ptr);
	return client.cancel;
}

void ALLOC_EVENT_IDENT(post_nonnull_free)(void *ptr, caller_t caller)
{
	journal("post_nonnull_free %s c%lx", chunk_name(ptr), (long)caller);
	happened(EVENT_post_nonnull_free, NULL);
}

size_t ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(void *old_ptr,
						      size_t size,
						      caller_t caller)
{
	journal("pre_nonnull_nonzero_realloc %s %zu c%lx", chunk_name(old_ptr),
		size, (long)caller);
	happened(EVENT_pre_nonnull_nonzero_realloc, old_ptr);
	return client.answer ? client.answer : size + client.share;
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old_ptr,
						     size_t modified_size,
						     caller_t caller,
						     void *new_ptr)
{
	journal("post_nonnull_nonzero_realloc %s %zu c%lx %s",
		chunk_name(old_ptr), modified_size, (long)caller,
		chunk_name(new_ptr));
	happened(EVENT_post_nonnull_nonzero_realloc, new_ptr);
}

size_t ALLOC_EVENT_IDENT(post_usable_size)(void *ptr, size_t usable)
{
	journal("post_usable_size %s %zu", chunk_name(ptr), usable);
	happened(EVENT_post_usable_size, ptr);
	return usable - client.share;
}

static inline void every_event_was_raised(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < NR_EVENTS; i++)
		if (!fake_events_seen[i])
			fail_msg("no test raised %s of eventapi.h",
				 event_names[i]);
}

#define MALLOC(size)		HOOK_IDENT(malloc)(size, 1)
#define CALLOC(n, size)		HOOK_IDENT(calloc)(n, size, 2)
#define REALLOC(ptr, size)	HOOK_IDENT(realloc)(ptr, size, 3)
#define MEMALIGN(align, size)	HOOK_IDENT(memalign)(align, size, 4)
#define FREE(ptr)		HOOK_IDENT(free)(ptr, 5)
#define USABLE(ptr)		HOOK_IDENT(malloc_usable_size)(ptr)

/* A chunk named p0 by a client that enlarges by 16; the journal is empty. */
static inline void *start_with_chunk(size_t size)
{
	void *ptr;

	client.share = 16;
	HOOK_IDENT(init)();
	HOOK_IDENT(live)();
	ptr = MALLOC(size);
	CHECK(ptr);
	journal_clear();
	return ptr;
}

#endif
