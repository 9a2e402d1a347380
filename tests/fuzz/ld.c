// SPDX-License-Identifier: MIT
/*
 * ld.c - fuzz target: what the ld shim reads, a command line or a script
 *
 * The last byte chooses.  A line: a word each up to a newline, and behind the
 * first NUL what is in every @FILE.  Linked with --wrap of what asks for files.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "ldargs.h"
#include "ldscript.h"

char *__wrap_read_file(const char *path, size_t *bytes);
int __wrap_is_file(const char *path);

enum {
	BOMB = 1,		/* files name themselves, twice */
	BOMB_READS = 4000,	/* libiberty reads 2000 */
	READS = 4,
};

static const char *response;
static size_t response_bytes;
static unsigned int nr_reads;
static int is_bomb;

/* More than a few files only where the number is what is looked for. */
char *__wrap_read_file(const char *path, size_t *bytes)
{
	nr_reads++;
	if (starts_with(path, "none") || (!is_bomb && nr_reads > READS))
		return NULL;
	if (nr_reads > BOMB_READS)
		broken("files that name themselves are read without end");
	if (!is_bomb) {
		*bytes = response_bytes;
		return (char *)exact_copy(response, response_bytes);
	}
	*bytes = strlen("@rsp @rsp");
	return xstrdup("@rsp @rsp");
}

/* Every @FILE is there, and some libraries, of which the directory is said. */
int __wrap_is_file(const char *path)
{
	return !strchr(path, '/') || ends_with(path, "a.a") || ends_with(path, "s.so");
}

/* ---- lines ----------------------------------------------------------------------- */

/* What was written with quotes is read as it was. */
static void check_quotes(const struct strings *words)
{
	struct strings quoted = { 0 }, again = { 0 };
	char *argv[] = { "ld", "@rsp", NULL }, *text;

	for (size_t i = 0; i < words->nr; i++) {
		if (words->item[i][0] == '@')
			continue;
		text = ld_args_quote(words->item[i]);
		strings_add(&quoted, text);
		free(text);
	}
	text = strings_join(&quoted, "\n");
	response = text;
	response_bytes = strlen(text);
	is_bomb = nr_reads = 0;
	ld_args_expand(&again, argv);
	for (size_t i = 0, k = 0; i < words->nr; i++) {
		if (words->item[i][0] == '@')
			continue;
		if (k >= again.nr || !streq(words->item[i], again.item[k++]))
			broken("word %zu is not what it was", i);
	}
	strings_free(&quoted);
	strings_free(&again);
	free(text);
}

static void check_word(const struct ld_args *args, const struct ld_word *word)
{
	size_t nr = strlen(word->text);

	if (word->role == LD_OPTION)
		return;
	if (word->name < word->text || word->name > word->text + nr)
		broken("%s: its name lies elsewhere", word->text);
	if (word->role == LD_LIBRARY)
		free(ld_args_library(args, word->name, word->is_static));
	if (word->role == LD_INPUT)
		free(ld_args_search(args, word->name));
}

static void take_line(char *text, size_t bytes, enum ld_flavour flavour)
{
	size_t line_bytes = strnlen(text, bytes);
	char *line = xstrndup(text, line_bytes), *wrong;
	struct strings argv = { 0 }, words = { 0 };
	struct ld_args args;

	response = text + line_bytes + (line_bytes < bytes);
	response_bytes = (size_t)(text + bytes - response);
	strings_add(&argv, "ld");
	strings_split(&argv, line, '\n');
	ld_args_expand(&words, argv.item);
	wrong = ld_args_read(&args, flavour, &words);
	if (args.nr > words.nr)
		broken("%zu words became %zu", words.nr, args.nr);
	for (size_t i = 0; i < args.nr; i++)
		check_word(&args, &args.words[i]);
	ld_args_free(&args);
	check_quotes(&words);
	strings_free(&words);
	strings_free(&argv);
	free(wrong);
	free(line);
}

/* ---- scripts ---------------------------------------------------------------------- */

static char *write_script(const struct script *script, const char *text,
			  size_t bytes, const char *path, size_t *new_bytes)
{
	char **paths = xcalloc(script->nr, sizeof(*paths)), *made;

	for (size_t i = 0; i < script->nr; i++)
		paths[i] = path ? xstrdup(path) : NULL;
	made = script_write(script, text, bytes, paths, new_bytes);
	for (size_t i = 0; i < script->nr; i++)
		free(paths[i]);
	free(paths);
	return made;
}

/* The names of the new one are what was put there. */
static void check_paths(const char *text, size_t bytes, size_t nr)
{
	struct script script;

	script_open(&script, text, bytes);
	if (script.nr != nr)
		broken("%zu names became %zu", nr, script.nr);
	for (size_t i = 0; i < nr; i++)
		if (!streq(script.names[i].name, "/tmp/a b"))
			broken("name %zu became %s", i, script.names[i].name);
	script_close(&script);
}

static void take_script(const char *text, size_t bytes)
{
	struct script script;
	size_t at = 0, more;
	char *made;

	script_is(text, bytes);
	script_open(&script, text, bytes);
	for (size_t i = 0; i < script.nr; i++) {
		const struct script_name *name = &script.names[i];

		if (name->at < at || name->at > bytes ||
		    name->bytes > bytes - name->at || !name->bytes)
			broken("name %zu lies elsewhere", i);
		at = name->at + name->bytes;
	}
	made = write_script(&script, text, bytes, NULL, &more);
	if (more != bytes || memcmp(made, text, bytes))
		broken("a script without new files is another one");
	free(made);
	made = write_script(&script, text, bytes, "/tmp/a b", &more);
	check_paths(made, more, script.nr);
	free(made);
	script_close(&script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *copy;

	if (!bytes)
		return 0;
	copy = (char *)exact_copy(data, bytes - 1);
	is_bomb = data[bytes - 1] >> 2 == BOMB;
	nr_reads = 0;
	if (data[bytes - 1] & 1)
		take_script(copy, bytes - 1);
	else
		take_line(copy, bytes - 1,
			  data[bytes - 1] & 2 ? LD_LLD : LD_MOLD);
	free(copy);
	return 0;
}
