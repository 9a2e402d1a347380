// SPDX-License-Identifier: MIT
/*
 * calloc - what a large zeroed block costs that is hardly used
 *
 * 64 MiB, of which one byte is touched; freed and made anew for a while, in a
 * process that has 16 MiB of other memory (the kernel's account of less is too
 * rough to compare).  Prints the microseconds of the quickest turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES		((size_t)64 << 20)
#define OTHER_BYTES	((size_t)16 << 20)
#define MIN_TURNS	3
#define ENOUGH_US	10000

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(void)
{
	double begin, start, end, best = 0;
	volatile char *block;
	char *other = malloc(OTHER_BYTES);
	int turn;

	if (!other)
		return 1;
	memset(other, 1, OTHER_BYTES);
	begin = now_us();
	for (turn = 0; turn < MIN_TURNS || end - begin < ENOUGH_US; turn++) {
		start = now_us();
		block = calloc(1, BYTES);
		if (!block || block[BYTES / 2])
			return 1;
		block[BYTES / 2] = 1;
		free((void *)block);
		end = now_us();
		if (!turn || end - start < best)
			best = end - start;
	}
	printf("%.3f\n", best);
	free(other);
	return 0;
}
