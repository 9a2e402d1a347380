/* SPDX-License-Identifier: MIT */
/*
 * tables.h - the tables of a unit, copied from wherever they lie
 */
#ifndef MALLOCHOOKS_TABLES_H
#define MALLOCHOOKS_TABLES_H

#include "unit.h"

/**
 * struct tables - where tables lie: in a file, or in the memory of a process
 * @read:	bytes at an address; Return: how many of them are there
 * @pointer:	the pointer at an address, as the process has it
 * @runs:	values may be others than those built in
 * @unit:	being filled in
 * @broken:	what was read cannot be a table
 * @reads:	so many times
 */
struct tables {
	size_t (*read)(struct tables *tables, uint64_t at, void *to,
		       size_t bytes);
	uint64_t (*pointer)(struct tables *tables, uint64_t at);
	int runs;
	struct unit *unit;
	int broken;
	unsigned int reads;
};

/* What is not there reads as zeros. */
void tables_read(struct tables *tables, uint64_t at, void *to, size_t bytes);

/**
 * struct note - one of ours
 * @at:		address of what it says
 * @desc:	that, @bytes of it
 */
struct note {
	uint64_t at;
	const unsigned char *desc;
	size_t bytes;
};

/**
 * tables_notes() - visit each of our notes
 * @at:		of @bytes of notes of any kind
 */
void tables_notes(struct tables *tables, uint64_t at, uint64_t bytes,
		  void (*visit)(const struct note *note, void *arg), void *arg);

/**
 * note_leads_to() - where a distance leads
 * @offset:	of enum mallochooks_note
 * Return: an address, or 0 when the note ends before it.
 */
uint64_t note_leads_to(const struct note *note, size_t offset);

/**
 * tables_unit() - copy those of the descriptor at @at
 * @unit:	to be freed, whatever the result
 *
 * Time and memory are bounded, whatever stands there.
 * Return: NULL, or what is wrong with them.
 */
const char *tables_unit(struct tables *tables, uint64_t at, struct unit *unit);

#endif
