// SPDX-License-Identifier: MIT
/*
 * rewrite-cmd - "mallochooks rewrite": objects and archives, from file to file
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "elfedit.h"
#include "objfile.h"
#include "rewrite.h"

#define ENTRY_PREFIX	"__mallochooks_entry_"

struct command {
	struct rewrite_options options;
	unsigned char *found;
	int copy_absent;
	int verbose;
	int failed;
	int changed;
};

static void usage(FILE *out)
{
	fputs("usage: mallochooks rewrite --symbols=LIST [options] IN.o|IN.a OUT\n"
	      "\n"
	      "Where IN defines a function X of the list, OUT defines it as the hidden\n"
	      "__real_X, and all calls of X, its own too, land in the X of another object:\n"
	      "your hooks.  For your own links until \"stack --method=replace\" comes.\n"
	      "\n"
	      "  --symbol=X          a global function (may be repeated)\n"
	      "  --symbol=FILE:X     also a static one, in the object or member FILE\n"
	      "  --symbols=LIST      several, separated by commas\n"
	      "  --hooks=HOOKS.o     each X whose " ENTRY_PREFIX "X that object defines\n"
	      "  --aliases           other names of the same function are it, too (for\n"
	      "                      clang, which calls the one when told the other)\n"
	      "  --self=thunk        calls within the object go through\n"
	      "                      __mallochooks_self_X, a thunk (the default)\n"
	      "  --self=direct       they go to X: for objects compiled with -fPIC, or\n"
	      "                      with -fno-ipa-ra -fno-ipa-stack-alignment, or clang\n"
	      "  --self=real         they stay with __real_X, unseen by the hooks\n"
	      "  --absent=copy       IN need not define any of them (--absent=error)\n"
	      "  -v                  say what was redirected\n"
	      "\n"
	      "HOOKS.o has to define X and, as another hidden name of it,\n"
	      ENTRY_PREFIX "X; it calls __real_X.  The thunks are made by\n"
	      "  cc -c -DMH_SELF=X -DMH_SELF_RETURNS=word|void|pair|float ARCH/self.S\n"
	      "with the flags of the allocator.  Compile that with -fPIC and -fno-lto if\n"
	      "you can: what the compiler has inlined cannot be hooked.\n", out);
}

static void wrong(const char *text, const char *word)
{
	tool_failure = 2;
	die("%s %s: see mallochooks rewrite --help", text, word);
}

/* ---- options ------------------------------------------------------------------- */

static int add_entry(const char *name, const GElf_Sym *sym, void *arg)
{
	if (sym->st_shndx != SHN_UNDEF && starts_with(name, ENTRY_PREFIX))
		strings_add(arg, name + strlen(ENTRY_PREFIX));
	return 0;
}

static void add_hooks(struct command *command, const char *path)
{
	size_t before = command->options.symbols.nr;

	if (object_symbols(path, 0, add_entry, &command->options.symbols) < 0)
		exit(tool_failure);
	if (command->options.symbols.nr == before)
		die("%s: defines no " ENTRY_PREFIX "X: no hooks for rewrite",
		    path);
}

static enum rewrite_self self_word(const char *word)
{
	static const char *const words[] = { "thunk", "direct", "real" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(word, words[i]))
			return (enum rewrite_self)i;
	wrong("one of thunk, direct, real is wanted, not", word);
	return REWRITE_SELF_THUNK;
}

static int absent_word(const char *word)
{
	if (!streq(word, "copy") && !streq(word, "error"))
		wrong("one of copy, error is wanted, not", word);
	return streq(word, "copy");
}

static void check_symbols(const struct strings *symbols)
{
	for (size_t i = 0; i < symbols->nr; i++) {
		const char *word = symbols->item[i];
		const char *colon = strrchr(word, ':');

		if (colon == word || strpbrk(word, "/@") ||
		    !*(colon ? colon + 1 : word))
			wrong("X or FILE:X is wanted, not", word);
	}
}

static void take_option(struct command *command, int option, const char *word)
{
	switch (option) {
	case 's':
		strings_split(&command->options.symbols, word, ',');
		break;
	case 'H':
		add_hooks(command, word);
		break;
	case 'a':
		command->options.aliases = 1;
		break;
	case 'S':
		command->options.self = self_word(word);
		break;
	case 'A':
		command->copy_absent = absent_word(word);
		break;
	case 'v':
		command->verbose = 1;
		break;
	}
}

/* Return: whether there is more to do than to print the help. */
static int parse(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "symbol", required_argument, NULL, 's' },
		{ "symbols", required_argument, NULL, 's' },
		{ "hooks", required_argument, NULL, 'H' },
		{ "aliases", no_argument, NULL, 'a' },
		{ "self", required_argument, NULL, 'S' },
		{ "absent", required_argument, NULL, 'A' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":v", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == ':')
			wrong("a value is wanted behind", argv[optind - 1]);
		if (option == '?')
			wrong("unknown option", argv[optind - 1]);
		take_option(command, option, optarg);
	}
	if (argc - optind != 2)
		wrong("two files are wanted:", "IN.o|IN.a OUT");
	if (!command->options.symbols.nr)
		wrong("no function was named:", "--symbols=LIST");
	check_symbols(&command->options.symbols);
	return 1;
}

/* ---- work ------------------------------------------------------------------------ */

static void tell(struct command *command, const char *where,
		 const struct rewrite_result *result)
{
	for (size_t i = 0; i < result->errors.nr; i++) {
		text_clean(result->errors.item[i]);
		say("%s: %s", where, result->errors.item[i]);
	}
	for (size_t i = 0; command->verbose && i < result->notes.nr; i++) {
		text_clean(result->notes.item[i]);
		say("%s: %s", where, result->notes.item[i]);
	}
	command->failed |= result->errors.nr > 0;
}

/* Return: the new object, or NULL when it stays as it is. */
static unsigned char *rewrite_one(struct command *command, const char *where,
				  const char *name, const void *file,
				  size_t bytes, size_t *new_bytes)
{
	struct rewrite_result result;
	unsigned char *data;

	rewrite_object(&command->options, name, file, bytes, command->found,
		       &result);
	tell(command, where, &result);
	data = result.data;
	*new_bytes = result.bytes;
	result.data = NULL;
	rewrite_result_free(&result);
	command->changed |= !!data;
	return data;
}

static unsigned char *rewrite_archive(struct command *command,
				      const char *path, const void *file,
				      size_t *bytes)
{
	struct archive archive;
	char *problem = archive_open(&archive, path, file, *bytes);
	unsigned char *data = NULL;

	for (size_t i = 0; !problem && i < archive.nr; i++) {
		const struct member *member = &archive.members[i];
		char *where = xasprintf("%s(%s)", path, member->name);
		size_t nr;

		text_clean(where);
		data = rewrite_one(command, where, base_name(member->name),
				   member->data, member->bytes, &nr);
		if (data)
			archive_replace(&archive, i, data, nr);
		free(where);
	}
	data = NULL;
	if (problem) {
		text_clean(problem);
		say("%s: %s", path, problem);
		command->failed = 1;
	} else if (!command->failed && (command->changed || archive.thin)) {
		data = archive_write(&archive, bytes);
	}
	free(problem);
	archive_close(&archive);
	return data;
}

/* Each of the list has to be somewhere, or a typing error passes unseen. */
static void check_found(struct command *command, const char *path)
{
	for (size_t i = 0; i < command->options.symbols.nr; i++) {
		if (command->found[i] || command->copy_absent)
			continue;
		say("%s: %s: is not defined here%s", path,
		    command->options.symbols.item[i],
		    strchr(command->options.symbols.item[i], ':') ? "" :
		    " as a global function (a static one: say FILE:NAME; "
		    "not every object: say --absent=copy)");
		command->failed = 1;
	}
}

static void write_out(struct command *command, const char *path,
		      const void *data, size_t bytes)
{
	FILE *out = fopen(path, "we");
	int bad = !out || fwrite(data, 1, bytes, out) != bytes;

	if (out && fclose(out))
		bad = 1;
	if (!bad)
		return;
	say("cannot write %s: %s", path, strerror(errno));
	/* Half an object must not be taken for a whole one. */
	if (out && is_file(path))
		unlink(path);
	command->failed = 1;
}

static void work(struct command *command, const char *in, const char *out)
{
	size_t bytes, was;
	char *file = read_file(in, &bytes);
	unsigned char *data;

	if (!file)
		die("%s: %s", in, strerror(errno));
	was = bytes;
	if (archive_is(file, bytes))
		data = rewrite_archive(command, in, file, &bytes);
	else
		data = rewrite_one(command, in, base_name(in), file, bytes,
				   &bytes);
	if (!command->failed && !archive_is(file, was) && !data &&
	    !elf_is(file, was))
		die("%s: is no object and no archive", in);
	if (!command->failed)
		check_found(command, in);
	if (!command->failed)
		write_out(command, out, data ? data : (void *)file,
			  data ? bytes : was);
	free(data);
	free(file);
}

int cmd_rewrite(int argc, char **argv)
{
	struct command command = { 0 };

	if (!parse(&command, argc, argv))
		return 0;
	command.found = xcalloc(command.options.symbols.nr, 1);
	work(&command, argv[optind], argv[optind + 1]);
	free(command.found);
	strings_free(&command.options.symbols);
	return command.failed ? tool_failure : 0;
}
