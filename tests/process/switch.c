// SPDX-License-Identifier: MIT
/*
 * switch - an observing layer is switched while threads allocate
 *
 *	switch LAYER SWITCHES [LAYER...]
 *
 * A layer that counts (count, sites, event) has to have counted each call that was
 * made while it was on for sure, and none more than was made while it was not off
 * for sure.  Without a LAYER that counts ("-") nobody counts, and nothing may
 * break.  The others named are switched at random meanwhile.  The index ("index")
 * has to know what was born while it was on, as long as that lives.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include "seen.h"
#include "switch.h"

#define THREADS	8
#define BYTES	64
#define MOST	8	/* layers */

struct seen seen;

/* Modulo 4: off, about to be on, on, about to be off. */
static uint64_t generation;
static int stop;

/* Of a thread; others read @calls. */
struct tally {
	uint64_t calls;
	uint64_t sure;
	uint64_t maybe;
} __attribute__((aligned(64)));

static uint64_t now(void)
{
	return __atomic_load_n(&generation, __ATOMIC_SEQ_CST);
}

static void add(struct tally *tally, uint64_t before, uint64_t after)
{
	__atomic_store_n(&tally->calls, tally->calls + 1, __ATOMIC_RELAXED);
	if (before != after || before % 2)
		tally->maybe++;
	else if (before % 4 == 2)
		tally->sure++;
}

/* Four births of 64 bytes, of every kind. */
static void allocate(struct tally *tally)
{
	unsigned char *ptr[4];
	uint64_t before;
	int i;

	for (i = 0; i < 4; i++) {
		before = now();
		ptr[i] = i == 0 ? malloc(BYTES) : i == 1 ? calloc(2, BYTES / 2) :
			 i == 2 ? aligned_alloc(32, BYTES) :
			 realloc(ptr[0], BYTES);
		add(tally, before, now());
		MUST(ptr[i]);
		if (i == 1)
			MUST(!ptr[i][0] && !ptr[i][BYTES - 1]);
		memset(ptr[i], 0xa5, BYTES);
	}
	for (i = 1; i < 4; i++)
		free(ptr[i]);
}

static void *run(void *arg)
{
	struct tally *tally = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		allocate(tally);
	return NULL;
}

/* ---- what the layer says ---------------------------------------------------------- */

static struct totals layer_totals(const char *name)
{
	const struct mallochooks_layer *layer = find_layer(
		(const struct mallochooks_unit *)dlsym(RTLD_DEFAULT,
						       "mallochooks_unit"),
		name);
	struct totals totals = { 0, 0, 0, 0 };
	char text[512];
	ssize_t nr;
	int ends[2];

	if (!strcmp(name, "event")) {
		totals.calls = seen.allocs + seen.realloced;
		totals.bytes = totals.calls * BYTES;
		return totals;
	}
	MUST(!pipe(ends));
	layer->dump(ends[1]);
	nr = read(ends[0], text, sizeof(text) - 1);
	MUST(nr > 0);
	text[nr] = 0;
	close(ends[0]);
	close(ends[1]);
	totals.calls = number_before(text, " allocations,");
	totals.bytes = number_before(text, " bytes");
	return totals;
}

static uint32_t draw(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;	/* Numerical Recipes, ranqd1 */
	return state >> 16;
}

static void step(int64_t *on, int64_t value)
{
	__atomic_fetch_add(&generation, 1, __ATOMIC_SEQ_CST);
	if (on)
		turn(on, value);
	__atomic_fetch_add(&generation, 1, __ATOMIC_SEQ_CST);
}

static struct tally tally[THREADS + 1];

static uint64_t calls_of_all(void)
{
	uint64_t calls = 0;

	for (int i = 0; i < THREADS; i++)
		calls += __atomic_load_n(&tally[i].calls, __ATOMIC_RELAXED);
	return calls;
}

/*
 * Threads on other processors get some calls done between two switches; where there
 * is none, or it is busy, they get their turn now and then.
 */
static void wait_for_calls(int nr)
{
	const uint64_t calls = calls_of_all();

	for (int i = 0; calls_of_all() == calls && i < 100; i++)
		;
	while (!(nr % 256) && calls_of_all() == calls)
		sched_yield();
}

static void storm(int64_t *on, int nr, int64_t **others, int nr_others)
{
	pthread_t thread[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		MUST(!pthread_create(&thread[i], NULL, run, &tally[i]));
	for (i = 0; i < nr; i++) {
		step(on, !(i % 2));
		if (nr_others)
			turn(others[draw() % nr_others], draw() % 2);
		wait_for_calls(i);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		MUST(!pthread_join(thread[i], NULL));
}

/* With nobody else about the numbers are exact. */
static void exactly(const char *name, int64_t *on, int64_t value)
{
	struct totals before, after;
	struct tally ignored = { 0, 0, 0 };
	int i;

	before = layer_totals(name);
	turn(on, value);
	for (i = 0; i < 1000; i++)
		allocate(&ignored);
	turn(on, 0);
	after = layer_totals(name);
	MUST(after.calls - before.calls == (value ? 4000 : 0));
	MUST(after.bytes - before.bytes == (value ? 4000 * BYTES : 0));
}

static int is_known(const void *ptr)
{
	struct mallochooks_object object = { .size = sizeof(object) };
	const struct mallochooks_layer *layer = find_layer(
		(const struct mallochooks_unit *)dlsym(RTLD_DEFAULT,
						       "mallochooks_unit"),
		"index");

	return !layer->query(ptr, &object) && object.base == ptr;
}

/* @ptr is an address in the end, no more. */
static void look_up(void)
{
	int64_t *on = switch_of("index");
	char *born_on = malloc(100), *born_off, *moved = malloc(100);
	char *volatile gone;

	MUST(is_known(born_on) && is_known(moved));
	turn(on, 0);
	born_off = malloc(100);
	MUST(!is_known(born_off) && is_known(born_on));
	gone = moved;
	moved = realloc(moved, 100000);
	MUST(is_known(moved) && !is_known(gone));
	gone = born_on;
	free(born_on);
	turn(on, 1);
	MUST(!is_known(gone) && is_known(moved) && !is_known(born_off));
	free(born_off);
	free(moved);
}

int main(int argc, char **argv)
{
	const char *name = argc > 2 ? argv[1] : "-";
	int64_t *on = NULL, *others[MOST];
	struct totals before, after;
	uint64_t sure = 0, maybe = 0;
	int i, nr_others = 0;

	if (!strcmp(name, "index")) {
		look_up();
		return 0;
	}
	for (i = 3; i < argc && nr_others < MOST; i++)
		others[nr_others++] = switch_of(argv[i]);
	if (*name != '-') {
		on = switch_of(name);
		turn(on, 1);
		allocate(&tally[THREADS]);	/* a pipe costs nothing from here on */
		turn(on, 0);
		exactly(name, on, 0);
		exactly(name, on, 1);
		before = layer_totals(name);
	}
	storm(on, argc > 2 ? atoi(argv[2]) : 1000, others, nr_others);
	for (i = 0; i < nr_others; i++)
		turn(others[i], 1);
	if (!on)
		return 0;
	turn(on, 0);
	after = layer_totals(name);
	for (i = 0; i < THREADS; i++) {
		sure += tally[i].sure;
		maybe += tally[i].maybe;
	}
	printf("%lu <= %lu <= %lu of %lu\n", (unsigned long)sure,
	       after.calls - before.calls, (unsigned long)(sure + maybe),
	       (unsigned long)calls_of_all());
	MUST(after.calls - before.calls >= sure);
	/* a thread is made with a calloc of libc's */
	MUST(after.calls - before.calls <= sure + maybe + THREADS);
	exactly(name, on, 1);
	return 0;
}
