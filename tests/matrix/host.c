// SPDX-License-Identifier: MIT
/* host - a program that loads its plug-in late, and runs check() there */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	void *plugin, *ptr = malloc(1);
	int (*check)(int argc, char **argv);

	free(ptr);		/* with which malloc is decided before the plug-in comes */
	plugin = dlopen("./libprog.so", RTLD_NOW | RTLD_LOCAL);
	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	check = (int (*)(int, char **))dlsym(plugin, "check");
	return check && !check(argc, argv) ? 42 : 1;
}
