// SPDX-License-Identifier: MIT
/*
 * rewrite_strangers - work for an allocator that we have not written
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NR = 1000 };

long hook_calls(int op);
void hook_arm(void);

static void *chunks[NR];

static void one(int i)
{
	size_t bytes = i * 37 % 5000 + 1;

	chunks[i % NR] = malloc(bytes);
	memset(chunks[i % NR], 1, bytes);
}

static void all_back(void)
{
	for (int i = 0; i < NR; i++)
		free(realloc(chunks[i], i * 91 % 9000 + 1));
}

int main(void)
{
	long mallocs, frees;

	hook_arm();
	mallocs = hook_calls(0);
	frees = hook_calls(1);
	for (int i = 0; i < 10 * NR; i++) {
		one(i);
		if (i % NR == NR - 1)
			all_back();
	}
	free(strdup("text"));
	mallocs = hook_calls(0) - mallocs;
	printf("%ld %d\n", mallocs, hook_calls(1) - frees >= 10 * NR + 1);
	return 0;
}
