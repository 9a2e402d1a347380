// SPDX-License-Identifier: MIT
/* main - an executable around check(), which may live in a shared object */
#include "matrix.h"

int main(int argc, char **argv)
{
	return check(argc, argv) ? 1 : 42;
}
