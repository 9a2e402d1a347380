/* SPDX-License-Identifier: MIT */
/*
 * options.h - give the options of a stack their values
 */
#ifndef MH_OPTIONS_H
#define MH_OPTIONS_H

#include <mallochooks/mallochooks.h>
#include <mallochooks/runtime.h>

#ifndef MH_SYSTEM_CONF
#define MH_SYSTEM_CONF	"/etc/mallochooks.conf"
#endif
#define MH_CORE		"core"	/* layer of the unit's own options */
#define MH_ONLY		"only"	/* list of conditional parts of a file */

/* A piece of text. */
struct mh_word {
	const char *text;
	size_t nr;
};

/* How the text of a value is to be read. */
enum mh_value_form {
	MH_VALUE_ESCAPED,	/* "\," is ",": from the environment */
	MH_VALUE_LITERAL,	/* as it stands: one value of a file */
	MH_VALUE_ITEMS,		/* "a:b", "\:" is ":": several values of a file */
	MH_VALUE_NONE,		/* what no option takes */
};

struct mh_value {
	enum mh_value_form form;
	struct mh_word text;
};

/* Where a value, or a mistake, stands. */
struct mh_source {
	enum mallochooks_origin origin;
	const char *file;	/* NULL: environment */
	uint32_t line;		/* of @file, 0: all of it */
	struct mh_word item;	/* what stands there, or nothing */
	struct mh_word name;	/* the part of it that is wrong */
};

/* How to visit every stack of the process: mallochooks_for_each_stack(). */
typedef int mh_for_each_stack(
	int (*visit)(const struct mallochooks_unit *unit,
		     const struct mallochooks_stack *stack, void *arg),
	void *arg);

/**
 * struct mh_options - the options of one stack, about to get their values
 * @stack:	whose they are
 * @core:	options of its unit, as those of a layer, or NULL
 * @each:	asked whether some other stack knows a name that this one does
 *		not
 * @program:	names of the program, for what a file says of some only; NULL:
 *		found out when it matters
 * @all:	read what is meant for other programs too
 * @secure:	the program was given privileges
 * @mistake:	takes a line about a mistake
 * @mistakes:	how many there were in the file under way
 * @instead_of:	file of which something else is read, or NULL
 * @instead:	that text
 */
struct mh_options {
	const struct mallochooks_stack *stack;
	const struct mallochooks_layer *core;
	mh_for_each_stack *each;
	const char *program[2];
	int all;
	int secure;
	void (*mistake)(const struct mh_source *source, const char *what);
	unsigned int mistakes;
	const char *instead_of;
	const char *instead;
};

#pragma GCC visibility push(hidden)

/* The options of this unit: as those of a layer, and one by one. */
enum mh_core_option {
	MH_CORE_CONFIRM,
	MH_CORE_RECORD,
	MH_CORE_DUMP,
	MH_CORE_DUMP_FD,
	MH_CORE_RESET,
	MH_CORE_SIGNAL,
	MH_CORE_SIGNAL_DOES,
};
extern const struct mallochooks_layer mh_core;
extern struct mallochooks_option mh_core_options[];

/**
 * mh_options_load() - built-in values give way to files and environment
 * @options:	what is not named here may be 0: @stack, @core, @each, @secure,
 *		@mistake
 * @envp:	environment
 *
 * In this order: /etc/mallochooks.conf, the file that MALLOCHOOKS_CONF names,
 * MALLOCHOOKS; the first alone when @secure.  Each mistake is one line, and
 * the value stays.
 *
 * Context: constructor, one at a time.
 */
void mh_options_load(struct mh_options *options, char *const *envp);

/**
 * mh_options_from_environment() - read MALLOCHOOKS="layer.option=value,..."
 *
 * A later word wins.  "identity:" before the name speaks to one stack only; a
 * "?" before all says that nobody need know the option.  A comma in a string
 * is written "\,".
 */
void mh_options_from_environment(struct mh_options *options, char *const *envp);

/**
 * mh_options_from_file() - read a file in the language of libconfig
 * @path:	absolute
 * @origin:	which of the two it is: the system's may be missing
 */
void mh_options_from_file(struct mh_options *options, const char *path,
			  enum mallochooks_origin origin);

/**
 * mh_options_take() - set one option, or say why not
 * @source:	where the words stand
 * @ident:	identity that is meant, or nothing
 * @optional:	nobody need know it
 */
void mh_options_take(struct mh_options *options, const struct mh_source *source,
		     struct mh_word ident, struct mh_word layer,
		     struct mh_word name, const struct mh_value *value,
		     int optional);

/**
 * mh_options_layer_known() - does some stack have the layer?
 * Return: nonzero, or 0 when a line was said, or @optional.
 */
int mh_options_layer_known(struct mh_options *options,
			   const struct mh_source *source, struct mh_word ident,
			   struct mh_word layer, int optional);

/**
 * mh_options_no_such() - a line about a name that is none
 * @what:	"no such ...; there is", before the names
 * @names:	that there are, with NULL behind them: the nearest is told
 *
 * As mh_options_mistake().
 */
void mh_options_no_such(struct mh_options *options,
			const struct mh_source *source, const char *what,
			const char *const *names);

/**
 * mh_options_mistake() - a line about what concerns all stacks
 *
 * Each stack reads every source; the first of the process says it.
 */
void mh_options_mistake(struct mh_options *options,
			const struct mh_source *source, const char *what);

/**
 * mh_options_say() - a mistake as a line of mh_say(), for struct mh_options
 */
void mh_options_say(const struct mh_source *source, const char *what);

/**
 * mh_options_confirm() - if core.confirm says so, write all values and origins
 */
void mh_options_confirm(const struct mh_options *options);

/**
 * mh_options_write() - "layer.option = value (origin)" into a line
 */
void mh_options_write(struct mh_line *line, const char *layer,
		      const struct mallochooks_option *option);

/**
 * mh_option_find() - an option of a stack by "[identity:]layer.option"
 * @core:	options of the stack's unit, or NULL
 * Return: the option, or NULL.
 */
struct mallochooks_option *mh_option_find(const struct mallochooks_layer *core,
					  const struct mallochooks_stack *stack,
					  const char *name);

int mh_word_is(struct mh_word word, const char *str);

/* Cuts @word at the first @c that has no backslash before it, where @c is ','
 * or ':'; at the first one otherwise.
 * Return: what was before, or all of it. */
struct mh_word mh_word_cut(struct mh_word *word, char c);

/**
 * mh_value_set() - give an option a value
 * Return: nonzero, or 0 when it is none for this option, which then stays.
 */
int mh_value_set(struct mallochooks_option *option,
		 const struct mh_value *value);

/* Is @num one for the option, which is neither string nor list? */
int mh_value_fits(const struct mallochooks_option *option, int64_t num);

/**
 * mh_value_write() - the value in force, as it might be given
 */
void mh_value_write(struct mh_line *line,
		    const struct mallochooks_option *option);

/* @num as a value of the option, which is neither string nor list. */
void mh_value_number(struct mh_line *line,
		     const struct mallochooks_option *option, int64_t num);

/* What would be good: "a whole number from 0 to 9". */
void mh_value_wanted(struct mh_line *line,
		     const struct mallochooks_option *option);

#pragma GCC visibility pop

#endif
