/* SPDX-License-Identifier: MIT */
/* Something for gcc to compile: the primes below a million, by a sieve. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	const size_t limit = 1000000;
	unsigned char *composite = calloc(limit, 1);
	size_t nr = 0, i, k;

	if (!composite)
		return 1;
	for (i = 2; i < limit; i++) {
		if (composite[i])
			continue;
		nr++;
		for (k = i * i; k < limit; k += i)
			composite[k] = 1;
	}
	printf("%zu primes below %zu\n", nr, limit);
	free(composite);
	return 0;
}
