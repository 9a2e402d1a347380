// SPDX-License-Identifier: MIT
/*
 * loader_other - an interposer as people write them, which counts its births
 *
 * Without a flag it asks dlsym(RTLD_NEXT) at the first call.  -DIFUNC: its
 * malloc and calloc are chosen by IFUNC resolvers, and call libc by its own
 * names.  -DVERSIONED: the same without IFUNC, for a version script.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

unsigned long other_births;

#if defined(IFUNC) || defined(VERSIONED)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);

#define real_malloc	__libc_malloc
#define real_calloc	__libc_calloc
#define real_realloc	__libc_realloc
#define real_free	__libc_free
#else
static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);

#define ASK(name) \
	(next_##name ? next_##name : (next_##name = dlsym(RTLD_NEXT, #name)))
#define real_malloc	ASK(malloc)
#define real_calloc	ASK(calloc)
#define real_realloc	ASK(realloc)
#define real_free	ASK(free)
#endif

static void *born(void *ptr)
{
	if (ptr)
		__atomic_fetch_add(&other_births, 1, __ATOMIC_RELAXED);
	return ptr;
}

void *realloc(void *old, size_t size)
{
	return born(real_realloc(old, size));
}

void free(void *ptr)
{
	real_free(ptr);
}

#ifdef IFUNC
static void *my_malloc(size_t size)
{
	return born(real_malloc(size));
}

static void *my_calloc(size_t n, size_t size)
{
	return born(real_calloc(n, size));
}

static void *(*choose_malloc(void))(size_t)
{
	return my_malloc;
}

static void *(*choose_calloc(void))(size_t, size_t)
{
	return my_calloc;
}

void *malloc(size_t size) __attribute__((ifunc("choose_malloc")));
void *calloc(size_t n, size_t size) __attribute__((ifunc("choose_calloc")));
#else
void *malloc(size_t size)
{
	return born(real_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return born(real_calloc(n, size));
}
#endif
