/* SPDX-License-Identifier: MIT */
/*
 * show.h - the forms that a report is printed in
 */
#ifndef MALLOCHOOKS_SHOW_H
#define MALLOCHOOKS_SHOW_H

#include "report.h"
#include "sitefile.h"
#include "table.h"

/**
 * struct report - all that there is to print
 * @options:	what was asked for
 * @process:	@nr files, the oldest first; without their sites
 * @nr_processes: that have made them: one for each allocator
 * @table:	one for each allocator, or with options->each one for each file,
 *		in the same order; finished
 * @several:	the tables are not all about one allocator
 */
struct report {
	const struct report_options *options;
	struct site_process *process;
	size_t nr;
	size_t nr_processes;
	struct table *table;
	size_t nr_tables;
	int several;
};

/* For people: tables as wide as they have to be. */
void show_text(FILE *out, const struct report *report);

/* Documentation/formats.rst, "JSON". */
void show_json(FILE *out, const struct report *report);

/* A line a row, "frame;frame;... weight", as flame graphs are made of. */
void show_collapsed(FILE *out, const struct report *report);

/* Function, file and line, as far as they are known. */
void show_frame(FILE *out, const struct frame *frame);

/* JSON: a string, or null; and a member "frames" with a comma before it. */
void show_string(FILE *out, const char *text);
void show_frames(FILE *out, const struct place *place);

/* Of a number that should be one: 0 where chunks were not known. */
uint64_t show_positive(int64_t number);

/* What a row has of the thing that rows are sorted by, as a number that adds
 * up; of the mean it is the bytes. */
uint64_t show_weight(const struct site_counts *counts, enum report_sort sort);

#endif
