/* SPDX-License-Identifier: MIT */
/*
 * pools.h - allocators with names of their own, which count what is asked of them
 */
#ifndef POOLS_H
#define POOLS_H

#include <stddef.h>
#include <stdint.h>

/* By number: what the allocator counts, and what its handlers do. */
enum { BUMP, LIST, NOSIZE, ODD, INNER, OBSTACK, STATIC, LIBC, NR_POOLS };

struct tally {
	long births;
	long deaths;
	long reallocs;
	long failed;
	long bytes;		/* of births, as asked for */
	long of_none;		/* frees of NULL */
	uintptr_t caller;	/* of the last birth */
	uintptr_t death_caller;
	size_t alignment;
};

extern struct tally real[NR_POOLS];

struct pool {
	char *room;
	size_t used;
	size_t bytes;
};

/* pools.c: gives memory and takes none back. */
void *bump_alloc(struct pool *pool, size_t size);

/* A free list; knows sizes. */
void *list_alloc(struct pool *pool, size_t size);
void *list_zalloc(struct pool *pool, size_t n, size_t size);
void *list_realloc(struct pool *pool, void *ptr, size_t size);
int list_free(struct pool *pool, void *ptr);
size_t list_size(struct pool *pool, void *ptr);

/* Sizes are ints, and nobody knows them. */
void *nosize_get(int size);
char *nosize_put(void *ptr, const char *why);

/* More arguments than registers. */
void *odd_alloc(long a, long b, long c, long d, int e, size_t alignment,
		struct pool *pool, size_t n, size_t size);
long odd_free(long a, long b, long c, long d, long e, long f,
	      struct pool *pool, void *ptr);

/* pools_inner.c: carves out of list_alloc(). */
void *inner_alloc(struct pool *outer, size_t size);
void inner_free(void *ptr);

/* glibc's obstacks, which are macros: functions around them. */
void *ob_alloc(size_t size);
void ob_free(void *ptr);

/* pools_static.c: a static sp_alloc() and who calls it. */
void *sp_use(size_t size);

/* Is this a call from inside the two that carve? */
int is_inner(uintptr_t caller);

#endif
