/* SPDX-License-Identifier: MIT */
/*
 * chunks.h - the table of the layer index (index/chunk.h), read from outside
 */
#ifndef MALLOCHOOKS_CHUNKS_H
#define MALLOCHOOKS_CHUNKS_H

#include "../index/chunk.h"
#include "memory.h"

/**
 * struct chunks - a table of another process or a core
 * @outer:	the one that it is nested in, or NULL
 * @changed:	chunks that were left out, as they changed again and again
 * @missing:	parts of the table that could not be read
 */
struct chunks {
	const struct memory *memory;
	uint64_t at;
	struct mh_chunks *head;
	struct mh_chunk_kind *kinds[MH_KIND_TABLES];
	struct mh_chunk_leaf *leaf;
	struct chunks *outer;
	size_t changed;
	size_t missing;
};

/**
 * chunks_open() - get ready to read a table
 * @root:	address of its struct mallochooks_root
 *
 * Return: 0, or -1 with a line said.
 */
int chunks_open(struct chunks *chunks, const struct memory *memory,
		uint64_t root);
void chunks_close(struct chunks *chunks);

/**
 * chunks_nest() - of several tables, which are nested in which
 */
void chunks_nest(struct chunks *const *chunks, size_t nr);

/**
 * chunks_find() - as mh_chunk_find_inside()
 */
int chunks_find(struct chunks *chunks, uint64_t address, struct mh_chunk *chunk);

/**
 * chunks_walk() - visit every chunk that has not gone with its pool, in no order within 1 KiB
 *
 * What the process changes meanwhile may be seen as it was or as it is.
 */
void chunks_walk(struct chunks *chunks,
		 void (*visit)(const struct mh_chunk *chunk, void *arg),
		 void *arg);

#endif
