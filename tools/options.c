// SPDX-License-Identifier: MIT
/*
 * options.c - list the run-time options of a unit, or the values in force
 *
 * What is in force is found out by the very code that the unit has in it
 * (config/), let loose on a copy of the unit's tables.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "effective.h"
#include "options.h"
#include "program.h"
#include "tools.h"
#include "unit.h"

static const char *const type_names[] = {
	[MALLOCHOOKS_BOOL] = "bool", [MALLOCHOOKS_INT] = "int",
	[MALLOCHOOKS_SIZE] = "size", [MALLOCHOOKS_STRING] = "string",
	[MALLOCHOOKS_DURATION] = "duration", [MALLOCHOOKS_ENUM] = "enum",
	[MALLOCHOOKS_LIST] = "list",
};

static const char *type_name(const struct mallochooks_option *option)
{
	return option->type < ARRAY_SIZE(type_names) &&
	       type_names[option->type] ? type_names[option->type] : "?";
}

static const char *end_line(struct mh_line *line)
{
	line->text[line->nr] = '\0';
	return line->text;
}

/* The built-in value: as long as nothing has been loaded, the one in force. */
static char *value_text(const struct mallochooks_option *option)
{
	struct mh_line line;

	mh_line_start(&line);
	if (option->type == MALLOCHOOKS_STRING ||
	    option->type == MALLOCHOOKS_LIST)
		mh_value_write(&line, option);
	else
		mh_value_number(&line, option, option->builtin);
	return xstrdup(end_line(&line));
}

/* " 0..9 frames", "  up to 15 bytes", "  off|some|all" or nothing. */
static char *range_text(const struct mallochooks_option *option)
{
	struct mh_line line;

	mh_line_start(&line);
	switch (option->type) {
	case MALLOCHOOKS_BOOL:
		break;
	case MALLOCHOOKS_STRING:
	case MALLOCHOOKS_LIST:
		mh_line_str(&line, "up to ");
		mh_line_dec(&line, option->str_bytes - 1 -
			    (option->type == MALLOCHOOKS_LIST));
		mh_line_str(&line, " bytes");
		break;
	case MALLOCHOOKS_ENUM:
		mh_line_str(&line, option->choices);
		break;
	default:
		mh_value_number(&line, option, option->min);
		mh_line_str(&line, "..");
		mh_value_number(&line, option, option->max);
		if (*option->unit && option->type != MALLOCHOOKS_DURATION) {
			mh_line_str(&line, " ");
			mh_line_str(&line, option->unit);
		}
	}
	return xstrdup(end_line(&line));
}

static const char *when(const struct mallochooks_option *option)
{
	return option->flags & MALLOCHOOKS_LIVE ? "live" : "start-up";
}

/* ---- forms ---------------------------------------------------------------- */

/* One way to print options: @layer is called before those of a layer, @end
 * behind them; either may be NULL. */
struct form {
	const char *name;
	void (*stack)(const struct mallochooks_stack *stack);
	void (*layer)(const struct mallochooks_layer *layer);
	void (*option)(const struct mallochooks_layer *layer,
		       const struct mallochooks_option *option);
	void (*end)(const struct mallochooks_layer *layer);
};

static void text_stack(const struct mallochooks_stack *stack)
{
	printf("stack %s\n", stack->ident);
}

static void text_option(const struct mallochooks_layer *layer,
			const struct mallochooks_option *option)
{
	char *value = value_text(option), *range = range_text(option);

	printf("  %s.%s  %s  default %s%s%s  %s\n      %s\n", layer->name,
	       option->name, type_name(option), value, *range ? "  " : "",
	       range, when(option), option->help);
	free(value);
	free(range);
}

static void effective_option(const struct mallochooks_layer *layer,
			     const struct mallochooks_option *option)
{
	struct mh_line line;

	mh_line_start(&line);
	mh_options_write(&line, layer->name, option);
	printf("  %s\n", end_line(&line));
}

/* mdoc: no line of a help text begins with '.' or "'", or has a backslash. */
static void man_layer(const struct mallochooks_layer *layer)
{
	printf(".Ss %s\n.Bl -tag -width Ds\n", layer->name);
}

static void man_option(const struct mallochooks_layer *layer,
		       const struct mallochooks_option *option)
{
	char *value = value_text(option), *range = range_text(option);

	printf(".It Cm %s.%s\n%s, default\n.Ql %s ,\n", layer->name,
	       option->name, type_name(option), value);
	if (*range)
		printf("%s,\n", range);
	printf("%s.\n%c%s.\n", when(option),
	       toupper((unsigned char)*option->help), option->help + 1);
	free(value);
	free(range);
}

static void man_end(const struct mallochooks_layer *layer)
{
	(void)layer;
	puts(".El");
}

static void conf_layer(const struct mallochooks_layer *layer)
{
	printf("\n#%s: {\n", layer->name);
}

static void conf_quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* The built-in value in the language of libconfig. */
static void conf_value(const struct mallochooks_option *option)
{
	const char *item = NULL;
	char *value;
	int nr = 0;

	if (option->type == MALLOCHOOKS_STRING) {
		conf_quoted(option->str);
		return;
	}
	if (option->type == MALLOCHOOKS_LIST) {
		fputs("[", stdout);
		while ((item = mallochooks_next_item(option, item))) {
			fputs(nr++ ? ", " : " ", stdout);
			conf_quoted(item);
		}
		fputs(" ]", stdout);
		return;
	}
	value = value_text(option);
	if (option->type == MALLOCHOOKS_BOOL)
		fputs(option->builtin ? "true" : "false", stdout);
	else if (value[strspn(value, "-0123456789")])
		conf_quoted(value);
	else
		fputs(value, stdout);
	free(value);
}

static void conf_option(const struct mallochooks_layer *layer,
			const struct mallochooks_option *option)
{
	char *range = range_text(option);

	(void)layer;
	printf("#\t# %s%s%s: %s\n#\t%s = ", type_name(option),
	       *range ? ", " : "", range, option->help, option->name);
	conf_value(option);
	puts(";");
	free(range);
}

static void conf_end(const struct mallochooks_layer *layer)
{
	(void)layer;
	puts("#};");
}

static const struct form forms[] = {
	{ "text", text_stack, NULL, text_option, NULL },
	{ "man", NULL, man_layer, man_option, man_end },
	{ "conf", NULL, conf_layer, conf_option, conf_end },
};
static const struct form effective_form = {
	"effective", text_stack, NULL, effective_option, NULL,
};

static int print_layer(const struct form *form,
		       const struct mallochooks_layer *layer)
{
	struct mallochooks_option *option = NULL;
	int nr = 0;

	while ((option = mallochooks_next_option(layer, option))) {
		if (!nr++ && form->layer)
			form->layer(layer);
		form->option(layer, option);
	}
	if (nr && form->end)
		form->end(layer);
	return nr;
}

/* The unit's own stand with the first of its stacks. */
static int print_unit(const struct form *form, const struct unit *unit)
{
	int nr = 0;

	for (size_t i = 0; i < unit->nr; i++) {
		const struct mallochooks_stack *stack = &unit->stacks[i];

		if (form->stack)
			form->stack(stack);
		if (!i && unit->unit.core)
			nr += print_layer(form, unit->unit.core);
		for (uint32_t k = 0; k < stack->nr_layers; k++)
			nr += print_layer(form, &stack->layers[k]);
	}
	return nr;
}

/* ---- in force ------------------------------------------------------------- */

static void say_mistake(const struct mh_source *source, const char *what)
{
	mh_options_say(source, what);
}

/* As the kernel would start it: an interpreter's script has both names. */
static void load_for(struct unit *unit, const char *name)
{
	struct effective how = { .mistake = say_mistake };
	struct program prog;
	char *path = find_program(name), *file;

	if (!path)
		die("%s: not found", name);
	program_look(&prog, path);
	file = realpath(prog.file, NULL);
	how.program[0] = base_name(file ? file : prog.file);
	how.program[1] = base_name(path);
	how.secure = prog.raised != PROGRAM_RAISED_NOT;
	effective_load(unit, &how, environ);
	free(file);
	free(path);
	program_free(&prog);
}

static void load_for_any(struct unit *unit)
{
	struct effective how = {
		.mistake = say_mistake, .program = { "", "" },
	};

	effective_load(unit, &how, environ);
}

/* ---- the command ---------------------------------------------------------- */

static void usage(void)
{
	puts("usage: mallochooks options [--preload=FILE] [--format=FORM]\n"
	     "       mallochooks options [--preload=FILE] --effective [-- PROGRAM]\n"
	     "\n"
	     "Lists the run-time options of a unit: name, type, default, range,\n"
	     "and whether it may change while a program runs.\n"
	     "\n"
	     "  --preload=FILE  the unit to read (default: the one that\n"
	     "                  \"mallochooks run\" uses)\n"
	     "  --format=FORM   text; man: a part of a manual page; conf: a file\n"
	     "                  of options with all of them as comments\n"
	     "  --effective     the values that files and environment give them,\n"
	     "                  each with its origin; in PROGRAM, which is not\n"
	     "                  started, or in one that no file names\n"
	     "  --help          this text\n"
	     "\n"
	     "Set them in " MH_SYSTEM_CONF ", in a file of the same form\n"
	     "that MALLOCHOOKS_CONF names, in MALLOCHOOKS=\"layer.option=value,...\",\n"
	     "or by \"mallochooks run --options=...\"; the later ones win.\n"
	     "\"mallochooks check FILE\" looks for mistakes in a file.");
}

static const struct form *find_form(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (streq(forms[i].name, name))
			return &forms[i];
	die("--format=%s: say text, man or conf", name);
}

static void list(const char *wanted, const struct form *form,
		 const char *program)
{
	char *path = unit_find(wanted);
	struct unit unit;

	if (unit_load(&unit, path))
		exit(1);
	if (form == &effective_form && program)
		load_for(&unit, program);
	else if (form == &effective_form)
		load_for_any(&unit);
	if (!print_unit(form, &unit))
		printf("%s: no options\n", path);
	unit_free(&unit);
	free(path);
}

int cmd_options(int argc, char **argv)
{
	static const struct option words[] = {
		{ "preload", required_argument, NULL, 'p' },
		{ "format", required_argument, NULL, 'f' },
		{ "effective", no_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	const struct form *form = &forms[0];
	const char *wanted = NULL;
	int c;

	tool_failure = 2;
	while ((c = next_option(argc, argv, "+:h", words)) != -1) {
		switch (c) {
		case 'p':
			wanted = optarg;
			break;
		case 'f':
			form = find_form(optarg);
			break;
		case 'e':
			form = &effective_form;
			break;
		case 'h':
			usage();
			return 0;
		}
	}
	if (optind < argc && form != &effective_form)
		die("%s: a program goes with --effective only", argv[optind]);
	if (optind + 1 < argc)
		die("%s: one program is enough", argv[optind + 1]);
	tool_failure = 1;
	list(wanted, form, argv[optind]);
	return 0;
}
