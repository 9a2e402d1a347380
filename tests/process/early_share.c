// SPDX-License-Identifier: MIT
/*
 * early_share - a transforming client: 16 bytes of its own behind each chunk
 *
 * Writes there at birth and looks at death, so a chunk whose birth it missed
 * ends the program.  No libc, no thread-local, no relocated datum: the boot
 * phase is its phase too.
 */
#include <mallochooks/eventapi.h>

#define SHARE	16
#define MARK	0x6b686d3173686172u

static unsigned char *share_of(void *ptr)
{
	return (unsigned char *)ptr + ALLOC_EVENT_IDENT(usable)(ptr) - SHARE;
}

static void put_mark(void *ptr)
{
	uint64_t mark = MARK ^ (uintptr_t)ptr;

	__builtin_memcpy(share_of(ptr), &mark, sizeof(mark));
}

static void want_mark(void *ptr)
{
	uint64_t mark;

	__builtin_memcpy(&mark, share_of(ptr), sizeof(mark));
	if (mark != (MARK ^ (uintptr_t)ptr))
		__builtin_trap();
}

size_t ALLOC_EVENT_IDENT(pre_alloc)(size_t size, size_t alignment,
				    caller_t caller)
{
	(void)alignment;
	(void)caller;
	return size + SHARE;
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
	(void)modified_size;
	(void)requested_size;
	(void)alignment;
	(void)caller;
	put_mark(ptr);
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	(void)caller;
	want_mark(ptr);
	return 0;
}

size_t ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(void *old_ptr, size_t size,
						      caller_t caller)
{
	(void)caller;
	want_mark(old_ptr);
	return size + SHARE;
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old_ptr,
						     size_t modified_size,
						     caller_t caller,
						     void *new_ptr)
{
	(void)modified_size;
	(void)caller;
	put_mark(new_ptr ? new_ptr : old_ptr);
}

size_t ALLOC_EVENT_IDENT(post_usable_size)(void *ptr, size_t usable)
{
	want_mark(ptr);
	return usable - SHARE;
}
