/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - which chunk does an address belong to, how large is it, who made it
 *
 * A table beside the allocator.  A chunk is one word of 32 bits,
 *
 *	token | number of a struct mh_chunk_kind | flags | place	a small chunk
 *	number of a struct mh_chunk_wide | generation | flags | place	any other
 *
 * in the slot of the 32 bytes of addresses in which it begins.  A kind is what
 * chunks have in common that one site asked for with one size; it never
 * changes, so a reader has all of a small chunk with one load, and nothing can
 * be torn.  Where two chunks begin in the same 32 bytes, all but one stand in a
 * list that their group of 1 KiB has for that.
 *
 *	address -> zone (8 GiB) -> leaf (2 MiB) -> group (1 KiB) -> 32 slots
 *	address -> way -> leaf, the same in short
 *
 * An allocator that never lets two chunks begin so close (glibc's are 32 bytes
 * apart) leaves each slot to the one who owns the chunk there: a plain load and
 * a plain store are a birth.  With others it is one exchange.  A death is always
 * a load and a store.
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

#define MH_CHUNK_LAYOUT	2	/* for readers outside: Documentation/formats.rst */

#define MH_BLOCK_SHIFT	5	/* addresses that a slot stands for, 2^n bytes */
#define MH_GROUP_SHIFT	10
#define MH_LEAF_SHIFT	21
#define MH_ZONE_SHIFT	33
#define MH_SPACE_SHIFT	48	/* addresses that are reached through @zone */
#define MH_WIDEST_SHIFT	57	/* user space of x86_64 with five levels is smaller */

#define MH_BLOCK_BYTES	(1u << MH_BLOCK_SHIFT)
#define MH_GROUP_SLOTS	(1u << (MH_GROUP_SHIFT - MH_BLOCK_SHIFT))
#define MH_MORE_SLOTS	7
#define MH_LEAF_UNITS	(1u << (MH_LEAF_SHIFT - 3))	/* of 8 bytes */
#define MH_LEAF_SLOTS	(1u << (MH_LEAF_SHIFT - MH_BLOCK_SHIFT))
#define MH_LEAF_GROUPS	(1u << (MH_LEAF_SHIFT - MH_GROUP_SHIFT))
#define MH_ZONE_LEAVES	(1u << (MH_ZONE_SHIFT - MH_LEAF_SHIFT))
#define MH_SPACE_ZONES	(1u << (MH_SPACE_SHIFT - MH_ZONE_SHIFT))
#define MH_SPACES	(1u << (MH_WIDEST_SHIFT - MH_SPACE_SHIFT))
#define MH_WAYS		4096u	/* so many leaves in a row, 8 GiB */

/* A word; 0 is none. */
#define MH_WORD_PLACE		3u	/* in the block, in units of 8 bytes */
#define MH_WORD_IS_USED		(1u << 2)	/* always */
#define MH_WORD_IS_WIDE		(1u << 3)
#define MH_WORD_PENDING		(1u << 4)
#define MH_WORD_KIND_SHIFT	5
#define MH_WORD_KIND		0x7ffffu
#define MH_WORD_TOKEN_SHIFT	24	/* of who reallocates a small chunk */
#define MH_WORD_TOKEN		0x7fu
#define MH_WORD_ALONE_SHIFT	31	/* of a small one, MH_ALONE */
#define MH_WORD_GEN_SHIFT	5
#define MH_WORD_GEN		7u
#define MH_WORD_WIDE_SHIFT	8
#define MH_WORD_WIDE		0xffffffu

#define MH_SMALL_MOST		16376	/* usable bytes of a chunk with a kind */
#define MH_UNMARKED_MOST	1024	/* usable bytes of a chunk without marks */

/*
 * What chunks may have in common, by number: three tables, each for what the one
 * before has no room for.
 */
struct mh_chunk_kind {
	uint64_t site;		/* not 0 */
	uint64_t sizes;		/* requested, and usable above: not 0 */
};

#define MH_KIND_TABLES		3
#define MH_KIND_BITS		12	/* of the first; each next has 3 more */
#define MH_KIND_PROBE_BITS	3
#define MH_KIND_PROBES		(1u << MH_KIND_PROBE_BITS)

/*
 * Words of chunks that begin where another one has the slot: above each the
 * number of its block in the group.
 */
struct mh_chunk_more {
	uint64_t slot[MH_MORE_SLOTS];
	uint64_t link;
};

/* Marks are in units of 8 bytes; 0 is none. */
struct mh_chunk_leaf {
	uint32_t slot[MH_LEAF_SLOTS];
	uint64_t link[MH_LEAF_GROUPS];	/* to a struct mh_chunk_more, or 0 */
	uint16_t mark_1k[MH_LEAF_GROUPS];
	uint16_t mark_16k[MH_LEAF_GROUPS >> 4];
	uint32_t mark_256k[MH_LEAF_GROUPS >> 8];
};

/*
 * Set once; @start, the leaf's first address plus 1, comes last.  A leaf whose way
 * is another one's is found by its zone.
 */
struct mh_chunk_way {
	uint64_t start;
	struct mh_chunk_leaf *leaf;
};

struct mh_chunk_zone {
	struct mh_chunk_leaf *leaf[MH_ZONE_LEAVES];
	uint32_t mark_2m[MH_ZONE_LEAVES];
	uint64_t mark;		/* the address itself: it may be far */
};

/*
 * What has no kind: a large chunk, one with a tag, one made at a site that has
 * no room in the tables.  Never changed while a word leads to it.
 */
struct mh_chunk_wide {
	uint64_t requested;
	uint64_t usable;
	uint64_t site;
	uint64_t tag;
	uint64_t base;
	uint64_t gen;		/* odd: being written; the word has some bits of it */
	uint32_t next;		/* when it is free: number of the next, plus 1 */
	uint32_t claim;		/* bits of @gen: somebody is opening it */
	uint64_t opened;	/* as of struct mh_chunk */
} __attribute__((aligned(64)));

/*
 * Pools: chunks of one table, the outer one, out of which those of others are
 * carved.  The first that is made in a pool opens it: what the inner tables still
 * have there is taken away, then the pool's record says how far it is open.  A
 * chunk of an inner table lives only where that is said, so all go with their pool,
 * at once.  One that was made where there was no pool stands alone: it lives as
 * long as none comes there.
 */
#define MH_INNER_TABLES	16
#define MH_ALONE	((uint64_t)1 << 63)

#define MH_WIDE_FIRST	6	/* records of the first block, 2^n */
#define MH_WIDE_BLOCKS	18	/* each twice as large as the one before */

/**
 * struct mh_chunks - an index
 * @ways:	short ways to leaves
 * @first_kinds: the first table of kinds
 * @zone:	by address, as far as 2^48
 * @beyond:	tables like @zone for wider addresses
 * @wide:	blocks of records
 * @nr_wide:	numbers that were ever given out
 * @free_wide:	head of the free ones plus 1; a count of changes above
 * @lost:	chunks that could not be recorded: no memory
 * @has_more:	nonzero when any group has more words than slots
 * @kinds:	the other tables of kinds
 * @outer:	table whose chunks are our pools; NULL: ours lie in none
 * @inner:	tables to which this one is the outer one
 * @depth:	tables that we are nested in
 */
struct mh_chunks {
	struct mh_chunk_way ways[MH_WAYS];
	struct mh_chunk_kind first_kinds[1u << MH_KIND_BITS];
	struct mh_chunk_zone *zone[MH_SPACE_ZONES];
	struct mh_chunk_zone **beyond[MH_SPACES];
	struct mh_chunk_wide *wide[MH_WIDE_BLOCKS];
	uint64_t nr_wide;
	uint64_t free_wide;
	uint64_t lost;
	int has_more;
	struct mh_chunk_kind *kinds[MH_KIND_TABLES];
	struct mh_chunks *outer;
	struct mh_chunks *inner[MH_INNER_TABLES];
	uint32_t depth;
};

/* Readers outside know these: MH_CHUNK_LAYOUT grows with them. */
_Static_assert(sizeof(struct mh_chunks) == 397656 &&
	       offsetof(struct mh_chunks, kinds) == 397488 &&
	       offsetof(struct mh_chunks, outer) == 397512 &&
	       offsetof(struct mh_chunk_leaf, mark_1k) == 278528 &&
	       offsetof(struct mh_chunk_zone, mark_2m) == 32768 &&
	       offsetof(struct mh_chunk_wide, opened) == 56 &&
	       sizeof(struct mh_chunk_wide) == 64, "layout 2");

/**
 * struct mh_chunk - what is known of a chunk
 * @base:	its address
 * @requested:	bytes that were asked for
 * @usable:	bytes from @base on that its owner may use
 * @site:	address that the allocating call returned to
 * @tag:	what mh_chunk_tag() has set, or 0
 * @opened:	of a pool: addresses below this; MH_ALONE: it lies in no pool
 * @pending:	nonzero while a realloc of it is under way
 */
struct mh_chunk {
	uintptr_t base;
	size_t requested;
	size_t usable;
	uintptr_t site;
	uint64_t tag;
	uint64_t opened;
	int pending;
};

/* Where a word stands: in the slot of its block, or among those of its group. */
struct mh_chunk_spot {
	uint32_t *slot;
	uint64_t *more;		/* or NULL */
};

/**
 * struct mh_chunk_move - a realloc under way
 * @base:	the chunk
 * @site:	of it; valid when @pending is not 0, as all that follows
 * @tag:	of it
 * @opened:	of it
 * @before:	its word as it was
 * @pending:	its word meanwhile; 0 when the chunk was not known
 * @gen:	generation of its wide record, if it has one
 * @spot:	where the word stands; nothing else of the chunk can
 */
struct mh_chunk_move {
	uintptr_t base;
	uintptr_t site;
	uint64_t tag;
	uint64_t opened;
	uint64_t before;
	uint64_t pending;
	uint64_t gen;
	struct mh_chunk_spot spot;
};

#pragma GCC visibility push(hidden)

/* The slow ways of the functions below. */
void mh_chunk_born_slowly(struct mh_chunks *chunks, uintptr_t base,
			  size_t requested, size_t usable, uintptr_t site,
			  int apart);
/* Return: 0 when the chunk is not known. */
int mh_chunk_dies_slowly(struct mh_chunks *chunks, uintptr_t base);
/**
 * mh_chunk_knows_slowly() - whose chunk is this
 *
 * Arguments, context: as for mh_chunk_knows_quickly(); @site may be 0.
 * Return: 0 when the chunk is not known.
 */
int mh_chunk_knows_slowly(struct mh_chunks *chunks, uintptr_t base,
			  uintptr_t *site, size_t *requested);

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
 * @apart:	as for mh_chunk_born_quickly()
 *
 * The new record is there before the old one goes; and that goes only if it is
 * still ours: the address may be another thread's chunk by now.
 */
void mh_chunk_move_ends(struct mh_chunks *chunks,
			const struct mh_chunk_move *move,
			struct mh_chunk *chunk, int apart);

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

/* ---- nested tables ------------------------------------------------------ */

/**
 * mh_chunk_nest() - chunks of one table are carved out of those of another
 *
 * Several threads may do that at once, with the same @outer.
 * Context: before @chunks has any; as for mh_chunk_find().
 * Return: 0; -ENOSPC: @outer has room for no more.
 */
int mh_chunk_nest(struct mh_chunks *chunks, struct mh_chunks *outer);

/**
 * mh_chunk_born_inside() - record a chunk of a table that may be nested
 *
 * Whatever overlaps it has died, and nobody has told us: a pool was reset.
 * Arguments, context: as for mh_chunk_born(); @usable may be 0.
 */
void mh_chunk_born_inside(struct mh_chunks *chunks, uintptr_t base,
			  size_t requested, size_t usable, uintptr_t site);

/**
 * mh_chunk_move_ends_inside() - as mh_chunk_move_ends(), of such a table
 */
void mh_chunk_move_ends_inside(struct mh_chunks *chunks,
			       const struct mh_chunk_move *move,
			       struct mh_chunk *chunk);

/**
 * mh_chunk_find_inside() - as mh_chunk_find(), of such a table
 */
int mh_chunk_find_inside(struct mh_chunks *chunks, uintptr_t address,
			 struct mh_chunk *chunk);

/**
 * mh_chunk_is_inside() - has a chunk that was found not gone with its pool?
 */
int mh_chunk_is_inside(struct mh_chunks *chunks, const struct mh_chunk *chunk);

#pragma GCC visibility pop

/* Are there chunks of other tables in it? */
static inline int mh_chunk_is_pool(const struct mh_chunk *chunk)
{
	return (chunk->opened & ~MH_ALONE) != 0;
}

/*
 * Where an address lies in its leaf, in units of 8 bytes; one of another leaf than
 * the way's, or that is no multiple of 8 (and not below 2 MiB, or the very last:
 * nobody allocates there), comes out larger than any.
 */
static inline uint64_t mh_chunk_units(const struct mh_chunk_way *way,
				      uintptr_t address)
{
	/* acquire: pairs with the release of who has set it */
	const uint64_t from = ((uint64_t)address + 1) ^
			      __atomic_load_n(&way->start, __ATOMIC_ACQUIRE);

	return from >> 3 | from << 61;
}

static inline const struct mh_chunk_way *
mh_chunk_way_of(const struct mh_chunks *chunks, uintptr_t address)
{
	return &chunks->ways[address >> MH_LEAF_SHIFT & (MH_WAYS - 1)];
}

/* @units: in the leaf */
static inline uint32_t *mh_chunk_slot(struct mh_chunk_leaf *leaf, uint64_t units)
{
	return (uint32_t *)((char *)leaf->slot +
			    (units & ~(uint64_t)MH_WORD_PLACE));
}

/*
 * Those of one site lie together, and apart: where sizes are rounded up to a
 * multiple of 16, now and then to the next, the sum is another one for each.  By
 * the golden ratio: Knuth, The Art of Computer Programming 3, 6.4.
 */
static inline uint32_t mh_chunk_kind_hash(uint64_t site, size_t requested,
					  size_t usable, unsigned int bits)
{
	return ((uint32_t)site * 0x9e3779b1u >> (32 - bits)) ^
	       ((uint32_t)(requested + 2 * usable) & ((1u << bits) - 1));
}

/* @kind: its number, from 0 on */
static inline uint32_t mh_chunk_word(uint64_t units, uint32_t kind)
{
	/* sums, so that constants come together; each fits in its place */
	return ((uint32_t)units & MH_WORD_PLACE) + MH_WORD_IS_USED +
	       ((kind + 1) << MH_WORD_KIND_SHIFT);
}

/**
 * mh_chunk_born_quickly() - record a chunk in the usual case
 * @base:	its address
 * @requested:	bytes asked for
 * @usable:	bytes that its owner may use, no less than @requested
 * @site:	caller
 * @apart:	nonzero when no two chunks of the allocator ever begin in the same
 *		MH_BLOCK_BYTES, aligned to them, and none has no usable bytes
 *
 * Context: any, also before relocation; lock-free, async-signal-safe.
 * Return: 0 when it takes mh_chunk_born_slowly().
 */
static inline int mh_chunk_born_quickly(struct mh_chunks *chunks, uintptr_t base,
					size_t requested, size_t usable,
					uintptr_t site, int apart)
{
	const struct mh_chunk_way *way = mh_chunk_way_of(chunks, base);
	const uint64_t units = mh_chunk_units(way, base);
	const struct mh_chunk_kind *kind;
	uint32_t *slot, none = 0, nr;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0) ||
	    __builtin_expect(usable > MH_UNMARKED_MOST, 0))
		return 0;
	/* that would take a kind that is being made for its own */
	if (!apart && !usable)
		return 0;
	/* no more than the table's mask, which is left out so */
	if (requested > MH_UNMARKED_MOST)
		__builtin_unreachable();
	nr = mh_chunk_kind_hash(site, requested, usable, MH_KIND_BITS);
	kind = &chunks->first_kinds[nr];
	if (__builtin_expect(__atomic_load_n(&kind->site, __ATOMIC_RELAXED) !=
			     site, 0) ||
	    __builtin_expect(__atomic_load_n(&kind->sizes, __ATOMIC_RELAXED) !=
			     (requested | usable << 32), 0))
		return 0;
	slot = mh_chunk_slot(way->leaf, units);
	/* release: pairs with a reader's acquire */
	if (!apart)
		return __atomic_compare_exchange_n(slot, &none,
						   mh_chunk_word(units, nr), 0,
						   __ATOMIC_RELEASE,
						   __ATOMIC_RELAXED);
	if (__builtin_expect(__atomic_load_n(slot, __ATOMIC_RELAXED) != 0, 0))
		return 0;
	__atomic_store_n(slot, mh_chunk_word(units, nr), __ATOMIC_RELEASE);
	return 1;
}

/**
 * mh_chunk_dies_quickly() - forget a chunk in the usual case
 *
 * Nobody else may write to the slot of a chunk that is about to be freed, so a
 * store does it.  Relaxed: the allocator itself orders it before another birth.
 * Context: as for mh_chunk_born_quickly().
 * Return: 0 when it takes mh_chunk_dies_slowly().
 */
static inline int mh_chunk_dies_quickly(struct mh_chunks *chunks, uintptr_t base)
{
	const struct mh_chunk_way *way = mh_chunk_way_of(chunks, base);
	const uint64_t units = mh_chunk_units(way, base);
	uint32_t *slot, word;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return 0;
	slot = mh_chunk_slot(way->leaf, units);
	word = __atomic_load_n(slot, __ATOMIC_RELAXED);
	/* a wide one has a record to free */
	if (__builtin_expect(((word ^ ((uint32_t)units & MH_WORD_PLACE)) &
			      (MH_WORD_PLACE | MH_WORD_IS_USED |
			       MH_WORD_IS_WIDE)) != MH_WORD_IS_USED, 0))
		return 0;
	__atomic_store_n(slot, 0, __ATOMIC_RELAXED);
	return 1;
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
	const struct mh_chunk_way *way = mh_chunk_way_of(chunks, base);
	const uint64_t units = mh_chunk_units(way, base);
	const struct mh_chunk_kind *kind;
	uint32_t word;

	if (__builtin_expect(units >= MH_LEAF_UNITS, 0))
		return 0;
	word = __atomic_load_n(mh_chunk_slot(way->leaf, units),
			       __ATOMIC_ACQUIRE);
	/* leaves a number from the first table; of any other chunk, more */
	word -= mh_chunk_word(units, 0);
	if (__builtin_expect(word & ~(((1u << MH_KIND_BITS) - 1) <<
				      MH_WORD_KIND_SHIFT), 0))
		return 0;
	kind = &chunks->first_kinds[word >> MH_WORD_KIND_SHIFT];
	*site = __atomic_load_n(&kind->site, __ATOMIC_RELAXED);
	*requested = (uint32_t)__atomic_load_n(&kind->sizes, __ATOMIC_RELAXED);
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
	if (!mh_chunk_dies_quickly(chunks, base))
		mh_chunk_dies_slowly(chunks, base);
}

#endif
