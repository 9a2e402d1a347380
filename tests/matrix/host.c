// SPDX-License-Identifier: MIT
/* host - a program that loads its plug-in late, and runs check() there */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	void *plugin, *ptr = malloc(1);
	int (*check)(void);

	free(ptr);		/* with which malloc is decided before the plug-in comes */
	plugin = dlopen("./libprog.so", RTLD_NOW | RTLD_LOCAL);
	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	check = (int (*)(void))dlsym(plugin, "check");
	return check && !check() ? 42 : 1;
}
