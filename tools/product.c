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

/* What objects that define these functions will refer to: takeover.h. */
static void promise_for_rewriting(struct keep *keep,
				  const struct strings *names)
{
	for (size_t i = 0; i < names->nr; i++) {
		strings_addf(&keep->promised, "__mallochooks_entry_%s",
			     names->item[i]);
		strings_addf(&keep->promised, "__mallochooks_self_%s",
			     names->item[i]);
		strings_addf(&keep->promised, "__mallochooks_call_%s",
			     names->item[i]);
	}
}

static void promise(struct keep *keep, const struct compose *compose)
{
	const struct model *model = compose->model;
	const char *event = model_string(model, "EVENT_IDENT");
	const char *before = model_wraps(model) ? "__wrap_" : "";
	struct strings names = { 0 };

	sandwich_names(compose->sandwich, model, &names);
	for (size_t i = 0; i < names.nr; i++)
		strings_addf(&keep->promised, "%s%s", before, names.item[i]);
	if (model_bool(model, "METHOD_REPLACE"))
		promise_for_rewriting(keep, &names);
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
	/* Which of them are wanted the link will tell. */
	if (starts_with(name, "__mallochooks_absent_"))
		keep_it = 1;
	if (keep_it || is_absent_handler(keep, name, sym))
		strings_add(&keep->found, name);
	return 0;
}

int write_list(const struct strings *list, const char *path)
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

int write_keep_list(const struct compose *compose, const char *joined,
		    const char *path)
{
	struct keep keep = { .model = compose->model };
	const char *lacks = NULL;
	int result;

	promise(&keep, compose);
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

static void add_wrap_words(const struct link_part *part, struct strings *words)
{
	struct strings asked = { 0 };

	for (size_t i = 0; i < part->names.nr; i++)
		if (part->all_asked ||
		    is_asked_for(part->model, part->names.item[i]))
			strings_add(&asked, part->names.item[i]);
	add_each(words, "--wrap=", &part->names);
	add_each(words, "-u,", &asked);
	strings_free(&asked);
}

/*
 * bfd and gold take the plugin; lld and mold are shims in the -B folder.  One
 * word, which nobody can take apart.
 */
static void add_replace_words(const struct link_part *parts, size_t nr,
			      const struct link_place *place,
			      struct strings *words)
{
	struct strings plugin = { 0 };
	char *list;

	strings_addf(&plugin, "-Wl,-plugin,%s/ldplugin.so,-plugin-opt,hooks=%s",
		     place->lib_dir, place->hooks);
	for (size_t i = 0; i < nr; i++)
		for (size_t k = 0; k < parts[i].asked.nr &&
				   model_bool(parts[i].model, "METHOD_REPLACE"); k++)
			strings_addf(&plugin, "-plugin-opt,symbol=%s",
				     parts[i].asked.item[k]);
	list = strings_join(&plugin, ",");
	strings_addf(words, "-B%s/ld", place->lib_dir);
	strings_add(words, list);
	free(list);
	strings_free(&plugin);
}

static int any_replace(const struct link_part *parts, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (model_bool(parts[i].model, "METHOD_REPLACE"))
			return 1;
	return 0;
}

void link_words(const struct link_part *parts, size_t nr,
		const struct link_place *place, struct strings *words)
{
	struct strings guards = { 0 };

	for (size_t i = 0; i < nr; i++) {
		const char *ident = model_string(parts[i].model, "IDENT");

		if (model_wraps(parts[i].model))
			add_wrap_words(&parts[i], words);
		if (parts[i].guarded)
			strings_addf(&guards, "__mallochooks_present_%s="
				     "__mallochooks_entry_%s", ident, ident);
	}
	if (any_replace(parts, nr))
		add_replace_words(parts, nr, place, words);
	/* Fails a link into which the hooks did not get. */
	add_each(words, "--defsym=", &guards);
	strings_free(&guards);
}

/*
 * Two identities in one link include two fragments: the plain names gather.
 * The path is that of the fragment itself, so both files can move together.
 * By method replace the linker's plugin brings the object: on the command line
 * it would be there twice.
 */
int write_make_fragment(const struct link_part *parts, size_t nr,
			const char *out, const char *lib_dir)
{
	const char *ident = model_string(parts[0].model, "IDENT");
	struct strings lines = { 0 }, words = { 0 };
	char *path = xasprintf("%.*s.mk", (int)strlen(out) - 2, out);
	char *hooks = xasprintf("$(MALLOCHOOKS_HOOKS_%s)", ident);
	const struct link_place place = { lib_dir, hooks };
	int replace = any_replace(parts, nr);
	char *list;
	int result;

	link_words(parts, nr, &place, &words);
	list = strings_join(&words, " ");

	strings_addf(&lines, "# Written by \"mallochooks stack\": link with "
		     "$(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_LDFLAGS).");
	strings_addf(&lines, "MALLOCHOOKS_HOOKS_%s := "
		     "$(dir $(lastword $(MAKEFILE_LIST)))%s", ident,
		     base_name(out));
	strings_addf(&lines, "MALLOCHOOKS_OBJ_%s :=%s%s", ident,
		     replace ? "" : " ", replace ? "" : hooks);
	strings_addf(&lines, "MALLOCHOOKS_LDFLAGS_%s := %s", ident, list);
	strings_addf(&lines, "MALLOCHOOKS_OBJ := "
		     "$(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_OBJ_%s)", ident);
	strings_addf(&lines, "MALLOCHOOKS_LDFLAGS := "
		     "$(MALLOCHOOKS_LDFLAGS) $(MALLOCHOOKS_LDFLAGS_%s)",
		     ident);
	result = write_list(&lines, path);
	free(path);
	free(hooks);
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
