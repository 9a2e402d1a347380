// SPDX-License-Identifier: MIT
/*
 * test_arena - memory of our own: whole, apart, zeroed, never twice
 *
 * test-sources: index/arena.c
 * test-flags: -pthread
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <mallochooks/runtime.h>

#define GRAIN	64

struct piece {
	unsigned char *at;
	size_t bytes;
};

static int by_address(const void *a, const void *b)
{
	const unsigned char *one = ((const struct piece *)a)->at;
	const unsigned char *two = ((const struct piece *)b)->at;

	return (one > two) - (one < two);
}

/* Takes a piece, looks at it, and fills it, so that a second owner is seen. */
static struct piece take(size_t bytes, unsigned char fill)
{
	struct piece piece = { mh_arena(bytes), bytes };
	size_t i;

	if (!piece.at || (uintptr_t)piece.at % GRAIN)
		return (struct piece){ NULL, 0 };
	for (i = 0; i < bytes; i++)
		if (piece.at[i])
			return (struct piece){ NULL, 0 };
	memset(piece.at, fill, bytes);
	return piece;
}

static void assert_apart(struct piece *pieces, size_t nr)
{
	size_t i;

	qsort(pieces, nr, sizeof(*pieces), by_address);
	for (i = 0; i < nr; i++)
		assert_non_null(pieces[i].at);
	for (i = 1; i < nr; i++)
		assert_true(pieces[i - 1].at + pieces[i - 1].bytes <=
			    pieces[i].at);
}

/* Around the grain, the whole region, and the quarter that is mapped alone. */
static void every_size_is_zeroed_and_aligned(void **state)
{
	static const size_t sizes[] = {
		1, 2, 63, 64, 65, 127, 128, 129, 4095, 4096, 4097,
		16319, 16320, 16321, 16383, 16384, 16385, 16448, 65471, 65472,
		65535, 65536, 65537, 1000000, 16777216,
	};
	struct piece pieces[8 * sizeof(sizes) / sizeof(sizes[0])];
	size_t nr = sizeof(pieces) / sizeof(pieces[0]), i;

	(void)state;
	for (i = 0; i < nr; i++)
		pieces[i] = take(sizes[i % (nr / 8)], 0xa5);
	assert_apart(pieces, nr);
}

/* Small pieces share a region: the arena does not map a page for each. */
static void small_pieces_are_packed(void **state)
{
	unsigned char *before = mh_arena(64), *next;
	int i, neighbours = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		next = mh_arena(40);
		neighbours += next == before + 64;
		before = next;
	}
	assert_true(neighbours >= 996);		/* two regions at most */
}

static void what_cannot_be_is_null(void **state)
{
	static const size_t sizes[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 62, SIZE_MAX - 63,
		SIZE_MAX - 64, SIZE_MAX / 2 + 1, SIZE_MAX / 2,
		SIZE_MAX / 2 - 64, SIZE_MAX / 4,
	};
	size_t i;

	(void)state;
	errno = 4242;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_null(mh_arena(sizes[i]));
	assert_non_null(take(64, 1).at);
	assert_int_equal(errno, 4242);
}

/* A kernel that gives nothing: NULL from some point on, and no crash. */
static void starve_in_child(void)
{
	struct rlimit none = { 0, 0 };
	int i;

	if (setrlimit(RLIMIT_AS, &none) ||
	    mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	    MAP_FAILED)
		_exit(77);	/* an emulator that has no limits */
	for (i = 0; i < 2000 && mh_arena(64); i++)
		;
	if (i == 2000)
		_exit(1);
	_exit(mh_arena(64) || mh_arena(100000) ? 2 : 0);
}

static void a_poor_kernel_means_null(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		starve_in_child();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

enum { THREADS = 4, EACH = 3000 };
static struct piece taken[THREADS * EACH];
static pthread_barrier_t start;

static void *take_many(void *arg)
{
	size_t nr = (size_t)arg, i;
	uint32_t seed = (uint32_t)nr * 7919 + 1;

	pthread_barrier_wait(&start);
	for (i = 0; i < EACH; i++) {
		seed = seed * 1664525 + 1013904223;
		taken[nr * EACH + i] = take(1 + (seed >> 16) % 1500,
					    (unsigned char)(nr + 1));
	}
	return NULL;
}

static void threads_share_nothing(void **state)
{
	pthread_t threads[THREADS];
	size_t i, j, nr;

	(void)state;
	pthread_barrier_init(&start, NULL, THREADS);
	for (nr = 0; nr < THREADS; nr++)
		assert_int_equal(pthread_create(&threads[nr], NULL, take_many,
						(void *)nr), 0);
	for (nr = 0; nr < THREADS; nr++)
		assert_int_equal(pthread_join(threads[nr], NULL), 0);
	for (nr = 0; nr < THREADS; nr++)
		for (i = 0; i < EACH; i++)
			for (j = 0; j < taken[nr * EACH + i].bytes; j++)
				assert_int_equal(taken[nr * EACH + i].at[j],
						 nr + 1);
	assert_apart(taken, THREADS * EACH);
}

static volatile sig_atomic_t in_handler;
static volatile int done;
static pthread_t hit_me;

static void handler(int signo)
{
	(void)signo;
	if (in_handler < THREADS * EACH / 2)
		taken[in_handler++] = take(48, 0xbb);
}

static void *hit(void *arg)
{
	while (!done)
		pthread_kill(hit_me, SIGUSR1);
	return arg;
}

/* A signal in the middle of a call gets memory too, and not the same. */
static void signals_share_nothing(void **state)
{
	struct sigaction action = { .sa_handler = handler };
	size_t half = THREADS * EACH / 2, i;
	pthread_t thread;

	(void)state;
	memset(taken, 0, sizeof(taken));
	hit_me = pthread_self();
	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(pthread_create(&thread, NULL, hit, NULL), 0);
	while (!in_handler)
		sched_yield();
	for (i = 0; i < half; i++)
		taken[half + i] = take(200, 0xcc);
	done = 1;
	assert_int_equal(pthread_join(thread, NULL), 0);
	memmove(taken + in_handler, taken + half, half * sizeof(taken[0]));
	assert_apart(taken, (size_t)in_handler + half);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_zeroed_and_aligned),
		cmocka_unit_test(small_pieces_are_packed),
		cmocka_unit_test(what_cannot_be_is_null),
		cmocka_unit_test(a_poor_kernel_means_null),
		cmocka_unit_test(threads_share_nothing),
		cmocka_unit_test(signals_share_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
