/* SPDX-License-Identifier: MIT */
/*
 * matrix.h - what the objects of a cell know of each other
 *
 * Everybody finds the others by one function, never by their data: in a cell
 * they may lie in the same object, the same output, or a shared object.
 */
#ifndef TESTS_MATRIX_H
#define TESTS_MATRIX_H

#include <stddef.h>
#include <stdint.h>

/* What gcc inlines or clones nobody can hook; what else it knows is enough. */
#if defined(__clang__)
#define API	__attribute__((noinline))
#else
#define API	__attribute__((noinline, noclone))
#endif

#define ARENA_BYTES	(8 << 20)	/* of own.c */

/**
 * struct seen - what the handlers were told, by seen.c
 * @caller:	the last one
 * @inits:	calls of post_init
 */
struct seen {
	unsigned long births, deaths;
	uintptr_t caller;
	int inits;
};

#ifdef __cplusplus
extern "C" {
#endif

struct seen *seen_find(void);
extern struct seen mx_seen;		/* of a preload, for find.c */

/**
 * struct own - the allocator own.c
 * @births:	calls that came to it and gave a chunk
 * @deaths:	calls of its free(), but for NULL
 * @strangers:	chunks among them that it has not given
 * @call:	calls malloc
 * @tail:	the same, as the last thing it does
 * @pointer:	malloc, as its object knows it
 * @live:	frees two chunks while many registers are in use; a fixed number
 */
struct own {
	const unsigned long *births, *deaths, *strangers;
	void *(*call)(size_t bytes);
	void *(*tail)(size_t bytes);
	void *(*pointer)(size_t bytes);
	long (*live)(void *one, void *two, long a, long b, long c, long d,
		     double x, double y);
};

/* What live() says of 3, 4, 5, 6, 1.5 and 2.5. */
#define OWN_LIVE	177

const struct own *own_find(void);

/**
 * struct outer - another shared object, outer.c
 * @call:	calls malloc
 * @pointer:	malloc, as that object knows it
 */
struct outer {
	void *(*call)(size_t bytes);
	void *(*pointer)(size_t bytes);
};

const struct outer *outer_find(void);

int check(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
