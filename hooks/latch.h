/* SPDX-License-Identifier: MIT */
/*
 * latch.h - the outermost call site, handed from a facade to the entry
 *
 * A facade (operator new, a program's own xmalloc) notes who called it; the entry
 * that it ends in, of whatever identity and in whatever unit, prefers that site
 * to its own return address.  A latch that was left behind,
 * by an exception or a longjmp, is recognised by its return slot: no longer
 * above the stack pointer, or holding something else.  An old frame may hold
 * the right thing still, so a latch whose allocation has failed, which is when
 * operator new throws, serves nobody any more but another try of the same call.
 * Those of a facade that takes its latch away by cleanup do.
 */
#ifndef MH_LATCH_H
#define MH_LATCH_H

#include <mallochooks/layer.h>
#include "caller.h"
#include "thread.h"

/**
 * struct mh_latch - one latched call
 * @site:	return address of the outermost facade, 0 when there is none
 * @slot:	where on the stack that return address is kept
 * @failed:	where the entry returned NULL to, 0 when it did not; or
 *		MH_LATCH_CLEANED: exceptions take it away
 */
struct mh_latch {
	caller_t site;
	const uintptr_t *slot;
	caller_t failed;
};

#define MH_LATCH_CLEANED	((caller_t)1)

/*
 * One a thread, and the units of a process agree on whose: all hold the distance
 * of the same from the thread pointer (thread-locals are initial-exec).  0 until
 * mh_latch_start().  No exported thread-local, which ld.bfd 2.40 leaves static
 * PIEs to relocate, and these cannot.
 */
extern ptrdiff_t mh_latch_offset __attribute__((visibility("hidden")));

/**
 * mh_latch_start() - agree with the units that have started
 * Context: constructor.
 */
__attribute__((visibility("hidden"))) void mh_latch_start(void);

/* Only when mh_latch_offset is not 0. */
static inline struct mh_latch *mh_latch(void)
{
	return (struct mh_latch *)(mh_thread_pointer() +
				   (uintptr_t)mh_latch_offset);
}

static inline int mh_latched(const struct mh_latch *latch)
{
	return latch->site && (uintptr_t)latch->slot > mh_stack_pointer() &&
	       mh_strip(*latch->slot) == latch->site;
}

static inline int mh_latch_failed(const struct mh_latch *latch)
{
	return latch->failed > MH_LATCH_CLEANED;
}

/**
 * mh_latch_set() - a facade begins
 * @site:	who called it
 * @slot:	where on the stack that return address is kept
 * @kind:	MH_LATCH_CLEANED or 0
 *
 * Keeps the site of an outer facade, whose slot lies above.
 * Context: after mh_latch_start().
 * Return: for mh_latch_reset().
 */
static inline struct mh_latch mh_latch_set(caller_t site, const uintptr_t *slot,
					   caller_t kind)
{
	struct mh_latch *now = mh_latch(), before = *now;

	if (before.site && (before.slot <= slot || !mh_latched(&before)))
		before.site = 0;
	if (!before.site || mh_latch_failed(&before))
		*now = (struct mh_latch){ site, slot, kind };
	return before;
}

/* The facade ends. */
static inline void mh_latch_reset(const struct mh_latch *before)
{
	*mh_latch() = *before;
}

#ifdef CONFIG_CALLER_LATCH

/*
 * Is there anything to look at?  The usual call has no latch, and should not
 * have to keep anything for one: one comparison, then its own way.  While the
 * distance is 0 it is made with what lies at the thread pointer, which every
 * thread has and which is only read: whatever the answer, nothing is taken.
 */
static inline int mh_latch_is_near(void)
{
	return unlikely(MH_THREAD_AT(caller_t, mh_latch_offset));
}

/* The caller of an entry; takes the latch away while the entry works. */
static inline caller_t mh_latch_take(caller_t caller, struct mh_latch *taken)
{
	struct mh_latch *latch;

	taken->site = 0;
	if (!mh_latch_offset)
		return caller;
	latch = mh_latch();
	if (likely(!latch->site))
		return caller;
	if (unlikely(mh_latch_failed(latch)) && latch->failed != caller)
		return caller;
	if (mh_latched(latch)) {
		*taken = *latch;
		if (taken->failed != MH_LATCH_CLEANED)
			taken->failed = caller;
		caller = taken->site;
	}
	latch->site = 0;
	return caller;
}

static inline void mh_latch_give_back(struct mh_latch *taken, int done)
{
	if (!taken->site)
		return;
	if (likely(done) && taken->failed != MH_LATCH_CLEANED)
		taken->failed = 0;
	*mh_latch() = *taken;
}
#else
static inline int mh_latch_is_near(void)
{
	return 0;
}

static inline caller_t mh_latch_take(caller_t caller, struct mh_latch *taken)
{
	(void)taken;
	return caller;
}

static inline void mh_latch_give_back(struct mh_latch *taken, int done)
{
	(void)taken;
	(void)done;
}
#endif

#endif
