// SPDX-License-Identifier: MIT
/*
 * facades_seen - the caller of the last birth and death, of each thread
 */
#include <mallochooks/eventapi.h>

static __thread __attribute__((tls_model("initial-exec"))) struct {
	caller_t birth, death;
	long births, deaths;
} seen;

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified,
					      size_t size, size_t alignment,
					      caller_t caller)
{
	(void)ptr;
	(void)modified;
	(void)size;
	(void)alignment;
	seen.birth = caller;
	seen.births++;
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	(void)ptr;
	seen.death = caller;
	seen.deaths++;
	return 0;
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old, size_t modified,
						     caller_t caller, void *ptr)
{
	(void)old;
	(void)modified;
	(void)ptr;
	seen.birth = caller;
}

__attribute__((visibility("default"), used))
void facades_seen(unsigned long *birth, unsigned long *death, long *births,
		  long *deaths)
{
	*birth = seen.birth;
	*death = seen.death;
	*births = seen.births;
	*deaths = seen.deaths;
	seen.births = 0;
	seen.deaths = 0;
}
