// SPDX-License-Identifier: MIT
/*
 * report_sites - places that allocate a number of times that is known
 *
 *	report_sites [WORD...]
 *
 *	fork	a child does the same once more
 *	wait	prints its pid and sleeps for a minute before it ends
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR	4000

static void *kept[NR];
static int nr;

static inline __attribute__((always_inline)) void *inner(size_t size)
{
	return malloc(size);	/* line of inner */
}

static inline __attribute__((always_inline)) void *middle(size_t size)
{
	return inner(size + 4);	/* line of middle */
}

__attribute__((noinline)) static void outer(int times)
{
	while (times--)
		kept[nr++] = middle(20);	/* line of outer */
}

__attribute__((noinline)) static void many(int times)
{
	while (times--)
		kept[nr++] = malloc(7);		/* line of many */
}

__attribute__((noinline)) static void large(int times)
{
	while (times--)
		kept[nr++] = calloc(100, 1000);	/* line of large */
}

__attribute__((noinline)) static void other(void)
{
	void *p = NULL;

	for (int i = 1; i <= 8; i++)
		p = realloc(p, (size_t)i * 64);	/* line of realloc */
	kept[nr++] = p;
	kept[nr++] = memalign(64, 192);		/* line of memalign */
	for (int i = 0; i < 3; i++)
		if (malloc((size_t)-1 / 4))	/* line of failed */
			abort();
}

__attribute__((noinline)) static void release(int times)
{
	while (times--)
		free(kept[--nr]);		/* line of release */
}

static void all(void)
{
	outer(1000);
	many(2000);
	large(30);
	other();
	release(1500);
}

static int has(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], word))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	char text[32];
	int status, length;

	all();
	if (has(argc, argv, "fork")) {
		pid_t child = fork();

		if (!child) {
			nr = 0;
			all();
			return 0;
		}
		if (waitpid(child, &status, 0) != child || status)
			return 1;
	}
	if (has(argc, argv, "wait")) {
		length = snprintf(text, sizeof(text), "%d\n", (int)getpid());
		if (write(1, text, (size_t)length) != length)
			return 1;
		sleep(60);
	}
	return 0;
}
