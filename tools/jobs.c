// SPDX-License-Identifier: MIT
/*
 * jobs.c - compilers at work, two at once
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#include "jobs.h"

static const int signals[] = {
	SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ,
};
static volatile sig_atomic_t came;

static void note(int number)
{
	came = number;
}

void jobs_catch_signals(void)
{
	struct sigaction action, before;

	action.sa_handler = note;
	action.sa_flags = SA_RESTART;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!sigaction(signals[i], NULL, &before) &&
		    before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

void jobs_die_of_signal(void)
{
	if (!came)
		return;
	signal(came, SIG_DFL);
	raise(came);
}

/* The oldest: both have about the same to do. */
static void wait_for_one(struct jobs *jobs)
{
	struct job job = jobs->running[0];
	int status;

	/* Also after a signal: a compiler whose driver was killed goes on
	 * writing into the folder that is about to be removed. */
	status = wait_for(job.pid);
	for (size_t i = 1; i < jobs->nr; i++)
		jobs->running[i - 1] = jobs->running[i];
	jobs->nr--;
	if (status && !came)
		say("%s failed", job.what);
	if (status || came)
		jobs->failed = 1;
	free(job.what);
}

static void show(const struct strings *argv)
{
	struct strings words = { 0 };
	char *line;

	for (size_t i = 0; i < argv->nr; i++) {
		char *word = shell_quote(argv->item[i]);

		strings_add(&words, word);
		free(word);
	}
	line = strings_join(&words, " ");
	fprintf(stderr, "%s\n", line);
	free(line);
	strings_free(&words);
}

void jobs_start(struct jobs *jobs, const struct strings *argv,
		const char *what)
{
	pid_t pid;

	if (jobs->nr == JOBS_AT_ONCE)
		wait_for_one(jobs);
	if (came)
		jobs->failed = 1;
	if (jobs->failed)
		return;
	if (jobs->verbose)
		show(argv);
	pid = spawn(argv->item, -1);
	if (pid < 0) {
		jobs->failed = 1;
		return;
	}
	jobs->running[jobs->nr++] = (struct job){
		.pid = pid, .what = xstrdup(what),
	};
}

int jobs_finish(struct jobs *jobs)
{
	while (jobs->nr)
		wait_for_one(jobs);
	return jobs->failed ? -1 : 0;
}
