/* SPDX-License-Identifier: MIT */
/*
 * event_guard.h - calls from inside of handlers of a client that only looks
 */
#ifndef TESTS_EVENT_GUARD_H
#define TESTS_EVENT_GUARD_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include "event_client.h"

/* ---- no event from inside an event ------------------------------------------------ */

static void allocate_inside(void *ptr)
{
	void *other = HOOK_IDENT(malloc)(8, 0x99);

	(void)ptr;
	other = HOOK_IDENT(realloc)(other, 9, 0x99);
	HOOK_IDENT(malloc_usable_size)(other);
	HOOK_IDENT(realloc)(other, 0, 0x99);
	HOOK_IDENT(free)(HOOK_IDENT(calloc)(1, 1, 0x99), 0x99);
	HOOK_IDENT(free)(HOOK_IDENT(memalign)(8, 1, 0x99), 0x99);
}

/* Chunks of its own are @a to @e; each handler leaves this in the journal. */
#define INSIDE(a, b, c, d) \
	"next malloc 8 c99 = " #a "; next realloc " #a " 9 c99 = " #b "; " \
	"next usable " #b "; next realloc " #b " 0 c99 = NULL; " \
	"next calloc 1 1 c99 = " #c "; next free " #c " c99; " \
	"next memalign 8 1 c99 = " #d "; next free " #d " c99"

static void calls_inside_raise_nothing(void)
{
	void *ptr = start_with_chunk(100);

	client.inside = allocate_inside;
	client.in_event = EVENT_post_init + 1;
	HOOK_IDENT(live)();
	EXPECT("post_init; " INSIDE(p1, p2, p3, p4));

	client.in_event = EVENT_pre_alloc + 1;
	MALLOC(100);
	EXPECT("pre_alloc 100 a0 c1; " INSIDE(p5, p6, p7, p8) "; "
	       "next malloc 116 c1 = p9; "
	       "post_successful_alloc p9 116 100 a0 c1");

	client.in_event = EVENT_post_successful_alloc + 1;
	MALLOC(100);
	EXPECT("pre_alloc 100 a0 c1; next malloc 116 c1 = p10; "
	       "post_successful_alloc p10 116 100 a0 c1; "
	       INSIDE(p11, p12, p13, p14));

	client.in_event = EVENT_post_alloc_failed + 1;
	CHECK(!MALLOC((size_t)1 << 40));
	EXPECT("pre_alloc 1099511627776 a0 c1; "
	       "next malloc 1099511627792 c1 = NULL; "
	       "post_alloc_failed 1099511627776 a0 c1; "
	       INSIDE(p15, p16, p17, p18));

	client.in_event = EVENT_pre_nonnull_nonzero_realloc + 1;
	ptr = REALLOC(ptr, 1);
	EXPECT("pre_nonnull_nonzero_realloc p0 1 c3; "
	       INSIDE(p19, p20, p21, p22) "; next realloc p0 17 c3 = p23; "
	       "post_nonnull_nonzero_realloc p0 17 c3 p23");

	client.in_event = EVENT_post_nonnull_nonzero_realloc + 1;
	ptr = REALLOC(ptr, 2);
	EXPECT("pre_nonnull_nonzero_realloc p23 2 c3; "
	       "next realloc p23 18 c3 = p24; "
	       "post_nonnull_nonzero_realloc p23 18 c3 p24; "
	       INSIDE(p25, p26, p27, p28));

	client.in_event = EVENT_post_usable_size + 1;
	CHECK(USABLE(ptr) == 16);
	EXPECT("next usable p24; post_usable_size p24 32; "
	       INSIDE(p29, p30, p31, p32));

	client.in_event = EVENT_pre_nonnull_free + 1;
	FREE(MALLOC(3));
	EXPECT("pre_alloc 3 a0 c1; next malloc 19 c1 = p33; "
	       "post_successful_alloc p33 19 3 a0 c1; "
	       "pre_nonnull_free p33 c5; " INSIDE(p34, p35, p36, p37) "; "
	       "next free p33 c5; post_nonnull_free p33 c5");

	client.in_event = EVENT_post_nonnull_free + 1;
	FREE(ptr);
	EXPECT("pre_nonnull_free p24 c5; next free p24 c5; "
	       "post_nonnull_free p24 c5; " INSIDE(p38, p39, p40, p41));
}

/* The guard is the thread's own: meanwhile others raise theirs. */
static void *allocate_in_thread(void *arg)
{
	HOOK_IDENT(malloc)(7, 0x77);
	return arg;
}

static void run_thread(void *ptr)
{
	pthread_t thread;

	(void)ptr;
	client.inside = NULL;
	CHECK(!pthread_create(&thread, NULL, allocate_in_thread, NULL));
	CHECK(!pthread_join(thread, NULL));
}

static void other_threads_raise_theirs(void)
{
	start_with_chunk(1);
	client.inside = run_thread;
	client.in_event = EVENT_pre_alloc + 1;
	MALLOC(100);
	EXPECT("pre_alloc 100 a0 c1; pre_alloc 7 a0 c77; "
	       "next malloc 23 c77 = p1; post_successful_alloc p1 23 7 a0 c77; "
	       "next malloc 116 c1 = p2; "
	       "post_successful_alloc p2 116 100 a0 c1");
}

/* ---- a guard that was left behind --------------------------------------------------- */

static jmp_buf out;

static void leave_handler(void *ptr)
{
	(void)ptr;
	client.inside = NULL;
	deep = 0;
	longjmp(out, 1);
}

/* Calls @act with @arg from @depth big frames further down. */
static __attribute__((noinline)) void deeper(int depth, void (*act)(int),
					     int arg)
{
	volatile char room[512];

	room[0] = 0;
	if (depth)
		deeper(depth - 1, act, arg);
	else
		act(arg + room[0]);
	room[511] = room[0];
}

static void allocate(int size)
{
	MALLOC((size_t)size);
}

/* Every handler is called in here; one of them jumps back. */
static void jump_out_of_handler(int event)
{
	static void *ptr;

	client.in_event = event + 1;
	if (setjmp(out))
		return;
	client.inside = leave_handler;
	ptr = MALLOC(1);
	ptr = REALLOC(ptr, 2);
	CHECK(USABLE(ptr));
	FREE(ptr);
	MALLOC((size_t)1 << 40);
	HOOK_IDENT(live)();
	CHECK(0);
}

/* It is known by a call from a frame that is not so deep, and then gone. */
static void a_guard_left_by_longjmp_is_dropped(void)
{
	int event;

	start_with_chunk(1);
	for (event = 0; event < NR_EVENTS; event++) {
		deeper(2, jump_out_of_handler, event);
		journal_clear();
		MALLOC(50);
		CHECK(strstr(journal_text(), "pre_alloc 50 a0 c1; "));
		CHECK(strstr(journal_text(), " 66 50 a0 c1"));
		journal_clear();
		deeper(20, allocate, 100);
		CHECK(strstr(journal_text(), "pre_alloc 100 a0 c1; "));
	}
}

/* ---- phases --------------------------------------------------------------------------- */

/* The constructor runs init, then the phase is live, then live is called. */
static void early_calls_raise_nothing(void)
{
	void *ptr;

	client.share = 16;
	MH_PHASE.word = MH_PHASE_BOOT;
	fake.wake_fails = 1;
	HOOK_IDENT(init)();
	ptr = REALLOC(MALLOC(100), 200);
	CHECK(CALLOC(1, 1) && MALLOC(1) && MEMALIGN(8, 1));
	CHECK(USABLE(ptr) == 208);
	FREE(ptr);
	EXPECT("next malloc 100 c1 = p0; next realloc p0 200 c3 = p1; "
	       "next calloc 1 1 c2 = p2; next malloc 1 c1 = p3; "
	       "next memalign 8 1 c4 = p4; next usable p1; next free p1 c5");
}

static void before_init_nothing_is_raised(void)
{
	client.share = 16;
	FREE(MALLOC(1));
	EXPECT("next malloc 1 c1 = p0; next free p0 c5");
}

static void allocate_in_child(void)
{
	MH_PHASE.word = MH_PHASE_BOOT;
	MALLOC(5);
	EXPECT("pre_alloc 5 a0 c1; next malloc 21 c1 = p1; "
	       "post_successful_alloc p1 21 5 a0 c1");
}

static void a_child_raises_from_its_first_call_on(void)
{
	start_with_chunk(1);
	CHILD(allocate_in_child);
}

static void it_observes(void)
{
	extern const char HOOK_IDENT(observing);

	CHECK(HOOK_IDENT(observing) == 1);
}

#define EVENT_GUARD_CASES \
	BODY(calls_inside_raise_nothing), \
	BODY(other_threads_raise_theirs), \
	BODY(a_guard_left_by_longjmp_is_dropped), \
	BODY(early_calls_raise_nothing), \
	BODY(before_init_nothing_is_raised), \
	BODY(a_child_raises_from_its_first_call_on), \
	BODY(it_observes)

#endif
