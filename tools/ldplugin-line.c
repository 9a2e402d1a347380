// SPDX-License-Identifier: MIT
/*
 * ldplugin-line.c - what the linker's own line tells, and its plugin is not shown:
 * members of archives that are not taken, code of LTO, and the guard
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "ldargs.h"
#include "ldplugin.h"

enum { LINES_MOST = 3 };

/* That of malloc says most. */
static const char *best_error(const struct strings *errors)
{
	for (size_t i = 0; i < errors->nr; i++)
		if (starts_with(errors->item[i], "malloc: "))
			return errors->item[i];
	return errors->item[0];
}

/* @lines: NULL when nothing is to be said */
static void look_at(const struct takeover *takeover, const char *where,
		    const char *name, const void *file, size_t bytes,
		    struct strings *lines)
{
	struct rewrite_result result;
	unsigned char *found;

	if ((lines && lines->nr >= LINES_MOST) ||
	    !takeover_concerns(takeover, name, file, bytes) || !lines)
		return;
	found = xcalloc(takeover->rewrite.symbols.nr, 1);
	rewrite_object(&takeover->rewrite, name, file, bytes, found, &result);
	if (result.errors.nr)
		strings_addf(lines, "%s: %s", where,
			     best_error(&result.errors));
	rewrite_result_free(&result);
	free(found);
}

static void look_into(const struct takeover *takeover, const char *path,
		      const void *file, size_t bytes, struct strings *lines)
{
	struct archive archive;

	free(archive_open(&archive, path, file, bytes));
	for (size_t i = 0; i < archive.nr; i++) {
		const struct member *member = &archive.members[i];
		char *where = xasprintf("%s(%s)", path, member->name);

		if (member->data)
			look_at(takeover, where, base_name(member->name),
				member->data, member->bytes, lines);
		free(where);
	}
	archive_close(&archive);
}

static void look_for_file(const struct takeover *takeover, const char *path,
			  struct strings *lines)
{
	size_t bytes;
	char *file = is_file(path) ? read_file(path, &bytes) : NULL;

	if (!file)
		return;
	if (archive_is(file, bytes))
		look_into(takeover, path, file, bytes, lines);
	else
		look_at(takeover, path, base_name(path), file, bytes, lines);
	free(file);
}

/* The linker's own words: lld takes the same ones, as far as files go. */
static void read_line(struct ld_args *args)
{
	struct strings argv = { 0 }, words = { 0 };
	size_t bytes;
	char *text = read_file("/proc/self/cmdline", &bytes);

	for (size_t at = 0; text && at < bytes; at += strlen(text + at) + 1)
		strings_add(&argv, text + at);
	if (argv.nr)
		ld_args_expand(&words, argv.item);
	free(ld_args_read(args, LD_LLD, &words));
	strings_free(&words);
	strings_free(&argv);
	free(text);
}

void ldplugin_find_lto(const struct takeover *takeover, struct strings *lines)
{
	struct ld_args args = { 0 };

	read_line(&args);
	for (size_t i = 0; i < args.nr; i++) {
		const struct ld_word *word = &args.words[i];
		char *path = NULL;

		if (word->role == LD_INPUT)
			path = xstrdup(word->name);
		else if (word->role == LD_LIBRARY)
			path = ld_args_library(&args, word->name,
					       word->is_static);
		if (path)
			look_for_file(takeover, path, lines);
		free(path);
	}
	ld_args_free(&args);
}

void ldplugin_search(const struct takeover *takeover)
{
	ldplugin_find_lto(takeover, NULL);
}

static int keeps(const struct ld_args *args, size_t i, const char *symbol)
{
	static const char *const alls[] = { "-E", "-export-dynamic",
					    "--export-dynamic" };
	static const char *const ones[] = { "-u", "-undefined=", "--undefined=",
					    "-e", "-entry=", "--entry=" };
	const char *word = args->words[i].text;
	const char *next = i + 1 < args->nr ? args->words[i + 1].text : "";

	for (size_t k = 0; k < ARRAY_SIZE(alls); k++)
		if (streq(word, alls[k]))
			return 1;
	for (size_t k = 0; k < ARRAY_SIZE(ones); k++) {
		size_t nr = strlen(ones[k]);

		if (starts_with(word, ones[k]) &&
		    streq(word[nr] ? word + nr : next, symbol))
			return 1;
	}
	return (streq(word, "--undefined") || streq(word, "-undefined")) &&
	       streq(next, symbol);
}

void ldplugin_drop_kept(struct strings *symbols)
{
	struct strings left = { 0 };
	struct ld_args args = { 0 };

	read_line(&args);
	for (size_t i = 0; i < symbols->nr; i++) {
		int is_kept = 0;

		for (size_t k = 0; k < args.nr && !is_kept; k++)
			is_kept = keeps(&args, k, symbols->item[i]);
		if (!is_kept)
			strings_add(&left, symbols->item[i]);
	}
	ld_args_free(&args);
	strings_free(symbols);
	*symbols = left;
}

char *ldplugin_leave_guard(void)
{
	struct strings words = { 0 };
	struct ld_args args = { 0 };
	char *problem = NULL;
	int has_guard = 0;

	read_line(&args);
	strings_add(&words, program_invocation_name);
	for (size_t i = 0; i < args.nr; i++) {
		int is_guard = args.words[i].role == LD_GUARD;

		has_guard |= is_guard;
		if (!is_guard)
			strings_add(&words, args.words[i].text);
	}
	if (has_guard) {
		execv("/proc/self/exe", words.item);
		problem = xasprintf("-r: cannot begin anew without the guard: %s: "
				    "leave --defsym=__mallochooks_present_... out "
				    "of this link", strerror(errno));
	}
	strings_free(&words);
	ld_args_free(&args);
	return problem;
}
