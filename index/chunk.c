// SPDX-License-Identifier: MIT
/*
 * chunk - which chunk does an address belong to: all but the usual ways
 *
 * chunk.h tells the layout.  What makes it safe without a lock:
 *
 * - a chunk stands in one word, which is put by one exchange and taken away by
 *   one, and it stays in its slot as long as it lives;
 * - where a chunk stands in two slots, as after a death that we did not see, the
 *   one that is found first in the order of probing is the later one;
 * - a wide record does not change while a word leads to it, and the word bears
 *   the record's generation: a reader who finds the same word afterwards has
 *   read one record.
 */
#include "chunk.h"
#include "syscall.h"
#include "thread.h"

#define TRIES	8	/* of a reader, each spoilt by a change */

#define LOAD(where)		__atomic_load_n(where, __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(where)	__atomic_load_n(where, __ATOMIC_ACQUIRE)
#define STORE(where, what)	__atomic_store_n(where, what, __ATOMIC_RELAXED)

/* acq_rel: publishes what the word leads to, and sees what was there. */
static int exchange(uint64_t *where, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(where, &from, to, 0,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

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

static struct mh_chunk_leaf *find_leaf(const struct mh_chunks *chunks,
				       uintptr_t address)
{
	struct mh_chunk_zone *zone = find_zone(chunks, address);

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

static struct mh_chunk_leaf *make_leaf(struct mh_chunks *chunks,
				       uintptr_t address)
{
	struct mh_chunk_zone *zone = make_zone(chunks, address);

	return zone ? published((void **)leaf_in(zone, address),
				sizeof(struct mh_chunk_leaf)) : NULL;
}

static uint32_t nr_unit(uintptr_t address, unsigned int shift)
{
	return (uint32_t)(address >> shift & ((MH_LEAF_GROUPS >>
					       (shift - MH_GROUP_SHIFT)) - 1));
}

/* ---- call sites --------------------------------------------------------------- */

/* Return: number in the table, or UINT32_MAX when it has no room there. */
static uint32_t site_in(uintptr_t *table, unsigned int bits, uintptr_t site)
{
	uintptr_t *at = table + mh_chunk_site_hash(site, bits);
	uintptr_t other;

	for (unsigned int i = at == table; i < MH_SITE_PROBES; i++) {
		other = LOAD(&at[i]);
		if (!other)
			/* relaxed: it is one word, and is never taken back */
			__atomic_compare_exchange_n(&at[i], &other, site, 0,
						    __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED);
		if (!other || other == site)
			return (uint32_t)(at + i - table);
	}
	return UINT32_MAX;
}

static size_t table_places(unsigned int nr)
{
	return ((size_t)1 << (MH_SITE_BITS + 3 * nr)) + MH_SITE_PROBES;
}

/* The number of a site, from 1 on; 0: it has none. */
static uint32_t number_of_site(struct mh_chunks *chunks, uintptr_t site)
{
	uint32_t first = 1, nr;
	uintptr_t *table;

	for (unsigned int i = 0; site && i < MH_SITE_TABLES; i++) {
		table = i ? published((void **)&chunks->sites[i],
				      table_places(i) * sizeof(*table)) :
			    chunks->first_sites;
		if (!table)
			return 0;
		nr = site_in(table, MH_SITE_BITS + 3 * i, site);
		if (nr != UINT32_MAX)
			return first + nr;
		first += (uint32_t)table_places(i);
	}
	return 0;
}

static uintptr_t site_of(const struct mh_chunks *chunks, uint32_t nr)
{
	const uintptr_t *table = chunks->first_sites;

	nr--;
	for (unsigned int i = 0; nr >= table_places(i); ) {
		nr -= (uint32_t)table_places(i++);
		table = LOAD_ACQUIRE(&chunks->sites[i]);
	}
	return LOAD(&table[nr]);
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

static void free_wide(struct mh_chunks *chunks, uint64_t word)
{
	const uint32_t nr = (uint32_t)(word >> MH_WORD_WIDE_SHIFT & MH_WORD_WIDE);
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
static uint64_t make_wide(struct mh_chunks *chunks,
			  const struct mh_chunk *chunk)
{
	struct mh_chunk_wide *wide;
	uint32_t nr = reuse_wide(chunks), gen;

	if (nr == NO_WIDE)
		nr = new_wide(chunks);
	if (nr == NO_WIDE)
		return 0;
	wide = wide_at(chunks, nr);
	gen = (LOAD(&wide->gen) + 1) & MH_WORD_GEN;
	STORE(&wide->gen, gen);
	/* release: who reads one of them sees that the word before has gone */
	__atomic_store_n(&wide->requested, chunk->requested, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->usable, chunk->usable, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->site, chunk->site, __ATOMIC_RELEASE);
	__atomic_store_n(&wide->tag, chunk->tag, __ATOMIC_RELEASE);
	return (chunk->base >> 3 & MH_WORD_PLACE) | MH_WORD_IS_USED |
	       MH_WORD_IS_WIDE |
	       (uint64_t)nr << MH_WORD_WIDE_SHIFT |
	       (uint64_t)gen << MH_WORD_GEN_SHIFT;
}

static uint64_t make_word(struct mh_chunks *chunks,
			  const struct mh_chunk *chunk)
{
	uint32_t site = MH_SITE_NONE;

	if (chunk->tag || chunk->usable - 8 > MH_SMALL_MOST - 8 ||
	    chunk->requested > chunk->usable || chunk->usable & 7)
		return make_wide(chunks, chunk);
	if (chunk->site)
		site = number_of_site(chunks, chunk->site);
	return site ? mh_chunk_word(chunk->base >> 3, chunk->requested,
				    chunk->usable / 8, site) :
		      make_wide(chunks, chunk);
}

/* ---- slots ------------------------------------------------------------------------ */

static struct mh_chunk_more *more_behind(const uint64_t *link)
{
	return (struct mh_chunk_more *)(uintptr_t)LOAD_ACQUIRE(link);
}

/* From slot to slot of a group, from a chunk's home on. */
struct probe {
	struct mh_chunk_leaf *leaf;
	struct mh_chunk_more *more;	/* or still in the leaf */
	uint32_t nr;
	uint32_t left;			/* of the leaf's, or of @more's */
};

static uint64_t *probe_first(struct probe *probe, struct mh_chunk_leaf *leaf,
			     uintptr_t base)
{
	uint64_t *home = mh_chunk_home(leaf, base >> 3);

	probe->leaf = leaf;
	probe->more = NULL;
	probe->nr = (uint32_t)(home - leaf->slot);
	probe->left = MH_GROUP_SLOTS - 1;
	return home;
}

static uint64_t *probe_link(const struct probe *probe)
{
	return probe->more ? &probe->more->link :
			     &probe->leaf->link[probe->nr / MH_GROUP_SLOTS];
}

/* The slot that is looked at next; NULL: that was the last. */
static uint64_t *probe_next(struct probe *probe)
{
	if (!probe->left--) {
		probe->more = more_behind(probe_link(probe));
		if (!probe->more)
			return NULL;
		probe->left = MH_MORE_SLOTS - 1;
	}
	if (probe->more)
		return &probe->more->slot[probe->left];
	probe->nr = (probe->nr & ~(MH_GROUP_SLOTS - 1)) |
		    ((probe->nr + 1) & (MH_GROUP_SLOTS - 1));
	return &probe->leaf->slot[probe->nr];
}

static int is_at(uint64_t word, uintptr_t base)
{
	return word && (word & MH_WORD_PLACE) == (base >> 3 & MH_WORD_PLACE);
}

/* The slot of the chunk at @base, and what stood in it; or NULL. */
static uint64_t *find_slot(struct mh_chunk_leaf *leaf, uintptr_t base,
			   uint64_t *word)
{
	struct probe probe;
	uint64_t *slot;

	if (!leaf || base & 7)
		return NULL;
	for (slot = probe_first(&probe, leaf, base); slot;
	     slot = probe_next(&probe)) {
		*word = LOAD_ACQUIRE(slot);
		if (is_at(*word, base))
			return slot;
	}
	return NULL;
}

static uint64_t *find_base(const struct mh_chunks *chunks, uintptr_t base,
			   uint64_t *word)
{
	return find_slot(find_leaf(chunks, base), base, word);
}

static int put(struct mh_chunks *chunks, struct mh_chunk_leaf *leaf,
	       uintptr_t base, uint64_t word)
{
	struct probe probe;
	uint64_t *slot, there;

	slot = probe_first(&probe, leaf, base);
	for (;;) {
		there = LOAD_ACQUIRE(slot);
		if (!there || is_at(there, base)) {
			if (!exchange(slot, there, word))
				continue;
			free_wide(chunks, there);
			return 1;
		}
		/* where the last one ends there will be more */
		if (!probe.left && !published((void **)probe_link(&probe),
					      sizeof(struct mh_chunk_more)))
			return 0;
		slot = probe_next(&probe);
	}
}

static void lose(struct mh_chunks *chunks)
{
	__atomic_fetch_add(&chunks->lost, 1, __ATOMIC_RELAXED);
}

MH_RUNTIME void mh_chunk_put(struct mh_chunks *chunks,
			     struct mh_chunk_leaf *leaf, uintptr_t base,
			     uint64_t word)
{
	if (!put(chunks, leaf, base, word))
		lose(chunks);
}

/* ---- marks -------------------------------------------------------------------------- */

/* Units, smallest first; a mark is only made where none larger begins. */
static const unsigned char unit_shift[] = {
	MH_GROUP_SHIFT, 14, 18, MH_LEAF_SHIFT, MH_ZONE_SHIFT, 64,
};

static int mark(struct mh_chunks *chunks, unsigned int shift, uintptr_t at,
		uintptr_t base)
{
	const uint64_t back = (at - base) >> 3;
	struct mh_chunk_zone *zone;
	struct mh_chunk_leaf *leaf;

	if (shift < MH_LEAF_SHIFT) {
		leaf = find_leaf(chunks, at);
		if (shift == MH_GROUP_SHIFT)
			STORE(&leaf->mark_1k[nr_unit(at, shift)], (uint16_t)back);
		else if (shift == 14)
			STORE(&leaf->mark_16k[nr_unit(at, shift)], (uint16_t)back);
		else
			STORE(&leaf->mark_256k[nr_unit(at, shift)], (uint32_t)back);
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

	if (bytes <= MH_UNMARKED_MOST)
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

static int record(struct mh_chunks *chunks, struct mh_chunk *chunk)
{
	struct mh_chunk_leaf *leaf;
	uint64_t word;

	if (chunk->usable < chunk->requested)
		chunk->usable = chunk->requested;
	if (chunk->base & 7 || chunk->base + chunk->usable < chunk->base)
		return 0;
	leaf = make_leaf(chunks, chunk->base);
	if (!leaf || !mark_all(chunks, chunk->base, chunk->usable))
		return 0;
	word = make_word(chunks, chunk);
	if (!word)
		return 0;
	if (put(chunks, leaf, chunk->base, word))
		return 1;
	free_wide(chunks, word);
	return 0;
}

static void be_born(struct mh_chunks *chunks, struct mh_chunk *chunk)
{
	if (record(chunks, chunk))
		return;
	/* what was there has been freed behind our back */
	mh_chunk_dies_slowly(chunks, chunk->base);
	lose(chunks);
}

MH_RUNTIME void mh_chunk_born_slowly(struct mh_chunks *chunks, uintptr_t base,
				     size_t requested, size_t usable,
				     uintptr_t site)
{
	struct mh_chunk chunk = {
		.base = base,
		.requested = requested,
		.usable = usable,
		.site = site,
	};

	be_born(chunks, &chunk);
}

MH_RUNTIME void mh_chunk_dies_slowly(struct mh_chunks *chunks, uintptr_t base)
{
	uint64_t *slot, word;

	while ((slot = find_base(chunks, base, &word))) {
		if (!exchange(slot, word, 0))
			continue;
		free_wide(chunks, word);
		return;
	}
}

/* ---- reading ------------------------------------------------------------------------- */

/* Return: 0 when the slot has changed meanwhile. */
static int read_wide(const struct mh_chunks *chunks, const uint64_t *slot,
		     uint64_t word, struct mh_chunk *out)
{
	const struct mh_chunk_wide *wide = wide_at(chunks, (uint32_t)
			(word >> MH_WORD_WIDE_SHIFT & MH_WORD_WIDE));

	out->requested = LOAD(&wide->requested);
	out->usable = LOAD(&wide->usable);
	out->site = LOAD(&wide->site);
	out->tag = LOAD(&wide->tag);
	/* pairs with the releases of make_wide() */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return LOAD(slot) == word;
}

/* @address: any in the group that @slot belongs to. */
static int read_slot(const struct mh_chunks *chunks, const uint64_t *slot,
		     uint64_t word, uintptr_t address, struct mh_chunk *out)
{
	out->base = (address >> MH_GROUP_SHIFT << MH_GROUP_SHIFT) +
		    (word & MH_WORD_PLACE) * 8;
	out->pending = word & MH_WORD_PENDING ? 1 : 0;
	if (word & MH_WORD_IS_WIDE)
		return read_wide(chunks, slot, word, out);
	out->requested = word >> MH_WORD_REQUESTED_SHIFT & MH_WORD_REQUESTED;
	out->usable = (word >> MH_WORD_USABLE_SHIFT & MH_WORD_USABLE) * 8;
	out->site = site_of(chunks, word >> MH_WORD_SITE_SHIFT & MH_WORD_SITE);
	out->tag = 0;
	return 1;
}

/*
 * What was found for an address.  A chunk that is being reallocated may be the
 * allocator's already, and lie within one that is not: that is the better one.
 */
struct finding {
	uintptr_t address;
	uint64_t *slot;		/* NULL: nothing yet */
	uint64_t word;
	struct mh_chunk chunk;
	int spoilt;		/* a record was changed while we read it */
};

static int is_settled(const struct finding *found)
{
	return found->slot && !found->chunk.pending;
}

static int holds(const struct mh_chunk *chunk, uintptr_t address)
{
	return address - chunk->base < (chunk->usable ? chunk->usable : 1);
}

static void consider(const struct mh_chunks *chunks, struct finding *found,
		     uint64_t *slot, uint64_t word, uintptr_t near)
{
	struct mh_chunk chunk;

	if (!read_slot(chunks, slot, word, near, &chunk)) {
		found->spoilt = 1;
		return;
	}
	if (!holds(&chunk, found->address))
		return;
	/* of two, the one that is not pending, then the one that begins later */
	if (found->slot && (found->chunk.pending < chunk.pending ||
			    (found->chunk.pending == chunk.pending &&
			     found->chunk.base >= chunk.base)))
		return;
	found->slot = slot;
	found->word = word;
	found->chunk = chunk;
}

static int may_hold(uint64_t word, uint64_t place)
{
	/* a small one does, or a wide one may */
	return place - (word & MH_WORD_PLACE) <
	       (word >> MH_WORD_USABLE_SHIFT & MH_WORD_USABLE) ||
	       (word & MH_WORD_IS_WIDE);
}

/*
 * The group of @near, from its slot downwards, since what begins there holds an
 * address behind it, and most stand at home.
 */
static void look_in_group(const struct mh_chunks *chunks, struct finding *found,
			  uintptr_t near)
{
	const uint64_t place = (found->address >> 3) -
			       (near >> MH_GROUP_SHIFT << (MH_GROUP_SHIFT - 3));
	struct mh_chunk_leaf *leaf = find_leaf(chunks, near);
	struct mh_chunk_more *more;
	uint64_t *slot, word;
	size_t nr;

	if (!leaf)
		return;
	nr = nr_unit(near, MH_GROUP_SHIFT);
	slot = &leaf->slot[nr * MH_GROUP_SLOTS];
	for (size_t i = 0, at = near >> 6; i < MH_GROUP_SLOTS; i++, at--) {
		at %= MH_GROUP_SLOTS;
		word = LOAD_ACQUIRE(&slot[at]);
		if (!may_hold(word, place))
			continue;
		consider(chunks, found, &slot[at], word, near);
		if (is_settled(found))
			return;
	}
	for (more = more_behind(&leaf->link[nr]); more;
	     more = more_behind(&more->link))
		for (size_t i = 0; i < MH_MORE_SLOTS; i++) {
			word = LOAD_ACQUIRE(&more->slot[i]);
			if (may_hold(word, place))
				consider(chunks, found, &more->slot[i], word,
					 near);
		}
}

/* A mark at the begin of the unit that the address lies in. */
static void follow(const struct mh_chunks *chunks, struct finding *found,
		   unsigned int shift, uint64_t back)
{
	const uintptr_t at = found->address >> shift << shift;
	uint64_t *slot, word;

	if (!back || is_settled(found))
		return;
	slot = find_base(chunks, at - back * 8, &word);
	if (slot)
		consider(chunks, found, slot, word, at - back * 8);
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
		       LOAD(&leaf->mark_1k[nr_unit(address, MH_GROUP_SHIFT)]));
		follow(chunks, found, 14,
		       LOAD(&leaf->mark_16k[nr_unit(address, 14)]));
		follow(chunks, found, 18,
		       LOAD(&leaf->mark_256k[nr_unit(address, 18)]));
	}
	follow(chunks, found, MH_LEAF_SHIFT,
	       LOAD(&zone->mark_2m[leaf_in(zone, address) - zone->leaf]));
	if (LOAD(&zone->mark))
		follow(chunks, found, MH_ZONE_SHIFT,
		       ((address >> MH_ZONE_SHIFT << MH_ZONE_SHIFT) -
			LOAD(&zone->mark)) >> 3);
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
}

/* Return: 0, -ENOENT or -EAGAIN, as mh_chunk_find(). */
static int find(const struct mh_chunks *chunks, uintptr_t address,
		struct finding *found)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		found->address = address;
		found->slot = NULL;
		found->spoilt = 0;
		look(chunks, found);
		if (is_settled(found))
			return 0;
		if (!found->spoilt)
			return found->slot ? 0 : -ENOENT;
	}
	return -EAGAIN;
}

/* The usual case in short: a small chunk that stands at home in this group. */
static int find_at_home(const struct mh_chunks *chunks, uintptr_t address,
			struct mh_chunk *chunk)
{
	struct mh_chunk_leaf *leaf = mh_chunk_leaf_at(chunks, address >> 3);
	const uint64_t place = address >> 3 & MH_WORD_PLACE;
	const uint64_t *slot, *first;
	uint64_t word;

	if (!leaf)
		return 0;
	slot = mh_chunk_home(leaf, address >> 3);
	first = &leaf->slot[(size_t)(slot - leaf->slot) / MH_GROUP_SLOTS *
			    MH_GROUP_SLOTS];
	for (; slot >= first; slot--) {
		word = LOAD_ACQUIRE(slot);
		if (place - (word & MH_WORD_PLACE) >=
		    (word >> MH_WORD_USABLE_SHIFT & MH_WORD_USABLE))
			continue;
		return !(word & MH_WORD_PENDING) &&
		       read_slot(chunks, slot, word, address, chunk);
	}
	return 0;
}

MH_RUNTIME int mh_chunk_find(struct mh_chunks *chunks, uintptr_t address,
			     struct mh_chunk *chunk)
{
	struct finding found;
	int error;

	if (find_at_home(chunks, address, chunk))
		return 0;
	error = find(chunks, address, &found);
	if (!error)
		*chunk = found.chunk;
	return error;
}

MH_RUNTIME int mh_chunk_tag(struct mh_chunks *chunks, uintptr_t address,
			    uint64_t tag)
{
	struct finding found;
	uint64_t word;
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
		if (exchange(found.slot, found.word, word)) {
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
static uint64_t token(uint64_t word)
{
	uint64_t self = mh_thread_pointer();

	if (word & MH_WORD_IS_WIDE)
		return 0;
	return (mh_chunk_site_hash(self, 9) & MH_WORD_TOKEN)
	       << MH_WORD_TOKEN_SHIFT;
}

static uint64_t settled(uint64_t word)
{
	if (!(word & MH_WORD_IS_WIDE))
		word &= ~(MH_WORD_TOKEN << MH_WORD_TOKEN_SHIFT);
	return word & ~MH_WORD_PENDING;
}

MH_RUNTIME void mh_chunk_move_begins(struct mh_chunks *chunks, uintptr_t base,
				     struct mh_chunk_move *move)
{
	uint64_t *slot, word;

	move->pending = 0;
	move->old.base = base;
	while ((slot = find_base(chunks, base, &word))) {
		if (!read_slot(chunks, slot, word, base, &move->old))
			continue;
		/* what a parent of fork has left pending is ours alone */
		move->before = settled(word);
		move->pending = move->before | MH_WORD_PENDING | token(word);
		if (exchange(slot, word, move->pending))
			return;
		move->pending = 0;
	}
}

/* The old chunk's word, if it is still ours, becomes another one. */
static int replace(struct mh_chunks *chunks, const struct mh_chunk_move *move,
		   uint64_t word)
{
	uint64_t *slot, there;

	if (!move->pending)
		return 0;
	slot = find_base(chunks, move->old.base, &there);
	return slot && there == move->pending && exchange(slot, there, word);
}

MH_RUNTIME void mh_chunk_move_failed(struct mh_chunks *chunks,
				     const struct mh_chunk_move *move)
{
	replace(chunks, move, move->before);
}

/* In place: the word changes where it stands. */
static int change(struct mh_chunks *chunks, const struct mh_chunk_move *move,
		  const struct mh_chunk *chunk)
{
	uint64_t word;

	if (!mark_all(chunks, chunk->base, chunk->usable))
		return 0;
	word = make_word(chunks, chunk);
	if (!word)
		return 0;
	if (replace(chunks, move, word)) {
		free_wide(chunks, move->before);
		return 1;
	}
	free_wide(chunks, word);
	return 0;
}

MH_RUNTIME void mh_chunk_move_ends(struct mh_chunks *chunks,
				   const struct mh_chunk_move *move,
				   struct mh_chunk *chunk)
{
	if (move->pending) {
		chunk->site = move->old.site;
		chunk->tag = move->old.tag;
	}
	if (chunk->usable < chunk->requested)
		chunk->usable = chunk->requested;
	if (chunk->base && move->pending && chunk->base == move->old.base &&
	    change(chunks, move, chunk))
		return;
	if (chunk->base)
		be_born(chunks, chunk);
	if (chunk->base != move->old.base && replace(chunks, move, 0))
		free_wide(chunks, move->before);
}

/* ---- all ---------------------------------------------------------------------------------- */

struct walk {
	const struct mh_chunks *chunks;
	int (*visit)(const struct mh_chunk *chunk, void *arg);
	void *arg;
};

static int walk_slots(const struct walk *walk, const uint64_t *slot,
		      unsigned int nr, uintptr_t near)
{
	struct mh_chunk chunk;
	uint64_t word;
	int ret = 0;

	for (unsigned int i = 0; !ret && i < nr; i++) {
		word = LOAD_ACQUIRE(&slot[i]);
		for (unsigned int t = 0; word && t < TRIES; t++) {
			if (read_slot(walk->chunks, &slot[i], word, near,
				      &chunk)) {
				ret = walk->visit(&chunk, walk->arg);
				break;
			}
			word = LOAD_ACQUIRE(&slot[i]);
		}
	}
	return ret;
}

static int walk_leaf(const struct walk *walk, const struct mh_chunk_leaf *leaf,
		     uintptr_t start)
{
	const struct mh_chunk_more *more;
	int ret = 0;

	for (size_t nr = 0; !ret && nr < MH_LEAF_GROUPS; nr++) {
		ret = walk_slots(walk, &leaf->slot[nr * MH_GROUP_SLOTS],
				 MH_GROUP_SLOTS, start);
		for (more = more_behind(&leaf->link[nr]); !ret && more;
		     more = more_behind(&more->link))
			ret = walk_slots(walk, more->slot, MH_MORE_SLOTS,
					 start);
		start += (uintptr_t)1 << MH_GROUP_SHIFT;
	}
	return ret;
}

static int walk_zones(const struct walk *walk,
		      struct mh_chunk_zone *const *table, uintptr_t start)
{
	const struct mh_chunk_zone *zone;
	const struct mh_chunk_leaf *leaf;
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
