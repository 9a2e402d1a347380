/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - which chunk does an address belong to, how large is it, who made it
 *
 * A table beside the allocator.  A chunk is one word of 64 bits,
 *
 *	site | requested | usable | where it begins		a small chunk
 *	generation | number of a struct mh_chunk_wide | where	any other
 *
 * in the group of the 1 KiB of addresses in which it begins, so that a reader
 * has all of a small chunk with one load, and nothing can be torn.  A group has a
 * slot for each 64 bytes; where chunks lie thicker it is continued elsewhere.
 *
 *	address -> zone (8 GiB) -> leaf (2 MiB) -> group (1 KiB) -> 16 slots
 *
 * A chunk of more than 1 KiB leaves marks, each at the begin of a group or of a
 * larger unit that lies in the middle of it: how far back it began.  Of each
 * begin only the chunk that lies across it is the owner; so a mark is a plain
 * store, is never taken away, and a reader takes it for a hint that the word at
 * its other end has to confirm.  Where a chunk lies across the begin of a larger
 * unit, no smaller ones within that are marked: at most 15 marks of a size, and
 * as many places to look at as there are sizes.  A smaller chunk is found from
 * the group behind its own without a mark.
 *
 * Nobody locks, and nothing is ever given back but the numbers of wide records.
 * Nothing here reads the memory of a chunk, so a lookup can't fault.
 */
#ifndef MH_CHUNK_H
#define MH_CHUNK_H

#include <mallochooks/runtime.h>

#define MH_GROUP_SHIFT	10	/* addresses that a group stands for, 2^n bytes */
#define MH_LEAF_SHIFT	21
#define MH_ZONE_SHIFT	33
#define MH_SPACE_SHIFT	48	/* addresses that are reached through @zone */
#define MH_WIDEST_SHIFT	57	/* user space of x86_64 with five levels is smaller */

#define MH_GROUP_SLOTS	16
#define MH_MORE_SLOTS	7
#define MH_LEAF_GROUPS	(1u << (MH_LEAF_SHIFT - MH_GROUP_SHIFT))
#define MH_ZONE_LEAVES	(1u << (MH_ZONE_SHIFT - MH_LEAF_SHIFT))
#define MH_SPACE_ZONES	(1u << (MH_SPACE_SHIFT - MH_ZONE_SHIFT))
#define MH_SPACES	(1u << (MH_WIDEST_SHIFT - MH_SPACE_SHIFT))

/* A word; 0 is none.  Places and usable sizes are counted in units of 8 bytes. */
#define MH_WORD_PLACE		0x7full
#define MH_WORD_IS_WIDE		(1ull << 7)
#define MH_WORD_IS_USED		(1ull << 8)	/* always */
#define MH_WORD_PENDING		(1ull << 9)
#define MH_WORD_USABLE_SHIFT	10
#define MH_WORD_USABLE		0x7ffull	/* 0 in a wide one */
#define MH_WORD_REQUESTED_SHIFT	21
#define MH_WORD_REQUESTED	0x3fffull
#define MH_WORD_SITE_SHIFT	35
#define MH_WORD_SITE		0xfffffull
#define MH_WORD_TOKEN_SHIFT	55	/* of who reallocates a small chunk */
#define MH_WORD_TOKEN		0x1ffull
#define MH_WORD_WIDE_SHIFT	21
#define MH_WORD_WIDE		0xffffffull
#define MH_WORD_GEN_SHIFT	45
#define MH_WORD_GEN		0x7ffffull

#define MH_SMALL_MOST		(MH_WORD_USABLE * 8)	/* usable bytes */
#define MH_UNMARKED_MOST	1024	/* usable bytes of a chunk without marks */

/*
 * Sites are numbered: three tables, each for what the one before has no room for.
 * The first place of the first one stays empty: it is that of no site at all.
 */
#define MH_SITE_TABLES		3
#define MH_SITE_BITS		12	/* of the first; each next has 3 more */
#define MH_SITE_PROBES		8
#define MH_SITE_NONE		1

/* Words of chunks for which the group has no slot left. */
struct mh_chunk_more {
	uint64_t slot[MH_MORE_SLOTS];
	uint64_t link;
};

/* Marks are in units of 8 bytes; 0 is none. */
struct mh_chunk_leaf {
	uint64_t slot[MH_LEAF_GROUPS * MH_GROUP_SLOTS];
	uint64_t link[MH_LEAF_GROUPS];	/* to a struct mh_chunk_more, or 0 */
	uint16_t mark_1k[MH_LEAF_GROUPS];
	uint16_t mark_16k[MH_LEAF_GROUPS >> 4];
	uint32_t mark_256k[MH_LEAF_GROUPS >> 8];
};

struct mh_chunk_zone {
	struct mh_chunk_leaf *leaf[MH_ZONE_LEAVES];
	uint32_t mark_2m[MH_ZONE_LEAVES];
	uint64_t mark;		/* the address itself: it may be far */
};

/*
 * What does not fit in a word: a large chunk, one with a tag, one made at a
 * site that has no number.  Never changed while a word leads to it.
 */
struct mh_chunk_wide {
	uint64_t requested;
	uint64_t usable;
	uint64_t site;
	uint64_t tag;
	uint32_t gen;		/* as in the word */
	uint32_t next;		/* when it is free: number of the next, plus 1 */
};

#define MH_WIDE_FIRST	6	/* records of the first block, 2^n */
#define MH_WIDE_BLOCKS	18	/* each twice as large as the one before */

/**
 * struct mh_chunks - an index
 * @zone:	by address, as far as 2^48
 * @beyond:	tables like @zone for wider addresses
 * @wide:	blocks of records
 * @nr_wide:	numbers that were ever given out
 * @free_wide:	head of the free ones plus 1; a count of changes above
 * @sites:	tables of call sites
 * @first_sites: the first of these
 * @lost:	chunks that could not be recorded: no memory
 */
struct mh_chunks {
	struct mh_chunk_zone *zone[MH_SPACE_ZONES];
	struct mh_chunk_zone **beyond[MH_SPACES];
	struct mh_chunk_wide *wide[MH_WIDE_BLOCKS];
	uint64_t nr_wide;
	uint64_t free_wide;
	uint64_t lost;
	uintptr_t *sites[MH_SITE_TABLES];
	uintptr_t first_sites[(1u << MH_SITE_BITS) + MH_SITE_PROBES];
};

/**
 * struct mh_chunk - what is known of a chunk
 * @base:	its address
 * @requested:	bytes that were asked for
 * @usable:	bytes from @base on that its owner may use
 * @site:	address that the allocating call returned to
 * @tag:	what mh_chunk_tag() has set, or 0
 * @pending:	nonzero while a realloc of it is under way
 */
struct mh_chunk {
	uintptr_t base;
	size_t requested;
	size_t usable;
	uintptr_t site;
	uint64_t tag;
	int pending;
};

/**
 * struct mh_chunk_move - a realloc under way
 * @old:	the chunk as it was; valid when @pending is not 0
 * @before:	its word as it was
 * @pending:	its word meanwhile; 0 when the chunk was not known
 */
struct mh_chunk_move {
	struct mh_chunk old;
	uint64_t before;
	uint64_t pending;
};

#pragma GCC visibility push(hidden)

/* The slow ways of the functions below. */
void mh_chunk_born_slowly(struct mh_chunks *chunks, uintptr_t base,
			  size_t requested, size_t usable, uintptr_t site);
void mh_chunk_dies_slowly(struct mh_chunks *chunks, uintptr_t base);
void mh_chunk_put(struct mh_chunks *chunks, struct mh_chunk_leaf *leaf,
		  uintptr_t base, uint64_t word);

/**
 * mh_chunk_move_begins() - a realloc of the chunk at @base is about to be made
 *
 * Needs no memory.  Readers still find the chunk, flagged.
 */
void mh_chunk_move_begins(struct mh_chunks *chunks, uintptr_t base,
			  struct mh_chunk_move *move);

/**
 * mh_chunk_move_failed() - it has failed: the chunk is what it was
 */
void mh_chunk_move_failed(struct mh_chunks *chunks,
			  const struct mh_chunk_move *move);

/**
 * mh_chunk_move_ends() - it has succeeded, or has freed the chunk
 * @chunk:	what came of it; site and tag are taken over from the old chunk
 *		where that was known.  Base 0: the chunk was freed.
 *
 * The new record is there before the old one goes; and that goes only if it is
 * still ours: the address may be another thread's chunk by now.
 */
void mh_chunk_move_ends(struct mh_chunks *chunks,
			const struct mh_chunk_move *move,
			struct mh_chunk *chunk);

/**
 * mh_chunk_find() - the chunk that an address lies in
 * @address:	any address; from the first byte of a chunk to its last usable
 *		one (a chunk without any has its first)
 * @chunk:	filled in when found
 *
 * Of a chunk that nobody frees or reallocates meanwhile the answer is certain.
 * Context: any, also signal handlers and children of fork; lock-free.
 * Return: 0; -ENOENT: no chunk of this index; -EAGAIN: it was changed again and
 * again while we looked.
 */
int mh_chunk_find(struct mh_chunks *chunks, uintptr_t address,
		  struct mh_chunk *chunk);

/**
 * mh_chunk_tag() - have the chunk that an address lies in bear a tag
 * @tag:	0 takes it away
 *
 * Context: as for mh_chunk_find().
 * Return: 0; -ENOENT; -EAGAIN; -EBUSY: a realloc is under way; -ENOMEM.
 */
int mh_chunk_tag(struct mh_chunks *chunks, uintptr_t address, uint64_t tag);

/**
 * mh_chunk_walk() - visit every chunk
 * @visit:	called with each; a nonzero result ends the walk
 * @arg:	handed to @visit
 *
 * Chunks that live all the time are visited once, others once or not at all.
 * Both addresses of a realloc under way may be visited.
 * Context: as for mh_chunk_find(); @visit may allocate and free.
 * Return: 0, or what @visit returned.
 */
int mh_chunk_walk(struct mh_chunks *chunks,
		  int (*visit)(const struct mh_chunk *chunk, void *arg),
		  void *arg);

#pragma GCC visibility pop

/*
 * An address in units of 8 bytes; one that is no multiple of them, or that is
 * wider than the table, is too large then for all that follows.
 */
static inline uint64_t mh_chunk_units(uintptr_t address)
{
	return (uint64_t)address >> 3 | (uint64_t)address << 61;
}

static inline struct mh_chunk_leaf *
mh_chunk_leaf_at(const struct mh_chunks *chunks, uint64_t units)
{
	const uint64_t nr = units >> (MH_ZONE_SHIFT - 3);
	struct mh_chunk_zone *zone;

	if (__builtin_expect(nr >= MH_SPACE_ZONES, 0))
		return NULL;
	/* acquire: pairs with the release that published zone and leaf */
	zone = __atomic_load_n(&chunks->zone[nr], __ATOMIC_ACQUIRE);
	if (__builtin_expect(!zone, 0))
		return NULL;
	return __atomic_load_n(&zone->leaf[units >> (MH_LEAF_SHIFT - 3) &
					   (MH_ZONE_LEAVES - 1)],
			       __ATOMIC_ACQUIRE);
}

/* Where a word is looked for first: only small chunks are in each other's way. */
static inline uint64_t *mh_chunk_home(struct mh_chunk_leaf *leaf, uint64_t units)
{
	return &leaf->slot[units >> 3 & (MH_LEAF_GROUPS * MH_GROUP_SLOTS - 1)];
}

/* By the golden ratio: Knuth, The Art of Computer Programming 3, 6.4. */
static inline uint32_t mh_chunk_site_hash(uintptr_t site, unsigned int bits)
{
	return (uint32_t)site * 0x9e3779b1u >> (32 - bits);
}

/* @usable8: units of 8 bytes */
static inline uint64_t mh_chunk_word(uint64_t units, size_t requested,
				     uint64_t usable8, uint64_t site)
{
	/* sums, so that constants come together; each fits in its place */
	return (units & MH_WORD_PLACE) + MH_WORD_IS_USED +
	       (usable8 << MH_WORD_USABLE_SHIFT) +
	       ((uint64_t)requested << MH_WORD_REQUESTED_SHIFT) +
	       (site << MH_WORD_SITE_SHIFT);
}

/**
 * mh_chunk_born() - record a chunk, once the allocator has handed it out
 * @base:	its address
 * @requested:	bytes asked for
 * @usable:	bytes that its owner may use, no less than @requested
 * @site:	caller
 *
 * A chunk that is recorded at this address already was freed behind our back.
 * Context: any, also before relocation; lock-free, async-signal-safe.
 */
static inline void mh_chunk_born(struct mh_chunks *chunks, uintptr_t base,
				 size_t requested, size_t usable,
				 uintptr_t site)
{
	const uint64_t units = mh_chunk_units(base);
	/* one less, so that none are too many; as is what is no multiple of 8 */
	const uint64_t less = mh_chunk_units(usable - 8);
	const uint32_t nr = mh_chunk_site_hash(site, MH_SITE_BITS);
	struct mh_chunk_leaf *leaf = mh_chunk_leaf_at(chunks, units);
	uint64_t word, none = 0;

	if (__builtin_expect(!leaf, 0) ||
	    __builtin_expect(less >= MH_UNMARKED_MOST / 8, 0) ||
	    __builtin_expect(__atomic_load_n(&chunks->first_sites[nr],
					     __ATOMIC_RELAXED) != site, 0)) {
		mh_chunk_born_slowly(chunks, base, requested, usable, site);
		return;
	}
	word = mh_chunk_word(units, requested, less + 1,
			     (uint64_t)nr + 1);
	/* release: pairs with a reader's acquire */
	if (__builtin_expect(!__atomic_compare_exchange_n(
			mh_chunk_home(leaf, units), &none, word, 0,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED), 0))
		mh_chunk_put(chunks, leaf, base, word);
}

/**
 * mh_chunk_dies() - forget a chunk, before the allocator is handed it
 *
 * One that is not known (born before us, a stranger's, dead already) is let
 * alone.
 * Context: as for mh_chunk_born().
 */
static inline void mh_chunk_dies(struct mh_chunks *chunks, uintptr_t base)
{
	const uint64_t units = mh_chunk_units(base);
	struct mh_chunk_leaf *leaf = mh_chunk_leaf_at(chunks, units);
	uint64_t *slot, word;

	if (__builtin_expect(leaf != NULL, 1)) {
		slot = mh_chunk_home(leaf, units);
		word = __atomic_load_n(slot, __ATOMIC_RELAXED);
		/* a wide one has a record to free.  Relaxed: the allocator itself
		 * orders this before another birth. */
		if (__builtin_expect((word & (MH_WORD_PLACE | MH_WORD_IS_USED |
					      MH_WORD_IS_WIDE)) ==
				     ((units & MH_WORD_PLACE) |
				      MH_WORD_IS_USED), 1) &&
		    __builtin_expect(__atomic_compare_exchange_n(slot, &word, 0,
						0, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED), 1))
			return;
	}
	mh_chunk_dies_slowly(chunks, base);
}

#endif
