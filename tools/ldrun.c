// SPDX-License-Identifier: MIT
/*
 * ldrun.c - the real linker behind the ld shim, and files for its time only
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ldrun.h"

/* Which programs of this chain have run: "DEVICE:INODE,". */
#define SEEN	"MALLOCHOOKS_LD_SEEN"

extern char **environ;

/* ---- signals ---------------------------------------------------------------------- */

static const int ends[] = { SIGHUP, SIGINT, SIGTERM };
static volatile sig_atomic_t caught;
static volatile pid_t child;

static void on_signal(int number)
{
	caught = number;
	if (child > 0)
		kill(child, number);
}

static void end_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(set, ends[i]);
}

/* As the signal would have ended us, but without files left. */
static void die_of(int number)
{
	const struct rlimit no_core = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &no_core);
	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- files ------------------------------------------------------------------------ */

static char *dir;
static struct strings files, dirs;

static void remove_all(void)
{
	for (size_t i = 0; i < files.nr; i++)
		unlink(files.item[i]);
	for (size_t i = 0; i < dirs.nr; i++)
		rmdir(dirs.item[i]);
	if (dir)
		rmdir(dir);
	free(dir);
	dir = NULL;
	strings_free(&files);
	strings_free(&dirs);
}

static void check_caught(void)
{
	if (!caught)
		return;
	remove_all();
	die_of(caught);
	_exit(128 + caught);
}

void temp_init(void)
{
	struct sigaction action = { .sa_handler = on_signal }, old;

	atexit(remove_all);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!sigaction(ends[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)	/* nohup */
			sigaction(ends[i], &action, NULL);
}

/* Its name is one that no linker makes shorter. */
static void make_dir(void)
{
	const char *where = getenv("TMPDIR");
	char *real;

	if (!where || !*where)
		where = "/tmp";
	real = realpath(where, NULL);
	dir = xasprintf("%s/mallochooks-ld-XXXXXX", real ? real : where);
	free(real);
	if (!mkdtemp(dir)) {
		char *path = dir;

		dir = NULL;
		die("cannot make %s: %s: set TMPDIR", path, strerror(errno));
	}
}

char *temp_file(const char *name)
{
	char *sub, *path;

	check_caught();
	if (!dir)
		make_dir();
	sub = xasprintf("%s/%zu", dir, dirs.nr);
	if (mkdir(sub, 0700))
		die("cannot make %s: %s: set TMPDIR", sub, strerror(errno));
	strings_add(&dirs, sub);
	path = xasprintf("%s/%s", sub, name);
	strings_add(&files, path);
	free(sub);
	return path;
}

char *temp_write(const char *name, const void *data, size_t bytes)
{
	char *path = temp_file(name);
	FILE *out = fopen(path, "wxe");
	int bad = !out || fwrite(data, 1, bytes, out) != bytes;
	int err = errno;

	if (out && fclose(out)) {
		bad = 1;
		err = errno;
	}
	if (bad)
		die("cannot write %s: %s: set TMPDIR", path, strerror(err));
	return path;
}

/* ---- which one ---------------------------------------------------------------------- */

static char *identity(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return NULL;
	return xasprintf("%llx:%llx", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
}

static int is_seen(const struct strings *seen, const char *path)
{
	char *its = identity(path);
	int known = its && strings_has(seen, its);

	free(its);
	return known;
}

static void see(struct strings *seen, const char *path)
{
	char *its = identity(path);

	if (its && !strings_has(seen, its))
		strings_add(seen, its);
	free(its);
}

static void seen_open(struct strings *seen)
{
	const char *before = getenv(SEEN);

	if (before)
		strings_split(seen, before, ',');
	see(seen, "/proc/self/exe");
}

static void seen_close(struct strings *seen, const char *linker)
{
	char *text;

	see(seen, linker);
	text = strings_join(seen, ",");
	setenv(SEEN, text, 1);
	free(text);
	strings_free(seen);
}

static char *find_in(const char *path_list, const char *name,
		     const struct strings *seen)
{
	struct strings list = { 0 };
	char *path = NULL;

	if (path_list)
		strings_split(&list, path_list, ':');
	for (size_t i = 0; !path && i < list.nr; i++) {
		path = xasprintf("%s/%s", list.item[i], name);
		if (is_file(path) && !access(path, X_OK) &&
		    !is_seen(seen, path))
			break;
		free(path);
		path = NULL;
	}
	strings_free(&list);
	return path;
}

static char *find_named(const char *name, const struct strings *seen)
{
	char *path = find_in(getenv("COMPILER_PATH"), name, seen);

	return path ? path : find_in(getenv("PATH"), name, seen);
}

static char *find_told(const char *told, const struct strings *seen)
{
	char *path = find_program(told);

	if (!path)
		die("MALLOCHOOKS_LD=%s: %s", told, strerror(errno));
	if (is_seen(seen, path))
		die("MALLOCHOOKS_LD=%s: is this shim, or led to it: name the "
		    "linker itself", told);
	return path;
}

char *linker_find(const char *name)
{
	const char *told = getenv("MALLOCHOOKS_LD");
	const char *plain = strstr(name, "-ld.");
	struct strings seen = { 0 };
	char *path;

	seen_open(&seen);
	if (told && *told)
		path = find_told(told, &seen);
	else
		path = find_named(name, &seen);
	if (!path && plain)
		path = find_named(plain + 1, &seen);
	if (!path)
		die("there is no other %s along COMPILER_PATH and PATH: set "
		    "MALLOCHOOKS_LD to the path of the linker", name);
	seen_close(&seen, path);
	return path;
}

/* ---- running it --------------------------------------------------------------------- */

void linker_exec(char *const argv[])
{
	check_caught();
	execv(argv[0], argv);
	die("cannot start %s: %s", argv[0], strerror(errno));
}

/* With signals that end us blocked, so that none comes between. */
static pid_t start(char *const argv[], const char *out, const sigset_t *mask)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	pid_t pid;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, mask);
	if (out) {
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out,
			O_WRONLY | O_CREAT | O_APPEND, 0600);
		posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO,
						 STDERR_FILENO);
	}
	err = posix_spawn(&pid, argv[0], &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (err)
		die("cannot start %s: %s", argv[0], strerror(err));
	return pid;
}

/* Nobody may kill a process that has the number of one that is gone. */
static int wait_child(const sigset_t *set)
{
	siginfo_t info;
	int status = 0;

	while (waitid(P_PID, child, &info, WEXITED | WNOWAIT))
		if (errno != EINTR)
			die("cannot wait for the linker: %s", strerror(errno));
	sigprocmask(SIG_BLOCK, set, NULL);
	waitpid(child, &status, 0);
	child = 0;
	return status;
}

int linker_run(char *const argv[], char **said)
{
	char *out = said ? temp_file("said") : NULL;
	sigset_t set, old;
	int status;

	end_set(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	check_caught();
	child = start(argv, out, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	status = wait_child(&set);
	sigprocmask(SIG_SETMASK, &old, NULL);
	check_caught();
	if (said)
		*said = read_file(out, NULL);
	free(out);
	return status;
}

void leave(int status)
{
	remove_all();
	if (WIFSIGNALED(status))
		die_of(WTERMSIG(status));
	exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				 : WEXITSTATUS(status));
}
