// SPDX-License-Identifier: MIT
/*
 * tables - the tables of a unit, copied from wherever they lie
 *
 * Each structure says its own size, so that those of another age are read as far
 * as both know them.  Nothing that stands there is believed.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <mallochooks/mallochooks.h>

#include "tables.h"
#include "tools.h"

#define MOST_NOTES	65536	/* bytes */
#define MOST_STACKS	64
#define MOST_LAYERS	256
#define MOST_OPTIONS	1024
#define MOST_BYTES	65536	/* of a string value */
#define MOST_STRING	4096	/* of any other string */
#define MOST_READS	1000000	/* before somebody makes fun of us */

static size_t read_some(struct tables *tables, uint64_t at, void *to,
			size_t bytes)
{
	if (tables->reads++ < MOST_READS)
		return tables->read(tables, at, to, bytes);
	tables->broken = 1;
	return 0;
}

void tables_read(struct tables *tables, uint64_t at, void *to, size_t bytes)
{
	size_t nr = read_some(tables, at, to, bytes);

	memset((char *)to + nr, 0, bytes - nr);
}

void tables_notes(struct tables *tables, uint64_t at, uint64_t bytes,
		  void (*visit)(const struct note *note, void *arg), void *arg)
{
	unsigned char *notes;
	struct note note;
	Elf64_Nhdr head;
	uint64_t i, desc, next;

	if (bytes > MOST_NOTES)
		bytes = MOST_NOTES;
	notes = xcalloc(bytes + 1, 1);
	tables_read(tables, at, notes, bytes);
	for (i = 0; i + sizeof(head) <= bytes; i = next) {
		memcpy(&head, notes + i, sizeof(head));
		desc = i + sizeof(head) + (((uint64_t)head.n_namesz + 3) & ~3ull);
		next = desc + (((uint64_t)head.n_descsz + 3) & ~3ull);
		if (next > bytes)
			break;
		note = (struct note){ at + desc, notes + desc, head.n_descsz };
		if (head.n_namesz == sizeof("mallochooks") &&
		    !memcmp(notes + i + sizeof(head), "mallochooks",
			    sizeof("mallochooks")))
			visit(&note, arg);
	}
	free(notes);
}

uint64_t note_leads_to(const struct note *note, size_t offset)
{
	int64_t distance;

	if (note->bytes < offset + sizeof(distance))
		return 0;
	memcpy(&distance, note->desc + offset, sizeof(distance));
	return note->at + offset + (uint64_t)distance;
}

#define POINTER_AT(tables, at, type, field) \
	(tables)->pointer(tables, (at) + offsetof(type, field))

/* Return: "" for a null pointer. */
static char *copy_string(struct tables *tables, uint64_t at)
{
	char piece[64], *text = xstrdup(""), *longer;
	size_t nr, used = 0;

	while (at && used < MOST_STRING) {
		nr = read_some(tables, at + used, piece, sizeof(piece));
		if (!nr)
			tables->broken = 1;
		if (!nr || !*piece)
			break;
		longer = xasprintf("%s%.*s", text, (int)nr, piece);
		free(text);
		text = longer;
		if (memchr(piece, '\0', nr))
			break;
		used += nr;
	}
	return text;
}

/* Whoever sets the option later has another owner for his. */
static const char *keep_file(struct tables *tables, uint64_t at)
{
	struct strings *files = &tables->unit->files;
	char *file = copy_string(tables, at);

	strings_add(files, file);
	free(file);
	return files->item[files->nr - 1];
}

static void copy_option(struct tables *tables, uint64_t at,
			struct mallochooks_option *option)
{
	uint64_t str = POINTER_AT(tables, at, struct mallochooks_option, str);
	uint64_t bytes = option->str_bytes;
	uint64_t choices = 0, file = 0;

	option->name = copy_string(tables, POINTER_AT(tables, at,
				   struct mallochooks_option, name));
	option->unit = copy_string(tables, POINTER_AT(tables, at,
				   struct mallochooks_option, unit));
	option->help = copy_string(tables, POINTER_AT(tables, at,
				   struct mallochooks_option, help));
	if (option->size > offsetof(struct mallochooks_option, choices))
		choices = POINTER_AT(tables, at, struct mallochooks_option,
				     choices);
	option->choices = copy_string(tables, choices);
	if (tables->runs &&
	    option->size > offsetof(struct mallochooks_option, file))
		file = POINTER_AT(tables, at, struct mallochooks_option, file);
	option->file = file ? keep_file(tables, file) : NULL;
	option->str = NULL;
	option->size = sizeof(*option);
	if (option->type != MALLOCHOOKS_STRING &&
	    option->type != MALLOCHOOKS_LIST)
		return;
	/* two NULs end an empty list */
	if (!str || bytes < 2 || bytes > MOST_BYTES) {
		tables->broken = 1;
		bytes = option->str_bytes = 2;
	}
	option->str = xcalloc(bytes, 1);
	tables_read(tables, str, option->str, bytes);
	if (option->str[bytes - 1])
		tables->broken = 1;
	option->str[bytes - 1] = option->str[bytes - 2] = '\0';
}

/* What an option of another age lacks reads as zeros. */
static struct mallochooks_option *copy_options(struct tables *tables,
					       uint64_t at)
{
	const uint32_t least = offsetof(struct mallochooks_option, choices);
	struct mallochooks_option *options = NULL, *one;
	size_t nr = 0;

	while (at) {
		options = xrealloc(options, (nr + 1) * sizeof(*options));
		one = &options[nr++];
		memset(one, 0, sizeof(*one));
		tables_read(tables, at, &one->size, sizeof(one->size));
		if (!one->size)
			break;
		if (one->size < least || nr > MOST_OPTIONS) {
			tables->broken = 1;
			one->size = 0;
			break;
		}
		at += one->size;
		tables_read(tables, at - one->size, one, one->size <
			   sizeof(*one) ? one->size : sizeof(*one));
		copy_option(tables, at - one->size, one);
	}
	return options;
}

static void copy_layer(struct tables *tables, uint64_t at,
		       struct mallochooks_layer *layer)
{
	memset(layer, 0, sizeof(*layer));
	layer->size = sizeof(*layer);
	layer->name = copy_string(tables, POINTER_AT(tables, at,
				  struct mallochooks_layer, name));
	layer->options = copy_options(tables, POINTER_AT(tables, at,
				      struct mallochooks_layer, options));
}

static void copy_stack(struct tables *tables, uint64_t at, struct unit *unit)
{
	struct mallochooks_stack *stack = &unit->stacks[unit->nr];
	uint64_t layer = POINTER_AT(tables, at, struct mallochooks_stack,
				    layers);
	struct mallochooks_layer *layers;
	struct mallochooks_stack raw;
	uint32_t i, bytes;

	memset(stack, 0, sizeof(*stack));
	stack->size = sizeof(*stack);
	stack->ident = copy_string(tables, POINTER_AT(tables, at,
				   struct mallochooks_stack, ident));
	tables_read(tables, at, &raw, sizeof(raw));
	if (raw.size < offsetof(struct mallochooks_stack, table) ||
	    raw.nr_layers > MOST_LAYERS) {
		tables->broken = 1;
		unit->nr++;
		return;
	}
	if (raw.size >= sizeof(raw))
		unit->tables[unit->nr] = POINTER_AT(tables, at,
				struct mallochooks_stack, table);
	unit->nr++;
	layers = xcalloc(raw.nr_layers + 1, sizeof(*layers));
	stack->layers = layers;
	for (i = 0; i < raw.nr_layers; i++, layer += bytes) {
		tables_read(tables, layer, &bytes, sizeof(bytes));
		if (bytes < offsetof(struct mallochooks_layer, query)) {
			tables->broken = 1;
			return;
		}
		copy_layer(tables, layer, &layers[i]);
		stack->nr_layers++;
	}
}

static void copy_unit(struct tables *tables, uint64_t at, struct unit *unit)
{
	uint64_t stack = POINTER_AT(tables, at, struct mallochooks_unit, stacks);
	uint64_t end = POINTER_AT(tables, at, struct mallochooks_unit,
				  stacks_end);
	struct mallochooks_unit raw;
	uint64_t core = 0;

	tables_read(tables, at, &raw, sizeof(raw));
	if (end < stack || end - stack > MOST_STACKS * sizeof(void *)) {
		tables->broken = 1;
		return;
	}
	for (; !tables->broken && stack < end; stack += sizeof(void *)) {
		uint64_t one = tables->pointer(tables, stack);

		if (one && unit->nr < MOST_STACKS)
			copy_stack(tables, one, unit);
	}
	if (raw.size >= offsetof(struct mallochooks_unit, core) +
			sizeof(raw.core))
		core = POINTER_AT(tables, at, struct mallochooks_unit, core);
	unit->unit.size = sizeof(unit->unit);
	if (!core || tables->broken)
		return;
	copy_layer(tables, core, &unit->core);
	unit->unit.core = &unit->core;
}

const char *tables_unit(struct tables *tables, uint64_t at, struct unit *unit)
{
	const uint32_t least = offsetof(struct mallochooks_unit, core);
	static char what[128];
	struct mallochooks_unit raw;

	memset(unit, 0, sizeof(*unit));
	tables_read(tables, at, &raw, sizeof(raw));
	if (raw.magic != MALLOCHOOKS_MAGIC || raw.abi != MALLOCHOOKS_ABI ||
	    raw.size < least) {
		snprintf(what, sizeof(what), "unit of another release (ABI %u, "
			 "this tool reads %u): use the tool that came with it",
			 raw.abi, MALLOCHOOKS_ABI);
		return what;
	}
	unit->stacks = xcalloc(MOST_STACKS, sizeof(*unit->stacks));
	unit->tables = xcalloc(MOST_STACKS, sizeof(*unit->tables));
	tables->unit = unit;
	copy_unit(tables, at, unit);
	return tables->broken ? "the option tables cannot be read" : NULL;
}
