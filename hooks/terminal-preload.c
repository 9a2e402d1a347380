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

static void *look_before(const char *name)
{
	const struct link_map *own = mh_own_map(), *map = NULL;
	struct mh_object object;
	void *found = NULL;

	while (!found && (map = mh_scope_object(map)) && map != own)
		if (mh_object_open(&object, map))
			found = mh_object_find(&object, name);
	return found;
}

void *MH_NAME(terminal, before)(const char *name, const char *made_of,
				void **known)
{
	void *found = __atomic_load_n(known, __ATOMIC_RELAXED);

	if (unlikely(!found)) {
		found = look_before(name) ? NULL : look_before(made_of);
		found = found ? found : known;
		__atomic_store_n(known, found, __ATOMIC_RELAXED);
	}
	return found == known ? NULL : found;
}

/* A prefixed family may come with a library later. */
static void lookup_failed(void)
{
}
