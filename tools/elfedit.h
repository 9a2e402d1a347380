/* SPDX-License-Identifier: MIT */
/*
 * elfedit.h - a relocatable ELF64 object taken apart, changed, put together
 *
 * From memory to memory.  All that a file claims is checked when it is taken
 * apart: indices, names, sizes; what the functions below hand out may be used
 * as it is.  Little-endian objects of x86_64 and aarch64 only.
 */
#ifndef MALLOCHOOKS_ELFEDIT_H
#define MALLOCHOOKS_ELFEDIT_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

/* Where a symbol is when it is in no section: common, absolute. */
#define ELF_NOWHERE	((size_t)-1)

/**
 * struct elf_section - a section and its bytes
 * @hdr:	its header; offset and size count when the object is written
 * @data:	@bytes where they lie in the file, or @own; NULL when there are
 *		none (empty, or SHT_NOBITS)
 * @own:	the copy that may be changed, NULL until elf_own()
 */
struct elf_section {
	Elf64_Shdr hdr;
	const unsigned char *data;
	size_t bytes;
	unsigned char *own;
};

/**
 * struct elf_edit - an object taken apart
 * @symtab:	index of the symbol table, 0 when it has none
 * @strtab:	of the names in it
 * @shndx:	of its extended section indices, 0 when it has none
 * @shstrtab:	of the names of sections
 */
struct elf_edit {
	Elf64_Ehdr ehdr;
	struct elf_section *sections;
	size_t nr;
	size_t symtab, strtab, shndx, shstrtab;
};

/* Is this an ELF file at all? */
int elf_is(const void *file, size_t bytes);

/**
 * elf_open() - take an object apart
 * @file:	@bytes of it; must stay until elf_close(), and is not changed
 *
 * Return: NULL, or what is wrong with it; elf_close() is for both.
 */
const char *elf_open(struct elf_edit *edit, const void *file, size_t bytes);
void elf_close(struct elf_edit *edit);

const char *elf_section_name(const struct elf_edit *edit, size_t section);

/* The bytes of a section, to be changed; NULL when there are none. */
unsigned char *elf_own(struct elf_edit *edit, size_t section);

static inline size_t elf_nr_symbols(const struct elf_edit *edit)
{
	return edit->symtab ? edit->sections[edit->symtab].bytes /
			      sizeof(Elf64_Sym) : 0;
}

/* Valid until a symbol is added or changed. */
static inline const Elf64_Sym *elf_symbol(const struct elf_edit *edit, size_t i)
{
	return (const Elf64_Sym *)edit->sections[edit->symtab].data + i;
}

/* To be changed. */
static inline Elf64_Sym *elf_own_symbol(struct elf_edit *edit, size_t i)
{
	return (Elf64_Sym *)elf_own(edit, edit->symtab) + i;
}

/* Valid until a symbol or a string is added. */
static inline const char *elf_symbol_name(const struct elf_edit *edit, size_t i)
{
	return (const char *)edit->sections[edit->strtab].data +
	       elf_symbol(edit, i)->st_name;
}

/* Return: the section, 0 when it is undefined, or ELF_NOWHERE. */
static inline size_t elf_symbol_section(const struct elf_edit *edit, size_t i)
{
	Elf64_Section section = elf_symbol(edit, i)->st_shndx;

	if (section == SHN_XINDEX)
		return ((const Elf64_Word *)
			edit->sections[edit->shndx].data)[i];
	return section >= SHN_LORESERVE ? ELF_NOWHERE : section;
}

/* Number of entries of a section of type SHT_RELA, and the first of them. */
static inline size_t elf_nr_relocations(const struct elf_edit *edit,
					size_t section)
{
	return edit->sections[section].bytes / sizeof(Elf64_Rela);
}

static inline const Elf64_Rela *elf_relocations(const struct elf_edit *edit,
						size_t section)
{
	return (const Elf64_Rela *)edit->sections[section].data;
}

/* Appends a string to the names of symbols. */
Elf64_Word elf_add_name(struct elf_edit *edit, const char *name);

/**
 * elf_add_symbol() - append a global symbol
 * @like:	all of it but the name and the section
 * @section:	0: undefined
 *
 * Return: its index.
 */
size_t elf_add_symbol(struct elf_edit *edit, const char *name,
		      const Elf64_Sym *like, size_t section);

/* Moves a symbol to another section, 0: undefined. */
void elf_set_section(struct elf_edit *edit, size_t symbol, size_t section);

/**
 * elf_add_relocations() - have more places of a section relocated
 * @section:	the section they lie in
 * @more:	@nr of them, in the order of their offsets
 *
 * Makes the section of relocations, and puts it into the group of @section,
 * when there is none yet.
 */
void elf_add_relocations(struct elf_edit *edit, size_t section,
			 const Elf64_Rela *more, size_t nr);

/**
 * elf_drop() - drop a section
 *
 * Its header becomes an inactive one (SHT_NULL), so that the indices of others
 * stay.  When all are dropped, elf_leave_groups() is to follow.
 */
void elf_drop(struct elf_edit *edit, size_t section);

/* Takes what was dropped out of its groups; such as are empty then go, too. */
void elf_leave_groups(struct elf_edit *edit);

/**
 * elf_write() - put the object together again
 *
 * The same sections in the order that they had; no byte depends on anything
 * but the contents.
 * Return: *@bytes, to be freed.
 */
unsigned char *elf_write(const struct elf_edit *edit, size_t *bytes);

#endif
