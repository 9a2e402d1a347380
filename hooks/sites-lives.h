/* SPDX-License-Identifier: MIT */
/*
 * sites-lives.h - what becomes of the chunks of each site; the peak
 *
 * Included by sites.c.  Where the layer index stands below, it knows whose chunk
 * is freed: its site and its bytes.  A thread counts that in records of its own
 * (struct mh_sites_life), so what lives of a site is a sum over all threads.
 *
 * What lives in all is only known roughly meanwhile: each shard keeps what has
 * come and gone in its thread, and tells the process when that is much.  Where
 * the process has grown by sites.peak percent since last time, all records are
 * summed up by site (struct mh_sites_alive): the peak is the last of these sums.
 */
#ifndef MH_SITES_LIVES_H
#define MH_SITES_LIVES_H

#include <mallochooks/mallochooks.h>
#include "chunk-quick.h"

#define CHANGES_MOST	8192u	/* in the log: two for each call */
#define PRECISE		4096u	/* as often threads tell all that they have */
#define COARSE		4096	/* bytes that they keep to themselves then */
#define SLACK		256	/* bytes of each shard, before all are looked at */
#define TIB		40	/* no request of 2^40 bytes is counted in advance */

/* What has happened to chunks of a site; the first three by age. */
enum change {
	DIED = MH_SITES_AT_ONCE,
	GROWN = MH_SITES_AGES,	/* by a number of bytes, which may be negative */
	MADE,			/* a chunk of so many bytes, by realloc */
	CALLED			/* no change: a call, counted in a record */
};

/* A chunk before it is freed or reallocated. */
struct victim {
	uintptr_t site;
	uint64_t bytes;
};

/* What the thread's index leads to first; it may be any record. */
static inline struct mh_sites_life *first_life(uint64_t key)
{
	const uint32_t at = hash(key + 1, mine.mask);

	__atomic_signal_fence(__ATOMIC_SEQ_CST);	/* as in note() */
	return (struct mh_sites_life *)record_at(mine.index[at]);
}

static inline void apply(struct mh_sites_life *life, enum change change,
			 uint64_t bytes)
{
	if (change == GROWN) {
		life->grown += bytes;
	} else if (change == MADE) {
		life->made++;
		life->made_bytes += bytes;
	} else if (change < GROWN) {
		life->died[change]++;
		life->died_bytes += bytes;
	}
}

/* The same, against signal handlers and other threads. */
static void apply_atomically(struct mh_sites_life *life, enum change change,
			     uint64_t bytes)
{
	uint64_t *to = &life->died_bytes;

	if (change == GROWN) {
		to = &life->grown;
	} else if (change == MADE) {
		__atomic_fetch_add(&life->made, 1, __ATOMIC_RELAXED);
		to = &life->made_bytes;
	} else if (change < GROWN) {
		__atomic_fetch_add(&life->died[change], 1, __ATOMIC_RELAXED);
	}
	__atomic_fetch_add(to, bytes, __ATOMIC_RELAXED);
}

#ifdef CONFIG_HOOK_INDEX

static void record(uint64_t key, uint64_t size, enum change change);
static void lose(uint64_t key, uint64_t size, enum change change);
static struct shard *own_shard(void);
static int wait_for_file(void);

/* The layer's own table: asking by its operation takes 100 instructions more. */
extern struct mh_chunks MH_NAME(index, chunks)
	__attribute__((visibility("hidden")));

/* Return: 0 when the index does not know the chunk. */
static inline int know(void *ptr, struct victim *victim)
{
	struct mh_chunks *chunks = &MH_NAME(index, chunks);

	return likely(mh_chunk_knows_quickly(chunks, (uintptr_t)ptr,
					     &victim->site, &victim->bytes)) ||
	       mh_chunk_knows_slowly(chunks, (uintptr_t)ptr, &victim->site,
				     &victim->bytes);
}

static inline uint64_t life_key(uintptr_t site)
{
	return likely(site) ? site : MH_SITES_NOWHERE;
}

/* As enter(), a change. */
static int enter_change(struct shard *shard, uint64_t key, uint64_t bytes,
			enum change change)
{
	uint32_t *at = find(shard, key);
	struct mh_sites_record *record;

	if (!at)
		return 0;
	record = *at ? record_at(*at) : make_record(shard, at, key);
	if (!record)
		return 0;
	apply_atomically((struct mh_sites_life *)record, change, bytes);
	return 1;
}

/* ---- sums by site ---------------------------------------------------------- */

/*
 * What the process knows of all that lives.  Who has @summing is the only one to
 * write @index and the entries in the file.
 */
static struct {
	int64_t bytes;		/* told by the shards: hardly less than there are */
	int64_t next;		/* at so many they are summed up again */
	uint32_t told;		/* how often */
	uint32_t on;		/* there is a peak to be noted */
	uintptr_t summing;	/* thread pointer */
	struct index *index;	/* of the entries; NULL: none yet */
	uint32_t used;
	uint32_t offset;	/* of the entry to be taken next */
	uint32_t off;		/* the index stands above, and is no use */
} alive;

static int alive_is_off(void)
{
	return alive.off;
}

/* What came before the file, beside the log of calls. */
static struct {
	struct { uint64_t key, bytes; enum change change; } entry[CHANGES_MOST];
	uint32_t used;
	unsigned char pad[MH_PAGE_BYTES - 4];
} early_changes __attribute__((aligned(MH_PAGE_BYTES)));

static struct mh_sites_alive *alive_at(uint32_t offset)
{
	return (struct mh_sites_alive *)record_at(offset);
}

/* Any key of a site, also once its module was closed, as one of operation 0. */
static uint64_t site_key(uint64_t key)
{
	const uint64_t retired = (uint64_t)MH_SITES_RETIRED << MH_SITES_OP_SHIFT;

	return (key & retired) | (key & retired ? address_of(key) :
				  life_key(address_of(key)));
}

static int alive_grow(void)
{
	const uint32_t bits = alive.index ? alive.index->bits + 1 : INDEX_BITS;
	const struct index *old = alive.index;
	struct index *index = NULL;
	uint32_t at;

	if (bits <= INDEX_MOST)
		index = mh_arena(sizeof(*index) +
				 places(bits) * sizeof(index->place[0]));
	if (!index)
		return 0;
	index->bits = bits;
	for (size_t i = 0; old && i < mask_of(old) + (size_t)1; i++) {
		if (!old->place[i])
			continue;
		at = hash(alive_at(old->place[i])->key, mask_of(index));
		while (index->place[at])
			at = (at + 1) & mask_of(index);
		index->place[at] = old->place[i];
	}
	alive.index = index;
	return 1;
}

/* A new entry in a page of such. */
static uint32_t alive_make(uint64_t key)
{
	struct mh_sites_page *page;
	uint32_t offset = alive.offset;

	if (!(offset % MH_SITES_PAGE_BYTES)) {
		page = mh_sitefile_page(&file);
		if (!page)
			return 0;
		__atomic_store_n(&page->kind, MH_SITES_PAGE_ALIVE,
				 __ATOMIC_RELEASE);
		offset = (uint32_t)((unsigned char *)page->alive - file_base);
	}
	__atomic_store_n(&alive_at(offset)->key, key, __ATOMIC_RELAXED);
	page = (struct mh_sites_page *)(file_base + offset / MH_SITES_PAGE_BYTES *
					MH_SITES_PAGE_BYTES);
	/* release: pairs with a reader's acquire */
	__atomic_store_n(&page->used, page->used + 1, __ATOMIC_RELEASE);
	alive.offset = offset + (uint32_t)sizeof(struct mh_sites_alive);
	return offset;
}

/*
 * alive_of() - the entry of a site
 *
 * One whose module was closed is only found by its new key if the key is asked for
 * by its new place: such entries stand where the old key has put them.  So a second
 * entry is made for it, and readers add them up.
 * Return: NULL when there is no room.
 */
static struct mh_sites_alive *alive_of(uint64_t key)
{
	uint32_t at, offset;

	if ((!alive.index || alive.used > mask_of(alive.index) / 2) &&
	    !alive_grow())
		return NULL;
	at = hash(key, mask_of(alive.index));
	while ((offset = alive.index->place[at])) {
		if (alive_at(offset)->key == key)
			return alive_at(offset);
		at = (at + 1) & mask_of(alive.index);
	}
	offset = alive_make(key);
	if (!offset)
		return NULL;
	alive.used++;
	alive.index->place[at] = offset;
	return alive_at(offset);
}

/* What a record says of the chunks of its site. */
static struct mh_sites_heap heap_of(const struct mh_sites_record *record)
{
	const struct mh_sites_life *life = (const void *)record;
	struct mh_sites_heap heap = { 0, 0 };

	switch (op_of(record->key) & ~MH_SITES_RETIRED) {
	case MH_SITES_LIFE:
		for (int age = 0; age < (int)MH_SITES_AGES; age++)
			heap.chunks -= life->died[age];
		heap.chunks += life->made;
		heap.bytes = life->made_bytes + life->grown - life->died_bytes;
		break;
	case MH_SITES_MALLOC:
	case MH_SITES_CALLOC:
	case MH_SITES_MEMALIGN:
		for (int b = 0; b < (int)MH_SITES_BUCKETS; b++)
			heap.chunks += record->calls[b];
		heap.bytes = record->bytes;
		break;
	}
	return heap;
}

static void heap_add(struct mh_sites_heap *to, const struct mh_sites_heap *more)
{
	to->chunks += more->chunks;
	to->bytes += more->bytes;
}

typedef void visit_record(const struct mh_sites_record *record, void *arg);

/* Every record of the file that has a key, or every entry of what lived. */
static void each_record(enum mh_sites_kind kind, visit_record *visit, void *arg)
{
	const uint32_t used = __atomic_load_n(&file.head->pages_used,
					      __ATOMIC_RELAXED);
	const struct mh_sites_page *page;

	for (uint32_t i = 1; i < used && i < file.pages; i++) {
		if (i >= __atomic_load_n(&file.populated, __ATOMIC_RELAXED))
			continue;
		page = (const struct mh_sites_page *)file.head + i;
		if (__atomic_load_n(&page->kind, __ATOMIC_ACQUIRE) != kind)
			continue;
		for (uint32_t nr = 0; nr < page->used; nr++)
			if (page->record[nr].key)
				visit(&page->record[nr], arg);
	}
}

/* One of two sums under way. */
struct sum {
	unsigned int which;
	struct mh_sites_heap all;
};

static void clear_entry(const struct mh_sites_record *record, void *arg)
{
	struct mh_sites_alive *entry = (void *)(uintptr_t)record;
	const struct sum *sum = arg;

	entry->peak[sum->which] = (struct mh_sites_heap){ 0, 0 };
}

static void add_record(const struct mh_sites_record *record, void *arg)
{
	const struct mh_sites_heap heap = heap_of(record);
	struct mh_sites_alive *entry;
	struct sum *sum = arg;

	if (!heap.chunks && !heap.bytes)
		return;
	heap_add(&sum->all, &heap);
	entry = alive_of(site_key(record->key));
	if (entry)
		heap_add(&entry->peak[sum->which], &heap);
}

static void add_inherited(const struct mh_sites_record *record, void *arg)
{
	struct mh_sites_alive *entry = (void *)(uintptr_t)record;
	struct sum *sum = arg;

	heap_add(&sum->all, &entry->inherited);
	heap_add(&entry->peak[sum->which], &entry->inherited);
}

static void sum_lives(struct sum *sum)
{
	each_record(MH_SITES_PAGE_ALIVE, clear_entry, sum);
	each_record(MH_SITES_PAGE_RECORDS, add_record, sum);
}

/* The sum becomes the one that a reader takes. */
static void publish(struct sum *sum)
{
	struct mh_sites_header *head = file.head;

	head->at_peak[sum->which] = sum->all;
	/* release: a reader that finds it finds all of the sum */
	__atomic_store_n(&head->peak, sum->which, __ATOMIC_RELEASE);
}

/* One thread at a time; who comes second, or interrupts the first, goes on. */
static int alive_lock(void)
{
	uintptr_t nobody = 0;

	return __atomic_compare_exchange_n(&alive.summing, &nobody,
					   mh_thread_pointer(), 0,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void alive_unlock(void)
{
	__atomic_store_n(&alive.summing, 0, __ATOMIC_RELEASE);
}

/* Sums up, and keeps it if it is the most so far. */
static void note_peak(void)
{
	struct mh_sites_header *head = file.head;
	struct sum sum = { .which = !head->peak };
	int64_t bytes, most = (int64_t)head->at_peak[head->peak].bytes;

	if (!alive_lock())
		return;
	sum_lives(&sum);
	each_record(MH_SITES_PAGE_ALIVE, add_inherited, &sum);
	bytes = (int64_t)sum.all.bytes;
	if (bytes > most)
		publish(&sum);
	else
		bytes = most;
	__atomic_store_n(&alive.next, bytes + bytes / 100 *
			 (int64_t)head->peak_percent + bytes % 100 *
			 (int64_t)head->peak_percent / 100, __ATOMIC_RELAXED);
	alive_unlock();
}

/* ---- bytes that live ---------------------------------------------------------- */

/*
 * A thread tells the process when it has more than ever since it last did.  What it
 * has freed is not told, so the process may believe in too much; before it acts on
 * that it looks at all shards.
 */
static int64_t own_limit(void)
{
	const int64_t next = __atomic_load_n(&alive.next, __ATOMIC_RELAXED);

	if (__atomic_load_n(&alive.told, __ATOMIC_RELAXED) < PRECISE)
		return next >> 10;
	return next >> 10 > COARSE ? next >> 10 : COARSE;
}

/* Of another thread's, that may change it just now, this is about right. */
static int64_t live_in(const struct shard *shard)
{
	return __atomic_load_n(&shard->high, __ATOMIC_RELAXED) -
	       __atomic_load_n(&shard->room, __ATOMIC_RELAXED);
}

/* Only its own thread may say when a shard is to tell. */
static void set_high(struct shard *shard, int64_t live, int64_t room)
{
	shard->high = live + room;
	shard->room = room;
}

/* Any thread may tell for a shard: what was told before is told off. */
static int64_t tell_for(struct shard *shard)
{
	const int64_t live = live_in(shard);
	const int64_t told = __atomic_exchange_n(&shard->told, live,
						 __ATOMIC_RELAXED);

	return __atomic_add_fetch(&alive.bytes, live - told, __ATOMIC_RELAXED);
}

static int64_t tell_for_all(void)
{
	struct shard *shard;

	for (shard = __atomic_load_n(&shards, __ATOMIC_ACQUIRE); shard;
	     shard = shard->link)
		tell_for(shard);
	return __atomic_load_n(&alive.bytes, __ATOMIC_RELAXED);
}

/* Looking at many shards has to be worth it. */
static int64_t slack(void)
{
	const unsigned int nr = __atomic_load_n(&nr_shards, __ATOMIC_RELAXED);

	return nr > 1 ? (int64_t)nr * SLACK : 0;
}

static __attribute__((noinline, cold)) void tell(struct shard *shard)
{
	int64_t bytes, next;

	/* as long as it is not known, it is asked for each time */
	if (!alive.on) {
		set_high(shard, live_in(shard),
			 __atomic_load_n(&state, __ATOMIC_ACQUIRE) < OPEN ?
			 0 : INT64_MAX / 2);
		return;
	}
	bytes = tell_for(shard);
	set_high(shard, live_in(shard), own_limit());
	if (!is_open())
		return;
	__atomic_fetch_add(&alive.told, 1, __ATOMIC_RELAXED);
	next = __atomic_load_n(&alive.next, __ATOMIC_RELAXED);
	/* with the index off, what has died seems to live */
	if (bytes > next + slack() && !(gaps % 2) && tell_for_all() > next)
		note_peak();
}

/* What a thread without a shard has to tell. */
static __attribute__((noinline, cold)) void tell_directly(int64_t more)
{
	if (__atomic_load_n(&state, __ATOMIC_RELAXED) != OFF)
		__atomic_fetch_add(&alive.bytes, more, __ATOMIC_RELAXED);
}

/* By the golden ratio again; the upper bits of a product are from all of it. */
static inline uintptr_t *recent_at(struct shard *shard, uintptr_t address)
{
	return &shard->latest->recent[(uint32_t)address * 0x9e3779b1u >>
				      (32 - __builtin_ctz(MH_SITES_RECENT))];
}

/* The chunk is the thread's latest. */
static inline void remember_in(struct shard *shard, void *ptr, uint64_t bytes)
{
	shard->latest->chunk = (uintptr_t)ptr;
	*recent_at(shard, (uintptr_t)ptr) = (uintptr_t)ptr;
	shard->room -= (int64_t)bytes;
	if (unlikely(shard->room < 0))
		tell(shard);
}

static inline void remember(void *ptr, uint64_t bytes)
{
	struct shard *shard = mine.shard;

	if (unlikely(!shard) && !(shard = own_shard()))
		tell_directly((int64_t)bytes);
	else
		remember_in(shard, ptr, bytes);
}

/* The latest chunk is one of the recent ones; by sums, as no branch is likely. */
static inline enum change age_in(struct shard *shard, void *ptr)
{
	const uintptr_t address = (uintptr_t)ptr;
	unsigned long age = shard->latest->chunk != address;

	_Static_assert(MH_SITES_AT_ONCE == 0 && MH_SITES_LONG == 2, "a sum");
	return (enum change)(age + (*recent_at(shard, address) != address));
}

static inline enum change age_of(void *ptr)
{
	return likely(mine.shard != NULL) ? age_in(mine.shard, ptr) :
					    DIED + MH_SITES_LONG;
}

static inline void forgets(uint64_t bytes)
{
	if (likely(mine.shard != NULL))
		mine.shard->room += (int64_t)bytes;
	else
		tell_directly(-(int64_t)bytes);
}

/*
 * A death in the usual case, where the stack is live: of a chunk that the index has
 * at hand, and of whose site this thread has a record.  Calls nothing, so that
 * nothing has to be kept over a call.
 * Return: 0 when it takes dies().
 */
static inline int dies_quickly(void *ptr)
{
	struct shard *shard = mine.shard;
	struct mh_sites_life *life;
	struct victim victim;

	if (unlikely(!mh_chunk_knows_quickly(&MH_NAME(index, chunks),
					     (uintptr_t)ptr, &victim.site,
					     &victim.bytes)) ||
	    unlikely(!shard))
		return 0;
	life = first_life(victim.site);
	if (unlikely(life->key != victim.site))
		return 0;
	shard->room += (int64_t)victim.bytes;
	apply(life, age_in(shard, ptr), victim.bytes);
	return 1;
}

/* Of a kind of the index's first table, what a chunk was asked for at most. */
static inline uint32_t most_of_kind(size_t kind)
{
	const uint64_t key = *mh_chunk_kind_at(&MH_NAME(index, chunks), kind);

	return (uint32_t)(mh_chunk_kind_usable(key) - mh_chunk_kind_slack(key));
}

/* ---- the log ------------------------------------------------------------------- */

/* Return: 0 when there is a file to record the change in. */
static int keep_change(uint64_t key, uint64_t bytes, enum change change, int live)
{
	uint64_t empty = 0;
	uint32_t nr = CHANGES_MOST;

	if (__atomic_load_n(&early_changes.used, __ATOMIC_RELAXED) < CHANGES_MOST)
		nr = __atomic_fetch_add(&early_changes.used, 1,
					__ATOMIC_RELAXED);
	if (nr < CHANGES_MOST) {
		early_changes.entry[nr].bytes = bytes;
		early_changes.entry[nr].change = change;
		if (__atomic_compare_exchange_n(&early_changes.entry[nr].key,
						&empty, key, 0,
						__ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return 1;
	}
	if (live && wait_for_file())
		return 0;
	lose(key, bytes, change);
	return 1;
}

static void replay_changes(void)
{
	uint32_t used = __atomic_exchange_n(&early_changes.used, CHANGES_MOST,
					    __ATOMIC_RELAXED);
	uint64_t key;

	if (used > CHANGES_MOST)
		used = CHANGES_MOST;
	for (uint32_t i = 0; i < used; i++) {
		/* One that is still being written goes to the file by itself. */
		key = __atomic_exchange_n(&early_changes.entry[i].key, CLOSED,
					  __ATOMIC_ACQUIRE);
		if (key)
			record(key, early_changes.entry[i].bytes,
			       early_changes.entry[i].change);
	}
}

/* ---- begin and end ------------------------------------------------------------ */

static int inherit_object(const struct mallochooks_object *object, void *arg)
{
	struct mh_sites_alive *entry;

	(void)arg;
	/* of the parent's modules none is in the file yet */
	mh_sitefile_module(&file, object->site - 1);
	entry = alive_of(life_key(object->site));
	if (!entry)
		return 0;
	entry->inherited.chunks++;
	entry->inherited.bytes += object->requested;
	return 0;
}

/* What lives, less what is our own doing: that is a sum already. */
static void take_own_off(const struct mh_sites_record *record, void *arg)
{
	struct mh_sites_alive *entry = (void *)(uintptr_t)record;
	struct sum *sum = arg;

	entry->inherited.chunks -= entry->peak[sum->which].chunks;
	entry->inherited.bytes -= entry->peak[sum->which].bytes;
	heap_add(&sum->all, &entry->inherited);
	clear_entry(record, sum);
}

int MH_NAME(index, walk)(mallochooks_visit *visit, void *arg)
	__attribute__((visibility("hidden")));

static void clear_inherited(const struct mh_sites_record *record, void *arg)
{
	struct mh_sites_alive *entry = (void *)(uintptr_t)record;

	(void)arg;
	entry->inherited = (struct mh_sites_heap){ 0, 0 };
}

/* What lives and is not our own doing: before, that was another number. */
static void inherit(struct sum *sum)
{
	each_record(MH_SITES_PAGE_ALIVE, clear_inherited, NULL);
	MH_NAME(index, walk)(inherit_object, NULL);
	sum_lives(sum);
	each_record(MH_SITES_PAGE_ALIVE, take_own_off, sum);
}

/*
 * The file has just been made, and holds what was logged.  There may be @others: in
 * a child what the parent had comes to that, and always what we have missed.
 */
static void alive_begin(int others)
{
	struct sum sum = { .which = !file.head->peak };

	if (alive.off || !alive_lock())
		return;
	if (others)
		inherit(&sum);
	else
		sum_lives(&sum);
	/* what came before there were thread-locals was told by nobody */
	tell_for_all();
	__atomic_store_n(&alive.bytes, (int64_t)sum.all.bytes,
			 __ATOMIC_RELAXED);
	alive_unlock();
	if (alive.on)
		note_peak();
}

#ifdef MH_ON_FLAGS
extern struct mh_switched_options MH_NAME(index, options)
	__attribute__((visibility("hidden")));
#define INDEX_IS_ON	(MH_NAME(index, options).on.num != 0)
#else
#define INDEX_IS_ON	1
#endif

static int lives_are_known(void)
{
	return alive.off || INDEX_IS_ON;
}

/* The call that has had the file made is in its log, and told once more. */
static void alive_has(uint64_t key, uint64_t bytes)
{
	switch (op_of(key)) {
	case MH_SITES_MALLOC:
	case MH_SITES_CALLOC:
	case MH_SITES_REALLOC:
	case MH_SITES_MEMALIGN:
		forgets(bytes);
		break;
	default:
		break;
	}
}

static int find_index(const struct mallochooks_unit *unit,
		      const struct mallochooks_stack *stack, void *arg)
{
	const struct mallochooks_layer *layer;
	int *below = arg, passed = 0;

	(void)unit;
	for (unsigned int i = 0; i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		if (layer->dump == HOOK_IDENT(dump))
			passed = 1;
		else if (passed && mh_same(layer->name, "index"))
			*below = 1;
	}
	return passed;
}

/* Above us it has forgotten a chunk before we are asked to free it. */
static int index_is_below(void)
{
	int below = 0;

	mallochooks_for_each_stack(find_index, &below);
	return below;
}

static void alive_init(void)
{
	alive.off = !index_is_below();
	mh_wipe_on_fork(&early_changes, sizeof(early_changes));
}

static void alive_fork(void)
{
	const uint32_t used = early_changes.used;

	alive.summing = 0;
	alive.index = NULL;
	alive.used = 0;
	alive.offset = 0;
	alive.told = 0;
	alive.bytes = 0;
	alive.next = 0;
	mh_clear(early_changes.entry, (used < CHANGES_MOST ? used : CHANGES_MOST) *
				      sizeof(early_changes.entry[0]));
	early_changes.used = 0;
}

/* The file says what is in it before anybody may read it. */
static void alive_open(void)
{
	const uint32_t percent = (uint32_t)HOOK_OPTION(PEAK).num;

	alive.on = percent && !alive.off;
	if (alive.off)
		return;
	file.head->version = MH_SITES_VERSION_LIVES;
	file.head->peak_percent = percent;
}

/*
 * What lives in the end may be the most of all.  Of objects that have gone with their
 * pool nobody has told us, but the index knows.
 */
static void alive_end(void)
{
	if (gaps % 2 || MH_INSIDE[0] != '\0')
		alive_begin(1);
	else if (alive.on)
		note_peak();
}

#else

static inline int enter_change(struct shard *shard, uint64_t key, uint64_t bytes,
			       enum change change)
{
	(void)shard;
	(void)key;
	(void)bytes;
	(void)change;
	return 0;
}

static inline int keep_change(uint64_t key, uint64_t bytes, enum change change,
			      int live)
{
	(void)key;
	(void)bytes;
	(void)change;
	(void)live;
	return 1;
}

static inline int know(void *ptr, struct victim *victim)
{
	(void)ptr;
	(void)victim;
	return 0;
}

static inline int dies_quickly(void *ptr)
{
	(void)ptr;
	return 1;
}

static inline enum change age_of(void *ptr)
{
	(void)ptr;
	return DIED;
}

static inline void remember(void *ptr, uint64_t bytes)
{
	(void)ptr;
	(void)bytes;
}

static inline void forgets(uint64_t bytes)
{
	(void)bytes;
}

static inline uint64_t life_key(uintptr_t site)
{
	return site;
}

static inline int alive_is_off(void) { return 1; }
static inline void replay_changes(void) { }
static inline void alive_init(void) { }
static inline void alive_open(void) { }
static inline void alive_has(uint64_t key, uint64_t bytes)
{
	(void)key;
	(void)bytes;
}

static inline int lives_are_known(void) { return 1; }
static inline void alive_begin(int others) { (void)others; }
static inline void alive_end(void) { }
static inline void alive_fork(void) { }

#endif

#endif
