/* SPDX-License-Identifier: MIT */
/*
 * ldfiles.h - the files of a link, and what stands for them
 */
#ifndef MALLOCHOOKS_LDFILES_H
#define MALLOCHOOKS_LDFILES_H

#include "archive.h"
#include "ldargs.h"
#include "ldscript.h"
#include "takeover.h"

/**
 * struct link_file - a file that the line names, or a script that it names
 * @data:	@bytes of it, mapped; NULL when nothing of it matters any more
 * @nr:		members, 1 in an object
 * @concerns:	for each whether it defines some X, LATE: as code of LTO
 * @is_certain:	all of it is linked: no archive, or --whole-archive
 * @named:	the files of a script's names
 * @turn:	of the last look at a script
 * @instead:	path of the file that is given to the linker in its place, or
 *		NULL
 */
struct link_file {
	char *path;
	dev_t dev;
	ino_t ino;
	enum { FILE_OTHER, FILE_OBJECT, FILE_ARCHIVE, FILE_SCRIPT } kind;
	void *data;
	size_t bytes;
	struct archive archive;
	struct script script;
	size_t nr;
	unsigned char *concerns;
	int is_certain;
	struct link_file **named;
	unsigned turn;
	char *instead;
};

/**
 * struct link - all of them
 * @of_word:	the file of each word of @args; NULL for others
 * @turn:	number of looks at all scripts
 * @map:	of the run of the linker before, NULL: there was none
 */
struct link {
	const struct ld_args *args;
	struct takeover *takeover;
	struct link_file **files;
	size_t nr;
	struct link_file **of_word;
	unsigned turn;
	char *map;
};

void link_open(struct link *link, const struct ld_args *args,
	       struct takeover *takeover);
void link_close(struct link *link);

/* Does it depend on the linker's choice which members define X? */
int link_is_open(const struct link *link);

/**
 * link_mark() - give each member that concerns a name of its own
 *
 * For one run of the linker, whose -Map, then the link's, tells link_choose()
 * what it took.
 */
void link_mark(struct link *link);
void link_choose(struct link *link, char *map);

/**
 * link_rewrite() - rewrite all that is linked and defines some X
 *
 * Return: 0, or -1 after lines that say what is wrong.
 */
int link_rewrite(struct link *link);

/* Adds all words of the line, with the files that stand for others; @first goes
 * before the first of them. */
void link_line(const struct link *link, const struct strings *first,
	       struct strings *words);

/* The same for a run of which only the map matters. */
void link_map_line(const struct link *link, struct strings *words);

#endif
