// SPDX-License-Identifier: MIT
/*
 * pair - what one malloc and one free cost, or a realloc
 *
 *	pair pair1|window|stays|moves THREADS PAIRS
 *
 * pair1:  malloc of 16 to 512 bytes, one store, free.
 * window: 10,000 chunks live; one of them, at random, is freed and made anew.
 * stays:  realloc of a chunk to 25 to 40 bytes, for which glibc's has room.
 * moves:  malloc of 24 bytes, realloc to 104, free: between two chunks in use there
 *	   is no room to grow.
 *
 * Each thread makes PAIRS pairs, or reallocs.  Prints nanoseconds for each of a
 * thread, from the start of the first to the end of the last.
 *
 * Compiled with -fno-builtin, or the pairs would be optimised away.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS	16
#define LIVE		10000

static pthread_barrier_t ready, done;
static const struct load *load;
static unsigned long nr_pairs;

static uint32_t draw(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;	/* Numerical Recipes, ranqd1 */
	return *state;
}

/* The upper bits of a draw are the random ones: no division. */
static uint32_t below(uint32_t *state, uint32_t limit)
{
	return (uint32_t)((uint64_t)draw(state) * limit >> 32);
}

static size_t draw_size(uint32_t *state)
{
	return 16 + below(state, 497);
}

static char *make_chunk(uint32_t *state)
{
	char *chunk = malloc(draw_size(state));

	if (!chunk)
		abort();
	*(volatile char *)chunk = 1;
	return chunk;
}

static void run_pair1(char **live, uint32_t state)
{
	unsigned long i;

	(void)live;
	for (i = 0; i < nr_pairs; i++)
		free(make_chunk(&state));
}

static void run_window(char **live, uint32_t state)
{
	unsigned long i;
	uint32_t slot;

	for (i = 0; i < nr_pairs; i++) {
		slot = below(&state, LIVE);
		free(live[slot]);
		live[slot] = make_chunk(&state);
	}
}

static char *resized(char *chunk, size_t size)
{
	chunk = realloc(chunk, size);
	if (!chunk)
		abort();
	*(volatile char *)chunk = 1;
	return chunk;
}

static void run_stays(char **live, uint32_t state)
{
	char *chunk = malloc(40);
	unsigned long i;

	(void)live;
	for (i = 0; i < nr_pairs; i++)
		chunk = resized(chunk, 25 + below(&state, 16));
	free(chunk);
}

static void run_moves(char **live, uint32_t state)
{
	char *before = malloc(24), *between = malloc(24), *behind = malloc(24);
	unsigned long i;

	(void)live;
	(void)state;
	free(between);
	for (i = 0; i < nr_pairs; i++)
		free(resized(malloc(24), 104));
	free(before);
	free(behind);
}

static const struct load {
	const char *name;
	void (*run)(char **live, uint32_t state);
	int has_window;
} loads[] = {
	{ "pair1", run_pair1, 0 },
	{ "window", run_window, 1 },
	{ "stays", run_stays, 0 },
	{ "moves", run_moves, 0 },
};

static const struct load *find_load(const char *name)
{
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (!strcmp(loads[i].name, name))
			return &loads[i];
	return NULL;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Return: nanoseconds that the slowest thread took. */
static double measure(uint32_t state)
{
	char **live = NULL;
	double start, end;
	unsigned int i;

	if (load->has_window) {
		live = malloc(LIVE * sizeof(*live));
		if (!live)
			abort();
		for (i = 0; i < LIVE; i++)
			live[i] = make_chunk(&state);
	}
	pthread_barrier_wait(&ready);
	start = now_ns();
	load->run(live, state);
	pthread_barrier_wait(&done);
	end = now_ns();
	for (i = 0; live && i < LIVE; i++)
		free(live[i]);
	free(live);
	return end - start;
}

static void *thread(void *arg)
{
	measure((uint32_t)(uintptr_t)arg);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_THREADS];
	unsigned int nr_threads, i;

	if (argc != 4) {
		fprintf(stderr, "usage: pair pair1|window|stays|moves THREADS PAIRS\n");
		return 2;
	}
	load = find_load(argv[1]);
	nr_threads = (unsigned int)atoi(argv[2]);
	nr_pairs = strtoul(argv[3], NULL, 10);
	if (!load || !nr_threads || nr_threads > MAX_THREADS || !nr_pairs)
		return 2;
	pthread_barrier_init(&ready, NULL, nr_threads);
	pthread_barrier_init(&done, NULL, nr_threads);
	/* main is the first: a process of one thread has never had a second. */
	for (i = 1; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, thread,
				   (void *)(uintptr_t)(i + 1)))
			return 1;
	printf("%.3f\n", measure(1) / (double)nr_pairs);
	for (i = 1; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
