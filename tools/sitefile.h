/* SPDX-License-Identifier: MIT */
/*
 * sitefile.h - reading a file of the sites layer
 */
#ifndef MALLOCHOOKS_TOOLS_SITEFILE_H
#define MALLOCHOOKS_TOOLS_SITEFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <mallochooks/sitefile.h>

enum site_op {
	SITE_MALLOC,
	SITE_CALLOC,
	SITE_REALLOC,
	SITE_MEMALIGN,
	SITE_FREE,
	SITE_FAILED,
	NR_SITE_OPS
};
extern const char *const site_op_names[NR_SITE_OPS];
extern const char *const site_age_names[MH_SITES_AGES];

/* Chunks and bytes; may be negative where some were not known. */
struct site_heap {
	int64_t chunks;
	int64_t bytes;
};

/**
 * struct site_counts - what was counted
 * @died:	chunks that were allocated here and have been freed, by
 *		enum mh_sites_age
 * @alive:	chunks that were allocated here, or inherited, and live
 * @peak:	those that lived at the peak of the process
 * @inherited:	those of @alive's that were there when the process was forked
 * @direct:	those of @alive's that were lost in the end, that nothing led to
 * @indirect:	that only lost ones led to
 *
 * Sums stop at UINT64_MAX, or at the ends of int64_t.
 */
struct site_counts {
	uint64_t calls[NR_SITE_OPS];
	uint64_t bytes;			/* that allocations requested */
	uint64_t failed_bytes;		/* that failed ones did */
	uint64_t bucket[MH_SITES_BUCKETS];	/* allocations by size */
	uint64_t died[MH_SITES_AGES];
	struct site_heap alive;
	struct site_heap peak;
	struct site_heap inherited;
	struct site_heap direct;
	struct site_heap indirect;
};

/**
 * struct site_module - an object of a process
 * @path:	absolute where that is known; never NULL
 * @why:	NULL, or why the path is of no use
 */
struct site_module {
	uint32_t number;
	uint32_t died;
	uint64_t start;
	uint64_t end;
	uint64_t bias;
	unsigned char build_id[64];
	size_t build_id_bytes;
	char *path;
	const char *why;
};

/**
 * struct site - a call site of a process, all its operations
 * @module:	index into the modules, or -1
 * @address:	the return address: in the module's file, or in memory
 */
struct site {
	int module;
	uint64_t address;
	struct site_counts counts;
};

/**
 * enum site_state - of the process when its file was read
 * @SITE_RUNNING:	it has the file mapped
 * @SITE_ENDED:		its destructors have run
 * @SITE_KILLED:	it is gone without: killed, _exit() or exec
 */
enum site_state { SITE_RUNNING, SITE_ENDED, SITE_KILLED };
extern const char *const site_state_names[];

/**
 * struct site_process - what one file says
 * @ident:	of the stack: which allocator
 * @inside:	the allocator inside whose chunks its own lie; "": none is told
 * @command:	arguments with blanks between them
 * @lives:	it tells what became of chunks
 * @lost:	counted at no site; part of @total
 * @options:	the values in force, a line each; "" when the file has none
 * @resets:	so often counting has begun anew
 * @gaps:	so often nothing was recorded for a time; @off: and is not now
 * @unseen:	deaths of chunks that the index did not know
 * @reach:	whether lost chunks are told from those that could be reached
 * @reach_threads: other threads that ran when that was looked for
 * @full:	pages were refused: the file had become as large as it may
 * @missing:	pages that were in use and are not in the file
 * @damaged:	pages, records and modules that could not be understood
 */
struct site_process {
	char *file;
	uint32_t pid;
	uint32_t ppid;
	uint64_t start_ns;
	enum site_state state;
	char *ident;
	char *inside;
	char *exe;
	char *command;
	uint64_t bound[MH_SITES_BUCKETS];
	struct site_module *modules;
	size_t nr_modules;
	struct site *sites;
	size_t nr_sites;
	struct site_counts lost;
	struct site_counts total;
	char *options;
	uint32_t resets;
	uint32_t gaps;
	int off;
	uint64_t unseen;
	int lives;
	enum mh_sites_reach reach;
	uint32_t reach_threads;
	int full;
	uint32_t missing;
	unsigned int damaged;
};

/* Why they are not told apart; a word each, "told" for when they are. */
extern const char *const site_reach_names[MH_SITES_REACH_GAPS + 1];

uint64_t site_add(uint64_t a, uint64_t b);
void site_heap_add(struct site_heap *to, const struct site_heap *more);
void site_counts_add(struct site_counts *to, const struct site_counts *more);
/* Allocations that succeeded, of any operation. */
uint64_t site_births(const struct site_counts *counts);

/**
 * site_process_read() - read a file, which its process may be writing
 * @process:	filled in; to be given to site_process_free()
 *
 * Memory and time are bounded by the bytes that the file has on the disk.
 * Return: NULL, or why it can't be read; valid up to the next call.
 */
const char *site_process_read(struct site_process *process, const char *path);

/* Frees sites and modules, and keeps what is told of the process. */
void site_process_drop(struct site_process *process);
void site_process_free(struct site_process *process);

/**
 * site_file_cut() - cut off what the file of a dead process did not use
 * Return: 0 or -errno; a file that is in use or not understood is left alone.
 */
int site_file_cut(const char *path);

#endif
