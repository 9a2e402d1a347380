// SPDX-License-Identifier: MIT
/*
 * facade - what a pair of the program's own xmalloc() and xfree() costs
 *
 *	facade PAIRS
 *
 * Prints nanoseconds per pair, of the best of many short rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROW	10000

void *xmalloc(size_t size);
void xfree(void *ptr);

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void do_row(long nr)
{
	for (long i = 0; i < nr; i++) {
		volatile char *ptr = xmalloc(16 + i % 32 * 16);

		*ptr = 1;
		xfree((void *)ptr);
	}
}

int main(int argc, char **argv)
{
	long pairs = argc > 1 ? atol(argv[1]) : 0;
	double best = 0;

	for (long left = pairs; left > 0; left -= ROW) {
		long nr = left < ROW ? left : ROW;
		double start = now_ns(), each;

		do_row(nr);
		each = (now_ns() - start) / (double)nr;
		if (left == pairs || each < best)
			best = each;
	}
	printf("%.2f\n", best);
	return 0;
}
