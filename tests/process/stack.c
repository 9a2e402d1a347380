// SPDX-License-Identifier: MIT
/*
 * stack - allocations on stacks that are hardly large enough
 *
 *	stack threads		threads of the smallest stack that there may be
 *	stack signals		a signal handler on a small alternate stack
 *	stack coroutines	makecontext() on 4 KiB above a page that kills
 *	stack frames		calls with a frame pointer that leads anywhere
 *	stack depth		prints how many bytes of stack the calls take
 */
#define _GNU_SOURCE
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>
#include "seen.h"
#include "totals.h"

#define COROUTINE_BYTES	4096

struct seen seen;
static unsigned long births;

/* Every function of the family, eight births. */
static void allocate(void)
{
	void *volatile ptr, *more;

	ptr = malloc(100);
	MUST(ptr);
	more = realloc(ptr, 400);
	MUST(more && malloc_usable_size(more) >= 400);
	free(more);
	ptr = calloc(5, 20);
	MUST(ptr);
	free(ptr);
	MUST(!posix_memalign((void **)&more, 64, 200));
	free(more);
	ptr = aligned_alloc(128, 256);
	MUST(ptr);
	free(ptr);
	ptr = memalign(32, 33);
	MUST(ptr);
	free(ptr);
	ptr = reallocarray(NULL, 3, 40);
	MUST(ptr);
	free(ptr);
	ptr = realloc(NULL, 30);
	MUST(ptr);
	free(ptr);
	__atomic_fetch_add(&births, 8, __ATOMIC_RELAXED);
}

static void *in_thread(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		allocate();
	return arg;
}

static void threads(void)
{
	long bytes = sysconf(_SC_THREAD_STACK_MIN);
	pthread_attr_t attr;
	pthread_t thread[8];
	int i;

	if (bytes < 16384)
		bytes = 16384;
	MUST(!pthread_attr_init(&attr));
	MUST(!pthread_attr_setstacksize(&attr, (size_t)bytes));
	for (i = 0; i < 8; i++)
		MUST(!pthread_create(&thread[i], &attr, in_thread, NULL));
	for (i = 0; i < 8; i++)
		MUST(!pthread_join(thread[i], NULL));
	MUST(births == 8 * 8 * 100);
}

/* @bytes of stack; the page below it cannot be touched. */
static unsigned char *guarded(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *at;

	bytes = (bytes + page - 1) & ~(page - 1);
	at = mmap(NULL, page + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		  -1, 0);
	MUST(at != MAP_FAILED);
	MUST(!mprotect(at + page, bytes, PROT_READ | PROT_WRITE));
	return at + page;
}

static void handler(int sig)
{
	(void)sig;
	allocate();
}

static void *signalled(void *arg)
{
	size_t bytes = 4096 + (size_t)sysconf(_SC_MINSIGSTKSZ);
	stack_t stack = { .ss_sp = guarded(bytes), .ss_size = bytes };
	int i;

	MUST(!sigaltstack(&stack, NULL));
	for (i = 0; i < 100; i++) {
		raise(SIGUSR1);
		allocate();
	}
	return arg;
}

static void signals(void)
{
	struct sigaction act = { .sa_handler = handler,
				 .sa_flags = SA_ONSTACK };
	pthread_t thread;

	MUST(!sigaction(SIGUSR1, &act, NULL));
	signalled(NULL);
	MUST(!pthread_create(&thread, NULL, signalled, NULL));
	MUST(!pthread_join(thread, NULL));
	MUST(births == 2 * 2 * 8 * 100);
}

static ucontext_t main_context, context[10];
static int running;

static void coroutine(void)
{
	int i, self = running;

	for (i = 0; i < 20; i++) {
		allocate();
		swapcontext(&context[self], &main_context);
	}
}

static void coroutines(void)
{
	int i, turn;

	for (i = 0; i < 10; i++) {
		MUST(!getcontext(&context[i]));
		context[i].uc_stack.ss_sp = guarded(COROUTINE_BYTES);
		context[i].uc_stack.ss_size = COROUTINE_BYTES;
		context[i].uc_link = &main_context;
		makecontext(&context[i], coroutine, 0);
	}
	for (turn = 0; turn < 20; turn++)
		for (running = 0; running < 10; running++) {
			swapcontext(&main_context, &context[running]);
			allocate();
		}
	MUST(births == 2 * 10 * 20 * 8);
}

/* malloc(@size), called with @frame in the frame pointer. */
void *malloc_from(size_t size, uintptr_t frame);
#if defined(__x86_64__)
__asm__(".text\n.globl malloc_from\nmalloc_from:\n"
	"push %rbp\nmov %rsi, %rbp\ncall malloc@PLT\npop %rbp\nret\n"
	".previous");
#elif defined(__aarch64__)
__asm__(".text\n.globl malloc_from\nmalloc_from:\n"
	"stp x29, x30, [sp, #-16]!\nmov x29, x1\nbl malloc\n"
	"ldp x29, x30, [sp], #16\nret\n"
	".previous");
#else
void *malloc_from(size_t size, uintptr_t frame)
{
	(void)frame;
	return malloc(size);
}
#endif

static uintptr_t no_page;	/* nothing can be read there */

/* Nobody keeps a frame pointer these days: it is a register like others. */
static void *any_frame(void *arg)
{
	volatile uintptr_t own[4] = { 0, 0x1111, 0, 0x2222 };
	uintptr_t frame[8];
	unsigned int i;

	own[0] = (uintptr_t)&own[2];	/* a frame that leads to a second, ... */
	own[2] = (uintptr_t)&own[0];	/* ... and that one back */
	frame[0] = 0;
	frame[1] = 8;
	frame[2] = ~(uintptr_t)7;
	frame[3] = no_page;
	frame[4] = (uintptr_t)own;
	frame[5] = (uintptr_t)own + 1;
	frame[6] = (uintptr_t)pthread_self() | 8;
	frame[7] = (uintptr_t)0x5a5a5a5a5a5a5a58;
	for (i = 0; i < 8; i++) {
		void *volatile ptr = malloc_from(100, frame[i]);

		MUST(ptr);
		free(ptr);
		__atomic_fetch_add(&births, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static void in_coroutine(void)
{
	any_frame(NULL);
}

static void frames(void)
{
	pthread_t thread;

	/* The first to be mapped, so that most stacks lie below it. */
	no_page = (uintptr_t)guarded(4096) - 64;
	any_frame(NULL);
	MUST(!pthread_create(&thread, NULL, any_frame, NULL));
	MUST(!pthread_join(thread, NULL));
	MUST(!getcontext(&context[0]));
	context[0].uc_stack.ss_sp = guarded(COROUTINE_BYTES);
	context[0].uc_stack.ss_size = COROUTINE_BYTES;
	context[0].uc_link = &main_context;
	makecontext(&context[0], in_coroutine, 0);
	swapcontext(&main_context, &context[0]);
	MUST(births == 3 * 8);
}

static void once(void)
{
	allocate();
}

/* Paints a stack, runs on it, and looks how far down the paint is gone. */
static void depth(void)
{
	const size_t bytes = 256 * 1024;
	unsigned char *at = guarded(bytes);
	size_t i;

	memset(at, 0xa5, bytes);
	MUST(!getcontext(&context[0]));
	context[0].uc_stack.ss_sp = at;
	context[0].uc_stack.ss_size = bytes;
	context[0].uc_link = &main_context;
	makecontext(&context[0], once, 0);
	swapcontext(&main_context, &context[0]);
	for (i = 0; i < bytes && at[i] == 0xa5; i++)
		;
	printf("%zu\n", bytes - i);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	struct totals before, after;
	unsigned long allocs;

	allocate();		/* binds each function */
	births = 0;
	before = totals_now();
	allocs = seen.allocs + seen.realloced;
	if (!strcmp(how, "threads"))
		threads();
	else if (!strcmp(how, "signals"))
		signals();
	else if (!strcmp(how, "coroutines"))
		coroutines();
	else if (!strcmp(how, "frames"))
		frames();
	else
		depth();
	after = totals_now();
	allocs = seen.allocs + seen.realloced - allocs;
	/* pthread_create may take a chunk for each of its threads */
	if (before.found && strcmp(how, "depth"))
		MUST(after.calls - before.calls - births <= 8);
	if (seen.inits && strcmp(how, "depth"))
		MUST(allocs - births <= 8);
	return 0;
}
