// SPDX-License-Identifier: MIT
/*
 * compose.c - from sources to one object, by the client's compiler
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compose.h"

/* What a source is to us decides how it is compiled. */
enum kind {
	KIND_PROBE,	/* for its symbols only */
	KIND_STACK,	/* entry, layers, tables: in the unit */
	KIND_CLIENT,	/* the client's C: in the unit, its own dialect */
	KIND_ABSENT,	/* weak empty handlers: never in the unit */
	KIND_FACADE,	/* exceptions pass; never in the unit */
	KIND_THUNK,	/* assembler: never in the unit */
	KIND_RUNTIME,	/* shared by all stacks */
};

/* PIC for shared objects; no guards and no sanitizers, because we run before
 * relocation and before their runtimes have started; unwind tables, because
 * exceptions and debuggers pass through us; no vectors, because packing two
 * counters costs more than adding to them. */
static const char *const code_flags[] = {
	"-fPIC", "-ftls-model=initial-exec", "-fno-stack-protector",
	"-fno-sanitize=all", "-fasynchronous-unwind-tables",
	"-fno-tree-slp-vectorize",
};

/* Or gcc makes a call of calloc from malloc and memset inside a calloc. */
static const char *const builtin_flags[] = {
	"-fno-builtin-malloc", "-fno-builtin-calloc", "-fno-builtin-realloc",
	"-fno-builtin-free", "-fno-builtin-memalign",
	"-fno-builtin-aligned_alloc", "-fno-builtin-posix_memalign",
};

static const char *const runtime_sources[] = {
	"hooks/nextsym.c", "hooks/unit.c", "hooks/live.c", "hooks/switch.c", "hooks/latch.c", "index/arena.c", "index/chunk.c",
	"index/reach.c", "index/shard.c", "index/module.c", "index/unwind.c", "index/sitefile.c", "config/options.c",
	"config/value.c", "config/say.c",
};

char *compose_path(const struct compose *compose, const char *name)
{
	return xasprintf("%s/%s%s", compose->work, compose->prefix, name);
}

static int write_config(const struct compose *compose)
{
	char *path = compose_path(compose, "config.h");
	FILE *out = fopen(path, "we");
	int result = 0;

	if (out) {
		model_write_header(compose->model, out);
		result = ferror(out);
		result |= fclose(out);
	}
	if (!out || result)
		say("cannot write %s: %s", path, strerror(errno));
	free(path);
	return out && !result ? 0 : -1;
}

/* The work folder while it is ours; a process composes once. */
static char *doomed;

/* All intermediate files lie flat in the folder. */
static void remove_doomed(void)
{
	struct dirent *entry;
	DIR *dir;

	if (!doomed)
		return;
	dir = opendir(doomed);
	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	if (rmdir(doomed))
		say("cannot remove %s: %s", doomed, strerror(errno));
	free(doomed);
	doomed = NULL;
}

int compose_folder(const char *path, const char *option)
{
	if (!mkdir(path, 0777) || (errno == EEXIST && is_dir(path)))
		return 0;
	say("cannot make the folder %s (%s): %s", path, option,
	    strerror(errno));
	return -1;
}

int compose_open(struct compose *compose, const char *work)
{
	const char *tmp = getenv("TMPDIR");
	char *path;

	if (work) {
		if (compose_folder(work, "--work"))
			return -1;
		compose->work = xstrdup(work);
		compose->keep_work = 1;
		return 0;
	}
	path = xasprintf("%s/mallochooks-stack-XXXXXX",
			 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(path)) {
		say("cannot make %s: %s: set TMPDIR", path, strerror(errno));
		free(path);
		return -1;
	}
	compose->work = path;
	doomed = xstrdup(path);
	atexit(remove_doomed);		/* out of memory is an end too */
	return 0;
}

void compose_close(struct compose *compose)
{
	jobs_finish(&compose->jobs);
	remove_doomed();
	free(compose->work);
	free(compose->libconfig);
	strings_free(&compose->deps);
	strings_free(&compose->runtime);
	strings_free(&compose->contained);
}

static void add_flags(struct strings *argv, const char *const *flags,
		      size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		strings_add(argv, flags[i]);
}

static void add_folders(const struct compose *compose, enum kind kind,
			struct strings *argv)
{
	char *arch = model_chosen(compose->model, GROUP_ARCH);
	const char *dir = compose->source_dir;

	strings_addf(argv, "-I%s", compose->include_dir);
	if (kind != KIND_CLIENT) {
		strings_addf(argv, "-I%s/hooks", dir);
		strings_addf(argv, "-I%s/index", dir);
		strings_addf(argv, "-I%s/config", dir);
		strings_addf(argv, "-I%s/arch/%s", dir, arch);
		if (!streq(arch, "generic"))
			strings_addf(argv, "-I%s/arch/generic", dir);
	}
	free(arch);
}

static void add_code_flags(const struct compose *compose, struct strings *argv)
{
	add_flags(argv, code_flags, ARRAY_SIZE(code_flags));
	/* What gcc has unpacked to compare with others it does not inline. */
	if (!compose->compiler->is_clang)
		strings_add(argv, "-fno-ipa-icf");
	if (model_bool(compose->model, "CALLER_FRAMES"))
		strings_add(argv, "-fno-omit-frame-pointer");
}

/* How the switch of a layer is declared. */
static void add_switch(const struct sandwich *sandwich, const char *layer,
		       struct strings *argv)
{
	for (size_t i = 0; i < sandwich->nr; i++)
		if (is_switched(sandwich, i) &&
		    streq(sandwich->layers[i].name, layer))
			strings_addf(argv, "-DMH_ON_FLAGS=%s",
				     layer_on_flags(&sandwich->layers[i]));
}

static void add_tokens(const struct compose *compose, const char *layer,
		       const char *next, struct strings *argv)
{
	strings_addf(argv, "-DMH_IDENT=%s",
		     model_string(compose->model, "IDENT"));
	strings_addf(argv, "-DMH_EVENT=%s",
		     model_string(compose->model, "EVENT_IDENT"));
	if (compose->sandwich->inside)
		strings_addf(argv, "-DMH_INSIDE=\"%s\"",
			     compose->sandwich->inside);
	if (!sandwich_attends(compose->sandwich))
		strings_add(argv, "-DMH_ATTENDS=0");
	if (layer)
		strings_addf(argv, "-DMH_LAYER=%s", layer);
	if (layer)
		add_switch(compose->sandwich, layer, argv);
	if (next)
		strings_addf(argv, "-DMH_NEXT=%s", next);
}

static void add_kind(const struct compose *compose, enum kind kind,
		     struct strings *argv)
{
	int in_unit = kind == KIND_STACK || kind == KIND_CLIENT;

	if (kind != KIND_CLIENT)
		strings_add(argv, "-fvisibility=hidden");
	strings_add(argv, in_unit && compose->use_lto ? "-flto" : "-fno-lto");
	if (kind == KIND_PROBE) {
		strings_add(argv, "-O0");
		strings_add(argv, "-g0");
		strings_add(argv, "-w");	/* said by the real compile */
		strings_add(argv, "-U_FORTIFY_SOURCE");
	}
	if (kind == KIND_FACADE)
		strings_add(argv, "-fexceptions");
	if (kind == KIND_RUNTIME) {
		strings_add(argv, "-ffreestanding");
		/* clang takes -ffreestanding for the whole wish */
		if (!compose->compiler->is_clang)
			strings_add(argv, "-fno-tree-loop-distribute-patterns");
	}
}

/* All that the runtime may know of a configuration, so that it can be made once
 * for many: the Makefile's flags-runtime has the same. */
static void add_method(const struct compose *compose, struct strings *argv)
{
	if (model_bool(compose->model, "METHOD_WRAP") ||
	    model_bool(compose->model, "METHOD_REPLACE"))
		strings_add(argv, "-DMH_MAY_BE_STATIC");
}

static void add_c_flags(const struct compose *compose, enum kind kind,
			const char *layer, const char *next,
			struct strings *argv)
{
	add_code_flags(compose, argv);
	add_flags(argv, builtin_flags, ARRAY_SIZE(builtin_flags));
	add_kind(compose, kind, argv);
	if (kind == KIND_RUNTIME) {
		add_method(compose, argv);
		return;
	}
	strings_add(argv, "-include");
	strings_addf(argv, "%s/%sconfig.h", compose->work, compose->prefix);
	add_tokens(compose, layer, next, argv);
}

/* Starts the compilation of @source into @object, a name in the work folder. */
static void compile(struct compose *compose, enum kind kind,
		    const char *source, const char *object,
		    const char *layer, const char *next)
{
	struct strings argv = { 0 };
	char *path = compose_path(compose, object);
	char *what;

	strings_add_all(&argv, &compose->compiler->cc);
	if (kind != KIND_CLIENT && kind != KIND_THUNK)
		strings_add(&argv, "-std=gnu11");
	strings_add_all(&argv, &compose->compiler->cflags);
	/* The same sources make the same object, whatever mkdtemp() chose. */
	if (!compose->keep_work)
		strings_addf(&argv, "-ffile-prefix-map=%s=.", compose->work);
	if (kind != KIND_THUNK)
		add_c_flags(compose, kind, layer, next, &argv);
	add_folders(compose, kind, &argv);
	if (compose->want_deps && kind != KIND_PROBE) {
		strings_add(&argv, "-MMD");
		strings_add(&argv, "-MF");
		strings_addf(&argv, "%s.d", path);
		strings_addf(&compose->deps, "%s.d", path);
	}
	strings_add(&argv, "-c");
	strings_add(&argv, source);
	strings_add(&argv, "-o");
	strings_add(&argv, path);
	what = layer ? xasprintf("compiling layer %s (%s)", layer, source)
		     : xasprintf("compiling %s", source);
	jobs_start(&compose->jobs, &argv, what);
	free(what);
	free(path);
	strings_free(&argv);
}

static char *object_of(const char *kind, const char *name)
{
	return xasprintf("%s-%s.o", kind, name);
}

static const char *next_name(const struct sandwich *sandwich, size_t i)
{
	return is_terminal(sandwich, i) ? NULL : sandwich->layers[i + 1].called;
}

int compose_probe(struct compose *compose)
{
	struct sandwich *sandwich = compose->sandwich;
	int result;

	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];
		char *object = object_of("probe", layer->name);

		compile(compose, KIND_PROBE, layer->source, object,
			layer->name, next_name(sandwich, i));
		free(object);
	}
	result = jobs_finish(&compose->jobs);
	for (size_t i = 0; !result && i < sandwich->nr; i++) {
		char *object = object_of("probe", sandwich->layers[i].name);
		char *path = compose_path(compose, object);

		result = sandwich_probed(sandwich, compose->model, i, path);
		free(object);
		free(path);
	}
	return result ? result : sandwich_judge(sandwich, compose->model);
}

typedef void generator(const struct sandwich *sandwich,
		       const struct model *model, FILE *out);

static int generate(const struct compose *compose, const char *path,
		    generator *write)
{
	FILE *out = fopen(path, "we");
	int result = 0;

	if (out) {
		write(compose->sandwich, compose->model, out);
		result = ferror(out);
		result |= fclose(out);
	}
	if (!out || result)
		say("cannot write %s: %s", path, strerror(errno));
	return out && !result ? 0 : -1;
}

static void generate_entry(const struct sandwich *sandwich,
			   const struct model *model, FILE *out)
{
	(void)model;
	family_write_entry(sandwich->family, out);
}

static void generate_terminal(const struct sandwich *sandwich,
			      const struct model *model, FILE *out)
{
	(void)model;
	family_write_terminal(sandwich->family, out);
}

static void generate_facades(const struct sandwich *sandwich,
			     const struct model *model, FILE *out)
{
	(void)model;
	family_write_facades(sandwich->family, out);
}

int compose_begin(struct compose *compose, const struct model *model,
		  struct sandwich *sandwich, const char *prefix)
{
	struct layer *terminal;
	char *entry;
	int result;

	compose->model = model;
	compose->sandwich = sandwich;
	compose->prefix = prefix;
	result = write_config(compose);
	if (result || !sandwich->family || !sandwich->nr)
		return result;
	terminal = &sandwich->layers[sandwich->nr - 1];
	terminal->source = compose_path(compose, "terminal.c");
	entry = compose_path(compose, "entry.c");
	result = generate(compose, terminal->source, generate_terminal);
	result |= generate(compose, entry, generate_entry);
	free(entry);
	return result;
}

static const struct layer *find_layer(const struct sandwich *sandwich,
				      const char *builtin, const char **next)
{
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];

		if (!layer->builtin || !streq(layer->builtin, builtin))
			continue;
		*next = next_name(sandwich, i);
		return layer;
	}
	return NULL;
}

/* Starts one compilation and lists its object. */
static void add_object(struct compose *compose, struct strings *objects,
		       enum kind kind, const char *source, const char *object,
		       const char *layer, const char *next)
{
	char *path = compose_path(compose, object);

	compile(compose, kind, source, object, layer, next);
	strings_add(objects, path);
	free(path);
}

static void add_entry(struct compose *compose, struct strings *objects,
		      const char *file)
{
	char *source = compose->sandwich->family ?
		compose_path(compose, "entry.c") :
		xasprintf("%s/hooks/%s.c", compose->source_dir, file);
	char *object = object_of("stack", file);

	add_object(compose, objects, KIND_STACK, source, object, "entry",
		   compose->sandwich->layers[0].called);
	free(source);
	free(object);
}

static void add_client_sources(struct compose *compose,
			       struct strings *objects)
{
	struct strings sources = { 0 };

	strings_split(&sources, model_string(compose->model, "CLIENT_SOURCES"),
		      ',');
	for (size_t i = 0; i < sources.nr; i++) {
		char *object = xasprintf("client-%zu.o", i);

		add_object(compose, objects, KIND_CLIENT, sources.item[i],
			   object, NULL, NULL);
		free(object);
	}
	strings_free(&sources);
}

/* Everything that belongs into the unit. */
static int compile_stack(struct compose *compose, struct strings *objects)
{
	const struct sandwich *sandwich = compose->sandwich;
	char *tables = compose_path(compose, "tables.c");

	if (generate(compose, tables, sandwich_generate)) {
		free(tables);
		return -1;
	}
	add_entry(compose, objects, "entry");
	if (model_bool(compose->model, "SYM_CXX"))
		add_entry(compose, objects, "entry-cxx");
	for (size_t i = 0; i < sandwich->nr; i++) {
		const struct layer *layer = &sandwich->layers[i];
		char *object = object_of("layer", layer->name);

		add_object(compose, objects, KIND_STACK, layer->source, object,
			   layer->name, next_name(sandwich, i));
		free(object);
	}
	add_object(compose, objects, KIND_STACK, tables, "tables.o", NULL,
		   NULL);
	add_client_sources(compose, objects);
	free(tables);
	return 0;
}

/* Empty handlers stay outside the unit: gcc would inline the weak bodies, and
 * no client could replace them any more. */
static void compile_absent(struct compose *compose, struct strings *objects)
{
	const char *next = NULL;
	const struct layer *event = find_layer(compose->sandwich, "HOOK_EVENT",
					       &next);
	char *source;

	if (!event)
		return;
	source = xasprintf("%s/hooks/event-absent.c", compose->source_dir);
	add_object(compose, objects, KIND_ABSENT, source, "absent.o",
		   event->name, next);
	free(source);
}

/* Method replace: what calls within the defining object go through. */
static int compile_thunks(struct compose *compose, struct strings *objects)
{
	char *source;
	int result;

	if (!model_bool(compose->model, "METHOD_REPLACE"))
		return 0;
	source = compose_path(compose, "thunks.S");
	result = generate(compose, source, sandwich_generate_thunks);
	if (!result)
		add_object(compose, objects, KIND_THUNK, source, "thunks.o", NULL,
			   NULL);
	free(source);
	return result;
}

/* By which other processes find the stack's table. */
static int compile_note(struct compose *compose, struct strings *objects)
{
	char *source = compose_path(compose, "note.S");
	int result = generate(compose, source, sandwich_generate_note);

	if (!result)
		add_object(compose, objects, KIND_THUNK, source, "note.o", NULL,
			   NULL);
	free(source);
	return result;
}

static void compile_runtime_source(struct compose *compose, const char *path,
				   struct strings *objects)
{
	char *source = xasprintf("%s/%s", compose->source_dir, path);
	char *name = xstrdup(base_name(source));
	char *object;

	name[strlen(name) - 2] = '\0';
	object = object_of("runtime", name);
	add_object(compose, objects, KIND_RUNTIME, source, object, NULL, NULL);
	free(source);
	free(name);
	free(object);
}

/* @contained: what goes together with libconfig */
static void compile_runtime(struct compose *compose, struct strings *objects,
			    struct strings *contained)
{
	struct strings sources = { 0 };

	compose_libconfig_sources(compose, &sources);
	for (size_t i = 0; i < ARRAY_SIZE(runtime_sources); i++)
		compile_runtime_source(compose, runtime_sources[i], objects);
	for (size_t i = 0; i < sources.nr; i++)
		compile_runtime_source(compose, sources.item[i], contained);
	strings_free(&sources);
}

/* Joins objects into one; what they have of LTO becomes machine code. */
static int join(struct compose *compose, const struct strings *objects,
		const char *out, int lto)
{
	const struct compiler *compiler = compose->compiler;
	struct strings argv = { 0 };
	char *what = xasprintf("linking %s", base_name(out));

	strings_add_all(&argv, &compiler->cc);
	strings_add_all(&argv, &compiler->cflags);
	add_code_flags(compose, &argv);
	strings_add(&argv, lto ? "-flto" : "-fno-lto");
	if (lto && compiler->is_clang) {
		strings_add(&argv, "-fuse-ld=lld");
		/* what the compiles were told lld has not heard */
		strings_add(&argv, "-Wl,-mllvm,-vectorize-slp=false");
	}
	if (lto && !compiler->is_clang) {
		strings_add(&argv, "-flinker-output=nolto-rel");
		/* all in one: nothing is kept from being inlined */
		strings_add(&argv, "-flto-partition=one");
	}
	if (compiler->is_clang)
		strings_add(&argv, "-Wno-unused-command-line-argument");
	strings_add(&argv, "-r");
	strings_add(&argv, "-nostdlib");
	strings_add_all(&argv, objects);
	strings_add(&argv, "-o");
	strings_add(&argv, out);
	jobs_start(&compose->jobs, &argv, what);
	free(what);
	strings_free(&argv);
	return jobs_finish(&compose->jobs);
}

/* @joined -> @stack: everything local but what others may name. */
static int localise(struct compose *compose, const char *joined,
		    const char *stack)
{
	char *keep = compose_path(compose, "keep.list");
	struct strings argv = { 0 };
	int result = write_keep_list(compose, joined, keep);

	if (!result) {
		strings_add(&argv, compose->compiler->objcopy);
		strings_addf(&argv, "--keep-global-symbols=%s", keep);
		strings_add(&argv, joined);
		strings_add(&argv, stack);
		jobs_start(&compose->jobs, &argv, "objcopy");
		result = jobs_finish(&compose->jobs);
	}
	strings_free(&argv);
	free(keep);
	return result;
}

static int link_stack(struct compose *compose, struct strings *objects,
		      const struct strings *absent, const char *stack)
{
	char *unit = compose_path(compose, "unit.o");
	char *joined = compose_path(compose, "joined.o");
	int result = 0;

	if (compose->use_lto) {
		result = join(compose, objects, unit, 1);
		strings_free(objects);
		strings_add(objects, unit);
	}
	strings_add_all(objects, absent);
	if (!result)
		result = join(compose, objects, joined, 0);
	if (!result)
		result = localise(compose, joined, stack);
	free(unit);
	free(joined);
	return result;
}

int compose_stack(struct compose *compose, const char *out)
{
	struct strings objects = { 0 }, absent = { 0 };
	int result = compile_stack(compose, &objects);

	if (!result) {
		compile_absent(compose, &absent);
		if (!compose->runtime.nr && !compose->has_runtime)
			compile_runtime(compose, &compose->runtime,
					&compose->contained);
		result = compile_thunks(compose, &absent);
		result |= compile_note(compose, &absent);
		result |= jobs_finish(&compose->jobs);
	}
	if (!result)
		result = link_stack(compose, &objects, &absent, out);
	strings_free(&objects);
	strings_free(&absent);
	return result;
}

int compose_facades(struct compose *compose, const char *out)
{
	struct strings objects = { 0 };
	char *source = compose_path(compose, "facades.c");
	int result = generate(compose, source, generate_facades);

	if (!result) {
		add_object(compose, &objects, KIND_FACADE, source, "facades.o",
			   NULL, NULL);
		if (!compose->runtime.nr && !compose->has_runtime)
			compile_runtime(compose, &compose->runtime,
					&compose->contained);
		result = compile_thunks(compose, &objects);
		result |= jobs_finish(&compose->jobs);
	}
	if (!result)
		result = join(compose, &objects, out, 0);
	strings_free(&objects);
	free(source);
	return result;
}

/* The objects, for compose_listed(). */
static int write_runtime_list(const struct compose *compose)
{
	char *path = xasprintf("%s/runtime.list", compose->work);
	struct strings names = { 0 };
	int result;

	for (size_t i = 0; i < compose->runtime.nr; i++)
		strings_add(&names, base_name(compose->runtime.item[i]));
	result = write_list(&names, path);
	strings_free(&names);
	free(path);
	return result;
}

int compose_listed(struct compose *compose, const char *path)
{
	int folder = (int)(base_name(path) - path);
	char *text = read_file(path, NULL);
	struct strings names = { 0 };

	if (!text) {
		say("cannot read %s (--runtime): %s", path, strerror(errno));
		return -1;
	}
	strings_split(&names, text, '\n');
	for (size_t i = 0; i < names.nr; i++)
		strings_addf(&compose->runtime, "%.*s%s", folder, path,
			     names.item[i]);
	strings_free(&names);
	free(text);
	return 0;
}

int compose_runtime(struct compose *compose, const char *out)
{
	int result = 0;

	if (!compose->runtime.nr) {
		compile_runtime(compose, &compose->runtime,
				&compose->contained);
		result = jobs_finish(&compose->jobs);
	}
	if (!result)
		result = compose_libconfig(compose, &compose->contained,
					   &compose->runtime);
	if (!result && compose->keep_work)
		result = write_runtime_list(compose);
	if (!result && out)
		result = join(compose, &compose->runtime, out, 0);
	return result;
}

int compose_finish(struct compose *compose, const struct strings *stacks,
		   const char *runtime, const char *out)
{
	struct strings all = { 0 };
	int result = 0;

	if (!compose->has_runtime)
		result = compose_runtime(compose, runtime);
	strings_add_all(&all, stacks);
	if (!compose->runtime.nr)
		strings_add(&all, runtime);
	else if (!result)
		result = needed_of(&compose->runtime, stacks, &all);
	if (!result)
		result = join(compose, &all, out, 0);
	strings_free(&all);
	return result;
}
