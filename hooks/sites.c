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
#include "chunk.h"
#include "module.h"
#include "nextsym.h"
#include "operand.h"
#include "sitefile.h"
#include "syscall.h"
#include "thread.h"

/* Where it stands below us we learn what becomes of the chunks. */
#define HAS_LIVES	IS_ENABLED(CONFIG_HOOK_INDEX)

/* Where it is the next one, it tells us what it has at hand itself. */
#define IS_NEXT_index	1
#define IS_NEXT__(next)	IS_NEXT_##next
#define IS_NEXT_(next)	IS_NEXT__(next)
#if IS_NEXT_(MH_NEXT) && !defined(MH_INSIDE)
#define OVER_INDEX
#endif

#ifndef MH_INSIDE
#define MH_INSIDE	""	/* the composer tells of which allocator */
#endif
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

enum { DIR, AFTER, SIZE, FIRST, PEAK, REACH };

static char dir[MALLOCHOOKS_STRING_BYTES] = CONFIG_SITES_DIR;

#ifdef CONFIG_HOOK_INDEX
#define SITES_PEAK_OPTION \
	[PEAK] = MH_OPT_INT("peak", 3, 0, 100, "percent", 0, \
			    "growth at which what lives is noted; 0: never"), \
	[REACH] = MH_OPT_SIZE("reach", 0, 0, (int64_t)1 << 40, 0, \
			      "most bytes looked at for lost chunks, at exit"),
#else
#define SITES_PEAK_OPTION
#endif

HOOK_OPTIONS(
	[DIR] = MH_OPT_STRING("dir", dir, 0,
			      "directory of the files; empty: record nothing"),
	[AFTER] = MH_OPT_INT("after", CONFIG_SITES_AFTER, 0, LOG_MOST, "calls",
			     0, "a process makes so many before it gets a file"),
	[SIZE] = MH_OPT_SIZE("size", (int64_t)CONFIG_SITES_SIZE << 10, 256 << 10,
			     (int64_t)4 << 30, 0, "most bytes of a file"),
	[FIRST] = MH_OPT_INT("first", 0, 0, INT32_MAX, "pid", 0,
			     "process that gets its file at once, for run"),
	SITES_PEAK_OPTION
)

HOOK_OBSERVING

/* Where records are in the file; 0: none.  One behind the other by hash(). */
struct index {
	uint32_t bits;
	uint32_t place[];
};

/* What a thread has at hand for the chunks of a kind (index/chunk.h). */
struct place {
	uint64_t key;			/* of the kind, or of calls of calloc: not @key */
	struct mh_sites_record *call;	/* valid where @key is what it has to be */
	struct mh_sites_life *life;	/* or NULL */
	uint64_t most;			/* valid with @life: bytes asked for of such a
					 * chunk, and its sort */
};
#define NR_PLACES	(1u << MH_KIND_BITS)

/* Chunks that a thread has allocated, to tell how long they lived. */
struct latest {
	uintptr_t chunk;			/* the latest */
	uintptr_t recent[MH_SITES_RECENT];	/* others, by a hash */
#ifdef OVER_INDEX
	struct place places[NR_PLACES];
#endif
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
	int64_t room;		/* bytes that may come to the thread until it tells */
	int64_t told;		/* came to it less those gone: that all know of */
	int64_t high;		/* so many are to be told, so @high - @room it has */
	struct latest latest[];	/* one, if any */
};
_Static_assert(sizeof(struct shard) == 64, "a cache line");
#define SHARD_BYTES	(sizeof(struct shard) + HAS_LIVES * sizeof(struct latest))
#define STALE	UINT32_MAX

/* At offset 0 of the file there is no record, and this is not one either. */
static const struct mh_sites_record nothing;
static const uint32_t no_index[1];
#ifdef OVER_INDEX
static struct place no_places[NR_PLACES];
#endif

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
#ifdef OVER_INDEX
	void *places;		/* struct place: the shard's, or no_places */
#endif
	unsigned char at[64];
} mine = {
	.index = no_index,
#ifdef OVER_INDEX
	.places = no_places,
#endif
	.at = {
		[0 ... 4] = AT(0), [5] = AT(1), [6] = AT(2), [7] = AT(3),
		[8] = AT(4), [9] = AT(5), [10] = AT(6), [11] = AT(7),
		[12] = AT(7), [13] = AT(8), [14] = AT(8), [15] = AT(9),
		[16] = AT(9), [17] = AT(9), [18] = AT(10), [19] = AT(10),
		[20] = AT(10), [21 ... 63] = AT(11),
	},
};

/* Of the file; stays where it is, see index/sitefile.h. */
static unsigned char *file_base = (unsigned char *)&nothing;

enum { LOGGING, OPENING, OPEN, OFF };

struct totals {
	uint64_t calls;
	uint64_t bytes;
	uint64_t frees;
	uint64_t failed;
	uint64_t unseen;
	struct mh_sites_life life;
};

static unsigned int state = LOGGING;
static uintptr_t opener;	/* thread pointer */
static struct mh_sitefile file;
static struct mh_module loader;
static uint32_t pid;
static int child;		/* of a fork, and has not executed anything */
static int may_shut_in;		/* libseccomp is there: no file can be made later */
static struct shard *shards;
static unsigned int nr_shards;
static struct shard overflow;
static struct totals lost;	/* as long as there is no file */
static uint32_t gaps;	/* as in the file's header */
static uint32_t had_gaps;	/* not 0: a parent had some */

/* What came before the file; wiped in a child by the kernel where it can. */
#define CLOSED	UINT64_MAX
static struct {
	struct { uint64_t key, bytes; } call[LOG_MOST];
	uint32_t used;
	uint32_t kept;		/* set by the parent: not wiped */
	unsigned char pad[MH_PAGE_BYTES - 8];
} early __attribute__((aligned(MH_PAGE_BYTES)));

static int is_open(void)
{
	return __atomic_load_n(&state, __ATOMIC_SEQ_CST) == OPEN;
}

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

/* A site's life stands elsewhere than its calls.  No call returns to a place one
 * byte behind another. */
static inline uint64_t spread(uint64_t key)
{
	return op_of(key) ? key : key + 1;
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
	return (struct mh_sites_record *)(file_base + offset);
}

#include "sites-shard.h"
#include "sites-lives.h"

/* Return: 0 when no record is to be had. */
static int enter_any(struct shard *shard, uint64_t key, uint64_t size,
		     enum change change)
{
	return change == CALLED ? enter(shard, key, size) :
				  enter_change(shard, key, size, change);
}

#include "sites-asked.h"
#include "sites-log.h"
#include "sites-reach.h"

/* ---- the calls that are ---------------------------------------------------- */

/*
 * add_to() - count a call in a record
 * Return: 0 when the count is too high for another one; enter() takes it back.
 */
static inline int add_to(struct mh_sites_record *record, size_t size)
{
	if (unlikely(mh_count_is_high(count_at(record, bucket(size)))))
		return 0;
	record->bytes += size;
	return 1;
}

/* Counts a call whose record is the first that the index leads to; of a live stack. */
static inline int note_live(uint64_t key, size_t size)
{
	struct mh_sites_record *record;
	uint32_t at;

	at = hash(key, mine.mask);
	/* The mask first: use_index() in a handler makes both larger. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	record = record_at(mine.index[at]);
	return likely(record->key == key) && add_to(record, size);
}

static inline int note(uint64_t key, size_t size)
{
	return likely(MH_PHASE.word == MH_PHASE_LIVE) && note_live(key, size);
}

/* This thread's record of a key, or NULL. */
static struct mh_sites_record *look_up(uint64_t key)
{
	const uint32_t nr = hash(spread(key), mine.mask);
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

	if (state == OFF)
		return;
	if (MH_PHASE.word == MH_PHASE_LIVE) {
		record = look_up(key);
		if (record && !is_high(count_at(record, bucket(size))) &&
		    add_to(record, size))
			return;
	}
	sites_slow(key, size, CALLED);
}

/* ---- and what becomes of chunks -------------------------------------------- */

/* Counts a change of a site whose record is the first that the index leads to. */
static inline int note_change(uint64_t key, enum change change, uint64_t bytes)
{
	struct mh_sites_life *life;

	if (unlikely(MH_PHASE.word != MH_PHASE_LIVE))
		return 0;
	life = first_life(key);
	if (unlikely(life->key != key))
		return 0;
	apply(life, change, bytes);
	return 1;
}

static __attribute__((noinline)) void change_further(uint64_t key,
						     enum change change,
						     uint64_t bytes)
{
	struct mh_sites_record *record;

	if (alive_is_off())
		return;
	if (MH_PHASE.word == MH_PHASE_LIVE) {
		record = look_up(key);
		if (record) {
			apply((struct mh_sites_life *)record, change, bytes);
			return;
		}
	}
	sites_slow(key, bytes, change);
}

static inline void changes(uintptr_t site, enum change change, uint64_t bytes)
{
	const uint64_t key = life_key(site);

	if (unlikely(!note_change(key, change, bytes)))
		change_further(key, change, bytes);
}

static inline void gone(void *ptr, const struct victim *victim)
{
	enum change age = DIED + MH_SITES_LONG;

	if (likely(MH_PHASE.word == MH_PHASE_LIVE)) {
		age = age_of(ptr);
		forgets(victim->bytes);
	}
	changes(victim->site, age, victim->bytes);
}

/* A chunk is about to be freed. */
static inline void dies(void *ptr)
{
	struct victim victim;

	if (!HAS_LIVES || unlikely(state == OFF))
		return;
	if (know(ptr, &victim))
		gone(ptr, &victim);
	else
		met_unseen();
}

/* One was made in this thread. */
static inline void *born(void *ptr, uint64_t bytes)
{
	if (HAS_LIVES && likely(MH_PHASE.word == MH_PHASE_LIVE))
		remember(ptr, bytes);
	return ptr;
}

static void *birth(void *ptr, uint64_t key, size_t size)
{
	if (!ptr)
		key = key_of(MH_SITES_FAILED, address_of(key));
	note_further(key, size);
	if (!ptr)
		return NULL;
	if (HAS_LIVES && op_of(key) == MH_SITES_REALLOC)
		changes(address_of(key), MADE, size);
	return born(ptr, size);
}

/*
 * What is not usual is a call at the very end, of a function of its own.
 */
static __attribute__((noinline)) void *malloc_further(size_t size, uint64_t key)
{
	return birth(NEXT_IDENT(malloc)(size, address_of(key)), key, size);
}

static __attribute__((noinline)) void *calloc_further(size_t n, size_t size,
						      uint64_t key)
{
	return birth(NEXT_IDENT(calloc)(n, size, address_of(key)), key,
		     n * size);
}

#ifndef OVER_INDEX
/*
 * What only a failure needs waits in memory, hence volatile: that is a store
 * each, where a register would have to be saved and restored.
 */
struct call {
	uint64_t key;
	size_t size;
};

/* The same, of one that was counted in advance, so the stack was live. */
static inline void *made(void *ptr, const volatile struct call *call)
{
	/* what waits is not always read */
	if (HAS_LIVES)
		remember(ptr, call->size);
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

/* Counted in advance, one that fails would be what lived for a moment. */
static inline int is_doubtful(size_t size)
{
	return HAS_LIVES && size >> TIB;
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	const uint64_t key = key_of(MH_SITES_MALLOC, caller);
	volatile struct call call;
	void *ptr;

	if (unlikely(is_doubtful(size)) || unlikely(!note(key, size)))
		return malloc_further(size, key);
	call.key = key;
	call.size = size;
	ptr = NEXT_IDENT(malloc)(size, caller);
	return likely(ptr) ? made(ptr, &call) : failed(call.key, call.size);
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	const uint64_t key = key_of(MH_SITES_CALLOC, caller);
	volatile struct call call;
	void *ptr;

	if (unlikely(is_doubtful(n * size)) || unlikely(!note(key, n * size)))
		return calloc_further(n, size, key);
	call.key = key;
	call.size = n * size;
	ptr = NEXT_IDENT(calloc)(n, size, caller);
	return likely(ptr) ? made(ptr, &call) : failed(call.key, call.size);
}

#endif

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	return birth(NEXT_IDENT(memalign)(alignment, size, caller),
		     key_of(MH_SITES_MEMALIGN, caller), size);
}

/* A chunk that the index knew has another size now: it is its old site's still. */
static void *resized(const struct victim *old, void *ptr, size_t size,
		     caller_t caller)
{
	changes(old->site, GROWN, size - old->bytes);
	if (likely(MH_PHASE.word == MH_PHASE_LIVE))
		forgets(old->bytes);
	if (unlikely(!note(key_of(MH_SITES_REALLOC, caller), size)))
		note_further(key_of(MH_SITES_REALLOC, caller), size);
	return born(ptr, size);
}

/* realloc(ptr, 0) is a free wherever it returns NULL. */
static __attribute__((noinline)) void *realloc_further(void *old, size_t size,
						       caller_t caller)
{
	struct victim victim = { 0, 0 };
	const int known = HAS_LIVES && old && state != OFF &&
			  know(old, &victim);
	void *ptr = NEXT_IDENT(realloc)(old, size, caller);

	if (known && ptr)
		return resized(&victim, ptr, size, caller);
	if (HAS_LIVES && old && ptr)
		met_unseen();
	if (!HAS_LIVES && likely(ptr) && likely(note(key_of(MH_SITES_REALLOC, caller), size)))
		return ptr;
	if (ptr || size || !old)
		return birth(ptr, key_of(MH_SITES_REALLOC, caller), size);
	if (known)
		gone(old, &victim);
	else if (HAS_LIVES)
		met_unseen();
	note_further(key_of(MH_SITES_FREE, caller), 0);
	return NULL;
}

static __attribute__((noinline)) void free_further(void *ptr, uint64_t key)
{
	/* first: it may have the file made, and the chunk lives still */
	note_further(key, 0);
	dies(ptr);
	NEXT_IDENT(free)(ptr, address_of(key));
}

static __attribute__((noinline)) void die_further(void *ptr, caller_t caller)
{
	dies(ptr);
	NEXT_IDENT(free)(ptr, caller);
}

#ifdef OVER_INDEX
#include "sites-kinds.h"
#else
void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	return realloc_further(old, size, caller);
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	const uint64_t key = key_of(MH_SITES_FREE, caller);

	if (unlikely(!note(key, 0))) {
		free_further(ptr, key);
		return;
	}
	if (unlikely(!dies_quickly(ptr))) {
		die_further(ptr, caller);
		return;
	}
	NEXT_IDENT(free)(ptr, caller);
}

#endif

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
	alive_init();
	start();
}

/* Of what lives nothing is known while the index is off. */
static int is_recording(void)
{
	return HOOK_IS_ON && !MH_PAUSED() && lives_are_known();
}

void HOOK_IDENT(live)(void)
{
	gaps = !is_recording();
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
	shard->room = 0;
	shard->told = 0;
	shard->high = 0;
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
#ifdef OVER_INDEX
	mine.places = no_places;
#endif
	mine.without = 0;
	had_gaps |= gaps;
	gaps %= 2;
	lost = (struct totals){ 0 };
	patience = SPINS;
	if (early.kept)
		mh_clear(early.call, used * sizeof(early.call[0]));
	early.used = 0;
	mh_sitefile_fork(&file);
	alive_fork();
	child = 1;
	start();
	__atomic_store_n(&state, LOGGING, __ATOMIC_RELEASE);
	if (at_once())
		open_file();
}

/* Counting begins anew; what is only logged so far is counted first. */
void HOOK_IDENT(reset)(void)
{
	if (state == LOGGING)
		open_file();
	if (is_open())
		begin_anew();
}

/*
 * What was born and has died while nothing was recorded sites does not know; the
 * index does.  Other threads go on meanwhile, so this is as exact as what they do
 * in that time is little.
 */
static void begin_or_end_gap(void)
{
	if (gaps % 2 != (uint32_t)is_recording())
		return;
	gaps++;
	if (!is_open())
		return;
	__atomic_store_n(&file.head->gaps, gaps, __ATOMIC_RELAXED);
	if (gaps % 2 == 0)
		alive_begin(1);
}

void HOOK_IDENT(changed)(void)
{
	begin_or_end_gap();
	if (is_open())
		write_options();
}

/* What the file holds, summed up, less what there was when counting began anew. */
static void sum_up(struct totals *sum, uint64_t *records)
{
	const struct mh_sites_record *base;
	uint64_t bytes;
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
			base = page->base ? &page_at(page->base)->record[nr] :
					    &nothing;
			calls = 0;
			for (int b = 0; b < (int)MH_SITES_BUCKETS; b++)
				calls += record->calls[b] - base->calls[b];
			bytes = record->bytes - base->bytes;
			++*records;
			switch (op_of(record->key) & ~MH_SITES_RETIRED) {
			case MH_SITES_LIFE:
				break;
			case MH_SITES_FREE:
			case MH_SITES_FREE_LOADER:
				sum->frees += calls;
				break;
			case MH_SITES_FAILED:
				sum->failed += calls;
				break;
			default:
				sum->calls += calls;
				sum->bytes += bytes;
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
	sum.calls += file.head->lost_calls - file.head->base_lost[0];
	sum.bytes += file.head->lost_bytes - file.head->base_lost[1];
	sum.frees += file.head->lost_frees - file.head->base_lost[2];
	sum.failed += file.head->lost_failed - file.head->base_lost[3];
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
	if (gaps)
		mh_line_str(&line, ", while it was on");
	mh_line_write(&line, fd);
}

/* A child that has not allocated at all still has its parent's file. */
void HOOK_IDENT(fini)(void)
{
	if (*mh_phase_byte(&MH_PHASE, MH_BYTE_PHASE) != MH_PHASE_LIVE ||
	    !is_open())
		return;
	alive_end();
	tell_lost();
	__atomic_store_n(&file.head->state, MH_SITES_ENDED, __ATOMIC_RELEASE);
}
