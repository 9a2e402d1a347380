/* SPDX-License-Identifier: MIT */
/*
 * describe.h - a description: several allocators and facades in one file
 *
 * Written as libconfig reads it; Documentation/description.rst has the rules.
 * Every allocator is a model, as one .config or one command line is, plus the
 * functions that have names of their own.
 */
#ifndef MALLOCHOOKS_DESCRIBE_H
#define MALLOCHOOKS_DESCRIBE_H

#include "family.h"
#include "model.h"

/**
 * struct described - one allocator, or one group of facades
 * @model:	its values
 * @family:	its functions; none: malloc's family, by the symbols of the model
 * @facades:	these are facades, and there is no stack
 * @inside:	identity of the allocator out of whose chunks it carves, or NULL
 * @where:	"FILE:LINE"
 */
struct described {
	struct model model;
	struct family family;
	int facades;
	char *inside;
	char *where;
};

struct description {
	struct described *part;
	size_t nr;
};

/**
 * description_read() - read a file
 * @base:	values that every part starts from
 *
 * Return: 0, or -1 with a line said for each thing that is wrong.
 */
int description_read(struct description *description, const char *path,
		     const struct model *base);
void description_free(struct description *description);

#endif
