// SPDX-License-Identifier: MIT
/*
 * switch_boot - chunks from before a layer was switched off, and from after
 *
 *	switch_boot N		N chunks are made by a library's constructor
 *
 * As a program: looks at the library's chunks, mixes them with its own, and has
 * threads and a child free and reallocate both.  As a library (-DLIBRARY): makes
 * them, in a constructor that runs before that of a preload which has no
 * initfirst.  Prints sums of what it has found, the same with and without hooks.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct chunk {
	unsigned char *ptr;
	size_t size;
	unsigned char mark;
};

struct chunks {
	struct chunk *chunk;
	unsigned int nr;
	uint32_t state;
};

struct chunks *boot_chunks(void);

static inline uint32_t below(struct chunks *chunks, uint32_t limit)
{
	/* Numerical Recipes, ranqd1 */
	chunks->state = chunks->state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)chunks->state * limit >> 32);
}

static inline void fill(struct chunk *chunk, size_t from)
{
	memset(chunk->ptr + from, chunk->mark, chunk->size - from);
}

static inline void look(const struct chunk *chunk, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (chunk->ptr[i] != chunk->mark)
			abort();
	if (malloc_usable_size(chunk->ptr) < nr)
		abort();
}

static inline void make(struct chunks *chunks, struct chunk *chunk)
{
	chunk->size = 1 + below(chunks, 300);
	chunk->mark = (unsigned char)(1 + below(chunks, 255));
	switch (below(chunks, 4)) {
	case 0:
		chunk->ptr = calloc(1, chunk->size);
		for (size_t i = 0; chunk->ptr && i < chunk->size; i++)
			if (chunk->ptr[i])
				abort();
		break;
	case 1:
		chunk->ptr = memalign(64, chunk->size);
		break;
	case 2:
		chunk->ptr = realloc(NULL, chunk->size);
		break;
	default:
		chunk->ptr = malloc(chunk->size);
	}
	if (!chunk->ptr)
		abort();
	fill(chunk, 0);
}

/* What may become of a chunk. */
static inline void change(struct chunks *chunks, struct chunk *chunk)
{
	size_t old = chunk->size, size = 1 + below(chunks, 600);

	look(chunk, old);
	switch (below(chunks, 4)) {
	case 0:
		free(chunk->ptr);
		make(chunks, chunk);
		break;
	case 1:
		/* glibc frees, others make a chunk of no bytes of it */
		chunk->ptr = realloc(chunk->ptr, 0);
		free(chunk->ptr);
		make(chunks, chunk);
		break;
	case 2:
		/* it fails, and the chunk is what it was */
		if (realloc(chunk->ptr, (size_t)1 << 62))
			abort();
		look(chunk, old);
		break;
	default:
		chunk->ptr = realloc(chunk->ptr, size);
		if (!chunk->ptr)
			abort();
		chunk->size = size;
		look(chunk, old < size ? old : size);
		fill(chunk, 0);
	}
}

#ifdef LIBRARY
static struct chunks all = { .state = 1 };

struct chunks *boot_chunks(void)
{
	return &all;
}

__attribute__((constructor)) static void start(void)
{
	const char *nr = getenv("BOOT_CHUNKS");
	unsigned int i;

	all.nr = nr ? (unsigned int)atoi(nr) : 0;
	all.chunk = calloc(all.nr + 1, sizeof(*all.chunk));
	for (i = 0; i < all.nr; i++)
		make(&all, &all.chunk[i]);
	/* some of them change before it is known who is on, too */
	for (i = 0; i < all.nr / 2; i++)
		change(&all, &all.chunk[below(&all, all.nr)]);
}
#else
#define THREADS	4

/* Each has every fourth. */
static void *churn(void *arg)
{
	const unsigned int first = (unsigned int)(uintptr_t)arg;
	struct chunks mine = *boot_chunks();

	mine.state = first + 7;
	for (unsigned int round = 0; round < 3 * mine.nr / THREADS; round++)
		change(&mine, &mine.chunk[below(&mine, mine.nr / THREADS) *
					  THREADS + first]);
	return NULL;
}

static void churn_all(void)
{
	pthread_t thread[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, churn, (void *)i))
			abort();
	for (int i = 0; i < THREADS; i++)
		if (pthread_join(thread[i], NULL))
			abort();
}

static unsigned long sum(const struct chunks *all)
{
	unsigned long sum = 0;

	for (unsigned int i = 0; i < all->nr; i++) {
		look(&all->chunk[i], all->chunk[i].size);
		sum = sum * 31 + all->chunk[i].size * all->chunk[i].mark;
	}
	return sum;
}

static void free_all(struct chunks *all)
{
	for (unsigned int i = 0; i < all->nr; i++) {
		look(&all->chunk[i], all->chunk[i].size);
		free(all->chunk[i].ptr);
	}
	free(all->chunk);
}

int main(void)
{
	struct chunks *all = boot_chunks();
	int status;
	pid_t pid;

	printf("%lu\n", sum(all));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return 2;
	if (!pid) {
		churn_all();
		printf("%lu\n", sum(all));
		fflush(stdout);
		free_all(all);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return 3;
	churn_all();
	printf("%lu\n", sum(all));
	free_all(all);
	return 0;
}
#endif
