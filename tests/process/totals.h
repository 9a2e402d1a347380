/* SPDX-License-Identifier: MIT */
/*
 * totals.h - a program asks the count layer of the process what it has counted
 *
 * Through the descriptor that every unit exports, so that it works in programs
 * which are merely preloaded.  Allocates nothing.
 */
#ifndef TOTALS_H
#define TOTALS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

/**
 * struct totals - as the count layer prints them
 * @found:	a count layer was there
 */
struct totals {
	int found;
	unsigned long calls;
	unsigned long bytes;
	unsigned long failed;
};

#define DIE(what) do { \
	fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, what); \
	abort(); \
} while (0)

#define MUST(that) do { \
	if (!(that)) \
		DIE(#that); \
} while (0)

static inline const struct mallochooks_layer *
find_layer(const struct mallochooks_unit *unit, const char *name)
{
	const struct mallochooks_stack *const *stack;
	unsigned int i;

	for (stack = unit->stacks; stack < unit->stacks_end; stack++)
		for (i = 0; *stack && i < (*stack)->nr_layers; i++)
			if (!strcmp((*stack)->layers[i].name, name))
				return &(*stack)->layers[i];
	return NULL;
}

static inline unsigned long number_before(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	MUST(at);
	while (at > text && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return strtoul(at, NULL, 10);
}

/* What the first unit in the order of lookup has counted in this process. */
static inline struct totals totals_now(void)
{
	const struct mallochooks_unit *unit;
	const struct mallochooks_layer *layer;
	struct totals totals = { 0, 0, 0, 0 };
	char text[512];
	ssize_t nr;
	int ends[2];

	unit = (const struct mallochooks_unit *)dlsym(RTLD_DEFAULT,
						      "mallochooks_unit");
	if (!unit)
		return totals;
	MUST(unit->magic == MALLOCHOOKS_MAGIC);
	layer = find_layer(unit, "count");
	if (!layer)
		return totals;
	MUST(!pipe(ends));
	layer->dump(ends[1]);
	nr = read(ends[0], text, sizeof(text) - 1);
	MUST(nr > 0);
	text[nr] = 0;
	close(ends[0]);
	close(ends[1]);
	totals.found = 1;
	totals.calls = number_before(text, " allocations,");
	totals.bytes = number_before(text, " bytes");
	totals.failed = number_before(text, " failed");
	return totals;
}

#endif
