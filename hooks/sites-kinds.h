/* SPDX-License-Identifier: MIT */
/*
 * sites-kinds.h - malloc, realloc and free where the index is the next layer below
 *
 * Included by sites.c.  The index knows of a chunk what kind it is of: what site has
 * asked for it, and its size (index/chunk.h).  So a thread keeps by kind where its
 * records of that site are (struct place), and looks for neither the chunk nor the
 * site by itself.
 */
#ifndef MH_SITES_KINDS_H
#define MH_SITES_KINDS_H

struct mh_born NEXT_IDENT(malloc_as)(size_t size, caller_t caller);
struct mh_moved NEXT_IDENT(realloc_as)(void *old, size_t size, caller_t caller);
size_t NEXT_IDENT(take)(void *ptr);
void NEXT_IDENT(release)(void *ptr, caller_t caller);

/* @kind: a sort, less its slack; that is 16 times a number, and is at hand */
static inline struct place *place_of(struct shard *shard, size_t kind)
{
	_Static_assert(sizeof(struct place) == 16, "see mh_chunk_sort()");

	return (struct place *)((char *)shard->latest->places + kind);
}

static uint32_t offset_of(const struct mh_sites_record *record)
{
	return (uint32_t)((const unsigned char *)record - file_base);
}

#define NO_RECORD	offsetof(struct mh_sites_header, no_record)
#define NO_LIFE		offsetof(struct mh_sites_header, no_life)

static int may_learn(size_t kind)
{
	return kind && mine.placed != &no_shard.shard &&
	       MH_PHASE.word == MH_PHASE_LIVE;
}

/* From now on they are at hand; unless the module goes just now, see retire(). */
static void learn(uint32_t *where, const struct mh_sites_record *record,
		  size_t from)
{
	__atomic_store_n(where, offset_of(record) - (uint32_t)from,
			 __ATOMIC_SEQ_CST);
	if (!is_live(__atomic_load_n(&record->key, __ATOMIC_SEQ_CST)))
		__atomic_store_n(where, 0, __ATOMIC_RELAXED);
}

/* @record: in which the call was counted, and should not */
static __attribute__((noinline)) void *
birth_as(void *ptr, uint64_t key, size_t size, size_t kind,
	 struct mh_sites_record *record)
{
	/* that of a site that is full takes back itself: enter() */
	if (record != look_up(key))
		--*count_at(record, bucket(size));
	birth(ptr, key, size);
	record = ptr && may_learn(kind) ? look_up(key) : NULL;
	if (record)
		learn(&place_of(mine.placed, kind)->call, record, NO_RECORD);
	return ptr;
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	struct mh_sites_record *record;
	struct mh_born born;
	struct shard *shard;

	if (unlikely(MH_PHASE.word != MH_PHASE_LIVE))
		return malloc_further(size, key_of(MH_SITES_MALLOC, caller));
	born = NEXT_IDENT(malloc_as)(size, caller);
	shard = mine.placed;
	record = (struct mh_sites_record *)
		 (file_base + place_of(shard, born.kind)->call + NO_RECORD);
	if (unlikely(!add_to(record, size)))
		return birth_as(born.ptr, key_of(MH_SITES_MALLOC, caller), size,
				born.kind, record);
	remember_in(shard, born.ptr, size);
	return born.ptr;
}

static void victim_of(struct victim *victim, size_t sort)
{
	const size_t kind = mh_chunk_sort_kind(sort);
	const uint64_t number = MH_NAME(index, chunks).first_kinds[kind];

	victim->site = mh_chunk_kind_site(number);
	victim->bytes = most_of_kind(kind) - mh_chunk_sort_slack(sort);
}

/* From now on the life of that site is at hand for chunks of this kind. */
static void learn_life(const struct victim *victim, size_t kind)
{
	struct mh_sites_record *record = may_learn(mh_chunk_sort(kind, 0)) ?
					 look_up(life_key(victim->site)) : NULL;
	struct place *place;

	if (!record)
		return;
	place = place_of(mine.placed, mh_chunk_sort(kind, 0));
	/* so that its slack need not be told from its kind */
	place->most = most_of_kind(kind) + mh_chunk_sort(kind, 0);
	learn(&place->life, record, NO_LIFE);
}

static __attribute__((noinline)) void *
moved_as(void *ptr, size_t size, caller_t caller, size_t sort)
{
	struct victim old;

	if (state == OFF)
		return ptr;
	victim_of(&old, sort);
	resized(&old, ptr, size, caller);
	learn_life(&old, mh_chunk_sort_kind(sort));
	return ptr;
}

void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	struct mh_moved moved = { NULL, 0 };
	const struct place *place;
	struct mh_sites_life *life;
	struct shard *shard;
	size_t sort, bytes;
	uint32_t at;

	if (likely(MH_PHASE.word == MH_PHASE_LIVE) && likely(old != NULL) &&
	    likely(size))
		moved = NEXT_IDENT(realloc_as)(old, size, caller);
	if (unlikely(!moved.code))
		return realloc_further(old, size, caller);
	if (unlikely(!moved.ptr))
		return birth(NULL, key_of(MH_SITES_REALLOC, caller), size);
	sort = moved.code >> MH_SLOT_SLACK_SHIFT;
	shard = mine.placed;
	place = place_of(shard, sort - mh_chunk_sort_slack(sort));
	at = __atomic_load_n(&place->life, __ATOMIC_RELAXED);
	if (unlikely(!at))
		return moved_as(moved.ptr, size, caller, sort);
	bytes = place->most - sort;
	life = (struct mh_sites_life *)(file_base + at + NO_LIFE);
	life->grown += size - bytes;
	if (unlikely(!note_live(key_of(MH_SITES_REALLOC, caller), size)))
		note_further(key_of(MH_SITES_REALLOC, caller), size);
	shard->room += (int64_t)bytes;
	remember_in(shard, moved.ptr, size);
	return moved.ptr;
}

/* It is not in the index any more. */
static __attribute__((noinline)) void die_as(void *ptr, caller_t caller,
					     size_t sort, uint64_t *died)
{
	struct victim victim;

	--*died;
	victim_of(&victim, sort);
	if (state != OFF) {
		gone(ptr, &victim);
		learn_life(&victim, mh_chunk_sort_kind(sort));
	}
	NEXT_IDENT(release)(ptr, caller);
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	uint64_t key = key_of(MH_SITES_FREE, caller);
	const struct place *place;
	struct mh_sites_life *life;
	struct shard *shard;
	size_t sort, bytes;
	uint64_t *died;

	if (unlikely(!note(key, 0))) {
		free_further(ptr, key);
		return;
	}
	/* or else gcc keeps the caller, too, for the rare case */
	__asm__("" : "+r"(key));
	sort = NEXT_IDENT(take)(ptr);
	if (unlikely(!sort)) {
		die_further(ptr, address_of(key));
		return;
	}
	shard = mine.placed;
	place = place_of(shard, sort - mh_chunk_sort_slack(sort));
	life = (struct mh_sites_life *)(file_base + place->life + NO_LIFE);
	died = &life->died[age_in(shard, ptr)];
	if (unlikely((int64_t)++*died < 0)) {
		die_as(ptr, address_of(key), sort, died);
		return;
	}
	bytes = place->most - sort;
	life->died_bytes += bytes;
	shard->room += (int64_t)bytes;
	NEXT_IDENT(release)(ptr, address_of(key));
}

#endif
