// SPDX-License-Identifier: MIT
/*
 * nested_main - ask about the chunks of pools, and of pools in pools
 *
 * Says "all well", or what is not.  "wait": says where some objects are, and waits
 * to be asked from outside.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

#include "pools.h"

#define CALLING	__attribute__((section("callers"), noinline))

static int wrong;

/*
 * What an address lies in, from inside out: "ident offset bytes" of each, with
 * commas between.
 */
static const char *answer(const void *address)
{
	static char line[400];
	struct mallochooks_object object;
	size_t at = 0;
	int error = mallochooks_query(address, &object);

	line[0] = '\0';
	while (!error && at < sizeof(line) - 100) {
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%s%s %ld %ld",
				       at ? "," : "", object.ident,
				       (long)((const char *)address -
					      (char *)object.base),
				       (long)object.requested);
		error = mallochooks_query_outer(&object, &object);
	}
	if (error != -ENOENT)
		snprintf(line, sizeof(line), "error %d", error);
	return line;
}

__attribute__((format(printf, 3, 4)))
static void is(const char *what, const void *address, const char *wanted, ...)
{
	char line[400];
	va_list args;
	const char *got;

	va_start(args, wanted);
	vsnprintf(line, sizeof(line), wanted, args);
	va_end(args);
	got = answer(address);
	if (!strcmp(got, line))
		return;
	printf("%s: \"%s\", and the index says \"%s\"\n", what, line, got);
	wrong = 1;
}

static void true_is(const char *what, int right)
{
	if (!right)
		printf("%s\n", what);
	wrong |= !right;
}

static struct pool new_pool(size_t bytes)
{
	return (struct pool){ malloc(bytes), 0, bytes };
}

CALLING static void ask_bump(void)
{
	struct pool pool = new_pool(1 << 22), again;
	char *first, *last;

	first = bump_alloc(&pool, 10);
	for (int i = 0; i < 1000; i++)
		bump_alloc(&pool, 33);
	last = bump_alloc(&pool, 100);
	is("bump, first", first, "bump 0 10,libc 0 4194304");
	is("bump, inside", first + 9, "bump 9 10,libc 9 4194304");
	is("bump, one past", first + 10, "libc 10 4194304");
	is("bump, last", last + 99, "bump 99 100,libc %ld 4194304",
	   (long)(last + 99 - pool.room));
	is("bump, one past the last", last + 100, "libc %ld 4194304",
	   (long)(last + 100 - pool.room));
	/* a reset: nobody tells */
	pool.used = 0;
	first = bump_alloc(&pool, 1000);
	is("bump, reset", first + 999, "bump 999 1000,libc 999 4194304");
	is("bump, one past that", first + 1000, "libc 1000 4194304");
	is("bump, after it", first + 1032, "bump 8 33,libc 1032 4194304");
	free(pool.room);
	is("bump, of a pool that was freed", first, "%s", "");
	is("bump, last of such a one", last, "%s", "");
	again = new_pool(1 << 22);
	is("bump, in a new pool", again.room, "libc 0 4194304");
	first = bump_alloc(&again, 1);
	is("bump, in it", first, "bump 0 1,libc 0 4194304");
	is("bump, behind it", first + 1000, "libc 1000 4194304");
	free(again.room);
}

CALLING static void ask_list(void)
{
	struct pool pool = new_pool(1 << 23);
	char *a = list_alloc(&pool, 100), *b = list_zalloc(&pool, 7, 11), *inner;
	struct mallochooks_object object;
	long slab;

	is("list", a + 99, "list 99 100,libc 115 8388608");
	is("list, usable", a + 111, "list 111 100,libc 127 8388608");
	is("list, one past", a + 112, "libc 128 8388608");
	a = list_realloc(&pool, a, 50);
	is("list, shrunk", a, "list 0 50,libc 16 8388608");
	list_free(&pool, b);
	is("list, freed", b, "libc %ld 8388608", (long)(b - pool.room));
	inner = inner_alloc(&pool, 24);
	slab = inner - pool.room;
	is("inner", inner + 23, "inner 23 24,list 23 4096,libc %ld 8388608",
	   slab + 23);
	true_is("a tag", !mallochooks_set_tag(inner, 5) &&
		!mallochooks_query(inner, &object) && object.tag == 5 &&
		!mallochooks_query_outer(&object, &object) && !object.tag &&
		object.flags == (MALLOCHOOKS_POOL | 1 << 8));
	is("inner, one past", inner + 24, "list 24 4096,libc %ld 8388608",
	   slab + 24);
	list_free(&pool, inner);
	is("inner, without its pool", inner, "libc %ld 8388608", slab);
	free(pool.room);
	is("inner, without any", inner, "%s", "");
}

CALLING static void ask_obstack(void)
{
	char *first = ob_alloc(10), *second = ob_alloc(20);
	struct mallochooks_object object;
	long chunk;

	mallochooks_query(first, &object);
	mallochooks_query_outer(&object, &object);
	chunk = (long)object.requested;
	true_is("obstack's chunk is not malloc's", !strcmp(object.ident, "libc"));
	is("obstack", first + 9, "obstack 9 10,libc %ld %ld",
	   (long)(first + 9 - (char *)object.base), chunk);
	ob_free(second);
	is("obstack, freed", second, "libc %ld %ld",
	   (long)(second - (char *)object.base), chunk);
	ob_alloc(5);
	ob_alloc(30);
	is("obstack, others there", second + 4, "obstack 4 5,libc %ld %ld",
	   (long)(second + 4 - (char *)object.base), chunk);
	ob_free(NULL);
	is("obstack, freed in all", first, "%s", "");
}

CALLING static void ask_nosize(void)
{
	char *ptr = nosize_get(20);

	is("nosize", ptr + 19, "nosize 19 20");
	is("nosize, one past", ptr + 20, "%s", "");
	nosize_put(ptr, "");
	is("nosize, put", ptr, "%s", "");
}

struct counts {
	long nr[2];	/* of pools' objects, of others */
};

static int count(const struct mallochooks_object *object, void *arg)
{
	struct counts *counts = arg;

	counts->nr[!strcmp(object->ident, "libc")]++;
	return 0;
}

CALLING static void walk(void)
{
	struct pool pool = new_pool(1 << 22);
	struct counts before = { { 0 } }, with = { { 0 } }, after = { { 0 } };

	mallochooks_walk(count, &before);
	for (int i = 0; i < 100; i++)
		bump_alloc(&pool, 17);
	mallochooks_walk(count, &with);
	free(pool.room);
	mallochooks_walk(count, &after);
	true_is("a walk does not visit all", with.nr[0] == before.nr[0] + 100);
	true_is("a walk visits what is gone", after.nr[0] == before.nr[0] &&
		after.nr[1] == before.nr[1] - 1);
}

CALLING static void wait_for_questions(void)
{
	struct pool pool = new_pool(1 << 23), old = new_pool(1 << 22);
	char *alone = nosize_get(20), *inner = inner_alloc(&pool, 24), *gone;
	char *odd;

	gone = bump_alloc(&old, 1);
	free(old.room);
	mallochooks_set_tag(inner, 5);
	ob_alloc(5);
	odd = ob_alloc(20);
	printf("odd %ld\n", (long)(odd + 19));
	printf("inner %ld\nslab %ld\nalone %ld\ngone %ld\nready %d\n",
	       (long)(inner + 3), (long)(inner + 30), (long)alone, (long)gone,
	       (int)getpid());
	fflush(stdout);
	pause();
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(how, "wait")) {
		wait_for_questions();
		return 0;
	}
	ask_bump();
	ask_list();
	if (strcmp(how, "alone"))	/* malloc is hooked in the program alone */
		ask_obstack();
	ask_nosize();
	walk();
	if (!wrong)
		printf("all well\n");
	return wrong;
}
