// SPDX-License-Identifier: MIT
/*
 * lacks - a program whose own malloc lacks the functions that others are made of
 *
 * Its chunks are nobody else's: free and realloc abort where one is not theirs,
 * and libc's do where one is.  -DWHOLE: it has these functions as well.
 *
 * Says how often each of its own was called.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char memory[1 << 20];
static size_t used;
static int reallocs, frees;

#define OURS	0x6f757273u

struct head {
	uint64_t magic;
	uint64_t size;
};

void *malloc(size_t size)
{
	struct head *head = (struct head *)(memory + used);

	used += sizeof(*head) + ((size + 15) & ~(size_t)15);
	if (used > sizeof(memory))
		abort();
	head->magic = OURS;
	head->size = size;
	return head + 1;
}

static struct head *head_of(void *ptr)
{
	struct head *head = (struct head *)ptr - 1;

	if ((char *)ptr < memory || (char *)ptr > memory + used ||
	    head->magic != OURS)
		abort();
	return head;
}

void free(void *ptr)
{
	if (!ptr)
		return;
	frees++;
	head_of(ptr)->magic = 0;
}

void *realloc(void *old, size_t size)
{
	void *ptr = malloc(size);
	size_t nr = old ? head_of(old)->size : 0;

	reallocs++;
	if (old)
		memcpy(ptr, old, nr < size ? nr : size);
	return ptr;
}

void *calloc(size_t n, size_t size)
{
	return memset(malloc(n * size), 0, n * size);
}

#ifdef WHOLE
void *reallocarray(void *old, size_t n, size_t size)
{
	if (n > SIZE_MAX / size)
		return NULL;
	reallocs += 10;
	return realloc(old, n * size);
}
#endif

void free_sized(void *ptr, size_t size) __attribute__((weak));
void free_aligned_sized(void *ptr, size_t alignment, size_t size)
	__attribute__((weak));

int main(void)
{
	char *ptr = malloc(10), *more;

	strcpy(ptr, "kept");
	more = reallocarray(ptr, 10, 100);
	if (!more || strcmp(more, "kept"))
		return 1;
	if (reallocarray(more, SIZE_MAX / 2, 4))
		return 2;
	more = reallocarray(NULL, 3, 3);
	frees = 0;
	if (free_sized)
		free_sized(more, 9);
	if (free_aligned_sized)
		free_aligned_sized(malloc(64), 64, 64);
	printf("%d reallocs, %d frees\n", reallocs, frees);
	return 0;
}
