// SPDX-License-Identifier: MIT
/*
 * describe.c - a description: several allocators and facades in one file
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "settings.h"

/* Lists of signatures, by the word for them. */
static const struct {
	const char *word;
	enum function_kind kind;
} function_words[] = {
	{ "alloc", FUNCTION_ALLOC },
	{ "zalloc", FUNCTION_CALLOC },
	{ "realloc", FUNCTION_REALLOC },
	{ "free", FUNCTION_FREE },
	{ "size", FUNCTION_SIZE },
	{ "functions", FUNCTION_FACADE },
};

struct reader {
	struct description *description;
	const struct model *base;
	int wrong;
};

static char *where_of(const config_setting_t *setting)
{
	return xasprintf("%s:%u", config_setting_source_file(setting),
			 config_setting_source_line(setting));
}

static void complain(struct reader *reader, const config_setting_t *setting,
		     const char *text)
{
	char *where = where_of(setting), *line = xstrdup(text);

	text_clean(line);
	say("%s: %s", where, line);
	free(line);
	free(where);
	reader->wrong = 1;
}

/* ---- values -------------------------------------------------------------------------- */

static char *scalar_text(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return xstrdup(config_setting_get_string(setting));
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return xasprintf("%lld", config_setting_get_int64(setting));
	case CONFIG_TYPE_BOOL:
		return xstrdup(config_setting_get_bool(setting) ? "y" : "n");
	default:
		return NULL;
	}
}

static int is_several(config_setting_t *setting)
{
	return config_setting_is_array(setting) ||
	       config_setting_is_list(setting);
}

/* One word more.  Return: 0, or -1. */
static int add_word(struct reader *reader, config_setting_t *setting,
		    const char *wanted, struct strings *words)
{
	char *text = scalar_text(setting);
	const char *c = text;
	int result = -1;

	while (c && *c && !iscntrl((unsigned char)*c))
		c++;
	if (!text)
		complain(reader, setting, wanted);
	else if (*c)
		complain(reader, setting, "a word with a control character in "
			 "it");
	else
		result = 0;
	if (!result)
		strings_add(words, text);
	free(text);
	return result;
}

/* The words of a string, or of a list of them.  Return: 0, or -1. */
static int words_of(struct reader *reader, config_setting_t *setting,
		    struct strings *words)
{
	if (!is_several(setting))
		return add_word(reader, setting, "a word or a list of words is "
				"wanted here", words);
	for (int i = 0; i < config_setting_length(setting); i++)
		if (add_word(reader, config_setting_get_elem(setting, i),
			     "only words may stand in this list", words))
			return -1;
	return 0;
}

/* ---- one part ------------------------------------------------------------------------ */

static int function_word(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(function_words); i++)
		if (streq(name, function_words[i].word))
			return (int)i;
	return -1;
}

static void take_function(struct reader *reader, struct described *part,
			  config_setting_t *setting, enum function_kind kind)
{
	const char *text = config_setting_get_string(setting);
	char *wrong, *line;

	if (!text) {
		complain(reader, setting, "a signature is wanted here: "
			 "\"NAME(ARGUMENTS)RESULT\"");
		return;
	}
	wrong = family_add(&part->family, kind, text);
	if (!wrong)
		return;
	line = xasprintf("\"%s\" %s", text, wrong);
	complain(reader, setting, line);
	free(line);
	free(wrong);
}

static void take_functions(struct reader *reader, struct described *part,
			   config_setting_t *setting, enum function_kind kind)
{
	if (part->facades != (kind == FUNCTION_FACADE)) {
		complain(reader, setting, part->facades ?
			 "facades have \"functions\" only" :
			 "\"functions\" are for facades: here it is alloc, "
			 "zalloc, realloc, free or size");
		return;
	}
	if (!is_several(setting))
		take_function(reader, part, setting, kind);
	else if (!config_setting_length(setting))
		complain(reader, setting, "an empty list names no function: leave "
			 "the word out");
	for (int i = 0; is_several(setting) &&
			i < config_setting_length(setting); i++)
		take_function(reader, part, config_setting_get_elem(setting, i),
			      kind);
}

static void take_setting(struct reader *reader, struct described *part,
			 config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	char *where = where_of(setting), *value;
	struct strings words = { 0 };
	int failed = words_of(reader, setting, &words);

	if (!failed && streq(name, "set")) {
		for (size_t i = 0; !failed && i < words.nr; i++)
			failed = settings_apply(&part->model, name,
						words.item[i], where);
	} else if (!failed) {
		value = strings_join(&words, ",");
		failed = settings_apply(&part->model, name, value, where);
		free(value);
	}
	if (failed)
		reader->wrong = 1;
	strings_free(&words);
	free(where);
}

static void take_inside(struct reader *reader, struct described *part,
			config_setting_t *setting)
{
	static const char wanted[] = "inside wants the identity of another "
				     "allocator";
	struct strings words = { 0 };

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		complain(reader, setting, wanted);
	else if (!add_word(reader, setting, wanted, &words))
		part->inside = xstrdup(words.item[0]);
	strings_free(&words);
}

static void take_transforming(struct reader *reader, struct described *part,
			      config_setting_t *setting)
{
	char *where;

	if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
		complain(reader, setting, "transforming is true or false");
		return;
	}
	where = where_of(setting);
	model_set(&part->model, "EVENT_TRANSFORMING",
		  config_setting_get_bool(setting) ? "y" : "n", where);
	free(where);
}

/* Words about a stack, which facades do not have. */
static int is_about_stack(const char *name)
{
	static const char *const words[] = {
		"layers", "events", "event-ident", "sources", "calloc",
		"transforming", "symbols", "prefix", "inside",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(name, words[i]))
			return 1;
	return 0;
}

static void take_member(struct reader *reader, struct described *part,
			config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	int function = function_word(name);
	char *line;

	if (function >= 0) {
		take_functions(reader, part, setting,
			       function_words[function].kind);
	} else if (part->facades && is_about_stack(name)) {
		line = xasprintf("facades have no stack, so no %s: that of the "
				 "allocator behind them is told their callers",
				 name);
		complain(reader, setting, line);
		free(line);
	} else if (streq(name, "transforming")) {
		take_transforming(reader, part, setting);
	} else if (streq(name, "inside")) {
		take_inside(reader, part, setting);
	} else if (settings_has(name)) {
		take_setting(reader, part, setting);
	} else {
		line = xasprintf("no such word as \"%s\": Documentation/"
				 "description.rst has them all", name);
		complain(reader, setting, line);
		free(line);
	}
}

/* Words for malloc's family alone. */
static void check_names(struct reader *reader, config_setting_t *group)
{
	static const char *const words[] = { "symbols", "prefix" };
	char *line;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		config_setting_t *setting =
			config_setting_get_member(group, words[i]);

		if (!setting)
			continue;
		line = xasprintf("%s is for malloc's family: this allocator "
				 "names its functions itself", words[i]);
		complain(reader, setting, line);
		free(line);
	}
}

/* One that hooks nothing would never be noticed. */
static void check_symbols(struct reader *reader, const struct described *part,
			  config_setting_t *group)
{
	struct strings symbols = { 0 };

	model_words(&part->model, GROUP_SYMBOL, 1, &symbols);
	if (!symbols.nr)
		complain(reader, group, "no symbol of malloc's family is selected, "
			 "and no function is named: this allocator would hook "
			 "nothing");
	strings_free(&symbols);
}

/* Functions with names of their own are not malloc's family. */
static void finish_part(struct reader *reader, struct described *part,
			config_setting_t *group)
{
	struct strings none = { 0 };
	char *wrong = NULL, *line;

	if (part->facades && !part->family.nr) {
		complain(reader, group, "these facades have no functions");
		return;
	}
	if (!part->family.nr) {
		check_symbols(reader, part, group);
		return;
	}
	if (!part->facades) {
		check_names(reader, group);
		wrong = family_check(&part->family);
	}
	model_select(&part->model, GROUP_SYMBOL, &none, part->where);
	model_set(&part->model, "SYM_PREFIX", "", part->where);
	if (wrong) {
		line = xasprintf("allocator %s %s",
				 model_string(&part->model, "IDENT"), wrong);
		complain(reader, group, line);
		free(line);
		free(wrong);
	}
}

static void read_part(struct reader *reader, config_setting_t *group,
		      int facades)
{
	struct description *description = reader->description;
	int wrong_before = reader->wrong;
	struct described *part;

	if (!config_setting_is_group(group)) {
		complain(reader, group, "a group { ... } is wanted here");
		return;
	}
	description->part = xrealloc(description->part, (description->nr + 1) *
				     sizeof(*description->part));
	part = &description->part[description->nr++];
	memset(part, 0, sizeof(*part));
	part->facades = facades;
	part->where = where_of(group);
	model_copy(&part->model, reader->base);
	if (facades)
		model_set(&part->model, "IDENT", "facades", part->where);
	reader->wrong = 0;
	for (int i = 0; i < config_setting_length(group); i++)
		take_member(reader, part, config_setting_get_elem(group, i));
	if (!reader->wrong)	/* or it would lack what was not understood */
		finish_part(reader, part, group);
	reader->wrong |= wrong_before;
}

/* ---- the whole ------------------------------------------------------------------------- */

static struct described *find_part(const struct description *description,
				   const char *ident)
{
	for (size_t i = 0; i < description->nr; i++)
		if (streq(model_string(&description->part[i].model, "IDENT"),
			  ident))
			return &description->part[i];
	return NULL;
}

/* The functions that are hooked, as the linker knows them. */
static void list_names(const struct described *part, struct strings *names)
{
	if (!part->family.nr)
		model_user_names(&part->model, names);
	for (size_t i = 0; i < part->family.nr; i++)
		strings_add(names, part->family.function[i].signature.name);
}

/* Does another function of the description have the name of this one? */
static int is_shared(const struct description *description,
		     const struct signature *signature)
{
	struct strings names = { 0 };
	int is = 0;

	for (size_t i = 0; !is && i < description->nr; i++) {
		const struct family *family = &description->part[i].family;

		if (!family->nr) {
			list_names(&description->part[i], &names);
			is = strings_has(&names, signature->name);
		}
		for (size_t k = 0; !is && k < family->nr; k++)
			is = signature_is_another(&family->function[k].signature,
						  signature);
	}
	strings_free(&names);
	return is;
}

/* Where several files have a static function of a name, each gets one of its own. */
static void name_statics(struct description *description)
{
	for (size_t i = 0; i < description->nr; i++) {
		struct family *family = &description->part[i].family;

		for (size_t k = 0; k < family->nr; k++) {
			struct signature *s = &family->function[k].signature;

			if (s->file && is_shared(description, s))
				signature_name_by_file(s);
		}
	}
}

static int check_functions(const struct described *a, const struct described *b)
{
	struct strings first = { 0 }, second = { 0 };
	const char *both = NULL;

	list_names(a, &first);
	list_names(b, &second);
	for (size_t i = 0; !both && i < second.nr; i++)
		if (strings_has(&first, second.item[i]))
			both = second.item[i];
	if (both)
		say("%s: %s belongs to %s already", b->where, both, a->where);
	strings_free(&first);
	strings_free(&second);
	return both ? -1 : 0;
}

/* Handlers are found by their prefix alone, and so is what they call back. */
static int check_events(const struct described *a, const struct described *b)
{
	const char *prefix = model_string(&b->model, "EVENT_IDENT");

	if (a->facades || b->facades ||
	    !model_bool(&a->model, "HOOK_EVENT") ||
	    !model_bool(&b->model, "HOOK_EVENT") ||
	    !streq(model_string(&a->model, "EVENT_IDENT"), prefix))
		return 0;
	say("%s: the events of %s would go to the handlers %s_* of %s (%s): "
	    "give it another event-ident", b->where,
	    model_string(&b->model, "IDENT"), prefix,
	    model_string(&a->model, "IDENT"), a->where);
	return -1;
}

/* Two of one name, or one function twice, would meet at the link. */
static int check_pair(const struct described *a, const struct described *b)
{
	const char *ident = model_string(&b->model, "IDENT");

	if (!streq(model_string(&a->model, "IDENT"), ident))
		return check_functions(a, b) || check_events(a, b) ? -1 : 0;
	say("%s: identity \"%s\" is that of %s too: give it another ident",
	    b->where, ident, a->where);
	return -1;
}

/* The caller that a facade notes must be asked for. */
static int check_latch(const struct described *a, const struct described *b)
{
	if (!a->facades || b->facades ||
	    model_bool(&b->model, "CALLER_LATCH"))
		return 0;
	say("%s: CONFIG_CALLER_LATCH=n, so the facades of %s would change "
	    "nothing: leave one of the two out", b->where, a->where);
	return -1;
}

static int is_ancestor(const struct description *description,
		       const struct described *part)
{
	const struct described *above = part;

	for (size_t i = 0; above && i <= description->nr; i++)
		above = above->inside ?
			find_part(description, above->inside) : NULL;
	return above != NULL;
}

static int check_inside(const struct description *description,
			const struct described *part)
{
	const struct described *outer;

	if (!part->inside)
		return 0;
	outer = find_part(description, part->inside);
	if (part->facades || !part->family.nr)
		say("%s: only an allocator with functions of its own can be "
		    "inside another", part->where);
	else if (!outer || outer->facades)
		say("%s: inside \"%s\", which is no allocator of this file",
		    part->where, part->inside);
	else if (is_ancestor(description, part))
		say("%s: %s is inside itself", part->where,
		    model_string(&part->model, "IDENT"));
	else
		return 0;
	return -1;
}

/* As many as hooks/unit.c starts in one output. */
#define STACKS_MOST	16

static int check_number(const struct description *description)
{
	size_t nr = 0;

	for (size_t i = 0; i < description->nr; i++) {
		if (description->part[i].facades || ++nr <= STACKS_MOST)
			continue;
		say("%s: more than %d allocators do not go into one object",
		    description->part[i].where, STACKS_MOST);
		return -1;
	}
	return 0;
}

static int check_whole(const struct description *description)
{
	if (check_number(description))
		return -1;
	for (size_t i = 0; i < description->nr; i++) {
		const struct described *part = &description->part[i];

		for (size_t k = 0; k < i; k++)
			if (check_pair(&description->part[k], part) ||
			    check_latch(&description->part[k], part) ||
			    check_latch(part, &description->part[k]))
				return -1;
		if (check_inside(description, part))
			return -1;
	}
	return 0;
}

static void read_list(struct reader *reader, config_setting_t *list)
{
	const char *name = config_setting_name(list);
	int facades = streq(name, "facades");

	if (!facades && !streq(name, "allocators")) {
		complain(reader, list, "only allocators = ( ... ); and "
			 "facades = ( ... ); stand here");
		return;
	}
	if (!config_setting_is_list(list)) {
		complain(reader, list, "a list is wanted: ( { ... }, ... )");
		return;
	}
	for (int i = 0; i < config_setting_length(list); i++)
		read_part(reader, config_setting_get_elem(list, i), facades);
}

/* What the reader of libconfig made of it. */
static int read_root(struct reader *reader, config_t *config, const char *path)
{
	config_setting_t *root = config_root_setting(config);

	for (int i = 0; i < config_setting_length(root); i++)
		read_list(reader, config_setting_get_elem(root, i));
	if (reader->wrong)
		return -1;
	if (!reader->description->nr) {
		say("%s: describes nothing: allocators = ( { ident = ...; } );",
		    path);
		return -1;
	}
	name_statics(reader->description);
	return check_whole(reader->description);
}

int description_read(struct description *description, const char *path,
		     const struct model *base)
{
	struct reader reader = { .description = description, .base = base };
	config_t config;
	int result = -1;

	*description = (struct description){ .nr = 0 };
	config_init(&config);
	if (!is_file(path))
		say("%s: no such file (--description)", path);
	else if (config_read_file(&config, path) != CONFIG_TRUE)
		say("%s:%d: %s", config_error_file(&config) ?
		    config_error_file(&config) : path,
		    config_error_line(&config), config_error_text(&config));
	else
		result = read_root(&reader, &config, path);
	config_destroy(&config);
	return result;
}

void description_free(struct description *description)
{
	for (size_t i = 0; i < description->nr; i++) {
		struct described *part = &description->part[i];

		model_free(&part->model);
		family_free(&part->family);
		free(part->inside);
		free(part->where);
	}
	free(description->part);
	*description = (struct description){ .nr = 0 };
}
