// SPDX-License-Identifier: MIT
/*
 * show-data - a report for other programs: JSON, and collapsed stacks
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

/* ---- JSON ---------------------------------------------------------------------- */

/* Whatever stood in a file, as a string of valid JSON. */
void show_string(FILE *out, const char *text)
{
	char *clean;

	if (!text) {
		fputs("null", out);
		return;
	}
	clean = xstrdup(text);
	text_clean(clean);
	fputc('"', out);
	for (const char *at = clean; *at; at++) {
		if (*at == '"' || *at == '\\')
			fputc('\\', out);
		fputc(*at, out);
	}
	fputc('"', out);
	free(clean);
}

static void put_field(FILE *out, const char *name, const char *text)
{
	fprintf(out, ",\"%s\":", name);
	show_string(out, text);
}

static void put_allocator(FILE *out, const char *ident, const char *inside)
{
	put_field(out, "ident", ident);
	put_field(out, "inside", *inside ? inside : NULL);
}

static void put_heap(FILE *out, const char *name, const struct site_heap *heap)
{
	fprintf(out, ",\"%s\":{\"chunks\":%" PRId64 ",\"bytes\":%" PRId64 "}",
		name, heap->chunks, heap->bytes);
}

/* Without the braces, so that more can be said in the same object. */
static void put_counts(FILE *out, const struct site_counts *counts)
{
	fprintf(out, "\"allocations\":%" PRIu64 ",\"bytes\":%" PRIu64,
		site_births(counts), counts->bytes);
	for (size_t i = 0; i < NR_SITE_OPS; i++)
		fprintf(out, ",\"%s\":%" PRIu64, site_op_names[i],
			counts->calls[i]);
	fprintf(out, ",\"failed_bytes\":%" PRIu64 ",\"sizes\":[",
		counts->failed_bytes);
	for (size_t b = 0; b < MH_SITES_BUCKETS; b++)
		fprintf(out, "%s%" PRIu64, b ? "," : "", counts->bucket[b]);
	fputs("],\"died\":{", out);
	for (size_t i = 0; i < MH_SITES_AGES; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "",
			site_age_names[i], counts->died[i]);
	fputc('}', out);
	put_heap(out, "alive", &counts->alive);
	put_heap(out, "peak", &counts->peak);
	put_heap(out, "inherited", &counts->inherited);
	put_heap(out, "lost_direct", &counts->direct);
	put_heap(out, "lost_indirect", &counts->indirect);
}

static void put_options(FILE *out, const struct site_process *process)
{
	struct strings lines = { 0 };

	strings_split(&lines, process->options, '\n');
	fprintf(out, ",\"resets\":%" PRIu32 ",\"gaps\":%" PRIu32
		",\"off\":%s,\"unseen\":%" PRIu64 ",\"options\":[",
		process->resets, process->gaps, process->off ? "true" : "false",
		process->unseen);
	for (size_t i = 0; i < lines.nr; i++) {
		fputs(i ? "," : "", out);
		show_string(out, lines.item[i]);
	}
	fputc(']', out);
	strings_free(&lines);
}

static void put_process(FILE *out, const struct site_process *process)
{
	fprintf(out, "{\"pid\":%" PRIu32 ",\"ppid\":%" PRIu32
		",\"start\":%" PRIu64 ".%09" PRIu64 ",\"state\":\"%s\"",
		process->pid, process->ppid, process->start_ns / 1000000000,
		process->start_ns % 1000000000,
		site_state_names[process->state]);
	put_field(out, "file", process->file);
	put_allocator(out, process->ident, process->inside);
	put_field(out, "exe", process->exe);
	put_field(out, "command", process->command);
	put_options(out, process);
	fprintf(out, ",\"full\":%s,\"missing_pages\":%" PRIu32
		",\"damaged_parts\":%u,\"lives\":%s,\"reach\":\"%s\""
		",\"reach_threads\":%" PRIu32 ",\"total\":{",
		process->full ? "true" : "false", process->missing,
		process->damaged, process->lives ? "true" : "false",
		site_reach_names[process->reach], process->reach_threads);
	put_counts(out, &process->total);
	fputs("},\"lost\":{", out);
	put_counts(out, &process->lost);
	fputs("}}", out);
}

void show_frames(FILE *out, const struct place *place)
{
	fputs(",\"frames\":[", out);
	for (size_t i = 0; i < place->nr; i++) {
		fputs(i ? ",{\"function\":" : "{\"function\":", out);
		show_string(out, place->frame[i].function);
		put_field(out, "file", place->frame[i].file);
		fprintf(out, ",\"line\":%d}", place->frame[i].line);
	}
	fputc(']', out);
}

static void put_row(FILE *out, const struct row *row, enum report_by by)
{
	const struct object *object = row->object;

	fputs("{\"module\":", out);
	show_string(out, object->no_file ? NULL : object->path);
	fputs(",\"build_id\":\"", out);
	for (size_t i = 0; i < object->build_id_bytes; i++)
		fprintf(out, "%02x", object->build_id[i]);
	fputc('"', out);
	if (by == REPORT_BY_ADDRESS)
		fprintf(out, ",\"address\":\"%#" PRIx64 "\"", row->address);
	if (by != REPORT_BY_MODULE)
		show_frames(out, &row->place);
	put_field(out, "why", row->place.why);
	fprintf(out, ",\"sites\":%" PRIu64 ",", row->nr_sites);
	put_counts(out, &row->counts);
	fputc('}', out);
}

static void put_suppressed(FILE *out, const struct table *table,
			   const struct report_options *options)
{
	const struct suppressed *suppressed = table->suppressed;

	fputs("\"suppressed\":[", out);
	for (size_t i = 0; suppressed && i < options->suppress.nr; i++) {
		fputs(i ? ",{\"pattern\":" : "{\"pattern\":", out);
		show_string(out, options->suppress.item[i]);
		fprintf(out, ",\"sites\":%" PRIu64 ",\"chunks\":%" PRId64
			",\"bytes\":%" PRId64 "}", suppressed[i].nr_sites,
			suppressed[i].heap.chunks, suppressed[i].heap.bytes);
	}
	fputs("],", out);
}

static void put_table(FILE *out, const struct report *report, size_t nr)
{
	const struct table *table = &report->table[nr];

	fputs("{\"pid\":", out);
	if (report->options->each)
		fprintf(out, "%" PRIu32, report->process[nr].pid);
	else
		fputs("null", out);
	put_allocator(out, table->ident, table->inside);
	fputs(",\"bounds\":[", out);
	for (size_t b = 0; b + 1 < MH_SITES_BUCKETS; b++)
		fprintf(out, "%" PRIu64 ",", table->bound[b]);
	fputs("null],\"total\":{", out);
	put_counts(out, &table->total);
	fputs("},\"matched\":{", out);
	put_counts(out, &table->matched);
	fputs("},\"lost\":{", out);
	put_counts(out, &table->lost);
	fputs("},", out);
	put_suppressed(out, table, report->options);
	fprintf(out, "\"nr_rows\":%zu,\"rows\":[", table->nr_matched);
	for (size_t i = 0; i < table->nr; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_row(out, &table->row[i], report->options->by);
	}
	fputs("]}", out);
}

void show_json(FILE *out, const struct report *report)
{
	static const char *const by[] = {
		[REPORT_BY_ADDRESS] = "address", [REPORT_BY_LINE] = "line",
		[REPORT_BY_FUNCTION] = "function", [REPORT_BY_MODULE] = "module",
	};

	fprintf(out, "{\"format\":\"mallochooks-report\",\"version\":1,"
		"\"by\":\"%s\",\"processes\":[", by[report->options->by]);
	for (size_t i = 0; i < report->nr; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_process(out, &report->process[i]);
	}
	fputs("],\n\"tables\":[", out);
	for (size_t i = 0; i < report->nr_tables; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_table(out, report, i);
	}
	fputs("]}\n", out);
}

/* ---- collapsed stacks --------------------------------------------------------------- */

/* ';' and line ends would be read as more than a name. */
static void put_name(FILE *out, const char *name)
{
	char *clean = xstrdup(name);

	text_clean(clean);
	for (char *at = clean; *at; at++)
		if (*at == ';')
			*at = ':';
	fputs(clean, out);
	free(clean);
}

static void put_stack(FILE *out, const struct row *row, enum report_by by)
{
	const struct object *object = row->object;

	put_name(out, object->no_file ? "[no module]" : object_name(object));
	if (by == REPORT_BY_MODULE)
		return;
	if (!row->place.nr)
		fprintf(out, ";%#" PRIx64, row->address);
	if (by == REPORT_BY_FUNCTION) {
		char plain[512];

		fputc(';', out);
		put_name(out, row_function_name(row, plain, sizeof(plain)));
		return;
	}
	for (size_t i = row->place.nr; i-- > 0;) {
		const struct frame *frame = &row->place.frame[i];

		fputc(';', out);
		put_name(out, frame->function ? frame->function : "?");
	}
	/* What tells two calls in one function apart. */
	if (row->place.nr && row->place.frame[0].line) {
		fputc(';', out);
		put_name(out, base_name(row->place.frame[0].file));
		fprintf(out, ":%d", row->place.frame[0].line);
	}
}

void show_collapsed(FILE *out, const struct report *report)
{
	const struct report_options *options = report->options;

	for (size_t i = 0; i < report->nr_tables; i++) {
		const struct table *table = &report->table[i];

		for (size_t k = 0; k < table->nr; k++) {
			uint64_t weight = show_weight(&table->row[k].counts,
						      options->sort);

			if (!weight)
				continue;
			if (options->each) {
				put_name(out, base_name(report->process[i].exe));
				fprintf(out, " %" PRIu32 ";",
					report->process[i].pid);
			}
			if (report->several) {
				put_name(out, table->ident);
				fputc(';', out);
			}
			put_stack(out, &table->row[k], options->by);
			fprintf(out, " %" PRIu64 "\n", weight);
		}
	}
}
