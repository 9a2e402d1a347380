// SPDX-License-Identifier: MIT
/*
 * resolver - a preload, or a plugin, that compares our lookup with dlsym's
 *
 * Preloaded with RESOLVER_CHECK set it compares and ends the process; by
 * another program it is called.  resolver_early() is for a caller from before
 * our relocation.
 */
#include "compare_symbols.h"

static const char *const early_names[] = {
	"malloc", "calloc", "realloc", "free", "memalign", "memcpy", "strlen",
	"malloc_usable_size", "old_and_new", "picked", "no_such_symbol",
};
enum { NR_EARLY = sizeof(early_names) / sizeof(early_names[0]) };
static void *early[NR_EARLY];
static int nr_early;

__attribute__((visibility("default"))) void resolver_early(void);
__attribute__((visibility("default"))) int resolver_check(int is_last);

/* No initialised pointer is right yet: the names are pushed one by one. */
static void look_up_early(const char *name)
{
	early[nr_early++] = mh_next_symbol(name);
}

void resolver_early(void)
{
	if (nr_early)
		return;
	look_up_early("malloc");
	look_up_early("calloc");
	look_up_early("realloc");
	look_up_early("free");
	look_up_early("memalign");
	look_up_early("memcpy");
	look_up_early("strlen");
	look_up_early("malloc_usable_size");
	look_up_early("old_and_new");
	look_up_early("picked");
	look_up_early("no_such_symbol");
}

/* Prints one line; Return: the number of differences. */
int resolver_check(int is_last)
{
	struct comparison result = compare_symbols(is_last);
	int i;

	for (i = 0; i < nr_early; i++) {
		void *theirs = dlsym(RTLD_NEXT, early_names[i]);

		if (early[i] == theirs)
			continue;
		fprintf(stderr, "early %s: %p, dlsym's %p\n", early_names[i],
			early[i], theirs);
		result.nr_differ++;
	}
	if (nr_early && nr_early != NR_EARLY)
		result.nr_differ++;
	if (result.nr_names < 1000 || result.nr_found < 500)
		result.nr_differ++;
	fprintf(stderr, "%d names, %d found, %d early, %d differ\n",
		result.nr_names, result.nr_found, nr_early, result.nr_differ);
	return result.nr_differ;
}

__attribute__((constructor)) static void start(void)
{
	if (getenv("RESOLVER_CHECK"))
		_Exit(resolver_check(0) ? 1 : 0);
}
