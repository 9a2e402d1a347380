/* SPDX-License-Identifier: MIT */
/*
 * takeover.h - what one link takes over: which functions, with whose hooks
 *
 * A hooks object says by itself what it hooks: each X that it defines together
 * with the hidden __mallochooks_entry_X.  The objects of the link that define
 * some X are rewritten (rewrite.h).  At the end the hooks object is tailored to
 * what the link turned out to define: for an X that it does not define
 *
 *	X		becomes the hidden __mallochooks_unused_X, so that nothing
 *			is exported that the output did not have
 *	__real_X	is bound to the object's own __mallochooks_absent_X
 *
 * and its debug info goes, which most links need not spend their time on.
 *
 * The makefile's tool, the linker's plugin and the ld shim are three front ends
 * of this.  From memory to memory.
 */
#ifndef MALLOCHOOKS_TAKEOVER_H
#define MALLOCHOOKS_TAKEOVER_H

#include "nameset.h"
#include "rewrite.h"

/**
 * struct hooks - one hooks object
 * @path:	where it was read from
 * @data:	@bytes of it
 * @is_mapped:	these are the file itself, of which most is often debug info
 *		that nobody looks at
 * @names:	each X that it hooks
 */
struct hooks {
	char *path;
	char *data;
	size_t bytes;
	int is_mapped;
	struct strings names;
};

/**
 * struct takeover - the state of one link
 * @rewrite:	what to rewrite, and how: the names of all hooks objects, and
 *		what was added by takeover_add_symbol()
 * @found:	for each of @rewrite.symbols, whether the link defines it
 * @lacks:	for each of @rewrite.symbols that is "FILE:X": NULL, or, in words,
 *		what some FILE has instead
 * @asked:	for each of them, whether it was asked for by its own name
 * @seen:	likewise, whether some object defines X, be it part of the link or not
 * @names:	X of each of @rewrite.symbols
 * @keep_debug:	debug info of hooks objects stays
 */
struct takeover {
	struct rewrite_options rewrite;
	unsigned char *found;
	char **lacks;
	unsigned char *asked, *seen;
	struct nameset names;
	int keep_debug;
	struct hooks *hooks;
	size_t nr_hooks;
};

void takeover_close(struct takeover *takeover);

/**
 * takeover_add_hooks() - one more hooks object
 *
 * One that is there already, by file or by name of its X, is not taken twice:
 * the same file is silently the same, two files that hook one X are an error.
 * Return: NULL, or what is wrong, to be freed.
 */
char *takeover_add_hooks(struct takeover *takeover, const char *path);

/* "X", or "FILE:X" for a static one too.  The hooks have to hook X, if any were
 * added before; if not, they come in a later link. */
char *takeover_add_symbol(struct takeover *takeover, const char *word);

/* "thunk", "direct", "real": where calls within an object go. */
char *takeover_set_self(struct takeover *takeover, const char *word);

/**
 * takeover_concerns() - does the object define any of them?
 * @name:	of the object, for "FILE:X"; NULL: it could be any FILE
 *
 * Cheap, and no judgement of anything.  Code of link-time optimisation that
 * defines one concerns too: takeover_object() says what is wrong with it.
 */
int takeover_concerns(const struct takeover *takeover, const char *name,
		      const void *file, size_t bytes);

/* Is it the FILE of a "FILE:X"?  NULL: is there any? */
int takeover_is_named(const struct takeover *takeover, const char *name);

/* Is it a hooks object, such as are added at the end?  takeover_object() refuses
 * it. */
int takeover_is_hooks(const struct takeover *takeover, const void *file,
		      size_t bytes);

/* rewrite_object() with all that, noting what was found. */
enum rewrite_status takeover_object(struct takeover *takeover, const char *name,
				    const void *file, size_t bytes,
				    struct rewrite_result *result);

/* Was anything found that this hooks object hooks? */
int takeover_found(const struct takeover *takeover, size_t hooks);

/**
 * takeover_missing() - that nothing was, in words
 *
 * Return: "HOOKS: no object of this link defines malloc (nor ...)", without a
 * remedy, which depends on who asks; to be freed.
 */
char *takeover_missing(const struct takeover *takeover, size_t hooks);

/**
 * takeover_lacks() - functions that are not where they were said to be
 *
 * Of each "FILE:X" that was not found although takeover_concerns() has seen a FILE.
 * An archive member among these may not be part of the link.  And of each X that was
 * asked for by name, and that no object has which takeover_concerns() has seen.
 * Return: NULL, or "FILE has none ...", to be freed.
 */
char *takeover_lacks(const struct takeover *takeover, size_t hooks);

/* Does the link define some of malloc, free, realloc, calloc, but not all of those
 * that these hooks have?  One of them may be code of LTO. */
int takeover_is_part(const struct takeover *takeover, size_t hooks);

/* Is there such an X?  Then takeover_concerns() should see all objects there are. */
int takeover_must_search(const struct takeover *takeover, size_t hooks);

/**
 * takeover_tailor() - a hooks object as this link needs it
 * @problem:	set to what is wrong, to be freed
 *
 * Return: *@bytes, to be freed; NULL with *@problem.
 */
unsigned char *takeover_tailor(const struct takeover *takeover, size_t hooks,
			       size_t *bytes, char **problem);

/**
 * takeover_stub() - what the link gets instead of a hooks object, where nothing
 * was found and that is no error
 *
 * Defines what the guard among the link's words asks for, and nothing else: the
 * guard then still tells that we were there.
 * Return: *@bytes, to be freed.
 */
unsigned char *takeover_stub(const struct takeover *takeover, size_t hooks,
			     size_t *bytes);

#endif
