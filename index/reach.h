/* SPDX-License-Identifier: MIT */
/*
 * reach.h - which chunks can a process still reach, and which has it lost?
 *
 * A look through the memory of the process itself, which goes on: each aligned word
 * that could be an address is taken for one.  So what is told to be lost has no
 * pointer in all that was looked at; what is told to be reachable may only look so.
 *
 *	struct mh_reach *reach = mh_reach_open(room, most);
 *	mh_reach_add(reach, ...);		for each chunk, and what is ours
 *	if (reach && !mh_reach_mark(reach, stack, all))
 *		... reach->chunk[0 ... reach->nr - 1].state
 *	mh_reach_close(reach);
 */
#ifndef MH_REACH_H
#define MH_REACH_H

#include <mallochooks/runtime.h>

/**
 * enum mh_reach_state - what became of a chunk
 * @MH_REACH_UNSEEN:	nothing yet
 * @MH_REACH_REACHED:	there is a way to it
 * @MH_REACH_DIRECT:	lost, and no other lost one leads to it; of some that lead
 *			to each other in a ring, one
 * @MH_REACH_INDIRECT:	lost, and there is a way to it from a lost one
 * @MH_REACH_OURS:	no chunk: memory that is not looked at
 */
enum mh_reach_state {
	MH_REACH_UNSEEN,
	MH_REACH_REACHED,
	MH_REACH_DIRECT,
	MH_REACH_INDIRECT,
	MH_REACH_OURS
};

/**
 * struct mh_reach_chunk - one that lives
 * @base:	its address
 * @requested:	an address in so many bytes leads to it (0: as 1)
 * @usable:	so many bytes are looked at when it was reached
 * @site:	for the caller
 * @next:	that is still to be looked at, plus 1
 * @state:	enum mh_reach_state
 */
struct mh_reach_chunk {
	uint64_t base;
	uint64_t requested;
	uint64_t usable;
	uint64_t site;
	uint32_t next;
	uint32_t state;
};

#define MH_REACH_WORDS	4096u	/* that are read at a time */

/**
 * struct mh_reach - the work under way; lies in memory of its own
 * @mapped:	bytes of all this
 * @room:	chunks that it holds at most
 * @nr:		chunks; more than @room: some did not fit
 * @left:	bytes that may still be looked at
 * @low:	no chunk begins below
 * @span:	bytes from there to the end of the last
 * @error:	-E2BIG: more memory than was allowed; -ENOMEM: no room for all
 *		chunks, or mappings; others as of process_vm_readv(2) and open(2);
 *		0 so far
 * @as:		what is found becomes this
 * @leader:	number of the lost chunk that others are looked for from
 * @todo:	number of the first chunk that is to be looked at, plus 1
 * @pid:	this process
 * @from:	address of what stands in @word
 * @bytes:	of these
 * @text:	/proc/self/maps
 * @word:	the memory that is being looked at
 * @chunk:	by address, once mh_reach_mark() was called
 */
struct mh_reach {
	size_t mapped;
	uint32_t room;
	uint32_t nr;
	uint64_t left;
	uint64_t low;
	uint64_t span;
	int error;
	uint32_t as;
	uint32_t leader;
	uint32_t todo;
	long pid;
	uint64_t from;
	uint64_t bytes;
	char *text;
	uint64_t word[MH_REACH_WORDS];
	struct mh_reach_chunk chunk[];
};

#pragma GCC visibility push(hidden)

/**
 * mh_reach_open() - make room
 * @room:	for so many chunks, and ranges that are ours
 * @most:	bytes that may be looked at
 * Return: NULL when the kernel refuses.
 */
struct mh_reach *mh_reach_open(uint32_t room, uint64_t most);
void mh_reach_close(struct mh_reach *reach);

/**
 * mh_reach_add() - a chunk; with @state MH_REACH_OURS, memory to be left out
 *
 * Of one that finds no room only the number is kept.
 */
void mh_reach_add(struct mh_reach *reach, uint64_t base, uint64_t requested,
		  uint64_t usable, uint64_t site, enum mh_reach_state state);

/* By address, or by site: any order that the offset of a number gives. */
void mh_reach_sort(struct mh_reach_chunk *chunk, uint32_t nr, size_t offset);

/**
 * mh_reach_from() - what can be reached from a range of memory
 *
 * After mh_reach_begin().
 */
void mh_reach_from(struct mh_reach *reach, uint64_t from, uint64_t to);

/* After the last mh_reach_add(). */
void mh_reach_begin(struct mh_reach *reach);

/* After the last root: all that was not reached is lost. */
void mh_reach_end(struct mh_reach *reach);

/**
 * mh_reach_mark() - what can be reached in this process
 * @stack:	the calling thread's: what lies below it is not in use
 * @all:	look at all that lies between chunks, too: something else than this
 *		allocator may keep it
 *
 * Roots are all private mappings that can be written to, without what lies in
 * chunks, or between two of them in such a way that no page is free of both, or in
 * the heap of brk(2) behind the first chunk.
 * Context: allocates nothing, takes no lock; opens /proc/self/maps.
 * Return: 0, or @error.
 */
int mh_reach_mark(struct mh_reach *reach, uint64_t stack, int all);

#pragma GCC visibility pop

#endif
