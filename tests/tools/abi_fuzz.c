// SPDX-License-Identifier: MIT
/*
 * abi_fuzz - tables with bytes changed, read by the code of "mallochooks get" that
 * is compiled with sanitizers: abi_fuzz SEED TURNS
 *
 * The process that is read is this one itself, so that what stands in the tables
 * leads to real memory, too.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "abi_forge.h"
#include "target.h"
#include "tools.h"

struct forged forged;

static uint64_t state;

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Values that a reader might not have thought of. */
static uint64_t interesting(void)
{
	static const uint64_t words[] = {
		0, 1, 2, 7, 8, 63, 64, 255, 0x7fffffff, 0x80000000, 0xffffffff,
		1ull << 47, 1ull << 63, ~0ull,
	};

	switch (any() % 4) {
	case 0:
		return words[any() % ARRAY_SIZE(words)];
	case 1:	/* somewhere among the tables */
		return (uintptr_t)&forged + any() % sizeof(forged);
	default:
		return any() >> any() % 64;
	}
}

static void mutate(void)
{
	unsigned char *bytes = (unsigned char *)&forged;
	uint64_t nr = any() % 4 + 1, word;

	while (nr--) {
		size_t width = (size_t)1 << any() % 4;
		size_t at = any() % (sizeof(forged) - 8) & ~(width - 1);

		word = interesting();
		memcpy(bytes + at, &word, width);
	}
	/* what would end it all too soon */
	if (any() % 8) {
		forged.table.magic = MALLOCHOOKS_TABLE_MAGIC;
		forged.table.self = (uintptr_t)&forged.table;
		forged.table.unit = (uintptr_t)&forged.unit;
		forged.unit.magic = MALLOCHOOKS_MAGIC;
		forged.unit.abi = MALLOCHOOKS_ABI;
	}
}

int main(int argc, char **argv)
{
	char pid[16], *get[] = { "get", pid, NULL };
	char *one[] = { "get", pid, "thing.level", NULL };
	char *set[] = { "set", pid, "thing.level=5", NULL };
	int turns = argc > 2 ? atoi(argv[2]) : 1, shown = 0;

	state = argc > 1 ? strtoull(argv[1], NULL, 10) * 2 + 1 : 1;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (!freopen("/dev/null", "w", stdout))
		return 2;
	for (int i = 0; i < turns; i++) {
		forge();
		mutate();
		shown += !cmd_get(2, get);
		forge();
		mutate();
		cmd_get(3, one);
		/* It writes where the table says, which must be right for that. */
		forge();
		forged.option[any() % 3].type = (uint16_t)interesting();
		forged.table.copy[0].value[0] = (int64_t)interesting();
		forged.table.flip = (uint8_t)any();
		forged.table.nr = (uint32_t)interesting();
		cmd_set(3, set);
	}
	fprintf(stderr, "all well: %d of %d shown\n", shown, turns);
	return shown == 0;
}
