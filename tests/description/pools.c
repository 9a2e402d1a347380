// SPDX-License-Identifier: MIT
/*
 * pools - allocators with names of their own: see pools.h
 *
 * No function of theirs calls another, so that each call is one call.  What they
 * are told besides sizes they expect to be what the caller said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

#define LIMIT	(1 << 20)	/* bytes, of one chunk */

struct tally real[NR_POOLS];

static void expect(int right, const char *what)
{
	if (right)
		return;
	printf("%s: the arguments did not arrive\n", what);
	fflush(stdout);
	_Exit(3);
}

static void *carve(struct pool *pool, size_t alignment, size_t size)
{
	size_t at = (pool->used + alignment - 1) & ~(alignment - 1);

	if (at > pool->bytes || size > pool->bytes - at)
		return NULL;
	pool->used = at + size;
	return pool->room + at;
}

static void *born(int who, void *ptr, size_t size)
{
	if (!ptr) {
		real[who].failed++;
		return NULL;
	}
	real[who].births++;
	real[who].bytes += (long)size;
	return ptr;
}

static int given(struct pool *pool, void *ptr)
{
	return (char *)ptr >= pool->room && (char *)ptr < pool->room + pool->used;
}

void *bump_alloc(struct pool *pool, size_t size)
{
	expect(pool->bytes == 1 << 22, "bump_alloc");
	return born(BUMP, size > LIMIT ? NULL : carve(pool, 16, size), size);
}

/* ---- the list: {size, next} before each chunk --------------------------------- */

struct head {
	size_t size;
	struct head *next;
};

static struct head *freed;

static void *from_list(struct pool *pool, size_t size)
{
	struct head **at = &freed, *head;

	if (size > LIMIT)
		return NULL;
	while (*at && (*at)->size < size)
		at = &(*at)->next;
	head = *at;
	if (head) {
		*at = head->next;
		return head + 1;
	}
	head = carve(pool, 16, sizeof(*head) + ((size + 15) & ~(size_t)15));
	if (!head)
		return NULL;
	head->size = (size + 15) & ~(size_t)15;
	return head + 1;
}

static void to_list(void *ptr)
{
	struct head *head = (struct head *)ptr - 1;

	head->next = freed;
	freed = head;
}

void *list_alloc(struct pool *pool, size_t size)
{
	expect(pool->bytes == 1 << 23, "list_alloc");
	return born(LIST, from_list(pool, size), size);
}

void *list_zalloc(struct pool *pool, size_t n, size_t size)
{
	void *ptr = from_list(pool, n * size);

	expect(pool->bytes == 1 << 23 && (n == 7 || n == 1), "list_zalloc");
	if (ptr)
		memset(ptr, 0, n * size);
	return born(LIST, ptr, n * size);
}

void *list_realloc(struct pool *pool, void *ptr, size_t size)
{
	struct head *head = (struct head *)ptr - 1;
	void *moved;

	expect(pool->bytes == 1 << 23, "list_realloc");
	if (ptr && size && size <= head->size) {
		real[LIST].reallocs++;
		return ptr;
	}
	moved = from_list(pool, size);
	if (!moved) {
		real[LIST].failed++;
		return NULL;
	}
	if (ptr) {
		memcpy(moved, ptr, head->size < size ? head->size : size);
		to_list(ptr);
		real[LIST].reallocs++;
	} else {
		born(LIST, moved, size);
	}
	return moved;
}

int list_free(struct pool *pool, void *ptr)
{
	expect(pool->bytes == 1 << 23, "list_free");
	if (!ptr) {
		real[LIST].of_none++;
		return -22;
	}
	expect(given(pool, ptr), "list_free's chunk");
	to_list(ptr);
	real[LIST].deaths++;
	return 5;
}

size_t list_size(struct pool *pool, void *ptr)
{
	expect(pool->bytes == 1 << 23, "list_size");
	return ptr ? ((struct head *)ptr - 1)->size : 77;
}

/* ---- without sizes -------------------------------------------------------------- */

void *nosize_get(int size)
{
	static char room[1 << 20];
	static struct pool pool = { room, 0, sizeof(room) };

	expect(size >= 0, "nosize_get");
	return born(NOSIZE, size > LIMIT ? NULL : carve(&pool, 16, (size_t)size),
		    (size_t)size);
}

char *nosize_put(void *ptr, const char *why)
{
	if (ptr)
		real[NOSIZE].deaths++;
	else
		real[NOSIZE].of_none++;
	return (char *)(uintptr_t)why + 1;
}

/* ---- many arguments --------------------------------------------------------------- */

void *odd_alloc(long a, long b, long c, long d, int e, size_t alignment,
		struct pool *pool, size_t n, size_t size)
{
	expect(a == 1 && b == -2 && c == 3 && d == -4 && e == -5, "odd_alloc");
	real[ODD].alignment = alignment;
	real[ODD].reallocs = (long)n;	/* not multiplied by anybody */
	return born(ODD, n * size > LIMIT ? NULL :
		    carve(pool, alignment ? alignment : 1, n * size), n * size);
}

long odd_free(long a, long b, long c, long d, long e, long f,
	      struct pool *pool, void *ptr)
{
	expect(a == 1 && b == -2 && c == 3 && d == -4 && e == 5 && f == -6 &&
	       given(pool, ptr), "odd_free");
	real[ODD].deaths++;
	return -123456789012;
}
