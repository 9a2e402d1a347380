// SPDX-License-Identifier: MIT
/*
 * print.c - show a stack, symbol by symbol and with every CONFIG_ value
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "sandwich.h"

/* What the entry makes of each symbol of the user API. */
static const struct {
	const char *symbol;
	enum layer_op op;
} narrowed[] = {
	{ "malloc", OP_MALLOC },
	{ "calloc", OP_CALLOC },
	{ "realloc", OP_REALLOC },
	{ "free", OP_FREE },
	{ "memalign", OP_MEMALIGN },
	{ "posix_memalign", OP_MEMALIGN },
	{ "aligned_alloc", OP_MEMALIGN },
	{ "valloc", OP_MEMALIGN },
	{ "pvalloc", OP_MEMALIGN },
	{ "reallocarray", OP_REALLOC },
	{ "malloc_usable_size", OP_MALLOC_USABLE_SIZE },
	{ "free_sized", OP_FREE },
	{ "free_aligned_sized", OP_FREE },
	{ "cfree", OP_FREE },
};

static void line(FILE *out, const char *label, const char *text)
{
	fprintf(out, "  %-16s %s\n", label, *text ? text : "none");
}

static void line_words(FILE *out, const char *label,
		       const struct model *model, enum model_group group,
		       int on)
{
	struct strings words = { 0 };
	char *text;

	model_words(model, group, on, &words);
	text = strings_join(&words, " ");
	line(out, label, text);
	free(text);
	strings_free(&words);
}

static void print_head(const struct sandwich *sandwich,
		       const struct model *model, FILE *out)
{
	char *arch = model_chosen(model, GROUP_ARCH);
	char *method = model_chosen(model, GROUP_METHOD);
	char *calloc_mode = model_chosen(model, GROUP_CALLOC);
	char *form = model_chosen(model, GROUP_COMPOSE);
	char *caller = model_chosen(model, GROUP_CALLER);
	const char *prefix = model_string(model, "SYM_PREFIX");

	fprintf(out, "stack %s%s%s (arch %s, method %s, calloc %s, %s, caller %s%s)"
		"  events %s_*\n", model_string(model, "IDENT"),
		sandwich->inside ? ", inside " : "",
		sandwich->inside ? sandwich->inside : "", arch, method,
		calloc_mode, form, caller,
		model_bool(model, "CALLER_LATCH") ? " or latched" : "", model_string(model, "EVENT_IDENT"));
	free(arch);
	free(method);
	free(calloc_mode);
	free(form);
	free(caller);
	line(out, "name suffix", model_string(model, "NAME"));
	if (sandwich->family)
		return;
	line(out, "symbol prefix", prefix);
	line_words(out, "user symbols", model, GROUP_SYMBOL, 1);
	line_words(out, "not hooked", model, GROUP_SYMBOL, 0);
}

/* As the description has it; to be freed. */
static char *signature_text(const struct signature *s)
{
	return xasprintf("%s%s%s(%s)%.1s", s->file ? s->file : "",
			 s->file ? ":" : "", s->name, s->args, &s->ret);
}

static enum layer_op op_of(const struct function *function)
{
	switch (function->kind) {
	case FUNCTION_CALLOC:
		return OP_CALLOC;
	case FUNCTION_REALLOC:
		return OP_REALLOC;
	case FUNCTION_FREE:
		return OP_FREE;
	case FUNCTION_SIZE:
		return OP_MALLOC_USABLE_SIZE;
	default:
		return signature_count(&function->signature, 'A') ?
		       OP_MEMALIGN : OP_MALLOC;
	}
}

/* The entry of functions that have names of their own. */
static void print_family(const struct sandwich *sandwich, FILE *out)
{
	const struct family *family = sandwich->family;
	char *text;

	for (size_t i = 0; i < family->nr; i++) {
		text = signature_text(&family->function[i].signature);
		fprintf(out, "  %-16s %s -> mh_%s_%s_%s\n", i ? "" : "entry",
			text, sandwich->ident, sandwich->layers[0].called,
			layer_op_names[op_of(&family->function[i])]);
		free(text);
	}
}

static void print_entry(const struct sandwich *sandwich,
			const struct model *model, FILE *out)
{
	const char *before = model_wraps(model) ? "__wrap_" : "";
	const char *prefix = model_string(model, "SYM_PREFIX");
	const char *top = sandwich->layers[0].called;
	const char *label = "entry";
	struct strings words = { 0 };

	model_words(model, GROUP_SYMBOL, 1, &words);
	for (size_t i = 0; i < words.nr; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(narrowed) &&
		       !streq(narrowed[k].symbol, words.item[i]))
			k++;
		if (k == ARRAY_SIZE(narrowed)) {
			fprintf(out, "  %-16s operator new, delete -> the next "
				"definition (call site noted)\n", label);
		} else if (narrowed[k].op == OP_CALLOC &&
			   model_bool(model, "CALLOC_EMULATED")) {
			fprintf(out, "  %-16s %s%s%s -> mh_%s_%s_malloc, "
				"_zeroed (emulated here)\n", label, before,
				prefix, words.item[i], sandwich->ident, top);
		} else {
			fprintf(out, "  %-16s %s%s%s -> mh_%s_%s_%s\n", label,
				before, prefix, words.item[i],
				sandwich->ident, top,
				layer_op_names[narrowed[k].op]);
		}
		label = "";
	}
	strings_free(&words);
}

/* Is @layer the first of the dependencies? */
static int is_read_by(const struct setting *s, const char *layer)
{
	size_t nr = strlen(layer);

	return s->depends && starts_with(s->depends, layer) &&
	       (!s->depends[nr] || s->depends[nr] == ' ');
}

/* The settings that say nothing without this layer. */
static char *layer_settings(const struct layer *layer,
			    const struct model *model)
{
	struct strings words = { 0 };
	char *text;

	for (size_t i = 0; layer->builtin && i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];

		if (s->group == GROUP_NONE && is_read_by(s, layer->builtin))
			strings_addf(&words, "CONFIG_%s=%s", s->key,
				     model_value(model, s));
	}
	text = strings_join(&words, " ");
	strings_free(&words);
	return text;
}

static const char *calloc_of(const struct layer *layer, int *reached)
{
	if (!*reached)
		return "never called";
	if (layer_has(layer, OP_CALLOC))
		return "hooked";
	*reached = 0;
	return "emulated here";
}

static const char *zeroed_of(const struct layer *layer)
{
	if (layer_has(layer, OP_ZEROED))
		return "answered";
	return layer_has(layer, OP_OBSERVING) ? "passed" : "no";
}

static const char *real_of(const struct sandwich *sandwich,
			   const struct model *model)
{
	if (sandwich->family && model_bool(model, "METHOD_REPLACE"))
		return "__real_NAME, the output's own definitions";
	if (sandwich->family && model_bool(model, "METHOD_WRAP"))
		return "__real_NAME, as ld has bound them";
	if (model_bool(model, "METHOD_WRAP"))
		return "__real_malloc, as ld has bound it";
	if (model_bool(model, "METHOD_WRAPDL"))
		return "first definition in the global scope";
	if (model_bool(model, "METHOD_REPLACE"))
		return "__real_malloc, the output's own definition";
	return "next definition behind this unit";
}

static void print_layer(const struct sandwich *sandwich, size_t i,
			const struct model *model, int *reached, FILE *out)
{
	const struct layer *layer = &sandwich->layers[i];
	const char *kind = layer_has(layer, OP_TRANSFORMING) ? "transforming"
							     : "observing";
	struct strings life = { 0 };
	char *label, *text;

	if (is_terminal(sandwich, i)) {
		label = xstrdup("terminal");
		kind = real_of(sandwich, model);
	} else {
		label = xasprintf("layer %s", layer->name);
	}
	fprintf(out, "  %-16s %s; calloc: %s; zeroed: %s\n", label, kind,
		calloc_of(layer, reached), zeroed_of(layer));
	line(out, "", is_terminal(sandwich, i) && sandwich->family ?
	     "written from the signatures (--work keeps it)" : layer->source);
	if (is_switched(sandwich, i))
		fprintf(out, "  %-16s switched by %s.on, %s\n", "", layer->name,
			layer_has(layer, OP_OBSERVING) ? "at any time" :
							 "at start");
	for (int op = OP_INIT; op <= OP_OPTIONS; op++)
		if (layer_has(layer, op))
			strings_add(&life, layer_op_names[op]);
	text = strings_join(&life, " ");
	if (*text)
		line(out, "", text);
	free(text);
	text = layer_settings(layer, model);
	if (*text)
		line(out, "", text);
	if (layer->builtin && streq(layer->builtin, "HOOK_EVENT")) {
		line_words(out, "  raised", model, GROUP_EVENT, 1);
		line_words(out, "  not raised", model, GROUP_EVENT, 0);
	}
	free(text);
	free(label);
	strings_free(&life);
}

void sandwich_print(const struct sandwich *sandwich, const struct model *model,
		    FILE *out)
{
	int reached = !model_bool(model, "CALLOC_EMULATED");

	print_head(sandwich, model, out);
	if (sandwich->family)
		print_family(sandwich, out);
	else
		print_entry(sandwich, model, out);
	for (size_t i = 0; i < sandwich->nr; i++)
		print_layer(sandwich, i, model, &reached, out);
	line(out, "client sources", model_string(model, "CLIENT_SOURCES"));
}

void sandwich_print_facades(const struct sandwich *sandwich,
			    const struct model *model, FILE *out)
{
	char *arch = model_chosen(model, GROUP_ARCH);
	char *method = model_chosen(model, GROUP_METHOD);

	fprintf(out, "facades %s (arch %s, method %s)\n", sandwich->ident, arch,
		method);
	for (size_t i = 0; i < sandwich->family->nr; i++) {
		char *text = signature_text(&sandwich->family->function[i].signature);

		line(out, i ? "" : "callers noted", text);
		free(text);
	}
	free(arch);
	free(method);
}
