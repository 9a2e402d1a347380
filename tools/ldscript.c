// SPDX-License-Identifier: MIT
/*
 * ldscript.c - the files that a linker script names
 *
 * Source: the manual of GNU ld, "Simple Linker Script Commands".  Only words
 * are told apart; what is neither INPUT nor GROUP is passed over.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ldscript.h"
#include "tools.h"

struct scan {
	const char *file;
	size_t bytes, at;
	size_t token, token_bytes;	/* the last one */
};

int script_is(const void *file, size_t bytes)
{
	const char *text = file;

	for (size_t i = 0; i < bytes && i < 512; i++)
		if (!text[i] || ((unsigned char)text[i] < ' ' &&
				 !isspace((unsigned char)text[i])))
			return 0;
	return bytes > 0;
}

static const char *find(const struct scan *scan, size_t at, const char *what)
{
	return at < scan->bytes ? memmem(scan->file + at, scan->bytes - at,
					 what, strlen(what)) : NULL;
}

/* Past blanks and comments. Return: 0 at the end. */
static int skip_blanks(struct scan *scan)
{
	while (scan->at < scan->bytes) {
		const char *text = scan->file + scan->at, *end;
		size_t left = scan->bytes - scan->at;

		if (isspace((unsigned char)*text)) {
			scan->at++;
			continue;
		}
		if (left > 1 && !memcmp(text, "/*", 2))
			end = find(scan, scan->at + 2, "*/");
		else if (*text == '#')
			end = find(scan, scan->at, "\n");
		else
			return 1;
		if (!end)
			return 0;
		scan->at = end - scan->file + (*end == '*' ? 2 : 1);
	}
	return 0;
}

/* Return: 0 at the end. */
static int next_token(struct scan *scan)
{
	const char *text, *end;
	size_t nr = 0;

	if (!skip_blanks(scan))
		return 0;
	text = scan->file + scan->at;
	if (*text == '"') {
		end = find(scan, scan->at + 1, "\"");
		if (!end)
			return 0;
		nr = end + 1 - text;
	} else if (strchr("(){},;", *text)) {
		nr = 1;
	} else {
		while (scan->at + nr < scan->bytes &&
		       !isspace((unsigned char)text[nr]) &&
		       !strchr("(){},;\"", text[nr]))
			nr++;
	}
	if (!nr)	/* a NUL, which strchr() finds too */
		return 0;
	scan->token = scan->at;
	scan->token_bytes = nr;
	scan->at += nr;
	return 1;
}

static int token_is(const struct scan *scan, const char *word)
{
	return strlen(word) == scan->token_bytes &&
	       !memcmp(scan->file + scan->token, word, scan->token_bytes);
}

static void add_name(struct script *script, const struct scan *scan)
{
	const char *text = scan->file + scan->token;
	size_t nr = scan->token_bytes;

	script->names = xrealloc(script->names, (script->nr + 1) *
						sizeof(*script->names));
	if (*text == '"') {
		text++;
		nr -= 2;
	}
	script->names[script->nr++] = (struct script_name){
		scan->token, scan->token_bytes, xstrndup(text, nr),
	};
}

/* From the word INPUT or GROUP on. */
static void read_files(struct script *script, struct scan *scan)
{
	int depth = 0;

	while (next_token(scan)) {
		if (token_is(scan, "("))
			depth++;
		else if (!depth)
			return;
		else if (token_is(scan, ")"))
			depth--;
		else if (!token_is(scan, "AS_NEEDED") && !token_is(scan, ","))
			add_name(script, scan);
		if (!depth)
			return;
	}
}

void script_open(struct script *script, const void *file, size_t bytes)
{
	struct scan scan = { .file = file, .bytes = bytes };
	int depth = 0;

	memset(script, 0, sizeof(*script));
	while (next_token(&scan)) {
		if (token_is(&scan, "{"))
			depth++;
		else if (token_is(&scan, "}"))
			depth--;
		else if (!depth && (token_is(&scan, "INPUT") ||
				    token_is(&scan, "GROUP")))
			read_files(script, &scan);
	}
}

void script_close(struct script *script)
{
	for (size_t i = 0; i < script->nr; i++)
		free(script->names[i].name);
	free(script->names);
	memset(script, 0, sizeof(*script));
}

char *script_write(const struct script *script, const char *file, size_t bytes,
		   char *const *paths, size_t *new_bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, new_bytes);
	size_t at = 0;

	if (!out)
		die("out of memory");
	for (size_t i = 0; i < script->nr; i++) {
		const struct script_name *name = &script->names[i];

		if (!paths[i])
			continue;
		fwrite(file + at, 1, name->at - at, out);
		fprintf(out, "\"%s\"", paths[i]);
		at = name->at + name->bytes;
	}
	fwrite(file + at, 1, bytes - at, out);
	fclose(out);
	return text;
}
