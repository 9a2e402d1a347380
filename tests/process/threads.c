// SPDX-License-Identifier: MIT
/*
 * threads - exact counts over many threads
 *
 *	threads few		8 threads of 100,000 births
 *	threads live N		N threads that are alive at the same time
 *	threads short N		N threads, one after the other, 50 at a time
 *
 * tally.c stands behind the count layer and counts too; both must agree.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "seen.h"
#include "totals.h"

extern unsigned long tally_births __attribute__((weak));
struct seen seen;

static pthread_barrier_t all_here;

/* @n births, half of the even ones by realloc. */
static void take(int n)
{
	void *volatile ptr;
	int i;

	for (i = 0; i < n; i += 2) {
		ptr = malloc((size_t)i % 64 + 1);
		ptr = realloc(ptr, 64);
		free(ptr);
	}
}

static void *few(void *arg)
{
	take(100000);
	return arg;
}

static void *alive(void *arg)
{
	pthread_barrier_wait(&all_here);
	take(10);
	pthread_barrier_wait(&all_here);
	take(10);
	return arg;
}

static void *brief(void *arg)
{
	take(4);
	return arg;
}

static void run(void *(*thread)(void *), int n)
{
	pthread_t *id = calloc((size_t)n, sizeof(*id));
	pthread_attr_t attr;
	int i;

	MUST(id && !pthread_attr_init(&attr));
	MUST(!pthread_attr_setstacksize(&attr, 131072));
	for (i = 0; i < n; i++)
		if (pthread_create(&id[i], &attr, thread, NULL)) {
			printf("no thread number %d here\n", i);
			exit(77);
		}
	for (i = 0; i < n; i++)
		MUST(!pthread_join(id[i], NULL));
	free(id);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "few";
	int i, n = argc > 2 ? atoi(argv[2]) : 8;
	unsigned long births, allocs;
	struct totals before, after;

	MUST(&tally_births);
	MUST(!pthread_barrier_init(&all_here, NULL, (unsigned int)n));
	before = totals_now();
	births = tally_births;
	allocs = seen.allocs + seen.realloced;
	if (!strcmp(how, "few"))
		run(few, n);
	else if (!strcmp(how, "live"))
		run(alive, n);
	else
		for (i = 0; i < n; i += 50)
			run(brief, 50);
	births = tally_births - births;
	allocs = seen.allocs + seen.realloced - allocs;
	after = totals_now();

	printf("%lu %lu\n", births, after.calls - before.calls);
	MUST(births == after.calls - before.calls);
	MUST(!after.failed);
	MUST(!seen.inits || allocs == births);
	return 0;
}
