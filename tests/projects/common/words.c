// SPDX-License-Identifier: MIT
/*
 * words.c - text out of nothing
 */
#include <stdlib.h>

#include "words.h"

static unsigned int draw(unsigned int *state)
{
	*state = *state * 1664525 + 1013904223;	/* Numerical Recipes, ranqd1 */
	return *state >> 16;
}

static void write_word(char *to, size_t length, unsigned int *state)
{
	for (size_t i = 0; i < length; i++)
		to[i] = (char)('a' + draw(state) % 26);
	to[length] = ' ';
}

char *words_make(unsigned int seed, size_t nr)
{
	size_t used = 0;
	char *text = NULL;

	while (nr--) {
		size_t length = 2 + draw(&seed) % 9;
		char *more = realloc(text, used + length + 1);

		if (!more)
			abort();
		text = more;
		write_word(text + used, length, &seed);
		used += length + 1;
	}
	if (text)
		text[used - 1] = '\0';
	return text;
}
