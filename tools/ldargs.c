// SPDX-License-Identifier: MIT
/*
 * ldargs.c - the command line of ld.lld or ld.mold, as far as it says what is
 * linked
 *
 * Source: lld's manual page and lld/ELF/Options.td, versions 14 to 19; mold's
 * manual page and elf/cmdline.cc, versions 1.10 to 2.40.  A word that is not
 * known here is taken for an option without a separate value.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "ldargs.h"

#define GUARD_PREFIX	"__mallochooks_present_"

/* As libiberty: a file may name itself, even twice. */
enum { FILES_MOST = 2000 };

/* ---- @FILE --------------------------------------------------------------------- */

static void expand_word(struct strings *words, const char *word,
			unsigned int *left);

/* One word of a file: quotes of both kinds, a backslash in and out of them. */
static const char *take_word(const char *at, const char *end, char *word)
{
	char quote = 0;

	for (; at < end; at++) {
		if (*at == '\\' && at + 1 < end)
			*word++ = *++at;
		else if (quote && *at == quote)
			quote = 0;
		else if (!quote && (*at == '\'' || *at == '"'))
			quote = *at;
		else if (!quote && strchr(" \t\n\v\f\r", *at))
			break;
		else
			*word++ = *at;
	}
	*word = '\0';
	return at;
}

static void expand_text(struct strings *words, const char *text, size_t bytes,
			unsigned int *left)
{
	const char *end = text + bytes;
	char *word = xcalloc(bytes + 1, 1);

	while (text < end) {
		if (!*text || strchr(" \t\n\v\f\r", *text)) {
			text++;
			continue;
		}
		text = take_word(text, end, word);
		expand_word(words, word, left);
	}
	free(word);
}

/* @left:	number of files that may still be read */
static void expand_word(struct strings *words, const char *word,
			unsigned int *left)
{
	char *text = NULL;
	size_t bytes;

	if (*word == '@' && *left && is_file(word + 1)) {
		text = read_file(word + 1, &bytes);
		--*left;
	}
	if (text)
		expand_text(words, text, bytes, left);
	else
		strings_add(words, word);
	free(text);
}

void ld_args_expand(struct strings *words, char *const argv[])
{
	unsigned int left = FILES_MOST;

	for (size_t i = 1; argv[i]; i++)
		expand_word(words, argv[i], &left);
}

/* Not single quotes, in which lld lets a backslash stand for itself. */
char *ld_args_quote(const char *word)
{
	char *quoted = xcalloc(strlen(word) + 2, 2), *to = quoted;

	*to++ = '"';
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			*to++ = '\\';
		*to++ = *word;
	}
	*to = '"';
	return quoted;
}

/* ---- options -------------------------------------------------------------------- */

enum {
	BOTH = LD_LLD | LD_MOLD,
	TWO_DASHES = 4,		/* mold takes -entry for -e with a value */
};

/* Options whose value may be the next word. */
static const struct {
	const char *name;
	unsigned linkers;
} valued[] = {
	{ "C", LD_MOLD }, { "F", BOTH }, { "G", LD_LLD }, { "I", LD_MOLD },
	{ "L", BOTH }, { "O", BOTH }, { "P", LD_MOLD }, { "R", BOTH },
	{ "T", BOTH }, { "b", BOTH }, { "e", BOTH }, { "f", BOTH },
	{ "h", BOTH }, { "l", BOTH }, { "m", BOTH }, { "o", BOTH },
	{ "u", BOTH }, { "y", BOTH }, { "z", BOTH }, { "Map", BOTH },
	{ "Tbss", BOTH }, { "Tdata", BOTH }, { "Ttext", BOTH },
	{ "Ttext-segment", BOTH }, { "audit", LD_MOLD }, { "auxiliary", BOTH },
	{ "call-graph-ordering-file", LD_LLD }, { "chroot", BOTH },
	{ "compress-debug-sections", BOTH }, { "compress-sections", LD_LLD },
	{ "dT", LD_LLD }, { "default-script", LD_LLD }, { "defsym", BOTH },
	{ "depaudit", LD_MOLD }, { "dependency-file", BOTH },
	{ "directory", LD_MOLD }, { "discard-section", LD_MOLD },
	{ "dynamic-linker", BOTH }, { "dynamic-list", BOTH },
	{ "dynamic-list-data", LD_MOLD }, { "entry", BOTH | TWO_DASHES },
	{ "error-handling-script", LD_LLD }, { "error-limit", LD_LLD },
	{ "exclude-libs", BOTH },
	{ "export-dynamic-symbol", BOTH | TWO_DASHES },
	{ "export-dynamic-symbol-list", BOTH | TWO_DASHES },
	{ "filler", LD_MOLD }, { "filter", BOTH }, { "fini", BOTH },
	{ "format", BOTH }, { "fuse-ld", LD_MOLD }, { "hash-style", BOTH },
	{ "icf", LD_MOLD }, { "image-base", BOTH }, { "in-implib", LD_LLD },
	{ "init", BOTH }, { "irpgo-profile", LD_LLD },
	{ "just-symbols", LD_LLD }, { "keep-unique", LD_LLD },
	{ "library", BOTH }, { "library-path", BOTH },
	{ "lto-cs-profile-file", LD_MOLD },
	{ "lto-known-safe-vtables", LD_LLD }, { "lto-obj-path", LD_MOLD },
	{ "lto-partitions", LD_MOLD },
	{ "lto-pseudo-probe-for-profiling", LD_MOLD },
	{ "lto-sample-profile", LD_MOLD }, { "max-cache-size", LD_MOLD },
	{ "mllvm", BOTH }, { "no-discard-section", LD_MOLD },
	{ "oformat", BOTH }, { "opt-remarks-filename", BOTH },
	{ "opt-remarks-format", BOTH },
	{ "opt-remarks-hotness-threshold", BOTH },
	{ "opt-remarks-passes", BOTH }, { "orphan-handling", LD_LLD },
	{ "out-implib", LD_LLD }, { "output", BOTH },
	{ "pack-dyn-relocs", LD_LLD }, { "package-metadata", LD_MOLD },
	{ "physical-image-base", LD_MOLD }, { "plugin", BOTH },
	{ "plugin-opt", BOTH }, { "print-symbol-order", LD_LLD },
	{ "remap-inputs", LD_LLD }, { "reproduce", LD_LLD },
	{ "require-defined", LD_MOLD }, { "retain-symbols-file", BOTH },
	{ "rpath", BOTH }, { "rpath-link", BOTH }, { "rsp-quoting", LD_LLD },
	{ "script", BOTH }, { "section-align", LD_MOLD },
	{ "section-order", LD_MOLD }, { "section-start", BOTH },
	{ "shuffle-sections", LD_LLD }, { "soname", BOTH },
	{ "sort-section", BOTH }, { "spare-dynamic-tags", LD_MOLD },
	{ "spare-program-headers", LD_MOLD },
	{ "split-stack-adjust-size", LD_LLD },
	{ "symbol-ordering-file", LD_LLD }, { "sysroot", BOTH },
	{ "target2", LD_LLD }, { "thinlto-cache-dir", LD_MOLD },
	{ "thinlto-cache-policy", BOTH }, { "thinlto-jobs", LD_MOLD },
	{ "thinlto-object-suffix-replace", LD_MOLD },
	{ "thinlto-prefix-replace", LD_MOLD }, { "thread-count", LD_MOLD },
	{ "threads", LD_LLD }, { "time-trace-file", LD_LLD },
	{ "time-trace-granularity", LD_LLD }, { "trace-symbol", BOTH },
	{ "undefined", BOTH | TWO_DASHES },
	{ "undefined-glob", BOTH | TWO_DASHES }, { "unique", LD_MOLD },
	{ "unresolved-symbols", BOTH }, { "version-script", BOTH },
	{ "warn-backrefs-exclude", LD_LLD }, { "why-live", LD_LLD },
	{ "wrap", BOTH },
};

/* What --push-state keeps, and what ends with --end-lib. */
struct state {
	unsigned is_static : 1, is_whole : 1;
};

struct reading {
	struct ld_args *args;
	const struct strings *words;
	size_t at;
	int for_us;		/* the last -plugin was ours */
	unsigned is_lazy : 1, is_raw : 1;
	struct state state;
	struct state *saved;
	size_t nr_saved;
	char *problem;
};

/*
 * The name of an option behind its dashes, NULL when it is none.  What begins
 * with "-o" is -o with a value, unless it has two dashes.
 */
static const char *option_name(const char *word)
{
	if (word[0] != '-' || !word[1])
		return NULL;
	if (word[1] == '-')
		return word + 2;
	return word[1] == 'o' && word[2] ? NULL : word + 1;
}

static int is_flag(const char *word, const char *name)
{
	const char *its = option_name(word);

	/* "-r", but not "--r" */
	if (!its || (!name[1] && word[1] == '-'))
		return 0;
	return streq(its, name);
}

static int takes_next(const struct reading *rd, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(valued); i++)
		if (valued[i].linkers & rd->args->flavour &&
		    is_flag(word, valued[i].name))
			return word[1] == '-' ||
			       rd->args->flavour != LD_MOLD ||
			       !(valued[i].linkers & TWO_DASHES);
	return 0;
}

/* The value of --NAME=VALUE, -NAME VALUE; NULL: the word is another option. */
static const char *long_value(const struct reading *rd, const char *name)
{
	const char *its = option_name(rd->words->item[rd->at]);
	size_t nr = strlen(name);

	if (!its || strncmp(its, name, nr))
		return NULL;
	if (its[nr] == '=')
		return its + nr + 1;
	return its[nr] ? NULL : rd->words->item[rd->at + 1];
}

/* The value of -xVALUE, -x VALUE. */
static const char *short_value(const struct reading *rd, char letter)
{
	const char *word = rd->words->item[rd->at];

	if (word[0] != '-' || word[1] != letter)
		return NULL;
	return word[2] ? word + 2 : rd->words->item[rd->at + 1];
}

static struct ld_word *add_word(struct reading *rd, char *text,
				enum ld_role role, const char *name)
{
	struct ld_args *args = rd->args;

	args->words = xrealloc(args->words, (args->nr + 1) *
					    sizeof(*args->words));
	args->words[args->nr] = (struct ld_word){
		text, role, name, rd->state.is_static, rd->state.is_whole,
		rd->is_lazy, rd->is_raw,
	};
	return &args->words[args->nr++];
}

/* A word that names something, of one piece even if it was of two. */
static void add_named(struct reading *rd, const char *option, const char *name,
		      enum ld_role role)
{
	char *text = xasprintf("%s%s", option, name);

	add_word(rd, text, role, text + strlen(option));
	if (role == LD_INPUT || role == LD_LIBRARY)
		rd->args->has_inputs = 1;
}

static void set(char **to, const char *text)
{
	free(*to);
	*to = xstrdup(text);
}

/* ---- the words for our plugin ----------------------------------------------------- */

/* The first is what is told. */
static void complain(struct reading *rd, const char *fmt, const char *word)
{
	if (!rd->problem)
		rd->problem = xasprintf(fmt, word);
}

static void take_plugin(struct reading *rd, const char *path)
{
	rd->for_us = streq(base_name(path), "ldplugin.so");
	rd->args->is_ours |= rd->for_us;
}

/*
 * Return: whether the option is for us.  lld has no plugins, and options for
 * its own optimiser come in the same form; for what is neither it has an error.
 */
static int take_plugin_option(struct reading *rd, const char *word)
{
	struct ld_args *args = rd->args;

	if (!rd->for_us)
		return 0;
	if (starts_with(word, "hooks=") && word[6])
		strings_add(&args->hooks, word + 6);
	else if (starts_with(word, "symbol=") && word[7])
		strings_add(&args->symbols, word + 7);
	else if (streq(word, "aliases"))
		args->aliases = 1;
	else if (streq(word, "debug"))
		args->keep_debug = 1;
	else if (streq(word, "if-absent=ignore"))
		args->may_lack = 1;
	else if (streq(word, "if-absent=error"))
		args->may_lack = 0;
	else if (starts_with(word, "self="))
		set(&args->self, word + 5);
	else if (args->flavour == LD_LLD && !starts_with(word, "if-absent="))
		return 0;
	else
		complain(rd, "-plugin-opt %s: unknown: hooks=FILE, symbol=X, "
			 "symbol=FILE:X, self=thunk|direct|real, aliases, "
			 "debug, if-absent=error|ignore are known", word);
	return 1;
}

/* Return: whether the option was for our plugin. */
static int read_plugin(struct reading *rd)
{
	const char *value = long_value(rd, "plugin");

	if (value) {
		take_plugin(rd, value);
		return rd->for_us;
	}
	value = long_value(rd, "plugin-opt");
	return value && take_plugin_option(rd, value);
}

/* ---- what changes how inputs are read ------------------------------------------------ */

static void push_state(struct reading *rd)
{
	rd->saved = xrealloc(rd->saved, (rd->nr_saved + 1) *
					sizeof(*rd->saved));
	rd->saved[rd->nr_saved++] = rd->state;
}

static void read_state(struct reading *rd, const char *word)
{
	static const char *const on[] = { "Bstatic", "dn", "static",
					  "non_shared" };
	static const char *const off[] = { "Bdynamic", "dy", "call_shared" };
	static const char *const magic[] = { "N", "omagic", "n", "nmagic" };

	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		if (is_flag(word, on[i]))
			rd->state.is_static = 1;
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		if (is_flag(word, off[i]))
			rd->state.is_static = 0;
	for (size_t i = 0; i < ARRAY_SIZE(magic); i++)
		if (rd->args->flavour == LD_LLD && is_flag(word, magic[i]))
			rd->state.is_static = 1;
	if (is_flag(word, "whole-archive"))
		rd->state.is_whole = 1;
	else if (is_flag(word, "no-whole-archive"))
		rd->state.is_whole = 0;
	else if (is_flag(word, "start-lib"))
		rd->is_lazy = 1;
	else if (is_flag(word, "end-lib"))
		rd->is_lazy = 0;
	else if (is_flag(word, "push-state"))
		push_state(rd);
	else if (is_flag(word, "pop-state") && rd->nr_saved)
		rd->state = rd->saved[--rd->nr_saved];
}

static void read_kind(struct reading *rd, const char *word)
{
	static const char *const queries[] = { "version", "help" };

	if (is_flag(word, "r") || is_flag(word, "relocatable"))
		rd->args->is_partial = 1;
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		if (is_flag(word, queries[i]))
			rd->args->is_query = 1;
}

/* ---- all of it ------------------------------------------------------------------------ */

/* Return: whether the words at hand became one. */
static int read_input(struct reading *rd, const char *word)
{
	const char *value = long_value(rd, "library");

	/* mold 1 has no --library: -l, of a library with a strange name */
	if (value && !(rd->args->flavour == LD_MOLD && word[1] != '-')) {
		add_named(rd, "-l", value, LD_LIBRARY);
		return 1;
	}
	if (long_value(rd, "library-path"))
		return 0;
	value = short_value(rd, 'l');
	if (value) {
		add_named(rd, "-l", value, LD_LIBRARY);
		return 1;
	}
	value = long_value(rd, "script");
	if (!value && !option_name(word))
		return 0;
	if (!value && !starts_with(word, "-Tbss") &&
	    !starts_with(word, "-Tdata") && !starts_with(word, "-Ttext"))
		value = short_value(rd, 'T');
	if (value)
		add_named(rd, "-T", value, LD_SCRIPT);
	return !!value;
}

/* Separated by both. */
static void exclude(struct reading *rd, const char *libs)
{
	char *text = xstrdup(libs);

	for (char *at = text; (at = strchr(at, ':')); )
		*at = ',';
	strings_split(&rd->args->excluded, text, ',');
	free(text);
}

/* Values that matter; the words stay. */
static void read_values(struct reading *rd)
{
	const char *value = long_value(rd, "library-path");

	if (!value)
		value = short_value(rd, 'L');
	if (value)
		strings_add(&rd->args->paths, value);
	value = long_value(rd, "sysroot");
	if (value)
		set(&rd->args->sysroot, value);
	value = long_value(rd, "exclude-libs");
	if (value)
		exclude(rd, value);
	value = long_value(rd, "Map");
	if (value)
		set(&rd->args->map, value);
	value = long_value(rd, "dependency-file");
	if (value)
		set(&rd->args->depfile, value);
	value = long_value(rd, "format");
	if (!value)
		value = short_value(rd, 'b');
	if (value)
		rd->is_raw = streq(value, "binary");
}

static int read_directory(struct reading *rd)
{
	const char *value;

	if (rd->args->flavour != LD_MOLD)
		return 0;
	value = long_value(rd, "directory");
	if (!value)
		value = short_value(rd, 'C');
	if (value)
		set(&rd->args->directory, value);
	return !!value;
}

/* Return: whether the option is not to be kept as it stands. */
static int read_special(struct reading *rd, const char *word)
{
	const char *value;

	if (read_plugin(rd) || read_directory(rd) || read_input(rd, word))
		return 1;
	value = long_value(rd, "defsym");
	if (value)
		add_named(rd, "--defsym=", value,
			  starts_with(value, GUARD_PREFIX) ? LD_GUARD
							   : LD_DEFSYM);
	return !!value;
}

static void read_word(struct reading *rd)
{
	const char *word = rd->words->item[rd->at];
	int takes = takes_next(rd, word) && rd->at + 1 < rd->words->nr;

	if (word[0] != '-' || !word[1]) {
		add_named(rd, "", word, LD_INPUT);
	} else if (!read_special(rd, word)) {
		read_state(rd, word);
		read_kind(rd, word);
		read_values(rd);
		add_word(rd, xstrdup(word), LD_OPTION, NULL);
		if (takes)
			add_word(rd, xstrdup(rd->words->item[rd->at + 1]),
				 LD_OPTION, NULL);
	}
	rd->at += 1 + takes;
}

/* -L=DIR and -L$SYSROOT/DIR. */
static void resolve_paths(struct ld_args *args)
{
	const char *sysroot = args->sysroot ? args->sysroot : "";

	for (size_t i = 0; i < args->paths.nr; i++) {
		char *path = args->paths.item[i];
		size_t skip = *path == '=' ? 1 :
			      starts_with(path, "$SYSROOT") ? 8 : 0;

		if (!skip)
			continue;
		args->paths.item[i] = xasprintf("%s%s", sysroot, path + skip);
		free(path);
	}
}

/* Paths of another root would be read wrongly. */
static void refuse_chroot(struct reading *rd)
{
	for (size_t i = 0; i < rd->args->nr; i++)
		if (rd->args->is_ours &&
		    starts_with(rd->args->words[i].text, "--chroot"))
			complain(rd, "%s: cannot be had together with "
				 "ldplugin.so: use --sysroot", "--chroot");
}

static void check_hooks(struct reading *rd)
{
	if (rd->args->is_ours && !rd->args->hooks.nr)
		complain(rd, "no hooks: say -plugin-opt,hooks=FILE with the "
			 "object that \"%s\" made",
			 "mallochooks stack --method=replace -o");
}

char *ld_args_read(struct ld_args *args, enum ld_flavour flavour,
		   const struct strings *words)
{
	struct reading rd = { .args = args, .words = words };

	memset(args, 0, sizeof(*args));
	args->flavour = flavour;
	while (rd.at < words->nr)
		read_word(&rd);
	resolve_paths(args);
	check_hooks(&rd);
	refuse_chroot(&rd);
	free(rd.saved);
	return rd.problem;
}

void ld_args_free(struct ld_args *args)
{
	for (size_t i = 0; i < args->nr; i++)
		free(args->words[i].text);
	free(args->words);
	free(args->sysroot);
	free(args->directory);
	free(args->self);
	free(args->map);
	free(args->depfile);
	strings_free(&args->paths);
	strings_free(&args->excluded);
	strings_free(&args->hooks);
	strings_free(&args->symbols);
	memset(args, 0, sizeof(*args));
}

/* ---- libraries -------------------------------------------------------------------------- */

static char *in_dir(const char *dir, const char *before, const char *name,
		    const char *behind)
{
	char *path = xasprintf("%s/%s%s%s", dir, before, name, behind);

	if (is_file(path))
		return path;
	free(path);
	return NULL;
}

char *ld_args_search(const struct ld_args *args, const char *name)
{
	char *path = NULL;

	for (size_t i = 0; !path && i < args->paths.nr; i++)
		path = in_dir(args->paths.item[i], "", name, "");
	return path;
}

char *ld_args_library(const struct ld_args *args, const char *name,
		      int is_static)
{
	char *path = NULL;

	if (*name == ':')
		return ld_args_search(args, name + 1);
	for (size_t i = 0; !path && i < args->paths.nr; i++) {
		const char *dir = args->paths.item[i];

		if (!is_static)
			path = in_dir(dir, "lib", name, ".so");
		if (!path)
			path = in_dir(dir, "lib", name, ".a");
	}
	return path;
}
