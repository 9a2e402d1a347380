// SPDX-License-Identifier: MIT
/*
 * object.c - fuzz target: one object, rewritten
 */
#include <stdlib.h>

#include "fuzz.h"

void mutate_file(struct edit *edit)
{
	mutate_elf(edit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct rewrite_options options;
	size_t new_bytes;

	if (!bytes)
		return 0;
	choose_options(&options, data[bytes - 1]);
	free(check_object(&options, "f.o", data, bytes - 1, &new_bytes));
	strings_free(&options.symbols);
	return 0;
}
