// SPDX-License-Identifier: MIT
/*
 * signal - threads that allocate under a storm of signals whose handler does too
 *
 *	signal THREADS STORM	STORM signals for each thread and main
 *
 * The allocator behind us is tally.c, which a signal handler may call.  Prints
 * the births that tally, the count layer and the event handlers have seen.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <errno.h>
#include <signal.h>
#include "seen.h"
#include "totals.h"

#define MAX_THREADS	8

extern unsigned long tally_births __attribute__((weak));
struct seen seen;

static __thread int handled;	/* signals, of this thread */
static __thread volatile int depth;
static unsigned long births;
static int storm, done;

static void one(void *ptr)
{
	MUST(ptr);
	__atomic_fetch_add(&births, 1, __ATOMIC_RELAXED);
}

static void allocate(int i)
{
	void *volatile ptr, *more;
	int error = errno;

	ptr = malloc((size_t)i % 50 + 1);
	one(ptr);
	more = realloc(ptr, 60);
	one(more);
	free(more);
	ptr = calloc(2, 20);
	one(ptr);
	free(ptr);
	MUST(!posix_memalign((void **)&more, 64, 70));
	one(more);
	free(more);
	MUST(errno == error);
}

static void handler(int sig)
{
	int before = errno;

	(void)sig;
	errno = 12345;
	if (depth++ < 2)
		allocate(depth);
	depth--;
	errno = before;
	handled++;
}

static void *work(void *arg)
{
	int i;

	for (i = 0; handled < storm; i++) {
		errno = i + 20000;
		allocate(i);
	}
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
	return arg;
}

static pthread_t thread[MAX_THREADS + 1];

static void *send(void *arg)
{
	int nr = *(int *)arg, i;

	/* Threads that are done wait to be joined: they can be signalled. */
	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < nr)
		for (i = 0; i < nr; i++) {
			pthread_kill(thread[i], SIGUSR1);
			pthread_kill(thread[i], SIGUSR2);
		}
	return arg;
}

static void *work_and_stay(void *arg)
{
	work(arg);
	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < *(int *)arg)
		;
	return arg;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = handler,
				 .sa_flags = SA_RESTART | SA_NODEFER };
	struct totals before, after;
	unsigned long at_start, tallied, allocs;
	pthread_t sender;
	int i, nr;

	if (argc < 3 || !&tally_births)
		return 2;
	nr = atoi(argv[1]) + 1;
	storm = atoi(argv[2]);
	MUST(!sigaction(SIGUSR1, &act, NULL));
	MUST(!sigaction(SIGUSR2, &act, NULL));

	before = totals_now();
	at_start = births;
	allocs = seen.allocs + seen.realloced;
	tallied = tally_births;
	thread[nr - 1] = pthread_self();
	for (i = 0; i < nr - 1; i++)
		MUST(!pthread_create(&thread[i], NULL, work_and_stay, &nr));
	MUST(!pthread_create(&sender, NULL, send, &nr));
	work(NULL);
	MUST(!pthread_join(sender, NULL));
	for (i = 0; i < nr - 1; i++)
		MUST(!pthread_join(thread[i], NULL));
	after = totals_now();
	tallied = tally_births - tallied;
	allocs = seen.allocs + seen.realloced - allocs;

	MUST(tallied >= births - at_start);
	printf("%lu %lu %lu\n", tallied,
	       before.found ? after.calls - before.calls : tallied,
	       seen.inits ? allocs : tallied);
	return 0;
}
