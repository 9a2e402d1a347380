/* SPDX-License-Identifier: MIT */
/*
 * nameset.h - a few names, to be asked for often
 *
 * A link has tens of thousands of symbols, and hooks are for a few dozen.
 */
#ifndef MALLOCHOOKS_NAMESET_H
#define MALLOCHOOKS_NAMESET_H

#include <stddef.h>

enum { NAMESET_BEGINS = 1024 };

/**
 * struct nameset - a set of names, which it does not own
 * @name:	@nr of them, sorted
 * @begins:	for the hash of three characters, whether some name begins so
 */
struct nameset {
	const char **name;
	size_t nr;
	unsigned char begins[NAMESET_BEGINS];
};

void nameset_add(struct nameset *set, const char *name);
void nameset_free(struct nameset *set);

/* Of the first three characters; a version (X@@V) or part (X.cold) is none. */
static inline unsigned int nameset_hash(const char *name)
{
	unsigned int hash = 0;

	for (int i = 0; i < 3; i++) {
		if (!name[i] || name[i] == '@' || name[i] == '.')
			break;
		hash = hash * 31 + (unsigned char)name[i];
	}
	return hash % NAMESET_BEGINS;
}

/* Could @name be one of them, with or without something behind it?  Cheap. */
static inline int nameset_may_have(const struct nameset *set, const char *name)
{
	return set->begins[nameset_hash(name)];
}

/* Is @name X, or X@@VERSION, of an X of them? */
int nameset_has(const struct nameset *set, const char *name);

#endif
