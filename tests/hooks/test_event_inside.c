// SPDX-License-Identifier: MIT
/*
 * test_event_inside - the event layer, its client compiled into the unit
 *
 * test-sources: hooks/event-absent.c tests/hooks/fake.c
 * test-flags: -DMH_IDENT=t -DMH_EVENT=t_event -DMH_LAYER=event -DMH_NEXT=fake -pthread
 */
#include "event_config.h"
#undef CONFIG_CLIENT_SOURCES
#define CONFIG_CLIENT_SOURCES "client.c"
#include "event.c"
#include "event_cases.h"
#include "event_guard.h"

int main(void)
{
	const struct CMUnitTest tests[] = {
		EVENT_CASES,
		EVENT_GUARD_CASES,
		cmocka_unit_test(fake_assert_every_op_was_seen),
		cmocka_unit_test(every_event_was_raised),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
