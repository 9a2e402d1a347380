// SPDX-License-Identifier: MIT
/*
 * test_event_transforming - the event layer for handlers that change sizes
 *
 * test-sources: hooks/event-absent.c tests/hooks/fake.c
 * test-flags: -DMH_IDENT=t -DMH_EVENT=t_event -DMH_LAYER=event -DMH_NEXT=fake -pthread
 */
#include "event_config.h"
#define CONFIG_EVENT_TRANSFORMING 1
#include "event.c"
#include "event_cases.h"

/* Every chunk must have its share: also those of the handlers. */
static void allocate_inside(void *ptr)
{
	(void)ptr;
	HOOK_IDENT(free)(HOOK_IDENT(malloc)(8, 0x99), 0x99);
}

static void calls_inside_raise_theirs(void)
{
	start_with_chunk(1);
	client.inside = allocate_inside;
	client.in_event = EVENT_post_successful_alloc + 1;
	MALLOC(100);
	EXPECT("pre_alloc 100 a0 c1; next malloc 116 c1 = p1; "
	       "post_successful_alloc p1 116 100 a0 c1; "
	       "pre_alloc 8 a0 c99; next malloc 24 c99 = p2; "
	       "post_successful_alloc p2 24 8 a0 c99; "
	       "pre_nonnull_free p2 c99; next free p2 c99; "
	       "post_nonnull_free p2 c99");
}

/* Also those from before the constructor; only errno is not looked after. */
static void early_calls_raise_theirs(void)
{
	void *ptr;

	client.share = 16;
	MH_PHASE.word = MH_PHASE_BOOT;
	fake.wake_fails = 1;
	mh_errno_offset = 1 << 30;	/* a use of it would crash */
	ptr = MALLOC(100);
	ptr = REALLOC(ptr, 200);
	CHECK(USABLE(ptr) == 208);
	FREE(ptr);
	EXPECT("pre_alloc 100 a0 c1; next malloc 116 c1 = p0; "
	       "post_successful_alloc p0 116 100 a0 c1; "
	       "pre_nonnull_nonzero_realloc p0 200 c3; "
	       "next realloc p0 216 c3 = p1; "
	       "post_nonnull_nonzero_realloc p0 216 c3 p1; "
	       "next usable p1; post_usable_size p1 224; "
	       "pre_nonnull_free p1 c5; next free p1 c5; "
	       "post_nonnull_free p1 c5");
}

static void it_transforms(void)
{
	CHECK(HOOK_IDENT(transforming) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EVENT_CASES,
		BODY(calls_inside_raise_theirs),
		BODY(early_calls_raise_theirs),
		BODY(it_transforms),
		cmocka_unit_test(fake_assert_every_op_was_seen),
		cmocka_unit_test(every_event_was_raised),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
