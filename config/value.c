// SPDX-License-Identifier: MIT
/*
 * value - values of options as text: read, checked, written
 *
 * Whatever a value comes from, this is where it is judged.  Nothing of libc is
 * called.
 */
#include <mallochooks/runtime.h>
#include "options.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What may stand behind a number; the largest comes last. */
struct scale {
	char name[4];
	int64_t factor;
};

static const struct scale size_scales[] = {
	{ "k", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
};
static const struct scale duration_scales[] = {
	{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	{ "min", 60000000000 }, { "h", 3600000000000 },
};

MH_RUNTIME int mh_word_is(struct mh_word word, const char *str)
{
	size_t i;

	for (i = 0; i < word.nr; i++)
		if (word.text[i] != str[i])	/* ends at str's NUL at last */
			return 0;
	return !str[word.nr];
}

MH_RUNTIME struct mh_word mh_word_cut(struct mh_word *word, char c)
{
	struct mh_word head = *word;
	size_t i;

	for (i = 0; i < word->nr && word->text[i] != c; i++)
		if ((c == ',' || c == ':') && word->text[i] == '\\' &&
		    i + 1 < word->nr)
			i++;
	head.nr = i;
	if (i < word->nr)
		i++;
	word->text += i;
	word->nr -= i;
	return head;
}

/* ---- reading -------------------------------------------------------------- */

static int parse_bool(struct mh_word value, int64_t *out)
{
	static const char words[][6] = {
		"n", "y", "no", "yes", "0", "1", "off", "on", "false", "true",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (mh_word_is(value, words[i])) {
			*out = i & 1;
			return 1;
		}
	return 0;
}

/* Digits, perhaps with '-' before them; takes them off @value. */
static int parse_digits(struct mh_word *value, int64_t *out)
{
	int negative = value->nr && *value->text == '-';
	size_t i = (size_t)negative;
	int64_t num = 0;

	for (; i < value->nr; i++) {
		unsigned int digit = (unsigned char)value->text[i] - '0';

		if (digit > 9)
			break;
		if (__builtin_mul_overflow(num, 10, &num) ||
		    __builtin_sub_overflow(num, digit, &num))
			return 0;
	}
	if (i == (size_t)negative)
		return 0;
	/* Below zero there is one number more than above. */
	if (!negative && __builtin_sub_overflow((int64_t)0, num, &num))
		return 0;
	value->text += i;
	value->nr -= i;
	*out = num;
	return 1;
}

/* In a size "M" may be "m", and "k" be "K". */
static int is_scale(struct mh_word word, const struct scale *scale, int is_size)
{
	return mh_word_is(word, scale->name) ||
	       (is_size && word.nr == 1 &&
		(*word.text ^ *scale->name) == ('a' ^ 'A'));
}

/* A size may be bare; a time may not, unless it is 0. */
static int parse_scaled(struct mh_word value, const struct scale *scales,
			size_t nr, int is_size, int64_t *out)
{
	int64_t num;
	size_t i;

	if (!parse_digits(&value, &num))
		return 0;
	if (!value.nr) {
		*out = num;
		return is_size || !num;
	}
	for (i = 0; i < nr && !is_scale(value, &scales[i], is_size); i++)
		;
	return i < nr && !__builtin_mul_overflow(num, scales[i].factor, out);
}

static int parse_choice(struct mh_word value, const char *choices, int64_t *out)
{
	struct mh_word rest = { choices, 0 };
	int64_t i;

	while (choices[rest.nr])
		rest.nr++;
	for (i = 0; rest.nr; i++) {
		struct mh_word one = mh_word_cut(&rest, '|');
		size_t k;

		for (k = 0; k < one.nr && k < value.nr; k++)
			if (one.text[k] != value.text[k])
				break;
		if (k == one.nr && k == value.nr) {
			*out = i;
			return 1;
		}
	}
	return 0;
}

static int parse(const struct mallochooks_option *option, struct mh_word value,
		 int64_t *out)
{
	switch (option->type) {
	case MALLOCHOOKS_BOOL:
		return parse_bool(value, out);
	case MALLOCHOOKS_ENUM:
		return parse_choice(value, option->choices, out);
	case MALLOCHOOKS_SIZE:
		return parse_scaled(value, size_scales,
				    ARRAY_SIZE(size_scales), 1, out);
	case MALLOCHOOKS_DURATION:
		return parse_scaled(value, duration_scales,
				    ARRAY_SIZE(duration_scales), 0, out);
	case MALLOCHOOKS_INT:
		return parse_digits(&value, out) && !value.nr;
	}
	return 0;
}

static int64_t nr_choices(const char *choices)
{
	int64_t nr = 1;

	for (; *choices; choices++)
		nr += *choices == '|';
	return nr;
}

MH_RUNTIME int mh_value_fits(const struct mallochooks_option *option,
			     int64_t num)
{
	if (option->type == MALLOCHOOKS_ENUM)
		return num >= 0 && num < nr_choices(option->choices);
	return num >= option->min && num <= option->max;
}

static int set_number(struct mallochooks_option *option, struct mh_word value)
{
	int64_t num;

	if (!parse(option, value, &num) || !mh_value_fits(option, num))
		return 0;
	option->num = num;
	return 1;
}

/* Bytes of a word without its escapes; written to @to unless that is NULL. */
static size_t unescape(struct mh_word word, int literal, char *to)
{
	size_t i, nr = 0;

	for (i = 0; i < word.nr; i++) {
		if (!literal && word.text[i] == '\\' && i + 1 < word.nr)
			i++;
		if (to)
			to[nr] = word.text[i];
		nr++;
	}
	return nr;
}

static int has_nul(struct mh_word word)
{
	while (word.nr--)
		if (!*word.text++)
			return 1;
	return 0;
}

static int set_string(struct mallochooks_option *option, struct mh_word value,
		      int literal)
{
	if (unescape(value, literal, NULL) >= option->str_bytes ||
	    has_nul(value))
		return 0;
	option->str[unescape(value, literal, option->str)] = 0;
	return 1;
}

static int set_list(struct mallochooks_option *option, struct mh_word value)
{
	struct mh_word rest = value, item;
	size_t nr = 1;

	if (value.nr && value.text[value.nr - 1] == ':' &&
	    (value.nr < 2 || value.text[value.nr - 2] != '\\'))
		return 0;
	while (rest.nr) {
		item = mh_word_cut(&rest, ':');
		nr += unescape(item, 0, NULL) + 1;
		if (!item.nr)
			return 0;
	}
	if (nr > option->str_bytes || has_nul(value))
		return 0;
	for (rest = value, nr = 0; rest.nr; nr++) {
		item = mh_word_cut(&rest, ':');
		nr += unescape(item, 0, option->str + nr);
		option->str[nr] = 0;
	}
	option->str[nr] = 0;
	return 1;
}

MH_RUNTIME int mh_value_set(struct mallochooks_option *option,
			    const struct mh_value *value)
{
	if (value->form == MH_VALUE_NONE)
		return 0;
	if (option->type == MALLOCHOOKS_LIST)
		return set_list(option, value->text);
	if (value->form == MH_VALUE_ITEMS)
		return 0;
	if (option->type == MALLOCHOOKS_STRING)
		return set_string(option, value->text,
				  value->form == MH_VALUE_LITERAL);
	return set_number(option, value->text);
}

/* ---- writing -------------------------------------------------------------- */

static void put_scaled(struct mh_line *line, int64_t num,
		       const struct scale *scales, size_t nr)
{
	size_t i = nr;

	while (i && num && num % scales[i - 1].factor)
		i--;
	if (!num || !i) {
		mh_line_int(line, num);
		return;
	}
	mh_line_int(line, num / scales[i - 1].factor);
	mh_line_str(line, scales[i - 1].name);
}

static void put_choice(struct mh_line *line, const char *choices, int64_t num)
{
	struct mh_word rest = { choices, 0 }, one = { choices, 0 };

	while (choices[rest.nr])
		rest.nr++;
	for (; num >= 0 && rest.nr; num--)
		one = mh_word_cut(&rest, '|');
	mh_line_text(line, one.text, one.nr);
}

MH_RUNTIME void mh_value_number(struct mh_line *line,
				const struct mallochooks_option *option,
				int64_t num)
{
	switch (option->type) {
	case MALLOCHOOKS_BOOL:
		mh_line_str(line, num ? "y" : "n");
		break;
	case MALLOCHOOKS_ENUM:
		put_choice(line, option->choices, num);
		break;
	case MALLOCHOOKS_SIZE:
		put_scaled(line, num, size_scales, ARRAY_SIZE(size_scales));
		break;
	case MALLOCHOOKS_DURATION:
		put_scaled(line, num, duration_scales,
			   ARRAY_SIZE(duration_scales));
		break;
	default:
		mh_line_int(line, num);
	}
}

static size_t length(const char *str)
{
	size_t nr = 0;

	while (str[nr])
		nr++;
	return nr;
}

/* @c and backslashes with a backslash before them. */
static void put_escaped(struct mh_line *line, const char *str, char c)
{
	size_t from = 0, i;

	for (i = 0; str[i]; i++) {
		if (str[i] != '\\' && str[i] != c)
			continue;
		mh_line_text(line, str + from, i - from);
		mh_line_str(line, "\\");
		from = i;
	}
	mh_line_text(line, str + from, i - from);
}

MH_RUNTIME void mh_value_write(struct mh_line *line,
			       const struct mallochooks_option *option)
{
	const char *item = NULL;
	int nr = 0;

	if (option->type == MALLOCHOOKS_STRING) {
		mh_line_str(line, "\"");
		mh_line_text(line, option->str, length(option->str));
		mh_line_str(line, "\"");
	} else if (option->type == MALLOCHOOKS_LIST) {
		mh_line_str(line, "\"");
		while ((item = mallochooks_next_item(option, item))) {
			if (nr++)
				mh_line_str(line, ":");
			put_escaped(line, item, ':');
		}
		mh_line_str(line, "\"");
	} else {
		mh_value_number(line, option, option->num);
	}
}

static void put_range(struct mh_line *line,
		      const struct mallochooks_option *option)
{
	mh_line_str(line, " from ");
	mh_value_number(line, option, option->min);
	mh_line_str(line, " to ");
	mh_value_number(line, option, option->max);
}

MH_RUNTIME void mh_value_wanted(struct mh_line *line,
				const struct mallochooks_option *option)
{
	const char *c;
	char one[2] = { 0, 0 };

	switch (option->type) {
	case MALLOCHOOKS_BOOL:
		mh_line_str(line, "y or n");
		break;
	case MALLOCHOOKS_ENUM:
		mh_line_str(line, "one of ");
		for (c = option->choices; *c; c++) {
			one[0] = *c;
			mh_line_str(line, *c == '|' ? ", " : one);
		}
		break;
	case MALLOCHOOKS_STRING:
		mh_line_str(line, "a text of at most ");
		mh_line_dec(line, option->str_bytes - 1);
		mh_line_str(line, " bytes");
		break;
	case MALLOCHOOKS_LIST:
		mh_line_str(line, "words with ':' between them, at most ");
		mh_line_dec(line, option->str_bytes - 2);
		mh_line_str(line, " bytes");
		break;
	case MALLOCHOOKS_SIZE:
		mh_line_str(line, "a size");
		put_range(line, option);
		break;
	case MALLOCHOOKS_DURATION:
		mh_line_str(line, "a time with ns, us, ms, s, min or h");
		put_range(line, option);
		break;
	default:
		mh_line_str(line, "a whole number");
		put_range(line, option);
	}
}
