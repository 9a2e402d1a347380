// SPDX-License-Identifier: MIT
/*
 * test_event_off - the event layer with half of the events configured away
 *
 * test-sources: hooks/event-absent.c tests/hooks/fake.c
 * test-flags: -DMH_IDENT=t -DMH_EVENT=t_event -DMH_LAYER=event -DMH_NEXT=fake
 */
#include "event_config.h"
#undef CONFIG_EVENT_POST_INIT
#undef CONFIG_EVENT_PRE_ALLOC
#undef CONFIG_EVENT_POST_ALLOC_FAILED
#undef CONFIG_EVENT_PRE_NONNULL_FREE
#undef CONFIG_EVENT_POST_NONNULL_NONZERO_REALLOC
#include "event.c"
#include "event_off.h"
