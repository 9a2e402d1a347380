/* SPDX-License-Identifier: MIT */
/*
 * sites-shard.h - a thread's records, and the index that leads to them
 *
 * Included by sites.c: what a call does in a thread that has a shard, where it is
 * not the usual one.
 */
#ifndef MH_SITES_SHARD_H
#define MH_SITES_SHARD_H

/* The first record of a new page. */
static uint32_t new_page(struct shard *shard)
{
	struct mh_sites_page *page = mh_sitefile_page(&file);
	uint32_t offset;

	if (!page)
		return 0;
	page->shard = shard->number;
	__atomic_store_n(&page->kind, MH_SITES_PAGE_RECORDS, __ATOMIC_RELEASE);
	offset = (uint32_t)((unsigned char *)page->record - file_base);
	__atomic_store_n(&shard->next, offset + (uint32_t)sizeof(nothing),
			 __ATOMIC_RELAXED);
	return offset;
}

/*
 * Takes a record of the shard's page, or of a new one.  A signal handler of the
 * thread may do so at any time in between: hence the atomic operations, and one
 * number that tells page and record.
 */
static uint32_t new_record(struct shard *shard)
{
	uint32_t offset = __atomic_load_n(&shard->next, __ATOMIC_RELAXED);
	struct mh_sites_page *page;
	uint32_t nr, used;

	/* where a page ends there is no record */
	while (offset % MH_SITES_PAGE_BYTES &&
	       !__atomic_compare_exchange_n(&shard->next, &offset,
					    offset + (uint32_t)sizeof(nothing),
					    0, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
	if (!(offset % MH_SITES_PAGE_BYTES))
		offset = new_page(shard);
	if (!offset)
		return 0;
	page = (struct mh_sites_page *)(file_base + offset / MH_SITES_PAGE_BYTES *
					MH_SITES_PAGE_BYTES);
	nr = offset % MH_SITES_PAGE_BYTES / (uint32_t)sizeof(nothing);
	/* release: pairs with a reader's acquire; the record reads as zero */
	used = __atomic_load_n(&page->used, __ATOMIC_RELAXED);
	while (used < nr &&
	       !__atomic_compare_exchange_n(&page->used, &used, nr, 0,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return offset;
}

static int is_live(uint64_t key)
{
	return key && op_of(key) < MH_SITES_RETIRED;
}

static size_t places(uint32_t bits)
{
	return ((size_t)1 << bits) + INDEX_SPARE;
}

static uint32_t mask_of(const struct index *index)
{
	return (1u << index->bits) - 1;
}

/* Puts the records of the old index that still answer to an address. */
static int refill(struct index *index, const struct index *old, uint32_t *used)
{
	const size_t nr_old = old ? places(old->bits) : 0;
	uint32_t offset;
	size_t at;

	*used = 0;
	for (size_t i = 0; i < nr_old; i++) {
		offset = old->place[i];
		if (!offset || !is_live(record_at(offset)->key))
			continue;
		at = hash(spread(record_at(offset)->key), mask_of(index));
		while (index->place[at])
			at++;
		if (at + 1 >= places(index->bits))
			return 0;
		index->place[at] = offset;
		(*used)++;
	}
	return 1;
}

/*
 * Places of an index that may be used.  A record that is not the first at its
 * place costs 20 ns, most of it a branch that was guessed wrong; a quarter used
 * would make one in eight of them.  Large indexes are short of cache instead.
 */
static uint32_t most_used(const struct index *index)
{
	return (1u << index->bits) / (index->bits <= INDEX_ROOMY ? 16 : 4);
}

/*
 * Twice as large, or more when the spare places were full.  No memory, or too
 * many that hash alike: it is not tried again.
 */
static int grow(struct shard *shard)
{
	struct index *index, *old = shard->index;
	uint32_t bits = old ? old->bits + 1 : INDEX_BITS;
	uint32_t used;

	do {
		index = bits > INDEX_MOST || shard->full ? NULL :
			mh_arena(sizeof(*index) +
				 places(bits) * sizeof(index->place[0]));
		if (!index) {
			shard->full = 1;
			return 0;
		}
		index->bits = bits++;
	} while (!refill(index, old, &used));
	/* release: a signal handler or a child of fork finds all or nothing */
	__atomic_store_n(&shard->index, index, __ATOMIC_RELEASE);
	shard->used = used;
	return 1;
}

/* The records at hand are not, any more; few places are in use. */
static void forget_places(struct shard *shard)
{
#ifdef OVER_INDEX
	struct place *places = shard->latest->places;

	for (size_t i = 0; i < NR_PLACES; i++) {
		if (places[i].key)
			__atomic_store_n(&places[i].key, 0, __ATOMIC_SEQ_CST);
		if (places[i].life)
			__atomic_store_n(&places[i].life, NULL, __ATOMIC_SEQ_CST);
	}
#else
	(void)shard;
#endif
}

/* Looks for modules that have been closed. */
static void retire(void)
{
	const uint32_t before = __atomic_load_n(&file.head->generation,
						__ATOMIC_RELAXED);
	struct shard *shard;

	mh_sitefile_retire(&file);
	if (before == __atomic_load_n(&file.head->generation, __ATOMIC_RELAXED))
		return;
	for (shard = __atomic_load_n(&shards, __ATOMIC_ACQUIRE); shard;
	     shard = shard->link)
		forget_places(shard);
}

/*
 * A shard without an index: in a new thread, or in a child, where the index
 * still holds what the parent wrote into it.
 */
static int adopt(struct shard *shard)
{
	struct index *index = shard->index;

	if (!shard->number && shard != &overflow)
		shard->number = __atomic_add_fetch(&file.head->shards, 1,
						   __ATOMIC_RELAXED);
	if (!index)
		return grow(shard);
	if (shard != &overflow)
		forget_places(shard);
	mh_clear(index->place, places(index->bits) * sizeof(index->place[0]));
	shard->used = 0;
	return 1;
}

/*
 * find() - the place in the index at which @key's record stands
 * Return: the place, which holds 0 when there is none yet; NULL: no room.
 */
static uint32_t *find(struct shard *shard, uint64_t key)
{
	struct index *index;
	uint32_t *at, *end;

	if ((!shard->index || shard->used == STALE) && !adopt(shard))
		return NULL;
	for (;;) {
		index = shard->index;
		at = index->place + hash(spread(key), mask_of(index));
		end = index->place + places(index->bits) - 1;
		while (at < end && *at && record_at(*at)->key != key)
			at++;
		if (at < end && (*at || shard->used < most_used(index)))
			return at;
		if (!grow(shard))	/* crowded is better than lost */
			return at < end && shard->used < 1u << (index->bits - 1)
			       ? at : NULL;
	}
}

static struct mh_sites_record *make_record(struct shard *shard, uint32_t *at,
					   uint64_t key)
{
	uint32_t nr;

	/* of a life's site it is there already, or the module may have gone */
	if (op_of(key))
		mh_sitefile_module(&file, address_of(key) - 1);
	nr = new_record(shard);
	if (!nr)
		return NULL;
	__atomic_store_n(&record_at(nr)->key, key, __ATOMIC_RELAXED);
	shard->used += !*at;
	*at = nr;
	return record_at(nr);
}

static int from_loader(uint64_t key)
{
	return address_of(key) - loader.start < loader.end - loader.start;
}

/*
 * enter() - count a call
 *
 * A count that has reached 2^31 gives back what add_to() has put on top, and a
 * second record of the same key takes over.
 * Return: 0 when no record is to be had.
 */
static int enter(struct shard *shard, uint64_t key, size_t size)
{
	struct mh_sites_record *record;
	uint32_t *at, *count;

	if (op_of(key) == MH_SITES_FREE && from_loader(key)) {
		retire();
		key = key_of(MH_SITES_FREE_LOADER, address_of(key));
	}
	at = find(shard, key);
	if (!at)
		return 0;
	record = record_at(*at);
	count = count_at(record, bucket(size));
	if (*at && is_high(count))
		__atomic_fetch_sub(count, 1, __ATOMIC_RELAXED);
	else if (*at)
		goto found;
	record = make_record(shard, at, key);
	if (!record)
		return 0;
	count = count_at(record, bucket(size));
found:
	/* atomic against a signal handler of the thread */
	__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&record->bytes, size, __ATOMIC_RELAXED);
	return 1;
}

#endif
