// SPDX-License-Identifier: MIT
/*
 * loader - a program of plain calls, and what dlopen can do to them
 *
 *	loader plain		NR births; prints how many the count layer saw
 *	loader late UNIT	dlopens a unit when threads are there already
 *	loader deepbind LIB	chunks to and from a library with its own scope
 *	loader dlmopen LIB	the same in a namespace of its own
 *	loader namespace UNIT	a unit in a namespace of its own
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <dlfcn.h>
#include <malloc.h>
#include "seen.h"
#include "totals.h"

#define NR	1000

struct seen seen;
/* Handlers of two tools, each of which counts here: loader_tool.c. */
unsigned long tool_one, tool_two;

static void plain(int nr)
{
	void *volatile ptr;

	while (nr--) {
		ptr = nr & 1 ? malloc(20) : calloc(4, 5);
		MUST(ptr);
		if (nr % 10 == 0)
			ptr = realloc(ptr, 0x100);
		free(ptr);
	}
}

#define PLAIN_BIRTHS	(NR + NR / 10)

static void *must_dlsym(void *handle, const char *name)
{
	void *found = dlsym(handle, name);

	if (!found)
		DIE(dlerror());
	return found;
}

static void *must_dlopen(const char *path, int flags)
{
	void *handle = dlopen(path, flags);

	if (!handle)
		DIE(dlerror());
	return handle;
}

struct family {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	void *(*aligned_alloc)(size_t, size_t);
	size_t (*malloc_usable_size)(void *);
};

static struct family family_of(void *handle)
{
	struct family family;

	family.malloc = must_dlsym(handle, "malloc");
	family.calloc = must_dlsym(handle, "calloc");
	family.realloc = must_dlsym(handle, "realloc");
	family.free = must_dlsym(handle, "free");
	family.aligned_alloc = must_dlsym(handle, "aligned_alloc");
	family.malloc_usable_size = must_dlsym(handle, "malloc_usable_size");
	return family;
}

/* Five births. */
static void use(const struct family *family)
{
	char *ptr = family->malloc(10);

	MUST(ptr);
	ptr = family->realloc(ptr, 3000);
	MUST(ptr && family->malloc_usable_size(ptr) >= 3000);
	memset(ptr, 1, 3000);
	family->free(ptr);
	ptr = family->calloc(10, 30);
	MUST(ptr && !ptr[299]);
	family->free(ptr);
	ptr = family->aligned_alloc(256, 512);
	MUST(ptr && (uintptr_t)ptr % 256 == 0);
	family->free(ptr);
	ptr = family->realloc(NULL, 40);
	MUST(ptr);
	family->free(ptr);
}

static unsigned long births_of(void *unit)
{
	const struct mallochooks_unit *desc = must_dlsym(unit,
							 "mallochooks_unit");
	const struct mallochooks_layer *count = find_layer(desc, "count");
	char text[512];
	int ends[2];
	ssize_t nr;

	MUST(count && !pipe(ends));
	count->dump(ends[1]);
	nr = read(ends[0], text, sizeof(text) - 1);
	MUST(nr > 0);
	text[nr] = 0;
	close(ends[0]);
	close(ends[1]);
	return number_before(text, " allocations,");
}

static struct family late;
static pthread_barrier_t loaded;

static void *old_thread(void *arg)
{
	pthread_barrier_wait(&loaded);
	use(&late);
	return arg;
}

/* The thread was there before the unit was, and goes after it was closed. */
static void open_late(const char *path)
{
	pthread_t thread[2];
	void *unit;
	int i;

	MUST(!pthread_barrier_init(&loaded, NULL, 3));
	for (i = 0; i < 2; i++)
		MUST(!pthread_create(&thread[i], NULL, old_thread, NULL));
	unit = must_dlopen(path, RTLD_NOW | RTLD_LOCAL);
	MUST(births_of(unit) == 0);
	late = family_of(unit);
	use(&late);
	MUST(births_of(unit) == 5);
	plain(NR);			/* stays libc's */
	MUST(births_of(unit) == 5);
	pthread_barrier_wait(&loaded);
	for (i = 0; i < 2; i++)
		MUST(!pthread_join(thread[i], NULL));
	MUST(births_of(unit) == 15);
	dlclose(unit);			/* -z nodelete */
	use(&late);
	puts("fine");
}

/* loader_lib.c: takes and gives chunks. */
static void exchange(void *lib)
{
	void *(*give)(size_t) = must_dlsym(lib, "lib_give");
	void (*take)(void *) = must_dlsym(lib, "lib_take");
	void *(*more)(void *, size_t) = must_dlsym(lib, "lib_more");
	unsigned long before = totals_now().calls;
	char *ptr;
	int i;

	for (i = 0; i < 100; i++) {
		ptr = give(100);
		MUST(ptr && malloc_usable_size(ptr) >= 100);
		ptr = realloc(ptr, 1000);
		MUST(ptr);
		ptr = more(ptr, 2000);
		MUST(ptr);
		free(ptr);
		ptr = malloc(50);
		MUST(ptr);
		take(ptr);
	}
	if (totals_now().found)
		MUST(totals_now().calls - before == 200);
	puts("fine");
}

static void in_namespace(const char *path, int is_unit)
{
	void *lib = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	unsigned long before, inside;
	struct family family;
	void (*run)(void);

	if (!lib)
		DIE(dlerror());
	before = totals_now().calls;
	if (is_unit) {
		family = family_of(lib);
		inside = births_of(lib);
		use(&family);
		MUST(births_of(lib) == inside + 5);
	} else {
		/* A second libc: chunks stay on their side. */
		run = (void (*)(void))must_dlsym(lib, "lib_run");
		run();
	}
	if (totals_now().found)
		MUST(totals_now().calls == before);
	plain(NR);
	if (totals_now().found)
		MUST(totals_now().calls == before + PLAIN_BIRTHS);
	puts("fine");
}

/* A failed dlsym allocates, and so does printf: not between the snapshots. */
static void tell(void)
{
	unsigned long *theirs = dlsym(RTLD_DEFAULT, "other_births");
	unsigned long others, one, two;
	struct totals before, after;

	before = totals_now();
	others = theirs ? *theirs : 0;
	one = tool_one;
	two = tool_two;
	plain(NR);
	after = totals_now();
	others = theirs ? *theirs - others : 0;
	one = tool_one - one;
	two = tool_two - two;
	printf("%lu", before.found ? after.calls - before.calls : PLAIN_BIRTHS);
	if (theirs)
		printf(" other %lu", others);
	if (one || two)
		printf(" tools %lu %lu", one, two);
	putchar('\n');
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "plain";
	if (!strcmp(how, "plain")) {
		tell();
	} else if (!strcmp(how, "late")) {
		open_late(argv[2]);
	} else if (!strcmp(how, "deepbind")) {
		exchange(must_dlopen(argv[2], RTLD_NOW | RTLD_DEEPBIND));
	} else {
		in_namespace(argv[2], !strcmp(how, "namespace"));
	}
	return 0;
}
