// SPDX-License-Identifier: MIT
/*
 * description_fuzz - descriptions that are nearly right, and C from what is
 *
 *	description_fuzz FILE FOLDER SEED TURNS
 *
 * Reads changed copies of FILE in FOLDER.  Every refusal has to say a line; what
 * is taken has to be written out.  Prints how often which was the case.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "describe.h"

static unsigned long state;

static unsigned long any(unsigned long below)
{
	state = state * 6364136223846793005ul + 1442695040888963407ul;
	return (state >> 33) % below;
}

/* What such files are made of. */
static const char *const words[] = {
	"(", ")", "{", "}", "[", "]", "\"", ";", ",", "=", "1", "-1", "1.5",
	"true", "false", "\"\"", "ident", "method", "layers", "inside", "size",
	"alloc", "free", "functions", "facades", "allocators", "set",
	"transforming", "(Z)p", "(pP)", "x.o:", "...", "...)", "PPPPPPPPPPPPPP",
	"\"CONFIG_IDENT=\"", "\\x00", "\\\"", "\n", "#", "/*", "9999999999999",
	"index", "wrap", "preload", "replace", "event", "libc", "IZA", "$",
};

struct text {
	char bytes[1 << 16];
	size_t nr;
};

static void cut(struct text *text, size_t at, size_t nr)
{
	nr = at + nr > text->nr ? text->nr - at : nr;
	memmove(text->bytes + at, text->bytes + at + nr, text->nr - at - nr);
	text->nr -= nr;
}

static void insert(struct text *text, size_t at, const char *bytes, size_t nr)
{
	if (text->nr + nr >= sizeof(text->bytes))
		return;
	memmove(text->bytes + at + nr, text->bytes + at, text->nr - at);
	memcpy(text->bytes + at, bytes, nr);
	text->nr += nr;
}

static void change(struct text *text)
{
	const char *word = words[any(sizeof(words) / sizeof(words[0]))];
	size_t at = any(text->nr + 1), from = any(text->nr + 1);
	char copy[64];

	switch (any(5)) {
	case 0:
		if (at < text->nr)
			text->bytes[at] = (char)any(256);
		break;
	case 1:
		cut(text, at, any(any(2) ? 3 : 40));
		break;
	case 2:
		insert(text, at, word, strlen(word));
		break;
	case 3:
		cut(text, at, strlen(word));
		insert(text, at, word, strlen(word));
		break;
	default:
		if (from + sizeof(copy) > text->nr)
			break;
		memcpy(copy, text->bytes + from, sizeof(copy));
		insert(text, at, copy, any(sizeof(copy)));
	}
}

static void save(const struct text *text, const char *path)
{
	FILE *out = fopen(path, "w");

	if (!out || fwrite(text->bytes, 1, text->nr, out) != text->nr ||
	    fclose(out))
		exit(2);
}

static void write_out(const struct description *description)
{
	FILE *out = fopen("/dev/null", "w");

	for (size_t i = 0; out && i < description->nr; i++) {
		const struct described *part = &description->part[i];

		if (part->facades) {
			family_write_facades(&part->family, out);
		} else {
			family_write_entry(&part->family, out);
			family_write_terminal(&part->family, out);
		}
		family_write_thunks(&part->family, "x86_64", out);
		family_write_thunks(&part->family, "aarch64", out);
		model_write_header(&part->model, out);
		model_check(&part->model);
	}
	if (!out || fclose(out))
		exit(2);
}

/* Return: was anything said since? */
static int was_said(void)
{
	static long before;
	long now;

	fflush(stderr);
	now = lseek(STDERR_FILENO, 0, SEEK_CUR);
	if (now == before)
		return 0;
	before = now;
	return 1;
}

int main(int argc, char **argv)
{
	static struct text good, text;
	unsigned long taken = 0, refused = 0;
	struct description description;
	struct model base;
	char path[4096];
	FILE *in;

	if (argc < 5)
		return 2;
	tool_command = "fuzz";
	in = fopen(argv[1], "r");
	if (!in)
		return 2;
	good.nr = fread(good.bytes, 1, sizeof(good.bytes) / 2, in);
	fclose(in);
	snprintf(path, sizeof(path), "%s/changed", argv[2]);
	state = strtoul(argv[3], NULL, 10);
	model_init(&base);
	for (long turn = strtol(argv[4], NULL, 10); turn; turn--) {
		text = good;
		for (unsigned long n = turn % 8 ? any(4) + 1 : 0; n; n--)
			change(&text);
		save(&text, path);
		was_said();
		if (!description_read(&description, path, &base)) {
			write_out(&description);
			taken++;
		} else if (was_said()) {
			refused++;
		} else {
			printf("refused without a word\n");
			return 1;
		}
		description_free(&description);
	}
	model_free(&base);
	printf("%lu taken, %lu refused\n", taken, refused);
	return 0;
}
