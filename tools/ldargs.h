/* SPDX-License-Identifier: MIT */
/*
 * ldargs.h - the command line of ld.lld or ld.mold, as far as it says what is
 * linked
 *
 * All words are kept in their order, so that the line can be written again with
 * some of them replaced.  Only the words for our own plugin are taken out.
 */
#ifndef MALLOCHOOKS_LDARGS_H
#define MALLOCHOOKS_LDARGS_H

#include "tools.h"

enum ld_flavour {
	LD_LLD = 1,
	LD_MOLD = 2,
};

enum ld_role {
	LD_OPTION,	/* or the value of one: of no concern to us */
	LD_INPUT,	/* a file */
	LD_LIBRARY,	/* -lNAME; two words are made one */
	LD_SCRIPT,	/* -TFILE, likewise */
	LD_DEFSYM,	/* --defsym=NAME=VALUE, likewise */
	LD_GUARD,	/* one of __mallochooks_present_... */
};

/**
 * struct ld_word - a word of the line
 * @name:	of the file, library or script; NAME=VALUE; within @text
 * @is_static:	-Bstatic is in force
 * @is_whole:	--whole-archive
 * @is_lazy:	--start-lib
 * @is_raw:	--format=binary: data, and no object
 */
struct ld_word {
	char *text;
	enum ld_role role;
	const char *name;
	unsigned is_static : 1, is_whole : 1, is_lazy : 1, is_raw : 1;
};

/**
 * struct ld_args - a line
 * @paths:	of -L, with the sysroot put in
 * @sysroot:	NULL when there is none
 * @directory:	mold's -C, taken out of the line: to go to before all else
 * @excluded:	archives of --exclude-libs, or "ALL"
 * @map:	file of -Map, NULL: none
 * @depfile:	of --dependency-file, likewise
 * @is_partial:	-r
 * @is_query:	--version, --help: nothing is linked
 * @has_inputs:	there is a file or a library
 * @is_ours:	our plugin was named
 * @hooks:	its hooks=
 * @symbols:	its symbol=
 * @self:	its self=, NULL when it is not said
 * @aliases:	its aliases
 * @keep_debug:	its debug
 * @may_lack:	its if-absent=ignore
 */
struct ld_args {
	enum ld_flavour flavour;
	struct ld_word *words;
	size_t nr;
	struct strings paths, excluded;
	char *sysroot, *directory, *map, *depfile;
	int is_partial, is_query, has_inputs;
	int is_ours;
	struct strings hooks, symbols;
	char *self;
	int aliases, keep_debug, may_lack;
};

/**
 * ld_args_expand() - argv[1] and up, with the words of @FILE in its place
 *
 * As libiberty reads such files; one that cannot be read stays a word, and so
 * does one that only the linker could read then, a FIFO.
 */
void ld_args_expand(struct strings *words, char *const argv[]);

/**
 * ld_args_read() - read a line
 * @words:	of ld_args_expand()
 *
 * Return: NULL, or what is wrong with the words for our plugin, to be freed.
 */
char *ld_args_read(struct ld_args *args, enum ld_flavour flavour,
		   const struct strings *words);
void ld_args_free(struct ld_args *args);

/**
 * ld_args_library() - the file that -lNAME means
 * @name:	"NAME", or ":FILE"
 * Return: to be freed, NULL when there is none.
 */
char *ld_args_library(const struct ld_args *args, const char *name,
		      int is_static);

/* Return: @dir/@name of the first -L that has it, to be freed; or NULL. */
char *ld_args_search(const struct ld_args *args, const char *name);

/* A word so that the linkers read it back out of an @FILE. */
char *ld_args_quote(const char *word);

#endif
