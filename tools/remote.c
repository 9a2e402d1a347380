// SPDX-License-Identifier: MIT
/*
 * remote - the tables that a unit's descriptor leads to, read from outside
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "remote.h"
#include "tools.h"

#define MOST_UNITS	64
#define MOST_STACKS	64
#define MOST_LAYERS	256
#define MOST_BYTES	4096u	/* of an element of a table */
#define SLICE		65536u	/* a multiple of a page */
#define MOST_SEARCHED	((uint64_t)1 << 31)	/* of a file */

struct remote {
	const struct memory *memory;
	void (*visit)(const struct remote_layer *layer, void *arg);
	void *arg;
	uint64_t stacks[MOST_UNITS];	/* by which a unit is known again */
	size_t nr;
	int foreign;		/* a unit of another release */
};

/* As many bytes as the element there says that it has, and this reader knows. */
static int read_sized(const struct memory *memory, uint64_t at, void *to,
		      uint32_t least, uint32_t most)
{
	uint32_t size;

	memset(to, 0, most);
	if (memory_read(memory, at, &size, sizeof(size)) || size < least ||
	    size > MOST_BYTES)
		return -1;
	return memory_read(memory, at, to, size < most ? size : most);
}

static int visit_layer(struct remote *remote, const char *ident, uint64_t at)
{
	struct remote_layer layer = { .ident = ident };
	char *name;

	if (read_sized(remote->memory, at, &layer.layer,
		       offsetof(struct mallochooks_layer, query),
		       sizeof(layer.layer)))
		return -1;
	name = memory_string(remote->memory, (uintptr_t)layer.layer.name);
	if (!name)
		return -1;
	layer.name = name;
	remote->visit(&layer, remote->arg);
	free(name);
	return 0;
}

static int visit_stack(struct remote *remote, uint64_t at)
{
	struct mallochooks_stack stack;
	uint64_t layer;
	char *ident;
	uint32_t size, i;

	if (read_sized(remote->memory, at, &stack, sizeof(stack),
		       sizeof(stack)) || stack.nr_layers > MOST_LAYERS)
		return -1;
	layer = (uintptr_t)stack.layers;
	ident = memory_string(remote->memory, (uintptr_t)stack.ident);
	for (i = 0; ident && i < stack.nr_layers; i++) {
		if (visit_layer(remote, ident, layer) ||
		    memory_read(remote->memory, layer, &size, sizeof(size)))
			break;
		layer += size;
	}
	free(ident);
	return ident && i == stack.nr_layers ? 0 : -1;
}

static int is_known(const struct remote *remote, uint64_t stacks)
{
	for (size_t i = 0; i < remote->nr; i++)
		if (remote->stacks[i] == stacks)
			return 1;
	return remote->nr == MOST_UNITS;
}

static void visit_unit(struct remote *remote, const struct module *module,
		       const struct mallochooks_unit *unit)
{
	uint64_t at = (uintptr_t)unit->stacks, stack;
	const uint64_t end = (uintptr_t)unit->stacks_end;

	/* the same number somewhere else; or the unit's own copy of it */
	if (at % sizeof(stack) || end < at ||
	    end - at > MOST_STACKS * sizeof(stack) || at < module->start ||
	    end > module->end || is_known(remote, at))
		return;
	remote->stacks[remote->nr++] = at;
	for (; at < end; at += sizeof(stack))
		if (memory_read(remote->memory, at, &stack, sizeof(stack)) ||
		    (stack && visit_stack(remote, stack)))
			say("%s: a table of the unit in %s cannot be read",
			    remote->memory->name, module->name);
}

static void look_at(struct remote *remote, const struct module *module,
		    uint64_t at)
{
	struct mallochooks_unit unit;

	if (memory_read(remote->memory, at, &unit,
			offsetof(struct mallochooks_unit, core)) ||
	    unit.reserved || unit.size > MOST_BYTES ||
	    unit.size < offsetof(struct mallochooks_unit, core))
		return;
	if (unit.abi == MALLOCHOOKS_ABI)
		visit_unit(remote, module, &unit);
	else if (!remote->foreign++)
		say("%s: has a unit of another release (ABI %u, this tool reads "
		    "%u): use the tool that came with it",
		    remote->memory->name, unit.abi, MALLOCHOOKS_ABI);
}

static void search(struct remote *remote, const struct module *module)
{
	static uint32_t slice[SLICE / sizeof(uint32_t)];
	uint64_t at = module->start, end = module->file_end, bytes;

	if (end - at > MOST_SEARCHED)
		end = at + MOST_SEARCHED;
	for (; at < end; at += SLICE) {
		bytes = end - at < SLICE ? end - at : SLICE;
		/* with holes: page by page */
		if (memory_read(remote->memory, at, slice, bytes)) {
			memset(slice, 0, sizeof(slice));
			for (uint64_t k = 0; k < bytes; k += 4096)
				memory_read(remote->memory, at + k,
					    (char *)slice + k, 4096);
		}
		for (size_t i = 0; i < bytes / sizeof(slice[0]); i += 2)
			if (slice[i] == MALLOCHOOKS_MAGIC)
				look_at(remote, module,
					at + i * sizeof(slice[0]));
	}
}

int remote_layers(const struct memory *memory,
		  void (*visit)(const struct remote_layer *layer, void *arg),
		  void *arg)
{
	struct remote remote = { .memory = memory, .visit = visit, .arg = arg };

	for (size_t i = 0; i < memory->nr_modules; i++)
		if (memory->module[i].is_unit)
			search(&remote, &memory->module[i]);
	return !remote.nr && remote.foreign ? -1 : (int)remote.nr;
}
