/* SPDX-License-Identifier: MIT */
/*
 * lookup.h - a family of real functions out of the loader's objects
 *
 * The first object that defines malloc gives the whole family, so that a chunk
 * never meets a stranger's free.  What that object lacks is made of what it has
 * (memalign of aligned_alloc or posix_memalign); a function that the program
 * calls by itself is otherwise taken from the next object that has it, as the
 * loader would.
 *
 * Included by the terminals that look up; in which order, each of them says by
 * a lookup_object() and a lookup_symbol() of its own.
 */
#ifndef MH_LOOKUP_H
#define MH_LOOKUP_H

#include "real-late.h"

/* The object behind @map in the order of lookup, the first for NULL, or NULL. */
static const struct link_map *lookup_object(const struct link_map *map);
/* The first definition in that order, or NULL. */
static void *lookup_symbol(const char *name);
/* There is no malloc, at least not yet. */
static void lookup_failed(void);

static int find_lead(struct mh_object *lead)
{
	const struct link_map *map = NULL;

	while ((map = lookup_object(map)))
		if (mh_object_open(lead, map) &&
		    mh_object_find(lead, REAL_NAME(malloc)))
			return 1;
	return 0;
}

static void *find_here_or_behind(const struct mh_object *lead, const char *name)
{
	void *found = mh_object_find(lead, name);

	return found ? found : lookup_symbol(name);
}

static int has_aligned(const struct mh_object *object)
{
	return mh_object_find(object, REAL_NAME(memalign)) ||
	       mh_object_find(object, REAL_NAME(aligned_alloc)) ||
	       mh_object_find(object, REAL_NAME(posix_memalign));
}

/*
 * An interposer of malloc and free alone leaves these to the next object.
 * A structure is not copied here: compilers call memcpy for that.
 */
static void bind_aligned(const struct mh_object *lead)
{
	const struct link_map *map = NULL;
	const struct mh_object *from = lead;
	struct mh_object other;
	void *found;

	while (!has_aligned(from) && (map = lookup_object(map)))
		from = mh_object_open(&other, map) ? &other : lead;
	real.aligned_alloc = (void *(*)(size_t, size_t))
		mh_object_find(from, REAL_NAME(aligned_alloc));
	real.posix_memalign = (int (*)(void **, size_t, size_t))
		mh_object_find(from, REAL_NAME(posix_memalign));
	real.valloc = (void *(*)(size_t))
		mh_object_find(from, REAL_NAME(valloc));
	real.pvalloc = (void *(*)(size_t))
		mh_object_find(from, REAL_NAME(pvalloc));
	found = mh_object_find(from, REAL_NAME(memalign));
	real.memalign = found ? (void *(*)(size_t, size_t))found :
				made_memalign;
}

/*
 * While no object has a malloc (a prefixed family that is not loaded yet)
 * nothing is kept.
 */
static __attribute__((noinline, cold)) int bind(void)
{
	struct mh_object lead;
	void *found;

	if (!find_lead(&lead)) {
		lookup_failed();
		return 0;
	}
	real.malloc = (void *(*)(size_t))
		mh_object_find(&lead, REAL_NAME(malloc));
	found = find_here_or_behind(&lead, REAL_NAME(calloc));
	real.calloc = found ? (void *(*)(size_t, size_t))found : no_calloc;
	found = find_here_or_behind(&lead, REAL_NAME(realloc));
	real.realloc = found ? (void *(*)(void *, size_t))found : no_realloc;
	found = find_here_or_behind(&lead, REAL_NAME(free));
	real.free = found ? (void (*)(void *))found : no_free;
	bind_aligned(&lead);
	found = mh_object_find(&lead, REAL_NAME(malloc_usable_size));
	real.malloc_usable_size = found ? (size_t (*)(void *))found :
					  no_usable_size;
	is_glibc = lead.soname && mh_same(lead.soname, "libc.so.6") &&
		   mh_object_find(&lead, "gnu_get_libc_version") &&
		   goes_by_size_word();
	has_size_word = is_glibc && mh_object_find(&lead, SINCE_NO_CHECK);
	return table_is_complete();
}

#endif
