// SPDX-License-Identifier: MIT
/*
 * hooks.c - fuzz target: hooks objects, a link, and the hooks tailored for it
 *
 * The input is an archive.  Members whose names begin with "h" are hooks
 * objects, the others what is linked, in that order.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive.h"
#include "elfedit.h"
#include "fuzz.h"
#include "takeover.h"

enum { HOOKS_MOST = 8 };

void mutate_file(struct edit *edit)
{
	mutate_ar(edit);
}

static int is_hooks(const struct member *member)
{
	return member->name[0] == 'h';
}

/* Return: the file that it is in, which must stay: the same path would be the
 * same hooks. */
static int add_hooks(struct takeover *takeover, const struct member *member)
{
	int fd = memfd_create("hooks", MFD_CLOEXEC);
	char *path = xasprintf("/proc/self/fd/%d", fd), *wrong;
	size_t before = takeover->nr_hooks;

	if (fd < 0 || write(fd, member->data, member->bytes) !=
		      (ssize_t)member->bytes)
		broken("no file in memory");
	wrong = takeover_add_hooks(takeover, path);
	if (wrong ? takeover->nr_hooks != before
		  : takeover->nr_hooks != before + 1)
		broken("hooks: %s, but %zu became %zu", wrong ? wrong : "good",
		       before, takeover->nr_hooks);
	free(wrong);
	free(path);
	return fd;
}

/* What is rewritten must have been seen to concern us. */
static void link_object(struct takeover *takeover, const struct member *member)
{
	unsigned char *copy = exact_copy(member->data, member->bytes);
	const char *name = base_name(member->name);
	struct rewrite_result result;
	enum rewrite_status status;
	int concerns;

	concerns = takeover_concerns(takeover, name, copy, member->bytes);
	if (concerns && !takeover_concerns(takeover, NULL, copy, member->bytes))
		broken("%s concerns, but not as some file", name);
	status = takeover_object(takeover, name, copy, member->bytes, &result);
	if (status == REWRITE_DONE && !concerns)
		broken("%s was rewritten, but does not concern", name);
	if (status == REWRITE_DONE)
		check_rewritten(copy, member->bytes, result.data, result.bytes);
	rewrite_result_free(&result);
	free(copy);
}

/* No other section, no fewer symbols, no X exported that is not found. */
static void check_tailored(const struct takeover *takeover, size_t i,
			   const void *data, size_t bytes)
{
	static const Elf64_Sym none;
	struct elf_edit was, now;
	const char *wrong = elf_open(&now, data, bytes);

	if (wrong)
		broken("tailored hooks: %s", wrong);
	elf_open(&was, takeover->hooks[i].data, takeover->hooks[i].bytes);
	if (was.nr != now.nr || elf_nr_symbols(&was) != elf_nr_symbols(&now))
		broken("tailored hooks have other sections, or symbols");
	if (!memcmp(elf_symbol(&was, 0), &none, sizeof(none)) &&
	    memcmp(elf_symbol(&now, 0), &none, sizeof(none)))
		broken("tailored hooks have a null symbol that is none");
	elf_close(&was);
	elf_close(&now);
}

static void tailor(const struct takeover *takeover, size_t i)
{
	char *wrong, *missing = takeover_missing(takeover, i);
	size_t bytes, more;
	unsigned char *data = takeover_tailor(takeover, i, &bytes, &wrong);
	unsigned char *again;

	if (!data == !wrong || !*missing)
		broken("neither tailored nor an error, or both");
	if (data) {
		check_tailored(takeover, i, data, bytes);
		again = takeover_tailor(takeover, i, &more, &wrong);
		if (!again || more != bytes || memcmp(again, data, bytes))
			broken("tailored twice, two results");
		free(again);
	}
	takeover_found(takeover, i);
	free(missing);
	free(wrong);
	free(data);
}

static void take(struct takeover *takeover, const struct archive *archive,
		 uint8_t choice)
{
	int files[HOOKS_MOST];
	size_t nr = 0;

	for (size_t i = 0; i < archive->nr && nr < HOOKS_MOST; i++)
		if (is_hooks(&archive->members[i]))
			files[nr++] = add_hooks(takeover,
						&archive->members[i]);
	if (choice & 8) {
		free(takeover_add_symbol(takeover, "f.o:malloc"));
		free(takeover_add_symbol(takeover, "f.o:inc"));
	}
	for (size_t i = 0; i < archive->nr; i++)
		if (!is_hooks(&archive->members[i]))
			link_object(takeover, &archive->members[i]);
	for (size_t i = 0; i < takeover->nr_hooks; i++)
		tailor(takeover, i);
	takeover_close(takeover);
	while (nr)
		close(files[--nr]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct takeover takeover = { 0 };
	struct archive archive;
	char *wrong;

	/* Not a thin one: what it names lies on this machine. */
	if (!bytes || !archive_is(data, bytes - 1) || data[2] == 't')
		return 0;
	takeover.rewrite.self = (enum rewrite_self)((data[bytes - 1] & 3) % 3);
	takeover.rewrite.aliases = data[bytes - 1] >> 2 & 1;
	wrong = archive_open(&archive, "/nowhere/f.a", data, bytes - 1);
	if (!wrong)
		take(&takeover, &archive, data[bytes - 1]);
	free(wrong);
	archive_close(&archive);
	return 0;
}
