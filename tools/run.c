/* SPDX-License-Identifier: MIT */
/*
 * run - start a program with the preload unit in it, and tell its totals
 *
 * The program is a child, so that the totals can be read when it has ended,
 * but it should not notice: it keeps its descriptors, signal mask and
 * dispositions, process group and terminal; what ends or stops it does the
 * same to us, and signals sent to us reach it.
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
#include "shard.h"
#include "tools.h"

/* Exit statuses of our own, as env(1), nice(1) and timeout(1) have them. */
#define EXIT_OURS	125
#define EXIT_NOT_RUN	126
#define EXIT_NOT_FOUND	127

/* Most lines of the totals file: each thread takes one, each process two. */
#define LIMIT_DEFAULT	65536
#define LIMIT_MOST	(16 * 1024 * 1024)

/* One line of the totals file, as the count layer writes it. */
struct line {
	uint64_t owner;
	uint32_t pid;
	uint32_t link;
	uint64_t calls;
	uint64_t bytes;
	uint64_t failed;
	uint64_t spare[3];
};
_Static_assert(sizeof(struct line) == sizeof(struct mh_shards_header),
	       "line 0 is the header");

struct run {
	const char *options;
	const char *output;
	int quiet;
	int each;
	int force;
	uint32_t limit;

	char *unit;
	struct program prog;
	FILE *report;
	char *totals;		/* path of the totals file, or NULL */
	char *totals_word;	/* the same, as a value in MALLOCHOOKS */
	int totals_fd;
	pid_t child;
	int tty_stop;		/* the terminal asked everybody to stop */
	sigset_t signals;	/* what we wait for */
	sigset_t old_mask;
	struct sigaction old_chld;
};

static void usage(void)
{
	puts("usage: mallochooks run [options] [--] PROGRAM [ARGUMENT...]\n"
	     "\n"
	     "Starts PROGRAM with the hooks preloaded into it and into every\n"
	     "process that it starts; tells at the end what they allocated.\n"
	     "\n"
	     "  --preload=FILE   the unit to preload (default: ours)\n"
	     "  --options=WORDS  append \"layer.option=value,...\" to MALLOCHOOKS\n"
	     "  --each           one more line for each process\n"
	     "  --output=FILE    write the totals there, not to stderr\n"
	     "  --quiet          no totals\n"
	     "  --limit=N        room for N threads in the totals (default 65536)\n"
	     "  --force          start it even when the hooks cannot work in it\n"
	     "  --help           this text\n"
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
	    value > LIMIT_MOST)
		die("--limit=%s: a number from 2 to %d is wanted", text,
		    LIMIT_MOST);
	return value;
}

/* Return: the program and its arguments, or NULL when --help was served. */
static char **parse(struct run *run, int argc, char **argv)
{
	static const struct option words[] = {
		{ "preload", required_argument, NULL, 'p' },
		{ "options", required_argument, NULL, 'o' },
		{ "output", required_argument, NULL, 'w' },
		{ "limit", required_argument, NULL, 'l' },
		{ "each", no_argument, NULL, 'e' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const char *unit = NULL;
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "+:h", words, NULL)) != -1) {
		switch (c) {
		case 'p':
			unit = optarg;
			break;
		case 'o':
			run->options = optarg;
			break;
		case 'w':
			run->output = optarg;
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
			return NULL;
		case ':':
			die("%s needs a value: see --help", argv[optind - 1]);
		default:
			die("unknown option %s: see --help", argv[optind - 1]);
		}
	}
	if (optind == argc)
		die("no program given: mallochooks run [options] -- PROGRAM");
	if (run->quiet && (run->each || run->output))
		die("--quiet leaves nothing to %s: give one of them",
		    run->each ? "--each" : "--output");
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

static int write_at(int fd, const void *from, size_t bytes, off_t at)
{
	ssize_t nr;

	do
		nr = pwrite(fd, from, bytes, at);
	while (nr < 0 && errno == EINTR);
	return nr == (ssize_t)bytes ? 0 : -1;
}

static void remove_totals(struct run *run)
{
	if (!run->totals)
		return;
	unlink(run->totals);
	close(run->totals_fd);
	free(run->totals);
	free(run->totals_word);
	run->totals = NULL;
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

/*
 * make_totals() - the file that the count layers of all processes share
 *
 * Whole before anybody maps it: a page that the disk has no room for would be
 * a SIGBUS in the program.
 * Return: NULL, or why there is none.
 */
static const char *make_totals(struct run *run)
{
	const struct mh_shards_header header = {
		.magic = MH_SHARDS_MAGIC,
		.version = MH_SHARDS_VERSION,
		.stride = sizeof(struct line),
		.limit = run->limit,
		.used = 1,
	};
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const char *dir = getenv("TMPDIR");
	char *whole, *path;
	struct sigaction old;
	int err;

	whole = realpath(dir && *dir ? dir : "/tmp", NULL);
	if (!whole)
		return strerror(errno);
	path = xasprintf("%s/mallochooks-XXXXXX", whole);
	free(whole);
	run->totals_fd = mkostemp(path, O_CLOEXEC);
	if (run->totals_fd < 0) {
		free(path);
		return strerror(errno);
	}
	sigaction(SIGXFSZ, &ignore, &old);	/* ulimit -f */
	err = posix_fallocate(run->totals_fd, 0,
			      (off_t)run->limit * sizeof(struct line));
	if (!err && write_at(run->totals_fd, &header, sizeof(header), 0))
		err = errno;
	sigaction(SIGXFSZ, &old, NULL);
	run->totals = path;
	run->totals_word = escape(path);
	if (!err && strlen(run->totals_word) >= MALLOCHOOKS_STRING_BYTES)
		err = ENAMETOOLONG;
	if (err)
		remove_totals(run);
	return err ? strerror(err) : NULL;
}

static void prepare_totals(struct run *run)
{
	const char *why, *dir = getenv("TMPDIR");
	int has;

	if (run->quiet)
		return;
	has = unit_has_option(run->unit, "count.file");
	if (has < 0)
		die("%s: cannot be preloaded (--preload)", run->unit);
	if (!has) {
		say("no totals: %s has no count layer", run->unit);
		return;
	}
	why = make_totals(run);
	if (why)
		say("no totals: no file of %llu bytes in %s: %s (another "
		    "TMPDIR may help)", (unsigned long long)run->limit *
		    sizeof(struct line), dir && *dir ? dir : "/tmp", why);
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

static int set_environment(const struct run *run)
{
	const char *preload = getenv("LD_PRELOAD");
	char *file;
	int err;

	err = join_env("LD_PRELOAD", run->unit, ':', preload ? preload : "");
	if (!err && run->options)
		err = join_env("MALLOCHOOKS", getenv("MALLOCHOOKS"), ',',
			       run->options);
	if (err || !run->totals)
		return err;
	/* "?": other units of the process may have no count layer. */
	file = xasprintf("?count.file=%s", run->totals_word);
	err = join_env("MALLOCHOOKS", getenv("MALLOCHOOKS"), ',', file);
	free(file);
	return err;
}

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
	int err;

	sigaction(SIGCHLD, &run->old_chld, NULL);
	sigprocmask(SIG_SETMASK, &run->old_mask, NULL);
	/* execvp() hands what the kernel does not know to the shell. */
	if (run->prog.elf)
		execv(path, argv);
	else
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

	if (pipe2(pipes, O_CLOEXEC)) {
		remove_totals(run);
		die("pipe: %s", strerror(errno));
	}
	run->child = fork();
	if (run->child < 0) {
		err = errno;
		remove_totals(run);
		die("fork: %s", strerror(err));
	}
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
			if (!child_has_it_too(run, &info))
				kill(run->child, info.si_signo);
			continue;
		}
		for (;;) {
			pid = waitpid(run->child, &status, WNOHANG | WUNTRACED);
			if (pid < 0) {
				remove_totals(run);
				die("waitpid: %s", strerror(errno));
			}
			if (pid == 0)
				break;
			if (!WIFSTOPPED(status))
				return status;
			follow_stop(run, WSTOPSIG(status));
		}
	}
}

struct totals {
	uint32_t pid;
	uint32_t first;		/* its first line: the order of birth */
	uint64_t calls;
	uint64_t bytes;
	uint64_t failed;
};

static int by_pid(const void *a, const void *b)
{
	const struct totals *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int by_birth(const void *a, const void *b)
{
	const struct totals *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void add(struct totals *sum, const struct totals *more)
{
	sum->calls += more->calls;
	sum->bytes += more->bytes;
	sum->failed += more->failed;
}

/*
 * read_totals() - what each process has allocated
 * @each:	array, to be freed
 * @full:	set when more lines were wanted than there are
 *
 * By read, not by mmap: whoever truncates the file must not kill us.
 * Return: number of processes.
 */
static size_t read_totals(const struct run *run, struct totals **each,
			  int *full)
{
	struct mh_shards_header header = { .used = 0 };
	struct totals *list;
	struct line line;
	size_t nr = 0, i, last = 0;
	uint32_t end;

	if (pread(run->totals_fd, &header, sizeof(header), 0) !=
	    sizeof(header))
		say("the totals file was truncated by somebody");
	*full = header.used > run->limit;
	end = *full ? run->limit : header.used;
	list = xcalloc(end + 1, sizeof(*list));
	*each = list;
	for (i = 1; i < end; i++) {
		if (pread(run->totals_fd, &line, sizeof(line),
			  (off_t)i * sizeof(line)) != sizeof(line))
			break;
		if (!line.pid)
			continue;
		list[nr++] = (struct totals){ line.pid, i, line.calls,
					      line.bytes, line.failed };
	}
	if (!nr)
		return 0;
	qsort(list, nr, sizeof(*list), by_pid);
	for (i = 1; i < nr; i++) {
		if (list[i].pid == list[last].pid)
			add(&list[last], &list[i]);
		else
			list[++last] = list[i];
	}
	qsort(list, last + 1, sizeof(*list), by_birth);
	return last + 1;
}

static const char *plural(uint64_t nr, const char *one, const char *many)
{
	return nr == 1 ? one : many;
}

static void print_totals(FILE *out, const char *who, const struct totals *sum)
{
	static const char *const prefix[] = { "Ki", "Mi", "Gi", "Ti", "Pi" };
	double human = sum->bytes;
	int i = -1;

	while (human >= 1024 && i < (int)ARRAY_SIZE(prefix) - 1) {
		human /= 1024;
		i++;
	}
	fprintf(out, "mallochooks: run: %s, %llu %s, %llu %s requested", who,
		(unsigned long long)sum->calls,
		plural(sum->calls, "allocation", "allocations"),
		(unsigned long long)sum->bytes,
		plural(sum->bytes, "byte", "bytes"));
	if (i >= 0)
		fprintf(out, " (%.1f %sB)", human, prefix[i]);
	fprintf(out, ", %llu failed\n", (unsigned long long)sum->failed);
}

static void report(struct run *run)
{
	struct totals sum = { 0 }, *each;
	size_t i, nr;
	char *who;
	int full;

	if (!run->totals)
		return;
	nr = read_totals(run, &each, &full);
	for (i = 0; i < nr; i++) {
		add(&sum, &each[i]);
		if (!run->each)
			continue;
		who = xasprintf("process %u", each[i].pid);
		print_totals(run->report, who, &each[i]);
		free(who);
	}
	free(each);
	if (nr) {
		who = xasprintf("%zu %s", nr,
				plural(nr, "process", "processes"));
		print_totals(run->report, who, &sum);
		free(who);
	} else {
		fputs("mallochooks: run: no process reported: the loader took "
		      "no unit (its own line above?), the program cleared its "
		      "environment, or what it started is static or setuid\n",
		      run->report);
	}
	if (full)
		fprintf(run->report, "mallochooks: run: limit of %u threads "
			"reached, the totals may be short: --limit=%u\n",
			run->limit, run->limit < LIMIT_MOST / 16 ?
				    run->limit * 16 : LIMIT_MOST);
	if (fflush(run->report) || ferror(run->report))
		say("%s: the totals could not be written: %s",
		    run->output ? run->output : "stderr", strerror(errno));
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

static FILE *open_report(const struct run *run)
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
	struct run run = { .limit = LIMIT_DEFAULT, .totals_fd = -1 };
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
	run.report = open_report(&run);
	block_signals(&run);
	prepare_totals(&run);
	if (set_environment(&run)) {
		remove_totals(&run);
		die("environment: %s", strerror(ENOMEM));
	}
	err = start(&run, path, words);
	if (err) {
		remove_totals(&run);
		status = not_started(&run, path, err);
	} else {
		status = wait_child(&run);
		report(&run);
		remove_totals(&run);
		status = end_as(status);
	}
	free(path);
	free(run.unit);
	program_free(&run.prog);
	return status;
}
