// SPDX-License-Identifier: MIT
/*
 * generate.c - the C source that ties the layers of a stack together
 *
 * Plain C for people to read: fills in the operations that a layer may leave
 * out, the switches of layers that have one, then the tables of layer and stack,
 * then MH_DEFINE_STACK().
 */
#include <stdlib.h>
#include <string.h>

#include <mallochooks/mallochooks.h>

#include "sandwich.h"

static void fill_in(const struct sandwich *sandwich, size_t i, FILE *out)
{
	const struct layer *layer = &sandwich->layers[i];

	if (layer_has(layer, OP_CALLOC) && layer_has(layer, OP_ZEROED))
		return;
	fprintf(out, "\n/* What %s leaves out. */\n", layer->name);
	fprintf(out, "#define MH_LAYER %s\n", layer->name);
	if (!is_terminal(sandwich, i))
		fprintf(out, "#define MH_NEXT %s\n", layer[1].called);
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

/* A layer that has no options of its own has its switch's. */
static void switch_option(const struct layer *layer, FILE *out)
{
	if (layer_has(layer, OP_OPTIONS))
		fputs("extern struct mh_switched_options HOOK_IDENT(options);\n",
		      out);
	else
		fprintf(out, "struct mh_switched_options HOOK_IDENT(options) = {\n"
			"\tMH_OPT_ON(%s), { { .size = 0 } }\n"
			"};\n", layer_on_flags(layer));
}

static void put_switch(const struct sandwich *sandwich, size_t i, FILE *out)
{
	const struct layer *layer = &sandwich->layers[i];
	const char *kind = "MH_OBSERVING_SWITCH";

	if (!is_switched(sandwich, i))
		return;
	if (layer_has(layer, OP_TRANSFORMING))
		kind = "MH_TRANSFORMING_SWITCH";
	else if (layer_has(layer, OP_KEEPING))
		kind = "MH_KEEPING_SWITCH";
	fprintf(out, "\n/* %s.on: the layer, or what is behind it. */\n"
		"#define MH_LAYER %s\n"
		"#define MH_NEXT %s\n"
		"#define MH_SWITCH %s\n"
		"#include <mallochooks/hookapi.h>\n", layer->name, layer->name,
		layer[1].called, layer->called);
	switch_option(layer, out);
	fprintf(out, "%s\n"
		"#undef MH_LAYER\n"
		"#undef MH_NEXT\n"
		"#undef MH_SWITCH\n", kind);
}

/* What transforms is switched off at start or never; what keeps chunks has none
 * then, most likely. */
static void put_decide(const struct sandwich *sandwich, FILE *out)
{
	fputs("\nstatic void decide(void)\n{\n", out);
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];

		if (!is_switched(sandwich, i))
			continue;
		if (layer_has(layer, OP_KEEPING) && layer_has(layer, OP_WALK))
			fprintf(out, "\tmh_%s_%s_state = mh_%s_%s_options.on.num ||\n"
				"\t\tmh_%s_%s_walk(mh_switch_found, NULL);\n",
				sandwich->ident, layer->called,
				sandwich->ident, layer->name,
				sandwich->ident, layer->name);
		if (layer_has(layer, OP_TRANSFORMING))
			fprintf(out, "\tmh_switch_decide(&mh_%s_%s_state, \"%s\",\n"
				"\t\t\t &mh_%s_%s_options.on);\n",
				sandwich->ident, layer->called, layer->name,
				sandwich->ident, layer->name);
	}
	fputs("}\n", out);
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

	fprintf(out, "%s mh_%s_%s_%s(%s);\n",
		op >= OP_QUERY && op <= OP_WALK ? "int" : "void",
		sandwich->ident, layer->name, layer_op_names[op],
		params[op] ? params[op] : "void");
}

static void declare(const struct sandwich *sandwich, FILE *out)
{
	fputs("\n#pragma GCC visibility push(hidden)\n", out);
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];

		if (layer_has(layer, OP_OPTIONS) && !is_switched(sandwich, i))
			fprintf(out, "extern struct mallochooks_option "
				"mh_%s_%s_options[];\n", sandwich->ident,
				layer->name);
		if (layer_has(layer, OP_ROOT))
			fprintf(out, "extern const struct mallochooks_root "
				"mh_%s_%s_root[];\n", sandwich->ident,
				layer->name);
		for (int op = OP_INIT; op < OP_ROOT; op++)
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
		for (int op = OP_INIT; op < OP_OPTIONS; op++)
			if (layer_has(layer, op))
				fprintf(out, "\t\t.%s = mh_%s_%s_%s,\n",
					layer_op_names[op], sandwich->ident,
					layer->name, layer_op_names[op]);
		if (layer_has(layer, OP_OPTIONS) || is_switched(sandwich, i))
			fprintf(out, "\t\t.options = %smh_%s_%s_options%s,\n",
				is_switched(sandwich, i) ? "&" : "",
				sandwich->ident, layer->name,
				is_switched(sandwich, i) ? ".on" : "");
		fputs("\t},\n", out);
	}
	fputs("};\n", out);
}

/*
 * Documentation/abi.rst.  Assembler, as no initialiser in C can be a distance;
 * those the linker knows, whatever it links.
 */
void sandwich_generate_note(const struct sandwich *sandwich,
			    const struct model *model, FILE *out)
{
	(void)model;
	fprintf(out, "/* The note of the stack \"%s\", written by \"mallochooks "
		"stack\": do not edit. */\n"
		"\t.section .note.mallochooks,\"aR\",%%note\n"
		"\t.balign 4\n"
		"\t.long 12, %d, 1\n"
		"\t.asciz \"mallochooks\"\n"
		"\t.long %d\n"
		"1:\t.ascii \"%.59s\"\n"
		"\t.zero 60 - (. - 1b)\n"
		"2:\t.quad mh_%s_table - 2b\n"
		"3:\t.quad mh_own_unit - 3b\n"
		"\t.hidden mh_own_unit\n"
		"\t.section .note.GNU-stack,\"\",%%progbits\n",
		sandwich->ident, MALLOCHOOKS_NOTE_BYTES, MALLOCHOOKS_ABI,
		sandwich->ident, sandwich->ident);
}

void sandwich_generate_thunks(const struct sandwich *sandwich,
			      const struct model *model, FILE *out)
{
	const char *prefix = model_string(model, "SYM_PREFIX");
	char *arch = model_chosen(model, GROUP_ARCH);
	struct strings names = { 0 };

	fputs("/* Thunks, written by \"mallochooks stack\": do not edit. */\n"
	      "#include \"self.S\"\n", out);
	if (sandwich->family)
		family_write_thunks(sandwich->family, arch, out);
	else
		model_user_names(model, &names);
	for (size_t i = 0; i < names.nr; i++)
		fprintf(out, "\tmh_self\t%s, %s, 0, __mallochooks_inner_%s, "
			"__mallochooks_entry_%s\n",
			names.item[i], strstr(names.item[i] + strlen(prefix),
					      "free") ? "void" : "word",
			names.item[i], names.item[i]);
	strings_free(&names);
	free(arch);
}

void sandwich_generate(const struct sandwich *sandwich,
		       const struct model *model, FILE *out)
{
	size_t prefix = strlen(model_string(model, "SYM_PREFIX"));
	struct strings names = { 0 }, symbols = { 0 };
	char *method = model_chosen(model, GROUP_METHOD);
	char *list;

	sandwich_names(sandwich, model, &names);
	for (size_t i = 0; i < names.nr; i++)
		strings_add(&symbols, names.item[i] + prefix);
	list = strings_join(&symbols, " ");
	fprintf(out, "/*\n"
		" * The stack \"%s\", written by \"mallochooks stack\": do not "
		"edit.\n"
		" */\n"
		"#include <mallochooks/layer.h>\n"
		"#include \"stack.h\"\n"
		"#include \"switch.h\"\n", sandwich->ident);
	for (size_t i = 0; i < sandwich->nr; i++) {
		fill_in(sandwich, i, out);
		put_switch(sandwich, i, out);
	}
	declare(sandwich, out);
	list_layers(sandwich, out);
	put_decide(sandwich, out);
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
		"\t.table = &MH_TABLE,\n"
		"};\n"
		"\n"
		"MH_DEFINE_STACK(stack, decide)\n", sandwich->ident,
		model_string(model, "EVENT_IDENT"), method,
		model_string(model, "SYM_PREFIX"), list);
	free(list);
	free(method);
	strings_free(&names);
	strings_free(&symbols);
}
