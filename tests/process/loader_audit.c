// SPDX-License-Identifier: MIT
/*
 * loader_audit - an audit library that allocates at each of its calls
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>

static void allocate(void)
{
	void *volatile ptr = realloc(malloc(10), 100);

	if (!ptr)
		abort();
	free(ptr);
}

unsigned int la_version(unsigned int version)
{
	allocate();
	return version;
}

unsigned int la_objopen(struct link_map *map, Lmid_t lmid, uintptr_t *cookie)
{
	(void)map;
	(void)lmid;
	(void)cookie;
	allocate();
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *sym, unsigned int ndx, uintptr_t *from,
		       uintptr_t *to, unsigned int *flags, const char *name)
{
	(void)ndx;
	(void)from;
	(void)to;
	(void)flags;
	(void)name;
	allocate();
	return sym->st_value;
}
