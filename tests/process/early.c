// SPDX-License-Identifier: MIT
/*
 * early - main() looks at what was taken early, and gives it back
 *
 * Prints the totals of the count layer, if there is one, as the number of calls
 * so far.
 */
#include <malloc.h>
#include "early.h"
#include "seen.h"
#include "totals.h"

struct seen seen;
static struct early preinit;

static void before_all(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	(void)envp;
	take(&preinit);
}

__attribute__((section(".preinit_array"), used))
static void (*const at_preinit)(int, char **, char **) = before_all;

/* Each chunk still holds what was written, may grow, and may go. */
static void give_back(struct early *early, const char *where)
{
	int i, j;

	if (!early->chunk[MALLOC]) {
		printf("%s: not run\n", where);
		return;
	}
	MUST(!early->dirty && early->refused);
	MUST(early->usable >= CHUNK_BYTES);
	MUST((uintptr_t)early->chunk[MEMALIGN] % 256 == 0);
	MUST((uintptr_t)early->chunk[POSIX_MEMALIGN] % 128 == 0);
	for (i = 0; i < NR_CHUNKS; i++) {
		MUST(early->chunk[i]);
		MUST((uintptr_t)early->chunk[i] % 16 == 0);
		MUST(malloc_usable_size(early->chunk[i]) >= CHUNK_BYTES);
		for (j = 0; j < CHUNK_BYTES; j++)
			MUST(early->chunk[i][j] == NR_CHUNKS + i);
		early->chunk[i] = realloc(early->chunk[i], 3000);
		MUST(early->chunk[i]);
		for (j = 0; j < CHUNK_BYTES; j++)
			MUST(early->chunk[i][j] == NR_CHUNKS + i);
		free(early->chunk[i]);
	}
	printf("%s: fine\n", where);
}

int main(int argc, char **argv)
{
	unsigned long before = totals_now().calls, allocs = seen.allocs;
	void *volatile ptr = malloc(1);

	if (argc > 1 && !strcmp(argv[1], "seen"))
		MUST(seen.inits == 1 && seen.allocs == allocs + 1);
	free(ptr);
	MUST(early_answer() == 42);
	give_back(early_resolver(), "resolver");
	give_back(early_constructor(), "constructor");
	give_back(&preinit, "preinit_array");
	if (argc > 1 && !strcmp(argv[1], "calls"))
		printf("%lu\n", before);
	return 0;
}
