/* SPDX-License-Identifier: MIT */
/*
 * rewrite-machine.h - what the rewriter must know of a machine's code
 */
#ifndef MALLOCHOOKS_REWRITE_MACHINE_H
#define MALLOCHOOKS_REWRITE_MACHINE_H

#include "elfedit.h"

/* What a relocation, or an instruction without one, wants of its target. */
enum ref {
	REF_BRANCH,	/* goes there: the compiler may know what it does */
	REF_ADDRESS,	/* where it is */
	REF_FAR,	/* in 64 bits of code: where it is, or to go there */
	REF_SLOT,	/* a slot of the GOT that holds where it is */
	REF_DISTANCE,	/* how far from somewhere: the addend says nothing */
	REF_OTHER,	/* its size, or what we do not know */
};

/**
 * struct place - an instruction that names its target without a relocation
 * @at:		the field to be relocated, an offset in the section
 * @to:		the target, an offset in the section; may be negative
 * @ref:	REF_BRANCH or REF_ADDRESS
 * @is_call:	a branch that comes back
 * @is_short:	a jump of two bytes, which needs a bridge
 * @type:	relocation for it, or for the bridge
 * @addend:	for that relocation
 * @keep:	bits of the four bytes at @at that are not the field
 */
struct place {
	size_t at;
	int64_t to;
	enum ref ref;
	int is_call;
	int is_short;
	Elf64_Word type;
	Elf64_Sxword addend;
	uint32_t keep;
};

/**
 * struct code - a section of code to be looked through
 * @code:	@bytes of it
 * @mark:	MARK_* of each byte, and of the end
 * @targets:	@nr_targets places that are looked for
 */
struct code {
	unsigned char *code;
	size_t bytes;
	unsigned char *mark;
	size_t *targets;
	size_t nr_targets;
};

enum {
	MARK_RELOCATED = 1,	/* a relocation changes it */
	MARK_START = 2,		/* a function begins */
	MARK_INSIDE = 4,	/* of a function of known size */
	MARK_CODE = 8,		/* what follows is code ($x) */
	MARK_DATA = 16,		/* what follows is data ($d) */
	MARK_TARGET = 32,	/* one of the places that are looked for */
};

/**
 * struct machine - how to read one machine's code and relocations
 * @reference:	what @rela, of section @in, wants of its symbol; at this
 *		distance from it in *@offset
 * @sweep:	visits all places of a section of code that name one of the
 *		targets, and maybe others
 * @bridge:	makes a long jump, to be relocated at *@field, where a short
 *		jump at @place can reach it; 0 when there is no room
 */
struct machine {
	Elf64_Half number;
	enum ref (*reference)(const struct elf_section *in,
			      const Elf64_Rela *rela, int64_t *offset);
	void (*sweep)(const struct code *code,
		      void (*visit)(const struct place *place, void *arg),
		      void *arg);
	int (*bridge)(const struct code *code, const struct place *place,
		      size_t *field);
};

extern const struct machine machine_x86_64, machine_aarch64;

/**
 * x86_length() - length of an x86_64 instruction
 * @code:	@bytes from its beginning
 * @field:	set to where its displacement from the program counter lies, 0
 *		when it has none
 *
 * Return: 0 when it is unknown, or cut off.
 * Source: Intel SDM volume 2, appendix A (opcode maps) and 2.1 to 2.7 (format).
 */
size_t x86_length(const unsigned char *code, size_t bytes, size_t *field);

#endif
