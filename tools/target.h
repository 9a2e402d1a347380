/* SPDX-License-Identifier: MIT */
/*
 * target.h - the stacks in another process, read and written while it runs
 *
 * By process_vm_readv(2) and process_vm_writev(2): nothing stops, and what ptrace(2)
 * would be allowed is.  Documentation/abi.rst says what stands where.
 */
#ifndef MALLOCHOOKS_TARGET_H
#define MALLOCHOOKS_TARGET_H

#include <sys/types.h>
#include <mallochooks/mallochooks.h>

#include "tables.h"

/**
 * struct target_stack - a stack that a note tells of
 * @ident:	its identity, as the note has it
 * @object:	path of what carries it
 * @at:		address of its table; 0: the note tells of none
 * @table:	what stood there, zeros where it ends earlier
 * @unit:	tables of its unit, or NULL
 * @nr:		its number in there
 * @why:	NULL, or why there is no @unit
 */
struct target_stack {
	char *ident;
	char *object;
	uint64_t at;
	struct mallochooks_table table;
	struct unit *unit;
	size_t nr;
	const char *why;
};

/**
 * struct target - a process
 * @tables:	its memory
 * @units:	at @unit_at, @nr_units of them
 * @stacks:	@nr_stacks of them
 * @bits32:	it holds an ELF file of that class
 */
struct target {
	struct tables tables;
	pid_t pid;
	struct unit *units[16];
	uint64_t unit_at[16];
	size_t nr_units;
	struct target_stack *stacks;
	size_t nr_stacks;
	int bits32;
};

/**
 * target_open() - look for stacks in a process
 * Return: 0, or -1 with a line said: also when there are none.
 */
int target_open(struct target *target, pid_t pid);
void target_close(struct target *target);

/* What of a table is for others. */
#define TARGET_TABLE_BYTES	offsetof(struct mallochooks_table, busy)

/* Is its layout the one that we know, and has it started? */
int target_is_known(const struct target_stack *stack);

/* Reads the table anew.  Return: 0, or -1 with a line said. */
int target_update(struct target *target, struct target_stack *stack);

/* The values that are to be, or that are; NULL while somebody is writing. */
const struct mallochooks_values *
target_values(const struct target_stack *stack);

/* A change of one value. */
struct target_change {
	uint32_t slot;
	int64_t value;
	int relative;	/* @value is to be added; this one becomes 0 then */
};

/**
 * target_write() - ask for other values
 * @changes:	@nr of them
 *
 * Of two writers none is lost: each begins with what the other has asked for.
 * Return: serial of what was written, or 0 with a line said.
 */
uint64_t target_write(struct target *target, struct target_stack *stack,
		      struct target_change *changes, size_t nr);

#endif
