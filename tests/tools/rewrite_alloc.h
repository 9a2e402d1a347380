/* SPDX-License-Identifier: MIT */
/*
 * rewrite_alloc.h - what an allocator, its hooks and a program of test_rewrite share
 */
#ifndef TESTS_REWRITE_ALLOC_H
#define TESTS_REWRITE_ALLOC_H

#include <stddef.h>

#ifndef API
#define API
#endif

enum {
	OP_MALLOC, OP_FREE, OP_CALLOC, OP_REALLOC, OP_MEMALIGN,
	OP_POSIX_MEMALIGN, OP_ALIGNED_ALLOC, OP_USABLE, NR_OPS
};

struct alloc_table {
	void *(*alloc)(size_t bytes);
	void (*release)(void *ptr);
};

extern struct alloc_table alloc_table;
const struct alloc_table *alloc_fixed(void);
void *(*alloc_pointer(void))(size_t);
long alloc_calls(int op);
long alloc_live(long a, long b, long c, long d, long e, double x, double y);
void *alloc_tail(size_t bytes);
void *alloc_here(size_t bytes);
void alloc_maybe_free(void *ptr, int wanted);

API void *malloc(size_t bytes);
API void free(void *ptr);
API void *calloc(size_t n, size_t each);
API void *realloc(void *old, size_t bytes);
API void *memalign(size_t align, size_t bytes);
API int posix_memalign(void **out, size_t align, size_t bytes);
API void *aligned_alloc(size_t align, size_t bytes);
API size_t malloc_usable_size(void *ptr);

/* The hooks: calls that came, the last caller, and whether to make trouble. */
long hook_calls(int op);
void *hook_caller(void);
int hook_is(void *(*alloc)(size_t));
void hook_arm(void);

#endif
