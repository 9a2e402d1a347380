// SPDX-License-Identifier: MIT
/*
 * test_event_absent - a client with two handlers; the rest nobody defines
 *
 * test-sources: hooks/event-absent.c tests/hooks/event_plain.c tests/hooks/fake.c
 * test-flags: -DMH_IDENT=t -DMH_EVENT=t_event -DMH_LAYER=event -DMH_NEXT=fake
 */
#include <mallochooks/eventapi.h>
#include "event-absent.h"
#include "fake.h"

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
	journal("birth %s %zu %zu a%zu c%lx", chunk_name(ptr), modified_size,
		requested_size, alignment, (long)caller);
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	journal("death %s c%lx", chunk_name(ptr), (long)caller);
	return 0;
}

static void the_absent_are_not_missed(void)
{
	void *ptr;

	HOOK_IDENT(init)();
	HOOK_IDENT(live)();
	ptr = HOOK_IDENT(malloc)(10, 1);
	EXPECT("next malloc 10 c1 = p0; birth p0 10 10 a0 c1");
	ptr = HOOK_IDENT(realloc)(ptr, 20, 2);
	EXPECT("next realloc p0 20 c2 = p1");
	CHECK(HOOK_IDENT(malloc_usable_size)(ptr) == 32);
	EXPECT("next usable p1");
	HOOK_IDENT(free)(ptr, 3);
	EXPECT("death p1 c3; next free p1 c3");
	fake.error = ENOMEM;
	CHECK(!HOOK_IDENT(calloc)(3, 4, 5));
	EXPECT("next calloc 1 12 c5 = NULL");
	CHECK(!HOOK_IDENT(zeroed)(ptr, 1));
	CHECK(HOOK_IDENT(memalign)(64, 5, 6));
	EXPECT("next zeroed p1 1; next memalign 64 5 c6 = p2; "
	       "birth p2 5 5 a64 c6");
}

/* Each answers what it was asked, as the rows say. */
static void the_absent_answer_as_if_they_were_not(void)
{
	CHECK(MH_ABSENT(pre_alloc)(77, 8, 1) == 77);
	CHECK(MH_ABSENT(pre_nonnull_nonzero_realloc)(&fake, 78, 1) == 78);
	CHECK(MH_ABSENT(pre_nonnull_free)(&fake, 1) == 0);
	CHECK(MH_ABSENT(post_usable_size)(&fake, 79) == 79);
	MH_ABSENT(post_init)();
	MH_ABSENT(post_successful_alloc)(&fake, 1, 1, 0, 0);
	MH_ABSENT(post_alloc_failed)(1, 0, 0);
	MH_ABSENT(post_nonnull_free)(&fake, 0);
	MH_ABSENT(post_nonnull_nonzero_realloc)(&fake, 1, 0, NULL);
	EXPECT("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BODY(the_absent_are_not_missed),
		BODY(the_absent_answer_as_if_they_were_not),
		cmocka_unit_test(fake_assert_every_op_was_seen),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
