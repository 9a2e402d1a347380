// SPDX-License-Identifier: MIT
/*
 * settings.c - words for a stack, the same on the command line and in a
 * description
 */
#include <stdlib.h>
#include <string.h>

#include "settings.h"

/* Words that set one value, and where it stands. */
static const struct {
	const char *name;
	const char *key;
} values[] = {
	{ "ident", "IDENT" },
	{ "event-ident", "EVENT_IDENT" },
	{ "name", "NAME" },
	{ "prefix", "SYM_PREFIX" },
	{ "sources", "CLIENT_SOURCES" },
};

static const struct {
	const char *name;
	enum model_group group;
} choices[] = {
	{ "method", GROUP_METHOD },
	{ "calloc", GROUP_CALLOC },
	{ "compose", GROUP_COMPOSE },
	{ "caller", GROUP_CALLER },
	{ "arch", GROUP_ARCH },
};

static const struct {
	const char *name;
	enum model_group group;
} selections[] = {
	{ "symbols", GROUP_SYMBOL },
	{ "events", GROUP_EVENT },
};

/* Which built-in ones, which of the client's, and the order. */
static int set_layers(struct model *model, const struct strings *tokens,
		      const char *where)
{
	struct strings builtin = { 0 }, clients = { 0 };
	char *order = strings_join(tokens, ",");
	char *paths;
	int result;

	for (size_t i = 0; i < tokens->nr; i++) {
		const char *token = tokens->item[i];
		int is_path = strchr(token, '/') || ends_with(token, ".c");

		if (!is_path)
			strings_add(&builtin, token);
		else if (!strings_has(&clients, token))
			strings_add(&clients, token);
	}
	paths = strings_join(&clients, ",");
	result = model_select(model, GROUP_LAYER, &builtin, where);
	if (!result)
		result = model_set(model, "HOOK_CLIENT", paths, where);
	if (!result)
		result = model_set(model, "LAYER_ORDER", order, where);
	free(paths);
	free(order);
	strings_free(&builtin);
	strings_free(&clients);
	return result;
}

static int set_list(struct model *model, const char *name, const char *value,
		    const char *where)
{
	struct strings list = { 0 };
	int result = 0;

	strings_split(&list, value, ',');
	if (streq(name, "layers"))
		result = set_layers(model, &list, where);
	for (size_t i = 0; i < ARRAY_SIZE(selections); i++)
		if (streq(name, selections[i].name))
			result = model_select(model, selections[i].group, &list,
					      where);
	strings_free(&list);
	return result;
}

int settings_apply(struct model *model, const char *name, const char *value,
		   const char *where)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (streq(name, values[i].name))
			return model_set(model, values[i].key, value, where);
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
		if (streq(name, choices[i].name))
			return model_choose(model, choices[i].group, value,
					    where);
	if (streq(name, "transforming"))
		return model_set(model, "EVENT_TRANSFORMING", "y", where);
	if (streq(name, "switches"))
		return model_set(model, "LAYER_SWITCHES", "y", where);
	if (streq(name, "set"))
		return model_assign(model, value, where);
	return set_list(model, name, value, where);
}

int settings_has(const char *name)
{
	static const char *const others[] = {
		"transforming", "switches", "set", "layers",
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (streq(name, values[i].name))
			return 1;
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
		if (streq(name, choices[i].name))
			return 1;
	for (size_t i = 0; i < ARRAY_SIZE(selections); i++)
		if (streq(name, selections[i].name))
			return 1;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (streq(name, others[i]))
			return 1;
	return 0;
}
