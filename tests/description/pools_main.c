// SPDX-License-Identifier: MIT
/*
 * pools_main - call the allocators of pools.h, and hold what their handlers saw
 * against what they counted themselves
 *
 * Says "all well", or what is not.  PLAY as for pools_seen.c.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

#define CALLING	__attribute__((section("callers"), noinline))
#define ROUNDS	100

extern const char __start_callers[], __stop_callers[];

static struct tally *seen;
static int wrong, enlarges, cancels;
static _Alignas(4096) char bump_room[1 << 22], list_room[1 << 23];
static _Alignas(4096) char odd_room[1 << 22];
static struct pool bump = { bump_room, 0, sizeof(bump_room) };
static struct pool list = { list_room, 0, sizeof(list_room) };
static struct pool odd = { odd_room, 0, sizeof(odd_room) };

static void same(const char *who, const char *what, long wanted, long got)
{
	if (wanted == got)
		return;
	printf("%s: %s: %ld, and the hooks say %ld\n", who, what, wanted, got);
	wrong = 1;
}

static void is(const char *what, int right)
{
	if (right)
		return;
	printf("%s\n", what);
	wrong = 1;
}

static int is_calling(uintptr_t caller)
{
	return caller > (uintptr_t)__start_callers &&
	       caller <= (uintptr_t)__stop_callers;
}

/* All that handlers saw is what the functions did. */
static void compare(const char *who, int i, long extra_bytes)
{
	same(who, "births", real[i].births, seen[i].births);
	same(who, "deaths", cancels ? 0 : seen[i].deaths, real[i].deaths);
	same(who, "bytes", real[i].bytes - extra_bytes, seen[i].bytes);
	same(who, "failures", real[i].failed, seen[i].failed);
}

static long extra(long nr)
{
	return enlarges ? 64 * nr : 0;
}

CALLING static void call_bump(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		char *ptr = bump_alloc(&bump, (size_t)i * 10);

		is("bump_alloc gave nothing", ptr != NULL);
		memset(ptr, 1, (size_t)i * 10);
		is("bump: caller", is_calling(seen[BUMP].caller));
	}
	is("bump_alloc gave too much", !bump_alloc(&bump, 1 << 21));
	same("bump", "births", ROUNDS, seen[BUMP].births);
	compare("bump", BUMP, extra(ROUNDS));
}

CALLING static void call_list(void)
{
	char *ptr = list_alloc(&list, 100), *more;
	long births = 3, reallocs = 1;

	is("list: caller", is_calling(seen[LIST].caller));
	memset(ptr, 'x', 100);
	is("list_size", list_size(&list, ptr) == 112);
	more = list_realloc(&list, ptr, 1000);
	is("list_realloc lost it", more != ptr && more[0] == 'x' &&
	   more[99] == 'x');
	is("list_realloc gave too much", !list_realloc(&list, more, 1 << 21));
	if (!cancels) {
		is("list_free's result", list_free(&list, more) == 5);
		is("list: caller of free", is_calling(seen[LIST].death_caller));
		ptr = list_zalloc(&list, 7, 11);
		for (int i = 0; i < 77; i++)
			is("list_zalloc gave a dirty one", !ptr[i]);
		list_free(&list, ptr);
	} else {
		is("a cancelled free's result", list_free(&list, more) == 0);
		is("a cancelled free", more[99] == 'x');
		births--;
	}
	ptr = list_realloc(&list, NULL, 10);
	is("list_realloc of nothing", ptr != NULL);
	is("free of NULL", list_free(&list, NULL) == -22);
	is("size of NULL", list_size(&list, NULL) == 77);
	errno = 0;
	is("an overflow", !list_zalloc(&list, SIZE_MAX / 2, 7) &&
	   errno == ENOMEM);
	same("list", "births", births, seen[LIST].births);
	same("list", "reallocs", reallocs, seen[LIST].reallocs);
	same("list", "reallocs", reallocs, real[LIST].reallocs);
	same("list", "frees of NULL", 1, real[LIST].of_none);
	compare("list", LIST, extra(births));
}

CALLING static void call_nosize(void)
{
	static const char why[] = "why";

	for (int i = 0; i < ROUNDS; i++) {
		char *ptr = nosize_get(i);

		memset(ptr, 1, (size_t)i);
		if (!cancels)
			is("nosize_put's result", nosize_put(ptr, why) == why + 1);
		else
			is("a cancelled put", !nosize_put(ptr, why));
	}
	errno = 0;
	is("a negative size", !nosize_get(-1) && errno == ENOMEM);
	is("too much for an int", !nosize_get(0x7fffffff));
	is("put of NULL", nosize_put(NULL, why) == why + 1);
	same("nosize", "frees of NULL", 1, real[NOSIZE].of_none);
	same("nosize", "births", ROUNDS, seen[NOSIZE].births);
	same("nosize", "deaths", ROUNDS, seen[NOSIZE].deaths);
	real[NOSIZE].failed = seen[NOSIZE].failed;	/* an int has no room */
	compare("nosize", NOSIZE, extra(ROUNDS));
}

CALLING static void call_odd(void)
{
	static const size_t alignments[] = { 64, 0, 1, 4096 };

	for (size_t i = 0; i < 4; i++) {
		char *ptr = odd_alloc(1, -2, 3, -4, -5, alignments[i], &odd, 3,
				      100);

		is("odd_alloc", ptr && (!alignments[i] ||
					!((uintptr_t)ptr % alignments[i])));
		if (!enlarges) {
			is("odd: alignment", real[ODD].alignment == alignments[i]);
			is("odd: factor", real[ODD].reallocs == 3);
		}
		is("odd: caller", is_calling(seen[ODD].caller));
		is("odd_free's result", odd_free(1, -2, 3, -4, 5, -6, &odd, ptr) ==
		   (cancels ? 0 : -123456789012));
	}
	real[ODD].reallocs = 0;
	same("odd", "births", 4, seen[ODD].births);
	compare("odd", ODD, extra(4));
}

/* A pool in a pool: each sees its own, and the slabs come from inside. */
CALLING static void call_inner(void)
{
	long slabs = real[LIST].births;

	for (int i = 0; i < ROUNDS; i++) {
		void *ptr = inner_alloc(&list, 100);

		is("inner: caller", is_calling(seen[INNER].caller));
		inner_free(ptr);
	}
	slabs = real[LIST].births - slabs;
	is("inner: no slabs", slabs >= 2);
	is("inner: the caller of list_alloc",
	   is_inner(seen[LIST].caller));
	is("inner_alloc gave too much", !inner_alloc(&list, 1 << 20));
	same("inner", "births", ROUNDS, seen[INNER].births);
	compare("inner", INNER, extra(ROUNDS));
	same("list, by inner", "births", real[LIST].births, seen[LIST].births);
}

CALLING static void call_obstack(void)
{
	long chunks = seen[LIBC].births, freed = seen[LIBC].deaths;
	void *first = ob_alloc(10);

	for (int i = 1; i < ROUNDS; i++)
		ob_alloc(1000);
	is("obstack: caller", is_calling(seen[OBSTACK].caller));
	is("obstack: its chunks are malloc's", seen[LIBC].births - chunks > 10);
	ob_free(first);
	ob_alloc(10);
	ob_free(NULL);
	is("obstack: not all chunks were freed",
	   cancels || seen[LIBC].deaths - freed >= seen[LIBC].births - chunks);
	same("obstack", "frees of all", 1, real[OBSTACK].of_none);
	compare("obstack", OBSTACK, extra(ROUNDS + 1));
}

CALLING static void call_static(void)
{
	for (int i = 0; i < 10; i++)
		is("sp_use", sp_use(10) != NULL);
	is("sp: caller", is_calling(seen[STATIC].caller));
	compare("static", STATIC, extra(10));
}

int main(int argc, char **argv)
{
	const char *play = getenv("PLAY");

	enlarges = play && !strcmp(play, "enlarge");
	cancels = play && !strcmp(play, "cancel");
	seen = dlsym(RTLD_DEFAULT, "seen");
	if (!seen) {
		printf("no handlers\n");
		return 2;
	}
	call_bump();
	call_list();
	call_nosize();
	call_odd();
	call_inner();
	call_obstack();
	if (argc > 1 && !strcmp(argv[1], "static"))
		call_static();
	if (!wrong)
		printf("all well\n");
	return wrong;
}
