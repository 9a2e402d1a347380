/* SPDX-License-Identifier: MIT */
/*
 * chunk-quick.h - the usual ways of births and deaths, to be inlined
 *
 * What is not usual they leave to chunk.c; chunk.h tells the layout.
 */
#ifndef MH_CHUNK_QUICK_H
#define MH_CHUNK_QUICK_H

#include "chunk.h"
#include "operand.h"
#include "thread.h"

/* The number of the first word of its way. */
static inline size_t mh_chunk_way(uintptr_t address)
{
	return address >> (MH_LEAF_SHIFT - __builtin_ctz(MH_WAY_WORDS)) &
	       (MH_WAYS - 1) * MH_WAY_WORDS;
}

static inline struct mh_chunk_leaf *
mh_chunk_way_leaf(const struct mh_chunks *chunks, size_t way)
{
	return (struct mh_chunk_leaf *)(uintptr_t)chunks->way[way + MH_WAY_LEAF];
}

/* Until then no address must be asked for that may be below 2 MiB, as NULL is. */
static inline void mh_chunk_init(struct mh_chunks *chunks)
{
	uint64_t unset = 0;

	__atomic_compare_exchange_n(&chunks->way[MH_WAY_START], &unset, 1, 0,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	unset = 0;
	__atomic_compare_exchange_n(&chunks->way[MH_WAY_APART], &unset, 1, 0,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/*
 * Where an address lies in its leaf, in units of 16 bytes; one of another leaf than
 * the way's, or that is no multiple of 16, comes out larger than any.  @start: number
 * of the word of its way, with MH_WAY_START or MH_WAY_APART
 */
static inline uint64_t mh_chunk_units(const struct mh_chunks *chunks, size_t start,
				      uintptr_t address)
{
	/* acquire: pairs with the release of who has set it */
	const uint64_t from = mh_xor_with(address, &chunks->way[start]);

	return from >> 4 | from << 60;
}

/* @units: in the leaf; two of them are a slot, of two bytes */
static inline uint16_t *mh_chunk_slot(struct mh_chunk_leaf *leaf, uint64_t units)
{
	return (uint16_t *)((char *)leaf->slot +
			    (units & ~(uint64_t)MH_SLOT_PLACE));
}

/*
 * Those of one site lie together.  By the golden ratio: Knuth, The Art of Computer
 * Programming 3, 6.4; not of site and size in one, which is less to do, but can only
 * begin when the size is there.  @usable: at most 16 times as many as the table has
 * kinds
 */
static inline size_t mh_chunk_kind_hash(uint64_t site, size_t usable,
					unsigned int bits)
{
	return ((uint32_t)site * 0x9e3779b1u >> (32 - bits)) ^ usable >> 4;
}

/* Of the first table.  @slack: not below a multiple of 16, below 1,024 */
static inline uint64_t mh_chunk_kind_key(uint64_t site, size_t usable,
					 size_t slack)
{
	return site + ((uint64_t)usable << (MH_KIND_USABLE_SHIFT - 3)) +
	       ((uint64_t)slack >> 4 << MH_KIND_SLACK_SHIFT);
}

/* From probe to probe it is far, as the sizes of a site stand in rows. */
static inline size_t mh_chunk_kind_probe(size_t first, size_t nr, unsigned int bits)
{
	return first ^ nr << (bits - MH_KIND_PROBE_BITS);
}

/*
 * What a slot holds of a chunk beside its place: the number of its kind, in the first
 * table, and its slack, below 16.  It is not 0.
 */
static inline size_t mh_chunk_sort(size_t kind, size_t slack)
{
	return kind * 16 + slack;
}

static inline size_t mh_chunk_sort_kind(size_t sort)
{
	return sort / 16;
}

static inline size_t mh_chunk_sort_slack(size_t sort)
{
	return sort % 16;
}

/**
 * struct mh_born - what the layer index says to the one above of an allocation
 * @ptr:	the chunk, or NULL
 * @kind:	its sort, less its slack, or 0: look it up
 */
struct mh_born {
	void *ptr;
	size_t kind;
};

/**
 * struct mh_moved - what it says of a realloc
 * @ptr:	what came of it
 * @code:	of the slot of the chunk before; 0: it has done nothing yet
 */
struct mh_moved {
	void *ptr;
	size_t code;
};

/* Is it one?  Whatever else a slot holds is none. */
static inline int mh_chunk_is_sort(size_t sort)
{
	return sort - mh_chunk_sort(1, 0) <
	       (MH_SLOT_OTHER >> MH_SLOT_SLACK_SHIFT) - mh_chunk_sort(1, 0);
}

/* Is it that of a chunk that begins just there? */
static inline int mh_chunk_is_at(uint32_t code, uint64_t units)
{
	return mh_chunk_is_sort(code >> MH_SLOT_SLACK_SHIFT) &&
	       !((code ^ (uint32_t)units) & MH_SLOT_PLACE);
}

/*
 * The number of a kind, looked for in so many places, or
 * SIZE_MAX.
 */
static inline size_t mh_chunk_kind_at(const struct mh_chunks *chunks, size_t first,
				      uint64_t key, unsigned int probes)
{
	size_t nr;

	for (size_t i = 0; i < probes; i++) {
		nr = mh_chunk_kind_probe(first, i, MH_KIND_BITS);
		if (__builtin_expect(mh_is_there(&chunks->first_kinds[nr], key), 1))
			return nr;
	}
	return SIZE_MAX;
}

/**
 * mh_chunk_born_at() - record a chunk in the usual case
 * @way:	mh_chunk_way() of its address
 * @units:	below MH_LEAF_UNITS: mh_chunk_units() of its address
 * @requested:	bytes asked for
 * @usable:	bytes that its owner may use, no less than @requested
 * @site:	caller
 * @apart:	nonzero when no two chunks of the allocator ever begin in the same
 *		MH_BLOCK_BYTES, aligned to them, and none has no usable bytes; each
 *		has its size in the word before it; and @units is by @apart_start.
 *		Below 0: its slack need not be less than 16, nor its kind at the
 *		first place
 *
 * Where chunks begin apart, whatever has the slot is dead.
 * Context: any, also before relocation; lock-free, async-signal-safe.
 * Return: its sort, less its slack; 0 when it takes mh_chunk_born_slowly().
 */
static inline size_t mh_chunk_born_at(struct mh_chunks *chunks, size_t way,
				      uint64_t units, size_t requested,
				      size_t usable, uintptr_t site, int apart)
{
	size_t slack = usable - requested, nr, kind;
	uint16_t *slot, none = 0, code;

	if (__builtin_expect(usable > MH_UNMARKED_MOST, 0))
		return 0;
	/* or else gcc makes one branch of two, and more of it */
	__asm__("" : "+r"(slack));
	/* of such an allocator that is the rule: one number less to add */
	if (apart > 0 && __builtin_expect(slack > MH_WORD_SLACK, 0))
		return 0;
	/* of others a size may be anything; all of 1,024 bytes is too much slack */
	if (!apart && (!usable || usable & 7 || slack > MH_KIND_SLACK_MOST))
		return 0;
	nr = mh_chunk_kind_at(chunks, mh_chunk_kind_hash(site, usable,
							 MH_KIND_BITS),
			      mh_chunk_kind_key(site, usable,
						apart > 0 ? 0 : slack),
			      apart > 0 ? 1 : MH_KIND_PROBES);
	if (__builtin_expect(nr == SIZE_MAX, 0))
		return 0;
	slot = mh_chunk_slot(mh_chunk_way_leaf(chunks, way), units);
	kind = mh_chunk_sort(nr, 0);
	/* or else callers ask again */
	if (!kind)
		__builtin_unreachable();
	slack &= apart > 0 ? SIZE_MAX : MH_WORD_SLACK;
	code = (uint16_t)((units & MH_SLOT_PLACE) +
			  ((kind + slack) << MH_SLOT_SLACK_SHIFT));
	/* release: pairs with a reader's acquire */
	if (!apart)
		return __atomic_compare_exchange_n(slot, &none, code, 0,
						   __ATOMIC_RELEASE,
						   __ATOMIC_RELAXED) ? kind : 0;
	__atomic_store_n(slot, code, __ATOMIC_RELEASE);
	return kind;
}

/**
 * mh_chunk_born_quickly() - the same
 * @base:	the chunk's address
 */
static inline size_t mh_chunk_born_quickly(struct mh_chunks *chunks,
					   uintptr_t base, size_t requested,
					   size_t usable, uintptr_t site,
					   int apart)
{
	const size_t way = mh_chunk_way(base);
	const uint64_t units = mh_chunk_units(
		chunks, way + (apart ? MH_WAY_APART : MH_WAY_START), base);

	return __builtin_expect(units >= MH_LEAF_UNITS, 0) ? 0 :
		mh_chunk_born_at(chunks, way, units, requested, usable, site,
				 apart);
}

/**
 * mh_chunk_dies_quickly() - forget a chunk in the usual case
 *
 * Nobody else may write to the slot of a chunk that is about to be freed, so a
 * store does it.  Relaxed: the allocator itself orders it before another birth.
 * Where chunks begin apart, it is the only one that can have the slot.
 * Arguments, context, return: as for mh_chunk_born_quickly();
 * mh_chunk_dies_slowly().
 */
static inline size_t mh_chunk_dies_quickly(struct mh_chunks *chunks,
					   uintptr_t base, int apart)
{
	const size_t way = mh_chunk_way(base);
	const uint64_t units = mh_chunk_units(
		chunks, way + (apart ? MH_WAY_APART : MH_WAY_START), base);
	uint16_t *slot;
	size_t code, sort;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return 0;
	slot = mh_chunk_slot(mh_chunk_way_leaf(chunks, way), units);
	code = __atomic_load_n(slot, __ATOMIC_RELAXED);
	sort = code >> MH_SLOT_SLACK_SHIFT;
	/* or else gcc compares the code, and has both */
	__asm__("" : "+r"(sort));
	if (__builtin_expect(!mh_chunk_is_sort(sort), 0) ||
	    __builtin_expect(!apart && (code ^ units) & MH_SLOT_PLACE, 0))
		return 0;
	__atomic_store_n(slot, 0, __ATOMIC_RELAXED);
	return sort;
}

/**
 * mh_chunk_knows_quickly() - whose chunk is this, in the usual case
 * @site:	of the chunk that begins at exactly @base; filled in when it is
 *		known, and then not 0
 * @requested:	bytes asked for; likewise
 *
 * For who owns the chunk, as just before a free: mh_chunk_find() is for others.
 * Context: as for mh_chunk_born_quickly().
 * Return: 0 when it takes mh_chunk_knows_slowly().
 */
static inline int mh_chunk_knows_quickly(struct mh_chunks *chunks,
					 uintptr_t base, uintptr_t *site,
					 size_t *requested)
{
	const size_t way = mh_chunk_way(base);
	const uint64_t units = mh_chunk_units(chunks, way + MH_WAY_START, base);
	uint64_t key;
	uint32_t code;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return 0;
	code = __atomic_load_n(mh_chunk_slot(mh_chunk_way_leaf(chunks, way), units),
			       __ATOMIC_ACQUIRE);
	if (__builtin_expect(!mh_chunk_is_at(code, units), 0))
		return 0;
	key = __atomic_load_n(&chunks->first_kinds[code >> MH_SLOT_KIND_SHIFT],
			      __ATOMIC_RELAXED);
	*site = mh_chunk_kind_site(key);
	*requested = mh_chunk_kind_usable(key) - mh_chunk_kind_slack(key) -
		     (code >> MH_SLOT_SLACK_SHIFT & MH_WORD_SLACK);
	return 1;
}

/* What stands among the moves of a chunk that is reached by @apart_start; not 0. */
static inline uint64_t mh_chunk_move_of(uintptr_t base, uint32_t code)
{
	return (uint64_t)base >> MH_BLOCK_SHIFT << MH_MOVE_BLOCK_SHIFT | code;
}

/*
 * Of so many places, a power of two, the first for a thread's moves: stacks are whole
 * pages apart.
 */
static inline uint32_t mh_chunk_move_nr(uint64_t thread, unsigned int places)
{
	return (uint32_t)(thread >> 12) * 0x9e3779b1u >>
	       (32 - __builtin_ctz(places));
}

/*
 * Write down a move.  Of a thread's own place nobody else takes notice; one that is
 * not empty is a move that a signal has broken into.
 */
static inline uint64_t *mh_chunk_put_move(struct mh_chunks *chunks, uint64_t move)
{
	const uint64_t thread = mh_thread_pointer();
	struct mh_chunk_mover *mover =
		&chunks->mover[mh_chunk_move_nr(thread, MH_MOVERS)];

	if (__builtin_expect(!mh_is_there(&mover->owner, thread), 0) ||
	    __builtin_expect(!mh_is_there(&mover->move, 0), 0))
		return mh_chunk_put_move_slowly(chunks, move);
	__atomic_store_n(&mover->move, move, __ATOMIC_RELEASE);
	return &mover->move;
}

/**
 * mh_chunk_hop_begins() - a realloc is about to be made, in the usual case
 *
 * Context: as for mh_chunk_move_begins().  What follows is mh_chunk_hop_ends() or
 * mh_chunk_hop_slowly().
 * Return: a hop; its code is 0 when it takes mh_chunk_move_begins().
 */
static inline struct mh_chunk_hop mh_chunk_hop_begins(struct mh_chunks *chunks,
						      uintptr_t base)
{
	const size_t way = mh_chunk_way(base);
	const uint64_t units = mh_chunk_units(chunks, way + MH_WAY_APART, base);
	const struct mh_chunk_hop none = { NULL, 0 };
	struct mh_chunk_hop hop;
	uint16_t *slot;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return none;
	slot = mh_chunk_slot(mh_chunk_way_leaf(chunks, way), units);
	hop.code = __atomic_load_n(slot, __ATOMIC_RELAXED);
	if (__builtin_expect(!mh_chunk_is_at((uint32_t)hop.code, units), 0))
		return none;
	hop.move = mh_chunk_put_move(chunks, mh_chunk_move_of(
						base, (uint32_t)hop.code));
	if (__builtin_expect(!hop.move, 0))
		return none;
	/* release: who finds that finds the move, too */
	__atomic_store_n(slot, (uint16_t)(MH_SLOT_PENDING |
					  (hop.code & MH_SLOT_PLACE)),
			 __ATOMIC_RELEASE);
	/* or else callers ask again */
	if (!hop.code)
		__builtin_unreachable();
	return hop;
}

/**
 * mh_chunk_hop_ends() - it has succeeded, in the usual case
 * @old:	the chunk was here
 * @base:	the chunk is here now
 * @requested:	bytes asked for now
 * @usable:	bytes that its owner may use now
 *
 * Return: 0 when it takes mh_chunk_hop_slowly().
 */
static inline int mh_chunk_hop_ends(struct mh_chunks *chunks,
				    struct mh_chunk_hop hop, uintptr_t old,
				    uintptr_t base, size_t requested,
				    size_t usable)
{
	const uint64_t kind = __atomic_load_n(
		&chunks->first_kinds[hop.code >> MH_SLOT_KIND_SHIFT],
		__ATOMIC_RELAXED);
	uint16_t pending = (uint16_t)(MH_SLOT_PENDING |
				      (hop.code & MH_SLOT_PLACE));
	const size_t way = mh_chunk_way(base), from = mh_chunk_way(old);
	const uint64_t units = mh_chunk_units(chunks, way + MH_WAY_APART, base);

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0) ||
	    __builtin_expect(!mh_chunk_born_at(chunks, way, units, requested, usable,
					       mh_chunk_kind_site(kind), -1), 0))
		return 0;
	/* the address may be another thread's by now, which has put its own there */
	if (base != old)
		__atomic_compare_exchange_n(
			mh_chunk_slot(mh_chunk_way_leaf(chunks, from),
				      mh_chunk_units(chunks, from + MH_WAY_APART, old)),
			&pending, 0, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	__atomic_store_n(hop.move, 0, __ATOMIC_RELEASE);
	return 1;
}

/**
 * mh_chunk_born() - record a chunk, once the allocator has handed it out
 *
 * A chunk that is recorded at this address already was freed behind our back.
 * Arguments, context: as for mh_chunk_born_quickly(); @usable may be 0, and
 * @apart must be then.
 */
static inline void mh_chunk_born(struct mh_chunks *chunks, uintptr_t base,
				 size_t requested, size_t usable,
				 uintptr_t site, int apart)
{
	if (!mh_chunk_born_quickly(chunks, base, requested, usable, site, apart))
		mh_chunk_born_slowly(chunks, base, requested, usable, site,
				     apart);
}

/**
 * mh_chunk_dies() - forget a chunk, before the allocator is handed it
 *
 * One that is not known (born before us, a stranger's, dead already) is let
 * alone.
 * Context: as for mh_chunk_born_quickly().
 */
static inline void mh_chunk_dies(struct mh_chunks *chunks, uintptr_t base)
{
	if (!mh_chunk_dies_quickly(chunks, base, 0))
		mh_chunk_dies_slowly(chunks, base);
}

#endif
