// SPDX-License-Identifier: MIT
/*
 * switch - the chunks that a transforming layer has shaped before it was known
 * whether it is on
 *
 * A set of addresses in memory of our own.  Nobody locks: an address is put in,
 * looked for and taken out by whoever owns the chunk.
 */
#include <mallochooks/layer.h>
#include "switch.h"

/* No chunk begins there. */
#define GONE	((uintptr_t)1)	/* the place is free again, and ends no search */
#define HELD	((uintptr_t)2)	/* for a chunk that is being reallocated */

static unsigned int places(const struct mh_switch_table *table)
{
	return MH_SWITCH_FIRST << table->doubled;
}

static uintptr_t *place_at(struct mh_switch_table *table, unsigned int nr)
{
	return (uintptr_t *)(table + 1) + (nr & (places(table) - 1));
}

/* By the golden ratio: Knuth, The Art of Computer Programming 3, 6.4. */
static unsigned int hash(uintptr_t chunk)
{
	return (uint32_t)(chunk >> 4) * 0x9e3779b1u >> 8;
}

/* ---- one table ------------------------------------------------------------- */

static int take(uintptr_t *place, uintptr_t from, uintptr_t chunk)
{
	return __atomic_compare_exchange_n(place, &from, chunk, 0,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Return: 0 when the table is half full, as it has to stay. */
static int put(struct mh_switch_table *table, uintptr_t chunk)
{
	uintptr_t *place, was;

	for (unsigned int i = 0; i < places(table); i++) {
		place = place_at(table, hash(chunk) + i);
		was = __atomic_load_n(place, __ATOMIC_RELAXED);
		if (was == GONE && take(place, was, chunk))
			return 1;
		if (was)
			continue;
		if (__atomic_load_n(&table->used, __ATOMIC_RELAXED) >=
		    places(table) / 2)
			return 0;
		if (!take(place, 0, chunk))
			continue;
		__atomic_fetch_add(&table->used, 1, __ATOMIC_RELAXED);
		return 1;
	}
	return 0;
}

static uintptr_t *look_up(struct mh_switch_table *table, uintptr_t chunk)
{
	uintptr_t *place, is;

	for (unsigned int i = 0; i < places(table); i++) {
		place = place_at(table, hash(chunk) + i);
		is = __atomic_load_n(place, __ATOMIC_RELAXED);
		if (is == chunk)
			return place;
		if (!is)
			return NULL;
	}
	return NULL;
}

static uintptr_t *look_everywhere(struct mh_switch_table *table, uintptr_t chunk)
{
	for (unsigned int i = 0; i < places(table); i++)
		if (__atomic_load_n(place_at(table, i), __ATOMIC_RELAXED) ==
		    chunk)
			return place_at(table, i);
	return NULL;
}

/* ---- all of them ------------------------------------------------------------ */

static struct mh_switch_table *more_of(struct mh_switch_table *table)
{
	/* acquire: pairs with the release of grow() */
	return __atomic_load_n(&table->more, __ATOMIC_ACQUIRE);
}

static struct mh_switch_table *grow(struct mh_switch_table *table)
{
	struct mh_switch_table *fresh, *more = NULL;

	fresh = mh_arena(sizeof(*fresh) +
			 2 * places(table) * sizeof(uintptr_t));
	if (!fresh)
		return NULL;
	fresh->doubled = table->doubled + 1;
	if (__atomic_compare_exchange_n(&table->more, &more, fresh, 0,
					__ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
		return fresh;
	return more;
}

static void widen(struct mh_switch *state, uintptr_t chunk)
{
	uintptr_t low = __atomic_load_n(&state->low, __ATOMIC_RELAXED);
	uintptr_t high = __atomic_load_n(&state->high, __ATOMIC_RELAXED);

	while ((!low || chunk < low) &&
	       !__atomic_compare_exchange_n(&state->low, &low, chunk, 0,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	while (chunk > high &&
	       !__atomic_compare_exchange_n(&state->high, &high, chunk, 0,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* Return: 0 when there is no memory. */
static int list(struct mh_switch *state, uintptr_t chunk)
{
	struct mh_switch_table *table = &state->first, *more;

	widen(state, chunk);
	while (!put(table, chunk)) {
		more = more_of(table);
		table = more ? more : grow(table);
		if (!table)
			return 0;
	}
	return 1;
}

static uintptr_t *find(struct mh_switch *state, uintptr_t chunk)
{
	struct mh_switch_table *table;
	uintptr_t *place = NULL;

	if (chunk < __atomic_load_n(&state->low, __ATOMIC_RELAXED) ||
	    chunk > __atomic_load_n(&state->high, __ATOMIC_RELAXED))
		return NULL;
	for (table = &state->first; !place && table; table = more_of(table))
		place = look_up(table, chunk);
	if (place || !__atomic_load_n(&state->adrift, __ATOMIC_RELAXED))
		return place;
	for (table = &state->first; !place && table; table = more_of(table))
		place = look_everywhere(table, chunk);
	return place;
}

/* ---- the way ----------------------------------------------------------------- */

static int way_of(struct mh_switch *state)
{
	return __atomic_load_n(&state->way, __ATOMIC_SEQ_CST);
}

static void leave(struct mh_switch *state)
{
	/* release: whoever finds nobody under way finds what was listed */
	__atomic_fetch_sub(&state->under_way, 1, __ATOMIC_RELEASE);
}

MH_RUNTIME int mh_switch_boots(struct mh_switch *state)
{
	/* before the way is looked at again: pairs with mh_switch_decide() */
	__atomic_fetch_add(&state->under_way, 1, __ATOMIC_SEQ_CST);
	if (way_of(state) == MH_WAY_BOOT || way_of(state) == MH_WAY_FULL)
		return 1;
	leave(state);
	return 0;
}

/* Return: 0 when the layer is off. */
static int stays_on(struct mh_switch *state)
{
	int way = MH_WAY_BOOT;

	return __atomic_compare_exchange_n(&state->way, &way, MH_WAY_FULL, 0,
					   __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST) || way >= 0;
}

MH_RUNTIME int mh_switch_born(struct mh_switch *state, void *ptr)
{
	int kept = 1;

	if (ptr && way_of(state) <= MH_WAY_BOOT)
		kept = list(state, (uintptr_t)ptr) || stays_on(state);
	leave(state);
	return kept;
}

MH_RUNTIME int mh_switch_dies(struct mh_switch *state, void *ptr)
{
	uintptr_t *place = find(state, (uintptr_t)ptr);

	if (place)
		__atomic_store_n(place, GONE, __ATOMIC_RELAXED);
	return place || way_of(state) >= 0;
}

MH_RUNTIME int mh_switch_owns(struct mh_switch *state, void *ptr)
{
	return way_of(state) >= 0 || find(state, (uintptr_t)ptr);
}

MH_RUNTIME int mh_switch_moves(struct mh_switch *state, void *ptr,
			       struct mh_switch_hold *hold)
{
	hold->chunk = (uintptr_t)ptr;
	hold->place = find(state, hold->chunk);
	if (hold->place) {
		__atomic_store_n(hold->place, HELD, __ATOMIC_RELAXED);
		return 1;
	}
	if (way_of(state) < 0)
		return 0;
	/* what is counted wrong when it has just been decided is not read again */
	return mh_switch_boots(state) || way_of(state) >= 0;
}

/*
 * One that was listed has its place in any case, if not the right one.  Of one that
 * nobody knew, a stranger's, the layer has made one of its own.
 */
MH_RUNTIME void mh_switch_moved(struct mh_switch *state,
				const struct mh_switch_hold *hold, void *ptr)
{
	uintptr_t left = GONE;

	if (!hold->place) {
		mh_switch_born(state, ptr);
		return;
	}
	if ((uintptr_t)ptr == hold->chunk) {
		left = hold->chunk;
	} else if (ptr && !list(state, (uintptr_t)ptr)) {
		__atomic_store_n(&state->adrift, 1, __ATOMIC_RELAXED);
		left = (uintptr_t)ptr;
	}
	__atomic_store_n(hold->place, left, __ATOMIC_RELAXED);
}

MH_RUNTIME void mh_switch_stays(struct mh_switch *state,
				const struct mh_switch_hold *hold)
{
	if (hold->place)
		__atomic_store_n(hold->place, hold->chunk, __ATOMIC_RELAXED);
	else
		leave(state);
}

/*
 * A call that looks at the way from now on lists nothing.  So if none is under way
 * and nothing is listed, nothing ever will be.
 */
MH_RUNTIME void mh_switch_decide(struct mh_switch *state, const char *layer,
				 const struct mallochooks_option *on)
{
	int way = MH_WAY_BOOT;

	if (on->num || !__atomic_compare_exchange_n(&state->way, &way,
						    MH_WAY_LISTED, 0,
						    __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST)) {
		if (!on->num)
			mh_say(layer, "no memory to switch it off at start: it "
			       "stays on");
		__atomic_store_n(&state->way, MH_WAY_ON, __ATOMIC_SEQ_CST);
		return;
	}
	if (!__atomic_load_n(&state->under_way, __ATOMIC_SEQ_CST) &&
	    !__atomic_load_n(&state->first.used, __ATOMIC_SEQ_CST))
		__atomic_store_n(&state->way, MH_WAY_OFF, __ATOMIC_SEQ_CST);
}
