/* SPDX-License-Identifier: MIT */
/*
 * mallochooks.h - what every unit of libmallochooks tells about itself
 *
 * A unit is one link output (executable or shared object) that carries stacks
 * of ours.  It exports one descriptor, the symbol mallochooks_unit; the
 * functions below are hidden in each unit and walk all units of the process,
 * so that several of them answer as one.
 */
#ifndef MALLOCHOOKS_MALLOCHOOKS_H
#define MALLOCHOOKS_MALLOCHOOKS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MALLOCHOOKS_MAGIC	0x6b686d31u	/* "1mhk", little-endian */
#define MALLOCHOOKS_ABI		1	/* grows when a field changes its sense */
#define MALLOCHOOKS_VERSION	"0.1"

enum mallochooks_type {
	MALLOCHOOKS_BOOL = 1,
	MALLOCHOOKS_INT,
	MALLOCHOOKS_SIZE,	/* bytes; k, M and G are powers of 1024 */
	MALLOCHOOKS_STRING,
};

enum mallochooks_origin {	/* low to high, as the sources override */
	MALLOCHOOKS_BUILTIN,
	MALLOCHOOKS_ENVIRONMENT,
};

enum mallochooks_option_flags {
	MALLOCHOOKS_LIVE = 1,	/* may change while the process runs */
};

#define MALLOCHOOKS_STRING_BYTES 256	/* of a string value, its NUL included */

/**
 * struct mallochooks_option - one tunable, declared beside its reader
 * @size:	sizeof(struct mallochooks_option), for readers of another age
 * @type:	enum mallochooks_type
 * @flags:	enum mallochooks_option_flags
 * @origin:	enum mallochooks_origin, of the value in force
 * @name:	without the layer; "layer.name" names it whole
 * @unit:	of the value, or ""
 * @help:	one line
 * @min:	smallest value of a number
 * @max:	largest value of a number
 * @builtin:	default of a number
 * @num:	value in force of a bool, int or size
 * @str:	value in force of a string, @str_bytes long at most
 * @str_bytes:	room at @str, or 0
 */
struct mallochooks_option {
	uint32_t size;
	uint16_t type;
	uint8_t flags;
	uint8_t origin;
	const char *name;
	const char *unit;
	const char *help;
	int64_t min;
	int64_t max;
	int64_t builtin;
	int64_t num;
	char *str;
	uint64_t str_bytes;
};

/**
 * struct mallochooks_layer - one layer of a stack
 * @size:	sizeof(struct mallochooks_layer)
 * @transforming: nonzero when the layer changes sizes or pointers
 * @name:	as in the configuration; a second instance has a number behind
 * @options:	array that ends with an entry of @size 0, or NULL
 * @init:	before the stack goes live, terminal first; or NULL
 * @live:	when it has gone live, terminal first; or NULL
 * @fork:	at the first call in a child of fork, terminal first; or NULL
 * @fini:	from the destructor, top first; or NULL
 * @dump:	write what the layer knows as lines to @fd; or NULL
 */
struct mallochooks_layer {
	uint32_t size;
	uint32_t transforming;
	const char *name;
	struct mallochooks_option *options;
	void (*init)(void);
	void (*live)(void);
	void (*fork)(void);
	void (*fini)(void);
	void (*dump)(int fd);
};

/**
 * struct mallochooks_stack - one stack, that is: one identity
 * @size:	sizeof(struct mallochooks_stack)
 * @nr_layers:	layers, entry not counted, terminal counted
 * @ident:	identity
 * @event_ident: prefix of the event handlers
 * @method:	"preload"
 * @prefix:	symbol prefix of the allocator ("" for malloc itself)
 * @symbols:	user symbols that the stack defines, separated by spaces
 * @layers:	top to bottom
 */
struct mallochooks_stack {
	uint32_t size;
	uint32_t nr_layers;
	const char *ident;
	const char *event_ident;
	const char *method;
	const char *prefix;
	const char *symbols;
	const struct mallochooks_layer *layers;
};

/**
 * struct mallochooks_unit - the descriptor that each unit exports
 * @magic:	MALLOCHOOKS_MAGIC
 * @abi:	MALLOCHOOKS_ABI
 * @size:	sizeof(struct mallochooks_unit)
 * @reserved:	0
 * @version:	of the library, as "0.1"
 * @stacks:	first of the unit's stacks
 * @stacks_end:	behind the last one
 */
struct mallochooks_unit {
	uint32_t magic;
	uint32_t abi;
	uint32_t size;
	uint32_t reserved;
	const char *version;
	const struct mallochooks_stack *const *stacks;
	const struct mallochooks_stack *const *stacks_end;
};

extern const struct mallochooks_unit mallochooks_unit
	__attribute__((visibility("default")));

/*
 * Arrays of another unit may have longer elements than this header knows of:
 * each element says its own size, and these two step by it.
 */

/**
 * mallochooks_layer_at() - layer number @i of a stack
 */
static inline const struct mallochooks_layer *
mallochooks_layer_at(const struct mallochooks_stack *stack, uint32_t i)
{
	return (const struct mallochooks_layer *)
		((const char *)stack->layers + (size_t)i * stack->layers->size);
}

/**
 * mallochooks_next_option() - step through the options of a layer
 * @layer:	whose
 * @option:	NULL for the first
 *
 * Return: the next one, or NULL.
 */
static inline struct mallochooks_option *
mallochooks_next_option(const struct mallochooks_layer *layer,
			struct mallochooks_option *option)
{
	if (option)
		option = (struct mallochooks_option *)
			((char *)option + option->size);
	else
		option = layer->options;
	return option && option->size ? option : NULL;
}

#pragma GCC visibility push(hidden)

/**
 * mallochooks_for_each_stack() - visit every stack of every unit
 * @visit:	called with each; a nonzero result ends the walk
 * @arg:	handed to @visit
 *
 * Context: any thread, not before the constructors of the units have run and
 * not while another thread is inside dlopen() or dlclose().  Allocates nothing.
 * Return: 0, or what @visit returned.
 */
int mallochooks_for_each_stack(
	int (*visit)(const struct mallochooks_unit *unit,
		     const struct mallochooks_stack *stack, void *arg),
	void *arg);

/**
 * mallochooks_dump() - have every layer of every stack write what it knows
 * @fd:		descriptor that the lines go to
 *
 * Context: as mallochooks_for_each_stack().
 * Return: number of layers that wrote something.
 */
int mallochooks_dump(int fd);

/**
 * mallochooks_option() - find an option by its whole name
 * @name:	"layer.option", or "identity:layer.option" for one stack only
 *
 * Context: as mallochooks_for_each_stack().
 * Return: the option, or NULL.
 */
const struct mallochooks_option *mallochooks_option(const char *name);

/**
 * mallochooks_version() - version of the library that this unit was made from
 */
const char *mallochooks_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
