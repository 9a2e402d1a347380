// SPDX-License-Identifier: MIT
/*
 * rewrite_length - do we find the ends of instructions where objdump does?
 *
 *	rewrite_length FILE VMA OFFSET SIZE <ADDRESSES
 *
 * VMA, OFFSET and SIZE in hex, of .text; a line "ADDRESS MNEMONIC" for each
 * instruction.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite-machine.h"

struct text {
	unsigned char *bytes;
	unsigned long vma, size;
	unsigned long good, bad;
};

static void compare(struct text *text, unsigned long from, unsigned long to,
		    const char *what)
{
	unsigned long at = from - text->vma;
	size_t field, length;

	/* Prefixes that stand alone are not how a processor reads them. */
	if (at >= text->size || !strcmp(what, "(bad)"))
		return;
	length = x86_length(text->bytes + at, text->size - at, &field);
	if (length == to - from) {
		text->good++;
		return;
	}
	text->bad++;
	printf("%#lx: %s: %zu bytes, not %lu\n", from, what, length, to - from);
}

int main(int argc, char **argv)
{
	struct text text = { 0 };
	char line[256], what[256] = "", next_what[256];
	unsigned long at = 0, next;
	FILE *file;

	if (argc != 5)
		return 2;
	text.vma = strtoul(argv[2], NULL, 16);
	text.size = strtoul(argv[4], NULL, 16);
	text.bytes = malloc(text.size);
	file = fopen(argv[1], "r");
	if (!file || !text.bytes ||
	    fseek(file, strtol(argv[3], NULL, 16), SEEK_SET) ||
	    fread(text.bytes, 1, text.size, file) != text.size)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%lx %255s", &next, next_what) != 2)
			continue;
		if (at && next > at && next - at <= 15)
			compare(&text, at, next, what);
		at = next;
		strcpy(what, next_what);
	}
	printf("%lu instructions, %lu otherwise\n", text.good + text.bad,
	       text.bad);
	return text.bad > 0 || !text.good;
}
