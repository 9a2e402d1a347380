// SPDX-License-Identifier: MIT
/*
 * bounded - look a chunk up again and again, at places all over it
 *
 *	bounded SIZE [stale]	exit status 0: every answer was right
 *
 * The addresses are made up.  Small chunks lie before and behind it; with "stale"
 * chunks of many sizes have lived and died where it lies now, and have left their
 * marks.
 */
#include <stdio.h>
#include <stdlib.h>
#include "chunk-quick.h"

enum { QUERIES = 3000, NEIGHBOURS = 500 };

static struct mh_chunks chunks;

static const uintptr_t place = 0x7f1234567890;

static void born(uintptr_t base, size_t size)
{
	mh_chunk_born(&chunks, base, size, size, 0x401000, 1);
}

static void make_neighbours(size_t size)
{
	for (uintptr_t i = 0; i < NEIGHBOURS; i++) {
		born(place - (i + 1) * 64, 48);
		born(place + ((size + 15) & ~(size_t)15) + 16 + i * 64, 48);
	}
}

/* No chunk of a size leaves the marks of another one, so all sizes come by. */
static void leave_marks(size_t size)
{
	for (size_t was = 1500; was < size; was = was * 3 + 4104)
		for (uintptr_t at = place + 16; at + was < place + size &&
		     at < place + 200 * was; at += was + 48) {
			born(at, was);
			mh_chunk_dies(&chunks, at);
		}
}

int main(int argc, char **argv)
{
	const size_t size = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
	struct mh_chunk chunk;
	uint64_t state = 1;
	uintptr_t at;

	if (!size)
		return 2;
	make_neighbours(size);
	if (argc > 2)
		leave_marks(size);
	born(place, size);
	for (unsigned int i = 0; i < QUERIES; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		at = i ? place + (state >> 16) % size : place + size - 1;
		if (mh_chunk_find(&chunks, at, &chunk) || chunk.base != place ||
		    chunk.requested != size) {
			fprintf(stderr, "wrong at byte %zu of %zu\n",
				(size_t)(at - place), size);
			return 1;
		}
	}
	return 0;
}
