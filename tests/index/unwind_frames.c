// SPDX-License-Identifier: MIT
/*
 * unwind_frames - functions of every kind that a walk up the stack meets
 *
 * Each calls the next one of the chain; compiled with many options.
 */
#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unwind_frames.h"

#define FRAME	__attribute__((noinline, section("frames")))

static volatile int zero;

FRAME static int plain(struct chain *chain)
{
	return next(chain) + 1;
}

FRAME static int big(struct chain *chain)
{
	volatile char room[100000];

	room[zero] = 1;
	return next(chain) + room[zero];
}

FRAME static int by_alloca(struct chain *chain)
{
	char *room = alloca((size_t)(16 + zero + chain->at));

	memset(room, 1, 16);
	return next(chain) + room[zero];
}

FRAME static int aligned(struct chain *chain)
{
	volatile _Alignas(64) char room[64];

	room[zero] = (char)((uintptr_t)room % 64);
	return next(chain) + 1 + room[zero];
}

/* What gcc describes by an expression. */
FRAME static int aligned_alloca(struct chain *chain)
{
	volatile _Alignas(64) char room[64];
	char *more = alloca((size_t)(16 + zero));

	memset(more, 0, 16);
	room[zero] = (char)((uintptr_t)room % 64);
	return next(chain) + 1 + room[zero] + more[0];
}

FRAME static int with_many(long a, long b, long c, long d, long e, long f,
			   struct chain *chain, long g, long h)
{
	return next(chain) + (int)(a + b + c + d + e + f + g + h);
}

FRAME static int many(struct chain *chain)
{
	return with_many(1, zero, zero, zero, zero, zero, chain, zero, zero);
}

FRAME static int with_list(struct chain *chain, ...)
{
	va_list args;
	int sum;

	va_start(args, chain);
	sum = next(chain) + va_arg(args, int) + (int)va_arg(args, double);
	va_end(args);
	return sum;
}

FRAME static int variable(struct chain *chain)
{
	return with_list(chain, 1, (double)zero);
}

FRAME static int recursive(struct chain *chain, int depth)
{
	return depth ? recursive(chain, depth - 1) + zero : next(chain) + 1;
}

FRAME static int deep(struct chain *chain)
{
	return recursive(chain, 20);
}

/* Keeps every register that a function has to keep. */
FRAME static int busy(struct chain *chain)
{
	long a = zero, b = a + zero, c = b + zero, d = c + zero, e = d + zero;
	long f = e + zero, g = f + zero;
	int result = next(chain);

	return result + 1 + (int)(a + b * 2 + c * 3 + d * 5 + e * 7 + f * 11 + g);
}

/* The call is the last thing in it. */
FRAME static __attribute__((noreturn)) void last(struct chain *chain, jmp_buf *out)
{
	next(chain);
	longjmp(*out, 1);
}

FRAME static int never_returns(struct chain *chain)
{
	jmp_buf out;

	if (!setjmp(out))
		last(chain, &out);
	return chain->result + 1;
}

/* Through libc's frames. */
static struct chain *sorted;

FRAME static int compare(const void *a, const void *b)
{
	struct chain *chain = sorted;

	(void)a;
	(void)b;
	sorted = NULL;
	if (chain)
		next(chain);
	return 0;
}

FRAME static int through_libc(struct chain *chain)
{
	int two[2] = { 1, 2 };

	sorted = chain;
	qsort(two, 2, sizeof(two[0]), compare);
	return chain->result + 1;
}

/* An epilogue in the middle. */
FRAME static int early(struct chain *chain)
{
	char room[200];

	if (chain->at % 2 == zero)
		return next(chain) + 1;
	memset(room, 1, sizeof(room));
	return next(chain) + room[zero];
}

chain_link *const links[] = {
	plain, big, by_alloca, aligned, aligned_alloca, many, variable, deep,
	busy, never_returns, through_libc, early,
};
const size_t nr_links = sizeof(links) / sizeof(links[0]);
