/* SPDX-License-Identifier: MIT */
/*
 * unit.h - the preload unit, and the option tables in its file
 */
#ifndef MALLOCHOOKS_UNIT_H
#define MALLOCHOOKS_UNIT_H

#include <mallochooks/mallochooks.h>

#include "tools.h"

/**
 * struct unit - the tables of a unit, copied
 * @unit:	@unit.core is set when the unit has such options
 * @core:	what that points to
 * @stacks:	@nr of them: identity, layers, options with their built-in
 *		values; functions and the rest are NULL
 * @files:	owns those that values stand in, in a process
 * @tables:	where the table of each is, in a process; or 0
 */
struct unit {
	struct mallochooks_unit unit;
	struct mallochooks_layer core;
	struct mallochooks_stack *stacks;
	uint64_t *tables;
	struct strings files;
	size_t nr;
};

/**
 * unit_load() - read the tables out of a unit's file
 *
 * No code of the unit runs, so any machine's will do.
 * Return: 0, or -1 with a line said.
 */
int unit_load(struct unit *unit, const char *path);
void unit_free(struct unit *unit);

/**
 * unit_find() - path of the preload unit
 * @wanted:	what the user named, or NULL for the one that came with the tool
 *
 * Return: an absolute path, to be freed; otherwise die()s.
 */
char *unit_find(const char *wanted);

/**
 * unit_has_option() - does a unit have an option of this name?
 * @path:	of the unit
 * @name:	"layer.option"
 *
 * Return: 1, 0, or -1 with a line said when this is no unit of ours.
 */
int unit_has_option(const char *path, const char *name);

#endif
