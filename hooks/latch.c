// SPDX-License-Identifier: MIT
/*
 * latch - where facades leave the outermost call site for the entries
 */
#include "latch.h"
#include "unit.h"

/* Global, as gold mislocates a static one. */
MH_RUNTIME MH_TLS struct mh_latch mh_own_latch;
MH_RUNTIME ptrdiff_t mh_latch_offset;

static int take(const struct mallochooks_unit *unit, void *arg)
{
	(void)arg;
	if (unit->size >= offsetof(struct mallochooks_unit, latch_offset) +
			  sizeof(unit->latch_offset) && unit->latch_offset)
		mh_latch_offset = *unit->latch_offset;
	return mh_latch_offset != 0;
}

MH_RUNTIME void mh_latch_start(void)
{
	if (!mh_latch_offset && !mh_each_unit(take, NULL))
		mh_latch_offset = (char *)&mh_own_latch -
				  (char *)mh_thread_pointer();
}
