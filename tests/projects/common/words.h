/* SPDX-License-Identifier: MIT */
/*
 * words - text out of nothing
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

/* Return: @nr words, for the caller to free; the same ones for the same seed. */
char *words_make(unsigned int seed, size_t nr);

/* The words of a text, sorted.  Return: an array that ends with NULL; the words
 * and the array are each for the caller to free. */
char **words_sorted(const char *text);

#endif
