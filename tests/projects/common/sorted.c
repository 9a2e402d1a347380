// SPDX-License-Identifier: MIT
/*
 * sorted.c - the words of a text
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "words.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **words_sorted(const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	char **list = calloc(strlen(text) + 2, sizeof(*list));
	size_t nr = 0;

	if (!copy || !list)
		abort();
	while ((word = strsep(&rest, " ")))
		list[nr++] = strdup(word);
	free(copy);
	qsort(list, nr, sizeof(*list), compare);
	return list;
}
