/* SPDX-License-Identifier: MIT */
/*
 * debuginfo.h - read symbols and debug info, in the child of symbols.c
 */
#ifndef MALLOCHOOKS_DEBUGINFO_H
#define MALLOCHOOKS_DEBUGINFO_H

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>

#include "texts.h"

/* Why there is less than a function and a line; in words in symbols.c. */
enum why {
	WHY_NOTHING,
	WHY_GONE,
	WHY_UNREADABLE,
	WHY_NOT_ELF,
	WHY_BROKEN,
	WHY_REPLACED,
	WHY_NO_CODE,
	WHY_STRIPPED,
	WHY_NO_DEBUG,
	WHY_NO_DEBUG_PART,
	WHY_DEBUG_BROKEN,
	WHY_NO_LINE,
	WHY_NO_READER,
	NR_WHY
};

/* A struct frame by numbers of struct texts. */
struct numbered_frame {
	uint32_t function;
	uint32_t file;
	int32_t line;
};

/**
 * struct request - addresses of a file that are to be looked up
 * @path:	of the file
 * @build_id:	of the file that ran
 * @build_id_bytes: 0 when it is not known
 * @debug_dirs:	directories with separate debug files
 * @address:	@nr of them
 * @plain:	for each of them: nonzero to keep away from its debug info
 * @begin:	called before the debug info for some of the addresses is read;
 *		@index has their numbers
 * @found:	called once for each address, in any order
 * @arg:	for @begin and @found
 */
struct request {
	const char *path;
	const unsigned char *build_id;
	size_t build_id_bytes;
	const char *debug_dirs;
	const uint64_t *address;
	size_t nr;
	const unsigned char *plain;
	void (*begin)(void *arg, const uint32_t *index, uint32_t nr);
	void (*found)(void *arg, uint32_t index, enum why why,
		      const struct texts *texts,
		      const struct numbered_frame *frame, uint32_t nr);
	void *arg;
};

/**
 * debuginfo_find() - look up all addresses of a request
 *
 * May crash or hang on a file that was made to that end.  Unsets
 * DEBUGINFOD_URLS.
 */
void debuginfo_find(const struct request *request);

/* ---- between debuginfo.c and dwarf.c ------------------------------------- */

/**
 * struct sought - an address under way
 * @address:	as in the file
 * @index:	of the request
 * @unit:	offset of the DIE of its compilation unit, or NO_UNIT
 * @owner:	offset of its function's DIE, or NO_UNIT
 * @symbol:	text of the ELF symbol
 * @exact:	@symbol is that of its function
 * @mangled:	@symbol was a name of C++ or Rust
 * @has_linkage: the function's DIE has the name that a linker sees
 * @frame:	@nr functions, the real one first; file and line of the others
 *		are where they were inlined
 * @file:	source file and
 * @line:	line of @address itself
 */
struct sought {
	uint64_t address;
	uint32_t index;
	Dwarf_Off unit;
	Dwarf_Off owner;
	uint32_t symbol;
	int exact;
	int mangled;
	int has_linkage;
	struct numbered_frame *frame;
	uint32_t nr;
	uint32_t file;
	int32_t line;
};

#define NO_UNIT		((Dwarf_Off)-1)

/* Addresses [@start, @end) of the unit whose DIE is at @unit; @most is the
 * highest end of this and all lower ones. */
struct unit_range {
	uint64_t start;
	uint64_t end;
	uint64_t most;
	Dwarf_Off unit;
};

/**
 * struct units - which compilation unit an address belongs to
 * @range:	@nr, sorted by start
 * @broken:	there were more, that could not be read
 */
struct units {
	struct unit_range *range;
	size_t nr;
	int broken;
};

/**
 * dwarf_units() - read which unit has which addresses
 * @from: @to:	lowest address of code, and the one behind the highest;
 *		others are what a linker left of code that it dropped
 */
void dwarf_units(Dwarf *dwarf, uint64_t from, uint64_t to,
		 struct units *units);
Dwarf_Off dwarf_unit_of(const struct units *units, uint64_t address);

/**
 * dwarf_places() - find the functions and lines of addresses of one unit
 * @sought:	@nr, sorted by address, all of the same unit
 * @bias:	to be taken off their addresses
 */
void dwarf_places(Dwarf *dwarf, Dwarf_Addr bias, struct names *names,
		  struct sought *sought, size_t nr);

#endif
