// SPDX-License-Identifier: MIT
/*
 * rewrite_fuzz - rewrite copies of good files in which something was changed
 *
 *	rewrite_fuzz SEED TURNS FILE...
 *
 * Each turn changes one to sixteen things of a copy of one of the files, objects
 * and archives: a byte, a number that has a meaning, a piece over another; or
 * cuts the copy off.  To be compiled with sanitizers: what they find, or a turn
 * that takes longer than TURN_SECONDS, ends the program.  What was rewritten
 * must pass for a good object, and must not be rewritten again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "elfedit.h"
#include "rewrite.h"

enum { TURN_SECONDS = 10, BYTES_MOST = 1 << 20 };

static uint64_t state;
static unsigned long nr_done, nr_failed, nr_absent;

/* splitmix64, by Sebastiano Vigna */
static uint64_t draw(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t odd_number(size_t bytes)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 4, 7, 8, 24, 63, 64, 0xff00, 0xffff, 0x10000,
		0x7fffffff, 0xffffffff, 1ull << 32, 1ull << 63, UINT64_MAX,
	};

	switch (draw() % 4) {
	case 0:
		return numbers[draw() % ARRAY_SIZE(numbers)];
	case 1:
		return bytes - draw() % 65;
	case 2:
		return draw() % 64;
	default:
		return draw() % bytes;
	}
}

/* Half of the changes hit where the headers of sections are. */
static size_t somewhere(const unsigned char *copy, size_t bytes)
{
	Elf64_Ehdr ehdr;

	if (bytes > sizeof(ehdr) && elf_is(copy, bytes) && draw() % 2) {
		memcpy(&ehdr, copy, sizeof(ehdr));
		if (ehdr.e_shoff < bytes)
			return ehdr.e_shoff +
			       draw() % (bytes - ehdr.e_shoff);
	}
	return draw() % 4 ? draw() % bytes : draw() % 64 % bytes;
}

static void change(unsigned char *copy, size_t bytes)
{
	size_t at = somewhere(copy, bytes), nr = (size_t)1 << draw() % 4;
	uint64_t number = odd_number(bytes);
	size_t from = draw() % bytes;

	switch (draw() % 8) {
	case 0:
	case 1:
		copy[at] = (unsigned char)draw();
		return;
	case 2:
		nr = draw() % 64;
		if (at + nr <= bytes && from + nr <= bytes)
			memmove(copy + at, copy + from, nr);
		return;
	case 3:		/* in the headers of archives numbers are text */
		copy[at] = (unsigned char)("0123456789/ #`\n"[draw() % 15]);
		return;
	default:
		at &= ~(nr - 1);
		if (at + nr <= bytes)
			memcpy(copy + at, &number, nr);
	}
}

static void options_init(struct rewrite_options *options)
{
	memset(options, 0, sizeof(*options));
	strings_split(&options->symbols, "malloc,free,memalign,f.o:inc,inc,"
		      "realloc,f.o:carve,f.o:allocate", ',');
	options->aliases = (int)(draw() % 2);
	options->self = (enum rewrite_self)(draw() % 3);
}

/* Its output must be as good as any other object. */
static void check_again(const struct rewrite_result *result)
{
	struct elf_edit elf;
	const char *wrong = elf_open(&elf, result->data, result->bytes);

	if (wrong)
		die("a rewritten object %s", wrong);
	elf_close(&elf);
}

/* Return: the new object or NULL. */
static unsigned char *one(const struct rewrite_options *options,
			  const void *file, size_t bytes, size_t *new_bytes)
{
	unsigned char found[16] = { 0 }, *data;
	struct rewrite_result result;

	switch (rewrite_object(options, "f.o", file, bytes, found, &result)) {
	case REWRITE_DONE:
		nr_done++;
		check_again(&result);
		break;
	case REWRITE_FAILED:
		nr_failed++;
		if (!result.errors.nr)
			die("a failure without a line");
		break;
	case REWRITE_ABSENT:
		nr_absent++;
		break;
	}
	data = result.data;
	*new_bytes = result.bytes;
	result.data = NULL;
	rewrite_result_free(&result);
	return data;
}

static void rewrite_all(const struct rewrite_options *options,
			struct archive *archive)
{
	size_t bytes;

	for (size_t i = 0; i < archive->nr; i++) {
		const struct member *member = &archive->members[i];
		unsigned char *data = one(options, member->data, member->bytes,
					  &bytes);

		if (data)
			archive_replace(archive, i, data, bytes);
	}
}

static void many(const struct rewrite_options *options, const void *file,
		 size_t bytes)
{
	struct archive archive, again;
	char *wrong = archive_open(&archive, "/nowhere/f.a", file, bytes);
	unsigned char *data;

	if (wrong) {
		nr_failed++;
		free(wrong);
		archive_close(&archive);
		return;
	}
	rewrite_all(options, &archive);
	data = archive_write(&archive, &bytes);
	wrong = archive_open(&again, "/nowhere/f.a", data, bytes);
	if (wrong)
		die("a rewritten archive %s", wrong);
	if (again.nr != archive.nr)
		die("a rewritten archive lost members");
	archive_close(&again);
	archive_close(&archive);
	free(data);
}

static void turn(const char *good, size_t bytes)
{
	struct rewrite_options options;
	unsigned char *copy, *data;
	size_t nr = 1 + draw() % 16, left = bytes, new_bytes;

	/* Exactly as long as it is, so that a byte too far is found. */
	if (draw() % 16 == 0)
		left = 1 + draw() % bytes;
	copy = xcalloc(left, 1);
	memcpy(copy, good, left);
	while (nr--)
		change(copy, left);
	if (draw() % 16)
		memcpy(copy, good, left < 20 ? left : 20);
	options_init(&options);
	alarm(TURN_SECONDS);
	if (archive_is(copy, left)) {
		many(&options, copy, left);
	} else {
		data = one(&options, copy, left, &new_bytes);
		free(data);
	}
	strings_free(&options.symbols);
	free(copy);
}

int main(int argc, char **argv)
{
	unsigned long seed, turns;
	size_t bytes;
	char *good;

	if (argc < 4)
		return 2;
	tool_command = "fuzz";
	seed = strtoul(argv[1], NULL, 10);
	turns = strtoul(argv[2], NULL, 10);
	for (int k = 3; k < argc; k++) {
		good = read_file(argv[k], &bytes);
		if (!good || !bytes || bytes > BYTES_MOST)
			die("%s: no good file, or no small one", argv[k]);
		for (unsigned long i = 0; i < turns; i++) {
			state = seed + i;
			turn(good, bytes);
		}
		free(good);
	}
	fprintf(stderr, "%lu rewritten, %lu refused, %lu left alone\n",
		nr_done, nr_failed, nr_absent);
	puts("all well");
	return 0;
}
