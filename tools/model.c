// SPDX-License-Identifier: MIT
/*
 * model.c - the CONFIG_ values that describe one stack
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define BOOL(key, builtin, depends) \
	{ key, MODEL_BOOL, GROUP_NONE, builtin, depends, 0, 0 }
#define INT(key, builtin, depends, min, max) \
	{ key, MODEL_INT, GROUP_NONE, builtin, depends, min, max }
#define STRING(key, builtin) \
	{ key, MODEL_STRING, GROUP_NONE, builtin, NULL, 0, 0 }
#define MEMBER(key, group, builtin) \
	{ key, MODEL_BOOL, group, builtin, NULL, 0, 0 }
#define EVENT(name) \
	{ "EVENT_" name, MODEL_BOOL, GROUP_EVENT, "y", "HOOK_EVENT", 0, 0 }

/* The order within a group is the order in which its words are printed. */
const struct setting model_settings[] = {
	/* The compiler's target decides when nobody names one. */
	MEMBER("ARCH_X86_64", GROUP_ARCH, "n"),
	MEMBER("ARCH_AARCH64", GROUP_ARCH, "n"),
	MEMBER("ARCH_GENERIC", GROUP_ARCH, "n"),
	MEMBER("METHOD_PRELOAD", GROUP_METHOD, "y"),
	MEMBER("METHOD_WRAP", GROUP_METHOD, "n"),
	MEMBER("METHOD_WRAPDL", GROUP_METHOD, "n"),
	MEMBER("METHOD_REPLACE", GROUP_METHOD, "n"),
	STRING("IDENT", "libc"),
	STRING("EVENT_IDENT", "mh_event"),
	STRING("NAME", ""),
	STRING("SYM_PREFIX", ""),
	MEMBER("SYM_MALLOC", GROUP_SYMBOL, "y"),
	MEMBER("SYM_CALLOC", GROUP_SYMBOL, "y"),
	MEMBER("SYM_REALLOC", GROUP_SYMBOL, "y"),
	MEMBER("SYM_FREE", GROUP_SYMBOL, "y"),
	MEMBER("SYM_MEMALIGN", GROUP_SYMBOL, "y"),
	MEMBER("SYM_POSIX_MEMALIGN", GROUP_SYMBOL, "y"),
	MEMBER("SYM_ALIGNED_ALLOC", GROUP_SYMBOL, "y"),
	MEMBER("SYM_VALLOC", GROUP_SYMBOL, "y"),
	MEMBER("SYM_PVALLOC", GROUP_SYMBOL, "y"),
	MEMBER("SYM_REALLOCARRAY", GROUP_SYMBOL, "y"),
	MEMBER("SYM_MALLOC_USABLE_SIZE", GROUP_SYMBOL, "y"),
	MEMBER("SYM_FREE_SIZED", GROUP_SYMBOL, "y"),
	MEMBER("SYM_FREE_ALIGNED_SIZED", GROUP_SYMBOL, "y"),
	MEMBER("SYM_CFREE", GROUP_SYMBOL, "y"),
	{ "SYM_CXX", MODEL_BOOL, GROUP_SYMBOL, "y",
	  "METHOD_PRELOAD CALLER_LATCH", 0, 0 },
	MEMBER("CALLOC_AUTO", GROUP_CALLOC, "y"),
	MEMBER("CALLOC_HOOKED", GROUP_CALLOC, "n"),
	MEMBER("CALLOC_EMULATED", GROUP_CALLOC, "n"),
	MEMBER("HOOK_WALK", GROUP_LAYER, "n"),
	MEMBER("HOOK_LOG", GROUP_LAYER, "n"),
	MEMBER("HOOK_COUNT", GROUP_LAYER, "y"),
	MEMBER("HOOK_SITES", GROUP_LAYER, "y"),
	MEMBER("HOOK_EVENT", GROUP_LAYER, "y"),
	MEMBER("HOOK_INDEX", GROUP_LAYER, "n"),
	STRING("HOOK_CLIENT", ""),
	STRING("LAYER_ORDER", ""),
	BOOL("LAYER_SWITCHES", "n", NULL),
	STRING("CLIENT_SOURCES", ""),
	EVENT("POST_INIT"),
	EVENT("PRE_ALLOC"),
	EVENT("POST_SUCCESSFUL_ALLOC"),
	EVENT("POST_ALLOC_FAILED"),
	EVENT("PRE_NONNULL_FREE"),
	EVENT("POST_NONNULL_FREE"),
	EVENT("PRE_NONNULL_NONZERO_REALLOC"),
	EVENT("POST_NONNULL_NONZERO_REALLOC"),
	EVENT("POST_USABLE_SIZE"),
	BOOL("EVENT_TRANSFORMING", "n", "HOOK_EVENT"),
	MEMBER("COMPOSE_UNIT", GROUP_COMPOSE, "y"),
	MEMBER("COMPOSE_SEPARATE", GROUP_COMPOSE, "n"),
	MEMBER("CALLER_RETURN", GROUP_CALLER, "y"),
	MEMBER("CALLER_FRAMES", GROUP_CALLER, "n"),
	MEMBER("CALLER_NONE", GROUP_CALLER, "n"),
	BOOL("CALLER_LATCH", "y", NULL),
	BOOL("COUNT_REPORT", "n", "HOOK_COUNT"),
	INT("LOG_FD", "2", "HOOK_LOG", 0, 1023),
	INT("LOG_DEPTH", "0", "HOOK_LOG CALLER_FRAMES", 0, 32),
	INT("LOG_MIN_BYTES", "0", "HOOK_LOG", 0, 1073741824),
	{ "SITES_DIR", MODEL_STRING, GROUP_NONE, "", "HOOK_SITES", 0, 0 },
	INT("SITES_AFTER", "1000", "HOOK_SITES", 0, 4096),
	INT("SITES_SIZE", "65536", "HOOK_SITES", 256, 4194304),
};
const size_t model_nr_settings = ARRAY_SIZE(model_settings);

static const struct {
	const char *prefix;
	const char *noun;
} groups[NR_GROUPS] = {
	[GROUP_ARCH] = { "ARCH_", "architecture" },
	[GROUP_METHOD] = { "METHOD_", "method" },
	[GROUP_CALLOC] = { "CALLOC_", "calloc mode" },
	[GROUP_COMPOSE] = { "COMPOSE_", "form" },
	[GROUP_CALLER] = { "CALLER_", "caller capture" },
	[GROUP_SYMBOL] = { "SYM_", "symbol" },
	[GROUP_EVENT] = { "EVENT_", "event" },
	[GROUP_LAYER] = { "HOOK_", "layer" },
};

static size_t find(const char *key)
{
	size_t i = 0;

	while (i < model_nr_settings && !streq(model_settings[i].key, key))
		i++;
	return i;
}

static void put(struct model_value *v, const char *value, const char *where,
		int by_hand)
{
	free(v->value);
	free(v->where);
	v->value = xstrdup(value);
	v->where = where ? xstrdup(where) : NULL;
	v->by_hand = by_hand;
}

void model_init(struct model *model)
{
	model->values = xcalloc(model_nr_settings, sizeof(*model->values));
	for (size_t i = 0; i < model_nr_settings; i++)
		put(&model->values[i], model_settings[i].builtin, NULL, 0);
}

void model_copy(struct model *model, const struct model *from)
{
	model->values = xcalloc(model_nr_settings, sizeof(*model->values));
	for (size_t i = 0; i < model_nr_settings; i++)
		put(&model->values[i], from->values[i].value,
		    from->values[i].where, from->values[i].by_hand);
}

void model_free(struct model *model)
{
	for (size_t i = 0; i < model_nr_settings; i++) {
		free(model->values[i].value);
		free(model->values[i].where);
	}
	free(model->values);
}

int model_is_identifier(const char *word)
{
	static const char *const macros[] = {
		/* gnu11 itself; then the headers that a layer includes */
		"linux", "unix", "errno", "likely", "unlikely",
	};

	if (!islower((unsigned char)*word) && *word != '_')
		return 0;
	if (word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(macros); i++)
		if (streq(word, macros[i]))
			return 0;
	return 1;
}

static int check_int(const struct setting *s, const char *value,
		     const char *where)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (*value && !isspace((unsigned char)*value) && !*end && !errno &&
	    number >= s->min && number <= s->max)
		return 0;
	say("CONFIG_%s is \"%s\" (%s): say a number from %ld to %ld", s->key,
	    value, where, s->min, s->max);
	return -1;
}

#define IDENT_MOST	24	/* lines of totals have room for */

static int check_string(const struct setting *s, const char *value,
			const char *where)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *remedy = NULL;

	if (streq(s->key, "IDENT") || streq(s->key, "EVENT_IDENT")) {
		if (!model_is_identifier(value))
			remedy = "say a name like \"libc\", of a-z, 0-9 and _, "
				 "that is no macro of C";
		else if (streq(s->key, "IDENT") && strlen(value) > IDENT_MOST)
			remedy = "say a name of at most 24 letters";
	} else if (streq(s->key, "SYM_PREFIX")) {
		if (value[strspn(value, name)] ||
		    isdigit((unsigned char)*value))
			remedy = "say the begin of a C name, like \"dl\"";
	} else if (streq(s->key, "NAME")) {
		for (const char *c = value; *c; c++)
			if (!isalnum((unsigned char)*c) && !strchr("._+-", *c))
				remedy = "say a part of a file name, like "
					 "\"-guarded\"";
	} else if (value[strcspn(value, "\n\"\\")]) {
		/* no compiler's dependency file gives these back */
		remedy = "say it without quotes, backslashes and newlines";
	}
	if (!remedy)
		return 0;
	say("CONFIG_%s is \"%s\" (%s): %s", s->key, value, where, remedy);
	return -1;
}

static int check_value(const struct setting *s, const char *value,
		       const char *where)
{
	if (s->type == MODEL_INT)
		return check_int(s, value, where);
	if (s->type == MODEL_STRING)
		return check_string(s, value, where);
	if (streq(value, "y") || streq(value, "n"))
		return 0;
	say("CONFIG_%s is \"%s\" (%s): say y or n", s->key, value, where);
	return -1;
}

static int set(struct model *model, size_t i, const char *value,
	       const char *where, int by_hand)
{
	const struct setting *s = &model_settings[i];

	if (check_value(s, value, where))
		return -1;
	/* The others make room for a member that is chosen by hand. */
	if (by_hand && s->group < NR_CHOICES && streq(value, "y"))
		for (size_t k = 0; k < model_nr_settings; k++)
			if (model_settings[k].group == s->group)
				put(&model->values[k], "n", where, by_hand);
	put(&model->values[i], value, where, by_hand);
	return 0;
}

int model_set(struct model *model, const char *key, const char *value,
	      const char *where)
{
	return set(model, find(key), value, where, 1);
}

/* Takes the quotes off a value of .config; the string is changed in place. */
static char *unquote(char *text)
{
	char *from = text, *to = text;

	if (*text != '"')
		return text;
	for (from++; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	if (*from != '"' || from[1])
		return NULL;
	*to = '\0';
	return text;
}

static int assign(struct model *model, char *key, char *value,
		  const char *where, int by_hand)
{
	char *bare;
	int quoted;
	size_t i;

	if (!starts_with(key, "CONFIG_") ||
	    (i = find(key + strlen("CONFIG_"))) == model_nr_settings) {
		say("no symbol \"%s\" (%s): mallochooks stack --help lists them",
		    key, where);
		return -1;
	}
	/* As Kconfig reads it; a shell has taken the quotes of a word off. */
	quoted = *value == '"';
	if (!by_hand && quoted != (model_settings[i].type == MODEL_STRING)) {
		say("%s=%s is written %s quotes (%s): write it %s", key, value,
		    quoted ? "with" : "without", where,
		    quoted ? "without" : "with");
		return -1;
	}
	bare = unquote(value);
	if (!bare) {
		say("quotes of %s do not match (%s): write \"...\"", key,
		    where);
		return -1;
	}
	return set(model, i, bare, where, by_hand);
}

int model_assign(struct model *model, const char *assignment,
		 const char *where)
{
	char *key = xstrdup(assignment);
	char *value = strchr(key, '=');
	int result = -1;

	if (value) {
		*value++ = '\0';
		result = assign(model, key, value, where, 1);
	} else {
		say("\"%s\" sets nothing (%s): write CONFIG_KEY=value",
		    assignment, where);
	}
	free(key);
	return result;
}

static int read_line(struct model *model, char *line, const char *where)
{
	static const char off[] = " is not set";
	char *value;

	line[strcspn(line, "\r")] = '\0';
	if (starts_with(line, "# CONFIG_") && ends_with(line, off)) {
		line[strlen(line) - strlen(off)] = '\0';
		return assign(model, line + 2, (char[]){ "n" }, where, 0);
	}
	if (!*line || *line == '#')
		return 0;
	value = strchr(line, '=');
	if (!value) {
		say("\"%s\" is no line of a configuration (%s): "
		    "write CONFIG_KEY=value", line, where);
		return -1;
	}
	*value++ = '\0';
	return assign(model, line, value, where, 0);
}

/* A member that the file names with y takes the place of the default; Kconfig
 * never writes two. */
static int settle_choice(struct model *model, enum model_group group)
{
	const struct setting *chosen = NULL;
	const char *chosen_where = NULL;

	for (size_t i = 0; i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];
		const struct model_value *v = &model->values[i];

		if (s->group != group || !v->where || !streq(v->value, "y"))
			continue;
		if (chosen) {
			say("CONFIG_%s and CONFIG_%s are both y (%s): "
			    "they exclude each other", chosen->key, s->key,
			    v->where);
			return -1;
		}
		chosen = s;
		chosen_where = v->where;
	}
	for (size_t i = 0; chosen && i < model_nr_settings; i++)
		if (model_settings[i].group == group &&
		    &model_settings[i] != chosen)
			put(&model->values[i], "n", chosen_where, 0);
	return 0;
}

/* The first of the dependencies that is off, to be freed, or NULL. */
static char *lacks(const struct model *model, const struct setting *s)
{
	struct strings keys = { 0 };
	char *lacking = NULL;

	if (s->depends)
		strings_split(&keys, s->depends, ' ');
	for (size_t i = 0; !lacking && i < keys.nr; i++)
		if (!model_bool(model, keys.item[i]))
			lacking = xstrdup(keys.item[i]);
	strings_free(&keys);
	return lacking;
}

static int refuse_without(const struct model *model, const struct setting *s)
{
	const struct model_value *v = &model->values[s - model_settings];
	char *lacking = lacks(model, s);

	say("CONFIG_%s is %s (%s) without CONFIG_%s: set that too, or take "
	    "this back", s->key, v->value, v->where, lacking);
	free(lacking);
	return -1;
}

static int check_dependencies(const struct model *model)
{
	for (size_t i = 0; i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];
		const struct model_value *v = &model->values[i];
		const char *idle = s->type == MODEL_BOOL ? "n" : s->builtin;

		if (!v->where || model_active(model, s) ||
		    streq(v->value, idle))
			continue;
		return refuse_without(model, s);
	}
	return 0;
}

int model_read(struct model *model, const char *path)
{
	char *text = read_file(path, NULL);
	char *line, *rest;
	int number = 0, result = 0;

	if (!text) {
		say("cannot read the configuration %s: %s", path,
		    strerror(errno));
		return -1;
	}
	rest = text;
	while (!result && (line = strsep(&rest, "\n"))) {
		char *where = xasprintf("%s:%d", path, ++number);

		result = read_line(model, line, where);
		free(where);
	}
	free(text);
	for (int group = 0; !result && group < NR_CHOICES; group++)
		result = settle_choice(model, group);
	return result ? result : check_dependencies(model);
}

static void refuse_word(enum model_group group, const char *word,
			const char *where, const struct strings *known)
{
	char *list = strings_join(known, ", ");

	say("no %s \"%s\" (%s): there is %s", groups[group].noun, word, where,
	    list);
	free(list);
}

int model_choose(struct model *model, enum model_group group,
		 const char *word, const char *where)
{
	struct strings words = { 0 };

	for (size_t i = 0; i < model_nr_settings; i++) {
		char *member;

		if (model_settings[i].group != group)
			continue;
		member = model_word(&model_settings[i]);
		if (streq(member, word)) {
			free(member);
			strings_free(&words);
			return set(model, i, "y", where, 1);
		}
		strings_add(&words, member);
		free(member);
	}
	refuse_word(group, word, where, &words);
	strings_free(&words);
	return -1;
}

int model_select(struct model *model, enum model_group group,
		 const struct strings *words, const char *where)
{
	struct strings known = { 0 };
	int result = 0;

	for (size_t i = 0; i < model_nr_settings; i++) {
		char *member;

		if (model_settings[i].group != group)
			continue;
		member = model_word(&model_settings[i]);
		set(model, i, strings_has(words, member) ? "y" : "n", where, 1);
		strings_add(&known, member);
		free(member);
	}
	for (size_t i = 0; !result && i < words->nr; i++) {
		if (strings_has(&known, words->item[i]))
			continue;
		refuse_word(group, words->item[i], where, &known);
		result = -1;
	}
	strings_free(&known);
	return result;
}

static int check_choice(const struct model *model, enum model_group group)
{
	char *chosen = model_chosen(model, group);

	if (chosen) {
		free(chosen);
		return 0;
	}
	for (size_t i = 0; i < model_nr_settings; i++) {
		if (model_settings[i].group != group)
			continue;
		say("no %s is chosen (%s): set one, as CONFIG_%s=y",
		    groups[group].noun, model->values[i].where ?
		    model->values[i].where : "default", model_settings[i].key);
		return -1;
	}
	return -1;
}

/* Only what the command line itself contradicts: a file's own contradictions
 * were found when it was read, and --layers may well switch off what a file
 * had values for. */
static int check_by_hand(const struct model *model)
{
	for (size_t i = 0; i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];
		const struct model_value *v = &model->values[i];

		if (!v->by_hand || streq(v->value, "n") ||
		    model_active(model, s))
			continue;
		return refuse_without(model, s);
	}
	return 0;
}

/* Calls within the defining object need its thunk. */
static int check_thunk(const struct model *model)
{
	if (!model_bool(model, "METHOD_REPLACE") ||
	    !model_bool(model, "ARCH_GENERIC"))
		return 0;
	say("method replace has no thunk for the generic architecture (%s): "
	    "choose x86_64 or aarch64", model_where(model, "METHOD_REPLACE"));
	return -1;
}

int model_check(const struct model *model)
{
	for (int group = 0; group < NR_CHOICES; group++)
		if (check_choice(model, group))
			return -1;
	return check_thunk(model) ? -1 : check_by_hand(model);
}

int model_active(const struct model *model, const struct setting *s)
{
	char *lacking = lacks(model, s);

	free(lacking);
	return !lacking;
}

const char *model_value(const struct model *model, const struct setting *s)
{
	if (model_active(model, s))
		return model->values[s - model_settings].value;
	return s->type == MODEL_BOOL ? "n" : s->builtin;
}

int model_bool(const struct model *model, const char *key)
{
	return streq(model_value(model, &model_settings[find(key)]), "y");
}

int model_wraps(const struct model *model)
{
	return model_bool(model, "METHOD_WRAP") ||
	       model_bool(model, "METHOD_WRAPDL");
}

const char *model_string(const struct model *model, const char *key)
{
	return model_value(model, &model_settings[find(key)]);
}

const char *model_where(const struct model *model, const char *key)
{
	const char *where = model->values[find(key)].where;

	return where ? where : "default";
}

char *model_word(const struct setting *s)
{
	char *word = xstrdup(s->key + strlen(groups[s->group].prefix));

	for (char *c = word; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return word;
}

char *model_chosen(const struct model *model, enum model_group group)
{
	struct strings words = { 0 };
	char *chosen = NULL;

	model_words(model, group, 1, &words);
	if (words.nr)
		chosen = xstrdup(words.item[0]);
	strings_free(&words);
	return chosen;
}

void model_words(const struct model *model, enum model_group group, int on,
		 struct strings *words)
{
	for (size_t i = 0; i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];
		char *word;

		if (s->group != group ||
		    streq(model_value(model, s), "y") != on)
			continue;
		word = model_word(s);
		strings_add(words, word);
		free(word);
	}
}

void model_user_names(const struct model *model, struct strings *names)
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

void model_write_header(const struct model *model, FILE *out)
{
	fputs("/* Written by \"mallochooks stack\": the configuration of this "
	      "stack. */\n", out);
	for (size_t i = 0; i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];
		const char *value = model_value(model, s);

		if (s->type == MODEL_STRING)
			fprintf(out, "#define CONFIG_%s \"%s\"\n", s->key,
				value);
		else if (s->type == MODEL_INT)
			fprintf(out, "#define CONFIG_%s %s\n", s->key, value);
		else if (streq(value, "y"))
			fprintf(out, "#define CONFIG_%s 1\n", s->key);
	}
}
