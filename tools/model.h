/* SPDX-License-Identifier: MIT */
/*
 * model.h - the CONFIG_ values that describe one stack
 *
 * The one reader of .config outside Kconfig.  Values come, low to high, from
 * the built-in defaults (those of Kconfig), a file, and the command line.
 * Every function that can fail has said its line when it returns -1.
 */
#ifndef MALLOCHOOKS_MODEL_H
#define MALLOCHOOKS_MODEL_H

#include <stdio.h>

#include "tools.h"

enum model_type { MODEL_BOOL, MODEL_INT, MODEL_STRING };

/*
 * Groups of bools.  The choices (exactly one member is y) come first; a member
 * is named by a word: its key in lower case behind the prefix of the group.
 */
enum model_group {
	GROUP_ARCH,
	GROUP_METHOD,
	GROUP_CALLOC,
	GROUP_COMPOSE,
	GROUP_CALLER,
	NR_CHOICES,
	GROUP_SYMBOL = NR_CHOICES,
	GROUP_EVENT,
	GROUP_LAYER,
	NR_GROUPS,
	GROUP_NONE = NR_GROUPS,
};

/**
 * struct setting - one CONFIG_ symbol
 * @key:	without CONFIG_
 * @type:	enum model_type
 * @group:	enum model_group
 * @builtin:	default, written as in .config but without quotes
 * @depends:	keys of the bools without which it says nothing, separated by
 *		blanks, the layer that reads it first; or NULL
 * @min, @max:	of an int
 */
struct setting {
	const char *key;
	enum model_type type;
	enum model_group group;
	const char *builtin;
	const char *depends;
	long min;
	long max;
};

extern const struct setting model_settings[];
extern const size_t model_nr_settings;

/**
 * struct model - a value for each setting
 * @value:	as @builtin of the setting
 * @where:	"FILE:LINE" or the word of the command line; NULL for the default
 * @by_hand:	the command line said so
 */
struct model {
	struct model_value {
		char *value;
		char *where;
		int by_hand;
	} *values;
};

void model_init(struct model *model);
void model_copy(struct model *model, const struct model *from);
void model_free(struct model *model);

/* Read a .config.  Return: 0 or -1. */
int model_read(struct model *model, const char *path);

/* @assignment: "CONFIG_KEY=value" of the command line.  Return: 0 or -1. */
int model_assign(struct model *model, const char *assignment,
		 const char *where);

/* Set a string, choose a member of a choice by its word, or select exactly
 * the members of a group whose words are listed.  Return: 0 or -1. */
int model_set(struct model *model, const char *key, const char *value,
	      const char *where);
int model_choose(struct model *model, enum model_group group,
		 const char *word, const char *where);
int model_select(struct model *model, enum model_group group,
		 const struct strings *words, const char *where);

/**
 * model_check() - what can be judged without looking at any source
 *
 * Choices, dependencies, identifiers.
 * Return: 0 or -1.
 */
int model_check(const struct model *model);

/* Values; a setting whose dependency is off reads as its absence: n, or the
 * default of a number. */
int model_bool(const struct model *model, const char *key);
const char *model_string(const struct model *model, const char *key);
const char *model_where(const struct model *model, const char *key);
const char *model_value(const struct model *model, const struct setting *s);
int model_active(const struct model *model, const struct setting *s);

/* Are the entries bound by ld --wrap, as __wrap_malloc? */
int model_wraps(const struct model *model);

/* Word of a member, as "pre_alloc" of EVENT_PRE_ALLOC.  Return: to be freed. */
char *model_word(const struct setting *s);
/* Word of the member that was chosen, or NULL.  Return: to be freed. */
char *model_chosen(const struct model *model, enum model_group group);
/* Words of the members of a group that are y, or that are not. */
void model_words(const struct model *model, enum model_group group, int on,
		 struct strings *words);

/* The C names of the user API that are hooked, prefix included. */
void model_user_names(const struct model *model, struct strings *names);

/* The values as C: "#define CONFIG_X ..." */
void model_write_header(const struct model *model, FILE *out);

/* Is it [a-z_][a-z0-9_]*, and no macro that would replace it? */
int model_is_identifier(const char *word);

#endif
