// SPDX-License-Identifier: MIT
/*
 * chunks - which chunk does an address of another process belong to
 *
 * Goes the ways of index/chunk.c, by copies.  The process may run on: a word of a
 * slot is whole, and what it leads to is read twice where it can change.  Tables
 * only ever come into being; where our copy has none, the pointer is read again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <mallochooks/mallochooks.h>

#include "chunks.h"
#include "tools.h"

#define TRIES		8
#define MOST_LISTS	((1u << MH_GROUP_SHIFT) / 4)	/* of a group */

static int peek(const struct chunks *chunks, uint64_t at, void *to, size_t bytes)
{
	return memory_read(chunks->memory, at, to, bytes);
}

/* A pointer of the table's head: where there is none yet, it may have come. */
static uint64_t pointer(struct chunks *chunks, void *in_head)
{
	const size_t offset = (size_t)((char *)in_head - (char *)chunks->head);
	uint64_t value;

	memcpy(&value, in_head, sizeof(value));
	if (value || peek(chunks, chunks->at + offset, &value, sizeof(value)))
		return value;
	memcpy(in_head, &value, sizeof(value));
	return value;
}

/* ---- places by address ------------------------------------------------------ */

static uint64_t zone_of(struct chunks *chunks, uint64_t address)
{
	const uint64_t nr = address >> MH_ZONE_SHIFT & (MH_SPACE_ZONES - 1);
	uint64_t table, zone = 0;

	if (!(address >> MH_SPACE_SHIFT))
		return pointer(chunks, &chunks->head->zone[nr]);
	if (address >> MH_WIDEST_SHIFT)
		return 0;
	table = pointer(chunks,
			&chunks->head->beyond[address >> MH_SPACE_SHIFT]);
	if (!table || peek(chunks, table + nr * sizeof(zone), &zone, sizeof(zone)))
		return 0;
	return zone;
}

static uint64_t leaf_nr(uint64_t address)
{
	return address >> MH_LEAF_SHIFT & (MH_ZONE_LEAVES - 1);
}

static uint64_t leaf_of(struct chunks *chunks, uint64_t address)
{
	const uint64_t zone = zone_of(chunks, address);
	uint64_t leaf = 0;

	if (!zone || peek(chunks, zone + leaf_nr(address) * sizeof(leaf) +
			  offsetof(struct mh_chunk_zone, leaf), &leaf,
			  sizeof(leaf)))
		return 0;
	return leaf;
}

/* The number of a unit of 2^shift bytes in its leaf. */
static uint64_t nr_of(uint64_t address, unsigned int shift)
{
	return address >> shift & ((1u << (MH_LEAF_SHIFT - shift)) - 1);
}

/* ---- what a word leads to ------------------------------------------------------- */

static int read_first_kind(struct chunks *chunks, uint32_t nr,
			   struct mh_chunk *out)
{
	uint64_t *key = &chunks->head->first_kinds[nr];

	/* it never changes once it is there */
	if (!*key && peek(chunks, chunks->at + nr * sizeof(*key) +
			  offsetof(struct mh_chunks, first_kinds), key,
			  sizeof(*key)))
		return 0;
	out->site = mh_chunk_kind_site(*key);
	out->usable = mh_chunk_kind_usable(*key);
	out->requested = out->usable - mh_chunk_kind_slack(*key);
	return *key != 0;
}

static int read_further_kind(struct chunks *chunks, uint32_t nr,
			     struct mh_chunk *out)
{
	unsigned int table = 0;
	uint32_t kinds = 1u << MH_KIND_BITS;
	struct mh_chunk_kind *kind;
	uint64_t there;

	while (nr >= kinds) {
		nr -= kinds;
		if (++table == MH_KIND_TABLES)
			return 0;
		kinds <<= 3;
	}
	there = pointer(chunks, &chunks->head->kinds[table]);
	if (!there)
		return 0;
	if (!chunks->kinds[table])
		chunks->kinds[table] = xcalloc(kinds, sizeof(*kind));
	kind = &chunks->kinds[table][nr];
	if ((!kind->site || !kind->sizes) &&
	    peek(chunks, there + nr * sizeof(*kind), kind, sizeof(*kind)))
		return 0;
	out->site = kind->site;
	out->usable = (uint32_t)(kind->sizes - 1);
	out->requested = out->usable - ((kind->sizes - 1) >> 32) * 16;
	return kind->site && kind->sizes;
}

/* @slack: what is left of it, below 16 */
static int read_kind(struct chunks *chunks, uint32_t nr, uint32_t slack,
		     struct mh_chunk *out)
{
	out->tag = 0;
	out->opened = 0;
	if (!(nr >> MH_KIND_BITS ? read_further_kind(chunks, nr, out) :
				   read_first_kind(chunks, nr, out)))
		return 0;
	out->requested -= slack;
	return 1;
}

static int read_wide(struct chunks *chunks, uint32_t nr, struct mh_chunk *out)
{
	const uint32_t n = nr + (1u << MH_WIDE_FIRST);
	const unsigned int bit = 31u - (unsigned int)__builtin_clz(n);
	struct mh_chunk_wide wide, again;
	uint64_t at;

	if (bit - MH_WIDE_FIRST >= MH_WIDE_BLOCKS)
		return 0;
	at = pointer(chunks, &chunks->head->wide[bit - MH_WIDE_FIRST]);
	if (!at)
		return 0;
	at += (n - (1u << bit)) * (uint64_t)sizeof(wide);
	if (peek(chunks, at, &wide, sizeof(wide)) ||
	    peek(chunks, at, &again, sizeof(again)))
		return 0;
	out->requested = wide.requested;
	out->usable = wide.usable;
	out->site = wide.site;
	out->tag = wide.tag;
	out->opened = wide.opened;
	return !(wide.gen & 1) && wide.gen == again.gen && wide.base == out->base;
}

/* A word where it stands; @more: in a list, or else in the slot of its block. */
struct spot {
	uint64_t at;
	int more;
	uint64_t word;		/* or what the slot holds */
};

static int reread(const struct chunks *chunks, struct spot *spot)
{
	uint16_t slot;

	if (spot->more)
		return peek(chunks, spot->at, &spot->word, sizeof(spot->word));
	if (peek(chunks, spot->at, &slot, sizeof(slot)))
		return -1;
	spot->word = slot;
	return 0;
}

static int is_move_at(uint64_t move, uint64_t block, uint32_t code)
{
	return move >> MH_MOVE_BLOCK_SHIFT == block >> MH_BLOCK_SHIFT &&
	       !((move ^ code) & MH_SLOT_PLACE);
}

/* What a slot held that says that its chunk is reallocated just now; 0: it is over. */
static uint32_t find_move(struct chunks *chunks, uint64_t block, uint32_t code)
{
	struct {
		uint64_t moving[MH_MOVES];
		struct mh_chunk_mover mover[MH_MOVERS];
	} there;

	_Static_assert(offsetof(struct mh_chunks, moving) + sizeof(there) ==
		       sizeof(struct mh_chunks), "one behind the other");
	if (peek(chunks, chunks->at + offsetof(struct mh_chunks, moving), &there,
		 sizeof(there)))
		return 0;
	for (unsigned int i = 0; i < MH_MOVERS; i++)
		if (is_move_at(there.mover[i].move, block, code))
			return (uint16_t)there.mover[i].move;
	for (unsigned int i = 0; i < MH_MOVES; i++)
		if (is_move_at(there.moving[i], block, code))
			return (uint16_t)there.moving[i];
	return 0;
}

/* Does the slot tell of a chunk, by itself or by a move? */
static int is_told(uint32_t code)
{
	return code >= MH_SLOT_KINDS ||
	       (code & ~MH_SLOT_PLACE) == MH_SLOT_PENDING;
}

static int is_listed(uint32_t code)
{
	return code && !is_told(code);
}

/* Return: 1; 0: no chunk; -1: it has to be read again. */
static int read_slot(struct chunks *chunks, uint32_t code, uint64_t block,
		     struct mh_chunk *out)
{
	if (!is_told(code))
		return 0;
	out->pending = code < MH_SLOT_KINDS;
	if (out->pending)
		code = find_move(chunks, block, code);
	if (code < MH_SLOT_KINDS)
		return -1;
	out->base = block + (code & MH_SLOT_PLACE) * 16;
	return read_kind(chunks, code >> MH_SLOT_KIND_SHIFT,
			 code >> MH_SLOT_SLACK_SHIFT & MH_WORD_SLACK, out) ?
		1 : -1;
}

static int read_listed(struct chunks *chunks, uint64_t there, uint64_t group,
		       struct mh_chunk *out)
{
	const uint32_t word = (uint32_t)there;
	int ok;

	if (!there)
		return 0;
	out->base = group + (word & MH_WORD_PLACE) * 8 +
		    (there >> MH_WORD_BLOCK_SHIFT & MH_WORD_BLOCK) *
		    MH_BLOCK_BYTES +
		    (there >> MH_WORD_ODD_SHIFT & MH_WORD_ODD);
	out->pending = word & MH_WORD_PENDING ? 1 : 0;
	if (word & MH_WORD_IS_WIDE)
		return read_wide(chunks, word >> MH_WORD_WIDE_SHIFT, out) ? 1 : -1;
	ok = read_kind(chunks, word >> MH_WORD_KIND_SHIFT & MH_WORD_KIND,
		       word >> MH_WORD_SLACK_SHIFT & MH_WORD_SLACK, out);
	if (word >> MH_WORD_ALONE_SHIFT)
		out->opened = MH_ALONE;
	return ok ? 1 : -1;
}

/*
 * read_spot() - the chunk that stands somewhere
 * @block:	address of the block, or, of a word in a list, of the group
 *
 * Return: 1; 0: none; -1: it was changed again and again.
 */
static int read_spot(struct chunks *chunks, struct spot *spot, uint64_t block,
		     struct mh_chunk *out)
{
	int ret = -1;

	for (unsigned int i = 0; i < TRIES; i++) {
		if (spot->more)
			ret = read_listed(chunks, spot->word, block, out);
		else
			ret = read_slot(chunks, (uint32_t)spot->word, block, out);
		if (ret >= 0 || reread(chunks, spot))
			break;
	}
	return ret;
}

typedef void visit_spot(struct chunks *chunks, struct spot *spot,
			uint64_t block, void *arg);

/* Does a word in a list count?  See struct mh_chunk_more. */
static int counts(struct chunks *chunks, uint64_t word, const uint16_t *slot)
{
	const size_t offset = offsetof(struct mh_chunks, has_more);

	if (!chunks->head->has_more)
		peek(chunks, chunks->at + offset, &chunks->head->has_more,
		     sizeof(chunks->head->has_more));
	return chunks->head->has_more ||
	       is_listed(slot[word >> MH_WORD_BLOCK_SHIFT & MH_WORD_BLOCK]);
}

/* @slot: those of the group */
static void each_in_list(struct chunks *chunks, uint64_t more, uint64_t group,
			 const uint16_t *slot, visit_spot *visit, void *arg)
{
	struct spot spot = { .more = 1 };
	struct mh_chunk_more list;

	for (unsigned int k = 0; more && k < MOST_LISTS; k++) {
		if (peek(chunks, more, &list, sizeof(list)))
			return;
		for (unsigned int i = 0; i < MH_MORE_SLOTS; i++) {
			spot.at = more + i * sizeof(list.slot[0]);
			spot.word = list.slot[i];
			if (spot.word && counts(chunks, spot.word, slot))
				visit(chunks, &spot, group, arg);
		}
		more = list.link;
	}
}

static void each_slot(struct chunks *chunks, const uint16_t *slot, size_t nr,
		      uint64_t at, uint64_t block, visit_spot *visit, void *arg)
{
	struct spot spot = { .more = 0 };

	for (size_t i = 0; i < nr; i++) {
		if (!is_told(slot[i]))
			continue;
		spot.at = at + i * sizeof(*slot);
		spot.word = slot[i];
		visit(chunks, &spot, block + i * MH_BLOCK_BYTES, arg);
	}
}

/* ---- one address ------------------------------------------------------------------ */

struct finding {
	uint64_t address;
	struct mh_chunk chunk;
	int found;
	int spoilt;
};

/* Of two, the one that is not pending, then the one that begins later. */
static void consider(struct chunks *chunks, struct spot *spot, uint64_t block,
		     void *arg)
{
	struct finding *finding = arg;
	const struct mh_chunk *best = &finding->chunk;
	struct mh_chunk chunk;
	const int ret = read_spot(chunks, spot, block, &chunk);

	if (ret < 0)
		finding->spoilt = 1;
	if (ret <= 0 || finding->address < chunk.base ||
	    finding->address - chunk.base >= (chunk.usable ? chunk.usable : 1))
		return;
	if (finding->found && (best->pending < chunk.pending ||
			       (best->pending == chunk.pending &&
				best->base >= chunk.base)))
		return;
	finding->chunk = chunk;
	finding->found = 1;
}

static int is_settled(const struct finding *finding)
{
	return finding->found && !finding->chunk.pending;
}

static void look_in_group(struct chunks *chunks, struct finding *finding,
			  uint64_t address)
{
	const uint64_t leaf = leaf_of(chunks, address);
	const uint64_t group = address >> MH_GROUP_SHIFT << MH_GROUP_SHIFT;
	uint16_t slot[MH_GROUP_SLOTS];
	uint64_t at, link;

	if (!leaf)
		return;
	at = leaf + nr_of(group, MH_BLOCK_SHIFT) * sizeof(slot[0]);
	if (peek(chunks, at, slot, sizeof(slot)))
		return;
	each_slot(chunks, slot, MH_GROUP_SLOTS, at, group, consider, finding);
	at = leaf + offsetof(struct mh_chunk_leaf, link) +
	     nr_of(group, MH_GROUP_SHIFT) * sizeof(link);
	if (!peek(chunks, at, &link, sizeof(link)))
		each_in_list(chunks, link, group, slot, consider, finding);
}

/* A mark of @bytes at the begin of the unit that the address lies in. */
static void follow(struct chunks *chunks, struct finding *finding,
		   unsigned int shift, uint64_t at, size_t bytes)
{
	uint64_t back = 0;

	if (is_settled(finding) || peek(chunks, at, &back, bytes) || !back)
		return;
	look_in_group(chunks, finding, (finding->address >> shift << shift) -
				       back * 8);
}

static void follow_marks(struct chunks *chunks, struct finding *finding)
{
	const uint64_t address = finding->address;
	const uint64_t zone = zone_of(chunks, address);
	const uint64_t leaf = leaf_of(chunks, address);
	uint64_t base;

	if (leaf) {
		follow(chunks, finding, MH_GROUP_SHIFT, leaf +
		       offsetof(struct mh_chunk_leaf, mark_1k) +
		       nr_of(address, MH_GROUP_SHIFT) * 2, 2);
		follow(chunks, finding, 14, leaf +
		       offsetof(struct mh_chunk_leaf, mark_16k) +
		       nr_of(address, 14) * 2, 2);
		follow(chunks, finding, 18, leaf +
		       offsetof(struct mh_chunk_leaf, mark_256k) +
		       nr_of(address, 18) * 4, 4);
	}
	if (!zone)
		return;
	follow(chunks, finding, MH_LEAF_SHIFT, zone +
	       offsetof(struct mh_chunk_zone, mark_2m) +
	       leaf_nr(address) * 4, 4);
	if (!is_settled(finding) &&
	    !peek(chunks, zone + offsetof(struct mh_chunk_zone, mark), &base,
		  sizeof(base)) && base)
		look_in_group(chunks, finding, base);
}

static int find(struct chunks *chunks, uint64_t address, struct mh_chunk *chunk)
{
	const uint64_t group = (uint64_t)1 << MH_GROUP_SHIFT;
	struct finding finding;

	for (unsigned int i = 0; i < TRIES; i++) {
		finding = (struct finding){ .address = address };
		look_in_group(chunks, &finding, address);
		if (!is_settled(&finding) && address >= group)
			look_in_group(chunks, &finding, address - group);
		if (!is_settled(&finding))
			follow_marks(chunks, &finding);
		if (is_settled(&finding) ||
		    (finding.found && !finding.spoilt)) {
			*chunk = finding.chunk;
			return 0;
		}
		if (!finding.spoilt)
			return -ENOENT;
	}
	return -EAGAIN;
}

/* Has it not gone with its pool? */
static int is_alive(struct chunks *chunks, const struct mh_chunk *chunk)
{
	struct mh_chunk pool;

	if (!chunks->outer)
		return 1;
	if (chunks_find(chunks->outer, chunk->base, &pool))
		return (chunk->opened & MH_ALONE) != 0;
	return (pool.opened & ~MH_ALONE) > chunk->base;
}

int chunks_find(struct chunks *chunks, uint64_t address, struct mh_chunk *chunk)
{
	const int error = find(chunks, address, chunk);

	return error || is_alive(chunks, chunk) ? error : -ENOENT;
}

void chunks_nest(struct chunks *const *chunks, size_t nr)
{
	uint64_t outer;

	for (size_t i = 0; i < nr; i++) {
		outer = pointer(chunks[i], &chunks[i]->head->outer);
		for (size_t k = 0; outer && k < nr; k++)
			if (k != i && chunks[k]->at == outer)
				chunks[i]->outer = chunks[k];
	}
}

/* ---- all ---------------------------------------------------------------------------- */

struct walk {
	void (*visit)(const struct mh_chunk *chunk, void *arg);
	void *arg;
};

static void tell(struct chunks *chunks, struct spot *spot, uint64_t block,
		 void *arg)
{
	const struct walk *walk = arg;
	struct mh_chunk chunk;
	const int ret = read_spot(chunks, spot, block, &chunk);

	if (ret > 0 && is_alive(chunks, &chunk))
		walk->visit(&chunk, walk->arg);
	else if (ret < 0)
		chunks->changed++;
}

static void walk_leaf(struct chunks *chunks, uint64_t at, uint64_t start,
		      struct walk *walk)
{
	struct mh_chunk_leaf *leaf = chunks->leaf;

	if (peek(chunks, at, leaf, sizeof(*leaf))) {
		chunks->missing++;
		return;
	}
	each_slot(chunks, leaf->slot, MH_LEAF_SLOTS, at, start, tell, walk);
	for (uint64_t i = 0; i < MH_LEAF_GROUPS; i++)
		each_in_list(chunks, leaf->link[i],
			     start + (i << MH_GROUP_SHIFT),
			     &leaf->slot[i * MH_GROUP_SLOTS], tell, walk);
}

static void walk_zone(struct chunks *chunks, uint64_t zone, uint64_t start,
		      struct walk *walk)
{
	uint64_t leaf[MH_ZONE_LEAVES];

	if (!zone)
		return;
	if (peek(chunks, zone, leaf, sizeof(leaf))) {
		chunks->missing++;
		return;
	}
	for (uint64_t i = 0; i < MH_ZONE_LEAVES; i++)
		if (leaf[i])
			walk_leaf(chunks, leaf[i],
				  start + (i << MH_LEAF_SHIFT), walk);
}

static void walk_zones(struct chunks *chunks, uint64_t table, uint64_t start,
		       struct walk *walk)
{
	const size_t bytes = MH_SPACE_ZONES * sizeof(uint64_t);
	uint64_t *zone;

	if (!table)
		return;
	zone = xcalloc(1, bytes);
	if (!peek(chunks, table, zone, bytes))
		for (uint64_t i = 0; i < MH_SPACE_ZONES; i++)
			walk_zone(chunks, zone[i],
				  start + (i << MH_ZONE_SHIFT), walk);
	free(zone);
}

void chunks_walk(struct chunks *chunks,
		 void (*visit)(const struct mh_chunk *chunk, void *arg),
		 void *arg)
{
	struct walk walk = { visit, arg };

	walk_zones(chunks, chunks->at + offsetof(struct mh_chunks, zone), 0,
		   &walk);
	for (uint64_t i = 1; i < MH_SPACES; i++)
		walk_zones(chunks, pointer(chunks, &chunks->head->beyond[i]),
			   i << MH_SPACE_SHIFT, &walk);
}

int chunks_open(struct chunks *chunks, const struct memory *memory,
		uint64_t root)
{
	struct mallochooks_root there;

	memset(chunks, 0, sizeof(*chunks));
	chunks->memory = memory;
	if (memory_read(memory, root, &there, sizeof(there)) ||
	    there.size < sizeof(there)) {
		say("%s: the index cannot be read", memory->name);
		return -1;
	}
	if (there.layout != MH_CHUNK_LAYOUT ||
	    there.bytes != sizeof(struct mh_chunks)) {
		say("%s: has an index of another release (layout %u, this tool "
		    "reads %u): use the tool that came with it", memory->name,
		    there.layout, MH_CHUNK_LAYOUT);
		return -1;
	}
	chunks->at = (uintptr_t)there.at;
	chunks->head = xcalloc(1, sizeof(*chunks->head));
	chunks->leaf = xcalloc(1, sizeof(*chunks->leaf));
	if (!peek(chunks, chunks->at, chunks->head, sizeof(*chunks->head)))
		return 0;
	say("%s: the index cannot be read%s", memory->name, memory->pid ? "" :
	    " (memory is missing in the core)");
	chunks_close(chunks);
	return -1;
}

void chunks_close(struct chunks *chunks)
{
	for (unsigned int i = 0; i < MH_KIND_TABLES; i++)
		free(chunks->kinds[i]);
	free(chunks->head);
	free(chunks->leaf);
	memset(chunks, 0, sizeof(*chunks));
}
