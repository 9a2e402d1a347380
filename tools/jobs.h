/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - compilers at work, two at once
 */
#ifndef MALLOCHOOKS_JOBS_H
#define MALLOCHOOKS_JOBS_H

#include "tools.h"

#define JOBS_AT_ONCE	2

/**
 * struct jobs - commands under way
 * @verbose:	print each command to stderr before it starts
 * @failed:	one has failed, or a signal came: nothing more is started
 */
struct jobs {
	int verbose;
	int failed;
	struct job {
		pid_t pid;
		char *what;
	} running[JOBS_AT_ONCE];
	size_t nr;
};

/* From now on SIGINT and its like only keep further jobs from starting, so
 * that the caller can clean up and then call jobs_die_of_signal(). */
void jobs_catch_signals(void);

/* End as the signal that came would have ended us; nothing when none came. */
void jobs_die_of_signal(void);

/**
 * jobs_start() - start a command, when there is room
 * @what:	for the line that says it failed
 *
 * Its own messages pass through.  Failures are reported by jobs_finish().
 */
void jobs_start(struct jobs *jobs, const struct strings *argv,
		const char *what);

/* Wait for all.  Return: 0, or -1 when any since the beginning failed. */
int jobs_finish(struct jobs *jobs);

#endif
