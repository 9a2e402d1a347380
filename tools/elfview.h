/* SPDX-License-Identifier: MIT */
/*
 * elfview.h - the symbols of an object, read where it lies
 *
 * For a look at every object of a link: nothing is allocated, and no more is read
 * than that.  elfedit.h is for those that are to be changed.
 */
#ifndef MALLOCHOOKS_ELFVIEW_H
#define MALLOCHOOKS_ELFVIEW_H

#include <elf.h>
#include <stddef.h>

/**
 * struct elfview - one object
 * @file:	@bytes of it
 * @headers:	where those of its @nr_headers sections begin
 * @names:	of its symbols, @names_bytes of them
 * @symbols:	@nr_symbols of them
 * @has_gimple:	it has code of gcc's LTO
 */
struct elfview {
	const unsigned char *file;
	size_t bytes;
	size_t headers, nr_headers;
	const char *names;
	size_t names_bytes;
	const unsigned char *symbols;
	size_t nr_symbols;
	int has_gimple;
};

/* Return: 0 when it is an object, whole enough to be judged. */
int elfview_open(struct elfview *view, const void *file, size_t bytes);

/* @sym: filled in.  Return: its name; "" when that is cut off. */
const char *elfview_symbol(const struct elfview *view, size_t i, Elf64_Sym *sym);

#endif
