/* SPDX-License-Identifier: MIT */
/*
 * record.h - what a run records, and what is told of it at the end
 */
#ifndef MALLOCHOOKS_RECORD_H
#define MALLOCHOOKS_RECORD_H

#include <stdint.h>
#include <stdio.h>

#include "report.h"

/**
 * struct record - the files of a run
 *
 * As asked for:
 * @output:	file to tell all in, or NULL for stderr
 * @keep:	leave the files, in
 * @keep_dir:	this directory, or NULL for the one that was made
 * @quiet:	tell nothing, and record nothing that is not kept
 * @each:	a line and a table for each process
 * @limit:	lines of the totals file
 * @options:	of the report
 *
 * As it is then:
 * @out:	where to tell it
 * @dir:	of the files; NULL: nothing is recorded
 * @dir_word:	the same, as a value in MALLOCHOOKS
 * @totals:	path of the totals file, or NULL
 * @sites:	processes make files of their own
 */
struct record {
	const char *output;
	int keep;
	const char *keep_dir;
	int quiet;
	int each;
	uint32_t limit;
	struct report_options options;

	FILE *out;
	char *dir;
	char *dir_word;
	char *totals;
	int totals_fd;
	int sites;
};

/**
 * record_open() - open the file that all is told in
 *
 * die()s when it cannot be.
 */
void record_open(struct record *record);

/**
 * record_prepare() - make the directory and the totals file
 * @unit:	to be preloaded; decides what can be recorded
 *
 * When they cannot be made, one line is said and nothing is recorded.  What was
 * made is removed when this process exits, but for what is to be kept.
 */
void record_prepare(struct record *record, const char *unit);

/**
 * record_tell() - totals and report
 * Return: 0, or 1 with a line said when they could not be written.
 */
int record_tell(const struct record *record);

/* Remove what is not to be kept. */
void record_forget(struct record *record);

#endif
