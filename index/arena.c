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

static struct region *current_region;

static void *map(size_t bytes)
{
	long at = mh_syscall(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at < 0 && at > -4096 ? NULL : (void *)at;
}

MH_RUNTIME void *mh_arena(size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + GRAIN - 1) & ~(size_t)(GRAIN - 1);
	if (bytes > REGION_BYTES / 4)
		return map(bytes);
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
	}
}
