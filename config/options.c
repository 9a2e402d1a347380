// SPDX-License-Identifier: MIT
/*
 * options - give the options of a stack their values
 *
 * Names are looked up and mistakes worded here, whatever source they come
 * from; value.c judges the values.  Runs in the constructor, perhaps before
 * libc's own: nothing of libc is called.
 */
#include <mallochooks/layer.h>
#include "options.h"

#define VARIABLE	"MALLOCHOOKS="
#define CONF_VARIABLE	"MALLOCHOOKS_CONF="
#define LONGEST_GUESS	31	/* bytes of a name that is compared */
#define LONGEST_ITEM	100	/* bytes of one that are shown */
#define FILE_MISTAKES	8	/* said of one file */

/* ---- the unit's own ------------------------------------------------------- */

MH_RUNTIME struct mallochooks_option mh_core_options[] = {
	[MH_CORE_CONFIRM] = MH_OPT_BOOL("confirm", 0, 0,
		"write all values at start, and their origins"),
	[MH_CORE_RECORD] = MH_OPT_BOOL("record", 1, MALLOCHOOKS_LIVE,
		"n: what counts, logs or records stands still"),
	[MH_CORE_DUMP] = MH_OPT_INT("dump", 0, 0, INT32_MAX, "",
		MALLOCHOOKS_LIVE,
		"another number than before: each layer writes what it knows"),
	[MH_CORE_DUMP_FD] = MH_OPT_INT("dump_fd", 2, 0, 1023, "descriptor",
		MALLOCHOOKS_LIVE, "where they write that"),
	[MH_CORE_RESET] = MH_OPT_INT("reset", 0, 0, INT32_MAX, "",
		MALLOCHOOKS_LIVE,
		"another number than before: each layer begins at zero"),
	[MH_CORE_SIGNAL] = MH_OPT_INT("signal", 0, 0, 64, "signal", 0,
		"the number of one that asks for core.signal_does; 0: none"),
	[MH_CORE_SIGNAL_DOES] = MH_OPT_ENUM("signal_does", 0,
		"dump|reset|record", 0,
		"a dump, a reset, or to record no more or again"),
	{ .size = 0 }
};

MH_RUNTIME const struct mallochooks_layer mh_core = {
	.size = sizeof(struct mallochooks_layer),
	.name = MH_CORE,
	.options = mh_core_options,
};

/* ---- names ---------------------------------------------------------------- */

static size_t length(const char *str)
{
	size_t nr = 0;

	while (str[nr])
		nr++;
	return nr;
}

static int starts_with(const char *str, const char *head)
{
	while (*head && *str == *head) {
		str++;
		head++;
	}
	return !*head;
}

static int has(struct mh_word word, char c)
{
	while (word.nr--)
		if (*word.text++ == c)
			return 1;
	return 0;
}

static const struct mallochooks_layer *
find_layer(const struct mallochooks_layer *core,
	   const struct mallochooks_stack *stack, struct mh_word name)
{
	const struct mallochooks_layer *layer;
	unsigned int i;

	if (core && mh_word_is(name, core->name))
		return core;
	for (i = 0; i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		if (mh_word_is(name, layer->name))
			return layer;
	}
	return NULL;
}

static struct mallochooks_option *
find_option(const struct mallochooks_layer *layer, struct mh_word name)
{
	struct mallochooks_option *option = NULL;

	while ((option = mallochooks_next_option(layer, option)))
		if (mh_word_is(name, option->name))
			return option;
	return NULL;
}

MH_RUNTIME struct mallochooks_option *
mh_option_find(const struct mallochooks_layer *core,
	       const struct mallochooks_stack *stack, const char *name)
{
	const struct mallochooks_layer *layer;
	struct mh_word rest = { name, length(name) };
	struct mh_word head;

	if (has(rest, ':')) {
		head = mh_word_cut(&rest, ':');
		if (!mh_word_is(head, stack->ident))
			return NULL;
	}
	head = mh_word_cut(&rest, '.');
	layer = find_layer(core, stack, head);
	return layer ? find_option(layer, rest) : NULL;
}

/* ---- nearest names -------------------------------------------------------- */

/* Insertions, deletions and exchanges from one to the other.
 * Source: Wagner and Fischer, The String-to-String Correction Problem, 1974 */
static unsigned int distance(struct mh_word word, const char *name)
{
	unsigned int row[LONGEST_GUESS + 1];
	size_t i, k, nr = length(name);

	if (word.nr > LONGEST_GUESS || nr > LONGEST_GUESS)
		return LONGEST_GUESS;
	for (k = 0; k <= nr; k++)
		row[k] = (unsigned int)k;
	for (i = 0; i < word.nr; i++) {
		unsigned int before = row[0];

		row[0] = (unsigned int)i + 1;
		for (k = 0; k < nr; k++) {
			unsigned int best = before + (word.text[i] != name[k]);

			before = row[k + 1];
			if (best > before + 1)
				best = before + 1;
			if (best > row[k] + 1)
				best = row[k] + 1;
			row[k + 1] = best;
		}
	}
	return row[nr];
}

struct guess {
	struct mh_word wrong;
	const char *best;
	unsigned int distance;
};

static void consider(struct guess *guess, const char *name)
{
	unsigned int far = distance(guess->wrong, name);

	if (!guess->best || far < guess->distance) {
		guess->best = name;
		guess->distance = far;
	}
}

/* What has more wrong than right about it is no slip, and where nothing is
 * wrong it was another word, the identity. */
static void put_guess(struct mh_line *line, const struct guess *guess)
{
	if (!guess->best || !guess->distance ||
	    guess->distance * 2 > length(guess->best))
		return;
	mh_line_str(line, "; did you mean ");
	mh_line_str(line, guess->best);
	mh_line_str(line, "?");
}

/* ---- mistakes ------------------------------------------------------------- */

static int take_first(const struct mallochooks_unit *unit,
		      const struct mallochooks_stack *stack, void *arg)
{
	(void)unit;
	*(const struct mallochooks_stack **)arg = stack;
	return 1;
}

/* Each stack reads every word; what concerns all is said by the first. */
static int speaks_for_all(const struct mh_options *options)
{
	const struct mallochooks_stack *first = NULL;

	options->each(take_first, &first);
	return first == options->stack;
}

static void mistake(struct mh_options *options, const struct mh_source *source,
		    struct mh_line *line)
{
	struct mh_source whole = *source;

	line->text[line->nr] = 0;
	if (source->file && !options->all) {
		if (options->mistakes++ > FILE_MISTAKES)
			return;
		if (options->mistakes > FILE_MISTAKES) {
			whole.item.nr = 0;
			whole.line = 0;
			options->mistake(&whole, "and more mistakes: "
					 "\"mallochooks check\" names them all");
			return;
		}
	}
	options->mistake(source, line->text);
}

MH_RUNTIME void mh_options_mistake(struct mh_options *options,
				   const struct mh_source *source,
				   const char *what)
{
	struct mh_line line;

	if (!speaks_for_all(options))
		return;
	mh_line_start(&line);
	mh_line_str(&line, what);
	mistake(options, source, &line);
}

MH_RUNTIME void mh_options_say(const struct mh_source *source, const char *what)
{
	struct mh_line line;

	mh_line_start(&line);
	if (source->item.nr) {
		mh_line_str(&line, "\"");
		mh_line_text(&line, source->item.text,
			     source->item.nr > LONGEST_ITEM ? LONGEST_ITEM :
							      source->item.nr);
		mh_line_str(&line, source->item.nr > LONGEST_ITEM ?
			    "...\" in " : "\" in ");
	}
	if (source->file)
		mh_line_text(&line, source->file, length(source->file));
	else
		mh_line_str(&line, "MALLOCHOOKS");
	if (source->line) {
		mh_line_str(&line, ":");
		mh_line_dec(&line, source->line);
	}
	mh_line_str(&line, ": ");
	mh_line_str(&line, what);
	line.text[line.nr] = 0;
	mh_say("options", line.text);
}

/* The answer to a bad value names what would have been good. */
static void complain_value(struct mh_options *options,
			   const struct mh_source *source,
			   const struct mallochooks_option *option)
{
	struct mh_line line;

	mh_line_start(&line);
	mh_line_str(&line, "takes ");
	mh_value_wanted(&line, option);
	mh_line_str(&line, "; stays ");
	mh_value_write(&line, option);
	mistake(options, source, &line);
}

struct idents {
	struct mh_line line;
	struct guess guess;
};

static int put_ident(const struct mallochooks_unit *unit,
		     const struct mallochooks_stack *stack, void *arg)
{
	struct idents *idents = arg;

	(void)unit;
	mh_line_str(&idents->line, " ");
	mh_line_str(&idents->line, stack->ident);
	consider(&idents->guess, stack->ident);
	return mh_word_is(idents->guess.wrong, stack->ident);
}

/* Return: 0 when the identity is there, so that it must be the layer. */
static int complain_ident(struct mh_options *options,
			  const struct mh_source *source, struct mh_word ident)
{
	struct idents idents = { .guess = { .wrong = ident } };

	mh_line_start(&idents.line);
	mh_line_str(&idents.line, "no such identity in this process; there is");
	if (!ident.nr || options->each(put_ident, &idents))
		return 0;
	put_guess(&idents.line, &idents.guess);
	mistake(options, source, &idents.line);
	return 1;
}

MH_RUNTIME void mh_options_no_such(struct mh_options *options,
				   const struct mh_source *source,
				   const char *what, const char *const *names)
{
	struct guess guess = { .wrong = source->name };
	struct mh_line line;

	if (!speaks_for_all(options))
		return;
	mh_line_start(&line);
	mh_line_str(&line, what);
	for (; *names; names++) {
		mh_line_str(&line, " ");
		mh_line_str(&line, *names);
		consider(&guess, *names);
	}
	put_guess(&line, &guess);
	mistake(options, source, &line);
}

static void complain_layer(struct mh_options *options,
			   const struct mh_source *source, struct mh_word ident,
			   struct mh_word name)
{
	struct guess guess = { .wrong = name };
	struct mh_line line;
	unsigned int i;

	if (complain_ident(options, source, ident))
		return;
	mh_line_start(&line);
	mh_line_str(&line, "no such layer in this process; there is");
	for (i = 0; i < options->stack->nr_layers; i++) {
		const char *layer = mallochooks_layer_at(options->stack,
							 i)->name;

		mh_line_str(&line, " ");
		mh_line_str(&line, layer);
		consider(&guess, layer);
	}
	if (options->core) {
		mh_line_str(&line, " ");
		mh_line_str(&line, options->core->name);
		consider(&guess, options->core->name);
	}
	if (source->file)
		consider(&guess, MH_ONLY);
	put_guess(&line, &guess);
	mistake(options, source, &line);
}

static void complain_option(struct mh_options *options,
			    const struct mh_source *source,
			    const struct mallochooks_layer *layer,
			    struct mh_word name)
{
	struct mallochooks_option *option = NULL;
	struct guess guess = { .wrong = name };
	struct mh_line line;

	mh_line_start(&line);
	mh_line_str(&line, "no such option; ");
	mh_line_str(&line, layer->name);
	mh_line_str(&line, layer->options ? " has" : " has none");
	while ((option = mallochooks_next_option(layer, option))) {
		mh_line_str(&line, " ");
		mh_line_str(&line, option->name);
		consider(&guess, option->name);
	}
	put_guess(&line, &guess);
	mistake(options, source, &line);
}

/* ---- values --------------------------------------------------------------- */

/* Who in this process could take a name: "identity:layer.option". */
struct anywhere {
	struct mh_word ident;
	struct mh_word layer;
	struct mh_word name;	/* no text: the layer alone will do */
	const struct mallochooks_layer *nearest;	/* has the layer's name */
};

static int known_somewhere(const struct mallochooks_unit *unit,
			   const struct mallochooks_stack *stack, void *arg)
{
	const struct mallochooks_layer *layer;
	struct anywhere *want = arg;

	if (want->ident.nr && !mh_word_is(want->ident, stack->ident))
		return 0;
	layer = find_layer(unit ? mallochooks_unit_core(unit) : NULL, stack,
			   want->layer);
	if (!layer)
		return 0;
	if (!want->nearest)
		want->nearest = layer;
	return !want->name.text || find_option(layer, want->name);
}

/* Name of a file that outlives the reading of it. */
static const char *keep_name(const char *file)
{
	static const char *last;
	size_t nr = length(file) + 1;
	char *copy;

	if (last && starts_with(last, file) && !last[nr - 1])
		return last;
	copy = mh_arena(nr);
	if (!copy)
		return NULL;
	while (nr--)
		copy[nr] = file[nr];
	last = copy;
	return copy;
}

static void set_option(struct mh_options *options,
		       const struct mh_source *source,
		       struct mallochooks_option *option,
		       const struct mh_value *value)
{
	if (!mh_value_set(option, value)) {
		complain_value(options, source, option);
		return;
	}
	option->origin = (uint8_t)source->origin;
	option->file = source->file ? keep_name(source->file) : NULL;
	option->line = source->file ? source->line : 0;
}

MH_RUNTIME void mh_options_take(struct mh_options *options,
				const struct mh_source *source,
				struct mh_word ident, struct mh_word layer_name,
				struct mh_word name,
				const struct mh_value *value, int optional)
{
	struct anywhere want = { ident, layer_name, name, NULL };
	const struct mallochooks_layer *layer = NULL;
	struct mallochooks_option *option = NULL;

	if (!ident.nr || mh_word_is(ident, options->stack->ident))
		layer = find_layer(options->core, options->stack, layer_name);
	if (layer)
		option = find_option(layer, name);
	if (option) {
		set_option(options, source, option, value);
		return;
	}
	if (optional || !speaks_for_all(options) ||
	    options->each(known_somewhere, &want))
		return;
	if (!want.nearest)
		want.nearest = layer;
	if (want.nearest)
		complain_option(options, source, want.nearest, name);
	else
		complain_layer(options, source, ident, layer_name);
}

MH_RUNTIME int mh_options_layer_known(struct mh_options *options,
				      const struct mh_source *source,
				      struct mh_word ident,
				      struct mh_word layer, int optional)
{
	struct anywhere want = { ident, layer, { NULL, 0 }, NULL };

	if ((options->core && mh_word_is(layer, options->core->name)) ||
	    options->each(known_somewhere, &want))
		return 1;
	if (!optional && speaks_for_all(options))
		complain_layer(options, source, ident, layer);
	return 0;
}

/* ---- sources -------------------------------------------------------------- */

/* One "[?][identity:]layer.option=value". */
static void take_item(struct mh_options *options, struct mh_word item)
{
	struct mh_source source = {
		.origin = MALLOCHOOKS_ENVIRONMENT, .item = item, .name = item,
	};
	struct mh_value value = { MH_VALUE_ESCAPED, item };
	struct mh_word ident = { NULL, 0 }, layer, name;
	int optional = *item.text == '?';

	if (optional) {
		value.text.text++;
		value.text.nr--;
	}
	if (!has(value.text, '=')) {
		mh_options_mistake(options, &source,
				   "wants layer.option=value");
		return;
	}
	name = mh_word_cut(&value.text, '=');
	if (has(name, ':'))
		ident = mh_word_cut(&name, ':');
	layer = mh_word_cut(&name, '.');
	mh_options_take(options, &source, ident, layer, name, &value, optional);
}

static const char *variable(char *const *envp, const char *name)
{
	for (; envp && *envp; envp++)
		if (starts_with(*envp, name))
			return *envp + length(name);
	return NULL;
}

MH_RUNTIME void mh_options_from_environment(struct mh_options *options,
					    char *const *envp)
{
	const char *text = variable(envp, VARIABLE);
	struct mh_word rest, item;

	if (!text)
		return;
	rest.text = text;
	rest.nr = length(text);
	while (rest.nr) {
		item = mh_word_cut(&rest, ',');
		if (item.nr)
			take_item(options, item);
	}
}

/* Never in the working directory: a child may have another one. */
static void from_named_file(struct mh_options *options, char *const *envp)
{
	const char *path = variable(envp, CONF_VARIABLE);
	struct mh_source source = {
		.origin = MALLOCHOOKS_NAMED_FILE, .file = path,
	};

	if (!path || !*path)
		return;
	if (*path == '/')
		mh_options_from_file(options, path, MALLOCHOOKS_NAMED_FILE);
	else
		mh_options_mistake(options, &source, "MALLOCHOOKS_CONF takes "
				   "an absolute path, which begins with /");
}

MH_RUNTIME void mh_options_load(struct mh_options *options, char *const *envp)
{
	mh_options_from_file(options, MH_SYSTEM_CONF, MALLOCHOOKS_SYSTEM_FILE);
	if (options->secure)
		return;
	from_named_file(options, envp);
	mh_options_from_environment(options, envp);
}

/* ---- what is in force ----------------------------------------------------- */

static void put_origin(struct mh_line *line,
		       const struct mallochooks_option *option)
{
	static const char *const names[] = {
		[MALLOCHOOKS_BUILTIN] = "built in",
		[MALLOCHOOKS_SYSTEM_FILE] = "system's file",
		[MALLOCHOOKS_NAMED_FILE] = "file of MALLOCHOOKS_CONF",
		[MALLOCHOOKS_ENVIRONMENT] = "MALLOCHOOKS",
		[MALLOCHOOKS_API] = "set while running",
	};

	mh_line_str(line, " (");
	if (option->file) {
		mh_line_text(line, option->file, length(option->file));
		mh_line_str(line, ":");
		mh_line_dec(line, option->line);
	} else {
		mh_line_str(line, option->origin < sizeof(names) /
			    sizeof(names[0]) ? names[option->origin] : "?");
	}
	mh_line_str(line, ")");
}

MH_RUNTIME void mh_options_write(struct mh_line *line, const char *layer,
				 const struct mallochooks_option *option)
{
	mh_line_str(line, layer);
	mh_line_str(line, ".");
	mh_line_str(line, option->name);
	mh_line_str(line, " = ");
	mh_value_write(line, option);
	put_origin(line, option);
}

/* Not by mh_say(), which keeps its lines for what goes wrong. */
static void confirm_layer(const char *ident,
			  const struct mallochooks_layer *layer)
{
	struct mallochooks_option *option = NULL;
	struct mh_line line;

	while ((option = mallochooks_next_option(layer, option))) {
		mh_line_start(&line);
		mh_line_str(&line, "mallochooks: options: ");
		mh_line_str(&line, ident);
		mh_line_str(&line, ":");
		mh_options_write(&line, layer->name, option);
		mh_line_write(&line, 2);
	}
}

MH_RUNTIME void mh_options_confirm(const struct mh_options *options)
{
	const struct mallochooks_stack *stack = options->stack;
	unsigned int i;

	if (!mh_core_options[MH_CORE_CONFIRM].num)
		return;
	confirm_layer(stack->ident, options->core);
	for (i = 0; i < stack->nr_layers; i++)
		confirm_layer(stack->ident, mallochooks_layer_at(stack, i));
}
