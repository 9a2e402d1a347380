// SPDX-License-Identifier: MIT
/*
 * mallochooks.c - the commands behind one name
 */
#include <mallochooks/mallochooks.h>

#include "tools.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{ "run", cmd_run,
	  "start a program with the hooks in it, and tell what it allocated" },
	{ "report", cmd_report,
	  "tell who allocates in processes that run, or have run" },
	{ "query", cmd_query,
	  "tell which chunk of a process or a core an address lies in" },
	{ "objects", cmd_objects,
	  "list the chunks that are alive in a process or a core" },
	{ "stack", cmd_stack,
	  "compose a stack of layers into one object for a link of yours" },
	{ "rewrite", cmd_rewrite,
	  "make an object or archive call hooks where it calls its own function" },
	{ "options", cmd_options,
	  "list the run-time options of a unit" },
	{ "get", cmd_get,
	  "show the options of a process that runs" },
	{ "set", cmd_set,
	  "change them, or have it dump, reset or pause what it records" },
	{ "check", cmd_check,
	  "look for mistakes in a file of options" },
};

static void usage(FILE *out)
{
	fputs("usage: mallochooks COMMAND [options]\n"
	      "       mallochooks help COMMAND\n"
	      "       mallochooks --help | --version\n"
	      "\n"
	      "Commands:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name,
			commands[i].help);
	fputs("\n"
	      "\"mallochooks run -- ls\" is a good first try.\n", out);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(name, commands[i].name))
			return &commands[i];
	say("no command \"%s\": see mallochooks --help", name);
	return NULL;
}

static int help(const char *name)
{
	char *argv[] = { (char *)name, "--help", NULL };
	const struct command *command = find(name);

	if (!command)
		return 2;
	tool_command = command->name;
	return command->run(2, argv);
}

/* A full disk must not pass for success. */
static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	say("cannot write to stdout");
	return status ? status : tool_failure;
}

int main(int argc, char **argv)
{
	const struct command *command;
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		usage(stderr);
		return 2;
	}
	if (streq(word, "--version")) {
		puts("mallochooks " MALLOCHOOKS_VERSION);
		return finish(0);
	}
	if (streq(word, "--help") || (streq(word, "help") && argc == 2)) {
		usage(stdout);
		return finish(0);
	}
	if (streq(word, "help"))
		return finish(help(argv[2]));
	command = find(word);
	if (!command)
		return 2;
	tool_command = command->name;
	return finish(command->run(argc - 1, argv + 1));
}
