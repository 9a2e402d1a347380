// SPDX-License-Identifier: MIT
/*
 * mutate-ar.c - change one thing of an archive and leave the rest whole
 */
#include <ar.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

enum { MEMBERS_MOST = 64 };

/* A member: its header, then what it holds. */
struct place {
	size_t at, bytes;
};

static const char *const names[] = {
	"/", "//", "/SYM64/", "/0", "/1", "/9999999", "#1/4", "#1/0",
	"#1/99999", "f.o/", "g.o/", "h1.o/", "f.o", "__.SYMDEF", "../f.o/",
	"..", "#1", "x/__.SYMDEF", "",
};

static size_t read_number(const char *field, size_t nr)
{
	size_t value = 0;

	for (; nr-- && *field >= '0' && *field <= '9'; field++)
		value = value * 10 + (size_t)(*field - '0');
	return value;
}

static void set_text(char *field, size_t nr, const char *text)
{
	memset(field, ' ', nr);
	memcpy(field, text, strnlen(text, nr));
}

static struct ar_hdr *header(const struct edit *edit, const struct place *place)
{
	return (struct ar_hdr *)(edit->data + place->at);
}

static void set_size(const struct edit *edit, const struct place *place,
		     uint64_t bytes)
{
	struct ar_hdr *hdr = header(edit, place);
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	set_text(hdr->ar_size, sizeof(hdr->ar_size), text);
}

/* Return: how many members could be told apart. */
static size_t read_places(const struct edit *edit, struct place *places)
{
	size_t at = SARMAG, nr = 0;

	while (nr < MEMBERS_MOST && at + sizeof(struct ar_hdr) <= edit->bytes) {
		struct place *place = &places[nr];
		size_t left;

		place->at = at;
		place->bytes = read_number(header(edit, place)->ar_size, 10);
		at += sizeof(struct ar_hdr);
		left = edit->bytes - at;
		if (place->bytes > left)
			place->bytes = 0;
		at += place->bytes + (place->bytes & 1);
		nr++;
	}
	return nr;
}

static void change_header(struct edit *edit, const struct place *place)
{
	struct ar_hdr *hdr = header(edit, place);

	switch (draw_below(4)) {
	case 0:
	case 1:
		set_text(hdr->ar_name, sizeof(hdr->ar_name),
			 names[draw_below(ARRAY_SIZE(names))]);
		break;
	case 2:
		set_size(edit, place, odd_number(place->bytes));
		break;
	default:
		mutate_bytes((uint8_t *)hdr, sizeof(*hdr));
	}
}

/* What the member holds is changed apart, and put back at its new size. */
static void change_contents(struct edit *edit, const struct place *place)
{
	static uint8_t copy[1 << 20];
	size_t at = place->at + sizeof(struct ar_hdr);
	size_t was = place->bytes + (place->bytes & 1), now;
	struct edit inner = { copy, place->bytes, 0 };

	if (at + was > edit->bytes)
		was = edit->bytes - at;
	inner.most = edit->most - edit->bytes + place->bytes;
	if (!inner.most || inner.most >= sizeof(copy))
		return;
	memcpy(copy, edit->data + at, place->bytes);
	mutate_elf(&inner);
	now = inner.bytes + (inner.bytes & 1);
	if (now > was ? edit_insert(edit, at, now - was) : 0)
		return;
	if (now < was)
		edit_erase(edit, at, was - now);
	if (now)
		edit->data[at + now - 1] = '\n';
	memcpy(edit->data + at, copy, inner.bytes);
	set_size(edit, place, inner.bytes);
}

/* A second one, before another; or none any more. */
static void change_number(struct edit *edit, const struct place *places,
			  size_t nr)
{
	static uint8_t copy[1 << 20];
	const struct place *place = &places[draw_below(nr)];
	size_t bytes = sizeof(struct ar_hdr) + place->bytes +
		       (place->bytes & 1);
	size_t to = places[draw_below(nr)].at;

	if (place->at + bytes > edit->bytes || bytes > sizeof(copy))
		return;
	if (!draw_below(2)) {
		edit_erase(edit, place->at, bytes);
		return;
	}
	memcpy(copy, edit->data + place->at, bytes);
	if (!edit_insert(edit, to, bytes))
		memcpy(edit->data + to, copy, bytes);
}

/* A word of the symbol table: where a member is, or anything. */
static void change_table(struct edit *edit, const struct place *places,
			 size_t nr)
{
	const struct place *table = &places[0];
	size_t word = header(edit, table)->ar_name[1] == 'S' ? 8 : 4, at;
	uint64_t value = draw_below(2) ? places[draw_below(nr)].at
				       : odd_number(table->bytes);

	if (table->bytes < word)
		return;
	at = table->at + sizeof(struct ar_hdr) +
	     draw_below(table->bytes / word) * word;
	while (word--)
		edit->data[at++] = (uint8_t)(value >> 8 * word);
}

void mutate_ar(struct edit *edit)
{
	struct place places[MEMBERS_MOST];
	size_t nr = read_places(edit, places);

	if (!nr || !draw_below(16)) {
		mutate_raw(edit);
		return;
	}
	switch (draw_below(12)) {
	case 0:
		memcpy(edit->data, draw_below(2) ? "!<arch>\n" : "!<thin>\n",
		       SARMAG);
		break;
	case 1:
	case 2:
		change_number(edit, places, nr);
		break;
	case 3:
		change_table(edit, places, nr);
		break;
	case 4:
	case 5:
	case 6:
		change_header(edit, &places[draw_below(nr)]);
		break;
	default:
		change_contents(edit, &places[draw_below(nr)]);
	}
}
