/* SPDX-License-Identifier: MIT */
/*
 * program.h - what a program file is, seen before it is started
 */
#ifndef MALLOCHOOKS_PROGRAM_H
#define MALLOCHOOKS_PROGRAM_H

#include <stdint.h>

enum program_malloc {
	PROGRAM_MALLOC_NONE,		/* takes malloc from a library */
	PROGRAM_MALLOC_EXPORTED,	/* defines it for everybody */
	PROGRAM_MALLOC_INSIDE,		/* defines it for itself only */
};

enum program_raised {
	PROGRAM_RAISED_NOT,
	PROGRAM_RAISED_SETUID,
	PROGRAM_RAISED_SETGID,
	PROGRAM_RAISED_CAPABILITIES,
};

/**
 * struct program - a file that the kernel is to execute
 * @path:	as given to program_look()
 * @file:	what is executed in the end: @path, or the last of the
 *		interpreters that "#!" lines name
 * @elf:	@file is ELF and was readable; if not, the fields below up to
 *		@note say nothing
 * @class:	ELFCLASS32 or ELFCLASS64
 * @machine:	EM_*
 * @interp:	its dynamic loader, or NULL
 * @loader:	it is a dynamic loader itself, called by name
 * @needs_glibc: it needs libc.so.6
 * @own_malloc:	does it bring its own malloc?
 * @note:	it carries a unit of ours
 * @raised:	starting it raises privileges; the loader then ignores
 *		LD_PRELOAD
 */
struct program {
	char *path;
	char *file;
	int elf;
	unsigned char class;
	uint16_t machine;
	char *interp;
	int loader;
	int needs_glibc;
	enum program_malloc own_malloc;
	int note;
	enum program_raised raised;
};

/**
 * program_look() - look at a program file
 * @prog:	filled in; free with program_free()
 * @path:	of the file; not searched along PATH
 *
 * Follows "#!" at most four levels deep, as the kernel does, and through
 * env(1) to the program that it is told to start.  A file that cannot be read
 * is no error: then @elf is 0, and only the kernel knows more.
 */
void program_look(struct program *prog, const char *path);
void program_free(struct program *prog);

/* Name of an EM_* machine and class, for messages; in a static buffer. */
const char *program_machine(const struct program *prog);

#endif
