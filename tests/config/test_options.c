// SPDX-License-Identifier: MIT
/*
 * test_options - MALLOCHOOKS="...": types, values, identities, mistakes
 *
 * The lines of mh_say() and the stacks of the process are this test's own.
 *
 * test-sources: config/options.c config/value.c config/say.c index/arena.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <mallochooks/layer.h>
#include "options.h"

/* ---- two stacks ----------------------------------------------------------- */

enum { FLAG, LEVEL, BYTES, TEXT, WIDE, WAIT, MODE, WORDS, NR };
static char text[16], other_text[16], words[16];

static struct mallochooks_option fresh[] = {
	[FLAG] = MH_OPT_BOOL("flag", 1, 0, "a switch"),
	[LEVEL] = MH_OPT_INT("level", 7, -10, 100, "steps", 0, "a number"),
	[BYTES] = MH_OPT_SIZE("bytes", 4096, 0, 1099511627776, 0, "a size"),
	[TEXT] = MH_OPT_STRING("text", text, 0, "a word"),
	[WIDE] = MH_OPT_INT("wide", 0, INT64_MIN, INT64_MAX, "", 0, "any"),
	[WAIT] = MH_OPT_DURATION("wait", 5 * MH_MS, 0, 2 * MH_HOUR, 0, "a time"),
	[MODE] = MH_OPT_ENUM("mode", 1, "off|some|all", 0, "a choice"),
	[WORDS] = MH_OPT_LIST("words", words, 0, "a list"),
	{ .size = 0 }
};

static struct mallochooks_option alpha[NR + 1], alpha_of_two[NR + 1];
static struct mallochooks_option extra[] = {
	MH_OPT_INT("extra", 1, 0, 9, "", 0, "of the second stack's only"),
	{ .size = 0 }
};

static const struct mallochooks_layer layers_one[] = {
	{ .size = sizeof(struct mallochooks_layer), .name = "alpha",
	  .options = alpha },
	{ .size = sizeof(struct mallochooks_layer), .name = "bare" },
	{ .size = sizeof(struct mallochooks_layer), .name = "terminal" },
};
static const struct mallochooks_layer layers_two[] = {
	{ .size = sizeof(struct mallochooks_layer), .name = "alpha",
	  .options = alpha_of_two },
	{ .size = sizeof(struct mallochooks_layer), .name = "bare",
	  .options = extra },
	{ .size = sizeof(struct mallochooks_layer), .name = "beta",
	  .options = extra },
};
static const struct mallochooks_stack one = {
	.size = sizeof(struct mallochooks_stack), .nr_layers = 3,
	.ident = "one", .layers = layers_one,
}, two = {
	.size = sizeof(struct mallochooks_stack), .nr_layers = 3,
	.ident = "two", .layers = layers_two,
};

static const struct mallochooks_stack *process[3];

/* Files have a test of their own. */
void mh_options_from_file(struct mh_options *options, const char *path,
			  enum mallochooks_origin origin)
{
	(void)options;
	(void)path;
	(void)origin;
}

int mallochooks_for_each_stack(
	int (*visit)(const struct mallochooks_unit *unit,
		     const struct mallochooks_stack *stack, void *arg),
	void *arg)
{
	int i, ret = 0;

	for (i = 0; process[i] && !ret; i++)
		ret = visit(NULL, process[i], arg);
	return ret;
}

/* ---- what was said -------------------------------------------------------- */

static char said[4096];

void mh_say(const char *who, const char *what)
{
	strcat(said, who);
	strcat(said, ": ");
	strcat(said, what);
	strcat(said, "\n");
}

static int fresh_options(void **state)
{
	(void)state;
	memcpy(alpha, fresh, sizeof(fresh));
	memcpy(alpha_of_two, fresh, sizeof(fresh));
	alpha_of_two[TEXT].str = other_text;
	strcpy(text, "before");
	strcpy(other_text, "before");
	memcpy(words, "a\0b\0", 5);
	extra[0].num = 1;
	process[0] = &one;
	process[1] = NULL;
	said[0] = 0;
	return 0;
}

static void from_environment(const struct mallochooks_stack *stack,
			     char *const *envp)
{
	struct mh_options options = {
		.stack = stack, .core = &mh_core,
		.each = mallochooks_for_each_stack, .mistake = mh_options_say,
	};

	mh_options_from_environment(&options, envp);
}

/* Gives the string to each stack, as the constructors would. */
static void set(const char *string)
{
	char variable[1024];
	char *envp[] = { "PATH=/bin", variable, "LAST=", NULL };
	int i;

	snprintf(variable, sizeof(variable), "MALLOCHOOKS=%s", string);
	for (i = 0; process[i]; i++)
		from_environment(process[i], envp);
}

/* Sets it and wants exactly these lines. */
static void set_and_hear(const char *string, const char *lines)
{
	said[0] = 0;
	set(string);
	assert_string_equal(said, lines);
}

static void good_number(int option, const char *value, int64_t num)
{
	char string[200];

	alpha[option].num = 42;
	alpha[option].origin = MALLOCHOOKS_BUILTIN;
	snprintf(string, sizeof(string), "alpha.%s=%s", alpha[option].name,
		 value);
	set_and_hear(string, "");
	assert_true(alpha[option].num == num);
	assert_int_equal(alpha[option].origin, MALLOCHOOKS_ENVIRONMENT);
}

static void bad_number(int option, const char *value, const char *answer)
{
	char string[200], line[400];

	alpha[option].num = alpha[option].builtin;
	alpha[option].origin = MALLOCHOOKS_BUILTIN;
	snprintf(string, sizeof(string), "alpha.%s=%s", alpha[option].name,
		 value);
	snprintf(line, sizeof(line), "options: \"%s\" in MALLOCHOOKS: %s\n",
		 string, answer);
	set_and_hear(string, line);
	assert_true(alpha[option].num == alpha[option].builtin);
	assert_int_equal(alpha[option].origin, MALLOCHOOKS_BUILTIN);
}

/* ---- values --------------------------------------------------------------- */

static void bools(void **state)
{
	static const char *const yes[] = { "y", "yes", "1", "on", "true" };
	static const char *const no[] = { "n", "no", "0", "off", "false" };
	static const char *const bad[] = {
		"", "Y", "yess", "ye", "tru", "truee", "2", "01", "-1", " y",
		"y ", "o", "enable",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		good_number(FLAG, yes[i], 1);
		good_number(FLAG, no[i], 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad_number(FLAG, bad[i], "takes y or n; stays y");
	set("alpha.flag=n");
	set_and_hear("alpha.flag=maybe",
		     "options: \"alpha.flag=maybe\" in MALLOCHOOKS: "
		     "takes y or n; stays n\n");
}

static void ints(void **state)
{
	static const char *const bad[] = {
		"", "-", "--5", "+5", " 5", "5 ", "5.0", "0x10", "1k", "1e2",
		"101", "-11", "2147483648", "4294967300", "-4294967300",
		"9223372036854775807", "9223372036854775808",
		"18446744073709551621", "99999999999999999999999999", "five",
	};
	size_t i;

	(void)state;
	good_number(LEVEL, "0", 0);
	good_number(LEVEL, "-0", 0);
	good_number(LEVEL, "007", 7);
	good_number(LEVEL, "100", 100);
	good_number(LEVEL, "-10", -10);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad_number(LEVEL, bad[i],
			   "takes a whole number from -10 to 100; stays 7");
	good_number(WIDE, "9223372036854775807", INT64_MAX);
	good_number(WIDE, "-9223372036854775808", INT64_MIN);
	bad_number(WIDE, "-9223372036854775809",
		   "takes a whole number from -9223372036854775808 to "
		   "9223372036854775807; stays 0");
	bad_number(WIDE, "9223372036854775808",
		   "takes a whole number from -9223372036854775808 to "
		   "9223372036854775807; stays 0");
}

static void sizes(void **state)
{
	static const char *const bad[] = {
		"", "k", "K", "-", "-1", "-1k", "-k", "1kk", "1kb", "1t", "1b",
		"1 k", "k1", "1.5k", "1025g", "1099511627777",
		"9223372036854775807k", "9007199254740993k",
		"17179869184g",		/* 2^64: nothing is left of it */
		"18014398509481985k",	/* 2^64 + 1024 */
	};
	size_t i;

	(void)state;
	good_number(BYTES, "0", 0);
	good_number(BYTES, "1", 1);
	good_number(BYTES, "0k", 0);
	good_number(BYTES, "1k", 1024);
	good_number(BYTES, "64K", 65536);
	good_number(BYTES, "3m", 3145728);
	good_number(BYTES, "3M", 3145728);
	good_number(BYTES, "2g", 2147483648);
	good_number(BYTES, "1024G", 1099511627776);
	good_number(BYTES, "1099511627776", 1099511627776);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad_number(BYTES, bad[i],
			   "takes a size from 0 to 1024G; stays 4k");
}

static void durations(void **state)
{
	static const char *const bad[] = {
		"", "1", "5000000", "ms", "-1ms", "1m", "1S", "1 s", "1.5s",
		"1sec", "1msx", "3h", "121min", "7201s", "7200000000001ns",
		"9223372036854775807h", "s1", "1hh", "0x",
	};
	size_t i;

	(void)state;
	good_number(WAIT, "0", 0);
	good_number(WAIT, "0h", 0);
	good_number(WAIT, "1ns", 1);
	good_number(WAIT, "20us", 20000);
	good_number(WAIT, "300ms", 300000000);
	good_number(WAIT, "4s", 4000000000);
	good_number(WAIT, "5min", 300000000000);
	good_number(WAIT, "2h", 7200000000000);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad_number(WAIT, bad[i], "takes a time with ns, us, ms, s, min "
			   "or h from 0 to 2h; stays 5ms");
	set("alpha.wait=90s");
	set_and_hear("alpha.wait=x", "options: \"alpha.wait=x\" in MALLOCHOOKS: "
		     "takes a time with ns, us, ms, s, min or h from 0 to 2h; "
		     "stays 90s\n");
}

static void enums(void **state)
{
	static const char *const bad[] = {
		"", "of", "offf", "OFF", "0", "1", "off|some", "|", "all ",
	};
	size_t i;

	(void)state;
	good_number(MODE, "off", 0);
	good_number(MODE, "some", 1);
	good_number(MODE, "all", 2);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad_number(MODE, bad[i],
			   "takes one of off, some, all; stays some");
}

static void good_list(const char *value, const char *items, size_t bytes)
{
	char string[200];

	memset(words, '#', sizeof(words));
	snprintf(string, sizeof(string), "alpha.words=%s", value);
	set_and_hear(string, "");
	assert_memory_equal(words, items, bytes);
	assert_true(bytes == sizeof(words) || words[bytes] == '#');
}

static void bad_list(const char *value)
{
	char string[200], line[400];

	memcpy(words, "a\0b:\0", 6);
	snprintf(string, sizeof(string), "alpha.words=%s", value);
	snprintf(line, sizeof(line), "options: \"%s\" in MALLOCHOOKS: takes "
		 "words with ':' between them, at most 14 bytes; stays "
		 "\"a:b\\:\"\n", string);
	set_and_hear(string, line);
	assert_memory_equal(words, "a\0b:\0", 6);
}

static void lists(void **state)
{
	const char *item;

	(void)state;
	good_list("", "", 1);
	good_list("x", "x\0", 3);
	good_list("x:yy:z", "x\0yy\0z\0", 8);
	good_list("x\\:y", "x:y\0", 5);
	good_list("x\\,y:z", "x,y\0z\0", 7);
	good_list("x\\\\:y", "x\\\0y\0", 6);
	good_list("12345678901234", "12345678901234\0", 16);
	good_list("1:2:3:4:5:6:7", "1\0002\0003\0004\0005\0006\0007\0", 15);
	bad_list("123456789012345");
	bad_list("1:2:3:4:5:6:7:8");
	bad_list(":");
	bad_list("a:");
	bad_list(":a");
	bad_list("a::b");
	memcpy(words, "a\0bc\0", 6);
	item = mallochooks_next_item(&alpha[WORDS], NULL);
	assert_string_equal(item, "a");
	item = mallochooks_next_item(&alpha[WORDS], item);
	assert_string_equal(item, "bc");
	assert_null(mallochooks_next_item(&alpha[WORDS], item));
	words[0] = 0;
	assert_null(mallochooks_next_item(&alpha[WORDS], NULL));
}

static void good_text(const char *value, const char *result)
{
	char string[200];

	strcpy(text, "before");
	alpha[TEXT].origin = MALLOCHOOKS_BUILTIN;
	snprintf(string, sizeof(string), "alpha.text=%s", value);
	set_and_hear(string, "");
	assert_string_equal(text, result);
	assert_int_equal(alpha[TEXT].origin, MALLOCHOOKS_ENVIRONMENT);
}

static void bad_text(const char *value)
{
	char string[200], line[400];

	strcpy(text, "before");
	snprintf(string, sizeof(string), "alpha.text=%s", value);
	snprintf(line, sizeof(line), "options: \"%s\" in MALLOCHOOKS: takes a text "
		 "of at most 15 bytes; stays \"before\"\n", string);
	set_and_hear(string, line);
	assert_string_equal(text, "before");
}

static void strings(void **state)
{
	(void)state;
	good_text("", "");
	good_text("x", "x");
	good_text("a b", "a b");
	good_text("/a/b=c.d:e", "/a/b=c.d:e");
	good_text("?x", "?x");
	good_text("123456789012345", "123456789012345");
	bad_text("1234567890123456");
	bad_text("1234567890123456789012345678901234567890");
}

static void escapes(void **state)
{
	(void)state;
	good_text("a\\,b", "a,b");
	good_text("\\,", ",");
	good_text("a\\\\b", "a\\b");
	good_text("\\n", "n");
	good_text("end\\", "end\\");
	good_text("end\\\\", "end\\");
	good_text("1234567\\,901234\\\\", "1234567,901234\\");	/* 15 behind */
	bad_text("12345678\\,0123456");
	/* an escaped backslash does not guard the comma behind it */
	set_and_hear("alpha.text=a\\\\,alpha.level=3", "");
	assert_string_equal(text, "a\\");
	assert_int_equal(alpha[LEVEL].num, 3);
	set_and_hear("alpha.text=a\\,alpha.level=4", "");
	assert_string_equal(text, "a,alpha.level=4");
	assert_int_equal(alpha[LEVEL].num, 3);
}

/* ---- words ---------------------------------------------------------------- */

static void later_words_win(void **state)
{
	(void)state;
	set_and_hear("alpha.level=3,alpha.flag=n,alpha.level=5", "");
	assert_int_equal(alpha[LEVEL].num, 5);
	assert_int_equal(alpha[FLAG].num, 0);
	set_and_hear("alpha.level=6,alpha.level=none",
		     "options: \"alpha.level=none\" in MALLOCHOOKS: takes a "
		     "whole number from -10 to 100; stays 6\n");
	assert_int_equal(alpha[LEVEL].num, 6);
}

static void empty_words_are_nothing(void **state)
{
	(void)state;
	set_and_hear("", "");
	set_and_hear(",", "");
	set_and_hear(",,,alpha.level=9,,", "");
	assert_int_equal(alpha[LEVEL].num, 9);
}

static void only_the_variable_is_read(void **state)
{
	char *no_such[] = { "MALLOCHOOKSX=alpha.level=9", "MALLOCHOOKS",
			    "XMALLOCHOOKS=alpha.level=9", "mallochooks=", "",
			    NULL };
	char *twice[] = { "MALLOCHOOKS=alpha.level=8",
			  "MALLOCHOOKS=alpha.level=9", NULL };
	char *nothing[] = { NULL };

	(void)state;
	from_environment(&one, no_such);
	from_environment(&one, nothing);
	from_environment(&one, NULL);
	assert_int_equal(alpha[LEVEL].num, 7);
	from_environment(&one, twice);
	assert_int_equal(alpha[LEVEL].num, 8);	/* as getenv() has it */
	assert_string_equal(said, "");
}

static void mistakes_do_not_stop_the_rest(void **state)
{
	(void)state;
	set_and_hear("nonsense,alpha.level=12,alpha.flag=0",
		     "options: \"nonsense\" in MALLOCHOOKS: wants "
		     "layer.option=value\n");
	assert_int_equal(alpha[LEVEL].num, 12);
	assert_int_equal(alpha[FLAG].num, 0);
}

static void unknown_words_are_named(void **state)
{
	(void)state;
	set_and_hear("alpha", "options: \"alpha\" in MALLOCHOOKS: wants "
		     "layer.option=value\n");
	set_and_hear("?", "options: \"?\" in MALLOCHOOKS: wants "
		     "layer.option=value\n");
	set_and_hear("gamma.x=1", "options: \"gamma.x=1\" in MALLOCHOOKS: no "
		     "such layer in this process; there is alpha bare "
		     "terminal core\n");
	set_and_hear("alph.level=1", "options: \"alph.level=1\" in MALLOCHOOKS: "
		     "no such layer in this process; there is alpha bare "
		     "terminal core; did you mean alpha?\n");
	set_and_hear(".level=1", "options: \".level=1\" in MALLOCHOOKS: no such "
		     "layer in this process; there is alpha bare terminal core\n");
	set_and_hear("=1", "options: \"=1\" in MALLOCHOOKS: no such layer in "
		     "this process; there is alpha bare terminal core\n");
	set_and_hear("alpha.levels=1", "options: \"alpha.levels=1\" in "
		     "MALLOCHOOKS: no such option; alpha has flag level bytes "
		     "text wide wait mode words; did you mean level?\n");
	set_and_hear("alpha.=1", "options: \"alpha.=1\" in MALLOCHOOKS: no such "
		     "option; alpha has flag level bytes text wide wait mode words\n");
	set_and_hear("alpha=1", "options: \"alpha=1\" in MALLOCHOOKS: no such "
		     "option; alpha has flag level bytes text wide wait mode words\n");
	set_and_hear("bare.x=1", "options: \"bare.x=1\" in MALLOCHOOKS: no such "
		     "option; bare has none\n");
	assert_int_equal(alpha[LEVEL].num, 7);
}

/* "?": another program of the same run may know it. */
static void optional_words_are_not_named(void **state)
{
	(void)state;
	set_and_hear("?gamma.x=1,?alpha.none=1,?bare.x=1,?two:alpha.level=1",
		     "");
	set_and_hear("?alpha.level=11", "");
	assert_int_equal(alpha[LEVEL].num, 11);
	set_and_hear("?alpha.level=x", "options: \"?alpha.level=x\" in "
		     "MALLOCHOOKS: takes a whole number from -10 to 100; stays "
		     "11\n");
}

static void a_long_word_is_cut_in_the_line(void **state)
{
	char word[900], line[200];

	(void)state;
	memset(word, 'w', sizeof(word));
	word[sizeof(word) - 1] = 0;
	said[0] = 0;
	set(word);
	word[100] = 0;
	snprintf(line, sizeof(line), "options: \"%.100s...\" in MALLOCHOOKS: wants "
		 "layer.option=value\n", word);
	assert_string_equal(said, line);
}

/* ---- identities ----------------------------------------------------------- */

static int two_stacks(void **state)
{
	fresh_options(state);
	process[1] = &two;
	return 0;
}

static void without_identity_all_are_meant(void **state)
{
	(void)state;
	set_and_hear("alpha.level=3", "");
	assert_int_equal(alpha[LEVEL].num, 3);
	assert_int_equal(alpha_of_two[LEVEL].num, 3);
}

static void with_identity_one_is_meant(void **state)
{
	(void)state;
	set_and_hear("one:alpha.level=3,two:alpha.level=4,two:alpha.text=a:b",
		     "");
	assert_int_equal(alpha[LEVEL].num, 3);
	assert_int_equal(alpha_of_two[LEVEL].num, 4);
	assert_string_equal(text, "before");
	assert_string_equal(other_text, "a:b");
}

static void what_one_stack_knows_is_no_mistake(void **state)
{
	(void)state;
	set_and_hear("beta.extra=5", "");
	assert_int_equal(extra[0].num, 5);
	/* both have a layer of that name, the second one has the option */
	set_and_hear("bare.extra=6", "");
	assert_int_equal(extra[0].num, 6);
	set_and_hear("two:bare.extra=7", "");
	assert_int_equal(extra[0].num, 7);
}

static void what_nobody_knows_is_said_once(void **state)
{
	(void)state;
	set_and_hear("nonsense", "options: \"nonsense\" in MALLOCHOOKS: wants "
		     "layer.option=value\n");
	set_and_hear("gamma.x=1", "options: \"gamma.x=1\" in MALLOCHOOKS: no "
		     "such layer in this process; there is alpha bare "
		     "terminal core\n");
	set_and_hear(".x=1", "options: \".x=1\" in MALLOCHOOKS: no such layer "
		     "in this process; there is alpha bare terminal core\n");
	set_and_hear("alpha.x=1", "options: \"alpha.x=1\" in MALLOCHOOKS: no "
		     "such option; alpha has flag level bytes text wide wait mode words\n");
	set_and_hear("two:beta.x=1", "options: \"two:beta.x=1\" in MALLOCHOOKS: "
		     "no such option; beta has extra\n");
	set_and_hear("one:beta.extra=1", "options: \"one:beta.extra=1\" in "
		     "MALLOCHOOKS: no such layer in this process; there is "
		     "alpha bare terminal core\n");
	set_and_hear("three:alpha.level=1", "options: \"three:alpha.level=1\" "
		     "in MALLOCHOOKS: no such identity in this process; there "
		     "is one two\n");
	set_and_hear("tow:alpha.level=1", "options: \"tow:alpha.level=1\" "
		     "in MALLOCHOOKS: no such identity in this process; there "
		     "is one two\n");
	set_and_hear("ones:alpha.level=1", "options: \"ones:alpha.level=1\" "
		     "in MALLOCHOOKS: no such identity in this process; there "
		     "is one two; did you mean one?\n");
	assert_int_equal(alpha[LEVEL].num, 7);
	assert_int_equal(extra[0].num, 1);
}

/* ---- lookup --------------------------------------------------------------- */

static void options_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(mh_option_find(&mh_core, &one, "alpha.level"), &alpha[LEVEL]);
	assert_ptr_equal(mh_option_find(&mh_core, &one, "one:alpha.wide"), &alpha[WIDE]);
	assert_ptr_equal(mh_option_find(&mh_core, &two, "beta.extra"), &extra[0]);
	assert_ptr_equal(mh_option_find(&mh_core, &one, "core.confirm"),
			 &mh_core.options[0]);
	assert_null(mh_option_find(NULL, &one, "core.confirm"));
	assert_null(mh_option_find(&mh_core, &one, "two:alpha.level"));
	assert_null(mh_option_find(&mh_core, &one, "alpha.leve"));
	assert_null(mh_option_find(&mh_core, &one, "alpha.levels"));
	assert_null(mh_option_find(&mh_core, &one, "alpha."));
	assert_null(mh_option_find(&mh_core, &one, "alpha"));
	assert_null(mh_option_find(&mh_core, &one, "bare.extra"));
	assert_null(mh_option_find(&mh_core, &one, ":alpha.level"));
	assert_null(mh_option_find(&mh_core, &one, ""));
	assert_null(mh_option_find(&mh_core, &one, ":"));
	assert_null(mh_option_find(&mh_core, &one, "."));
}

#define ONE(test)	cmocka_unit_test_setup(test, fresh_options)
#define TWO(test)	cmocka_unit_test_setup(test, two_stacks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(bools),
		ONE(ints),
		ONE(sizes),
		ONE(durations),
		ONE(enums),
		ONE(lists),
		ONE(strings),
		ONE(escapes),
		ONE(later_words_win),
		ONE(empty_words_are_nothing),
		ONE(only_the_variable_is_read),
		ONE(mistakes_do_not_stop_the_rest),
		ONE(unknown_words_are_named),
		ONE(optional_words_are_not_named),
		ONE(a_long_word_is_cut_in_the_line),
		TWO(without_identity_all_are_meant),
		TWO(with_identity_one_is_meant),
		TWO(what_one_stack_knows_is_no_mistake),
		TWO(what_nobody_knows_is_said_once),
		TWO(options_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
