/* SPDX-License-Identifier: MIT */
/*
 * sandwich.h - the layers of one stack, top to bottom
 */
#ifndef MALLOCHOOKS_SANDWICH_H
#define MALLOCHOOKS_SANDWICH_H

#include "model.h"

/* What a layer may define as mh_<ident>_<layer>_<op>; the first five it must. */
enum layer_op {
	OP_MALLOC,
	OP_FREE,
	OP_REALLOC,
	OP_MEMALIGN,
	OP_MALLOC_USABLE_SIZE,
	NR_MANDATORY_OPS,
	OP_CALLOC = NR_MANDATORY_OPS,
	OP_ZEROED,
	OP_INIT,
	OP_LIVE,
	OP_FORK,
	OP_FINI,
	OP_DUMP,
	OP_QUERY,
	OP_TAG,
	OP_WALK,
	OP_OPTIONS,
	OP_OBSERVING,
	OP_TRANSFORMING,
	NR_OPS,
};

extern const char *const layer_op_names[NR_OPS];

/**
 * struct layer - one layer
 * @name:	in the symbols; a second instance has a number behind
 * @source:	path of its source
 * @builtin:	key of its setting, or NULL for a client's layer and terminal
 * @has:	bit by enum layer_op: what its source defines
 */
struct layer {
	char *name;
	char *source;
	const char *builtin;
	unsigned int has;
};

/**
 * struct sandwich - the layers of a stack
 * @ident:	identity, part of every symbol
 * @layers:	top to bottom; the last is the terminal; the entry is not here
 */
struct sandwich {
	const char *ident;
	struct layer *layers;
	size_t nr;
};

static inline int layer_has(const struct layer *layer, enum layer_op op)
{
	return layer->has >> op & 1;
}

static inline int is_terminal(const struct sandwich *sandwich, size_t i)
{
	return i + 1 == sandwich->nr;
}

/**
 * sandwich_plan() - which layers, in which order, under which names
 * @source_dir:	where the built-in ones are
 * Return: 0, or -1 with a line said.
 */
int sandwich_plan(struct sandwich *sandwich, const struct model *model,
		  const char *source_dir);
void sandwich_free(struct sandwich *sandwich);

/**
 * sandwich_probed() - read what a layer defines from its object
 * @i:		number of the layer
 * @object:	compiled from its source, without LTO
 * Return: 0, or -1 with a line said: broken object, or a layer that calls the
 * user API, which would be this stack again.
 */
int sandwich_probed(struct sandwich *sandwich, const struct model *model,
		    size_t i, const char *object);

/**
 * sandwich_judge() - is this a stack that can work?
 *
 * Needs every layer probed.
 * Return: 0, or -1 with a line said.
 */
int sandwich_judge(const struct sandwich *sandwich, const struct model *model);

/* print.c: show it, symbol by symbol and with every CONFIG_ value. */
void sandwich_print(const struct sandwich *sandwich, const struct model *model,
		    FILE *out);

/* generate.c: the C source that ties the layers together. */
void sandwich_generate(const struct sandwich *sandwich,
		       const struct model *model, FILE *out);

#endif
