/* SPDX-License-Identifier: MIT */
/*
 * compare_symbols.h - our lookup against dlsym, on every name of the process
 */
#ifndef TESTS_COMPARE_SYMBOLS_H
#define TESTS_COMPARE_SYMBOLS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nextsym.h"

struct comparison {
	int nr_names;
	int nr_found;		/* that both know */
	int nr_differ;
};

static inline uint32_t nr_of_symbols(const struct mh_object *object)
{
	const uint32_t *table = object->gnu_hash;
	const uint32_t *buckets, *chain;
	uint32_t last = 0, i;

	if (object->sysv_hash)
		return object->sysv_hash[1];
	buckets = (const uint32_t *)((const ElfW(Addr) *)(table + 4) +
				     table[2]);
	chain = buckets + table[0];
	for (i = 0; i < table[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < table[1])
		return table[1];
	while (!(chain[last - table[1]] & 1))
		last++;
	return last + 1;
}

/* The vDSO stands in the loader's list, but no scope of names contains it. */
static inline int is_apart(const void *address)
{
	Dl_info info;

	return address && dladdr(address, &info) && info.dli_fname &&
	       strstr(info.dli_fname, "vdso") != NULL;
}

/*
 * Looks up each name of each object's dynamic symbol table.  Ours goes to the
 * end of the list and then from its head to us, so dlsym is asked for the
 * global scope too: at once (@is_last) when we were dlopened and stand behind
 * all others, otherwise when RTLD_NEXT knows nothing.
 */
static inline struct comparison compare_symbols(int is_last)
{
	struct comparison result = { 0, 0, 0 };
	const struct link_map *own = mh_own_map(), *map = own;
	struct mh_object object, mine;
	uint32_t i, nr;

	if (!own || !mh_object_open(&mine, own))
		return result;
	while (map->l_prev)
		map = map->l_prev;
	for (; map; map = map->l_next) {
		if (!mh_object_open(&object, map))
			continue;
		nr = nr_of_symbols(&object);
		for (i = 1; i < nr; i++) {
			const ElfW(Sym) *sym = &object.symtab[i];
			const char *name = object.strtab + sym->st_name;
			void *ours, *theirs;
			int is_mine;

			if (ELF64_ST_TYPE(sym->st_info) == STT_TLS)
				continue;
			is_mine = mh_object_find(&mine, name) != NULL;
			ours = mh_next_symbol(name);
			if (is_apart(ours) || (is_mine && is_last))
				continue;
			theirs = is_last ? NULL : dlsym(RTLD_NEXT, name);
			if (!theirs && !is_mine)
				theirs = dlsym(RTLD_DEFAULT, name);
			result.nr_names++;
			result.nr_found += ours && ours == theirs;
			if (ours == theirs)
				continue;
			result.nr_differ++;
			fprintf(stderr, "%s: ours %p, dlsym's %p\n", name,
				ours, theirs);
		}
	}
	return result;
}

#endif
