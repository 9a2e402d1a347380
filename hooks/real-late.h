/* SPDX-License-Identifier: MIT */
/*
 * real-late.h - a table of real functions that is filled in at run time
 *
 * Included by terminal-METHOD.c, which defines bind(): how that is done is the
 * method.  Nothing is found at first, and every call looks: it may come before
 * our relocations and long before our constructor.  Once the stack is live there
 * is something to be called always, so that calls which know that it is need not
 * look.
 */
#ifndef MH_REAL_LATE_H
#define MH_REAL_LATE_H

#include "real.h"

static struct mh_real real;

static int is_glibc;	/* the chunk layout is known: zeroed() may look */
static int has_size_word; /* and the size word is right: size_word() may */

#define is_here(name)	(real.name != NULL)

/**
 * bind() - fill in the table, by whatever the method is
 *
 * Two threads may do this at the same time: both write the same values, and
 * what every caller tests comes last.
 *
 * Return: nonzero when there is a malloc; else nothing is kept.
 */
static __attribute__((noinline, cold)) int bind(void);

/* To be called at the end of bind(). */
static int table_is_complete(void)
{
	__atomic_store_n(&real.found, (const void *)&real, __ATOMIC_RELEASE);
	return 1;
}

static inline int bound(void)
{
	return likely(real.found);
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

static int can_call(void)
{
	return bound() || bind();
}

/*
 * Here no other thread is about that could see a part of it.  What was not found
 * is looked for again by each call, as it may come with a library later.
 */
void HOOK_IDENT(init)(void)
{
	if (bound() || bind())
		return;
	real.malloc = first_malloc;
	real.calloc = first_calloc;
	real.realloc = first_realloc;
	real.free = first_free;
	real.memalign = first_memalign;
	real.malloc_usable_size = first_malloc_usable_size;
}

/* As the operations call a real function. */
#define CALL(op, args) \
	(likely(MH_PHASE.word == MH_PHASE_LIVE) || bound() ? \
		real.op args : first_##op args)

#include "real-ops.h"

#endif
