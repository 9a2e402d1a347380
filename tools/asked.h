/* SPDX-License-Identifier: MIT */
/*
 * asked.h - "X" and "FILE:X": the functions that are asked for
 *
 * Hooks of a static function have its plain name, or, where functions of several
 * files have that, a longer one that tells its file, too.
 */
#ifndef MALLOCHOOKS_ASKED_H
#define MALLOCHOOKS_ASKED_H

/* X */
const char *asked_name(const char *word);

/* "X__in_FILE", to be freed; what is no letter or digit of FILE becomes '_'. */
char *asked_long_name(const char *file, const char *x);

#endif
