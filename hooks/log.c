// SPDX-License-Identifier: MIT
/*
 * log - one line an operation, for people
 *
 *	mallochooks: log: 41/42 malloc size=100 ptr=0x55d0c0 caller=0x7f12
 *
 * The numbers are process and thread.  A death is written before the call and
 * a birth after it, so that the lines of two threads that hand an address to
 * each other stand in the right order; a realloc has a line for either.  Each
 * line is one write(2); it costs a few microseconds.
 *
 * A program that forbids itself fstat(2) or rt_sigprocmask(2) by seccomp cannot
 * be logged.
 */
#include <mallochooks/layer.h>
#include "caller.h"
#include "frame.h"
#include "syscall.h"
#include "thread.h"

#define MAX_DEPTH	32
#define OWN_FRAMES	16	/* of ours between the walk and the entry */
#define USER_BITS	48	/* of an address, on both architectures */
#define PAGE_BYTES	4096	/* smallest there is */
#define KERNEL_SIGSET_BYTES 8	/* _NSIG / 8: both architectures have 64 */

enum {
	FD,
	MIN_BYTES,
#ifdef CONFIG_CALLER_FRAMES
	DEPTH,
#endif
};

HOOK_OPTIONS(
	[FD] = MH_OPT_INT("fd", CONFIG_LOG_FD, 0, 1023, "descriptor", 0,
			  "where the lines go"),
	[MIN_BYTES] = MH_OPT_SIZE("min_bytes", CONFIG_LOG_MIN_BYTES, 0,
				  1073741824, MALLOCHOOKS_LIVE,
				  "smaller allocations are not written"),
#ifdef CONFIG_CALLER_FRAMES
	[DEPTH] = MH_OPT_INT("depth", CONFIG_LOG_DEPTH, 0, MAX_DEPTH, "frames",
			     MALLOCHOOKS_LIVE, "callers above the caller, by frame pointer"),
#endif
)

HOOK_OBSERVING

static struct mh_output output = { .fd = -1 };
static int pid;
static MH_TLS int tid;		/* of this thread, 0 when not asked yet */

static void put(struct mh_line *line, const char *name, uint64_t value)
{
	mh_line_str(line, " ");
	mh_line_str(line, name);
	mh_line_str(line, "=");
	mh_line_dec(line, value);
}

static void put_address(struct mh_line *line, const char *name, uintptr_t value)
{
	mh_line_str(line, " ");
	mh_line_str(line, name);
	mh_line_str(line, "=");
	mh_line_hex(line, value);
}

/* Starts a line; Return: 0 when none is wanted. */
static int begin(struct mh_line *line, const char *operation)
{
	if (!MH_LIVE() || MH_PAUSED() || output.fd < 0)
		return 0;
	if (!tid)
		tid = (int)mh_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	mh_line_start(line);
	mh_line_str(line, "mallochooks: log: ");
	mh_line_int(line, pid);
	mh_line_str(line, "/");
	mh_line_int(line, tid);
	mh_line_str(line, " ");
	mh_line_str(line, operation);
	return 1;
}

/*
 * The walk starts in our own frames, which were compiled with frame pointers;
 * what lies above the caller is the program's.  A program's function without
 * them leaves anything in that register: an address that user space cannot
 * have ends the list.
 */
#ifdef CONFIG_CALLER_FRAMES
extern void *__libc_stack_end __attribute__((weak));

/* End of the calling thread's stack: the thread pointer lies just above it. */
static uintptr_t stack_end(uintptr_t at)
{
	uintptr_t main_end = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
	uintptr_t own_end = mh_thread_pointer();

	if (own_end > at && (main_end <= at || own_end < main_end))
		return own_end;
	return main_end > at ? main_end : at;
}

/*
 * The stack of a coroutine, or of a signal, ends sooner, and above it not all
 * need be mapped.  The kernel reads the set before it refuses the "how".
 */
static int readable(uintptr_t at, uintptr_t *page)
{
	if (at / PAGE_BYTES == *page)
		return 1;
	*page = at / PAGE_BYTES;
	return mh_syscall(SYS_rt_sigprocmask, -1, (long)(at & ~7ul), 0,
			  KERNEL_SIGSET_BYTES, 0, 0) == -EINVAL;
}

static void put_frames(struct mh_line *line, caller_t caller)
{
	uintptr_t own = (uintptr_t)__builtin_frame_address(0);
	uintptr_t at = own, page = own / PAGE_BYTES, end = stack_end(own);
	size_t max = (size_t)HOOK_OPTION(DEPTH).num;
	int nr_own = 0, above = 0;
	uintptr_t ret, next;

	/* from our frame up; the stack pointer may be read before it is made */
	while (max && readable(at, &page) &&
	       readable(at + 2 * sizeof(at) - 1, &page) &&
	       mh_frame_walk((void *)at, own, end, &ret, 1)) {
		if (above ? ret >> USER_BITS : nr_own++ == OWN_FRAMES)
			return;
		if (above) {
			put_address(line, "frame", ret);
			max--;
		}
		above |= ret == caller;
		next = *(const uintptr_t *)at;
		if (next <= at)
			return;
		at = next;
	}
}
#else
static void put_frames(struct mh_line *line, caller_t caller)
{
	(void)line;
	(void)caller;
}
#endif

static void end(struct mh_line *line, caller_t caller)
{
	put_address(line, "caller", caller);
	put_frames(line, caller);
	/* closed, reused, full: stop, and let the program be */
	if (mh_output_fd(&output) >= 0 && mh_line_write(line, output.fd))
		output.fd = -1;
}

static void birth(const char *operation, void *ptr, size_t size,
		  size_t alignment, caller_t caller)
{
	struct mh_line line;

	if (size < (uint64_t)HOOK_OPTION(MIN_BYTES).num ||
	    !begin(&line, operation))
		return;
	put(&line, "size", size);
	if (alignment)
		put(&line, "alignment", alignment);
	put_address(&line, "ptr", (uintptr_t)ptr);
	end(&line, caller);
}

static void death(const char *operation, void *ptr, caller_t caller)
{
	struct mh_line line;

	if (HOOK_OPTION(MIN_BYTES).num || !begin(&line, operation))
		return;
	put_address(&line, "ptr", (uintptr_t)ptr);
	end(&line, caller);
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	void *ptr = NEXT_IDENT(malloc)(size, caller);

	birth("malloc", ptr, size, 0, caller);
	return ptr;
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	void *ptr = NEXT_IDENT(calloc)(n, size, caller);

	birth("calloc", ptr, n * size, 0, caller);
	return ptr;
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	void *ptr = NEXT_IDENT(memalign)(alignment, size, caller);

	birth("memalign", ptr, size, alignment, caller);
	return ptr;
}

void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	void *ptr;

	if (old)
		death("realloc-old", old, caller);
	ptr = NEXT_IDENT(realloc)(old, size, caller);
	birth("realloc-new", ptr, size, 0, caller);
	return ptr;
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	death("free", ptr, caller);
	NEXT_IDENT(free)(ptr, caller);
}

HOOK_PASS(malloc_usable_size)

void HOOK_IDENT(init)(void)
{
	pid = (int)mh_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	if (mh_output_open(&output, (int)HOOK_OPTION(FD).num))
		mh_say("log", "descriptor log.fd is not open: nothing is "
		       "logged");
}

void HOOK_IDENT(fork)(void)
{
	pid = (int)mh_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	tid = 0;
}
