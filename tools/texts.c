// SPDX-License-Identifier: MIT
/*
 * texts - strings by number, each once; names, and how they are shown
 */
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "texts.h"
#include "tools.h"

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;	/* FNV-1a */

	while (*text)
		hash = (hash ^ (unsigned char)*text++) * 16777619u;
	return hash;
}

static uint32_t *slot_of(const struct texts *texts, const char *text)
{
	uint32_t i = hash_of(text) & (texts->nr_slots - 1);

	while (texts->slot[i] && !streq(texts->text[texts->slot[i]], text))
		i = (i + 1) & (texts->nr_slots - 1);
	return &texts->slot[i];
}

static void texts_grow(struct texts *texts)
{
	uint32_t i;

	texts->nr_slots = texts->nr_slots ? 2 * texts->nr_slots : 1024;
	free(texts->slot);
	texts->slot = xcalloc(texts->nr_slots, sizeof(*texts->slot));
	texts->text = xrealloc(texts->text, (texts->nr_slots / 2 + 1) *
			       sizeof(*texts->text));
	if (!texts->nr)
		texts->text[texts->nr++] = NULL;
	for (i = 1; i < texts->nr; i++)
		*slot_of(texts, texts->text[i]) = i;
}

uint32_t texts_add(struct texts *texts, const char *text)
{
	uint32_t *slot;

	if (!text)
		return 0;
	if (texts->nr >= texts->nr_slots / 2)
		texts_grow(texts);
	slot = slot_of(texts, text);
	if (!*slot) {
		texts->text[texts->nr] = xstrdup(text);
		*slot = texts->nr++;
	}
	return *slot;
}

void texts_free(struct texts *texts)
{
	uint32_t i;

	for (i = 1; i < texts->nr; i++)
		free(texts->text[i]);
	free(texts->text);
	free(texts->slot);
	memset(texts, 0, sizeof(*texts));
}

uint32_t names_add(struct names *names, const char *name)
{
	uint32_t raw = texts_add(&names->raw, name);
	char *readable;

	if (raw >= names->nr_shown) {
		uint32_t nr = 2 * raw + 64;

		names->shown = xrealloc(names->shown,
					nr * sizeof(*names->shown));
		memset(names->shown + names->nr_shown, 0,
		       (nr - names->nr_shown) * sizeof(*names->shown));
		names->nr_shown = nr;
	}
	if (raw && !names->shown[raw]) {
		readable = demangle(name);
		names->shown[raw] = texts_add(&names->texts,
					      readable ? readable : name);
		free(readable);
	}
	return names->shown[raw];
}
