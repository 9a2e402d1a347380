// SPDX-License-Identifier: MIT
/*
 * sites - who allocates here: calls, bytes and sizes for each call site
 *
 * A call is counted in a record of its site, its operation and its thread, in
 * a file that is mapped shared: <mallochooks/sitefile.h>.  No two threads write
 * to one cache line, nothing is atomic, and what ends the process does not
 * matter to what has been counted.
 *
 *	thread -> its index (hash) -> offset of the record in the file
 *
 * The first calls of a process, and those before our constructor, go into a
 * log.  Only a process that makes more of them, or that starts a thread or
 * loads a library, gets a file, and the log is entered into it.
 */
#include <fcntl.h>
#include <mallochooks/layer.h>
#include "module.h"
#include "nextsym.h"
#include "sitefile.h"
#include "syscall.h"
#include "thread.h"

#ifndef SITES_SHARDS
#define SITES_SHARDS	4096	/* threads beyond this many share one shard */
#endif
#define LOG_MOST	4096u	/* calls */
#define INDEX_BITS	9	/* of a thread's first index: 2 KiB */
#define INDEX_ROOMY	15	/* up to here no more than a 16th is used */
#define INDEX_MOST	24	/* bits that hash() has to give */
#define INDEX_SPARE	16u	/* entries behind the last, to probe into */
#define SPINS		50000000u	/* a file may take long to make */
#define SPINS_LATER	1000u	/* once that was too long */

enum { DIR, AFTER, SIZE, FIRST };

static char dir[MALLOCHOOKS_STRING_BYTES] = CONFIG_SITES_DIR;

HOOK_OPTIONS(
	[DIR] = MH_OPT_STRING("dir", dir, 0,
			      "directory of the files; empty: record nothing"),
	[AFTER] = MH_OPT_INT("after", CONFIG_SITES_AFTER, 0, LOG_MOST, "calls",
			     0, "a process makes so many before it gets a file"),
	[SIZE] = MH_OPT_SIZE("size", (int64_t)CONFIG_SITES_SIZE << 10, 256 << 10,
			     (int64_t)4 << 30, 0, "most bytes of a file"),
	[FIRST] = MH_OPT_INT("first", 0, 0, INT32_MAX, "pid", 0,
			     "process that gets its file at once, for run"),
)

HOOK_OBSERVING

/* Where records are in the file; 0: none.  One behind the other by hash(). */
struct index {
	uint32_t bits;
	uint32_t place[];
};

/*
 * A shard is only used by the thread whose thread pointer it bears, until a
 * later thread comes with the same.
 */
struct shard {
	struct index *index;
	uint32_t used;		/* of its places; UINT32_MAX: to be cleared */
	uint32_t full;		/* it cannot grow any more */
	uint32_t number;	/* 0: none yet */
	uint32_t next;		/* offset of the record to be taken next */
	uintptr_t owner;
	struct shard *link;
	uint64_t spare[3];
};
_Static_assert(sizeof(struct shard) == 64, "a cache line");
#define STALE	UINT32_MAX

/* At offset 0 of the file there is no record, and this is not one either. */
static const struct mh_sites_record nothing;
static const uint32_t no_index[1];

/*
 * What the usual call needs of its thread's shard; and the place of each size's
 * count in a record, here only as this address is at hand anyway.
 */
#define AT(b)	(offsetof(struct mh_sites_record, calls) + 4 * (b))
static MH_TLS struct {
	const uint32_t *index;
	uint32_t mask;
	uint32_t without;	/* all shards were taken: do not ask again */
	struct shard *shard;
	unsigned char at[64];
} mine = {
	.index = no_index,
	.at = {
		[0 ... 4] = AT(0), [5] = AT(1), [6] = AT(2), [7] = AT(3),
		[8] = AT(4), [9] = AT(5), [10] = AT(6), [11] = AT(7),
		[12] = AT(7), [13] = AT(8), [14] = AT(8), [15] = AT(9),
		[16] = AT(9), [17] = AT(9), [18] = AT(10), [19] = AT(10),
		[20] = AT(10), [21 ... 63] = AT(11),
	},
};

/* Of the file; stays where it is, see index/sitefile.h. */
static unsigned char *base = (unsigned char *)&nothing;

enum { LOGGING, OPENING, OPEN, OFF };

struct totals {
	uint64_t calls;
	uint64_t bytes;
	uint64_t frees;
	uint64_t failed;
};

static unsigned int state = LOGGING;
static uintptr_t opener;	/* thread pointer */
static struct mh_sitefile file;
static struct mh_module loader;
static uint32_t pid;
static int may_shut_in;		/* libseccomp is there: no file can be made later */
static struct shard *shards;
static unsigned int nr_shards;
static struct shard overflow;
static struct totals lost;	/* as long as there is no file */

/* What came before the file; wiped in a child by the kernel where it can. */
#define CLOSED	UINT64_MAX
static struct {
	struct { uint64_t key, bytes; } call[LOG_MOST];
	uint32_t used;
	uint32_t kept;		/* set by the parent: not wiped */
	unsigned char pad[MH_PAGE_BYTES - 8];
} early __attribute__((aligned(MH_PAGE_BYTES)));

static inline uint64_t key_of(enum mh_sites_op op, caller_t caller)
{
	return (uint64_t)op << MH_SITES_OP_SHIFT | (uintptr_t)caller;
}

static inline enum mh_sites_op op_of(uint64_t key)
{
	return key >> MH_SITES_OP_SHIFT;
}

static inline uintptr_t address_of(uint64_t key)
{
	return key & (((uint64_t)1 << MH_SITES_OP_SHIFT) - 1);
}

/*
 * By the golden ratio: Knuth, The Art of Computer Programming 3, 6.4.  The
 * operation does not matter: hardly any address calls two.
 */
static inline uint32_t hash(uint64_t key, uint32_t mask)
{
	return (uint32_t)key * 0x9e3779b1u >> (32 - INDEX_MOST) & mask;
}

/*
 * Of a size, as the distance of its count from the begin of a record.  By the
 * bits that it has: of 2 * size + 1, which is never 0, one less.  Sizes from
 * 2^63 on, which no allocation can have, are taken for small ones.
 */
static inline size_t bucket(size_t size)
{
	if (__builtin_constant_p(size) && !size)	/* of a free */
		return AT(0);
	return mine.at[63u - (unsigned int)__builtin_clzll(2 * (uint64_t)size +
							   1)];
}

static inline uint32_t *count_at(struct mh_sites_record *record, size_t at)
{
	return (uint32_t *)((unsigned char *)record + at);
}

/* Atomic, or else a compiler keeps the number and adds to what it was. */
static inline int is_high(const uint32_t *count)
{
	return (int32_t)__atomic_load_n(count, __ATOMIC_RELAXED) < 0;
}

static inline struct mh_sites_record *record_at(uint32_t offset)
{
	return (struct mh_sites_record *)(base + offset);
}

/* ---- a call in a thread that has a shard --------------------------------- */

/* The first record of a new page. */
static uint32_t new_page(struct shard *shard)
{
	struct mh_sites_page *page = mh_sitefile_page(&file);
	uint32_t offset;

	if (!page)
		return 0;
	page->shard = shard->number;
	__atomic_store_n(&page->kind, MH_SITES_PAGE_RECORDS, __ATOMIC_RELEASE);
	offset = (uint32_t)((unsigned char *)page->record - base);
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
	page = (struct mh_sites_page *)(base + offset / MH_SITES_PAGE_BYTES *
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
	return op_of(key) && op_of(key) < MH_SITES_RETIRED;
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
		at = hash(record_at(offset)->key, mask_of(index));
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
		at = index->place + hash(key, mask_of(index));
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
		mh_sitefile_retire(&file);
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

/* ---- the calls that are not usual ---------------------------------------- */

static void add(uint64_t *to, uint64_t nr)
{
	__atomic_fetch_add(to, nr, __ATOMIC_SEQ_CST);
}

static void move(uint64_t *from, uint64_t *to)
{
	uint64_t nr = __atomic_exchange_n(from, 0, __ATOMIC_SEQ_CST);

	if (nr)
		add(to, nr);
}

/* What was lost before there was a file. */
static void move_lost(struct mh_sites_header *head)
{
	move(&lost.calls, &head->lost_calls);
	move(&lost.bytes, &head->lost_bytes);
	move(&lost.frees, &head->lost_frees);
	move(&lost.failed, &head->lost_failed);
}

static int is_open(void)
{
	return __atomic_load_n(&state, __ATOMIC_SEQ_CST) == OPEN;
}

/* Counted at no site. */
static void lose(uint64_t key, size_t size)
{
	struct mh_sites_header *head = is_open() ? file.head : NULL;

	switch (op_of(key)) {
	case MH_SITES_FREE:
	case MH_SITES_FREE_LOADER:
		add(head ? &head->lost_frees : &lost.frees, 1);
		break;
	case MH_SITES_FAILED:
		add(head ? &head->lost_failed : &lost.failed, 1);
		break;
	default:
		add(head ? &head->lost_calls : &lost.calls, 1);
		add(head ? &head->lost_bytes : &lost.bytes, size);
	}
	/* seq_cst, as in open_file(): one of the two moves it for certain */
	if (!head && is_open())
		move_lost(file.head);
}

static struct shard *claim(void)
{
	const uintptr_t self = mh_thread_pointer();
	struct shard *first, *shard;

	/* acquire: pairs with the release below */
	first = __atomic_load_n(&shards, __ATOMIC_ACQUIRE);
	for (shard = first; shard; shard = shard->link)
		if (shard->owner == self)
			return shard;
	if (__atomic_fetch_add(&nr_shards, 1, __ATOMIC_RELAXED) >= SITES_SHARDS) {
		__atomic_store_n(&nr_shards, SITES_SHARDS, __ATOMIC_RELAXED);
		return NULL;
	}
	shard = mh_arena(sizeof(*shard));
	if (!shard)
		return NULL;
	shard->owner = self;
	do
		shard->link = first;
	while (!__atomic_compare_exchange_n(&shards, &first, shard, 0,
					    __ATOMIC_RELEASE, __ATOMIC_ACQUIRE));
	return shard;
}

/*
 * Iterations to wait for another thread: long once.  It may never come, as when
 * a child of vfork was killed in its place.
 */
static unsigned int patience = SPINS;

/* The shard that threads share: one at a time; a handler within it has lost. */
static int enter_overflow(uint64_t key, size_t size)
{
	const uintptr_t self = mh_thread_pointer();
	uintptr_t holder = 0;
	int done;

	for (unsigned int i = 0; i < patience; i++) {
		holder = 0;
		if (__atomic_compare_exchange_n(&overflow.owner, &holder, self,
						0, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			break;
		if (holder == self)
			return 0;
	}
	if (holder) {
		patience = SPINS_LATER;
		return 0;
	}
	done = enter(&overflow, key, size);
	__atomic_store_n(&overflow.owner, 0, __ATOMIC_RELEASE);
	return done;
}

/*
 * Lets the usual call use the shard's index.  A signal handler that comes in
 * between may do so with a larger one, which stays; and it must not find a mask
 * that is larger than the index.
 */
static void use_index(struct shard *shard)
{
	const uint32_t *was = __atomic_load_n(&mine.index, __ATOMIC_ACQUIRE);
	struct index *index = __atomic_load_n(&shard->index, __ATOMIC_ACQUIRE);

	if (index &&
	    __atomic_compare_exchange_n(&mine.index, &was, index->place, 0,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		__atomic_store_n(&mine.mask, mask_of(index), __ATOMIC_RELAXED);
}

static void record(uint64_t key, size_t size)
{
	int done;

	if (!mine.shard && !mine.without) {
		mine.shard = claim();
		mine.without = !mine.shard;
	}
	if (mine.without) {
		done = enter_overflow(key, size);
	} else {
		done = enter(mine.shard, key, size);
		use_index(mine.shard);
	}
	if (!done)
		lose(key, size);
}

static void say_why_not(int error)
{
	switch (error) {
	case -ENOENT:	/* a run has ended, and this process goes on */
		return;
	case -EFBIG:
		mh_say("sites", "no file: the limit of file sizes (ulimit -f) "
		       "is below 128 KiB: nothing is recorded");
		return;
	case -ENOSPC:
	case -ENOMEM:
	case -EFAULT:
	case -EDQUOT:
		mh_say("sites", "no room for a file in sites.dir: nothing is "
		       "recorded");
		return;
	default:
		mh_say("sites", "no file can be made in sites.dir (no "
		       "directory, or no right to write): nothing is recorded");
	}
}

/* The log into the file. */
static void replay(void)
{
	uint32_t used = __atomic_exchange_n(&early.used, LOG_MOST,
					    __ATOMIC_RELAXED);
	uint64_t key;

	if (used > LOG_MOST)
		used = LOG_MOST;
	for (uint32_t i = 0; i < used; i++) {
		/* One that is still being written goes to the file by itself. */
		key = __atomic_exchange_n(&early.call[i].key, CLOSED,
					  __ATOMIC_ACQUIRE);
		if (key)
			record(key, early.call[i].bytes);
	}
}

static void open_file(void)
{
	unsigned int logging = LOGGING;
	struct mh_sites_header *head;
	int error;

	if (!__atomic_compare_exchange_n(&state, &logging, OPENING, 0,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&opener, mh_thread_pointer(), __ATOMIC_RELAXED);
	error = mh_sitefile_open(&file, dir, HOOK_OPTION(SIZE).num, pid,
				 CONFIG_IDENT);
	if (error) {
		__atomic_store_n(&state, OFF, __ATOMIC_RELEASE);
		say_why_not(error);
		return;
	}
	head = file.head;
	base = (unsigned char *)head;
	replay();
	move_lost(head);
	__atomic_store_n(&head->state, MH_SITES_RECORDING, __ATOMIC_RELEASE);
	__atomic_store_n(&state, OPEN, __ATOMIC_SEQ_CST);
	move_lost(head);
}

/* Another thread makes the file: wait, unless we have interrupted it. */
static int wait_for_file(void)
{
	unsigned int now = OPENING;

	if (__atomic_load_n(&opener, __ATOMIC_RELAXED) == mh_thread_pointer())
		return 0;
	for (unsigned int i = 0; now == OPENING && i < patience; i++)
		now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
	if (now == OPENING)
		patience = SPINS_LATER;
	return now == OPEN;
}

/* Return: 0 when there is a file to record the call in. */
static int keep(uint64_t key, size_t size, int live)
{
	uint64_t empty = 0;
	uint32_t nr = LOG_MOST;

	if (__atomic_load_n(&early.used, __ATOMIC_RELAXED) < LOG_MOST)
		nr = __atomic_fetch_add(&early.used, 1, __ATOMIC_RELAXED);
	if (nr >= LOG_MOST) {
		if (live && wait_for_file())
			return 0;
		lose(key, size);
		return 1;
	}
	early.call[nr].bytes = size;
	if (!__atomic_compare_exchange_n(&early.call[nr].key, &empty, key, 0,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
		/* Closed behind our back. */
		if (live && wait_for_file())
			return 0;
		lose(key, size);
		return 1;
	}
	if (live && ((int64_t)nr + 1 >= HOOK_OPTION(AFTER).num || from_loader(key)))
		open_file();
	return 1;
}

static __attribute__((noinline, cold)) void sites_slow(uint64_t key,
							size_t size)
{
	unsigned int now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
	int live;

	if (now == OFF)
		return;
	live = MH_LIVE();
	if (live)	/* the first call of a child has changed it */
		now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
	if (now == OFF || ((now != OPEN || !live) && keep(key, size, live)))
		return;
	record(key, size);
}

/* ---- the calls that are ---------------------------------------------------- */

/*
 * add_to() - count a call in a record
 * Return: 0 when the count is too high for another one; enter() takes it back.
 */
static inline int add_to(struct mh_sites_record *record, size_t size)
{
	if (unlikely((int32_t)++*count_at(record, bucket(size)) < 0))
		return 0;
	record->bytes += size;
	return 1;
}

/* Counts a call whose record is the first that the index leads to. */
static inline int note(uint64_t key, size_t size)
{
	struct mh_sites_record *record;
	uint32_t at;

	if (unlikely(MH_PHASE.word != MH_PHASE_LIVE))
		return 0;
	at = hash(key, mine.mask);
	/* The mask first: use_index() in a handler makes both larger. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	record = record_at(mine.index[at]);
	return likely(record->key == key) && add_to(record, size);
}

/* This thread's record of a key, or NULL. */
static struct mh_sites_record *look_up(uint64_t key)
{
	const uint32_t nr = hash(key, mine.mask);
	const uint32_t *at;

	__atomic_signal_fence(__ATOMIC_SEQ_CST);	/* as in note() */
	at = mine.index + nr;
	while (*at && record_at(*at)->key != key)
		at++;
	return *at ? record_at(*at) : NULL;
}

/* Any call that is not the usual one. */
static void note_further(uint64_t key, size_t size)
{
	struct mh_sites_record *record;

	if (MH_PHASE.word == MH_PHASE_LIVE) {
		record = look_up(key);
		if (record && !is_high(count_at(record, bucket(size))) &&
		    add_to(record, size))
			return;
	}
	sites_slow(key, size);
}

static void *birth(void *ptr, uint64_t key, size_t size)
{
	if (!ptr)
		key = key_of(MH_SITES_FAILED, address_of(key));
	note_further(key, size);
	return ptr;
}

/*
 * An allocation is counted before it is made, so that nothing has to be kept
 * for afterwards.  One that fails is taken back.
 */
static __attribute__((noinline, cold)) void *failed(uint64_t key, size_t size)
{
	struct mh_sites_record *record = look_up(key);

	if (record) {
		--*count_at(record, bucket(size));
		record->bytes -= size;
	}
	return birth(NULL, key, size);
}

/*
 * What only a failure needs waits in memory, hence volatile: that is a store
 * each, where a register would have to be saved and restored.
 */
struct call {
	uint64_t key;
	size_t size;
};

/*
 * What is not usual is a call at the very end, of a function of its own.
 */
static __attribute__((noinline)) void *malloc_further(size_t size, uint64_t key)
{
	return birth(NEXT_IDENT(malloc)(size, address_of(key)), key, size);
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	const uint64_t key = key_of(MH_SITES_MALLOC, caller);
	volatile struct call call;
	void *ptr;

	if (unlikely(!note(key, size)))
		return malloc_further(size, key);
	call.key = key;
	call.size = size;
	ptr = NEXT_IDENT(malloc)(size, caller);
	return likely(ptr) ? ptr : failed(call.key, call.size);
}

static __attribute__((noinline)) void *calloc_further(size_t n, size_t size,
						      uint64_t key)
{
	return birth(NEXT_IDENT(calloc)(n, size, address_of(key)), key,
		     n * size);
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	const uint64_t key = key_of(MH_SITES_CALLOC, caller);
	volatile struct call call;
	void *ptr;

	if (unlikely(!note(key, n * size)))
		return calloc_further(n, size, key);
	call.key = key;
	call.size = n * size;
	ptr = NEXT_IDENT(calloc)(n, size, caller);
	return likely(ptr) ? ptr : failed(call.key, call.size);
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	return birth(NEXT_IDENT(memalign)(alignment, size, caller),
		     key_of(MH_SITES_MEMALIGN, caller), size);
}

/* realloc(ptr, 0) is a free wherever it returns NULL. */
void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	void *ptr = NEXT_IDENT(realloc)(old, size, caller);

	if (likely(ptr) && likely(note(key_of(MH_SITES_REALLOC, caller), size)))
		return ptr;
	if (ptr || size || !old)
		return birth(ptr, key_of(MH_SITES_REALLOC, caller), size);
	note_further(key_of(MH_SITES_FREE, caller), 0);
	return NULL;
}

static __attribute__((noinline)) void free_further(void *ptr, uint64_t key)
{
	note_further(key, 0);
	NEXT_IDENT(free)(ptr, address_of(key));
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	const uint64_t key = key_of(MH_SITES_FREE, caller);

	if (likely(note(key, 0)))
		NEXT_IDENT(free)(ptr, caller);
	else
		free_further(ptr, key);
}

HOOK_PASS(malloc_usable_size)

/* ---- the life of a process ------------------------------------------------- */

static int at_once(void)
{
	return !HOOK_OPTION(AFTER).num || HOOK_OPTION(FIRST).num == pid ||
	       may_shut_in;
}

/* A relative directory is one of the start, wherever the program goes. */
static void make_absolute(void)
{
	volatile char *to = dir;	/* or else gcc calls memcpy */
	char cwd[sizeof(dir)];
	size_t bytes = 0;
	long nr;

	if (dir[0] == '/')
		return;
	while (dir[bytes++])
		;
	nr = mh_syscall(SYS_getcwd, (long)cwd, sizeof(cwd), 0, 0, 0, 0);
	if (nr <= 0 || cwd[0] != '/' || (size_t)nr + bytes > sizeof(dir))
		return;
	cwd[nr - 1] = '/';
	while (bytes--)
		to[(size_t)nr + bytes] = to[bytes];
	while (nr--)
		to[nr] = cwd[nr];
}

static void start(void)
{
	pid = (uint32_t)mh_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	early.kept = 1;
}

void HOOK_IDENT(init)(void)
{
	if (!dir[0]) {
		state = OFF;
		return;
	}
	make_absolute();
	mh_modules_init(&loader);
	may_shut_in = mh_next_symbol("seccomp_load") != NULL;
	mh_wipe_on_fork(&early, sizeof(early));
	start();
}

void HOOK_IDENT(live)(void)
{
	if (state == LOGGING && at_once())
		open_file();
}

/* What stands in the parent's file goes; the index is kept for adopt(). */
static void forget(struct shard *shard)
{
	shard->used = STALE;
	shard->number = 0;
	shard->next = 0;
	shard->full = 0;
}

void HOOK_IDENT(fork)(void)
{
	uint32_t used = early.used < LOG_MOST ? early.used : LOG_MOST;

	if (state == OFF)
		return;
	for (struct shard *shard = shards; shard; shard = shard->link)
		forget(shard);
	forget(&overflow);
	overflow.owner = 0;
	mine.index = no_index;
	mine.mask = 0;
	mine.without = 0;
	lost = (struct totals){ 0 };
	patience = SPINS;
	if (early.kept)
		mh_clear(early.call, used * sizeof(early.call[0]));
	early.used = 0;
	mh_sitefile_fork(&file);
	start();
	__atomic_store_n(&state, LOGGING, __ATOMIC_RELEASE);
	if (at_once())
		open_file();
}

/* What the file holds, summed up. */
static void sum_up(struct totals *sum, uint64_t *records)
{
	const uint32_t used = __atomic_load_n(&file.head->pages_used,
					      __ATOMIC_RELAXED);
	const struct mh_sites_record *record;
	const struct mh_sites_page *page;
	uint64_t calls;

	for (uint32_t i = 1; i < used && i < file.pages; i++) {
		if (i >= __atomic_load_n(&file.populated, __ATOMIC_RELAXED))
			continue;
		page = (const struct mh_sites_page *)file.head + i;
		if (__atomic_load_n(&page->kind, __ATOMIC_ACQUIRE) !=
		    MH_SITES_PAGE_RECORDS)
			continue;
		for (uint32_t nr = 0; nr < page->used; nr++) {
			record = &page->record[nr];
			calls = 0;
			for (int b = 0; b < (int)MH_SITES_BUCKETS; b++)
				calls += record->calls[b];
			++*records;
			switch (op_of(record->key) & ~MH_SITES_RETIRED) {
			case MH_SITES_FREE:
			case MH_SITES_FREE_LOADER:
				sum->frees += calls;
				break;
			case MH_SITES_FAILED:
				sum->failed += calls;
				break;
			default:
				sum->calls += calls;
				sum->bytes += record->bytes;
			}
		}
	}
}

void HOOK_IDENT(dump)(int fd)
{
	struct totals sum = lost;
	struct mh_line line;
	uint64_t records = 0;

	(void)MH_LIVE();
	mh_line_start(&line);
	mh_line_str(&line, "mallochooks: sites: ");
	if (!is_open()) {
		mh_line_str(&line, state == OFF ? "nothing is recorded" :
						  "no file yet");
		mh_line_write(&line, fd);
		return;
	}
	sum.calls += file.head->lost_calls;
	sum.bytes += file.head->lost_bytes;
	sum.frees += file.head->lost_frees;
	sum.failed += file.head->lost_failed;
	sum_up(&sum, &records);
	mh_line_dec(&line, sum.calls);
	mh_line_str(&line, " allocations, ");
	mh_line_dec(&line, sum.bytes);
	mh_line_str(&line, " bytes requested, ");
	mh_line_dec(&line, sum.frees);
	mh_line_str(&line, " frees, ");
	mh_line_dec(&line, sum.failed);
	mh_line_str(&line, " failed, in ");
	mh_line_dec(&line, records);
	mh_line_str(&line, " records");
	mh_line_write(&line, fd);
}

/* A child that has not allocated at all still has its parent's file. */
void HOOK_IDENT(fini)(void)
{
	if (MH_PHASE.word == MH_PHASE_LIVE && is_open())
		__atomic_store_n(&file.head->state, MH_SITES_ENDED,
				 __ATOMIC_RELEASE);
}
