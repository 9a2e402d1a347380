// SPDX-License-Identifier: MIT
/*
 * options - give the options of a stack their values
 *
 * Runs in the constructor, perhaps before libc's own: nothing of libc is
 * called.
 */
#include <mallochooks/runtime.h>
#include "options.h"

#define VARIABLE	"MALLOCHOOKS="

/* A piece of the environment string. */
struct word {
	const char *text;
	size_t nr;
};

static int word_is(struct word word, const char *str)
{
	size_t i;

	for (i = 0; i < word.nr; i++)
		if (word.text[i] != str[i])	/* ends at str's NUL at last */
			return 0;
	return !str[word.nr];
}

static int starts_with(const char *str, const char *head)
{
	while (*head && *str == *head) {
		str++;
		head++;
	}
	return !*head;
}

/* Cuts @word at the first @c; Return: what was before, or all of it. */
static struct word cut(struct word *word, char c)
{
	struct word head = *word;
	size_t i;

	for (i = 0; i < word->nr && word->text[i] != c; i++)
		if (c == ',' && word->text[i] == '\\' && i + 1 < word->nr)
			i++;
	head.nr = i;
	if (i < word->nr)
		i++;
	word->text += i;
	word->nr -= i;
	return head;
}

static int has(struct word word, char c)
{
	while (word.nr--)
		if (*word.text++ == c)
			return 1;
	return 0;
}

static void put_word(struct mh_line *line, struct word word)
{
	char one[2] = { 0, 0 };

	while (word.nr--) {
		one[0] = *word.text++;
		mh_line_str(line, one);
	}
}

static const struct mallochooks_layer *
find_layer(const struct mallochooks_stack *stack, struct word name)
{
	const struct mallochooks_layer *layer;
	unsigned int i;

	for (i = 0; i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		if (word_is(name, layer->name))
			return layer;
	}
	return NULL;
}

static struct mallochooks_option *
find_option(const struct mallochooks_layer *layer, struct word name)
{
	struct mallochooks_option *option = NULL;

	while ((option = mallochooks_next_option(layer, option)))
		if (word_is(name, option->name))
			return option;
	return NULL;
}

MH_RUNTIME struct mallochooks_option *
mh_option_find(const struct mallochooks_stack *stack, const char *name)
{
	const struct mallochooks_layer *layer;
	struct word rest = { name, 0 };
	struct word head;

	while (name[rest.nr])
		rest.nr++;
	if (has(rest, ':')) {
		head = cut(&rest, ':');
		if (!word_is(head, stack->ident))
			return NULL;
	}
	head = cut(&rest, '.');
	layer = find_layer(stack, head);
	return layer ? find_option(layer, rest) : NULL;
}

static void complain_start(struct mh_line *line, struct word item)
{
	mh_line_start(line);
	mh_line_str(line, "\"");
	put_word(line, item);
	mh_line_str(line, "\" in MALLOCHOOKS: ");
}

static void complain(struct mh_line *line)
{
	line->text[line->nr] = 0;
	mh_say("options", line->text);
}

/* The answer to a bad value names what would have been good. */
static void complain_value(struct word item,
			   const struct mallochooks_option *option)
{
	struct mh_line line;

	complain_start(&line, item);
	if (option->type == MALLOCHOOKS_BOOL) {
		mh_line_str(&line, "takes y or n; stays ");
		mh_line_str(&line, option->num ? "y" : "n");
	} else if (option->type == MALLOCHOOKS_STRING) {
		mh_line_str(&line, "takes at most ");
		mh_line_dec(&line, option->str_bytes - 1);
		mh_line_str(&line, " bytes; stays \"");
		mh_line_str(&line, option->str);
		mh_line_str(&line, "\"");
	} else {
		mh_line_str(&line, "takes a whole number from ");
		mh_line_int(&line, option->min);
		mh_line_str(&line, " to ");
		mh_line_int(&line, option->max);
		if (option->type == MALLOCHOOKS_SIZE)
			mh_line_str(&line, " with k, M or G behind it");
		mh_line_str(&line, "; stays ");
		mh_line_int(&line, option->num);
	}
	complain(&line);
}

static int parse_bool(struct word value, int64_t *out)
{
	static const char words[][6] = {
		"n", "y", "no", "yes", "0", "1", "off", "on", "false", "true",
	};
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word_is(value, words[i])) {
			*out = i & 1;
			return 1;
		}
	return 0;
}

/* Digits, and for a size one letter behind them; 0 when it is not that. */
static int parse_number(struct word value, int is_size, int64_t *out)
{
	int negative = value.nr && *value.text == '-';
	int shift = 0;
	int64_t num = 0;
	size_t i = (size_t)negative;

	if (is_size && value.nr > 1) {
		switch (value.text[value.nr - 1] | 0x20) {
		case 'k':
			shift = 10;
			break;
		case 'm':
			shift = 20;
			break;
		case 'g':
			shift = 30;
			break;
		}
		if (shift)
			value.nr--;
	}
	if (i == value.nr)
		return 0;
	for (; i < value.nr; i++) {
		unsigned int digit = (unsigned char)value.text[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(num, 10, &num) ||
		    __builtin_add_overflow(num, digit, &num))
			return 0;
	}
	if (__builtin_mul_overflow(num, (int64_t)1 << shift, &num))
		return 0;
	*out = negative ? -num : num;
	return 1;
}

static int set_string(struct mallochooks_option *option, struct word value)
{
	size_t i, nr = value.nr;

	for (i = 0; i + 1 < value.nr; i++)
		if (value.text[i] == '\\') {
			nr--;
			i++;
		}
	if (nr >= option->str_bytes)
		return 0;
	nr = 0;
	for (i = 0; i < value.nr; i++) {
		if (value.text[i] == '\\' && i + 1 < value.nr)
			i++;
		option->str[nr++] = value.text[i];
	}
	option->str[nr] = 0;
	return 1;
}

static int set_option(struct mallochooks_option *option, struct word value)
{
	int64_t num = 0;
	int good;

	if (option->type == MALLOCHOOKS_STRING) {
		good = set_string(option, value);
	} else {
		good = option->type == MALLOCHOOKS_BOOL ?
			parse_bool(value, &num) :
			parse_number(value, option->type == MALLOCHOOKS_SIZE,
				     &num);
		good = good && num >= option->min && num <= option->max;
		if (good)
			option->num = num;
	}
	if (good)
		option->origin = MALLOCHOOKS_ENVIRONMENT;
	return good;
}

/* Who in this process could take a word: "identity:layer.option". */
struct anywhere {
	struct word ident;
	struct word layer;
	struct word name;
	const struct mallochooks_layer *nearest;	/* has the layer's name */
};

static int known_somewhere(const struct mallochooks_unit *unit,
			   const struct mallochooks_stack *stack, void *arg)
{
	const struct mallochooks_layer *layer;
	struct anywhere *want = arg;

	(void)unit;
	if (want->ident.nr && !word_is(want->ident, stack->ident))
		return 0;
	layer = find_layer(stack, want->layer);
	if (!layer)
		return 0;
	if (!want->nearest)
		want->nearest = layer;
	return find_option(layer, want->name) != NULL;
}

static int take_first(const struct mallochooks_unit *unit,
		      const struct mallochooks_stack *stack, void *arg)
{
	(void)unit;
	*(const struct mallochooks_stack **)arg = stack;
	return 1;
}

/* Each stack reads every word; what concerns all is said by the first. */
static int speaks_for_all(const struct mallochooks_stack *stack,
			  mh_for_each_stack *each)
{
	const struct mallochooks_stack *first = NULL;

	each(take_first, &first);
	return first == stack;
}

static void complain_layer(struct word item,
			   const struct mallochooks_stack *stack)
{
	struct mh_line line;
	unsigned int i;

	complain_start(&line, item);
	mh_line_str(&line, "no such layer in this process; there is");
	for (i = 0; i < stack->nr_layers; i++) {
		mh_line_str(&line, " ");
		mh_line_str(&line, mallochooks_layer_at(stack, i)->name);
	}
	complain(&line);
}

static void complain_option(struct word item,
			    const struct mallochooks_layer *layer)
{
	struct mallochooks_option *option = NULL;
	struct mh_line line;

	complain_start(&line, item);
	mh_line_str(&line, "no such option; ");
	mh_line_str(&line, layer->name);
	mh_line_str(&line, layer->options ? " has" : " has none");
	while ((option = mallochooks_next_option(layer, option))) {
		mh_line_str(&line, " ");
		mh_line_str(&line, option->name);
	}
	complain(&line);
}

static void complain_form(struct word item)
{
	struct mh_line line;

	complain_start(&line, item);
	mh_line_str(&line, "wants layer.option=value");
	complain(&line);
}

/* One "[?][identity:]layer.option=value". */
static void take_item(const struct mallochooks_stack *stack,
		      mh_for_each_stack *each, struct word item)
{
	struct anywhere want = { .nearest = NULL };
	const struct mallochooks_layer *layer = NULL;
	struct mallochooks_option *option = NULL;
	struct word rest = item;
	int optional;

	optional = *rest.text == '?';
	if (optional) {
		rest.text++;
		rest.nr--;
	}
	if (!has(rest, '=')) {
		if (speaks_for_all(stack, each))
			complain_form(item);
		return;
	}
	want.name = cut(&rest, '=');
	if (has(want.name, ':'))
		want.ident = cut(&want.name, ':');
	want.layer = cut(&want.name, '.');
	if (!want.ident.nr || word_is(want.ident, stack->ident))
		layer = find_layer(stack, want.layer);
	if (layer)
		option = find_option(layer, want.name);
	if (option) {
		if (!set_option(option, rest))
			complain_value(item, option);
		return;
	}
	if (optional || !speaks_for_all(stack, each) ||
	    each(known_somewhere, &want))
		return;
	if (want.nearest)
		complain_option(item, want.nearest);
	else
		complain_layer(item, stack);
}

MH_RUNTIME void mh_options_from_environment(const struct mallochooks_stack *stack,
					    char *const *envp,
					    mh_for_each_stack *each)
{
	static const char variable[] = VARIABLE;
	const size_t nr = sizeof(variable) - 1;
	struct word rest, item;

	for (; envp && *envp; envp++) {
		if (!starts_with(*envp, variable))
			continue;
		rest.text = *envp + nr;
		for (rest.nr = 0; rest.text[rest.nr]; rest.nr++)
			;
		while (rest.nr) {
			item = cut(&rest, ',');
			if (item.nr)
				take_item(stack, each, item);
		}
		return;
	}
}
