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
 * @model, @compiler, @sandwich: what is composed, by what
 * @source_dir:	hooks/, index/, config/ and arch/ are in there
 * @include_dir: mallochooks/layer.h is in there
 * @work:	folder of the intermediate files
 * @keep_work:	it is the user's: leave it
 * @use_lto:	one unit; clear for separate objects
 * @jobs:	the compilers
 * @want_deps:	fill in @deps
 * @deps:	dependency files that the compilers wrote
 */
struct compose {
	const struct model *model;
	const struct compiler *compiler;
	struct sandwich *sandwich;
	const char *source_dir;
	char *include_dir;
	char *work;
	int keep_work;
	int use_lto;
	struct jobs jobs;
	int want_deps;
	struct strings deps;
};

/**
 * compose_open() - make the work folder and write config.h into it
 * @work:	the user's folder, or NULL for one that compose_close() removes
 *
 * The other fields have to be filled in before.
 * Return: 0, or -1 with a line said; compose_close() is right after both.
 */
int compose_open(struct compose *compose, const char *work);
void compose_close(struct compose *compose);

/* Compile each layer for its symbols' sake and look at them; then judge. */
int compose_probe(struct compose *compose);

/**
 * compose_build() - make the objects
 * @out:	the drop-in: stack and runtime
 * @parts:	folder for stack.o and runtime.o, or NULL
 */
int compose_build(struct compose *compose, const char *out,
		  const char *parts);

/* product.c: names of the user API and of others, as the linker sees them. */

/**
 * write_keep_list() - names that stay global in the stack object
 * @joined:	object of the whole stack
 * @path:	to be written, one name a line
 *
 * Return: 0, or -1 with a line said: also when the object lacks an entry that
 * the model promises.
 */
int write_keep_list(const struct model *model, const char *joined,
		    const char *path);

/* The words that a link of the stack needs beside the object, by its method. */
void link_words(const struct model *model, struct strings *words);

/* OUT.mk beside OUT.o. */
int write_make_fragment(const struct model *model, const char *out);

/* Rules for make: what @out was made from. */
int write_depfile(const struct compose *compose, const char *out,
		  const char *path, const char *config);

#endif
