// SPDX-License-Identifier: MIT
/*
 * test_event_off2 - the event layer with half of the events configured away
 *
 * test-sources: hooks/event-absent.c tests/hooks/fake.c
 * test-flags: -DMH_IDENT=t -DMH_EVENT=t_event -DMH_LAYER=event -DMH_NEXT=fake
 */
#include "event_config.h"
#undef CONFIG_EVENT_POST_SUCCESSFUL_ALLOC
#undef CONFIG_EVENT_POST_NONNULL_FREE
#undef CONFIG_EVENT_PRE_NONNULL_NONZERO_REALLOC
#undef CONFIG_EVENT_POST_USABLE_SIZE
#include "event.c"
#include "event_off.h"
