/* SPDX-License-Identifier: MIT */
/*
 * pack - make a text small, and large again
 */
#ifndef PACK_H
#define PACK_H

#include <stddef.h>

struct packed {
	unsigned char *data;
	size_t bytes;
	size_t text_bytes;
};

/* Return: what pack_free() frees. */
struct packed *pack_text(const char *text);

/* Return: the text, for the caller to free. */
char *pack_unpack(const struct packed *packed);

void pack_free(struct packed *packed);

#endif
