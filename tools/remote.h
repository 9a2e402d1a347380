/* SPDX-License-Identifier: MIT */
/*
 * remote.h - the units, stacks and layers of another process or a core
 */
#ifndef MALLOCHOOKS_REMOTE_H
#define MALLOCHOOKS_REMOTE_H

#include <mallochooks/mallochooks.h>

#include "memory.h"

/**
 * struct remote_layer - a layer as it stands there
 * @ident:	identity of its stack
 * @name:	its own
 * @layer:	pointers are those of the other process; what a layer of another
 *		age lacks is 0
 */
struct remote_layer {
	const char *ident;
	const char *name;
	struct mallochooks_layer layer;
};

/**
 * remote_layers() - visit every layer of every unit, top to bottom
 * @visit:	called with each
 *
 * Units are found by their notes and their magic, so that a file without
 * symbols will do, or none at all.
 * Return: units that were found; of one of another release a line is said, and
 * where there are only such it is -1.
 */
int remote_layers(const struct memory *memory,
		  void (*visit)(const struct remote_layer *layer, void *arg),
		  void *arg);

#endif
