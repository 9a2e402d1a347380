/* SPDX-License-Identifier: MIT */
/*
 * bitcode.h - the symbols of LLVM bitcode, which clang -flto writes
 */
#ifndef MALLOCHOOKS_BITCODE_H
#define MALLOCHOOKS_BITCODE_H

#include <stddef.h>

int bitcode_is(const void *file, size_t bytes);

/**
 * bitcode_defines() - does it define @name?
 * @local:	a static one counts too
 *
 * Return: 0 no, 1 yes, -1 when its symbol table is missing or strange.
 */
int bitcode_defines(const void *file, size_t bytes, const char *name,
		    int local);

#endif
