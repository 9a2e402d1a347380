/* SPDX-License-Identifier: MIT */
/*
 * suppress.h - leaks that nobody wants to hear of
 */
#ifndef MALLOCHOOKS_SUPPRESS_H
#define MALLOCHOOKS_SUPPRESS_H

#include "tools.h"

/**
 * suppressions_read() - add the patterns of a file
 * @patterns:	each "leak:PATTERN" without the first five characters
 * @path:	of the file; Documentation/formats.rst, "Suppressions"
 *
 * Each line that is none is said, with file and number; a file that cannot be read
 * as well.
 * Return: 0, or -1 when anything was said.
 */
int suppressions_read(struct strings *patterns, const char *path);

/**
 * suppression_matches() - does a pattern match a text?
 * @pattern:	part of it; "*" is anything, "^" at the begin and "$" at the end
 *		hold it there
 */
int suppression_matches(const char *pattern, const char *text);

#endif
