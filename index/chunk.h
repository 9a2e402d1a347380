/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - which chunk does an address belong to, how large is it, who made it
 *
 * A table beside the allocator.  The 32 bytes of addresses in which a chunk begins
 * have a slot of 16 bits for it,
 *
 *	number of a kind | slack | place
 *
 * A kind is what chunks have in common that one site asked for, and that are
 * alike in size, but for the slack between what was asked for and what is usable;
 * it never changes, so a reader has all of a chunk with one load, and nothing can
 * be torn.  Whatever does not fit there stands in a list that the group of 1 KiB
 * has for that, as a word of 64 bits:
 *
 *	token | odd bytes | block | slack | number of a kind | flags | place
 *	odd bytes | block | number of a struct mh_chunk_wide | generation | flags | place
 *
 * and the slot says so: chunks that are large or have a tag, whose kind is not
 * among the first, that begin where another one does, or not at a multiple of 16.
 * A chunk in a slot that is reallocated meanwhile stands in a table of moves; of one
 * in a list the slot says who does it, so that nobody else's is taken away later.
 *
 *	address -> zone (8 GiB) -> leaf (2 MiB) -> group (1 KiB) -> 32 slots
 *	address -> way -> leaf, the same in short
 *
 * An allocator that never lets two chunks begin so close (glibc's are 32 bytes
 * apart) leaves each slot to the one who owns the chunk there: a plain store is a
 * birth.  With others it is one exchange.  A death is always a load and a store.
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

#define MH_CHUNK_LAYOUT	6	/* for readers outside: Documentation/formats.rst */

#define MH_BLOCK_SHIFT	5	/* addresses that a slot stands for, 2^n bytes */
#define MH_GROUP_SHIFT	10
#define MH_LEAF_SHIFT	21
#define MH_ZONE_SHIFT	33
#define MH_SPACE_SHIFT	48	/* addresses that are reached through @zone */
#define MH_WIDEST_SHIFT	57	/* user space of x86_64 with five levels is smaller */

#define MH_BLOCK_BYTES	(1u << MH_BLOCK_SHIFT)
#define MH_GROUP_SLOTS	(1u << (MH_GROUP_SHIFT - MH_BLOCK_SHIFT))
#define MH_MORE_SLOTS	7
#define MH_LEAF_UNITS	(1u << (MH_LEAF_SHIFT - 4))	/* of 16 bytes */
#define MH_LEAF_SLOTS	(1u << (MH_LEAF_SHIFT - MH_BLOCK_SHIFT))
#define MH_LEAF_GROUPS	(1u << (MH_LEAF_SHIFT - MH_GROUP_SHIFT))
#define MH_ZONE_LEAVES	(1u << (MH_ZONE_SHIFT - MH_LEAF_SHIFT))
#define MH_SPACE_ZONES	(1u << (MH_SPACE_SHIFT - MH_ZONE_SHIFT))
#define MH_SPACES	(1u << (MH_WIDEST_SHIFT - MH_SPACE_SHIFT))
#define MH_WAYS		4096u	/* so many leaves in a row, 8 GiB */

/* What a slot holds; 0 is none. */
#define MH_SLOT_PLACE		1u	/* in the block, in units of 16 bytes */
#define MH_SLOT_SLACK_SHIFT	1
#define MH_SLOT_KIND_SHIFT	5
#define MH_SLOT_PENDING		2u	/* with a place: look in @moving */
#define MH_SLOT_LEAVING		4u	/* from here on: look in the list of the group */
#define MH_SLOT_LISTED		63u	/* the same, and nobody reallocates it */
#define MH_SLOT_KINDS		64u	/* from here on it is a kind */

/* A word; 0 is none. */
#define MH_WORD_PLACE		3u	/* in the block, in units of 8 bytes */
#define MH_WORD_IS_USED		(1u << 2)	/* always */
#define MH_WORD_IS_WIDE		(1u << 3)
#define MH_WORD_PENDING		(1u << 4)
#define MH_WORD_KIND_SHIFT	5
#define MH_WORD_KIND		0x7ffffu
#define MH_WORD_SLACK_SHIFT	24
#define MH_WORD_SLACK		15u
#define MH_WORD_ALONE_SHIFT	31	/* of a small one, MH_ALONE */
#define MH_WORD_GEN_SHIFT	5
#define MH_WORD_GEN		7u
#define MH_WORD_WIDE_SHIFT	8
#define MH_WORD_WIDE		0xffffffu
#define MH_WORD_BLOCK_SHIFT	32	/* in its group */
#define MH_WORD_BLOCK		31u
#define MH_WORD_ODD_SHIFT	37	/* so many bytes beyond its place */
#define MH_WORD_ODD		7u
#define MH_WORD_TOKEN_SHIFT	40	/* of who reallocates a small chunk */
#define MH_WORD_TOKEN		0x7fu

/* A move: the number of a block, and what its slot held. */
#define MH_MOVERS		64	/* threads with a place of their own */
#define MH_LEAVERS		16	/* threads that slots tell from each other */
#define MH_MOVES		128	/* at a time, of others */
#define MH_MOVE_BLOCK_SHIFT	16
#define MH_MOVE_SPACE_SHIFT	(64 - MH_MOVE_BLOCK_SHIFT + MH_BLOCK_SHIFT)

#define MH_SMALL_MOST		16376	/* usable bytes of a chunk with a kind */
#define MH_UNMARKED_MOST	1024	/* usable bytes of a chunk without marks */

/*
 * What chunks may have in common, by number: the first table is a number each,
 *
 *	slack / 16 | usable / 8 + 1 | site
 *
 * and two more are for what that has no room for.  Slots have numbers of the
 * first, but for 0 and 1.
 */
#define MH_KIND_USABLE_SHIFT	48
#define MH_KIND_USABLE		0x3ffu
#define MH_KIND_HEADER		8	/* so many bytes more are in a number: glibc's are */
#define MH_KIND_SLACK_SHIFT	58
#define MH_KIND_SLACK		0x3fu
#define MH_KIND_SLACK_MOST	(16 * (MH_KIND_SLACK + 1) - 1)

struct mh_chunk_kind {
	uint64_t site;		/* not 0 */
	uint64_t sizes;		/* usable; above that, slack / 16; plus 1 */
};

#define MH_KIND_TABLES		3
#define MH_KIND_BITS		11	/* of the first; each next has 3 more */
#define MH_KIND_FIRST		(MH_SLOT_KINDS >> MH_SLOT_KIND_SHIFT)
#define MH_KIND_PROBES		8u

/*
 * Words of chunks that have no slot.  As long as no block has more chunks than
 * one, a word counts where the slot of its block says that it is listed.
 */
struct mh_chunk_more {
	uint64_t slot[MH_MORE_SLOTS];
	uint64_t link;
};

/* Marks are in units of 8 bytes, rounded up; 0 is none. */
struct mh_chunk_leaf {
	uint16_t slot[MH_LEAF_SLOTS];
	uint32_t mark_256k[MH_LEAF_GROUPS >> 8];	/* these few in the page of others */
	uint16_t mark_16k[MH_LEAF_GROUPS >> 4];
	uint16_t mark_1k[MH_LEAF_GROUPS];
	uint64_t link[MH_LEAF_GROUPS];	/* to a struct mh_chunk_more, or 0 */
};

/*
 * A short way to a leaf, in words of 64 bits, by number, so that two words of one are
 * no pointer to be made first.  @START: first address of the leaf, set once; one whose
 * way is another's is found by its zone.  @APART: the same, if its chunks begin apart,
 * as for mh_chunk_born_at(), below 2^MH_MOVE_SPACE_SHIFT.  @LEAF: a pointer, there
 * earlier than both.
 */
enum { MH_WAY_START, MH_WAY_APART, MH_WAY_LEAF, MH_WAY_WORDS = 4 };

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
 * struct mh_chunk_mover - where a thread's moves stand, one at a time
 * @owner:	its thread pointer; for good, as nobody tells us of a thread's end
 * @move:	as in @moving; put there by that thread alone
 *
 * A line of its own: threads that reallocate at the same time do not meet.
 */
struct mh_chunk_mover {
	uint64_t owner;
	uint64_t move;
} __attribute__((aligned(64)));

/**
 * struct mh_chunks - an index
 * @way:	by address: mh_chunk_way()
 * @first_kinds: the first table of kinds
 * @zone:	by address, as far as 2^48
 * @beyond:	tables like @zone for wider addresses
 * @wide:	blocks of records
 * @nr_wide:	numbers that were ever given out
 * @free_wide:	head of the free ones plus 1; a count of changes above
 * @lost:	chunks that could not be recorded: no memory
 * @has_more:	nonzero when more chunks than one have ever begun in a block
 * @kinds:	the other tables of kinds
 * @outer:	table whose chunks are our pools; NULL: ours lie in none
 * @inner:	tables to which this one is the outer one
 * @depth:	tables that we are nested in
 * @mover:	chunks that stood in slots, and are reallocated just now
 * @moving:	the same, of threads that have no mover, or whose mover is in use
 */
struct mh_chunks {
	uint64_t way[MH_WAYS * MH_WAY_WORDS] __attribute__((aligned(64)));
	uint64_t first_kinds[1u << MH_KIND_BITS];
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
	uint64_t moving[MH_MOVES] __attribute__((aligned(64)));
	struct mh_chunk_mover mover[MH_MOVERS];
};

/* Readers outside know these: MH_CHUNK_LAYOUT grows with them. */
_Static_assert(sizeof(struct mh_chunks) == 419200 &&
	       offsetof(struct mh_chunks, kinds) == 413872 &&
	       offsetof(struct mh_chunks, outer) == 413896 &&
	       offsetof(struct mh_chunks, moving) == 414080 &&
	       offsetof(struct mh_chunks, mover) == 415104 &&
	       offsetof(struct mh_chunk_leaf, mark_1k) == 131360 &&
	       offsetof(struct mh_chunk_zone, mark_2m) == 32768 &&
	       offsetof(struct mh_chunk_wide, opened) == 56 &&
	       sizeof(struct mh_chunk_wide) == 64, "layout 6");

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

/*
 * Where a chunk stands: in the slot of its block, in a list, or, while it is
 * reallocated, among the moves.
 */
struct mh_chunk_spot {
	uint16_t *slot;
	uint64_t *more;		/* or NULL */
	uint64_t *move;		/* or NULL */
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
 * @spot:	where the chunk stands meanwhile
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

/**
 * struct mh_chunk_hop - a realloc under way, in the usual case
 * @move:	where the chunk stands meanwhile
 * @slot:	where it stood
 * @code:	what that held, not 0
 */
struct mh_chunk_hop {
	uint64_t *move;
	uint16_t *slot;
	size_t code;
};

#pragma GCC visibility push(hidden)

/* The slow ways of the functions of chunk-quick.h. */
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
 * mh_chunk_put_move_slowly() - what mh_chunk_put_move() does, in any case
 * @own:	or NULL
 * @move:	mh_chunk_move_of() of it
 *
 * A thread that has no mover yet is given one, as long as there are any.
 * Return: where it stands, or NULL: too many move at once.
 */
uint64_t *mh_chunk_put_move_slowly(struct mh_chunks *chunks,
				   struct mh_chunk_mover **own, uint64_t move);

/* What a thread has as a mover that has none yet: it is in use. */
extern const struct mh_chunk_mover mh_chunk_no_mover;

/**
 * mh_chunk_hop_slowly() - what mh_chunk_hop_begins() has begun, as such a move
 */
void mh_chunk_hop_slowly(const struct mh_chunks *chunks, uintptr_t base,
			 struct mh_chunk_hop hop, struct mh_chunk_move *move);

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

/* Of a number in the first table of kinds. */
static inline size_t mh_chunk_kind_usable(uint64_t key)
{
	return (key >> MH_KIND_USABLE_SHIFT & MH_KIND_USABLE) * 8 - MH_KIND_HEADER;
}

static inline size_t mh_chunk_kind_slack(uint64_t key)
{
	return (key >> MH_KIND_SLACK_SHIFT) * 16;
}

static inline uint64_t mh_chunk_kind_site(uint64_t key)
{
	return key & (((uint64_t)1 << MH_KIND_USABLE_SHIFT) - 1);
}

/* Are there chunks of other tables in it? */
static inline int mh_chunk_is_pool(const struct mh_chunk *chunk)
{
	return (chunk->opened & ~MH_ALONE) != 0;
}

#endif
