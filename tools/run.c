/* SPDX-License-Identifier: MIT */
/*
 * run - start a program with the preload unit in it, and report on it
 *
 * The program is a child, so that what it and its children have recorded can
 * be read when it has ended, but it should not notice: it keeps its
 * descriptors, signal mask and dispositions, process group and terminal; what
 * ends or stops it does the same to us, and signals sent to us reach it.
 *
 * What is recorded stands in files in a directory of the run.  A child of ours
 * reads them: they were in the hands of the program.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

#include "options.h"
#include "program.h"
#include "report.h"
#include "rundir.h"
#include "tools.h"
#include "totals.h"

/* Exit statuses of our own, as env(1), nice(1) and timeout(1) have them. */
#define EXIT_OURS	125
#define EXIT_NOT_RUN	126
#define EXIT_NOT_FOUND	127

/* More calls than sites.after can ask for: LOG_MOST of hooks/sites.c. */
#define SITES_AFTER_MOST	4096

struct run {
	const char *options;
	const char *output;
	const char *keep_dir;
	int quiet;
	int keep;
	int each;
	int force;
	uint32_t limit;
	struct report_options report;

	char *unit;
	struct program prog;
	FILE *out;
	char *dir;		/* of the files; NULL: nothing is recorded */
	char *dir_word;		/* the same, as a value in MALLOCHOOKS */
	char *totals;		/* path of the totals file, or NULL */
	int totals_fd;
	int sites;		/* processes make files of their own */
	pid_t child;
	int tty_stop;		/* the terminal asked everybody to stop */
	sigset_t signals;	/* what we wait for */
	sigset_t relayed;	/* what somebody has sent to us so far */
	sigset_t old_mask;
	struct sigaction old_chld;
};

static void usage(void)
{
	puts("usage: mallochooks run [options] [--] PROGRAM [ARGUMENT...]\n"
	     "\n"
	     "Starts PROGRAM with the hooks preloaded into it and into every\n"
	     "process that it starts; tells at the end what they allocated, and\n"
	     "where.\n"
	     "\n"
	     "  --preload=FILE   the unit to preload (default: ours)\n"
	     "  --options=WORDS  append \"layer.option=value,...\" to MALLOCHOOKS\n"
	     "  --each           a line more and a table of its own for each process\n"
	     "  --output=FILE    write totals and report there, not to stderr\n"
	     "  --keep[=DIR]     leave the files for \"mallochooks report\", in DIR\n"
	     "  --quiet          print nothing; record nothing without --keep=DIR\n"
	     "  --limit=N        room for N threads in the totals (default 65536)\n"
	     "  --force          start it even when the hooks cannot work in it\n"
	     "  --help           this text\n"
	     "\n"
	     "The report, as \"mallochooks report\" makes it:\n"
	     REPORT_OPTIONS_HELP
	     "\n"
	     "The exit status is the program's; 125: run itself failed, 126: the\n"
	     "program cannot be executed, 127: it was not found.");
}

static uint32_t parse_limit(const char *text)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || value < 2 ||
	    value > TOTALS_LIMIT_MOST)
		die("--limit=%s: a number from 2 to %d is wanted", text,
		    TOTALS_LIMIT_MOST);
	return value;
}

static void check_words(const struct run *run)
{
	if (run->quiet && (run->each || run->output))
		die("--quiet leaves nothing to %s: give one of them",
		    run->each ? "--each" : "--output");
	if (run->keep_dir && !*run->keep_dir)
		die("--keep= needs a directory");
	if (run->quiet && run->keep && !run->keep_dir)
		die("--quiet does not tell which directory it keeps: name one, "
		    "--keep=DIR");
}

/* Return: 0 when --help was served. */
static int take_option(struct run *run, int c, char *word, const char **unit)
{
	switch (c) {
	case 'p':
		*unit = optarg;
		break;
	case 'o':
		run->options = optarg;
		break;
	case 'w':
		run->output = optarg;
		break;
	case 'k':
		run->keep = 1;
		run->keep_dir = optarg;
		break;
	case 'l':
		run->limit = parse_limit(optarg);
		break;
	case 'e':
		run->each = 1;
		break;
	case 'q':
		run->quiet = 1;
		break;
	case 'f':
		run->force = 1;
		break;
	case 'h':
		usage();
		return 0;
	case ':':
		die("%s needs a value: see --help", word);
	default:
		if (!report_option(&run->report, c, optarg))
			die("unknown option %s: see --help", word);
	}
	return 1;
}

/* Return: the program and its arguments, or NULL when --help was served. */
static char **parse(struct run *run, int argc, char **argv)
{
	static const struct option words[] = {
		{ "preload", required_argument, NULL, 'p' },
		{ "options", required_argument, NULL, 'o' },
		{ "output", required_argument, NULL, 'w' },
		{ "keep", optional_argument, NULL, 'k' },
		{ "limit", required_argument, NULL, 'l' },
		{ "each", no_argument, NULL, 'e' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		REPORT_LONG_OPTIONS,
		{ 0 }
	};
	const char *unit = NULL;
	int c;

	opterr = 0;
	optind = 1;
	report_options_init(&run->report);
	while ((c = getopt_long(argc, argv, "+:h", words, NULL)) != -1)
		if (!take_option(run, c, argv[optind - 1], &unit))
			return NULL;
	if (optind == argc)
		die("no program given: mallochooks run [options] -- PROGRAM");
	check_words(run);
	run->report.each = run->each;
	run->unit = unit_find(unit);
	return argv + optind;
}

/*
 * A descriptor that we open must not become the program's stdin, stdout or
 * stderr because that one was closed.  The placeholders vanish at exec.
 */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Can the loader take this path out of LD_PRELOAD again? */
static void check_unit_path(const char *path)
{
	const char *c;

	for (c = path; *c; c++) {
		if (*c == ':' || *c == '$' || isspace((unsigned char)*c))
			die("%s: LD_PRELOAD cannot name a path with '%c' in it "
			    "(it %s there): link or copy the unit to another "
			    "place and name that by --preload=", path,
			    *c == '\n' ? ' ' : *c,
			    *c == '$' ? "substitutes" : "splits");
	}
}

/*
 * Why the hooks would not work in this program, with the remedy; to be freed.
 * Return: NULL when they should.
 */
static char *refusal(const struct program *prog, const struct program *unit)
{
	char *machine, *why;

	switch (prog->raised) {
	case PROGRAM_RAISED_SETUID:
	case PROGRAM_RAISED_SETGID:
	case PROGRAM_RAISED_CAPABILITIES:
		return xasprintf("is started with raised privileges (%s), so "
				 "the loader ignores LD_PRELOAD: run it as the "
				 "user whose rights it takes, run a copy "
				 "without them, or give --force",
				 prog->raised == PROGRAM_RAISED_SETUID ?
				 "setuid" :
				 prog->raised == PROGRAM_RAISED_SETGID ?
				 "setgid" : "file capabilities");
	case PROGRAM_RAISED_NOT:
		break;
	}
	if (!prog->elf)
		return NULL;
	if (prog->machine != unit->machine || prog->class != unit->class) {
		machine = xstrdup(program_machine(prog));
		why = xasprintf("is for %s and the unit for %s: compose a unit "
				"for %s, and name it by --preload=, or give "
				"--force", machine, program_machine(unit),
				machine);
		free(machine);
		return why;
	}
	if (prog->loader)
		return NULL;
	if (!prog->interp && prog->note)
		return xasprintf("is static and carries its own hooks: start "
				 "it without mallochooks run, or give --force");
	if (!prog->interp)
		return xasprintf("is static, so nothing can be preloaded into "
				 "it: link it dynamically, or give --force "
				 "(method wrap, for static links, comes with a "
				 "later release)");
	if (unit->needs_glibc && starts_with(base_name(prog->interp),
					     "ld-musl"))
		return xasprintf("is for musl and the unit for glibc: compose "
				 "a unit with musl's compiler, and name it by "
				 "--preload=, or give --force");
	if (prog->own_malloc != PROGRAM_MALLOC_NONE && !prog->note)
		return xasprintf("brings its own malloc%s, which a preloaded "
				 "one cannot replace: link it without that, or "
				 "give --force (mallochooks stack "
				 "--method=replace, which links the hooks in, "
				 "comes with a later release)",
				 prog->own_malloc == PROGRAM_MALLOC_INSIDE ?
				 " (not exported)" : "");
	return NULL;
}

static void check_program(struct run *run, const char *path)
{
	struct program unit;
	char *why, *who;

	program_look(&run->prog, path);
	program_look(&unit, run->unit);
	if (!unit.elf)
		die("%s: not a shared object, or not readable (--preload)",
		    run->unit);
	why = refusal(&run->prog, &unit);
	program_free(&unit);
	if (!why || run->force) {
		free(why);
		return;
	}
	if (streq(run->prog.file, path))
		who = xstrdup(path);
	else
		who = xasprintf("%s (which %s is run by)", run->prog.file,
				path);
	die("%s %s", who, why);
}

static char *find_or_exit(const char *name)
{
	char *path = find_program(name);
	int err = errno;

	if (path)
		return path;
	say("%s: %s", name, err == ENOENT ? "not found" :
	    is_dir(name) ? "is a directory" :
	    err == EACCES ? "cannot be executed (no permission)" :
			    strerror(err));
	exit(err == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

/* ---- the files --------------------------------------------------------------- */

/* Whose directory goes when we fail, and in which process that is. */
static struct run *cleaned;
static pid_t cleaner;

static void clean_up(void)
{
	struct run *run = cleaned;

	if (!run || getpid() != cleaner)
		return;
	cleaned = NULL;
	if (!run->keep) {
		rundir_remove(run->dir);
		return;
	}
	if (run->totals)
		unlink(run->totals);
	if (!run->keep_dir)
		rmdir(run->dir);	/* if it is empty */
}

static void forget_files(struct run *run)
{
	clean_up();
	if (run->totals_fd >= 0)
		close(run->totals_fd);
	run->totals_fd = -1;
	free(run->totals);
	free(run->dir_word);
	free(run->dir);
	run->totals = run->dir_word = run->dir = NULL;
	run->sites = 0;
}

/* A value as MALLOCHOOKS takes it: a comma would end it. */
static char *escape(const char *value)
{
	char *escaped = xcalloc(2 * strlen(value) + 1, 1), *to = escaped;

	for (; *value; value++) {
		if (*value == ',' || *value == '\\')
			*to++ = '\\';
		*to++ = *value;
	}
	return escaped;
}

/* Return: 0 or an errno. */
static int make_directory(struct run *run)
{
	int err = rundir_make(run->keep_dir, &run->dir);

	if (run->keep_dir && (err == ENOTEMPTY || err == ENOTDIR))
		die("--keep=%s: %s: name a new directory, or an empty one",
		    run->keep_dir, strerror(err));
	if (err)
		return err;
	cleaned = run;
	cleaner = getpid();
	atexit(clean_up);
	run->dir_word = escape(run->dir);
	return strlen(run->dir_word) + sizeof("/totals") >
	       MALLOCHOOKS_STRING_BYTES ? ENAMETOOLONG : 0;
}

static void make_files(struct run *run, int count, int sites)
{
	const char *tmp = getenv("TMPDIR"), *what = "directory";
	int err = make_directory(run);

	if (!err && count) {
		what = "totals file";
		run->totals = xasprintf("%s/totals", run->dir);
		err = totals_make(run->totals, run->limit, &run->totals_fd);
	}
	run->sites = sites;
	if (!err)
		return;
	say("nothing is recorded: no %s in %s: %s (another %s may help)", what,
	    run->keep_dir ? run->keep_dir : tmp && *tmp ? tmp : "/tmp",
	    strerror(err), run->keep_dir ? "--keep=DIR" : "TMPDIR");
	forget_files(run);
}

static int unit_can(const struct run *run, const char *option)
{
	int has = unit_has_option(run->unit, option);

	if (has < 0)
		die("%s: cannot be preloaded (--preload)", run->unit);
	return has;
}

static void prepare_files(struct run *run)
{
	int count, sites;

	if (run->quiet && !run->keep)
		return;
	count = unit_can(run, "count.file") && !run->quiet;
	sites = unit_can(run, "sites.dir");
	if (!count && !sites)
		say("nothing is recorded: %s has no %s layer", run->unit,
		    run->quiet ? "sites" : "count and no sites");
	else if (run->keep && !sites)
		say("--keep: there will be no files: %s has no sites layer",
		    run->unit);
	if (!sites)
		run->keep = 0;
	if (count || sites)
		make_files(run, count, sites);
}

static int join_env(const char *name, const char *first, char separator,
		    const char *second)
{
	char *value;
	int err = 0;

	if (!first || !*first)
		value = xstrdup(second);
	else if (!*second)
		value = xstrdup(first);
	else
		value = xasprintf("%s%c%s", first, separator, second);
	if (*value)
		err = setenv(name, value, 1);
	free(value);
	return err;
}

/* Behind what is there: later words win. */
static int add_option(const char *fmt, ...)
{
	va_list args;
	char *word;
	int err;

	va_start(args, fmt);
	word = xvasprintf(fmt, args);
	va_end(args);
	err = join_env("MALLOCHOOKS", getenv("MALLOCHOOKS"), ',', word);
	free(word);
	return err;
}

/* "?": other units of the process may lack the layer. */
static int set_environment(const struct run *run)
{
	const char *preload = getenv("LD_PRELOAD");
	int err;

	err = join_env("LD_PRELOAD", run->unit, ':', preload ? preload : "");
	if (!err && run->options)
		err = add_option("%s", run->options);
	if (!err && run->totals)
		err = add_option("?count.file=%s/totals", run->dir_word);
	if (!err && run->sites)
		err = add_option("?sites.dir=%s", run->dir_word);
	return err;
}

/* ---- the program --------------------------------------------------------------- */

/*
 * Signals that people send, whose default would end or stop us.  They are
 * blocked and waited for, so no handler of ours can be inherited or disturb a
 * system call.
 */
static void block_signals(struct run *run)
{
	static const int relayed[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
		SIGTSTP, SIGCONT, SIGCHLD,
	};
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	size_t i;

	sigemptyset(&run->signals);
	for (i = 0; i < ARRAY_SIZE(relayed); i++)
		sigaddset(&run->signals, relayed[i]);
	sigprocmask(SIG_BLOCK, &run->signals, &run->old_mask);
	/* Inherited "ignored", it would reap the child without its status. */
	sigaction(SIGCHLD, &standard, &run->old_chld);
}

static void exec_program(const struct run *run, const char *path, char **argv,
			 int error_fd)
{
	int err = 0;

	sigaction(SIGCHLD, &run->old_chld, NULL);
	sigprocmask(SIG_SETMASK, &run->old_mask, NULL);
	/* However short it is, it gets a file. */
	if (run->sites)
		err = add_option("?sites.first=%d", (int)getpid());
	/* execvp() hands what the kernel does not know to the shell. */
	if (!err && run->prog.elf)
		execv(path, argv);
	else if (!err)
		execvp(path, argv);
	err = errno;
	if (write(error_fd, &err, sizeof(err)) != sizeof(err))
		_exit(EXIT_OURS);
	_exit(EXIT_NOT_RUN);
}

/* Return: 0, or the errno of the exec. */
static int start(struct run *run, const char *path, char **argv)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	int pipes[2], err = 0, status;
	ssize_t nr;

	if (pipe2(pipes, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	run->child = fork();
	if (run->child < 0)
		die("fork: %s", strerror(errno));
	if (!run->child)
		exec_program(run, path, argv, pipes[1]);
	close(pipes[1]);
	/* A report into a closed pipe must not cost the exit status. */
	sigaction(SIGPIPE, &ignore, NULL);
	do
		nr = read(pipes[0], &err, sizeof(err));
	while (nr < 0 && errno == EINTR);
	close(pipes[0]);
	if (nr != sizeof(err))
		return 0;
	while (waitpid(run->child, &status, 0) < 0 && errno == EINTR)
		;
	return err;
}

/*
 * follow_stop() - stop when the child did, so that the shell gets its turn
 *
 * Only for job control: a SIGSTOP that somebody sent to the child alone will
 * be ended by a SIGCONT to the child alone, and we would sleep on.
 */
static void follow_stop(struct run *run, int sig)
{
	const struct timespec now = { 0 };
	sigset_t one;

	/* Continued already: a stale stop must not put us to sleep. */
	sigemptyset(&one);
	sigaddset(&one, SIGCONT);
	if (sigtimedwait(&one, NULL, &now) == SIGCONT) {
		run->tty_stop = 0;
		kill(run->child, SIGCONT);
		return;
	}
	if (sig == SIGSTOP && !run->tty_stop)
		return;
	run->tty_stop = 0;
	sigemptyset(&one);
	sigaddset(&one, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	if (sigismember(&run->signals, sig))
		sigprocmask(SIG_BLOCK, &one, NULL);
}

/* Did the terminal send it to the whole foreground group, child included? */
static int child_has_it_too(const struct run *run, const siginfo_t *info)
{
	if (info->si_code > 0 && info->si_code != SI_KERNEL)
		return 0;
	if (info->si_code <= 0)		/* from a process: our own child? */
		return info->si_pid == run->child;
	switch (info->si_signo) {
	case SIGINT:
	case SIGQUIT:
	case SIGTSTP:
		return 1;
	case SIGHUP:			/* a hangup tells the leader alone */
		return getsid(0) != getpid();
	default:			/* SIGALRM of a timer from before exec */
		return 0;
	}
}

/* Return: the wait status with which the child ended. */
static int wait_child(struct run *run)
{
	siginfo_t info;
	int status;
	pid_t pid;

	for (;;) {
		if (sigwaitinfo(&run->signals, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			run->tty_stop |= info.si_signo == SIGTSTP;
			if (info.si_code <= 0)
				sigaddset(&run->relayed, info.si_signo);
			if (!child_has_it_too(run, &info))
				kill(run->child, info.si_signo);
			continue;
		}
		for (;;) {
			pid = waitpid(run->child, &status, WNOHANG | WUNTRACED);
			if (pid < 0)
				die("waitpid: %s", strerror(errno));
			if (pid == 0)
				break;
			if (!WIFSTOPPED(status))
				return status;
			follow_stop(run, WSTOPSIG(status));
		}
	}
}

/* ---- the report ---------------------------------------------------------------- */

/**
 * struct outcome - what is known of the processes at the end
 * @each:	@nr that the count layer has seen, in the order of birth
 * @full:	there may have been more
 * @pids:	@nr_pids that have made @nr_files files, in ascending order
 */
struct outcome {
	struct totals *each;
	size_t nr;
	int full;
	uint32_t *pids;
	size_t nr_pids;
	size_t nr_files;
};

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int has_file(const struct outcome *outcome, uint32_t pid)
{
	return outcome->nr_pids && bsearch(&pid, outcome->pids, outcome->nr_pids,
					   sizeof(pid), by_number);
}

static void tell_totals(const struct run *run, const struct outcome *outcome)
{
	struct totals sum = { 0 };
	const struct totals *one;
	char *who;

	for (size_t i = 0; i < outcome->nr; i++) {
		one = &outcome->each[i];
		totals_add(&sum, one);
		if (!run->each)
			continue;
		who = xasprintf("process %u", one->pid);
		totals_print(run->out, who, one,
			     !run->sites || has_file(outcome, one->pid) ? "" :
			     ", no file");
		free(who);
	}
	who = xasprintf("%zu %s", outcome->nr,
			outcome->nr == 1 ? "process" : "processes");
	totals_print(run->out, who, &sum, "");
	free(who);
	if (outcome->full)
		fprintf(run->out, "mallochooks: run: limit of %u threads "
			"reached, the totals may be short: --limit=%u\n",
			run->limit, run->limit < TOTALS_LIMIT_MOST / 16 ?
				    run->limit * 16 : TOTALS_LIMIT_MOST);
}

/* The processes that the report will know nothing of. */
static void tell_fileless(const struct run *run, const struct outcome *outcome)
{
	struct totals brief = { 0 };
	const struct totals *one;
	size_t nr = 0, failed = 0;

	for (size_t i = 0; i < outcome->nr; i++) {
		one = &outcome->each[i];
		if (has_file(outcome, one->pid))
			continue;
		if (one->calls > SITES_AFTER_MOST) {
			failed++;
			continue;
		}
		nr++;
		totals_add(&brief, one);
	}
	if (nr)
		fprintf(run->out, "mallochooks: run: %zu of %zu processes %s too "
			"short for a file, and not in the report: %llu "
			"allocations (--options=sites.after=0 gives each a "
			"file)\n", nr, outcome->nr, nr == 1 ? "was" : "were",
			(unsigned long long)brief.calls);
	if (failed)
		fprintf(run->out, "mallochooks: run: %zu of %zu processes "
			"could make no file (their own line above?)\n", failed,
			outcome->nr);
}

static void tell_sites(const struct run *run, const struct outcome *outcome)
{
	int nr;

	if (!run->totals)
		fprintf(run->out, "mallochooks: run: %zu %s a file, shorter "
			"ones not counted (the unit has no count layer)\n",
			outcome->nr_pids, outcome->nr_pids == 1 ?
			"process has" : "processes have");
	else
		tell_fileless(run, outcome);
	fputc('\n', run->out);
	nr = report_directory(run->dir, run->out, &run->report);
	if (!nr)
		fputs("mallochooks: run: no report: none of the files can be "
		      "read\n", run->out);
}

static void tell_all(const struct run *run, const struct outcome *outcome)
{
	if (!outcome->nr && !outcome->nr_files) {
		fputs("mallochooks: run: no process reported: the loader took "
		      "no unit (its own line above?), the program cleared its "
		      "environment, or what it started is static or setuid\n",
		      run->out);
		return;
	}
	if (outcome->nr)
		tell_totals(run, outcome);
	if (outcome->nr_files)
		tell_sites(run, outcome);
	else if (run->sites)
		fputs("mallochooks: run: no report: no process has made a file "
		      "(its own line above?)\n", run->out);
}

static void tell_kept(const struct run *run, const struct outcome *outcome)
{
	char *dir = shell_quote(run->dir);

	rundir_trim(run->dir);
	if (run->quiet && !outcome->nr_files)
		say("no process has made a file in %s", dir);
	else if (!run->quiet && outcome->nr_files)
		fprintf(run->out, "\nmallochooks: run: files kept: mallochooks "
			"report %s\n", dir);
	free(dir);
}

/* Return: 0, or 1 with a line said. */
static int tell(const struct run *run)
{
	struct outcome outcome = { .nr = 0 };

	if (run->totals)
		outcome.nr = totals_read(run->totals_fd, run->limit,
					 &outcome.each, &outcome.full);
	if (run->sites)
		outcome.nr_pids = rundir_pids(run->dir, &outcome.nr_files,
					      &outcome.pids);
	if (!run->quiet)
		tell_all(run, &outcome);
	if (run->keep)
		tell_kept(run, &outcome);
	free(outcome.each);
	free(outcome.pids);
	if (!fflush(run->out) && !ferror(run->out))
		return 0;
	say("%s: the report could not be written: %s",
	    run->output ? run->output : "stderr", strerror(errno));
	return 1;
}

/*
 * Signals stay blocked here, as those that are sent to the whole group meant
 * the program; but for SIGALRM, by which the readers of symbols bound
 * themselves.
 */
static void __attribute__((noreturn)) be_reporter(const struct run *run)
{
	sigset_t one;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != cleaner)
		_exit(1);
	signal(SIGALRM, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&one);
	sigaddset(&one, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	/* Others write there too: whole lines. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	status = tell(run);
	fflush(stderr);
	_exit(status);
}

/*
 * Does it mean the report?  timeout(1) and the like send to us and to the
 * group, so that what came for the program comes once more.
 */
static int ends_report(const struct run *run, const siginfo_t *info)
{
	switch (info->si_signo) {
	case SIGHUP:
	case SIGINT:
	case SIGQUIT:
	case SIGTERM:
		return info->si_code > 0 ||
		       !sigismember(&run->relayed, info->si_signo);
	default:
		return 0;
	}
}

/* By a process of its own, that neither a broken file nor ^C ends us. */
static void report(struct run *run)
{
	int status = 0, ended = 0;
	siginfo_t info;
	pid_t pid;

	if (!run->dir)
		return;
	pid = fork();
	if (!pid)
		be_reporter(run);
	if (pid < 0) {
		tell(run);
		return;
	}
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (sigwaitinfo(&run->signals, &info) < 0 ||
		    !ends_report(run, &info))
			continue;
		ended = 1;
		kill(pid, SIGKILL);
	}
	if (WIFSIGNALED(status) && !ended)
		say("the report came to no end (signal %d)", WTERMSIG(status));
}

/* End as the child did, so that our parent sees the same. */
static int end_as(int status)
{
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t one;
	int sig;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	sig = WTERMSIG(status);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);	/* one core is enough */
	sigaction(sig, &standard, NULL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	kill(getpid(), sig);
	return 128 + sig;
}

static FILE *open_output(const struct run *run)
{
	FILE *out;

	if (!run->output)
		return stderr;
	out = fopen(run->output, "we");
	if (!out)
		die("%s: %s (--output)", run->output, strerror(errno));
	return out;
}

static int not_started(struct run *run, const char *path, int err)
{
	if (err == ENOENT && run->prog.interp && is_file(path))
		say("%s: its loader %s is missing", path, run->prog.interp);
	else if (err == ENOENT && is_file(path))
		say("%s: the interpreter in its first line is missing", path);
	else
		say("%s: cannot be started: %s", path, strerror(err));
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

int cmd_run(int argc, char **argv)
{
	struct run run = { .limit = TOTALS_LIMIT_DEFAULT, .totals_fd = -1 };
	char **words, *path;
	int err, status;

	tool_failure = EXIT_OURS;
	fill_standard_descriptors();
	words = parse(&run, argc, argv);
	if (!words)
		return 0;
	check_unit_path(run.unit);
	path = find_or_exit(words[0]);
	check_program(&run, path);
	run.out = open_output(&run);
	block_signals(&run);
	prepare_files(&run);
	if (set_environment(&run))
		die("environment: %s", strerror(ENOMEM));
	err = start(&run, path, words);
	if (err) {
		forget_files(&run);
		status = not_started(&run, path, err);
	} else {
		status = wait_child(&run);
		report(&run);
		forget_files(&run);
		status = end_as(status);
	}
	free(path);
	free(run.unit);
	program_free(&run.prog);
	report_options_free(&run.report);
	return status;
}
