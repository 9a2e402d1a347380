// SPDX-License-Identifier: MIT
/*
 * record - what a run records, and what is told of it at the end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

#include "unit.h"
#include "record.h"
#include "rundir.h"
#include "tools.h"
#include "totals.h"

/* More calls than sites.after can ask for: LOG_MOST of hooks/sites.c. */
#define SITES_AFTER_MOST	4096

/* ---- the files --------------------------------------------------------------- */

void record_open(struct record *record)
{
	record->out = stderr;
	if (record->output)
		record->out = fopen(record->output, "we");
	if (!record->out)
		die("%s: %s (--output)", record->output, strerror(errno));
}

/* Whose directory goes when we fail, and in which process that is. */
static struct record *cleaned;
static pid_t cleaner;

static void clean_up(void)
{
	struct record *record = cleaned;

	if (!record || getpid() != cleaner)
		return;
	cleaned = NULL;
	if (!record->keep) {
		rundir_remove(record->dir);
		return;
	}
	if (record->totals)
		unlink(record->totals);
	if (!record->keep_dir)
		rmdir(record->dir);	/* if it is empty */
}

void record_forget(struct record *record)
{
	clean_up();
	if (record->totals_fd >= 0)
		close(record->totals_fd);
	record->totals_fd = -1;
	free(record->totals);
	free(record->dir_word);
	free(record->dir);
	record->totals = record->dir_word = record->dir = NULL;
	record->sites = 0;
}

/* A value as MALLOCHOOKS takes it: a comma would end it. */
static char *escape(const char *value)
{
	char *escaped = xcalloc(2 * strlen(value) + 1, 1), *to = escaped;

	for (; *value; value++) {
		if (*value == ',' || *value == '\\')
			*to++ = '\\';
		*to++ = *value;
	}
	return escaped;
}

/* Return: 0 or an errno. */
static int make_directory(struct record *record)
{
	int err = rundir_make(record->keep_dir, &record->dir);

	if (record->keep_dir && (err == ENOTEMPTY || err == ENOTDIR))
		die("--keep=%s: %s: name a new directory, or an empty one",
		    record->keep_dir, strerror(err));
	if (err)
		return err;
	cleaned = record;
	cleaner = getpid();
	atexit(clean_up);
	record->dir_word = escape(record->dir);
	return strlen(record->dir_word) + sizeof("/totals") >
	       MALLOCHOOKS_STRING_BYTES ? ENAMETOOLONG : 0;
}

static void make_files(struct record *record, int count, int sites)
{
	const char *tmp = getenv("TMPDIR"), *what = "directory";
	int err = make_directory(record);

	if (!err && count) {
		what = "totals file";
		record->totals = xasprintf("%s/totals", record->dir);
		err = totals_make(record->totals, record->limit,
				  &record->totals_fd);
	}
	record->sites = sites;
	if (!err)
		return;
	say("nothing is recorded: no %s in %s: %s (another %s may help)", what,
	    record->keep_dir ? record->keep_dir : tmp && *tmp ? tmp : "/tmp",
	    strerror(err), record->keep_dir ? "--keep=DIR" : "TMPDIR");
	record_forget(record);
}

static int unit_can(const char *unit, const char *option)
{
	int has = unit_has_option(unit, option);

	if (has < 0)
		die("%s: cannot be preloaded (--preload)", unit);
	return has;
}

static void check_lives(const struct report_options *options, const char *unit)
{
	if ((options->leaks || options->peak) && !unit_can(unit, "sites.peak"))
		die("--%s: %s does not learn what becomes of chunks: compose one "
		    "with the layer sites and below it index "
		    "(CONFIG_HOOK_INDEX=y), and name it by --preload=",
		    options->leaks ? "leaks" : "peak", unit);
}

void record_prepare(struct record *record, const char *unit)
{
	int count, sites;

	check_lives(&record->options, unit);
	if (record->quiet && !record->keep)
		return;
	count = unit_can(unit, "count.file") && !record->quiet;
	sites = unit_can(unit, "sites.dir");
	if (!count && !sites)
		say("nothing is recorded: %s has no %s layer", unit,
		    record->quiet ? "sites" : "count and no sites");
	else if (record->keep && !sites)
		say("--keep: there will be no files: %s has no sites layer",
		    unit);
	if (!sites)
		record->keep = 0;
	if (count || sites)
		make_files(record, count, sites);
}

/* ---- what is told ------------------------------------------------------------ */

/**
 * struct outcome - what is known of the processes at the end
 * @each:	@nr that the count layer has seen, in the order of birth; several
 *		of a process that has several stacks
 * @idents:	of these
 * @full:	there may have been more
 * @pids:	@nr_pids that have made @nr_files files, in ascending order
 */
struct outcome {
	struct totals *each;
	size_t nr;
	struct strings idents;
	int full;
	uint32_t *pids;
	size_t nr_pids;
	size_t nr_files;
};

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int has_file(const struct outcome *outcome, uint32_t pid)
{
	return outcome->nr_pids && bsearch(&pid, outcome->pids, outcome->nr_pids,
					   sizeof(pid), by_number);
}

/* "12 processes, pool:", of a stack among several; to be freed. */
static char *who(const char *what, const char *ident, int several)
{
	return several ? xasprintf("%s, %s:", what, ident) :
			 xasprintf("%s,", what);
}

/* What one stack has counted in all processes: what lies in chunks of another
 * one is counted by that, too, so they do not add up. */
static void tell_stack(const struct record *record,
		       const struct outcome *outcome, const char *ident)
{
	struct totals sum = { 0 };
	char *what, *name;
	size_t nr = 0;

	for (size_t i = 0; i < outcome->nr; i++) {
		if (!streq(outcome->each[i].ident, ident))
			continue;
		totals_add(&sum, &outcome->each[i]);
		nr++;
	}
	what = xasprintf("%zu %s", nr, nr == 1 ? "process" : "processes");
	name = who(what, ident, outcome->idents.nr > 1);
	totals_print(record->out, name, &sum, "");
	free(name);
	free(what);
}

static void tell_each(const struct record *record, const struct outcome *outcome)
{
	char *what, *name;

	for (size_t i = 0; i < outcome->nr; i++) {
		const struct totals *one = &outcome->each[i];

		what = xasprintf("process %u", one->pid);
		name = who(what, one->ident, outcome->idents.nr > 1);
		totals_print(record->out, name, one,
			     !record->sites || has_file(outcome, one->pid) ? "" :
			     ", no file");
		free(name);
		free(what);
	}
}

static void tell_totals(const struct record *record, const struct outcome *outcome)
{
	if (record->each)
		tell_each(record, outcome);
	for (size_t i = 0; i < outcome->idents.nr; i++)
		tell_stack(record, outcome, outcome->idents.item[i]);
	if (outcome->full)
		fprintf(record->out, "mallochooks: run: limit of %u threads "
			"reached, the totals may be short: --limit=%u\n",
			record->limit, record->limit < TOTALS_LIMIT_MOST / 16 ?
				    record->limit * 16 : TOTALS_LIMIT_MOST);
}

/* The processes that the report will know nothing of. */
static void tell_fileless(const struct record *record, const struct outcome *outcome)
{
	size_t nr = 0, failed = 0, all = 0, end;
	uint64_t brief = 0, calls, most;

	for (size_t i = 0; i < outcome->nr; i = end) {
		const uint32_t pid = outcome->each[i].pid;

		calls = most = 0;
		for (end = i; end < outcome->nr &&
		     outcome->each[end].pid == pid; end++) {
			calls += outcome->each[end].calls;
			if (most < outcome->each[end].calls)
				most = outcome->each[end].calls;
		}
		all++;
		if (has_file(outcome, pid))
			continue;
		if (most > SITES_AFTER_MOST) {
			failed++;
			continue;
		}
		nr++;
		brief += calls;
	}
	if (nr)
		fprintf(record->out, "mallochooks: run: %zu of %zu processes %s too "
			"short for a file, and not in the report: %llu "
			"allocations (--options=sites.after=0 gives each a "
			"file)\n", nr, all, nr == 1 ? "was" : "were",
			(unsigned long long)brief);
	if (failed)
		fprintf(record->out, "mallochooks: run: %zu of %zu processes "
			"could make no file (their own line above?)\n", failed,
			all);
}

static void tell_sites(const struct record *record, const struct outcome *outcome)
{
	int nr;

	if (!record->totals)
		fprintf(record->out, "mallochooks: run: %zu %s a file, shorter "
			"ones not counted (the unit has no count layer)\n",
			outcome->nr_pids, outcome->nr_pids == 1 ?
			"process has" : "processes have");
	else
		tell_fileless(record, outcome);
	fputc('\n', record->out);
	nr = report_directory(record->dir, record->out, &record->options);
	if (!nr)
		fputs("mallochooks: run: no report: none of the files can be "
		      "read\n", record->out);
}

static void tell_all(const struct record *record, const struct outcome *outcome)
{
	if (!outcome->nr && !outcome->nr_files) {
		fputs("mallochooks: run: no process reported: the loader took "
		      "no unit (its own line above?), the program cleared its "
		      "environment, or what it started is static or setuid\n",
		      record->out);
		return;
	}
	if (outcome->nr)
		tell_totals(record, outcome);
	if (outcome->nr_files)
		tell_sites(record, outcome);
	else if (record->sites)
		fputs("mallochooks: run: no report: no process has made a file "
		      "(its own line above?)\n", record->out);
}

static void tell_kept(const struct record *record, const struct outcome *outcome)
{
	char *dir = shell_quote(record->dir);

	rundir_trim(record->dir);
	if (record->quiet && !outcome->nr_files)
		say("no process has made a file in %s", dir);
	else if (!record->quiet && outcome->nr_files)
		fprintf(record->out, "\nmallochooks: run: files kept: mallochooks "
			"report %s\n", dir);
	free(dir);
}

int record_tell(const struct record *record)
{
	struct outcome outcome = { .nr = 0 };

	if (record->totals)
		outcome.nr = totals_read(record->totals_fd, record->limit,
					 &outcome.each, &outcome.full);
	for (size_t i = 0; i < outcome.nr; i++)
		if (!strings_has(&outcome.idents, outcome.each[i].ident))
			strings_add(&outcome.idents, outcome.each[i].ident);
	if (record->sites)
		outcome.nr_pids = rundir_pids(record->dir, &outcome.nr_files,
					      &outcome.pids);
	if (!record->quiet)
		tell_all(record, &outcome);
	if (record->keep)
		tell_kept(record, &outcome);
	strings_free(&outcome.idents);
	free(outcome.each);
	free(outcome.pids);
	if (!fflush(record->out) && !ferror(record->out))
		return 0;
	say("%s: the report could not be written: %s",
	    record->output ? record->output : "stderr", strerror(errno));
	return 1;
}
