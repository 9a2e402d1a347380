/* SPDX-License-Identifier: MIT */
/*
 * contain.h - libconfig in a process that is not ours
 *
 * libconfig allocates, reads through stdio, and ends the process when memory
 * runs out.  It is linked in from its archive with these of its imports bound
 * to functions of ours (config/libconfig.syms), so that none of that happens:
 * memory comes from a mapping that goes away when all values are copied, files
 * are read by system calls after a look at what they are, and exit() leads
 * back to whoever called the parser.
 */
#ifndef MH_CONTAIN_H
#define MH_CONTAIN_H

#include <limits.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

/* Said again because a free-standing compile takes no function of libc for what
 * it is. */
int _setjmp(jmp_buf out) __attribute__((returns_twice));

#define MH_CONF_BYTES	(64u << 10)	/* of a file */

/* What libconfig makes of a whole number without an L that needs more bits. */
#define MH_CONTAINED_TOO_LARGE	INT_MIN

/**
 * struct mh_contained - the one parse that is under way
 * @out:	where an exit() of libconfig's leads
 * @include_dir: of the first file, without a final '/'
 * @secure:	files must be root's
 * @why:	why the last file could not be read, or NULL
 * @why_errno:	what the kernel said to that, or 0
 * @base:	of the memory
 * @used:	bytes of it
 * @instead_of, @instead: as in struct mh_options
 */
struct mh_contained {
	jmp_buf out;
	const char *include_dir;
	int secure;
	const char *why;
	int why_errno;
	unsigned char *base;
	size_t used;
	const char *instead_of;
	const char *instead;
};

#pragma GCC visibility push(hidden)

extern struct mh_contained mh_contained;

/**
 * mh_contain_begin() - get the memory
 * Return: nonzero, or 0 when the kernel has none.
 */
int mh_contain_begin(void);

/* Gives it back, with all that libconfig has in it. */
void mh_contain_end(void);

/**
 * mh_contained_malloc() - memory until mh_contain_end()
 * Return: aligned to 16 bytes; when there is no more it does not return, but
 * goes to mh_contained.out.
 */
void *mh_contained_malloc(size_t bytes);

#pragma GCC visibility pop

#endif
