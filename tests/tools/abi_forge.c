// SPDX-License-Identifier: MIT
/*
 * abi_forge - a process with tables of another age: abi_forge KIND; it says "here"
 * and sleeps until its stdin ends; then it says what has been written to it
 */
#include <stdio.h>
#include <unistd.h>
#include "abi_forge.h"

struct forged forged;

static void change(const char *kind)
{
	if (!strcmp(kind, "newer-size"))	/* more behind what we know */
		forged.table.size += 64;
	else if (!strcmp(kind, "newer-version"))
		forged.table.version++;
	else if (!strcmp(kind, "older-version"))
		forged.table.version--;
	else if (!strcmp(kind, "older-size"))	/* ends before the copies */
		forged.table.size = offsetof(struct mallochooks_table, copy);
	else if (!strcmp(kind, "newer-unit"))
		forged.unit.abi++;
	else if (!strcmp(kind, "older-unit"))	/* without a core */
		forged.unit.size = offsetof(struct mallochooks_unit, core);
	else if (!strcmp(kind, "older-option"))	/* before choices were there */
		forged.option[0].size = 0;
	else if (!strcmp(kind, "older-layer"))
		forged.layer[0].size = forged.layer[1].size = 8;
	else if (!strcmp(kind, "not-started"))
		forged.table.self = 0;
	else if (!strcmp(kind, "no-magic"))
		forged.table.magic = 0;
	else if (!strcmp(kind, "moved"))
		forged.table.self += 8;
	else if (!strcmp(kind, "wild"))
		forged.table.unit = 0x123456789;
	else if (!strcmp(kind, "deaf"))
		forged.table.flags = 0;
	else if (!strcmp(kind, "new-type"))
		forged.option[0].type = 99;
	else if (!strcmp(kind, "unknown-unit"))
		forged.stack.table = NULL;
}

int main(int argc, char **argv)
{
	const struct mallochooks_values *values;
	char c;

	forge();
	change(argc > 1 ? argv[1] : "");
	puts("here");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	values = &forged.table.copy[forged.table.flip & 1];
	printf("flip=%d bell=%d level=%lld\n", forged.table.flip, forged.bell,
	       (long long)values->value[0]);
	return 0;
}
