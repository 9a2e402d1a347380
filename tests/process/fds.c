// SPDX-License-Identifier: MIT
/*
 * fds - a program that closes what it did not open, and uses the numbers again
 *
 *	fds close-all		closes every descriptor, opens files up to 1000,
 *				allocates, and looks into its files
 *	fds close-std		closes stdin, stdout and stderr and has files there
 *	fds dup-over		puts a file of its own on every number, by dup2
 *	fds few			opens files until there are no more numbers
 *	fds sigpipe		counts its SIGPIPEs: exit 0 when there were none
 *
 * The files are named file.N in the current directory; each must hold "mine"
 * and no more at the end.  A word behind that, and report is asked for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST	1000

static int opened[LAST + 1];
static int nr_opened;
static volatile int pipes;

static void allocate(void)
{
	void *volatile ptr, *more;
	int i;

	for (i = 0; i < 20; i++) {
		ptr = malloc(100);
		more = realloc(ptr, 200);
		free(more);
		ptr = calloc(3, 3);
		free(ptr);
	}
}

static int open_mine(void)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "file.%d", nr_opened);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	if (write(fd, "mine", 4) != 4)
		_exit(3);
	opened[nr_opened++] = fd;
	allocate();
	return fd;
}

static void check_mine(void)
{
	char name[32], text[8];
	struct stat st;
	int fd, i;

	for (i = 0; i < nr_opened; i++) {
		if (fstat(opened[i], &st) || st.st_size != 4)
			_exit(4);
		close(opened[i]);
	}
	for (i = 0; i < nr_opened; i++) {
		snprintf(name, sizeof(name), "file.%d", i);
		fd = open(name, O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof(text)) != 4 ||
		    memcmp(text, "mine", 4))
			_exit(5);
		close(fd);
	}
}

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int fd, i;

	allocate();
	if (!strcmp(how, "close-all")) {
		for (i = 0; i <= LAST; i++)
			close(i);
		while (nr_opened < LAST && (fd = open_mine()) >= 0 && fd < LAST)
			;
	} else if (!strcmp(how, "close-std")) {
		for (i = 0; i <= 2; i++)
			close(i);
		for (i = 0; i <= 2; i++)
			if (open_mine() != i)
				_exit(6);
	} else if (!strcmp(how, "dup-over")) {
		fd = open_mine();
		for (i = 0; i <= LAST; i++)
			if (i != fd)
				dup2(fd, i);
		allocate();
	} else if (!strcmp(how, "few")) {
		while (nr_opened < LAST && open_mine() >= 0)
			;
		if (nr_opened < 3 || nr_opened == LAST)
			_exit(7);
	} else {
		signal(SIGPIPE, on_pipe);
		for (i = 0; i < 100; i++)
			allocate();
		return pipes != 0;
	}
	allocate();
	/* The last files stay open until the very end, and past our main(). */
	if (argc > 2)
		return 0;
	check_mine();
	return 0;
}
