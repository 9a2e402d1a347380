// SPDX-License-Identifier: MIT
/*
 * needed.c - which objects of the runtime a stack refers to
 *
 * Whole objects, as out of an archive: where two products meet in one link the
 * first definition of a name counts, and functions of one file, which share
 * its statics, must not be of both.
 */
#include <stdlib.h>

#include "compose.h"
#include "objfile.h"

/**
 * struct wanted - names that were referred to
 * @defines:	the object that is looked at defines one of them
 */
struct wanted {
	struct strings names;
	int defines;
};

static int visit_reference(const char *name, const GElf_Sym *sym, void *arg)
{
	struct wanted *wanted = arg;

	if (sym->st_shndx == SHN_UNDEF && !strings_has(&wanted->names, name))
		strings_add(&wanted->names, name);
	return 0;
}

static int visit_definition(const char *name, const GElf_Sym *sym, void *arg)
{
	struct wanted *wanted = arg;

	if (sym->st_shndx != SHN_UNDEF &&
	    GELF_ST_BIND(sym->st_info) != STB_LOCAL &&
	    strings_has(&wanted->names, name))
		wanted->defines = 1;
	return 0;
}

/* Return: 1 when an object was added to @needed, 0, or -1. */
static int add_needed(const struct strings *runtime, struct wanted *wanted,
		      struct strings *needed)
{
	int added = 0;

	for (size_t i = 0; i < runtime->nr; i++) {
		const char *object = runtime->item[i];

		if (strings_has(needed, object))
			continue;
		wanted->defines = 0;
		if (object_symbols(object, 0, visit_definition, wanted))
			return -1;
		if (!wanted->defines)
			continue;
		if (object_symbols(object, 0, visit_reference, wanted))
			return -1;
		strings_add(needed, object);
		added = 1;
	}
	return added;
}

int needed_of(const struct strings *runtime, const struct strings *stacks,
	      struct strings *needed)
{
	struct wanted wanted = { 0 };
	int result = 0;

	for (size_t i = 0; !result && i < stacks->nr; i++)
		result = object_symbols(stacks->item[i], 0, visit_reference,
					&wanted);
	while (!result && (result = add_needed(runtime, &wanted, needed)) > 0)
		result = 0;
	strings_free(&wanted.names);
	return result;
}
