// SPDX-License-Identifier: MIT
/*
 * test_event_warns - a client that enlarges and forgets to take its share off
 *
 * test-sources: hooks/event-absent.c tests/hooks/fake.c
 * test-flags: -DMH_IDENT=t -DMH_EVENT=t_event -DMH_LAYER=event -DMH_NEXT=fake
 */
#include "event_config.h"
#define CONFIG_EVENT_TRANSFORMING 1
#include "event.c"
#include "fake.h"

size_t ALLOC_EVENT_IDENT(pre_alloc)(size_t size, size_t alignment,
				    caller_t caller)
{
	(void)alignment;
	(void)caller;
	return size + 8;
}

static void it_is_told_at_start(void)
{
	HOOK_IDENT(init)();
	EXPECT("say event: the client enlarges and has no post_usable_size "
	       "handler: malloc_usable_size() tells the program of the "
	       "client's share too");
	CHECK(HOOK_IDENT(malloc_usable_size)(HOOK_IDENT(malloc)(8, 1)) == 16);
	EXPECT("next malloc 16 c1 = p0; next usable p0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BODY(it_is_told_at_start),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
