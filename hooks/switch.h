/* SPDX-License-Identifier: MIT */
/*
 * switch.h - a layer that can be switched off
 *
 * With LAYER_SWITCHES the composer puts one in front of each layer: functions
 * that go to the layer, or else to what is behind it, as the option "on" of the
 * layer says.  It is asked once a call, so no call is seen by half.
 *
 * A layer that observes may be switched at any time: what it misses, it does not
 * know.  One that transforms has to be given back each chunk that it has shaped,
 * and no other.  It is switched off at start only, but calls come before that,
 * and these go through it.  So the chunks of that time are listed, and the list is
 * looked at for as long as the process lives, if the layer is off; if it is on,
 * never again.
 */
#ifndef MH_SWITCH_H
#define MH_SWITCH_H

#include <mallochooks/layer.h>

#define MH_SWITCH_FIRST	512u	/* places of the first table */

/*
 * Head of a table: addresses by their hash, one behind the other, where 0 was
 * never used and ends a search.  Each table is twice as large as the one before.
 */
struct mh_switch_table {
	struct mh_switch_table *more;
	unsigned int doubled;		/* so often */
	unsigned int used;		/* places that are not 0 any more */
};

/* Less than 0: a chunk that is not listed is none of the layer's. */
enum mh_way {
	MH_WAY_LISTED = -2,	/* off, and there are chunks in the list */
	MH_WAY_OFF = -1,	/* off, and there are none */
	MH_WAY_BOOT,		/* nobody knows yet */
	MH_WAY_FULL,		/* the same, and no memory for the list: it stays on */
	MH_WAY_ON,
};

/**
 * struct mh_switch - of a layer that transforms
 * @way:	enum mh_way
 * @adrift:	chunks stand at places that their hash does not lead to
 * @under_way:	calls that may list a chunk that they make
 * @low, @high:	all chunks that were ever listed lie from here to there
 * @first:	the first table
 * @room:	its places
 */
struct mh_switch {
	int way;
	int adrift;
	int under_way;
	uintptr_t low;
	uintptr_t high;
	struct mh_switch_table first;
	uintptr_t room[MH_SWITCH_FIRST];
};

/* What a realloc of a listed chunk keeps of it while it is under way. */
struct mh_switch_hold {
	uintptr_t *place;	/* NULL: it was not listed */
	uintptr_t chunk;
};

#pragma GCC visibility push(hidden)

/**
 * mh_switch_decide() - the options have their values
 * @layer:	name of the layer
 * @on:		its option
 *
 * Context: constructor; other threads may be in the layer already.
 */
void mh_switch_decide(struct mh_switch *state, const char *layer,
		      const struct mallochooks_option *on);

/**
 * mh_switch_boots() - a chunk is about to be made, and the way was BOOT or FULL
 *
 * Context: any, also before relocation; lock-free, async-signal-safe.
 * Return: 0 when it is decided by now; or else mh_switch_born() has to follow.
 */
int mh_switch_boots(struct mh_switch *state);

/**
 * mh_switch_born() - the layer has made it
 * @ptr:	NULL when it has failed
 *
 * Context: as for mh_switch_boots().
 * Return: 0 when the chunk has to be given back to the layer: there is no memory
 * for the list, and the layer is off by now.
 */
int mh_switch_born(struct mh_switch *state, void *ptr);

/**
 * mh_switch_dies() - a chunk is about to be freed, and the way was not OFF or ON
 *
 * Takes it off the list.  Context: as for mh_switch_boots().
 * Return: nonzero when it is the layer's.
 */
int mh_switch_dies(struct mh_switch *state, void *ptr);

/* The same of a chunk that goes on living. */
int mh_switch_owns(struct mh_switch *state, void *ptr);

/**
 * mh_switch_moves() - a chunk is about to be reallocated
 * @hold:	filled in, for mh_switch_moved() or mh_switch_stays()
 *
 * Takes it off the list, as mh_switch_dies() does, but its place is kept.
 * Return: nonzero when it is the layer's.
 */
int mh_switch_moves(struct mh_switch *state, void *ptr,
		    struct mh_switch_hold *hold);

/* The layer has made @ptr of it; NULL: has freed it. */
void mh_switch_moved(struct mh_switch *state, const struct mh_switch_hold *hold,
		     void *ptr);

/* The layer has failed: it is the chunk that it was. */
void mh_switch_stays(struct mh_switch *state, const struct mh_switch_hold *hold);

#pragma GCC visibility pop

/*
 * ---- what the composer makes of it ------------------------------------------
 *
 * MH_LAYER is the layer, MH_NEXT what is behind it, and MH_SWITCH the name of the
 * switch, which the layer above has for its MH_NEXT.
 */
#define SWITCH_IDENT(op)	MH_NAME(MH_SWITCH, op)
#define MH_STATE		SWITCH_IDENT(state)

/* What ops.h has for an operation, with the switch's name in front. */
#define MH_SWITCH_OP__(ret, op, params, args, hand, is_on) \
	ret SWITCH_IDENT(op) params \
	{ \
		if (likely(is_on)) \
			hand HOOK_IDENT(op) args; \
		else \
			hand NEXT_IDENT(op) args; \
	}
#define MH_SWITCH_OP_(...)		MH_SWITCH_OP__(__VA_ARGS__)
#define MH_SWITCH_OP(op, is_on)		MH_SWITCH_OP_(MH_OP_##op, is_on)

/*
 * The same, but the way past the layer is a jump.  Where both ways are inlined,
 * each layer doubles all that is below it; that is for malloc and free alone.
 */
#define MH_SWITCH_RARE__(ret, op, params, args, hand, is_on) \
	static __attribute__((noinline)) \
	ret SWITCH_IDENT(op##_past) params \
	{ \
		hand NEXT_IDENT(op) args; \
	} \
	ret SWITCH_IDENT(op) params \
	{ \
		if (likely(is_on)) \
			hand HOOK_IDENT(op) args; \
		else \
			hand SWITCH_IDENT(op##_past) args; \
	}
#define MH_SWITCH_RARE_(...)		MH_SWITCH_RARE__(__VA_ARGS__)
#define MH_SWITCH_RARE(op, is_on)	MH_SWITCH_RARE_(MH_OP_##op, is_on)

/*
 * Of a layer that observes.  A plain load: it is the only one of the call, and a
 * comparison in memory is what a compiler makes of no other kind.  Whether memory is known to be zero is always asked of
 * it: a calloc that is made of malloc and this question may be switched between.
 */
#define MH_SWITCH_LIVE	(HOOK_IDENT(options).on.num != 0)
#define MH_OBSERVING_SWITCH \
	int SWITCH_IDENT(zeroed)(void *ptr, size_t size) \
	{ \
		return HOOK_IDENT(zeroed)(ptr, size); \
	} \
	MH_SWITCH_OP(malloc, MH_SWITCH_LIVE) \
	MH_SWITCH_RARE(calloc, MH_SWITCH_LIVE) \
	MH_SWITCH_OP(free, MH_SWITCH_LIVE) \
	MH_SWITCH_RARE(realloc, MH_SWITCH_LIVE) \
	MH_SWITCH_RARE(memalign, MH_SWITCH_LIVE) \
	MH_SWITCH_OP(malloc_usable_size, MH_SWITCH_LIVE)

/*
 * Of one that keeps something of each chunk: it would take a dead one for alive, had
 * it not been told.  MH_STATE says whether it may have any.
 */
static inline int mh_switch_sees_birth(int64_t on, int *has_any)
{
	if (unlikely(!on))
		return 0;
	if (unlikely(!*has_any))
		*has_any = 1;
	return 1;
}

/* For its walk: there is one. */
static inline int mh_switch_found(const struct mallochooks_object *object,
				  void *arg)
{
	(void)object;
	(void)arg;
	return 1;
}

#define MH_SWITCH_KEEPS \
	mh_switch_sees_birth(HOOK_IDENT(options).on.num, &MH_STATE)
#define MH_KEEPING_SWITCH \
	static int MH_STATE = 1; \
	int SWITCH_IDENT(zeroed)(void *ptr, size_t size) \
	{ \
		return HOOK_IDENT(zeroed)(ptr, size); \
	} \
	MH_SWITCH_OP(malloc, MH_SWITCH_KEEPS) \
	MH_SWITCH_RARE(calloc, MH_SWITCH_KEEPS) \
	MH_SWITCH_OP(free, MH_STATE) \
	MH_SWITCH_RARE(realloc, MH_SWITCH_KEEPS || (ptr && MH_STATE)) \
	MH_SWITCH_RARE(memalign, MH_SWITCH_KEEPS) \
	MH_SWITCH_OP(malloc_usable_size, MH_SWITCH_LIVE)

/*
 * Of one that transforms.  Off comes first: it is that which has to cost a
 * single branch.
 */
#define MH_SWITCH_WAY	__atomic_load_n(&MH_STATE.way, __ATOMIC_RELAXED)

#define MH_SWITCH_BIRTH__(ret, op, params, args, hand) \
	static __attribute__((noinline, cold)) \
	ret SWITCH_IDENT(op##_in_boot) params \
	{ \
		ret ptr; \
		\
		if (!mh_switch_boots(&MH_STATE)) \
			return SWITCH_IDENT(op) args; \
		ptr = HOOK_IDENT(op) args; \
		if (mh_switch_born(&MH_STATE, ptr)) \
			return ptr; \
		HOOK_IDENT(free)(ptr, caller); \
		*mh_errno() = ENOMEM; \
		return NULL; \
	} \
	ret SWITCH_IDENT(op) params \
	{ \
		const int way = MH_SWITCH_WAY; \
		\
		if (way < 0) \
			return NEXT_IDENT(op) args; \
		if (likely(way == MH_WAY_ON)) \
			return HOOK_IDENT(op) args; \
		return SWITCH_IDENT(op##_in_boot) args; \
	}
#define MH_SWITCH_BIRTH_(...)	MH_SWITCH_BIRTH__(__VA_ARGS__)
#define MH_SWITCH_BIRTH(op)	MH_SWITCH_BIRTH_(MH_OP_##op)

#define MH_SWITCH_CHUNK__(ret, op, params, args, hand, owns) \
	static __attribute__((noinline)) \
	ret SWITCH_IDENT(op##_by_list) params \
	{ \
		if (owns(&MH_STATE, ptr)) \
			hand HOOK_IDENT(op) args; \
		else \
			hand NEXT_IDENT(op) args; \
	} \
	ret SWITCH_IDENT(op) params \
	{ \
		const int way = MH_SWITCH_WAY; \
		\
		if (way == MH_WAY_OFF) \
			hand NEXT_IDENT(op) args; \
		else if (likely(way == MH_WAY_ON)) \
			hand HOOK_IDENT(op) args; \
		else \
			hand SWITCH_IDENT(op##_by_list) args; \
	}
#define MH_SWITCH_CHUNK_(...)	MH_SWITCH_CHUNK__(__VA_ARGS__)
#define MH_SWITCH_CHUNK(op, owns) MH_SWITCH_CHUNK_(MH_OP_##op, owns)

/* realloc(ptr, 0) that returns NULL has freed, unless it says ENOMEM. */
#define MH_SWITCH_REALLOC \
	static __attribute__((noinline)) \
	void *SWITCH_IDENT(realloc_by_list)(void *old, size_t size, \
					    caller_t caller) \
	{ \
		const int before = *mh_errno(); \
		struct mh_switch_hold hold; \
		void *ptr; \
		int error; \
		\
		if (!mh_switch_moves(&MH_STATE, old, &hold)) \
			return NEXT_IDENT(realloc)(old, size, caller); \
		*mh_errno() = 0; \
		ptr = HOOK_IDENT(realloc)(old, size, caller); \
		error = *mh_errno(); \
		*mh_errno() = error ? error : before; \
		if (ptr || (!size && error != ENOMEM)) \
			mh_switch_moved(&MH_STATE, &hold, ptr); \
		else \
			mh_switch_stays(&MH_STATE, &hold); \
		return ptr; \
	} \
	static __attribute__((noinline, cold)) \
	void *SWITCH_IDENT(realloc_in_boot)(size_t size, caller_t caller) \
	{ \
		void *ptr; \
		\
		if (!mh_switch_boots(&MH_STATE)) \
			return SWITCH_IDENT(realloc)(NULL, size, caller); \
		ptr = HOOK_IDENT(realloc)(NULL, size, caller); \
		if (mh_switch_born(&MH_STATE, ptr)) \
			return ptr; \
		HOOK_IDENT(free)(ptr, caller); \
		*mh_errno() = ENOMEM; \
		return NULL; \
	} \
	void *SWITCH_IDENT(realloc)(void *ptr, size_t size, caller_t caller) \
	{ \
		const int way = MH_SWITCH_WAY; \
		\
		if (way == MH_WAY_OFF || (way < 0 && !ptr)) \
			return NEXT_IDENT(realloc)(ptr, size, caller); \
		if (likely(way == MH_WAY_ON)) \
			return HOOK_IDENT(realloc)(ptr, size, caller); \
		return ptr ? SWITCH_IDENT(realloc_by_list)(ptr, size, caller) : \
			     SWITCH_IDENT(realloc_in_boot)(size, caller); \
	}

#define MH_TRANSFORMING_SWITCH \
	static struct mh_switch MH_STATE; \
	void *SWITCH_IDENT(malloc)(size_t size, caller_t caller); \
	void *SWITCH_IDENT(calloc)(size_t n, size_t size, caller_t caller); \
	void *SWITCH_IDENT(memalign)(size_t alignment, size_t size, \
				     caller_t caller); \
	void *SWITCH_IDENT(realloc)(void *ptr, size_t size, caller_t caller); \
	MH_SWITCH_BIRTH(malloc) \
	MH_SWITCH_BIRTH(calloc) \
	MH_SWITCH_BIRTH(memalign) \
	MH_SWITCH_REALLOC \
	MH_SWITCH_CHUNK(free, mh_switch_dies) \
	MH_SWITCH_CHUNK(malloc_usable_size, mh_switch_owns) \
	MH_SWITCH_CHUNK(zeroed, mh_switch_owns)

#endif
