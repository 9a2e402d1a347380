// SPDX-License-Identifier: MIT
/* The event layer as it is composed for handlers that come with the link. */
#include "event_config.h"
#include "event.c"
