// SPDX-License-Identifier: MIT
/*
 * facades_main - call facades in every way, and say who the hooks think called
 *
 * A line for each way: its name, how many births and deaths there were, and the
 * functions in which the last ones' callers lie.  "alone" starts no threads; words
 * behind one more are a program to become.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "facades.h"

#define SITE	__attribute__((section("sites"), noinline))

int catches(void *(*facade)(size_t));

extern const char __start_sites[], __stop_sites[];

static void (*ask)(unsigned long *birth, unsigned long *death, long *births,
		   long *deaths);
static void *result;
static jmp_buf out;
static ucontext_t main_context, other_context;

static void nothing_more(void)
{
	__asm__ volatile("" ::: "memory");
}

#define CALL(name, call) \
SITE static void name(void) \
{ \
	result = (void *)(call); \
	nothing_more(); \
}

CALL(direct, malloc(10))
CALL(one, xmalloc(10))
CALL(jump, xcalloc(2, 10))
CALL(chain, xstrdup("text"))
CALL(grown, xrealloc(xmalloc(10), 10000))
CALL(grown_of_none, xrealloc(NULL, 10))
CALL(mutual, xodd(10, 10))
CALL(mutual_even, xeven(10, 11))
CALL(itself, xdeep(10, 20))
CALL(itself_deep, xdeep(10, 1000))
CALL(again, xagain(malloc(10), 20))
CALL(many, xmany(1, 2, 3, 4, 5, 6, 7, 10))
CALL(by_static, user_of_static(10))
CALL(shared, dso_alloc(10))
CALL(shared_chain, dso_chain(10))
CALL(retried, xretry(TOO_MUCH, 10))
CALL(failed, xtry(TOO_MUCH))
CALL(raised, xraise(10))

SITE static void freed(void)
{
	xfree(result);
	nothing_more();
}

SITE static void failed_then(void)
{
	result = xtry(TOO_MUCH);
	result = malloc(10);
	nothing_more();
}

SITE static void jumped(void)
{
	if (!setjmp(out))
		xjump(10, &out);
	result = malloc(10);
	nothing_more();
}

/* The latch that is left must not be taken for one by a facade. */
SITE static void jumped_then(void)
{
	if (!setjmp(out))
		xjump(10, &out);
	result = xmalloc(10);
	nothing_more();
}

SITE static void deeper(int depth)
{
	volatile char room[64];

	room[depth % 64] = 1;
	if (depth)
		deeper(depth - 1);
	else
		result = malloc(10);
	nothing_more();
}

SITE static void jumped_deeper(void)
{
	if (!setjmp(out))
		xjump(10, &out);
	deeper(20);
}

SITE static void thrown(void)
{
	if (!catches(xthrow))
		abort();
	result = malloc(10);
	nothing_more();
}

SITE static void thrown_through(void)
{
	if (!catches(xpass))
		abort();
	result = malloc(10);
	nothing_more();
}

/* A large frame leaves what lies in it as it was: return addresses, too. */
SITE static void large(void)
{
	volatile char room[4096];

	room[0] = 1;
	result = malloc(10);
	nothing_more();
}

SITE static void returned_large(void)
{
	one();
	large();
	nothing_more();
}

SITE static void thrown_large(void)
{
	if (!catches(xthrow))
		abort();
	large();
	nothing_more();
}

SITE static void in_coroutine(void)
{
	result = xmalloc(10);
	nothing_more();
}

static void back(void)
{
	swapcontext(&other_context, &main_context);
}

/* Comes back in the middle of a facade. */
SITE static void in_the_middle(void)
{
	result = xswitch(10, back);
	nothing_more();
}

static void enter(void (*function)(void))
{
	static char stack[1 << 16];

	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack;
	other_context.uc_stack.ss_size = sizeof(stack);
	other_context.uc_link = &main_context;
	makecontext(&other_context, function, 0);
	swapcontext(&main_context, &other_context);
}

static void coroutine(void)
{
	enter(in_coroutine);
}

SITE static void left_in_the_middle(void)
{
	enter(in_the_middle);
	result = malloc(10);
	nothing_more();
}

static void resumed(void)
{
	swapcontext(&main_context, &other_context);
}

#define WAY(function)	{ #function, function }
static const struct way {
	const char *name;
	void (*call)(void);
} ways[] = {
	WAY(direct), WAY(one), WAY(jump), WAY(chain), WAY(grown),
	WAY(grown_of_none), WAY(freed), WAY(mutual), WAY(mutual_even),
	WAY(itself), WAY(itself_deep), WAY(again), WAY(many), WAY(by_static),
	WAY(shared), WAY(shared_chain), WAY(retried), WAY(failed), WAY(direct),
	WAY(failed_then), WAY(jumped), WAY(jumped_then), WAY(jumped_deeper),
	WAY(thrown), WAY(thrown_through), WAY(returned_large),
	WAY(thrown_large), WAY(coroutine),
	WAY(left_in_the_middle), WAY(resumed), WAY(raised), WAY(direct),
};

/* Not among the ways by themselves. */
static const struct way others[] = {
	WAY(deeper), WAY(large), WAY(in_coroutine), WAY(in_the_middle), WAY(user_of_static),
};

static void look(const struct way *way, size_t nr, unsigned long address,
		 const char **name, unsigned long *best)
{
	for (size_t i = 0; i < nr; i++) {
		unsigned long start = (unsigned long)way[i].call;

		if (start < address && start >= *best &&
		    start >= (unsigned long)__start_sites) {
			*best = start;
			*name = way[i].name;
		}
	}
}

static const char *function_of(unsigned long address)
{
	const char *name = "?";
	unsigned long best = 0;

	if (address <= (unsigned long)__start_sites ||
	    address > (unsigned long)__stop_sites)
		return address ? "elsewhere" : "nobody";
	look(ways, sizeof(ways) / sizeof(ways[0]), address, &name, &best);
	look(others, sizeof(others) / sizeof(others[0]), address, &name, &best);
	return name;
}

static void *thread(void *arg)
{
	unsigned long birth, death;
	long births, deaths, wrong = 0;

	(void)arg;
	for (int i = 0; i < 1000; i++) {
		ask(&birth, &death, &births, &deaths);
		if (i % 2)
			chain();
		else
			direct();
		ask(&birth, &death, &births, &deaths);
		wrong += births != 1 || strcmp(function_of(birth),
					       i % 2 ? "chain" : "direct");
	}
	return (void *)wrong;
}

static void call_threads(void)
{
	pthread_t id[4];
	long wrong = 0;
	void *one;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&id[i], NULL, thread, NULL))
			abort();
	for (int i = 0; i < 4; i++) {
		pthread_join(id[i], &one);
		wrong += (long)one;
	}
	printf("threads: %ld wrong\n", wrong);
}

static void on_signal(int number)
{
	(void)number;
	free(malloc(10));
}

int main(int argc, char **argv)
{
	unsigned long birth, death;
	long births, deaths;

	*(void **)&ask = dlsym(RTLD_DEFAULT, "facades_seen");
	if (!ask)
		return 2;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	signal(SIGUSR1, on_signal);
	printf("begin\n");
	free(malloc(1));
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		ask(&birth, &death, &births, &deaths);
		ways[i].call();
		ask(&birth, &death, &births, &deaths);
		printf("%s: %ld %s, %ld %s\n", ways[i].name, births,
		       births ? function_of(birth) : "-", deaths,
		       deaths ? function_of(death) : "-");
	}
	if (argc == 1 || strcmp(argv[1], "alone"))
		call_threads();
	fflush(stdout);
	if (argc > 2) {
		execvp(argv[2], argv + 2);
		return 3;
	}
	return 0;
}
