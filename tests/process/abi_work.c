// SPDX-License-Identifier: MIT
/*
 * abi_work - a process that allocates when it is told to
 *
 * Lines on stdin, each answered by one on stdout:
 *
 *	a N		N allocations, of 100 bytes each
 *	t N		start N threads that allocate until "j"
 *	j		end and join them; answers with what they have made
 *	f		fork; the child, whose pid is the answer, goes on reading
 *			when the parent has ended
 *	x PROGRAM	exec it, with no word
 *	q		exit
 *
 * SIGUSR1 allocates once, in the handler.  Nothing else does, stdio neither.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_THREADS	16

static volatile int going;
static pthread_t thread[MOST_THREADS];
static uint64_t made[MOST_THREADS];
static int nr_threads;

static void once(void)
{
	void *volatile ptr = malloc(100);

	if (!ptr)
		abort();
	free(ptr);
}

static void on_signal(int signo)
{
	(void)signo;
	once();
}

static void *allocate(void *arg)
{
	uint64_t *nr = arg;

	while (going) {
		once();
		if (++*nr % 1000 == 0)
			usleep(200);	/* others want to run too */
	}
	return NULL;
}

static void answer(const char *text, uint64_t number)
{
	char line[64];
	int nr = snprintf(line, sizeof(line), "%s %llu\n", text,
			  (unsigned long long)number);

	if (write(1, line, (size_t)nr) != nr)
		_exit(9);
}

static void start(int nr)
{
	going = 1;
	for (nr_threads = 0; nr_threads < nr && nr < MOST_THREADS; nr_threads++)
		pthread_create(&thread[nr_threads], NULL, allocate,
			       &made[nr_threads]);
}

static uint64_t join(void)
{
	uint64_t sum = 0;

	going = 0;
	for (int i = 0; i < nr_threads; i++) {
		pthread_join(thread[i], NULL);
		sum += made[i];
	}
	return sum;
}

/* Byte by byte, so that a child finds the rest. */
static int read_line(char *line, size_t room)
{
	size_t nr = 0;

	while (nr + 1 < room && read(0, line + nr, 1) == 1)
		if (line[nr++] == '\n') {
			line[nr - 1] = '\0';
			return 1;
		}
	return 0;
}

static void obey(char *line)
{
	int nr = atoi(line + 1);
	pid_t child;

	switch (line[0]) {
	case 'a':
		for (int i = 0; i < nr; i++)
			once();
		answer("allocated", (uint64_t)nr);
		return;
	case 't':
		start(nr);
		answer("threads", (uint64_t)nr_threads);
		return;
	case 'j':
		answer("made", join());
		return;
	case 'f':
		child = fork();
		if (!child) {
			answer("child", (uint64_t)getpid());
			return;
		}
		waitpid(child, NULL, 0);
		answer("parent", (uint64_t)getpid());
		return;
	case 'x':
		execl(line + 2, line + 2, (char *)NULL);
		_exit(8);
	default:
		exit(0);
	}
}

int main(void)
{
	struct sigaction action;
	char line[4096];

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	answer("pid", (uint64_t)getpid());
	while (read_line(line, sizeof(line)))
		obey(line);
	return 0;
}
