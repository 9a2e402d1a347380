// SPDX-License-Identifier: MIT
/*
 * sites_threads - threads with 40 births of 21 bytes each
 *
 *	sites_threads live N	N that are alive at the same time; prints also
 *				the KiB resident in memory then
 *	sites_threads short N	N, 50 at a time
 *	sites_threads handler N	N, interrupted by a handler that allocates
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static pthread_barrier_t all_here;

static void take(int n)
{
	while (n--) {
		void *volatile p = malloc(21);

		free(p);
	}
}

static long resident;	/* KiB, when all were there */

/* stdio would allocate. */
static void look(void)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t nr = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (nr < 0)
		return;
	close(fd);
	text[nr] = '\0';
	at = strstr(text, "VmRSS:");
	resident = at ? atol(at + 6) : 0;
}

static void *alive(void *arg)
{
	pthread_barrier_wait(&all_here);
	take(20);
	if (pthread_barrier_wait(&all_here) == PTHREAD_BARRIER_SERIAL_THREAD)
		look();
	pthread_barrier_wait(&all_here);
	take(20);
	return arg;
}

static void *brief(void *arg)
{
	take(40);
	return arg;
}

static volatile sig_atomic_t handled;

/* Not while malloc runs: libc does not allow that. */
static volatile sig_atomic_t outside;

static void handler(int sig)
{
	(void)sig;
	if (!outside)
		return;
	take(1);
	handled++;
}

static void *interrupted(void *arg)
{
	outside = 1;
	for (volatile int i = 0; i < 2000000; i++)
		;
	outside = 0;
	take(40);
	return arg;
}

/* Of the threads' places no other may free. */
static void run(void *(*thread)(void *), int n)
{
	static pthread_t id[10000];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 131072);
	for (int i = 0; i < n; i++)
		if (pthread_create(&id[i], &attr, thread, NULL)) {
			printf("no thread number %d here\n", i);
			exit(77);
		}
	for (int i = 0; i < n; i++)
		pthread_join(id[i], NULL);
}

int main(int argc, char **argv)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	int n = argc > 2 ? atoi(argv[2]) : 1;

	if (!strcmp(argv[1], "live")) {
		pthread_barrier_init(&all_here, NULL, (unsigned int)n);
		run(alive, n);
	} else if (!strcmp(argv[1], "short")) {
		for (int i = 0; i < n; i += 50)
			run(brief, 50);
	} else {
		signal(SIGALRM, handler);
		setitimer(ITIMER_REAL, &often, NULL);
		for (int i = 0; i < n; i++)
			run(interrupted, 1);
	}
	printf("%d %ld\n", 40 * n + (int)handled, resident);
	return 0;
}
