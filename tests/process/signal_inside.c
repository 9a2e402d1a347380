// SPDX-License-Identifier: MIT
/*
 * signal_inside - a signal that arrives in the midst of an event handler
 *
 * Both a client (-DCLIENT), whose handler raises the signal, and the program,
 * whose signal handler allocates.  No event may come of that, wherever the
 * signal handler's stack lies:
 *
 *	signal_inside		on the stack itself
 *	signal_inside below	on an alternate stack below the thread's
 *	signal_inside above	on one above it
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#ifdef CLIENT
#include <mallochooks/eventapi.h>

static __thread int inside __attribute__((tls_model("initial-exec")));
__attribute__((visibility("default"))) unsigned long events, nested;

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
	(void)ptr;
	(void)modified_size;
	(void)requested_size;
	(void)alignment;
	(void)caller;
	events++;
	nested += (unsigned long)inside;
	if (inside)
		return;
	inside = 1;
	raise(SIGUSR1);
	free(malloc(30));	/* the event handler is still one */
	inside = 0;
}
#else
#include <pthread.h>
#include "totals.h"

#define STACK_BYTES	262144

static int handled;

static void handler(int sig)
{
	char *volatile ptr = malloc(10);

	(void)sig;
	ptr = realloc(ptr, 100);
	MUST(ptr);
	free(ptr);
	ptr = calloc(1, 10);
	MUST(ptr);
	free(ptr);
	handled++;
}

static void *work(void *alternate)
{
	stack_t stack = { .ss_sp = alternate, .ss_size = STACK_BYTES };
	struct sigaction act = { .sa_handler = handler,
				 .sa_flags = SA_ONSTACK };
	unsigned long *events = dlsym(RTLD_DEFAULT, "events");
	unsigned long *nested = dlsym(RTLD_DEFAULT, "nested");
	unsigned long before;
	void *volatile ptr;
	int i;

	MUST(events && nested);
	MUST(!alternate || !sigaltstack(&stack, NULL));
	MUST(!sigaction(SIGUSR1, &act, NULL));
	before = *events;
	for (i = 0; i < 1000; i++) {
		ptr = malloc(20);
		MUST(ptr);
		free(ptr);
	}
	MUST(handled == 1000);
	MUST(*events - before == 1000);
	MUST(*nested == 0);
	/* A signal outside of a handler raises events as anything else. */
	signal(SIGUSR1, SIG_IGN);
	before = *events;
	handler(SIGUSR1);
	MUST(*events - before == 2);
	return NULL;
}

/* Two stacks that touch; the thread has the one, its signals the other. */
static void in_thread(int above)
{
	char *stacks = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;

	MUST(stacks != MAP_FAILED);
	MUST(!pthread_attr_init(&attr));
	MUST(!pthread_attr_setstack(&attr, stacks + (above ? 0 : STACK_BYTES),
				    STACK_BYTES));
	MUST(!pthread_create(&thread, &attr, work,
			     stacks + (above ? STACK_BYTES : 0)));
	MUST(!pthread_join(thread, NULL));
}

int main(int argc, char **argv)
{
	signal(SIGUSR1, SIG_IGN);
	if (argc > 1)
		in_thread(!strcmp(argv[1], "above"));
	else
		work(NULL);
	return 0;
}
#endif
