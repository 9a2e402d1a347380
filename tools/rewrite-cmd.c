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
#include "bitcode.h"
#include "elfedit.h"
#include "takeover.h"

#define ENTRY_PREFIX	"__mallochooks_entry_"

/**
 * struct product - a file to be written when all went well
 * @data:	@bytes of it
 */
struct product {
	const char *path;
	unsigned char *data;
	size_t bytes;
};

struct command {
	struct takeover takeover;
	struct strings symbols;		/* named one by one */
	const char *tailor;
	struct product *products;
	size_t nr_products;
	int copy_absent;
	int verbose;
	int failed;
	int changed;
};

static void usage(FILE *out)
{
	fputs("usage: mallochooks rewrite --hooks=HOOKS.o [options] IN OUT [IN OUT...]\n"
	      "\n"
	      "Where IN, an object or an archive, defines a function X that the hooks are\n"
	      "for, OUT defines it as the hidden __real_X, and all calls of X, its own too,\n"
	      "land in the X of the hooks.  For your own links, where the plugin of ld.bfd\n"
	      "and ld.gold or the ld of lld and mold cannot do it (see mallochooks stack\n"
	      "--method=replace --link-words): link all OUT and HOOKS_OUT.o.\n"
	      "\n"
	      "  --hooks=HOOKS.o     of \"mallochooks stack --method=replace -o HOOKS.o\":\n"
	      "                      each X whose " ENTRY_PREFIX "X it defines\n"
	      "  --tailor=HOOKS_OUT.o  write the hooks as this link needs them: what no IN\n"
	      "                      defines is not exported, and not called\n"
	      "  --debug             with their debug info, which is left out else\n"
	      "  --symbol=X          a global function (may be repeated)\n"
	      "  --symbol=FILE:X     also a static one, in the object or member FILE\n"
	      "  --symbols=LIST      several, separated by commas\n"
	      "  --aliases           other names of the same function are it, too (for\n"
	      "                      clang, which calls the one when told the other)\n"
	      "  --self=thunk        calls within the object go through\n"
	      "                      __mallochooks_self_X, a thunk (the default)\n"
	      "  --self=direct       they go to X: for objects compiled with -fPIC, or\n"
	      "                      with -fno-ipa-ra -fno-ipa-stack-alignment, or clang\n"
	      "  --self=real         they stay with __real_X, unseen by the hooks\n"
	      "  --absent=copy       no IN need define any of them (--absent=error)\n"
	      "  -v                  say what was redirected\n"
	      "\n"
	      "Hooks of your own need no --hooks: name their X by --symbol.  They have to\n"
	      "define X and, as another hidden name of it, " ENTRY_PREFIX "X;\n"
	      "they call __real_X.  The thunks are made by\n"
	      "  cc -c -DMH_SELF=X -DMH_SELF_RETURNS=word|void|pair|float ARCH/self.S\n"
	      "with the flags of the allocator.  Compile that with -fPIC and -fno-lto if\n"
	      "you can: what the compiler has inlined cannot be hooked.\n", out);
}

static void wrong(const char *text, const char *word)
{
	tool_failure = 2;
	die("%s %s: see mallochooks rewrite --help", text, word);
}

static void wrong_if(char *problem)
{
	if (!problem)
		return;
	tool_failure = 2;
	die("%s: see mallochooks rewrite --help", problem);
}

/* ---- options ------------------------------------------------------------------- */

static void add_hooks(struct command *command, const char *path)
{
	char *problem = takeover_add_hooks(&command->takeover, path);

	if (problem)
		die("%s", problem);
}

static int absent_word(const char *word)
{
	if (!streq(word, "copy") && !streq(word, "error"))
		wrong("one of copy, error is wanted, not", word);
	return streq(word, "copy");
}

static void take_option(struct command *command, int option, const char *word)
{
	switch (option) {
	case 's':
		strings_split(&command->symbols, word, ',');
		break;
	case 'H':
		add_hooks(command, word);
		break;
	case 'a':
		command->takeover.rewrite.aliases = 1;
		break;
	case 'S':
		wrong_if(takeover_set_self(&command->takeover, word));
		break;
	case 't':
		command->tailor = word;
		break;
	case 'd':
		command->takeover.keep_debug = 1;
		break;
	case 'A':
		command->copy_absent = absent_word(word);
		break;
	case 'v':
		command->verbose = 1;
		break;
	}
}

static void check_words(struct command *command)
{
	struct takeover *takeover = &command->takeover;

	for (size_t i = 0; i < command->symbols.nr; i++)
		wrong_if(takeover_add_symbol(takeover,
					     command->symbols.item[i]));
	if (!takeover->rewrite.symbols.nr)
		wrong("no function was named:", "--hooks=HOOKS.o, --symbol=X");
	if (command->tailor && takeover->nr_hooks != 1)
		wrong("one --hooks=HOOKS.o is wanted with", "--tailor");
}

/* Return: whether there is more to do than to print the help. */
static int parse(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "symbol", required_argument, NULL, 's' },
		{ "symbols", required_argument, NULL, 's' },
		{ "hooks", required_argument, NULL, 'H' },
		{ "tailor", required_argument, NULL, 't' },
		{ "debug", no_argument, NULL, 'd' },
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
	if (argc == optind || (argc - optind) % 2)
		wrong("two files are wanted, or pairs of them:", "IN OUT");
	check_words(command);
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

	takeover_object(&command->takeover, name, file, bytes, &result);
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

/* @in: NULL: of several */
static void check_found(struct command *command, const char *in)
{
	const struct takeover *takeover = &command->takeover;

	for (size_t i = 0; i < takeover->rewrite.symbols.nr; i++) {
		const char *word = takeover->rewrite.symbols.item[i];

		if (takeover->found[i] ||
		    (command->tailor && !strings_has(&command->symbols, word)))
			continue;
		say("%s%s%s: is not defined here%s", in ? in : "",
		    in ? ": " : "", word, strchr(word, ':') ? "" :
		    " as a global function (a static one: say FILE:NAME; "
		    "not every object: say --absent=copy)");
		command->failed = 1;
	}
}

/* Each of the list has to be somewhere, or a typing error passes unseen. */
static void check_all_found(struct command *command, const char *in)
{
	char *missing;

	if (command->copy_absent)
		return;
	check_found(command, in);
	if (!command->tailor || takeover_found(&command->takeover, 0))
		return;
	missing = takeover_missing(&command->takeover, 0);
	say("%s: name the objects that do, or say --absent=copy", missing);
	free(missing);
	command->failed = 1;
}

static void write_out(struct command *command, const struct product *product)
{
	FILE *out = fopen(product->path, "we");
	int bad = !out || fwrite(product->data, 1, product->bytes, out) !=
			  product->bytes;

	if (out && fclose(out))
		bad = 1;
	if (!bad)
		return;
	say("cannot write %s: %s", product->path, strerror(errno));
	/* Half an object must not be taken for a whole one. */
	if (out && is_file(product->path))
		unlink(product->path);
	command->failed = 1;
}

static void add_product(struct command *command, const char *path,
			unsigned char *data, size_t bytes)
{
	command->products = xrealloc(command->products,
				     (command->nr_products + 1) *
				     sizeof(*command->products));
	command->products[command->nr_products++] = (struct product){
		path, data, bytes,
	};
}

static void work(struct command *command, const char *in, const char *out)
{
	size_t bytes, was;
	char *file = read_file(in, &bytes);
	unsigned char *data;

	if (!file)
		die("%s: %s", in, strerror(errno));
	was = bytes;
	command->changed = 0;
	if (archive_is(file, bytes))
		data = rewrite_archive(command, in, file, &bytes);
	else
		data = rewrite_one(command, in, base_name(in), file, bytes,
				   &bytes);
	if (!command->failed && !archive_is(file, was) && !data &&
	    !elf_is(file, was) && !bitcode_is(file, was))
		die("%s: is no object and no archive", in);
	if (data) {
		add_product(command, out, data, bytes);
		free(file);
	} else {
		add_product(command, out, (unsigned char *)file, was);
	}
}

static void tailor(struct command *command)
{
	size_t bytes;
	char *problem;
	unsigned char *data = takeover_tailor(&command->takeover, 0, &bytes,
					      &problem);

	if (data) {
		add_product(command, command->tailor, data, bytes);
		return;
	}
	text_clean(problem);
	say("%s", problem);
	free(problem);
	command->failed = 1;
}

static void clean_up(struct command *command)
{
	for (size_t i = 0; i < command->nr_products; i++)
		free(command->products[i].data);
	free(command->products);
	strings_free(&command->symbols);
	takeover_close(&command->takeover);
}

int cmd_rewrite(int argc, char **argv)
{
	struct command command = { 0 };

	if (!parse(&command, argc, argv))
		return 0;
	for (int i = optind; i < argc; i += 2)
		work(&command, argv[i], argv[i + 1]);
	if (!command.failed)
		check_all_found(&command, argc - optind == 2 ? argv[optind]
							     : NULL);
	if (!command.failed && command.tailor)
		tailor(&command);
	for (size_t i = 0; !command.failed && i < command.nr_products; i++)
		write_out(&command, &command.products[i]);
	clean_up(&command);
	return command.failed ? tool_failure : 0;
}
