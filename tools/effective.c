// SPDX-License-Identifier: MIT
/*
 * effective.c - a unit's tables in the place of a process
 */
#include <stdlib.h>

#include "effective.h"
#include "tools.h"

/* What would be all stacks of the process. */
static const struct unit *process;

static int each_stack(int (*visit)(const struct mallochooks_unit *unit,
				   const struct mallochooks_stack *stack,
				   void *arg),
		      void *arg)
{
	int result = 0;

	for (size_t i = 0; !result && i < process->nr; i++)
		result = visit(&process->unit, &process->stacks[i], arg);
	return result;
}

static struct mh_options start(const struct unit *unit, size_t i,
			       const struct effective *how)
{
	process = unit;
	return (struct mh_options){
		.stack = &unit->stacks[i],
		.core = unit->unit.core,
		.each = each_stack,
		.program = { how->program[0], how->program[1] },
		.secure = how->secure,
		.mistake = how->mistake,
		.instead_of = how->instead_of,
		.instead = how->instead,
	};
}

void effective_load(struct unit *unit, const struct effective *how,
		    char *const *envp)
{
	for (size_t i = 0; i < unit->nr; i++) {
		struct mh_options options = start(unit, i, how);

		mh_options_load(&options, envp);
	}
}

void effective_file(struct unit *unit, const struct effective *how,
		    const char *path)
{
	for (size_t i = 0; i < unit->nr; i++) {
		struct mh_options options = start(unit, i, how);

		options.all = 1;
		mh_options_from_file(&options, path, MALLOCHOOKS_NAMED_FILE);
	}
}

void effective_words(struct unit *unit, const struct effective *how,
		     const char *words)
{
	char *variable = xasprintf("MALLOCHOOKS=%s", words);
	char *const envp[] = { variable, NULL };

	for (size_t i = 0; i < unit->nr; i++) {
		struct mh_options options = start(unit, i, how);

		mh_options_from_environment(&options, envp);
	}
	free(variable);
}
