// SPDX-License-Identifier: MIT
/*
 * ldshim - stands before ld.lld and ld.mold, which have no plugins for us
 *
 * A compiler finds it by -B DIR.  It takes the words for ldplugin.so out of the
 * line, rewrites what is linked and defines some X (takeover.h), puts the hooks
 * before the first input, and runs the linker of its own name.  Without such
 * words, and for -r, it becomes that linker.
 *
 * Which members of archives are linked only the linker knows: it follows shared
 * libraries, LTO, -u, --defsym and scripts, and lld and mold do it in ways of
 * their own.  So where a member, or an object between --start-lib and
 * --end-lib, defines some X, the linker is run before for its -Map alone, with
 * neither hooks nor output.  Those members have names of their own in that run,
 * as archives may have two of one name.  (--trace would do for lld; mold's
 * names all members.)  Such a link takes twice its time; one whose X are in
 * plain objects only does not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ldfiles.h"
#include "ldrun.h"

/* A line that could be too long for execve(2) goes into an @FILE. */
enum { LINE_MOST = 100000 };

struct shim {
	char *linker;
	struct ld_args args;
	struct takeover takeover;
	struct link link;
	struct strings hooks;		/* tailored, where they are now */
	struct strings hooks_were;
};

/* ---- running the linker ------------------------------------------------------------ */

static char *write_line(const struct strings *words)
{
	char *text = NULL, *path;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		die("out of memory");
	for (size_t i = 1; i < words->nr; i++) {
		char *quoted = ld_args_quote(words->item[i]);

		fprintf(out, "%s\n", quoted);
		free(quoted);
	}
	fclose(out);
	path = temp_write("line", text, bytes);
	free(text);
	return path;
}

/* @words:	the linker's path first */
static int run_line(const struct strings *words, char **said)
{
	struct strings short_line = { 0 };
	size_t bytes = 0;
	char *file;
	int status;

	for (size_t i = 0; i < words->nr; i++)
		bytes += strlen(words->item[i]) + 1;
	if (bytes < LINE_MOST)
		return linker_run(words->item, said);
	file = write_line(words);
	strings_add(&short_line, words->item[0]);
	strings_addf(&short_line, "@%s", file);
	status = linker_run(short_line.item, said);
	strings_free(&short_line);
	free(file);
	return status;
}

/* What we do not touch.  Of -r the hooks are no part, and the guard is none. */
static void pass(const struct shim *shim)
{
	struct strings words = { 0 };

	strings_add(&words, shim->linker);
	for (size_t i = 0; i < shim->args.nr; i++)
		if (!shim->args.is_partial ||
		    shim->args.words[i].role != LD_GUARD)
			strings_add(&words, shim->args.words[i].text);
	leave(run_line(&words, NULL));
}

/* ---- which members ------------------------------------------------------------------ */

/*
 * A run for its map, which must come to an end though hooks and guard are not
 * there.  Return: the map; if there is none, the linker has said why.
 */
static char *draw_map(const struct shim *shim)
{
	char *map = temp_file("map"), *said, *text;
	struct strings words = { 0 };
	int status;

	strings_add(&words, shim->linker);
	link_map_line(&shim->link, &words);
	/* The last word counts. */
	strings_add(&words, "-o");
	strings_add(&words, "/dev/null");
	strings_addf(&words, "-Map=%s", map);
	if (shim->args.depfile)
		strings_add(&words, "--dependency-file=/dev/null");
	strings_add(&words, "--unresolved-symbols=ignore-all");
	strings_add(&words, "--noinhibit-exec");
	strings_add(&words, "--no-fatal-warnings");
	strings_add(&words, "--no-gc-sections");
	strings_add(&words, "--icf=none");
	status = run_line(&words, &said);
	text = status ? NULL : read_file(map, NULL);
	if (!text) {
		fputs(said ? said : "", stderr);
		if (!status)
			die("%s wrote no map: %s", shim->linker,
			    strerror(errno));
		leave(status);
	}
	strings_free(&words);
	free(said);
	free(map);
	return text;
}

/* ---- hooks --------------------------------------------------------------------------- */

static void fail(char *problem)
{
	text_clean(problem);
	say("%s", problem);
	free(problem);
	exit(1);
}

static void take_hooks(struct shim *shim)
{
	const struct ld_args *args = &shim->args;
	char *problem = NULL, *why;

	shim->takeover.rewrite.aliases = args->aliases;
	shim->takeover.keep_debug = args->keep_debug;
	why = args->self ? takeover_set_self(&shim->takeover, args->self) : NULL;
	if (why)
		problem = xasprintf("-plugin-opt self=%s: %s", args->self, why);
	free(why);
	for (size_t i = 0; !problem && i < args->hooks.nr; i++)
		problem = takeover_add_hooks(&shim->takeover,
					     args->hooks.item[i]);
	for (size_t i = 0; !problem && i < args->symbols.nr; i++)
		problem = takeover_add_symbol(&shim->takeover,
					      args->symbols.item[i]);
	if (problem)
		fail(problem);
}

/* If a file is missing or damaged, the linker is to say that instead. */
static void miss(const struct shim *shim, size_t i)
{
	char *text = takeover_missing(&shim->takeover, i);

	if (!shim->link.map)
		free(draw_map(shim));
	fail(xasprintf("%s: for those of a shared library or of libc compose "
		       "the stack with --method=preload or --method=wrap; to "
		       "link without hooks say -plugin-opt,if-absent=ignore",
		       text));
}

/* Return: *@bytes to be linked in the place of a hooks object. */
static unsigned char *make_hooks(const struct shim *shim, size_t i,
				 size_t *bytes)
{
	char *problem = NULL, *lacks;
	unsigned char *data;

	if (!takeover_found(&shim->takeover, i)) {
		if (!shim->args.may_lack)
			miss(shim, i);
		return takeover_stub(&shim->takeover, i, bytes);
	}
	lacks = takeover_lacks(&shim->takeover, i);
	if (lacks)
		say("warning: %s: not hooked: %s", shim->takeover.hooks[i].path,
		    lacks);
	free(lacks);
	data = takeover_tailor(&shim->takeover, i, bytes, &problem);
	if (!data)
		fail(problem);
	return data;
}

static void add_hooks(struct shim *shim, size_t i)
{
	const char *path = shim->takeover.hooks[i].path;
	unsigned char *data;
	size_t bytes;
	char *now;

	data = make_hooks(shim, i, &bytes);
	now = temp_write(base_name(path), data, bytes);
	strings_add(&shim->hooks, now);
	strings_add(&shim->hooks_were, path);
	free(now);
	free(data);
}

/* ---- names of ours in other outputs ------------------------------------------------------ */

/* Every @from becomes @to. Return: to be freed. */
static char *replace(char *text, const char *from, const char *to)
{
	char *new_text = NULL, *at = text, *next;
	size_t bytes;
	FILE *out = open_memstream(&new_text, &bytes);

	if (!out)
		die("out of memory");
	while ((next = strstr(at, from))) {
		fprintf(out, "%.*s%s", (int)(next - at), at, to);
		at = next + strlen(from);
	}
	fputs(at, out);
	fclose(out);
	free(text);
	return new_text;
}

static char *for_make(const char *path)
{
	char *text = replace(xstrdup(path), "$", "$$");

	text = replace(text, " ", "\\ ");
	return replace(text, "#", "\\#");
}

static char *replace_path(char *text, const char *from, const char *to)
{
	char *made_from = for_make(from), *made_to = for_make(to);

	text = replace(text, made_from, made_to);
	text = replace(text, from, to);
	free(made_from);
	free(made_to);
	return text;
}

/* Files that last must not name such as do not. */
static void mend(const struct shim *shim, const char *path)
{
	char *text = path && is_file(path) ? read_file(path, NULL) : NULL;
	FILE *out;

	if (!text)
		return;
	for (size_t i = 0; i < shim->link.nr; i++)
		if (shim->link.files[i]->instead)
			text = replace_path(text, shim->link.files[i]->instead,
					    shim->link.files[i]->path);
	for (size_t i = 0; i < shim->hooks.nr; i++)
		text = replace_path(text, shim->hooks.item[i],
				    shim->hooks_were.item[i]);
	out = fopen(path, "we");
	if (!out || fputs(text, out) < 0 || fclose(out))
		die("cannot write %s: %s", path, strerror(errno));
	free(text);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void link_hooked(struct shim *shim)
{
	struct strings words = { 0 };
	int status;

	take_hooks(shim);
	link_open(&shim->link, &shim->args, &shim->takeover);
	if (link_is_open(&shim->link)) {
		link_mark(&shim->link);
		link_choose(&shim->link, draw_map(shim));
	}
	if (link_rewrite(&shim->link))
		exit(1);
	for (size_t i = 0; i < shim->takeover.nr_hooks; i++)
		add_hooks(shim, i);
	strings_add(&words, shim->linker);
	link_line(&shim->link, &shim->hooks, &words);
	status = run_line(&words, NULL);
	if (!status) {
		mend(shim, shim->args.map);
		mend(shim, shim->args.depfile);
	}
	strings_free(&words);
	strings_free(&shim->hooks);
	strings_free(&shim->hooks_were);
	link_close(&shim->link);
	takeover_close(&shim->takeover);
	ld_args_free(&shim->args);
	free(shim->linker);
	leave(status);
}

int main(int argc, char **argv)
{
	struct shim shim = { 0 };
	struct strings words = { 0 };
	enum ld_flavour flavour;
	char *problem;

	if (argc < 1)
		return 1;
	tool_command = base_name(argv[0]);
	flavour = strstr(tool_command, "mold") ? LD_MOLD : LD_LLD;
	shim.linker = linker_find(tool_command);
	ld_args_expand(&words, argv);
	problem = ld_args_read(&shim.args, flavour, &words);
	strings_free(&words);
	if (!shim.args.is_ours) {
		argv[0] = shim.linker;
		linker_exec(argv);
	}
	temp_init();
	if (problem)
		fail(problem);
	if (shim.args.directory && chdir(shim.args.directory))
		die("-C %s: %s", shim.args.directory, strerror(errno));
	if (shim.args.is_partial || shim.args.is_query ||
	    !shim.args.has_inputs)
		pass(&shim);
	link_hooked(&shim);
}
