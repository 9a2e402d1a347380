/* SPDX-License-Identifier: MIT */
/*
 * run_child - the programs that test_run.sh starts, and a terminal for them
 *
 *	status CMD...	run CMD, print how it ended: "exit N" or "signal N"
 *	fds		exit with a bit for each of stdin, stdout, stderr that
 *			is open, and 8 for any above
 *	signals		say "ready", then the name of each signal that comes,
 *			until SIGTERM
 *	allocate [N]	N (100) times 1 MiB, and 3 times more than there is
 *	stop-self	SIGTSTP to itself alone, then exit 7
 *	ignoring CMD...	CMD with SIGCHLD ignored
 *	alarm CMD...	CMD with an alarm set
 *	tty CMD...	CMD as a shell's foreground job: stop it by ^Z, let it go
 *			on, interrupt it by ^C, end it by SIGTERM
 *	tty-stops CMD... the same, but it stops by itself and then ends
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PATIENCE_MS	20000

static void fail(const char *what)
{
	perror(what);
	exit(99);
}

static void print_status(int fd, int status)
{
	if (WIFSIGNALED(status))
		dprintf(fd, "signal %d\n", WTERMSIG(status));
	else
		dprintf(fd, "exit %d\n", WEXITSTATUS(status));
}

static int status_mode(char **argv)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(98);
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	print_status(1, status);
	return 0;
}

static int fds_mode(void)
{
	int bits = 0, fd;

	for (fd = 0; fd < 256; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			bits |= fd < 3 ? 1 << fd : 8;
	}
	return bits;
}

static int signals_mode(void)
{
	static const struct {
		int sig;
		const char *line;
	} names[] = {
		{ SIGHUP, "HUP\n" }, { SIGINT, "INT\n" },
		{ SIGQUIT, "QUIT\n" }, { SIGTERM, "TERM\n" },
		{ SIGUSR1, "USR1\n" }, { SIGUSR2, "USR2\n" },
		{ SIGCONT, "CONT\n" },
	};
	sigset_t set;
	size_t i;
	int sig;

	sigemptyset(&set);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		sigaddset(&set, names[i].sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	dprintf(1, "ready\n");
	do {
		if (sigwait(&set, &sig))
			fail("sigwait");
		for (i = 0; names[i].sig != sig; i++)
			;
		dprintf(1, "%s", names[i].line);
	} while (sig != SIGTERM);
	return 0;
}

static int allocate_mode(int nr)
{
	void *(*volatile allocate)(size_t size) = malloc;
	int i, failed = 0;

	for (i = 0; i < nr; i++)
		free(allocate(1 << 20));
	for (i = 0; i < 3; i++)
		failed += !allocate((size_t)-1 / 4);
	return failed == 3 ? 0 : 1;
}

/*
 * The shell of the terminal: one job in the foreground, reported to @out; when
 * it has stopped, a letter from @go lets it go on.
 */
static void shell(const char *slave, int out, int go, char **argv)
{
	sigset_t ttou;
	int status, fd;
	char letter;
	pid_t job;

	setsid();
	fd = open(slave, O_RDWR);	/* becomes the controlling terminal */
	if (fd < 0)
		fail(slave);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, NULL);
	job = fork();
	if (!job) {
		setpgid(0, 0);
		tcsetpgrp(0, getpid());
		sigprocmask(SIG_UNBLOCK, &ttou, NULL);
		execvp(argv[0], argv);
		_exit(98);
	}
	setpgid(job, job);
	dprintf(out, "job %d\n", job);
	while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
		dprintf(out, "stopped\n");
		if (read(go, &letter, 1) != 1)
			fail("read");
		tcsetpgrp(0, job);
		kill(-job, SIGCONT);
	}
	print_status(out, status);
	_exit(0);
}

struct reader {
	int fd;
	size_t nr;
	char text[4096];
};

/* Wait until @what has come; Return: where it stands. */
static const char *expect(struct reader *in, const char *what)
{
	struct pollfd wait = { .fd = in->fd, .events = POLLIN };
	const char *found;
	ssize_t nr;

	while (!(found = strstr(in->text, what))) {
		if (poll(&wait, 1, PATIENCE_MS) <= 0) {
			printf("no \"%s\" came, only: %s\n", what, in->text);
			exit(97);
		}
		nr = read(in->fd, in->text + in->nr,
			  sizeof(in->text) - 1 - in->nr);
		if (nr <= 0) {
			printf("the end came before \"%s\": %s\n", what,
			       in->text);
			exit(97);
		}
		in->nr += nr;
		in->text[in->nr] = '\0';
	}
	return found;
}

static int count_lines(const char *text, const char *line)
{
	int nr = 0;

	while ((text = strstr(text, line))) {
		text++;
		nr++;
	}
	return nr;
}

static void put(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("write");
}

static int tty_mode(char **argv, int stops_itself)
{
	struct reader screen = { .fd = posix_openpt(O_RDWR | O_NOCTTY) };
	struct reader news = { .nr = 0 };
	int out[2], go[2], job;

	if (screen.fd < 0 || grantpt(screen.fd) || unlockpt(screen.fd))
		fail("pty");
	fcntl(screen.fd, F_SETFD, FD_CLOEXEC);
	if (pipe2(out, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		fail("pipe");
	if (!fork())
		shell(ptsname(screen.fd), out[1], go[0], argv);
	close(out[1]);
	news.fd = out[0];
	job = atoi(expect(&news, "job ") + 4);
	if (stops_itself) {
		expect(&news, "stopped\n");
		put(go[1], "g");
	} else {
		expect(&screen, "ready");
		put(screen.fd, "\032");
		expect(&news, "stopped\n");
		put(go[1], "g");
		expect(&screen, "CONT");
		/*
		 * The job's leader sleeps while its child takes the ^C: passed
		 * on, it would then come a second time, and not be merged.
		 */
		kill(job, SIGSTOP);
		expect(&news, "stopped\nstopped\n");
		put(screen.fd, "\003");
		expect(&screen, "INT");
		put(go[1], "g");
		kill(job, SIGTERM);
		expect(&screen, "TERM");
	}
	expect(&news, "exit ");
	printf("INT %d\n%s", count_lines(screen.text, "INT\r"),
	       strstr(news.text, "stopped"));
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (!strcmp(mode, "status"))
		return status_mode(argv + 2);
	if (!strcmp(mode, "fds"))
		return fds_mode();
	if (!strcmp(mode, "signals"))
		return signals_mode();
	if (!strcmp(mode, "allocate"))
		return allocate_mode(argc > 2 ? atoi(argv[2]) : 100);
	if (!strcmp(mode, "tty"))
		return tty_mode(argv + 2, 0);
	if (!strcmp(mode, "tty-stops"))
		return tty_mode(argv + 2, 1);
	if (!strcmp(mode, "stop-self")) {
		raise(SIGTSTP);
		return 7;
	}
	if (!strcmp(mode, "ignoring"))
		signal(SIGCHLD, SIG_IGN);
	else if (!strcmp(mode, "alarm"))
		alarm(1);
	else
		return 96;
	execvp(argv[2], argv + 2);
	fail(argv[2]);
}
