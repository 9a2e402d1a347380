// SPDX-License-Identifier: MIT
/*
 * terminal-replace - call the definitions that the output has itself
 *
 * The object that defines malloc was rewritten for this link ("mallochooks
 * rewrite", the linker's plugin, the ld shim), so that its function is now the
 * hidden __real_malloc.  All are bound by ld and called directly.
 *
 * What the output does not define nobody calls through us: the entry of that
 * name is hidden away when the link tailors this object (tools/takeover.h), and
 * its __real_X becomes our __mallochooks_absent_X, for the layers that ask for
 * it all the same.  A function whose SYM_ is off is called as it is.
 */
#include "real.h"

/* Hooked, it is bound in the output; else perhaps outside, or not at all. */
#define IF_HOOKED__(zero_or)	MH_SECOND(zero_or visibility("hidden"), weak, 0)
#define IF_HOOKED_(value)	IF_HOOKED__(MH_ENABLED_##value)
#define IF_HOOKED(config)	IF_HOOKED_(config)

static inline int is_bound(const void *linked)
{
	return linked != NULL;
}

/*
 * linked_X, the real function; absent_X, what stands in for it; called_X, either
 * where ld does not decide that.
 */
#define LINKED(ret, name, config, params, args) \
	extern ret linked_##name params \
		__asm__(REAL_OR_PLAIN(config) CONFIG_SYM_PREFIX #name) \
		__attribute__((IF_HOOKED(config))); \
	extern ret absent_##name params \
		__asm__("__mallochooks_absent_" CONFIG_SYM_PREFIX #name) \
		__attribute__((visibility("hidden"), used)); \
	static inline ret called_##name params \
	{ \
		return is_bound((const void *)linked_##name) ? \
			linked_##name args : absent_##name args; \
	}

LINKED(void *, malloc, CONFIG_SYM_MALLOC, (size_t size), (size))
LINKED(void *, calloc, CONFIG_SYM_CALLOC, (size_t n, size_t size), (n, size))
LINKED(void *, realloc, CONFIG_SYM_REALLOC, (void *ptr, size_t size),
       (ptr, size))
LINKED(void, free, CONFIG_SYM_FREE, (void *ptr), (ptr))
LINKED(void *, memalign, CONFIG_SYM_MEMALIGN, (size_t alignment, size_t size),
       (alignment, size))
LINKED(int, posix_memalign, CONFIG_SYM_POSIX_MEMALIGN,
       (void **out, size_t alignment, size_t size), (out, alignment, size))
LINKED(void *, aligned_alloc, CONFIG_SYM_ALIGNED_ALLOC,
       (size_t alignment, size_t size), (alignment, size))
LINKED(void *, valloc, CONFIG_SYM_VALLOC, (size_t size), (size))
LINKED(void *, pvalloc, CONFIG_SYM_PVALLOC, (size_t size), (size))
LINKED(size_t, malloc_usable_size, CONFIG_SYM_MALLOC_USABLE_SIZE, (void *ptr),
       (ptr))

#define CALLED(name, config) \
	(IS_ENABLED(config) ? linked_##name : called_##name)

static const struct mh_real real = {
	.malloc = CALLED(malloc, CONFIG_SYM_MALLOC),
	.calloc = CALLED(calloc, CONFIG_SYM_CALLOC),
	.realloc = CALLED(realloc, CONFIG_SYM_REALLOC),
	.free = CALLED(free, CONFIG_SYM_FREE),
	.memalign = CALLED(memalign, CONFIG_SYM_MEMALIGN),
	.posix_memalign = CALLED(posix_memalign, CONFIG_SYM_POSIX_MEMALIGN),
	.aligned_alloc = CALLED(aligned_alloc, CONFIG_SYM_ALIGNED_ALLOC),
	.valloc = CALLED(valloc, CONFIG_SYM_VALLOC),
	.pvalloc = CALLED(pvalloc, CONFIG_SYM_PVALLOC),
	.malloc_usable_size = CALLED(malloc_usable_size,
				     CONFIG_SYM_MALLOC_USABLE_SIZE),
};

/* Two functions of C are never the same one; two names of ld's may be. */
static inline int differ(const void *linked, const void *absent)
{
	__asm__("" : "+r"(linked));
	return is_bound(linked) && linked != absent;
}

#define is_here(name)	differ((const void *)linked_##name, \
			       (const void *)absent_##name)

/* The libc.a of a static program: its malloc has this name too. */
extern void *__libc_malloc(size_t size) __attribute__((weak));
#define is_glibc	(__libc_malloc && !differ((const void *)__libc_malloc, \
						  (const void *)linked_malloc) && \
			 is_beside_mallopt((const void *)__libc_malloc))
#define has_size_word	(is_glibc && MADE_SINCE_NO_CHECK)

#define CALL(op, args)	real.op args
#define can_call()	1

#include "real-ops.h"

void HOOK_IDENT(init)(void)
{
}

void *absent_malloc(size_t size)
{
	return no_memory(size);
}

void *absent_calloc(size_t n, size_t size)
{
	return no_calloc(n, size);
}

void *absent_realloc(void *ptr, size_t size)
{
	return no_realloc(ptr, size);
}

void absent_free(void *ptr)
{
	no_free(ptr);
}

void *absent_memalign(size_t alignment, size_t size)
{
	return made_memalign(alignment, size);
}

int absent_posix_memalign(void **out, size_t alignment, size_t size)
{
	(void)out;
	(void)alignment;
	(void)size;
	return ENOMEM;
}

void *absent_aligned_alloc(size_t alignment, size_t size)
{
	(void)alignment;
	return no_memory(size);
}

void *absent_valloc(size_t size)
{
	return no_memory(size);
}

void *absent_pvalloc(size_t size)
{
	return no_memory(size);
}

size_t absent_malloc_usable_size(void *ptr)
{
	return no_usable_size(ptr);
}
