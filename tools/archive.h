/* SPDX-License-Identifier: MIT */
/*
 * archive.h - ar files in memory: read, and written with a new symbol table
 *
 * Read are the archives of GNU and BSD, and thin ones of GNU, whose members
 * are files of their own; written is GNU's.
 */
#ifndef MALLOCHOOKS_ARCHIVE_H
#define MALLOCHOOKS_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct member - a file in an archive
 * @name:	its name
 * @header:	date, owner and mode, as they stand there
 * @data:	@bytes of it
 * @owned:	@data is the archive's to free
 * @symbols:	what the symbol table says of it: @nr_symbols names
 * @changed:	its own symbols say more than the old table
 */
struct member {
	char *name;
	char header[60];
	const unsigned char *data;
	size_t bytes;
	unsigned char *owned;
	const char **symbols;
	size_t nr_symbols;
	int changed;
};

/**
 * struct archive - all of its members
 * @has_table:	it came with a symbol table
 * @table:	the names in it
 * @thin:	its members were files of their own
 */
struct archive {
	struct member *members;
	size_t nr;
	char *table;
	int has_table;
	int thin;
};

int archive_is(const void *file, size_t bytes);

/**
 * archive_open() - read an archive
 * @path:	of it, for the members of a thin one
 * @file:	@bytes of it; must stay until archive_close()
 *
 * Return: NULL, or what is wrong, to be freed.
 */
char *archive_open(struct archive *archive, const char *path,
		   const void *file, size_t bytes);
void archive_close(struct archive *archive);

/* Gives a member other contents, which become the archive's. */
void archive_replace(struct archive *archive, size_t member,
		     unsigned char *data, size_t bytes);

/**
 * archive_write() - the archive with all members in it
 *
 * Return: *@bytes, to be freed.
 */
unsigned char *archive_write(const struct archive *archive, size_t *bytes);

#endif
