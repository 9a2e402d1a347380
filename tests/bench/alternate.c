// SPDX-License-Identifier: MIT
/*
 * alternate - run one program with different preloads, in turns
 *
 *	alternate ROUNDS printed|wall VARIANTS PROGRAM [ARGUMENT]...
 *
 * VARIANTS is a file of lines "NAME<tab>PRELOAD[<tab>OPTIONS<tab>DIRECTORY]";
 * the first is what the others are compared with, and an empty PRELOAD is no
 * preload.  OPTIONS become MALLOCHOOKS, or the path of a file MALLOCHOOKS_CONF;
 * what is in DIRECTORY after a run is
 * removed: files that were never worth writing to the disk.
 *
 * In each round every variant runs once, so that what else the machine does hits
 * all alike; each round starts with another one.  The figure of a run is the
 * number that the program prints, or the microseconds from its start to its end.
 *
 * Prints for each variant: NAME, best figure, best minus the first's best,
 * median over the rounds of the difference to the first, median peak of memory
 * in KiB: how many pages of a library are mapped around one that is touched differs
 * from run to run, by 100 KiB.
 *
 * Linked statically where that works: Linux counts the memory of the parent,
 * as it was at posix_spawn(), among the child's peak.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_VARIANTS	64
#define MAX_ROUNDS	2000

static struct variant {
	char *name;
	char *preload;			/* "LD_PRELOAD=...", or NULL */
	char *options;			/* "MALLOCHOOKS=...", or NULL */
	char *directory;		/* to be emptied, or NULL */
	double figure[MAX_ROUNDS];
	double best;
	double rss_kib[MAX_ROUNDS];
} variants[MAX_VARIANTS];
static unsigned int nr_variants;

static void die(const char *what)
{
	fprintf(stderr, "alternate: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* "NAME=VALUE", or NULL when there is no value. */
static char *setting(const char *name, const char *value)
{
	char *text = NULL;

	if (value && *value && asprintf(&text, "%s=%s", name, value) < 0)
		die("memory");
	return text;
}

static char *options_of(const char *value)
{
	return setting(value && *value == '/' ? "MALLOCHOOKS_CONF" :
						"MALLOCHOOKS", value);
}

static void read_variants(const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL, *rest;
	size_t room = 0;

	if (!in)
		die(path);
	while (getline(&line, &room, in) > 0) {
		struct variant *v = &variants[nr_variants++];

		if (nr_variants > MAX_VARIANTS) {
			errno = EINVAL;
			die(path);
		}
		line[strcspn(line, "\n")] = '\0';
		rest = line;
		v->name = strdup(strsep(&rest, "\t"));
		v->preload = setting("LD_PRELOAD", strsep(&rest, "\t"));
		v->options = options_of(strsep(&rest, "\t"));
		v->directory = rest && *rest ? strdup(rest) : NULL;
	}
	free(line);
	fclose(in);
}

/* Our environment with the variant's preload and options instead of ours. */
static char **environment_of(const struct variant *v)
{
	size_t nr = 0, kept = 0, i;
	char **env;

	while (environ[nr])
		nr++;
	env = calloc(nr + 3, sizeof(*env));
	if (!env)
		die("memory");
	for (i = 0; i < nr; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", 11) &&
		    strncmp(environ[i], "MALLOCHOOKS=", 12) &&
		    strncmp(environ[i], "MALLOCHOOKS_CONF=", 17))
			env[kept++] = environ[i];
	if (v->preload)
		env[kept++] = v->preload;
	env[kept] = v->options;
	return env;
}

static void empty(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		die(directory);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    unlinkat(dirfd(dir), entry->d_name, 0))
			die(entry->d_name);
	closedir(dir);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double read_number(int fd)
{
	char text[64] = "";
	size_t nr = 0;
	ssize_t got;

	while (nr < sizeof(text) - 1 &&
	       (got = read(fd, text + nr, sizeof(text) - 1 - nr)) > 0)
		nr += (size_t)got;
	return strtod(text, NULL);
}

static void run(struct variant *v, unsigned int round, int printed, char **argv)
{
	char **env = environment_of(v);
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	int status, out[2];
	double start, number = 0;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		die("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (printed)
		posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	else
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null",
						 O_WRONLY, 0);
	start = now_us();
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, env);
	if (errno)
		die(argv[0]);
	if (printed) {
		close(out[1]);
		number = read_number(out[0]);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	v->figure[round] = printed ? number : now_us() - start;
	if (!printed)
		close(out[1]);
	close(out[0]);
	if (status) {
		fprintf(stderr, "alternate: %s with %s: status %#x\n", argv[0],
			v->preload ? v->preload : "no preload", status);
		exit(1);
	}
	if (!round || v->figure[round] < v->best)
		v->best = v->figure[round];
	v->rss_kib[round] = (double)usage.ru_maxrss;
	if (v->directory)
		empty(v->directory);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts them. */
static double median(double *number, unsigned int nr)
{
	qsort(number, nr, sizeof(*number), ascending);
	return nr % 2 ? number[nr / 2] : (number[nr / 2 - 1] + number[nr / 2]) / 2;
}

static double median_difference(const struct variant *v, unsigned int rounds)
{
	static double difference[MAX_ROUNDS];

	for (unsigned int i = 0; i < rounds; i++)
		difference[i] = v->figure[i] - variants[0].figure[i];
	return median(difference, rounds);
}

int main(int argc, char **argv)
{
	unsigned int rounds, round, i;
	int printed;

	if (argc < 5) {
		fprintf(stderr, "usage: alternate ROUNDS printed|wall VARIANTS "
			"PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	rounds = (unsigned int)atoi(argv[1]);
	printed = !strcmp(argv[2], "printed");
	if (!rounds || rounds > MAX_ROUNDS)
		return 2;
	read_variants(argv[3]);
	for (round = 0; round < rounds; round++)
		for (i = 0; i < nr_variants; i++)
			run(&variants[(round + i) % nr_variants], round,
			    printed, argv + 4);
	for (i = 0; i < nr_variants; i++)
		printf("%s %.3f %.3f %.3f %.0f\n", variants[i].name,
		       variants[i].best, variants[i].best - variants[0].best,
		       median_difference(&variants[i], rounds),
		       median(variants[i].rss_kib, rounds));
	return 0;
}
