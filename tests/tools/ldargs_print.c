// SPDX-License-Identifier: MIT
/*
 * ldargs_print - what the ld shim reads out of a linker's command line
 *
 *	ldargs_print lld|mold WORDS...
 *
 * A line for each word that names something, one for each fact.
 */
#include <stdlib.h>

#include "ldargs.h"

static void print_word(const struct ld_word *word)
{
	static const char *const roles[] = { "option", "input", "library",
					     "script", "defsym", "guard" };

	if (word->role == LD_OPTION || word->role >= LD_DEFSYM) {
		printf("%s %s\n", roles[word->role],
		       word->name ? word->name : word->text);
		return;
	}
	printf("%s %s%s%s%s%s\n", roles[word->role], word->name,
	       word->is_static ? " static" : "", word->is_whole ? " whole" : "",
	       word->is_lazy ? " lazy" : "", word->is_raw ? " raw" : "");
}

static void print_list(const char *what, const struct strings *list)
{
	for (size_t i = 0; i < list->nr; i++)
		printf("%s %s\n", what, list->item[i]);
}

static void print_text(const char *what, const char *text)
{
	if (text)
		printf("%s %s\n", what, text);
}

static void print_fact(const char *what, int is)
{
	if (is)
		puts(what);
}

int main(int argc, char **argv)
{
	struct strings words = { 0 };
	struct ld_args args;
	char *problem;

	if (argc < 2)
		return 2;
	ld_args_expand(&words, argv + 1);
	problem = ld_args_read(&args, streq(argv[1], "mold") ? LD_MOLD : LD_LLD,
			       &words);
	for (size_t i = 0; i < args.nr; i++)
		print_word(&args.words[i]);
	print_list("path", &args.paths);
	print_list("hooks", &args.hooks);
	print_list("symbol", &args.symbols);
	print_text("directory", args.directory);
	print_text("map", args.map);
	print_text("depfile", args.depfile);
	print_text("self", args.self);
	print_text("problem", problem);
	print_fact("partial", args.is_partial);
	print_fact("query", args.is_query);
	print_fact("ours", args.is_ours);
	print_fact("aliases", args.aliases);
	print_fact("debug", args.keep_debug);
	print_fact("may lack", args.may_lack);
	free(problem);
	ld_args_free(&args);
	strings_free(&words);
	return 0;
}
