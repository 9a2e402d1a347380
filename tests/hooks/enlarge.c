// SPDX-License-Identifier: MIT
/*
 * enlarge - a client's layer that takes 64 bytes behind each chunk for itself
 *
 * They are written when the chunk is born and looked at when it dies: a
 * program that was told a usable size too big, or a layer that lost a call,
 * ends in a trap.  A chunk of no bytes that realloc made has no share.
 */
#include <mallochooks/layer.h>

#define SHARE	64
#define MARK	0x3c

HOOK_TRANSFORMING
HOOK_NOT_ZEROED

static unsigned char *share_of(void *ptr)
{
	size_t size = NEXT_IDENT(malloc_usable_size)(ptr);

	return size < SHARE ? NULL : (unsigned char *)ptr + size - SHARE;
}

/* What only our share made too big fails as what was asked for would. */
static void *mark(void *ptr)
{
	unsigned char *at = ptr ? share_of(ptr) : NULL;
	int i;

	if (!ptr)
		errno = ENOMEM;
	for (i = 0; at && i < SHARE; i++)
		at[i] = MARK;
	return ptr;
}

static void look(void *ptr)
{
	unsigned char *at = ptr ? share_of(ptr) : NULL;
	int i;

	for (i = 0; at && i < SHARE; i++)
		if (at[i] != MARK)
			__builtin_trap();
}

/* 0 where the sum would wrap: with ENOMEM, as if it had been asked for. */
static size_t enlarged(size_t size)
{
	if (size <= SIZE_MAX - SHARE)
		return size + SHARE;
	errno = ENOMEM;
	return 0;
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	size_t sum = enlarged(size);

	return sum ? mark(NEXT_IDENT(malloc)(sum, caller)) : NULL;
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	size_t sum = enlarged(size);

	return sum ? mark(NEXT_IDENT(memalign)(alignment, sum, caller)) : NULL;
}

void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	size_t sum = old && !size ? 0 : enlarged(size);
	void *ptr;

	look(old);
	if (!sum && size)
		return NULL;
	ptr = NEXT_IDENT(realloc)(old, sum, caller);
	return sum ? mark(ptr) : ptr;
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	look(ptr);
	NEXT_IDENT(free)(ptr, caller);
}

size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	size_t size = NEXT_IDENT(malloc_usable_size)(ptr);

	return size < SHARE ? size : size - SHARE;
}
