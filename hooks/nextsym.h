/* SPDX-License-Identifier: MIT */
/*
 * nextsym.h - look up what comes behind us, without dlsym
 *
 * Reads the loader's own list of objects and their dynamic symbol tables.
 * Takes no lock, allocates nothing, calls nothing in libc, and works before we
 * have been relocated; dlsym does none of these four.
 */
#ifndef MH_NEXTSYM_H
#define MH_NEXTSYM_H

#include <link.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct mh_object - the dynamic section of one loaded object, decoded
 */
struct mh_object {
	const struct link_map *map;
	const ElfW(Sym) *symtab;
	const char *strtab;
	const ElfW(Half) *versym;
	const uint32_t *gnu_hash;
	const uint32_t *sysv_hash;
	const char *soname;
};

#pragma GCC visibility push(hidden)

/**
 * mh_own_map() - the object that we are part of
 * Context: any, also before relocation.
 * Return: its link map, or NULL when the loader's list cannot be found
 *	   (a static program).
 */
const struct link_map *mh_own_map(void);

/**
 * mh_object_open() - decode an object's dynamic section
 * Return: nonzero when it has symbols that can be looked up.
 */
int mh_object_open(struct mh_object *object, const struct link_map *map);

/**
 * mh_object_find() - the definition that an unversioned reference binds to
 * @object:	opened
 * @name:	symbol
 *
 * Skips undefined, local, hidden and old-version symbols; an IFUNC is
 * resolved.
 * Return: address or NULL.
 */
void *mh_object_find(const struct mh_object *object, const char *name);

/**
 * mh_next_object() - the objects behind us, in the order of lookup
 * @map:	NULL for the first
 *
 * From the object behind us to the end of the list, then from its head to us:
 * a unit that was dlopened stands behind the libraries whose functions it
 * wants.  Leaves out ourselves and copies of our own file.
 * Return: the next one, or NULL when all have been seen.
 */
const struct link_map *mh_next_object(const struct link_map *map);

/**
 * mh_next_symbol() - first definition of @name behind us
 * Return: address or NULL.
 */
void *mh_next_symbol(const char *name);

/**
 * mh_scope_object() - all objects, ours too, in the order of the global scope
 * @map:	NULL for the first
 * Return: the next one, or NULL when all have been seen.
 */
const struct link_map *mh_scope_object(const struct link_map *map);

/**
 * mh_scope_symbol() - first definition of @name in the global scope
 *
 * It may lie in our own output.
 * Return: address or NULL.
 */
void *mh_scope_symbol(const char *name);

/**
 * mh_find_note() - the first note of a kind that an object has in memory
 * @phdr:	program headers
 * @nr:		of them
 * @bias:	what the loader added to their addresses
 * @owner:	its name, as "GNU"
 * @type:	its type, as NT_GNU_BUILD_ID
 * Return: the note, its name and what it says behind it, or NULL.
 */
const ElfW(Nhdr) *mh_find_note(const ElfW(Phdr) *phdr, size_t nr,
			       uintptr_t bias, const char *owner,
			       uint32_t type);

/**
 * mh_same() - are two strings the same?
 */
int mh_same(const char *a, const char *b);

#pragma GCC visibility pop

#endif
