// SPDX-License-Identifier: MIT
/*
 * family_pool - a malloc of its own, as much of the family as HAVE_* says
 *
 * A chunk bears a mark in front of it, so that one that it never gave ends the
 * program.  Its aligned_alloc is as strict as C11, its memalign as careless as
 * can be.  INTERPOSER instead calls the next malloc and free and has no more.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MARK	0x706f6f6cu

#ifdef INTERPOSER
void *malloc(size_t size)
{
	static void *(*next)(size_t);

	if (!next)
		next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	return next(size);
}

void free(void *ptr)
{
	static void (*next)(void *);

	if (!next)
		next = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	next(ptr);
}
#else
static unsigned char memory[1 << 24];
static size_t nr_used = 4096;

struct head {
	size_t size;
	size_t mark;
};

static void *give(size_t alignment, size_t size)
{
	uintptr_t base = (uintptr_t)memory, at;
	struct head *head;

	if (size > sizeof(memory) / 4) {
		errno = ENOMEM;
		return NULL;
	}
	at = (base + nr_used + sizeof(*head) + alignment - 1) &
	     ~(uintptr_t)(alignment - 1);
	nr_used = at + size - base;
	head = (struct head *)at - 1;
	head->size = size;
	head->mark = MARK;
	return (void *)at;
}

static struct head *head_of(void *ptr)
{
	struct head *head = (struct head *)ptr - 1;

	if (head->mark != MARK)
		_exit(66);
	return head;
}

void *malloc(size_t size)
{
	return give(16, size);
}

void free(void *ptr)
{
	if (ptr)
		head_of(ptr)->mark = 0;
}

void *realloc(void *old, size_t size)
{
	void *ptr = give(16, size);
	size_t kept = old ? head_of(old)->size : 0;

	if (ptr && old) {
		memcpy(ptr, old, kept < size ? kept : size);
		free(old);
	}
	return ptr;
}

void *calloc(size_t n, size_t size)
{
	return give(16, n * size);	/* memory is never given twice */
}

#ifdef HAVE_MEMALIGN
void *memalign(size_t alignment, size_t size)
{
	return give(alignment > 4096 || alignment & (alignment - 1) ?
		    16 : alignment, size);
}
#endif

#ifdef HAVE_ALIGNED_ALLOC
void *aligned_alloc(size_t alignment, size_t size)
{
	if (!alignment || alignment & (alignment - 1) || size % alignment) {
		errno = EINVAL;
		return NULL;
	}
	return give(alignment, size);
}
#endif

#ifdef HAVE_POSIX_MEMALIGN
int posix_memalign(void **out, size_t alignment, size_t size)
{
	if (alignment % sizeof(void *) || alignment & (alignment - 1))
		return EINVAL;
	*out = give(alignment, size);
	return *out ? 0 : ENOMEM;
}
#endif

#ifdef HAVE_USABLE
size_t malloc_usable_size(void *ptr)
{
	return head_of(ptr)->size;
}
#endif
#endif
