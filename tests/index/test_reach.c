// SPDX-License-Identifier: MIT
/*
 * test_reach - marks in memory of our own, as an allocator would have it
 *
 * test-sources: index/reach.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include "reach.h"

enum { CHUNKS = 40, WORDS = 6, GRAPHS = 3000 };

/* Chunks lie side by side, with a word between them that belongs to nobody. */
static uint64_t memory[CHUNKS][WORDS + 1];
static uint64_t root[4];
static uint32_t expected[CHUNKS];

static uint64_t state = 1;

static unsigned int any(unsigned int below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(state >> 33) % below;
}

static struct mh_reach *open_all(uint64_t most)
{
	struct mh_reach *reach = mh_reach_open(CHUNKS, most);
	unsigned int first = any(CHUNKS);

	assert_non_null(reach);
	/* in some order */
	for (unsigned int i = 0; i < CHUNKS; i++) {
		unsigned int nr = (first + i * 7) % CHUNKS;

		mh_reach_add(reach, (uintptr_t)memory[nr],
			     WORDS * sizeof(uint64_t), WORDS * sizeof(uint64_t),
			     nr, MH_REACH_UNSEEN);
	}
	assert_int_equal(reach->nr, CHUNKS);
	mh_reach_begin(reach);
	return reach;
}

/* Somewhere in a chunk, or just not. */
static uint64_t pointer(unsigned int nr)
{
	switch (any(4)) {
	case 0:
		return (uintptr_t)memory[nr] + any(WORDS * 8);
	case 1:
		return (uintptr_t)(memory[nr] + WORDS);
	default:
		return (uintptr_t)memory[nr];
	}
}

static int leads_to(uint64_t word, unsigned int nr)
{
	return word >= (uintptr_t)memory[nr] &&
	       word < (uintptr_t)(memory[nr] + WORDS);
}

/* By the simplest way: again and again, until nothing changes. */
static void spread(uint32_t to, const uint64_t *from, size_t words)
{
	for (size_t w = 0; w < words; w++)
		for (unsigned int i = 0; i < CHUNKS; i++)
			if (!expected[i] && leads_to(from[w], i)) {
				expected[i] = to;
				spread(to, memory[i], WORDS);
			}
}

static int has_way(unsigned int from, unsigned int to, char *seen)
{
	for (size_t w = 0; w < WORDS; w++)
		for (unsigned int i = 0; i < CHUNKS; i++) {
			if (!leads_to(memory[from][w], i) || seen[i])
				continue;
			seen[i] = 1;
			if (i == to || has_way(i, to, seen))
				return 1;
		}
	return 0;
}

/* An emulator may have no process_vm_readv(2), and a kernel without it says so. */
static void was_read(int error)
{
	if (error == -ENOSYS)
		skip();
	assert_int_equal(error, 0);
}

static void check_graph(void)
{
	struct mh_reach *reach = open_all(UINT64_MAX);

	for (unsigned int i = 0; i < CHUNKS; i++)
		expected[i] = 0;
	spread(MH_REACH_REACHED, root, 4);
	mh_reach_from(reach, (uintptr_t)root, (uintptr_t)(root + 4));
	mh_reach_end(reach);
	was_read(reach->error);
	for (unsigned int i = 0; i < CHUNKS; i++) {
		const struct mh_reach_chunk *chunk = &reach->chunk[i];
		int led = 0;

		assert_int_equal(chunk->site, i);
		assert_int_equal(chunk->state == MH_REACH_REACHED, expected[i]);
		if (expected[i])
			continue;
		assert_true(chunk->state == MH_REACH_DIRECT ||
			    chunk->state == MH_REACH_INDIRECT);
		/* one that is lost indirectly is led to by a direct one */
		for (unsigned int k = 0; k < CHUNKS; k++) {
			char seen[CHUNKS] = { 0 };

			led |= k != i && !expected[k] &&
			       (reach->chunk[k].state == MH_REACH_DIRECT ||
				chunk->state == MH_REACH_DIRECT) &&
			       has_way(k, i, seen);
		}
		if (chunk->state == MH_REACH_INDIRECT)
			assert_true(led);
		/* and one that nothing leads to is direct */
		if (!led)
			assert_int_equal(chunk->state, MH_REACH_DIRECT);
	}
	mh_reach_close(reach);
}

static void test_graphs(void **arg)
{
	(void)arg;
	for (unsigned int n = 0; n < GRAPHS; n++) {
		for (unsigned int i = 0; i < CHUNKS; i++)
			for (unsigned int w = 0; w <= WORDS; w++)
				memory[i][w] = any(12) ? any(1000) :
						pointer(any(CHUNKS));
		for (unsigned int w = 0; w < 4; w++)
			root[w] = any(2) ? pointer(any(CHUNKS)) : 0;
		check_graph();
	}
}

static void test_limits(void **arg)
{
	struct mh_reach *reach = open_all(8);
	struct mh_reach *small = mh_reach_open(1, 8);

	(void)arg;
	mh_reach_from(reach, (uintptr_t)root, (uintptr_t)(root + 4));
	assert_int_equal(reach->error, -E2BIG);
	mh_reach_close(reach);
	mh_reach_add(small, 4096, 8, 8, 0, MH_REACH_UNSEEN);
	assert_int_equal(small->nr, 1);
	mh_reach_add(small, 8192, 8, 8, 0, MH_REACH_UNSEEN);
	assert_int_equal(mh_reach_mark(small, 0, 0), -ENOMEM);
	mh_reach_close(small);
}

/* Pages that can't be read are passed by, and what is behind them is not. */
static void test_holes(void **arg)
{
	struct mh_reach *reach = open_all(UINT64_MAX);
	const size_t page = MH_PAGE_BYTES;
	char *pages = mmap(NULL, 5 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	assert_true(pages != MAP_FAILED);
	*(uint64_t *)(pages + 8) = (uintptr_t)memory[3];
	*(uint64_t *)(pages + 4 * page + 8) = (uintptr_t)memory[5];
	mprotect(pages + page, page, PROT_NONE);
	munmap(pages + 2 * page, page);
	mh_reach_from(reach, (uintptr_t)pages, (uintptr_t)pages + 5 * page);
	was_read(reach->error);
	assert_int_equal(reach->chunk[3].state, MH_REACH_REACHED);
	assert_int_equal(reach->chunk[5].state, MH_REACH_REACHED);
	mh_reach_close(reach);
}

/*
 * Chunks in one mapping: at 0, in page 10 (two) and in page 12 (two).  What leads to
 * those in page 12 is in page 5, which is no chunk's, and between the two of page 10.
 */
static struct mh_reach *mark_mapping(int all)
{
	struct mh_reach *reach = mh_reach_open(8, UINT64_MAX);
	const size_t page = 4096;
	char *pages = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_non_null(reach);
	for (unsigned int i = 0; i < 5; i++) {
		static const unsigned int at[] = {
			0, 10 * 4096, 10 * 4096 + 256, 12 * 4096, 12 * 4096 + 512,
		};

		mh_reach_add(reach, (uintptr_t)pages + at[i], 64, 64, i,
			     MH_REACH_UNSEEN);
	}
	*(uint64_t *)(pages + 5 * page) = (uintptr_t)pages + 12 * page;
	*(uint64_t *)(pages + 10 * page + 128) = (uintptr_t)pages + 12 * page + 512;
	was_read(mh_reach_mark(reach, (uintptr_t)__builtin_frame_address(0), all));
	munmap(pages, 16 * page);
	return reach;
}

static void test_mapping(void **arg)
{
	(void)arg;
	for (int all = 0; all < 2; all++) {
		struct mh_reach *reach = mark_mapping(all);

		assert_int_equal(reach->chunk[3].site, 3);
		assert_int_equal(reach->chunk[3].state, MH_REACH_REACHED);
		assert_int_equal(reach->chunk[4].state,
				 all ? MH_REACH_REACHED : MH_REACH_DIRECT);
		assert_true(reach->left < UINT64_MAX);
		mh_reach_close(reach);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
