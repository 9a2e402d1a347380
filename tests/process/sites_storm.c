// SPDX-License-Identifier: MIT
/*
 * sites_storm - threads that allocate at 1,024 places under a storm of signals
 * whose handler does so too
 *
 *	sites_storm THREADS
 *
 * One after the other, and all stay alive, so that each begins with an index of
 * its own that grows under fire.  Prints "births bytes frees signals".  The
 * allocator behind must be one that a handler may call: tally.c.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NR_PLACES	1024u
#define MOST_THREADS	512

static unsigned long births, bytes, frees, signals;
static pthread_t target;
static sem_t passed, over;
static int shooting = 1;

/* No two calls are alike, or the compiler would make one of them. */
#define AFTER	__asm__ volatile("" : : "i"(__COUNTER__));
#define PLACE(n) \
	case (n): \
		p = malloc(size); AFTER \
		free(p); AFTER \
		break;
#define PLACES_4(n)	PLACE(n) PLACE(n + 1) PLACE(n + 2) PLACE(n + 3)
#define PLACES_16(n)	PLACES_4(n) PLACES_4(n + 4) PLACES_4(n + 8) PLACES_4(n + 12)
#define PLACES_64(n)	PLACES_16(n) PLACES_16(n + 16) PLACES_16(n + 32) PLACES_16(n + 48)
#define PLACES_256(n)	PLACES_64(n) PLACES_64(n + 64) PLACES_64(n + 128) PLACES_64(n + 192)

static void visit(unsigned int place)
{
	const size_t size = 1 + place % 40;
	void *volatile p;

	switch (place % NR_PLACES) {
	PLACES_256(0)
	PLACES_256(256)
	PLACES_256(512)
	PLACES_256(768)
	}
	__atomic_fetch_add(&births, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&bytes, size, __ATOMIC_RELAXED);
	__atomic_fetch_add(&frees, 1, __ATOMIC_RELAXED);
}

static void handler(int sig)
{
	static unsigned int nr;

	(void)sig;
	visit(__atomic_fetch_add(&nr, 377, __ATOMIC_RELAXED));
	__atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	__atomic_store_n(&target, pthread_self(), __ATOMIC_RELEASE);
	for (int turn = 0; turn < 3; turn++)
		for (unsigned int place = 0; place < NR_PLACES; place++)
			visit(place);
	__atomic_store_n(&target, 0, __ATOMIC_RELEASE);
	sem_post(&passed);
	while (sem_wait(&over))
		;
	return arg;
}

static void *shoot(void *arg)
{
	pthread_t at;

	while (__atomic_load_n(&shooting, __ATOMIC_ACQUIRE)) {
		at = __atomic_load_n(&target, __ATOMIC_ACQUIRE);
		if (at)
			pthread_kill(at, SIGUSR1);
	}
	return arg;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	struct sigaction action = { .sa_handler = handler };
	pthread_t id[MOST_THREADS], shooter;
	pthread_attr_t attr;
	char text[128];
	int nr;

	if (threads > MOST_THREADS)
		return 2;
	sem_init(&passed, 0, 0);
	sem_init(&over, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 131072);
	if (pthread_create(&shooter, NULL, shoot, NULL))
		return 1;
	for (int i = 0; i < threads; i++) {
		if (pthread_create(&id[i], &attr, work, NULL))
			return 1;
		while (sem_wait(&passed))
			;
	}
	__atomic_store_n(&shooting, 0, __ATOMIC_RELEASE);
	pthread_join(shooter, NULL);
	for (int i = 0; i < threads; i++)
		sem_post(&over);
	for (int i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	nr = snprintf(text, sizeof(text), "%lu %lu %lu %lu\n", births, bytes,
		      frees, signals);
	return write(1, text, (size_t)nr) != nr;
}
