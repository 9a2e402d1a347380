// SPDX-License-Identifier: MIT
/*
 * test_chunk - every address has its chunk: sizes, places, changes, threads
 *
 * The addresses are made up: the index never looks at what they lead to.
 * TEST_SEED=N repeats a random run.
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
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "chunk-quick.h"

#define KIB		((uintptr_t)1 << 10)
#define MIB		((uintptr_t)1 << 20)
#define GIB		((uintptr_t)1 << 30)

/* A stack of ours; freed never, as an index is. */
static struct mh_chunks *new_index(void)
{
	void *at = mmap(NULL, sizeof(struct mh_chunks), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	mh_chunk_init(at);
	return at;
}

/* As an allocator whose chunks begin 32 bytes apart, or as another one. */
static int apart;

static void born(struct mh_chunks *index, uintptr_t base, size_t requested,
		 size_t usable, uintptr_t site)
{
	mh_chunk_born(index, base, requested, usable, site, apart && usable);
}

static void dies(struct mh_chunks *index, uintptr_t base)
{
	mh_chunk_dies(index, base);
}

/* The quick way where there is one, now and then, and the other; each alike. */
static _Thread_local unsigned int turn;

/* This thread's in the table that it was asked for last. */
static struct mh_chunk_mover **own_mover(const struct mh_chunks *index)
{
	static _Thread_local const struct mh_chunks *last;
	static _Thread_local struct mh_chunk_mover *own;

	if (last != index)
		own = (struct mh_chunk_mover *)&mh_chunk_no_mover;
	last = index;
	return &own;
}

static void moves(struct mh_chunks *index, uintptr_t base,
		  struct mh_chunk_move *move)
{
	struct mh_chunk_hop hop = { .code = 0 };

	if (apart && ++turn % 3)
		hop = mh_chunk_hop_begins(index, base, own_mover(index));
	if (hop.code)
		mh_chunk_hop_slowly(index, base, hop, move);
	else
		mh_chunk_move_begins(index, base, move);
}

static struct mh_chunk_hop hop_of(const struct mh_chunk_move *move)
{
	const uint32_t kind = move->before >> MH_WORD_KIND_SHIFT & MH_WORD_KIND;
	const uint32_t slack = move->before >> MH_WORD_SLACK_SHIFT & MH_WORD_SLACK;

	return (struct mh_chunk_hop){
		.move = move->spot.move,
		.slot = move->spot.slot,
		.code = kind << MH_SLOT_KIND_SHIFT | slack << MH_SLOT_SLACK_SHIFT |
			(move->base >> 4 & MH_SLOT_PLACE),
	};
}

static void moved(struct mh_chunks *index, const struct mh_chunk_move *move,
		  struct mh_chunk *chunk, int is_apart)
{
	const struct mh_chunk_hop hop = hop_of(move);

	if (is_apart && ++turn % 3 && chunk->base && move->pending &&
	    move->spot.move && chunk->usable &&
	    mh_chunk_hop_ends(index, hop, move->base, chunk->base,
			      chunk->requested, chunk->usable))
		return;
	mh_chunk_move_ends(index, move, chunk, is_apart);
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

/* ---- one chunk ---------------------------------------------------------------- */

/* What is known of a chunk by its base, in both ways. */
static void is_known(struct mh_chunks *index, const struct mh_chunk *chunk)
{
	uintptr_t site = 1;
	size_t requested = 1;

	assert_true(mh_chunk_knows_slowly(index, chunk->base, &site,
					  &requested));
	assert_int_equal(site, chunk->site);
	assert_int_equal(requested, chunk->requested);
	if (!mh_chunk_knows_quickly(index, chunk->base, &site, &requested))
		return;
	assert_int_equal(site, chunk->site);
	assert_int_equal(requested, chunk->requested);
	assert_int_equal(chunk->tag, 0);
}

/* No chunk begins there. */
static void is_unknown(struct mh_chunks *index, uintptr_t base)
{
	uintptr_t site;
	size_t requested;

	if (base % 8)
		return;
	assert_false(mh_chunk_knows_quickly(index, base, &site, &requested));
	assert_false(mh_chunk_knows_slowly(index, base, &site, &requested));
}

static void is_there(struct mh_chunks *index, uintptr_t address, uintptr_t base,
		     size_t requested, size_t usable, uintptr_t site)
{
	struct mh_chunk chunk;

	assert_int_equal(mh_chunk_find(index, address, &chunk), 0);
	assert_int_equal(chunk.base, base);
	assert_int_equal(chunk.requested, requested);
	assert_int_equal(chunk.usable, usable);
	assert_int_equal(chunk.site, site);
	assert_int_equal(chunk.tag, 0);
	assert_int_equal(chunk.pending, 0);
	is_known(index, &chunk);
}

static void is_nowhere(struct mh_chunks *index, uintptr_t address)
{
	struct mh_chunk chunk;

	assert_int_equal(mh_chunk_find(index, address, &chunk), -ENOENT);
	is_unknown(index, address);
}

/* Where tables end and begin; the last ones are wider than 47 and 48 bits. */
static const uintptr_t places[] = {
	0x10000, 0x55d0c0000000 + 16, 2 * MIB - 16, 2 * MIB - 8, 8 * GIB - 512,
	8 * GIB - 1024 - 8, 16 * KIB - 8, 256 * KIB - 16, 0x7ffff0000000,
	((uintptr_t)1 << 47) - 4096, ((uintptr_t)1 << 48) - 800,
	((uintptr_t)1 << 52) + 48, ((uintptr_t)1 << 56) - 8,
	((uintptr_t)1 << 57) - 32 * GIB, 0x7ffff0000001, 2 * MIB - 3,
	8 * GIB - 1021, 0x55d0c0000000 + 31,
};
#define NR_PLACES	(sizeof(places) / sizeof(places[0]))

static void every_address_of_a_small_chunk(void **state)
{
	struct mh_chunks *index = new_index();
	uintptr_t base, at, extent;

	(void)state;
	for (size_t i = 0; i < NR_PLACES; i++)
		for (size_t size = 0; size < 3000; size += 1 + size / 7) {
			base = places[i];
			extent = size + (size % 3 ? 0 : 11);
			born(index, base, size, extent, 0x401000);
			for (at = base; at < base + (extent ? extent : 1); at++)
				is_there(index, at, base, size, extent,
					 0x401000);
			is_nowhere(index, at);
			is_nowhere(index, base - 1);
			dies(index, base);
			is_nowhere(index, base);
			is_nowhere(index, at - 1);
		}
	assert_int_equal(index->lost, 0);
}

/* Round the begin of each unit that the chunk covers, if there are not too many. */
static void check_units(struct mh_chunks *index, uintptr_t base, size_t size)
{
	static const unsigned char shifts[] = { 10, 14, 18, 21, 33 };
	uintptr_t unit, at, step;

	for (size_t i = 0; i < sizeof(shifts); i++) {
		unit = (uintptr_t)1 << shifts[i];
		step = size / unit > 3000 ? size / 3000 / unit * unit : unit;
		for (at = (base | (unit - 1)) + 1; at - base < size;
		     at += step)
			for (int d = -1; d < 2; d++)
				if (at + d - base < size)
					is_there(index, at + d, base, size - 3,
						 size, 77);
	}
}

static void any_size(void **state)
{
	static const size_t sizes[] = {
		1024, 1032, 2048, 8184, 16376, 16384, 16392, 40000, 100000,
		300000, 1 << 20, (2 << 20) - 8, 2 << 20, (4 << 20) + 8,
		100 << 20, 1 << 30, 4 * GIB - 8, 4 * GIB, 20 * GIB,
	};
	struct mh_chunks *index = new_index();

	(void)state;
	for (size_t i = 0; i < NR_PLACES; i++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			born(index, places[i], sizes[k] - 3, sizes[k],
				      77);
			is_there(index, places[i], places[i], sizes[k] - 3,
				 sizes[k], 77);
			is_there(index, places[i] + sizes[k] - 1, places[i],
				 sizes[k] - 3, sizes[k], 77);
			is_nowhere(index, places[i] + sizes[k]);
			is_nowhere(index, places[i] - 1);
			check_units(index, places[i], sizes[k]);
			dies(index, places[i]);
			is_nowhere(index, places[i] + sizes[k] / 2);
		}
	assert_int_equal(index->lost, 0);
}

static void what_is_not_ours(void **state)
{
	struct mh_chunks *index = new_index();
	struct mh_chunk_move move;

	(void)state;
	is_nowhere(index, 0);
	is_nowhere(index, UINTPTR_MAX);
	is_nowhere(index, (uintptr_t)1 << 57);
	dies(index, 0x1000);
	dies(index, 0x1003);
	dies(index, UINTPTR_MAX - 7);
	born(index, (uintptr_t)1 << 60, 10, 24, 5);	/* none such */
	assert_int_equal(index->lost, 1);
	born(index, 0x2003, 10, 24, 5);
	dies(index, 0x2002);		/* none begins there */
	dies(index, 0x2004);
	is_there(index, 0x2003, 0x2003, 10, 24, 5);
	is_nowhere(index, 0x2002);
	dies(index, 0x2003);
	is_nowhere(index, 0x2003);
	born(index, 0x1000, 10, 24, 5);
	dies(index, 0x1008);
	dies(index, 0x1004);
	dies(index, 0x1001);
	is_there(index, 0x1008, 0x1000, 10, 24, 5);
	dies(index, 0x1000);
	dies(index, 0x1000);		/* twice */
	is_nowhere(index, 0x1000);
	/* a chunk that is older than we are: known from its realloc on */
	moves(index, 0x3000, &move);
	is_nowhere(index, 0x3000);
	moved(index, &move, &(struct mh_chunk){
			   .base = 0x3000, .requested = 9, .usable = 24,
			   .site = 6 }, apart);
	is_there(index, 0x3000, 0x3000, 9, 24, 6);
}

/* Freed behind our back, and handed out again in other pieces. */
static void an_unseen_death(void **state)
{
	struct mh_chunks *index = new_index();
	struct mh_chunk chunk;

	(void)state;
	born(index, 0x8000, 100, 104, 5);
	born(index, 0x8000, 40, 40, 6);
	is_there(index, 0x8000, 0x8000, 40, 40, 6);
	is_nowhere(index, 0x8000 + 40);
	dies(index, 0x8000);
	is_nowhere(index, 0x8000);
	born(index, 0x8000, 100000, 100000, 5);
	born(index, 0x8000, 7, 8, 6);
	is_there(index, 0x8007, 0x8000, 7, 8, 6);
	is_nowhere(index, 0x9000);
	/* the record of the one that is gone lies in the middle of another */
	born(index, 0x8008, 24, 24, 8);
	born(index, 0x7ff0, 0x400, 0x400, 9);
	is_there(index, 0x8100, 0x7ff0, 0x400, 0x400, 9);
	/* the slot is the later one's, or there are two of them */
	born(index, 0xa000, 100, 104, 5);
	born(index, 0xa010, 40, 40, 6);
	is_there(index, 0xa010, 0xa010, 40, 40, 6);
	assert_int_equal(index->has_more, !apart);
	dies(index, 0xa000);
	is_there(index, 0xa037, 0xa010, 40, 40, 6);
	dies(index, 0xa010);
	is_nowhere(index, 0xa010);
	is_nowhere(index, 0xa000);
	/* and the record of a large one is free then */
	for (int i = 0; i < 100; i++) {
		born(index, 0xc000, 100000, 100000, 5);
		born(index, 0xc000, 7, 8, 6);
	}
	assert_true(index->nr_wide <= 2);
	/* what the list still has of that is not the next one's */
	born(index, 0xc000, 100000, 100000, 5);
	born(index, 0xc000, 7, 8, 6);
	assert_int_equal(mh_chunk_tag(index, 0xc000, 12), 0);
	assert_int_equal(mh_chunk_find(index, 0xc007, &chunk), 0);
	assert_int_equal(chunk.tag, 12);
	assert_int_equal(chunk.requested, 7);
	assert_int_equal(mh_chunk_find(index, 0xc008, &chunk), -ENOENT);
}

/* ---- realloc -------------------------------------------------------------------- */

static void expect_pending(struct mh_chunks *index, uintptr_t address,
			   uintptr_t base, size_t size)
{
	struct mh_chunk chunk;

	assert_int_equal(mh_chunk_find(index, address, &chunk), 0);
	assert_int_equal(chunk.pending, 1);
	assert_int_equal(chunk.base, base);
	assert_int_equal(chunk.requested, size);
	assert_int_equal(mh_chunk_tag(index, address, chunk.tag + 1), -EBUSY);
}

static void try_realloc(size_t before, size_t after, uint64_t tag)
{
	struct mh_chunks *index = new_index();
	const uintptr_t old = 0x100040, new = 0x900080;
	struct mh_chunk chunk = { .requested = after, .usable = after,
				  .site = 999 };
	struct mh_chunk_move move;

	born(index, old, before, before, 7);
	assert_int_equal(mh_chunk_tag(index, old + before / 2, tag), 0);
	moves(index, old, &move);
	expect_pending(index, old + before - 1, old, before);
	mh_chunk_move_failed(index, &move);
	assert_int_equal(mh_chunk_find(index, old, &chunk), 0);
	assert_int_equal(chunk.pending, 0);
	assert_int_equal(chunk.tag, tag);
	/* in place */
	moves(index, old, &move);
	chunk = (struct mh_chunk){ old, after, after, 999, 0, 0, 0 };
	moved(index, &move, &chunk, apart);
	assert_int_equal(mh_chunk_find(index, old + after - 1, &chunk), 0);
	assert_int_equal(chunk.tag, tag);
	assert_int_equal(chunk.site, 7);
	assert_int_equal(chunk.usable, after);
	is_nowhere(index, old + after);
	/* away, while another thread has the address already */
	moves(index, old, &move);
	born(index, old - 8, 64, 64, 11);
	is_there(index, old, old - 8, 64, 64, 11);
	dies(index, old - 8);
	born(index, old, 32, 32, 12);
	chunk = (struct mh_chunk){ new, before, before, 999, 0, 0, 0 };
	moved(index, &move, &chunk, apart);
	is_there(index, old, old, 32, 32, 12);
	assert_int_equal(mh_chunk_find(index, new + before - 1, &chunk), 0);
	assert_int_equal(chunk.tag, tag);
	assert_int_equal(chunk.site, 7);
	/* to 0, which frees */
	moves(index, new, &move);
	chunk = (struct mh_chunk){ .base = 0 };
	moved(index, &move, &chunk, apart);
	is_nowhere(index, new);
}

static void realloc_of_each_kind(void **state)
{
	static const size_t sizes[] = { 8, 16, 100, 1024, 3000, 16376, 16377,
					70000, 5 << 20 };

	(void)state;
	for (size_t i = 0; i < 9; i++)
		for (size_t k = 0; k < 9; k++)
			for (uint64_t tag = 0; tag < 2; tag++)
				try_realloc(sizes[i], sizes[k], tag);
}

/*
 * Two threads reallocate what each had at the same address, and the second one's
 * record is the number that the first one's was.
 */
static void a_record_that_is_used_again(void **state)
{
	struct mh_chunks *index = new_index();
	struct mh_chunk_move first, second;
	struct mh_chunk chunk = { 0x90000, 50000, 50000, 9, 0, 0, 0 };

	(void)state;
	born(index, 0x10000, 50000, 50000, 3);
	moves(index, 0x10000, &first);
	born(index, 0x10000, 50000, 50000, 4);
	dies(index, 0x10000);
	born(index, 0x60000, 50000, 50000, 5);
	born(index, 0x10000, 50000, 50000, 6);
	assert_int_equal(index->nr_wide, 2);
	moves(index, 0x10000, &second);
	moved(index, &first, &chunk, apart);
	expect_pending(index, 0x10005, 0x10000, 50000);
	mh_chunk_move_failed(index, &second);
	is_there(index, 0x10005, 0x10000, 50000, 50000, 6);
	is_there(index, 0x90005, 0x90000, 50000, 50000, 3);
}

/* A thread that reallocates in the parent is not there in the child. */
static void a_child_finds_a_realloc_under_way(void **state)
{
	struct mh_chunks *index = new_index();
	struct mh_chunk_move move;
	int status;
	pid_t pid;

	(void)state;
	born(index, 0x4000, 64, 72, 3);
	born(index, 0x5000, 64000, 64000, 3);
	moves(index, 0x4000, &move);
	moves(index, 0x5000, &move);
	pid = fork();
	if (!pid) {
		expect_pending(index, 0x4040, 0x4000, 64);
		moves(index, 0x4000, &move);
		mh_chunk_move_failed(index, &move);
		is_there(index, 0x4040, 0x4000, 64, 72, 3);
		dies(index, 0x5000);
		is_nowhere(index, 0x5000);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_pending(index, 0x5040, 0x5000, 64000);
}

/* ---- tags and sites ----------------------------------------------------------------- */

static void tags(void **state)
{
	enum { NR = 100000 };
	struct mh_chunks *index = new_index();
	struct mh_chunk chunk;
	uintptr_t i;

	(void)state;
	assert_int_equal(mh_chunk_tag(index, 0x1000, 1), -ENOENT);
	for (i = 1; i <= NR; i++) {
		born(index, i * 48, 40, 40, 0x1234);
		assert_int_equal(mh_chunk_tag(index, i * 48 + 39, ~i), 0);
	}
	for (i = 1; i <= NR; i++) {
		assert_int_equal(mh_chunk_find(index, i * 48 + 5, &chunk), 0);
		assert_int_equal(chunk.tag, ~i);
		assert_int_equal(chunk.site, 0x1234);
		assert_int_equal(chunk.requested, 40);
	}
	assert_int_equal(mh_chunk_tag(index, 48, 0), 0);
	is_there(index, 48, 48, 40, 40, 0x1234);
	for (i = 1; i <= NR; i++)
		dies(index, i * 48);
	/* their records serve others */
	for (i = 1; i <= NR; i++)
		born(index, i << 20, 1 << 19, 1 << 19, i);
	assert_true(index->nr_wide <= NR + 1);
	for (i = 1; i <= NR; i++)
		is_there(index, (i << 20) + (1 << 18), i << 20, 1 << 19,
			 1 << 19, i);
	assert_int_equal(index->lost, 0);
}

/* More than have numbers. */
static void sites(void **state)
{
	enum { NR = 400000 };
	struct mh_chunks *index = new_index();
	uintptr_t i;

	(void)state;
	for (i = 1; i <= NR; i++)
		born(index, i * 32, 20, 24, 0x400000 + i * 9);
	for (i = 1; i <= NR; i++)
		is_there(index, i * 32 + 23, i * 32, 20, 24, 0x400000 + i * 9);
	born(index, 16, 1, 8, 0);		/* captured none */
	is_there(index, 16, 16, 1, 8, 0);
	dies(index, 16);
	born(index, 16, 1, 8, UINTPTR_MAX);
	is_there(index, 16, 16, 1, 8, UINTPTR_MAX);
	assert_int_equal(index->lost, 0);
}

/* What was asked for is told for any slack, also more than a slot has room for. */
static void slack_of_any_size(void **state)
{
	static const size_t usable[] = { 8, 24, 40, 1000, 1008, 1016, 1024, 1032, 8184,
					 8200, 16376, 16384 };
	struct mh_chunks *index = new_index();
	uintptr_t at = 1 << 20;

	(void)state;
	/* twice: the second time their kind is known */
	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < sizeof(usable) / sizeof(usable[0]); i++) {
			for (size_t slack = 0; slack <= usable[i];
			     slack += 1 + slack / 9, at += 16400 + 16) {
				born(index, at, usable[i] - slack, usable[i], 70);
				is_there(index, at + usable[i] - 1, at,
					 usable[i] - slack, usable[i], 70);
			}
			born(index, at, 0, usable[i], 70);
			is_there(index, at, at, 0, usable[i], 70);
			at += 16400 + 16;
		}
	assert_int_equal(index->lost, 0);
}

/* Moves that are written down, in places of threads or in those for all. */
static int in_use(const struct mh_chunks *index, int movers)
{
	int nr = 0;

	for (unsigned int i = 0; movers && i < MH_MOVERS; i++)
		nr += index->mover[i].move != 0;
	for (unsigned int i = 0; !movers && i < MH_MOVES; i++)
		nr += index->moving[i] != 0;
	return nr;
}

/* More than there is room for are found no more, but not denied either. */
static void many_moves(void **state)
{
	enum { NR = 3 * MH_MOVES };
	static struct mh_chunk_move move[NR];
	struct mh_chunks *index = new_index();
	struct mh_chunk chunk;
	int pending = 0, ret;

	(void)state;
	for (uintptr_t i = 0; i < NR; i++)
		born(index, (i + 1) * 4096, 30, 40, 80);
	for (uintptr_t i = 0; i < NR; i++) {
		moves(index, (i + 1) * 4096, &move[i]);
		ret = mh_chunk_find(index, (i + 1) * 4096 + 9, &chunk);
		assert_true(!ret || ret == -EAGAIN);
		pending += !ret && chunk.pending && chunk.requested == 30;
	}
	/* a place of our own, and those for all */
	assert_int_equal(pending, 1 + MH_MOVES);
	for (uintptr_t i = 0; i < NR; i += 2)
		mh_chunk_move_failed(index, &move[i]);
	for (uintptr_t i = 1; i < NR; i += 2) {
		chunk = (struct mh_chunk){ (i + 1) * 4096, 35, 40, 0, 0, 0, 0 };
		moved(index, &move[i], &chunk, apart);
	}
	for (uintptr_t i = 0; i < NR; i++)
		is_there(index, (i + 1) * 4096 + 39, (i + 1) * 4096,
			 i % 2 ? 35 : 30, 40, 80);
	assert_int_equal(in_use(index, 1) + in_use(index, 0), 0);
}

/* Threads that move at once: most have a place of their own, all are found. */
enum { NR_MOVERS = MH_MOVERS + 9 };
static pthread_barrier_t all_move;
static struct mh_chunks *moved_in;

static void *move_one(void *arg)
{
	const uintptr_t base = ((uintptr_t)arg + 1) * 4096;
	struct mh_chunk chunk = { base, 37, 40, 0, 0, 0, 0 };
	struct mh_chunk_move move;

	moves(moved_in, base, &move);
	pthread_barrier_wait(&all_move);
	pthread_barrier_wait(&all_move);
	moved(moved_in, &move, &chunk, apart);
	return NULL;
}

static void threads_that_move(void **state)
{
	pthread_t threads[NR_MOVERS];
	struct mh_chunk chunk;

	(void)state;
	moved_in = new_index();
	pthread_barrier_init(&all_move, NULL, NR_MOVERS + 1);
	for (uintptr_t i = 0; i < NR_MOVERS; i++)
		born(moved_in, (i + 1) * 4096, 30, 40, 80);
	for (uintptr_t i = 0; i < NR_MOVERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, move_one,
						(void *)i), 0);
	pthread_barrier_wait(&all_move);
	assert_int_equal(in_use(moved_in, 1), MH_MOVERS);
	assert_int_equal(in_use(moved_in, 0), NR_MOVERS - MH_MOVERS);
	for (uintptr_t i = 0; i < NR_MOVERS; i++) {
		assert_int_equal(mh_chunk_find(moved_in, (i + 1) * 4096 + 9,
					       &chunk), 0);
		assert_true(chunk.pending && chunk.base == (i + 1) * 4096 &&
			    chunk.requested == 30);
	}
	pthread_barrier_wait(&all_move);
	for (uintptr_t i = 0; i < NR_MOVERS; i++) {
		pthread_join(threads[i], NULL);
		is_there(moved_in, (i + 1) * 4096 + 39, (i + 1) * 4096, 37, 40, 80);
	}
	assert_int_equal(in_use(moved_in, 1) + in_use(moved_in, 0), 0);
	pthread_barrier_destroy(&all_move);
}

/* Moved away by one, the address is another's chunk, and is reallocated again. */
static void a_move_within_a_move(void **state)
{
	struct mh_chunk_move first, second;
	struct mh_chunks *index = new_index();
	struct mh_chunk chunk;

	(void)state;
	born(index, 0x5000, 100, 104, 21);
	moves(index, 0x5000, &first);
	born(index, 0x5000, 100, 104, 22);
	moves(index, 0x5000, &second);
	chunk = (struct mh_chunk){ 0x6000, 200, 200, 0, 0, 0, 0 };
	moved(index, &first, &chunk, apart);
	is_there(index, 0x60c7, 0x6000, 200, 200, 21);
	assert_int_equal(mh_chunk_find(index, 0x5060, &chunk), 0);
	assert_int_equal(chunk.site, 22);
	assert_int_equal(chunk.pending, 1);
	chunk = (struct mh_chunk){ 0x5000, 97, 104, 0, 0, 0, 0 };
	moved(index, &second, &chunk, apart);
	is_there(index, 0x5060, 0x5000, 97, 104, 22);
	dies(index, 0x5000);
	is_nowhere(index, 0x5000);
}

/* The same, and the other chunk has less, or more, than the one before it had. */
static void a_chunk_after_a_move(void **state)
{
	static const size_t large[] = { 2000, 5000, 50000 };
	struct mh_chunk_move first, second;
	struct mh_chunks *index;
	struct mh_chunk chunk;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		index = new_index();
		/* smaller, and with a tag, which has a list tell of it */
		born(index, 0x5000, large[i], large[i], 21);
		moves(index, 0x5000, &first);
		born(index, 0x5000, 100, 104, 22);
		is_there(index, 0x5067, 0x5000, 100, 104, 22);
		is_nowhere(index, 0x5068);
		is_nowhere(index, 0x5000 + large[i] - 1);
		assert_int_equal(mh_chunk_tag(index, 0x5068, 7), -ENOENT);
		assert_int_equal(mh_chunk_tag(index, 0x5000, 7), 0);
		is_nowhere(index, 0x5068);
		dies(index, 0x5000);
		/* larger, and reallocated, too */
		born(index, 0x5000, large[i] + 800, large[i] + 800, 23);
		moves(index, 0x5000, &second);
		expect_pending(index, 0x5000 + large[i] + 799, 0x5000,
			       large[i] + 800);
		chunk = (struct mh_chunk){ 0x60000, 200, 200, 0, 0, 0, 0 };
		moved(index, &first, &chunk, apart);
		expect_pending(index, 0x5000 + large[i] + 799, 0x5000,
			       large[i] + 800);
		mh_chunk_move_failed(index, &second);
		is_there(index, 0x5000 + large[i] + 799, 0x5000, large[i] + 800,
			 large[i] + 800, 23);
	}
}

/* ---- at random, against a plain list ------------------------------------------------- */

enum { UNITS = 1 << 17, CHUNKS = 20000 };

static uint32_t grain;		/* bytes of a unit */


static struct { uint32_t start, units, slack; uint64_t tag; uintptr_t site; } ref[CHUNKS];
static uint32_t owner[UNITS], nr_ref;	/* number of a chunk plus 1 */

static int is_free(uint32_t start, uint32_t units)
{
	if (start + units > UNITS)
		return 0;
	while (units--)
		if (owner[start++])
			return 0;
	return 1;
}

static void own(uint32_t nr, uint32_t value)
{
	for (uint32_t i = 0; i < ref[nr].units; i++)
		owner[ref[nr].start + i] = value;
}

static size_t size_of(uint32_t nr)
{
	return ref[nr].units * grain - ref[nr].slack;
}

static uint32_t draw_units(void)
{
	const uint64_t kind = below(100);
	const uint32_t units = 1 + (uint32_t)below(
		kind < 60 ? 12 : kind < 95 ? 128 : kind < 99 ? 1500 : 40000);

	return apart ? (units + 3) & ~1u : units;
}

static uint32_t draw_start(void)
{
	return (uint32_t)below(UNITS) & (apart ? ~1u : ~0u);
}

static void place_chunk(uint32_t nr, uint32_t start, uint32_t units)
{
	ref[nr].start = start;
	ref[nr].units = units;
	ref[nr].slack = (uint32_t)below(grain);
	own(nr, nr + 1);
}

static void random_birth(struct mh_chunks *index, uintptr_t region)
{
	uint32_t start = draw_start(), units = draw_units();

	if (nr_ref == CHUNKS || !is_free(start, units))
		return;
	place_chunk(nr_ref, start, units);
	ref[nr_ref].tag = 0;
	ref[nr_ref].site = 0x5000 + below(300);
	born(index, region + start * grain, size_of(nr_ref), units * grain,
		      ref[nr_ref].site);
	nr_ref++;
}

static void forget(uint32_t nr)
{
	own(nr, 0);
	ref[nr] = ref[--nr_ref];
	if (nr != nr_ref)
		own(nr, nr + 1);
}

static void random_death(struct mh_chunks *index, uintptr_t region)
{
	uint32_t nr = nr_ref ? (uint32_t)below(nr_ref) : 0;

	if (!nr_ref)
		return;
	dies(index, region + ref[nr].start * grain);
	if (!below(8))
		dies(index, region + ref[nr].start * grain);
	forget(nr);
}

static void random_realloc(struct mh_chunks *index, uintptr_t region)
{
	uint32_t nr = nr_ref ? (uint32_t)below(nr_ref) : 0, start, units;
	struct mh_chunk chunk = { .site = 1 };
	struct mh_chunk_move move;

	if (!nr_ref)
		return;
	moves(index, region + ref[nr].start * grain, &move);
	units = draw_units();
	start = below(2) ? ref[nr].start : draw_start();
	own(nr, 0);
	if (is_free(start, units)) {
		place_chunk(nr, start, units);
		chunk.base = region + start * grain;
		chunk.usable = units * grain;
		chunk.requested = size_of(nr);
		moved(index, &move, &chunk, apart);
	} else {
		own(nr, nr + 1);
		mh_chunk_move_failed(index, &move);
	}
}

static void random_tag(struct mh_chunks *index, uintptr_t region)
{
	uint32_t nr = nr_ref ? (uint32_t)below(nr_ref) : 0;

	if (!nr_ref)
		return;
	ref[nr].tag = below(4) ? draw() : 0;
	assert_int_equal(mh_chunk_tag(index, region + ref[nr].start * grain +
				      below(ref[nr].units * grain),
				      ref[nr].tag), 0);
}

static void random_query(struct mh_chunks *index, uintptr_t region)
{
	const uint64_t at = below(UNITS * grain);
	const uint32_t nr = owner[at / grain] - 1;
	struct mh_chunk chunk;

	if (nr == UINT32_MAX) {
		is_nowhere(index, region + at);
		return;
	}
	assert_int_equal(mh_chunk_find(index, region + at, &chunk), 0);
	assert_int_equal(chunk.base, region + ref[nr].start * grain);
	assert_int_equal(chunk.requested, size_of(nr));
	assert_int_equal(chunk.usable, ref[nr].units * grain);
	assert_int_equal(chunk.site, ref[nr].site);
	assert_int_equal(chunk.tag, ref[nr].tag);
	is_known(index, &chunk);
}

static int visit_reference(const struct mh_chunk *chunk, void *arg)
{
	const uintptr_t *left = arg;
	const uint32_t nr = owner[(chunk->base - left[1]) / grain] - 1;

	assert_int_equal(chunk->base, left[1] + ref[nr].start * grain);
	assert_int_equal(chunk->requested, size_of(nr));
	((uintptr_t *)arg)[0]--;
	return 0;
}

static void model(struct mh_chunks *index, uintptr_t region, unsigned int turns)
{
	uintptr_t left[2] = { 0, region };

	memset(owner, 0, sizeof(owner));
	nr_ref = 0;
	while (turns--) {
		switch (below(16)) {
		case 0 ... 5:	random_query(index, region); break;
		case 6 ... 9:	random_birth(index, region); break;
		case 10 ... 12:	random_death(index, region); break;
		case 13 ... 14:	random_realloc(index, region); break;
		default:	random_tag(index, region);
		}
	}
	left[0] = nr_ref;
	assert_int_equal(mh_chunk_walk(index, visit_reference, left), 0);
	assert_int_equal(left[0], 0);
	while (nr_ref)
		random_death(index, region);
	assert_int_equal(mh_chunk_walk(index, visit_reference, left), 0);
	assert_int_equal(index->lost, 0);
	assert_int_equal(index->has_more, !apart);
}

static void at_random(void **state)
{
	static const uintptr_t regions[] = {
		64 * KIB, 0x7f1234500000, 2 * MIB - 300 * KIB,
		8 * GIB - 500 * KIB, ((uintptr_t)1 << 48) - 512 * KIB,
		(uintptr_t)1 << 55,
	};

	(void)state;
	seed_by("at_random");
	for (size_t i = 0; i < 6; i++) {
		grain = 8;
		model(new_index(), regions[i], 400000);
		grain = 1;	/* they begin anywhere */
		if (!apart)
			model(new_index(), regions[i], 200000);
	}
}

/* ---- walks ------------------------------------------------------------------------------ */

static int stop_at_third(const struct mh_chunk *chunk, void *arg)
{
	(void)chunk;
	return ++*(int *)arg == 3 ? 42 : 0;
}

/* Frees what it visits, and what comes next. */
static int free_visited(const struct mh_chunk *chunk, void *arg)
{
	dies(arg, chunk->base);
	dies(arg, chunk->base + 64);
	return 0;
}

static void a_walk_can_end_and_change_what_it_walks(void **state)
{
	struct mh_chunks *index = new_index();
	int nr = 0;

	(void)state;
	assert_int_equal(mh_chunk_walk(index, stop_at_third, &nr), 0);
	for (uintptr_t i = 1; i < 1000; i++)
		born(index, i * 64, 64, 64, 1);
	born(index, (uintptr_t)1 << 50, 64, 64, 1);
	assert_int_equal(mh_chunk_walk(index, stop_at_third, &nr), 42);
	assert_int_equal(nr, 3);
	assert_int_equal(mh_chunk_walk(index, free_visited, index), 0);
	nr = 0;
	assert_int_equal(mh_chunk_walk(index, stop_at_third, &nr), 0);
	assert_int_equal(nr, 0);
}

/* ---- threads ------------------------------------------------------------------------------ */

enum { WRITERS = 4, READERS = 2, ROUNDS = 300000 };

static struct mh_chunks *shared;
static size_t nr_cells;
static int ended;

/*
 * All writers work in each group; where chunks lie anyhow, they share slots.  One
 * cell in eight is stable.  What a chunk was asked for tells the rest of it; when
 * that is odd, the chunk has a record of its own.
 */
static size_t cell_bytes(void)
{
	return apart ? 48 : 24;
}

static uintptr_t cell(size_t nr)
{
	return 0x7f0000100000 + nr * cell_bytes();
}

static size_t most_in_cell(void)
{
	return cell_bytes() - 9;
}

static size_t size_for(uint64_t draw)
{
	return 7 + draw % (most_in_cell() - 6);
}

static size_t usable_for(size_t size)
{
	return size % 2 ? size : most_in_cell() + 1;
}

/* A chunk of no site has no kind. */
static uintptr_t site_for(size_t nr, size_t size)
{
	return size % 2 ? 0 : 0x400000 + nr % 32 * 4096 + size * 16;
}

static uint64_t tag_for(size_t nr, size_t size)
{
	return (nr + 1) * 64 + size;
}

static void make(size_t nr, size_t size)
{
	born(shared, cell(nr), size, usable_for(size),
		      site_for(nr, size));
}

static int is_whole(const struct mh_chunk *chunk)
{
	const size_t nr = (chunk->base - cell(0)) / cell_bytes();

	return chunk->base == cell(nr) &&
	       chunk->usable == usable_for(chunk->requested) &&
	       chunk->site == site_for(nr, chunk->requested) &&
	       (!chunk->tag || chunk->tag == tag_for(nr, chunk->requested));
}

static void *write_cells(void *arg)
{
	uint64_t mine = (uintptr_t)arg * 77777 + 1;
	struct mh_chunk_move move;
	struct mh_chunk chunk;
	uintptr_t wrong = 0;
	size_t nr, size;

	for (int i = 0; i < ROUNDS; i++) {
		mine = mine * 6364136223846793005u + 1442695040888963407u;
		nr = (mine >> 40) % nr_cells / WRITERS * WRITERS + (size_t)arg;
		size = size_for(mine >> 33);
		if (nr % 8 == 0)
			continue;
		make(nr, size);
		if (i % 3)
			mh_chunk_tag(shared, cell(nr), tag_for(nr, size));
		if (i % 5 == 0) {
			moves(shared, cell(nr), &move);
			chunk = (struct mh_chunk){ cell(nr), size,
						   usable_for(size), 5, 0, 0, 0 };
			moved(shared, &move, &chunk, apart);
		}
		wrong += mh_chunk_find(shared, cell(nr) + 6, &chunk) ||
			 chunk.requested != size || !is_whole(&chunk);
		dies(shared, cell(nr));
		wrong += !mh_chunk_find(shared, cell(nr), &chunk);
	}
	return (void *)wrong;
}

static int count_stable(const struct mh_chunk *chunk, void *arg)
{
	if (!is_whole(chunk))
		*(int *)arg = -1000000;
	*(int *)arg += (chunk->base - cell(0)) / cell_bytes() % 8 == 0;
	return 0;
}

static void *read_cells(void *arg)
{
	uint64_t mine = (uintptr_t)arg + 1;
	uintptr_t wrong = 0;
	struct mh_chunk chunk;
	size_t nr;
	int error, nr_stable;

	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 10000; i++) {
			mine = mine * 6364136223846793005u + 1442695040888963407u;
			nr = (mine >> 40) % nr_cells;
			error = mh_chunk_find(shared, cell(nr) + mine % 7,
					      &chunk);
			wrong += !error && !is_whole(&chunk);
			wrong += nr % 8 == 0 && error;
			wrong += !error && chunk.base != cell(nr);
		}
		nr_stable = 0;
		mh_chunk_walk(shared, count_stable, &nr_stable);
		wrong += (size_t)nr_stable != nr_cells / 8;
	}
	return (void *)wrong;
}

static void storm(size_t cells)
{
	pthread_t writers[WRITERS], readers[READERS];
	void *wrong;
	int nr = 0;
	size_t i;

	shared = new_index();
	nr_cells = cells;
	ended = 0;
	for (i = 0; i < cells; i += 8)
		make(i, size_for(i / 8));
	for (i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_cells, (void *)i);
	for (i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, write_cells, (void *)i);
	for (i = 0; i < WRITERS; i++) {
		pthread_join(writers[i], &wrong);
		assert_null(wrong);
	}
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		pthread_join(readers[i], &wrong);
		assert_null(wrong);
	}
	mh_chunk_walk(shared, count_stable, &nr);
	assert_int_equal(nr, cells / 8);
	assert_int_equal(shared->lost, 0);
	assert_int_equal(shared->has_more, !apart);
}

/* Many places; then few, where reader and writer meet all the time. */
static void readers_and_writers(void **state)
{
	(void)state;
	storm(4096);
	storm(32);
	storm(8);
}

/*
 * The allocator gives an address to the next thread before the one that has moved
 * away from there has said so: what the next one has there is let alone.
 */
enum { HANDERS = 4, PLACES = HANDERS + 1 };
static struct { int taken; char pad[60]; } handed[PLACES];

static uintptr_t take_place(void)
{
	int free;

	for (;;)
		for (uintptr_t i = 0; i < PLACES; i++) {
			free = 0;
			if (__atomic_compare_exchange_n(&handed[i].taken, &free, 1, 0,
							__ATOMIC_ACQUIRE,
							__ATOMIC_RELAXED))
				return 8 * MIB + i * 4096;
		}
}

static void give_place(uintptr_t base)
{
	__atomic_store_n(&handed[(base - 8 * MIB) / 4096].taken, 0, __ATOMIC_RELEASE);
}

static uintptr_t is_other(const struct mh_chunk *wanted)
{
	struct mh_chunk chunk;

	return mh_chunk_find(shared, wanted->base + wanted->usable - 1, &chunk) ||
	       chunk.base != wanted->base || chunk.site != wanted->site ||
	       chunk.tag != wanted->tag || chunk.requested != wanted->requested;
}

/* Large, small, or with a tag, and so is what becomes of it. */
static void *hand_over(void *arg)
{
	const uintptr_t site = (uintptr_t)arg + 1;
	static const size_t sizes[] = { 2000, 40, 40 };
	struct mh_chunk chunk = { 0 };
	struct mh_chunk_move move;
	uintptr_t wrong = 0, old;

	for (unsigned int i = 0; i < 2 * ROUNDS; i++) {
		chunk.site = site;
		chunk.base = take_place();
		chunk.usable = chunk.requested = sizes[i % 3];
		chunk.tag = i % 3 == 2 ? site : 0;
		born(shared, chunk.base, chunk.requested, chunk.usable, site);
		if (chunk.tag)
			wrong += mh_chunk_tag(shared, chunk.base, site) != 0;
		wrong += is_other(&chunk);
		moves(shared, chunk.base, &move);
		old = chunk.base;
		chunk.base = take_place();
		give_place(old);
		chunk.usable = chunk.requested = sizes[i / 3 % 2];
		moved(shared, &move, &chunk, apart);
		for (int again = 0; again < 4; again++)
			wrong += is_other(&chunk);
		dies(shared, chunk.base);
		give_place(chunk.base);
	}
	return (void *)wrong;
}

static int count_one(const struct mh_chunk *chunk, void *arg)
{
	(void)chunk;
	++*(int *)arg;
	return 0;
}

static void from_thread_to_thread(void **state)
{
	pthread_t threads[HANDERS];
	uintptr_t wrong = 0, one;
	int nr = 0;

	(void)state;
	shared = new_index();
	for (uintptr_t i = 0; i < HANDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hand_over,
						(void *)i), 0);
	for (unsigned int i = 0; i < HANDERS; i++) {
		pthread_join(threads[i], (void **)&one);
		wrong += one;
	}
	assert_int_equal(wrong, 0);
	mh_chunk_walk(shared, count_one, &nr);
	assert_int_equal(nr, 0);
	assert_int_equal(in_use(shared, 1) + in_use(shared, 0), 0);
}

/* Two chunks begin in the same 32 bytes, and both threads want the slot. */
static void *be_born_and_die(void *arg)
{
	const uintptr_t base = (uintptr_t)arg;
	uintptr_t wrong = 0;
	struct mh_chunk chunk;

	for (int i = 0; i < ROUNDS; i++) {
		born(shared, base, 16, 16, 7);
		wrong += mh_chunk_find(shared, base + 15, &chunk) ||
			 chunk.base != base;
		dies(shared, base);
		wrong += !mh_chunk_find(shared, base, &chunk);
	}
	return (void *)wrong;
}

static void two_want_one_slot(void **state)
{
	pthread_t threads[2];
	void *wrong;

	(void)state;
	shared = new_index();
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, be_born_and_die,
			       (void *)(0x10000 + i * 16));
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

/* ---- no memory ------------------------------------------------------------------------------- */

#define NO_LIMIT	77

/* What cannot be recorded is counted, and nothing else is wrong. */
static void fill_until_no_memory(void)
{
	struct rlimit limit = { 0, 0 };
	struct mh_chunks *index = new_index();
	struct mh_chunk chunk;
	uintptr_t i, found = 0;

	setrlimit(RLIMIT_AS, &limit);
	/* An emulator does not follow it. */
	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	    MAP_FAILED)
		_exit(NO_LIMIT);
	for (i = 1; i < 100000; i++)
		born(index, i * 32, 32, 32, i);
	for (i = 1; i < 100000; i++)
		found += !mh_chunk_find(index, i * 32 + 31, &chunk) &&
			 chunk.base == i * 32 && chunk.site == i;
	if (found + index->lost != 99999 || !index->lost)
		_exit(1);
	for (i = 1; i < 100000; i++)
		dies(index, i * 32);
	_exit(0);
}

static void without_memory(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid)
		fill_until_no_memory();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_LIMIT)
		skip();
	assert_int_equal(status, 0);
}

static int are_apart(void **state)
{
	(void)state;
	apart = 1;
	return 0;
}

static int are_anyhow(void **state)
{
	(void)state;
	apart = 0;
	return 0;
}

#define APART(test) \
	{ #test "_apart", test, are_apart, are_anyhow, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_address_of_a_small_chunk),
		cmocka_unit_test(any_size),
		cmocka_unit_test(what_is_not_ours),
		cmocka_unit_test(an_unseen_death),
		cmocka_unit_test(realloc_of_each_kind),
		cmocka_unit_test(a_record_that_is_used_again),
		cmocka_unit_test(a_child_finds_a_realloc_under_way),
		cmocka_unit_test(tags),
		cmocka_unit_test(sites),
		cmocka_unit_test(slack_of_any_size),
		cmocka_unit_test(many_moves),
		cmocka_unit_test(threads_that_move),
		cmocka_unit_test(a_move_within_a_move),
		cmocka_unit_test(a_chunk_after_a_move),
		cmocka_unit_test(at_random),
		cmocka_unit_test(a_walk_can_end_and_change_what_it_walks),
		cmocka_unit_test(readers_and_writers),
		cmocka_unit_test(from_thread_to_thread),
		cmocka_unit_test(two_want_one_slot),
		cmocka_unit_test(without_memory),
		APART(every_address_of_a_small_chunk),
		APART(any_size),
		APART(an_unseen_death),
		APART(realloc_of_each_kind),
		APART(a_record_that_is_used_again),
		APART(a_child_finds_a_realloc_under_way),
		APART(tags),
		APART(sites),
		APART(slack_of_any_size),
		APART(many_moves),
		APART(threads_that_move),
		APART(a_move_within_a_move),
		APART(a_chunk_after_a_move),
		APART(at_random),
		APART(a_walk_can_end_and_change_what_it_walks),
		APART(readers_and_writers),
		APART(from_thread_to_thread),
		APART(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
