/* SPDX-License-Identifier: MIT */
/*
 * terminal.h - what the entry asks the terminal beyond the hook API
 */
#ifndef MH_TERMINAL_H
#define MH_TERMINAL_H

#include <mallochooks/hookapi.h>

/* The functions of the user API whose rules differ between libraries. */
enum mh_aligned {
	MH_MEMALIGN,
	MH_POSIX_MEMALIGN,
	MH_ALIGNED_ALLOC,
	MH_VALLOC,
	MH_PVALLOC,
};

/**
 * verdict() - would the real function of the same name say yes?
 * @which:	the function
 * @alignment:	its argument, in bytes; ignored by valloc and pvalloc
 * @size:	its argument, in bytes
 *
 * Calls the real function and gives the chunk straight back, so it is for
 * cold paths: odd arguments, and failures whose errno must be the library's.
 * errno is left as the real function left it.
 *
 * Context: any thread, also before relocation.
 * Return: 0, or what posix_memalign would return (the others: nonzero).
 */
__attribute__((visibility("hidden")))
int MH_NAME(terminal, verdict)(enum mh_aligned which, size_t alignment,
			       size_t size);

/**
 * before() - whom a function that is made of another one has to call
 * @name:	of the function, as "reallocarray"
 * @made_of:	of the other, as "realloc"
 * @known:	0 at first; kept for later calls
 *
 * By method preload.  The malloc of a program's own may lack @name: then that
 * comes to us, and brings chunks of the program's, as it would to libc, which
 * calls @made_of by name.
 *
 * Context: any thread, also before relocation.
 * Return: @made_of of an object before us, when none of these has @name; NULL:
 * it is ours.
 */
__attribute__((visibility("hidden")))
void *MH_NAME(terminal, before)(const char *name, const char *made_of,
				void **known);

#endif
