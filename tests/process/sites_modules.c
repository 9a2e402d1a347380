// SPDX-License-Identifier: MIT
/*
 * sites_modules - libraries that come and go at the same address
 *
 *	sites_modules ROUNDS THREADS END FILE...
 *
 * Each round copies the next FILE over ./now.so, a new inode, opens that, calls
 * take() ROUND times in this thread and once in each of THREADS that are there
 * all the time, and closes it.  Meanwhile they allocate 77 bytes at a place of
 * their own.  END: "stay" leaves the last one open, "kill" ends in SIGKILL with
 * it closed, "apart" opens the FILEs by their own names and ends as any.
 *
 * Prints, for each FILE, its name and the calls made in it; the calls at
 * our own place, as "own"; and in how many rounds the place was where it was
 * in the round before, as "again".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS	8
#define MAX_FILES	8

typedef void take_many(int n);

static take_many *take;
static unsigned int asked[MAX_THREADS], done[MAX_THREADS];
static unsigned long own;
static int over;

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "sites_modules: %s\n", what);
	_exit(1);
}

static void *work(void *arg)
{
	const size_t i = (size_t)arg;
	unsigned long calls = 0;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		void *volatile p = malloc(77);

		free(p);
		calls++;
		if (__atomic_load_n(&asked[i], __ATOMIC_ACQUIRE) == done[i])
			continue;
		take(1);
		__atomic_store_n(&done[i], done[i] + 1, __ATOMIC_RELEASE);
	}
	__atomic_fetch_add(&own, calls, __ATOMIC_RELAXED);
	return NULL;
}

/* No stdio, which would allocate at places that depend on the file. */
static void copy(const char *from, const char *to)
{
	static char bytes[1 << 20];
	int in = open(from, O_RDONLY), out;
	ssize_t nr = in < 0 ? -1 : read(in, bytes, sizeof(bytes));

	must(nr > 0 && nr < (ssize_t)sizeof(bytes), "cannot read the library");
	unlink("new.so");
	out = open("new.so", O_WRONLY | O_CREAT | O_EXCL, 0700);
	must(out >= 0 && write(out, bytes, (size_t)nr) == nr &&
	     !close(out) && !close(in) && !rename("new.so", to),
	     "cannot copy the library");
}

static void call(int round, int threads)
{
	take(round);
	for (int i = 0; i < threads; i++)
		__atomic_store_n(&asked[i], asked[i] + 1, __ATOMIC_RELEASE);
	for (int i = 0; i < threads; i++)
		while (__atomic_load_n(&done[i], __ATOMIC_ACQUIRE) != asked[i])
			;
}

int main(int argc, char **argv)
{
	unsigned long calls[MAX_FILES] = { 0 };
	int rounds = atoi(argv[1]), threads = atoi(argv[2]);
	int apart = !strcmp(argv[3], "apart"), files = argc - 4, again = 0;
	take_many *last = NULL;
	pthread_t id[MAX_THREADS];
	const char *path;
	void *handle;

	must(files <= MAX_FILES && threads <= MAX_THREADS, "too many");
	for (int i = 0; i < threads; i++)
		must(!pthread_create(&id[i], NULL, work, (void *)(size_t)i),
		     "no thread");
	for (int round = 1; round <= rounds; round++) {
		path = argv[4 + round % files];
		if (!apart)
			copy(path, "./now.so");
		handle = dlopen(apart ? path : "./now.so", RTLD_NOW);
		must(handle != NULL, "dlopen fails");
		take = (take_many *)dlsym(handle, "take");
		must(take != NULL, "no take()");
		again += take == last;
		last = take;
		call(round, threads);
		calls[round % files] += (unsigned long)(round + threads);
		if (round < rounds || strcmp(argv[3], "stay"))
			must(!dlclose(handle) &&
			     (apart || !dlopen("./now.so", RTLD_NOW | RTLD_NOLOAD)),
			     "it was not closed");
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	for (int i = 0; i < files; i++)
		printf("%s %lu\n", argv[4 + i], calls[i]);
	printf("own %lu\nagain %d\n", own, again);
	fflush(stdout);
	if (!strcmp(argv[3], "kill"))
		kill(getpid(), SIGKILL);
	return 0;
}
