// SPDX-License-Identifier: MIT
/*
 * libconfig.c - files of options for a stack: libconfig, contained
 *
 * What is done to it and why stands in config/contain.h and config/file.c.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "compose.h"

/* Found as the compiler finds a library; to be freed, or NULL. */
static char *find_archive(const struct compiler *compiler)
{
	struct strings argv = { 0 };
	char *path;

	strings_add_all(&argv, &compiler->cc);
	strings_add_all(&argv, &compiler->cflags);
	strings_add(&argv, "-print-file-name=libconfig.a");
	path = capture(argv.item);
	strings_free(&argv);
	if (path)
		path[strcspn(path, "\n")] = '\0';
	if (path && strchr(path, '/') && is_file(path))
		return path;
	free(path);
	return NULL;
}

void compose_libconfig_sources(struct compose *compose,
			       struct strings *sources)
{
	compose->libconfig = find_archive(compose->compiler);
	if (!compose->libconfig) {
		say("no libconfig.a for this compiler (Debian: apt-get install "
		    "libconfig-dev): the stack takes options from MALLOCHOOKS "
		    "only, not from files");
		strings_add(sources, "config/nofile.c");
		return;
	}
	strings_add(sources, "config/file.c");
	strings_add(sources, "config/contain.c");
}

/* The script and the list are inputs too, which no compiler tells. */
static void add_dependencies(struct compose *compose, const char *script)
{
	char *path = xasprintf("%s/libconfig.d", compose->work);
	FILE *out = fopen(path, "we");

	if (out) {
		fprintf(out, "libconfig.o: %s %s/config/libconfig.syms %s\n",
			script, compose->source_dir, compose->libconfig);
		fclose(out);
		strings_add(&compose->deps, path);
	}
	free(path);
}

int compose_libconfig(struct compose *compose, const struct strings *contained,
		      struct strings *objects)
{
	char *script = xasprintf("%s/config/libconfig-object",
				 compose->source_dir);
	char *out = xasprintf("%s/libconfig.o", compose->work);
	struct strings argv = { 0 };

	if (!compose->libconfig) {
		strings_add_all(objects, contained);
		free(script);
		free(out);
		return 0;
	}
	strings_add(&argv, "sh");
	strings_add(&argv, script);
	strings_add(&argv, out);
	strings_add(&argv, compose->libconfig);
	strings_add(&argv, compose->compiler->objcopy);
	strings_add_all(&argv, contained);
	strings_add_all(&argv, &compose->compiler->cc);
	strings_add_all(&argv, &compose->compiler->cflags);
	jobs_start(&compose->jobs, &argv, "containing libconfig");
	if (compose->want_deps)
		add_dependencies(compose, script);
	strings_add(objects, out);
	strings_free(&argv);
	free(script);
	free(out);
	return jobs_finish(&compose->jobs);
}
