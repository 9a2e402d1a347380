// SPDX-License-Identifier: MIT
/*
 * chunk - which chunk does an address belong to: all but the usual ways
 *
 * chunk.h tells the layout.  What makes it safe without a lock:
 *
 * - a chunk stands in one slot or word, which is put by one exchange and taken
 *   away by one.  The usual ways have a store instead where one who has the chunk
 *   is all who may write to the slot: at a death, and at a birth where chunks
 *   begin apart.  All others exchange what is not there then;
 * - one that moves from its slot to a list, as it gets a tag, is in the list first,
 *   and one that is reallocated is among the moves first: it is found twice rather
 *   than never;
 * - a word in a list whose slot does not say that there is one is dead, as long as
 *   no block had more chunks than one;
 * - a wide record does not change while a word leads to it, and has a
 *   generation: a reader who finds the same one afterwards, and the same word,
 *   has read one record, and that of the chunk.
 */
#include "chunk-quick.h"
#include <sys/syscall.h>
#include "syscall.h"
#include "thread.h"

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define TRIES	8	/* of a reader, each spoilt by a change */

#define LOAD(where)		__atomic_load_n(where, __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(where)	__atomic_load_n(where, __ATOMIC_ACQUIRE)
#define STORE(where, what)	__atomic_store_n(where, what, __ATOMIC_RELAXED)

/* mmap goes through libc's PLT on architectures that are not ported. */
static void *memory(size_t bytes)
{
	return mh_relocated() ? mh_arena(bytes) : NULL;
}

/* Tables come into being as they are needed; who is second wastes one. */
static void *published(void **where, size_t bytes)
{
	void *there = LOAD_ACQUIRE(where), *fresh;

	if (there)
		return there;
	fresh = memory(bytes);
	if (!fresh)
		return NULL;
	return __atomic_compare_exchange_n(where, &there, fresh, 0,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ?
		fresh : there;
}

/* ---- places by address ------------------------------------------------------ */

static struct mh_chunk_zone **zone_at(const struct mh_chunks *chunks,
				      uintptr_t address)
{
	struct mh_chunk_zone **table;

	if (!(address >> MH_SPACE_SHIFT))
		table = (struct mh_chunk_zone **)chunks->zone;
	else if (address >> MH_WIDEST_SHIFT)
		return NULL;
	else
		table = LOAD_ACQUIRE(&chunks->beyond[address >> MH_SPACE_SHIFT]);
	return table ? &table[address >> MH_ZONE_SHIFT & (MH_SPACE_ZONES - 1)] :
		       NULL;
}

static struct mh_chunk_zone *find_zone(const struct mh_chunks *chunks,
				       uintptr_t address)
{
	struct mh_chunk_zone **zone = zone_at(chunks, address);

	return zone ? LOAD_ACQUIRE(zone) : NULL;
}

static struct mh_chunk_leaf **leaf_in(struct mh_chunk_zone *zone,
				      uintptr_t address)
{
	return &zone->leaf[address >> MH_LEAF_SHIFT & (MH_ZONE_LEAVES - 1)];
}

/* The leaf of an address, if it has a way. */
static inline struct mh_chunk_leaf *
leaf_in_short(const struct mh_chunks *chunks, uintptr_t address)
{
	const size_t way = mh_chunk_way(address);

	return mh_chunk_units(chunks, way + MH_WAY_START,
			      address & ~(uintptr_t)15) < MH_LEAF_UNITS ?
		mh_chunk_way_leaf(chunks, way) : NULL;
}

static struct mh_chunk_leaf *find_leaf(const struct mh_chunks *chunks,
				       uintptr_t address)
{
	struct mh_chunk_leaf *leaf = leaf_in_short(chunks, address);
	struct mh_chunk_zone *zone;

	if (likely(leaf))
		return leaf;
	zone = find_zone(chunks, address);
	return zone ? LOAD_ACQUIRE(leaf_in(zone, address)) : NULL;
}

static struct mh_chunk_zone *make_zone(struct mh_chunks *chunks,
				       uintptr_t address)
{
	struct mh_chunk_zone **zone;

	if (address >> MH_WIDEST_SHIFT)
		return NULL;
	if (address >> MH_SPACE_SHIFT &&
	    !published((void **)&chunks->beyond[address >> MH_SPACE_SHIFT],
		       sizeof(chunks->zone)))
		return NULL;
	zone = zone_at(chunks, address);
	return published((void **)zone, sizeof(**zone));
}

/* Who comes first has the way for good. */
static void set_way(struct mh_chunks *chunks, uintptr_t address,
		    struct mh_chunk_leaf *leaf, int apart)
{
	const uint64_t start = address >> MH_LEAF_SHIFT << MH_LEAF_SHIFT;
	uint64_t *way = &chunks->way[mh_chunk_way(address)], none = 0;

	mh_chunk_init(chunks);
	/* release: pairs with mh_chunk_units() */
	if (!LOAD(&way[MH_WAY_LEAF]) &&
	    __atomic_compare_exchange_n(&way[MH_WAY_LEAF], &none, (uintptr_t)leaf,
					0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		__atomic_store_n(&way[MH_WAY_START], start, __ATOMIC_RELEASE);
	if (apart && LOAD(&way[MH_WAY_LEAF]) == (uintptr_t)leaf &&
	    !(address >> MH_MOVE_SPACE_SHIFT))
		__atomic_store_n(&way[MH_WAY_APART], start, __ATOMIC_RELEASE);
}

static struct mh_chunk_leaf *make_leaf(struct mh_chunks *chunks,
				       uintptr_t address, int apart)
{
	struct mh_chunk_leaf *leaf = leaf_in_short(chunks, address);
	struct mh_chunk_zone *zone;

	if (likely(leaf) && (!apart || likely(
	    LOAD(&chunks->way[mh_chunk_way(address) + MH_WAY_APART]) == address >>
	    MH_LEAF_SHIFT << MH_LEAF_SHIFT)))
		return leaf;
	zone = make_zone(chunks, address);
	if (zone)
		leaf = published((void **)leaf_in(zone, address), sizeof(*leaf));
	if (leaf)
		set_way(chunks, address, leaf, apart);
	return leaf;
}

/* The number of a unit of 2^shift bytes in its leaf. */
static inline uint32_t nr_of(uintptr_t address, unsigned int shift)
{
	return (uint32_t)(address >> shift) &
	       ((1u << (MH_LEAF_SHIFT - shift)) - 1);
}

/* ---- kinds --------------------------------------------------------------------- */

/*
 * First its site, then its sizes, each by one exchange; whose site it is may be
 * the one who adds the sizes.  Neither is ever taken back, so relaxed will do:
 * the word that leads to them is released.
 */
static int is_or_becomes(uint64_t *where, uint64_t value)
{
	uint64_t there = LOAD(where);

	if (!there)
		__atomic_compare_exchange_n(where, &there, value, 0,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return !there || there == value;
}

static size_t slack_of(const struct mh_chunk *chunk)
{
	return chunk->usable - chunk->requested;
}

/* Where a kind may stand first in a table of 2^bits; then mh_chunk_kind_next(). */
static size_t first_probe(const struct mh_chunk *chunk, unsigned int bits)
{
	const size_t most = chunk->usable -
			    (slack_of(chunk) & ~(size_t)MH_WORD_SLACK);

	return mh_chunk_kind_hash(chunk->site, most + MH_KIND_HEADER, bits);
}

/* Return: number in the table, or UINT32_MAX when it has no room there. */
static uint32_t first_kind(struct mh_chunks *chunks, const struct mh_chunk *chunk)
{
	const size_t size = chunk->usable + MH_KIND_HEADER;
	const uint64_t key = mh_chunk_kind_key(chunk->site, size) +
			     mh_chunk_kind_more(slack_of(chunk));
	size_t kind = first_probe(chunk, MH_KIND_BITS);

	if (chunk->site >> MH_KIND_USABLE_SHIFT || size & 7 ||
	    size / 8 > MH_KIND_USABLE || slack_of(chunk) / 16 > MH_KIND_SLACK)
		return UINT32_MAX;
	for (unsigned int i = 0; ; kind = mh_chunk_kind_next(kind, MH_KIND_BITS)) {
		if (kind / 8 >= MH_KIND_FIRST &&
		    is_or_becomes(&chunks->first_kinds[kind / 8], key))
			return (uint32_t)kind / 8;
		if (++i == MH_KIND_PROBES)
			return UINT32_MAX;
	}
}

static uint32_t kind_in(struct mh_chunk_kind *table, unsigned int bits,
			const struct mh_chunk *chunk)
{
	const uint64_t sizes = chunk->usable |
			       (uint64_t)slack_of(chunk) / 16 << 32;
	size_t kind = first_probe(chunk, bits);

	for (unsigned int i = 0; ; kind = mh_chunk_kind_next(kind, bits)) {
		if (is_or_becomes(&table[kind / 8].site, chunk->site) &&
		    is_or_becomes(&table[kind / 8].sizes, sizes + 1))
			return (uint32_t)kind / 8;
		if (++i == MH_KIND_PROBES)
			return UINT32_MAX;
	}
}

static inline uint32_t table_kinds(unsigned int nr)
{
	return 1u << (MH_KIND_BITS + 3 * nr);
}

/* The number of a chunk's kind, not 0; UINT32_MAX: it has none. */
static uint32_t number_of_kind(struct mh_chunks *chunks,
			       const struct mh_chunk *chunk)
{
	uint32_t nr = first_kind(chunks, chunk);
	uint32_t first = table_kinds(0);
	struct mh_chunk_kind *table;

	for (unsigned int i = 1; nr == UINT32_MAX && i < MH_KIND_TABLES; i++) {
		table = published((void **)&chunks->kinds[i],
				  table_kinds(i) * sizeof(*table));
		if (!table)
			return UINT32_MAX;
		nr = kind_in(table, MH_KIND_BITS + 3 * i, chunk);
		if (nr != UINT32_MAX)
			return first + nr;
		first += table_kinds(i);
	}
	return nr;
}

static const struct mh_chunk_kind *
kind_beyond(const struct mh_chunks *chunks, uint32_t nr)
{
	unsigned int i = 0;

	while (nr >= table_kinds(i))
		nr -= table_kinds(i++);
	return LOAD_ACQUIRE(&chunks->kinds[i]) + nr;
}

/* Site and sizes of a chunk whose kind has this number; @slack: what is left of it */
static inline void read_kind(const struct mh_chunks *chunks, uint32_t nr,
			     uint32_t slack, struct mh_chunk *out)
{
	const struct mh_chunk_kind *kind;
	uint64_t number;

	if (likely(nr < table_kinds(0))) {
		number = LOAD(&chunks->first_kinds[nr]);
		out->site = mh_chunk_kind_site(number);
		out->usable = mh_chunk_kind_usable(number);
		out->requested = out->usable - mh_chunk_kind_slack(number) - slack;
	} else {
		kind = kind_beyond(chunks, nr);
		number = LOAD(&kind->sizes) - 1;
		out->site = LOAD(&kind->site);
		out->usable = (uint32_t)number;
		out->requested = out->usable - (number >> 32) * 16 - slack;
	}
	out->tag = 0;
	out->opened = 0;
}

/* ---- wide records --------------------------------------------------------------- */

#define NO_WIDE		UINT32_MAX

/* Record number @nr stands in the block that is told by the bits of @nr. */
static struct mh_chunk_wide **block_of(const struct mh_chunks *chunks,
				       uint32_t nr, uint32_t *within)
{
	const uint32_t n = nr + (1u << MH_WIDE_FIRST);
	const unsigned int bit = 31u - (unsigned int)__builtin_clz(n);

	*within = n - (1u << bit);
	return (struct mh_chunk_wide **)&chunks->wide[bit - MH_WIDE_FIRST];
}

static struct mh_chunk_wide *wide_at(const struct mh_chunks *chunks, uint32_t nr)
{
	uint32_t within;
	struct mh_chunk_wide **block = block_of(chunks, nr, &within);

	return LOAD_ACQUIRE(block) + within;
}

/* One that was free, off a list whose head counts its changes. */
static uint32_t reuse_wide(struct mh_chunks *chunks)
{
	uint64_t head = LOAD_ACQUIRE(&chunks->free_wide), next;

	while ((uint32_t)head) {
		/* it may be taken meanwhile: then the head has changed */
		next = LOAD(&wide_at(chunks, (uint32_t)head - 1)->next);
		next |= ((head >> 32) + 1) << 32;
		/* acquire: pairs with the release of who has freed it */
		if (__atomic_compare_exchange_n(&chunks->free_wide, &head, next,
						0, __ATOMIC_ACQUIRE,
						__ATOMIC_ACQUIRE))
			return (uint32_t)head - 1;
	}
	return NO_WIDE;
}

static uint32_t new_wide(struct mh_chunks *chunks)
{
	const uint64_t most = MH_WORD_WIDE - (1u << MH_WIDE_FIRST);
	struct mh_chunk_wide **block;
	uint32_t within;
	uint64_t nr;

	if (LOAD(&chunks->nr_wide) > most)
		return NO_WIDE;
	nr = __atomic_fetch_add(&chunks->nr_wide, 1, __ATOMIC_RELAXED);
	if (nr > most)
		return NO_WIDE;
	block = block_of(chunks, (uint32_t)nr, &within);
	return published((void **)block, sizeof(**block) *
			 ((uint32_t)nr + (1u << MH_WIDE_FIRST) - within)) ?
		(uint32_t)nr : NO_WIDE;
}

static uint32_t wide_of(uint64_t word)
{
	return word >> MH_WORD_WIDE_SHIFT & MH_WORD_WIDE;
}

static void free_wide(struct mh_chunks *chunks, uint64_t word)
{
	const uint32_t nr = wide_of(word);
	struct mh_chunk_wide *wide;
	uint64_t head, next;

	if (!(word & MH_WORD_IS_WIDE))
		return;
	wide = wide_at(chunks, nr);
	head = LOAD(&chunks->free_wide);
	do {
		STORE(&wide->next, (uint32_t)head);
		next = ((head >> 32) + 1) << 32 | (nr + 1);
		/* release: pairs with the acquire of who takes it */
	} while (!__atomic_compare_exchange_n(&chunks->free_wide, &head, next,
					      0, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

/* A word that leads to a record of its own, or 0: no memory. */
static uint32_t make_wide(struct mh_chunks *chunks,
			  const struct mh_chunk *chunk)
{
	struct mh_chunk_wide *wide;
	uint32_t nr = reuse_wide(chunks);
	uint64_t gen;

	if (nr == NO_WIDE)
		nr = new_wide(chunks);
	if (nr == NO_WIDE)
		return 0;
	wide = wide_at(chunks, nr);
	gen = LOAD(&wide->gen) | 1;
	STORE(&wide->gen, gen);
	/* release: who reads one of them sees that it is being written */
	__atomic_store_n(&wide->requested, chunk->requested, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->usable, chunk->usable, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->site, chunk->site, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->tag, chunk->tag, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->base, chunk->base, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->opened, chunk->opened, __ATOMIC_RELEASE);
	/* release: pairs with a reader's acquire */
	__atomic_store_n(&wide->gen, gen + 1, __ATOMIC_RELEASE);
	return ((uint32_t)(chunk->base >> 3) & MH_WORD_PLACE) |
	       MH_WORD_IS_USED | MH_WORD_IS_WIDE |
	       ((uint32_t)(gen >> 1) & MH_WORD_GEN) << MH_WORD_GEN_SHIFT |
	       nr << MH_WORD_WIDE_SHIFT;
}

static uint32_t make_word(struct mh_chunks *chunks,
			  const struct mh_chunk *chunk)
{
	const uint32_t alone = (uint32_t)(chunk->opened >> 63);
	uint32_t kind = UINT32_MAX;

	if (!chunk->tag && chunk->site && chunk->usable - 1 < MH_SMALL_MOST &&
	    !mh_chunk_is_pool(chunk))
		kind = number_of_kind(chunks, chunk);
	return kind != UINT32_MAX ?
		((uint32_t)(chunk->base >> 3) & MH_WORD_PLACE) |
		MH_WORD_IS_USED | kind << MH_WORD_KIND_SHIFT |
		(uint32_t)(slack_of(chunk) & MH_WORD_SLACK)
		<< MH_WORD_SLACK_SHIFT |
		alone << MH_WORD_ALONE_SHIFT : make_wide(chunks, chunk);
}

/* ---- slots ------------------------------------------------------------------------ */

static uint32_t block_in_group(uintptr_t address)
{
	return nr_of(address, MH_BLOCK_SHIFT) & (MH_GROUP_SLOTS - 1);
}

static uint64_t with_block(uintptr_t base, uint32_t word)
{
	return word | (uint64_t)block_in_group(base) << MH_WORD_BLOCK_SHIFT;
}

/* Of a chunk that begins at just @base, which may be odd: only lists can say that. */
static uint64_t with_base(uintptr_t base, uint32_t word)
{
	return with_block(base, word) |
	       (uint64_t)(base & MH_WORD_ODD) << MH_WORD_ODD_SHIFT;
}

static uint32_t block_of_word(uint64_t word)
{
	return word >> MH_WORD_BLOCK_SHIFT & MH_WORD_BLOCK;
}

#define IN_GROUP	(MH_WORD_PLACE | \
			 (uint64_t)MH_WORD_BLOCK << MH_WORD_BLOCK_SHIFT)
#define AT_BASE		(IN_GROUP | (uint64_t)MH_WORD_ODD << MH_WORD_ODD_SHIFT)

/* What of a word says where its chunk begins. */
static uint64_t place_of(uintptr_t base)
{
	return with_base(base, (uint32_t)(base >> 3) & MH_WORD_PLACE);
}

static int is_at(uint64_t word, uintptr_t base)
{
	return word && !((word ^ place_of(base)) & AT_BASE);
}

/* What a slot holds, as a word; @block: any address in the block.  0: no chunk. */
static inline uint64_t word_of(uint32_t code, uintptr_t block)
{
	if (code < MH_SLOT_KINDS)
		return 0;
	return with_block(block, (code & MH_SLOT_PLACE) << 1 | MH_WORD_IS_USED |
			  code >> MH_SLOT_KIND_SHIFT << MH_WORD_KIND_SHIFT |
			  (code >> MH_SLOT_SLACK_SHIFT & MH_WORD_SLACK)
			  << MH_WORD_SLACK_SHIFT);
}

/* The other way round; 0: it does not fit. */
static inline uint32_t code_of(uint64_t word)
{
	const uint32_t kind = (uint32_t)word >> MH_WORD_KIND_SHIFT & MH_WORD_KIND;

	if (word & (MH_WORD_IS_WIDE | MH_WORD_PENDING |
		    1u << MH_WORD_ALONE_SHIFT | 1u) || kind >> MH_KIND_BITS)
		return 0;
	return (uint32_t)(word & MH_WORD_PLACE) >> 1 |
	       kind << MH_SLOT_KIND_SHIFT |
	       ((uint32_t)word >> MH_WORD_SLACK_SHIFT & MH_WORD_SLACK)
	       << MH_SLOT_SLACK_SHIFT;
}

static uint32_t pending_code(uintptr_t base)
{
	return MH_SLOT_PENDING | (uint32_t)(base >> 4 & MH_SLOT_PLACE);
}

/* Does the list tell what begins there? */
static inline int is_listed(uint32_t code)
{
	return code - MH_SLOT_LEAVING <= MH_SLOT_LISTED - MH_SLOT_LEAVING;
}

/* What the slot says of a chunk in a list while this thread reallocates it. */
static uint32_t leaving_code(void)
{
	return MH_SLOT_LEAVING +
	       mh_chunk_move_nr(mh_thread_pointer(), MH_LEAVERS);
}

static int is_pending(uint32_t code)
{
	return (code & ~MH_SLOT_PLACE) == MH_SLOT_PENDING;
}

/* Does a slot tell of a chunk that begins just there? */
static int begins_at(uint32_t code, uintptr_t base)
{
	return is_pending(code) ? code == pending_code(base) && !(base & 15) :
				  is_at(word_of(code, base), base);
}

static inline uint16_t *slot_at(struct mh_chunk_leaf *leaf, uintptr_t address)
{
	return &leaf->slot[nr_of(address, MH_BLOCK_SHIFT)];
}

static int swap_slot(uint16_t *slot, uint32_t from, uint32_t to)
{
	uint16_t there = (uint16_t)from;

	/* acq_rel: publishes what it leads to, and sees what was there */
	return __atomic_compare_exchange_n(slot, &there, (uint16_t)to, 0,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static int swap_word(uint64_t *where, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(where, &from, to, 0, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* ---- lists ------------------------------------------------------------------------ */

static struct mh_chunk_more *more_behind(const uint64_t *link)
{
	return (struct mh_chunk_more *)(uintptr_t)LOAD_ACQUIRE(link);
}

static inline uint64_t *link_at(struct mh_chunk_leaf *leaf, uintptr_t address)
{
	return &leaf->link[nr_of(address, MH_GROUP_SHIFT)];
}

/* From word to word of a list. */
struct probe {
	uint64_t *more;
	uint64_t *link;		/* to those behind */
	uint32_t left;
};

static void probe_first(struct probe *probe, uint64_t *link)
{
	probe->more = NULL;
	probe->link = link;
	probe->left = 0;
}

/* Return: 0 when that was the last. */
static int probe_next(struct probe *probe)
{
	struct mh_chunk_more *more;

	if (!probe->left) {
		more = more_behind(probe->link);
		if (!more)
			return 0;
		probe->more = more->slot;
		probe->link = &more->link;
		probe->left = MH_MORE_SLOTS - 1;
	} else {
		probe->more++;
		probe->left--;
	}
	return 1;
}

/* Is it alive, as far as the slot of its block knows? */
static inline int counts(const struct mh_chunks *chunks,
			 struct mh_chunk_leaf *leaf, uintptr_t near, uint64_t word)
{
	const uint32_t first = nr_of(near, MH_BLOCK_SHIFT) & ~(MH_GROUP_SLOTS - 1);

	return word && (LOAD(&chunks->has_more) ||
			is_listed(LOAD(&leaf->slot[first + block_of_word(word)])));
}

/* Return: where it stands then, or NULL: no memory. */
static uint64_t *put_in_list(uint64_t *link, uint64_t word)
{
	struct probe probe;

	probe_first(&probe, link);
	for (;;) {
		/* where the last one ends there will be more */
		if (!probe.left &&
		    !published((void **)probe.link, sizeof(struct mh_chunk_more)))
			return NULL;
		probe_next(&probe);
		if (!LOAD(probe.more) && swap_word(probe.more, 0, word))
			return probe.more;
	}
}

/* The slot of a chunk that is in the list says so, if it has not another one. */
static void tell_slot(struct mh_chunks *chunks, uint16_t *slot, uintptr_t base,
		      int apart)
{
	for (;;) {
		const uint32_t code = LOAD_ACQUIRE(slot);

		if (code && !apart && !begins_at(code, base)) {
			STORE(&chunks->has_more, 1);
			return;
		}
		if (code == MH_SLOT_LISTED || swap_slot(slot, code, MH_SLOT_LISTED))
			return;
	}
}

/* Where a chunk begins now, those that the list has there are dead. */
static void clear_listed(struct mh_chunks *chunks, uint64_t *link,
			 uintptr_t base, int apart)
{
	struct probe probe;
	uint64_t word;

	probe_first(&probe, link);
	while (probe_next(&probe)) {
		word = LOAD_ACQUIRE(probe.more);
		if (word && (is_at(word, base) ||
			     (apart && block_of_word(word) == block_in_group(base))) &&
		    swap_word(probe.more, word, 0))
			free_wide(chunks, word);
	}
}

/*
 * Where chunks begin @apart, whatever has the slot is dead.
 * Return: 0 when there is no memory.
 */
static int put(struct mh_chunks *chunks, struct mh_chunk_leaf *leaf,
	       uintptr_t base, uint32_t word, int apart)
{
	const uint32_t code = base & MH_WORD_ODD ? 0 : code_of(word);
	uint16_t *slot = slot_at(leaf, base);
	uint32_t there;

	clear_listed(chunks, link_at(leaf, base), base, apart);
	while (code) {
		there = LOAD_ACQUIRE(slot);
		if (there && !apart && !begins_at(there, base)) {
			STORE(&chunks->has_more, 1);
			if (!is_listed(there))
				break;
		}
		if (swap_slot(slot, there, code))
			return 1;
	}
	if (!put_in_list(link_at(leaf, base), with_base(base, word)))
		return 0;
	tell_slot(chunks, slot, base, apart);
	return 1;
}

/* ---- moves --------------------------------------------------------------------------- */

static uintptr_t block_of_move(uint64_t move)
{
	return (uintptr_t)(move >> MH_MOVE_BLOCK_SHIFT << MH_BLOCK_SHIFT);
}

static uint64_t word_of_move(uint64_t move)
{
	const uint64_t word = word_of((uint16_t)move, block_of_move(move));

	return word ? word | MH_WORD_PENDING : 0;
}

MH_RUNTIME const struct mh_chunk_mover mh_chunk_no_mover = { .move = 1 };

MH_RUNTIME uint64_t *mh_chunk_put_move_slowly(struct mh_chunks *chunks,
					      struct mh_chunk_mover **own,
					      uint64_t move)
{
	const uint64_t thread = mh_thread_pointer();
	uint32_t first = mh_chunk_move_nr(thread, MH_MOVERS);
	struct mh_chunk_mover *mover;
	uint64_t *where, nobody;

	for (uint32_t i = 0; i < MH_MOVERS; i++) {
		mover = &chunks->mover[(first + i) % MH_MOVERS];
		nobody = 0;
		if (LOAD(&mover->owner) != thread &&
		    !__atomic_compare_exchange_n(&mover->owner, &nobody, thread, 0,
						 __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			continue;
		if (own)
			*own = mover;
		if (LOAD(&mover->move))
			break;
		__atomic_store_n(&mover->move, move, __ATOMIC_RELEASE);
		return &mover->move;
	}
	first = mh_chunk_move_nr(thread, MH_MOVES);
	for (uint32_t i = 0; i < MH_MOVES; i++) {
		where = &chunks->moving[(first + i) % MH_MOVES];
		if (!LOAD(where) && swap_word(where, 0, move))
			return where;
	}
	return NULL;
}

/* The place number @nr of a move, of all that there are. */
#define ALL_MOVES	(MH_MOVES + MH_MOVERS)
static uint64_t *move_nr(const struct mh_chunks *chunks, uint32_t nr)
{
	return (uint64_t *)(nr < MH_MOVERS ? &chunks->mover[nr].move :
					     &chunks->moving[nr - MH_MOVERS]);
}

/* The word of a move, if that is of a chunk at @base, or 0. */
static uint64_t word_of_move_at(const uint64_t *where, uintptr_t base)
{
	const uint64_t move = LOAD_ACQUIRE(where);
	uint64_t word;

	if (!move || block_of_move(move) !=
		     base >> MH_BLOCK_SHIFT << MH_BLOCK_SHIFT)
		return 0;
	word = word_of_move(move);
	return is_at(word, base) ? word : 0;
}

/* Return: where the chunk at @base stands among the moves, or NULL. */
static uint64_t *find_move(const struct mh_chunks *chunks, uintptr_t base,
			   uint64_t *word)
{
	for (uint32_t i = 0; i < ALL_MOVES; i++) {
		*word = word_of_move_at(move_nr(chunks, i), base);
		if (*word)
			return move_nr(chunks, i);
	}
	return NULL;
}

/* ---- a chunk where it stands ----------------------------------------------------------- */

/* Its word now; @near: any address in its block, or, in a list, in its group. */
static inline uint64_t spot_word(const struct mh_chunk_spot *spot,
				 uintptr_t near)
{
	if (spot->more)
		return LOAD_ACQUIRE(spot->more);
	if (spot->move)
		return word_of_move(LOAD_ACQUIRE(spot->move));
	return word_of(LOAD_ACQUIRE(spot->slot), near);
}

/*
 * A chunk has come to the list that is the only one of its block: what else the list
 * has there is dead, or is being taken back by who has put it there too late, and
 * gives back its record, too.
 */
static void drop_others(uint64_t *link, uint64_t own)
{
	struct probe probe;
	uint64_t word;

	probe_first(&probe, link);
	while (probe_next(&probe)) {
		word = LOAD_ACQUIRE(probe.more);
		if (word && word != own && block_of_word(word) == block_of_word(own))
			swap_word(probe.more, word, 0);
	}
}

/* It stands in its slot, and is too much for that from now on. */
static int leave_slot(struct mh_chunks *chunks, const struct mh_chunk_spot *spot,
		      uintptr_t base, uint32_t code, uint64_t to)
{
	uint64_t *link = link_at(find_leaf(chunks, base), base);
	uint64_t *more = put_in_list(link, to);

	if (!more)
		return 0;
	if (!swap_slot(spot->slot, code, MH_SLOT_LISTED)) {
		swap_word(more, to, 0);
		return 0;
	}
	if (!LOAD(&chunks->has_more))
		drop_others(link, to);
	return 1;
}

/*
 * become() - the chunk at @base has another word, or 0: none
 * @from:	as it was read
 *
 * Return: 0 when that has changed, or there is no memory.
 */
static int become(struct mh_chunks *chunks, const struct mh_chunk_spot *spot,
		  uintptr_t base, uint64_t from, uint64_t to)
{
	const uint32_t code = code_of(from & ~(uint64_t)MH_WORD_PENDING);
	uint32_t listed;

	if (spot->more) {
		if (!swap_word(spot->more, from, to))
			return 0;
		listed = LOAD(spot->slot);
		if (!to && !LOAD(&chunks->has_more) && is_listed(listed))
			swap_slot(spot->slot, listed, 0);
		return 1;
	}
	if (spot->move) {
		if (!swap_word(spot->move, mh_chunk_move_of(base, code), 0))
			return 0;
		swap_slot(spot->slot, pending_code(base), 0);
		return !to || put(chunks, find_leaf(chunks, base), base,
				  (uint32_t)to, 0);
	}
	if (to && !code_of(to))
		return leave_slot(chunks, spot, base, code, to);
	return swap_slot(spot->slot, code, to ? code_of(to) : 0);
}

static int find_listed(const struct mh_chunks *chunks, struct mh_chunk_leaf *leaf,
		       uintptr_t base, struct mh_chunk_spot *spot, uint64_t *word)
{
	struct probe probe;

	probe_first(&probe, link_at(leaf, base));
	while (probe_next(&probe)) {
		*word = LOAD_ACQUIRE(probe.more);
		if (is_at(*word, base) && counts(chunks, leaf, base, *word)) {
			spot->more = probe.more;
			return 1;
		}
	}
	return 0;
}

/* Where the chunk at @base stands, and its word.  Return: 0 when there is none. */
static inline int find_base(const struct mh_chunks *chunks, uintptr_t base,
			    struct mh_chunk_spot *spot, uint64_t *word)
{
	struct mh_chunk_leaf *leaf = find_leaf(chunks, base);
	uint32_t code;

	if (unlikely(!leaf))
		return 0;
	spot->slot = slot_at(leaf, base);
	spot->more = NULL;
	spot->move = NULL;
	code = LOAD_ACQUIRE(spot->slot);
	*word = word_of(code, base);
	if (likely(is_at(*word, base)))
		return 1;
	if (is_pending(code) && begins_at(code, base)) {
		spot->move = find_move(chunks, base, word);
		if (spot->move)
			return 1;
	}
	return find_listed(chunks, leaf, base, spot, word);
}

static void lose(struct mh_chunks *chunks)
{
	__atomic_fetch_add(&chunks->lost, 1, __ATOMIC_RELAXED);
}

/*
 * Which of 16 slots in a row are vacant?  Nobody says that a load of so much is
 * one of each; so of one that changes meanwhile this may be wrong, and what it
 * leads to is loaded again.
 */
typedef uint16_t lanes __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint64_t halves __attribute__((vector_size(16)));

#define ROW_SLOTS	16u
#define ALL_VACANT	((1u << ROW_SLOTS) - 1)

static inline uint32_t vacant(const uint16_t *row)
{
	static const uint16_t bit[ROW_SLOTS] __attribute__((aligned(16))) = {
		1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7,
		1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14,
		1 << 15,
	};
	const lanes *eight = (const lanes *)row;
	const lanes *bits = (const lanes *)bit;
	halves all;

	all = (halves)(((lanes)(eight[0] == 0) & bits[0]) |
		       ((lanes)(eight[1] == 0) & bits[1]));
	all[0] |= all[1];
	all[0] |= all[0] >> 32;
	return (uint16_t)(all[0] | all[0] >> 16);
}

/* ---- marks -------------------------------------------------------------------------- */

/* Units, smallest first; a mark is only made where none larger begins. */
static const unsigned char unit_shift[] = {
	MH_GROUP_SHIFT, 14, 18, MH_LEAF_SHIFT, MH_ZONE_SHIFT, 64,
};

static int mark(struct mh_chunks *chunks, unsigned int shift, uintptr_t at,
		uintptr_t base)
{
	const uint64_t back = (at - base + 7) >> 3;
	struct mh_chunk_zone *zone;
	struct mh_chunk_leaf *leaf;

	if (shift < MH_LEAF_SHIFT) {
		leaf = find_leaf(chunks, at);
		if (shift == MH_GROUP_SHIFT)
			STORE(&leaf->mark_1k[nr_of(at, shift)], (uint16_t)back);
		else if (shift == 14)
			STORE(&leaf->mark_16k[nr_of(at, shift)], (uint16_t)back);
		else
			STORE(&leaf->mark_256k[nr_of(at, shift)], (uint32_t)back);
		return 1;
	}
	zone = make_zone(chunks, at);
	if (!zone)
		return 0;
	if (shift == MH_LEAF_SHIFT)
		STORE(&zone->mark_2m[leaf_in(zone, at) - zone->leaf],
		      (uint32_t)back);
	else
		STORE(&zone->mark, base);
	return 1;
}

/* The leaf of @base is there already.  Return: 0 when there is no memory. */
static int mark_all(struct mh_chunks *chunks, uintptr_t base, size_t bytes)
{
	const uintptr_t last = base + bytes - 1;
	unsigned int shift, above;
	uintptr_t at;

	if (likely(bytes <= MH_UNMARKED_MOST))
		return 1;
	for (unsigned int i = 0; unit_shift[i] < 64; i++) {
		shift = unit_shift[i];
		above = unit_shift[i + 1];
		for (at = ((base >> shift) + 1) << shift; at <= last;
		     at += (uintptr_t)1 << shift) {
			if (above < 64 && !(at & (((uintptr_t)1 << above) - 1)))
				break;
			if (!mark(chunks, shift, at, base))
				return 0;
		}
		if (at > last)
			break;
	}
	return 1;
}

/* ---- births and deaths -------------------------------------------------------------- */

static int record(struct mh_chunks *chunks, struct mh_chunk *chunk, int apart)
{
	struct mh_chunk_leaf *leaf;
	uint32_t word;

	if (chunk->usable < chunk->requested)
		chunk->usable = chunk->requested;
	if (chunk->base + chunk->usable < chunk->base)
		return 0;
	leaf = make_leaf(chunks, chunk->base, apart);
	if (!leaf || !mark_all(chunks, chunk->base, chunk->usable))
		return 0;
	word = make_word(chunks, chunk);
	if (!word)
		return 0;
	if (put(chunks, leaf, chunk->base, word, apart))
		return 1;
	free_wide(chunks, word);
	return 0;
}

static void be_born(struct mh_chunks *chunks, struct mh_chunk *chunk, int apart)
{
	if (record(chunks, chunk, apart))
		return;
	/* what was there has been freed behind our back */
	mh_chunk_dies_slowly(chunks, chunk->base);
	lose(chunks);
}

MH_RUNTIME void mh_chunk_born_slowly(struct mh_chunks *chunks, uintptr_t base,
				     size_t requested, size_t usable,
				     uintptr_t site, int apart)
{
	struct mh_chunk chunk = {
		.base = base,
		.requested = requested,
		.usable = usable,
		.site = site,
	};

	be_born(chunks, &chunk, apart);
}

MH_RUNTIME int mh_chunk_dies_slowly(struct mh_chunks *chunks, uintptr_t base)
{
	struct mh_chunk_leaf *leaf;
	struct mh_chunk_spot spot;
	uint64_t word;

	while (find_base(chunks, base, &spot, &word)) {
		if (!become(chunks, &spot, base, word, 0))
			continue;
		free_wide(chunks, word);
		return 1;
	}
	/* one of those that moved when too many did, in a child of fork */
	leaf = find_leaf(chunks, base);
	return leaf && !(base & 15) &&
	       LOAD(slot_at(leaf, base)) == pending_code(base) &&
	       swap_slot(slot_at(leaf, base), pending_code(base), 0);
}

/* ---- reading ------------------------------------------------------------------------- */

static uintptr_t base_of(uintptr_t near, uint64_t word)
{
	return (near >> MH_GROUP_SHIFT << MH_GROUP_SHIFT) +
	       block_of_word(word) * MH_BLOCK_BYTES +
	       (word & MH_WORD_PLACE) * 8 +
	       (word >> MH_WORD_ODD_SHIFT & MH_WORD_ODD);
}

/* Return: 0 when the record is not this chunk's any more. */
static int read_wide(const struct mh_chunks *chunks, uint64_t word,
		     struct mh_chunk *out)
{
	const struct mh_chunk_wide *wide = wide_at(chunks, wide_of(word));
	const uint64_t gen = LOAD_ACQUIRE(&wide->gen);
	uintptr_t base;

	out->requested = LOAD(&wide->requested);
	out->usable = LOAD(&wide->usable);
	out->site = LOAD(&wide->site);
	out->tag = LOAD(&wide->tag);
	out->opened = LOAD(&wide->opened);
	base = LOAD(&wide->base);
	/* pairs with the releases of make_wide() */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(gen & 1) && LOAD(&wide->gen) == gen && base == out->base;
}

/*
 * @near: any address in the group.  Return: 0 when @spot has changed meanwhile.
 */
static inline int read_word(const struct mh_chunks *chunks,
			    const struct mh_chunk_spot *spot, uint64_t word,
			    uintptr_t near, struct mh_chunk *out)
{
	out->base = base_of(near, word);
	out->pending = word & MH_WORD_PENDING ? 1 : 0;
	if (word & MH_WORD_IS_WIDE)
		return read_wide(chunks, word, out) &&
		       spot_word(spot, out->base) == word;
	read_kind(chunks, (uint32_t)word >> MH_WORD_KIND_SHIFT & MH_WORD_KIND,
		  (uint32_t)word >> MH_WORD_SLACK_SHIFT & MH_WORD_SLACK, out);
	out->opened = (word >> MH_WORD_ALONE_SHIFT & 1) << 63;
	return 1;
}

MH_RUNTIME int mh_chunk_knows_slowly(struct mh_chunks *chunks, uintptr_t base,
				     uintptr_t *site, size_t *requested)
{
	struct mh_chunk_spot spot;
	struct mh_chunk chunk;
	uint64_t word;

	for (unsigned int i = 0; i < TRIES; i++) {
		if (!find_base(chunks, base, &spot, &word))
			return 0;
		if (!read_word(chunks, &spot, word, base, &chunk))
			continue;
		*site = chunk.site;
		*requested = chunk.requested;
		return 1;
	}
	return 0;
}

/*
 * What was found for an address.  A chunk that is being reallocated may be the
 * allocator's already, and lie within one that is not: that is the better one.
 */
struct finding {
	uintptr_t address;
	struct mh_chunk_spot spot;
	int any;		/* nonzero when anything was found */
	uint64_t word;
	struct mh_chunk chunk;
	int spoilt;		/* a record was changed while we read it */
};

static int is_settled(const struct finding *found)
{
	return found->any && !found->chunk.pending;
}

static inline int holds(const struct mh_chunk *chunk, uintptr_t address)
{
	return address - chunk->base < (chunk->usable ? chunk->usable : 1);
}

static void consider(const struct mh_chunks *chunks, struct finding *found,
		     const struct mh_chunk_spot *spot, uint64_t word,
		     uintptr_t near)
{
	struct mh_chunk chunk;

	if (!read_word(chunks, spot, word, near, &chunk)) {
		found->spoilt = 1;
		return;
	}
	if (!holds(&chunk, found->address))
		return;
	/* of two, the one that is not pending, then the one that begins later */
	if (found->any &&
	    (found->chunk.pending < chunk.pending ||
	     (found->chunk.pending == chunk.pending &&
	      found->chunk.base >= chunk.base)))
		return;
	found->any = 1;
	found->spot = *spot;
	found->word = word;
	found->chunk = chunk;
}

/*
 * One whose slot says that it is reallocated.  It may be there twice: as what another
 * thread had there before, and has just moved away.
 */
static void consider_move(const struct mh_chunks *chunks, struct finding *found,
			  uint16_t *slot, uintptr_t base)
{
	struct mh_chunk_spot spot = { slot, NULL, NULL };
	uint64_t word;

	for (uint32_t i = 0; i < ALL_MOVES; i++) {
		word = word_of_move_at(move_nr(chunks, i), base);
		if (!word)
			continue;
		spot.move = move_nr(chunks, i);
		consider(chunks, found, &spot, word, base);
	}
	if (!spot.move)
		found->spoilt = 1;
}

/* The group of @near, from its slot downwards, then those that have none. */
static void look_in_group(const struct mh_chunks *chunks, struct finding *found,
			  uintptr_t near)
{
	const uintptr_t group = near >> MH_GROUP_SHIFT << MH_GROUP_SHIFT;
	struct mh_chunk_leaf *leaf = find_leaf(chunks, near);
	struct mh_chunk_spot spot = { NULL, NULL, NULL };
	struct probe probe;
	uint32_t i, code;
	uintptr_t block;
	uint64_t word;

	if (!leaf)
		return;
	for (i = block_in_group(near) + 1; i--; ) {
		block = group + ((uintptr_t)i << MH_BLOCK_SHIFT);
		spot.slot = slot_at(leaf, block);
		code = LOAD_ACQUIRE(spot.slot);
		word = word_of(code, block);
		if (word)
			consider(chunks, found, &spot, word, near);
		else if (is_pending(code))
			consider_move(chunks, found, spot.slot,
				      block + (code & MH_SLOT_PLACE) * 16);
		if (is_settled(found) && !LOAD(link_at(leaf, near)))
			return;
	}
	probe_first(&probe, link_at(leaf, near));
	while (probe_next(&probe)) {
		spot.more = probe.more;
		word = LOAD_ACQUIRE(spot.more);
		spot.slot = slot_at(leaf, group + block_of_word(word) * MH_BLOCK_BYTES);
		if (counts(chunks, leaf, near, word))
			consider(chunks, found, &spot, word, near);
	}
}

/*
 * Of a chunk that moves, and of which the slot says nothing: it was made at the
 * same place as one that another thread had just moved away.  Where the place is
 * told to be a chunk's that does not move, that is the one: what the move tells of
 * is gone from there, or has come to its end meanwhile.
 */
static void look_in_moves(const struct mh_chunks *chunks, struct finding *found)
{
	struct mh_chunk_spot spot;
	uint64_t move, word, own;
	uintptr_t base;

	for (uint32_t i = 0; i < ALL_MOVES; i++) {
		move = LOAD_ACQUIRE(move_nr(chunks, i));
		word = move ? word_of_move(move) : 0;
		if (!word || !find_leaf(chunks, block_of_move(move)))
			continue;
		base = base_of(block_of_move(move), word);
		if (find_base(chunks, base, &spot, &own) &&
		    !(own & MH_WORD_PENDING)) {
			consider(chunks, found, &spot, own, base);
			continue;
		}
		spot.slot = slot_at(find_leaf(chunks, base), base);
		spot.more = NULL;
		spot.move = move_nr(chunks, i);
		consider(chunks, found, &spot, word, base);
	}
}

/* Those that begin at @base or in the 7 bytes behind, as a mark cannot tell. */
static void consider_odd(const struct mh_chunks *chunks, struct finding *found,
			 uintptr_t base)
{
	struct mh_chunk_leaf *leaf = find_leaf(chunks, base);
	struct mh_chunk_spot spot = { NULL, NULL, NULL };
	struct probe probe;
	uint64_t word;

	if (!leaf)
		return;
	spot.slot = slot_at(leaf, base);
	probe_first(&probe, link_at(leaf, base));
	while (probe_next(&probe)) {
		spot.more = probe.more;
		word = LOAD_ACQUIRE(spot.more);
		if (word && !((word ^ place_of(base)) & IN_GROUP) &&
		    counts(chunks, leaf, base, word))
			consider(chunks, found, &spot, word, base);
	}
}

/* A mark at the begin of the unit that the address lies in. */
static void follow(const struct mh_chunks *chunks, struct finding *found,
		   unsigned int shift, uint64_t back)
{
	const uintptr_t base = (found->address >> shift << shift) - back * 8;
	struct mh_chunk_spot spot;
	uint64_t word;

	if (!back || is_settled(found))
		return;
	if (find_base(chunks, base, &spot, &word))
		consider(chunks, found, &spot, word, base);
	if (!is_settled(found))
		consider_odd(chunks, found, base);
}

static void follow_marks(const struct mh_chunks *chunks, struct finding *found)
{
	const uintptr_t address = found->address;
	struct mh_chunk_zone *zone = find_zone(chunks, address);
	struct mh_chunk_leaf *leaf;

	if (!zone)
		return;
	leaf = LOAD_ACQUIRE(leaf_in(zone, address));
	if (leaf) {
		follow(chunks, found, MH_GROUP_SHIFT,
		       LOAD(&leaf->mark_1k[nr_of(address, MH_GROUP_SHIFT)]));
		follow(chunks, found, 14,
		       LOAD(&leaf->mark_16k[nr_of(address, 14)]));
		follow(chunks, found, 18,
		       LOAD(&leaf->mark_256k[nr_of(address, 18)]));
	}
	follow(chunks, found, MH_LEAF_SHIFT,
	       LOAD(&zone->mark_2m[leaf_in(zone, address) - zone->leaf]));
	if (LOAD(&zone->mark))
		follow(chunks, found, MH_ZONE_SHIFT,
		       ((address >> MH_ZONE_SHIFT << MH_ZONE_SHIFT) -
			LOAD(&zone->mark) + 7) >> 3);
}

static void look(const struct mh_chunks *chunks, struct finding *found)
{
	const uintptr_t group = (uintptr_t)1 << MH_GROUP_SHIFT;

	look_in_group(chunks, found, found->address);
	if (!is_settled(found) && found->address >= group)
		look_in_group(chunks, found, (found->address - group) |
					     (group - 1));
	if (!is_settled(found))
		follow_marks(chunks, found);
	if (!found->any)
		look_in_moves(chunks, found);
}

/* Return: 0, -ENOENT or -EAGAIN, as mh_chunk_find(). */
static int find(const struct mh_chunks *chunks, uintptr_t address,
		struct finding *found)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		found->address = address;
		found->any = 0;
		found->spoilt = 0;
		look(chunks, found);
		if (is_settled(found))
			return 0;
		if (!found->spoilt)
			return found->any ? 0 : -ENOENT;
	}
	return -EAGAIN;
}

/*
 * Is any slot in use of the row that ends with *nr?  That becomes the last one of
 * them, or the one before the row.
 */
static inline int last_in_row(const struct mh_chunk_leaf *leaf, uint32_t *nr)
{
	const uint32_t first = *nr - (ROW_SLOTS - 1);
	const uint32_t used = vacant(&leaf->slot[first]) ^ ALL_VACANT;

	*nr = used ? first + 31u - (uint32_t)__builtin_clz(used) : first - 1;
	return used != 0;
}

/* Which slots of two rows are in use? */
static inline uint32_t used_in_rows(const struct mh_chunk_leaf *leaf, uint32_t first)
{
	return ~(vacant(&leaf->slot[first]) |
		 vacant(&leaf->slot[first + ROW_SLOTS]) << ROW_SLOTS);
}

/* The one chunk of a block that is in a list, if it has the address. */
static inline int
is_in_list(const struct mh_chunks *chunks, struct mh_chunk_leaf *leaf,
	   uintptr_t block, uintptr_t address, struct mh_chunk *chunk)
{
	const uint64_t own = (uint64_t)block_in_group(block) << MH_WORD_BLOCK_SHIFT |
			     MH_WORD_IS_USED;
	const uint64_t mask = (uint64_t)MH_WORD_BLOCK << MH_WORD_BLOCK_SHIFT |
			      MH_WORD_IS_USED | MH_WORD_PENDING;
	struct mh_chunk_spot spot = { NULL, NULL, NULL };
	struct mh_chunk_more *more;
	uint64_t word;

	for (more = more_behind(link_at(leaf, block)); more;
	     more = more_behind(&more->link))
		for (unsigned int i = 0; i < MH_MORE_SLOTS; i++) {
			word = LOAD_ACQUIRE(&more->slot[i]);
			if ((word & mask) != own)
				continue;
			spot.more = &more->slot[i];
			return read_word(chunks, &spot, word, block, chunk) &&
			       holds(chunk, address);
		}
	return 0;
}

/* The chunk whose slot has this number, if it has the address. */
static inline int is_in(const struct mh_chunks *chunks,
			struct mh_chunk_leaf *leaf, uint32_t nr,
			uintptr_t address, struct mh_chunk *chunk)
{
	const uint32_t code = LOAD_ACQUIRE(&leaf->slot[nr]);

	chunk->base = (address >> MH_LEAF_SHIFT << MH_LEAF_SHIFT) +
		      nr * MH_BLOCK_BYTES;
	if (unlikely(code < MH_SLOT_KINDS))
		return is_listed(code) && !LOAD(&chunks->has_more) &&
		       is_in_list(chunks, leaf, chunk->base, address, chunk);
	chunk->base += (code & MH_SLOT_PLACE) * 16;
	read_kind(chunks, code >> MH_SLOT_KIND_SHIFT,
		  code >> MH_SLOT_SLACK_SHIFT & MH_WORD_SLACK, chunk);
	chunk->pending = 0;
	return holds(chunk, address);
}

/* The chunk that has left a mark, if it has one of this unit. */
static inline int is_marked(const struct mh_chunks *chunks, uintptr_t address,
			    unsigned int shift, uint64_t back,
			    struct mh_chunk *chunk)
{
	const uintptr_t base = (address >> shift << shift) - back * 8;
	struct mh_chunk_leaf *leaf = back ? leaf_in_short(chunks, base) : NULL;

	return leaf && is_in(chunks, leaf, nr_of(base, MH_BLOCK_SHIFT), base,
			     chunk) &&
	       chunk->base == base && holds(chunk, address);
}

/* Of units in a leaf. */
static inline uint32_t back_at(const struct mh_chunk_leaf *leaf,
			       unsigned int shift, uintptr_t address)
{
	return shift == 18 ? LOAD(&leaf->mark_256k[nr_of(address, 18)]) :
	       shift == 14 ? LOAD(&leaf->mark_16k[nr_of(address, 14)]) :
	       LOAD(&leaf->mark_1k[nr_of(address, MH_GROUP_SHIFT)]);
}

/* @leaf: of the address, or NULL.  @tried: the unit that was asked for, or 0 */
static int has_any_mark(const struct mh_chunks *chunks,
			const struct mh_chunk_leaf *leaf, uintptr_t address,
			unsigned int tried, struct mh_chunk *chunk)
{
	static const unsigned char shifts[] = { 18, 14, MH_GROUP_SHIFT };
	struct mh_chunk_zone *zone;

	for (unsigned int i = 0; leaf && i < sizeof(shifts); i++)
		if (shifts[i] != tried &&
		    is_marked(chunks, address, shifts[i],
			      back_at(leaf, shifts[i], address), chunk))
			return 1;
	zone = find_zone(chunks, address);
	return zone && is_marked(chunks, address, MH_LEAF_SHIFT, LOAD(
			&zone->mark_2m[leaf_in(zone, address) - zone->leaf]),
			chunk);
}

/*
 * One that begins further back, or behind another one that begins in the block of
 * the address, or in an earlier leaf; the rest takes the thorough way.
 */
static int is_further(const struct mh_chunks *chunks, uintptr_t address,
		      struct mh_chunk *chunk)
{
	struct mh_chunk_leaf *leaf = leaf_in_short(chunks, address);
	uint32_t nr = nr_of(address, MH_BLOCK_SHIFT), code;

	if (leaf && nr > 2 * ROW_SLOTS) {
		code = LOAD(&leaf->slot[nr]);
		if (code && code < MH_SLOT_KINDS)
			return 0;
		if ((code & MH_SLOT_PLACE) > (address >> 4 & MH_SLOT_PLACE))
			nr--;
		for (unsigned int i = 0; i < 2; i++)
			if (last_in_row(leaf, &nr))
				return is_in(chunks, leaf, nr, address, chunk);
	} else {
		leaf = NULL;
	}
	return has_any_mark(chunks, leaf, address, 0, chunk);
}

static int find_thoroughly(const struct mh_chunks *chunks, uintptr_t address,
			   struct mh_chunk *chunk)
{
	struct finding found;
	const int error = find(chunks, address, &found);

	if (!error)
		*chunk = found.chunk;
	return error;
}

static __attribute__((noinline)) int
find_further(const struct mh_chunks *chunks, uintptr_t address,
	     struct mh_chunk *chunk)
{
	return !LOAD(&chunks->has_more) && is_further(chunks, address, chunk) ?
		0 : find_thoroughly(chunks, address, chunk);
}

static inline int has_list(const struct mh_chunks *chunks,
			   const struct mh_chunk_leaf *leaf, uint32_t nr)
{
	return unlikely(LOAD(&chunks->has_more)) &&
	       LOAD(&leaf->link[nr / MH_GROUP_SLOTS]);
}

/*
 * None begins in the row of the address.  Two more rows at once, then one mark: that
 * of the smallest unit is the right one, unless it is old.  @nr: slot before the row
 */
static __attribute__((noinline)) int
find_behind(const struct mh_chunks *chunks, struct mh_chunk_leaf *leaf,
	    uint32_t nr, uintptr_t address, struct mh_chunk *chunk)
{
	unsigned int shift = MH_GROUP_SHIFT;
	uint32_t used = 0, back;

	if (nr - (2 * ROW_SLOTS - 1) < MH_LEAF_SLOTS)
		used = used_in_rows(leaf, nr - (2 * ROW_SLOTS - 1));
	if (used) {
		nr -= (uint32_t)__builtin_clz(used);
		return is_in(chunks, leaf, nr, address, chunk) ?
			0 : find_further(chunks, address, chunk);
	}
	back = back_at(leaf, shift, address);
	if (!back) {
		shift = 14;
		back = back_at(leaf, shift, address);
	}
	if (!back) {
		shift = 18;
		back = back_at(leaf, shift, address);
	}
	return is_marked(chunks, address, shift, back, chunk) ||
	       has_any_mark(chunks, leaf, address, shift, chunk) ?
		0 : find_thoroughly(chunks, address, chunk);
}

/*
 * In short: where many chunks begin, the last one that does so before the address
 * is in this row.
 */
MH_RUNTIME int mh_chunk_find(struct mh_chunks *chunks, uintptr_t address,
			     struct mh_chunk *chunk)
{
	struct mh_chunk_leaf *leaf = leaf_in_short(chunks, address);
	uint32_t nr = nr_of(address, MH_BLOCK_SHIFT);

	if (unlikely(!leaf) || unlikely(nr < ROW_SLOTS) ||
	    has_list(chunks, leaf, nr))
		return find_further(chunks, address, chunk);
	if (!last_in_row(leaf, &nr))
		return find_behind(chunks, leaf, nr, address, chunk);
	return likely(is_in(chunks, leaf, nr, address, chunk)) ?
		0 : find_further(chunks, address, chunk);
}

MH_RUNTIME int mh_chunk_tag(struct mh_chunks *chunks, uintptr_t address,
			    uint64_t tag)
{
	struct finding found;
	uint32_t word;
	int error;

	for (unsigned int i = 0; i < TRIES; i++) {
		error = find(chunks, address, &found);
		if (error || found.chunk.tag == tag)
			return error;
		if (found.chunk.pending)
			return -EBUSY;
		found.chunk.tag = tag;
		word = make_word(chunks, &found.chunk);
		if (!word)
			return -ENOMEM;
		if (become(chunks, &found.spot, found.chunk.base, found.word,
			   with_base(found.chunk.base, word))) {
			free_wide(chunks, found.word);
			return 0;
		}
		free_wide(chunks, word);
	}
	return -EAGAIN;
}

/* ---- realloc ----------------------------------------------------------------------------- */

/*
 * Who reallocates a small chunk, so that it is told from the same address in the
 * hands of another thread that does so too.  A wide one has its generation.
 */
static inline uint64_t token(uint64_t word)
{
	if (word & MH_WORD_IS_WIDE)
		return 0;
	return (uint64_t)(mh_chunk_move_nr(mh_thread_pointer(), MH_MOVES) &
			  MH_WORD_TOKEN)
	       << MH_WORD_TOKEN_SHIFT;
}

static uint64_t settled(uint64_t word)
{
	return word & ~((uint64_t)MH_WORD_TOKEN << MH_WORD_TOKEN_SHIFT |
			MH_WORD_PENDING);
}

static inline uint64_t gen_of(const struct mh_chunks *chunks, uint64_t word)
{
	return word & MH_WORD_IS_WIDE ?
		LOAD_ACQUIRE(&wide_at(chunks, wide_of(word))->gen) : 0;
}

/* It stays in its list; the slot says who reallocates it: see move_away(). */
static int leave_list(const struct mh_chunk_move *move, uint64_t word)
{
	if (!swap_word(move->spot.more, word, move->pending))
		return 0;
	swap_slot(move->spot.slot, MH_SLOT_LISTED, leaving_code());
	return 1;
}

/* From its slot among the moves; where these are full, its slot alone tells. */
static int leave_to_move(struct mh_chunks *chunks, struct mh_chunk_move *move)
{
	const uint32_t code = code_of(move->before);

	/* where it is too far, a move cannot tell */
	move->spot.move = move->base >> MH_MOVE_SPACE_SHIFT ? NULL :
		mh_chunk_put_move_slowly(chunks, NULL,
					 mh_chunk_move_of(move->base, code));
	if (swap_slot(move->spot.slot, code, pending_code(move->base)))
		return 1;
	if (move->spot.move)
		STORE(move->spot.move, 0);
	return 0;
}

MH_RUNTIME void mh_chunk_move_begins(struct mh_chunks *chunks, uintptr_t base,
				     struct mh_chunk_move *move)
{
	struct mh_chunk old;
	uint64_t word;

	move->pending = 0;
	move->base = base;
	while (find_base(chunks, base, &move->spot, &word)) {
		if (!read_word(chunks, &move->spot, word, base, &old))
			continue;
		move->site = old.site;
		move->tag = old.tag;
		move->opened = old.opened;
		move->gen = gen_of(chunks, word);
		/* what a parent of fork has left pending is ours alone */
		move->before = settled(word);
		move->pending = move->before | MH_WORD_PENDING | token(word);
		if (move->spot.more ? leave_list(move, word) :
		    move->spot.move || leave_to_move(chunks, move))
			return;
		move->pending = 0;
	}
}

MH_RUNTIME void mh_chunk_hop_slowly(const struct mh_chunks *chunks, uintptr_t base,
				    struct mh_chunk_hop hop,
				    struct mh_chunk_move *move)
{
	const uint64_t word = word_of((uint32_t)hop.code, base);
	struct mh_chunk old;

	read_kind(chunks, (uint32_t)hop.code >> MH_SLOT_KIND_SHIFT, 0, &old);
	*move = (struct mh_chunk_move){
		.base = base,
		.site = old.site,
		.before = word,
		.pending = word | MH_WORD_PENDING,
		.spot = {
			.slot = slot_at(find_leaf(chunks, base), base),
			.move = hop.move,
		},
	};
}

/*
 * The old chunk is no more, if it is still ours.  Its block may be another thread's
 * between the one and the other: whoever has come to the list has told the slot.
 */
static int move_away(struct mh_chunks *chunks, const struct mh_chunk_move *move)
{
	if (!move->pending)
		return 0;
	if (move->spot.more) {
		if (gen_of(chunks, move->pending) != move->gen ||
		    !swap_word(move->spot.more, move->pending, 0))
			return 0;
		if (!LOAD(&chunks->has_more))
			swap_slot(move->spot.slot, leaving_code(), 0);
		return 1;
	}
	if (move->spot.move)
		__atomic_store_n(move->spot.move, 0, __ATOMIC_RELEASE);
	return swap_slot(move->spot.slot, pending_code(move->base), 0);
}

/* It stays: nobody else may have anything there.  Return: 0: no memory. */
static int stay(struct mh_chunks *chunks, const struct mh_chunk_move *move,
		uint32_t word)
{
	int ret;

	if (!move->pending)
		return 0;
	if (move->spot.more) {
		ret = gen_of(chunks, move->pending) == move->gen &&
		      become(chunks, &move->spot, move->base, move->pending,
			     with_base(move->base, word));
		swap_slot(move->spot.slot, leaving_code(), MH_SLOT_LISTED);
		return ret;
	}
	ret = put(chunks, find_leaf(chunks, move->base), move->base, word, 0);
	if (move->spot.move)
		__atomic_store_n(move->spot.move, 0, __ATOMIC_RELEASE);
	return ret;
}

MH_RUNTIME void mh_chunk_move_failed(struct mh_chunks *chunks,
				     const struct mh_chunk_move *move)
{
	stay(chunks, move, (uint32_t)move->before);
}

static inline uintptr_t end_of(const struct mh_chunk *chunk)
{
	return chunk->base + (chunk->usable ? chunk->usable : 1);
}

/*
 * In place: the word changes where it stands.  What a pool loses is not open any
 * more when it gets it back.
 */
static int change(struct mh_chunks *chunks, const struct mh_chunk_move *move,
		  struct mh_chunk *chunk)
{
	uint32_t word;

	chunk->opened = move->opened;
	if ((chunk->opened & ~MH_ALONE) > end_of(chunk))
		chunk->opened = end_of(chunk) | (move->opened & MH_ALONE);
	if (!mark_all(chunks, chunk->base, chunk->usable))
		return 0;
	word = make_word(chunks, chunk);
	if (!word)
		return 0;
	if (stay(chunks, move, word)) {
		free_wide(chunks, move->before);
		return 1;
	}
	free_wide(chunks, word);
	return 0;
}

/* @bury: what overlaps the chunk where it stays, or NULL; @born: as be_born() */
static inline void move_ends(struct mh_chunks *chunks,
			     const struct mh_chunk_move *move,
			     struct mh_chunk *chunk, int apart,
			     void (*bury)(struct mh_chunks *chunks,
					  uintptr_t from, uintptr_t end),
			     void (*born)(struct mh_chunks *chunks,
					  struct mh_chunk *chunk, int apart))
{
	if (move->pending) {
		chunk->site = move->site;
		chunk->tag = move->tag;
	}
	if (chunk->usable < chunk->requested)
		chunk->usable = chunk->requested;
	if (chunk->base && move->pending && chunk->base == move->base) {
		if (bury)
			bury(chunks, chunk->base + 1, end_of(chunk));
		if (change(chunks, move, chunk))
			return;
	}
	chunk->opened = 0;
	if (chunk->base)
		born(chunks, chunk, apart);
	if (chunk->base != move->base && move_away(chunks, move))
		free_wide(chunks, move->before);
}

MH_RUNTIME void mh_chunk_move_ends(struct mh_chunks *chunks,
				   const struct mh_chunk_move *move,
				   struct mh_chunk *chunk, int apart)
{
	move_ends(chunks, move, chunk, apart, NULL, be_born);
}

/* ---- all ---------------------------------------------------------------------------------- */

struct walk {
	const struct mh_chunks *chunks;
	int (*visit)(const struct mh_chunk *chunk, void *arg);
	void *arg;
};

static int walk_spot(const struct walk *walk, const struct mh_chunk_spot *spot,
		     uint64_t word, uintptr_t block)
{
	struct mh_chunk chunk;

	for (unsigned int t = 0; word && t < TRIES; t++) {
		if (read_word(walk->chunks, spot, word, block, &chunk))
			return walk->visit(&chunk, walk->arg);
		word = spot_word(spot, block);
	}
	return 0;
}

static int walk_slot(const struct walk *walk, uint16_t *slot, uintptr_t block)
{
	struct mh_chunk_spot spot = { slot, NULL, NULL };
	uint32_t code = LOAD_ACQUIRE(slot);
	uint64_t word = word_of(code, block);

	for (unsigned int t = 0; is_pending(code) && t < TRIES; t++) {
		spot.move = find_move(walk->chunks,
				      block + (code & MH_SLOT_PLACE) * 16, &word);
		if (spot.move)
			break;
		code = LOAD_ACQUIRE(slot);
		word = word_of(code, block);
	}
	return walk_spot(walk, &spot, word, block);
}

static int walk_row(const struct walk *walk, struct mh_chunk_leaf *leaf,
		    uint32_t first, uintptr_t start)
{
	uint32_t used = vacant(&leaf->slot[first]) ^ ALL_VACANT, i;
	int ret = 0;

	for (; !ret && used; used &= used - 1) {
		i = (uint32_t)__builtin_ctz(used);
		ret = walk_slot(walk, &leaf->slot[first + i],
				start + i * MH_BLOCK_BYTES);
	}
	return ret;
}

static int walk_more(const struct walk *walk, struct mh_chunk_leaf *leaf,
		     uintptr_t group)
{
	struct mh_chunk_spot spot = { NULL, NULL, NULL };
	struct probe probe;
	uint64_t word;
	int ret = 0;

	probe_first(&probe, link_at(leaf, group));
	while (!ret && probe_next(&probe)) {
		spot.more = probe.more;
		word = LOAD_ACQUIRE(spot.more);
		if (counts(walk->chunks, leaf, group, word))
			ret = walk_spot(walk, &spot, word, group);
	}
	return ret;
}

static int walk_leaf(const struct walk *walk, struct mh_chunk_leaf *leaf,
		     uintptr_t start)
{
	int ret = 0;

	for (uint32_t nr = 0; !ret && nr < MH_LEAF_SLOTS; nr += ROW_SLOTS)
		ret = walk_row(walk, leaf, nr, start + nr * MH_BLOCK_BYTES);
	for (uint32_t nr = 0; !ret && nr < MH_LEAF_GROUPS; nr++)
		ret = walk_more(walk, leaf,
				start + ((uintptr_t)nr << MH_GROUP_SHIFT));
	return ret;
}

static int walk_zones(const struct walk *walk,
		      struct mh_chunk_zone *const *table, uintptr_t start)
{
	const struct mh_chunk_zone *zone;
	struct mh_chunk_leaf *leaf;
	int ret = 0;

	for (size_t i = 0; !ret && i < MH_SPACE_ZONES; i++) {
		zone = LOAD_ACQUIRE(&table[i]);
		for (size_t k = 0; zone && !ret && k < MH_ZONE_LEAVES; k++) {
			leaf = LOAD_ACQUIRE(&zone->leaf[k]);
			if (leaf)
				ret = walk_leaf(walk, leaf, start +
						(i << MH_ZONE_SHIFT) +
						(k << MH_LEAF_SHIFT));
		}
	}
	return ret;
}

MH_RUNTIME int mh_chunk_walk(struct mh_chunks *chunks,
			     int (*visit)(const struct mh_chunk *chunk,
					  void *arg), void *arg)
{
	const struct walk walk = { chunks, visit, arg };
	struct mh_chunk_zone **table;
	int ret = walk_zones(&walk, chunks->zone, 0);

	for (size_t i = 1; !ret && i < MH_SPACES; i++) {
		table = LOAD_ACQUIRE(&chunks->beyond[i]);
		if (table)
			ret = walk_zones(&walk, table, i << MH_SPACE_SHIFT);
	}
	return ret;
}

/* ---- nested tables ------------------------------------------------------------------------ */

#define PATIENCE	1000u	/* yields, until a claimed pool is open */

MH_RUNTIME int mh_chunk_nest(struct mh_chunks *chunks, struct mh_chunks *outer)
{
	struct mh_chunks *there;

	for (unsigned int i = 0; i < MH_INNER_TABLES; i++) {
		there = NULL;
		if (!__atomic_compare_exchange_n(&outer->inner[i], &there, chunks,
						 0, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE) &&
		    there != chunks)
			continue;
		STORE(&chunks->depth, LOAD(&outer->depth) + 1);
		__atomic_store_n(&chunks->outer, outer, __ATOMIC_RELEASE);
		return 0;
	}
	return -ENOSPC;
}

MH_RUNTIME int mh_chunk_is_inside(struct mh_chunks *chunks,
				  const struct mh_chunk *chunk)
{
	struct mh_chunks *outer = LOAD_ACQUIRE(&chunks->outer);
	struct mh_chunk pool;

	if (!outer)
		return 1;
	if (mh_chunk_find_inside(outer, chunk->base, &pool))
		return (chunk->opened & MH_ALONE) != 0;
	return (pool.opened & ~MH_ALONE) > chunk->base;
}

MH_RUNTIME int mh_chunk_find_inside(struct mh_chunks *chunks, uintptr_t address,
				    struct mh_chunk *chunk)
{
	int error = mh_chunk_find(chunks, address, chunk);

	return error || mh_chunk_is_inside(chunks, chunk) ? error : -ENOENT;
}

static void clear_spot(struct mh_chunks *chunks, const struct mh_chunk_spot *spot,
		       uint64_t word, uintptr_t near, uintptr_t from,
		       uintptr_t end)
{
	const uintptr_t base = base_of(near, word);

	if (word && base - from < end - from &&
	    become(chunks, spot, base, word, 0))
		free_wide(chunks, word);
}

static void clear_slot(struct mh_chunks *chunks, uint16_t *slot, uintptr_t block,
		       uintptr_t from, uintptr_t end)
{
	struct mh_chunk_spot spot = { slot, NULL, NULL };
	const uint32_t code = LOAD_ACQUIRE(slot);
	uint64_t word = word_of(code, block);

	if (is_pending(code))
		spot.move = find_move(chunks, block +
				      (code & MH_SLOT_PLACE) * 16, &word);
	clear_spot(chunks, &spot, word, block, from, end);
}

static void clear_group(struct mh_chunks *chunks, struct mh_chunk_leaf *leaf,
			uintptr_t group, uintptr_t from, uintptr_t end)
{
	struct mh_chunk_spot spot = { NULL, NULL, NULL };
	uint32_t first = nr_of(group, MH_BLOCK_SHIFT), used, i;
	struct probe probe;
	uint64_t word;

	for (used = used_in_rows(leaf, first); used; used &= used - 1) {
		i = (uint32_t)__builtin_ctz(used);
		clear_slot(chunks, &leaf->slot[first + i],
			   group + i * MH_BLOCK_BYTES, from, end);
	}
	probe_first(&probe, link_at(leaf, group));
	while (probe_next(&probe)) {
		spot.more = probe.more;
		word = LOAD_ACQUIRE(spot.more);
		spot.slot = slot_at(leaf, group + block_of_word(word) * MH_BLOCK_BYTES);
		clear_spot(chunks, &spot, word, group, from, end);
	}
}

/* Takes away all that begins from @from on and before @end. */
static void clear(struct mh_chunks *chunks, uintptr_t from, uintptr_t end)
{
	const uintptr_t group = (uintptr_t)1 << MH_GROUP_SHIFT;
	const uintptr_t leaves = (uintptr_t)1 << MH_LEAF_SHIFT;
	struct mh_chunk_leaf *leaf;
	uintptr_t at = from & ~(group - 1);

	while (at < end) {
		leaf = find_leaf(chunks, at);
		if (leaf)
			clear_group(chunks, leaf, at, from, end);
		at = leaf ? at + group : (at | (leaves - 1)) + 1;
	}
}

/*
 * The usual case: no lists, and a small chunk begins not far before, and ends
 * before the address.  What begins before that ends before it.
 */
static inline int is_clear_of_earlier(const struct mh_chunks *chunks,
				      uintptr_t address)
{
	struct mh_chunk_leaf *leaf = leaf_in_short(chunks, address);
	uint32_t nr = nr_of(address, MH_BLOCK_SHIFT);
	struct mh_chunk chunk;

	return leaf && nr >= ROW_SLOTS && !LOAD(&chunks->has_more) &&
	       last_in_row(leaf, &nr) &&
	       LOAD(&leaf->slot[nr]) >= MH_SLOT_KINDS &&
	       !is_in(chunks, leaf, nr, address, &chunk) &&
	       chunk.base < address;
}

/* Whatever overlaps a new chunk has died. */
static void bury(struct mh_chunks *chunks, uintptr_t base, uintptr_t end)
{
	struct finding found;

	clear(chunks, base, end);
	if (is_clear_of_earlier(chunks, base))
		return;
	for (unsigned int i = 0; i < TRIES && !find(chunks, base, &found); i++)
		if (become(chunks, &found.spot, found.chunk.base, found.word, 0))
			free_wide(chunks, found.word);
}

/*
 * Who claims the record of a pool opens it.  Nobody waits for another one for
 * long: that may be the thread that our signal handler has interrupted, or one
 * that stayed in the parent of a fork.
 */
static int claim(struct mh_chunk_wide *wide, uint64_t gen)
{
	uint32_t there = LOAD(&wide->claim);

	if (there != (uint32_t)gen &&
	    __atomic_compare_exchange_n(&wide->claim, &there, (uint32_t)gen, 0,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 1;
	for (unsigned int i = 0; i < PATIENCE; i++) {
		if (LOAD_ACQUIRE(&wide->claim) != (uint32_t)gen)
			return 0;
		mh_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
	return 1;
}

static void open_wide(struct mh_chunks *chunks, const struct mh_chunk_spot *spot,
		      uint64_t word, uintptr_t base)
{
	struct mh_chunk_wide *wide = wide_at(chunks, wide_of(word));
	uint64_t gen = LOAD_ACQUIRE(&wide->gen);
	uint32_t mine = (uint32_t)gen;
	struct mh_chunks *inner;
	struct mh_chunk pool;
	uintptr_t from;

	if (!claim(wide, gen))
		return;
	/* as it is now that it is claimed */
	if (read_word(chunks, spot, word, base, &pool)) {
		from = pool.opened & ~MH_ALONE;
		if (from < base)
			from = base;
		for (unsigned int i = 0; i < MH_INNER_TABLES; i++) {
			inner = LOAD_ACQUIRE(&chunks->inner[i]);
			if (inner)
				clear(inner, from, end_of(&pool));
		}
		__atomic_store_n(&wide->opened, end_of(&pool) |
				 (pool.opened & MH_ALONE), __ATOMIC_RELEASE);
	}
	__atomic_compare_exchange_n(&wide->claim, &mine, 0, 0, __ATOMIC_RELEASE,
				    __ATOMIC_RELAXED);
}

/* Only a wide record can tell how far it is open. */
static void open_pool(struct mh_chunks *chunks, const struct mh_chunk *pool)
{
	struct mh_chunk_spot spot;
	uint64_t word;
	uint32_t fresh;

	if (!find_base(chunks, pool->base, &spot, &word))
		return;
	if (!(word & MH_WORD_IS_WIDE)) {
		if (word & MH_WORD_PENDING)
			return;
		fresh = make_wide(chunks, pool);
		if (!fresh)
			return;
		if (!become(chunks, &spot, pool->base, word,
			    with_base(pool->base, fresh))) {
			free_wide(chunks, fresh);
			return;
		}
		if (!find_base(chunks, pool->base, &spot, &word) ||
		    !(word & MH_WORD_IS_WIDE))
			return;
	}
	open_wide(chunks, &spot, word, pool->base);
}

/* Return: 0 when the pool could not be opened. */
static int enter(struct mh_chunks *outer, struct mh_chunk *chunk)
{
	struct mh_chunk pool;
	int error;

	for (unsigned int i = 0; i < TRIES; i++) {
		error = mh_chunk_find_inside(outer, chunk->base, &pool);
		if (error == -ENOENT)
			chunk->opened = MH_ALONE;
		if (error == -ENOENT ||
		    (!error && (pool.opened & ~MH_ALONE) > chunk->base))
			return 1;
		if (!error)
			open_pool(outer, &pool);
	}
	return 0;
}

static void be_born_inside(struct mh_chunks *chunks, struct mh_chunk *chunk,
			   int apart)
{
	struct mh_chunks *outer = LOAD_ACQUIRE(&chunks->outer);

	bury(chunks, chunk->base, end_of(chunk));
	if (outer && !enter(outer, chunk))
		lose(chunks);
	else
		be_born(chunks, chunk, apart);
}

MH_RUNTIME void mh_chunk_born_inside(struct mh_chunks *chunks, uintptr_t base,
				     size_t requested, size_t usable,
				     uintptr_t site)
{
	struct mh_chunk chunk = {
		.base = base,
		.requested = requested,
		.usable = usable < requested ? requested : usable,
		.site = site,
	};

	be_born_inside(chunks, &chunk, 0);
}

MH_RUNTIME void mh_chunk_move_ends_inside(struct mh_chunks *chunks,
					  const struct mh_chunk_move *move,
					  struct mh_chunk *chunk)
{
	move_ends(chunks, move, chunk, 0, clear, be_born_inside);
}
