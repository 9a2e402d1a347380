// SPDX-License-Identifier: MIT
/*
 * terminal-preload - call the next definition behind us
 *
 * Behind us, because the entries bear the real names and came first.
 */
#include "lookup.h"

static const struct link_map *lookup_object(const struct link_map *map)
{
	return mh_next_object(map);
}

static void *lookup_symbol(const char *name)
{
	return mh_next_symbol(name);
}

/* A prefixed family may come with a library later. */
static void lookup_failed(void)
{
}
