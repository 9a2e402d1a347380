// SPDX-License-Identifier: MIT
/*
 * reach - chunks that can still be reached in the end, in ways that are known, and
 * chunks that cannot
 *
 *	reach [WORD...]
 *
 *	thread	exit from a thread, whose stack keeps a chunk; another one sleeps
 *	wait	another thread sleeps, and its stack keeps a chunk
 *	fork	a child ends in its place, the parent by _exit
 *	tree	makes a tree as well, forgets it, and returns from main
 *	_exit	ends by it
 *
 * Each place is a function of its own; its name says what becomes of its chunks.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AFTER __asm__ volatile("" : : "i"(__COUNTER__) : "memory");
#define PLACE(name) \
	__attribute__((noinline)) static void *name(size_t size) \
	{ void *p = malloc(size); if (!p) abort(); memset(p, 0, size); AFTER return p; }

PLACE(in_static)
PLACE(in_data)
PLACE(in_tls)
PLACE(in_main)
PLACE(interior)
PLACE(last_byte)
PLACE(mapped)
PLACE(in_library)
PLACE(in_reached)
PLACE(in_large)
PLACE(large)
PLACE(in_stack)
PLACE(overwritten)
PLACE(one_behind)
PLACE(head)
PLACE(rest)
PLACE(ring)
PLACE(self)
PLACE(large_lost)
PLACE(in_large_lost)
PLACE(in_freed)
PLACE(tree)

/* So that no register and no dead frame keeps an address. */
__attribute__((noinline)) static void forget(void)
{
	volatile char stack[16384];

	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = 0;
	AFTER
}

/* Or the compiler drops what nobody reads. */
static void *volatile of_static;
static void *volatile of_data = (void *)&of_data;
static __thread void *volatile of_tls;
static char *volatile of_interior, *volatile of_last, *volatile of_end;
static void **volatile of_reached;
static void **volatile of_large;
static volatile uintptr_t hidden;

#define HIDE(p)	(~(uintptr_t)(p))

__attribute__((noinline)) static void lists(void)
{
	void **first, **node;

	/* three, of which nothing knows the first */
	node = rest(24);
	first = rest(24);
	*first = node;
	node = head(40);
	*node = first;
	/* two that know each other */
	node = ring(32);
	first = ring(32);
	*first = node;
	*node = first;
	/* one that knows itself */
	node = self(48);
	node[1] = node + 2;
	node = large_lost(300000);
	node[10000] = in_large_lost(72);
}

__attribute__((noinline)) static void make(void)
{
	void *library = dlopen("./libreach.so", RTLD_NOW);
	void **pages;

	if (!library)
		abort();
	*(void **)dlsym(library, "reach_lib_kept") = in_library(60);
	of_static = in_static(100);
	of_data = in_data(90);
	of_tls = in_tls(80);
	of_interior = (char *)interior(1000) + 500;
	of_last = (char *)last_byte(36) + 35;
	of_end = (char *)one_behind(48) + 48;
	pages = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pages[4096] = mapped(70);
	of_reached = in_reached(16);
	*of_reached = in_reached(16);
	*(void **)*of_reached = in_reached(16);
	of_large = large(400000);
	of_large[30000] = in_large(56);
	hidden = HIDE(overwritten(10));
	hidden = HIDE(overwritten(10));
	/* whole pages of a chunk that is freed, between others */
	pages = malloc(50000);
	if (!pages)
		abort();
	pages[3000] = in_freed(80);
	free(pages);
	lists();
	/* and behind all of them */
	pages = malloc(50000);
	if (!pages)
		abort();
	pages[3000] = (void *)~hidden;
	free(pages);
}

/* Leaves addresses of nodes on the stack, as any recursion does. */
__attribute__((noinline)) static void **grow(int depth)
{
	void **node = tree(32);

	if (depth) {
		node[0] = grow(depth - 1);
		node[1] = grow(depth - 1);
	}
	return node;
}

static pthread_barrier_t begun;

static void *sleeps(void *arg)
{
	void *volatile kept = in_stack(64);

	(void)arg;
	forget();
	pthread_barrier_wait(&begun);
	for (;;)
		pause();
	return kept;
}

static void *exits(void *arg)
{
	void *volatile kept = in_stack(64);

	(void)arg;
	forget();
	exit(kept == NULL);
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
	void *volatile kept;
	pthread_t thread;

	make();
	forget();
	kept = in_main(50);
	forget();
	pthread_barrier_init(&begun, NULL, 2);
	if (has(argc, argv, "wait") || has(argc, argv, "thread")) {
		if (pthread_create(&thread, NULL, sleeps, NULL))
			return 1;
		pthread_barrier_wait(&begun);
	}
	if (has(argc, argv, "thread")) {
		if (pthread_create(&thread, NULL, exits, NULL))
			return 1;
		pthread_join(thread, NULL);
	}
	if (has(argc, argv, "_exit"))
		_exit(0);
	if (has(argc, argv, "tree")) {
		hidden = HIDE(grow(9));
		return 0;
	}
	if (has(argc, argv, "fork")) {
		if (fork())
			_exit(wait(NULL) < 0);
		/* one that does not allocate has no file */
		free(malloc(5));
	}
	/* not by return: the frame of main is in use then */
	exit(kept == NULL || !hidden);
}
