// SPDX-License-Identifier: MIT
/*
 * tables_cells.c - a pool in objects of another one
 *
 * Apart from that, whose functions would be inlined here.
 */
#include "tables.h"

void cell_free(struct cells *cells, void *cell)
{
	*(void **)cell = cells->free;
	cells->free = cell;
}

void *cell_alloc(struct cells *cells, size_t size)
{
	void *cell = cells->free;

	if (size > CELL_BYTES)
		return NULL;
	if (!cell) {
		cell = pool_alloc(cells->pool, CELL_BYTES);
		cells->made += cell != NULL;	/* or the call is a jump */
		return cell;
	}
	cells->free = *(void **)cell;
	return cell;
}
