/* SPDX-License-Identifier: MIT */
/*
 * texts.h - strings by number, each once; names, and how they are shown
 */
#ifndef MALLOCHOOKS_TEXTS_H
#define MALLOCHOOKS_TEXTS_H

#include <stdint.h>

/**
 * struct texts - strings by number, each once
 * @text:	@nr strings that it owns; number 0 is NULL
 */
struct texts {
	char **text;
	uint32_t nr;
	uint32_t *slot;
	uint32_t nr_slots;
};

/* Number of a string; 0 for NULL. */
uint32_t texts_add(struct texts *texts, const char *text);
void texts_free(struct texts *texts);

/**
 * struct names - names of functions on their way to the user
 * @texts:	what goes to the user
 * @raw:	names as they are in files, and
 * @shown:	for each of @raw its number in @texts, or 0
 */
struct names {
	struct texts texts;
	struct texts raw;
	uint32_t *shown;
	uint32_t nr_shown;
};

/* Number of the readable form of a name. */
uint32_t names_add(struct names *names, const char *name);

#endif
