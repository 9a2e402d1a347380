/* SPDX-License-Identifier: MIT */
/*
 * totals.h - the file in which the count layers of a run add up
 */
#ifndef MALLOCHOOKS_TOTALS_H
#define MALLOCHOOKS_TOTALS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Most lines of the file: each thread takes one, each process two. */
#define TOTALS_LIMIT_DEFAULT	65536
#define TOTALS_LIMIT_MOST	(16 * 1024 * 1024)
#define TOTALS_LINE_BYTES	64
#define TOTALS_IDENT_BYTES	24

/**
 * struct totals - what a process has allocated through one stack
 * @ident:	of the stack
 * @first:	number of its first line
 * @born:	the lowest of these in the process: the order of birth
 */
struct totals {
	uint32_t pid;
	char ident[TOTALS_IDENT_BYTES + 1];
	uint32_t first;
	uint32_t born;
	uint64_t calls;
	uint64_t bytes;
	uint64_t failed;
};

/**
 * totals_make() - a new file, whole before anybody maps it
 * @path:	must not exist
 * @limit:	lines
 * @fd:		set to its descriptor
 * Return: 0 or an errno; then there is no file.
 */
int totals_make(const char *path, uint32_t limit, int *fd);

/**
 * totals_read() - what each process has allocated, in the order of birth, and
 * within a process by stack
 * @each:	array, to be freed
 * @full:	set when more lines were wanted than there are
 * Return: number of them: processes, times the stacks of each.
 */
size_t totals_read(int fd, uint32_t limit, struct totals **each, int *full);

void totals_add(struct totals *sum, const struct totals *more);

/* One line: "mallochooks: run: WHO 3 allocations, ..., 0 failedNOTE". */
void totals_print(FILE *out, const char *who, const struct totals *sum,
		  const char *note);

#endif
