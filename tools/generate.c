// SPDX-License-Identifier: MIT
/*
 * generate.c - the C source that ties the layers of a stack together
 *
 * Plain C for people to read: fills in the operations that a layer may leave
 * out, then the tables of layer and stack, then MH_DEFINE_STACK().
 */
#include <stdlib.h>

#include "sandwich.h"

static void fill_in(const struct sandwich *sandwich, size_t i, FILE *out)
{
	const struct layer *layer = &sandwich->layers[i];

	if (layer_has(layer, OP_CALLOC) && layer_has(layer, OP_ZEROED))
		return;
	fprintf(out, "\n/* What %s leaves out. */\n", layer->name);
	fprintf(out, "#define MH_LAYER %s\n", layer->name);
	if (!is_terminal(sandwich, i))
		fprintf(out, "#define MH_NEXT %s\n", layer[1].name);
	fputs("#include <mallochooks/hookapi.h>\n", out);
	if (!layer_has(layer, OP_ZEROED))
		fputs(layer_has(layer, OP_OBSERVING) ?
		      "HOOK_PASS(zeroed)\n" : "HOOK_NOT_ZEROED\n", out);
	if (!layer_has(layer, OP_CALLOC))
		fputs("HOOK_EMULATE(calloc)\n", out);
	fputs("#undef MH_LAYER\n", out);
	if (!is_terminal(sandwich, i))
		fputs("#undef MH_NEXT\n", out);
}

static void declare_operation(const struct sandwich *sandwich,
			      const struct layer *layer, enum layer_op op,
			      FILE *out)
{
	static const char *const params[NR_OPS] = {
		[OP_DUMP] = "int fd",
		[OP_QUERY] = "const void *, struct mallochooks_object *",
		[OP_TAG] = "const void *, uint64_t",
		[OP_WALK] = "mallochooks_visit *, void *",
	};

	fprintf(out, "%s mh_%s_%s_%s(%s);\n", op > OP_DUMP ? "int" : "void",
		sandwich->ident, layer->name, layer_op_names[op],
		params[op] ? params[op] : "void");
}

static void declare(const struct sandwich *sandwich, FILE *out)
{
	fputs("\n#pragma GCC visibility push(hidden)\n", out);
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];

		if (layer_has(layer, OP_OPTIONS))
			fprintf(out, "extern struct mallochooks_option "
				"mh_%s_%s_options[];\n", sandwich->ident,
				layer->name);
		for (int op = OP_INIT; op <= OP_WALK; op++)
			if (layer_has(layer, op))
				declare_operation(sandwich, layer, op, out);
	}
	fputs("#pragma GCC visibility pop\n", out);
}

static void list_layers(const struct sandwich *sandwich, FILE *out)
{
	fputs("\n/* Top to bottom. */\n"
	      "static const struct mallochooks_layer layers[] = {\n", out);
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];

		fprintf(out, "\t{\n"
			"\t\t.size = sizeof(struct mallochooks_layer),\n"
			"\t\t.transforming = %d,\n"
			"\t\t.name = \"%s\",\n",
			layer_has(layer, OP_TRANSFORMING), layer->name);
		for (int op = OP_INIT; op <= OP_OPTIONS; op++)
			if (layer_has(layer, op))
				fprintf(out, "\t\t.%s = mh_%s_%s_%s,\n",
					layer_op_names[op], sandwich->ident,
					layer->name, layer_op_names[op]);
		fputs("\t},\n", out);
	}
	fputs("};\n", out);
}

void sandwich_generate(const struct sandwich *sandwich,
		       const struct model *model, FILE *out)
{
	struct strings words = { 0 }, symbols = { 0 };
	char *method = model_chosen(model, GROUP_METHOD);
	char *list;

	model_words(model, GROUP_SYMBOL, 1, &words);
	for (size_t i = 0; i < words.nr; i++)
		if (!streq(words.item[i], "cxx"))	/* a group, no symbol */
			strings_add(&symbols, words.item[i]);
	list = strings_join(&symbols, " ");
	fprintf(out, "/*\n"
		" * The stack \"%s\", written by \"mallochooks stack\": do not "
		"edit.\n"
		" */\n"
		"#include <mallochooks/layer.h>\n"
		"#include \"stack.h\"\n", sandwich->ident);
	for (size_t i = 0; i < sandwich->nr; i++)
		fill_in(sandwich, i, out);
	declare(sandwich, out);
	list_layers(sandwich, out);
	fprintf(out, "\n"
		"static const struct mallochooks_stack stack = {\n"
		"\t.size = sizeof(struct mallochooks_stack),\n"
		"\t.nr_layers = sizeof(layers) / sizeof(layers[0]),\n"
		"\t.ident = \"%s\",\n"
		"\t.event_ident = \"%s\",\n"
		"\t.method = \"%s\",\n"
		"\t.prefix = \"%s\",\n"
		"\t.symbols = \"%s\",\n"
		"\t.layers = layers,\n"
		"};\n"
		"\n"
		"MH_DEFINE_STACK(stack)\n", sandwich->ident,
		model_string(model, "EVENT_IDENT"), method,
		model_string(model, "SYM_PREFIX"), list);
	free(list);
	free(method);
	strings_free(&words);
	strings_free(&symbols);
}
