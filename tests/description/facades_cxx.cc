// SPDX-License-Identifier: MIT
/*
 * facades_cxx - a facade that throws, and who catches that
 */
#include <cstdlib>

#include "facades.h"

void *xthrow(size_t size)
{
	free(malloc(size));
	throw 1;
}

extern "C" int catches(void *(*facade)(size_t));

int catches(void *(*facade)(size_t))
{
	try {
		facade(100);
	} catch (int) {
		return 1;
	}
	return 0;
}
