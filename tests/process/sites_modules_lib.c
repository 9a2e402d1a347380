// SPDX-License-Identifier: MIT
/*
 * sites_modules_lib - a library that allocates SIZE bytes at one place; those
 * that only differ in SIZE have that place at the same address
 */
#include <stdlib.h>

void take(int n);

/* As many bytes of code before it as SHIFT says. */
__attribute__((used)) static void before(void)
{
	__asm__ volatile(".skip " SHIFT ", 0");
}

/* By memory, so that the code is the same for any SIZE. */
static volatile size_t size = SIZE;

void take(int n)
{
	while (n--) {
		void *volatile p = malloc(size);

		free(p);
	}
}
