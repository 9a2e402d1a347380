// SPDX-License-Identifier: MIT
/*
 * test_shard - state of threads: one each, found again, bounded, shared in files
 *
 * test-sources: index/arena.c index/shard.c
 * test-flags: -pthread
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <mallochooks/runtime.h>
#include "shard.h"

/* What a layer would have. */
struct tally {
	struct mh_shard shard;
	uint64_t count;
	uint64_t spare[5];
};

static unsigned int nr_in_list(const struct mh_shards *shards, uint64_t *sum)
{
	const struct tally *each = NULL;
	unsigned int nr = 0;

	if (sum)
		*sum = 0;
	while ((each = mh_shard_next(shards, each))) {
		nr++;
		if (sum)
			*sum += each->count;
		assert_int_equal(each->shard.pid, shards->pid);
	}
	return nr;
}

/* ---- one process ---------------------------------------------------------- */

static void a_thread_finds_its_own_again(void **state)
{
	struct mh_shards shards = { .base = NULL };
	struct tally *mine;

	(void)state;
	assert_null(mh_shard_claim(&shards));	/* not set up */
	assert_null(mh_shard_common(&shards));
	assert_null(mh_shard_next(&shards, NULL));
	assert_int_equal(mh_shards_init(&shards, sizeof(struct tally), 8), 0);
	assert_int_equal(shards.pid, getpid());
	mine = mh_shard_claim(&shards);
	assert_non_null(mine);
	assert_int_equal((uintptr_t)mine % 64, 0);
	assert_int_equal(mine->count, 0);
	assert_int_equal(mine->shard.pid, getpid());
	assert_ptr_equal(mh_shard_claim(&shards), mine);
	assert_int_equal(*shards.used, 2);	/* header and mine */
	assert_int_equal(nr_in_list(&shards, NULL), 1);
}

static void the_common_shard_is_nobodys(void **state)
{
	struct mh_shards shards = { .base = NULL };
	struct tally *common, *mine;

	(void)state;
	assert_int_equal(mh_shards_init(&shards, sizeof(struct tally), 8), 0);
	common = mh_shard_common(&shards);
	mine = mh_shard_claim(&shards);
	assert_non_null(common);
	assert_non_null(mine);
	assert_ptr_not_equal(common, mine);
	assert_ptr_not_equal(mh_shard_common(&shards), common);
	assert_int_equal(nr_in_list(&shards, NULL), 3);
}

enum { THREADS = 8, ROUNDS = 2000 };
static struct mh_shards threads_shards;
static struct tally *claimed[THREADS];
static pthread_barrier_t together;

static void *tally_alive(void *arg)
{
	size_t nr = (size_t)arg, i;

	pthread_barrier_wait(&together);
	claimed[nr] = mh_shard_claim(&threads_shards);
	for (i = 0; i < ROUNDS && claimed[nr]; i++) {
		struct tally *again = mh_shard_claim(&threads_shards);

		if (again != claimed[nr])
			return again;
		again->count++;
	}
	pthread_barrier_wait(&together);	/* nobody's pointer is reused */
	return NULL;
}

static void live_threads_share_nothing(void **state)
{
	pthread_t threads[THREADS];
	uint64_t sum;
	void *wrong;
	size_t i, j;

	(void)state;
	assert_int_equal(mh_shards_init(&threads_shards, sizeof(struct tally),
					64), 0);
	pthread_barrier_init(&together, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, tally_alive,
						(void *)i), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	for (i = 0; i < THREADS; i++) {
		assert_non_null(claimed[i]);
		assert_int_equal(claimed[i]->count, ROUNDS);
		for (j = 0; j < i; j++)
			assert_ptr_not_equal(claimed[i], claimed[j]);
	}
	assert_int_equal(nr_in_list(&threads_shards, &sum), THREADS);
	assert_int_equal(sum, THREADS * ROUNDS);
}

static struct mh_shards short_shards;

static void *tally_once(void *arg)
{
	struct tally *mine = mh_shard_claim(&short_shards);

	if (mine)
		mine->count++;
	return mine ? arg : NULL;
}

/* A dead thread's shard goes to the next one with its thread pointer. */
static void many_short_threads_need_few_shards(void **state)
{
	const int nr = 40000;
	pthread_t two[2];
	uint64_t sum;
	void *good;
	int i;

	(void)state;
	assert_int_equal(mh_shards_init(&short_shards, sizeof(struct tally),
					64), 0);
	for (i = 0; i < nr; i += 2) {
		assert_int_equal(pthread_create(&two[0], NULL, tally_once,
						two), 0);
		assert_int_equal(pthread_create(&two[1], NULL, tally_once,
						two), 0);
		assert_int_equal(pthread_join(two[0], &good), 0);
		assert_non_null(good);
		assert_int_equal(pthread_join(two[1], &good), 0);
		assert_non_null(good);
	}
	assert_in_range(nr_in_list(&short_shards, &sum), 1, 16);
	assert_int_equal(sum, nr);
}

static struct mh_shards tight_shards;
static int nr_refused;

static void *tally_if_room(void *arg)
{
	struct tally *mine = mh_shard_claim(&tight_shards);

	(void)arg;
	if (!mine)
		__atomic_fetch_add(&nr_refused, 1, __ATOMIC_RELAXED);
	else if (mh_shard_claim(&tight_shards) == mine)
		mine->count++;
	pthread_barrier_wait(&together);
	return NULL;
}

static void the_limit_is_kept_and_excess_counted(void **state)
{
	pthread_t threads[THREADS];
	unsigned char *behind;
	uint64_t sum;
	size_t i;

	(void)state;
	/* header, common and three threads; what lies behind is watched */
	assert_int_equal(mh_shards_init(&tight_shards, sizeof(struct tally), 5),
			 0);
	behind = mh_arena(64);
	assert_non_null(mh_shard_common(&tight_shards));
	pthread_barrier_init(&together, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						tally_if_room, NULL), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(nr_refused, THREADS - 3);
	assert_int_equal(nr_in_list(&tight_shards, &sum), 4);
	assert_int_equal(sum, 3);
	assert_int_equal(*tight_shards.used, 2 + THREADS);
	for (i = 0; i < 64; i++)
		assert_int_equal(behind[i], 0);
	assert_null(mh_shard_common(&tight_shards));
}

/* However often it is asked, the number does not come round to good ones. */
static void the_number_never_wraps(void **state)
{
	struct mh_shards shards = { .base = NULL };
	int i;

	(void)state;
	assert_int_equal(mh_shards_init(&shards, sizeof(struct tally), 4), 0);
	*shards.used = UINT32_MAX / 2;
	for (i = 0; i < 10; i++)
		assert_null(mh_shard_claim(&shards));
	assert_in_range(*shards.used, UINT32_MAX / 2, UINT32_MAX / 2 + 1);
	*shards.used = UINT32_MAX;
	for (i = 0; i < 10; i++)
		assert_null(mh_shard_claim(&shards));
	assert_int_equal(*shards.used, UINT32_MAX);
}

static void too_many_is_no_memory(void **state)
{
	struct mh_shards shards = { .base = NULL };

	(void)state;
	assert_int_equal(mh_shards_init(&shards, 0x80000000u, UINT32_MAX),
			 -ENOMEM);
	assert_null(shards.base);
	assert_null(mh_shard_claim(&shards));
}

static struct mh_shards signal_shards;
static struct tally *in_handler;

static void claim_in_handler(int signo)
{
	(void)signo;
	in_handler = mh_shard_claim(&signal_shards);
}

static void a_signal_gets_its_threads_shard(void **state)
{
	struct sigaction action = { .sa_handler = claim_in_handler };

	(void)state;
	assert_int_equal(mh_shards_init(&signal_shards, sizeof(struct tally),
					8), 0);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	assert_non_null(in_handler);
	assert_ptr_equal(mh_shard_claim(&signal_shards), in_handler);
}

/* ---- a file --------------------------------------------------------------- */

enum { LIMIT = 16 };
static char dir[256], path[300];

static int make_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/test_shard.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/shards", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static int remove_file(void **state)
{
	(void)state;
	if (rmdir(path))
		unlink(path);
	return 0;
}

static const struct mh_shards_header good_header = {
	.magic = MH_SHARDS_MAGIC, .version = MH_SHARDS_VERSION,
	.stride = sizeof(struct tally), .limit = LIMIT, .used = 1,
};

static void write_file(const struct mh_shards_header *header, off_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	if (bytes >= (off_t)sizeof(*header))
		assert_int_equal(write(fd, header, sizeof(*header)),
				 sizeof(*header));
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

static void write_good_file(void)
{
	write_file(&good_header, LIMIT * sizeof(struct tally));
}

static int nr_open(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int nr = 0;

	while (readdir(fds))
		nr++;
	closedir(fds);
	return nr;
}

static int is_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1000];
	int found = 0;

	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, path) != NULL;
	fclose(maps);
	return found;
}

/* Refused with this answer, and nothing is left behind. */
static void assert_refused(int answer)
{
	struct mh_shards shards = { .base = NULL };
	int before = nr_open();

	assert_int_equal(mh_shards_open(&shards, path, sizeof(struct tally)),
			 answer);
	assert_null(shards.base);
	assert_null(mh_shard_claim(&shards));
	assert_int_equal(nr_open(), before);
	assert_false(is_mapped());
}

static void assert_header_refused(struct mh_shards_header header)
{
	write_file(&header, LIMIT * sizeof(struct tally));
	assert_refused(-EINVAL);
}

static void a_good_file_is_used(void **state)
{
	struct mh_shards shards = { .base = NULL };
	struct tally *mine, *common, in_file;
	struct mh_shards_header header;
	int fd, before = nr_open();

	(void)state;
	write_good_file();
	assert_int_equal(mh_shards_open(&shards, path, sizeof(struct tally)),
			 0);
	assert_int_equal(nr_open(), before);
	assert_int_equal(shards.limit, LIMIT);
	common = mh_shard_common(&shards);
	mine = mh_shard_claim(&shards);
	assert_non_null(common);
	assert_non_null(mine);
	mine->count = 7;
	fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(header.used, 3);
	assert_int_equal(pread(fd, &in_file, sizeof(in_file), 2 * 64), 64);
	assert_int_equal(in_file.count, 7);
	assert_int_equal(in_file.shard.pid, getpid());
	close(fd);
	munmap(shards.base, LIMIT * sizeof(struct tally));
}

static void a_wrong_header_is_refused(void **state)
{
	struct mh_shards_header header = good_header;

	(void)state;
	header.magic++;
	assert_header_refused(header);
	header = good_header;
	header.magic = 0;
	assert_header_refused(header);
	header = good_header;
	header.version = MH_SHARDS_VERSION + 1;
	assert_header_refused(header);
	header = good_header;
	header.version = 0;
	assert_header_refused(header);
	header = good_header;
	header.stride = 128;		/* another layer's, or a later one's */
	assert_header_refused(header);
	header.stride = 0;
	assert_header_refused(header);
	header = good_header;
	header.limit = 0;
	assert_header_refused(header);
	header.limit = 1;		/* the header alone */
	assert_header_refused(header);
	header.limit = LIMIT + 1;	/* behind the end of the file */
	assert_header_refused(header);
	header.limit = UINT32_MAX;
	assert_header_refused(header);
	header.limit = 0x04000001;	/* times 64 is 64, in 32 bits */
	assert_header_refused(header);
	header = good_header;
	header.used = 0;		/* the first claim would take the header */
	assert_header_refused(header);
}

static void a_short_file_is_refused(void **state)
{
	static const off_t sizes[] = { 0, 1, 63, 64, 65, 127, 128, 1023 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		write_file(&good_header, sizes[i]);
		assert_refused(-EINVAL);
	}
}

static void a_missing_file_is_refused(void **state)
{
	(void)state;
	assert_refused(-ENOENT);
}

static void a_symlink_is_refused(void **state)
{
	char target[310];

	(void)state;
	write_good_file();
	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_refused(-ELOOP);
	assert_int_equal(unlink(target), 0);
	assert_refused(-ELOOP);		/* a dangling one: nothing is made */
	assert_int_equal(access(target, F_OK), -1);
}

/* Opening a FIFO must not wait for the other end. */
static void a_fifo_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL);
}

static void a_directory_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(-EISDIR);
}

static void a_device_is_refused(void **state)
{
	struct mh_shards shards = { .base = NULL };

	(void)state;
	assert_int_equal(mh_shards_open(&shards, "/dev/zero",
					sizeof(struct tally)), -EINVAL);
	assert_null(shards.base);
}

/* ---- fork ----------------------------------------------------------------- */

static int reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* A child's lines are its own, in its copy of private shards ... */
static void a_child_starts_with_none(void **state)
{
	struct mh_shards shards = { .base = NULL };
	struct tally *mine, *again;
	pid_t pid;

	(void)state;
	assert_int_equal(mh_shards_init(&shards, sizeof(struct tally), 8), 0);
	mine = mh_shard_claim(&shards);
	mine->count = 5;
	pid = fork();
	if (!pid) {
		mh_shards_fork(&shards);
		if (shards.pid != (uint32_t)getpid())
			_exit(1);
		if (mh_shard_next(&shards, NULL))
			_exit(2);
		again = mh_shard_claim(&shards);
		if (!again || again == mine || again->count)
			_exit(3);
		if (again->shard.pid != (uint32_t)getpid() || again->shard.link)
			_exit(4);
		_exit(mine->count == 5 ? 0 : 5);
	}
	assert_int_equal(reap(pid), 0);
	assert_int_equal(mine->count, 5);
	assert_int_equal(nr_in_list(&shards, NULL), 1);
}

/* ... and in a file that all share; they stay when the child is killed. */
static void children_leave_their_shards_in_the_file(void **state)
{
	enum { CHILDREN = 6 };
	struct mh_shards shards = { .base = NULL };
	struct tally *mine, *each;
	unsigned int i, found = 0;
	pid_t pids[CHILDREN];

	(void)state;
	write_good_file();
	assert_int_equal(mh_shards_open(&shards, path, sizeof(struct tally)),
			 0);
	mine = mh_shard_claim(&shards);
	mine->count = 1000;
	for (i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		mh_shards_fork(&shards);
		mine = mh_shard_claim(&shards);
		if (mine)
			mine->count += 100 + i;
		kill(getpid(), SIGKILL);
	}
	for (i = 0; i < CHILDREN; i++)
		assert_true(WIFSIGNALED(reap(pids[i])));
	assert_int_equal(*shards.used, 2 + CHILDREN);
	assert_int_equal(mine->count, 1000);
	assert_int_equal(nr_in_list(&shards, NULL), 1);
	for (i = 0; i < CHILDREN; i++) {
		unsigned int nr;

		for (nr = 1; nr < *shards.used; nr++) {
			each = (struct tally *)(shards.base + nr * 64);
			if (each->shard.pid == (uint32_t)pids[i])
				found += each->count == 100 + i;
		}
	}
	assert_int_equal(found, CHILDREN);
	munmap(shards.base, LIMIT * sizeof(struct tally));
}

#define FILE_TEST(test)	cmocka_unit_test_teardown(test, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_finds_its_own_again),
		cmocka_unit_test(the_common_shard_is_nobodys),
		cmocka_unit_test(live_threads_share_nothing),
		cmocka_unit_test(many_short_threads_need_few_shards),
		cmocka_unit_test(the_limit_is_kept_and_excess_counted),
		cmocka_unit_test(the_number_never_wraps),
		cmocka_unit_test(too_many_is_no_memory),
		cmocka_unit_test(a_signal_gets_its_threads_shard),
		FILE_TEST(a_good_file_is_used),
		FILE_TEST(a_wrong_header_is_refused),
		FILE_TEST(a_short_file_is_refused),
		FILE_TEST(a_missing_file_is_refused),
		FILE_TEST(a_symlink_is_refused),
		FILE_TEST(a_fifo_is_refused),
		FILE_TEST(a_directory_is_refused),
		FILE_TEST(a_device_is_refused),
		cmocka_unit_test(a_child_starts_with_none),
		FILE_TEST(children_leave_their_shards_in_the_file),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
