// SPDX-License-Identifier: MIT
/*
 * sites - what one malloc and one free cost in a program of many call sites
 *
 *	sites SITES THREADS PAIRS
 *
 * Of SITES places in functions of their own one half calls malloc and the other
 * free (at least one each); each pair takes one of either at random.  Each
 * thread makes PAIRS pairs, after having called every site once.  Prints nanoseconds per pair of a thread, from the start of
 * the first to the end of the last.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST		100000		/* of each kind */
#define SLOT		32		/* bytes from one of them to the next */
#define MAX_THREADS	16

/*
 * MOST functions that call.  The return addresses lie as irregularly as those
 * of real code, or the hash of a table would have too easy a life.
 */
#if defined(__x86_64__)
#define FILLERS	"15"
#define CALL(callee) "sub $8, %rsp; call " #callee "@PLT; add $8, %rsp; ret; "
#elif defined(__aarch64__)
#define FILLERS	"3"
#define CALL(callee) "stp x29, x30, [sp, #-16]!; bl " #callee "; " \
		     "ldp x29, x30, [sp], #16; ret; "
#else
#error "no call sites for this machine"
#endif

#define CALLS(name, callee) \
	__asm__(".text; .p2align 5; " #name ": .set seed, 1; .rept 100000; " \
		".set seed, (seed * 1103515245 + 12345) & 0x7fffffff; " \
		".rept (seed >> 16) & " FILLERS "; nop; .endr; " CALL(callee) \
		".p2align 5; .endr");

extern const char births[], deaths[];
CALLS(births, malloc)
CALLS(deaths, free)

static pthread_barrier_t ready, done;
static uint32_t nr_sites;
static unsigned long nr_pairs;

static uint32_t below(uint32_t *state, uint32_t limit)
{
	*state = *state * 1664525 + 1013904223;	/* Numerical Recipes, ranqd1 */
	return (uint32_t)((uint64_t)*state * limit >> 32);
}

static void pair(uint32_t birth, uint32_t death, size_t size)
{
	void *(*make)(size_t) = (void *(*)(size_t))(births + SLOT * birth);
	void (*drop)(void *) = (void (*)(void *))(deaths + SLOT * death);
	char *chunk = make(size);

	if (!chunk)
		abort();
	*(volatile char *)chunk = 1;
	drop(chunk);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double measure(uint32_t state)
{
	unsigned long i;
	double start;

	for (i = 0; i < nr_sites; i++)
		pair((uint32_t)i, (uint32_t)i, 16 + i % 497);
	pthread_barrier_wait(&ready);
	start = now_ns();
	for (i = 0; i < nr_pairs; i++)
		pair(below(&state, nr_sites), below(&state, nr_sites),
		     16 + below(&state, 497));
	pthread_barrier_wait(&done);
	return now_ns() - start;
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
		fprintf(stderr, "usage: sites SITES THREADS PAIRS\n");
		return 2;
	}
	nr_sites = ((uint32_t)strtoul(argv[1], NULL, 10) + 1) / 2;
	nr_threads = (unsigned int)atoi(argv[2]);
	nr_pairs = strtoul(argv[3], NULL, 10);
	if (!nr_sites || nr_sites > MOST || !nr_threads ||
	    nr_threads > MAX_THREADS || !nr_pairs)
		return 2;
	pthread_barrier_init(&ready, NULL, nr_threads);
	pthread_barrier_init(&done, NULL, nr_threads);
	for (i = 1; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, thread,
				   (void *)(uintptr_t)(i + 1)))
			return 1;
	printf("%.3f\n", measure(1) / (double)nr_pairs);
	for (i = 1; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
