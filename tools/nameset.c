// SPDX-License-Identifier: MIT
/*
 * nameset.c - a few names, to be asked for often
 */
#include <stdlib.h>
#include <string.h>

#include "nameset.h"
#include "tools.h"

/* Of X@@VERSION as of X. */
static int compare(const char *symbol, const char *name)
{
	int end;

	while (*symbol && *symbol == *name) {
		symbol++;
		name++;
	}
	end = symbol[0] == '@' && symbol[1] == '@' ? 0 : (unsigned char)*symbol;
	return end - (unsigned char)*name;
}

/* Return: where @symbol is, or would be. */
static size_t find(const struct nameset *set, const char *symbol)
{
	size_t low = 0, high = set->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(symbol, set->name[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void nameset_add(struct nameset *set, const char *name)
{
	size_t at = find(set, name);

	set->begins[nameset_hash(name)] = 1;
	set->name = xrealloc(set->name, (set->nr + 1) * sizeof(*set->name));
	memmove(set->name + at + 1, set->name + at,
		(set->nr - at) * sizeof(*set->name));
	set->name[at] = name;
	set->nr++;
}

void nameset_free(struct nameset *set)
{
	free(set->name);
	memset(set, 0, sizeof(*set));
}

int nameset_has(const struct nameset *set, const char *name)
{
	size_t at;

	if (!nameset_may_have(set, name))
		return 0;
	at = find(set, name);
	return at < set->nr && !compare(name, set->name[at]);
}
