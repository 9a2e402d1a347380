// SPDX-License-Identifier: MIT
/*
 * count - count allocations and the bytes that they asked for
 *
 * The smallest layer that does something: copy this file to write your own.
 * Counts births: malloc, calloc, memalign, and realloc with its new size; a
 * failure is counted apart, a free is not counted at all (it would cost as
 * much again).  Each thread adds to a cache line of its own, without atomics;
 * calls before the constructor, and threads beyond the limit, add atomically
 * to one shared line.  In a file that "mallochooks run" made, the lines
 * survive however the process ends; they go on through a core.reset, which only
 * the layer's own lines start anew after.
 */
#include <mallochooks/layer.h>

#define MAX_THREADS	4096	/* private lines; 64 bytes each, taken as used */

/* One cache line a thread. */
struct totals {
	struct mh_shard shard;
	uint64_t calls;		/* successful allocations */
	uint64_t bytes;		/* that these asked for */
	uint64_t failed;	/* allocations that returned NULL */
	char ident[24];		/* of the stack, cut off, or with a zero */
};
_Static_assert(sizeof(struct totals) == 64, "one cache line");

enum { REPORT, FILE_PATH };

static char path[MALLOCHOOKS_STRING_BYTES];

HOOK_OPTIONS(
	[REPORT] = MH_OPT_BOOL("report", IS_ENABLED(CONFIG_COUNT_REPORT), 0,
			       "one line with the totals at exit"),
	[FILE_PATH] = MH_OPT_STRING("file", path, 0,
				    "totals file, made by mallochooks run"),
)

HOOK_OBSERVING

static MH_TLS struct totals *mine;
static MH_TLS int without;	/* all lines were taken: do not ask again */
static struct mh_shards threads;
static struct mh_output report;
static struct totals early;	/* what came before there were shards */
static struct totals *common;	/* the shared line; NULL: early is */
static struct totals zero;	/* what there was when we began anew */
static int off;			/* count.on or core.record says so */
static int partly;		/* since then it was, for a time */

/* In a file, lines of all stacks of a process lie side by side. */
static void sign(struct totals *line)
{
	const size_t bytes = sizeof(CONFIG_IDENT);

	if (line)
		__builtin_memcpy(line->ident, CONFIG_IDENT,
				 bytes < sizeof(line->ident) ?
				 bytes : sizeof(line->ident));
}

static __attribute__((noinline, cold)) void *count_slow(void *ptr, size_t size)
{
	const int live = MH_LIVE();
	struct totals *shared;

	if (live && MH_PAUSED())
		return ptr;
	if (ptr && live) {
		if (!mine && !without) {
			mine = mh_shard_claim(&threads);
			without = !mine;
			sign(mine);
		}
		if (mine) {
			mine->calls++;
			mine->bytes += size;
			return ptr;
		}
	}
	shared = common ? common : &early;
	if (ptr) {
		__atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&shared->bytes, size, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&shared->failed, 1, __ATOMIC_RELAXED);
	}
	return ptr;
}

/* What is not usual is a call at the very end, so that nothing is kept for it. */
static inline void *count(void *ptr, size_t size)
{
	if (likely(ptr) && likely(MH_PHASE.word == MH_PHASE_LIVE) &&
	    likely(mine)) {
		mine->calls++;
		mine->bytes += size;
		return ptr;
	}
	return count_slow(ptr, size);
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	return count(NEXT_IDENT(malloc)(size, caller), size);
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	return count(NEXT_IDENT(calloc)(n, size, caller), n * size);
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	return count(NEXT_IDENT(memalign)(alignment, size, caller), size);
}

/* realloc(ptr, 0) is a free wherever it returns NULL: not counted then. */
void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	void *ptr = NEXT_IDENT(realloc)(old, size, caller);

	return ptr || size || !old ? count(ptr, size) : NULL;
}

HOOK_PASS(free)
HOOK_PASS(malloc_usable_size)

/* Calls that were counted early move into the line that is shared from now. */
static void share(void)
{
	common = mh_shard_common(&threads);
	sign(common);
	if (!common)
		return;
	common->calls += early.calls;
	common->bytes += early.bytes;
	common->failed += early.failed;
	early = (struct totals){ .calls = 0 };
}

/* A file that is gone belonged to a run that has ended before its children. */
void HOOK_IDENT(init)(void)
{
	int error = 0;

	if (path[0])
		error = mh_shards_open(&threads, path, sizeof(struct totals));
	if (error && error != -ENOENT)
		mh_say("count", "count.file cannot be used (no access, or not "
		       "made by \"mallochooks run\"): totals stay private");
	if (!threads.base &&
	    mh_shards_init(&threads, sizeof(struct totals), MAX_THREADS))
		mh_say("count", "no memory for per-thread totals: all threads "
		       "share one line");
	share();
	if (HOOK_OPTION(REPORT).num && mh_output_open(&report, 2))
		mh_say("count", "descriptor 2 is not open: no report");
}

void HOOK_IDENT(changed)(void)
{
	off = !HOOK_IS_ON || MH_PAUSED();
	partly |= off;
}

void HOOK_IDENT(live)(void)
{
	HOOK_IDENT(changed)();
}

void HOOK_IDENT(fork)(void)
{
	mine = NULL;
	without = 0;
	partly = off;
	zero = early = (struct totals){ .calls = 0 };
	mh_shards_fork(&threads);
	share();
}

static void sum_up(struct totals *sum)
{
	const struct totals *each = NULL;

	*sum = early;
	while ((each = mh_shard_next(&threads, each))) {
		sum->calls += each->calls;
		sum->bytes += each->bytes;
		sum->failed += each->failed;
	}
}

/* The lines belong to their threads, which would not see them changed. */
void HOOK_IDENT(reset)(void)
{
	sum_up(&zero);
	partly = off;
}

void HOOK_IDENT(dump)(int fd)
{
	struct mh_line line;
	struct totals sum;

	(void)MH_LIVE();	/* a child that never allocated starts at zero */
	sum_up(&sum);
	mh_line_start(&line);
	mh_line_str(&line, "mallochooks: ");
	/* as in the name of its option: a description makes several */
	if (__builtin_strcmp(CONFIG_IDENT, "libc"))
		mh_line_str(&line, CONFIG_IDENT ":");
	mh_line_str(&line, "count: ");
	mh_line_dec(&line, sum.calls - zero.calls);
	mh_line_str(&line, " allocations, ");
	mh_line_dec(&line, sum.bytes - zero.bytes);
	mh_line_str(&line, " bytes requested, ");
	mh_line_dec(&line, sum.failed - zero.failed);
	mh_line_str(&line, " failed");
	if (partly)
		mh_line_str(&line, ", while it was on");
	mh_line_write(&line, fd);
}

void HOOK_IDENT(fini)(void)
{
	if (HOOK_OPTION(REPORT).num && mh_output_fd(&report) >= 0)
		HOOK_IDENT(dump)(report.fd);
}
