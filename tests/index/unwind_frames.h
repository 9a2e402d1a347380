/* SPDX-License-Identifier: MIT */
/*
 * unwind_frames.h - a chain of calls whose stack is walked
 */
#ifndef UNWIND_FRAMES_H
#define UNWIND_FRAMES_H

#include <stddef.h>

/**
 * struct chain - what is called
 * @order:	numbers of links
 * @nr:		of them
 * @at:		the next one
 * @result:	what the last call gave
 */
struct chain {
	const unsigned char *order;
	int nr;
	int at;
	int result;
};

typedef int chain_link(struct chain *chain);

extern chain_link *const links[];
extern const size_t nr_links;

/* Calls the next link, or at the end walks the stack.  Each link adds 1. */
int next(struct chain *chain);

#endif
