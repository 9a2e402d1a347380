// SPDX-License-Identifier: MIT
/*
 * archive.c - fuzz target: an archive, its members rewritten, written, read again
 *
 * Linked with --wrap=read_file,--wrap=stat: what a thin archive names is not
 * looked for on this machine.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"
#include "fuzz.h"

char *__wrap_read_file(const char *path, size_t *bytes);
int __wrap_stat(const char *path, struct stat *st);
int __real_stat(const char *path, struct stat *st);

static const uint8_t *input;
static size_t input_bytes;

/* Beside the archive, or from the root as the archive says itself. */
static void check_path(const char *path)
{
	if (path[0] != '/' || !memmem(input, input_bytes, base_name(path),
				      strlen(base_name(path))))
		broken("%s was looked for, which the archive does not name",
		       path);
}

int __wrap_stat(const char *path, struct stat *st)
{
	if (!input)		/* libFuzzer itself */
		return __real_stat(path, st);
	check_path(path);
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFREG;
	st->st_size = (off_t)input_bytes;
	/* These are directories everywhere. */
	if (!*base_name(path) || ends_with(path, "/..") ||
	    ends_with(path, "/."))
		st->st_mode = S_IFDIR;
	return 0;
}

/* Each file of the world holds the input itself. */
char *__wrap_read_file(const char *path, size_t *bytes)
{
	check_path(path);
	*bytes = input_bytes;
	return (char *)exact_copy(input, input_bytes);
}

void mutate_file(struct edit *edit)
{
	mutate_ar(edit);
}

static void rewrite_members(struct archive *archive,
			    const struct rewrite_options *options)
{
	for (size_t i = 0; i < archive->nr; i++) {
		const struct member *member = &archive->members[i];
		size_t bytes;
		unsigned char *data =
			check_object(options, base_name(member->name),
				     member->data, member->bytes, &bytes);

		if (data)
			archive_replace(archive, i, data, bytes);
	}
}

static void compare(const struct archive *was, const struct archive *now)
{
	if (was->nr != now->nr)
		broken("%zu members became %zu", was->nr, now->nr);
	for (size_t i = 0; i < was->nr; i++) {
		const struct member *a = &was->members[i];
		const struct member *b = &now->members[i];

		if (!streq(was->thin ? base_name(a->name) : a->name, b->name))
			broken("member %s became %s", a->name, b->name);
		if (a->bytes != b->bytes ||
		    (a->bytes && memcmp(a->data, b->data, a->bytes)))
			broken("member %s has other contents", a->name);
		if (was->has_table && !a->changed &&
		    a->nr_symbols != b->nr_symbols)
			broken("member %s had %zu symbols, has %zu", a->name,
			       a->nr_symbols, b->nr_symbols);
	}
}

/* What was written is read, and written, as it is. */
static void check_written(const struct archive *archive)
{
	struct archive again;
	size_t bytes, more;
	unsigned char *data = archive_write(archive, &bytes), *twice;
	char *wrong = archive_open(&again, "/nowhere/f.a", data, bytes);

	if (wrong)
		broken("a written archive %s", wrong);
	compare(archive, &again);
	twice = archive_write(&again, &more);
	if (more != bytes || memcmp(data, twice, bytes))
		broken("written twice it is another one");
	archive_close(&again);
	free(twice);
	free(data);
}

static void take(const struct rewrite_options *options, const uint8_t *file,
		 size_t bytes)
{
	struct archive archive;
	char *wrong = archive_open(&archive, "/nowhere/f.a", file, bytes);

	if (wrong && !*wrong)
		broken("an error without words");
	if (!wrong) {
		rewrite_members(&archive, options);
		check_written(&archive);
	}
	free(wrong);
	archive_close(&archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct rewrite_options options;
	unsigned char *copy;

	if (!bytes || !archive_is(data, bytes - 1))
		return 0;
	copy = exact_copy(data, bytes - 1);
	input = copy;
	input_bytes = bytes - 1;
	choose_options(&options, data[bytes - 1]);
	take(&options, copy, bytes - 1);
	strings_free(&options.symbols);
	input = NULL;
	free(copy);
	return 0;
}
