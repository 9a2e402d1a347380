// SPDX-License-Identifier: MIT
/*
 * test_count - the count layer between a fake program and a fake next
 *
 * test-sources: hooks/count.c tests/hooks/fake.c index/arena.c index/shard.c config/say.c
 * test-flags: -DMH_IDENT=t -DMH_LAYER=count -DMH_NEXT=fake -pthread
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fake.h"
#include "shard.h"

extern struct mallochooks_option HOOK_IDENT(options)[];
enum { REPORT, FILE_PATH };

#define MALLOC(size)		HOOK_IDENT(malloc)(size, 1)
#define CALLOC(n, size)		HOOK_IDENT(calloc)(n, size, 2)
#define REALLOC(ptr, size)	HOOK_IDENT(realloc)(ptr, size, 3)
#define MEMALIGN(align, size)	HOOK_IDENT(memalign)(align, size, 4)
#define FREE(ptr)		HOOK_IDENT(free)(ptr, 5)

static void dump(void)
{
	HOOK_IDENT(dump)(2);
}

#define TOTALS(calls, bytes, failed) \
	HEAR(dump, "mallochooks: count: " #calls " allocations, " #bytes \
	     " bytes requested, " #failed " failed\n")
#define PART_OF_TOTALS(calls, bytes, failed) \
	HEAR(dump, "mallochooks: count: " #calls " allocations, " #bytes \
	     " bytes requested, " #failed " failed, while it was on\n")

static void every_operation_goes_down_unchanged(void)
{
	void *p, *q;

	HOOK_IDENT(init)();
	p = MALLOC(100);
	CHECK(CALLOC(3, 7));
	p = REALLOC(p, 300);
	q = MEMALIGN(256, 40);
	CHECK((uintptr_t)q % 256 == 0);
	FREE(p);
	CHECK(HOOK_IDENT(malloc_usable_size)(q) == 48);
	CHECK(!REALLOC(q, 0));
	EXPECT("next malloc 100 c1 = p0; next calloc 3 7 c2 = p1; "
	       "next realloc p0 300 c3 = p2; next memalign 256 40 c4 = p3; "
	       "next free p2 c5; next usable p3; next realloc p3 0 c3 = NULL");
	TOTALS(4, 461, 0);
}

static void births_and_their_bytes_are_counted(void)
{
	void *p;

	HOOK_IDENT(init)();
	TOTALS(0, 0, 0);
	p = MALLOC(0);
	TOTALS(1, 0, 0);
	p = REALLOC(p, 10);
	TOTALS(2, 10, 0);
	p = REALLOC(NULL, 5);
	TOTALS(3, 15, 0);
	FREE(p);
	TOTALS(3, 15, 0);
	CALLOC(0, 1000);
	TOTALS(4, 15, 0);
	CALLOC(10, 1000);
	TOTALS(5, 10015, 0);
}

/* A realloc to 0 that gives NULL is a free; one that gives a chunk a birth. */
static void realloc_to_zero_is_what_the_library_says(void)
{
	void *p;

	HOOK_IDENT(init)();
	fake.realloc_zero = FAKE_FREES;
	CHECK(!REALLOC(MALLOC(8), 0));
	TOTALS(1, 8, 0);
	fake.realloc_zero = FAKE_GIVES;
	p = REALLOC(MALLOC(8), 0);
	CHECK(p);
	TOTALS(3, 16, 0);
	fake.realloc_zero = FAKE_KEEPS;
	CHECK(!REALLOC(p, 0));
	TOTALS(3, 16, 0);
	fake.error = ENOMEM;
	CHECK(!REALLOC(NULL, 0));
	TOTALS(3, 16, 1);
}

static void failures_are_counted_apart(void)
{
	void *p;

	HOOK_IDENT(init)();
	p = MALLOC(1);
	errno = 0;
	fake.error = ENOMEM;
	CHECK(!MALLOC(10) && errno == ENOMEM);
	TOTALS(1, 1, 1);
	errno = 0;
	fake.error = EAGAIN;
	CHECK(!CALLOC(1, 10) && errno == EAGAIN);
	fake.error = ENOMEM;
	CHECK(!MEMALIGN(64, 10));
	fake.error = ENOMEM;
	CHECK(!REALLOC(p, 10));
	fake.error = ENOMEM;
	CHECK(!REALLOC(NULL, 10));
	TOTALS(1, 1, 5);
	FREE(p);
	TOTALS(1, 1, 5);
}

static void errno_is_the_next_ones(void)
{
	HOOK_IDENT(init)();
	errno = 4242;
	FREE(REALLOC(CALLOC(1, MEMALIGN(16, 1) != NULL), 8));
	MALLOC(1);
	CHECK(errno == 4242);
	fake.leaves_errno = 55;
	MALLOC(1);
	CHECK(errno == 55);
}

/* Before the constructor nothing but the shared line may be touched. */
static void early_calls_are_kept(void)
{
	MH_PHASE.word = MH_PHASE_BOOT;
	fake.wake_fails = 1;
	MALLOC(100);
	fake.error = ENOMEM;
	CALLOC(1, 1);
	REALLOC(NULL, 11);
	TOTALS(2, 111, 1);
	HOOK_IDENT(init)();
	TOTALS(2, 111, 1);
	MALLOC(1000);		/* still before the start of the stack */
	TOTALS(3, 1111, 1);
	MH_PHASE.word = MH_PHASE_LIVE;
	MALLOC(10000);
	TOTALS(4, 11111, 1);
}

enum { THREADS = 8, FAILERS = 4, ROUNDS = 200000 };
static pthread_barrier_t together;
static int with_chunks = 1;

/* The fake next is for one thread only; this is for what does not enter it. */
static void *fail_often(void *arg)
{
	int i;

	pthread_barrier_wait(&together);
	for (i = 0; i < ROUNDS; i++)
		with_chunks += HOOK_IDENT(realloc)(NULL, SIZE_MAX, 0) != NULL;
	return arg;
}

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *allocate_in_turn(void *arg)
{
	int i;

	for (i = 0; i < 10; i++) {
		pthread_mutex_lock(&turn);
		MALLOC((size_t)arg);
		journal_clear();
		pthread_mutex_unlock(&turn);
	}
	return arg;
}

static void allocate_in_threads(void)
{
	pthread_t threads[THREADS];
	size_t i;

	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, allocate_in_turn,
				      (void *)i));
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

static void threads_are_summed_up(void)
{
	HOOK_IDENT(init)();
	allocate_in_threads();
	TOTALS(80, 280, 0);
}

/* ---- the file ---------------------------------------------------------------- */

static char path[300];
static int file = -1;

static const char *temporary(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/test_count.XXXXXX", tmp ? tmp : "/tmp");
	file = mkstemp(path);
	CHECK(file >= 0);
	return path;
}

static void make_file(uint32_t limit)
{
	const struct mh_shards_header header = {
		.magic = MH_SHARDS_MAGIC, .version = MH_SHARDS_VERSION,
		.stride = 64, .limit = limit, .used = 1,
	};

	temporary();
	CHECK(write(file, &header, sizeof(header)) == sizeof(header));
	CHECK(!ftruncate(file, (off_t)limit * 64));
	strcpy(HOOK_IDENT(options)[FILE_PATH].str, path);
	HOOK_IDENT(init)();
	unlink(path);
	EXPECT("");
}

/* What the file says of process @pid. */
static void file_totals(uint32_t pid, uint64_t *totals)
{
	uint64_t shard[8];
	uint32_t nr;
	int i;

	memset(totals, 0, 3 * sizeof(*totals));
	for (nr = 1; pread(file, shard, 64, (off_t)nr * 64) == 64; nr++)
		if ((uint32_t)shard[1] == pid)
			for (i = 0; i < 3; i++)
				totals[i] += shard[2 + i];
}

static void the_file_has_the_totals(void)
{
	uint64_t totals[3];

	make_file(16);
	MALLOC(7);
	MALLOC(8);
	fake.error = ENOMEM;
	MALLOC(9);
	file_totals((uint32_t)getpid(), totals);
	CHECK(totals[0] == 2 && totals[1] == 15 && totals[2] == 1);
	TOTALS(2, 15, 1);
}

/* Header, common line and two more: the other threads share one, exactly. */
static void threads_beyond_the_limit_share_a_line(void)
{
	pthread_t threads[FAILERS];
	uint64_t totals[3];
	int i;

	make_file(4);
	MALLOC(1000);
	allocate_in_threads();
	TOTALS(81, 1280, 0);
	fake.quiet = 1;
	pthread_barrier_init(&together, NULL, FAILERS);
	for (i = 0; i < FAILERS; i++)
		CHECK(!pthread_create(&threads[i], NULL, fail_often, NULL));
	for (i = 0; i < FAILERS; i++)
		CHECK(!pthread_join(threads[i], NULL));
	CHECK(with_chunks == 1);
	file_totals((uint32_t)getpid(), totals);
	CHECK(totals[0] == 81 && totals[1] == 1280 && totals[2] == FAILERS * ROUNDS);
}

static void a_bad_file_is_said_and_left(void)
{
	static const char other[] = "somebody's data";
	char back[64] = "";

	temporary();
	CHECK(write(file, other, sizeof(other)) == sizeof(other));
	CHECK(!ftruncate(file, 4096));
	strcpy(HOOK_IDENT(options)[FILE_PATH].str, path);
	HOOK_IDENT(init)();
	unlink(path);
	EXPECT("say count: count.file cannot be used (no access, or not "
	       "made by \"mallochooks run\"): totals stay private");
	MALLOC(5);
	TOTALS(1, 5, 0);
	CHECK(pread(file, back, sizeof(back), 0) > 0);
	CHECK(!strcmp(back, other));
}

/* ---- fork -------------------------------------------------------------------- */

/* What the runtime does in the first call of a child. */
static void become_child(void)
{
	MH_PHASE.word = MH_PHASE_BOOT;
	fake.on_wake = HOOK_IDENT(fork);
}

static void allocate_in_child(void)
{
	become_child();
	TOTALS(0, 0, 0);	/* also before its first call */
	MALLOC(50);
	fake.error = ENOMEM;
	MALLOC(60);
	TOTALS(1, 50, 1);
}

static void a_child_counts_its_own(void)
{
	HOOK_IDENT(init)();
	MALLOC(7);
	CHILD(allocate_in_child);
	TOTALS(1, 7, 0);
}

static void a_childs_totals_stay_in_the_file(void)
{
	uint64_t totals[3];
	int status;
	pid_t pid;

	make_file(16);
	MALLOC(7);
	pid = fork();
	if (!pid) {
		become_child();
		MALLOC(50);
		REALLOC(NULL, 60);
		kill(getpid(), SIGKILL);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	file_totals((uint32_t)pid, totals);
	CHECK(totals[0] == 2 && totals[1] == 110 && totals[2] == 0);
	file_totals((uint32_t)getpid(), totals);
	CHECK(totals[0] == 1 && totals[1] == 7);
}

static void pause_or_go_on(unsigned char pause)
{
	*mh_phase_byte(&MH_PHASE, MH_BYTE_PAUSED) = pause;
	HOOK_IDENT(changed)();
}

/* What is missing is said, until it starts from zero again. */
static void totals_tell_that_it_was_off(void)
{
	HOOK_IDENT(init)();
	HOOK_IDENT(live)();
	MALLOC(7);
	TOTALS(1, 7, 0);
	pause_or_go_on(1);
	MALLOC(8);
	PART_OF_TOTALS(1, 7, 0);
	pause_or_go_on(0);
	MALLOC(9);
	PART_OF_TOTALS(2, 16, 0);
	HOOK_IDENT(reset)();
	TOTALS(0, 0, 0);
	pause_or_go_on(1);
	HOOK_IDENT(reset)();
	MALLOC(8);
	PART_OF_TOTALS(0, 0, 0);
	HOOK_IDENT(fork)();
	PART_OF_TOTALS(0, 0, 0);
	pause_or_go_on(0);
	HOOK_IDENT(fork)();
	TOTALS(0, 0, 0);
}

static void it_may_start_off(void)
{
	HOOK_IDENT(init)();
	*mh_phase_byte(&MH_PHASE, MH_BYTE_PAUSED) = 1;
	HOOK_IDENT(live)();
	PART_OF_TOTALS(0, 0, 0);
}

/* ---- options ----------------------------------------------------------------- */

static void run_and_end(void)
{
	HOOK_IDENT(init)();
	MALLOC(9);
	HOOK_IDENT(fini)();
}

static void the_report_is_optional(void)
{
	CHECK(!strcmp(HOOK_IDENT(options)[REPORT].name, "report"));
	CHECK(!strcmp(HOOK_IDENT(options)[FILE_PATH].name, "file"));
	CHECK(HOOK_IDENT(options)[REPORT].builtin ==
	      IS_ENABLED(CONFIG_COUNT_REPORT));
	CHECK(!HOOK_IDENT(options)[2].size);
	HOOK_OPTION(REPORT).num = 0;
	HEAR(run_and_end, "");
	MALLOC(1);		/* behind fini there are calls too */
	TOTALS(2, 10, 0);
}

static void the_report_is_one_line(void)
{
	HOOK_OPTION(REPORT).num = 1;
	HEAR(run_and_end, "mallochooks: count: 1 allocations, 9 bytes "
	     "requested, 0 failed\n");
	MALLOC(1);
	TOTALS(2, 10, 0);
}

static void run_close_and_end(void)
{
	HOOK_IDENT(init)();
	MALLOC(9);
	close(2);
	HOOK_IDENT(fini)();
}

static void the_report_survives_a_closed_stderr(void)
{
	HOOK_OPTION(REPORT).num = 1;
	HEAR(run_close_and_end, "mallochooks: count: 1 allocations, 9 bytes "
	     "requested, 0 failed\n");
}

static void run_without_stderr(void)
{
	close(2);
	run_and_end();
}

static void no_stderr_is_said(void)
{
	HOOK_OPTION(REPORT).num = 1;
	HEAR(run_without_stderr, "");
	EXPECT("say count: descriptor 2 is not open: no report; "
	       "next malloc 9 c1 = p0");
}

/* The layer only looks; so the composer passes on the operation it lacks. */
extern const char HOOK_IDENT(observing);
HOOK_PASS(zeroed)

static void it_says_that_it_observes(void)
{
	CHECK(HOOK_IDENT(observing) == 1);
	fake.zeroed = 7;
	CHECK(HOOK_IDENT(zeroed)(&fake, 30) == 7);
	EXPECT("next zeroed stranger 30");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BODY(every_operation_goes_down_unchanged),
		BODY(births_and_their_bytes_are_counted),
		BODY(realloc_to_zero_is_what_the_library_says),
		BODY(failures_are_counted_apart),
		BODY(errno_is_the_next_ones),
		BODY(early_calls_are_kept),
		BODY(threads_are_summed_up),
		BODY(the_file_has_the_totals),
		BODY(threads_beyond_the_limit_share_a_line),
		BODY(a_bad_file_is_said_and_left),
		BODY(a_child_counts_its_own),
		BODY(a_childs_totals_stay_in_the_file),
		BODY(totals_tell_that_it_was_off),
		BODY(it_may_start_off),
		BODY(the_report_is_optional),
		BODY(the_report_is_one_line),
		BODY(the_report_survives_a_closed_stderr),
		BODY(no_stderr_is_said),
		BODY(it_says_that_it_observes),
		cmocka_unit_test(fake_assert_every_op_was_seen),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
