// SPDX-License-Identifier: MIT
/*
 * test_nested - chunks carved out of chunks: they live as long as their pool does
 *
 * Three tables, each nested in the one before, against a plain list.  The
 * addresses are made up.  TEST_SEED=N repeats a random run.
 *
 * test-sources: index/arena.c index/chunk.c
 * test-flags: -pthread
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>
#include "chunk-quick.h"

#define TABLES	3
#define MOST	400		/* chunks in the model */
#define STEPS	60000
#define HEAP	((uintptr_t)0x55d0c01ff000)	/* a leaf begins in it */
#define HEAP_BYTES	((size_t)1 << 16)
#define ALONE(t)	(HEAP + ((uintptr_t)(t) << 20))	/* none of the outer ones comes there */
#define ALONE_BYTES	4096

static struct mh_chunks *table[TABLES];

static struct mh_chunks *new_index(void)
{
	void *at = mmap(NULL, sizeof(struct mh_chunks), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	mh_chunk_init(at);
	return at;
}

static void new_tables(void)
{
	for (int t = 0; t < TABLES; t++) {
		table[t] = new_index();
		if (t)
			assert_int_equal(mh_chunk_nest(table[t], table[t - 1]), 0);
	}
}

static uint64_t seed;

static uint64_t draw(void)	/* xorshift64*, Vigna 2016 */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 2685821657736338717u;
}

static uint64_t below(uint64_t limit)
{
	return draw() % limit;
}

static void seed_by(const char *name)
{
	const char *wish = getenv("TEST_SEED");

	seed = wish ? strtoull(wish, NULL, 0) : (uint64_t)time(NULL);
	seed = seed * 2 + 1;
	print_message("%s: TEST_SEED=%llu\n", name,
		      (unsigned long long)(seed / 2));
}

static int finds(int t, uintptr_t address, uintptr_t base)
{
	struct mh_chunk chunk;

	return !mh_chunk_find_inside(table[t], address, &chunk) &&
	       chunk.base == base;
}

static int finds_none(int t, uintptr_t address)
{
	struct mh_chunk chunk;

	return mh_chunk_find_inside(table[t], address, &chunk) == -ENOENT;
}

static void born(int t, uintptr_t base, size_t bytes)
{
	if (t)
		mh_chunk_born_inside(table[t], base, bytes, bytes, 7);
	else
		mh_chunk_born(table[t], base, bytes, bytes, 7, 0);
}

static void resize(int t, uintptr_t base, uintptr_t to, size_t bytes)
{
	struct mh_chunk chunk = { .base = to, .requested = bytes,
				  .usable = bytes, .site = 7 };
	struct mh_chunk_move move;

	mh_chunk_move_begins(table[t], base, &move);
	if (t)
		mh_chunk_move_ends_inside(table[t], &move, &chunk);
	else
		mh_chunk_move_ends(table[t], &move, &chunk, 0);
}

/* ---- one case each ------------------------------------------------------------- */

static void all_go_with_their_pool(void **state)
{
	(void)state;
	for (size_t bytes = 64; bytes < 8 << 20; bytes = bytes * 3 & ~(size_t)7) {
		new_tables();
		born(0, HEAP, bytes);
		born(1, HEAP, 16);
		born(1, HEAP + bytes - 32, 32);
		born(2, HEAP + bytes - 16, 8);
		assert_true(finds(1, HEAP + 15, HEAP));
		assert_true(finds_none(1, HEAP + 16));
		assert_true(finds(1, HEAP + bytes - 1, HEAP + bytes - 32));
		assert_true(finds(2, HEAP + bytes - 9, HEAP + bytes - 16));
		mh_chunk_dies(table[0], HEAP);
		assert_true(finds_none(1, HEAP));
		assert_true(finds_none(2, HEAP + bytes - 16));
		/* another one comes there: first nothing is in it, then one */
		born(0, HEAP, bytes);
		assert_true(finds_none(1, HEAP));
		assert_true(finds_none(1, HEAP + bytes - 1));
		born(1, HEAP + 24, 8);
		assert_true(finds_none(1, HEAP));
		assert_true(finds(1, HEAP + 24, HEAP + 24));
		assert_true(finds_none(1, HEAP + bytes - 1));
		assert_true(finds_none(2, HEAP + bytes - 16));
		/* in a middle pool that is at the same place again, too */
		born(1, HEAP + bytes - 32, 32);
		assert_true(finds_none(2, HEAP + bytes - 16));
	}
}

static void a_pool_changes_its_size(void **state)
{
	(void)state;
	new_tables();
	born(0, HEAP, 4096);
	born(1, HEAP, 16);
	born(1, HEAP + 4000, 16);
	resize(0, HEAP, HEAP, 2000);
	assert_true(finds(1, HEAP, HEAP));
	assert_true(finds_none(1, HEAP + 4000));
	resize(0, HEAP, HEAP, 8192);
	assert_true(finds_none(1, HEAP + 4000));
	born(1, HEAP + 3000, 16);
	assert_true(finds(1, HEAP, HEAP));
	assert_true(finds(1, HEAP + 3000, HEAP + 3000));
	assert_true(finds_none(1, HEAP + 4000));
	resize(0, HEAP, HEAP + 65536, 8192);
	assert_true(finds_none(1, HEAP));
	assert_true(finds_none(1, HEAP + 65536));
}

static void a_tag_leaves_a_pool_open(void **state)
{
	struct mh_chunk chunk;

	(void)state;
	new_tables();
	born(0, HEAP, 100);
	born(1, HEAP + 8, 16);
	born(1, ALONE(1), 16);
	for (uint64_t tag = 3; tag < 6; tag += 3)
		for (int t = 0; t < 2; t++)
			assert_int_equal(mh_chunk_tag(table[t], HEAP + 8, tag), 0);
	assert_int_equal(mh_chunk_tag(table[1], ALONE(1), 9), 0);
	assert_true(finds(1, HEAP + 8, HEAP + 8));
	assert_true(finds(1, ALONE(1), ALONE(1)));
	assert_int_equal(mh_chunk_find(table[0], HEAP, &chunk), 0);
	assert_int_equal(chunk.tag, 3);
	assert_true(mh_chunk_is_pool(&chunk));
	assert_int_equal(mh_chunk_tag(table[0], HEAP, 0), 0);
	assert_true(finds(1, HEAP + 8, HEAP + 8));
}

/* From mmap, say, until malloc has something there. */
static void what_stands_alone(void **state)
{
	(void)state;
	new_tables();
	born(1, HEAP + 64, 16);
	assert_true(finds(1, HEAP + 64, HEAP + 64));
	born(2, HEAP + 64, 8);
	assert_true(finds(2, HEAP + 64, HEAP + 64));
	born(0, HEAP, 100);
	assert_true(finds_none(1, HEAP + 64));
	assert_true(finds_none(2, HEAP + 64));
	born(1, HEAP + 32, 8);
	mh_chunk_dies(table[0], HEAP);
	assert_true(finds_none(1, HEAP + 64));
	assert_true(finds_none(1, HEAP + 32));
}

static void a_pool_that_is_reset(void **state)
{
	(void)state;
	new_tables();
	born(0, HEAP, 100000);
	for (uintptr_t at = 0; at < 100000 - 40; at += 40)
		born(1, HEAP + at, 40);
	born(1, HEAP + 16, 5000);
	assert_true(finds_none(1, HEAP));
	assert_true(finds(1, HEAP + 40, HEAP + 16));
	assert_true(finds(1, HEAP + 5015, HEAP + 16));
	assert_true(finds_none(1, HEAP + 5016));
	assert_true(finds(1, HEAP + 5040, HEAP + 5040));
}

/* One that lies across the begin, and one behind in the same 32 bytes. */
static void between_two(void **state)
{
	(void)state;
	new_tables();
	born(1, HEAP + 24, 8);
	born(1, HEAP - 40, 48);
	born(1, HEAP, 16);
	assert_true(finds_none(1, HEAP - 40));
	assert_true(finds(1, HEAP + 15, HEAP));
	assert_true(finds(1, HEAP + 24, HEAP + 24));
}

static void no_more_tables_than_there_is_room_for(void **state)
{
	struct mh_chunks *outer = new_index(), *inner = NULL;

	(void)state;
	for (int i = 0; i < MH_INNER_TABLES; i++) {
		inner = new_index();
		assert_int_equal(mh_chunk_nest(inner, outer), 0);
		assert_int_equal(mh_chunk_nest(inner, outer), 0);
	}
	assert_int_equal(mh_chunk_nest(new_index(), outer), -ENOSPC);
	mh_chunk_born(outer, HEAP, 100, 100, 7, 0);
	mh_chunk_born_inside(inner, HEAP, 10, 10, 7);
	mh_chunk_dies(outer, HEAP);
	mh_chunk_born(outer, HEAP, 100, 100, 7, 0);
	mh_chunk_born_inside(inner, HEAP + 64, 10, 10, 7);
	assert_int_equal(mh_chunk_find_inside(inner, HEAP, &(struct mh_chunk){ 0 }),
			 -ENOENT);
}

/* ---- the model -------------------------------------------------------------------- */

struct one {
	int t;
	uintptr_t base;
	size_t bytes;
	uint64_t tag;
	int pool;	/* number of that, or -1 */
	int lives;
};

static struct one one[MOST];

static int has(const struct one *o, uintptr_t address)
{
	return o->lives && address - o->base < (o->bytes ? o->bytes : 1);
}

static int model_finds(int t, uintptr_t address)
{
	for (int i = 0; i < MOST; i++)
		if (one[i].t == t && has(&one[i], address))
			return i;
	return -1;
}

static void gone(int nr)
{
	one[nr].lives = 0;
	for (int i = 0; i < MOST; i++)
		if (one[i].lives && one[i].pool == nr)
			gone(i);
}

static int overlaps(const struct one *o, uintptr_t base, size_t bytes)
{
	return o->lives && o->base < base + (bytes ? bytes : 1) &&
	       base < o->base + (o->bytes ? o->bytes : 1);
}

/* Of a table, but for one: bury them, or say that there are some. */
static int others(int t, uintptr_t base, size_t bytes, int but, int bury)
{
	int nr = 0;

	for (int i = 0; i < MOST; i++)
		if (i != but && one[i].t == t && overlaps(&one[i], base, bytes)) {
			nr++;
			if (bury)
				gone(i);
		}
	return nr;
}

/* A place for one of table @t; 0: there is none this time. */
static uintptr_t place(int t, size_t *bytes, int *pool)
{
	static const size_t most[TABLES] = { 9000, 700, 100 };
	uintptr_t base;
	int i;

	*pool = -1;
	*bytes = 1 + below(below(3) ? most[t] / 8 : most[t]);
	if (!t) {
		base = HEAP + below(HEAP_BYTES / 8) * 8;
		return base;
	}
	if (!below(8))
		return ALONE(t) + below(ALONE_BYTES / 8) * 8;
	i = (int)below(MOST);
	if (!one[i].lives || one[i].t != t - 1)
		return 0;
	*pool = i;
	base = one[i].base + below(one[i].bytes / 8 + 1) * 8;
	if (!has(&one[i], base))
		return 0;
	if (base + *bytes > one[i].base + one[i].bytes)
		*bytes = one[i].base + one[i].bytes - base;
	return base;
}

static void one_is_born(int nr)
{
	int t = (int)below(TABLES), pool;
	size_t bytes;
	uintptr_t base = place(t, &bytes, &pool);

	if (!base || (!t && others(t, base, bytes, -1, 0)))
		return;
	others(t, base, bytes, -1, 1);
	/* its pool's pool may have gone: not its pool, which has it inside */
	born(t, base, bytes);
	one[nr] = (struct one){ t, base, bytes, 0, pool, 1 };
}

static void one_stays(int nr)
{
	struct one *o = &one[nr];
	size_t bytes = 1 + below(2 * o->bytes);
	const struct one *pool = o->pool >= 0 ? &one[o->pool] : NULL;

	if (!o->t && others(0, o->base, bytes, nr, 0))
		return;
	if (pool && bytes > pool->base + pool->bytes - o->base)
		bytes = pool->base + pool->bytes - o->base;
	others(o->t, o->base, bytes, nr, 1);
	resize(o->t, o->base, o->base, bytes);
	o->bytes = bytes;
	for (int i = 0; i < MOST; i++)
		if (one[i].lives && one[i].pool == nr && !has(o, one[i].base))
			gone(i);
}

static void one_moves(int nr)
{
	struct one *o = &one[nr];
	int pool, t = o->t;
	size_t bytes;
	uint64_t tag = o->tag;
	uintptr_t base = place(t, &bytes, &pool);

	if (!base || base == o->base || overlaps(o, base, bytes) ||
	    (!t && others(t, base, bytes, -1, 0)))
		return;
	others(t, base, bytes, nr, 1);
	resize(t, o->base, base, bytes);
	gone(nr);
	*o = (struct one){ t, base, bytes, tag, pool, 1 };
}

static void step(void)
{
	int nr = (int)below(MOST);

	if (!one[nr].lives) {
		one_is_born(nr);
		return;
	}
	switch (below(5)) {
	case 0:
	case 1:
		mh_chunk_dies(table[one[nr].t], one[nr].base);
		gone(nr);
		break;
	case 2:
		one_stays(nr);
		break;
	case 3:
		one_moves(nr);
		break;
	case 4:
		one[nr].tag = below(3);
		assert_int_equal(mh_chunk_tag(table[one[nr].t], one[nr].base,
					      one[nr].tag), 0);
	}
}

static void check(int t, uintptr_t address)
{
	const int nr = model_finds(t, address);
	struct mh_chunk chunk;
	const int error = mh_chunk_find_inside(table[t], address, &chunk);

	assert_int_equal(error, nr < 0 ? -ENOENT : 0);
	if (error)
		return;
	assert_int_equal(chunk.base, one[nr].base);
	assert_int_equal(chunk.usable, one[nr].bytes);
	assert_int_equal(chunk.tag, one[nr].tag);
	assert_int_equal(chunk.pending, 0);
}

struct count {
	int t;
	int nr;
};

static int count(const struct mh_chunk *chunk, void *arg)
{
	struct count *to = arg;

	if (mh_chunk_is_inside(table[to->t], chunk)) {
		to->nr++;
		assert_true(model_finds(to->t, chunk->base) >= 0);
	}
	return 0;
}

static void check_all(void)
{
	for (int t = 0; t < TABLES; t++) {
		struct count counted = { t, 0 };
		int nr = 0;

		mh_chunk_walk(table[t], count, &counted);
		for (int i = 0; i < MOST; i++)
			nr += one[i].lives && one[i].t == t;
		assert_int_equal(counted.nr, nr);
		assert_int_equal(table[t]->lost, 0);
	}
}

static void at_random(void **state)
{
	int nr;

	(void)state;
	seed_by("at_random");
	for (int round = 0; round < 3; round++) {
		new_tables();
		memset(one, 0, sizeof(one));
		for (int i = 0; i < STEPS; i++) {
			step();
			nr = (int)below(MOST);
			for (int t = 0; t < TABLES; t++) {
				check(t, HEAP + below(HEAP_BYTES));
				check(t, one[nr].base);
				check(t, one[nr].base + one[nr].bytes - 1);
				check(t, one[nr].base + one[nr].bytes);
				check(t, ALONE(t) + below(ALONE_BYTES));
			}
			if (!(i % 5000))
				check_all();
		}
	}
}

/* ---- threads ---------------------------------------------------------------------- */

#define THREADS	4
#define ROUNDS	4000
#define POOL	2048

static pthread_barrier_t together;

/* All come to a fresh pool at once; each has a part of it. */
static void *come(void *arg)
{
	const uintptr_t nr = (uintptr_t)arg, mine = HEAP + nr * (POOL / THREADS);
	uintptr_t wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		if (!nr)
			born(0, HEAP, POOL);
		pthread_barrier_wait(&together);
		wrong += !finds_none(1, mine);
		/* none is there before all have looked */
		pthread_barrier_wait(&together);
		for (uintptr_t at = mine; at < mine + POOL / THREADS; at += 64) {
			born(1, at, 40);
			wrong += !finds(1, at + 39, at);
			if (!(i % 3)) {
				born(2, at + 8, 16);
				wrong += !finds(2, at + 8, at + 8);
			}
		}
		for (uintptr_t at = mine; at < mine + POOL / THREADS; at += 64)
			wrong += !finds(1, at, at);
		pthread_barrier_wait(&together);
		if (!nr)
			mh_chunk_dies(table[0], HEAP);
		pthread_barrier_wait(&together);
		wrong += !finds_none(1, mine) || !finds_none(2, mine + 8);
		pthread_barrier_wait(&together);
	}
	return (void *)wrong;
}

static void many_come_to_a_pool(void **state)
{
	pthread_t thread[THREADS];
	void *wrong;

	(void)state;
	new_tables();
	pthread_barrier_init(&together, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, come, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &wrong);
		assert_ptr_equal(wrong, NULL);
	}
	for (int t = 0; t < TABLES; t++)
		assert_int_equal(table[t]->lost, 0);
}

/* A pool that a thread has claimed which is not here any more: after a fork. */
static void a_claim_that_nobody_gives_back(void **state)
{
	(void)state;
	new_tables();
	born(0, HEAP, 100000);
	born(1, HEAP, 16);
	table[0]->wide[0][0].claim = (uint32_t)table[0]->wide[0][0].gen;
	resize(0, HEAP, HEAP, 200000);
	for (unsigned int i = 0; i < 2; i++)
		table[0]->wide[0][i].claim = (uint32_t)table[0]->wide[0][i].gen;
	born(1, HEAP + 150000, 16);
	assert_true(finds(1, HEAP + 150000, HEAP + 150000));
	assert_true(finds(1, HEAP, HEAP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_go_with_their_pool),
		cmocka_unit_test(a_pool_changes_its_size),
		cmocka_unit_test(a_tag_leaves_a_pool_open),
		cmocka_unit_test(what_stands_alone),
		cmocka_unit_test(a_pool_that_is_reset),
		cmocka_unit_test(between_two),
		cmocka_unit_test(no_more_tables_than_there_is_room_for),
		cmocka_unit_test(at_random),
		cmocka_unit_test(many_come_to_a_pool),
		cmocka_unit_test(a_claim_that_nobody_gives_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
