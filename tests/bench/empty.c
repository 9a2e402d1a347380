// SPDX-License-Identifier: MIT
/*
 * empty - every handler of the event API, and each does nothing
 *
 * With -DTWO only the two that most tools have.
 */
#include <mallochooks/eventapi.h>

#pragma GCC diagnostic ignored "-Wunused-parameter"

#ifdef TWO
void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	return 0;
}
#else
#define MH_X(upper, ev, ret, params, absent) \
	ret ALLOC_EVENT_IDENT(ev) params { return absent; }
MH_EVENTS(MH_X)
#undef MH_X
#endif
