// SPDX-License-Identifier: MIT
/* big - print every allocation above 1 MB */
#include <stdio.h>
#include <mallochooks/eventapi.h>

#define LIMIT 1000000	/* bytes */

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
	(void)modified_size;
	(void)alignment;
	if (requested_size > LIMIT)
		fprintf(stderr, "%zu bytes at %p from %#lx\n", requested_size,
			ptr, (unsigned long)caller);
}
