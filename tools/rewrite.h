/* SPDX-License-Identifier: MIT */
/*
 * rewrite.h - make an object call somebody else's X where it defines X itself
 *
 * The object's own definition becomes the hidden __real_X.  What the object
 * refers to as X is then to be defined by another one, the hooks; depending on
 * how it refers, it gets
 *
 *	X			by name, as anybody else's references do
 *	__mallochooks_entry_X	its address, taken without the name: a hidden
 *				second name of the hook
 *	__mallochooks_self_X	a call or jump without the name, which ends in this
 *				object: a thunk (arch/ARCH/self.S), since gcc at -O2
 *				relies on which registers the callee leaves alone,
 *				and on what stack it can do with
 *	__mallochooks_call_X	one by name: to the same, unless in a shared object
 *				the name is another one's in the process
 *
 * What describes the function (debug info, unwind tables, its size) stays with
 * __real_X.  From memory to memory, for a tool and for a linker's plugin alike.
 */
#ifndef MALLOCHOOKS_REWRITE_H
#define MALLOCHOOKS_REWRITE_H

#include "tools.h"

enum rewrite_self {
	REWRITE_SELF_THUNK,	/* to the thunk */
	REWRITE_SELF_DIRECT,	/* to X: the compiler was told to know nothing */
	REWRITE_SELF_REAL,	/* code of the object stays with __real_X */
};

/**
 * struct rewrite_options - what to rewrite, and how
 * @symbols:	"X", a global function, or "FILE:X", also a static one in the
 *		object or archive member FILE
 * @as:		for each of them, the name that the hooks have for it; none at all:
 *		X everywhere
 * @aliases:	other names of the same function are it, too
 * @self:	where calls within the object go
 */
struct rewrite_options {
	struct strings symbols;
	struct strings as;
	int aliases;
	enum rewrite_self self;
};

/**
 * struct rewrite_result - what came out; rewrite_result_free() is for it
 * @data:	the object, @bytes of it; NULL unless REWRITE_DONE
 * @errors:	lines "SYMBOL: what is wrong: remedy"
 * @notes:	lines that say what was redirected
 */
struct rewrite_result {
	unsigned char *data;
	size_t bytes;
	struct strings errors;
	struct strings notes;
};

enum rewrite_status {
	REWRITE_ABSENT,		/* it defines none of them: leave it alone */
	REWRITE_DONE,
	REWRITE_FAILED,
};

/**
 * rewrite_object() - rewrite one object
 * @name:	of the object, for "FILE:X"
 * @file:	@bytes of it; anything at all
 * @found:	set to 1 for each of @options->symbols that it defines
 *
 * What is no ELF file is REWRITE_ABSENT, unless it is known to be code of
 * link-time optimisation that defines, or could define, one of the symbols.
 */
enum rewrite_status rewrite_object(const struct rewrite_options *options,
				   const char *name, const void *file,
				   size_t bytes, unsigned char *found,
				   struct rewrite_result *result);

void rewrite_result_free(struct rewrite_result *result);

#endif
