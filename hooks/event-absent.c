// SPDX-License-Identifier: MIT
/*
 * event-absent - handlers of a client that has none
 *
 * Each is a weak definition, not a weak reference: gold gives a hidden weak
 * reference that nobody defines an address that is not zero.  Compiled apart
 * from the unit, never with -flto: a compiler that sees a body whole would
 * inline it before the client's own could take its place.
 */
#include "event-absent.h"

#define QUOTE__(name)	#name
#define QUOTE_(name)	QUOTE__(name)
#define QUOTE(name)	QUOTE_(name)

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define MH_X(upper, ev, ret, params, absent) \
	ret MH_ABSENT(ev) params { return absent; } \
	__attribute__((weak, alias(QUOTE(MH_ABSENT(ev))))) \
	ret ALLOC_EVENT_IDENT(ev) params;
MH_EVENTS(MH_X)
#undef MH_X
