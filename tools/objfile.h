/* SPDX-License-Identifier: MIT */
/*
 * objfile.h - read ELF files (objects, executables, shared objects), by libelf
 */
#ifndef MALLOCHOOKS_OBJFILE_H
#define MALLOCHOOKS_OBJFILE_H

#include <gelf.h>

/**
 * struct objfile - an ELF file opened for reading
 * @fd:		descriptor
 * @elf:	libelf's handle
 * @ehdr:	its header
 */
struct objfile {
	int fd;
	Elf *elf;
	GElf_Ehdr ehdr;
};

/**
 * objfile_open() - open an ELF file
 *
 * Return: 0, or -1 with errno; ENOEXEC when it is not ELF, or broken.
 */
int objfile_open(struct objfile *obj, const char *path);
void objfile_close(struct objfile *obj);

/**
 * objfile_symbols() - visit the symbols of an open file
 * @dynamic:	0 for .symtab, nonzero for .dynsym
 * @visit:	called with each symbol that has a name, undefined ones too; a
 *		nonzero result ends the walk
 *
 * Return: 0 (also when there is no such table), what @visit returned, or -1
 * with errno = ENOEXEC when the table is broken.
 */
int objfile_symbols(const struct objfile *obj, int dynamic,
		    int (*visit)(const char *name, const GElf_Sym *sym,
				 void *arg),
		    void *arg);

/**
 * object_symbols() - open @path and visit its symbols
 *
 * As objfile_symbols(); -1 always with a line said.
 */
int object_symbols(const char *path, int dynamic,
		   int (*visit)(const char *name, const GElf_Sym *sym,
				void *arg),
		   void *arg);

#endif
