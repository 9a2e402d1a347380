// SPDX-License-Identifier: MIT
/*
 * plugin.c - the words come from a plug-in
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "words.h"

static char *(*make)(unsigned int seed, size_t nr);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	void *plugin = dlopen(PLUGIN_DIR "/words.so", RTLD_NOW | RTLD_LOCAL);

	if (plugin)
		make = (char *(*)(unsigned int, size_t))
			dlsym(plugin, "words_make");
	if (make)
		return;
	fprintf(stderr, "wordsum: %s\n", dlerror());
	exit(1);
}

char *words_make(unsigned int seed, size_t nr)
{
	pthread_once(&once, load);
	return make(seed, nr);
}
