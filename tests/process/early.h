/* SPDX-License-Identifier: MIT */
/*
 * early.h - chunks that somebody took very early, for main() to look at
 */
#ifndef EARLY_H
#define EARLY_H

#include <stddef.h>
#include <stdint.h>

enum { MALLOC, CALLOC, REALLOC, MEMALIGN, POSIX_MEMALIGN, VALLOC, PVALLOC,
       NR_CHUNKS };
#define CHUNK_BYTES	100

/**
 * struct early - what one place has taken
 * @chunk:	by each function; the bytes are NR_CHUNKS + function
 * @dirty:	the calloc was not zero
 * @refused:	what nobody has was refused
 * @usable:	malloc_usable_size() of the malloc, in bytes
 */
struct early {
	unsigned char *chunk[NR_CHUNKS];
	int dirty;
	int refused;
	size_t usable;
};

/* Functions, because a variable would be copied into the executable, late. */
struct early *early_resolver(void);	/* in an IFUNC resolver */
struct early *early_constructor(void);	/* in a library's constructor */
int early_answer(void);			/* an IFUNC; returns 42 */

/*
 * Inlined, and calls through the GOT, whose data relocations come first: a
 * resolver runs while its own object is being relocated.
 */
static inline __attribute__((always_inline)) void take(struct early *early)
{
	int i, j;

	early->chunk[MALLOC] = malloc(CHUNK_BYTES);
	early->chunk[CALLOC] = calloc(CHUNK_BYTES / 4, 4);
	early->chunk[REALLOC] = realloc(malloc(10), CHUNK_BYTES);
	early->chunk[MEMALIGN] = memalign(256, CHUNK_BYTES);
	if (posix_memalign((void **)&early->chunk[POSIX_MEMALIGN], 128,
			   CHUNK_BYTES))
		early->chunk[POSIX_MEMALIGN] = NULL;
	early->chunk[VALLOC] = valloc(CHUNK_BYTES);
	early->chunk[PVALLOC] = pvalloc(CHUNK_BYTES);
	early->usable = malloc_usable_size(early->chunk[MALLOC]);
	early->refused = !calloc(SIZE_MAX / 2, 4) && !malloc(SIZE_MAX / 2 + 1);
	free(malloc(20));
	for (i = 0; early->chunk[CALLOC] && i < CHUNK_BYTES; i++)
		early->dirty |= early->chunk[CALLOC][i];
	for (i = 0; i < NR_CHUNKS; i++)
		for (j = 0; early->chunk[i] && j < CHUNK_BYTES; j++)
			((volatile unsigned char *)early->chunk[i])[j] =
				(unsigned char)(NR_CHUNKS + i);
}

#endif
