/* SPDX-License-Identifier: MIT */
/*
 * sites-kinds.h - malloc, calloc, realloc and free where the index is the next layer below
 *
 * Included by sites.c.  The index knows of a chunk what kind it is of: what site has
 * asked for it, and its size (index/chunk.h).  So a thread keeps by kind where its
 * records of that site are (struct place), and looks for neither the chunk nor the
 * site by itself.
 */
#ifndef MH_SITES_KINDS_H
#define MH_SITES_KINDS_H

struct mh_born NEXT_IDENT(malloc_as)(size_t size, caller_t caller,
				     void *const *keys);
struct mh_born NEXT_IDENT(calloc_as)(size_t n, size_t size, caller_t caller,
				     void *const *keys);
size_t NEXT_IDENT(born)(void *ptr, size_t size, caller_t caller);
struct mh_moved NEXT_IDENT(realloc_as)(void *old, size_t size, caller_t caller);
struct mh_chunk_held NEXT_IDENT(hold)(void *ptr);
size_t NEXT_IDENT(take)(void *ptr);
void NEXT_IDENT(release)(void *ptr, caller_t caller);

/* @kind: as for mh_chunk_kind_at() */
static inline struct place *place_of(struct place *places, size_t kind)
{
	_Static_assert(sizeof(struct place) == 8 * MH_KIND_STRIDE &&
		       !offsetof(struct place, key) && MH_KIND_FIRST == 2,
		       "where the index looks for keys; none is looked for at 0 and 1");

	return (struct place *)((char *)places + MH_KIND_STRIDE * kind);
}

/* The same, of what a slot holds. */
static inline struct place *place_of_code(struct place *places, size_t code)
{
	_Static_assert(sizeof(struct place) == 1u << MH_SLOT_KIND_SHIFT, "one for one");

	return (struct place *)((char *)places + (code & ~(sizeof(struct place) - 1)));
}

/* Whose these are. */
static inline struct shard *shard_with(struct place *places)
{
	return (struct shard *)((char *)places - sizeof(struct shard) -
				offsetof(struct latest, places));
}

static int may_learn(size_t kind)
{
	return kind && mine.places != no_places && MH_PHASE.word == MH_PHASE_LIVE;
}

/* Is its module there still?  Asked when it has just been put at hand: see retire(). */
static int is_current(const struct mh_sites_record *record)
{
	return is_live(__atomic_load_n(&record->key, __ATOMIC_SEQ_CST));
}

/* @mark: 0, or ~0 for calls of calloc */
static void learn_call(size_t kind, struct mh_sites_record *record, uint64_t mark)
{
	struct place *place = place_of(mine.places, kind);
	const uint64_t key = *mh_chunk_kind_at(&MH_NAME(index, chunks), kind);

	/* a signal handler must not find another site's record with it */
	__atomic_store_n(&place->key, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&place->call, record, __ATOMIC_SEQ_CST);
	__atomic_store_n(&place->key, key ^ mark, __ATOMIC_SEQ_CST);
	if (!is_current(record))
		__atomic_store_n(&place->key, 0, __ATOMIC_SEQ_CST);
}

/*
 * @kind: of the chunk, if that is recorded: the call was counted in @record then, and
 * should not
 */
static __attribute__((noinline)) void *
birth_as(void *ptr, uint64_t key, size_t size, size_t kind,
	 struct mh_sites_record *record)
{
	if (!kind)
		kind = NEXT_IDENT(born)(ptr, size, address_of(key));
	/* that of a site that is full takes back itself: enter() */
	else if (record != look_up(key))
		--*count_at(record, bucket(size));
	birth(ptr, key, size);
	record = ptr && may_learn(kind) ? look_up(key) : NULL;
	if (record)
		learn_call(kind, record,
			   op_of(key) == MH_SITES_CALLOC ? ~(uint64_t)0 : 0);
	return ptr;
}

/* What was made is counted: of a kind that is at hand in the usual case. */
static inline void *made_as(struct mh_born born, enum mh_sites_op op, size_t size,
			    caller_t caller)
{
	struct mh_sites_record *record;

	if (unlikely(!born.kind))
		return birth_as(born.ptr, key_of(op, caller), size, 0, NULL);
	/* or else gcc multiplies it by an instruction of its own */
	__asm__("" : "+r"(born.kind));
	record = place_of(born.keys, born.kind)->call;
	if (unlikely(!add_to(record, size)))
		return birth_as(born.ptr, key_of(op, caller), size, born.kind,
				record);
	remember_in(shard_with(born.keys), born.ptr, size);
	return born.ptr;
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	if (unlikely(MH_PHASE.word != MH_PHASE_LIVE))
		return malloc_further(size, key_of(MH_SITES_MALLOC, caller));
	return made_as(NEXT_IDENT(malloc_as)(size, caller, &mine.places),
		       MH_SITES_MALLOC, size, caller);
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	if (unlikely(MH_PHASE.word != MH_PHASE_LIVE))
		return calloc_further(n, size, key_of(MH_SITES_CALLOC, caller));
	return made_as(NEXT_IDENT(calloc_as)(n, size, caller, &mine.places),
		       MH_SITES_CALLOC, n * size, caller);
}

static void victim_of(struct victim *victim, size_t sort)
{
	const size_t kind = mh_chunk_sort_kind(sort);

	victim->site = mh_chunk_kind_site(*mh_chunk_kind_at(
					&MH_NAME(index, chunks), kind));
	victim->bytes = most_of_kind(kind) - mh_chunk_sort_slack(sort);
}

/* From now on the life of that site is at hand for chunks of this kind. */
static void learn_life(const struct victim *victim, size_t kind)
{
	struct mh_sites_record *record = may_learn(kind) ?
					 look_up(life_key(victim->site)) : NULL;
	struct place *place;

	if (!record)
		return;
	place = place_of(mine.places, kind);
	/* so that its slack need not be told from its kind */
	place->most = most_of_kind(kind) + mh_chunk_sort(kind, 0);
	__atomic_store_n(&place->life, (struct mh_sites_life *)record,
			 __ATOMIC_SEQ_CST);
	if (!is_current(record))
		__atomic_store_n(&place->life, NULL, __ATOMIC_SEQ_CST);
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
	struct place *places;
	size_t sort, more;

	if (likely(MH_PHASE.word == MH_PHASE_LIVE) && likely(old != NULL) &&
	    likely(size))
		moved = NEXT_IDENT(realloc_as)(old, size, caller);
	if (unlikely(!moved.code))
		return realloc_further(old, size, caller);
	if (unlikely(!moved.ptr))
		return birth(NULL, key_of(MH_SITES_REALLOC, caller), size);
	sort = moved.code >> MH_SLOT_SLACK_SHIFT;
	places = mine.places;
	place = place_of_code(places, moved.code);
	life = __atomic_load_n(&place->life, __ATOMIC_RELAXED);
	if (unlikely(!life))
		return moved_as(moved.ptr, size, caller, sort);
	more = size + sort - place->most;	/* may be below 0 */
	life->grown += more;
	if (unlikely(!note_live(key_of(MH_SITES_REALLOC, caller), size)))
		note_further(key_of(MH_SITES_REALLOC, caller), size);
	remember_in(shard_with(places), moved.ptr, more);
	return moved.ptr;
}

static __attribute__((noinline)) void die_as(void *ptr, caller_t caller)
{
	const size_t sort = NEXT_IDENT(take)(ptr);
	struct victim victim;

	if (!sort) {
		die_further(ptr, caller);
		return;
	}
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
	struct mh_chunk_held held;
	struct place *places;
	size_t bytes;

	if (unlikely(!note(key, 0))) {
		free_further(ptr, key);
		return;
	}
	/* or else gcc keeps the caller, too, for the rare case */
	__asm__("" : "+r"(key));
	held = NEXT_IDENT(hold)(ptr);
	/* what is no sort leads to a place that never learns anything */
	places = mine.places;
	place = place_of_code(places, held.code);
	life = __atomic_load_n(&place->life, __ATOMIC_RELAXED);
	if (unlikely(!life)) {
		die_as(ptr, address_of(key));
		return;
	}
	mh_chunk_clear(held.slot);
	bytes = place->most - (held.code >> MH_SLOT_SLACK_SHIFT);
	life->died[age_in(shard_with(places), ptr)]++;
	life->died_bytes += bytes;
	shard_with(places)->room += (int64_t)bytes;
	NEXT_IDENT(release)(ptr, address_of(key));
}

#endif
