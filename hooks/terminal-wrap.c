// SPDX-License-Identifier: MIT
/*
 * terminal-wrap - call what ld has bound to __real_malloc and so on
 *
 * ld --wrap=X makes of __real_X the X that the program would have had: of
 * another object of this output, of an archive, of a shared object.  A name
 * that is not wrapped (its SYM_ is off) is called as it is.
 *
 * Only malloc must be there.  The others are weak: a strong one would draw
 * libc.a's malloc.o into a static program whose own family lacks it.  What is
 * not there becomes a fallback or fails with ENOMEM.  Weak, but of default
 * visibility: gold relocates a hidden weak undefined to a non-zero address.
 */
#include "real-late.h"

#define LINKED(ret, name, config, params) \
	extern ret linked_##name params \
		__asm__(REAL_OR_PLAIN(config) CONFIG_SYM_PREFIX #name)
#define LINKED_OR_NOT(ret, name, config, params) \
	LINKED(ret, name, config, params) __attribute__((weak))

LINKED(void *, malloc, CONFIG_SYM_MALLOC, (size_t));
LINKED_OR_NOT(void *, calloc, CONFIG_SYM_CALLOC, (size_t, size_t));
LINKED_OR_NOT(void *, realloc, CONFIG_SYM_REALLOC, (void *, size_t));
LINKED_OR_NOT(void, free, CONFIG_SYM_FREE, (void *));
LINKED_OR_NOT(void *, memalign, CONFIG_SYM_MEMALIGN, (size_t, size_t));
LINKED_OR_NOT(int, posix_memalign, CONFIG_SYM_POSIX_MEMALIGN,
	      (void **, size_t, size_t));
LINKED_OR_NOT(void *, aligned_alloc, CONFIG_SYM_ALIGNED_ALLOC,
	      (size_t, size_t));
LINKED_OR_NOT(void *, valloc, CONFIG_SYM_VALLOC, (size_t));
LINKED_OR_NOT(void *, pvalloc, CONFIG_SYM_PVALLOC, (size_t));
LINKED_OR_NOT(size_t, malloc_usable_size, CONFIG_SYM_MALLOC_USABLE_SIZE,
	      (void *));

/* glibc's malloc by another name; absent in other libraries. */
extern void *__libc_malloc(size_t size) __attribute__((weak));

/* The bounds of this output, from the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static int is_inside(const void *address)
{
	return (const char *)address >= __ehdr_start &&
	       (const char *)address < _end;
}

/* The object whose malloc ld has bound, when it lies outside this output. */
static int find_lead(struct mh_object *lead)
{
	const struct link_map *map = NULL;

	while ((map = mh_scope_object(map)))
		if (mh_object_open(lead, map) &&
		    mh_object_find(lead, REAL_NAME(malloc)) ==
		    (void *)linked_malloc)
			return 1;
	return 0;
}

/* Did the same allocator give @function as gave malloc? */
static int is_family(const struct mh_object *lead, const char *name,
		     const void *function)
{
	if (!function)
		return 0;
	return lead ? mh_object_find(lead, name) == function :
		      is_inside(function);
}

/*
 * A family that has one aligned function has them all, made of that one; libc's
 * would hand out chunks that this family's free does not know.  A family that
 * has none leaves them to whom ld found.
 */
static void bind_aligned(const struct mh_object *lead)
{
	int has_memalign = is_family(lead, REAL_NAME(memalign),
				     (const void *)linked_memalign);
	int has_aligned_alloc = is_family(lead, REAL_NAME(aligned_alloc),
					  (const void *)linked_aligned_alloc);
	int has_posix_memalign = is_family(lead, REAL_NAME(posix_memalign),
					   (const void *)linked_posix_memalign);
	int strangers = !has_memalign && !has_aligned_alloc &&
			!has_posix_memalign;

	if (has_aligned_alloc || strangers)
		real.aligned_alloc = linked_aligned_alloc;
	if (has_posix_memalign || strangers)
		real.posix_memalign = linked_posix_memalign;
	if (strangers || is_family(lead, REAL_NAME(valloc),
				   (const void *)linked_valloc))
		real.valloc = linked_valloc;
	if (strangers || is_family(lead, REAL_NAME(pvalloc),
				   (const void *)linked_pvalloc))
		real.pvalloc = linked_pvalloc;
	real.memalign = linked_memalign && (has_memalign || strangers) ?
			linked_memalign : made_memalign;
}

static int bind(void)
{
	struct mh_object object;
	const struct mh_object *lead = NULL;

	if (!is_inside((const void *)linked_malloc) && find_lead(&object))
		lead = &object;
	real.malloc = linked_malloc;
	real.calloc = linked_calloc ? linked_calloc : no_calloc;
	real.realloc = linked_realloc ? linked_realloc : no_realloc;
	real.free = linked_free ? linked_free : no_free;
	bind_aligned(lead);
	real.malloc_usable_size = no_usable_size;
	if (is_family(lead, REAL_NAME(malloc_usable_size),
		      (const void *)linked_malloc_usable_size))
		real.malloc_usable_size = linked_malloc_usable_size;
	/* tcmalloc has a __libc_malloc, too, and aborts when asked of a stranger */
	is_glibc = __libc_malloc && linked_malloc == __libc_malloc &&
		   (!lead ? is_beside_mallopt((const void *)linked_malloc) :
			    (lead->soname && mh_same(lead->soname, "libc.so.6") &&
			     goes_by_size_word()));
	has_size_word = is_glibc && (lead ? mh_object_find(lead, SINCE_NO_CHECK) !=
					    NULL : MADE_SINCE_NO_CHECK);
	return table_is_complete();
}
