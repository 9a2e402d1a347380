// SPDX-License-Identifier: MIT
/*
 * conf_main - a program that is there; it starts what its words say
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	void *volatile ptr = malloc(50);

	if (!ptr)
		return 3;
	free(ptr);
	printf("secure=%d\n", getauxval(AT_SECURE) != 0);
	fflush(stdout);
	if (argc > 1)
		execv(argv[1], argv + 1);
	return argc > 1;
}
