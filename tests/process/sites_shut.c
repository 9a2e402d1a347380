// SPDX-License-Identifier: MIT
/*
 * sites_shut - a program that shuts itself in, and then allocates at new places
 *
 *	sites_shut filter	a BPF filter that kills, and leaves mmap, munmap
 *				and madvise to the allocator; four threads, of
 *				which three allocate for the first time then
 *	sites_shut forbidden	as filter, and mincore(): must be killed
 *	sites_shut denied	as filter without threads, but openat() is an
 *				error, and the clock may be read and signals
 *				be blocked
 *	sites_shut strict	SECCOMP_MODE_STRICT, at places that were used
 *				before
 *	sites_shut strict-new	and at 21 new ones
 *
 * Prints "births bytes frees": what its places did.  The allocator behind is
 * tally.c, which makes no system call.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS		3
#define NR_PLACES	256u

extern unsigned long tally_births __attribute__((weak));

static unsigned long births, bytes, frees;
static unsigned int turn, waiting, done;

/* No two calls are alike, or the compiler would make one of them. */
#define AFTER	__asm__ volatile("" : : "i"(__COUNTER__));
#define PLACE(n) \
	case (n): \
		p = malloc(size); AFTER \
		q = calloc(2, size); AFTER \
		if (!p || !q) abort(); \
		free(p); AFTER \
		free(q); AFTER \
		break;
#define PLACES_4(n)	PLACE(n) PLACE(n + 1) PLACE(n + 2) PLACE(n + 3)
#define PLACES_16(n)	PLACES_4(n) PLACES_4(n + 4) PLACES_4(n + 8) PLACES_4(n + 12)
#define PLACES_64(n)	PLACES_16(n) PLACES_16(n + 16) PLACES_16(n + 32) PLACES_16(n + 48)

static void visit(unsigned int from, unsigned int to)
{
	void *volatile p, *volatile q;

	for (; from < to; from++) {
		const size_t size = 1 + from;

		switch (from) {
		PLACES_64(0)
		PLACES_64(64)
		PLACES_64(128)
		PLACES_64(192)
		}
		__atomic_fetch_add(&births, 2, __ATOMIC_RELAXED);
		__atomic_fetch_add(&bytes, 3 * size, __ATOMIC_RELAXED);
		__atomic_fetch_add(&frees, 2, __ATOMIC_RELAXED);
	}
}

/* Its first allocation comes when the door is shut. */
static void *thread(void *arg)
{
	__atomic_fetch_add(&waiting, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&turn, __ATOMIC_ACQUIRE))
		;
	visit(0, NR_PLACES);
	visit(0, NR_PLACES);
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
	syscall(SYS_exit, 0);	/* libc's way out is forbidden */
	return arg;
}

#define ALLOW(nr) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int filter(int denied)
{
	const unsigned int die = SECCOMP_RET_KILL_PROCESS;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_exit),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_mmap),
		ALLOW(SYS_munmap),
		ALLOW(SYS_madvise),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, denied ? SECCOMP_RET_ALLOW : die),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			 denied ? SECCOMP_RET_ERRNO | EACCES : die),
		BPF_STMT(BPF_RET | BPF_K, die),
	};
	struct sock_fprog program = {
		sizeof(filter) / sizeof(filter[0]), filter
	};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			SECCOMP_FILTER_FLAG_TSYNC, &program);
}

static int shut_the_door(const char *how)
{
	if (!strncmp(how, "strict", 6) ?
	    !prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) :
	    filter(!strcmp(how, "denied")))
		return 1;
	printf("no seccomp here: %s\n", strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	const int denied = !strcmp(how, "denied");
	const int threads = denied || !strncmp(how, "strict", 6) ? 0 : THREADS;
	char text[128];
	pthread_t id;
	int nr;

	if (!&tally_births)
		return 2;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&id, NULL, thread, NULL))
			return 1;
	while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE) < (unsigned)threads)
		;
	visit(0, 100);
	if (!shut_the_door(how))
		return 77;
	__atomic_store_n(&turn, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < (unsigned)threads)
		;
	visit(0, 100);
	if (strcmp(how, "strict")) {
		/* from a module that has not allocated before */
		free(strdup(how));
		frees++;
	}
	if (!strcmp(how, "strict-new"))
		visit(100, 120);
	if (threads || denied)
		visit(100, NR_PLACES);
	if (!strcmp(how, "forbidden"))
		syscall(SYS_mincore, NULL, 0, NULL);
	nr = snprintf(text, sizeof(text), "%lu %lu %lu\n", births, bytes, frees);
	if (write(1, text, (size_t)nr) != nr)
		syscall(SYS_exit, 3);
	syscall(threads ? SYS_exit_group : SYS_exit, 0);
	return 0;
}
