// SPDX-License-Identifier: MIT
/*
 * dwarf - functions and lines of addresses, from debug info, by libdw
 *
 * Addresses come sorted and unit by unit, so each unit is gone through once:
 * over its functions alone, and down into those that hold an address.  What a
 * unit costs is thus its top level, its line table, and a few functions.
 * Offsets, depths and names are as a file has them, which may be anything: what
 * libdw does not catch ends the process, and symbols.c lives with that.
 * Source: DWARF 5, 3.3.8 (inlined), 2.17 (ranges), 6.2 (lines).
 */
#define _GNU_SOURCE
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "debuginfo.h"
#include "demangle.h"
#include "tools.h"

#define DEPTH_MAX	256	/* of nested DIEs */
#define FRAMES_MAX	128	/* inlined at one address */
#define LOOK_BACK_MAX	64	/* ranges that overlap */

/**
 * struct walk - one unit that is gone through
 * @unit:	its DIE
 * @sought:	@nr addresses in it
 * @in_types:	functions may stand inside of types (all languages but C's)
 * @everywhere:	and inside of other functions
 */
struct walk {
	Dwarf_Die unit;
	Dwarf_Addr bias;
	struct names *names;
	struct sought *sought;
	size_t nr;
	const char *dir;
	Dwarf_Files *files;
	size_t nr_files;
	int in_types;
	int everywhere;
};

/* ---- units --------------------------------------------------------------- */

static void add_range(struct units *units, Dwarf_Off unit, uint64_t start,
		      uint64_t end)
{
	struct unit_range *range;

	/* As many as powers of two, and then twice that. */
	if (!(units->nr & (units->nr - 1)))
		units->range = xrealloc(units->range, 2 * (units->nr + 1) *
					sizeof(*units->range));
	range = &units->range[units->nr++];
	range->start = start;
	range->end = end;
	range->unit = unit;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct unit_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return (x->unit > y->unit) - (x->unit < y->unit);
}

/* For units that do not say where they are themselves. */
static void add_aranges(Dwarf *dwarf, uint64_t from, uint64_t to,
			struct units *units)
{
	size_t i, nr, known = units->nr;
	Dwarf_Aranges *aranges;
	Dwarf_Word length;
	Dwarf_Addr start;
	Dwarf_Off unit;

	if (dwarf_getaranges(dwarf, &aranges, &nr))
		return;
	for (i = 0; i < nr; i++) {
		struct units told = { .range = units->range, .nr = known };

		if (dwarf_getarangeinfo(dwarf_onearange(aranges, i), &start,
					&length, &unit))
			continue;
		if (start < from || start >= to || length > to - start)
			continue;
		if (dwarf_unit_of(&told, start) == NO_UNIT)
			add_range(units, unit, start, start + length);
	}
}

/* The highest end so far bounds how far back dwarf_unit_of() has to look. */
static void sort_ranges(struct units *units)
{
	uint64_t most = 0;
	size_t i;

	if (units->nr)
		qsort(units->range, units->nr, sizeof(*units->range),
		      compare_ranges);
	for (i = 0; i < units->nr; i++) {
		if (units->range[i].end > most)
			most = units->range[i].end;
		units->range[i].most = most;
	}
}

void dwarf_units(Dwarf *dwarf, uint64_t from, uint64_t to,
		 struct units *units)
{
	Dwarf_Addr base, start, end;
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	ptrdiff_t offset;
	Dwarf_Die die;
	uint8_t type;
	int more;

	for (;;) {
		more = dwarf_get_units(dwarf, cu, &cu, &version, &type, &die,
				       NULL);
		if (more)
			break;
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		offset = 0;
		while ((offset = dwarf_ranges(&die, offset, &base, &start,
					      &end)) > 0) {
			if (start >= from && start < end && end <= to)
				add_range(units, dwarf_dieoffset(&die), start,
					  end);
		}
		if (offset < 0)
			units->broken = 1;
	}
	if (more < 0)
		units->broken = 1;
	sort_ranges(units);
	add_aranges(dwarf, from, to, units);
	sort_ranges(units);
}

Dwarf_Off dwarf_unit_of(const struct units *units, uint64_t address)
{
	size_t low = 0, high = units->nr, mid, tries;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (units->range[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	for (tries = 0; low-- > 0 && tries < LOOK_BACK_MAX; tries++) {
		if (units->range[low].most <= address)
			break;
		if (units->range[low].end > address)
			return units->range[low].unit;
	}
	return NO_UNIT;
}

/* ---- names --------------------------------------------------------------- */

static const char *string_of(Dwarf_Die *die, unsigned int attribute)
{
	Dwarf_Attribute attr;

	/* Follows the origin of an inlined function, within limits. */
	if (!dwarf_attr_integrate(die, attribute, &attr))
		return NULL;
	return dwarf_formstring(&attr);
}

/* The linker's name has the scopes and the types of the arguments in it; that
 * of a C function is there when the source has renamed it. */
static uint32_t name_of(struct walk *walk, Dwarf_Die *die, int *has_linkage)
{
	const char *name = string_of(die, DW_AT_linkage_name);

	if (!name)
		name = string_of(die, DW_AT_MIPS_linkage_name);
	*has_linkage = name && is_mangled(name);
	if (!*has_linkage)
		name = string_of(die, DW_AT_name);
	return names_add(walk->names, name);
}

/* "./", "x/../" and double slashes taken out, in place. */
static void clean_path(char *path)
{
	char *from = path, *to = path;
	size_t nr;

	while (*from) {
		nr = strcspn(from, "/");
		if (nr == 2 && !strncmp(from, "..", 2) && to > path + 1) {
			/* Back over the name before, if that is one. */
			char *name = to - 1;

			while (name > path && name[-1] != '/')
				name--;
			if (strncmp(name, "../", 3)) {
				to = name;
				from += nr + strspn(from + nr, "/");
				continue;
			}
		}
		if (nr != 1 || *from != '.' || !from[1]) {
			memmove(to, from, nr);
			to += nr;
			if (from[nr])
				*to++ = '/';
		}
		from += nr + strspn(from + nr, "/");
	}
	*to = '\0';
}

static uint32_t file_text(struct walk *walk, const char *file)
{
	uint32_t number;
	char *path;

	if (!file || streq(file, "???"))
		return 0;
	/* libdw puts the directory before some names, but not before all. */
	if (*file != '/' && walk->dir && !starts_with(file, walk->dir))
		path = xasprintf("%s/%s", walk->dir, file);
	else
		path = xstrdup(file);
	clean_path(path);
	number = texts_add(&walk->names->texts, path);
	free(path);
	return number;
}

/* ---- functions ----------------------------------------------------------- */

static size_t first_from(const struct walk *walk, uint64_t address)
{
	size_t low = 0, high = walk->nr, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (walk->sought[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint64_t number_of(Dwarf_Die *die, unsigned int attribute)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, attribute, &attr) ||
	    dwarf_formudata(&attr, &value))
		return 0;
	return value;
}

/* What a DIE adds to the frames of the addresses in it. */
static struct numbered_frame frame_of(struct walk *walk, Dwarf_Die *die,
				      int *has_linkage)
{
	struct numbered_frame frame = { 0 };
	uint64_t file, line;

	frame.function = name_of(walk, die, has_linkage);
	if (dwarf_tag(die) != DW_TAG_inlined_subroutine)
		return frame;
	file = number_of(die, DW_AT_call_file);
	line = number_of(die, DW_AT_call_line);
	if (file < walk->nr_files)
		frame.file = file_text(walk, dwarf_filesrc(walk->files, file,
							   NULL, NULL));
	if (line <= INT_MAX)
		frame.line = (int32_t)line;
	return frame;
}

static void push(struct sought *sought, const struct numbered_frame *frame)
{
	if (sought->nr >= FRAMES_MAX)
		return;
	if (!(sought->nr & (sought->nr - 1)))
		sought->frame = xrealloc(sought->frame, 2 * (sought->nr + 1) *
					 sizeof(*sought->frame));
	sought->frame[sought->nr++] = *frame;
}

/*
 * take() - enter a function, or an inlined one, at the addresses it covers
 * @owner:	offset of the function that it is inlined into; NO_UNIT when it
 *		is a function of its own
 *
 * The first function that claims an address has it, and only what is inlined
 * into that one counts.
 *
 * Return: number of addresses entered.
 */
static size_t take(struct walk *walk, Dwarf_Die *die, Dwarf_Off owner)
{
	struct numbered_frame frame;
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	int has_linkage = 0;
	size_t i, nr = 0;

	while ((offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
		i = first_from(walk, start + walk->bias);
		for (; i < walk->nr; i++) {
			struct sought *sought = &walk->sought[i];

			if (sought->address >= end + walk->bias)
				break;
			if (sought->owner != owner)
				continue;
			if (!nr++)
				frame = frame_of(walk, die, &has_linkage);
			if (owner == NO_UNIT) {
				sought->owner = dwarf_dieoffset(die);
				sought->has_linkage = has_linkage;
			}
			push(sought, &frame);
		}
	}
	return nr;
}

/* The next DIE beside it: 0, or no more.  A file may say that it is a former
 * one. */
static int next_die(Dwarf_Die *die)
{
	void *before = die->addr;

	return dwarf_siblingof(die, die) || die->addr <= before;
}

/* Does a block have any of the addresses?  One without ranges may. */
static int may_hold(struct walk *walk, Dwarf_Die *die)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	int any = 0;
	size_t i;

	while ((offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
		any = 1;
		i = first_from(walk, start + walk->bias);
		if (i < walk->nr && walk->sought[i].address < end + walk->bias)
			return 1;
	}
	return !any;
}

/* Inside of a function that holds at least one of the addresses. */
static void walk_body(struct walk *walk, Dwarf_Die *parent, Dwarf_Off owner,
		      int depth)
{
	Dwarf_Die die;
	int more;

	if (depth > DEPTH_MAX)
		return;
	for (more = dwarf_child(parent, &die); !more; more = next_die(&die)) {
		switch (dwarf_tag(&die)) {
		case DW_TAG_inlined_subroutine:
			if (take(walk, &die, owner))
				walk_body(walk, &die, owner, depth + 1);
			break;
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_with_stmt:
			if (may_hold(walk, &die))
				walk_body(walk, &die, owner, depth + 1);
			break;
		}
	}
}

static void walk_scope(struct walk *walk, Dwarf_Die *parent, int depth);

static void walk_function(struct walk *walk, Dwarf_Die *die, int depth)
{
	if (take(walk, die, NO_UNIT))
		walk_body(walk, die, dwarf_dieoffset(die), depth);
	if (walk->everywhere)
		walk_scope(walk, die, depth);
}

/* Where functions are defined: in units, namespaces, sometimes types. */
static void walk_scope(struct walk *walk, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;
	int more;

	if (depth > DEPTH_MAX)
		return;
	for (more = dwarf_child(parent, &die); !more; more = next_die(&die)) {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			walk_function(walk, &die, depth + 1);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
			walk_scope(walk, &die, depth + 1);
			break;
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			if (walk->in_types)
				walk_scope(walk, &die, depth + 1);
			break;
		case DW_TAG_lexical_block:
			if (walk->everywhere)
				walk_scope(walk, &die, depth + 1);
			break;
		}
	}
}

static int is_like_c(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_Mips_Assembler:
		return 1;
	}
	return 0;
}

static int has_all_owners(const struct walk *walk)
{
	size_t i;

	for (i = 0; i < walk->nr; i++) {
		if (walk->sought[i].owner == NO_UNIT)
			return 0;
	}
	return 1;
}

static void find_functions(struct walk *walk, Dwarf_Die *unit)
{
	walk->in_types = !is_like_c(unit);
	walk_scope(walk, unit, 0);
	if (has_all_owners(walk))
		return;
	/* Functions inside of functions, and what else is rare. */
	walk->everywhere = 1;
	walk->in_types = 1;
	walk_scope(walk, unit, 0);
}

/* ---- lines --------------------------------------------------------------- */

static void find_lines(struct walk *walk)
{
	Dwarf_Line *line;
	size_t i;
	int nr;

	for (i = 0; i < walk->nr; i++) {
		struct sought *sought = &walk->sought[i];

		line = dwarf_getsrc_die(&walk->unit,
					sought->address - walk->bias);
		if (!line)
			continue;
		sought->file = file_text(walk, dwarf_linesrc(line, NULL, NULL));
		if (!dwarf_lineno(line, &nr) && nr > 0)
			sought->line = nr;
	}
}

void dwarf_places(Dwarf *dwarf, Dwarf_Addr bias, struct names *names,
		  struct sought *sought, size_t nr)
{
	struct walk walk = { .bias = bias, .names = names, .sought = sought,
			     .nr = nr };
	Dwarf_Die split, *unit = &walk.unit;
	uint8_t type;

	if (!nr || !dwarf_offdie(dwarf, sought->unit, &walk.unit))
		return;
	walk.dir = string_of(&walk.unit, DW_AT_comp_dir);
	if (dwarf_getsrcfiles(&walk.unit, &walk.files, &walk.nr_files))
		walk.nr_files = 0;
	/* A skeleton has its functions in another file. */
	if (!dwarf_cu_info(walk.unit.cu, NULL, &type, NULL, &split, NULL, NULL,
			   NULL) &&
	    type == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit)
		unit = &split;
	find_functions(&walk, unit);
	find_lines(&walk);
}
