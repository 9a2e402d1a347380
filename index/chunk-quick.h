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

/* In a table that has the key of a kind at @stride times the kind. */
static inline const uint64_t *mh_chunk_key_at(const void *keys, unsigned int stride,
					      size_t kind)
{
	return (const uint64_t *)((const char *)keys + stride * kind);
}

/*
 * A kind of the first table goes by the offset of its key there: that is 8 times its
 * number, and no shift is needed between the two.
 */
static inline const uint64_t *mh_chunk_kind_at(const struct mh_chunks *chunks,
					       size_t kind)
{
	return mh_chunk_key_at(chunks->first_kinds, 1, kind);
}

/* So many keys wide are entries of who keeps more by kind, with a copy of the key. */
#define MH_KIND_STRIDE	4

/*
 * The first offset to look at, in a table of 2^bits.  Those of one site lie together.
 * By the golden ratio: Knuth, The Art of Computer Programming 3, 6.4; not of site and
 * size in one, which is less to do, but can only begin when the size is there.
 * @size: what was asked for at most, and MH_KIND_HEADER; its lowest three bits do not
 * count
 */
static inline size_t mh_chunk_kind_hash(uint64_t site, size_t size,
					unsigned int bits)
{
	return ((uint32_t)site * 0x9e3779b1u >> (32 - 3 - bits) ^ size) &
	       (((size_t)8 << bits) - 8);
}

/* The offset after that.  It is far, as the sizes of a site stand in rows. */
static inline size_t mh_chunk_kind_next(size_t kind, unsigned int bits)
{
	const size_t all = (size_t)8 << bits;

	return (kind + all / MH_KIND_PROBES) & (all - 1);
}

/*
 * What the first table has of a kind without further slack.  @size: usable bytes, and
 * MH_KIND_HEADER
 */
static inline uint64_t mh_chunk_kind_key(uint64_t site, size_t size)
{
	return site + ((uint64_t)size << (MH_KIND_USABLE_SHIFT - 3));
}

/* What that grows by.  @slack: below 1,024; what is below a multiple of 16 is not in it */
static inline uint64_t mh_chunk_kind_more(size_t slack)
{
	return (uint64_t)slack >> 4 << MH_KIND_SLACK_SHIFT;
}

/*
 * What a slot holds of a chunk beside its place: the number of its kind, and its slack,
 * below 16.  It is not 0.
 */
static inline size_t mh_chunk_sort(size_t kind, size_t slack)
{
	return 2 * kind + slack;
}

static inline size_t mh_chunk_sort_kind(size_t sort)
{
	return sort / 16 * 8;
}

static inline size_t mh_chunk_sort_slack(size_t sort)
{
	return sort % 16;
}

/**
 * struct mh_born - what the layer index says to the one above of an allocation
 * @ptr:	the chunk, or NULL
 * @kind:	as for mh_chunk_kind_at(), or 0: it is not recorded yet
 * @keys:	the table in which that was found
 */
struct mh_born {
	void *ptr;
	size_t kind;
	void *keys;
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
	return sort >= MH_SLOT_KINDS >> MH_SLOT_SLACK_SHIFT;
}

/* The key of the kind that a slot tells. */
static inline uint64_t mh_chunk_key_of_code(const struct mh_chunks *chunks, size_t code)
{
	return __atomic_load_n(&chunks->first_kinds[code >> MH_SLOT_KIND_SHIFT],
			       __ATOMIC_RELAXED);
}

/* Is it that of a chunk that begins just there? */
static inline int mh_chunk_is_at(uint32_t code, uint64_t units)
{
	return code >= MH_SLOT_KINDS && !((code ^ (uint32_t)units) & MH_SLOT_PLACE);
}

/**
 * mh_chunk_kind_of() - of what kind a chunk is, in the usual case
 * @keys:	a table with a key at @stride times each kind
 * @mark:	by which bits the keys to be found differ from the index's
 * @requested:	bytes asked for
 * @usable:	bytes that its owner may use, no less than @requested
 * @slack:	becomes what the slot is to hold of the difference
 * @site:	caller
 * @apart:	as for mh_chunk_born_at()
 *
 * Return: 0 when it takes mh_chunk_born_slowly().
 */
static inline size_t mh_chunk_kind_of(const void *keys, unsigned int stride,
				      uint64_t mark, size_t requested,
				      size_t usable, size_t *slack,
				      uint64_t site, int apart)
{
	uint64_t size = usable + MH_KIND_HEADER, key;
	size_t kind;

	/* or else gcc takes the header off once more */
	__asm__("" : "+r"(usable));
	*slack = usable - requested;
	/* such an allocator's has a header: @size is no smaller than that */
	if (__builtin_expect(apart ? size > MH_UNMARKED_MOST + MH_KIND_HEADER :
				     usable > MH_UNMARKED_MOST, 0))
		return 0;
	/* of others a size may be anything; all of 1,024 bytes is too much slack */
	if (!apart && (!usable || usable & 7 || *slack > MH_KIND_SLACK_MOST))
		return 0;
	key = mh_chunk_kind_key(site, size);
	/* or else gcc makes one branch of two, and more of it */
	__asm__("" : "+r"(*slack));
	if (__builtin_expect(*slack > MH_WORD_SLACK, 0)) {
		key += mh_chunk_kind_more(*slack);
		size -= *slack & ~(size_t)MH_WORD_SLACK;
		*slack &= MH_WORD_SLACK;
	}
	key ^= mark;
	kind = mh_chunk_kind_hash(site, size, MH_KIND_BITS);
	for (unsigned int i = 0; __builtin_expect(!mh_is_there(
			mh_chunk_key_at(keys, stride, kind), key), 0); ) {
		if (++i == MH_KIND_PROBES)
			return 0;
		kind = mh_chunk_kind_next(kind, MH_KIND_BITS);
		/* or else gcc makes the table's address in any case */
		__asm__("" : "+r"(keys));
	}
	/* or else callers ask again */
	if (!kind)
		__builtin_unreachable();
	return kind;
}

/**
 * mh_chunk_born_at() - record a chunk in the usual case
 * @leaf:	mh_chunk_way_leaf() of its address
 * @units:	below MH_LEAF_UNITS: mh_chunk_units() of its address
 * @kind:	of it, not 0
 * @slack:	of it, below 16
 * @apart:	nonzero when no two chunks of the allocator ever begin in the same
 *		MH_BLOCK_BYTES, aligned to them, and none has no usable bytes; each
 *		has its size in the word before it, which leaves less than 1,024 bytes
 *		of slack; and @units is by MH_WAY_APART
 *
 * Where chunks begin apart, whatever has the slot is dead.
 * Context: any, also before relocation; lock-free, async-signal-safe.
 * Return: 0 when it takes mh_chunk_born_slowly().
 */
static inline int mh_chunk_born_at(struct mh_chunk_leaf *leaf, uint64_t units,
				   size_t kind, size_t slack, int apart)
{
	uint16_t code = (uint16_t)mh_chunk_sort(kind, slack), none = 0;

	mh_shift_over(&units, &code);
	/* release: pairs with a reader's acquire */
	if (!apart)
		return __atomic_compare_exchange_n(&leaf->slot[units], &none,
						   code, 0, __ATOMIC_RELEASE,
						   __ATOMIC_RELAXED);
	__atomic_store_n(&leaf->slot[units], code, __ATOMIC_RELEASE);
	return 1;
}

/**
 * mh_chunk_born_quickly() - the same, of a chunk at @base
 *
 * Other arguments, context, return: as for mh_chunk_kind_of(), mh_chunk_born_at().
 */
static inline int mh_chunk_born_quickly(struct mh_chunks *chunks, uintptr_t base,
					size_t requested, size_t usable,
					uintptr_t site, int apart)
{
	const size_t way = mh_chunk_way(base);
	const uint64_t units = mh_chunk_units(
		chunks, way + (apart ? MH_WAY_APART : MH_WAY_START), base);
	size_t slack, kind;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return 0;
	kind = mh_chunk_kind_of(chunks->first_kinds, 1, 0, requested, usable, &slack,
				site, apart);
	return kind && mh_chunk_born_at(mh_chunk_way_leaf(chunks, way), units, kind,
					slack, apart);
}

/*
 * Nobody else may write to the slot of a chunk that is about to be freed, so a
 * store does it.  Relaxed: the allocator itself orders it before another birth.
 */
static inline void mh_chunk_clear(uint16_t *slot)
{
	__atomic_store_n(slot, 0, __ATOMIC_RELAXED);
}

/**
 * struct mh_chunk_held - what a slot holds, and where that is
 * @slot:	mh_chunk_clear() forgets the chunk
 * @code:	below MH_SLOT_KINDS: it is not known by that
 */
struct mh_chunk_held {
	uint16_t *slot;
	size_t code;
};

/**
 * mh_chunk_hold() - the slot of a chunk that is about to be freed, where chunks begin apart
 *
 * For who can tell by himself when it is not known.
 * Context: as for mh_chunk_born_quickly().
 */
static inline struct mh_chunk_held mh_chunk_hold(struct mh_chunks *chunks, uintptr_t base)
{
	const size_t way = mh_chunk_way(base);
	const uint64_t units = mh_chunk_units(chunks, way + MH_WAY_APART, base);
	struct mh_chunk_held held = { NULL, 0 };

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return held;
	held.slot = mh_chunk_slot(mh_chunk_way_leaf(chunks, way), units);
	held.code = __atomic_load_n(held.slot, __ATOMIC_RELAXED);
	return held;
}

/**
 * mh_chunk_dies_quickly() - forget a chunk in the usual case
 *
 * Where chunks begin apart, it is the only one that can have the slot.
 * Arguments, context: as for mh_chunk_born_quickly().
 * Return: its sort; 0 when it takes mh_chunk_dies_slowly().
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
	mh_chunk_clear(slot);
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
	key = mh_chunk_key_of_code(chunks, code);
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
static inline uint64_t *mh_chunk_put_move(struct mh_chunks *chunks,
					  struct mh_chunk_mover **own, uint64_t move)
{
	struct mh_chunk_mover *mover = *own;

	if (__builtin_expect(!mh_is_there(&mover->move, 0), 0))
		return mh_chunk_put_move_slowly(chunks, own, move);
	__atomic_store_n(&mover->move, move, __ATOMIC_RELEASE);
	return &mover->move;
}

/* What a slot holds whose chunk is reallocated. */
static inline uint16_t mh_chunk_pending(size_t code)
{
	return (uint16_t)(MH_SLOT_PENDING | (code & MH_SLOT_PLACE));
}

/**
 * mh_chunk_hop_begins() - a realloc is about to be made, in the usual case
 * @own:	the thread's mover in this table; &mh_chunk_no_mover at first
 *
 * Context: as for mh_chunk_move_begins().  What follows is mh_chunk_hop_ends() or
 * mh_chunk_hop_slowly().
 * Return: a hop; its code is 0 when it takes mh_chunk_move_begins().
 */
static inline struct mh_chunk_hop
mh_chunk_hop_begins(struct mh_chunks *chunks, uintptr_t base,
		    struct mh_chunk_mover **own)
{
	const size_t way = mh_chunk_way(base);
	const uint64_t units = mh_chunk_units(chunks, way + MH_WAY_APART, base);
	const struct mh_chunk_hop none = { NULL, NULL, 0 };
	struct mh_chunk_hop hop;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return none;
	hop.slot = mh_chunk_slot(mh_chunk_way_leaf(chunks, way), units);
	hop.code = __atomic_load_n(hop.slot, __ATOMIC_RELAXED);
	if (__builtin_expect(hop.code < MH_SLOT_KINDS, 0))
		return none;
	hop.move = mh_chunk_put_move(chunks, own, mh_chunk_move_of(
						base, (uint32_t)hop.code));
	if (__builtin_expect(!hop.move, 0))
		return none;
	/* release: who finds that finds the move, too */
	__atomic_store_n(hop.slot, mh_chunk_pending(hop.code), __ATOMIC_RELEASE);
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
	const uint64_t key = mh_chunk_key_of_code(chunks, hop.code);
	const size_t way = mh_chunk_way(base);
	size_t slack, kind;
	uint16_t pending;
	uint64_t units;

	kind = mh_chunk_kind_of(chunks->first_kinds, 1, 0, requested, usable, &slack,
				mh_chunk_kind_site(key), 1);
	if (__builtin_expect(!kind, 0))
		return 0;
	if (__builtin_expect(base == old, 1)) {
		__atomic_store_n(hop.slot, (uint16_t)(
				 mh_chunk_sort(kind, slack) << MH_SLOT_SLACK_SHIFT |
				 (hop.code & MH_SLOT_PLACE)), __ATOMIC_RELEASE);
	} else {
		units = mh_chunk_units(chunks, way + MH_WAY_APART, base);
		if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
			return 0;
		mh_chunk_born_at(mh_chunk_way_leaf(chunks, way), units, kind,
				 slack, 1);
		/* or else gcc keeps what was there over the realloc */
		__asm__("" : "+r"(hop.code));
		pending = mh_chunk_pending(hop.code);
		/* the old place may be another thread's, which has put its own there */
		__atomic_compare_exchange_n(hop.slot, &pending, 0, 0,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
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
