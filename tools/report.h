/* SPDX-License-Identifier: MIT */
/*
 * report.h - a report of what the sites layer has recorded
 */
#ifndef REPORT_H
#define REPORT_H

#include <getopt.h>
#include <stdio.h>

#include "tools.h"

enum report_sort {
	REPORT_SORT_BYTES,
	REPORT_SORT_CALLS,
	REPORT_SORT_MEAN,
	REPORT_SORT_FREES,
	REPORT_SORT_FAILED,
	REPORT_SORT_ALIVE,
	REPORT_SORT_PEAK,
	REPORT_SORT_AT_ONCE
};

enum report_by {
	REPORT_BY_ADDRESS,
	REPORT_BY_LINE,
	REPORT_BY_FUNCTION,
	REPORT_BY_MODULE
};

enum report_form {
	REPORT_TEXT,
	REPORT_JSON,
	REPORT_COLLAPSED,
	REPORT_PROCESSES	/* as text: a line for each process */
};

#define REPORT_TOP_DEFAULT	20

/**
 * struct report_options - what to show and how
 * @sort:	largest first by this
 * @sorted:	somebody has asked for that
 * @leaks:	what was alive in the end
 * @peak:	what was alive when that was most
 * @suppress:	patterns of leaks to leave out
 * @by:		what makes one row
 * @form:	of the output
 * @top:	most rows, 0 for all; -1: 20 in text, all in the other forms
 * @each:	a table for each process, and not one for all
 * @histogram:	sizes for each row too
 * @configuration: the options of each process too
 * @no_symbols:	addresses only, no file of a program is opened
 * @module:	globs or parts of module paths; a row passes when one matches
 * @function:	the same for functions
 * @either:	the same for any of both
 */
struct report_options {
	enum report_sort sort;
	int sorted;
	int leaks;
	int peak;
	struct strings suppress;
	enum report_by by;
	enum report_form form;
	long top;
	int each;
	int histogram;
	int configuration;
	int no_symbols;
	struct strings module;
	struct strings function;
	struct strings either;
};

/* For the table of getopt_long(3), with report_option(). */
enum {
	REPORT_OPTION_SORT = 0x100,
	REPORT_OPTION_BY,
	REPORT_OPTION_TOP,
	REPORT_OPTION_FILTER,
	REPORT_OPTION_HISTOGRAM,
	REPORT_OPTION_NO_SYMBOLS,
	REPORT_OPTION_LEAKS,
	REPORT_OPTION_PEAK,
	REPORT_OPTION_SUPPRESSIONS
};

#define REPORT_LONG_OPTIONS \
	{ "sort", required_argument, NULL, REPORT_OPTION_SORT }, \
	{ "by", required_argument, NULL, REPORT_OPTION_BY }, \
	{ "top", required_argument, NULL, REPORT_OPTION_TOP }, \
	{ "filter", required_argument, NULL, REPORT_OPTION_FILTER }, \
	{ "histogram", no_argument, NULL, REPORT_OPTION_HISTOGRAM }, \
	{ "no-symbols", no_argument, NULL, REPORT_OPTION_NO_SYMBOLS }, \
	{ "leaks", no_argument, NULL, REPORT_OPTION_LEAKS }, \
	{ "peak", no_argument, NULL, REPORT_OPTION_PEAK }, \
	{ "suppressions", required_argument, NULL, REPORT_OPTION_SUPPRESSIONS }

/* What REPORT_LONG_OPTIONS means, as lines for --help. */
#define REPORT_OPTIONS_HELP \
	"  --leaks          what was never freed, by the place that allocated it\n" \
	"  --suppressions=FILE  lines \"leak:PATTERN\" of leaks to leave out\n" \
	"  --peak           what was alive when that was most\n" \
	"  --sort=WHAT      bytes (default), calls, mean, frees, failed, alive,\n" \
	"                   peak or at-once (freed before the next allocation)\n" \
	"  --by=WHAT        a row for each address (default), line, function\n" \
	"                   or module\n" \
	"  --top=N          so many rows (default 20; 0: all)\n" \
	"  --filter=WHAT    module=GLOB, function=GLOB, or a part of either\n" \
	"  --histogram      sizes of each row too\n" \
	"  --no-symbols     addresses only\n"

void report_options_init(struct report_options *options);

/**
 * report_options_check() - after the last of them: do they go together?
 *
 * die()s when they do not.
 */
void report_options_check(struct report_options *options);

/**
 * report_option() - take one option of REPORT_LONG_OPTIONS
 * @c:		what next_option() returned
 * @value:	its argument, or NULL
 *
 * A bad value is die()d of.
 */
void report_option(struct report_options *options, int c, const char *value);

void report_options_free(struct report_options *options);

/**
 * report_directory() - report on all *.sites of a directory
 * @dir:	where they are
 * @out:	the report goes there; the caller flushes it and looks for errors
 * @options:	as report_options_init() leaves them, or as set
 *
 * A file that cannot be read costs a line through say(), no more.
 * Return: number of files read, 0 with nothing printed; or -1, with a line
 * said, when the directory cannot be read.
 */
int report_directory(const char *dir, FILE *out,
		     const struct report_options *options);

#endif
