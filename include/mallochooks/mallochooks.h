/* SPDX-License-Identifier: MIT */
/*
 * mallochooks.h - what every unit of libmallochooks tells about itself
 *
 * A unit is one link output (executable or shared object) that carries stacks
 * of ours.  It has one descriptor, the symbol mallochooks_unit, which shared
 * objects export and to which the ELF notes of executables lead.  The functions
 * below are hidden in each unit and walk all units of the process, so that several
 * of them answer as one.
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
	MALLOCHOOKS_DURATION,	/* nanoseconds; written with ns us ms s min h */
	MALLOCHOOKS_ENUM,	/* number of one of the words in @choices */
	MALLOCHOOKS_LIST,	/* strings: mallochooks_next_item() */
};

enum mallochooks_origin {	/* low to high, as the sources override */
	MALLOCHOOKS_BUILTIN,
	MALLOCHOOKS_SYSTEM_FILE,	/* /etc/mallochooks.conf */
	MALLOCHOOKS_NAMED_FILE,		/* MALLOCHOOKS_CONF */
	MALLOCHOOKS_ENVIRONMENT,	/* MALLOCHOOKS */
	MALLOCHOOKS_API,
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
 * @min:	smallest value of an int, size or duration
 * @max:	largest value of one
 * @builtin:	default of whatever has a number
 * @num:	value in force of all but strings and lists
 * @str:	value in force of a string, @str_bytes long at most; of a list the
 *		items, each with its NUL, and one NUL more behind the last
 * @str_bytes:	room at @str, or 0
 * @choices:	words of an enum, as "off|some|all"; number 0 comes first
 * @file:	that the value in force stands in, or NULL
 * @line:	of @file
 * @slot:	number of its value in struct mallochooks_table, from 1; 0: it has
 *		none (strings, lists)
 *
 * One of another age may end before any of the last four.
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
	const char *choices;
	const char *file;
	uint32_t line;
	uint32_t slot;
};

enum mallochooks_object_flags {
	MALLOCHOOKS_PENDING = 1, /* a realloc of it is under way */
	MALLOCHOOKS_POOL = 2,	/* another allocator has chunks in it, or had */
	MALLOCHOOKS_DEPTH = 0xff00, /* indexes that its own is nested in, from 256 */
};

/**
 * struct mallochooks_object - a chunk that is alive
 * @size:	sizeof(struct mallochooks_object), as whoever reads it knows it
 * @flags:	enum mallochooks_object_flags
 * @ident:	identity of the stack that it was allocated through
 * @base:	its address
 * @requested:	bytes that were asked for
 * @usable:	bytes from @base on that its owner may use; @requested where the
 *		allocator does not tell
 * @site:	address that the call which allocated it returned to, or 0; a
 *		realloc leaves it as it was
 * @tag:	what mallochooks_set_tag() has set, or 0; a realloc keeps it
 */
struct mallochooks_object {
	uint32_t size;
	uint32_t flags;
	const char *ident;
	void *base;
	uint64_t requested;
	uint64_t usable;
	uint64_t site;
	uint64_t tag;
};

/* Called with each object of a walk; a nonzero result ends the walk. */
typedef int mallochooks_visit(const struct mallochooks_object *object,
			      void *arg);

/**
 * struct mallochooks_root - where a layer keeps its objects, for readers outside
 * @size:	sizeof(struct mallochooks_root)
 * @layout:	of what lies there: Documentation/formats.rst
 * @bytes:	of what @at points to
 * @at:		the first of it
 *
 * A debugger or "mallochooks query" reads it without running anything here.
 */
struct mallochooks_root {
	uint32_t size;
	uint32_t layout;
	uint64_t bytes;
	const void *at;
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
 * @query:	mallochooks_query() of this layer's objects; or NULL
 * @tag:	mallochooks_set_tag() of one of them; or NULL
 * @walk:	mallochooks_walk() over them; or NULL
 * @changed:	live options have other values now; top first; or NULL
 * @reset:	count from zero (core.reset), top first; or NULL
 * @root:	where its objects are kept; or NULL
 *
 * A layer of another age may end before any of these: mallochooks_layer_has().
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
	int (*query)(const void *address, struct mallochooks_object *object);
	int (*tag)(const void *address, uint64_t tag);
	int (*walk)(mallochooks_visit *visit, void *arg);
	void (*changed)(void);
	void (*reset)(void);
	const struct mallochooks_root *root;
};

#define MALLOCHOOKS_TABLE_MAGIC	0x00656c626174686dull	/* "mhtable\0" */
#define MALLOCHOOKS_TABLE_VERSION 1	/* grows when a field changes its sense */
#define MALLOCHOOKS_SLOTS	62	/* values that a table has room for */

/**
 * struct mallochooks_values - one copy of the values of a stack
 * @serial:	of whoever wrote it, different each time; 0: nobody yet
 * @nr:		values in use, the table's @nr
 * @checksum:	mallochooks_checksum() of it
 * @value:	by slot
 */
struct mallochooks_values {
	uint64_t serial;
	uint32_t nr;
	uint32_t checksum;
	int64_t value[MALLOCHOOKS_SLOTS];
};

enum mallochooks_table_flags {
	MALLOCHOOKS_ATTENDS = 1, /* the stack looks at @bell */
};

/**
 * struct mallochooks_table - where other processes read and set options
 * @magic:	MALLOCHOOKS_TABLE_MAGIC
 * @version:	MALLOCHOOKS_TABLE_VERSION
 * @size:	sizeof(struct mallochooks_table)
 * @self:	its own address; 0 before the stack has started
 * @unit:	address of the descriptor of the unit
 * @stack:	address of the stack's tables, whose options say their slots
 * @bell:	address of a byte to be set to 1 by who has turned @flip
 * @nr:		slots in use
 * @flags:	enum mallochooks_table_flags
 * @flip:	lowest bit: the copy that counts
 * @seen:	serial of the copy that the stack has taken in
 * @refused:	bit by slot: what in that copy it has put back
 * @force:	values in force, by slot, each written by one store
 * @copy:	what they are to be
 *
 * Up to and with @stack the same in all versions.  Documentation/abi.rst has the
 * rules.  What follows @copy is the stack's own business.
 */
struct mallochooks_table {
	uint64_t magic;
	uint32_t version;
	uint32_t size;
	uint64_t self;
	uint64_t unit;
	uint64_t stack;
	uint64_t bell;
	uint32_t nr;
	uint32_t flags;
	uint8_t flip;
	uint8_t reserved1[7];
	uint64_t seen;
	uint64_t refused;
	uint64_t reserved2[6];
	int64_t force[MALLOCHOOKS_SLOTS];
	struct mallochooks_values copy[2];
	uint32_t busy;
	uint32_t again;
	uint32_t asked;
	uint32_t reserved3;
	uint64_t said;
};

/*
 * The ELF note of each stack, owner "mallochooks" and type 1: the ABI of the
 * descriptor, then at these offsets the identity and two distances of 8 bytes,
 * each from its own place.  Notes of another age are shorter, or longer.
 */
enum mallochooks_note {
	MALLOCHOOKS_NOTE_IDENT = 4,	/* zeros behind it */
	MALLOCHOOKS_NOTE_TABLE = 64,	/* to the table */
	MALLOCHOOKS_NOTE_UNIT = 72,	/* to the descriptor */
	MALLOCHOOKS_NOTE_BYTES = 80,
};

/**
 * mallochooks_checksum() - of what @values has in use, @checksum left out
 *
 * FNV-1a with 32 bits over the bytes of @serial, @nr and @value[0] to
 * @value[@nr - 1] in memory.
 * Source: Fowler, Noll, Vo; draft-eastlake-fnv.
 */
static inline uint32_t
mallochooks_checksum(const struct mallochooks_values *values)
{
	const unsigned char *byte = (const unsigned char *)values;
	uint32_t nr = values->nr < MALLOCHOOKS_SLOTS ? values->nr :
						       MALLOCHOOKS_SLOTS;
	size_t end = offsetof(struct mallochooks_values, value) +
		     nr * sizeof(values->value[0]);
	uint32_t sum = 0x811c9dc5u;

	for (size_t i = 0; i < end; i++)
		if (i < offsetof(struct mallochooks_values, checksum) ||
		    i >= offsetof(struct mallochooks_values, value))
			sum = (sum ^ byte[i]) * 0x01000193u;
	return sum;
}

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
 * @table:	what other processes may write to; a stack of another age may end
 *		before it
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
	struct mallochooks_table *table;
};

/**
 * struct mallochooks_unit - the descriptor of a unit
 * @magic:	MALLOCHOOKS_MAGIC
 * @abi:	MALLOCHOOKS_ABI
 * @size:	sizeof(struct mallochooks_unit)
 * @reserved:	0
 * @version:	of the library, as "0.1"
 * @stacks:	first of the unit's stacks
 * @stacks_end:	behind the last one
 * @core:	options of the unit itself, as those of a layer "core"; a unit of
 *		another age may lack it: mallochooks_unit_core()
 * @latch_offset: of the latch of call sites from the thread pointer, 0 before
 *		the unit has started; later than @core
 */
struct mallochooks_unit {
	uint32_t magic;
	uint32_t abi;
	uint32_t size;
	uint32_t reserved;
	const char *version;
	const struct mallochooks_stack *const *stacks;
	const struct mallochooks_stack *const *stacks_end;
	const struct mallochooks_layer *core;
	const ptrdiff_t *latch_offset;
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
 * mallochooks_layer_has() - is the layer of an age that knows of a member?
 * @offset:	offsetof() the member
 */
static inline int mallochooks_layer_has(const struct mallochooks_layer *layer,
					size_t offset)
{
	return layer->size >= offset + sizeof(void *);
}

/**
 * mallochooks_unit_core() - the options of a unit itself
 * Return: as of a layer, or NULL.
 */
static inline const struct mallochooks_layer *
mallochooks_unit_core(const struct mallochooks_unit *unit)
{
	return unit->size >= offsetof(struct mallochooks_unit, core) +
			     sizeof(unit->core) ? unit->core : NULL;
}

/**
 * mallochooks_next_item() - step through the items of a list
 * @option:	of type MALLOCHOOKS_LIST
 * @item:	NULL for the first
 *
 * Return: the next one, or NULL.
 */
static inline const char *
mallochooks_next_item(const struct mallochooks_option *option, const char *item)
{
	if (!item)
		item = option->str;
	else
		while (*item++)
			;
	return *item ? item : NULL;
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

enum mallochooks_allocator_flags {
	MALLOCHOOKS_INDEXED = 1,	/* it has the layer index, or one like it */
};

/**
 * struct mallochooks_allocator - a malloc family of the process that has a stack
 * @size:	sizeof(struct mallochooks_allocator), as whoever fills it in knows it
 * @flags:	enum mallochooks_allocator_flags
 * @ident:	identity, as in the objects of mallochooks_query()
 * @method:	by which calls come to it: "preload", "replace", "wrap", "wrapdl"
 * @prefix:	of its symbols; "" for malloc itself
 * @symbols:	those that are hooked, without the prefix, separated by spaces
 * @unit:	that it is in
 * @stack:	what it is made of
 */
struct mallochooks_allocator {
	uint32_t size;
	uint32_t flags;
	const char *ident;
	const char *method;
	const char *prefix;
	const char *symbols;
	const struct mallochooks_unit *unit;
	const struct mallochooks_stack *stack;
};

/**
 * mallochooks_for_each_allocator() - visit what is hooked
 * @visit:	called with each; a nonzero result ends the walk.  @allocator is valid
 *		during the call, what it points to as long as its unit is loaded.
 * @arg:	handed to @visit
 *
 * Where two stacks hook the same functions (a program's own and a preload), both
 * are visited.  How much of it is alive, mallochooks_walk() adds up.
 *
 * Context, return: as mallochooks_for_each_stack().
 */
int mallochooks_for_each_allocator(
	int (*visit)(const struct mallochooks_allocator *allocator, void *arg),
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
 * mallochooks_query() - what is this address?
 * @address:	any: the begin of a chunk, the middle of one, or no chunk's
 * @object:	filled in when found
 *
 * Needs a stack with the layer index, in any unit; fastest where it is in the
 * caller's own.  A chunk holds the addresses from its first byte to its last
 * usable one.  Of one that nobody frees or reallocates meanwhile the answer is
 * certain; it is never made up of two.  The memory at @address is not touched.
 *
 * Where allocators are nested, the answer is the innermost chunk: the object, and
 * not the pool that it lies in.  Objects go when their pool is freed, whoever
 * frees it.
 *
 * Context: as mallochooks_for_each_stack(); also event handlers, signal handlers,
 * children of fork.
 * Return: 0; -ENOENT: no live chunk that we know of (freed, foreign, older than
 * the stack); -EAGAIN: it was changed again and again while we looked.
 */
int mallochooks_query(const void *address, struct mallochooks_object *object);

/**
 * mallochooks_query_outer() - what does this object lie in?
 * @inner:	as mallochooks_query(), or this function, has filled it in
 * @outer:	filled in when found; may be @inner
 *
 * From an object to the chunk of the pool that it lies in, and so on, to what
 * malloc has given.  Takes longer than a query, as all units are asked.
 *
 * Context: as mallochooks_query().
 * Return: 0; -ENOENT: nothing that we know of; -EAGAIN: as there.
 */
int mallochooks_query_outer(const struct mallochooks_object *inner,
			    struct mallochooks_object *outer);

/**
 * mallochooks_set_tag() - mark a chunk with a number of the client's own
 * @address:	any within the chunk, which must not be freed meanwhile; of several
 *		it is the innermost
 * @tag:	the number; 0, which every chunk begins with, takes it away
 *
 * Context: as mallochooks_query().
 * Return: 0; -ENOENT, -EAGAIN: as there; -EBUSY: a realloc of the chunk is under
 * way; -ENOMEM.
 */
int mallochooks_set_tag(const void *address, uint64_t tag);

/**
 * mallochooks_get_tag() - read it back
 * @tag:	filled in when the chunk is found
 *
 * Context, return: as mallochooks_query().
 */
int mallochooks_get_tag(const void *address, uint64_t *tag);

/**
 * mallochooks_walk() - visit all chunks that are alive
 * @visit:	called with each; a nonzero result ends the walk
 * @arg:	handed to @visit
 *
 * Chunks that live from begin to end of the walk are visited once; those born
 * or freed meanwhile once or not at all; one that realloc moves may be seen at
 * both places.  @visit may allocate, free and query.
 *
 * Context: as mallochooks_query().
 * Return: 0, or what @visit returned.
 */
int mallochooks_walk(mallochooks_visit *visit, void *arg);

/**
 * mallochooks_version() - version of the library that this unit was made from
 */
const char *mallochooks_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
