/* SPDX-License-Identifier: MIT */
/*
 * table.h - call sites of one or many processes as rows: summed, named,
 * filtered, grouped and sorted
 */
#ifndef MALLOCHOOKS_TABLE_H
#define MALLOCHOOKS_TABLE_H

#include "report.h"
#include "sitefile.h"
#include "symbols.h"

/**
 * struct object - an executable, a library, or what lies in none
 * @path:	"" when it is not known
 * @no_file:	its addresses are those of the memory of processes of @path
 * @same_name:	another object's path ends with the same name
 * @why:	NULL, or why its path is of no use
 */
struct object {
	char *path;
	unsigned char build_id[64];
	size_t build_id_bytes;
	int no_file;
	int same_name;
	const char *why;
	struct symbols *symbols;
};

/**
 * struct objects - all of a report: two processes with the same file share one
 * @slot:	hash table over @object: index + 1
 */
struct objects {
	struct object **object;
	size_t nr;
	uint32_t *slot;
	size_t nr_slots;
};

void objects_free(struct objects *objects);
/* The last part of the path. */
const char *object_name(const struct object *object);

/**
 * struct row - a call site, or some that are shown as one
 * @address:	return address in the object's file; of the first of @nr_sites
 * @nr_sites:	0: not used
 */
struct row {
	struct object *object;
	uint64_t address;
	uint64_t nr_sites;
	struct site_counts counts;
	struct place place;
};

/* Leaks that a pattern has left out. */
struct suppressed {
	uint64_t nr_sites;
	struct site_heap heap;
};

/**
 * struct table - rows, and the sums behind them
 * @ident:	of the allocator that all of it is about
 * @inside:	the one inside whose chunks its own lie, or ""
 * @bound:	of the buckets of all counts
 * @total:	of all sites, and of what was counted at none
 * @lost:	what was counted at none
 * @other_bounds: some file had other bounds, its sizes are rounded up
 * @nr_sites:	of all, before anything was left out
 * @nr_objects:	that these lie in
 * @lives:	some file tells what became of chunks
 * @nr_told:	files that tell lost chunks from those that could be reached
 * @nr_untold:	files with lives that do not
 * @told:	what lived in the former
 * @matched:	of the rows that passed the filters
 * @suppressed:	for each pattern, what it has left out
 * @nr_matched:	rows that passed and that have something to show
 */
struct table {
	const char *ident;
	const char *inside;
	uint64_t bound[MH_SITES_BUCKETS];
	struct site_counts total;
	struct site_counts lost;
	int filled;
	int other_bounds;
	size_t nr_sites;
	size_t nr_objects;
	int lives;
	size_t nr_told;
	size_t nr_untold;
	struct site_heap told;
	struct site_counts matched;
	struct suppressed *suppressed;
	size_t nr_matched;
	struct row *row;
	size_t nr;
	size_t room;
	uint32_t *slot;
	size_t nr_slots;
};

/* Adds what a process has counted; its sites may be dropped then, its names not. */
void table_add(struct table *table, struct objects *objects,
	       const struct site_process *process);

/**
 * table_narrow() - leave out what needs no symbols to be left out
 *
 * After the last table_add().
 */
void table_narrow(struct table *table, const struct report_options *options);

/**
 * tables_symbolise() - find the places of all rows of all tables
 * @progress:	called with a name before each object that is looked into
 */
void tables_symbolise(struct table **table, size_t nr,
		      void (*progress)(const char *what, size_t at, size_t of));

/* Filter by function, group, sort and cut: the rows are as they are shown. */
void table_finish(struct table *table, const struct report_options *options);
void table_free(struct table *table);

int report_has_filter(const struct report_options *options);
/* What a row is sorted by; for the mean, the bytes of one allocation. */
double row_measure(const struct row *row, enum report_sort sort);
/* The function that the compiler made; NULL when it is not known. */
const char *row_function(const struct row *row);
/* Without the distance from it; either @function or @room. */
const char *plain_function(const char *function, char *room, size_t bytes);
/* What rows by function are called, in @room: "name+?" is some function behind
 * that one, which has no name; "?" one of which nothing is known. */
const char *row_function_name(const struct row *row, char *room, size_t bytes);

#endif
