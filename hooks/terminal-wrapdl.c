// SPDX-License-Identifier: MIT
/*
 * terminal-wrapdl - call the first definition in the global scope
 *
 * The entries are called __wrap_malloc and so on, by ld --wrap, so no public
 * name is ours: the first definition is the one to which the program would have
 * been bound, be it in our own output.  Not the next one behind us: from an
 * object that was dlopened that is libc's, although the program's malloc is the
 * executable's.
 *
 * Needs a loader.  In a static program every allocation fails, and the line
 * below says why.
 */
#include "lookup.h"

static const struct link_map *lookup_object(const struct link_map *map)
{
	return mh_scope_object(map);
}

static void *lookup_symbol(const char *name)
{
	return mh_scope_symbol(name);
}

static void lookup_failed(void)
{
	static int said;

	if (!__atomic_exchange_n(&said, 1, __ATOMIC_RELAXED))
		mh_say("terminal", "method wrapdl looks " REAL_NAME(malloc) " up "
		       "and no loaded object exports it, so allocations fail: in "
		       "a static program, or for a hidden one, compose with "
		       "--method=wrap");
}
