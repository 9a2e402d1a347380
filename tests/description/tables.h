/* SPDX-License-Identifier: MIT */
/*
 * tables.h - what tables_main.c calls
 */
#ifndef TABLES_H
#define TABLES_H

#include <stddef.h>

#define CELL_BYTES	48

struct pool;

struct cells {
	struct pool *pool;
	void *free;
	int made;
};

struct pool *pool_new(void);
void *pool_alloc(struct pool *pool, size_t size);
void *cell_alloc(struct cells *cells, size_t size);
void cell_free(struct cells *cells, void *cell);

#endif
