// SPDX-License-Identifier: MIT
/*
 * pack.c - make a text small, and large again
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pack.h"

struct packed *pack_text(const char *text)
{
	struct packed *packed = malloc(sizeof(*packed));
	uLong bytes;

	if (!packed)
		abort();
	packed->text_bytes = strlen(text) + 1;
	bytes = compressBound(packed->text_bytes);
	packed->data = malloc(bytes);
	if (!packed->data ||
	    compress(packed->data, &bytes, (const Bytef *)text,
		     packed->text_bytes) != Z_OK)
		abort();
	packed->data = realloc(packed->data, bytes);
	packed->bytes = bytes;
	return packed;
}

char *pack_unpack(const struct packed *packed)
{
	uLong bytes = packed->text_bytes;
	char *text = malloc(bytes);

	if (!text || uncompress((Bytef *)text, &bytes, packed->data,
				packed->bytes) != Z_OK)
		abort();
	return text;
}

void pack_free(struct packed *packed)
{
	free(packed->data);
	free(packed);
}
