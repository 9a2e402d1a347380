// SPDX-License-Identifier: MIT
/*
 * show-text - a report for people
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "show.h"

#define PROCESSES_SHOWN	10
#define COMMAND_COLUMNS	60	/* of a command in a list of many */
#define FILE_COLUMNS	44	/* of a source file, before it is shortened */
#define FUNCTION_COLUMNS	80	/* of a name of C++, before it is shortened */
#define NUMBER_BYTES	32
#define BUCKET_BYTES	(NUMBER_BYTES + 4)
#define BAR_COLUMNS	40

/* ---- numbers and words ------------------------------------------------------- */

/* 1234567 as "1,234,567", in @room of NUMBER_BYTES, which it returns. */
static const char *grouped(uint64_t number, char *room)
{
	char digits[NUMBER_BYTES];
	int nr = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	char *to = room;

	for (int i = 0; i < nr; i++) {
		if (i && (nr - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return room;
}

/* "3.4 MiB", in @room of NUMBER_BYTES, which it returns. */
static const char *human(double bytes, char *room)
{
	static const char *const units[] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
	};
	size_t i = 0;

	while (bytes >= 1023.95 && i + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		i++;
	}
	snprintf(room, NUMBER_BYTES, i ? "%.1f %s" : "%.0f %s", bytes, units[i]);
	return room;
}

static const char *plural(uint64_t nr, const char *one, const char *many)
{
	return nr == 1 ? one : many;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* UTF-8 can't be cut everywhere. */
static int cut(const char *text, size_t nr)
{
	while (nr && (text[nr] & 0xc0) == 0x80)
		nr--;
	return (int)nr;
}

/* Text of a file, which may hold anything, to the terminal. */
static void put_clean(FILE *out, const char *text, size_t columns)
{
	char *shown = xstrdup(text);

	text_clean(shown);
	if (columns && strlen(shown) > columns)
		fprintf(out, "%.*s...", cut(shown, columns - 3), shown);
	else
		fputs(shown, out);
	free(shown);
}

/* "pool, inside libc" */
static void put_allocator(FILE *out, const char *ident, const char *inside)
{
	put_clean(out, ident, 0);
	if (!*inside)
		return;
	fputs(", inside ", out);
	put_clean(out, inside, 0);
}

/* ---- processes ----------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
	const struct site_process *x = *(struct site_process *const *)a;
	const struct site_process *y = *(struct site_process *const *)b;

	if (x->total.bytes != y->total.bytes)
		return x->total.bytes > y->total.bytes ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void show_process(FILE *out, const struct site_process *process,
			 int several)
{
	char bytes[NUMBER_BYTES], calls[NUMBER_BYTES];

	fprintf(out, "%12s %12s  %-8" PRIu32 " %-8s ",
		human((double)process->total.bytes, bytes),
		grouped(site_births(&process->total), calls), process->pid,
		site_state_names[process->state]);
	if (several) {
		char *ident = xstrdup(process->ident);

		text_clean(ident);
		fprintf(out, "%-10s ", ident);
		free(ident);
	}
	put_clean(out, process->command, COMMAND_COLUMNS);
	fputc('\n', out);
}

/* The largest of them; all when that is what was asked for. */
static void show_processes(FILE *out, const struct report *report)
{
	size_t most = report->options->form == REPORT_PROCESSES ?
		      report->nr : PROCESSES_SHOWN;
	struct site_process **sorted;

	sorted = xcalloc(report->nr, sizeof(*sorted));
	for (size_t i = 0; i < report->nr; i++)
		sorted[i] = &report->process[i];
	qsort(sorted, report->nr, sizeof(*sorted), by_bytes);
	fprintf(out, "%12s %12s  %-8s %-8s ", "bytes", "allocations", "pid",
		"state");
	if (report->several)
		fprintf(out, "%-10s ", "allocator");
	fputs("command\n", out);
	for (size_t i = 0; i < report->nr && i < most; i++)
		show_process(out, sorted[i], report->several);
	if (report->nr > most)
		fprintf(out, "%12s and %zu smaller ones (report --processes "
			"shows all)\n", "", report->nr - most);
	free(sorted);
}

/* ---- the head of a table ------------------------------------------------------- */

static void show_sums(FILE *out, const struct site_counts *sums,
		      const struct report_options *options)
{
	char a[NUMBER_BYTES], b[NUMBER_BYTES], c[NUMBER_BYTES];
	uint64_t births = site_births(sums);

	fprintf(out, "%s %s, %s requested (%s %s), ", grouped(births, a),
		plural(births, "allocation", "allocations"),
		human((double)sums->bytes, b), grouped(sums->bytes, c),
		plural(sums->bytes, "byte", "bytes"));
	fprintf(out, "%s %s, %s failed%s\n",
		grouped(sums->calls[SITE_FREE], a),
		plural(sums->calls[SITE_FREE], "free", "frees"),
		grouped(sums->calls[SITE_FAILED], b),
		sums->calls[SITE_FAILED] &&
		options->sort != REPORT_SORT_FAILED ?
		" (--sort=failed shows where)" : "");
}

static void show_operations(FILE *out, const struct site_counts *sums)
{
	char number[NUMBER_BYTES];
	const char *before = "of these ";

	for (size_t i = 0; i <= SITE_MEMALIGN; i++) {
		if (!sums->calls[i])
			continue;
		fprintf(out, "%s%s %s", before, grouped(sums->calls[i], number),
			site_op_names[i]);
		before = ", ";
	}
	if (site_births(sums))
		fputs("; ", out);
}

/* "7 chunks, 3.1 KiB (3,160 bytes)" */
static void put_heap(FILE *out, const struct site_heap *heap)
{
	char a[NUMBER_BYTES], b[NUMBER_BYTES], c[NUMBER_BYTES];
	const uint64_t chunks = show_positive(heap->chunks);
	const uint64_t bytes = show_positive(heap->bytes);

	fprintf(out, "%s %s, %s (%s %s)", grouped(chunks, a),
		plural(chunks, "chunk", "chunks"), human((double)bytes, b),
		grouped(bytes, c), plural(bytes, "byte", "bytes"));
}

static int64_t negated(int64_t number)
{
	return number == INT64_MIN ? INT64_MAX : -number;
}

static void show_lives(FILE *out, const struct table *table)
{
	static const char *const names[MH_SITES_AGES] = {
		"at once", "short", "long",
	};
	const struct site_counts *sums = &table->total;
	const char *before = "lives: ";
	const struct site_heap unseen = {
		.chunks = negated(sums->inherited.chunks),
		.bytes = negated(sums->inherited.bytes),
	};
	char number[NUMBER_BYTES];

	if (!table->lives)
		return;
	fputs("alive: ", out);
	put_heap(out, &sums->alive);
	if (sums->inherited.chunks > 0) {
		fputs("; inherited: ", out);
		put_heap(out, &sums->inherited);
	} else if (sums->inherited.chunks) {
		fputs("; died unseen: ", out);
		put_heap(out, &unseen);
	}
	fputs("\npeak: ", out);
	put_heap(out, &sums->peak);
	fputc('\n', out);
	for (size_t i = 0; i < MH_SITES_AGES; i++) {
		fprintf(out, "%s%s %s", before, grouped(sums->died[i], number),
			names[i]);
		before = ", ";
	}
	fputc('\n', out);
}

/* Of leaks: which were lost? */
static void show_reach(FILE *out, const struct table *table)
{
	const struct site_heap *direct = &table->total.direct;
	const struct site_heap *indirect = &table->total.indirect;
	const struct site_heap rest = {
		table->told.chunks - direct->chunks - indirect->chunks,
		table->told.bytes - direct->bytes - indirect->bytes,
	};

	if (!table->nr_told) {
		if (table->nr_untold)
			fputs("lost or still reachable: not told apart\n", out);
		return;
	}
	fputs("lost: ", out);
	put_heap(out, direct);
	fputs("; only through these: ", out);
	put_heap(out, indirect);
	fputs("\nstill reachable: ", out);
	put_heap(out, &rest);
	if (table->nr_untold)
		fprintf(out, "; not told apart: %zu %s", table->nr_untold,
			plural(table->nr_untold, "file", "files"));
	fputc('\n', out);
}

static void show_head(FILE *out, const struct table *table,
		      const struct report_options *options)
{
	char number[NUMBER_BYTES];

	show_sums(out, &table->total, options);
	show_operations(out, &table->total);
	fprintf(out, "%s %s in %zu %s\n", grouped(table->nr_sites, number),
		plural(table->nr_sites, "site", "sites"), table->nr_objects,
		plural(table->nr_objects, "module", "modules"));
	show_lives(out, table);
	if (options->leaks)
		show_reach(out, table);
	if (report_has_filter(options)) {
		fputs("that pass the filter: ", out);
		show_sums(out, &table->matched, options);
	}
}

/* ---- rows ------------------------------------------------------------------------ */

/* Below the directory that we are in, or the end of what is long. */
static void put_file(FILE *out, const char *file, int line)
{
	static char *here;
	size_t nr;

	if (!here) {
		here = getcwd(NULL, 0);
		if (!here)
			here = xstrdup("");
	}
	nr = strlen(here);
	if (nr > 1 && starts_with(file, here) && file[nr] == '/') {
		file += nr + 1;
	} else if (strlen(file) > FILE_COLUMNS) {
		const char *at = file + strlen(file) - FILE_COLUMNS;

		at = strchr(at, '/');
		if (at) {
			fputs("...", out);
			file = at;
		}
	}
	put_clean(out, file, 0);
	if (line)
		fprintf(out, ":%d", line);
}

static void put_object(FILE *out, const struct object *object)
{
	if (object->no_file)
		fputs("no module", out);
	else if (!*object->path)
		fputs("?", out);
	else
		put_clean(out, object->same_name ? object->path :
			  object_name(object), 0);
}

static int is_name(char c)
{
	return c == '_' || c == '>' || c == ')' || (c >= '0' && c <= '9') ||
	       ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/*
 * shorten() - leave the arguments of templates out of a long name
 * @to:		room for four times as much
 *
 * "std::vector<...>::push_back(...)"; the signs of operators stay.
 */
static void shorten(const char *from, char *to)
{
	static const char operator[] = "operator";
	const size_t nr = strlen(operator);
	const char *name = to;
	int depth = 0;

	for (; *from; from++) {
		int opens = *from == '<' && (depth || (to > name &&
			is_name(to[-1]) && !((size_t)(to - name) >= nr &&
			!strncmp(to - nr, operator, nr))));

		if (opens && !depth++)
			to = stpcpy(to, from[1] == '>' ? "<" : "<...");
		else if (!opens && *from == '>' && depth && from[-1] != '-' &&
			 !--depth)
			*to++ = '>';
		else if (!depth)
			*to++ = *from;
	}
	*to = '\0';
}

static void put_function(FILE *out, const char *function)
{
	size_t nr;
	char *name;

	if (!function || strlen(function) <= FUNCTION_COLUMNS) {
		fputs(function ? function : "?", out);
		return;
	}
	name = xcalloc(4, strlen(function) + 1);
	shorten(function, name);
	nr = strlen(name);
	if (nr > 2 * FUNCTION_COLUMNS)
		fprintf(out, "%.*s...%s", cut(name, FUNCTION_COLUMNS), name,
			name + cut(name, nr - FUNCTION_COLUMNS / 2));
	else
		fputs(name, out);
	free(name);
}

void show_frame(FILE *out, const struct frame *frame)
{
	put_function(out, frame->function);
	if (!frame->file)
		return;
	fputs("  ", out);
	put_file(out, frame->file, frame->line);
}

/* The operation, or that there are several. */
static const char *operation(const struct site_counts *counts)
{
	const char *name = NULL;

	for (size_t i = 0; i < NR_SITE_OPS; i++) {
		if (!counts->calls[i])
			continue;
		/* A failure is one of the others, too. */
		if (name && i != SITE_FAILED)
			return "several";
		if (!name)
			name = site_op_names[i];
	}
	return name ? name : "-";
}

static void put_sites(FILE *out, const struct row *row)
{
	if (row->nr_sites > 1)
		fprintf(out, "  (%" PRIu64 " sites)", row->nr_sites);
}

static void show_where(FILE *out, const struct row *row, enum report_by by,
		       int margin)
{
	const struct place *place = &row->place;
	char plain[512];

	if (by == REPORT_BY_MODULE) {
		put_object(out, row->object);
	} else if (by == REPORT_BY_FUNCTION) {
		put_function(out, row_function_name(row, plain, sizeof(plain)));
		fputs("  [", out);
		put_object(out, row->object);
		fputc(']', out);
	} else {
		if (place->nr)
			show_frame(out, &place->frame[0]);
		else
			fprintf(out, "%#" PRIx64, row->address);
		fputs("  [", out);
		put_object(out, row->object);
		fputc(']', out);
	}
	put_sites(out, row);
	fputc('\n', out);
	for (size_t i = 1; i < place->nr && by != REPORT_BY_MODULE &&
	     by != REPORT_BY_FUNCTION; i++) {
		fprintf(out, "%*sin ", margin, "");
		show_frame(out, &place->frame[i]);
		fputc('\n', out);
	}
}

uint64_t show_positive(int64_t number)
{
	return number < 0 ? 0 : (uint64_t)number;
}

uint64_t show_weight(const struct site_counts *counts, enum report_sort sort)
{
	switch (sort) {
	case REPORT_SORT_CALLS:
		return site_births(counts);
	case REPORT_SORT_FREES:
		return counts->calls[SITE_FREE];
	case REPORT_SORT_FAILED:
		return counts->calls[SITE_FAILED];
	case REPORT_SORT_ALIVE:
		return show_positive(counts->alive.bytes);
	case REPORT_SORT_PEAK:
		return show_positive(counts->peak.bytes);
	case REPORT_SORT_AT_ONCE:
		return counts->died[MH_SITES_AT_ONCE];
	default:
		return counts->bytes;
	}
}

/* "< 1 KiB", of the sizes that a bucket counts, in @room of BUCKET_BYTES. */
static const char *bucket_name(const struct table *table, size_t b, char *room)
{
	const int last = b + 1 == MH_SITES_BUCKETS;
	char number[NUMBER_BYTES], *zero;

	human((double)table->bound[last ? b - 1 : b] + 1, number);
	zero = strstr(number, ".0 ");
	if (zero)
		memmove(zero, zero + 2, strlen(zero + 2) + 1);
	snprintf(room, BUCKET_BYTES, "%s %s", last ? ">=" : "<", number);
	return room;
}

static void show_row_sizes(FILE *out, const struct table *table,
			   const struct row *row, int margin)
{
	char name[BUCKET_BYTES], number[NUMBER_BYTES];
	const char *before = "sizes ";

	fprintf(out, "%*s", margin, "");
	for (size_t b = 0; b < MH_SITES_BUCKETS; b++) {
		if (!row->counts.bucket[b])
			continue;
		fprintf(out, "%s%s: %s", before, bucket_name(table, b, name),
			grouped(row->counts.bucket[b], number));
		before = ", ";
	}
	fputc('\n', out);
}

static void show_row_lives(FILE *out, const struct site_counts *counts,
			   int margin)
{
	char a[NUMBER_BYTES], b[NUMBER_BYTES], c[NUMBER_BYTES];

	if (!counts->died[MH_SITES_AT_ONCE] && !counts->died[MH_SITES_SHORT] &&
	    !counts->died[MH_SITES_LONG])
		return;
	fprintf(out, "%*slived %s at once, %s short, %s long\n", margin, "",
		grouped(counts->died[MH_SITES_AT_ONCE], a),
		grouped(counts->died[MH_SITES_SHORT], b),
		grouped(counts->died[MH_SITES_LONG], c));
}

/**
 * struct columns - which of the seldom wanted ones some row has something for
 */
struct columns {
	int frees;
	int failed;
	int at_once;
	int peak;
	int lost;
};

static struct columns columns_of(const struct table *table,
				 const struct report_options *options)
{
	struct columns columns = { 0, 0, 0, 0, 0 };

	columns.at_once = options->sort == REPORT_SORT_AT_ONCE;
	columns.peak = options->leaks && options->peak;
	columns.lost = options->leaks && table->nr_told;
	for (size_t i = 0; i < table->nr && !options->leaks && !options->peak;
	     i++) {
		columns.frees |= table->row[i].counts.calls[SITE_FREE] != 0;
		columns.failed |= table->row[i].counts.calls[SITE_FAILED] != 0;
	}
	return columns;
}

/* What the first columns tell of: allocations, or chunks that live. */
struct figure {
	const char *bytes_name;
	const char *nr_name;
	uint64_t bytes;
	uint64_t nr;
};

static struct figure figure_of(const struct site_counts *counts,
			       const struct report_options *options)
{
	const struct site_heap *heap = options->leaks ? &counts->alive :
							&counts->peak;

	if (!options->leaks && !options->peak)
		return (struct figure){ "bytes", "allocations", counts->bytes,
					site_births(counts) };
	return (struct figure){ options->leaks ? "alive" : "at peak", "chunks",
				show_positive(heap->bytes),
				show_positive(heap->chunks) };
}

static void show_column_names(FILE *out, const struct table *table,
			      const struct report_options *options,
			      const struct columns *columns)
{
	const struct figure figure = figure_of(&table->total, options);

	fprintf(out, "\n%10s %5s %12s %10s", figure.bytes_name, "%",
		figure.nr_name, "mean");
	if (columns->lost)
		fprintf(out, " %10s %10s", "lost", "through it");
	if (columns->peak)
		fprintf(out, " %10s", "at peak");
	if (columns->at_once)
		fprintf(out, " %12s", "at once");
	if (columns->frees)
		fprintf(out, " %12s", "frees");
	if (columns->failed)
		fprintf(out, " %9s", "failed");
	fprintf(out, "  %-8s %s\n", "by", "where");
}

static void show_row(FILE *out, const struct table *table, const struct row *row,
		     const struct report_options *options,
		     const struct columns *columns)
{
	char bytes[NUMBER_BYTES], calls[NUMBER_BYTES], mean[NUMBER_BYTES];
	const struct site_counts *counts = &row->counts;
	const struct figure figure = figure_of(counts, options);
	int margin;

	margin = fprintf(out, "%10s %5.1f %12s %10s",
		human((double)figure.bytes, bytes),
		percent(show_weight(counts, options->sort),
			show_weight(&table->total, options->sort)),
		grouped(figure.nr, calls), figure.nr ?
		human((double)figure.bytes / (double)figure.nr, mean) : "-");
	if (columns->lost)
		margin += fprintf(out, " %10s %10s",
			human((double)show_positive(counts->direct.bytes), bytes),
			human((double)show_positive(counts->indirect.bytes),
			      calls));
	if (columns->peak)
		margin += fprintf(out, " %10s", human((double)show_positive(
					counts->peak.bytes), bytes));
	if (columns->at_once)
		margin += fprintf(out, " %12s", grouped(
					counts->died[MH_SITES_AT_ONCE], calls));
	if (columns->frees)
		margin += fprintf(out, " %12s",
				  grouped(counts->calls[SITE_FREE], calls));
	if (columns->failed)
		margin += fprintf(out, " %9s",
				  grouped(counts->calls[SITE_FAILED], calls));
	margin += fprintf(out, "  %-8s ", operation(counts));
	show_where(out, row, options->by, margin);
	if (options->histogram && site_births(counts))
		show_row_sizes(out, table, row, margin);
	if (options->histogram && table->lives)
		show_row_lives(out, counts, margin);
}

static void show_lost(FILE *out, const struct table *table)
{
	char a[NUMBER_BYTES], b[NUMBER_BYTES], c[NUMBER_BYTES];
	uint64_t births = site_births(&table->lost);

	if (!births && !table->lost.calls[SITE_FREE] &&
	    !table->lost.calls[SITE_FAILED])
		return;
	fprintf(out, "counted at no site: %s %s, %s requested, %s %s\n",
		grouped(births, a), plural(births, "allocation", "allocations"),
		human((double)table->lost.bytes, b),
		grouped(table->lost.calls[SITE_FREE], c),
		plural(table->lost.calls[SITE_FREE], "free", "frees"));
}

/* What was left out of the leaks, and by which pattern. */
static void show_suppressed(FILE *out, const struct table *table,
			    const struct report_options *options)
{
	const struct suppressed *suppressed = table->suppressed;

	for (size_t i = 0; suppressed && i < options->suppress.nr; i++) {
		if (!suppressed[i].nr_sites)
			continue;
		fputs("suppressed: ", out);
		put_heap(out, &suppressed[i].heap);
		fprintf(out, " of %" PRIu64 " %s by leak:",
			suppressed[i].nr_sites,
			plural(suppressed[i].nr_sites, "site", "sites"));
		put_clean(out, options->suppress.item[i], 0);
		fputc('\n', out);
	}
}

static void show_rest(FILE *out, const struct table *table)
{
	size_t more = table->nr_matched - table->nr;

	if (more)
		fprintf(out, "%10s and %zu more (--top=0 shows all)\n", "", more);
}

static void show_sizes(FILE *out, const struct table *table,
		       const struct site_counts *counts)
{
	char name[BUCKET_BYTES], number[NUMBER_BYTES];
	uint64_t most = 0, births = site_births(counts);
	size_t first = MH_SITES_BUCKETS, last = 0;

	for (size_t b = 0; b < MH_SITES_BUCKETS; b++) {
		if (!counts->bucket[b])
			continue;
		if (counts->bucket[b] > most)
			most = counts->bucket[b];
		if (first == MH_SITES_BUCKETS)
			first = b;
		last = b;
	}
	if (!most)
		return;
	fputs("\nsizes of allocations\n", out);
	for (size_t b = first; b <= last; b++) {
		uint64_t nr = counts->bucket[b];
		int bar = (int)((double)nr / (double)most * BAR_COLUMNS + 0.5);

		fprintf(out, "%10s %5.1f %12s%s%.*s\n",
			bucket_name(table, b, name), percent(nr, births),
			grouped(nr, number), nr ? "  " : "",
			nr && !bar ? 1 : bar,
			"########################################");
	}
	if (table->other_bounds)
		fputs("  (files with other bounds: some are rounded up)\n", out);
}

/* ---- why there is not more ------------------------------------------------------- */

struct note {
	const struct object *object;
	const char *why;
};

static int by_note(const void *a, const void *b)
{
	const struct note *x = a, *y = b;
	int order = strcmp(x->object->path, y->object->path);

	if (!order && x->object != y->object)
		order = x->object < y->object ? -1 : 1;
	return order ? order : strcmp(x->why, y->why);
}

/* Each reason once for each module that has rows here. */
static void show_notes(FILE *out, const struct table *table)
{
	struct note *note = xcalloc(table->nr + 1, sizeof(*note));
	size_t nr = 0, end;

	for (size_t i = 0; i < table->nr; i++)
		if (table->row[i].place.why)
			note[nr++] = (struct note){ table->row[i].object,
						    table->row[i].place.why };
	if (nr) {
		qsort(note, nr, sizeof(*note), by_note);
		fputc('\n', out);
	}
	for (size_t i = 0; i < nr; i = end) {
		for (end = i + 1; end < nr && !by_note(&note[i], &note[end]);
		     end++)
			;
		fputs("note: ", out);
		put_object(out, note[i].object);
		fprintf(out, ": %s (%zu %s)\n", note[i].why, end - i,
			plural(end - i, "row", "rows"));
	}
	free(note);
}

/* "process 12", or "process 12, pool" where there are several; to be freed. */
static char *name_of(const struct site_process *process, int several)
{
	char *name = several ? xasprintf("process %" PRIu32 ", %s", process->pid,
					 process->ident) :
			       xasprintf("process %" PRIu32, process->pid);

	text_clean(name);
	return name;
}

/* Why lost chunks are not told from others, or not for certain. */
static void show_reach_note(FILE *out, const struct site_process *process,
			    const char *name)
{
	static const char *const why[MH_SITES_REACH_GAPS + 1] = {
		[MH_SITES_REACH_NO] = "nobody has looked: sites.reach, and the "
				      "end by exit",
		[MH_SITES_REACH_LARGE] = "it has more memory than sites.reach "
					 "allows to look at",
		[MH_SITES_REACH_DENIED] = "it may not read its memory by "
					  "process_vm_readv(2), or not "
					  "/proc/self/maps",
		[MH_SITES_REACH_MEMORY] = "no memory for that was to be had",
		[MH_SITES_REACH_GAPS] = "the index does not know all its chunks",
	};

	if (process->reach != MH_SITES_REACH_TOLD)
		fprintf(out, "note: %s: lost chunks are not told from those "
			"that can still be reached: %s\n", name,
			why[process->reach]);
	else if (process->reach_threads)
		fprintf(out, "note: %s: %" PRIu32 " other %s ran when lost "
			"chunks were looked for: registers of theirs, and what "
			"they moved meanwhile, were not seen\n", name,
			process->reach_threads, plural(process->reach_threads,
						       "thread", "threads"));
}

static void show_file_notes(FILE *out, const struct site_process *process,
			    const struct report *report)
{
	const struct report_options *options = report->options;
	char *name = name_of(process, report->several);

	if (!process->lives && (options->leaks || options->peak))
		fprintf(out, "note: %s: what became of its chunks "
			"was not recorded: its stack has no index below sites "
			"(CONFIG_HOOK_INDEX)\n", name);
	if (options->leaks && process->lives)
		show_reach_note(out, process, name);
	if (process->resets)
		fprintf(out, "note: %s: counting began anew, "
			"%" PRIu32 " %s (core.reset)\n", name,
			process->resets,
			plural(process->resets, "time", "times"));
	if (process->gaps)
		fprintf(out, "note: %s: calls were not recorded all the time: "
			"%" PRIu32 " %s (core.record, sites.on, index.on)%s\n",
			name, process->gaps,
			plural(process->gaps, "gap", "gaps"),
			!process->off ? "" :
			process->state == SITE_RUNNING ?
			", one now: what lives is as it was before" :
			", the last up to the end");
	if (process->unseen)
		fprintf(out, "note: %s: %" PRIu64 " %s freed that the index "
			"did not know\n", name, process->unseen,
			plural(process->unseen, "chunk was", "chunks were"));
	if (process->full)
		fprintf(out, "note: %s: no room for more "
			"sites in its file: a larger sites.size may help\n",
			name);
	if (process->missing)
		fprintf(out, "note: %s: its file was cut off, "
			"%" PRIu32 " %s missing\n", name,
			process->missing,
			plural(process->missing, "page is", "pages are"));
	if (process->damaged)
		fprintf(out, "note: %s: its file is damaged, "
			"%u %s left out\n", name, process->damaged,
			plural(process->damaged, "part was", "parts were"));
	free(name);
}

/* "layer.option = value (origin)", a line each. */
static void show_configuration(FILE *out, const struct site_process *process,
			       int several)
{
	char *name = name_of(process, several);
	struct strings lines = { 0 };

	strings_split(&lines, process->options, '\n');
	fprintf(out, "\noptions of %s%s\n", name,
		lines.nr ? ":" : ": its file does not tell");
	for (size_t i = 0; i < lines.nr; i++) {
		fputs("  ", out);
		put_clean(out, lines.item[i], 0);
		fputc('\n', out);
	}
	strings_free(&lines);
	free(name);
}

/* ---- the whole -------------------------------------------------------------------- */

static void show_table(FILE *out, const struct table *table,
		       const struct report_options *options)
{
	const struct columns columns = columns_of(table, options);

	show_head(out, table, options);
	if (table->nr) {
		show_column_names(out, table, options, &columns);
		for (size_t i = 0; i < table->nr; i++)
			show_row(out, table, &table->row[i], options, &columns);
		show_rest(out, table);
	}
	show_suppressed(out, table, options);
	show_lost(out, table);
	if (options->leaks || options->peak)
		fputs(table->nr ? "" : "no rows\n", out);
	else
		show_sizes(out, table, report_has_filter(options) ? &table->matched :
							    &table->total);
	show_notes(out, table);
}

static void show_title(FILE *out, const struct site_process *process,
		       int several)
{
	put_clean(out, process->command, 0);
	fprintf(out, "\nprocess %" PRIu32 ", %s%s", process->pid,
		site_state_names[process->state],
		process->state == SITE_KILLED ? ", or left by _exit or exec" :
						"");
	/* The default one goes without saying, where it is the only one. */
	if (several || !streq(process->ident, "libc")) {
		fputs(", allocator ", out);
		put_allocator(out, process->ident, process->inside);
	}
	fputc('\n', out);
}

static void show_allocator(FILE *out, const struct table *table)
{
	fputs("allocator ", out);
	put_allocator(out, table->ident, table->inside);
	fputc('\n', out);
}

void show_text(FILE *out, const struct report *report)
{
	const struct report_options *options = report->options;

	if (report->nr > 1 || options->form == REPORT_PROCESSES) {
		fprintf(out, "%zu %s", report->nr_processes,
			plural(report->nr_processes, "process", "processes"));
		if (report->nr_tables > 1 && !options->each)
			fprintf(out, ", %zu allocators", report->nr_tables);
		fputc('\n', out);
		show_processes(out, report);
		fputc('\n', out);
	}
	for (size_t i = 0; i < report->nr_tables &&
	     options->form != REPORT_PROCESSES; i++) {
		if (i)
			fputc('\n', out);
		if (report->nr == 1 || options->each)
			show_title(out, &report->process[i], report->several);
		else if (report->several)
			show_allocator(out, &report->table[i]);
		show_table(out, &report->table[i], options);
	}
	for (size_t i = 0; i < report->nr; i++)
		show_file_notes(out, &report->process[i], report);
	for (size_t i = 0; options->configuration && i < report->nr; i++)
		show_configuration(out, &report->process[i], report->several);
}
