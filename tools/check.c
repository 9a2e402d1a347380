// SPDX-License-Identifier: MIT
/*
 * check.c - look for mistakes in a file of options
 *
 * The file is read as a process would read it, for every program.  libconfig
 * knows lines but no columns: the column of a name is where it stands in the
 * line, that of a syntax error the end of the shortest beginning of the file
 * that has the error already.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "effective.h"
#include "tools.h"

#define LONGEST_LINE	4096	/* in which a column is looked for */

struct checked {
	const char *given;	/* as the user says it */
	const char *path;	/* absolute */
	struct unit unit;
	struct strings said;	/* two stacks may say the same */
	int beyond;		/* the beginning under test has no error yet */
	const char *file;	/* the one that it should have it in */
	uint32_t line;
};

static struct checked checked;

/* Start of line number @line in @text, or NULL. */
static const char *find_line(const char *text, uint32_t line)
{
	while (text && line-- > 1) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

static int is_name(char c)
{
	return c && strchr("-_*ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789", c);
}

/* Return: the column of a whole name in a line, from 1; or that of the first
 * thing in it. */
static size_t name_column(const char *line, struct mh_word name)
{
	size_t nr = strcspn(line, "\n"), i;

	for (i = 0; name.nr && i + name.nr <= nr; i++)
		if (!strncmp(line + i, name.text, name.nr) &&
		    !is_name(line[i + name.nr]) && (!i || !is_name(line[i - 1])))
			return i + 1;
	return strspn(line, " \t") + 1;
}

/* Is the error in the beginning of the file, or only that it ends? */
static void note_beginning(const struct mh_source *source, const char *what)
{
	(void)what;
	if (!source->item.nr && source->line &&
	    source->line <= checked.line && streq(source->file, checked.file))
		checked.beyond = 0;
}

static size_t error_column(const char *text, const char *line,
			   const struct mh_source *source)
{
	struct effective how = {
		.mistake = note_beginning, .cut_file = source->file,
	};
	size_t nr = strcspn(line, "\n"), i;

	checked.file = source->file;
	checked.line = source->line;
	for (i = 1; i <= nr && i < LONGEST_LINE; i++) {
		checked.beyond = 1;
		how.cut_at = (size_t)(line - text) + i;
		effective_file(&checked.unit, &how, checked.path);
		if (!checked.beyond)
			break;
	}
	return i <= nr && i < LONGEST_LINE ? i : strspn(line, " \t") + 1;
}

struct late {
	struct mh_source source;
	char *what;
};

/* Syntax errors, whose columns are looked for when the parse is over. */
static struct late late;

static void print(const struct mh_source *source, size_t column,
		  const char *what)
{
	const char *file = streq(source->file, checked.path) ? checked.given :
							      source->file;
	char *line, *item = xstrndup(source->item.text ? source->item.text : "",
				     source->item.nr);

	text_clean(item);
	line = source->line ?
		xasprintf("%s:%u:%zu: %s%s%s", file, source->line, column, item,
			  *item ? ": " : "", what) :
		xasprintf("%s: %s", file, what);
	if (!strings_has(&checked.said, line)) {
		strings_add(&checked.said, line);
		fprintf(stderr, "%s\n", line);
	}
	free(line);
	free(item);
}

static void take_mistake(const struct mh_source *source, const char *what)
{
	char *text;
	const char *line;

	if (!source->item.nr && source->line) {
		free(late.what);
		late.source = *source;
		late.source.file = xstrdup(source->file);
		late.what = xstrdup(what);
		return;
	}
	text = source->line ? read_file(source->file, NULL) : NULL;
	line = find_line(text, source->line);
	print(source, line ? name_column(line, source->name) : 1, what);
	free(text);
}

static void print_late(void)
{
	char *text = read_file(late.source.file, NULL);
	const char *line = find_line(text, late.source.line);

	print(&late.source, line ? error_column(text, line, &late.source) : 1,
	      late.what);
	free(text);
	free(late.what);
	free((char *)late.source.file);
}

static void usage(void)
{
	puts("usage: mallochooks check [--preload=FILE] FILE...\n"
	     "\n"
	     "Looks for mistakes in files of options, as MALLOCHOOKS_CONF names\n"
	     "them: each is a line FILE:LINE:COLUMN: what is wrong.\n"
	     "\n"
	     "  --preload=FILE  the unit whose options they set (default: the\n"
	     "                  one that \"mallochooks run\" uses)\n"
	     "  --help          this text\n"
	     "\n"
	     "The exit status is 1 when there are mistakes.");
}

/* Return: number of mistakes. */
static size_t check(const char *given)
{
	const struct effective how = { .mistake = take_mistake };
	char *path = realpath(given, NULL);
	size_t nr = checked.said.nr;

	if (!path)
		die("%s: %s", given, strerror(errno));
	checked.given = given;
	checked.path = path;
	late.what = NULL;
	effective_file(&checked.unit, &how, path);
	if (late.what)
		print_late();
	free(path);
	nr = checked.said.nr - nr;
	if (!nr)
		printf("%s: no mistakes\n", given);
	return nr;
}

int cmd_check(int argc, char **argv)
{
	static const struct option words[] = {
		{ "preload", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *wanted = NULL;
	size_t nr = 0;
	char *path;
	int c;

	tool_failure = 2;
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "+:h", words, NULL)) != -1) {
		switch (c) {
		case 'p':
			wanted = optarg;
			break;
		case 'h':
			usage();
			return 0;
		case ':':
			die("%s needs a value: see --help", argv[optind - 1]);
		default:
			die("unknown option %s: see --help", argv[optind - 1]);
		}
	}
	if (optind == argc)
		die("no file given: mallochooks check FILE");
	path = unit_find(wanted);
	if (unit_load(&checked.unit, path))
		return 2;
	for (; optind < argc; optind++)
		nr += check(argv[optind]);
	unit_free(&checked.unit);
	strings_free(&checked.said);
	free(path);
	return nr > 0;
}
