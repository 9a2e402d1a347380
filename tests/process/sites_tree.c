// SPDX-License-Identifier: MIT
/*
 * sites_tree - generations of processes, each with its own number of births
 *
 *	sites_tree fork N	N forks deep; generation I makes 100 * I births
 *	sites_tree exec N	the same by exec
 *	sites_tree many N	N children that make 20 births each
 *	sites_tree idle N	N children that only exit; then a SIGKILL
 *	sites_tree away N	in /, N births and a child with as many
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void some(int n)
{
	while (n--) {
		void *volatile p = malloc(33);

		free(p);
	}
}

/* Return: its exit status. */
static int wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int fork_on(int generation, int last)
{
	pid_t pid;

	some(100 * generation);
	if (generation == last)
		return 0;
	pid = fork();
	if (!pid)
		_exit(fork_on(generation + 1, last));
	return wait_for(pid);
}

static int exec_on(char **argv, int generation, int last)
{
	char now[16];

	some(100 * generation);
	if (generation == last)
		return 0;
	snprintf(now, sizeof(now), "%d", generation + 1);
	execl("/proc/self/exe", argv[0], argv[1], argv[2], now, (char *)NULL);
	return 1;
}

static int go_away(int n)
{
	pid_t pid;

	if (chdir("/"))
		return 1;
	some(n);
	pid = fork();
	if (!pid) {
		some(n);
		_exit(0);
	}
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	const int idle = argc > 1 && !strcmp(argv[1], "idle");
	int n = argc > 2 ? atoi(argv[2]) : 0;
	int bad = 0;
	pid_t pid;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "fork"))
		return fork_on(0, n);
	if (!strcmp(argv[1], "exec"))
		return exec_on(argv, argc > 3 ? atoi(argv[3]) : 0, n);
	if (!strcmp(argv[1], "away"))
		return go_away(n);
	for (int i = 0; i < n; i++) {
		pid = fork();
		if (!pid && idle)
			exit(0);
		if (!pid) {
			some(20);
			_exit(0);
		}
		bad |= wait_for(pid);
	}
	if (idle && !bad)
		kill(getpid(), SIGKILL);
	return bad;
}
