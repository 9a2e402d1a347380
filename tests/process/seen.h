/* SPDX-License-Identifier: MIT */
/*
 * seen.h - what the handlers of seen.c tell the program that they run in
 *
 * The program defines "seen" and is linked with -rdynamic; a program that does
 * not is left alone.
 */
#ifndef SEEN_H
#define SEEN_H

#include <stdint.h>

struct seen {
	unsigned long inits;
	unsigned long allocs;
	unsigned long failed;
	unsigned long frees;		/* pre_nonnull_free */
	unsigned long freed;		/* post_nonnull_free */
	unsigned long reallocs;
	unsigned long realloced;
	unsigned long usables;
	uintptr_t caller;		/* of the last allocation */
};

#endif
