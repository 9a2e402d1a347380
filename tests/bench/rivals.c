// SPDX-License-Identifier: MIT
/*
 * rivals - the same question to what others have for it, as a preload for lookup
 *
 *	-DBOEHM		GC_base() of Boehm's collector: the base, and GC_size(); no
 *			site.  It allocates too, and never collects.
 *	-DASAN		__asan_locate_address(): base and size; its stack of the
 *			allocation with -DASAN_STACK
 *	-DJEMALLOC	"experimental.utilization.query": sizes of the class, and
 *			neither base nor site
 */
#include <stdint.h>
#include <stddef.h>
#include <mallochooks/mallochooks.h>

#define PUBLIC	__attribute__((visibility("default")))

#ifdef BOEHM
#include <gc/gc.h>

__attribute__((constructor)) static void start(void)
{
	GC_INIT();
	GC_set_warn_proc(GC_ignore_warn_proc);
	GC_disable();
}

PUBLIC void *ask_malloc(size_t size)
{
	return GC_malloc_atomic(size);
}

PUBLIC int ask_query(const void *address, struct mallochooks_object *object)
{
	object->base = GC_base((void *)address);
	if (!object->base)
		return -1;
	object->usable = GC_size(object->base);
	return 0;
}
#endif

#if defined(ASAN) || defined(ASAN_STACK)
extern const char *__asan_locate_address(void *address, char *name, size_t bytes,
					 void **region, size_t *region_bytes);
extern size_t __asan_get_alloc_stack(void *address, void **trace, size_t nr,
				     int *thread);

PUBLIC int ask_query(const void *address, struct mallochooks_object *object)
{
	char name[8];
	size_t bytes = 0;
	void *base = NULL;

	__asan_locate_address((void *)address, name, sizeof(name), &base, &bytes);
	object->base = base;
	object->requested = bytes;
#ifdef ASAN_STACK
	void *trace[2] = { NULL, NULL };
	int thread;

	__asan_get_alloc_stack((void *)address, trace, 2, &thread);
	object->site = (uintptr_t)trace[1];
#endif
	return base ? 0 : -1;
}
#endif

#ifdef JEMALLOC
extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new,
		   size_t new_bytes);
extern int mallctlnametomib(const char *name, size_t *mib, size_t *nr);
extern int mallctlbymib(const size_t *mib, size_t nr, void *old,
			size_t *old_bytes, void *new, size_t new_bytes);

/* As jemalloc 5.3 fills it in: src/ctl.c, experimental_utilization_query. */
struct utilization {
	void *slab;
	size_t free_regions;
	size_t regions;
	size_t bytes;
	size_t bin_free;
	size_t bin_regions;
};

PUBLIC int ask_query(const void *address, struct mallochooks_object *object)
{
	static size_t mib[3], nr;
	struct utilization out;
	size_t bytes = sizeof(out);

	if (!nr) {
		nr = 3;
		if (mallctlnametomib("experimental.utilization.query", mib, &nr))
			return -1;
	}
	if (mallctlbymib(mib, nr, &out, &bytes, &address, sizeof(address)))
		return -1;
	object->base = (void *)address;
	object->usable = out.bytes;
	return 0;
}
#endif
