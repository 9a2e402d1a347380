// SPDX-License-Identifier: MIT
/*
 * late - the end of programs and threads, with calls until the last moment
 *
 *	late plain		return from main; everything that runs then allocates
 *	late HOW busy		the same while four threads allocate
 *	HOW: exit quick_exit _exit pthread_exit return
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "seen.h"
#include "totals.h"

#define THREADS	4
#define ROUNDS	3	/* of a key's destructor; 4 is what POSIX promises */
#define STATUS	7

struct seen seen;
void late_library(void);
/* What a C++ compiler makes of a thread_local object with a destructor. */
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *dso);
extern void *__dso_handle __attribute__((visibility("hidden")));

static pthread_key_t key;
static unsigned long key_rounds, objects, busy;
static char *kept[3];

/* Frees what came in and goes on with another chunk, as real destructors do. */
static void at_key(void *value)
{
	static __thread int rounds;
	char *next = calloc(1, 200);

	MUST(next && !next[199]);
	memset(next, rounds, 200);
	free(value);
	__atomic_fetch_add(&key_rounds, 1, __ATOMIC_RELAXED);
	if (++rounds < ROUNDS)
		MUST(!pthread_setspecific(key, next));
	else
		free(next);
}

static void at_object(void *object)
{
	char *more = realloc(object, 5000);

	MUST(more);
	more[4999] = 1;
	free(more);
	__atomic_fetch_add(&objects, 1, __ATOMIC_RELAXED);
}

static void *short_life(void *arg)
{
	int i;

	for (i = 0; i < 10; i++)
		MUST(!__cxa_thread_atexit_impl(at_object, malloc(30), &__dso_handle));
	MUST(!pthread_setspecific(key, malloc(40)));
	return arg;
}

static void threads_that_end(void)
{
	pthread_t thread[8];
	int i, round;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 8; i++)
			MUST(!pthread_create(&thread[i], NULL, short_life, NULL));
		for (i = 0; i < 8; i++)
			MUST(!pthread_join(thread[i], NULL));
	}
	MUST(key_rounds == 20 * 8 * ROUNDS);
	MUST(objects == 20 * 8 * 10);
}

static void allocate_in_handler(int nr)
{
	char *ptr = realloc(kept[nr], 100000);

	MUST(ptr);
	ptr[99999] = 1;
	free(ptr);
	kept[nr] = NULL;
	ptr = aligned_alloc(64, 640);
	MUST(ptr);
	free(ptr);
}

static void at_exit(void)
{
	allocate_in_handler(0);
}

static void on_exit_too(int status, void *arg)
{
	(void)arg;
	MUST(status == STATUS);
	allocate_in_handler(1);
}

__attribute__((destructor)) static void stop(void)
{
	if (kept[2])
		allocate_in_handler(2);
}

static void *no_end(void *arg)
{
	void *volatile ptr[16] = { NULL };
	unsigned int i;

	__atomic_fetch_add(&busy, 1, __ATOMIC_RELEASE);
	for (i = 0;; i++) {
		free(ptr[i % 16]);
		ptr[i % 16] = i & 1 ? malloc(i % 3000) : calloc(i % 300 + 1, 3);
	}
	return arg;
}

static void *end_of_the_last(void *arg)
{
	MUST(!pthread_join(*(pthread_t *)arg, NULL));
	free(malloc(10));
	exit(STATUS);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "plain";
	static pthread_t thread, self;
	int i;

	late_library();
	MUST(!pthread_key_create(&key, at_key));
	for (i = 0; i < 3; i++)
		kept[i] = malloc(60);
	MUST(!atexit(at_exit));
	MUST(!on_exit(on_exit_too, NULL));
	if (!strcmp(how, "plain"))
		threads_that_end();
	if (argc > 2)
		for (i = 0; i < THREADS; i++)
			MUST(!pthread_create(&thread, NULL, no_end, NULL));
	while (argc > 2 && __atomic_load_n(&busy, __ATOMIC_ACQUIRE) < THREADS)
		;
	MUST(!pthread_setspecific(key, malloc(40)));
	if (!strcmp(how, "exit"))
		exit(STATUS);
	if (!strcmp(how, "quick_exit")) {
		at_quick_exit(at_exit);
		quick_exit(STATUS);
	}
	if (!strcmp(how, "_exit"))
		_exit(STATUS);
	if (!strcmp(how, "pthread_exit")) {
		self = pthread_self();
		MUST(!pthread_create(&thread, NULL, end_of_the_last, &self));
		pthread_exit(NULL);
	}
	return STATUS;
}
