/* SPDX-License-Identifier: MIT */
/*
 * family.h - the functions of an allocator that have names of their own, and
 * facades; as C for people to read
 *
 * The entry of such a function narrows it to the hook API; arguments for which
 * that has no room (the pool) wait in the entry's frame until the terminal calls
 * the real one.  Where a layer makes of one operation another (a realloc that
 * allocates), the function of the other kind is called whose arguments the first
 * one has.
 */
#ifndef MALLOCHOOKS_FAMILY_H
#define MALLOCHOOKS_FAMILY_H

#include "signature.h"

enum function_kind {
	FUNCTION_ALLOC,
	FUNCTION_CALLOC,	/* the memory is zeroed */
	FUNCTION_REALLOC,
	FUNCTION_FREE,
	FUNCTION_SIZE,
	FUNCTION_FACADE,
	NR_FUNCTION_KINDS,
};

/* As a description calls them. */
extern const char *const function_kind_names[NR_FUNCTION_KINDS];

struct function {
	struct signature signature;
	enum function_kind kind;
};

struct family {
	struct function *function;
	size_t nr;
};

/**
 * family_add() - one more function
 * @text:	its signature
 *
 * Return: NULL, or what is wrong with it, to be freed.
 */
char *family_add(struct family *family, enum function_kind kind,
		 const char *text);
void family_free(struct family *family);

/**
 * family_check() - can an allocator have these functions?
 *
 * Return: NULL, or what is missing, to be freed.
 */
char *family_check(const struct family *family);

/* The C source of the entries, of the terminal, and of the stubs of facades. */
void family_write_entry(const struct family *family, FILE *out);
void family_write_terminal(const struct family *family, FILE *out);
void family_write_facades(const struct family *family, FILE *out);

/* The thunk of each function, for method replace: lines of assembler. */
void family_write_thunks(const struct family *family, const char *arch,
			 FILE *out);

#endif
