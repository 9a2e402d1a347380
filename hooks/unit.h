/* SPDX-License-Identifier: MIT */
/*
 * unit.h - the units of the process, for the runtime's own use
 */
#ifndef MH_UNIT_H
#define MH_UNIT_H

#include <mallochooks/mallochooks.h>

/**
 * mh_each_unit() - visit every unit that exports its descriptor, and our own
 * @visit:	a nonzero result ends it
 *
 * Context: any, also before relocation; no lock, nothing allocated.
 * Return: the last result of @visit.
 */
__attribute__((visibility("hidden")))
int mh_each_unit(int (*visit)(const struct mallochooks_unit *unit, void *arg),
		 void *arg);

#endif
