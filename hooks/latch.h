/* SPDX-License-Identifier: MIT */
/*
 * latch.h - the outermost call site, handed from a facade to the entry
 *
 * A facade (operator new) notes who called it; the entry that it ends in
 * prefers that site to its own return address.  A latch that was left behind,
 * by an exception or a longjmp, is recognised by its return slot: no longer
 * above the stack pointer, or holding something else.  An old frame may hold
 * the right thing still, so a latch whose allocation has failed, which is when
 * operator new throws, serves nobody any more but another try of the same call.
 */
#ifndef MH_LATCH_H
#define MH_LATCH_H

#include <mallochooks/layer.h>
#include "caller.h"

/**
 * struct mh_latch - one latched call
 * @site:	return address of the outermost facade, 0 when there is none
 * @slot:	where on the stack that return address is kept
 * @failed:	where the entry returned NULL to, 0 when it did not
 */
struct mh_latch {
	caller_t site;
	const uintptr_t *slot;
	caller_t failed;
};

#ifdef CONFIG_SYM_CXX
extern MH_TLS struct mh_latch MH_NAME(entry, latch)
	__attribute__((visibility("hidden")));

/*
 * Is there anything to look at?  The usual call has no latch, and should not
 * have to keep anything for one: two comparisons, then its own way.
 */
static inline int mh_latch_is_near(void)
{
	return unlikely(MH_PHASE.word != MH_PHASE_LIVE ||
			MH_NAME(entry, latch).site);
}

static inline int mh_latched(const struct mh_latch *latch)
{
	return latch->site && (uintptr_t)latch->slot > mh_stack_pointer() &&
	       mh_strip(*latch->slot) == latch->site;
}

/* The caller of an entry; takes the latch away while the entry works. */
static inline caller_t mh_latch_take(caller_t caller, struct mh_latch *taken)
{
	struct mh_latch *latch;

	taken->site = 0;
	if (!MH_LIVE())
		return caller;
	latch = &MH_NAME(entry, latch);
	if (likely(!latch->site))
		return caller;
	if (unlikely(latch->failed) && latch->failed != caller)
		return caller;
	if (mh_latched(latch)) {
		*taken = *latch;
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
	if (likely(done))
		taken->failed = 0;
	MH_NAME(entry, latch) = *taken;
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
