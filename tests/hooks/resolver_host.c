// SPDX-License-Identifier: MIT
/*
 * resolver_host - opens the checker: resolver_host {open|space} FILE
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int (*check)(int is_last);
	void *handle;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "space"))
		handle = dlmopen(LM_ID_NEWLM, argv[2], RTLD_NOW);
	else
		handle = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	check = (int (*)(int))dlsym(handle, "resolver_check");
	return check ? check(!strcmp(argv[1], "open")) != 0 : 2;
}
