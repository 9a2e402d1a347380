/* SPDX-License-Identifier: MIT */
/*
 * sites-log.h - calls that are not usual: before there is a file, the making of it,
 * threads without a shard, what is counted at no site
 *
 * Included by sites.c.
 */
#ifndef MH_SITES_LOG_H
#define MH_SITES_LOG_H

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

static void move_life(struct mh_sites_life *from, struct mh_sites_life *to)
{
	for (int age = 0; age < (int)MH_SITES_AGES; age++)
		move(&from->died[age], &to->died[age]);
	move(&from->died_bytes, &to->died_bytes);
	move(&from->grown, &to->grown);
	move(&from->made, &to->made);
	move(&from->made_bytes, &to->made_bytes);
}

/* What was lost before there was a file. */
static void move_lost(struct mh_sites_header *head)
{
	move(&lost.calls, &head->lost_calls);
	move(&lost.bytes, &head->lost_bytes);
	move(&lost.frees, &head->lost_frees);
	move(&lost.failed, &head->lost_failed);
	move(&lost.unseen, &head->unseen);
	move_life(&lost.life, &head->lost_life);
}

/* A chunk dies that the index does not know. */
static void met_unseen(void)
{
	if (alive_is_off() || gaps % 2)
		return;
	add(is_open() ? &file.head->unseen : &lost.unseen, 1);
	if (is_open())
		move(&lost.unseen, &file.head->unseen);
}

/* Counted at no site. */
static void lose(uint64_t key, uint64_t size, enum change change)
{
	struct mh_sites_header *head = is_open() ? file.head : NULL;
	struct mh_sites_life *life = head ? &head->lost_life : &lost.life;

	switch (op_of(key)) {
	case MH_SITES_LIFE:
		apply_atomically(life, change, size);
		break;
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
	/* one of the lost calls, but by itself it has made no chunk */
	if (op_of(key) == MH_SITES_REALLOC && !alive_is_off()) {
		add(&life->made, -(uint64_t)1);
		add(&life->made_bytes, -size);
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
	shard = mh_arena(SHARD_BYTES);
	if (!shard)
		return NULL;
	shard->owner = self;
	do
		shard->link = first;
	while (!__atomic_compare_exchange_n(&shards, &first, shard, 0,
					    __ATOMIC_RELEASE, __ATOMIC_ACQUIRE));
	return shard;
}

/* This thread's shard, or NULL: it has to do with the one that is shared. */
static struct shard *own_shard(void)
{
	if (!mine.shard && !mine.without) {
		mine.shard = claim();
		mine.without = !mine.shard;
	}
	return mine.shard;
}

/*
 * Iterations to wait for another thread: long once.  It may never come, as when
 * a child of vfork was killed in its place.
 */
static unsigned int patience = SPINS;

/* The shard that threads share: one at a time; a handler within it has lost. */
static int enter_overflow(uint64_t key, uint64_t size, enum change change)
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
	done = enter_any(&overflow, key, size, change);
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
#ifdef OVER_INDEX
	mine.places = shard->latest->places;
#endif
}

static void record(uint64_t key, uint64_t size, enum change change)
{
	int done;

	if (own_shard()) {
		done = enter_any(mine.shard, key, size, change);
		use_index(mine.shard);
	} else {
		done = enter_overflow(key, size, change);
	}
	if (!done)
		lose(key, size, change);
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
			record(key, early.call[i].bytes, CALLED);
	}
	replay_changes();
}

/* Return: nonzero when it was made, by this call. */
static int open_file(void)
{
	unsigned int logging = LOGGING;
	struct mh_sites_header *head;
	int error;

	if (!__atomic_compare_exchange_n(&state, &logging, OPENING, 0,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 0;
	__atomic_store_n(&opener, mh_thread_pointer(), __ATOMIC_RELAXED);
	error = mh_sitefile_open(&file, dir, HOOK_OPTION(SIZE).num, pid,
				 CONFIG_IDENT, MH_INSIDE);
	if (error) {
		__atomic_store_n(&state, OFF, __ATOMIC_RELEASE);
		say_why_not(error);
		return 0;
	}
	head = file.head;
	/* release: who counts there finds the header */
	__atomic_store_n(&file_base, (unsigned char *)head, __ATOMIC_RELEASE);
	alive_open();
	replay();
	head->gaps = gaps;
	alive_begin(child || gaps);
	move_lost(head);
	write_options();
	__atomic_store_n(&head->state, MH_SITES_RECORDING, __ATOMIC_RELEASE);
	__atomic_store_n(&state, OPEN, __ATOMIC_SEQ_CST);
	/* what others have done before they saw that */
	move_lost(head);
	__atomic_store_n(&head->gaps, gaps, __ATOMIC_RELAXED);
	return 1;
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
		lose(key, size, CALLED);
		return 1;
	}
	early.call[nr].bytes = size;
	if (!__atomic_compare_exchange_n(&early.call[nr].key, &empty, key, 0,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
		/* Closed behind our back. */
		if (live && wait_for_file())
			return 0;
		lose(key, size, CALLED);
		return 1;
	}
	if (live && ((int64_t)nr + 1 >= HOOK_OPTION(AFTER).num ||
		     from_loader(key)) && open_file())
		alive_has(key, size);
	return 1;
}

static __attribute__((noinline, cold)) void sites_slow(uint64_t key,
							uint64_t size,
							enum change change)
{
	unsigned int now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
	int live;

	if (now == OFF)
		return;
	live = MH_LIVE();
	if (live && MH_PAUSED())
		return;
	if (live)	/* the first call of a child has changed it */
		now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
	if (now == OFF)
		return;
	if ((now != OPEN || !live) && (change == CALLED ?
				       keep(key, size, live) :
				       keep_change(key, size, change, live)))
		return;
	record(key, size, change);
}

#endif
