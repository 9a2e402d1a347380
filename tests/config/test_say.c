// SPDX-License-Identifier: MIT
/*
 * test_say - lines of text: whole, bounded, and never the program's end
 *
 * say.c is compiled into the test, so that the answers of write(2) can be
 * written down beforehand.
 *
 * test-flags: -pthread
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "syscall.h"

/* What write(2) answers, one after the other; behind them it really writes. */
static const long *answers;
static char written[1024];
static unsigned int nr_written;

static long scripted_syscall(long nr, long a, long b, long c, long d, long e,
			     long f)
{
	long answer;

	if (nr != SYS_write || !answers || *answers == 1000000)
		return mh_syscall(nr, a, b, c, d, e, f);
	answer = *answers++;
	if (answer > c)
		answer = c;
	if (answer > 0) {
		memcpy(written + nr_written, (const char *)b, (size_t)answer);
		nr_written += (unsigned int)answer;
	}
	return answer;
}

#define mh_syscall scripted_syscall
#include "say.c"
#undef mh_syscall

#define REALLY 1000000		/* ends a list of answers */

static int no_script(void **state)
{
	(void)state;
	answers = NULL;
	nr_written = 0;
	memset(written, 0, sizeof(written));
	return 0;
}

static void read_all(int fd, char *out, size_t room)
{
	size_t nr = 0;
	ssize_t got;

	while (nr < room - 1 && (got = read(fd, out + nr, room - 1 - nr)) > 0)
		nr += (size_t)got;
	out[nr] = 0;
}

/* Runs @say in a child whose descriptor 2 is a pipe; Return: its status. */
static int hear(void (*say)(void), char *out, size_t room)
{
	int fds[2], status;
	sigset_t none;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		say();
		_exit(0);
	}
	close(fds[1]);
	read_all(fds[0], out, room);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* ---- words and numbers ---------------------------------------------------- */

static void assert_line(struct mh_line *line, const char *text)
{
	assert_int_equal(line->nr, strlen(text));
	assert_memory_equal(line->text, text, line->nr);
}

static void numbers_are_as_printf_has_them(void **state)
{
	static const uint64_t values[] = {
		0, 1, 9, 10, 15, 16, 99, 255, 256, 4095, 4096, 1000000,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX,
	};
	struct mh_line line;
	char want[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		mh_line_start(&line);
		mh_line_dec(&line, values[i]);
		snprintf(want, sizeof(want), "%" PRIu64, values[i]);
		assert_line(&line, want);
		mh_line_start(&line);
		mh_line_int(&line, (int64_t)values[i]);
		snprintf(want, sizeof(want), "%" PRId64, (int64_t)values[i]);
		assert_line(&line, want);
		mh_line_start(&line);
		mh_line_hex(&line, values[i]);
		snprintf(want, sizeof(want), "0x%" PRIx64, values[i]);
		assert_line(&line, want);
	}
}

static void words_are_joined(void **state)
{
	struct mh_line line;

	(void)state;
	mh_line_start(&line);
	mh_line_str(&line, "a");
	mh_line_str(&line, "");
	mh_line_str(&line, " b=");
	mh_line_int(&line, -5);
	mh_line_hex(&line, 16);
	assert_line(&line, "a b=-50x10");
}

/* What does not fit is cut; the newline always has its place. */
static void long_lines_are_cut(void **state)
{
	struct { struct mh_line line; char behind[16]; } at;
	static const long take_it[] = { 508, REALLY };
	int i;

	(void)state;
	memset(&at, 0x77, sizeof(at));
	mh_line_start(&at.line);
	for (i = 0; i < 100; i++)
		mh_line_str(&at.line, "0123456789");
	mh_line_dec(&at.line, UINT64_MAX);
	mh_line_hex(&at.line, UINT64_MAX);
	mh_line_int(&at.line, INT64_MIN);
	assert_int_equal(at.line.nr, 507);
	answers = take_it;
	assert_int_equal(mh_line_write(&at.line, 2), 0);
	assert_int_equal(nr_written, 508);
	assert_int_equal(written[506], '6');
	assert_int_equal(written[507], '\n');
	for (i = 0; i < 16; i++)
		assert_int_equal(at.behind[i], 0x77);
}

/* ---- writes --------------------------------------------------------------- */

static int write_scripted(const long *script)
{
	struct mh_line line;

	answers = script;
	nr_written = 0;
	memset(written, 0, sizeof(written));
	mh_line_start(&line);
	mh_line_str(&line, "12345678");
	return mh_line_write(&line, -1);
}

static void interrupted_writes_are_carried_on(void **state)
{
	static const long plain[] = { 9, REALLY };
	static const long eintr[] = { -EINTR, -EINTR, -EINTR, 9, REALLY };
	static const long bits[] = { 1, 3, -EINTR, 2, 100, REALLY };

	(void)state;
	assert_int_equal(write_scripted(plain), 0);
	assert_string_equal(written, "12345678\n");
	assert_int_equal(write_scripted(eintr), 0);
	assert_string_equal(written, "12345678\n");
	assert_int_equal(*answers, REALLY);
	assert_int_equal(write_scripted(bits), 0);
	assert_string_equal(written, "12345678\n");
	assert_int_equal(*answers, REALLY);
}

/* An error ends it; a write of nothing must not turn into a loop. */
static void failed_writes_are_told(void **state)
{
	static const long full[] = { 4, -ENOSPC, REALLY };
	static const long again[] = { -EAGAIN, REALLY };
	static const long nothing[] = { 0, REALLY };
	static const long closed[] = { REALLY };

	(void)state;
	errno = 4242;
	assert_int_equal(write_scripted(full), -ENOSPC);
	assert_string_equal(written, "1234");
	assert_int_equal(write_scripted(again), -EAGAIN);
	assert_int_equal(write_scripted(nothing), -EIO);
	assert_int_equal(write_scripted(closed), -EBADF);
	assert_int_equal(errno, 4242);
}

static volatile sig_atomic_t nr_signals;
static int full_pipe[2];
static pthread_t writer;

static void count_signal(int signo)
{
	(void)signo;
	nr_signals++;
}

/* Hits the writer, which waits in write(2), then makes room for it. */
static void *hit_then_read(void *arg)
{
	while (nr_signals < 20)
		pthread_kill(writer, SIGUSR1);
	read_all(full_pipe[0], arg, 1 << 20);
	return NULL;
}

static void signals_do_not_tear_lines(void **state)
{
	struct sigaction action = { .sa_handler = count_signal };
	static char all[1 << 20];
	struct mh_line line;
	pthread_t thread;
	size_t nr = 0;

	(void)state;
	assert_int_equal(pipe(full_pipe), 0);
	fcntl(full_pipe[1], F_SETFL, O_NONBLOCK);
	while (write(full_pipe[1], "x", 1) == 1)
		nr++;
	fcntl(full_pipe[1], F_SETFL, 0);
	sigaction(SIGUSR1, &action, NULL);	/* no SA_RESTART */
	writer = pthread_self();
	assert_int_equal(pthread_create(&thread, NULL, hit_then_read, all), 0);
	mh_line_start(&line);
	mh_line_str(&line, "whole");
	assert_int_equal(mh_line_write(&line, full_pipe[1]), 0);
	close(full_pipe[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(full_pipe[0]);
	assert_int_equal(strlen(all), nr + 6);
	assert_string_equal(all + nr, "whole\n");
}

/* ---- signals of the write -------------------------------------------------- */

static int broken_pipe(void)
{
	int fds[2];

	if (pipe(fds))
		_exit(90);
	close(fds[0]);
	return fds[1];
}

static int is_pending(int signo)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, signo);
}

static void write_a_line_to(int fd, int answer)
{
	struct mh_line line;
	sigset_t before, after;
	int signo;

	pthread_sigmask(SIG_BLOCK, NULL, &before);
	mh_line_start(&line);
	mh_line_str(&line, "1234567890123456789");
	if (mh_line_write(&line, fd) != answer)
		_exit(91);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (signo = 1; signo < 64; signo++)
		if (sigismember(&before, signo) != sigismember(&after, signo))
			_exit(92);
}

static void to_a_closed_pipe(void)
{
	write_a_line_to(broken_pipe(), -EPIPE);
	write_a_line_to(broken_pipe(), -EPIPE);
	_exit(is_pending(SIGPIPE) ? 93 : 42);
}

/* A program that blocks SIGPIPE must not find ours when it unblocks it. */
static void to_a_closed_pipe_blocked(void)
{
	sigset_t pipes;

	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipes, NULL);
	write_a_line_to(broken_pipe(), -EPIPE);
	sigprocmask(SIG_UNBLOCK, &pipes, NULL);
	_exit(42);
}

/* But its own, that waits already, must stay. */
static void to_a_closed_pipe_pending(void)
{
	sigset_t pipes;

	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipes, NULL);
	raise(SIGPIPE);
	write_a_line_to(broken_pipe(), -EPIPE);
	_exit(is_pending(SIGPIPE) ? 42 : 94);
}

static void to_a_closed_pipe_with_handler(void)
{
	signal(SIGPIPE, count_signal);
	nr_signals = 0;
	write_a_line_to(broken_pipe(), -EPIPE);
	_exit(nr_signals ? 95 : 42);
}

static void to_a_closed_descriptor(void)
{
	close(2);
	mh_say("x", "y");
	write_a_line_to(2, -EBADF);
	_exit(42);
}

static void over_the_limit_of_files(void)
{
	struct rlimit ten = { 10, 10 };
	const char *tmp = getenv("TMPDIR");
	char path[300], back[32];
	int fd;

	snprintf(path, sizeof(path), "%s/test_say.XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	if (fd < 0 || unlink(path) || setrlimit(RLIMIT_FSIZE, &ten))
		_exit(96);
	write_a_line_to(fd, -EFBIG);
	_exit(pread(fd, back, sizeof(back), 0) == 10 ? 42 : 97);
}

static void lines_do_not_kill(void **state)
{
	static void (*const deaths[])(void) = {
		to_a_closed_pipe, to_a_closed_pipe_blocked,
		to_a_closed_pipe_pending, to_a_closed_pipe_with_handler,
		to_a_closed_descriptor, over_the_limit_of_files,
	};
	char heard[100];
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		status = hear(deaths[i], heard, sizeof(heard));
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 42)
			fail_msg("case %zu: status 0x%x", i, status);
		assert_string_equal(heard, "");
	}
}

/* ---- say ------------------------------------------------------------------ */

static void say_often(void)
{
	char what[16];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(what, sizeof(what), "line %d", i);
		mh_say("part", what);
	}
}

static void it_says_32_lines_and_one(void **state)
{
	static char heard[8192], want[8192];
	int i, nr = 0;

	(void)state;
	assert_int_equal(MH_SAY_MAX, 32);
	assert_int_equal(hear(say_often, heard, sizeof(heard)), 0);
	for (i = 0; i < MH_SAY_MAX; i++)
		nr += sprintf(want + nr, "mallochooks: part: line %d\n", i);
	sprintf(want + nr, "mallochooks: more lines than this are not "
		"written\n");
	assert_string_equal(heard, want);
}

static void *say_in_thread(void *arg)
{
	say_often();
	return arg;
}

static void say_in_threads(void)
{
	pthread_t threads[4];
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, say_in_thread, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* Whatever the order, each line is whole, and there are 33. */
static void threads_say_32_lines_and_one(void **state)
{
	static char heard[32768];
	char *line = heard, *end;
	int nr = 0, nr_more = 0;

	(void)state;
	assert_int_equal(hear(say_in_threads, heard, sizeof(heard)), 0);
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		nr++;
		if (!strcmp(line, "mallochooks: more lines than this are not "
			    "written"))
			nr_more++;
		else
			assert_memory_equal(line, "mallochooks: part: line ",
					    24);
	}
	assert_int_equal(nr, MH_SAY_MAX + 1);
	assert_int_equal(nr_more, 1);
	assert_string_equal(line, "");
}

static void say_long(void)
{
	char what[1000];

	memset(what, 'z', sizeof(what) - 1);
	what[sizeof(what) - 1] = 0;
	mh_say("part", what);
}

static void a_long_word_is_cut(void **state)
{
	char heard[2000];

	(void)state;
	assert_int_equal(hear(say_long, heard, sizeof(heard)), 0);
	assert_int_equal(strlen(heard), 508);
	assert_memory_equal(heard, "mallochooks: part: zzz", 22);
	assert_int_equal(heard[507], '\n');
}

#define TEST(test)	cmocka_unit_test_setup(test, no_script)

static void is_shown_as(const char *text, const char *shown)
{
	struct mh_line line;

	mh_line_start(&line);
	mh_line_text(&line, text, strlen(text));
	line.text[line.nr] = 0;
	assert_string_equal(line.text, shown);
}

/* Source of the limits: RFC 3629, section 4. */
static void text_of_strangers_is_cleaned(void **state)
{
	(void)state;
	is_shown_as("", "");
	is_shown_as("plain ~", "plain ~");
	is_shown_as("a\tb\n\x1b[31m\x7f", "a?b??[31m?");
	is_shown_as("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	is_shown_as("\x80x\xff\xfe", "?x??");
	is_shown_as("\xc0\xaf\xc1\xbf", "????");		/* overlong */
	is_shown_as("\xe0\x9f\xbf\xf0\x8f\xbf\xbf", "???????");
	is_shown_as("\xed\xa0\x80", "???");		/* surrogate */
	is_shown_as("\xf4\x90\x80\x80\xf5\x80\x80\x80", "????????");
	is_shown_as("\xc2\x9b\xc2\xa0", "??\xc2\xa0");	/* a control of C1 */
	is_shown_as("x\xc3", "x?");
	is_shown_as("\xe2\x82", "??");
	is_shown_as("\xe2\x82x", "??x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_as_printf_has_them),
		TEST(words_are_joined),
		TEST(long_lines_are_cut),
		TEST(interrupted_writes_are_carried_on),
		TEST(failed_writes_are_told),
		TEST(signals_do_not_tear_lines),
		TEST(lines_do_not_kill),
		TEST(it_says_32_lines_and_one),
		TEST(threads_say_32_lines_and_one),
		TEST(a_long_word_is_cut),
		TEST(text_of_strangers_is_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
