/* SPDX-License-Identifier: MIT */
/*
 * unit.h - the units of the process, for the runtime's own use
 */
#ifndef MH_UNIT_H
#define MH_UNIT_H

#include <mallochooks/mallochooks.h>

/**
 * mh_each_unit() - visit our own unit, that of the executable, and every one of
 * a shared object that exports its descriptor
 * @visit:	a nonzero result ends it
 *
 * Context: any; no lock, nothing allocated.  Before relocation that of the
 * executable is only found where it is exported.
 * Return: the last result of @visit.
 */
__attribute__((visibility("hidden")))
int mh_each_unit(int (*visit)(const struct mallochooks_unit *unit, void *arg),
		 void *arg);

#endif
