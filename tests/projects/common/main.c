// SPDX-License-Identifier: MIT
/*
 * wordsum - pack, unpack and count words, in threads
 *
 *	wordsum [THREADS [ROUNDS]]
 *
 * Prints a number that is the same for the same arguments.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"
#include "store.h"
#include "words.h"

#define MAX_THREADS	16
#define WORDS_A_ROUND	60

static unsigned int nr_rounds = 10;

/*
 * No thread ends before the last has started: libc would give its stack and its
 * vector of TLS blocks to the next, with one allocation less.
 */
static pthread_barrier_t all_started;

static void one_round(struct store *store, unsigned int seed)
{
	char *text = words_make(seed, WORDS_A_ROUND);
	struct packed *packed = pack_text(text);
	char *again = pack_unpack(packed);
	char **list;

	if (strcmp(text, again))
		abort();
	list = words_sorted(again);
	for (size_t i = 0; list[i]; i++) {
		store_add(store, list[i]);
		free(list[i]);
	}
	free(list);
	free(again);
	pack_free(packed);
	free(text);
}

static void *work(void *arg)
{
	unsigned long *sum = arg;
	unsigned int seed = (unsigned int)*sum;
	struct store *store;

	pthread_barrier_wait(&all_started);
	store = store_open();
	for (unsigned int i = 0; i < nr_rounds; i++)
		one_round(store, seed + i % 7);
	*sum = store_sum(store);
	store_close(store);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned int nr = argc > 1 ? (unsigned int)atoi(argv[1]) : 4;
	unsigned long sums[MAX_THREADS], sum = 0;
	pthread_t threads[MAX_THREADS];

	if (argc > 2)
		nr_rounds = (unsigned int)atoi(argv[2]);
	if (!nr || nr > MAX_THREADS)
		return 2;
	store_init();
	pthread_barrier_init(&all_started, NULL, nr);
	for (unsigned int i = 0; i < nr; i++) {
		sums[i] = i + 1;
		if (pthread_create(&threads[i], NULL, work, &sums[i]))
			return 1;
	}
	for (unsigned int i = 0; i < nr; i++) {
		pthread_join(threads[i], NULL);
		sum += sums[i];
	}
	printf("checksum %016lx\n", sum);
	return 0;
}
