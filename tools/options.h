/* SPDX-License-Identifier: MIT */
/*
 * options.h - the preload unit, and the option tables in its file
 */
#ifndef MALLOCHOOKS_OPTIONS_H
#define MALLOCHOOKS_OPTIONS_H

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
 * Reads the file; no code of the unit runs.
 * Return: 1, 0, or -1 with a line said when this is no unit of ours.
 */
int unit_has_option(const char *path, const char *name);

#endif
