/* SPDX-License-Identifier: MIT */
/*
 * sandwich.h - the layers of one stack, top to bottom
 */
#ifndef MALLOCHOOKS_SANDWICH_H
#define MALLOCHOOKS_SANDWICH_H

#include "family.h"
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
	OP_CHANGED,
	OP_RESET,
	OP_ROOT,
	OP_OPTIONS,
	OP_OBSERVING,
	OP_TRANSFORMING,
	OP_KEEPING,
	NR_OPS,
};

extern const char *const layer_op_names[NR_OPS];

/**
 * struct layer - one layer
 * @name:	in the symbols; a second instance has a number behind
 * @called:	name of what the layer above calls: the same, or its switch's
 * @source:	path of its source
 * @builtin:	key of its setting, or NULL for a client's layer and terminal
 * @has:	bit by enum layer_op: what its source defines
 */
struct layer {
	char *name;
	char *called;
	char *source;
	const char *builtin;
	unsigned int has;
};

/**
 * struct sandwich - the layers of a stack
 * @ident:	identity, part of every symbol
 * @family:	functions with names of their own, or NULL: malloc's family
 * @inside:	identity of the allocator out of whose chunks it carves, or NULL
 * @switched:	each layer has a switch in front of it
 * @layers:	top to bottom; the last is the terminal; the entry is not here
 */
struct sandwich {
	const char *ident;
	const struct family *family;
	const char *inside;
	int switched;
	struct layer *layers;
	size_t nr;
};

static inline int layer_has(const struct layer *layer, enum layer_op op)
{
	return layer->has >> op & 1;
}

/* Has any layer something to do when somebody asks the stack while it runs? */
int sandwich_attends(const struct sandwich *sandwich);

static inline int is_terminal(const struct sandwich *sandwich, size_t i)
{
	return i + 1 == sandwich->nr;
}

/* Has layer @i a switch? */
static inline int is_switched(const struct sandwich *sandwich, size_t i)
{
	return sandwich->switched && !is_terminal(sandwich, i);
}

/* Flags of its switch's option, as C: it is known what the layer has. */
static inline const char *layer_on_flags(const struct layer *layer)
{
	return layer_has(layer, OP_OBSERVING) ? "MALLOCHOOKS_LIVE" : "0";
}

/**
 * sandwich_plan() - which layers, in which order, under which names
 * @family:	functions with names of their own, or NULL; their terminal has no
 *		source yet
 * @source_dir:	where the built-in ones are
 * Return: 0, or -1 with a line said.
 */
int sandwich_plan(struct sandwich *sandwich, const struct model *model,
		  const struct family *family,
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
/* Of facades, which are no stack. */
void sandwich_print_facades(const struct sandwich *sandwich,
			    const struct model *model, FILE *out);

/* generate.c: the C source that ties the layers together. */
void sandwich_generate(const struct sandwich *sandwich,
		       const struct model *model, FILE *out);

/* The C names of the functions that are hooked, as the linker knows them. */
void sandwich_names(const struct sandwich *sandwich, const struct model *model,
		    struct strings *names);

/* The note by which the stack's table is found, in assembler. */
void sandwich_generate_note(const struct sandwich *sandwich,
			    const struct model *model, FILE *out);

/* The same for method replace's thunks, in assembler. */
void sandwich_generate_thunks(const struct sandwich *sandwich,
			      const struct model *model, FILE *out);

#endif
