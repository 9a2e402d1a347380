// SPDX-License-Identifier: MIT
/*
 * test_log - the log layer between a fake program and a fake next
 *
 * test-sources: tests/hooks/fake.c config/say.c
 * test-flags: -DMH_IDENT=t -DMH_LAYER=log -DMH_NEXT=fake -pthread -fno-omit-frame-pointer
 */
#define _GNU_SOURCE
#undef CONFIG_LOG_FD
#undef CONFIG_LOG_DEPTH
#undef CONFIG_LOG_MIN_BYTES
#undef CONFIG_CALLER_FRAMES
#define CONFIG_LOG_FD		2
#define CONFIG_LOG_DEPTH	0
#define CONFIG_LOG_MIN_BYTES	0
#define CONFIG_CALLER_FRAMES	1
#include "log.c"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fake.h"

/* The layer looks only: the composer passes on what it lacks. */
HOOK_PASS(zeroed)

#define MALLOC(size)		HOOK_IDENT(malloc)(size, 0xa1)
#define CALLOC(n, size)		HOOK_IDENT(calloc)(n, size, 0xa2)
#define REALLOC(ptr, size)	HOOK_IDENT(realloc)(ptr, size, 0xa3)
#define MEMALIGN(align, size)	HOOK_IDENT(memalign)(align, size, 0xa4)
#define FREE(ptr)		HOOK_IDENT(free)(ptr, 0xa5)

/* ---- the reader -------------------------------------------------------------- */

static int reader = -1, pipe_end = -1;
static char lines[8192];

/* Lines of the layer go into a pipe that read_lines() empties. */
static void start_log(void)
{
	int fds[2];

	CHECK(!pipe(fds));
	reader = fds[0];
	pipe_end = fds[1];
	fcntl(reader, F_SETFL, O_NONBLOCK);
	HOOK_OPTION(FD).num = pipe_end;
	HOOK_IDENT(init)();
	EXPECT("");
}

static const char *read_lines(void)
{
	ssize_t nr = read(reader, lines, sizeof(lines) - 1);

	lines[nr > 0 ? nr : 0] = 0;
	return lines;
}

/* Exactly these lines came; @1 and @2 stand for process and thread. */
static void check_lines(int line, const char *format, ...)
{
	char want[2048], text[2048];
	size_t nr = 0, i;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (i = 0; text[i]; i++) {
		if (text[i] == '@')
			nr += (size_t)sprintf(want + nr, "mallochooks: log: "
					      "%d/%d", getpid(), gettid());
		else
			want[nr++] = text[i];
	}
	want[nr] = 0;
	read_lines();
	if (strcmp(lines, want)) {
		fprintf(stderr, "%s:%d:\nis\n%swant\n%s", __FILE__, line, lines,
			want);
		exit(1);
	}
}
#define LINES(...)	check_lines(__LINE__, __VA_ARGS__)

/* ---- operations --------------------------------------------------------------- */

static void every_operation_is_a_line(void)
{
	void *p, *q;

	start_log();
	p = MALLOC(100);
	LINES("@ malloc size=100 ptr=%p caller=0xa1\n", p);
	q = CALLOC(3, 7);
	LINES("@ calloc size=21 ptr=%p caller=0xa2\n", q);
	q = MEMALIGN(256, 40);
	LINES("@ memalign size=40 alignment=256 ptr=%p caller=0xa4\n", q);
	q = REALLOC(p, 300);
	LINES("@ realloc-old ptr=%p caller=0xa3\n"
	      "@ realloc-new size=300 ptr=%p caller=0xa3\n", p, q);
	FREE(q);
	LINES("@ free ptr=%p caller=0xa5\n", q);
	p = REALLOC(NULL, 9);
	LINES("@ realloc-new size=9 ptr=%p caller=0xa3\n", p);
	CHECK(!REALLOC(p, 0));
	LINES("@ realloc-old ptr=%p caller=0xa3\n"
	      "@ realloc-new size=0 ptr=0x0 caller=0xa3\n", p);
	CHECK(HOOK_IDENT(malloc_usable_size)(p) == 16);
	CHECK(!HOOK_IDENT(zeroed)(p, 1));
	LINES("");
	EXPECT("next malloc 100 ca1 = p0; next calloc 3 7 ca2 = p1; "
	       "next memalign 256 40 ca4 = p2; next realloc p0 300 ca3 = p3; "
	       "next free p3 ca5; next realloc NULL 9 ca3 = p4; "
	       "next realloc p4 0 ca3 = NULL; next usable p4; "
	       "next zeroed p4 1");
}

static void failures_are_lines_too(void)
{
	void *p;

	start_log();
	p = MALLOC(1);
	read_lines();
	fake.error = ENOMEM;
	CHECK(!MALLOC(5));
	LINES("@ malloc size=5 ptr=0x0 caller=0xa1\n");
	fake.error = ENOMEM;
	CHECK(!REALLOC(p, 5));
	LINES("@ realloc-old ptr=%p caller=0xa3\n"
	      "@ realloc-new size=5 ptr=0x0 caller=0xa3\n", p);
}

static void errno_is_the_next_ones(void)
{
	void *p;

	start_log();
	errno = 4242;
	p = REALLOC(MALLOC(1), 2);
	FREE(p);
	MEMALIGN(8, 8);
	FREE(CALLOC(1, 1));
	CHECK(errno == 4242);
	fake.error = EAGAIN;
	MALLOC(1);
	CHECK(errno == EAGAIN);
	close(reader);		/* writes fail from now on */
	errno = 4242;
	FREE(MALLOC(1));
	CHECK(errno == 4242);
}

static char seen_in_call[2048];

static void look_in_call(void)
{
	strcpy(seen_in_call, read_lines());
}

/* A death is written before the call, a birth after it. */
static void deaths_come_before_and_births_after(void)
{
	char want[200];
	void *p;

	start_log();
	fake.on_call = look_in_call;
	p = MALLOC(1);
	CHECK(!strcmp(seen_in_call, ""));
	LINES("@ malloc size=1 ptr=%p caller=0xa1\n", p);
	p = REALLOC(p, 2);
	CHECK(strstr(seen_in_call, " realloc-old "));
	CHECK(!strstr(seen_in_call, " realloc-new "));
	LINES("@ realloc-new size=2 ptr=%p caller=0xa3\n", p);
	FREE(p);
	snprintf(want, sizeof(want), " free ptr=%p caller=0xa5\n", p);
	CHECK(strstr(seen_in_call, want));
	LINES("");
}

/* ---- options ------------------------------------------------------------------ */

static void small_ones_are_left_out(void)
{
	void *p;

	start_log();
	HOOK_OPTION(MIN_BYTES).num = 100;
	MALLOC(99);
	CALLOC(9, 11);
	MEMALIGN(16, 0);
	LINES("");
	p = MALLOC(100);
	LINES("@ malloc size=100 ptr=%p caller=0xa1\n", p);
	FREE(p);
	LINES("");
	p = REALLOC(MALLOC(1), 101);
	LINES("@ realloc-new size=101 ptr=%p caller=0xa3\n", p);
}

static void options_are_what_kconfig_says(void)
{
	CHECK(!strcmp(HOOK_OPTION(FD).name, "fd"));
	CHECK(HOOK_OPTION(FD).num == CONFIG_LOG_FD);
	CHECK(HOOK_OPTION(FD).max == 1023);
	CHECK(!strcmp(HOOK_OPTION(MIN_BYTES).name, "min_bytes"));
	CHECK(HOOK_OPTION(MIN_BYTES).type == MALLOCHOOKS_SIZE);
	CHECK(HOOK_OPTION(MIN_BYTES).num == CONFIG_LOG_MIN_BYTES);
	CHECK(!strcmp(HOOK_OPTION(DEPTH).name, "depth"));
	CHECK(HOOK_OPTION(DEPTH).max == 32);
}

/* An entry with three functions of the program above it. */
static uintptr_t called_from[3];

static __attribute__((noinline)) void entry(void)
{
	called_from[0] = MH_RETURN_ADDRESS();
	HOOK_IDENT(malloc)(1, called_from[0]);
	__asm__ volatile("");
}

static __attribute__((noinline)) void inner(void)
{
	called_from[1] = MH_RETURN_ADDRESS();
	entry();
	__asm__ volatile("");
}

static __attribute__((noinline)) void outer(void)
{
	called_from[2] = MH_RETURN_ADDRESS();
	inner();
	__asm__ volatile("");
}

static int nr_frames(void)
{
	const char *at = read_lines();
	int nr = 0;

	while ((at = strstr(at, " frame="))) {
		at += 7;
		if (nr < 2)
			CHECK(strtoull(at, NULL, 16) == called_from[nr + 1]);
		nr++;
	}
	return nr;
}

static void depth_adds_callers(void)
{
	start_log();
	outer();
	CHECK(nr_frames() == 0);
	HOOK_OPTION(DEPTH).num = 1;
	outer();
	CHECK(nr_frames() == 1);
	HOOK_OPTION(DEPTH).num = 2;
	outer();
	CHECK(nr_frames() == 2);
}

static void *depth_in_thread(void *arg)
{
	outer();
	CHECK(nr_frames() >= 2);
	return arg;
}

/* The walk keeps to the stack of the thread that it is in. */
static void depth_works_in_threads(void)
{
	pthread_t thread;

	start_log();
	HOOK_OPTION(DEPTH).num = 32;
	outer();
	CHECK(nr_frames() >= 2);
	CHECK(!pthread_create(&thread, NULL, depth_in_thread, NULL));
	CHECK(!pthread_join(thread, NULL));
}

/* ---- the descriptor ------------------------------------------------------------ */

static void a_closed_descriptor_is_said(void)
{
	HOOK_OPTION(FD).num = 333;
	HOOK_IDENT(init)();
	EXPECT("say log: descriptor log.fd is not open: nothing is logged");
	FREE(MALLOC(1));
	EXPECT("next malloc 1 ca1 = p0; next free p0 ca5");
}

/* The number of our copy, and that exec() closes it. */
static int copy_of_ours(void)
{
	struct stat ours, it;
	int fd, found = -1;

	CHECK(!fstat(pipe_end, &ours));
	for (fd = 3; fd < 1024; fd++)
		if (fd != pipe_end && fd != reader && !fstat(fd, &it) &&
		    it.st_ino == ours.st_ino && it.st_dev == ours.st_dev) {
			CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			found = fd;
		}
	return found;
}

static void the_programs_close_does_not_silence(void)
{
	void *p;

	start_log();
	CHECK(copy_of_ours() >= 700);
	close(pipe_end);
	p = MALLOC(1);
	LINES("@ malloc size=1 ptr=%p caller=0xa1\n", p);
}

static void nothing_goes_into_the_programs_files(void)
{
	FILE *theirs = tmpfile();
	struct stat st;
	int copy;

	start_log();
	copy = copy_of_ours();
	CHECK(dup2(fileno(theirs), copy) == copy);
	MALLOC(1);
	CHECK(!fstat(fileno(theirs), &st) && st.st_size == 0);
	CHECK(dup2(pipe_end, copy) == copy);	/* once silent, always silent */
	MALLOC(1);
	LINES("");
	close(copy);
	MALLOC(1);
	EXPECT("next malloc 1 ca1 = p0; next malloc 1 ca1 = p1; "
	       "next malloc 1 ca1 = p2");
}

static void a_reader_that_went_away_ends_it(void)
{
	start_log();
	close(reader);
	FREE(MALLOC(1));
	FREE(MALLOC(1));
	EXPECT("next malloc 1 ca1 = p0; next free p0 ca5; "
	       "next malloc 1 ca1 = p1; next free p1 ca5");
}

/* A line that could not be written ends it for good: no half of a log. */
static void a_full_pipe_ends_it(void)
{
	start_log();
	fcntl(pipe_end, F_SETFL, O_NONBLOCK);
	while (write(pipe_end, "x", 1) == 1)
		;
	MALLOC(1);
	while (*read_lines())
		CHECK(!strchr(lines, '@') && !strchr(lines, 'm'));
	FREE(MALLOC(2));
	LINES("");
}

static void few_descriptors_are_enough(void)
{
	struct rlimit limit = { 32, 32 };
	void *p;

	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	start_log();
	p = MALLOC(1);
	LINES("@ malloc size=1 ptr=%p caller=0xa1\n", p);
}

/* ---- phases, processes, threads ------------------------------------------------ */

static void early_calls_are_no_lines(void)
{
	start_log();
	MH_PHASE.word = MH_PHASE_BOOT;
	fake.wake_fails = 1;
	FREE(MALLOC(1));
	LINES("");
	EXPECT("next malloc 1 ca1 = p0; next free p0 ca5");
}

static void allocate_in_child(void)
{
	void *p;

	MH_PHASE.word = MH_PHASE_BOOT;
	fake.on_wake = HOOK_IDENT(fork);
	p = MALLOC(2);
	LINES("@ malloc size=2 ptr=%p caller=0xa1\n", p);
}

static void a_child_has_its_own_numbers(void)
{
	start_log();
	MALLOC(1);
	read_lines();
	CHILD(allocate_in_child);
}

static void *allocate_in_thread(void *arg)
{
	void *p;

	CHECK(gettid() != getpid());
	p = MALLOC(3);
	LINES("@ malloc size=3 ptr=%p caller=0xa1\n", p);
	return arg;
}

static void a_thread_has_its_own_number(void)
{
	pthread_t thread;

	start_log();
	MALLOC(1);
	read_lines();
	CHECK(!pthread_create(&thread, NULL, allocate_in_thread, NULL));
	CHECK(!pthread_join(thread, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BODY(every_operation_is_a_line),
		BODY(failures_are_lines_too),
		BODY(errno_is_the_next_ones),
		BODY(deaths_come_before_and_births_after),
		BODY(small_ones_are_left_out),
		BODY(options_are_what_kconfig_says),
		BODY(depth_adds_callers),
		BODY(depth_works_in_threads),
		BODY(a_closed_descriptor_is_said),
		BODY(the_programs_close_does_not_silence),
		BODY(nothing_goes_into_the_programs_files),
		BODY(a_reader_that_went_away_ends_it),
		BODY(a_full_pipe_ends_it),
		BODY(few_descriptors_are_enough),
		BODY(early_calls_are_no_lines),
		BODY(a_child_has_its_own_numbers),
		BODY(a_thread_has_its_own_number),
		cmocka_unit_test(fake_assert_every_op_was_seen),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
