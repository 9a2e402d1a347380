// SPDX-License-Identifier: MIT
/*
 * table - call sites as rows: summed, named, filtered, grouped and sorted
 *
 * Symbols are by far the dearest part, so rows are left out before they are
 * named wherever the question allows it.
 */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "suppress.h"
#include "table.h"

/* ---- objects ----------------------------------------------------------------- */

static size_t hash_bytes(size_t hash, const void *ptr, size_t bytes)
{
	const unsigned char *byte = ptr;

	/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
	while (bytes--)
		hash = (hash ^ *byte++) * 0x100000001b3ull;
	return hash;
}

static size_t object_hash(const struct object *object)
{
	size_t hash = 0xcbf29ce484222325ull + (size_t)object->no_file;

	hash = hash_bytes(hash, object->path, strlen(object->path));
	return hash_bytes(hash, object->build_id, object->build_id_bytes);
}

static int object_equal(const struct object *a, const struct object *b)
{
	return a->no_file == b->no_file && streq(a->path, b->path) &&
	       a->build_id_bytes == b->build_id_bytes &&
	       !memcmp(a->build_id, b->build_id, a->build_id_bytes);
}

const char *object_name(const struct object *object)
{
	const char *name = base_name(object->path);

	return *name ? name : object->path;
}

static void objects_grow(struct objects *objects)
{
	size_t nr = objects->nr_slots ? 2 * objects->nr_slots : 64, at;

	free(objects->slot);
	objects->slot = xcalloc(nr, sizeof(*objects->slot));
	objects->object = xrealloc(objects->object,
				   nr / 2 * sizeof(*objects->object));
	objects->nr_slots = nr;
	for (size_t i = 0; i < objects->nr; i++) {
		for (at = object_hash(objects->object[i]);
		     objects->slot[at % nr]; at++)
			;
		objects->slot[at % nr] = (uint32_t)i + 1;
	}
}

static void mark_same_name(struct objects *objects, struct object *object)
{
	for (size_t i = 0; i < objects->nr; i++) {
		struct object *other = objects->object[i];

		if (other == object || other->no_file || object->no_file ||
		    !streq(object_name(other), object_name(object)))
			continue;
		other->same_name = object->same_name = 1;
	}
}

/* The object that equals @like. */
static struct object *objects_get(struct objects *objects,
				  const struct object *like)
{
	struct object *object;
	size_t at;

	if (objects->nr == objects->nr_slots / 2)
		objects_grow(objects);
	for (at = object_hash(like); objects->slot[at % objects->nr_slots];
	     at++) {
		object = objects->object[objects->slot[at % objects->nr_slots] -
					 1];
		if (object_equal(object, like))
			return object;
	}
	object = xcalloc(1, sizeof(*object));
	*object = *like;
	object->path = xstrdup(like->path);
	objects->object[objects->nr++] = object;
	objects->slot[at % objects->nr_slots] = (uint32_t)objects->nr;
	if (objects->nr < 10000)	/* a hostile file may hold any number */
		mark_same_name(objects, object);
	return object;
}

void objects_free(struct objects *objects)
{
	for (size_t i = 0; i < objects->nr; i++) {
		if (objects->object[i]->symbols)
			symbols_close(objects->object[i]->symbols);
		free(objects->object[i]->path);
		free(objects->object[i]);
	}
	free(objects->object);
	free(objects->slot);
	*objects = (struct objects){ .nr = 0 };
}

static struct object *object_of(struct objects *objects,
				const struct site_module *module)
{
	struct object like = {
		.path = module->path, .why = module->why,
		.build_id_bytes = module->build_id_bytes,
	};

	memcpy(like.build_id, module->build_id, module->build_id_bytes);
	return objects_get(objects, &like);
}

/*
 * Memory of different programs has nothing in common; that of a process and
 * its forks does.
 */
static struct object *object_of_none(struct objects *objects,
				     const struct site_process *process)
{
	struct object like = {
		.path = process->exe, .no_file = 1,
		.why = "in no file that was loaded: generated code, or code "
		       "whose file was not recorded any more",
	};

	return objects_get(objects, &like);
}

/* ---- sums ---------------------------------------------------------------------- */

static size_t row_hash(const struct object *object, uint64_t address)
{
	return (size_t)((((uint64_t)(uintptr_t)object >> 4) * 0x100000001b3ull ^
			 address) * 0x9e3779b97f4a7c15ull >> 16);
}

static void table_grow(struct table *table)
{
	size_t nr = table->nr_slots ? 2 * table->nr_slots : 1024, at;

	free(table->slot);
	table->slot = xcalloc(nr, sizeof(*table->slot));
	table->nr_slots = nr;
	for (size_t i = 0; i < table->nr; i++) {
		for (at = row_hash(table->row[i].object, table->row[i].address);
		     table->slot[at % nr]; at++)
			;
		table->slot[at % nr] = (uint32_t)i + 1;
	}
}

static struct row *row_at(struct table *table, struct object *object,
			  uint64_t address)
{
	struct row *row;
	size_t at;

	if (table->nr == table->nr_slots / 2)
		table_grow(table);
	for (at = row_hash(object, address); table->slot[at % table->nr_slots];
	     at++) {
		row = &table->row[table->slot[at % table->nr_slots] - 1];
		if (row->object == object && row->address == address)
			return row;
	}
	if (table->nr == table->room) {
		table->room = table->room ? table->room + table->room / 2 : 256;
		table->row = xrealloc(table->row,
				      table->room * sizeof(*table->row));
	}
	table->slot[at % table->nr_slots] = (uint32_t)table->nr + 1;
	row = &table->row[table->nr++];
	*row = (struct row){
		.object = object, .address = address, .nr_sites = 1
	};
	return row;
}

/* Counts by the bounds of one file into those of another. */
static void round_up(struct site_counts *counts, const uint64_t *from,
		     const uint64_t *to)
{
	uint64_t bucket[MH_SITES_BUCKETS] = { 0 };
	size_t b, at;

	for (b = 0; b < MH_SITES_BUCKETS; b++) {
		/* Both end at UINT64_MAX. */
		for (at = 0; to[at] < from[b]; at++)
			;
		bucket[at] = site_add(bucket[at], counts->bucket[b]);
	}
	memcpy(counts->bucket, bucket, sizeof(bucket));
}

void table_add(struct table *table, struct objects *objects,
	       const struct site_process *process)
{
	struct object **object = xcalloc(process->nr_modules + 1,
					 sizeof(*object));
	struct object *none = NULL;
	struct site_counts counts;
	int other;

	if (!table->filled)
		memcpy(table->bound, process->bound, sizeof(table->bound));
	table->filled = 1;
	table->ident = process->ident;
	table->inside = process->inside;
	other = memcmp(table->bound, process->bound, sizeof(table->bound));
	table->other_bounds |= other != 0;
	for (size_t i = 0; i < process->nr_sites; i++) {
		const struct site *site = &process->sites[i];
		struct object **at = &none;

		if (site->module >= 0)
			at = &object[site->module];
		if (!*at)
			*at = site->module < 0 ?
			      object_of_none(objects, process) :
			      object_of(objects, &process->modules[site->module]);
		counts = site->counts;
		if (other)
			round_up(&counts, process->bound, table->bound);
		site_counts_add(&row_at(table, *at, site->address)->counts,
				&counts);
	}
	free(object);
	counts = process->total;
	if (other)
		round_up(&counts, process->bound, table->bound);
	site_counts_add(&table->total, &counts);
	site_counts_add(&table->lost, &process->lost);
	table->lives |= process->lives;
	if (process->reach == MH_SITES_REACH_TOLD) {
		table->nr_told++;
		site_heap_add(&table->told, &process->total.alive);
	} else if (process->lives) {
		table->nr_untold++;
	}
	table->nr_sites = table->nr;
}

void table_free(struct table *table)
{
	free(table->row);
	free(table->slot);
	free(table->suppressed);
	*table = (struct table){ .nr = 0 };
}

/* ---- order ----------------------------------------------------------------------- */

double row_measure(const struct row *row, enum report_sort sort)
{
	const struct site_counts *counts = &row->counts;
	uint64_t births = site_births(counts);

	switch (sort) {
	case REPORT_SORT_CALLS:
		return (double)births;
	case REPORT_SORT_MEAN:
		return births ? (double)counts->bytes / (double)births : 0;
	case REPORT_SORT_FREES:
		return (double)counts->calls[SITE_FREE];
	case REPORT_SORT_FAILED:
		return (double)counts->calls[SITE_FAILED];
	case REPORT_SORT_ALIVE:
		return (double)counts->alive.bytes;
	case REPORT_SORT_PEAK:
		return (double)counts->peak.bytes;
	case REPORT_SORT_AT_ONCE:
		return (double)counts->died[MH_SITES_AT_ONCE];
	case REPORT_SORT_BYTES:
		break;
	}
	return (double)counts->bytes;
}

static int is_heap(const struct site_heap *heap)
{
	return heap->chunks || heap->bytes;
}

/* Of what lives, negative numbers are kept: rows of a group have them made up. */
static int row_lives(const struct row *row, const struct report_options *options)
{
	return (options->leaks && is_heap(&row->counts.alive)) ||
	       (options->peak && is_heap(&row->counts.peak));
}

/* Has a row anything to do with what is asked for? */
static int row_takes_part(const struct row *row,
			  const struct report_options *options)
{
	if (options->leaks || options->peak)
		return row_lives(row, options);
	switch (options->sort) {
	case REPORT_SORT_FREES:
		return row->counts.calls[SITE_FREE] != 0;
	case REPORT_SORT_FAILED:
		return row->counts.calls[SITE_FAILED] != 0;
	case REPORT_SORT_ALIVE:
		return is_heap(&row->counts.alive);
	case REPORT_SORT_PEAK:
		return is_heap(&row->counts.peak);
	case REPORT_SORT_AT_ONCE:
		return row->counts.died[MH_SITES_AT_ONCE] != 0;
	default:
		return site_births(&row->counts) != 0;
	}
}

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_string(const char *a, const char *b)
{
	if (a == b)
		return 0;
	if (!a || !b)
		return a ? 1 : -1;
	return strcmp(a, b);
}

static int by_object(const struct object *a, const struct object *b)
{
	int order = a == b ? 0 : by_string(a->path, b->path);

	if (!order)
		order = a->no_file - b->no_file;
	if (!order)
		order = by_number(a->build_id_bytes, b->build_id_bytes);
	if (!order)
		order = memcmp(a->build_id, b->build_id, a->build_id_bytes);
	return order;
}

static int by_address(const struct row *a, const struct row *b)
{
	int order = by_object(a->object, b->object);

	return order ? order : by_number(a->address, b->address);
}

static uint64_t positive(int64_t number)
{
	return number < 0 ? 0 : (uint64_t)number;
}

/* Largest first; the rest is for two reports of the same to be the same. */
static int by_measure(const void *left, const void *right, void *arg)
{
	const struct report_options *options = arg;
	const struct row *a = left, *b = right;
	double x = row_measure(a, options->sort);
	double y = row_measure(b, options->sort);
	int order;

	/* what was lost comes first, and what leads to more before that */
	if (options->leaks && !options->sorted) {
		order = by_number(positive(b->counts.direct.bytes),
				  positive(a->counts.direct.bytes));
		if (!order)
			order = by_number(positive(b->counts.indirect.bytes),
					  positive(a->counts.indirect.bytes));
		if (order)
			return order;
	}
	if (x != y)
		return x > y ? -1 : 1;
	order = by_number(b->counts.bytes, a->counts.bytes);
	if (!order)
		order = by_number(site_births(&b->counts),
				  site_births(&a->counts));
	if (!order)
		order = by_number(b->counts.calls[SITE_FREE],
				  a->counts.calls[SITE_FREE]);
	return order ? order : by_address(a, b);
}

/* ---- filters --------------------------------------------------------------------- */

static int matches(const struct strings *patterns, const char *text)
{
	for (size_t i = 0; text && i < patterns->nr; i++) {
		const char *pattern = patterns->item[i];

		if (strpbrk(pattern, "*?[") ? !fnmatch(pattern, text, 0) :
					      strstr(text, pattern) != NULL)
			return 1;
	}
	return 0;
}

static int module_matches(const struct strings *patterns,
			  const struct object *object)
{
	if (object->no_file)
		return matches(patterns, "no module");
	return matches(patterns, object->path) ||
	       matches(patterns, object_name(object));
}

static int function_matches(const struct strings *patterns,
			    const struct row *row)
{
	char room[512];

	for (size_t i = 0; i < row->place.nr; i++) {
		const char *function = row->place.frame[i].function;

		if (matches(patterns, function) ||
		    (function && matches(patterns, plain_function(function,
						room, sizeof(room)))))
			return 1;
	}
	return 0;
}

static int passes(const struct row *row, const struct report_options *options,
		  int symbolised)
{
	if (options->module.nr && !module_matches(&options->module, row->object))
		return 0;
	if (!symbolised)
		return 1;
	if (options->function.nr && !function_matches(&options->function, row))
		return 0;
	return !options->either.nr ||
	       module_matches(&options->either, row->object) ||
	       function_matches(&options->either, row);
}

int report_has_filter(const struct report_options *options)
{
	return options->module.nr || options->function.nr || options->either.nr;
}

static void filter(struct table *table, const struct report_options *options,
		   int symbolised)
{
	size_t nr = 0;

	for (size_t i = 0; i < table->nr; i++)
		if (passes(&table->row[i], options, symbolised))
			table->row[nr++] = table->row[i];
	table->nr = nr;
}

/* ---- leaks that nobody wants to hear of ------------------------------------------ */

static int is_suppressed(const struct row *row, const char *pattern)
{
	char room[512];

	if (suppression_matches(pattern, row->object->path))
		return 1;
	for (size_t i = 0; i < row->place.nr; i++) {
		const struct frame *frame = &row->place.frame[i];

		if ((frame->function && suppression_matches(pattern,
				plain_function(frame->function, room,
					       sizeof(room)))) ||
		    (frame->file && suppression_matches(pattern, frame->file)))
			return 1;
	}
	return 0;
}

/* Index of the first pattern that matches, or the number of them. */
static size_t suppressed_by(const struct row *row,
			    const struct report_options *options)
{
	size_t i = 0;

	while (i < options->suppress.nr &&
	       !is_suppressed(row, options->suppress.item[i]))
		i++;
	return i;
}

static void suppress(struct table *table, const struct report_options *options)
{
	const size_t none = options->suppress.nr;
	size_t nr = 0, by;

	if (!none)
		return;
	table->suppressed = xcalloc(none, sizeof(*table->suppressed));
	for (size_t i = 0; i < table->nr; i++) {
		struct row *row = &table->row[i];

		by = is_heap(&row->counts.alive) ? suppressed_by(row, options) :
						   none;
		if (by == none) {
			table->row[nr++] = *row;
			continue;
		}
		table->suppressed[by].nr_sites += row->nr_sites;
		site_heap_add(&table->suppressed[by].heap, &row->counts.alive);
	}
	table->nr = nr;
}

/* ---- from sites to what is shown ----------------------------------------------- */

/* Where only what lives is asked for, the rest needs no symbols. */
static void keep_living(struct table *table, const struct report_options *options)
{
	size_t nr = 0;

	if (!options->leaks && !options->peak)
		return;
	for (size_t i = 0; i < table->nr; i++)
		if (row_lives(&table->row[i], options))
			table->row[nr++] = table->row[i];
	table->nr = nr;
}

static long top_of(const struct report_options *options)
{
	if (options->top >= 0)
		return options->top;
	return options->form == REPORT_TEXT ? REPORT_TOP_DEFAULT : 0;
}

static void sum_up(struct table *table, const struct report_options *options)
{
	size_t nr = 0;

	table->matched = (struct site_counts){ .bytes = 0 };
	for (size_t i = 0; i < table->nr; i++) {
		site_counts_add(&table->matched, &table->row[i].counts);
		if ((options->form == REPORT_JSON && !options->leaks &&
		     !options->peak) || row_takes_part(&table->row[i], options))
			table->row[nr++] = table->row[i];
	}
	table->nr = nr;
	table->nr_matched = nr;
}

static void sort_and_cut(struct table *table,
			 const struct report_options *options)
{
	long top = top_of(options);

	if (table->nr)
		qsort_r(table->row, table->nr, sizeof(*table->row), by_measure,
			(void *)options);
	if (!top || (size_t)top >= table->nr)
		return;
	table->nr = (size_t)top;
	table->room = table->nr;
	table->row = xrealloc(table->row, table->room * sizeof(*table->row));
}

/* Can the rows to be shown be told without any symbols? */
static int settled_by_address(const struct report_options *options)
{
	return (options->by == REPORT_BY_ADDRESS ||
		options->by == REPORT_BY_MODULE) &&
	       !options->function.nr && !options->either.nr &&
	       !options->suppress.nr;
}

const char *row_function(const struct row *row)
{
	return row->place.nr ? row->place.frame[row->place.nr - 1].function :
			       NULL;
}

const char *plain_function(const char *function, char *room, size_t bytes)
{
	const char *plus = strrchr(function, '+');
	size_t nr = plus ? (size_t)(plus - function) : 0;

	if (!nr || nr >= bytes || !starts_with(plus, "+0x"))
		return function;
	memcpy(room, function, nr);
	room[nr] = '\0';
	return room;
}

const char *row_function_name(const struct row *row, char *room, size_t bytes)
{
	const char *function = row_function(row);

	if (!function)
		return "?";
	if (plain_function(function, room, bytes) == function)
		return function;
	snprintf(room + strlen(room), bytes - strlen(room), "+?");
	return room;
}

static int by_function(const struct row *a, const struct row *b)
{
	const char *x = row_function(a), *y = row_function(b);
	char room_x[512], room_y[512];

	if (!x || !y || x == y)
		return by_string(x, y);
	return strcmp(row_function_name(a, room_x, sizeof(room_x)),
		      row_function_name(b, room_y, sizeof(room_y)));
}

/* The whole chain: a line of a template is in no way one place. */
static int by_lines(const struct row *a, const struct row *b)
{
	int order = by_number(a->place.nr, b->place.nr);

	for (size_t i = 0; !order && i < a->place.nr; i++) {
		const struct frame *x = &a->place.frame[i];
		const struct frame *y = &b->place.frame[i];

		order = by_string(x->function, y->function);
		if (!order)
			order = by_string(x->file, y->file);
		if (!order)
			order = x->line - y->line;
	}
	/* Nothing to tell them apart, and so nothing to call them one. */
	if (!order && (!a->place.nr || !a->place.frame[0].line))
		order = by_number(a->address, b->address);
	return order;
}

static int by_group(const void *left, const void *right, void *arg)
{
	const struct report_options *options = arg;
	const struct row *a = left, *b = right;
	int order = by_object(a->object, b->object);

	if (order)
		return order;
	if (options->by == REPORT_BY_FUNCTION)
		return by_function(a, b);
	return options->by == REPORT_BY_LINE ? by_lines(a, b) : 0;
}

/* By group, the lowest address first, so that it gives the group its name. */
static int by_group_and_address(const void *a, const void *b, void *arg)
{
	int order = by_group(a, b, arg);

	return order ? order : by_address(a, b);
}

static void group(struct table *table, const struct report_options *options)
{
	size_t last = 0;

	if (options->by == REPORT_BY_ADDRESS || !table->nr)
		return;
	qsort_r(table->row, table->nr, sizeof(*table->row),
		by_group_and_address, (void *)options);
	for (size_t i = 1; i < table->nr; i++) {
		struct row *row = &table->row[last];

		if (by_group(row, &table->row[i], (void *)options)) {
			table->row[++last] = table->row[i];
			continue;
		}
		row->nr_sites += table->row[i].nr_sites;
		site_counts_add(&row->counts, &table->row[i].counts);
	}
	table->nr = last + 1;
}

static void count_objects(struct table *table)
{
	struct object *last = NULL;

	table->nr_objects = 0;
	for (size_t i = 0; i < table->nr; i++) {
		table->nr_objects += table->row[i].object != last;
		last = table->row[i].object;
	}
}

static int by_object_and_address(const void *a, const void *b)
{
	return by_address(a, b);
}

void table_narrow(struct table *table, const struct report_options *options)
{
	free(table->slot);
	table->slot = NULL;
	table->nr_slots = 0;
	if (table->nr)
		qsort(table->row, table->nr, sizeof(*table->row),
		      by_object_and_address);
	count_objects(table);
	keep_living(table, options);
	filter(table, options, 0);
	if (!settled_by_address(options))
		return;
	group(table, options);
	sum_up(table, options);
	sort_and_cut(table, options);
}

void table_finish(struct table *table, const struct report_options *options)
{
	if (settled_by_address(options))
		return;
	filter(table, options, 1);
	suppress(table, options);
	group(table, options);
	sum_up(table, options);
	sort_and_cut(table, options);
}

/* ---- symbols ---------------------------------------------------------------------- */

static int by_place(const void *left, const void *right)
{
	return by_address(*(struct row *const *)left,
			  *(struct row *const *)right);
}

/* Rows of one object, by address; several tables may have the same ones. */
static void symbolise(struct row **row, size_t nr)
{
	struct object *object = row[0]->object;
	uint64_t *address;
	struct place *place;
	size_t nr_places = 0;

	if (object->no_file || object->why) {
		for (size_t i = 0; i < nr; i++)
			row[i]->place.why = object->why;
		return;
	}
	address = xcalloc(nr, sizeof(*address));
	place = xcalloc(nr, sizeof(*place));
	for (size_t i = 0; i < nr; i++)
		if (!i || row[i]->address != row[i - 1]->address)
			address[nr_places++] = row[i]->address - 1;
	object->symbols = symbols_open(object->path, object->build_id,
				       object->build_id_bytes);
	symbols_find_all(object->symbols, address, nr_places, place);
	nr_places = 0;
	for (size_t i = 0; i < nr; i++) {
		if (i && row[i]->address != row[i - 1]->address)
			nr_places++;
		row[i]->place = place[nr_places];
	}
	free(address);
	free(place);
}

void tables_symbolise(struct table **table, size_t nr,
		      void (*progress)(const char *what, size_t at, size_t of))
{
	size_t nr_rows = 0, at = 0, end;
	struct row **row;

	for (size_t i = 0; i < nr; i++)
		nr_rows += table[i]->nr;
	row = xcalloc(nr_rows, sizeof(*row));
	for (size_t i = 0; i < nr; i++)
		for (size_t k = 0; k < table[i]->nr; k++)
			row[at++] = &table[i]->row[k];
	if (nr_rows)
		qsort(row, nr_rows, sizeof(*row), by_place);
	for (at = 0; at < nr_rows; at = end) {
		for (end = at; end < nr_rows &&
		     row[end]->object == row[at]->object; end++)
			;
		progress(object_name(row[at]->object), at, nr_rows);
		symbolise(row + at, end - at);
	}
	free(row);
}
