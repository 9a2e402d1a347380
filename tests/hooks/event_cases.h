/* SPDX-License-Identifier: MIT */
/*
 * event_cases.h - what the event layer promises in every form of it
 *
 * "Event API" of the stack's description, path by path: test_event.c runs
 * these with handlers of another object, test_event_inside.c with handlers in
 * the unit, test_event_transforming.c as a transforming layer.
 */
#ifndef TESTS_EVENT_CASES_H
#define TESTS_EVENT_CASES_H

#include "event_client.h"

static void malloc_is_an_allocation(void)
{
	start_with_chunk(1);
	CHECK(MALLOC(100));
	EXPECT("pre_alloc 100 a0 c1; next malloc 116 c1 = p1; "
	       "post_successful_alloc p1 116 100 a0 c1");
	CHECK(MALLOC(0));
	EXPECT("pre_alloc 0 a0 c1; next malloc 16 c1 = p2; "
	       "post_successful_alloc p2 16 0 a0 c1");
}

static void calloc_is_an_allocation_of_the_product(void)
{
	unsigned char *ptr;
	int i;

	start_with_chunk(1);
	ptr = CALLOC(3, 7);
	CHECK(ptr);
	for (i = 0; i < 21; i++)
		CHECK(!ptr[i]);
	EXPECT("pre_alloc 21 a0 c2; next calloc 1 37 c2 = p1; "
	       "post_successful_alloc p1 37 21 a0 c2");
}

static void memalign_names_its_alignment(void)
{
	start_with_chunk(1);
	CHECK((uintptr_t)MEMALIGN(4096, 10) % 4096 == 0);
	EXPECT("pre_alloc 10 a4096 c4; next memalign 4096 26 c4 = p1; "
	       "post_successful_alloc p1 26 10 a4096 c4");
}

static void realloc_of_null_is_an_allocation(void)
{
	start_with_chunk(1);
	CHECK(REALLOC(NULL, 100));
	EXPECT("pre_alloc 100 a0 c3; next realloc NULL 116 c3 = p1; "
	       "post_successful_alloc p1 116 100 a0 c3");
	CHECK(REALLOC(NULL, 0));
	EXPECT("pre_alloc 0 a0 c3; next realloc NULL 16 c3 = p2; "
	       "post_successful_alloc p2 16 0 a0 c3");
}

static void realloc_has_a_pair_of_its_own(void)
{
	void *ptr = start_with_chunk(100);

	CHECK(REALLOC(ptr, 200));
	EXPECT("pre_nonnull_nonzero_realloc p0 200 c3; "
	       "next realloc p0 216 c3 = p1; "
	       "post_nonnull_nonzero_realloc p0 216 c3 p1");
}

static void failures_close_the_pair(void)
{
	void *ptr = start_with_chunk(100);

	fake.error = ENOMEM;
	CHECK(!MALLOC(10) && errno == ENOMEM);
	EXPECT("pre_alloc 10 a0 c1; next malloc 26 c1 = NULL; "
	       "post_alloc_failed 10 a0 c1");
	fake.error = EAGAIN;
	CHECK(!CALLOC(2, 5) && errno == EAGAIN);
	EXPECT("pre_alloc 10 a0 c2; next calloc 1 26 c2 = NULL; "
	       "post_alloc_failed 10 a0 c2");
	fake.error = EINVAL;
	CHECK(!MEMALIGN(64, 10) && errno == EINVAL);
	EXPECT("pre_alloc 10 a64 c4; next memalign 64 26 c4 = NULL; "
	       "post_alloc_failed 10 a64 c4");
	fake.error = ENOMEM;
	CHECK(!REALLOC(NULL, 10) && errno == ENOMEM);
	EXPECT("pre_alloc 10 a0 c3; next realloc NULL 26 c3 = NULL; "
	       "post_alloc_failed 10 a0 c3");
	fake.error = ENOMEM;
	CHECK(!REALLOC(ptr, 10) && errno == ENOMEM);
	EXPECT("pre_nonnull_nonzero_realloc p0 10 c3; "
	       "next realloc p0 26 c3 = NULL; "
	       "post_nonnull_nonzero_realloc p0 26 c3 NULL");
}

/* What a client makes of a huge size wraps; nobody has that much. */
static void an_answer_below_the_size_fails(void)
{
	void *ptr = start_with_chunk(100);

	errno = 0;
	CHECK(!MALLOC(SIZE_MAX - 3) && errno == ENOMEM);
	EXPECT("pre_alloc 18446744073709551612 a0 c1; "
	       "next malloc 18446744073709551615 c1 = NULL; "
	       "post_alloc_failed 18446744073709551612 a0 c1");
	client.answer = 99;
	fake.error = EAGAIN;
	errno = 0;
	CHECK(!CALLOC(10, 10) && errno == ENOMEM);
	EXPECT("pre_alloc 100 a0 c2; "
	       "next calloc 1 18446744073709551615 c2 = NULL; "
	       "post_alloc_failed 100 a0 c2");
	CHECK(!MEMALIGN(16, 100));
	EXPECT("pre_alloc 100 a16 c4; "
	       "next memalign 16 18446744073709551615 c4 = NULL; "
	       "post_alloc_failed 100 a16 c4");
	CHECK(!REALLOC(NULL, 100));
	EXPECT("pre_alloc 100 a0 c3; "
	       "next realloc NULL 18446744073709551615 c3 = NULL; "
	       "post_alloc_failed 100 a0 c3");
	fake.error = EAGAIN;
	CHECK(!REALLOC(ptr, 100) && errno == ENOMEM);
	EXPECT("pre_nonnull_nonzero_realloc p0 100 c3; "
	       "next realloc p0 18446744073709551615 c3 = NULL; "
	       "post_nonnull_nonzero_realloc p0 18446744073709551615 c3 NULL");
	client.answer = 100;	/* as it was is good enough */
	CHECK(MALLOC(100));
	EXPECT("pre_alloc 100 a0 c1; next malloc 100 c1 = p1; "
	       "post_successful_alloc p1 100 100 a0 c1");
}

static void free_has_a_pair(void)
{
	void *ptr = start_with_chunk(100);

	FREE(ptr);
	EXPECT("pre_nonnull_free p0 c5; next free p0 c5; "
	       "post_nonnull_free p0 c5");
}

/* A cancelled chunk stays alive below until its canceller releases it. */
static void a_cancelled_free_can_be_made_up_for(void)
{
	void *ptr = start_with_chunk(100);

	client.cancel = -5;
	FREE(ptr);
	EXPECT("pre_nonnull_free p0 c5");
	ALLOC_EVENT_IDENT(release)(ptr);
	EXPECT("next free p0 c0");
	ALLOC_EVENT_IDENT(release)(NULL);
	EXPECT("");
	client.cancel = 0;
	FREE(MALLOC(1));
	EXPECT("pre_alloc 1 a0 c1; next malloc 17 c1 = p1; "
	       "post_successful_alloc p1 17 1 a0 c1; "
	       "pre_nonnull_free p1 c5; next free p1 c5; "
	       "post_nonnull_free p1 c5");
}

/* ---- realloc(ptr, 0) ----------------------------------------------------------- */

static void realloc_to_zero_may_free(void)
{
	void *ptr = start_with_chunk(100);

	fake.realloc_zero = FAKE_FREES;
	errno = 4242;
	CHECK(!REALLOC(ptr, 0) && errno == 4242);
	EXPECT("pre_nonnull_free p0 c3; next realloc p0 0 c3 = NULL; "
	       "post_nonnull_free p0 c3");
}

/* What errno held before the call is no answer of the call. */
static void realloc_to_zero_may_free_under_an_old_errno(void)
{
	void *ptr = start_with_chunk(100);

	fake.realloc_zero = FAKE_FREES;
	errno = ENOMEM;
	CHECK(!REALLOC(ptr, 0) && errno == ENOMEM);
	EXPECT("pre_nonnull_free p0 c3; next realloc p0 0 c3 = NULL; "
	       "post_nonnull_free p0 c3");
}

/* BSD's libc frees and answers EINVAL, C23 allows anything. */
static void realloc_to_zero_may_free_with_an_errno(void)
{
	void *ptr = start_with_chunk(100);

	fake.realloc_zero = FAKE_FREES;
	fake.leaves_errno = EINVAL;
	errno = 0;
	CHECK(!REALLOC(ptr, 0) && errno == EINVAL);
	EXPECT("pre_nonnull_free p0 c3; next realloc p0 0 c3 = NULL; "
	       "post_nonnull_free p0 c3");
}

static void realloc_to_zero_may_give_a_chunk(void)
{
	void *ptr = start_with_chunk(100);

	fake.realloc_zero = FAKE_GIVES;
	errno = 4242;
	CHECK(REALLOC(ptr, 0) && errno == 4242);
	EXPECT("pre_nonnull_free p0 c3; next realloc p0 0 c3 = p1; "
	       "post_successful_alloc p1 0 0 a0 c3");
}

/* The chunk is alive again; what it was asked for nobody remembers. */
static void realloc_to_zero_may_fail(void)
{
	void *ptr = start_with_chunk(100);

	fake.realloc_zero = FAKE_KEEPS;
	errno = 0;
	CHECK(!REALLOC(ptr, 0) && errno == ENOMEM);
	EXPECT("pre_nonnull_free p0 c3; next realloc p0 0 c3 = NULL; "
	       "next usable p0; next usable p0; post_usable_size p0 128; "
	       "post_successful_alloc p0 128 112 a0 c3");
}

static void realloc_to_zero_can_be_cancelled(void)
{
	void *ptr = start_with_chunk(100);

	client.cancel = 1;
	errno = 4242;
	CHECK(!REALLOC(ptr, 0) && errno == 4242);
	EXPECT("pre_nonnull_free p0 c3");
}

/* ---- sizes, errno, zero pages ---------------------------------------------------- */

static void usable_size_is_the_clients_answer(void)
{
	void *ptr = start_with_chunk(100);

	CHECK(USABLE(ptr) == 112);
	EXPECT("next usable p0; post_usable_size p0 128");
	CHECK(ALLOC_EVENT_IDENT(usable)(ptr) == 128);
	EXPECT("next usable p0");
	CHECK(ALLOC_EVENT_IDENT(usable)(NULL) == 0);
	EXPECT("");
}

static void zeroed_is_passed_on(void)
{
	void *ptr = start_with_chunk(100);

	fake.zeroed = 3;
	CHECK(HOOK_IDENT(zeroed)(ptr, 50) == 3);
	EXPECT("next zeroed p0 50");
}

/* Every handler wrote 999 into it. */
static void errno_is_the_next_ones(void)
{
	void *ptr = start_with_chunk(100);

	errno = 4242;
	ptr = REALLOC(ptr, 200);
	FREE(ptr);
	CHECK(MALLOC(1) && CALLOC(1, 1) && MEMALIGN(8, 1) && REALLOC(NULL, 1));
	CHECK(USABLE(ptr));
	CHECK(errno == 4242);
	client.cancel = 1;
	FREE(ptr);
	CHECK(errno == 4242);
	client.cancel = 0;
	fake.leaves_errno = 55;
	ptr = MALLOC(1);
	CHECK(errno == 55);
	errno = 0;
	ptr = REALLOC(ptr, 2);
	CHECK(errno == 55);
	errno = 0;
	FREE(ptr);
	CHECK(errno == 55);
}

static void post_init_comes_once_live(void)
{
	HOOK_IDENT(init)();
	EXPECT("");
	errno = 4242;
	HOOK_IDENT(live)();
	CHECK(errno == 4242);
	EXPECT("post_init");
}

#define EVENT_CASES \
	BODY(malloc_is_an_allocation), \
	BODY(calloc_is_an_allocation_of_the_product), \
	BODY(memalign_names_its_alignment), \
	BODY(realloc_of_null_is_an_allocation), \
	BODY(realloc_has_a_pair_of_its_own), \
	BODY(failures_close_the_pair), \
	BODY(an_answer_below_the_size_fails), \
	BODY(free_has_a_pair), \
	BODY(a_cancelled_free_can_be_made_up_for), \
	BODY(realloc_to_zero_may_free), \
	BODY(realloc_to_zero_may_free_under_an_old_errno), \
	BODY(realloc_to_zero_may_free_with_an_errno), \
	BODY(realloc_to_zero_may_give_a_chunk), \
	BODY(realloc_to_zero_may_fail), \
	BODY(realloc_to_zero_can_be_cancelled), \
	BODY(usable_size_is_the_clients_answer), \
	BODY(zeroed_is_passed_on), \
	BODY(errno_is_the_next_ones), \
	BODY(post_init_comes_once_live)

#endif
