// SPDX-License-Identifier: MIT
/*
 * query_main - a program that others ask about
 *
 *	query_main still FILE	chunks of all kinds; FILE gets a line for each chunk that
 *				is alive, by the process's own walk; then it stops itself
 *	query_main moving	stops itself within a realloc of "outermost", therein
 *				one of "outer", and therein one of "inner"; with the
 *				allocator query_within
 *	query_main churn	three threads that allocate, free and reallocate, and
 *				100 chunks of 777 bytes that stay, until it is killed
 *
 * Prints "NAME ADDRESS" lines, and when all is ready "ready PID".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

enum { MANY = 3000, STAY = 100 };

void *tiny, *medium, *large, *huge, *tagged, *moved, *empty;
static void *many[MANY];

__attribute__((noinline)) void *query_make(size_t size)
{
	void *ptr = malloc(size);

	__asm__ volatile("" : "+r" (ptr));
	return ptr;
}

static int line(const struct mallochooks_object *object, void *arg)
{
	dprintf(*(int *)arg, "%#" PRIxPTR " %" PRIu64 " %" PRIu64 " %" PRIu64
		" %s\n", (uintptr_t)object->base, object->requested,
		object->usable, object->tag, object->ident);
	return 0;
}

static void show(const char *name, const void *ptr)
{
	dprintf(1, "%s %p %zu\n", name, ptr, malloc_usable_size((void *)ptr));
}

static int still(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	tiny = query_make(1);
	medium = query_make(5000);
	large = query_make(300000);
	huge = query_make((size_t)70 << 20);
	tagged = query_make(40);
	moved = realloc(query_make(100), 20000);
	empty = query_make(0);
	for (int i = 0; i < MANY; i++)
		many[i] = query_make((size_t)i % 100);
	for (int i = 0; i < MANY; i += 3)
		free(many[i]);
	if (fd < 0 || mallochooks_set_tag(tagged, 4711))
		return 1;
	show("tiny", tiny);
	show("medium", medium);
	show("large", large);
	show("huge", huge);
	show("tagged", tagged);
	show("moved", moved);
	show("empty", empty);
	if (mallochooks_walk(line, &fd))
		return 1;
	dprintf(1, "ready %d\n", getpid());
	raise(SIGSTOP);
	return 0;
}

void *outermost, *outer, *inner;
enum { OUTERMOST = 98765, OUTER = 12345, INNER = 54321 };

void within_realloc(size_t size)
{
	if (size == OUTERMOST) {
		outer = realloc(outer, OUTER);
	} else if (size == OUTER) {
		inner = realloc(inner, INNER);
	} else if (size == INNER) {
		dprintf(1, "ready %d\n", getpid());
		raise(SIGSTOP);
	}
}

static void moving(void)
{
	/* of multiples of 8, as the index knows no other size: two stand in slots */
	outermost = query_make(3000);
	outer = query_make(104);
	inner = query_make(200);
	show("outermost", outermost);
	show("outer", outer);
	show("inner", inner);
	outermost = realloc(outermost, OUTERMOST);
}

static void *churn(void *arg)
{
	unsigned int state = (unsigned int)(uintptr_t)arg;
	void *ptr[64] = { NULL };

	for (;;) {
		const unsigned int i = (unsigned int)rand_r(&state) % 64;
		const size_t size = (size_t)rand_r(&state) %
				    (rand_r(&state) % 4 ? 300 : 40000);

		if (!ptr[i]) {
			ptr[i] = malloc(size);
			if (rand_r(&state) % 4 == 0)
				mallochooks_set_tag(ptr[i], 3);
		} else if (rand_r(&state) % 2) {
			free(ptr[i]);
			ptr[i] = NULL;
		} else {
			ptr[i] = realloc(ptr[i], size + 1);
		}
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc == 3 && !strcmp(argv[1], "still"))
		return still(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "moving")) {
		moving();
		return 0;
	}
	for (int i = 0; i < STAY; i++)
		show("stay", query_make(777));
	for (uintptr_t i = 1; i <= 3; i++)
		pthread_create(&thread, NULL, churn, (void *)i);
	dprintf(1, "ready %d\n", getpid());
	pause();
	return 0;
}
