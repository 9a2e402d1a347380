// SPDX-License-Identifier: MIT
/*
 * test_arch - who called me, frames, system calls, the thread pointer
 *
 * test-flags: -pthread
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "caller.h"
#include "frame.h"
#include "ifunc.h"
#include "syscall.h"
#include "thread.h"

#define WORD	sizeof(uintptr_t)
#define APART	__attribute__((noinline, noclone))

#ifdef __clang__
#undef APART
#define APART	__attribute__((noinline))
#endif

/* ---- caller capture ------------------------------------------------------- */

static uintptr_t seen, seen_slot;

APART static void callee(void)
{
	const uintptr_t *slot = MH_RETURN_SLOT();

	seen = MH_RETURN_ADDRESS();
	seen_slot = slot ? mh_strip(*slot) : 0;
	__asm__ volatile("");
}

static jmp_buf out;

APART __attribute__((noreturn)) static void callee_that_stays_away(void)
{
	seen = MH_RETURN_ADDRESS();
	longjmp(out, 1);
}

/* Sections of their own give these functions a known beginning and end. */
extern const char __start_at_calls_once[], __stop_at_calls_once[];
extern const char __start_at_calls_last[], __stop_at_calls_last[];

__attribute__((section("at_calls_once"), noinline)) static void calls_once(void)
{
	callee();
	__asm__ volatile("");
}

__attribute__((section("at_calls_last"), noinline, noreturn))
static void calls_last(void)
{
	callee_that_stays_away();
}

static void return_address_lies_behind_the_call(void **state)
{
	(void)state;
	seen = 0;
	calls_once();
	assert_in_range(seen, (uintptr_t)__start_at_calls_once + 1,
			(uintptr_t)__stop_at_calls_once);
	assert_in_range(mh_call_site(seen), (uintptr_t)__start_at_calls_once,
			seen - 1);
#if defined(__x86_64__)
	int32_t distance;

	assert_int_equal(((const unsigned char *)seen)[-5], 0xe8);
	memcpy(&distance, (const char *)seen - 4, sizeof(distance));
	assert_true(seen + (uintptr_t)(intptr_t)distance == (uintptr_t)callee);
#elif defined(__aarch64__)
	uint32_t insn;

	memcpy(&insn, (const char *)seen - 4, sizeof(insn));
	assert_int_equal(insn >> 26, 0x25);	/* bl */
#endif
#if defined(__aarch64__) && !defined(CONFIG_ARCH_GENERIC)
	assert_int_equal(mh_call_site(seen), seen - 4);
#endif
}

/* Behind a call that does not return another function may begin. */
static void call_site_lies_in_the_calling_function(void **state)
{
	(void)state;
	seen = 0;
	if (!setjmp(out))
		calls_last();
	assert_in_range(seen, (uintptr_t)__start_at_calls_last + 1,
			(uintptr_t)__stop_at_calls_last);
	assert_in_range(mh_call_site(seen), (uintptr_t)__start_at_calls_last,
			(uintptr_t)__stop_at_calls_last - 1);
}

static void return_slot_holds_the_return_address(void **state)
{
	(void)state;
	calls_once();
#ifdef CONFIG_ARCH_GENERIC
	assert_int_equal(seen_slot, 0);
#else
	assert_int_equal(seen_slot, seen);
#endif
}

APART static uintptr_t deeper_stack_pointer(void)
{
	volatile char room[256];
	uintptr_t sp;

	room[0] = 0;
	sp = mh_stack_pointer();
	room[255] = room[0];
	return sp;
}

static void stack_pointer_goes_down(void **state)
{
	char here;
	uintptr_t mine = mh_stack_pointer();
	uintptr_t deeper = deeper_stack_pointer();

	(void)state;
	assert_true(deeper < mine);
	assert_in_range(mine, (uintptr_t)&here - 4096, (uintptr_t)&here + 4096);
	assert_in_range(deeper, mine - 4096, mine - 1);
}

static void strip_leaves_plain_addresses(void **state)
{
	(void)state;
	assert_int_equal(mh_strip(0), 0);
	assert_int_equal(mh_strip((uintptr_t)callee), (uintptr_t)callee);
	assert_int_equal(mh_strip((uintptr_t)&seen), (uintptr_t)&seen);
}

#if defined(__aarch64__) && !defined(CONFIG_ARCH_GENERIC)
/* PACIA1716 in the hint space: signs x17 with x16, or does nothing. */
static uintptr_t sign(uintptr_t address, uintptr_t modifier)
{
	register uintptr_t x17 __asm__("x17") = address;
	register uintptr_t x16 __asm__("x16") = modifier;

	__asm__("hint #8" : "+r"(x17) : "r"(x16));
	return x17;
}

static void strip_takes_authentication_off(void **state)
{
	const unsigned long paca = 1ul << 30;	/* HWCAP_PACA */
	uintptr_t frame[2] = { 0, 0 }, got = 0;
	int i, nr_signed = 0;

	(void)state;
	for (i = 0; i < 64; i++) {
		frame[1] = sign((uintptr_t)callee, (uintptr_t)i * 4096);
		nr_signed += frame[1] != (uintptr_t)callee;
		assert_int_equal(mh_strip(frame[1]), (uintptr_t)callee);
		assert_int_equal(mh_frame_walk(frame, (uintptr_t)frame,
					       (uintptr_t)(frame + 2), &got, 1),
				 1);
		assert_int_equal(got, (uintptr_t)callee);
	}
	if (getauxval(AT_HWCAP) & paca)
		assert_true(nr_signed > 0);
}
#endif

/* ---- frames --------------------------------------------------------------- */

/* Two pages; what lies before and behind them can't be read. */
static uintptr_t *walled, *walled_end;

static int build_walls(void **state)
{
	size_t page = (size_t)getpagesize();
	char *at = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	(void)state;
	if (at == MAP_FAILED ||
	    mprotect(at + page, 2 * page, PROT_READ | PROT_WRITE))
		return -1;
	walled = (uintptr_t *)(at + page);
	walled_end = (uintptr_t *)(at + 3 * page);
	return 0;
}

static int clear_walled(void **state)
{
	(void)state;
	memset(walled, 0, (size_t)((char *)walled_end - (char *)walled));
	return 0;
}

/* Return address @nr that the frames below are filled with. */
static uintptr_t address(size_t nr)
{
	return 0x1000 + 16 * nr;
}

static uintptr_t *frame_at(size_t word, size_t up, size_t nr)
{
	walled[word] = up ? (uintptr_t)(walled + up) : 0;
	walled[word + 1] = address(nr);
	return walled + word;
}

/* Walks between two places and counts; what is behind the count is untouched. */
static size_t walk_in(const void *frame, const void *lo, const void *hi,
		      size_t max)
{
	uintptr_t out_there[8];
	size_t i, nr;

	memset(out_there, 0xee, sizeof(out_there));
	nr = mh_frame_walk(frame, (uintptr_t)lo, (uintptr_t)hi, out_there, max);
	assert_true(nr <= max);
	for (i = 0; i < nr; i++)
		assert_int_equal(out_there[i], address(i));
	for (; i < 8; i++)
		assert_int_equal(out_there[i], (uintptr_t)0xeeeeeeeeeeeeeeee);
	return nr;
}

static size_t walk(const void *frame)
{
	return walk_in(frame, walled, walled_end, 8);
}

static void walk_goes_up_to_the_end(void **state)
{
	uintptr_t *first = frame_at(0, 4, 0);

	(void)state;
	frame_at(4, 10, 1);
	frame_at(10, 0, 2);
	assert_int_equal(walk(first), 3);
}

static void walk_keeps_to_the_room(void **state)
{
	uintptr_t *first = frame_at(0, 4, 0);

	(void)state;
	frame_at(4, 10, 1);
	frame_at(10, 0, 2);
	assert_int_equal(walk_in(first, walled, walled_end, 0), 0);
	assert_int_equal(walk_in(first, walled, walled_end, 1), 1);
	assert_int_equal(walk_in(first, walled, walled_end, 2), 2);
	assert_int_equal(walk_in(first, walled, walled_end, 3), 3);
}

static void walk_stops_at_loops(void **state)
{
	(void)state;
	assert_int_equal(walk(frame_at(0, 0, 0)), 1);
	walled[2] = (uintptr_t)(walled + 2);	/* its own next */
	walled[3] = address(0);
	assert_int_equal(walk(walled + 2), 1);
	frame_at(8, 12, 0);			/* 8 -> 12 -> 8 */
	frame_at(12, 8, 1);
	assert_int_equal(walk(walled + 8), 2);
}

static void walk_never_goes_down(void **state)
{
	(void)state;
	frame_at(2, 0, 1);
	assert_int_equal(walk(frame_at(8, 2, 0)), 1);
}

static void walk_stops_at_unaligned_frames(void **state)
{
	size_t off;

	(void)state;
	for (off = 1; off < WORD; off++) {
		frame_at(0, 0, 0);
		walled[0] = (uintptr_t)(walled + 8) + off;
		memset(walled + 8, 0x11, 4 * WORD);
		assert_int_equal(walk(walled), 1);
		assert_int_equal(walk((char *)walled + off), 0);
	}
}

static void walk_stops_where_nobody_returns(void **state)
{
	uintptr_t *first = frame_at(0, 4, 0);

	(void)state;
	frame_at(4, 8, 1);
	walled[5] = 0;
	frame_at(8, 0, 2);
	assert_int_equal(walk(first), 1);
}

/* The walls turn a read outside into a crash. */
static void walk_reads_the_last_frame_and_nothing_behind(void **state)
{
	size_t nr = (size_t)(walled_end - walled);

	(void)state;
	assert_int_equal(walk(frame_at(nr - 2, 0, 0)), 1);
	walled[nr - 1] = address(0);
	assert_int_equal(walk(walled + nr - 1), 0);	/* half a frame */
	assert_int_equal(walk(walled_end), 0);
	assert_int_equal(walk(walled_end + 1), 0);
	frame_at(0, nr - 1, 0);
	assert_int_equal(walk(walled), 1);
	frame_at(0, nr, 0);
	assert_int_equal(walk(walled), 1);
	walled[0] = UINTPTR_MAX - WORD + 1;	/* whose end would wrap */
	assert_int_equal(walk(walled), 1);
	walled[0] = UINTPTR_MAX & ~(WORD - 1);
	assert_int_equal(walk(walled), 1);
}

static void walk_reads_the_first_frame_and_nothing_before(void **state)
{
	(void)state;
	assert_int_equal(walk(frame_at(0, 0, 0)), 1);
	assert_int_equal(walk(walled - 1), 0);
	assert_int_equal(walk(walled - 2), 0);
	assert_int_equal(walk(NULL), 0);
	frame_at(4, 0, 0);
	assert_int_equal(walk_in(walled + 4, walled + 4, walled_end, 8), 1);
	assert_int_equal(walk_in(walled + 4, walled + 5, walled_end, 8), 0);
	assert_int_equal(walk_in(walled + 4, walled, walled + 6, 8), 1);
	assert_int_equal(walk_in(walled + 4, walled, walled + 5, 8), 0);
}

static void walk_of_an_empty_stack_reads_nothing(void **state)
{
	uintptr_t got[4];

	(void)state;
	assert_int_equal(walk_in(walled - 2, walled - 4, walled - 4, 8), 0);
	assert_int_equal(mh_frame_walk(NULL, 0, 0, got, 4), 0);
	assert_int_equal(mh_frame_walk(NULL, 0, 8, got, 4), 0);
	assert_int_equal(mh_frame_walk((void *)8, 0, 8, got, 4), 0);
	assert_int_equal(mh_frame_walk((void *)UINTPTR_MAX, 0, UINTPTR_MAX, got,
				       4), 0);
}

enum { DEPTH = 6 };
static uintptr_t returns[DEPTH + 1], walked[DEPTH + 1];
static size_t nr_walked;
static uintptr_t stack_top;

/* Uses its own frame address, so it has a frame pointer at any -O. */
APART static int recurse(int depth)
{
	const void *frame = __builtin_frame_address(0);
	int below = 0;

	returns[depth] = MH_RETURN_ADDRESS();
	if (depth)
		below = recurse(depth - 1);
	else
		nr_walked = mh_frame_walk(frame, mh_stack_pointer(), stack_top,
					  walked, DEPTH);
	__asm__ volatile("" : "+r"(below));
	return below + (frame != NULL);
}

static void walk_climbs_real_frames(void **state)
{
	int i;

	(void)state;
	stack_top = (uintptr_t)__builtin_frame_address(0);
	nr_walked = 0;
	assert_int_equal(recurse(DEPTH), DEPTH + 1);
	assert_int_equal(nr_walked, DEPTH);
	for (i = 0; i < DEPTH; i++)
		assert_int_equal(walked[i], returns[i]);
}

/* ---- system calls --------------------------------------------------------- */

static void syscall_answers_with_minus_errno(void **state)
{
	(void)state;
	errno = 4242;
	assert_int_equal(mh_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
	assert_int_equal(mh_syscall(SYS_close, -1, 0, 0, 0, 0, 0), -EBADF);
	assert_int_equal(mh_syscall(SYS_openat, AT_FDCWD,
				    (long)"/nowhere/at/all", O_RDONLY, 0, 0, 0),
			 -ENOENT);
	assert_int_equal(errno, 4242);
}

/* pipe2, write and read: memory that the kernel fills is seen as filled. */
static void syscall_moves_memory(void **state)
{
	int fds[2] = { -1, -1 };
	char back[4] = "";

	(void)state;
	assert_int_equal(mh_syscall(SYS_pipe2, (long)fds, O_CLOEXEC, 0, 0, 0,
				    0), 0);
	assert_int_equal(mh_syscall(SYS_write, fds[1], (long)"abc", 4, 0, 0, 0),
			 4);
	assert_int_equal(mh_syscall(SYS_read, fds[0], (long)back, 4, 0, 0, 0),
			 4);
	assert_string_equal(back, "abc");
	assert_int_equal(mh_syscall(SYS_close, fds[0], 0, 0, 0, 0, 0), 0);
	assert_int_equal(mh_syscall(SYS_close, fds[1], 0, 0, 0, 0, 0), 0);
}

/* All six arguments arrive: the second page of a file is mapped at a place. */
static void syscall_has_six_arguments(void **state)
{
	long page = getpagesize();
	char *at = mmap(NULL, (size_t)page, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long fd, got;

	(void)state;
	assert_true(at != MAP_FAILED);
	fd = mh_syscall(SYS_memfd_create, (long)"six", 1, 0, 0, 0, 0);
	if (fd < 0)
		skip();
	assert_int_equal(ftruncate((int)fd, 2 * page), 0);
	assert_int_equal(pwrite((int)fd, "here", 5, page), 5);
	got = mh_syscall(SYS_mmap, (long)at, page, PROT_READ,
			 MAP_PRIVATE | MAP_FIXED, fd, page);
	assert_int_equal(got, (long)at);
	assert_string_equal(at, "here");
	assert_int_equal(mh_syscall(SYS_munmap, got, page, 0, 0, 0, 0), 0);
	close((int)fd);
}

/* ---- threads -------------------------------------------------------------- */

enum { THREADS = 8 };
static uintptr_t pointers[THREADS];
static ptrdiff_t errno_at[THREADS];
static pthread_barrier_t all_alive;

static void *note_thread_pointer(void *arg)
{
	size_t i = (size_t)arg;

	pointers[i] = mh_thread_pointer();
	errno_at[i] = (char *)&errno - (char *)mh_thread_pointer();
	pthread_barrier_wait(&all_alive);
	return (void *)(uintptr_t)(mh_thread_pointer() == pointers[i]);
}

static void thread_pointer_is_one_threads_own(void **state)
{
	ptrdiff_t mine = (char *)&errno - (char *)mh_thread_pointer();
	pthread_t threads[THREADS];
	size_t i, j;
	void *same;

	(void)state;
	pthread_barrier_init(&all_alive, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						note_thread_pointer,
						(void *)i), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &same), 0);
		assert_non_null(same);
	}
	for (i = 0; i < THREADS; i++) {
		assert_true(pointers[i] != mh_thread_pointer());
		assert_int_equal(pointers[i] & 1, 0);	/* index/shard.c */
		/* errno's distance is the same in all: mh_errno_offset */
		assert_int_equal(errno_at[i], mine);
		for (j = 0; j < i; j++)
			assert_true(pointers[i] != pointers[j]);
	}
}

/* ---- IFUNC ---------------------------------------------------------------- */

#if defined(__aarch64__) && !defined(CONFIG_ARCH_GENERIC)
static uintptr_t resolver(unsigned long hwcap, const struct mh_ifunc_arg *arg)
{
	if (hwcap != (getauxval(AT_HWCAP) | 1ul << 62) ||
	    arg->size != 3 * sizeof(long) ||
	    arg->hwcap != getauxval(AT_HWCAP) ||
	    arg->hwcap2 != getauxval(AT_HWCAP2))
		return 0;
	return (uintptr_t)callee;
}
#else
static uintptr_t resolver(void)
{
	return (uintptr_t)callee;
}
#endif

static void ifunc_resolver_gets_what_the_loader_gives(void **state)
{
	(void)state;
	assert_int_equal(mh_call_ifunc_resolver((uintptr_t)resolver),
			 (uintptr_t)callee);
}

#define FRAME_TEST(test)	cmocka_unit_test_setup(test, clear_walled)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(return_address_lies_behind_the_call),
		cmocka_unit_test(call_site_lies_in_the_calling_function),
		cmocka_unit_test(return_slot_holds_the_return_address),
		cmocka_unit_test(stack_pointer_goes_down),
		cmocka_unit_test(strip_leaves_plain_addresses),
#if defined(__aarch64__) && !defined(CONFIG_ARCH_GENERIC)
		cmocka_unit_test(strip_takes_authentication_off),
#endif
		FRAME_TEST(walk_goes_up_to_the_end),
		FRAME_TEST(walk_keeps_to_the_room),
		FRAME_TEST(walk_stops_at_loops),
		FRAME_TEST(walk_never_goes_down),
		FRAME_TEST(walk_stops_at_unaligned_frames),
		FRAME_TEST(walk_stops_where_nobody_returns),
		FRAME_TEST(walk_reads_the_last_frame_and_nothing_behind),
		FRAME_TEST(walk_reads_the_first_frame_and_nothing_before),
		FRAME_TEST(walk_of_an_empty_stack_reads_nothing),
		cmocka_unit_test(walk_climbs_real_frames),
		cmocka_unit_test(syscall_answers_with_minus_errno),
		cmocka_unit_test(syscall_moves_memory),
		cmocka_unit_test(syscall_has_six_arguments),
		cmocka_unit_test(thread_pointer_is_one_threads_own),
		cmocka_unit_test(ifunc_resolver_gets_what_the_loader_gives),
	};

	return cmocka_run_group_tests(tests, build_walls, NULL);
}
