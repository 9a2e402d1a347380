// SPDX-License-Identifier: MIT
/*
 * seccomp - allocations in a process that may only read, write and exit
 *
 *	seccomp strict		SECCOMP_MODE_STRICT, one thread
 *	seccomp filter		a BPF filter that kills, over three threads
 *	seccomp forbidden	as filter, and getpid(): must be killed
 *
 * The allocator behind us is tally.c, which makes no system call, so each one
 * that is made is ours.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "seen.h"
#include "totals.h"

#define THREADS	3

extern unsigned long tally_births __attribute__((weak));
struct seen seen;

static unsigned int turn, waiting, done;

static void allocate(int n)
{
	void *volatile ptr, *more;
	int i;

	for (i = 0; i < n; i++) {
		ptr = malloc((size_t)i + 1);
		more = realloc(ptr, 3000);
		free(more);
		ptr = calloc(7, 9);
		free(ptr);
		if (posix_memalign((void **)&more, 64, 65))
			more = NULL;
		free(more);
		ptr = memalign(4096, 50);
		(void)malloc_usable_size(ptr);
		free(ptr);
		ptr = malloc(1ul << 40);
		ptr = calloc(1ul << 40, 1ul << 40);
		ptr = reallocarray(NULL, 5, 5);
		free(ptr);
	}
}

/* Its first allocation comes when the door is shut. */
static void *thread(void *arg)
{
	__atomic_fetch_add(&waiting, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&turn, __ATOMIC_ACQUIRE))
		;
	allocate(100);
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
	syscall(SYS_exit, 0);	/* libc's way out is forbidden */
	return arg;
}

#define ALLOW(nr) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void shut_the_door(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_exit),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {
		sizeof(filter) / sizeof(filter[0]), filter
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC, &program)) {
		printf("no seccomp filter here: %s\n", strerror(errno));
		exit(77);
	}
}

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		syscall(SYS_exit, 3);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	unsigned long births, allocs;
	pthread_t id;
	int i;

	if (!&tally_births)
		return 2;
	births = tally_births;
	allocs = seen.allocs + seen.realloced;
	if (!strcmp(how, "strict")) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)) {
			printf("no strict seccomp here: %s\n", strerror(errno));
			return 77;
		}
	} else {
		for (i = 0; i < THREADS; i++)
			MUST(!pthread_create(&id, NULL, thread, NULL));
		while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE) < THREADS)
			;
		shut_the_door();
		__atomic_store_n(&turn, 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < THREADS)
			;
	}
	allocate(100);
	if (!strcmp(how, "forbidden"))
		syscall(SYS_getpid);
	births = tally_births - births;
	allocs = seen.allocs + seen.realloced - allocs;
	if (births < 100 * 6 || (seen.inits && births != allocs))
		say("births and events differ\n");
	say("fine\n");
	syscall(SYS_exit, 0);
	return 0;
}
