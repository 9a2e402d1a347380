/* SPDX-License-Identifier: MIT */
/*
 * compiler.h - the client's compiler: what it is, and how we call it
 */
#ifndef MALLOCHOOKS_COMPILER_H
#define MALLOCHOOKS_COMPILER_H

#include "tools.h"

/**
 * struct compiler - a C compiler and its binutils
 * @cc:		its words, as { "ccache", "gcc" }
 * @cflags:	the client's
 * @objcopy:	one that reads the compiler's objects
 * @macros:	names that it predefines in gnu11
 * @machine:	"x86_64", "aarch64" or "other"
 * @is_clang:	clang, or something that says so
 */
struct compiler {
	struct strings cc;
	struct strings cflags;
	char *objcopy;
	struct strings macros;
	const char *machine;
	int is_clang;
};

/**
 * compiler_meet() - find out about a compiler
 * @cc, @cflags: words as for a shell
 * @objcopy:	NULL for the compiler's own
 * Return: 0, or -1 with a line said.
 */
int compiler_meet(struct compiler *compiler, const char *cc,
		  const char *cflags, const char *objcopy);
void compiler_free(struct compiler *compiler);

/* Can it link its own LTO objects by "-r"?  gcc always, clang with lld. */
int compiler_links_lto(const struct compiler *compiler);

#endif
