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
#include "describe.h"
#include "settings.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* Options in the order of the help text; a value sets what its row says. */
enum option_id {
	OPTION_CONFIG = 256,
	OPTION_DESCRIPTION,
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
	OPTION_SWITCHES,
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
	OPTION_RUNTIME,
	OPTION_ONLY_RUNTIME,
	OPTION_DEPFILE,
	OPTION_PRINT,
	OPTION_LINK_WORDS,
	OPTION_LIB_DIR,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "description", required_argument, NULL, OPTION_DESCRIPTION },
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
	{ "switches", no_argument, NULL, OPTION_SWITCHES },
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
	{ "runtime", required_argument, NULL, OPTION_RUNTIME },
	{ "only-runtime", no_argument, NULL, OPTION_ONLY_RUNTIME },
	{ "depfile", required_argument, NULL, OPTION_DEPFILE },
	{ "print", no_argument, NULL, OPTION_PRINT },
	{ "link-words", no_argument, NULL, OPTION_LINK_WORDS },
	{ "lib-dir", required_argument, NULL, OPTION_LIB_DIR },
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
"  --description=FILE  several allocators and facades, which start from all the\n"
"                      other words (Documentation/description.rst)\n"
"  --ident=NAME        identity: part of every internal name\n"
"  --event-ident=NAME  prefix of the event handlers\n"
"  --name=SUFFIX       suffix of installed products\n"
"  --prefix=PREFIX     of the allocator's symbols: \"dl\" for dlmalloc\n"
"  --method=METHOD     how calls come to land in the entry: preload, wrap,\n"
"                      wrapdl or replace\n"
"  --symbols=LIST      exactly these symbols: malloc,free,...; cxx for the\n"
"                      operators of C++\n"
"  --calloc=MODE       auto, hooked or emulated\n"
"  --layers=LIST       exactly these, top to bottom: count,./my.c,event\n"
"  --sources=LIST      C files compiled into the unit (event handlers)\n"
"  --events=LIST       exactly these events: pre_alloc,...\n"
"  --transforming      the event handlers change sizes or keep a table\n"
"  --switches          each layer can be switched off: LAYER.on, at run time\n"
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
"  --lib-dir=DIR       ldplugin.so and ld/ are there, for links by method replace\n"
"  --source-dir=DIR    hooks/, index/, config/ and arch/ are there\n"
"  --parts=DIR         also leave stack.o and runtime.o there\n"
"  --only-runtime      OUT.o is what all stacks of a method, a compiler and its\n"
"                      flags have in common, for their --runtime; its objects,\n"
"                      and runtime.list, are in DIR of --work\n"
"  --runtime=FILE      take that OUT.o, whole, or what is needed of runtime.list\n"
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
	const char *description;
	const char *out;
	const char *cc;
	const char *cflags;
	const char *objcopy;
	const char *source_dir;
	const char *lib_dir;
	const char *work;
	const char *parts;
	const char *runtime;
	const char *depfile;
	int verbose;
	int only_runtime;
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
	case OPTION_DESCRIPTION:
		request->description = value;
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
	case OPTION_RUNTIME:
		request->runtime = value;
		break;
	case OPTION_ONLY_RUNTIME:
		request->only_runtime = 1;
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
	case OPTION_LIB_DIR:
		request->lib_dir = value;
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
	if (request->only_runtime && (request->parts || request->runtime ||
				      request->print || request->link_words)) {
		say("--only-runtime makes one object: no --parts, --runtime, "
		    "--print or --link-words beside it");
		return -1;
	}
	if (!request->cc)
		request->cc = env_or("CC", "cc");
	if (!request->cflags)
		request->cflags = env_or("CFLAGS", "-O2 -g");
	return 0;
}

static int apply_word(struct model *model, int id, const char *value)
{
	const char *name = options[id - 256].name;
	char where[32];

	snprintf(where, sizeof(where), "--%s", name);
	return settings_apply(model, name, value, where);
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

#ifndef MALLOCHOOKS_LIBDIR_FROM_BIN
#define MALLOCHOOKS_LIBDIR_FROM_BIN "../lib"
#endif

/* The same for the linkers' parts; there may be none on this machine. */
static char *find_lib_dir(const char *self)
{
	char *dir = find_below(self, "..", "ldplugin.so");

	if (!dir)
		dir = find_below(self, MALLOCHOOKS_LIBDIR_FROM_BIN "/mallochooks",
				 "ldplugin.so");
	return dir;
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
static int settle_arch(struct model *model, const struct compiler *compiler,
		       const char *where)
{
	char *arch = model_chosen(model, GROUP_ARCH);
	int result = 0;

	if (!arch)
		return model_choose(model, GROUP_ARCH,
				    streq(compiler->machine, "other") ?
				    "generic" : compiler->machine, "--cc");
	if (!streq(arch, "generic") && !streq(arch, compiler->machine)) {
		say("%s: the architecture is %s, but %s makes code for %s (--cc): "
		    "say --arch=%s", where, arch, compiler->cc.item[0],
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

/**
 * struct task - all that is asked for, and what it is done with
 * @parts:	stacks and groups of facades; one when there is no description
 * @sandwich:	of each
 * @link:	of each
 * @base:	the file that was read, or NULL
 */
struct task {
	struct request *request;
	struct description parts;
	struct sandwich *sandwich;
	struct link_part *link;
	struct compiler compiler;
	struct compose compose;
	char *base;
};

/* The command line alone is one stack of malloc's family. */
static int read_parts(struct task *task, const char *self)
{
	struct model model;
	int result;

	model_init(&model);
	result = read_model(&model, task->request, self, &task->base);
	if (!result && task->request->description) {
		result = description_read(&task->parts,
					  task->request->description, &model);
	} else if (!result) {
		task->parts.part = xcalloc(1, sizeof(*task->parts.part));
		task->parts.nr = 1;
		model_copy(&task->parts.part[0].model, &model);
		task->parts.part[0].where = xstrdup("command line");
	}
	model_free(&model);
	task->sandwich = xcalloc(task->parts.nr + 1, sizeof(*task->sandwich));
	task->link = xcalloc(task->parts.nr + 1, sizeof(*task->link));
	return result;
}

/* A preload is a shared object of its own; all else goes into one link. */
static int check_methods(const struct task *task)
{
	const struct description *parts = &task->parts;
	int first = model_bool(&parts->part[0].model, "METHOD_PRELOAD");

	for (size_t i = 1; i < parts->nr; i++) {
		if (model_bool(&parts->part[i].model, "METHOD_PRELOAD") ==
		    first)
			continue;
		say("%s: method preload and link-time methods do not go into "
		    "one object: write two descriptions",
		    parts->part[i].where);
		return -1;
	}
	return 0;
}

static void plan_link(const struct described *part,
		      const struct sandwich *sandwich, struct link_part *link)
{
	link->model = &part->model;
	link->guarded = !part->facades;
	link->all_asked = part->family.nr > 0;
	sandwich_names(sandwich, &part->model, &link->names);
	for (size_t i = 0; i < part->family.nr; i++) {
		char *asked = signature_asked(&part->family.function[i].signature);

		strings_add(&link->asked, asked);
		free(asked);
	}
}

static int check_statics(const struct described *part,
			 const struct link_part *link)
{
	for (size_t i = 0; i < link->asked.nr; i++) {
		if (!strchr(link->asked.item[i], ':') ||
		    model_bool(&part->model, "METHOD_REPLACE"))
			continue;
		say("%s: %s is static, which only method replace can reach",
		    part->where, link->asked.item[i]);
		return -1;
	}
	return 0;
}

static int plan_part(struct task *task, size_t i)
{
	struct described *part = &task->parts.part[i];
	struct sandwich *sandwich = &task->sandwich[i];
	const struct family *family = part->family.nr ? &part->family : NULL;

	if (settle_arch(&part->model, &task->compiler, part->where) ||
	    model_check(&part->model))
		return -1;
	if (part->facades) {
		sandwich->ident = model_string(&part->model, "IDENT");
		sandwich->family = family;
	} else if (sandwich_plan(sandwich, &part->model, family,
				 task->compose.source_dir)) {
		return -1;
	}
	sandwich->inside = part->inside;
	plan_link(part, sandwich, &task->link[i]);
	return check_macros(&task->compiler, sandwich, &part->model) ||
	       check_statics(part, &task->link[i]) ? -1 : 0;
}

static int plan(struct task *task)
{
	if (check_methods(task))
		return -1;
	for (size_t i = 0; i < task->parts.nr; i++)
		if (plan_part(task, i))
			return -1;
	return 0;
}

static void print_link_words(const struct task *task)
{
	const struct request *request = task->request;
	const struct link_place place = {
		request->lib_dir, request->out ? request->out : "OUT.o",
	};
	struct strings words = { 0 };
	char *list;

	link_words(task->link, task->parts.nr, &place, &words);
	list = strings_join(&words, " ");
	puts(list);
	free(list);
	strings_free(&words);
}

/* One part, as far as it was asked for; its object goes to @stacks. */
static int make_part(struct task *task, size_t i, struct strings *stacks)
{
	const struct request *request = task->request;
	const struct described *part = &task->parts.part[i];
	struct compose *compose = &task->compose;
	char *prefix = task->parts.nr == 1 ? xstrdup("") :
		xasprintf("%s-", task->sandwich[i].ident);
	char *stack;
	int result;

	compose->use_lto = model_bool(&part->model, "COMPOSE_UNIT");
	if (compose->use_lto && !request->print &&
	    !compiler_links_lto(compose->compiler)) {
		say("%s has no lld to make one unit: composing separate "
		    "objects", compose->compiler->cc.item[0]);
		compose->use_lto = 0;
	}
	result = compose_begin(compose, &part->model, &task->sandwich[i],
			       prefix);
	if (!result && !part->facades)
		result = compose_probe(compose);
	if (!result && request->print)
		(part->facades ? sandwich_print_facades : sandwich_print)
			(compose->sandwich, compose->model, stdout);
	if (!result && !request->print) {
		stack = request->parts ?
			xasprintf("%s/%sstack.o", request->parts, prefix) :
			compose_path(compose, "stack.o");
		strings_add(stacks, stack);
		result = part->facades ? compose_facades(compose, stack) :
					 compose_stack(compose, stack);
		free(stack);
	}
	free(prefix);
	return result;
}

static int finish(struct task *task, const struct strings *stacks)
{
	const struct request *request = task->request;
	struct compose *compose = &task->compose;
	char *runtime = NULL;
	int result;

	compose->prefix = "";
	if (request->runtime)
		runtime = xstrdup(request->runtime);
	else if (request->parts)
		runtime = xasprintf("%s/runtime.o", request->parts);
	result = compose_finish(compose, stacks, runtime, request->out);
	free(runtime);
	if (!result)
		result = write_make_fragment(task->link, task->parts.nr,
					     request->out, request->lib_dir);
	if (!result && request->depfile)
		result = write_depfile(compose, request->out, request->depfile,
				       task->base);
	return result;
}

/* The .config is none of the files that it is made of: the few values that count
 * are compared by whoever wants to keep it (Makefile: flags-runtime). */
static int make_runtime(struct task *task)
{
	const struct request *request = task->request;
	struct compose *compose = &task->compose;
	int result;

	compose->model = &task->parts.part[0].model;
	compose->prefix = "";
	result = compose_runtime(compose, request->out);
	if (!result && request->depfile)
		result = write_depfile(compose, request->out, request->depfile,
				       NULL);
	return result;
}

static int make_all(struct task *task)
{
	struct strings stacks = { 0 };
	int result = 0;

	for (size_t i = 0; !result && i < task->parts.nr; i++)
		result = make_part(task, i, &stacks);
	if (!result && !task->request->print)
		result = finish(task, &stacks);
	strings_free(&stacks);
	return result;
}

/* Everything behind the description: the status of the whole. */
static int carry_out(struct task *task)
{
	const struct request *request = task->request;
	struct compose *compose = &task->compose;
	int result;

	compose->jobs.verbose = request->verbose;
	compose->want_deps = request->depfile != NULL;
	compose->has_runtime = request->runtime != NULL;
	jobs_catch_signals();
	result = request->parts && !request->print ?
		compose_folder(request->parts, "--parts") : 0;
	if (!result)
		result = compose_open(compose, request->work);
	if (!result && request->runtime && ends_with(request->runtime, ".list"))
		result = compose_listed(compose, request->runtime);
	if (!result)
		result = request->only_runtime ? make_runtime(task) :
						 make_all(task);
	compose_close(compose);
	jobs_die_of_signal();
	return result ? STATUS_FAILED : 0;
}

static int wants_plugin(const struct task *task)
{
	for (size_t i = 0; i < task->parts.nr; i++)
		if (model_bool(&task->parts.part[i].model, "METHOD_REPLACE"))
			return 1;
	return 0;
}

/* The places that are found beside the tool, or named.
 * @found: to be freed */
static int find_places(struct task *task, const char *self, char *found[2])
{
	struct request *request = task->request;
	struct compose *compose = &task->compose;

	if (!request->source_dir)
		request->source_dir = found[0] = find_source_dir(self);
	compose->source_dir = request->source_dir;
	if (compose->source_dir)
		compose->include_dir = find_include_dir(compose->source_dir);
	if (!compose->include_dir) {
		say("no sources of ours in %s: say --source-dir=DIR",
		    compose->source_dir ? compose->source_dir : self);
		return -1;
	}
	if (!request->lib_dir)
		request->lib_dir = found[1] = find_lib_dir(self);
	if (request->lib_dir || !wants_plugin(task))
		return 0;
	say("no ldplugin.so beside this tool, which links by method replace "
	    "need: say --lib-dir=DIR");
	return -1;
}

static int do_task(struct task *task, const char *self)
{
	struct request *request = task->request;
	char *found[2] = { NULL, NULL };
	int status = STATUS_USAGE;

	task->compose.compiler = &task->compiler;
	if (!read_parts(task, self) && !find_places(task, self, found) &&
	    !compiler_meet(&task->compiler, request->cc, request->cflags,
			   request->objcopy) &&
	    !plan(task)) {
		if (request->link_words)
			print_link_words(task);
		status = request->link_words ? 0 : carry_out(task);
	}
	free(found[0]);
	free(found[1]);
	return status;
}

static void free_task(struct task *task)
{
	for (size_t i = 0; i < task->parts.nr; i++) {
		sandwich_free(&task->sandwich[i]);
		strings_free(&task->link[i].names);
		strings_free(&task->link[i].asked);
	}
	free(task->sandwich);
	free(task->link);
	free(task->compose.include_dir);
	free(task->base);
	compiler_free(&task->compiler);
	description_free(&task->parts);
}

int cmd_stack(int argc, char **argv)
{
	struct request request = { .nr_words = 0 };
	struct task task = { .request = &request };
	char *self = self_dir();
	int status = STATUS_USAGE;

	if (!self)
		die("cannot read /proc/self/exe: %s", strerror(errno));
	if (!read_options(&request, argc, argv)) {
		if (request.help)
			print_help();
		status = request.help ? 0 : do_task(&task, self);
		free_task(&task);
	}
	free(request.words);
	free(self);
	return status;
}
