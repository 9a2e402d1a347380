// SPDX-License-Identifier: MIT
/*
 * calls - call every function of the family and compare with what was seen
 *
 * Each call is made in a section of its own, whose bounds the linker knows: the
 * caller that a handler was told must lie in there.  WANT_OWN: the allocator is
 * own.c, and counts too.  WANT_USABLE: what malloc_usable_size says of 100 bytes
 * tells whose malloc it is.  SMALL: own.c without aligned functions; jemalloc has
 * no pvalloc (NO_PVALLOC).
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef WANT_OWN
#define WANT_OWN 0
#endif
#ifndef WANT_USABLE
#define WANT_USABLE 0
#endif
#ifndef SMALL
#define SMALL 0
#endif

extern unsigned long seen_births, seen_deaths;
extern uintptr_t seen_caller;
extern int seen_init;
#if WANT_OWN
extern unsigned long own_births, own_deaths;
#else
static unsigned long own_births, own_deaths;
#endif

static int failures;

static void expect(int good, const char *name, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", name, what);
	failures++;
}

/* What one call did; nothing is printed in between, which might allocate. */
struct change {
	unsigned long births, deaths, own_births, own_deaths;
};

static struct change since(const struct change *before)
{
	return (struct change){
		seen_births - before->births, seen_deaths - before->deaths,
		own_births - before->own_births,
		own_deaths - before->own_deaths,
	};
}

/* CALL(name, births, deaths, expression): its value is kept in @result. */
#define CALL(name, births, deaths, expression) \
	extern const char __start_call_##name[], __stop_call_##name[]; \
	static __attribute__((noinline, section("call_" #name))) \
	void do_##name(void *old) \
	{ \
		(void)old; \
		errno = 0; \
		result = (void *)(uintptr_t)(expression); \
		__asm__ volatile("" ::: "memory"); \
	} \
	static void *check_##name(void *old) \
	{ \
		struct change before = { 0, 0, 0, 0 }; \
		\
		before = since(&before); \
		seen_caller = 0; \
		do_##name(old); \
		before = since(&before); \
		judge(#name, births, deaths, before, \
		      (uintptr_t)__start_call_##name, \
		      (uintptr_t)__stop_call_##name); \
		return result; \
	}

static void *volatile result;

static void judge(const char *name, unsigned long births, unsigned long deaths,
		  struct change change, uintptr_t start, uintptr_t end)
{
	expect(change.births == births, name, "births seen");
	expect(change.deaths == deaths, name, "deaths seen");
	if (WANT_OWN) {
		expect(change.own_births == births, name, "real births");
		expect(change.own_deaths == deaths, name, "real deaths");
	}
	if (births || deaths)
		expect(seen_caller > start && seen_caller <= end, name,
		       "the caller is another place");
}

static void *aligned;

CALL(malloc, 1, 0, malloc(100))
CALL(calloc, 1, 0, calloc(10, 30))
CALL(realloc, 1, 0, realloc(old, 5000))
CALL(reallocarray, 1, 0, reallocarray(old, 70, 100))
CALL(free, 0, 1, (free(old), 0))
CALL(malloc_usable_size, 0, 0, malloc_usable_size(old))
#if !SMALL
CALL(memalign, 1, 0, memalign(64, 100))
CALL(aligned_alloc, 1, 0, aligned_alloc(128, 256))
CALL(posix_memalign, 1, 0, posix_memalign(&aligned, 256, 300))
CALL(valloc, 1, 0, valloc(10))
#ifndef NO_PVALLOC
CALL(pvalloc, 1, 0, pvalloc(10))
#endif
CALL(free_of_aligned, 0, 1, (free(old), 0))

static void check_aligned(void)
{
	void *ptr = check_memalign(NULL);

	expect(ptr && !((uintptr_t)ptr & 63), "memalign", "alignment");
	check_free_of_aligned(ptr);
	ptr = check_aligned_alloc(NULL);
	expect(ptr && !((uintptr_t)ptr & 127), "aligned_alloc", "alignment");
	check_free_of_aligned(ptr);
	expect(!check_posix_memalign(NULL) && !((uintptr_t)aligned & 255),
	       "posix_memalign", "alignment");
	check_free_of_aligned(aligned);
	ptr = check_valloc(NULL);
	expect(ptr && !((uintptr_t)ptr & 4095), "valloc", "alignment");
	check_free_of_aligned(ptr);
#ifndef NO_PVALLOC
	check_free_of_aligned(check_pvalloc(NULL));
#endif
}
#else
/* A static program that calls them would not link without hooks either. */
static void check_aligned(void)
{
#ifdef STUB
	errno = 0;
	expect(!memalign(256, 300) && errno == ENOMEM, "memalign", "stub");
	expect(posix_memalign(&aligned, 256, 300) == ENOMEM, "posix_memalign",
	       "stub");
	expect(!aligned_alloc(256, 256) && errno == ENOMEM, "aligned_alloc",
	       "stub");
#else
	(void)aligned;
#endif
}
#endif

/* A pointer to the function, which the compiler cannot see through. */
static void *(*volatile pointed)(size_t) = malloc;

int check(void);
int check(void)
{
	char *ptr = check_malloc(NULL);
	size_t usable, births;

	expect(seen_init == 1, "post_init", "was not called once before main");
	usable = (size_t)check_malloc_usable_size(ptr);
	if (SMALL)
		expect(!usable, "malloc_usable_size", "a stranger's answer");
	else
		expect(usable >= 100, "malloc_usable_size", "too small");
	if (WANT_USABLE && usable != WANT_USABLE) {
		expect(0, "malloc_usable_size", "another allocator's");
		fprintf(stderr, "wanted %d, got %zu\n", WANT_USABLE, usable);
	}
	memset(ptr, 'x', 100);
	ptr = check_realloc(ptr);
	expect(ptr && ptr[0] == 'x' && ptr[99] == 'x', "realloc", "contents");
	ptr = check_reallocarray(ptr);
	expect(ptr && ptr[0] == 'x' && ptr[99] == 'x', "reallocarray",
	       "contents");
	check_free(ptr);
	ptr = check_calloc(NULL);
	for (int i = 0; ptr && i < 300; i++)
		expect(!ptr[i], "calloc", "not zero");
	check_free(ptr);
	check_aligned();

	births = seen_births;
	free(pointed(10));
	expect(seen_births == births + 1, "pointer", "not seen");
	errno = 0;
	expect(!malloc(SIZE_MAX / 2) && errno == ENOMEM, "malloc", "ENOMEM");
	printf("every call was made\n");
	return failures;
}
