// SPDX-License-Identifier: MIT
/*
 * store.c - words and how often they came, in a database in memory
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "store.h"

struct store {
	sqlite3 *db;
	sqlite3_stmt *add;
};

static void check(const struct store *store, int result)
{
	if (result == SQLITE_OK || result == SQLITE_DONE)
		return;
	fprintf(stderr, "store: %s\n", sqlite3_errmsg(store->db));
	abort();
}

/* Before there are threads: those that meet in here allocate more than one does. */
void store_init(void)
{
	if (sqlite3_initialize() != SQLITE_OK)
		abort();
}

struct store *store_open(void)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		abort();
	check(store, sqlite3_open(":memory:", &store->db));
	check(store, sqlite3_exec(store->db, "CREATE TABLE words"
				  "(word TEXT PRIMARY KEY, nr INTEGER)",
				  NULL, NULL, NULL));
	check(store, sqlite3_prepare_v2(store->db, "INSERT INTO words "
					"VALUES(?, 1) ON CONFLICT(word) "
					"DO UPDATE SET nr = nr + 1", -1,
					&store->add, NULL));
	return store;
}

void store_add(struct store *store, const char *word)
{
	check(store, sqlite3_bind_text(store->add, 1, word, -1,
				       SQLITE_TRANSIENT));
	check(store, sqlite3_step(store->add));
	check(store, sqlite3_reset(store->add));
}

/* One row; the words are joined by sqlite, in their order. */
static int add_row(void *arg, int nr, char **values, char **names)
{
	unsigned long *sum = arg;

	(void)nr;
	(void)names;
	for (const char *c = values[0]; *c; c++)
		*sum = *sum * 31 + (unsigned char)*c;
	return 0;
}

unsigned long store_sum(struct store *store)
{
	unsigned long sum = 0;

	check(store, sqlite3_exec(store->db, "SELECT group_concat(line) FROM "
				  "(SELECT printf('%s=%d', word, nr) AS line "
				  "FROM words ORDER BY nr, word)",
				  add_row, &sum, NULL));
	return sum;
}

void store_close(struct store *store)
{
	sqlite3_finalize(store->add);
	sqlite3_close(store->db);
	free(store);
}
