// SPDX-License-Identifier: MIT
/*
 * facades.c - names of a program's functions as the layer walk finds them
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <mallochooks/mallochooks.h>

#include "facades.h"
#include "objfile.h"
#include "tools.h"

/**
 * struct search - one name in the tables of an executable
 * @exported:	it is in .dynsym, defined
 * @value:	items of the option, as far as they are found
 */
struct search {
	const char *name;
	int exported;
	struct strings *value;
};

static int is_function(const GElf_Sym *sym)
{
	return GELF_ST_TYPE(sym->st_info) == STT_FUNC &&
	       sym->st_shndx != SHN_UNDEF && sym->st_size;
}

static int visit_dynamic(const char *name, const GElf_Sym *sym, void *arg)
{
	struct search *search = arg;

	if (is_function(sym) && streq(name, search->name))
		search->exported = 1;
	return search->exported;
}

/* NAME itself, and NAME.cold, NAME.part.0, NAME.constprop.0 */
static int visit_static(const char *name, const GElf_Sym *sym, void *arg)
{
	struct search *search = arg;
	size_t length = strlen(search->name);

	if (!is_function(sym) || !starts_with(name, search->name) ||
	    (name[length] && name[length] != '.') ||
	    (!name[length] && search->exported))
		return 0;
	strings_addf(search->value, "0x%llx-%llx",
		     (unsigned long long)sym->st_value,
		     (unsigned long long)(sym->st_value + sym->st_size));
	return 0;
}

static int find(const struct objfile *obj, const char *name,
		struct strings *value)
{
	struct search search = { name, 0, value };
	size_t before = value->nr;

	if (objfile_symbols(obj, 1, visit_dynamic, &search) < 0 ||
	    objfile_symbols(obj, 0, visit_static, &search))
		return -1;
	/* Elsewhere, or nowhere, which the layer will say. */
	if (search.exported || value->nr == before)
		strings_add(value, name);
	return 0;
}

#define ID_BYTES	6	/* enough to tell programs apart */

static char *build_id(const struct objfile *obj)
{
	char *text = xcalloc(ID_BYTES, 2 + 1);
	const void *id;
	ssize_t bytes = dwelf_elf_gnu_build_id(obj->elf, &id);

	for (ssize_t i = 0; i < bytes && i < ID_BYTES; i++)
		sprintf(text + 2 * i, "%02x", ((const unsigned char *)id)[i]);
	return text;
}

static char *join(const struct objfile *obj, const struct strings *value)
{
	char *text = strings_join(value, ":"), *id, *both;

	if (strlen(text) < MALLOCHOOKS_STRING_BYTES) {
		id = build_id(obj);
		both = xasprintf("?walk.facades=%s,?walk.build_id=%s", text, id);
		free(id);
		free(text);
		return both;
	}
	say("these facades take %zu bytes of the option walk.facades, which has "
	    "%d (--facades): name fewer", strlen(text),
	    MALLOCHOOKS_STRING_BYTES - 1);
	free(text);
	return NULL;
}

char *facades_options(const char *names, const char *file)
{
	struct strings list = { 0 }, value = { 0 };
	struct objfile obj;
	char *text = NULL;
	int result = 0;

	if (objfile_open(&obj, file)) {
		say("%s: cannot look for facades in it (--facades): %s", file,
		    errno == ENOEXEC ? "no ELF file" : strerror(errno));
		return NULL;
	}
	strings_split(&list, names, ',');
	for (size_t i = 0; !result && i < list.nr; i++)
		result = find(&obj, list.item[i], &value);
	if (result)
		say("%s: its symbol table is broken (--facades)", file);
	else if (!list.nr)
		say("--facades= names no function");
	else
		text = join(&obj, &value);
	objfile_close(&obj);
	strings_free(&list);
	strings_free(&value);
	return text;
}
