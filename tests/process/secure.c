// SPDX-License-Identifier: MIT
/*
 * secure - does the kernel say that this program was given privileges?
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

int main(void)
{
	void *volatile ptr = malloc(50);

	printf("%d\n", getauxval(AT_SECURE) != 0);
	free(ptr);
	return ptr == NULL;
}
