// SPDX-License-Identifier: MIT
/*
 * sqlite - a table in memory, filled and asked
 */
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>

#define ROWS	300
#define NOTES	50

static int fill(sqlite3 *db)
{
	sqlite3_stmt *insert;

	if (sqlite3_exec(db, "create table word(text, number)", NULL, NULL,
			 NULL) ||
	    sqlite3_prepare_v2(db, "insert into word values(?, ?)", -1, &insert,
			       NULL))
		return 1;
	for (int i = 0; i < ROWS; i++) {
		char *text = sqlite3_mprintf("word%d", i);

		sqlite3_bind_text(insert, 1, text, -1, sqlite3_free);
		sqlite3_bind_int(insert, 2, i);
		if (sqlite3_step(insert) != SQLITE_DONE)
			return 1;
		sqlite3_reset(insert);
	}
	return sqlite3_finalize(insert);
}

static int ask(sqlite3 *db)
{
	sqlite3_stmt *select;
	long sum = 0, nr = 0;

	if (sqlite3_prepare_v2(db, "select upper(text), number from word "
			       "where number % 3 = 0 order by text desc", -1,
			       &select, NULL))
		return 1;
	while (sqlite3_step(select) == SQLITE_ROW) {
		nr++;
		sum += sqlite3_column_int(select, 1);
	}
	printf("%ld rows, sum %ld\n", nr, sum);
	return sqlite3_finalize(select);
}

/* Memory of sqlite's for things of ours. */
static void take_notes(char **notes)
{
	for (int i = 0; i < NOTES; i++) {
		if (i % 2)
			notes[i] = sqlite3_malloc(20);
		else
			notes[i] = sqlite3_realloc(NULL, 20);
		notes[i] = sqlite3_realloc(notes[i], 200);
		snprintf(notes[i], 200, "note %d", i);
	}
}

static void drop_notes(char **notes)
{
	for (int i = 0; i < NOTES; i++)
		sqlite3_free(notes[i]);
}

int main(void)
{
	char *notes[NOTES];
	sqlite3 *db;
	int wrong = sqlite3_open(":memory:", &db);

	wrong = wrong || fill(db) || ask(db);
	take_notes(notes);
	puts(notes[NOTES - 1]);
	drop_notes(notes);
	return sqlite3_close(db) || wrong;
}
