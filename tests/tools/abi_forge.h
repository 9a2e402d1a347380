/* SPDX-License-Identifier: MIT */
/*
 * abi_forge.h - a stack that is none: tables made by hand, as a library of some
 * other age might have them
 */
#ifndef ABI_FORGE_H
#define ABI_FORGE_H

#include <stdlib.h>
#include <string.h>
#include <mallochooks/mallochooks.h>

/* Each is larger than what we know, for what a later release may append. */
struct forged {
	struct mallochooks_table table;
	unsigned char more1[64];
	struct mallochooks_unit unit;
	unsigned char more2[64];
	const struct mallochooks_stack *stacks[2];
	struct mallochooks_stack stack;
	unsigned char more3[64];
	struct mallochooks_layer layer[2];
	struct mallochooks_option option[4];
	struct mallochooks_layer core;
	struct mallochooks_option core_option[2];
	char text[32];
	unsigned char bell;
};

extern struct forged forged;

/* The note, whose distance the linker works out. */
#ifdef FORGE_OLD_NOTE
#define FORGED_NOTE_BYTES	"64"
#define FORGED_DISTANCE		""
#else
#define FORGED_NOTE_BYTES	"72"
#define FORGED_DISTANCE		"2:\t.quad forged - 2b\n"
#endif
__asm__(".pushsection .note.mallochooks,\"a\",%note\n"
	"\t.balign 4\n"
	"\t.long 12, " FORGED_NOTE_BYTES ", 1\n"
	"\t.asciz \"mallochooks\"\n"
	"\t.long 1\n"
	"1:\t.ascii \"forged\"\n"
	"\t.zero 60 - (. - 1b)\n"
	FORGED_DISTANCE
	".popsection\n");

static void forge_option(struct mallochooks_option *option, const char *name,
			 uint16_t type, uint8_t flags, uint32_t slot)
{
	*option = (struct mallochooks_option){
		.size = sizeof(*option), .type = type, .flags = flags,
		.name = name, .unit = "", .help = "something", .max = 9,
		.builtin = 3, .num = 3, .choices = "a|b|c", .slot = slot,
	};
}

static void forge_table(struct mallochooks_table *table)
{
	*table = (struct mallochooks_table){
		.magic = MALLOCHOOKS_TABLE_MAGIC,
		.version = MALLOCHOOKS_TABLE_VERSION,
		.size = sizeof(*table), .self = (uintptr_t)table,
		.unit = (uintptr_t)&forged.unit,
		.stack = (uintptr_t)&forged.stack,
		.bell = (uintptr_t)&forged.bell, .nr = 2,
		.flags = MALLOCHOOKS_ATTENDS, .seen = 1, .force = { 4, 1 },
		.copy[0] = { .serial = 1, .nr = 2, .value = { 4, 1 } },
	};
	table->copy[0].checksum = mallochooks_checksum(&table->copy[0]);
}

/* One stack "forged": core, a layer "thing", a terminal. */
static void forge(void)
{
	memset(&forged, 0, sizeof(forged));
	forge_table(&forged.table);
	forge_option(&forged.core_option[0], "record", MALLOCHOOKS_BOOL,
		     MALLOCHOOKS_LIVE, 2);
	forge_option(&forged.option[0], "level", MALLOCHOOKS_INT,
		     MALLOCHOOKS_LIVE, 1);
	forge_option(&forged.option[1], "kind", MALLOCHOOKS_ENUM, 0, 0);
	forged.option[1].num = 2;
	forge_option(&forged.option[2], "text", MALLOCHOOKS_STRING, 0, 0);
	forged.option[2].str = forged.text;
	forged.option[2].str_bytes = sizeof(forged.text);
	strcpy(forged.text, "some text");
	forged.core = (struct mallochooks_layer){
		.size = sizeof(forged.core), .name = "core",
		.options = forged.core_option,
	};
	forged.layer[0] = (struct mallochooks_layer){
		.size = sizeof(forged.core), .name = "thing",
		.options = forged.option,
	};
	forged.layer[1] = (struct mallochooks_layer){
		.size = sizeof(forged.core), .name = "terminal",
	};
	forged.stack = (struct mallochooks_stack){
		.size = sizeof(forged.stack), .nr_layers = 2, .ident = "forged",
		.layers = forged.layer, .table = &forged.table,
	};
	forged.stacks[0] = &forged.stack;
	forged.unit = (struct mallochooks_unit){
		.magic = MALLOCHOOKS_MAGIC, .abi = MALLOCHOOKS_ABI,
		.size = sizeof(forged.unit), .version = "9.9",
		.stacks = forged.stacks, .stacks_end = forged.stacks + 1,
		.core = &forged.core,
	};
}

#endif
