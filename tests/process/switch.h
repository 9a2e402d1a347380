/* SPDX-License-Identifier: MIT */
/*
 * switch.h - the program finds the switch of a layer
 */
#ifndef SWITCH_H
#define SWITCH_H

#include "totals.h"

/* Value of the option "on" of a layer of the first unit. */
static inline int64_t *switch_of(const char *name)
{
	const struct mallochooks_unit *unit;
	const struct mallochooks_layer *layer;

	unit = (const struct mallochooks_unit *)dlsym(RTLD_DEFAULT,
						      "mallochooks_unit");
	MUST(unit);
	layer = find_layer(unit, name);
	MUST(layer && layer->options);
	MUST(!strcmp(layer->options[0].name, "on"));
	return &layer->options[0].num;
}

/* Atomic, but no more: it is what a writer from outside does at the least. */
static inline void turn(int64_t *on, int64_t value)
{
	__atomic_store_n(on, value, __ATOMIC_SEQ_CST);
}

#endif
