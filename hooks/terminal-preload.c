// SPDX-License-Identifier: MIT
/*
 * terminal-preload - call the next definition behind us
 *
 * The first object behind us that defines malloc gives the whole family, so
 * that a chunk never meets a stranger's free.  What that object lacks is made
 * of what it has (memalign of aligned_alloc or posix_memalign); a function
 * that the program calls by itself is otherwise taken from the next object
 * that has it, as the loader would.
 *
 * Nothing is found at first, and every call looks: it may come before our
 * relocations and long before our constructor.
 */
#include <unistd.h>
#include <mallochooks/layer.h>
#include "nextsym.h"
#include "terminal.h"

/* The real functions, name and type. */
#define REAL_FUNCTIONS(X) \
	X(void *, malloc, (size_t)) \
	X(void *, calloc, (size_t, size_t)) \
	X(void *, realloc, (void *, size_t)) \
	X(void, free, (void *)) \
	X(void *, memalign, (size_t, size_t)) \
	X(int, posix_memalign, (void **, size_t, size_t)) \
	X(void *, aligned_alloc, (size_t, size_t)) \
	X(void *, valloc, (size_t)) \
	X(void *, pvalloc, (size_t)) \
	X(size_t, malloc_usable_size, (void *))

/*
 * What every call tests is not the pointer that it jumps through: compare and
 * jump are then one instruction each, straight from memory.
 */
#define X(ret, name, params) ret (*name) params;
static struct {
	const void *found;	/* not NULL: so is what follows */
	REAL_FUNCTIONS(X)
} real;
#undef X

static int is_glibc;	/* the chunk layout is known: zeroed() may look */

/* The name of a real function, prefix included, in memory of the caller. */
#define REAL_NAME(name)	CONFIG_SYM_PREFIX #name

static void *no_memory(size_t size)
{
	(void)size;
	*mh_errno() = ENOMEM;
	return NULL;
}

static void *no_calloc(size_t n, size_t size)
{
	size_t bytes = mh_array_bytes(n, size);
	void *ptr = bytes == SIZE_MAX ? NULL : real.malloc(bytes);

	if (ptr)
		mh_clear(ptr, bytes);
	return ptr;
}

static void *no_realloc(void *ptr, size_t size)
{
	(void)ptr;
	return no_memory(size);
}

static void no_free(void *ptr)
{
	(void)ptr;
}

/* Made of what the library does have; the alignment is a power of two. */
static void *made_memalign(size_t alignment, size_t size)
{
	void *ptr = NULL;
	size_t whole;
	int error;

	if (alignment < sizeof(void *))
		alignment = sizeof(void *);
	/* C11 7.22.3.1: the size is a multiple of the alignment */
	if (real.aligned_alloc)
		return __builtin_add_overflow(size, alignment - 1, &whole) ?
			no_memory(size) :
			real.aligned_alloc(alignment, whole & ~(alignment - 1));
	if (!real.posix_memalign)
		return no_memory(size);
	error = real.posix_memalign(&ptr, alignment, size);
	if (error)
		*mh_errno() = error;
	return error ? NULL : ptr;
}

/* 0: not known.  Never the size function of a stranger. */
static size_t no_usable_size(void *ptr)
{
	(void)ptr;
	return 0;
}

static int find_lead(struct mh_object *lead)
{
	const struct link_map *map = NULL;

	while ((map = mh_next_object(map)))
		if (mh_object_open(lead, map) &&
		    mh_object_find(lead, REAL_NAME(malloc)))
			return 1;
	return 0;
}

static void *find_here_or_behind(const struct mh_object *lead, const char *name)
{
	void *found = mh_object_find(lead, name);

	return found ? found : mh_next_symbol(name);
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

	while (!has_aligned(from) && (map = mh_next_object(map)))
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
 * Two threads may do this at the same time: both write the same values, and
 * what every caller tests comes last.  While no object has a malloc (a prefixed
 * family that is not loaded yet) nothing is kept.
 */
static __attribute__((noinline, cold)) int bind(void)
{
	struct mh_object lead;
	void *found;

	if (!find_lead(&lead))
		return 0;
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
		   mh_object_find(&lead, "gnu_get_libc_version");
	__atomic_store_n(&real.found, (const void *)&real, __ATOMIC_RELEASE);
	return 1;
}

static inline int bound(void)
{
	return likely(real.found);
}

/* Here no other thread is about that could see a part of it. */
void HOOK_IDENT(init)(void)
{
	if (!bound())
		bind();
}

/* A first call goes a way of its own, so that no later one needs a frame. */
#define FIRST_CALL(ret, op, params, args, hand, otherwise) \
	static __attribute__((noinline, cold)) ret first_##op params \
	{ \
		if (bind()) \
			hand real.op args; \
		else \
			hand otherwise; \
	}
FIRST_CALL(void *, malloc, (size_t size), (size), return, no_memory(size))
FIRST_CALL(void *, calloc, (size_t n, size_t size), (n, size), return,
	   no_memory(size))
FIRST_CALL(void *, realloc, (void *ptr, size_t size), (ptr, size), return,
	   no_memory(size))
FIRST_CALL(void, free, (void *ptr), (ptr), , (void)0)
FIRST_CALL(void *, memalign, (size_t alignment, size_t size),
	   (alignment, size), return, no_memory(size))
FIRST_CALL(size_t, malloc_usable_size, (void *ptr), (ptr), return, 0)

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.malloc(size) : first_malloc(size);
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.calloc(n, size) : first_calloc(n, size);
}

void *HOOK_IDENT(realloc)(void *ptr, size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.realloc(ptr, size) : first_realloc(ptr, size);
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	(void)caller;
	if (bound())
		real.free(ptr);
	else
		first_free(ptr);
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	(void)caller;
	return bound() ? real.memalign(alignment, size) :
			 first_memalign(alignment, size);
}

size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	return bound() ? real.malloc_usable_size(ptr) :
			 first_malloc_usable_size(ptr);
}

/*
 * glibc: bit 1 of the size word before a chunk says that it was mapped for
 * this request alone, so the kernel has zeroed it; the first byte tells when
 * the tunable glibc.malloc.perturb has since filled it.
 * Source: glibc 2.36 malloc/malloc.c, IS_MMAPPED and alloc_perturb; the same
 * from 2.3 to 2.41.
 */
int HOOK_IDENT(zeroed)(void *ptr, size_t size)
{
	const size_t mapped = 2;

	return is_glibc && size && ((const size_t *)ptr)[-1] & mapped &&
	       !*(const unsigned char *)ptr;
}

int HOOK_IDENT(verdict)(enum mh_aligned which, size_t alignment, size_t size)
{
	void *ptr = NULL;
	int error = 0;

	if (!bound() && !bind()) {
		no_memory(size);
		return ENOMEM;
	}
	switch (which) {
	case MH_MEMALIGN:
		ptr = real.memalign(alignment, size);
		break;
	case MH_ALIGNED_ALLOC:
		ptr = real.aligned_alloc ?
			real.aligned_alloc(alignment, size) :
			real.memalign(alignment, size);
		break;
	case MH_VALLOC:
		ptr = real.valloc ? real.valloc(size) :
				    real.memalign(alignment, size);
		break;
	case MH_PVALLOC:
		ptr = real.pvalloc ? real.pvalloc(size) :
				     real.memalign(alignment, size);
		break;
	case MH_POSIX_MEMALIGN:
		if (!real.posix_memalign)
			return alignment % sizeof(void *) || !alignment ||
			       alignment & (alignment - 1) ? EINVAL : 0;
		error = real.posix_memalign(&ptr, alignment, size);
		if (!error)
			real.free(ptr);
		return error;
	}
	if (!ptr)	/* jemalloc's memalign(0, n) says no and sets no errno */
		return *mh_errno() ? *mh_errno() : EINVAL;
	real.free(ptr);
	return 0;
}
