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

#include "facades.h"
#include "unit.h"
#include "program.h"
#include "record.h"
#include "report.h"
#include "tools.h"
#include "totals.h"

/* Exit statuses of our own, as env(1), nice(1) and timeout(1) have them. */
#define EXIT_OURS	125
#define EXIT_NOT_RUN	126
#define EXIT_NOT_FOUND	127

#define REACH		"1G"	/* sites.reach for --leaks: a second or so */

struct run {
	const char *options;
	const char *facades;	/* as asked for */
	int force;
	struct record record;

	char *unit;
	struct program prog;
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
	     "  --facades=NAMES  functions whose callers count: xmalloc,xstrdup (a\n"
	     "                   unit with the layer walk; static ones, too)\n"
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

static void check_words(const struct record *record)
{
	if (record->quiet && (record->each || record->output))
		die("--quiet leaves nothing to %s: give one of them",
		    record->each ? "--each" : "--output");
	if (record->keep_dir && !*record->keep_dir)
		die("--keep= needs a directory");
	if (record->quiet && record->keep && !record->keep_dir)
		die("--quiet does not tell which directory it keeps: name one, "
		    "--keep=DIR");
}

/* Return: 0 when --help was served. */
static int take_option(struct run *run, int c, const char **unit)
{
	switch (c) {
	case 'p':
		*unit = optarg;
		break;
	case 'o':
		run->options = optarg;
		break;
	case 'F':
		run->facades = optarg;
		break;
	case 'w':
		run->record.output = optarg;
		break;
	case 'k':
		run->record.keep = 1;
		run->record.keep_dir = optarg;
		break;
	case 'l':
		run->record.limit = parse_limit(optarg);
		break;
	case 'e':
		run->record.each = 1;
		break;
	case 'q':
		run->record.quiet = 1;
		break;
	case 'f':
		run->force = 1;
		break;
	case 'h':
		usage();
		return 0;
	default:
		report_option(&run->record.options, c, optarg);
	}
	return 1;
}

/* Return: the program and its arguments, or NULL when --help was served. */
static char **parse(struct run *run, int argc, char **argv)
{
	static const struct option words[] = {
		{ "preload", required_argument, NULL, 'p' },
		{ "options", required_argument, NULL, 'o' },
		{ "facades", required_argument, NULL, 'F' },
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

	report_options_init(&run->record.options);
	while ((c = next_option(argc, argv, "+:h", words)) != -1)
		if (!take_option(run, c, &unit))
			return NULL;
	if (optind == argc)
		die("no program given: mallochooks run [options] -- PROGRAM");
	check_words(&run->record);
	report_options_check(&run->record.options);
	run->record.options.each = run->record.each;
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
 * Is it linked with hooks that a preload would see the calls of once more?  One
 * with a malloc of its own is different: ours would be called for nothing but
 * what that lacks.
 */
static int carries_hooks(const struct program *prog)
{
	return prog->elf && prog->note &&
	       (!prog->interp || prog->own_malloc == PROGRAM_MALLOC_NONE);
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
	if (carries_hooks(prog))
		return NULL;
	if (!prog->interp)
		return xasprintf("is static, so nothing can be preloaded into "
				 "it: link it dynamically, or with the hooks "
				 "(mallochooks stack --method=wrap), or give "
				 "--force");
	if (unit->needs_glibc && starts_with(base_name(prog->interp),
					     "ld-musl"))
		return xasprintf("is for musl and the unit for glibc: compose "
				 "a unit with musl's compiler, and name it by "
				 "--preload=, or give --force");
	if (prog->own_malloc != PROGRAM_MALLOC_NONE && !prog->note)
		return xasprintf("brings its own malloc%s, which a preloaded "
				 "one cannot replace: link it without that, "
				 "link the hooks in (mallochooks stack "
				 "--method=replace), or give --force",
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

static void add_facades(const struct run *run)
{
	char *words;

	if (unit_has_option(run->unit, "walk.facades") != 1)
		die("--facades: %s has no layer walk: compose one that has "
		    "(mallochooks stack --layers=walk,...), and name it by "
		    "--preload=", run->unit);
	words = facades_options(run->facades, run->prog.file);
	if (!words)
		exit(EXIT_OURS);
	if (add_option("%s", words))
		die("environment: %s", strerror(ENOMEM));
	free(words);
}

/* Who asks for leaks wants to know which are lost, unless told otherwise. */
static int looks_for_lost(const struct run *run)
{
	const char *words = getenv("MALLOCHOOKS");

	return run->record.sites && run->record.options.leaks &&
	       !(words && strstr(words, "sites.reach="));
}

/* "?": other units of the process may lack the layer. */
static int set_environment(const struct run *run)
{
	const char *preload = getenv("LD_PRELOAD");
	int err = 0;

	if (!carries_hooks(&run->prog))
		err = join_env("LD_PRELOAD", run->unit, ':',
			       preload ? preload : "");
	if (!err && looks_for_lost(run))
		err = add_option("?sites.reach=" REACH);
	if (!err && run->options)
		err = add_option("%s", run->options);
	if (!err && run->record.totals)
		err = add_option("?count.file=%s/totals", run->record.dir_word);
	if (!err && run->record.sites)
		err = add_option("?sites.dir=%s", run->record.dir_word);
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
	if (run->record.sites)
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

/*
 * Signals stay blocked here, as those that are sent to the whole group meant
 * the program; but for SIGALRM, by which the readers of symbols bound
 * themselves.
 */
static void __attribute__((noreturn)) be_reporter(const struct record *record,
						  pid_t parent)
{
	sigset_t one;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGALRM, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&one);
	sigaddset(&one, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	/* Others write there too: whole lines. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	status = record_tell(record);
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
	pid_t pid, self = getpid();
	int status = 0, ended = 0;
	siginfo_t info;

	if (!run->record.dir)
		return;
	pid = fork();
	if (!pid)
		be_reporter(&run->record, self);
	if (pid < 0) {
		record_tell(&run->record);
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
	struct run run = {
		.record = { .limit = TOTALS_LIMIT_DEFAULT, .totals_fd = -1 },
	};
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
	if (run.facades)
		add_facades(&run);
	record_open(&run.record);
	block_signals(&run);
	record_prepare(&run.record, run.unit);
	if (set_environment(&run))
		die("environment: %s", strerror(ENOMEM));
	err = start(&run, path, words);
	if (err) {
		record_forget(&run.record);
		status = not_started(&run, path, err);
	} else {
		status = wait_child(&run);
		report(&run);
		record_forget(&run.record);
		status = end_as(status);
	}
	free(path);
	free(run.unit);
	program_free(&run.prog);
	report_options_free(&run.record.options);
	return status;
}
