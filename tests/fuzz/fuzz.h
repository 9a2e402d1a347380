/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz targets share
 *
 * The last byte of an input chooses options, all before it is the file: so a
 * file of the corpus is still an object or an archive to other programs.
 */
#ifndef MALLOCHOOKS_TESTS_FUZZ_H
#define MALLOCHOOKS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* ---- check.c: rewriting, and what must hold of it ------------------------------ */

/* What must hold does not: a line, then abort(), which keeps the input. */
void broken(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* To be freed; exactly as long as it is, so that a byte too far is found. */
unsigned char *exact_copy(const void *data, size_t bytes);

/* Symbols, aliases and self, as @choice says. */
void choose_options(struct rewrite_options *options, uint8_t choice);

/**
 * check_object() - rewrite one object and check what came out
 *
 * Return: the new object, to be freed, or NULL.
 */
unsigned char *check_object(const struct rewrite_options *options,
			    const char *name, const void *file, size_t bytes,
			    size_t *new_bytes);

/**
 * check_rewritten() - is the one the other, rewritten?
 *
 * Both are objects; bytes of data, sections and the symbols of others must have
 * stayed.
 */
void check_rewritten(const void *file, size_t bytes, const void *made,
		     size_t made_bytes);

/* ---- mutators --------------------------------------------------------------------- */

/**
 * struct edit - a file being changed
 * @bytes:	of it, @most at most
 */
struct edit {
	uint8_t *data;
	size_t bytes, most;
};

/* Change one thing and leave the rest of the structure whole. */
void mutate_elf(struct edit *edit);
void mutate_ar(struct edit *edit);

/* The target's own: one of these. */
void mutate_file(struct edit *edit);

/* libFuzzer's own change of some bytes that keeps their number. */
void mutate_bytes(uint8_t *data, size_t bytes);
void mutate_raw(struct edit *edit);

/* A number of which nothing is known; below @end. */
uint64_t draw(void);
size_t draw_below(size_t end);
/* One at the edges of what fields can hold, or near @about. */
uint64_t odd_number(uint64_t about);

/* Makes @nr bytes of room at @at. Return: 0, or -1 if there is none. */
int edit_insert(struct edit *edit, size_t at, size_t nr);
void edit_erase(struct edit *edit, size_t at, size_t nr);

#endif
