/* SPDX-License-Identifier: MIT */
/*
 * effective.h - what files and environment make of a unit's options
 */
#ifndef MALLOCHOOKS_EFFECTIVE_H
#define MALLOCHOOKS_EFFECTIVE_H

#include "options.h"
#include "unit.h"

/**
 * struct effective - for whom values are loaded
 * @program:	names of the program; NULL: what is meant for any
 * @secure:	it is given privileges
 * @mistake, @instead_of, @instead: as in struct mh_options
 */
struct effective {
	const char *program[2];
	int secure;
	void (*mistake)(const struct mh_source *source, const char *what);
	const char *instead_of;
	const char *instead;
};

/**
 * effective_load() - all sources, into the copied tables of a unit
 */
void effective_load(struct unit *unit, const struct effective *how,
		    char *const *envp);

/**
 * effective_file() - one file alone, the parts for all programs and stacks
 * @path:	absolute
 */
void effective_file(struct unit *unit, const struct effective *how,
		    const char *path);

/* "[identity:]layer.option=value,...", as MALLOCHOOKS has it. */
void effective_words(struct unit *unit, const struct effective *how,
		     const char *words);

#endif
