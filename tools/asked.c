// SPDX-License-Identifier: MIT
/*
 * asked.c - "X" and "FILE:X": the functions that are asked for
 */
#include <ctype.h>
#include <string.h>

#include "asked.h"
#include "tools.h"

const char *asked_name(const char *word)
{
	const char *colon = strrchr(word, ':');

	return colon ? colon + 1 : word;
}

char *asked_long_name(const char *file, const char *x)
{
	char *name = xasprintf("%s__in_%s", x, file);

	for (char *c = name + strlen(x); *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return name;
}
