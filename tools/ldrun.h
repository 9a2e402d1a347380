/* SPDX-License-Identifier: MIT */
/*
 * ldrun.h - the real linker behind the ld shim, and files for its time only
 */
#ifndef MALLOCHOOKS_LDRUN_H
#define MALLOCHOOKS_LDRUN_H

#include "tools.h"

/**
 * linker_find() - the linker that we stand before
 * @name:	ours: "ld.lld", or "TRIPLE-ld.lld", for which "ld.lld" does too
 *
 * What MALLOCHOOKS_LD says, or the first along COMPILER_PATH and PATH that is
 * neither we nor one that led to us.
 * Return: to be freed; dies when there is none.
 */
char *linker_find(const char *name);

/* Becomes the linker; argv[0] is its path.  Dies when it cannot. */
void linker_exec(char *const argv[]) __attribute__((noreturn));

/**
 * linker_run() - run it and wait for it
 * @said:	NULL, or to be set to what it printed, to be freed
 *
 * Signals that end us end it first.
 * Return: as of waitpid().
 */
int linker_run(char *const argv[], char **said);

/**
 * temp_file() - a path in a directory of our own below TMPDIR
 * @name:	without directories; each gets one to itself
 *
 * All is removed when we exit, or die of a signal, but by linker_exec().
 * Return: to be freed.
 */
char *temp_file(const char *name);

/* Such a file, with these contents. */
char *temp_write(const char *name, const void *data, size_t bytes);

/* To be called first; ends by signals are then orderly. */
void temp_init(void);

/* Die as the linker did: @status is of linker_run(). */
void leave(int status) __attribute__((noreturn));

#endif
