// SPDX-License-Identifier: MIT
/*
 * product.c - what goes with the object: its names, and its words for make
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compose.h"
#include "objfile.h"

struct keep {
	const struct model *model;
	struct strings promised;	/* must be there */
	struct strings found;
	int operators;			/* C++ operators are promised */
	int nr_operators;
};

/* The C names of the user API that are hooked, prefix included. */
static void user_names(const struct model *model, struct strings *names)
{
	struct strings words = { 0 };

	model_words(model, GROUP_SYMBOL, 1, &words);
	for (size_t i = 0; i < words.nr; i++)
		if (!streq(words.item[i], "cxx"))	/* a group, no symbol */
			strings_addf(names, "%s%s",
				     model_string(model, "SYM_PREFIX"),
				     words.item[i]);
	strings_free(&words);
}

static void promise(struct keep *keep, const struct model *model)
{
	const char *event = model_string(model, "EVENT_IDENT");
	const char *before = model_wraps(model) ? "__wrap_" : "";
	struct strings names = { 0 };

	user_names(model, &names);
	for (size_t i = 0; i < names.nr; i++)
		strings_addf(&keep->promised, "%s%s", before, names.item[i]);
	strings_free(&names);
	strings_addf(&keep->promised, "__mallochooks_entry_%s",
		     model_string(model, "IDENT"));
	keep->operators = model_bool(model, "SYM_CXX");
	if (!model_bool(model, "HOOK_EVENT"))
		return;
	strings_addf(&keep->promised, "%s_usable", event);
	strings_addf(&keep->promised, "%s_release", event);
}

/* _Znw _Zna _Zdl _Zda: operator new, new[], delete, delete[] */
static int is_operator(const char *name)
{
	return starts_with(name, "_Znw") || starts_with(name, "_Zna") ||
	       starts_with(name, "_Zdl") || starts_with(name, "_Zda");
}

/* An empty handler, which the client may still replace. */
static int is_absent_handler(const struct keep *keep, const char *name,
			     const GElf_Sym *sym)
{
	const char *event = model_string(keep->model, "EVENT_IDENT");

	return GELF_ST_BIND(sym->st_info) == STB_WEAK &&
	       starts_with(name, event) && name[strlen(event)] == '_';
}

static int visit_joined(const char *name, const GElf_Sym *sym, void *arg)
{
	struct keep *keep = arg;
	int keep_it = strings_has(&keep->promised, name);

	if (GELF_ST_BIND(sym->st_info) == STB_LOCAL ||
	    sym->st_shndx == SHN_UNDEF)
		return 0;
	if (keep->operators && is_operator(name)) {
		keep->nr_operators++;
		keep_it = 1;
	}
	if (keep_it || is_absent_handler(keep, name, sym))
		strings_add(&keep->found, name);
	return 0;
}

static int write_list(const struct strings *list, const char *path)
{
	FILE *out = fopen(path, "we");
	int result = 0;

	for (size_t i = 0; out && i < list->nr; i++)
		fprintf(out, "%s\n", list->item[i]);
	if (out) {
		result = ferror(out);
		result |= fclose(out);
	}
	if (out && !result)
		return 0;
	say("cannot write %s: %s", path, strerror(errno));
	return -1;
}

int write_keep_list(const struct model *model, const char *joined,
		    const char *path)
{
	struct keep keep = { .model = model };
	const char *lacks = NULL;
	int result;

	promise(&keep, model);
	result = object_symbols(joined, 0, visit_joined, &keep);
	for (size_t i = 0; i < keep.promised.nr; i++)
		if (!strings_has(&keep.found, keep.promised.item[i]))
			lacks = keep.promised.item[i];
	if (keep.operators && !keep.nr_operators)
		lacks = "operator new";
	if (!result && lacks) {
		say("the stack has no %s, which the configuration promises: "
		    "look at the sources of entry and layers", lacks);
		result = -1;
	}
	if (!result)
		result = write_list(&keep.found, path);
	strings_free(&keep.promised);
	strings_free(&keep.found);
	return result;
}

/*
 * "-Wl,--wrap=malloc,--wrap=free", as one word: nothing comes between.
 * @option: as the linker has it, its '=' or ',' included
 */
static void add_each(struct strings *words, const char *option,
		     const struct strings *names)
{
	struct strings parts = { 0 };
	char *list;

	strings_add(&parts, "-Wl");
	for (size_t i = 0; i < names->nr; i++)
		strings_addf(&parts, "%s%s", option, names->item[i]);
	list = strings_join(&parts, ",");
	if (names->nr)
		strings_add(words, list);
	free(list);
	strings_free(&parts);
}

/*
 * The calls are renamed before archives are searched, and the terminal refers
 * weakly or not at all: the real ones have to be asked for.  These alone, as
 * any program does; more would draw libc.a's malloc.o to a family that is not
 * whole.
 */
static int is_asked_for(const struct model *model, const char *name)
{
	static const char *const always[] = {
		"malloc", "calloc", "realloc", "free",
	};

	name += strlen(model_string(model, "SYM_PREFIX"));
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (streq(name, always[i]))
			return 1;
	return 0;
}

static void add_wrap_words(const struct model *model, struct strings *words)
{
	struct strings names = { 0 }, asked = { 0 };

	user_names(model, &names);
	for (size_t i = 0; i < names.nr; i++)
		if (is_asked_for(model, names.item[i]))
			strings_add(&asked, names.item[i]);
	add_each(words, "--wrap=", &names);
	add_each(words, "-u,", &asked);
	strings_free(&names);
	strings_free(&asked);
}

void link_words(const struct model *model, struct strings *words)
{
	const char *ident = model_string(model, "IDENT");

	if (model_wraps(model))
		add_wrap_words(model, words);
	/* The first fails a link into which the hooks did not get; by the
	 * second, units find each other. */
	strings_addf(words, "-Wl,--defsym=__mallochooks_present_%s="
		     "__mallochooks_entry_%s", ident, ident);
	strings_add(words, "-Wl,--export-dynamic-symbol=mallochooks_unit");
}

/*
 * Two identities in one link include two fragments: the plain names gather.
 * The path is that of the fragment itself, so both files can move together.
 */
int write_make_fragment(const struct model *model, const char *out)
{
	const char *ident = model_string(model, "IDENT");
	struct strings lines = { 0 }, words = { 0 };
	char *path = xasprintf("%.*s.mk", (int)strlen(out) - 2, out);
	char *list;
	int result;

	link_words(model, &words);
	list = strings_join(&words, " ");

	strings_addf(&lines, "# Written by \"mallochooks stack\": link with "
		     "$(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_LDFLAGS).");
	strings_addf(&lines, "MALLOCHOOKS_OBJ_%s := "
		     "$(dir $(lastword $(MAKEFILE_LIST)))%s", ident,
		     base_name(out));
	strings_addf(&lines, "MALLOCHOOKS_LDFLAGS_%s := %s", ident, list);
	strings_addf(&lines, "MALLOCHOOKS_OBJ := "
		     "$(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_OBJ_%s)", ident);
	strings_addf(&lines, "MALLOCHOOKS_LDFLAGS := "
		     "$(MALLOCHOOKS_LDFLAGS) $(MALLOCHOOKS_LDFLAGS_%s)",
		     ident);
	result = write_list(&lines, path);
	free(path);
	free(list);
	strings_free(&words);
	strings_free(&lines);
	return result;
}

/* One word of a dependency file, still escaped.  Return: behind it. */
static const char *next_word(const char *text, char **word)
{
	const char *start;

	for (;;) {
		text += strspn(text, " \t\n");
		if (text[0] != '\\' || text[1] != '\n')
			break;
		text += 2;
	}
	start = text;
	while (*text && !strchr(" \t\n", *text)) {
		if (text[0] == '\\' && text[1] == '\n')
			break;
		text += text[0] == '\\' && text[1] ? 2 : 1;
	}
	*word = text > start ? xstrndup(start, text - start) : NULL;
	return text;
}

/* As gcc escapes a name for make. */
static char *make_quote(const char *name)
{
	char *quoted = xcalloc(strlen(name) + 1, 2), *to = quoted;

	for (; *name; name++) {
		if (*name == ' ' || *name == '#')
			*to++ = '\\';
		if (*name == '$')
			*to++ = '$';
		*to++ = *name;
	}
	return quoted;
}

static void take_words(const struct compose *compose, const char *text,
		       struct strings *inputs)
{
	char *folder = xasprintf("%s/", compose->work);
	char *work = make_quote(folder);
	const char *colon = strstr(text, ": ");
	char *word;

	/* what we made ourselves in the work folder is no input */
	for (text = colon ? colon + 1 : text;
	     text = next_word(text, &word), word; free(word))
		if (!starts_with(word, work) && !strings_has(inputs, word))
			strings_add(inputs, word);
	free(work);
	free(folder);
}

int write_depfile(const struct compose *compose, const char *out,
		  const char *path, const char *config)
{
	struct strings inputs = { 0 }, lines = { 0 };
	char *quoted = make_quote(out);
	int result = 0;

	strings_addf(&lines, "%s: \\", quoted);
	free(quoted);
	if (config) {
		quoted = make_quote(config);
		strings_add(&inputs, quoted);
		free(quoted);
	}
	for (size_t i = 0; !result && i < compose->deps.nr; i++) {
		char *text = read_file(compose->deps.item[i], NULL);

		if (text) {
			take_words(compose, text, &inputs);
		} else {
			say("cannot read %s: %s", compose->deps.item[i],
			    strerror(errno));
			result = -1;
		}
		free(text);
	}
	for (size_t i = 0; i < inputs.nr; i++)
		strings_addf(&lines, " %s%s", inputs.item[i],
			     i + 1 < inputs.nr ? " \\" : "");
	/* A source that has gone is no error but a reason to compose anew. */
	for (size_t i = 0; i < inputs.nr; i++)
		strings_addf(&lines, "%s:", inputs.item[i]);
	if (!result)
		result = write_list(&lines, path);
	strings_free(&inputs);
	strings_free(&lines);
	return result;
}
