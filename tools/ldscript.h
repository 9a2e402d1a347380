/* SPDX-License-Identifier: MIT */
/*
 * ldscript.h - the files that a linker script names
 */
#ifndef MALLOCHOOKS_LDSCRIPT_H
#define MALLOCHOOKS_LDSCRIPT_H

#include <stddef.h>

/**
 * struct script_name - a file in INPUT( ) or GROUP( ), in AS_NEEDED( ) too
 * @at:		where it stands in the script, quotes and all
 * @bytes:	of it there
 * @name:	"FILE" or "-lNAME", without quotes
 */
struct script_name {
	size_t at, bytes;
	char *name;
};

struct script {
	struct script_name *names;
	size_t nr;
};

/* Could the linker take this for a script?  What is no text is none. */
int script_is(const void *file, size_t bytes);

/* Reads what it can: about errors the linker will complain. */
void script_open(struct script *script, const void *file, size_t bytes);
void script_close(struct script *script);

/**
 * script_write() - the script with other files
 * @file:	as for script_open()
 * @paths:	for each of its names another one, or NULL
 *
 * Return: *@new_bytes, to be freed.
 */
char *script_write(const struct script *script, const char *file, size_t bytes,
		   char *const *paths, size_t *new_bytes);

#endif
