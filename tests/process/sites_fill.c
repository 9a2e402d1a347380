// SPDX-License-Identifier: MIT
/*
 * sites_fill - a program of more than 4,000 places that allocate or free
 *
 *	sites_fill THREADS [WORD...]
 *
 * Each thread goes through a quarter of the places, then through all of them.
 * In between, words change the ground that it stands on:
 *	disk=PATH	a file there takes what is left of its disk
 *	fsize=BYTES	RLIMIT_FSIZE falls to that
 * and these do so before the first place:
 *	nofile=N	RLIMIT_NOFILE
 *	as=BYTES	RLIMIT_AS, so much above what is in use; enough for its own
 *			blocks has been set aside by then
 *
 * Prints "births bytes frees failed descriptors": what its own places did, and
 * how many are open.  Each block must keep what was written into it.
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NR_PLACES	512
#define MOST_THREADS	64

struct counts {
	unsigned long births, bytes, frees, failed;
};

static pthread_barrier_t barrier;
static struct counts sum;
static int nr_threads;
static char **words;

/* No two calls are alike, or the compiler would make one of them. */
#define AFTER	__asm__ volatile("" : : "i"(__COUNTER__));
#define PLACE(n) \
	case (n): \
		p = malloc(size); AFTER keep(c, p, size); \
		q = calloc(1, size); AFTER keep(c, q, size); \
		if (malloc(SIZE_MAX / 2 - size)) abort(); \
		AFTER c->failed++; \
		check(c, p, size); \
		free(p); AFTER \
		check(c, q, size); \
		if (realloc(q, 0)) abort(); \
		AFTER \
		p = realloc(NULL, size); AFTER keep(c, p, size); \
		q = memalign(64, size); AFTER keep(c, q, size); \
		check(c, q, size); \
		free(q); AFTER \
		check(c, p, size); \
		free(p); AFTER \
		break;
#define PLACES_4(n)	PLACE(n) PLACE(n + 1) PLACE(n + 2) PLACE(n + 3)
#define PLACES_16(n)	PLACES_4(n) PLACES_4(n + 4) PLACES_4(n + 8) PLACES_4(n + 12)
#define PLACES_64(n)	PLACES_16(n) PLACES_16(n + 16) PLACES_16(n + 32) PLACES_16(n + 48)
#define PLACES_256(n)	PLACES_64(n) PLACES_64(n + 64) PLACES_64(n + 128) PLACES_64(n + 192)

static __attribute__((noinline)) void keep(struct counts *c, void *p,
					   size_t size)
{
	if (!p)
		abort();
	memset(p, (int)size, size);
	c->births++;
	c->bytes += size;
}

static __attribute__((noinline)) void check(struct counts *c,
					    const unsigned char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != (unsigned char)size)
			abort();
	c->frees++;
}

static void visit(unsigned int place, struct counts *c)
{
	const size_t size = 1 + place % 50;
	void *p, *q;

	switch (place) {
	PLACES_256(0)
	PLACES_256(256)
	}
}

static const char *word(const char *name)
{
	for (char **at = words; *at; at++)
		if (!strncmp(*at, name, strlen(name)))
			return *at + strlen(name);
	return NULL;
}

static void limit(int what, const char *most)
{
	struct rlimit limit = { strtoul(most, NULL, 10), RLIM_INFINITY };

	limit.rlim_max = limit.rlim_cur;
	if (most && setrlimit(what, &limit))
		abort();
}

/* An own heap that holds all blocks, and a limit not far above it. */
static void shrink_the_world(const char *above)
{
	static void *block[32];
	char text[64] = "", most[32];
	unsigned long pages;
	int fd;

	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_ARENA_MAX, 1);
	for (int i = 0; i < 32; i++)
		block[i] = malloc(32768);
	for (int i = 0; i < 32; i++)
		free(block[i]);
	fd = open("/proc/self/statm", O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) <= 0 || close(fd))
		abort();
	pages = strtoul(text, NULL, 10);
	snprintf(most, sizeof(most), "%lu", pages * (unsigned long)getpagesize() +
		 strtoul(above, NULL, 10));
	limit(RLIMIT_AS, most);
}

static void fill_the_disk(const char *path)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	memset(block, 1, sizeof(block));
	if (fd < 0)
		abort();
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void *work(void *arg)
{
	struct counts c = { 0, 0, 0, 0 };

	pthread_barrier_wait(&barrier);
	for (unsigned int place = 0; place < NR_PLACES / 4; place++)
		visit(place, &c);
	if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
		if (word("disk="))
			fill_the_disk(word("disk="));
		if (word("fsize="))
			limit(RLIMIT_FSIZE, word("fsize="));
	}
	pthread_barrier_wait(&barrier);
	for (int turn = 0; turn < 2; turn++)
		for (unsigned int place = 0; place < NR_PLACES; place++)
			visit(place, &c);
	/* all of them live to here: none takes the stack of another */
	pthread_barrier_wait(&barrier);
	__atomic_fetch_add(&sum.births, c.births, __ATOMIC_RELAXED);
	__atomic_fetch_add(&sum.bytes, c.bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&sum.frees, c.frees, __ATOMIC_RELAXED);
	__atomic_fetch_add(&sum.failed, c.failed, __ATOMIC_RELAXED);
	return arg;
}

static int nr_open(void)
{
	int nr = 0;

	for (int fd = 0; fd < 1024; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

int main(int argc, char **argv)
{
	pthread_t id[MOST_THREADS];
	char text[128];
	int nr;

	nr_threads = argc > 1 ? atoi(argv[1]) : 1;
	words = argv + (argc > 1 ? 2 : 1);
	if (nr_threads < 1 || nr_threads > MOST_THREADS)
		return 2;
	if (word("nofile="))
		limit(RLIMIT_NOFILE, word("nofile="));
	if (word("as="))
		shrink_the_world(word("as="));
	pthread_barrier_init(&barrier, NULL, (unsigned int)nr_threads);
	for (int i = 1; i < nr_threads; i++)
		if (pthread_create(&id[i], NULL, work, NULL))
			return 1;
	work(NULL);
	for (int i = 1; i < nr_threads; i++)
		pthread_join(id[i], NULL);
	/* stdio's buffer would be of another size on another descriptor */
	nr = snprintf(text, sizeof(text), "%lu %lu %lu %lu %d\n",
		      sum.births, sum.bytes, sum.frees, sum.failed, nr_open());
	return write(1, text, (size_t)nr) != nr;
}
