// SPDX-License-Identifier: MIT
/*
 * sandwich.c - which layers make a stack, and whether they fit together
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "objfile.h"
#include "sandwich.h"

const char *const layer_op_names[NR_OPS] = {
	[OP_MALLOC] = "malloc",
	[OP_FREE] = "free",
	[OP_REALLOC] = "realloc",
	[OP_MEMALIGN] = "memalign",
	[OP_MALLOC_USABLE_SIZE] = "malloc_usable_size",
	[OP_CALLOC] = "calloc",
	[OP_ZEROED] = "zeroed",
	[OP_INIT] = "init",
	[OP_LIVE] = "live",
	[OP_FORK] = "fork",
	[OP_FINI] = "fini",
	[OP_DUMP] = "dump",
	[OP_QUERY] = "query",
	[OP_TAG] = "tag",
	[OP_WALK] = "walk",
	[OP_CHANGED] = "changed",
	[OP_RESET] = "reset",
	[OP_ROOT] = "root",
	[OP_OPTIONS] = "options",
	[OP_OBSERVING] = "observing",
	[OP_TRANSFORMING] = "transforming",
	[OP_KEEPING] = "keeping",
};

/* The setting of a built-in layer, or NULL when @token is none. */
static const struct setting *builtin(const char *token)
{
	for (size_t i = 0; i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];
		char *word;
		int same;

		if (s->group != GROUP_LAYER)
			continue;
		word = model_word(s);
		same = streq(word, token);
		free(word);
		if (same)
			return s;
	}
	return NULL;
}

/* "../my/Pool-guard.c" -> "Pool_guard" */
static char *name_of_source(const char *source)
{
	char *name = xstrdup(base_name(source));

	if (ends_with(name, ".c"))
		name[strlen(name) - 2] = '\0';
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

static int is_taken(const struct sandwich *sandwich, const char *name)
{
	for (size_t i = 0; i < sandwich->nr; i++)
		if (streq(sandwich->layers[i].name, name))
			return 1;
	return 0;
}

#define SWITCH	"switch_"	/* before the name of a layer that has one */

/* Takes over @name and @source. */
static void add(struct sandwich *sandwich, char *name, char *source,
		const char *builtin_key)
{
	char *unique = xstrdup(name);

	for (int number = 2; is_taken(sandwich, unique); number++) {
		free(unique);
		unique = xasprintf("%s%d", name, number);
	}
	free(name);
	sandwich->layers = xrealloc(sandwich->layers, (sandwich->nr + 1) *
				    sizeof(*sandwich->layers));
	sandwich->layers[sandwich->nr++] = (struct layer){
		.name = unique, .source = source, .builtin = builtin_key,
		.called = sandwich->switched && !streq(unique, "terminal") ?
			xasprintf(SWITCH "%s", unique) : xstrdup(unique),
	};
}

static int check_source(const char *source, const char *where)
{
	if (!ends_with(source, ".c")) {
		say("\"%s\" is no C source (%s): name a file that ends in .c",
		    source, where);
		return -1;
	}
	if (!is_file(source)) {
		say("no file %s (%s): paths are relative to where you are",
		    source, where);
		return -1;
	}
	return 0;
}

/* The last two mean something else where options are set. */
static int is_reserved(const char *name)
{
	return streq(name, "entry") || streq(name, "terminal") ||
	       streq(name, "core") || streq(name, "only");
}

static int add_client(struct sandwich *sandwich, const char *source,
		      const char *where)
{
	char *name;

	if (check_source(source, where))
		return -1;
	name = name_of_source(source);
	if (!model_is_identifier(name) || is_reserved(name) ||
	    starts_with(name, SWITCH)) {
		say("\"%s\" cannot be the name of a layer (%s): rename the file "
		    "to a-z, 0-9 and _, not a macro of C, not entry, terminal, "
		    "core, only or " SWITCH "...", name, source);
		free(name);
		return -1;
	}
	add(sandwich, name, xstrdup(source), NULL);
	return 0;
}

static int add_token(struct sandwich *sandwich, const char *token,
		     const char *source_dir, const char *where)
{
	const struct setting *s = builtin(token);
	char *source;

	if (!s)
		return add_client(sandwich, token, where);
	/* Both instances would answer as <event-ident>_usable and _release. */
	if (streq(token, "event") && is_taken(sandwich, token)) {
		say("layer event stands twice (%s): one stack raises its "
		    "events once", where);
		return -1;
	}
	source = xasprintf("%s/hooks/%s.c", source_dir, token);
	add(sandwich, xstrdup(token), source, s->key);
	return check_source(source, source_dir);
}

/* walk, log, count, sites, the client's layers, event, index: what the allocator itself
 * gives is what the index has to know */
static void default_order(const struct model *model,
			  const struct strings *clients, struct strings *order)
{
	struct strings builtins = { 0 };

	model_words(model, GROUP_LAYER, 1, &builtins);
	for (size_t i = 0; i < builtins.nr; i++)
		if (!streq(builtins.item[i], "event") &&
		    !streq(builtins.item[i], "index"))
			strings_add(order, builtins.item[i]);
	strings_add_all(order, clients);
	if (strings_has(&builtins, "event"))
		strings_add(order, "event");
	if (strings_has(&builtins, "index"))
		strings_add(order, "index");
	strings_free(&builtins);
}

static int check_order(const struct model *model,
		       const struct strings *clients,
		       const struct strings *order)
{
	const char *where = model_where(model, "LAYER_ORDER");
	struct strings selected = { 0 };
	int result = 0;

	model_words(model, GROUP_LAYER, 1, &selected);
	strings_add_all(&selected, clients);
	for (size_t i = 0; !result && i < order->nr; i++) {
		if (strings_has(&selected, order->item[i]))
			continue;
		say("CONFIG_LAYER_ORDER names \"%s\", which is not selected "
		    "(%s): select it, or leave it out", order->item[i], where);
		result = -1;
	}
	for (size_t i = 0; !result && i < selected.nr; i++) {
		if (strings_has(order, selected.item[i]))
			continue;
		say("CONFIG_LAYER_ORDER leaves out \"%s\", which is selected "
		    "(%s): add it, or do not select it", selected.item[i],
		    where);
		result = -1;
	}
	strings_free(&selected);
	return result;
}

static int check_client_sources(const struct model *model)
{
	struct strings sources = { 0 };
	int result = 0;

	strings_split(&sources, model_string(model, "CLIENT_SOURCES"), ',');
	for (size_t i = 0; !result && i < sources.nr; i++)
		result = check_source(sources.item[i],
				      model_where(model, "CLIENT_SOURCES"));
	strings_free(&sources);
	return result;
}

static int plan_terminal(struct sandwich *sandwich, const struct model *model,
			 const char *source_dir)
{
	char *method, *terminal;

	if (sandwich->family) {
		add(sandwich, xstrdup("terminal"), NULL, NULL);
		return 0;
	}
	method = model_chosen(model, GROUP_METHOD);
	terminal = xasprintf("%s/hooks/terminal-%s.c", source_dir, method);
	free(method);
	add(sandwich, xstrdup("terminal"), terminal, NULL);
	return check_source(terminal, source_dir);
}

int sandwich_plan(struct sandwich *sandwich, const struct model *model,
		  const struct family *family, const char *source_dir)
{
	struct strings clients = { 0 }, order = { 0 };
	const char *where;
	int result = 0;

	*sandwich = (struct sandwich){
		.ident = model_string(model, "IDENT"), .family = family,
		.switched = model_bool(model, "LAYER_SWITCHES"),
	};
	strings_split(&clients, model_string(model, "HOOK_CLIENT"), ',');
	strings_split(&order, model_string(model, "LAYER_ORDER"), ',');
	if (order.nr) {
		where = model_where(model, "LAYER_ORDER");
		result = check_order(model, &clients, &order);
	} else {
		where = model_where(model, "HOOK_CLIENT");
		default_order(model, &clients, &order);
	}
	for (size_t i = 0; !result && i < order.nr; i++)
		result = add_token(sandwich, order.item[i], source_dir, where);
	strings_free(&clients);
	strings_free(&order);
	if (result)
		return result;
	result = plan_terminal(sandwich, model, source_dir);
	return result ? result : check_client_sources(model);
}

int sandwich_attends(const struct sandwich *sandwich)
{
	const unsigned int something = 1u << OP_OPTIONS | 1u << OP_DUMP |
				       1u << OP_RESET;

	for (size_t i = 0; i < sandwich->nr; i++)
		if (sandwich->layers[i].has & something ||
		    is_switched(sandwich, i))
			return 1;
	return 0;
}

void sandwich_names(const struct sandwich *sandwich, const struct model *model,
		    struct strings *names)
{
	const struct family *family = sandwich->family;

	if (!family) {
		model_user_names(model, names);
		return;
	}
	for (size_t i = 0; i < family->nr; i++)
		strings_add(names, family->function[i].signature.name);
}

void sandwich_free(struct sandwich *sandwich)
{
	for (size_t i = 0; i < sandwich->nr; i++) {
		free(sandwich->layers[i].name);
		free(sandwich->layers[i].called);
		free(sandwich->layers[i].source);
	}
	free(sandwich->layers);
	*sandwich = (struct sandwich){ .nr = 0 };
}

struct probe {
	struct layer *layer;
	char *prefix;		/* of what it defines */
	const struct strings *user;	/* what it must not call, or NULL */
	const char *called;
};

static int visit_probed(const char *name, const GElf_Sym *sym, void *arg)
{
	struct probe *probe = arg;

	if (GELF_ST_BIND(sym->st_info) == STB_LOCAL)
		return 0;
	if (sym->st_shndx == SHN_UNDEF) {
		for (size_t i = 0; probe->user && i < probe->user->nr; i++)
			if (streq(name, probe->user->item[i]))
				probe->called = probe->user->item[i];
		return 0;
	}
	if (!starts_with(name, probe->prefix))
		return 0;
	for (int op = 0; op < NR_OPS; op++)
		if (streq(name + strlen(probe->prefix), layer_op_names[op]))
			probe->layer->has |= 1u << op;
	return 0;
}

int sandwich_probed(struct sandwich *sandwich, const struct model *model,
		    size_t i, const char *object)
{
	struct layer *layer = &sandwich->layers[i];
	struct strings user = { 0 };
	struct probe probe = {
		.layer = layer,
		.prefix = xasprintf("mh_%s_%s_", sandwich->ident, layer->name),
	};
	int result;

	/* Another allocator's names (SYM_PREFIX) do not lead back to us. */
	sandwich_names(sandwich, model, &user);
	if (!is_terminal(sandwich, i) && !*model_string(model, "SYM_PREFIX"))
		probe.user = &user;
	result = object_symbols(object, 0, visit_probed, &probe);
	if (!result && probe.called) {
		say("layer %s calls %s, which is this stack again (%s): take "
		    "memory from mh_arena() or from NEXT_IDENT(malloc)",
		    layer->name, probe.called, layer->source);
		result = -1;
	}
	free(probe.prefix);
	strings_free(&user);
	return result;
}

static int judge_layer(const struct sandwich *sandwich, size_t i)
{
	const struct layer *layer = &sandwich->layers[i];

	for (int op = 0; op < NR_MANDATORY_OPS; op++) {
		if (layer_has(layer, op))
			continue;
		say("layer %s does not define %s (%s): write "
		    "HOOK_IDENT(%s), or HOOK_PASS(%s)", layer->name,
		    layer_op_names[op], layer->source, layer_op_names[op],
		    layer_op_names[op]);
		return -1;
	}
	if (is_terminal(sandwich, i) ||
	    layer_has(layer, OP_OBSERVING) != layer_has(layer, OP_TRANSFORMING))
		return 0;
	say("layer %s says %s observing %s transforming (%s): write "
	    "HOOK_OBSERVING or HOOK_TRANSFORMING, once", layer->name,
	    layer_has(layer, OP_OBSERVING) ? "both" : "neither",
	    layer_has(layer, OP_OBSERVING) ? "and" : "nor", layer->source);
	return -1;
}

/* A chunk that goes round the stack hurts a layer that changes pointers. */
static int judge_family(const struct sandwich *sandwich,
			const struct model *model)
{
	const struct layer *transforming = NULL;
	struct strings off = { 0 }, missing = { 0 };
	size_t nr_on = 0;
	char *list;
	int result = 0;

	if (sandwich->family)	/* what there is was named */
		return 0;
	for (size_t i = 0; i < sandwich->nr; i++)
		if (layer_has(&sandwich->layers[i], OP_TRANSFORMING))
			transforming = &sandwich->layers[i];
	model_words(model, GROUP_SYMBOL, 1, &missing);
	nr_on = missing.nr - strings_has(&missing, "cxx") -
		strings_has(&missing, "cfree");
	strings_free(&missing);
	model_words(model, GROUP_SYMBOL, 0, &off);
	for (size_t i = 0; i < off.nr; i++)
		if (!streq(off.item[i], "cxx") && !streq(off.item[i], "cfree"))
			strings_add(&missing, off.item[i]);
	list = strings_join(&missing, " ");
	if (missing.nr && transforming) {
		say("layer %s is transforming and needs the whole family, but "
		    "%s %s not hooked (%s): add to the symbols",
		    transforming->name, list, missing.nr > 1 ? "are" : "is",
		    transforming->source);
		result = -1;
	} else if (missing.nr && nr_on) {
		say("warning: %s %s not hooked: the layers see chunks whose "
		    "birth or death they miss", list,
		    missing.nr > 1 ? "are" : "is");
	}
	free(list);
	strings_free(&off);
	strings_free(&missing);
	return result;
}

/* By --wrap strdup of a shared libc is not seen, but the end of its chunk is.
 * No library makes chunks of an allocator with names of its own. */
static void warn_of_strangers(const struct sandwich *sandwich,
			      const struct model *model)
{
	if (!model_wraps(model) || sandwich->family)
		return;
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];

		if (!layer_has(layer, OP_TRANSFORMING))
			continue;
		say("warning: layer %s is transforming, and by --wrap it meets "
		    "chunks of shared libraries that it did not shape: link "
		    "statically (method wrap), or use method preload",
		    layer->name);
		return;
	}
}

int sandwich_judge(const struct sandwich *sandwich, const struct model *model)
{
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];

		if (judge_layer(sandwich, i))
			return -1;
		if (!model_bool(model, "CALLOC_HOOKED") ||
		    layer_has(layer, OP_CALLOC))
			continue;
		say("layer %s does not define calloc, and calloc is hooked "
		    "(%s): write it, or choose calloc auto", layer->name,
		    layer->source);
		return -1;
	}
	warn_of_strangers(sandwich, model);
	return judge_family(sandwich, model);
}
