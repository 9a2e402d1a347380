// SPDX-License-Identifier: MIT
/*
 * rewrite_main - does every call land in the hooks, and none twice?
 */
#define _GNU_SOURCE
#ifndef STATIC
#include <dlfcn.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "rewrite_alloc.h"

void *lib_malloc(size_t bytes);
void *other_malloc(size_t bytes);

static int failures;

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: not hooked as it should be\n", what);
	failures++;
}

/* One hooked call of an operation each time. */
static long before[NR_OPS];

static void start(void)
{
	for (int op = 0; op < NR_OPS; op++)
		before[op] = hook_calls(op);
}

static void came(int op, long nr, const char *what)
{
	check(hook_calls(op) - before[op] == nr, what);
	start();
}

static void from_everywhere(void)
{
	void *ptr, *volatile sink;

	start();
	ptr = malloc(10);
	came(OP_MALLOC, 1, "this object");
	free(ptr);
	came(OP_FREE, 1, "this object, free");
	sink = other_malloc(10);
	came(OP_MALLOC, 1, "another object");
	sink = lib_malloc(10);
	came(OP_MALLOC, 1, "a library");
	sink = strdup("text");
	came(OP_MALLOC, 1, "libc");
	(void)sink;
}

static void from_within(void)
{
	long sum;

	start();
	alloc_here(10);
	came(OP_MALLOC, 1, "its own object");
#ifdef HAVE_THUNKS
	check((uintptr_t)hook_caller() - (uintptr_t)alloc_here < 256,
	      "its own object, the caller");
#endif
	alloc_tail(10);
	came(OP_MALLOC, 1, "its own object, tail call");
	alloc_maybe_free(NULL, 1);
	came(OP_FREE, 1, "its own object, conditional tail call");
	calloc(2, 3);
	check(hook_calls(OP_CALLOC) - before[OP_CALLOC] == 1, "calloc");
#ifndef MAY_INLINE
	came(OP_MALLOC, 1, "within calloc");
#endif
	start();
	free(realloc(malloc(10), 100));
	check(hook_calls(OP_REALLOC) - before[OP_REALLOC] == 1, "realloc");
#ifndef MAY_INLINE
	check(hook_calls(OP_FREE) - before[OP_FREE] == 2, "free in realloc");
	came(OP_MALLOC, 2, "malloc in realloc");
#endif
	sum = alloc_live(11, 12, 13, 14, 15, 1.5, 2.5);
	check(sum == 3593, "registers");
	if (sum != 3593)
		fprintf(stderr, "%ld\n", sum);
}

static void by_pointer(void)
{
	start();
	alloc_table.alloc(10);
	came(OP_MALLOC, 1, "pointer in the data");
	alloc_fixed()->alloc(10);
	came(OP_MALLOC, 1, "constant pointer");
	alloc_fixed()->release(NULL);
	came(OP_FREE, 1, "constant pointer to free");
	alloc_pointer()(10);
	came(OP_MALLOC, 1, "pointer from code");
	check(hook_is(alloc_table.alloc), "equal pointers, data");
	check(hook_is(alloc_fixed()->alloc), "equal pointers, constant");
	check(hook_is(alloc_pointer()), "equal pointers, code");
#ifndef STATIC
	check(dlsym(RTLD_DEFAULT, "malloc") == (void *)alloc_pointer(),
	      "equal pointers, dlsym");
	start();
	((void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc"))(10);
	came(OP_MALLOC, 1, "pointer from dlsym");
#endif
}

static void the_others(void)
{
	void *ptr = NULL;

	start();
	posix_memalign(&ptr, 64, 10);
	came(OP_POSIX_MEMALIGN, 1, "posix_memalign");
	check(malloc_usable_size(ptr) >= 10, "size");
	came(OP_USABLE, 1, "malloc_usable_size");
	check((uintptr_t)aligned_alloc(128, 128) % 128 == 0, "alignment");
	came(OP_ALIGNED_ALLOC, 1, "aligned_alloc");
}

int main(void)
{
	static const char *const names[] = {
		"malloc", "free", "calloc", "realloc", "memalign",
		"posix_memalign", "aligned_alloc", "malloc_usable_size",
	};

	hook_arm();
	from_everywhere();
	from_within();
	by_pointer();
	the_others();
	for (int op = 0; op < NR_OPS; op++) {
		if (alloc_calls(op) == hook_calls(op))
			continue;
		fprintf(stderr, "%s: %ld calls, %ld hooked\n", names[op],
			alloc_calls(op), hook_calls(op));
#ifndef MAY_INLINE
		failures++;
#endif
	}
	return failures > 0;
}
