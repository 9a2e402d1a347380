// SPDX-License-Identifier: MIT
/*
 * tables_main.c - 2 chunks, 11 objects in one of them, 20 cells in two of these
 *
 *	tables_main [fork | exec]
 *
 *	fork	a child does the same
 *	exec	becomes itself once more
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tables.h"

static void work(void)
{
	struct cells cells = { pool_new(), NULL, 0 };	/* line of made */
	void *cell[20], *volatile other = malloc(100);	/* line of other */

	for (int i = 0; i < 9; i++)
		if (!pool_alloc(cells.pool, 1000))	/* line of object */
			abort();
	if (pool_alloc(cells.pool, 1 << 20))		/* line of failed */
		abort();
	for (int i = 0; i < 20; i++) {
		cell[i] = cell_alloc(&cells, 40);	/* line of cell */
		if (!cell[i])
			abort();
		if (i)
			cell_free(&cells, cell[i]);	/* line of freed */
	}
	free(other);
	if (cells.made != 2)
		abort();
	free(cells.pool);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	work();
	if (!strcmp(what, "fork")) {
		pid_t child = fork();
		int status;

		if (!child) {
			work();
			return 0;
		}
		return waitpid(child, &status, 0) != child || status;
	}
	if (!strcmp(what, "exec"))
		execl(argv[0], argv[0], (char *)NULL);
	return 0;
}
