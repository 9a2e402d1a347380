// SPDX-License-Identifier: MIT
/*
 * fork - every way to make a process, in a program whose threads allocate
 *
 *	fork WAY CHILDREN	what main() does while four threads allocate
 *	fork child N		a child that was executed: N births
 *
 * Each process writes "PID BIRTHS" to descriptor 3 as its last act, as its own
 * count layer says, and checks that number against what it did.  Descriptor 4,
 * where it is open, takes the log.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "totals.h"

#define THREADS	4

extern char **environ;
pid_t _Fork(void) __attribute__((weak));

static const char *self;
static unsigned long births;	/* of all threads of this process */
static int stop;

static void *take(size_t size)
{
	void *volatile ptr = malloc(size);

	MUST(ptr);
	__atomic_fetch_add(&births, 1, __ATOMIC_RELAXED);
	return ptr;
}

static void some(int n)
{
	while (n--)
		free(take((size_t)n % 200 + 1));
}

static void *allocate(void *arg)
{
	int i;

	for (i = 0; i < 2000 || !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++)
		free(take((size_t)i % 500 + 1));
	return arg;
}

/* stdio would allocate in the child. */
static void report(void)
{
	char line[64];
	int nr = snprintf(line, sizeof(line), "%d %lu\n", (int)getpid(),
			  totals_now().calls);

	if (write(3, line, (size_t)nr) != nr)
		_exit(99);
}

/* A child of fork starts from nothing. */
static void live_as_child(int n)
{
	struct totals totals = totals_now();

	if (totals.found && totals.calls)
		_exit(90);
	births = 0;
	some(n);
	totals = totals_now();
	if (totals.found && (totals.calls != (unsigned long)n || totals.failed))
		_exit(91);
	report();
	_exit(0);
}

static void *child_thread(void *arg)
{
	some(50);
	return arg;
}

/* The child has threads of its own; these take lines of their own. */
static void live_with_threads(int n)
{
	pthread_t thread[2];
	struct totals before, after;
	int i;

	some(n);
	before = totals_now();
	for (i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, child_thread, NULL))
			_exit(92);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	after = totals_now();
	/* pthread_create takes at most one chunk a thread */
	if (after.found && (after.calls - before.calls < 100 ||
			    after.calls - before.calls > 102))
		_exit(93);
	report();
	_exit(0);
}

/* The child forks once more; both are counted apart. */
static void live_with_child(int n)
{
	int status;
	pid_t pid;

	some(n);
	pid = fork();
	if (!pid)
		live_as_child(n + 1);
	if (waitpid(pid, &status, 0) != pid || status)
		_exit(94);
	if (totals_now().found && totals_now().calls != (unsigned long)n)
		_exit(95);
	report();
	_exit(0);
}

static void execute(int n)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", n);
	execl(self, self, "child", number, (char *)NULL);
	_exit(96);
}

static pid_t spawn(int n)
{
	char number[16];
	char *argv[] = { (char *)self, "child", number, NULL };
	pid_t pid;

	snprintf(number, sizeof(number), "%d", n);
	MUST(!posix_spawn(&pid, self, NULL, NULL, argv, environ));
	return pid;
}

/*
 * The child runs in our memory: what it allocates comes out of our heap, and
 * is ours.
 */
static __attribute__((noinline)) pid_t by_vfork(int n, int then_exec)
{
	pid_t pid = vfork();

	if (pid)
		return pid;
	some(n);
	if (then_exec)
		execute(n);
	_exit(0);
}

/* Linux/x86_64 and aarch64 agree on the first two arguments. */
static pid_t by_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static pid_t make(const char *way, int n)
{
	pid_t pid;

	if (!strcmp(way, "posix_spawn"))
		return spawn(n);
	if (!strcmp(way, "vfork"))
		return by_vfork(n, 0);
	if (!strcmp(way, "vfork-exec"))
		return by_vfork(n, 1);
	if (!strcmp(way, "_Fork") && _Fork)
		pid = _Fork();
	else if (!strcmp(way, "clone"))
		pid = by_clone();
	else
		pid = fork();
	MUST(pid >= 0);
	if (pid)
		return pid;
	if (!strcmp(way, "fork-exec"))
		execute(n);
	if (!strcmp(way, "fork-exit")) {
		some(n);
		report();
		exit(0);
	}
	if (!strcmp(way, "fork-threads"))
		live_with_threads(n);
	if (!strcmp(way, "fork-fork"))
		live_with_child(n);
	live_as_child(n);
	return -1;
}

static void wait_for(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, 0) == pid);
	if (status)
		fprintf(stderr, "child %d: status %#x\n", (int)pid, status);
	MUST(!status);
}

/* The parent's threads stop and tell, so that its own number is exact too. */
static void parent(const char *way, int children)
{
	pthread_t thread[THREADS];
	struct totals before, after;
	unsigned long at_start;
	int i;

	for (i = 0; i < THREADS; i++)
		MUST(!pthread_create(&thread[i], NULL, allocate, NULL));
	for (i = 0; i < children; i++)
		wait_for(make(way, i % 7 + 3));
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < THREADS; i++)
		MUST(!pthread_join(thread[i], NULL));

	at_start = births;
	before = totals_now();
	wait_for(make(way, 5));
	some(10);
	after = totals_now();
	if (before.found && after.calls - before.calls != births - at_start)
		fprintf(stderr, "%s: %lu births, %lu counted\n", way,
			births - at_start, after.calls - before.calls);
	MUST(!before.found || after.calls - before.calls == births - at_start);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "child"))
		some(atoi(argv[2]));
	else
		parent(argv[1], atoi(argv[2]));
	report();
	return 0;
}
