/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - addresses of ELF files to functions, files and lines
 */
#ifndef MALLOCHOOKS_SYMBOLS_H
#define MALLOCHOOKS_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct frame - one function that an address lies in
 * @function:	as its source names it (C++ and Rust with their scopes), or
 *		"name+0x123" when it is only the nearest name below; may be NULL
 * @file:	source file, absolute as far as is known; may be NULL
 * @line:	in @file, or 0
 */
struct frame {
	const char *function;
	const char *file;
	int line;
};

/**
 * struct place - what is known of an address
 * @frame:	the innermost inlined function first, the real one last; @file
 *		and @line of a frame are where the frame before it was inlined
 * @nr:		of frames; 0 when nothing is known
 * @why:	NULL, or a short phrase: why there is less than a function and
 *		a line, or why it cannot be relied upon
 *
 * All of it belongs to the struct symbols.  Equal strings from one of these are
 * one string.  They are UTF-8 without control characters, whatever stood in the
 * file.
 */
struct place {
	struct frame *frame;
	size_t nr;
	const char *why;
};

struct symbols;

/**
 * symbols_debug_dirs() - where separate debug files lie
 * @dirs:	directories with .build-id/ in them, separated by colons; NULL
 *		for /usr/lib/debug.  Not copied.
 *
 * Counts for what is opened later.
 */
void symbols_debug_dirs(const char *dirs);

/**
 * symbols_open() - a file whose addresses are to be looked up
 * @path:	absolute; NULL when it is not known
 * @build_id:	of the file that ran
 * @build_id_bytes: 0 when it is not known; then nobody can tell whether the file
 *		is still the one that ran, and each place says so
 *
 * Does not fail: what is wrong with the file is said with each place.
 */
struct symbols *symbols_open(const char *path, const unsigned char *build_id,
			     size_t build_id_bytes);

/**
 * symbols_find_all() - look up many addresses at once
 * @address:	@nr of them, in any order, in the file's own numbers (the bias
 *		is taken off already); of a return address one less
 * @place:	room for @nr, filled in
 *
 * A child process does it, since the file may be anything: what crashes on it,
 * or takes forever, costs the lines of a part of that file and nothing more.
 * It never goes out on the network.
 */
void symbols_find_all(struct symbols *sym, const uint64_t *address, size_t nr,
		      struct place *place);

void symbols_close(struct symbols *sym);

#endif
