/* SPDX-License-Identifier: MIT */
/*
 * signature.h - "pool_alloc(pZ)p": a function, and what each argument is
 *
 *	[FILE:]NAME(ARGUMENTS)RESULT
 *
 * FILE: names the object or archive member of a static function.  A letter for
 * each argument, and one or none (void) for the result:
 *
 *	Z	bytes that are asked for; of two the product counts
 *	I	the same as an int
 *	P	the chunk that is freed, resized or asked about
 *	A	alignment of the chunk, in bytes
 *	p	any other pointer
 *	z	size_t
 *	i	int
 *	l	long
 *
 * Everything is passed in general registers or on the stack as these are, so
 * a pointer stands for any word, and "l" for any other whole number; floating
 * point, structures by value and variable arguments are refused.
 */
#ifndef MALLOCHOOKS_SIGNATURE_H
#define MALLOCHOOKS_SIGNATURE_H

#include "tools.h"

#define SIGNATURE_MOST	12	/* arguments */

/**
 * struct signature - one function taken apart
 * @file:	that defines a static one, or NULL
 * @name:	of the function; where several files have one of its name, as hooks
 *		call it
 * @symbol:	its plain name, when that is another one, or NULL
 * @args:	letters of its arguments
 * @ret:	letter of its result, 0 for void
 */
struct signature {
	char *file;
	char *name;
	char *symbol;
	char args[SIGNATURE_MOST + 1];
	char ret;
};

/**
 * signature_parse() - take a text apart
 * Return: NULL, or what is wrong, to be freed; signature_free() is for both.
 */
char *signature_parse(struct signature *signature, const char *text);
void signature_free(struct signature *signature);

/* Are they of the same name, and not the same function? */
int signature_is_another(const struct signature *a, const struct signature *b);

/* From now on a static function has a name that tells its file, too. */
void signature_name_by_file(struct signature *signature);

/* As it is asked for: "X", or "FILE:X"; to be freed. */
char *signature_asked(const struct signature *signature);

/* Is it a size, or a factor of one? */
int signature_is_size(char letter);
size_t signature_sizes(const struct signature *signature);

/* How many arguments have this letter. */
size_t signature_count(const struct signature *signature, char letter);

/* The C type of a letter, 0: void. */
const char *signature_type(char letter);

/* What an argument is called in C: "size", "ptr", "a0".  In a static buffer. */
const char *signature_arg(const struct signature *signature, size_t arg);

/* "void *a0, size_t size" and "a0, size", or "". */
char *signature_params(const struct signature *signature);
char *signature_list(const struct signature *signature);

/**
 * signature_stack() - bytes of arguments that are passed on the stack
 * @arch:	"x86_64" or "aarch64"
 */
size_t signature_stack(const struct signature *signature, const char *arch);

#endif
