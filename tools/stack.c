// SPDX-License-Identifier: MIT
/*
 * stack.c - "mallochooks stack": compose a stack into one object
 *
 * Exit status: 0; 2 when the description is wrong (options, configuration);
 * 1 when the layers do not fit together, or a compiler failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "compose.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* Options in the order of the help text; a value sets what its row says. */
enum option_id {
	OPTION_CONFIG = 256,
	OPTION_IDENT,
	OPTION_EVENT_IDENT,
	OPTION_NAME,
	OPTION_PREFIX,
	OPTION_METHOD,
	OPTION_SYMBOLS,
	OPTION_CALLOC,
	OPTION_LAYERS,
	OPTION_SOURCES,
	OPTION_EVENTS,
	OPTION_TRANSFORMING,
	OPTION_COMPOSE,
	OPTION_CALLER,
	OPTION_ARCH,
	OPTION_SET,
	OPTION_CC,
	OPTION_CFLAGS,
	OPTION_OBJCOPY,
	OPTION_SOURCE_DIR,
	OPTION_WORK,
	OPTION_PARTS,
	OPTION_DEPFILE,
	OPTION_PRINT,
	OPTION_LINK_WORDS,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "ident", required_argument, NULL, OPTION_IDENT },
	{ "event-ident", required_argument, NULL, OPTION_EVENT_IDENT },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "prefix", required_argument, NULL, OPTION_PREFIX },
	{ "method", required_argument, NULL, OPTION_METHOD },
	{ "symbols", required_argument, NULL, OPTION_SYMBOLS },
	{ "calloc", required_argument, NULL, OPTION_CALLOC },
	{ "layers", required_argument, NULL, OPTION_LAYERS },
	{ "sources", required_argument, NULL, OPTION_SOURCES },
	{ "events", required_argument, NULL, OPTION_EVENTS },
	{ "transforming", no_argument, NULL, OPTION_TRANSFORMING },
	{ "compose", required_argument, NULL, OPTION_COMPOSE },
	{ "caller", required_argument, NULL, OPTION_CALLER },
	{ "arch", required_argument, NULL, OPTION_ARCH },
	{ "set", required_argument, NULL, OPTION_SET },
	{ "cc", required_argument, NULL, OPTION_CC },
	{ "cflags", required_argument, NULL, OPTION_CFLAGS },
	{ "objcopy", required_argument, NULL, OPTION_OBJCOPY },
	{ "source-dir", required_argument, NULL, OPTION_SOURCE_DIR },
	{ "work", required_argument, NULL, OPTION_WORK },
	{ "parts", required_argument, NULL, OPTION_PARTS },
	{ "depfile", required_argument, NULL, OPTION_DEPFILE },
	{ "print", no_argument, NULL, OPTION_PRINT },
	{ "link-words", no_argument, NULL, OPTION_LINK_WORDS },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
"usage: mallochooks stack [options] -o OUT.o\n"
"       mallochooks stack [options] --print\n"
"       mallochooks stack [options] --link-words\n"
"\n"
"Composes layers into one object, OUT.o, and writes OUT.mk with the words that\n"
"a link of it needs.\n"
"\n"
"What is composed (later words win):\n"
"  --config=FILE       start from this .config, not from the installed one\n"
"  --ident=NAME        identity: part of every internal name\n"
"  --event-ident=NAME  prefix of the event handlers\n"
"  --name=SUFFIX       suffix of installed products\n"
"  --prefix=PREFIX     of the allocator's symbols: \"dl\" for dlmalloc\n"
"  --method=METHOD     how calls come to land in the entry: preload, wrap or\n"
"                      wrapdl\n"
"  --symbols=LIST      exactly these symbols: malloc,free,...; cxx for the\n"
"                      operators of C++\n"
"  --calloc=MODE       auto, hooked or emulated\n"
"  --layers=LIST       exactly these, top to bottom: count,./my.c,event\n"
"  --sources=LIST      C files compiled into the unit (event handlers)\n"
"  --events=LIST       exactly these events: pre_alloc,...\n"
"  --transforming      the event handlers change sizes or keep a table\n"
"  --compose=FORM      unit (LTO), or separate (for debuggers)\n"
"  --caller=WHAT       return (address), frames (and frame pointers kept), or\n"
"                      none\n"
"  --arch=ARCH         x86_64, aarch64 or generic\n"
"  --set=CONFIG_KEY=VALUE\n"
"                      any value; the keys are listed below\n"
"\n"
"How:\n"
"  -o OUT.o            the product\n"
"  --cc=COMMAND        compiler (default: $CC, or cc)\n"
"  --cflags=FLAGS      for it (default: $CFLAGS, or -O2 -g)\n"
"  --objcopy=COMMAND   (default: the compiler's)\n"
"  --source-dir=DIR    hooks/, index/, config/ and arch/ are there\n"
"  --parts=DIR         also leave stack.o and runtime.o there\n"
"  --work=DIR          keep the intermediate files there\n"
"  --depfile=FILE      write what the product was made from, for make\n"
"  -v                  print the commands\n"
"  --print             print the stack, symbol by symbol; build nothing\n"
"  --link-words        print what its link needs beside OUT.o; build nothing\n"
"  --help\n"
"\n"
"Lists are separated by commas.\n";

static void print_help(void)
{
	fputs(help, stdout);
	fputs("\nKeys, and their values when no file says otherwise:\n",
	      stdout);
	for (size_t i = 0; i < model_nr_settings; i++) {
		const struct setting *s = &model_settings[i];

		if (s->type == MODEL_STRING)
			printf("  CONFIG_%s=\"%s\"\n", s->key, s->builtin);
		else if (s->type == MODEL_INT)
			printf("  CONFIG_%s=%s (%ld to %ld)\n", s->key,
			       s->builtin, s->min, s->max);
		else
			printf("  CONFIG_%s=%s\n", s->key, s->builtin);
	}
}

/**
 * struct request - the command line
 * @words:	options that change the model, in order: id and value
 * The other fields are options by their names, NULL where not given.
 */
struct request {
	struct word {
		int id;
		const char *value;
	} *words;
	size_t nr_words;
	const char *config;
	const char *out;
	const char *cc;
	const char *cflags;
	const char *objcopy;
	const char *source_dir;
	const char *work;
	const char *parts;
	const char *depfile;
	int verbose;
	int print;
	int link_words;
	int help;
};

static void add_word(struct request *request, int id, const char *value)
{
	request->words = xrealloc(request->words, (request->nr_words + 1) *
				  sizeof(*request->words));
	request->words[request->nr_words++] = (struct word){ id, value };
}

static void take_option(struct request *request, int id, const char *value)
{
	switch (id) {
	case 'o':
		request->out = value;
		break;
	case 'v':
		request->verbose = 1;
		break;
	case OPTION_CONFIG:
		request->config = value;
		break;
	case OPTION_CC:
		request->cc = value;
		break;
	case OPTION_CFLAGS:
		request->cflags = value;
		break;
	case OPTION_OBJCOPY:
		request->objcopy = value;
		break;
	case OPTION_SOURCE_DIR:
		request->source_dir = value;
		break;
	case OPTION_WORK:
		request->work = value;
		break;
	case OPTION_PARTS:
		request->parts = value;
		break;
	case OPTION_DEPFILE:
		request->depfile = value;
		break;
	case OPTION_PRINT:
		request->print = 1;
		break;
	case OPTION_LINK_WORDS:
		request->link_words = 1;
		break;
	case OPTION_HELP:
		request->help = 1;
		break;
	default:
		add_word(request, id, value);
	}
}

static const char *env_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static int read_options(struct request *request, int argc, char **argv)
{
	int id;

	opterr = 0;
	optind = 1;
	while ((id = getopt_long(argc, argv, ":o:v", options, NULL)) != -1) {
		if (id == '?' || id == ':') {
			say("%s \"%s\": see mallochooks stack --help",
			    id == ':' ? "a value is missing behind"
				      : "no such option, or a value too many:",
			    argv[optind - 1]);
			return -1;
		}
		take_option(request, id, optarg);
	}
	if (request->help)
		return 0;
	if (optind < argc) {
		say("\"%s\" is no option: name sources by --layers or "
		    "--sources", argv[optind]);
		return -1;
	}
	if (!request->out && !request->print && !request->link_words) {
		say("nothing to make: say -o OUT.o, or --print");
		return -1;
	}
	if (request->out && (!ends_with(request->out, ".o") ||
			     streq(base_name(request->out), ".o"))) {
		say("\"%s\" is no name of an object (-o): let it end in .o",
		    request->out);
		return -1;
	}
	if (!request->cc)
		request->cc = env_or("CC", "cc");
	if (!request->cflags)
		request->cflags = env_or("CFLAGS", "-O2 -g");
	return 0;
}

/* --layers: which built-in ones, which of the client's, and the order */
static int set_layers(struct model *model, const struct strings *tokens,
		      const char *where)
{
	struct strings builtin = { 0 }, clients = { 0 };
	char *order = strings_join(tokens, ",");
	char *paths;
	int result;

	for (size_t i = 0; i < tokens->nr; i++) {
		const char *token = tokens->item[i];
		int is_path = strchr(token, '/') || ends_with(token, ".c");

		if (!is_path)
			strings_add(&builtin, token);
		else if (!strings_has(&clients, token))
			strings_add(&clients, token);
	}
	paths = strings_join(&clients, ",");
	result = model_select(model, GROUP_LAYER, &builtin, where);
	if (!result)
		result = model_set(model, "HOOK_CLIENT", paths, where);
	if (!result)
		result = model_set(model, "LAYER_ORDER", order, where);
	free(paths);
	free(order);
	strings_free(&builtin);
	strings_free(&clients);
	return result;
}

static int apply_list(struct model *model, int id, const char *value,
		      const char *where)
{
	struct strings list = { 0 };
	int result;

	strings_split(&list, value, ',');
	if (id == OPTION_LAYERS)
		result = set_layers(model, &list, where);
	else
		result = model_select(model, id == OPTION_SYMBOLS ?
				      GROUP_SYMBOL : GROUP_EVENT, &list, where);
	strings_free(&list);
	return result;
}

static int apply_word(struct model *model, int id, const char *value)
{
	char where[32];

	snprintf(where, sizeof(where), "--%s", options[id - 256].name);
	switch (id) {
	case OPTION_IDENT:
		return model_set(model, "IDENT", value, where);
	case OPTION_EVENT_IDENT:
		return model_set(model, "EVENT_IDENT", value, where);
	case OPTION_NAME:
		return model_set(model, "NAME", value, where);
	case OPTION_PREFIX:
		return model_set(model, "SYM_PREFIX", value, where);
	case OPTION_METHOD:
		return model_choose(model, GROUP_METHOD, value, where);
	case OPTION_CALLOC:
		return model_choose(model, GROUP_CALLOC, value, where);
	case OPTION_COMPOSE:
		return model_choose(model, GROUP_COMPOSE, value, where);
	case OPTION_CALLER:
		return model_choose(model, GROUP_CALLER, value, where);
	case OPTION_ARCH:
		return model_choose(model, GROUP_ARCH, value, where);
	case OPTION_SOURCES:
		return model_set(model, "CLIENT_SOURCES", value, where);
	case OPTION_TRANSFORMING:
		return model_set(model, "EVENT_TRANSFORMING", "y", where);
	case OPTION_SET:
		return model_assign(model, value, where);
	default:
		return apply_list(model, id, value, where);
	}
}

/* @below of the folder of the executable, when @witness is in there.
 * Return: a plain path, without ".." and links, to be freed; or NULL. */
static char *find_below(const char *self, const char *below,
			const char *witness)
{
	char *dir = xasprintf("%s/%s", self, below);
	char *file = xasprintf("%s/%s", dir, witness);
	char *plain = is_file(file) ? realpath(dir, NULL) : NULL;

	free(dir);
	free(file);
	return plain;
}

/* Where we are installed, or built; NULL when the sources are not there. */
static char *find_source_dir(const char *self)
{
	char *dir = find_below(self, "../share/mallochooks/src",
			       "hooks/entry.c");

	return dir ? dir : find_below(self, "..", "hooks/entry.c");
}

/* In a tree the headers lie inside it, installed in the prefix above it. */
static char *find_include_dir(const char *source_dir)
{
	static const char *const ways[] = { "include", "../../../include" };

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		char *dir = xasprintf("%s/%s", source_dir, ways[i]);
		char *header = xasprintf("%s/mallochooks/layer.h", dir);
		int found = is_file(header);

		free(header);
		if (found)
			return dir;
		free(dir);
	}
	return NULL;
}

/* @base: the file that was read, to be freed, or NULL. */
static int read_model(struct model *model, const struct request *request,
		      const char *self, char **base)
{
	char *dir = find_below(self, "../share/mallochooks", "config");

	*base = NULL;
	if (request->config)
		*base = xstrdup(request->config);
	else if (dir)
		*base = xasprintf("%s/config", dir);
	free(dir);
	if (*base && model_read(model, *base))
		return -1;
	for (size_t i = 0; i < request->nr_words; i++)
		if (apply_word(model, request->words[i].id,
			       request->words[i].value))
			return -1;
	return 0;
}

/* The compiler decides for whoever has not; a decision is held against it. */
static int settle_arch(struct model *model, const struct compiler *compiler)
{
	char *arch = model_chosen(model, GROUP_ARCH);
	int result = 0;

	if (!arch)
		return model_choose(model, GROUP_ARCH,
				    streq(compiler->machine, "other") ?
				    "generic" : compiler->machine, "--cc");
	if (!streq(arch, "generic") && !streq(arch, compiler->machine)) {
		say("the architecture is %s, but %s makes code for %s (--cc): "
		    "say --arch=%s", arch, compiler->cc.item[0],
		    streq(compiler->machine, "other") ? "another machine"
						      : compiler->machine,
		    streq(compiler->machine, "other") ? "generic"
						      : compiler->machine);
		result = -1;
	}
	free(arch);
	return result;
}

/* Names become tokens that the preprocessor must not replace. */
static int check_macros(const struct compiler *compiler,
			const struct sandwich *sandwich,
			const struct model *model)
{
	struct strings names = { 0 };
	int result = 0;

	strings_add(&names, sandwich->ident);
	strings_add(&names, model_string(model, "EVENT_IDENT"));
	for (size_t i = 0; i < sandwich->nr; i++)
		strings_add(&names, sandwich->layers[i].name);
	for (size_t i = 0; !result && i < names.nr; i++) {
		if (!strings_has(&compiler->macros, names.item[i]))
			continue;
		say("\"%s\" is a macro of %s (--cc): take another name",
		    names.item[i], compiler->cc.item[0]);
		result = -1;
	}
	strings_free(&names);
	return result;
}

static int build(struct compose *compose, const struct request *request,
		 const char *base)
{
	int result = compose_build(compose, request->out, request->parts);

	if (!result)
		result = write_make_fragment(compose->model, request->out);
	if (!result && request->depfile)
		result = write_depfile(compose, request->out,
				       request->depfile, base);
	return result;
}

static void print_link_words(const struct model *model)
{
	struct strings words = { 0 };
	char *list;

	link_words(model, &words);
	list = strings_join(&words, " ");
	puts(list);
	free(list);
	strings_free(&words);
}

/* Everything behind the description: the status of the whole. */
static int carry_out(struct compose *compose, const struct request *request,
		     const char *base)
{
	int status = STATUS_FAILED;

	compose->jobs.verbose = request->verbose;
	compose->want_deps = request->depfile != NULL;
	compose->use_lto = model_bool(compose->model, "COMPOSE_UNIT");
	if (compose->use_lto && !request->print &&
	    !compiler_links_lto(compose->compiler)) {
		say("%s has no lld to make one unit: composing separate "
		    "objects", compose->compiler->cc.item[0]);
		compose->use_lto = 0;
	}
	jobs_catch_signals();
	if (!compose_open(compose, request->work) && !compose_probe(compose)) {
		if (request->print)
			sandwich_print(compose->sandwich, compose->model,
				       stdout);
		if (request->print || !build(compose, request, base))
			status = 0;
	}
	compose_close(compose);
	jobs_die_of_signal();
	return status;
}

/* The description, whole and checked, then carried out. */
static int compose_request(const struct request *request, struct model *model,
			   struct compiler *compiler)
{
	struct sandwich sandwich = { .nr = 0 };
	struct compose compose = {
		.model = model, .compiler = compiler, .sandwich = &sandwich,
	};
	char *self = self_dir();
	char *found = NULL, *base = NULL;
	int status = STATUS_USAGE;

	if (!self)
		die("cannot read /proc/self/exe: %s", strerror(errno));
	if (read_model(model, request, self, &base))
		goto out;
	if (!request->source_dir)
		found = find_source_dir(self);
	compose.source_dir = request->source_dir ? request->source_dir : found;
	if (compose.source_dir)
		compose.include_dir = find_include_dir(compose.source_dir);
	if (!compose.include_dir) {
		say("no sources of ours in %s: say --source-dir=DIR",
		    compose.source_dir ? compose.source_dir : self);
		goto out;
	}
	if (compiler_meet(compiler, request->cc, request->cflags,
			  request->objcopy) ||
	    settle_arch(model, compiler) || model_check(model) ||
	    sandwich_plan(&sandwich, model, compose.source_dir) ||
	    check_macros(compiler, &sandwich, model))
		goto out;
	if (request->link_words) {
		print_link_words(model);
		status = 0;
		goto out;
	}
	status = carry_out(&compose, request, base);
out:
	sandwich_free(&sandwich);
	free(compose.include_dir);
	free(self);
	free(found);
	free(base);
	return status;
}

int cmd_stack(int argc, char **argv)
{
	struct request request = { .nr_words = 0 };
	struct compiler compiler = { .machine = NULL };
	struct model model;
	int status = STATUS_USAGE;

	if (read_options(&request, argc, argv))
		goto out;
	if (request.help) {
		print_help();
		status = 0;
		goto out;
	}
	model_init(&model);
	status = compose_request(&request, &model, &compiler);
	compiler_free(&compiler);
	model_free(&model);
out:
	free(request.words);
	return status;
}
