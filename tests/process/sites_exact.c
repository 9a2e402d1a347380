// SPDX-License-Identifier: MIT
/*
 * sites_exact - threads that allocate and free at many places, from a seed
 *
 *	sites_exact THREADS TURNS SEED
 *
 * Prints "START END": where its own code lies, in which all the places are.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS	64

extern const char __executable_start[], etext[];

static unsigned long turns, seed;

/* One place that calls two operations; malloc does not look at what is too much. */
typedef void *two_args(size_t n, size_t size);
static two_args *volatile either[2];
static _Thread_local unsigned int flip;

/* A place may succeed at one time and fail at another. */
#define HUGE_IF(holds)	((holds) ? SIZE_MAX / 2 - size : size)

/* No two calls are alike, or the compiler would make one of them. */
#define AFTER	__asm__ volatile("" : : "i"(__COUNTER__));
#define PLACE(n) \
	case 6 * (n): p = malloc(size); AFTER break; \
	case 6 * (n) + 1: p = calloc(1 + size % 2, HUGE_IF(size % 16 == 5)); AFTER break; \
	case 6 * (n) + 2: p = realloc(NULL, size + 1); AFTER break; \
	case 6 * (n) + 3: p = memalign(64, size); AFTER break; \
	case 6 * (n) + 4: p = malloc(HUGE_IF(size & 1)); AFTER break; \
	case 6 * (n) + 5: p = either[++flip & 1](size, 1); AFTER break;
#define PLACES_4(n)	PLACE(n) PLACE(n + 1) PLACE(n + 2) PLACE(n + 3)
#define PLACES_16(n)	PLACES_4(n) PLACES_4(n + 4) PLACES_4(n + 8) PLACES_4(n + 12)
#define PLACES_64(n)	PLACES_16(n) PLACES_16(n + 16) PLACES_16(n + 32) PLACES_16(n + 48)
#define NR_PLACES	384

static void *take(unsigned int place, size_t size)
{
	void *p = NULL;

	switch (place) {
	PLACES_64(0)
	}
	return p;
}

static void give(unsigned int place, void *p)
{
	switch (place % 4) {
	case 0: free(p); AFTER break;
	case 1: free(p); AFTER break;
	case 2: free(realloc(p, 300 + place)); AFTER break;
	case 3:
		p = realloc(p, 0);
		AFTER
		if (p)
			abort();
		break;
	}
}

static void *work(void *arg)
{
	uint64_t state = seed + (uintptr_t)arg * 7919;
	void *slot[SLOTS] = { NULL };
	unsigned int i, place;
	size_t size;

	for (unsigned long turn = 0; turn < turns; turn++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		i = state >> 33 & (SLOTS - 1);
		place = (unsigned int)(state >> 40) % NR_PLACES;
		/* every bucket of sizes */
		size = (size_t)1 << (state >> 28 & 15) << (turn % 64 ? 0 : 6);
		size += state >> 50 & 7;
		if (slot[i])
			give(place, slot[i]);
		slot[i] = take(place, size);
	}
	for (i = 0; i < SLOTS; i++)
		free(slot[i]);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t id[16];
	int threads = argc > 1 ? atoi(argv[1]) : 1;

	turns = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
	seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	either[0] = (two_args *)(void *)malloc;
	either[1] = calloc;
	for (int i = 0; i < threads && i < 16; i++)
		if (pthread_create(&id[i], NULL, work, (void *)(uintptr_t)i))
			return 1;
	for (int i = 0; i < threads && i < 16; i++)
		pthread_join(id[i], NULL);
	printf("%p %p\n", (const void *)__executable_start, (const void *)etext);
	return 0;
}
