// SPDX-License-Identifier: MIT
/*
 * conf_types - a layer with an option of each type, that tells what it reads
 */
#include <mallochooks/layer.h>

enum { FLAG, LEVEL, BYTES, WAIT, MODE, TEXT, WORDS };

static char text[16] = "built in";
static char words[16] = "one\0two\0";

HOOK_OPTIONS(
	[FLAG] = MH_OPT_BOOL("flag", 0, 0, "a switch"),
	[LEVEL] = MH_OPT_INT("level", 7, -10, 100, "steps", 0, "a number"),
	[BYTES] = MH_OPT_SIZE("bytes", 4096, 16, 1 << 30, 0, "a size"),
	[WAIT] = MH_OPT_DURATION("wait", 5 * MH_MS, 0, 2 * MH_HOUR, 0,
				 "a time"),
	[MODE] = MH_OPT_ENUM("mode", 1, "off|some|all", 0, "a choice"),
	[TEXT] = MH_OPT_STRING("text", text, 0, "a text"),
	[WORDS] = MH_OPT_LIST("words", words, MALLOCHOOKS_LIVE, "a list"),
)

HOOK_OBSERVING

static void put(struct mh_line *line, int option)
{
	mh_line_str(line, " ");
	mh_line_str(line, HOOK_OPTION(option).name);
	mh_line_str(line, "=");
	mh_line_int(line, HOOK_OPTION(option).num);
}

void HOOK_IDENT(init)(void)
{
	const char *item = NULL;
	struct mh_line line;
	int option;

	mh_line_start(&line);
	mh_line_str(&line, "types:");
	for (option = FLAG; option <= MODE; option++)
		put(&line, option);
	mh_line_str(&line, " text=<");
	mh_line_str(&line, text);
	mh_line_str(&line, "> words=");
	while ((item = mallochooks_next_item(&HOOK_OPTION(WORDS), item))) {
		mh_line_str(&line, "<");
		mh_line_str(&line, item);
		mh_line_str(&line, ">");
	}
	mh_line_write(&line, 2);
}

HOOK_PASS(malloc)
HOOK_PASS(free)
HOOK_PASS(calloc)
HOOK_PASS(realloc)
HOOK_PASS(memalign)
HOOK_PASS(malloc_usable_size)
