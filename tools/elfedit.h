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
 * @data:	@bytes of its own, or NULL (empty, or SHT_NOBITS)
 */
struct elf_section {
	Elf64_Shdr hdr;
	unsigned char *data;
	size_t bytes;
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
 *
 * Return: NULL, or what is wrong with it; elf_close() is for both.
 */
const char *elf_open(struct elf_edit *edit, const void *file, size_t bytes);
void elf_close(struct elf_edit *edit);

const char *elf_section_name(const struct elf_edit *edit, size_t section);

size_t elf_nr_symbols(const struct elf_edit *edit);
/* Valid until a symbol is added. */
Elf64_Sym *elf_symbol(const struct elf_edit *edit, size_t i);
/* Valid until a symbol or a string is added. */
const char *elf_symbol_name(const struct elf_edit *edit, size_t i);
/* Return: the section, 0 when it is undefined, or ELF_NOWHERE. */
size_t elf_symbol_section(const struct elf_edit *edit, size_t i);

/* Number of entries of a section of type SHT_RELA, and the first of them. */
size_t elf_nr_relocations(const struct elf_edit *edit, size_t section);
Elf64_Rela *elf_relocations(const struct elf_edit *edit, size_t section);

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
 * elf_write() - put the object together again
 *
 * The same sections in the order that they had; no byte depends on anything
 * but the contents.
 * Return: *@bytes, to be freed.
 */
unsigned char *elf_write(const struct elf_edit *edit, size_t *bytes);

#endif
