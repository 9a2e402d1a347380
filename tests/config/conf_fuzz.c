// SPDX-License-Identifier: MIT
/*
 * conf_fuzz - files of options and environment strings with bytes changed
 *
 *	conf_fuzz DIRECTORY NUMBER SEED
 *
 * Whatever is read, values stay within what their declarations say, nothing
 * around the strings is written, and the reader comes back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mallochooks/layer.h>
#include "options.h"

enum { FLAG, LEVEL, BYTES, WAIT, MODE, TEXT, WORDS, NR };

static struct {
	char before[16], text[24], between[16], words[24], after[16];
} room;

static struct mallochooks_option options[] = {
	[FLAG] = MH_OPT_BOOL("flag", 0, 0, "a switch"),
	[LEVEL] = MH_OPT_INT("level", 7, -10, 100, "steps", 0, "a number"),
	[BYTES] = MH_OPT_SIZE("bytes", 4096, 16, 1 << 30, 0, "a size"),
	[WAIT] = MH_OPT_DURATION("wait", 5 * MH_MS, 0, 2 * MH_HOUR, 0, "a time"),
	[MODE] = MH_OPT_ENUM("mode", 1, "off|some|all", 0, "a choice"),
	[TEXT] = MH_OPT_STRING("text", room.text, 0, "a text"),
	[WORDS] = MH_OPT_LIST("words", room.words, 0, "a list"),
	{ .size = 0 }
};
static const struct mallochooks_layer layers[] = {
	{ .size = sizeof(layers[0]), .name = "layer", .options = options },
};
static const struct mallochooks_stack stack = {
	.size = sizeof(stack), .nr_layers = 1, .ident = "one",
	.layers = layers,
};

static const char *const seeds[] = {
	"layer: { flag = true; level = -3; bytes = \"64k\"; wait = \"3s\"; };\n",
	"layer: {\n  mode = \"all\"; text = \"a\\\\b\\\"c\\x41\"; words = [ \"x\", "
	"\"y:z\", \"\\\\\" ];\n};\n# comment\n// comment\n/* comment */\n",
	"only = ( { program = [ \"l?\", \"*x*\" ]; identity = \"one\"; optional = "
	"true; layer: { level = 0x10; words = \"a:b\"; }; },\n { program = \"y\"; "
	"layer: { text = \"one\" \"two\"; }; } );\n",
	"layer: { level = 99999999999L; bytes = -1; wait = 1.5e3; text = 1; words "
	"= ( 1, true, \"x\" ); flag = [ ]; mode = ( ( ) ); };\ncore: { confirm = "
	"false; };\n",
	"@include \"other\"\nlayer = 3;\nunknown: { a = { b = ( { c = 1; } ); }; };\n",
};
static const char *const words[] = {
	"layer.flag=y,layer.level=-3,layer.bytes=64k,?x.y=z,one:layer.wait=3s",
	"layer.mode=all,layer.text=a\\,b\\\\c,layer.words=a:b\\:c:d\\,e",
	"=,.,:,?,layer,layer.=,layer.level=--1,layer.wait=9223372036854775807h",
};
static const char pieces[] = "{}()[]=:;,\"\\#@/*.\n \0x0L-9:\xff\xc3\x80";

static unsigned int nr_mistakes;
static uint64_t state;

static unsigned int random_below(unsigned int limit)
{
	/* Source: Knuth, The Art of Computer Programming, vol. 2, 3.3.4: MMIX */
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(state >> 33) % limit;
}

static int each(int (*visit)(const struct mallochooks_unit *unit,
			     const struct mallochooks_stack *stack, void *arg),
		void *arg)
{
	return visit(NULL, &stack, arg);
}

static void hear(const struct mh_source *source, const char *what)
{
	if (strlen(what) > 507 || source->item.nr > 1 << 20)
		abort();
	nr_mistakes++;
}

static void fresh(void)
{
	memset(&room, '#', sizeof(room));
	strcpy(room.text, "text");
	memcpy(room.words, "a\0", 3);
}

static void wrong(const char *what)
{
	printf("wrong: %s\n", what);
	exit(1);
}

static void judge(void)
{
	static const char hashes[] = "################";
	size_t i, nr;

	for (i = 0; i < NR; i++)
		if (i < MODE && (options[i].num < options[i].min ||
				 options[i].num > options[i].max))
			wrong(options[i].name);
	if (options[MODE].num < 0 || options[MODE].num > 2)
		wrong("mode");
	if (memcmp(room.before, hashes, 16) || memcmp(room.between, hashes, 16) ||
	    memcmp(room.after, hashes, 16))
		wrong("written around a string");
	if (!memchr(room.text, 0, sizeof(room.text)))
		wrong("text without an end");
	for (i = 0; i < sizeof(room.words) && room.words[i]; i += nr + 1)
		nr = strnlen(room.words + i, sizeof(room.words) - i);
	if (i >= sizeof(room.words))
		wrong("list without an end");
}

/* Some bytes changed, put in, doubled, or cut off.  Return: new length. */
static size_t change(char *text, size_t nr, size_t room_for)
{
	unsigned int times = random_below(6), at, some;

	for (; times && nr > 2; times--) {
		at = random_below((unsigned int)nr);
		switch (random_below(5)) {
		case 0:
			text[at] = (char)random_below(256);
			break;
		case 1:
			text[at] = pieces[random_below(sizeof(pieces) - 1)];
			break;
		case 2:
			some = random_below((unsigned int)nr - at);
			if (nr + some >= room_for)
				break;
			memmove(text + at + some, text + at, nr - at);
			nr += some;
			break;
		case 3:
			some = random_below((unsigned int)nr - at);
			memmove(text + at, text + at + some, nr - at - some);
			nr -= some;
			break;
		default:
			if (!random_below(4))
				nr = at;
		}
	}
	return nr;
}

static void write_file(const char *path, const char *text, size_t nr)
{
	FILE *out = fopen(path, "w");

	if (!out || fwrite(text, 1, nr, out) != nr || fclose(out))
		wrong("cannot write the file");
}

int main(int argc, char **argv)
{
	struct mh_options how = {
		.stack = &stack, .core = &mh_core, .each = each,
		.program = { "x", "ls" }, .mistake = hear,
	};
	static char text[8192], path[4096], variable[8300];
	char *envp[] = { variable, NULL };
	const char *seed;
	unsigned long i, number;
	size_t nr;

	if (argc != 4)
		return 2;
	number = strtoul(argv[2], NULL, 10);
	state = strtoull(argv[3], NULL, 10);
	snprintf(path, sizeof(path), "%s/other", argv[1]);
	write_file(path, "layer: { level = 5; };\n", 23);
	snprintf(path, sizeof(path), "%s/conf", argv[1]);
	for (i = 0; i < number; i++) {
		fresh();
		seed = seeds[random_below(sizeof(seeds) / sizeof(seeds[0]))];
		strcpy(text, seed);
		nr = change(text, strlen(text), sizeof(text));
		write_file(path, text, nr);
		mh_options_from_file(&how, path, MALLOCHOOKS_NAMED_FILE);
		judge();
		seed = words[random_below(sizeof(words) / sizeof(words[0]))];
		strcpy(text, seed);
		nr = change(text, strlen(text), sizeof(text) - 1);
		text[nr] = 0;
		snprintf(variable, sizeof(variable), "MALLOCHOOKS=%s", text);
		mh_options_from_environment(&how, envp);
		judge();
	}
	printf("%lu files, %u mistakes\n", number, nr_mistakes);
	return 0;
}
