// SPDX-License-Identifier: MIT
/*
 * arena - memory of our own, beside every allocator
 *
 * A bump pointer through regions from mmap; nothing is ever given back, so a
 * late destructor may still use what an early one had.  Lock-free: a thread
 * that loses the race for a new region throws its region away.
 */
#include <sys/mman.h>
#include <mallochooks/runtime.h>
#include "syscall.h"

#define REGION_BYTES	65536u
#define GRAIN		64u	/* a cache line on both architectures */

/* Head of a region; the rest of its first grain is unused. */
struct region {
	size_t used;	/* bytes, this head included */
};

/* What was mapped, for mh_arena_each(); stands in a region. */
struct mapped {
	struct mapped *next;
	void *start;
	size_t bytes;
};

static struct region *current_region;
static struct mapped *all_mapped;

static void *map(size_t bytes)
{
	long at = mh_syscall(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at < 0 && at > -4096 ? NULL : (void *)at;
}

static void list(void *start, size_t bytes)
{
	struct mapped *mapped = mh_arena(sizeof(*mapped));

	if (!mapped)
		return;
	mapped->start = start;
	mapped->bytes = bytes;
	mapped->next = __atomic_load_n(&all_mapped, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&all_mapped, &mapped->next, mapped,
					    0, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

static void *map_listed(size_t bytes)
{
	void *start = map(bytes);

	if (start)
		list(start, bytes);
	return start;
}

MH_RUNTIME void mh_arena_each(void (*take)(uintptr_t start, size_t bytes,
					   void *arg), void *arg)
{
	const struct mapped *mapped;

	/* acquire: pairs with the release above */
	for (mapped = __atomic_load_n(&all_mapped, __ATOMIC_ACQUIRE); mapped;
	     mapped = mapped->next)
		take((uintptr_t)mapped->start, mapped->bytes, arg);
}

MH_RUNTIME void *mh_arena(size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + GRAIN - 1) & ~(size_t)(GRAIN - 1);
	if (bytes > REGION_BYTES / 4)
		return map_listed(bytes);
	for (;;) {
		struct region *region, *fresh;
		size_t at;

		/* acquire: pairs with the release that published the region */
		region = __atomic_load_n(&current_region, __ATOMIC_ACQUIRE);
		if (region) {
			at = __atomic_fetch_add(&region->used, bytes,
						__ATOMIC_RELAXED);
			if (at <= REGION_BYTES - bytes)
				return (unsigned char *)region + at;
		}
		fresh = map(REGION_BYTES);
		if (!fresh)
			return NULL;
		fresh->used = GRAIN;
		if (!__atomic_compare_exchange_n(&current_region, &region, fresh,
						 0, __ATOMIC_RELEASE,
						 __ATOMIC_RELAXED))
			mh_syscall(SYS_munmap, (long)fresh, REGION_BYTES, 0, 0,
				   0, 0);
		else
			list(fresh, REGION_BYTES);
	}
}
