/* SPDX-License-Identifier: MIT */
/*
 * event-absent.h - the handlers that nobody defined
 */
#ifndef MH_EVENT_ABSENT_H
#define MH_EVENT_ABSENT_H

#include <mallochooks/eventapi.h>

/* Named apart from the event prefix, so that two stacks may share a prefix. */
#define MH_ABSENT(ev)	MH_NAME(event_absent, ev)

#define MH_X(upper, ev, ret, params, absent) \
	__attribute__((visibility("hidden"))) ret MH_ABSENT(ev) params;
MH_EVENTS(MH_X)
#undef MH_X

#endif
