// SPDX-License-Identifier: MIT
/*
 * early_lib - a library that allocates before the program has begun
 *
 * Linked with -z now, its IFUNC resolver runs while it is being relocated,
 * which is before the preload in front of it is.  -DQUIET leaves the calls out.
 */
#include <malloc.h>
#include <stdlib.h>
#include "early.h"

static struct early in_resolver;
static struct early in_constructor;

struct early *early_resolver(void)
{
	return &in_resolver;
}

struct early *early_constructor(void)
{
	return &in_constructor;
}

static int answer(void)
{
	return 42;
}

static int (*choose(void))(void)
{
#ifndef QUIET
	take(&in_resolver);
#endif
	return answer;
}

static int chosen(void) __attribute__((ifunc("choose")));

int early_answer(void)
{
	return chosen();
}

__attribute__((constructor)) static void start(void)
{
	take(&in_constructor);
}
