// SPDX-License-Identifier: MIT
/*
 * calls - call every function of the family, from everywhere, and compare with
 * what was seen
 *
 *	prog WORD=NUMBER...
 *
 *	here, own, tail, dso, libc, dlsym
 *		is a call of malloc seen from this object, that which defines
 *		malloc, a shared object, libc, or by what dlsym() gives?  2: it is
 *		one of another malloc.  Without the word it is not made.
 *	array	is who called reallocarray known? else it is libc's
 *	inits	calls of post_init
 *	usable	what malloc_usable_size says of 100 bytes, by which an allocator
 *		is known
 *
 * Each call is made in a section of its own, whose bounds the linker knows: the
 * caller that a handler was told must lie in there.  SMALL: own.c without
 * aligned functions, and with NO_USABLE nobody asks for malloc_usable_size;
 * jemalloc has no pvalloc (NO_PVALLOC).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "matrix.h"

#ifndef SMALL
#define SMALL 0
#endif

#define ANOTHERS	2

/* Weak: not every cell has them. */
const struct own *own_find(void) __attribute__((weak));
const struct outer *outer_find(void) __attribute__((weak));

/* Weak: a static program would get half of libc.a for these. */
void *dlsym(void *handle, const char *name) __attribute__((weak));
int dladdr(const void *address, Dl_info *info) __attribute__((weak));

static struct {
	int here, own, tail, dso, libc, dlsym, array, inits, usable;
} told = { -1, -1, -1, -1, -1, -1, 1, 0, 0 };

static const struct own *own;
static struct seen *seen;
static int failures;

static void expect(int good, const char *name, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", name, what);
	failures++;
}

static void read_words(int argc, char **argv)
{
	static const struct {
		const char *name;
		int *value;
	} words[] = {
		{ "here", &told.here }, { "own", &told.own },
		{ "tail", &told.tail }, { "dso", &told.dso },
		{ "libc", &told.libc }, { "dlsym", &told.dlsym },
		{ "array", &told.array }, { "inits", &told.inits },
		{ "usable", &told.usable },
	};

	for (int i = 1; i < argc; i++) {
		char *is = strchr(argv[i], '=');
		unsigned int w = 0, nr = sizeof(words) / sizeof(words[0]);

		while (is && w < nr &&
		       (strncmp(argv[i], words[w].name, is - argv[i]) ||
			words[w].name[is - argv[i]]))
			w++;
		if (is && w < nr)
			*words[w].value = atoi(is + 1);
		else
			expect(0, argv[i], "is no word for this");
	}
}

/* What one call did; nothing is printed in between, which might allocate. */
struct change {
	unsigned long births, deaths, own_births, own_deaths;
};

static struct change since(const struct change *before)
{
	return (struct change){
		seen->births - before->births, seen->deaths - before->deaths,
		(own ? *own->births : 0) - before->own_births,
		(own ? *own->deaths : 0) - before->own_deaths,
	};
}

static struct change start(void)
{
	struct change none = { 0, 0, 0, 0 };

	seen->caller = 0;
	return since(&none);
}

/* Births and deaths that came, and as many that were seen, if they should be. */
static void came(const struct change *before, const char *name, int is_seen,
		 unsigned long births, unsigned long deaths)
{
	struct change change = since(before);

	if (is_seen == ANOTHERS)
		births = deaths = 0;
	expect(change.births == births * is_seen, name, "births seen");
	expect(change.deaths == deaths * is_seen, name, "deaths seen");
	if (!own)
		return;
	expect(change.own_births == births, name, "real births");
	expect(change.own_deaths == deaths, name, "real deaths");
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
		struct change before = start(); \
		\
		do_##name(old); \
		judge(#name, births, deaths, &before, \
		      (uintptr_t)__start_call_##name, \
		      (uintptr_t)__stop_call_##name); \
		return result; \
	}

static void *volatile result;

static void judge(const char *name, unsigned long births, unsigned long deaths,
		  const struct change *before, uintptr_t start, uintptr_t end)
{
	struct change change = since(before);
	int is_realloc = !strncmp(name, "realloc", 7);
	unsigned long inner = own && is_realloc;

	if (told.own < 0 && is_realloc)		/* an unknown one's */
		expect(change.births >= births * told.here, name, "births seen");
	else
		expect(change.births == births * told.here +
		       inner * (told.own > 0), name, "births seen");
	expect(change.deaths == deaths * told.here + inner * (told.own > 0),
	       name, "deaths seen");
	if (own) {
		expect(change.own_births == births + inner, name,
		       "real births");
		expect(change.own_deaths == deaths + inner, name,
		       "real deaths");
	}
	if ((births || deaths) && told.here &&
	    (told.array || strcmp(name, "reallocarray")))
		expect(seen->caller > start && seen->caller <= end, name,
		       "the caller is another place");
}

static void *aligned;

CALL(malloc, 1, 0, malloc(100))
CALL(calloc, 1, 0, calloc(10, 30))
CALL(realloc, 1, 0, realloc(old, 5000))
CALL(reallocarray, 1, 0, reallocarray(old, 70, 100))
CALL(free, 0, 1, (free(old), 0))
#ifndef NO_USABLE
CALL(malloc_usable_size, 0, 0, malloc_usable_size(old))

static void check_usable(void *ptr)
{
	size_t usable = (size_t)check_malloc_usable_size(ptr);

	if (SMALL)
		expect(!usable, "malloc_usable_size", "a stranger's answer");
	else
		expect(usable >= 100, "malloc_usable_size", "too small");
	if (told.usable && usable != (size_t)told.usable) {
		expect(0, "malloc_usable_size", "another allocator's");
		fprintf(stderr, "wanted %d, got %zu\n", told.usable, usable);
	}
}
#else
static void check_usable(void *ptr)
{
	(void)ptr;
}
#endif

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
	result = memalign(256, 300);
	expect(!result && errno == ENOMEM, "memalign", "stub");
	expect(posix_memalign(&aligned, 256, 300) == ENOMEM, "posix_memalign",
	       "stub");
	expect(!aligned_alloc(256, 256) && errno == ENOMEM, "aligned_alloc",
	       "stub");
#else
	(void)aligned;
#endif
}
#endif

static void check_family(void)
{
	char *ptr = check_malloc(NULL);

	check_usable(ptr);
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
	errno = 0;
	result = malloc(SIZE_MAX / 2);
	expect(!result && errno == ENOMEM, "malloc", "ENOMEM");
}

/* ---- who else calls ----------------------------------------------------- */

/* A pointer to the function, which the compiler cannot see through. */
static void *(*volatile pointed)(size_t) = malloc;

/*
 * Calls malloc by @pointer.
 * Return: the chunk, if it is for our free.
 */
static void *by_pointer(void *(*pointer)(size_t), const char *name, int is_seen)
{
	struct change before = start();
	void *ptr = pointer(10);

	came(&before, name, is_seen, 1, 0);
	return is_seen == ANOTHERS ? NULL : ptr;
}

/* Is it in this short function? */
static void near(const void *function, const char *name, int is_seen)
{
	expect(is_seen != 1 || seen->caller - (uintptr_t)function < 128, name,
	       "the caller is another place");
}

static void from_own(void)
{
	struct change before;
	void *ptr, *other;
	long is;

	ptr = by_pointer(own->call, "own object", told.own);
	near((void *)own->call, "own object", told.own);
	free(ptr);
	free(by_pointer(own->tail, "own object, tail call", told.tail));
	free(by_pointer(own->pointer, "own object's pointer", told.own));
	expect(told.own != 1 || !told.here || own->pointer == pointed,
	       "own object", "unequal pointers");
	ptr = malloc(8);
	other = malloc(8);
	before = start();
	is = own->live(ptr, other, 3, 4, 5, 6, 1.5, 2.5);
	came(&before, "own object, live registers", told.own, 0, 2);
	if (is != OWN_LIVE) {
		expect(0, "own object", "lost registers");
		fprintf(stderr, "wanted %d, got %ld\n", OWN_LIVE, is);
	}
}

static void from_dso(void)
{
	const struct outer *outer = outer_find ? outer_find() : NULL;
	void *ptr;

	if (!outer) {
		expect(0, "shared object", "is not there");
		return;
	}
	ptr = by_pointer(outer->call, "shared object", told.dso);
	near((void *)outer->call, "shared object", told.dso);
	free(ptr);
	free(by_pointer(outer->pointer, "shared object's pointer", told.dso));
	expect(told.dso != 1 || !told.here || outer->pointer == pointed,
	       "shared object", "unequal pointers");
}

static char *(*volatile duplicate)(const char *text) = strdup;

static void from_libc(void)
{
	struct change before = start();
	char *text = duplicate("text");
	Dl_info caller, libc;

	came(&before, "libc", told.libc, 1, 0);
	if (told.libc != 1)
		;
	else if (told.dlsym < 0)
		near((void *)strdup, "libc", 1);
	else
		expect(dladdr((void *)seen->caller, &caller) &&
		       dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"),
			      &libc) &&
		       caller.dli_fbase == libc.dli_fbase, "libc",
		       "the caller is another place");
	if (told.libc != ANOTHERS)
		free(text);
}

static void from_dlsym(void)
{
	void *(*pointer)(size_t) =
		(void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc");

	if (!pointer) {
		expect(0, "dlsym", "does not find it");
		return;
	}
	free(by_pointer(pointer, "dlsym", told.dlsym));
	expect(told.dlsym != 1 || !told.here || pointer == pointed, "dlsym",
	       "unequal pointers");
}

/* From the first call to the last: nothing was missed, nothing told twice. */
static void check_total(const struct change *before)
{
	struct change change = since(before);

	if (!own || told.here <= 0 || told.own <= 0 || told.tail <= 0 ||
	    !told.dso || !told.libc || !told.dlsym)
		return;
	expect(change.births == change.own_births, "all", "births");
	expect(change.deaths == change.own_deaths, "all", "deaths");
}

int check(int argc, char **argv)
{
	struct change before;

	seen = seen_find();
	own = own_find ? own_find() : NULL;
	read_words(argc, argv);
	printf("calls of");
	before = start();
	expect(seen->inits == told.inits, "post_init", "calls before main");
	check_family();
	free(by_pointer(pointed, "pointer", told.here));
	printf(" here");
	if (told.own >= 0) {
		from_own();
		printf(" own");
	}
	if (told.dso >= 0) {
		from_dso();
		printf(" dso");
	}
	if (told.libc >= 0) {
		from_libc();
		printf(" libc");
	}
	if (told.dlsym >= 0) {
		from_dlsym();
		printf(" dlsym");
	}
	if (own)
		expect(!*own->strangers, "free", "strangers' chunks");
	check_total(&before);
	printf("\n");
	return failures;
}
