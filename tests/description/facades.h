/* SPDX-License-Identifier: MIT */
/*
 * facades.h - a program's own functions before malloc
 */
#ifndef FACADES_H
#define FACADES_H

#include <setjmp.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TOO_MUCH	((size_t)1 << 62)

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
void xfree(void *ptr);
void *xeven(size_t size, int depth);	/* mutual recursion */
void *xodd(size_t size, int depth);
void *xdeep(size_t size, int depth);	/* its own */
void *xagain(void *old, size_t size);	/* frees, then allocates */
void *xtry(size_t size);		/* gives up */
void *xretry(size_t first, size_t second);
void *xjump(size_t size, jmp_buf *out);	/* does not return */
void *xraise(size_t size);		/* a signal comes in the middle */
void *xswitch(size_t size, void (*other)(void));
void *xmany(long a, long b, long c, long d, long e, long f, long g, size_t size);
void *xthrow(size_t size);		/* throws */
void *xpass(size_t size);		/* is passed by what that throws */
void *user_of_static(size_t size);	/* calls a static hidden_alloc() */
void *dso_alloc(size_t size);		/* in a shared object */
void *dso_chain(size_t size);		/* calls dso_alloc() */

#ifdef __cplusplus
}
#endif
#endif
