/* SPDX-License-Identifier: MIT */
/*
 * rundir.h - the directory of a run: its totals and the files of its processes
 */
#ifndef MALLOCHOOKS_RUNDIR_H
#define MALLOCHOOKS_RUNDIR_H

#include <stddef.h>
#include <stdint.h>

/**
 * rundir_make() - a directory of our own, mode 0700
 * @wanted:	its path, which must not exist or be empty; NULL: a new name
 *		below TMPDIR
 * @path:	set to its real path, to be freed, or NULL
 * Return: 0 or an errno.
 */
int rundir_make(const char *wanted, char **path);

/**
 * rundir_pids() - the processes that have a file in it
 * @files:	set to the number of files; one process has several when it
 *		went through exec
 * @pids:	array in ascending order, to be freed
 * Return: number of processes.
 */
size_t rundir_pids(const char *path, size_t *files, uint32_t **pids);

/* Cut every file of a dead process to what it used. */
void rundir_trim(const char *path);

/* Remove it with all in it. */
void rundir_remove(const char *path);

#endif
