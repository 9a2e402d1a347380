// SPDX-License-Identifier: MIT
/*
 * handlers - a program whose every event runs a handler that does much
 *
 *	handlers BIRTHS		prints "EVENTS NESTED COUNTED": the events of its
 *				own calls, those inside others, and the births that
 *				the count layer saw
 *	handlers jump		the handler leaves by longjmp, at every depth
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include "totals.h"

unsigned long handlers_events, handlers_nested;
jmp_buf *handlers_jump;

#define THREADS	3

/* A birth, a death, and half a realloc: five events, and two more. */
static void *allocate(void *arg)
{
	void *volatile ptr, *more;
	int i, n = *(int *)arg;

	for (i = 0; i < n; i++) {
		errno = i + 1000;
		ptr = i & 1 ? malloc(20) : calloc(2, 10);
		MUST(ptr && errno == i + 1000);
		more = realloc(ptr, 300);
		MUST(more && errno == i + 1000);
		free(more);
		MUST(errno == i + 1000);
	}
	return arg;
}

static __attribute__((noinline)) void *deeper(int depth, volatile char *below)
{
	volatile char frame[64];
	void *ptr;

	frame[0] = below ? below[0] : 1;
	ptr = depth ? deeper(depth - 1, frame) : malloc(30);
	frame[1] = frame[0];
	return ptr;
}

static unsigned long events_of_a_malloc(void)
{
	unsigned long before = handlers_events;

	free(malloc(40));
	return handlers_events - before;
}

/*
 * A handler must not do that; but the hooks live on, and from any call that is
 * no deeper than the one that was left, events are raised as before.
 */
static void jump(void)
{
	jmp_buf here;
	int i;

	MUST(events_of_a_malloc() == 4);
	for (i = 0; i < 20; i++) {
		if (!setjmp(here)) {
			handlers_jump = &here;
			free(deeper(i + 2, NULL));
			DIE("the handler did not jump");
		}
		MUST(events_of_a_malloc() == 4);
		MUST(events_of_a_malloc() == 4);
	}
	puts("fine");
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	struct totals before, after;
	pthread_t thread[THREADS];
	unsigned long events;
	int i;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "jump")) {
		jump();
		return 0;
	}
	before = totals_now();
	events = handlers_events;
	allocate(&n);
	events = handlers_events - events;
	after = totals_now();
	/* glibc: each malloc here takes 2 events, realloc 2, free 2 */
	printf("says: %lu %lu %lu\n", events, handlers_nested,
	       after.calls - before.calls);
	/* and in threads, one after the other's first call at the same time */
	for (i = 0; i < THREADS; i++)
		MUST(!pthread_create(&thread[i], NULL, allocate, &n));
	for (i = 0; i < THREADS; i++)
		MUST(!pthread_join(thread[i], NULL));
	MUST(!handlers_nested);
	return 0;
}
