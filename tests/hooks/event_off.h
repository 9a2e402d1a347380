/* SPDX-License-Identifier: MIT */
/*
 * event_off.h - an event that is configured away is never raised
 *
 * test_event_off.c and test_event_off2.c switch off one half of the events
 * each; a client that has every handler hears the other half, and no more.
 */
#ifndef TESTS_EVENT_OFF_H
#define TESTS_EVENT_OFF_H

#include "event_client.h"

static void do_everything(void)
{
	void *ptr;

	client.share = 16;
	HOOK_IDENT(init)();
	HOOK_IDENT(live)();
	ptr = MALLOC(1);
	ptr = REALLOC(ptr, 2);
	CHECK(USABLE(ptr));
	FREE(ptr);
	CALLOC(1, 3);
	MEMALIGN(32, 4);
	CHECK(!MALLOC((size_t)1 << 40));
	CHECK(HOOK_IDENT(zeroed)(ptr, 1) == 0);
}

static void off_is_off_and_on_is_on(void **state)
{
	static const int on[] = {
#define MH_X(upper, ev, ret, params, absent) IS_ENABLED(CONFIG_EVENT_##upper),
		MH_EVENTS(MH_X)
#undef MH_X
	};
	int i;

	(void)state;
	for (i = 0; i < NR_EVENTS; i++)
		if (on[i] != (fake_events_seen[i] > 0))
			fail_msg("%s is %s and was raised %u times",
				 event_names[i], on[i] ? "on" : "off",
				 fake_events_seen[i]);
}

/* What a handler would have answered is then what it was asked. */
static void sizes_stay_as_they_are(void)
{
	void *ptr;

	client.share = 16;
	HOOK_IDENT(init)();
	HOOK_IDENT(live)();
	ptr = MALLOC(100);
	CHECK(fake_size(ptr) ==
	      (IS_ENABLED(CONFIG_EVENT_PRE_ALLOC) ? 116 : 100));
	ptr = REALLOC(ptr, 200);
	CHECK(fake_size(ptr) ==
	      (IS_ENABLED(CONFIG_EVENT_PRE_NONNULL_NONZERO_REALLOC) ?
	       216 : 200));
	client.cancel = 1;
	journal_clear();
	FREE(ptr);
	CHECK((strstr(journal_text(), "next free") == NULL) ==
	      IS_ENABLED(CONFIG_EVENT_PRE_NONNULL_FREE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BODY(do_everything),
		cmocka_unit_test(off_is_off_and_on_is_on),
		BODY(sizes_stay_as_they_are),
		cmocka_unit_test(fake_assert_every_op_was_seen),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}

#endif
