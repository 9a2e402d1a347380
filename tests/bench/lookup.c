// SPDX-License-Identifier: MIT
/*
 * lookup - what one question to the index costs
 *
 *	lookup CHUNKS LOG2_SMALLEST LOG2_LARGEST QUERIES
 *
 * Allocates CHUNKS chunks, a size between the two bounds each, and asks QUERIES
 * times for the chunk of a random address within a random one.  Prints
 * nanoseconds a question.  Needs a preload that exports ask_query(), and if that is
 * to allocate as well, ask_malloc(): rivals.c.  Without one it asks a function that
 * does nothing but compare.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <mallochooks/mallochooks.h>

#define ADDRESSES	(1u << 20)	/* made beforehand, asked in turn */

static uint64_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 20;
}

static int nobody(const void *address, struct mallochooks_object *object)
{
	object->base = (void *)address;
	return 0;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static char *draw_address(char *const *chunk, const size_t *size, size_t nr,
			  uint64_t *state)
{
	const size_t i = draw(state) % nr;

	return chunk[i] + draw(state) % size[i];
}

int main(int argc, char **argv)
{
	int (*ask)(const void *, struct mallochooks_object *) = nobody;
	void *(*allocate)(size_t) = malloc;
	struct mallochooks_object object;
	unsigned long nr, queries, i, wrong = 0;
	unsigned int low, high;
	uint64_t state = 1;
	char **chunk, **address;
	double start;
	size_t *size;
	void *found;

	if (argc != 5)
		return 2;
	nr = strtoul(argv[1], NULL, 10);
	low = (unsigned int)atoi(argv[2]);
	high = (unsigned int)atoi(argv[3]);
	queries = strtoul(argv[4], NULL, 10);
	found = dlsym(RTLD_DEFAULT, "ask_query");
	if (found)
		*(void **)&ask = found;
	found = dlsym(RTLD_DEFAULT, "ask_malloc");
	if (found)
		*(void **)&allocate = found;
	chunk = malloc(nr * sizeof(*chunk));
	size = malloc(nr * sizeof(*size));
	address = malloc(ADDRESSES * sizeof(*address));
	for (i = 0; i < nr; i++) {
		size[i] = (size_t)1 << (low + draw(&state) % (high - low + 1));
		size[i] -= draw(&state) % (size[i] / 2);
		chunk[i] = allocate(size[i]);
		if (!chunk[i])
			return 1;
	}
	for (i = 0; i < ADDRESSES; i++)
		address[i] = draw_address(chunk, size, nr, &state);
	start = now_ns();
	for (i = 0; i < queries; i++)
		wrong += ask(address[i % ADDRESSES], &object) ||
			 (char *)object.base > address[i % ADDRESSES];
	printf("%.3f\n", (now_ns() - start) / (double)queries);
	return wrong != 0;
}
