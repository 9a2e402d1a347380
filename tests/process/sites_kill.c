// SPDX-License-Identifier: MIT
/*
 * sites_kill - threads that write down how many calls they have made
 *
 *	sites_kill FILE THREADS
 *
 * FILE holds for each thread a cache line: allocations, bytes, frees, each
 * written when the call has returned.  Goes on until it is killed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct line {
	volatile uint64_t births;
	volatile uint64_t bytes;
	volatile uint64_t frees;
	uint64_t spare[5];
};

static struct line *lines;

static void *work(void *arg)
{
	struct line *line = arg;

	for (size_t i = 0;; i++) {
		size_t size = i * 2654435761u % 1500 + 1;
		void *volatile p = malloc(size);

		line->births++;
		line->bytes += size;
		if (i % 3 == 0) {
			p = realloc(p, 2 * size);
			line->births++;
			line->bytes += 2 * size;
		}
		free(p);
		line->frees++;
	}
	return arg;
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 1;
	int fd = open(argv[1], O_RDWR);
	pthread_t id;

	lines = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || lines == MAP_FAILED)
		return 1;
	close(fd);
	for (int i = 1; i < threads; i++)
		if (pthread_create(&id, NULL, work, &lines[i]))
			return 1;
	work(&lines[0]);
	return 0;
}
