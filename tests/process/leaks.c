// SPDX-License-Identifier: MIT
/*
 * leaks - places whose chunks live and die in ways that are known
 *
 *	leaks END [WORD...]
 *
 *	END	exit, _exit, SIGKILL, exec: how it ends
 *
 *	threads	four threads, each of which allocates what the next one frees
 *	fork	a child frees some of what it has inherited
 *	module	a library makes chunks, and is closed while one of them lives
 *	growth	many chunks of many sizes come, change and go; prints the most bytes
 *		that lived, its own
 *
 * Prints nothing else.  Each place is a function of its own.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE __attribute__((noinline)) static
#define AFTER __asm__ volatile("" : : "i"(__COUNTER__) : "memory");

static void *kept[4096];

PLACE void *leaks_some(size_t size)
{
	void *p = malloc(size);
	AFTER
	return p;
}

PLACE void *leaks_nothing(size_t size)
{
	void *p = malloc(size);
	AFTER
	return p;
}

PLACE void *makes(size_t n, size_t size)
{
	void *p = calloc(n, size);
	AFTER
	return p;
}

PLACE void *aligns(size_t size)
{
	void *p = memalign(256, size);
	AFTER
	return p;
}

PLACE void *resizes(void *old, size_t size)
{
	void *p = realloc(old, size);
	AFTER
	return p;
}

PLACE void *is_largest(size_t size)
{
	void *p = malloc(size);
	AFTER
	return p;
}

static void live_and_die(void)
{
	void *p;
	int i;

	/* 500 at once */
	for (i = 0; i < 500; i++)
		free(leaks_nothing(40));
	/* 1 at once, 19 short, as the last is the latest */
	for (i = 0; i < 20; i++)
		kept[i] = leaks_nothing(24);
	while (i--)
		free(kept[i]);
	/* 1,000 long, then as many that pushed them out */
	for (i = 0; i < 1000; i++)
		kept[i] = leaks_nothing(24);
	for (i = 1000; i < 3000; i++)
		kept[i] = leaks_some(24);
	for (i = 0; i < 1000; i++)
		free(kept[i]);
	for (i = 1000; i < 2990; i++)
		free(kept[i]);
	/* 10 are left of that, and these: 3 * 100, 7 * 11 and 500 */
	for (i = 0; i < 3; i++)
		leaks_some(100);
	makes(7, 11);
	aligns(500);
	/* of its first place all the time: 4,000 bytes in the end, and 5 */
	p = leaks_some(10);
	p = resizes(p, 100);
	resizes(p, 4000);
	resizes(leaks_some(1000), 5);
	/* its own, and gone again */
	p = resizes(NULL, 77);
	p = resizes(p, 7000);
	if (resizes(p, 0))
		abort();
	/* its own, 33 bytes */
	resizes(resizes(NULL, 3), 33);
	/* no matter how large */
	if (malloc(SIZE_MAX / 4) || realloc(kept[2999], SIZE_MAX / 4))
		abort();
	free(NULL);
	/* the peak */
	free(is_largest(3 << 20));
	free(is_largest(2 << 20));
}

/* ---- threads ------------------------------------------------------------------ */

#define THREADS	4
#define HANDED	5000

static void *hand[THREADS][HANDED];
static pthread_barrier_t all;

PLACE void *in_thread(size_t size)
{
	void *p = malloc(size);
	AFTER
	return p;
}

static void *thread(void *arg)
{
	const uintptr_t self = (uintptr_t)arg;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < HANDED; i++)
			hand[self][i] = in_thread(8 + self);
		pthread_barrier_wait(&all);
		/* the last round leaves 10 of each */
		for (int i = 0; i < HANDED - (round == 2 ? 10 : 0); i++)
			free(hand[(self + 1) % THREADS][i]);
		pthread_barrier_wait(&all);
	}
	return NULL;
}

static int run_threads(void)
{
	pthread_t id[THREADS];

	pthread_barrier_init(&all, NULL, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&id[i], NULL, thread, (void *)i))
			return 0;
	for (int i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	return 1;
}

/* ---- fork --------------------------------------------------------------------- */

PLACE void *before_fork(size_t size)
{
	void *p = malloc(size);
	AFTER
	return p;
}

PLACE void *in_child(size_t size)
{
	void *p = malloc(size);
	AFTER
	return p;
}

static int run_fork(void)
{
	int status;
	pid_t pid;

	for (int i = 0; i < 100; i++)
		kept[i] = before_fork(60);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 30; i++)
			free(kept[i]);
		for (int i = 0; i < 5; i++)
			in_child(19);
		kept[99] = resizes(kept[99], 600);
		/* long enough for a file, whatever sites.after says */
		for (int i = 0; i < 6000; i++)
			free(in_child(1));
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return 0;
	for (int i = 0; i < 100; i++)
		free(kept[i]);
	return 1;
}

/* ---- a library that is closed --------------------------------------------------- */

static int run_module(void)
{
	void *library = dlopen("./libleaks.so", RTLD_NOW);
	void *(*make)(size_t);
	void *left, *freed;

	if (!library)
		return 0;
	make = (void *(*)(size_t))dlsym(library, "leaks_lib_make");
	left = make(123);
	freed = make(321);
	free(make(5));
	dlclose(library);
	free(freed);
	kept[0] = left;
	return 1;
}

/* ---- the peak -------------------------------------------------------------------- */

PLACE void *grows(size_t size)
{
	void *p = malloc(size);
	AFTER
	return p;
}

static int run_growth(void)
{
	static size_t bytes[4096];
	size_t now = 0, most = 0;
	uint64_t state = 1;

	memset(kept, 0, sizeof(kept));
	for (int i = 0; i < 200000; i++) {
		size_t at, size;

		state = state * 6364136223846793005u + 1442695040888963407u;
		at = state >> 40 & 4095;
		/* more of them live, and larger ones, in the middle */
		size = 1 + (state >> 20 & 1023) * (size_t)(1 + (i > 90000 &&
							      i < 110000));
		/* a quarter of them changes its size, and is of its place still */
		if (kept[at] && state >> 62 == 0) {
			kept[at] = resizes(kept[at], size);
		} else {
			free(kept[at]);
			kept[at] = grows(size);
		}
		now -= bytes[at];
		bytes[at] = size;
		now += size;
		if (now > most)
			most = now;
	}
	for (int i = 0; i < 4096; i++)
		free(kept[i]);
	printf("%zu\n", most);
	fflush(stdout);
	return 1;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int well = 1;

	if (argc < 3)
		live_and_die();
	for (int i = 2; i < argc; i++)
		well &= !strcmp(argv[i], "threads") ? run_threads() :
			!strcmp(argv[i], "fork") ? run_fork() :
			!strcmp(argv[i], "module") ? run_module() :
			!strcmp(argv[i], "growth") && run_growth();
	if (!well)
		return 1;
	if (!strcmp(how, "_exit"))
		_exit(0);
	if (!strcmp(how, "SIGKILL"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "exec"))
		execl("/bin/true", "true", (char *)NULL);
	return 0;
}
