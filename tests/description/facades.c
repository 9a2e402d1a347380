// SPDX-License-Identifier: MIT
/*
 * facades - functions before malloc: see facades.h
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "facades.h"

/* Not a jump to malloc, which would leave nothing to be walked. */
static void *kept(void *ptr)
{
	__asm__ volatile("" : "+r"(ptr));
	return ptr;
}

void *xmalloc(size_t size)
{
	return kept(malloc(size));
}

void *xcalloc(size_t n, size_t size)
{
	return calloc(n, size);		/* a jump */
}

void *xrealloc(void *old, size_t size)
{
	return old ? kept(realloc(old, size)) : kept(xmalloc(size));
}

char *xstrdup(const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(xmalloc(bytes), text, bytes);
}

void xfree(void *ptr)
{
	free(ptr);
	kept(ptr);
}

void *xodd(size_t size, int depth)
{
	return kept(depth ? xeven(size, depth - 1) : xmalloc(size));
}

void *xeven(size_t size, int depth)
{
	return kept(depth ? xodd(size, depth - 1) : malloc(size));
}

void *xdeep(size_t size, int depth)
{
	volatile char room[40];

	room[depth % 40] = 1;
	return kept(depth ? xdeep(size, depth - 1) : malloc(size)) + room[0] * 0;
}

void *xagain(void *old, size_t size)
{
	free(old);
	return kept(malloc(size));
}

void *xtry(size_t size)
{
	return kept(malloc(size));
}

void *xretry(size_t first, size_t second)
{
	void *ptr = malloc(first);

	return ptr ? ptr : kept(malloc(second));
}

void *xjump(size_t size, jmp_buf *out)
{
	void *ptr = malloc(size);

	kept(ptr);
	longjmp(*out, 1);
}

void *xraise(size_t size)
{
	raise(SIGUSR1);
	return kept(malloc(size));
}

void *xswitch(size_t size, void (*other)(void))
{
	other();
	return kept(malloc(size));
}

void *xmany(long a, long b, long c, long d, long e, long f, long g, size_t size)
{
	if (a != 1 || b != 2 || c != 3 || d != 4 || e != 5 || f != 6 || g != 7)
		abort();
	return kept(malloc(size));
}

void *xpass(size_t size)
{
	return kept(xthrow(size));
}

static __attribute__((noinline)) void *hidden_alloc(size_t size)
{
	return kept(malloc(size));
}

__attribute__((section("sites"))) void *user_of_static(size_t size)
{
	return kept(hidden_alloc(size));
}
