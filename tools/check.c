// SPDX-License-Identifier: MIT
/*
 * check.c - look for mistakes in a file of options
 *
 * The file is read as a process would read it, for every program.  libconfig
 * knows lines but no columns: the column of a name is where it stands in the
 * line, that of a syntax error the end of the shortest beginning of the file
 * that has the error already.  libconfig gives up at the first of them, so the file
 * is read once more without the value that has it, for the others.
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
	int failed;		/* a file is not there */
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
		.mistake = note_beginning, .instead_of = source->file,
	};
	size_t nr = strcspn(line, "\n"), i;
	char *beginning;

	checked.file = source->file;
	checked.line = source->line;
	for (i = 1; i <= nr && i < LONGEST_LINE; i++) {
		checked.beyond = 1;
		/* so that what is missing is missed two lines further */
		beginning = xasprintf("%.*s\n\n", (int)(line - text + (ptrdiff_t)i),
				      text);
		how.instead = beginning;
		effective_file(&checked.unit, &how, checked.path);
		free(beginning);
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

/*
 * From behind the one before, up to its semicolon, or to the bracket in which it
 * stands; other lines are left alone.
 */
static void blank_value(char *line, size_t column)
{
	size_t nr = strcspn(line, "\n"), from = column - 1, to;
	int depth = 0;

	while (from && !strchr(";{(", line[from - 1]))
		from--;
	from += strspn(line + from, " \t");
	for (to = from; to < nr; to++) {
		depth += strchr("{([", line[to]) != NULL;
		depth -= strchr("})]", line[to]) != NULL;
		if (to + 1 < column)
			continue;
		if (depth < 0 && to > from && strchr("})]", line[to]))
			break;
		if (depth <= 0 && line[to] == ';') {
			to++;
			break;
		}
	}
	memset(line + from, ' ', to - from);
}

/* What is read instead of a file, and where its latest error was. */
struct edited {
	char *file;
	char *text;
	uint32_t line;
	size_t column;
};

/* One that comes no later than the one before, or in another file, may be there only
 * because that was taken away. */
static int is_news(const struct edited *edited, size_t column)
{
	return !edited->file ||
	       (streq(edited->file, late.source.file) &&
		(late.source.line > edited->line ||
		 (late.source.line == edited->line &&
		  column > edited->column)));
}

static void edit(struct edited *edited, char *text, char *line, size_t column)
{
	blank_value(line, column);
	free(edited->file);
	free(edited->text);
	edited->file = xstrdup(late.source.file);
	edited->text = xstrdup(text);
	edited->line = late.source.line;
	edited->column = column;
}

/* Return: nonzero when the file is to be read once more. */
static int print_late(struct edited *edited)
{
	char *text = edited->file && streq(edited->file, late.source.file) ?
		     xstrdup(edited->text) : read_file(late.source.file, NULL);
	char *line = (char *)find_line(text, late.source.line);
	size_t column = line ? error_column(text, line, &late.source) : 1;
	const int news = is_news(edited, column);

	if (news)
		print(&late.source, column, late.what);
	if (news && line)
		edit(edited, text, line, column);
	free(text);
	free(late.what);
	free((char *)late.source.file);
	late.what = NULL;
	return news && line;
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
	     "The exit status is 1 when there are mistakes, 2 when a file is not\n"
	     "there.");
}

/* Return: number of mistakes. */
static size_t check(const char *given)
{
	struct effective how = { .mistake = take_mistake };
	char *path = realpath(given, NULL);
	size_t nr = checked.said.nr;
	struct edited edited = { 0 };

	if (!path) {
		say("%s: %s", given, strerror(errno));
		checked.failed = 1;
		return 0;
	}
	checked.given = given;
	checked.path = path;
	late.what = NULL;
	do {
		how.instead_of = edited.file;
		how.instead = edited.text;
		effective_file(&checked.unit, &how, path);
	} while (late.what && print_late(&edited));
	free(edited.file);
	free(edited.text);
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
	while ((c = next_option(argc, argv, "+:h", words)) != -1) {
		switch (c) {
		case 'p':
			wanted = optarg;
			break;
		case 'h':
			usage();
			return 0;
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
	return checked.failed ? tool_failure : nr > 0;
}
