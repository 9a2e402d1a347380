/* SPDX-License-Identifier: MIT */
/*
 * compose.h - from sources to one object, by the client's compiler
 */
#ifndef MALLOCHOOKS_COMPOSE_H
#define MALLOCHOOKS_COMPOSE_H

#include "compiler.h"
#include "jobs.h"
#include "sandwich.h"

/**
 * struct compose - one composition under way
 * @compiler:	the client's
 * @model, @sandwich: the stack that is under way, one after another
 * @prefix:	of its intermediate files, "" when there is only one
 * @source_dir:	hooks/, index/, config/ and arch/ are in there
 * @include_dir: mallochooks/layer.h is in there
 * @work:	folder of the intermediate files
 * @keep_work:	it is the user's: leave it
 * @use_lto:	one unit; clear for separate objects
 * @jobs:	the compilers
 * @has_runtime: the runtime is there already
 * @want_deps:	fill in @deps
 * @deps:	dependency files that the compilers wrote
 * @runtime, @contained: objects that all stacks share, and of them those that
 *		go together with libconfig
 * @libconfig:	its archive, or NULL: the stack reads no files of options
 */
struct compose {
	const struct compiler *compiler;
	const struct model *model;
	struct sandwich *sandwich;
	const char *prefix;
	const char *source_dir;
	char *include_dir;
	char *work;
	int keep_work;
	int use_lto;
	struct jobs jobs;
	int has_runtime;
	int want_deps;
	struct strings deps;
	struct strings runtime;
	struct strings contained;
	char *libconfig;
};

/**
 * compose_open() - make the work folder
 * @work:	the user's folder, or NULL for one that compose_close() removes
 *
 * The other fields have to be filled in before.
 * Return: 0, or -1 with a line said; compose_close() is right after both.
 */
int compose_open(struct compose *compose, const char *work);
void compose_close(struct compose *compose);

/**
 * compose_begin() - turn to a stack
 * @prefix:	for its files, as "libc-"
 *
 * Writes its config.h, and the sources of functions with names of their own.
 */
int compose_begin(struct compose *compose, const struct model *model,
		  struct sandwich *sandwich, const char *prefix);

/* Compile each layer for its symbols' sake and look at them; then judge. */
int compose_probe(struct compose *compose);

/* Make the object of the stack.  @out: its path */
int compose_stack(struct compose *compose, const char *out);

/* The same for facades, which are no stack. */
int compose_facades(struct compose *compose, const char *out);

/**
 * compose_runtime() - make the objects that all stacks share
 * @out:	path of all in one, or NULL
 *
 * Of the model only the architecture, the method and whether frame pointers are
 * kept count.  A work folder of the user's gets a runtime.list.
 */
int compose_runtime(struct compose *compose, const char *out);

/* Take the objects of such a list. */
int compose_listed(struct compose *compose, const char *path);

/**
 * compose_finish() - make the drop-in
 * @stacks:	objects of compose_stack() and compose_facades()
 * @runtime:	path of the whole runtime, to be made unless it is there, or NULL
 * @out:	all in one; of a runtime whose objects are known only what they
 *		refer to
 */
int compose_finish(struct compose *compose, const struct strings *stacks,
		   const char *runtime, const char *out);

/* Return: a path of that name in the work folder, to be freed. */
char *compose_path(const struct compose *compose, const char *name);

/* Make a folder of the user's.  @option: that named it */
int compose_folder(const char *path, const char *option);

/* libconfig.c: files of options. */

/* Looks for libconfig's archive; adds what is to be compiled. */
void compose_libconfig_sources(struct compose *compose,
			       struct strings *sources);

/* Makes one object of the archive and what was compiled (@contained). */
int compose_libconfig(struct compose *compose, const struct strings *contained,
		      struct strings *objects);

/**
 * needed_of() - which objects of the runtime do stacks refer to?
 * @needed:	those of @runtime are added
 * Return: 0, or -1 with a line said.
 */
int needed_of(const struct strings *runtime, const struct strings *stacks,
	      struct strings *needed);

/* One a line.  Return: 0, or -1 with a line said. */
int write_list(const struct strings *list, const char *path);

/* product.c: names of the user API and of others, as the linker sees them. */

/**
 * write_keep_list() - names that stay global in the stack object
 * @joined:	object of the whole stack
 * @path:	to be written, one name a line
 *
 * Return: 0, or -1 with a line said: also when the object lacks an entry that
 * the model promises.
 */
int write_keep_list(const struct compose *compose, const char *joined,
		    const char *path);

/**
 * struct link_part - what one stack, or one group of facades, asks of a link
 * @model:	its values
 * @names:	functions that are hooked, as the linker knows them
 * @asked:	those that have names of their own, as "NAME" or "FILE:NAME"
 * @guarded:	it is a stack
 * @all_asked:	archives are searched for every one of @names
 */
struct link_part {
	const struct model *model;
	struct strings names;
	struct strings asked;
	int guarded;
	int all_asked;
};

/**
 * struct link_place - where a link finds what method replace needs
 * @lib_dir:	ldplugin.so and ld/ are in there
 * @hooks:	the object
 */
struct link_place {
	const char *lib_dir;
	const char *hooks;
};

/* The words that a link needs, by the methods; beside the object, but for
 * replace, whose plugin brings it. */
void link_words(const struct link_part *parts, size_t nr,
		const struct link_place *place, struct strings *words);

/* OUT.mk beside OUT.o.  @lib_dir: of struct link_place */
int write_make_fragment(const struct link_part *parts, size_t nr,
			const char *out, const char *lib_dir);

/* Rules for make: what @out was made from. */
int write_depfile(const struct compose *compose, const char *out,
		  const char *path, const char *config);

#endif
