// SPDX-License-Identifier: MIT
/*
 * shift - a layer that hands out addresses inside its chunks
 *
 * So a chunk that is given back to another than the one who made it ends the
 * program: the layer looks for its mark before each address, and the allocator
 * knows nothing of an address in the midst of a chunk.
 */
#include <mallochooks/layer.h>

HOOK_TRANSFORMING
HOOK_NOT_ZEROED
HOOK_EMULATE(calloc)

#define FRONT	64
#define MARK	0x6d686b7368696674u

struct front {
	uint64_t mark;
	char *base;
};

static struct front *front_of(void *ptr)
{
	struct front *front = (struct front *)ptr - 1;

	if (front->mark != MARK)
		__builtin_trap();
	return front;
}

static void *shift(char *base, size_t by)
{
	struct front *front;

	if (!base)
		return NULL;
	front = (struct front *)(base + by) - 1;
	front->mark = MARK;
	front->base = base;
	return base + by;
}

/* Larger than any allocator gives, so that it refuses. */
static size_t sum(size_t size, size_t front)
{
	return size > PTRDIFF_MAX ? size : size + front;
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	return shift(NEXT_IDENT(malloc)(sum(size, FRONT), caller), FRONT);
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	const size_t front = alignment > FRONT ? alignment : FRONT;

	return shift(NEXT_IDENT(memalign)(alignment, sum(size, front), caller),
		     front);
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	struct front *front = front_of(ptr);

	front->mark = 0;
	NEXT_IDENT(free)(front->base, caller);
}

size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	char *base = front_of(ptr)->base;

	return NEXT_IDENT(malloc_usable_size)(base) -
	       (size_t)((char *)ptr - base);
}

void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	size_t usable;
	char *ptr;

	if (!old)
		return HOOK_IDENT(malloc)(size, caller);
	if (!size) {
		HOOK_IDENT(free)(old, caller);
		return NULL;
	}
	usable = HOOK_IDENT(malloc_usable_size)(old);
	ptr = HOOK_IDENT(malloc)(size, caller);
	if (!ptr)
		return NULL;
	for (size_t i = 0; i < size && i < usable; i++)
		ptr[i] = ((char *)old)[i];
	HOOK_IDENT(free)(old, caller);
	return ptr;
}
